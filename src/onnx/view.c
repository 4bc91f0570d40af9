/* The same elements in another shape. */
#include "onnx/reader.h"

static int is_view(const ef_node *node)
{
    return node->op == EF_OP_FLATTEN || node->op == EF_OP_RESHAPE;
}

uint32_t ef_reader_make_on(ef_reader *reader, ef_node *node, uint32_t source,
                           const char *suffix)
{
    node->n_inputs = 1;
    node->inputs[0] = source;
    return ef_reader_make(reader, node, suffix);
}

uint32_t ef_reader_view(ef_reader *reader, uint32_t node, ef_shape shape)
{
    if (reader->status || ef_shape_equal(reader->shapes[node], shape)) {
        return node;
    }
    /* A view of a view is one of what that one looks at. */
    while (is_view(&reader->made.nodes[node])) {
        node = reader->made.nodes[node].inputs[0];
        if (ef_shape_equal(reader->shapes[node], shape)) {
            return node;
        }
    }
    ef_node view = ef_node_default(shape.rank == 2 ? EF_OP_FLATTEN : EF_OP_RESHAPE);
    if (shape.rank != 2) {
        view.u.reshape = shape;
    }
    return ef_reader_make_on(reader, &view, node, ".view");
}

int ef_reader_unturn(const ef_reader *reader, const ef_value *value, ef_value *before,
                     size_t perm[3])
{
    const ef_node *node = &reader->made.nodes[value->node];
    const uint32_t *order = node->u.transpose.order;
    size_t rank = value->dims.rank;
    int is_known = rank == 3 || (rank == 2 && order[0] == 2 && order[1] == 1);
    if (reader->status || reader->is_own || node->op != EF_OP_TRANSPOSE || !is_known ||
        !ef_shape_equal(reader->shapes[value->node], ef_dims_shape(&value->dims))) {
        return 0;
    }
    *before = *value;
    before->node = node->inputs[0];
    for (size_t i = 0; i < rank; i++) {
        perm[i] = rank == 3 ? order[i] : 1 - i;
        before->dims.size[perm[i]] = value->dims.size[i];
    }
    return 1;
}

uint32_t ef_reader_image(ef_reader *reader, const ef_value *value)
{
    return ef_reader_view(reader, value->node, ef_dims_shape(&value->dims));
}

uint32_t ef_reader_spatial(ef_reader *reader, const ef_value *value, size_t least,
                           size_t *n)
{
    size_t before = 1 - reader->lead, rank = value->dims.rank;
    *n = 0;
    if (reader->status) {
        return 0;
    }
    if (rank < before + 1 + least || rank > before + 3) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "its input has rank %zu, supported are %zu to 4",
                         rank + reader->lead, 2 + least);
        return 0;
    }
    if (before && value->dims.size[0] != 1) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "operators before it mix the images of a batch");
        return 0;
    }
    ef_dims image = value->dims;
    if (before) {
        ef_dims_remove(&image, 0);
    }
    *n = image.rank - 1;
    return ef_reader_view(reader, value->node, ef_dims_shape(&image));
}

void ef_reader_give_spatial(ef_reader *reader, uint32_t node, size_t n)
{
    if (reader->status) {
        return;
    }
    ef_shape shape = reader->shapes[node];
    ef_dims dims = {.rank = 0};
    if (!reader->lead) {
        dims.size[dims.rank++] = 1;
    }
    dims.size[dims.rank++] = shape.channels;
    if (n > 1) {
        dims.size[dims.rank++] = shape.height;
    }
    if (n > 0) {
        dims.size[dims.rank++] = shape.width;
    }
    ef_reader_give_node(reader, node, &dims);
}
