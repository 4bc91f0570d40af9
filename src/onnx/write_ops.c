/* Reshape, softmax and division, as they are written. */
#include "onnx/operators.h"

/* The 0 in front keeps the batch. */
void ef_onnx_write_reshape(ef_writer *writer)
{
    const ef_shape *shape = &writer->node->u.reshape;
    const int64_t sizes[4] = {0, shape->channels, shape->height, shape->width};
    Onnx__NodeProto *to = ef_writer_add(writer, "Reshape", "");
    ef_writer_sources(writer, to);
    ef_writer_integers(writer, to, "shape", sizes, shape->rank);
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
