/* Operators that keep all elements in their order. */
#include <inttypes.h>

#include "onnx/fold_priv.h"

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

ef_status ef_fold_identity(ef_fold *fold)
{
    ef_status status = ef_fold_need(fold, 1);
    if (!status) {
        fold->outputs[0] = *fold->inputs[0];
    }
    return status;
}

/* All ones: nothing is dropped outside of training. */
static ef_status make_mask(ef_fold *fold)
{
    const ef_constant *c = fold->inputs[0];
    void *values = NULL;
    int32_t data_type = fold->opset < 10 ? c->data_type : TYPE(BOOL);
    int is_float = ef_constant_is_float_type(data_type);
    ef_status status = ef_fold_make(fold, 1, data_type, c->rank, c->dims, &values);
    for (size_t i = 0; i < c->count && !status; i++) {
        ef_fold_number one = {.whole = 1};
        if (is_float) {
            one.real = 1;
        }
        ef_fold_store(values, data_type, i, one);
    }
    fold->n_outputs = 2;
    return status;
}

ef_status ef_fold_dropout(ef_fold *fold)
{
    ef_fold_list training = {NULL, 0};
    ef_status status = ef_fold_identity(fold);
    if (!status && fold->opset >= 12) {
        status = ef_fold_integers(fold, "", 12, 2, &training);
    }
    if (!status && training.n > 0 && training.values[0] != 0) {
        return ef_fold_refuse(fold, EF_ERR_UNSUPPORTED, "it is in training mode");
    }
    return !status && fold->node->n_output > 1 ? make_mask(fold) : status;
}

/* --- Reshape --------------------------------------------------------------------- */

/* Copies the dimensions asked for, zeros taken from the input unless they are meant;
 * *open is where -1 stands, or n. */
static ef_status take_dims(ef_fold *fold, ef_fold_list shape, int64_t allow_zero,
                           int64_t *dims, size_t *open)
{
    const ef_constant *c = fold->inputs[0];
    *open = shape.n;
    for (size_t i = 0; i < shape.n; i++) {
        dims[i] = shape.values[i];
        if (dims[i] == 0 && !allow_zero) {
            if (i >= c->rank) {
                return ef_fold_refuse(fold, EF_ERR_INPUT,
                                      "it copies dimension %zu of an input of %zu", i,
                                      c->rank);
            }
            dims[i] = c->dims[i];
        } else if (dims[i] == -1) {
            if (*open < shape.n) {
                return ef_fold_refuse(fold, EF_ERR_INPUT,
                                      "it leaves more than one dimension open");
            }
            *open = i;
        }
    }
    return EF_OK;
}

/* Gives dims[open] what is left of the elements. */
static ef_status close_dims(ef_fold *fold, size_t n, int64_t *dims, size_t open)
{
    ef_constant rest = {0};
    char why[EF_CONSTANT_REASON];
    dims[open] = 1;
    ef_status status = ef_constant_set_dims(&rest, n, dims, why);
    if (status) {
        return ef_fold_refuse(fold, status, "its output: %.120s", why);
    }
    if (rest.count == 0 || fold->inputs[0]->count % rest.count != 0) {
        return ef_fold_refuse(fold, EF_ERR_INPUT,
                              "it divides %zu elements into parts of %zu",
                              fold->inputs[0]->count, rest.count);
    }
    dims[open] = (int64_t)(fold->inputs[0]->count / rest.count);
    return EF_OK;
}

ef_status ef_fold_reshape(ef_fold *fold)
{
    int64_t dims[EF_CONSTANT_MAX_RANK], allow_zero = 0;
    ef_fold_list shape = {NULL, 0};
    size_t open = 0;
    ef_status status = ef_fold_need(fold, 2);
    if (!status) {
        status = ef_fold_int(fold, "allowzero", &allow_zero);
    }
    if (!status) {
        status = ef_fold_integers(fold, "shape", 5, 1, &shape);
    }
    if (!status && shape.n > EF_CONSTANT_MAX_RANK) {
        status = ef_fold_refuse(fold, EF_ERR_UNSUPPORTED,
                                "its output has %zu dimensions, %d are supported",
                                shape.n, EF_CONSTANT_MAX_RANK);
    }
    if (!status) {
        status = take_dims(fold, shape, fold->opset >= 14 && allow_zero, dims, &open);
    }
    if (!status && open < shape.n) {
        status = close_dims(fold, shape.n, dims, open);
    }
    return status ? status : ef_fold_share(fold, shape.n, dims);
}

/* --- Squeeze, Unsqueeze, Flatten ------------------------------------------------- */

static ef_status squeeze(ef_fold *fold, ef_fold_list axes)
{
    const ef_constant *c = fold->inputs[0];
    unsigned char marks[EF_CONSTANT_MAX_RANK];
    int64_t dims[EF_CONSTANT_MAX_RANK];
    size_t rank = 0;
    ef_status status = ef_fold_axes(fold, axes, c->rank, marks);
    if (status) {
        return status;
    }
    for (size_t i = 0; i < c->rank; i++) {
        int goes = axes.values ? marks[i] : c->dims[i] == 1;
        if (goes && c->dims[i] != 1) {
            return ef_fold_refuse(fold, EF_ERR_INPUT,
                                  "it removes a dimension of %" PRId64, c->dims[i]);
        }
        if (!goes) {
            dims[rank++] = c->dims[i];
        }
    }
    return ef_fold_share(fold, rank, dims);
}

ef_status ef_fold_squeeze(ef_fold *fold)
{
    ef_fold_list axes = {NULL, 0};
    ef_status status = ef_fold_need(fold, 1);
    if (!status) {
        status = ef_fold_integers(fold, "axes", 13, 1, &axes);
    }
    return status ? status : squeeze(fold, axes);
}

static ef_status unsqueeze(ef_fold *fold, ef_fold_list axes)
{
    const ef_constant *c = fold->inputs[0];
    unsigned char marks[EF_CONSTANT_MAX_RANK];
    int64_t dims[EF_CONSTANT_MAX_RANK];
    size_t rank = c->rank + axes.n, from = 0;
    if (axes.n > EF_CONSTANT_MAX_RANK || rank > EF_CONSTANT_MAX_RANK) {
        return ef_fold_refuse(fold, EF_ERR_UNSUPPORTED,
                              "its output has more than %d dimensions",
                              EF_CONSTANT_MAX_RANK);
    }
    ef_status status = ef_fold_axes(fold, axes, rank, marks);
    for (size_t i = 0; i < rank && !status; i++) {
        dims[i] = marks[i] ? 1 : c->dims[from++];
    }
    return status ? status : ef_fold_share(fold, rank, dims);
}

ef_status ef_fold_unsqueeze(ef_fold *fold)
{
    ef_fold_list axes = {NULL, 0};
    ef_status status = ef_fold_need(fold, fold->opset >= 13 ? 2 : 1);
    if (!status) {
        status = ef_fold_integers(fold, "axes", 13, 1, &axes);
    }
    if (!status && !axes.values) {
        status = ef_fold_refuse(fold, EF_ERR_INPUT, "attribute axes is missing");
    }
    return status ? status : unsqueeze(fold, axes);
}

ef_status ef_fold_flatten(ef_fold *fold)
{
    int64_t axis = 1, dims[2] = {1, 1};
    ef_status status = ef_fold_need(fold, 1);
    if (!status) {
        status = ef_fold_int(fold, "axis", &axis);
    }
    if (status) {
        return status;
    }
    const ef_constant *c = fold->inputs[0];
    int64_t rank = (int64_t)c->rank;
    size_t first = 0;
    if (axis != rank) { /* from behind the last axis all is in the first dimension */
        status = ef_fold_axis(fold, axis, c->rank, &first);
    } else {
        first = c->rank;
    }
    for (size_t i = 0; i < c->rank && !status; i++) {
        dims[i >= first] *= c->dims[i];
    }
    return status ? status : ef_fold_share(fold, 2, dims);
}
