/* Operators that move elements. */
#include <inttypes.h>

#include "onnx/fold_priv.h"

/* --- Concat ---------------------------------------------------------------------- */

static ef_status join_dims(ef_fold *fold, size_t axis, int64_t *dims)
{
    const ef_constant *first = fold->inputs[0];
    for (size_t i = 0; i < first->rank; i++) {
        dims[i] = i == axis ? 0 : first->dims[i];
    }
    for (size_t k = 0; k < fold->n_inputs; k++) {
        const ef_constant *c = fold->inputs[k];
        int fits = c->rank == first->rank;
        for (size_t i = 0; i < first->rank && fits; i++) {
            fits = i == axis || c->dims[i] == first->dims[i];
        }
        if (!fits) {
            return ef_fold_refuse(fold, EF_ERR_INPUT,
                                  "inputs 1 and %zu have dimensions that do not fit",
                                  k + 1);
        }
        dims[axis] += c->dims[axis];
    }
    return EF_OK;
}

static ef_status join(ef_fold *fold, size_t axis, const int64_t *dims)
{
    void *made = NULL;
    int32_t data_type = fold->inputs[0]->data_type;
    size_t rank = fold->inputs[0]->rank;
    ef_status status = ef_fold_make(fold, 0, data_type, rank, dims, &made);
    ef_walk walk = {.rank = rank};
    ef_walk_strides(rank, dims, walk.strides[0]);
    for (size_t k = 0; k < fold->n_inputs && !status; k++) {
        const ef_constant *c = fold->inputs[k];
        const void *values = NULL;
        status = ef_fold_values(fold, k, &values);
        for (size_t i = 0; i < rank; i++) {
            walk.dims[i] = c->dims[i];
        }
        ef_walk_strides(rank, c->dims, walk.strides[1]);
        if (!status) {
            ef_walk_copy(&walk, made, values, ef_fold_size(data_type));
        }
        walk.at[0] += c->dims[axis] * walk.strides[0][axis];
    }
    return status;
}

ef_status ef_fold_concat(ef_fold *fold)
{
    int64_t wanted = 1, dims[EF_CONSTANT_MAX_RANK];
    size_t axis = 0;
    ef_status status = ef_fold_need(fold, fold->n_inputs > 0 ? fold->n_inputs : 1);
    if (!status) {
        status = ef_fold_demand_one_type(fold, 0);
    }
    if (!status) {
        status = ef_fold_int(fold, "axis", &wanted);
    }
    if (!status) {
        status = ef_fold_axis(fold, wanted, fold->inputs[0]->rank, &axis);
    }
    if (!status) {
        status = join_dims(fold, axis, dims);
    }
    return status ? status : join(fold, axis, dims);
}

/* --- Gather ---------------------------------------------------------------------- */

/* Seen as (outer, along, inner); the output is (outer, indices, inner). */
static ef_status gather(ef_fold *fold, size_t axis, ef_walk *walk, void *to)
{
    const ef_constant *c = fold->inputs[0];
    const void *from = NULL, *indices = NULL;
    int64_t n_along = c->dims[axis];
    ef_status status = ef_fold_values(fold, 0, &from);
    if (!status) {
        status = ef_fold_values(fold, 1, &indices);
    }
    if (!status) { /* looked at even where the output is empty */
        status = ef_fold_spend(fold, fold->inputs[1]->count);
    }
    for (size_t i = 0; i < fold->inputs[1]->count && !status; i++) {
        int64_t index = ((const int64_t *)indices)[i];
        if (index < -n_along || index >= n_along) {
            return ef_fold_refuse(fold, EF_ERR_INPUT,
                                  "index %" PRId64 " is outside of %" PRId64, index,
                                  n_along);
        }
        walk->at[0] = (int64_t)i * walk->dims[1];
        walk->at[1] = (index < 0 ? index + n_along : index) * walk->dims[1];
        ef_walk_copy(walk, to, from, ef_fold_size(c->data_type));
    }
    return status;
}

/* Dimensions of the output; the walk over (outer, inner) at one index. */
static size_t gather_dims(const ef_fold *fold, size_t axis, ef_walk *walk,
                          int64_t *dims)
{
    const ef_constant *c = fold->inputs[0], *indices = fold->inputs[1];
    size_t rank = 0;
    *walk = (ef_walk){.rank = 2, .dims = {1, 1}};
    for (size_t i = 0; i < c->rank; i++) {
        if (i == axis) {
            for (size_t j = 0; j < indices->rank; j++) {
                dims[rank++] = indices->dims[j];
            }
            continue;
        }
        dims[rank++] = c->dims[i];
        walk->dims[i > axis] *= c->dims[i];
    }
    walk->strides[0][0] = (int64_t)indices->count * walk->dims[1];
    walk->strides[1][0] = c->dims[axis] * walk->dims[1];
    walk->strides[0][1] = walk->strides[1][1] = 1;
    return rank;
}

ef_status ef_fold_gather(ef_fold *fold)
{
    int64_t wanted = 0, dims[2 * EF_CONSTANT_MAX_RANK];
    size_t axis = 0;
    void *to = NULL;
    ef_walk walk;
    ef_status status = ef_fold_need(fold, 2);
    if (!status) {
        status = ef_fold_int(fold, "axis", &wanted);
    }
    if (!status) {
        status = ef_fold_axis(fold, wanted, fold->inputs[0]->rank, &axis);
    }
    if (!status && !ef_constant_is_integer(fold->inputs[1])) {
        status = ef_fold_refuse(fold, EF_ERR_INPUT, "its indices are not integers");
    }
    if (status) {
        return status;
    }
    size_t rank = gather_dims(fold, axis, &walk, dims);
    status = ef_fold_make(fold, 0, fold->inputs[0]->data_type, rank, dims, &to);
    return status ? status : gather(fold, axis, &walk, to);
}

/* --- Transpose, Expand, Tile ----------------------------------------------------- */

/* The whole of input 0 through a walk that has its strides: output dims given apart. */
static ef_status copy_all(ef_fold *fold, ef_walk *walk, size_t rank,
                          const int64_t *dims)
{
    const ef_constant *c = fold->inputs[0];
    const void *from = NULL;
    void *to = NULL;
    ef_status status = ef_fold_values(fold, 0, &from);
    if (!status) {
        status = ef_fold_make(fold, 0, c->data_type, rank, dims, &to);
    }
    if (!status) {
        ef_walk_strides(walk->rank, walk->dims, walk->strides[0]);
        ef_walk_copy(walk, to, from, ef_fold_size(c->data_type));
    }
    return status;
}

/* order[i]: the axis of the input that became axis i. */
static void keep_name(ef_fold *fold, const uint32_t *order)
{
    const ef_constant *from = fold->inputs[0];
    ef_constant *to = &fold->outputs[0];
    uint32_t dims[EF_CONSTANT_MAX_RANK];
    int is_known = 1;
    for (size_t i = 0; i < from->rank; i++) {
        dims[i] = (uint32_t)from->dims[i];
    }
    to->layout = from->layout;
    if (from->layout.n_dims == 0 && from->rank <= 4) {
        to->layout = ef_layout_of_turned((uint32_t)from->rank, dims, order);
    } else if (from->rank == 2 && order[0] == 1) {
        is_known = ef_layout_transpose(&to->layout, dims[0], dims[1]);
    } else {
        is_known = 0;
    }
    to->name = is_known ? from->name : "";
}

ef_status ef_fold_transpose(ef_fold *fold)
{
    unsigned char marks[EF_CONSTANT_MAX_RANK];
    int64_t strides[EF_CONSTANT_MAX_RANK];
    uint32_t order[EF_CONSTANT_MAX_RANK] = {0};
    ef_fold_list perm = {NULL, 0};
    ef_status status = ef_fold_need(fold, 1);
    if (!status) {
        status = ef_fold_integers(fold, "perm", INT64_MAX, 0, &perm);
    }
    if (status) {
        return status;
    }
    const ef_constant *c = fold->inputs[0];
    if (perm.values && perm.n != c->rank) {
        return ef_fold_refuse(fold, EF_ERR_INPUT,
                              "attribute perm has %zu values instead of %zu", perm.n,
                              c->rank);
    }
    status = ef_fold_axes(fold, perm, c->rank, marks);
    if (status) {
        return status;
    }
    ef_walk walk = {.rank = c->rank};
    ef_walk_strides(c->rank, c->dims, strides);
    for (size_t i = 0; i < c->rank; i++) {
        size_t from = c->rank - 1 - i;
        if (perm.values) {
            status = ef_fold_axis(fold, perm.values[i], c->rank, &from);
        }
        walk.dims[i] = c->dims[from];
        walk.strides[1][i] = strides[from];
        order[i] = (uint32_t)from;
    }
    status = status ? status : copy_all(fold, &walk, c->rank, walk.dims);
    if (!status) {
        keep_name(fold, order);
    }
    return status;
}

ef_status ef_fold_expand(ef_fold *fold)
{
    ef_fold_list shape = {NULL, 0};
    ef_walk walk = {0};
    ef_status status = ef_fold_need(fold, 2);
    if (!status) {
        status = ef_fold_integers(fold, "shape", 0, 1, &shape);
    }
    if (!status) {
        const ef_constant *c = fold->inputs[0];
        status = ef_fold_broadcast(fold, &walk.rank, walk.dims, c->rank, c->dims);
    }
    if (!status) {
        status = ef_fold_broadcast(fold, &walk.rank, walk.dims, shape.n, shape.values);
    }
    for (size_t i = 0; i < walk.rank && !status; i++) {
        if (walk.dims[i] < 0) {
            status =
                ef_fold_refuse(fold, EF_ERR_INPUT,
                               "it asks for a dimension of %" PRId64, walk.dims[i]);
        }
    }
    if (!status) {
        ef_walk_broadcast(&walk, 1, fold->inputs[0]);
    }
    return status ? status : copy_all(fold, &walk, walk.rank, walk.dims);
}

/* Each dimension d that is repeated r times is walked as (r, d). */
static ef_status tile(ef_fold *fold, ef_fold_list repeats)
{
    const ef_constant *c = fold->inputs[0];
    int64_t dims[EF_CONSTANT_MAX_RANK], strides[EF_CONSTANT_MAX_RANK];
    ef_walk walk = {.rank = 2 * c->rank};
    ef_walk_strides(c->rank, c->dims, strides);
    for (size_t i = 0; i < c->rank; i++) {
        int64_t n = repeats.values[i];
        if (n < 0 || n > INT32_MAX) { /* the product of two such does not overflow */
            return ef_fold_refuse(fold, n < 0 ? EF_ERR_INPUT : EF_ERR_UNSUPPORTED,
                                  "it repeats %" PRId64 " times", n);
        }
        dims[i] = n * c->dims[i];
        walk.dims[2 * i] = n;
        walk.dims[2 * i + 1] = c->dims[i];
        walk.strides[1][2 * i + 1] = strides[i];
    }
    return copy_all(fold, &walk, c->rank, dims);
}

ef_status ef_fold_tile(ef_fold *fold)
{
    ef_fold_list repeats = {NULL, 0};
    ef_status status = ef_fold_need(fold, 2);
    if (!status) {
        status = ef_fold_integers(fold, "repeats", 0, 1, &repeats);
    }
    if (!status && repeats.n != fold->inputs[0]->rank) {
        status =
            ef_fold_refuse(fold, EF_ERR_INPUT, "it has %zu repeats for %zu dimensions",
                           repeats.n, fold->inputs[0]->rank);
    }
    return status ? status : tile(fold, repeats);
}

/* --- Where ----------------------------------------------------------------------- */

static void choose(ef_walk *walk, void *to, int32_t data_type,
                   const void *const from[3])
{
    int is_float = ef_constant_is_float_type(data_type);
    size_t count = ef_walk_count(walk);
    for (size_t i = 0; i < count; i++) {
        size_t k = ((const int64_t *)from[0])[walk->at[0]] ? 1 : 2;
        ef_fold_store(to, data_type, i,
                      ef_fold_load(from[k], is_float, (size_t)walk->at[k]));
        ef_walk_next(walk);
    }
}

ef_status ef_fold_where(ef_fold *fold)
{
    const void *from[3] = {NULL, NULL, NULL};
    void *to = NULL;
    ef_walk walk = {0};
    ef_status status = ef_fold_need(fold, 3);
    if (!status) {
        status = ef_fold_demand_one_type(fold, 1);
    }
    if (!status && !ef_constant_is_integer(fold->inputs[0])) {
        status = ef_fold_refuse(fold, EF_ERR_INPUT, "its condition is not of bools");
    }
    for (size_t k = 0; k < 3 && !status; k++) {
        const ef_constant *c = fold->inputs[k];
        status = ef_fold_values(fold, k, &from[k]);
        if (!status) {
            status = ef_fold_broadcast(fold, &walk.rank, walk.dims, c->rank, c->dims);
        }
    }
    if (status) {
        return status;
    }
    int32_t data_type = fold->inputs[1]->data_type;
    status = ef_fold_make(fold, 0, data_type, walk.rank, walk.dims, &to);
    for (size_t k = 0; k < 3 && !status; k++) {
        ef_walk_broadcast(&walk, k, fold->inputs[k]);
    }
    if (!status) {
        choose(&walk, to, data_type, from);
    }
    return status;
}
