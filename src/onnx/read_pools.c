/* Reading pools and means. */
#include <inttypes.h>
#include <stdio.h>

#include "onnx/operators.h"
#include "onnx/read_window.h"

/* --- windows ---------------------------------------------------------------------- */

enum { PAD_NOTSET, PAD_SAME_UPPER, PAD_SAME_LOWER, PAD_VALID };

/* As many outputs as steps, what is missing shared by both ends. */
static void pad_same(const ef_window_field *window, size_t axis, uint32_t size,
                     int is_lower)
{
    int64_t stride = window->stride[axis];
    int64_t n_out = (size + stride - 1) / stride;
    int64_t reach = (int64_t)(window->kernel[axis] - 1) * window->dilation[axis] + 1;
    int64_t missing = (n_out - 1) * stride + reach - size;
    uint32_t total = missing > 0 ? (uint32_t)missing : 0;
    window->pad[axis] = is_lower ? total - total / 2 : total / 2;
    window->pad[axis + 2] = total - window->pad[axis];
}

void ef_read_window(ef_reader *reader, const ef_window_field *window, ef_shape in,
                    size_t n)
{
    static const char *const words[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID",
                                        NULL};
    const size_t first = 2 - n; /* a single axis is the width */
    uint32_t pads[4] = {0, 0, 0, 0};
    size_t automatic = ef_reader_word(reader, "auto_pad", words);
    ef_reader_uints(reader, "strides", window->stride + first, n);
    ef_reader_uints(reader, "dilations", window->dilation + first, n);
    ef_reader_uints(reader, "pads", pads, 2 * n);
    for (size_t i = 0; i < n && !reader->status; i++) {
        size_t axis = first + i;
        uint32_t size = axis == 0 ? in.height : in.width;
        if (window->stride[axis] == 0 || window->dilation[axis] == 0 ||
            window->kernel[axis] == 0) {
            ef_reader_refuse(reader, EF_ERR_INPUT,
                             "its kernel, a stride or a dilation is 0");
        } else if (automatic == PAD_SAME_UPPER || automatic == PAD_SAME_LOWER) {
            pad_same(window, axis, size, automatic == PAD_SAME_LOWER);
        } else {
            window->pad[axis] = automatic == PAD_VALID ? 0 : pads[i];
            window->pad[axis + 2] = automatic == PAD_VALID ? 0 : pads[n + i];
        }
    }
}

/* --- pools ------------------------------------------------------------------------ */

/* Two numbers, as the writer notes them. */
static int parse_ends(const char *text, uint32_t ends[2])
{
    int used = 0;
    return sscanf(text, "%7" SCNu32 " %7" SCNu32 "%n", &ends[0], &ends[1], &used) ==
               2 &&
           text[used] == '\0';
}

/* Takes back what the writer did to a pool in ceil mode that ONNX counts otherwise. */
static uint32_t restore(ef_reader *reader, ef_pool *pool, uint32_t source)
{
    const char *note =
        ef_reader_metadata(reader, EF_ONNX_CEIL_KEY, ef_reader_label(reader));
    if (!note || reader->status) {
        return source;
    }
    const ef_node *before = &reader->made.nodes[source];
    if (before->op == EF_OP_PAD && reader->node->n_input > 0 &&
        reader->readers[source] == 1) {
        pool->pad[0] = before->u.pad.before[1];
        pool->pad[1] = before->u.pad.before[2];
        pool->count_include_pad = 1;
        source = before->inputs[0];
    }
    pool->ceil_mode = 1;
    if (!parse_ends(note, pool->pad + 2)) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "%s%s holds '%.40s', not two numbers",
                         EF_ONNX_CEIL_KEY, ef_reader_label(reader), note);
    }
    return source;
}

/* An average over zeros that a node before puts around counts them itself: exporters
 * write it in two nodes. */
static uint32_t absorb_zeros(const ef_reader *reader, ef_pool *pool, uint32_t source)
{
    const ef_node *before = &reader->made.nodes[source];
    const ef_pad *pad = &before->u.pad;
    int is_padded = pool->pad[0] || pool->pad[1] || pool->pad[2] || pool->pad[3];
    if (reader->is_own || before->op != EF_OP_PAD || reader->readers[source] != 1 ||
        pad->value != 0 || pad->before[0] || pad->after[0] || pool->ceil_mode ||
        is_padded) {
        return source;
    }
    for (size_t i = 0; i < 2; i++) {
        if (pad->before[i + 1] >= pool->kernel[i] ||
            pad->after[i + 1] >= pool->kernel[i]) {
            return source;
        }
    }
    for (size_t i = 0; i < 2; i++) {
        pool->pad[i] = pad->before[i + 1];
        pool->pad[i + 2] = pad->after[i + 1];
    }
    pool->count_include_pad = 1;
    return before->inputs[0];
}

void ef_onnx_read_pool(ef_reader *reader, int op)
{
    ef_node node = ef_node_default((ef_op)op);
    ef_pool *pool = &node.u.pool;
    size_t n;
    ef_value value = ef_reader_source(reader, 0);
    uint32_t source = ef_reader_spatial(reader, &value, 1, &n);
    *pool = (ef_pool){.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}};
    if (!ef_reader_has(reader, "kernel_shape")) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "it has no kernel_shape");
    }
    if (reader->status) {
        return;
    }
    ef_reader_uints(reader, "kernel_shape", pool->kernel + 2 - n, n);
    ef_window_field window = {pool->kernel, pool->stride, pool->dilation, pool->pad};
    ef_read_window(reader, &window, reader->shapes[source], n);
    pool->ceil_mode = ef_reader_uint(reader, "ceil_mode", 0, 0, 1);
    pool->count_include_pad = ef_reader_uint(reader, "count_include_pad", 0, 0, 1);
    ef_reader_uint(reader, "storage_order", 0, 0, 1); /* of the places of maxima */
    source = restore(reader, pool, source);
    if (op == EF_OP_AVGPOOL) {
        source = absorb_zeros(reader, pool, source);
    }
    uint32_t made = ef_reader_make_on(reader, &node, source, "");
    ef_reader_give_spatial(reader, made, n);
}

void ef_onnx_read_global(ef_reader *reader, int op)
{
    ef_node node = ef_node_default((ef_op)op);
    size_t n;
    ef_value value = ef_reader_source(reader, 0);
    uint32_t source = ef_reader_spatial(reader, &value, 1, &n);
    uint32_t made = ef_reader_make_on(reader, &node, source, "");
    ef_reader_give_spatial(reader, made, n);
}

/* --- means and maxima ------------------------------------------------------------- */

/* The mean (or maximum, by op) over axes from `from` to before `to`, which become one
 * of size 1. */
static ef_value reduce(ef_reader *reader, ef_op op, const ef_value *value, size_t from,
                       size_t to)
{
    ef_value made = *value;
    if (reader->status || ef_dims_product(&value->dims, from, to) == 1) {
        return made;
    }
    int is_global = from == 1 && to == value->dims.rank && to <= 3;
    ef_op whole = op == EF_OP_AVGPOOL ? EF_OP_GLOBALAVG : EF_OP_GLOBALMAX;
    ef_node node = ef_node_default(is_global ? whole : op);
    ef_shape shape = ef_dims_shape(&value->dims);
    if (!is_global) {
        shape = (ef_shape){
            (uint32_t)ef_dims_product(&value->dims, 0, from),
            (uint32_t)ef_dims_product(&value->dims, from, to),
            (uint32_t)ef_dims_product(&value->dims, to, value->dims.rank), 4};
        node.u.pool = (ef_pool){
            .kernel = {shape.height, 1}, .stride = {1, 1}, .dilation = {1, 1}};
    }
    uint32_t source = ef_reader_view(reader, value->node, shape);
    made.node = ef_reader_make_on(reader, &node, source, "");
    for (size_t axis = from; axis < to; axis++) {
        made.dims.size[axis] = 1;
    }
    return made;
}

/* Over rows and columns of transposed images: those of the images before. */
static ef_value reduce_before(ef_reader *reader, ef_op op, const ef_value *value,
                              const int *is_named)
{
    ef_value before;
    size_t perm[3];
    if (!ef_reader_unturn(reader, value, &before, perm)) {
        return *value;
    }
    for (size_t i = 0; i < before.dims.rank; i++) {
        if (is_named[i] != (perm[i] > 0)) {
            return *value;
        }
    }
    before = reduce(reader, op, &before, 1, before.dims.rank);
    return ef_reader_permute(reader, &before, perm);
}

static size_t read_axes(ef_reader *reader, const ef_dims *dims, int *is_named)
{
    int64_t axes[EF_DIMS_MAX];
    size_t n = ef_reader_list(reader, "axes", 1, 18, axes, EF_DIMS_MAX);
    for (size_t i = 0; i < n; i++) {
        is_named[ef_reader_axis(reader, axes[i], dims->rank)] = 1;
    }
    if (n == 0 && !ef_reader_int(reader, "noop_with_empty_axes", 0)) {
        if (reader->lead) {
            ef_reader_refuse_mixing(reader);
        }
        for (size_t i = 0; i < dims->rank; i++) {
            is_named[i] = 1;
        }
    }
    return n;
}

void ef_onnx_read_reduce(ef_reader *reader, int op)
{
    int is_named[EF_DIMS_MAX + 1] = {0};
    ef_value made = ef_reader_source(reader, 0);
    read_axes(reader, &made.dims, is_named);
    int keeps = ef_reader_int(reader, "keepdims", 1) != 0;
    size_t rank = made.dims.rank;
    made = reduce_before(reader, (ef_op)op, &made, is_named);
    for (size_t from = 0, to; from < rank; from = to) {
        for (to = from; to < rank && is_named[to]; to++) {
        }
        made = to > from ? reduce(reader, (ef_op)op, &made, from, to) : made;
        to = to > from ? to : from + 1;
    }
    for (size_t axis = rank; axis-- > 0 && !reader->status && !keeps;) {
        if (is_named[axis]) {
            ef_dims_remove(&made.dims, axis);
        }
    }
    ef_reader_give(reader, 0, made);
}
