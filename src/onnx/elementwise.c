/* Activations, sums, products, scale. */
#include "onnx/operators.h"

/* Shape of a value per channel that spreads over a tensor of this rank. */
static size_t channel_dims(ef_shape shape, uint32_t dims[4])
{
    dims[0] = 1;
    dims[1] = shape.channels;
    dims[2] = dims[3] = 1;
    return shape.rank;
}

/* --- activations ---------------------------------------------------------------- */

static ef_status read_activation(ef_reader *reader, ef_activation_kind kind, float low,
                                 float high)
{
    ef_node node = ef_node_default(EF_OP_ACTIVATION);
    node.u.activation = (ef_activation){kind, low, high};
    ef_status status = ef_reader_source(reader, 0, &node.inputs[0]);
    node.n_inputs = 1;
    return status ? status : ef_reader_make(reader, &node);
}

ef_status ef_onnx_read_relu(ef_reader *reader)
{
    return read_activation(reader, EF_ACTIVATION_RELU, 0, 0);
}

ef_status ef_onnx_read_sigmoid(ef_reader *reader)
{
    return read_activation(reader, EF_ACTIVATION_SIGMOID, 0, 0);
}

ef_status ef_onnx_read_tanh(ef_reader *reader)
{
    return read_activation(reader, EF_ACTIVATION_TANH, 0, 0);
}

ef_status ef_onnx_read_clip(ef_reader *reader)
{
    float low = 0, high = 0;
    if (reader->node->n_input < 3) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                "it has not both bounds as constants");
    }
    ef_status status = ef_reader_scalar(reader, 1, &low);
    status = status ? status : ef_reader_scalar(reader, 2, &high);
    return status ? status : read_activation(reader, EF_ACTIVATION_CLIP, low, high);
}

ef_status ef_onnx_read_leakyrelu(ef_reader *reader)
{
    float alpha = 0.01f;
    ef_status status = ef_reader_float(reader, "alpha", &alpha);
    return status ? status : read_activation(reader, EF_ACTIVATION_LEAKY, alpha, 0);
}

ef_status ef_onnx_read_prelu(ef_reader *reader)
{
    ef_node node = ef_node_default(EF_OP_ACTIVATION);
    const Onnx__TensorProto *slope = NULL;
    node.u.activation = (ef_activation){EF_ACTIVATION_PRELU, 0, 0};
    ef_status status = ef_reader_source(reader, 0, &node.inputs[0]);
    status = status ? status : ef_reader_parameter(reader, 1, &slope);
    node.n_inputs = 1;
    status = status ? status : ef_reader_make(reader, &node);
    return status ? status : ef_reader_fill(reader, &node, EF_ROLE_SLOPE, slope, 0);
}

ef_status ef_onnx_read_hardsigmoid(ef_reader *reader)
{
    if (ef_reader_is_part(reader, "#gate", "Mul")) {
        return ef_reader_make_part(reader);
    }
    float alpha = 0.2f, beta = 0.5f;
    ef_status status = ef_reader_float(reader, "alpha", &alpha);
    status = status ? status : ef_reader_float(reader, "beta", &beta);
    return status ? status
                  : read_activation(reader, EF_ACTIVATION_HARDSIGMOID, alpha, beta);
}

static void write_bounds(ef_writer *writer, Onnx__NodeProto *to)
{
    const ef_activation *activation = &writer->node->u.activation;
    ef_writer_floats(writer, to, "low", &activation->low, NULL, 0);
    ef_writer_floats(writer, to, "high", &activation->high, NULL, 0);
}

static void write_slopes(ef_writer *writer, Onnx__NodeProto *to)
{
    uint32_t dims[4];
    size_t n_dims = channel_dims(writer->out, dims);
    ef_writer_param(writer, to, EF_ROLE_SLOPE, dims + 1, n_dims - 1);
}

static void write_alpha(ef_writer *writer, Onnx__NodeProto *to)
{
    ef_writer_float(writer, to, "alpha", writer->node->u.activation.low);
}

static void write_alpha_beta(ef_writer *writer, Onnx__NodeProto *to)
{
    ef_writer_float(writer, to, "alpha", writer->node->u.activation.low);
    ef_writer_float(writer, to, "beta", writer->node->u.activation.high);
}

/* HardSwish came with operator set 14; in 13 it is two nodes. */
static void write_hardswish(ef_writer *writer)
{
    Onnx__NodeProto *gate = ef_writer_add(writer, "HardSigmoid", "#gate");
    ef_writer_sources(writer, gate);
    ef_writer_float(writer, gate, "alpha", EF_HARDSWISH_SLOPE);
    ef_writer_float(writer, gate, "beta", EF_HARDSWISH_SHIFT);
    Onnx__NodeProto *product = ef_writer_add(writer, "Mul", "");
    ef_writer_sources(writer, product);
    ef_writer_input(writer, product, ef_writer_output(gate));
}

void ef_onnx_write_activation(ef_writer *writer)
{
    static const struct {
        const char *op_type;
        void (*finish)(ef_writer *writer, Onnx__NodeProto *to);
    } rows[EF_ACTIVATION_COUNT] = {
        [EF_ACTIVATION_RELU] = {"Relu", NULL},
        [EF_ACTIVATION_CLIP] = {"Clip", write_bounds},
        [EF_ACTIVATION_LEAKY] = {"LeakyRelu", write_alpha},
        [EF_ACTIVATION_PRELU] = {"PRelu", write_slopes},
        [EF_ACTIVATION_SIGMOID] = {"Sigmoid", NULL},
        [EF_ACTIVATION_HARDSIGMOID] = {"HardSigmoid", write_alpha_beta},
        [EF_ACTIVATION_TANH] = {"Tanh", NULL},
    };
    uint32_t kind = writer->node->u.activation.kind;
    if (kind == EF_ACTIVATION_HARDSWISH) {
        write_hardswish(writer);
        return;
    }
    Onnx__NodeProto *to = ef_writer_add(writer, rows[kind].op_type, "");
    ef_writer_sources(writer, to);
    if (rows[kind].finish) {
        rows[kind].finish(writer, to);
    }
}

/* --- sums, products, scale -------------------------------------------------------- */

/* All inputs are outputs of nodes. */
static ef_status read_join(ef_reader *reader, ef_op op)
{
    ef_node node = ef_node_default(op);
    ef_status status = EF_OK;
    node.n_inputs = (uint32_t)reader->node->n_input;
    for (uint32_t k = 0; k < node.n_inputs && !status; k++) {
        status = ef_reader_source(reader, k, &node.inputs[k]);
    }
    return status ? status : ef_reader_make(reader, &node);
}

/* The constant among the inputs of a node that has one; NULL where it has none.  *k is
 * the other input. */
static ef_status find_constant(ef_reader *reader, const Onnx__TensorProto **tensor,
                               size_t *k)
{
    *tensor = NULL;
    for (size_t i = 0; i < 2; i++) {
        const ef_value *value = NULL;
        ef_status status = ef_reader_value(reader, i, &value);
        if (status) {
            return status;
        }
        if (value->kind == EF_VALUE_CONSTANT) {
            *tensor = value->tensor;
            *k = 1 - i;
        }
    }
    return EF_OK;
}

/* x * scale, where scale is not NULL, + shift, where that is not. */
static ef_status make_scale(ef_reader *reader, uint32_t source,
                            const Onnx__TensorProto *scale,
                            const Onnx__TensorProto *shift)
{
    ef_node node = ef_node_default(EF_OP_SCALE);
    node.n_inputs = 1;
    node.inputs[0] = source;
    ef_status status = ef_reader_make(reader, &node);
    if (!status && scale) {
        status = ef_reader_fill(reader, &node, EF_ROLE_SCALE, scale, 0);
    }
    if (!status && shift) {
        status = ef_reader_fill(reader, &node, EF_ROLE_SHIFT, shift, 0);
    }
    return status;
}

/* The constant and the source of the Mul that a scale node begins with. */
static ef_status read_part(ef_reader *reader, const Onnx__NodeProto *part,
                           const Onnx__TensorProto **scale, uint32_t *source)
{
    const Onnx__NodeProto *own = reader->node;
    size_t k = 0;
    reader->node = part;
    ef_status status = find_constant(reader, scale, &k);
    status = status ? status : ef_reader_source(reader, k, source);
    reader->node = own;
    return status;
}

ef_status ef_onnx_read_add(ef_reader *reader)
{
    if (reader->node->n_input == 1) {
        return ef_reader_alias(reader, 0);
    }
    if (reader->node->n_input > 2) {
        return read_join(reader, EF_OP_ADD);
    }
    const Onnx__TensorProto *shift, *scale = NULL;
    uint32_t source = 0;
    size_t k = 0;
    ef_status status = find_constant(reader, &shift, &k);
    if (status || !shift) {
        return status ? status : read_join(reader, EF_OP_ADD);
    }
    const Onnx__NodeProto *part = ef_reader_part(reader, k);
    status = part ? read_part(reader, part, &scale, &source)
                  : ef_reader_source(reader, k, &source);
    return status ? status : make_scale(reader, source, scale, shift);
}

static ef_status read_hardswish(ef_reader *reader)
{
    ef_node node = ef_node_default(EF_OP_ACTIVATION);
    node.u.activation = (ef_activation){EF_ACTIVATION_HARDSWISH, 0, 0};
    ef_status status = ef_reader_source(reader, 0, &node.inputs[0]);
    node.n_inputs = 1;
    return status ? status : ef_reader_make(reader, &node);
}

ef_status ef_onnx_read_mul(ef_reader *reader)
{
    const Onnx__TensorProto *scale;
    uint32_t source = 0;
    size_t k = 0;
    if (ef_reader_is_part(reader, "#mul", "Add")) {
        return ef_reader_make_part(reader);
    }
    if (ef_reader_part(reader, 1)) {
        return read_hardswish(reader);
    }
    ef_status status = find_constant(reader, &scale, &k);
    if (status || !scale) {
        return status ? status : read_join(reader, EF_OP_MUL);
    }
    status = ef_reader_source(reader, k, &source);
    return status ? status : make_scale(reader, source, scale, NULL);
}

void ef_onnx_write_add(ef_writer *writer)
{
    const char *op_type = writer->node->n_inputs > 2 ? "Sum" : "Add";
    ef_writer_sources(writer, ef_writer_add(writer, op_type, ""));
}

void ef_onnx_write_mul(ef_writer *writer)
{
    ef_writer_sources(writer, ef_writer_add(writer, "Mul", ""));
}

void ef_onnx_write_scale(ef_writer *writer)
{
    uint32_t dims[4];
    size_t n_dims = channel_dims(writer->out, dims);
    Onnx__NodeProto *product = ef_writer_add(writer, "Mul", "#mul");
    ef_writer_sources(writer, product);
    ef_writer_param(writer, product, EF_ROLE_SCALE, dims, n_dims);
    Onnx__NodeProto *sum = ef_writer_add(writer, "Add", "");
    ef_writer_input(writer, sum, ef_writer_output(product));
    ef_writer_param(writer, sum, EF_ROLE_SHIFT, dims, n_dims);
}
