/* Reading activations and softmax. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "onnx/operators.h"

/* --- activations ------------------------------------------------------------------ */

static void give_activation(ef_reader *reader, ef_activation activation)
{
    ef_node node = ef_node_default(EF_OP_ACTIVATION);
    ef_value before, value = ef_reader_source(reader, 0);
    size_t perm[3];
    node.u.activation = activation;
    /* Before a turning that only this one sees: so it meets the one that undoes it. */
    int is_turned = ef_reader_unturn(reader, &value, &before, perm) &&
                    reader->readers[value.node] == 1;
    value = is_turned ? before : value;
    value.node = ef_reader_make_on(reader, &node, value.node, "");
    if (is_turned && !reader->status) {
        reader->readers[value.node] = 1;
        value = ef_reader_permute(reader, &value, perm);
    }
    ef_reader_give(reader, 0, value);
}

void ef_onnx_read_activation(ef_reader *reader, int kind)
{
    give_activation(reader, (ef_activation){(uint32_t)kind, 0, 0});
}

void ef_onnx_read_leakyrelu(ef_reader *reader, int kind)
{
    float alpha = ef_reader_float(reader, "alpha", 0.01f);
    give_activation(reader, (ef_activation){(uint32_t)kind, alpha, 0});
}

void ef_onnx_read_hardsigmoid(ef_reader *reader, int kind)
{
    float alpha = ef_reader_float(reader, "alpha", 0.2f);
    float beta = ef_reader_float(reader, "beta", 0.5f);
    give_activation(reader, (ef_activation){(uint32_t)kind, alpha, beta});
}

void ef_onnx_read_clip(ef_reader *reader, int kind)
{
    int is_old = reader->opset < 11;
    float low = is_old ? ef_reader_float(reader, "min", -INFINITY)
                       : ef_reader_scalar(reader, 1, -INFINITY);
    float high = is_old ? ef_reader_float(reader, "max", INFINITY)
                        : ef_reader_scalar(reader, 2, INFINITY);
    if (low <= -FLT_MAX && high >= FLT_MAX && !reader->is_own) {
        ef_reader_give(reader, 0, ef_reader_source(reader, 0));
        return;
    }
    give_activation(reader, (ef_activation){(uint32_t)kind, low, high});
}

void ef_onnx_read_prelu(ef_reader *reader, int kind)
{
    ef_node node = ef_node_default(EF_OP_ACTIVATION);
    ef_value value = ef_reader_source(reader, 0);
    ef_constant *slope = ef_reader_parameter(reader, 1);
    ef_dims to, own;
    node.u.activation.kind = (uint32_t)kind;
    if (reader->status) {
        return;
    }
    slope = ef_reader_of_image(reader, slope, value.dims.rank);
    own = ef_dims_of(slope);
    if (!ef_dims_broadcast(&value.dims, &own, &to) ||
        !ef_dims_equal(&to, &value.dims)) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "its slopes do not fit its input");
        return;
    }
    uint32_t source = ef_reader_by_channel(reader, &value, &slope);
    uint32_t made = ef_reader_make_on(reader, &node, source, "");
    ef_reader_fill(reader, made, EF_ROLE_SLOPE, slope, 0);
    ef_reader_give_node(reader, made, &value.dims);
}

/* --- softmax ---------------------------------------------------------------------- */

/* A softmax over the classes at the end: the logits before it say all that counts. */
static int is_at_the_end(const ef_reader *reader, const ef_value *value)
{
    const Onnx__GraphProto *graph = reader->graph;
    return !reader->is_own && value->dims.rank == 1 && graph->n_output == 1 &&
           graph->output[0]->name &&
           strcmp(graph->output[0]->name, reader->node->output[0]) == 0;
}

void ef_onnx_read_softmax(ef_reader *reader, int is_log)
{
    ef_node node = ef_node_default(EF_OP_SOFTMAX);
    ef_value value = ef_reader_source(reader, 0);
    int64_t given = ef_reader_int(reader, "axis", reader->opset < 13 ? 1 : -1);
    size_t axis = ef_reader_axis(reader, given, value.dims.rank);
    if (reader->status) {
        return;
    }
    if (is_at_the_end(reader, &value)) {
        strncpy(reader->info.softmax, ef_reader_label(reader),
                sizeof reader->info.softmax - 1);
        ef_reader_give(reader, 0, value);
        return;
    }
    if (is_log) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "it is supported only over the classes, as the last node");
        return;
    }
    ef_dims dims = value.dims;
    if (reader->opset < 13) { /* all axes from this one on are one */
        dims.size[axis] = ef_dims_product(&dims, axis, dims.rank);
        dims.rank = axis + 1;
    }
    ef_axis_view view = ef_dims_axis(&dims, axis);
    node.u.softmax.axis = (uint32_t)view.axis;
    uint32_t source = ef_reader_view(reader, value.node, view.shape);
    ef_reader_give_node(reader, ef_reader_make_on(reader, &node, source, ""),
                        &value.dims);
}
