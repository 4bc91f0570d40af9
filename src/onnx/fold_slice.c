/* Operators that cut a box out of their input, or put it into a larger one. */
#include <inttypes.h>
#include <string.h>

#include "net/topology.h"
#include "onnx/fold_priv.h"

/* --- Slice ----------------------------------------------------------------------- */

typedef struct slices {
    ef_fold_list starts, ends, axes, steps;
} slices;

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* How many elements of n a slice takes; *start becomes the first of them. */
static int64_t slice_length(int64_t n, int64_t *start, int64_t end, int64_t step)
{
    int64_t first = *start < 0 ? *start + n : *start;
    int64_t last = end < 0 ? end + n : end;
    if (n == 0) {
        *start = 0;
        return 0;
    }
    if (step > 0) {
        *start = clamp(first, 0, n);
        last = clamp(last, 0, n);
        return last > *start ? 1 + (last - *start - 1) / step : 0;
    }
    *start = clamp(first, 0, n - 1);
    last = clamp(last, -1, n - 1);
    return *start > last ? 1 + (*start - last - 1) / -step : 0;
}

static ef_status check_slices(ef_fold *fold, const slices *s, size_t rank)
{
    size_t n = s->starts.n;
    if (!s->starts.values || s->ends.n != n || (s->axes.values && s->axes.n != n) ||
        (s->steps.values && s->steps.n != n) || (!s->axes.values && n > rank)) {
        return ef_fold_refuse(fold, EF_ERR_INPUT,
                              "its starts, ends, axes and steps differ in number");
    }
    for (size_t i = 0; i < s->steps.n; i++) {
        if (s->steps.values[i] == 0 || s->steps.values[i] < -INT64_MAX) {
            return ef_fold_refuse(fold, EF_ERR_INPUT, "it has a step of %" PRId64,
                                  s->steps.values[i]);
        }
    }
    return EF_OK;
}

/* Narrows the walk over input 0. */
static ef_status narrow(ef_fold *fold, const slices *s, ef_walk *walk)
{
    for (size_t i = 0; i < s->starts.n; i++) {
        int64_t start = s->starts.values[i];
        int64_t step = s->steps.values ? s->steps.values[i] : 1;
        size_t axis = i;
        ef_status status = EF_OK;
        if (s->axes.values) {
            status = ef_fold_axis(fold, s->axes.values[i], walk->rank, &axis);
        }
        if (status) {
            return status;
        }
        int64_t length =
            slice_length(walk->dims[axis], &start, s->ends.values[i], step);
        walk->at[1] += start * walk->strides[1][axis];
        walk->dims[axis] = length;
        if (length > 1) { /* then |step| is below the dimension */
            walk->strides[1][axis] *= step;
        }
    }
    return EF_OK;
}

static ef_status slice(ef_fold *fold, const slices *s)
{
    const ef_constant *c = fold->inputs[0];
    unsigned char marks[EF_CONSTANT_MAX_RANK];
    const void *from = NULL;
    void *to = NULL;
    ef_walk walk = {.rank = c->rank};
    memcpy(walk.dims, c->dims, c->rank * sizeof *c->dims);
    ef_walk_strides(c->rank, c->dims, walk.strides[1]);
    ef_status status = ef_fold_axes(fold, s->axes, c->rank, marks);
    if (!status) {
        status = narrow(fold, s, &walk);
    }
    if (!status) {
        status = ef_fold_values(fold, 0, &from);
    }
    if (!status) {
        status = ef_fold_make(fold, 0, c->data_type, walk.rank, walk.dims, &to);
    }
    if (!status) {
        ef_walk_strides(walk.rank, walk.dims, walk.strides[0]);
        ef_walk_copy(&walk, to, from, ef_fold_size(c->data_type));
    }
    return status;
}

ef_status ef_fold_slice(ef_fold *fold)
{
    slices s = {0};
    ef_fold_list *lists[] = {&s.starts, &s.ends, &s.axes, &s.steps};
    static const char *const names[] = {"starts", "ends", "axes", "steps"};
    size_t n = fold->opset < 10 ? 3 : 4;
    ef_status status = ef_fold_need(fold, 1);
    for (size_t k = 0; k < n && !status; k++) {
        status = ef_fold_integers(fold, names[k], 10, k + 1, lists[k]);
    }
    if (!status) {
        status = check_slices(fold, &s, fold->inputs[0]->rank);
    }
    return status ? status : slice(fold, &s);
}

/* --- Split ----------------------------------------------------------------------- */

/* Part k of the dimension: as listed, or equal parts of which the last may be less. */
static int64_t part(ef_fold_list split, int64_t n, int64_t n_parts, size_t k)
{
    if (split.values) {
        return split.values[k];
    }
    int64_t chunk = n / n_parts + (n % n_parts != 0);
    int64_t left = n - chunk * (int64_t)k;
    return left < 0 ? 0 : left < chunk ? left : chunk;
}

static ef_status check_split(ef_fold *fold, ef_fold_list split, int64_t n, size_t parts)
{
    int64_t num_outputs = (int64_t)parts, sum = 0;
    ef_status status = EF_OK;
    if (parts < 1 || parts > EF_FOLD_MAX_OUTPUTS) {
        return ef_fold_refuse(fold, EF_ERR_UNSUPPORTED,
                              "it has %zu outputs, up to %d are supported", parts,
                              EF_FOLD_MAX_OUTPUTS);
    }
    if (fold->opset >= 18) {
        status = ef_fold_int(fold, "num_outputs", &num_outputs);
    }
    for (size_t k = 0; k < split.n && sum >= 0 && sum <= n; k++) {
        sum = split.values[k] < 0 || split.values[k] > n ? -1 : sum + split.values[k];
    }
    int is_even = fold->opset >= 18 || n % (int64_t)parts == 0;
    if (!status && (num_outputs != (int64_t)parts ||
                    (split.values ? split.n != parts || sum != n : !is_even))) {
        status =
            ef_fold_refuse(fold, EF_ERR_INPUT,
                           "it does not split %" PRId64 " into %zu parts", n, parts);
    }
    return status;
}

static ef_status split_along(ef_fold *fold, ef_fold_list split, size_t axis)
{
    const ef_constant *c = fold->inputs[0];
    const void *from = NULL;
    ef_walk walk = {.rank = c->rank};
    memcpy(walk.dims, c->dims, c->rank * sizeof *c->dims);
    ef_walk_strides(c->rank, c->dims, walk.strides[1]);
    ef_status status = ef_fold_values(fold, 0, &from);
    fold->n_outputs = fold->node->n_output;
    for (size_t k = 0; k < fold->n_outputs && !status; k++) {
        void *to = NULL;
        walk.dims[axis] = part(split, c->dims[axis], (int64_t)fold->n_outputs, k);
        status = ef_fold_make(fold, k, c->data_type, c->rank, walk.dims, &to);
        if (!status) {
            ef_walk_strides(walk.rank, walk.dims, walk.strides[0]);
            ef_walk_copy(&walk, to, from, ef_fold_size(c->data_type));
        }
        walk.at[1] += walk.dims[axis] * walk.strides[1][axis];
    }
    return status;
}

ef_status ef_fold_split(ef_fold *fold)
{
    ef_fold_list split = {NULL, 0};
    int64_t wanted = 0;
    size_t axis = 0;
    ef_status status = ef_fold_need(fold, 1);
    if (!status) {
        status = ef_fold_int(fold, "axis", &wanted);
    }
    if (!status) {
        status = ef_fold_axis(fold, wanted, fold->inputs[0]->rank, &axis);
    }
    if (!status) {
        status = ef_fold_integers(fold, "split", 13, 1, &split);
    }
    if (!status) {
        status =
            check_split(fold, split, fold->inputs[0]->dims[axis], fold->node->n_output);
    }
    return status ? status : split_along(fold, split, axis);
}

/* --- Pad ------------------------------------------------------------------------- */

typedef struct padding {
    int64_t before[EF_CONSTANT_MAX_RANK], after[EF_CONSTANT_MAX_RANK];
    ef_fold_number value;
} padding;

static ef_status read_pads(ef_fold *fold, size_t rank, padding *p)
{
    unsigned char marks[EF_CONSTANT_MAX_RANK];
    ef_fold_list pads = {NULL, 0}, axes = {NULL, 0};
    ef_status status = ef_fold_integers(fold, "pads", 11, 1, &pads);
    if (!status && fold->opset >= 18) {
        status = ef_fold_integers(fold, "axes", 18, 3, &axes);
    }
    if (!status) {
        status = ef_fold_axes(fold, axes, rank, marks);
    }
    size_t n = axes.values ? axes.n : rank;
    if (!status && pads.n != 2 * n) {
        status = ef_fold_refuse(fold, EF_ERR_INPUT,
                                "it has %zu pads for %zu dimensions", pads.n, n);
    }
    for (size_t i = 0; i < n && !status; i++) {
        size_t axis = i;
        if (axes.values) {
            status = ef_fold_axis(fold, axes.values[i], rank, &axis);
        }
        /* within these bounds no sum overflows, beyond them nothing would fit */
        const int64_t most = EF_MAX_ELEMENTS + INT64_C(1);
        p->before[axis] = clamp(pads.values[i], -most, most);
        p->after[axis] = clamp(pads.values[n + i], -most, most);
    }
    return status;
}

static ef_status read_pad_value(ef_fold *fold, padding *p)
{
    const ef_constant *value = fold->n_inputs > 2 ? fold->inputs[2] : NULL;
    int is_float = ef_constant_is_float(fold->inputs[0]);
    const void *values = NULL;
    float real = 0;
    if (fold->opset < 11) {
        ef_status status = ef_fold_float(fold, "value", &real);
        p->value = (ef_fold_number){.whole = ef_constant_cut(real)};
        if (is_float) {
            p->value.real = real;
        }
        return status;
    }
    if (!value) {
        return EF_OK;
    }
    if (value->count != 1 || value->data_type != fold->inputs[0]->data_type) {
        return ef_fold_refuse(fold, EF_ERR_INPUT,
                              "input 3 is not one number of the type of input 1");
    }
    ef_status status = ef_fold_values(fold, 2, &values);
    if (!status) {
        p->value = ef_fold_load(values, is_float, 0);
    }
    return status;
}

static ef_status demand_constant_mode(ef_fold *fold)
{
    static const char constant[] = "constant";
    const Onnx__AttributeProto *mode = ef_fold_attribute(fold, "mode");
    if (mode && (!mode->has_s || mode->s.len != strlen(constant) ||
                 memcmp(mode->s.data, constant, strlen(constant)) != 0)) {
        return ef_fold_refuse(fold, EF_ERR_UNSUPPORTED,
                              "attribute mode is not \"constant\"");
    }
    return EF_OK;
}

/* The walk over what stays of input 0, at its places in both; negative pads cut. */
static ef_status pad_walk(ef_fold *fold, const padding *p, ef_walk *walk, int64_t *dims)
{
    const ef_constant *c = fold->inputs[0];
    walk->rank = c->rank;
    for (size_t i = 0; i < c->rank; i++) {
        dims[i] = c->dims[i] + p->before[i] + p->after[i];
        if (dims[i] < 0) {
            return ef_fold_refuse(fold, EF_ERR_INPUT,
                                  "it cuts more than a dimension of %" PRId64,
                                  c->dims[i]);
        }
        int64_t cut_before = p->before[i] < 0 ? -p->before[i] : 0;
        int64_t cut_after = p->after[i] < 0 ? -p->after[i] : 0;
        int64_t stays = c->dims[i] - cut_before - cut_after;
        walk->dims[i] = stays > 0 ? stays : 0;
    }
    return EF_OK;
}

static ef_status pad(ef_fold *fold, const padding *p)
{
    const ef_constant *c = fold->inputs[0];
    int64_t dims[EF_CONSTANT_MAX_RANK];
    ef_walk walk = {0};
    const void *from = NULL;
    void *to = NULL;
    ef_status status = pad_walk(fold, p, &walk, dims);
    if (!status) {
        status = ef_fold_values(fold, 0, &from);
    }
    if (!status) {
        status = ef_fold_make(fold, 0, c->data_type, c->rank, dims, &to);
    }
    if (status) {
        return status;
    }
    for (size_t i = 0; i < fold->outputs[0].count; i++) {
        ef_fold_store(to, c->data_type, i, p->value);
    }
    ef_walk_strides(c->rank, dims, walk.strides[0]);
    ef_walk_strides(c->rank, c->dims, walk.strides[1]);
    for (size_t i = 0; i < c->rank; i++) {
        int64_t before = p->before[i];
        walk.at[0] += (before > 0 ? before : 0) * walk.strides[0][i];
        walk.at[1] += (before < 0 ? -before : 0) * walk.strides[1][i];
    }
    ef_walk_copy(&walk, to, from, ef_fold_size(c->data_type));
    return EF_OK;
}

ef_status ef_fold_pad(ef_fold *fold)
{
    padding p = {0};
    ef_status status = ef_fold_need(fold, fold->opset >= 11 ? 2 : 1);
    if (!status) {
        status = demand_constant_mode(fold);
    }
    if (!status) {
        status = read_pads(fold, fold->inputs[0]->rank, &p);
    }
    if (!status) {
        status = read_pad_value(fold, &p);
    }
    return status ? status : pad(fold, &p);
}
