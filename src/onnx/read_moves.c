/* Reading operators that move elements, or only call them otherwise. */
#include <string.h>

#include "onnx/fold.h"
#include "onnx/operators.h"

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* --- another name ----------------------------------------------------------------- */

void ef_onnx_read_alias(ef_reader *reader, int kind)
{
    (void)kind;
    ef_reader_give(reader, 0, ef_reader_source(reader, 0));
}

void ef_onnx_read_dropout(ef_reader *reader, int kind)
{
    ef_constant *training = ef_reader_constant(reader, 2);
    const int64_t *values =
        training ? ef_constant_integers(training, &reader->arena) : NULL;
    if (values && training->count == 1 && values[0] != 0) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "it is in training mode; export the model for inference");
    }
    ef_onnx_read_alias(reader, kind);
}

void ef_onnx_read_cast(ef_reader *reader, int kind)
{
    if (ef_reader_int(reader, "to", 0) != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "it casts what is computed from the images to another type "
                         "than float");
    }
    ef_onnx_read_alias(reader, kind);
}

/* --- other dims ------------------------------------------------------------------- */

/* The value with these dims; a node where the topology has such a shape. */
static void give_shaped(ef_reader *reader, const ef_value *value, const ef_dims *dims)
{
    ef_shape shape = ef_dims_shape(dims);
    uint32_t node = value->node;
    if (!reader->status && dims->rank <= 3) {
        int is_flatten = shape.rank == 2 &&
                         (!reader->is_own || !strcmp(reader->node->op_type, "Flatten"));
        ef_node view = ef_node_default(is_flatten ? EF_OP_FLATTEN : EF_OP_RESHAPE);
        if (!is_flatten) {
            view.u.reshape = shape;
        }
        node = reader->is_own ? ef_reader_make_on(reader, &view, node, "")
                              : ef_reader_view(reader, node, shape);
    }
    ef_reader_give_node(reader, node, dims);
}

void ef_onnx_read_flatten(ef_reader *reader, int kind)
{
    (void)kind;
    ef_value value = ef_reader_source(reader, 0);
    size_t rank = value.dims.rank + reader->lead;
    int64_t given = ef_reader_int(reader, "axis", 1);
    int64_t axis = given < 0 ? given + (int64_t)rank : given;
    ef_dims dims = {.rank = 0};
    if (reader->lead && axis != 1) {
        ef_reader_refuse_mixing(reader);
    } else if (axis < 0 || axis > (int64_t)rank) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "it has no axis %lld", (long long)given);
    }
    if (reader->status) {
        return;
    }
    if (!reader->lead) {
        dims.size[dims.rank++] = ef_dims_product(&value.dims, 0, (size_t)axis);
    }
    dims.size[dims.rank++] =
        ef_dims_product(&value.dims, (size_t)axis - reader->lead, value.dims.rank);
    give_shaped(reader, &value, &dims);
}

/* Whether a Reshape leaves the axis of the batch as it is.  Where that can have every
 * size, a 1 is what exporters write of it, and any size where the others are given. */
static int keeps_batch(const ef_reader *reader, const int64_t *target, size_t n)
{
    int64_t size = n > 0 ? target[0] : -2;
    int is_open = 0;
    for (size_t i = 1; i < n; i++) {
        is_open |= target[i] == -1;
    }
    return size == 0 || (size == -1 && !is_open) || size == reader->batch ||
           (reader->batch == EF_BATCH_SIZE && (size == 1 || (size > 1 && !is_open)));
}

/* The dims that a Reshape asks for, behind the axis of the batch. */
static int solve_reshape(ef_reader *reader, const ef_dims *from, const int64_t *target,
                         size_t n, ef_dims *to)
{
    int keeps_zero = ef_reader_int(reader, "allowzero", 0) != 0;
    int64_t known = 1, count = ef_dims_count(from);
    size_t open = SIZE_MAX;
    to->rank = 0;
    if (reader->lead && !keeps_batch(reader, target, n)) {
        return 0;
    }
    for (size_t i = reader->lead; i < n; i++) {
        size_t own = i - reader->lead;
        int64_t size = target[i];
        if (size == 0 && !keeps_zero && own < from->rank) {
            size = from->size[own];
        }
        if (size < -1 || size == 0 || (size == -1 && open != SIZE_MAX)) {
            return 0;
        }
        open = size == -1 ? own : open;
        to->size[to->rank++] = size;
        known = size > 0 ? known * clamp(size, 1, EF_MAX_ELEMENTS + 1LL) : known;
        known = clamp(known, 1, EF_MAX_ELEMENTS + 1LL);
    }
    if (open != SIZE_MAX) {
        to->size[open] = count / known;
        known *= to->size[open];
    }
    return known == count;
}

void ef_onnx_read_reshape(ef_reader *reader, int kind)
{
    (void)kind;
    int64_t target[EF_DIMS_MAX];
    ef_dims dims;
    ef_value value = ef_reader_source(reader, 0);
    ef_reader_parameter(reader, 1);
    size_t n = ef_reader_integers(reader, 1, target, EF_DIMS_MAX);
    if (reader->status) {
        return;
    }
    if (!solve_reshape(reader, &value.dims, target, n, &dims)) {
        if (reader->lead) {
            ef_reader_refuse_mixing(reader);
        }
        ef_reader_refuse(reader, EF_ERR_INPUT,
                         "the shape it asks for does not fit its input");
        return;
    }
    give_shaped(reader, &value, &dims);
}

/* The dims that an Expand asks for, behind the axis of the batch. */
static ef_dims read_target(ef_reader *reader, size_t rank)
{
    int64_t target[EF_DIMS_MAX];
    ef_reader_parameter(reader, 1);
    size_t n = ef_reader_integers(reader, 1, target, EF_DIMS_MAX);
    size_t first = n > rank ? reader->lead : 0;
    ef_dims asked = {.rank = 0};
    if (reader->lead &&
        (n > rank + 1 || (first && target[0] != 1 && target[0] != reader->batch))) {
        ef_reader_refuse_mixing(reader);
    }
    for (size_t i = first; i < n && !reader->status; i++) {
        if (target[i] < 1 || target[i] > EF_MAX_ELEMENTS) {
            ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                             "it asks for %lld elements along an axis",
                             (long long)target[i]);
        }
        asked.size[asked.rank++] = target[i];
    }
    return asked;
}

void ef_onnx_read_expand(ef_reader *reader, int kind)
{
    (void)kind;
    ef_value value = ef_reader_source(reader, 0);
    ef_dims dims, asked = read_target(reader, value.dims.rank);
    if (reader->status) {
        return;
    }
    if (!ef_dims_broadcast(&value.dims, &asked, &dims)) {
        ef_reader_refuse(reader, EF_ERR_INPUT,
                         "the shape it asks for does not fit its input");
        return;
    }
    ef_reader_give(reader, 0, ef_reader_spread(reader, &value, &dims));
}

/* The axes that a Squeeze or Unsqueeze names, as a mask over n axes. */
static size_t read_axes(ef_reader *reader, size_t n, unsigned char *is_named)
{
    int64_t axes[EF_DIMS_MAX];
    size_t count = ef_reader_list(reader, "axes", 1, 13, axes, EF_DIMS_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t axis = ef_reader_axis(reader, axes[i], n);
        if (!reader->status && is_named[axis]) {
            ef_reader_refuse(reader, EF_ERR_INPUT, "it names an axis twice");
        }
        is_named[axis] = 1;
    }
    return count;
}

void ef_onnx_read_squeeze(ef_reader *reader, int kind)
{
    (void)kind;
    unsigned char is_named[EF_DIMS_MAX + 1] = {0};
    ef_value value = ef_reader_source(reader, 0);
    ef_dims dims = value.dims;
    size_t count = read_axes(reader, dims.rank, is_named);
    for (size_t axis = dims.rank; axis-- > 0 && !reader->status;) {
        if (count > 0 && is_named[axis] && dims.size[axis] != 1) {
            ef_reader_refuse(reader, EF_ERR_INPUT, "it squeezes an axis of size %lld",
                             (long long)dims.size[axis]);
        } else if (count > 0 ? is_named[axis] : dims.size[axis] == 1) {
            ef_dims_remove(&dims, axis);
        }
    }
    ef_reader_give_node(reader, value.node, &dims);
}

void ef_onnx_read_unsqueeze(ef_reader *reader, int kind)
{
    (void)kind;
    unsigned char is_named[2 * EF_DIMS_MAX + 1] = {0};
    int64_t unused[EF_DIMS_MAX];
    ef_value value = ef_reader_source(reader, 0);
    ef_dims dims = value.dims;
    size_t n = ef_reader_list(reader, "axes", 1, 13, unused, EF_DIMS_MAX);
    if (dims.rank + n > EF_DIMS_MAX - 1) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED, "its output has rank %zu",
                         dims.rank + n + reader->lead);
    }
    if (reader->status) {
        return;
    }
    read_axes(reader, dims.rank + n, is_named);
    for (size_t axis = 0; axis < value.dims.rank + n && !reader->status; axis++) {
        if (is_named[axis]) {
            ef_dims_insert(&dims, axis, 1);
        }
    }
    ef_reader_give_node(reader, value.node, &dims);
}

/* The permutation of the axes of an image. */
static void read_perm(ef_reader *reader, size_t rank, size_t *perm)
{
    int64_t given[EF_DIMS_MAX];
    size_t all = rank + reader->lead, seen = 0;
    size_t n = ef_reader_ints(reader, "perm", given, EF_DIMS_MAX);
    for (size_t i = 0; i < all && n == 0; i++) {
        given[i] = (int64_t)(all - 1 - i);
    }
    if (n != 0 && n != all) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "its perm has %zu axes instead of %zu",
                         n, all);
    }
    if (!reader->status && reader->lead && given[0] != 0) {
        ef_reader_refuse_mixing(reader);
    }
    for (size_t i = 0; i < rank && !reader->status; i++) {
        perm[i] = ef_reader_axis(reader, given[i + reader->lead], rank);
        seen |= (size_t)1 << perm[i];
    }
    if (!reader->status && seen + 1 != (size_t)1 << rank) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "its perm names an axis twice");
    }
}

void ef_onnx_read_transpose(ef_reader *reader, int kind)
{
    (void)kind;
    size_t perm[EF_DIMS_MAX];
    ef_value value = ef_reader_source(reader, 0);
    read_perm(reader, value.dims.rank, perm);
    if (reader->status) {
        return;
    }
    if (reader->turned_input &&
        strcmp(reader->node->input[0], reader->turned_input) == 0) {
        /* the images come so already */
        value.dims =
            (ef_dims){3, {value.dims.size[2], value.dims.size[0], value.dims.size[1]}};
        ef_reader_give(reader, 0, value);
        return;
    }
    ef_reader_give(reader, 0, ef_reader_permute(reader, &value, perm));
}

void ef_onnx_read_shape(ef_reader *reader, int kind)
{
    (void)kind;
    const ef_value *value = ef_reader_value(reader, 0);
    ef_dims dims = value->constant ? ef_dims_of(value->constant) : value->dims;
    if (!value->constant && reader->lead) {
        ef_dims_insert(&dims, 0, reader->batch);
    }
    int64_t n = (int64_t)dims.rank;
    int64_t start = ef_reader_int(reader, "start", 0);
    int64_t end = ef_reader_int(reader, "end", n);
    start = clamp(start < 0 ? start + n : start, 0, n);
    end = clamp(end < 0 ? end + n : end, start, n);
    ef_constant *made = ef_constant_new_integers(
        &reader->arena, 1, (int64_t[]){end - start}, dims.size + start);
    if (!made) {
        ef_reader_refuse_memory(reader);
    }
    ef_reader_give(reader, 0, (ef_value){.constant = made});
}

/* --- concat, split ---------------------------------------------------------------- */

/* Writes a constant into the place that begins `place` along an axis. */
static void lay(ef_reader *reader, ef_constant *constant, float *to,
                const ef_dims *dims, size_t axis, int64_t place)
{
    const float *from = ef_reader_floats(reader, constant);
    int64_t inner = ef_dims_product(dims, axis + 1, dims->rank);
    int64_t outer = ef_dims_product(dims, 0, axis);
    size_t n = (size_t)(constant->dims[axis] * inner);
    for (int64_t i = 0; from && i < outer; i++) {
        memcpy(to + (i * dims->size[axis] + place) * inner, from + (size_t)i * n,
               n * sizeof *to);
    }
}

/* Constants among what is joined: room is made for them by padding with zeros the
 * tensor before (or, for the first ones, behind) them, and the sum of the zeros and
 * their values comes at the end. */
static ef_value join_constants(ef_reader *reader, ef_value *values, size_t n,
                               const ef_dims *dims, size_t axis)
{
    int64_t place = 0, room = 0;
    size_t n_joined = 0;
    float *to = NULL;
    ef_constant *sum = ef_reader_new_floats(reader, dims, &to);
    for (size_t k = 0; k < n && sum && !reader->status; k++) {
        int64_t size = values[k].dims.size[axis];
        if (!values[k].constant) {
            values[n_joined++] = ef_reader_pad(reader, &values[k], axis, room, 0, 0);
            room = 0;
        } else {
            lay(reader, values[k].constant, to, dims, axis, place);
            room += n_joined == 0 ? size : 0;
        }
        if (values[k].constant && n_joined > 0) {
            ef_value *before = &values[n_joined - 1];
            *before = ef_reader_pad(reader, before, axis, 0, size, 0);
        }
        place += size;
    }
    ef_value made = ef_reader_join(reader, values, n_joined, axis);
    return ef_reader_add_constant(reader, &made, sum);
}

/* All inputs; *first is the first of them that is computed.  NULL on failure. */
static ef_value *read_parts(ef_reader *reader, size_t n, size_t *first)
{
    ef_value *values = ef_arena_calloc(&reader->arena, n, sizeof *values);
    if (!values) {
        ef_reader_refuse_memory(reader);
        return NULL;
    }
    *first = 0;
    for (size_t k = 0; k < n; k++) {
        values[k] = *ef_reader_value(reader, k);
        *first = values[*first].constant ? k : *first;
    }
    if (values[*first].constant) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "it joins %zu constants, supported are %d", n,
                         EF_FOLD_MAX_INPUTS);
    }
    return reader->status ? NULL : values;
}

/* Holds a value against the first computed one; a constant becomes one of an image. */
static void fit_part(ef_reader *reader, const ef_value *first, size_t axis,
                     ef_value *value)
{
    ef_dims like = first->dims;
    if (value->constant) {
        value->constant = ef_reader_of_image(reader, value->constant, like.rank);
        value->dims = ef_dims_of(value->constant);
    }
    if (value->dims.rank == like.rank) {
        like.size[axis] = value->dims.size[axis];
    }
    if (!ef_dims_equal(&like, &value->dims) || like.size[axis] == 0) {
        ef_reader_refuse(reader, EF_ERR_INPUT,
                         "its inputs differ in more than the axis they are joined "
                         "along");
    }
}

void ef_onnx_read_concat(ef_reader *reader, int kind)
{
    (void)kind;
    size_t n = reader->node->n_input, n_constants = 0, first;
    ef_value *values = read_parts(reader, n, &first);
    if (!values) {
        return;
    }
    ef_dims dims = values[first].dims;
    size_t axis = ef_reader_axis(reader, ef_reader_int(reader, "axis", 1), dims.rank);
    dims.size[axis] = 0;
    for (size_t k = 0; k < n && !reader->status; k++) {
        fit_part(reader, &values[first], axis, &values[k]);
        n_constants += values[k].constant != NULL;
        dims.size[axis] += values[k].dims.size[axis];
    }
    if (!reader->status) {
        ef_reader_give(reader, 0,
                       n_constants > 0 ? join_constants(reader, values, n, &dims, axis)
                                       : ef_reader_join(reader, values, n, axis));
    }
}

/* Sizes of the parts, from the file or equal ones. */
static void read_sizes(ef_reader *reader, int64_t size, int64_t *sizes, size_t n)
{
    size_t n_given = ef_reader_list(reader, "split", 1, 13, sizes, n);
    if (n_given == 0 && !reader->status) {
        int64_t part = (size + (int64_t)n - 1) / (int64_t)n; /* the last is smaller */
        for (size_t k = 0; k < n; k++) {
            sizes[k] = clamp(size - (int64_t)k * part, 0, part);
        }
        n_given = n;
    }
    int64_t sum = 0;
    for (size_t k = 0; k < n_given; k++) {
        sum += sizes[k] < 1 || sizes[k] > size ? size + 1 : sizes[k];
    }
    if (n_given != n || sum != size) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "its parts are empty or do not make up the whole");
    }
}

void ef_onnx_read_split(ef_reader *reader, int kind)
{
    (void)kind;
    int64_t sizes[EF_FOLD_MAX_OUTPUTS], begin = 0;
    size_t n = reader->node->n_output;
    ef_value value = ef_reader_source(reader, 0);
    size_t axis =
        ef_reader_axis(reader, ef_reader_int(reader, "axis", 0), value.dims.rank);
    if (n > EF_FOLD_MAX_OUTPUTS) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED, "it has more than %d outputs",
                         EF_FOLD_MAX_OUTPUTS);
    }
    if (!reader->status) {
        read_sizes(reader, value.dims.size[axis], sizes, n);
    }
    for (size_t k = 0; k < n && !reader->status; k++) {
        ef_reader_give(reader, k,
                       ef_reader_slice(reader, &value, axis, begin, sizes[k], 1));
        begin += sizes[k];
    }
}
