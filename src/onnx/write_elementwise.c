/* Writing activations, sums, products, scale, softmax. */
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

void ef_onnx_write_softmax(ef_writer *writer)
{
    Onnx__NodeProto *to = ef_writer_add(writer, "Softmax", "");
    ef_writer_sources(writer, to);
    ef_writer_int(writer, to, "axis", (int64_t)writer->node->u.softmax.axis + 1);
}

void ef_onnx_write_div(ef_writer *writer)
{
    ef_writer_sources(writer, ef_writer_add(writer, "Div", ""));
}
