/* Writing operations that move elements. */
#include "onnx/operators.h"

void ef_onnx_write_concat(ef_writer *writer)
{
    Onnx__NodeProto *to = ef_writer_add(writer, "Concat", "");
    ef_writer_sources(writer, to);
    ef_writer_int(writer, to, "axis", 1);
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

void ef_onnx_write_flatten(ef_writer *writer)
{
    Onnx__NodeProto *to = ef_writer_add(writer, "Flatten", "");
    ef_writer_sources(writer, to);
    ef_writer_int(writer, to, "axis", 1);
}

/* The 0 in front keeps the batch. */
void ef_onnx_write_reshape(ef_writer *writer)
{
    const ef_shape *shape = &writer->node->u.reshape;
    const int64_t sizes[4] = {0, shape->channels, shape->height, shape->width};
    Onnx__NodeProto *to = ef_writer_add(writer, "Reshape", "");
    ef_writer_sources(writer, to);
    ef_writer_integers(writer, to, "shape", sizes, shape->rank);
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
