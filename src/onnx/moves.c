/* Operations that move elements: concat, pad, slice, transpose, flatten, resize. */
#include "onnx/operators.h"

static ef_status read_single(ef_reader *reader, ef_node *node)
{
    node->n_inputs = 1;
    return ef_reader_source(reader, 0, &node->inputs[0]);
}

ef_status ef_onnx_read_identity(ef_reader *reader)
{
    return ef_reader_alias(reader, 0);
}

ef_status ef_onnx_read_concat(ef_reader *reader)
{
    ef_node node = ef_node_default(EF_OP_CONCAT);
    ef_status status = ef_reader_demand_int(reader, "axis", 1);
    node.n_inputs = (uint32_t)reader->node->n_input;
    if (node.n_inputs == 1) {
        return status ? status : ef_reader_alias(reader, 0);
    }
    for (uint32_t k = 0; k < node.n_inputs && !status; k++) {
        status = ef_reader_source(reader, k, &node.inputs[k]);
    }
    return status ? status : ef_reader_make(reader, &node);
}

void ef_onnx_write_concat(ef_writer *writer)
{
    Onnx__NodeProto *to = ef_writer_add(writer, "Concat", "");
    ef_writer_sources(writer, to);
    ef_writer_int(writer, to, "axis", 1);
}

/* Elements of the constant that is input k; 0 where there is none. */
static ef_status constant_count(ef_reader *reader, size_t k, size_t *n)
{
    const Onnx__TensorProto *tensor = NULL;
    ef_status status = ef_reader_constant(reader, k, &tensor);
    *n = tensor ? ef_reader_count(tensor) : 0;
    return status;
}

static ef_status take_uint32(ef_reader *reader, const char *what, int64_t value,
                             uint32_t *to)
{
    if (value < 0 || value > EF_MAX_ELEMENTS) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED, "its %s is %lld", what,
                                (long long)value);
    }
    *to = (uint32_t)value;
    return EF_OK;
}

ef_status ef_onnx_read_pad(ef_reader *reader)
{
    if (ef_reader_is_part(reader, "#pad", "AveragePool")) {
        return ef_reader_make_part(reader);
    }
    ef_node node = ef_node_default(EF_OP_PAD);
    int64_t pads[8] = {0};
    size_t n = 0;
    ef_status status = read_single(reader, &node);
    status = status ? status : ef_reader_demand_text(reader, "mode", "constant");
    status = status ? status : constant_count(reader, 1, &n);
    if (!status && n != 4 && n != 8) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                "its pads are not 4 or 8 constants");
    }
    status = status ? status : ef_reader_integers(reader, 1, pads, n);
    status = status ? status : ef_reader_scalar(reader, 2, &node.u.pad.value);
    if (!status && (pads[0] != 0 || pads[n / 2] != 0)) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED, "it pads the batch");
    }
    for (size_t i = 1; i < n / 2 && !status; i++) {
        status = take_uint32(reader, "padding", pads[i], &node.u.pad.before[i - 1]);
        status = status ? status
                        : take_uint32(reader, "padding", pads[n / 2 + i],
                                      &node.u.pad.after[i - 1]);
    }
    return status ? status : ef_reader_make(reader, &node);
}

void ef_onnx_write_pad(ef_writer *writer)
{
    const ef_pad *pad = &writer->node->u.pad;
    size_t rank = writer->out.rank;
    int64_t pads[8] = {0};
    for (size_t i = 1; i < rank; i++) {
        pads[i] = pad->before[i - 1];
        pads[rank + i] = pad->after[i - 1];
    }
    Onnx__NodeProto *to = ef_writer_add(writer, "Pad", "");
    ef_writer_sources(writer, to);
    ef_writer_integers(writer, to, "pads", pads, 2 * rank);
    ef_writer_floats(writer, to, "value", &pad->value, NULL, 0);
    ef_writer_text(writer, to, "mode", "constant");
}

static ef_status take_range(ef_reader *reader, ef_slice *slice, int64_t axis,
                            int64_t begin, int64_t end, int64_t step)
{
    if (axis < 1 || axis > 3) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED, "it slices axis %lld",
                                (long long)axis);
    }
    size_t i = (size_t)axis - 1;
    ef_status status = take_uint32(reader, "start", begin, &slice->begin[i]);
    status = status ? status : take_uint32(reader, "step", step, &slice->step[i]);
    slice->end[i] = EF_TO_END;
    if (!status && end <= EF_MAX_ELEMENTS) {
        status = take_uint32(reader, "end", end, &slice->end[i]);
    }
    return status;
}

ef_status ef_onnx_read_slice(ef_reader *reader)
{
    ef_node node = ef_node_default(EF_OP_SLICE);
    int64_t begin[4], end[4], axis[4] = {0, 1, 2, 3}, step[4] = {1, 1, 1, 1};
    size_t n = 0;
    ef_status status = read_single(reader, &node);
    status = status ? status : constant_count(reader, 1, &n);
    if (!status && (n == 0 || n > 4)) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                "its starts are not 1 to 4 constants");
    }
    status = status ? status : ef_reader_integers(reader, 1, begin, n);
    status = status ? status : ef_reader_integers(reader, 2, end, n);
    status = status ? status : ef_reader_integers(reader, 3, axis, n);
    status = status ? status : ef_reader_integers(reader, 4, step, n);
    for (size_t i = 0; i < 3; i++) {
        node.u.slice.begin[i] = 0;
        node.u.slice.end[i] = EF_TO_END;
        node.u.slice.step[i] = 1;
    }
    for (size_t i = 0; i < n && !status; i++) {
        status = take_range(reader, &node.u.slice, axis[i], begin[i], end[i], step[i]);
    }
    return status ? status : ef_reader_make(reader, &node);
}

void ef_onnx_write_slice(ef_writer *writer)
{
    const ef_slice *slice = &writer->node->u.slice;
    size_t n = writer->out.rank - 1;
    int64_t begin[3], end[3], axis[3], step[3];
    for (size_t i = 0; i < n; i++) {
        begin[i] = slice->begin[i];
        end[i] = slice->end[i];
        axis[i] = (int64_t)i + 1;
        step[i] = slice->step[i];
    }
    Onnx__NodeProto *to = ef_writer_add(writer, "Slice", "");
    ef_writer_sources(writer, to);
    ef_writer_integers(writer, to, "starts", begin, n);
    ef_writer_integers(writer, to, "ends", end, n);
    ef_writer_integers(writer, to, "axes", axis, n);
    ef_writer_integers(writer, to, "steps", step, n);
}

ef_status ef_onnx_read_transpose(ef_reader *reader)
{
    ef_node node = ef_node_default(EF_OP_TRANSPOSE);
    uint32_t order[4] = {3, 2, 1, 0};
    ef_status status = read_single(reader, &node);
    status = status ? status : ef_reader_uints(reader, "perm", order, 4);
    if (!status && order[0] != 0) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED, "it moves the batch axis");
    }
    for (size_t i = 0; i < 3 && !status; i++) {
        node.u.transpose.order[i] = order[i + 1] - 1;
    }
    return status ? status : ef_reader_make(reader, &node);
}

void ef_onnx_write_transpose(ef_writer *writer)
{
    uint32_t order[4] = {0, 0, 0, 0};
    for (size_t i = 0; i < 3; i++) {
        order[i + 1] = writer->node->u.transpose.order[i] + 1;
    }
    Onnx__NodeProto *to = ef_writer_add(writer, "Transpose", "");
    ef_writer_sources(writer, to);
    ef_writer_ints(writer, to, "perm", order, 4);
}

ef_status ef_onnx_read_flatten(ef_reader *reader)
{
    ef_node node = ef_node_default(EF_OP_FLATTEN);
    ef_status status = read_single(reader, &node);
    status = status ? status : ef_reader_demand_int(reader, "axis", 1);
    return status ? status : ef_reader_make(reader, &node);
}

void ef_onnx_write_flatten(ef_writer *writer)
{
    Onnx__NodeProto *to = ef_writer_add(writer, "Flatten", "");
    ef_writer_sources(writer, to);
    ef_writer_int(writer, to, "axis", 1);
}

ef_status ef_onnx_read_resize(ef_reader *reader)
{
    ef_node node = ef_node_default(EF_OP_UPSAMPLE);
    float scales[4] = {0};
    ef_status status = read_single(reader, &node);
    status = status ? status : ef_reader_demand_text(reader, "mode", "nearest");
    status = status ? status
                    : ef_reader_demand_text(reader, "coordinate_transformation_mode",
                                            "asymmetric");
    status = status ? status : ef_reader_demand_text(reader, "nearest_mode", "floor");
    status = status ? status : ef_reader_floats(reader, 2, scales, 4);
    if (status) {
        return status;
    }
    for (size_t i = 0; i < 4; i++) {
        if (!(scales[i] >= 1 && scales[i] <= 4096 && scales[i] == (uint32_t)scales[i] &&
              (i > 1 || scales[i] == 1))) {
            return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                    "its scales are not whole, or not of height and "
                                    "width alone");
        }
    }
    node.u.upsample.factor[0] = (uint32_t)scales[2];
    node.u.upsample.factor[1] = (uint32_t)scales[3];
    return ef_reader_make(reader, &node);
}

void ef_onnx_write_upsample(ef_writer *writer)
{
    const uint32_t *factor = writer->node->u.upsample.factor;
    const float scales[4] = {1, 1, (float)factor[0], (float)factor[1]};
    const uint32_t dims[1] = {4};
    Onnx__NodeProto *to = ef_writer_add(writer, "Resize", "");
    ef_writer_sources(writer, to);
    ef_writer_input(writer, to, "");
    ef_writer_floats(writer, to, "scales", scales, dims, 1);
    ef_writer_text(writer, to, "coordinate_transformation_mode", "asymmetric");
    ef_writer_text(writer, to, "mode", "nearest");
    ef_writer_text(writer, to, "nearest_mode", "floor");
}
