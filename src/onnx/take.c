/* Elements along one axis: a part of them, some again, in another order.  A topology
 * slices and pads any of its three axes, repeats rows and columns, and concatenates
 * channels; the rest is done by views and transposes around these. */
#include <string.h>

#include "onnx/reader.h"

#define MOST_RUNS 1024 /* of places, each one a slice */

static ef_value with_node(const ef_value *value, uint32_t node)
{
    ef_value other = *value;
    other.node = node;
    return other;
}

/* n of the places that a slice takes along an axis, from begin in steps. */
static void take_of(ef_slice *slice, size_t axis, const ef_slice *then, uint32_t n)
{
    uint32_t step = n > 1 ? slice->step[axis] * then->step[axis] : 1;
    slice->begin[axis] += then->begin[axis] * slice->step[axis];
    slice->end[axis] = slice->begin[axis] + (n - 1) * step + 1;
    slice->step[axis] = step;
}

uint32_t ef_reader_make_slice(ef_reader *reader, ef_node *node, uint32_t source,
                              const char *suffix)
{
    const ef_node *before = &reader->made.nodes[source];
    if (reader->status || reader->is_own || before->op != EF_OP_SLICE) {
        return ef_reader_make_on(reader, node, source, suffix);
    }
    ef_shape in = reader->shapes[source];
    const uint32_t sizes[3] = {in.channels, in.height, in.width};
    ef_slice whole = before->u.slice;
    for (size_t axis = 0; axis < 3; axis++) {
        const ef_slice *then = &node->u.slice;
        uint32_t end = then->end[axis] < sizes[axis] ? then->end[axis] : sizes[axis];
        uint32_t n = (end - then->begin[axis] - 1) / then->step[axis] + 1;
        if (n != sizes[axis]) {
            take_of(&whole, axis, then, n);
        }
    }
    node->u.slice = whole;
    return ef_reader_make_on(reader, node, before->inputs[0], suffix);
}

ef_value ef_reader_slice(ef_reader *reader, const ef_value *value, size_t axis,
                         int64_t begin, int64_t n, int64_t step)
{
    if (reader->status || (begin == 0 && n == value->dims.size[axis])) {
        return *value;
    }
    ef_axis_view view = ef_dims_axis(&value->dims, axis);
    ef_node node = ef_node_default(EF_OP_SLICE);
    for (size_t i = 0; i < 3; i++) {
        node.u.slice.begin[i] = 0;
        node.u.slice.end[i] = EF_TO_END;
        node.u.slice.step[i] = 1;
    }
    node.u.slice.begin[view.axis] = (uint32_t)begin;
    node.u.slice.end[view.axis] = (uint32_t)(begin + (n - 1) * step + 1);
    node.u.slice.step[view.axis] = (uint32_t)step;
    uint32_t source = ef_reader_view(reader, value->node, view.shape);
    ef_value made =
        with_node(value, ef_reader_make_slice(reader, &node, source, ".slice"));
    made.dims.size[axis] = n;
    return made;
}

/* Rows and columns of a shape of rank 4, each so many times. */
static uint32_t upsample(ef_reader *reader, uint32_t source, ef_shape shape,
                         uint32_t rows, uint32_t columns)
{
    ef_node node = ef_node_default(EF_OP_UPSAMPLE);
    node.u.upsample.factor[0] = rows;
    node.u.upsample.factor[1] = columns;
    shape.rank = 4;
    source = ef_reader_view(reader, source, shape);
    return ef_reader_make_on(reader, &node, source, ".repeat");
}

/* Each element along an axis `times` times in a row. */
static ef_value repeat(ef_reader *reader, const ef_value *value, size_t axis,
                       uint32_t times)
{
    if (reader->status || times == 1) {
        return *value;
    }
    ef_axis_view view = ef_dims_axis(&value->dims, axis);
    if (view.axis == 0) { /* the channels become rows */
        view.shape =
            (ef_shape){1, view.shape.channels, view.shape.height * view.shape.width, 4};
        view.axis = 1;
    }
    ef_value made = with_node(value, upsample(reader, value->node, view.shape,
                                              view.axis == 1 ? times : 1,
                                              view.axis == 2 ? times : 1));
    made.dims.size[axis] *= times;
    return made;
}

ef_value ef_reader_spread(ef_reader *reader, const ef_value *value, const ef_dims *dims)
{
    ef_value made = *value;
    while (!reader->status && made.dims.rank < dims->rank) {
        ef_dims_insert(&made.dims, 0, 1);
    }
    /* Rows and columns of an image at once. */
    if (!reader->status && dims->rank == 3 && made.dims.size[0] == dims->size[0] &&
        !ef_dims_equal(&made.dims, dims)) {
        uint32_t rows = (uint32_t)(dims->size[1] / made.dims.size[1]);
        uint32_t columns = (uint32_t)(dims->size[2] / made.dims.size[2]);
        made.node =
            upsample(reader, made.node, ef_dims_shape(&made.dims), rows, columns);
        made.dims = *dims;
    }
    for (size_t axis = 0; axis < dims->rank && !reader->status; axis++) {
        if (made.dims.size[axis] != dims->size[axis]) {
            made = repeat(reader, &made, axis, (uint32_t)dims->size[axis]);
        }
    }
    return made;
}

/* --- permutations --------------------------------------------------------------- */

/* A transpose of a transpose is one of what that one reads, or nothing. */
static uint32_t transpose(ef_reader *reader, uint32_t source, ef_shape shape,
                          const uint32_t order[3])
{
    ef_node node = ef_node_default(EF_OP_TRANSPOSE);
    source = ef_reader_view(reader, source, shape);
    const ef_node *before = &reader->made.nodes[source];
    int joins = !reader->is_own && !reader->status && before->op == EF_OP_TRANSPOSE;
    int is_identity = 1;
    for (size_t i = 0; i < 3; i++) {
        node.u.transpose.order[i] =
            joins ? before->u.transpose.order[order[i]] : order[i];
        is_identity &= node.u.transpose.order[i] == i;
    }
    source = joins ? before->inputs[0] : source;
    return is_identity && joins
               ? source
               : ef_reader_make_on(reader, &node, source, ".transpose");
}

/* perm brings axis to the front, back takes it to its place again. */
static void fronting(size_t rank, size_t axis, size_t *perm, size_t *back)
{
    perm[0] = axis;
    for (size_t i = 1; i < rank; i++) {
        perm[i] = i <= axis ? i - 1 : i;
    }
    for (size_t i = 0; i < rank; i++) {
        back[perm[i]] = i;
    }
}

/* Axis after axis to the front; those that stay in order at the end need not move. */
static ef_value permute_in_steps(ef_reader *reader, const ef_value *value,
                                 const size_t *perm)
{
    size_t axes[EF_DIMS_MAX], front[EF_DIMS_MAX], back[EF_DIMS_MAX];
    size_t rank = value->dims.rank, n = rank - 1;
    ef_value made = *value;
    for (size_t i = 0; i < rank; i++) {
        axes[i] = i;
    }
    while (n > 0 && perm[n - 1] < perm[n]) {
        n--;
    }
    for (size_t k = n; k-- > 0;) {
        size_t at = 0;
        while (axes[at] != perm[k]) {
            at++;
        }
        fronting(rank, at, front, back);
        memmove(axes + 1, axes, at * sizeof axes[0]);
        axes[0] = perm[k];
        made = ef_reader_permute(reader, &made, front);
    }
    return made;
}

ef_value ef_reader_permute(ef_reader *reader, const ef_value *value, const size_t *perm)
{
    ef_value made = *value;
    uint32_t sizes[3], order[3];
    int moves = 0;
    if (reader->status) {
        return made;
    }
    int fits = ef_dims_permute(&value->dims, perm, sizes, order, &moves);
    for (size_t i = 0; i < made.dims.rank; i++) {
        made.dims.size[i] = value->dims.size[perm[i]];
    }
    if (!moves && !reader->is_own) {
        return made;
    }
    ef_shape shape = {sizes[0], sizes[1], sizes[2], 4};
    if (value->dims.rank == 3) {
        shape = ef_dims_shape(&value->dims);
        for (size_t i = 0; i < 3; i++) {
            order[i] = (uint32_t)perm[i];
        }
    } else if (value->dims.rank == 2 && moves) { /* as C x 1 x L before and after */
        shape = ef_dims_shape(&value->dims);
        order[0] = 2;
        order[1] = 1;
        order[2] = 0;
    } else if (!fits) {
        return permute_in_steps(reader, value, perm);
    }
    made.node = transpose(reader, made.node, shape, order);
    return made;
}

/* --- joining -------------------------------------------------------------------- */

/* Whether the nodes of values can be joined by their channels as they are. */
static int has_alike_nodes(const ef_reader *reader, const ef_value *values, size_t n)
{
    ef_shape first = reader->shapes[values[0].node];
    int are_alike = 1;
    for (size_t k = 1; k < n && are_alike; k++) {
        ef_shape shape = reader->shapes[values[k].node];
        shape.channels = first.channels;
        are_alike = ef_shape_equal(shape, first);
    }
    return are_alike;
}

/* Along the first axis but for ones, values of the same rank. */
static ef_value join_channels(ef_reader *reader, const ef_value *values, size_t n,
                              size_t axis)
{
    ef_node node = ef_node_default(EF_OP_CONCAT);
    ef_value made = values[0];
    made.dims.size[axis] = 0;
    int are_alike = has_alike_nodes(reader, values, n);
    for (size_t k = 0; k < n && !reader->status; k++) {
        ef_axis_view view = ef_dims_axis(&values[k].dims, axis);
        if (view.axis != 0) {
            uint32_t size = (uint32_t)values[k].dims.size[axis];
            uint32_t count = (uint32_t)ef_dims_count(&values[k].dims);
            view.shape = (ef_shape){size, 1, count / size, 4};
        }
        node.inputs[k] = are_alike ? values[k].node
                                   : ef_reader_view(reader, values[k].node, view.shape);
        made.dims.size[axis] += values[k].dims.size[axis];
    }
    node.n_inputs = (uint32_t)n;
    made.node = ef_reader_make(reader, &node, ".concat");
    return made;
}

/* Along axis 0, in groups that one node can take. */
static ef_value join_many(ef_reader *reader, const ef_value *values, size_t n,
                          size_t axis)
{
    ef_value groups[EF_MAX_INPUTS];
    size_t n_groups = 0;
    if (n == 1) {
        return values[0];
    }
    if (n <= EF_MAX_INPUTS) {
        return join_channels(reader, values, n, axis);
    }
    for (size_t k = 0; k < n; k += EF_MAX_INPUTS) {
        size_t size = n - k < EF_MAX_INPUTS ? n - k : EF_MAX_INPUTS;
        groups[n_groups++] = join_many(reader, values + k, size, axis);
    }
    return join_channels(reader, groups, n_groups, axis);
}

ef_value ef_reader_join(ef_reader *reader, const ef_value *values, size_t n,
                        size_t axis)
{
    if (reader->status || n > EF_MAX_INPUTS * EF_MAX_INPUTS) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED, "it joins %zu tensors", n);
        return values[0];
    }
    if (ef_dims_product(&values[0].dims, 0, axis) == 1) {
        return join_many(reader, values, n, axis);
    }
    size_t perm[EF_DIMS_MAX], back[EF_DIMS_MAX];
    fronting(values[0].dims.rank, axis, perm, back);
    ef_value *turned = ef_arena_calloc(&reader->arena, n, sizeof *turned);
    if (!turned) {
        ef_reader_refuse_memory(reader);
        return values[0];
    }
    for (size_t k = 0; k < n; k++) {
        turned[k] = ef_reader_permute(reader, &values[k], perm);
    }
    ef_value made = join_many(reader, turned, n, 0);
    return ef_reader_permute(reader, &made, back);
}

/* --- any places ----------------------------------------------------------------- */

/* How many places from the first on lie in equal steps, and the step; a step back ends
 * a run. */
static size_t run_of(const uint32_t *places, size_t n, uint32_t *step)
{
    *step = 1;
    if (n < 2 || places[1] < places[0]) {
        return 1;
    }
    size_t length = 2;
    *step = places[1] - places[0];
    while (length < n && places[length] >= places[length - 1] &&
           places[length] - places[length - 1] == *step) {
        length++;
    }
    return length;
}

/* The number of times that each place comes in a row, if the same for all and the
 * places are in equal steps; else 0. */
static uint32_t repeats_of(const uint32_t *places, size_t n, uint32_t *step)
{
    size_t times = 1;
    while (times < n && places[times] == places[0]) {
        times++;
    }
    *step = times < n ? places[times] - places[0] : 1;
    if (n % times != 0 || (times < n && places[times] < places[0])) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (places[i] != places[0] + i / times * *step) {
            return 0;
        }
    }
    return (uint32_t)times;
}

static ef_value take_run(ef_reader *reader, const ef_value *value, size_t axis,
                         const uint32_t *places, size_t n)
{
    uint32_t step, times = repeats_of(places, n, &step);
    ef_value made =
        ef_reader_slice(reader, value, axis, places[0], (int64_t)(n / times), step);
    return repeat(reader, &made, axis, times);
}

/* In runs, along the first axis. */
static ef_value take_runs(ef_reader *reader, const ef_value *value,
                          const uint32_t *places, size_t n)
{
    uint32_t step;
    size_t n_runs = 0;
    for (size_t i = 0; i < n; n_runs++) {
        i += run_of(places + i, n - i, &step);
    }
    if (n_runs > MOST_RUNS) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "it takes elements in more than %d runs", MOST_RUNS);
        return *value;
    }
    ef_value *runs = ef_arena_calloc(&reader->arena, n_runs, sizeof *runs);
    if (!runs) {
        ef_reader_refuse_memory(reader);
        return *value;
    }
    for (size_t i = 0, k = 0; k < n_runs; k++) {
        size_t length = run_of(places + i, n - i, &step);
        runs[k] = take_run(reader, value, 0, places + i, length);
        i += length;
    }
    return ef_reader_join(reader, runs, n_runs, 0);
}

ef_value ef_reader_take(ef_reader *reader, const ef_value *value, size_t axis,
                        const uint32_t *places, size_t n)
{
    uint32_t step;
    if (n == 0) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED, "nothing is left of its input");
    }
    if (reader->status) {
        return *value;
    }
    if (repeats_of(places, n, &step) > 0) {
        return take_run(reader, value, axis, places, n);
    }
    size_t perm[EF_DIMS_MAX], back[EF_DIMS_MAX];
    fronting(value->dims.rank, axis, perm, back);
    ef_value turned = ef_reader_permute(reader, value, perm);
    ef_value made = take_runs(reader, &turned, places, n);
    return ef_reader_permute(reader, &made, back);
}
