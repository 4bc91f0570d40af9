/* Operators on single elements, with broadcasting. */
#include <math.h>
#include <string.h>

#include "base/mathfn.h"
#include "onnx/fold_priv.h"

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

/* --- two numbers ----------------------------------------------------------------- */

/* One operand; the first one may be the result so far. */
typedef struct operand {
    const ef_constant *c;
    const void *values;
} operand;

/* Both as floats where one is: only Pow has such. */
static void load_pair(const operand *x, const ef_walk *walk, int is_float,
                      ef_fold_number n[2])
{
    for (size_t k = 0; k < 2; k++) {
        int is_real = ef_constant_is_float(x[k].c);
        n[k] = ef_fold_load(x[k].values, is_real, (size_t)walk->at[k]);
        if (is_float && !is_real) {
            n[k].real = (double)n[k].whole;
        }
    }
}

static ef_status combine_all(ef_fold *fold, const ef_fold_pair *pair, const operand *x,
                             ef_walk *walk, void *made)
{
    int32_t data_type = fold->outputs[0].data_type;
    int is_float = ef_constant_is_float(x[0].c) || ef_constant_is_float(x[1].c);
    int is_cut = is_float && !pair->gives_bool && !ef_constant_is_float_type(data_type);
    size_t count = fold->outputs[0].count;
    for (size_t i = 0; i < count; i++) {
        ef_fold_number n[2], out;
        load_pair(x, walk, is_float, n);
        ef_status status = ef_fold_combine(fold, pair, is_float, n[0], n[1], &out);
        if (status) {
            return status;
        }
        if (is_cut) {
            out.whole = ef_constant_cut(out.real);
        }
        ef_fold_store(made, data_type, i, out);
        ef_walk_next(walk);
    }
    return EF_OK;
}

/* Output 0 from two operands. */
static ef_status combine_pair(ef_fold *fold, const operand x[2])
{
    const ef_fold_pair *pair = ef_fold_find_pair(fold->node->op_type);
    int32_t data_type = pair->gives_bool ? TYPE(BOOL) : x[0].c->data_type;
    ef_walk walk = {0};
    ef_status status = EF_OK;
    void *made = NULL;
    for (size_t k = 0; k < 2 && !status; k++) {
        if (!pair->real && ef_constant_is_float(x[k].c)) {
            return ef_fold_refuse(fold, EF_ERR_INPUT, "its inputs are not of bools");
        }
        status =
            ef_fold_broadcast(fold, &walk.rank, walk.dims, x[k].c->rank, x[k].c->dims);
    }
    for (size_t k = 0; k < 2 && !status; k++) {
        ef_walk_broadcast(&walk, k, x[k].c);
    }
    if (!status) {
        status = ef_fold_make(fold, 0, data_type, walk.rank, walk.dims, &made);
    }
    return status ? status : combine_all(fold, pair, x, &walk, made);
}

/* Input k combined with output 0. */
static ef_status combine_next(ef_fold *fold, size_t k)
{
    ef_constant so_far = fold->outputs[0];
    operand x[2] = {{&so_far, NULL}, {fold->inputs[k], NULL}};
    x[0].values = so_far.floats;
    if (!ef_constant_is_float(&so_far)) {
        x[0].values = so_far.integers;
    }
    ef_status status = ef_fold_values(fold, k, &x[1].values);
    return status ? status : combine_pair(fold, x);
}

ef_status ef_fold_variadic(ef_fold *fold)
{
    const void *values = NULL; /* brought into the arena */
    ef_status status = ef_fold_need(fold, fold->n_inputs > 0 ? fold->n_inputs : 1);
    if (!status) {
        status = ef_fold_demand_one_type(fold, 0);
    }
    if (!status) {
        status = ef_fold_values(fold, 0, &values);
    }
    if (!status) {
        fold->outputs[0] = *fold->inputs[0];
    }
    for (size_t k = 1; k < fold->n_inputs && !status; k++) {
        status = combine_next(fold, k);
    }
    return status;
}

ef_status ef_fold_binary(ef_fold *fold)
{
    operand x[2];
    int is_pow = strcmp(fold->node->op_type, "Pow") == 0;
    ef_status status = ef_fold_need(fold, 2);
    if (!status && !is_pow) {
        status = ef_fold_demand_one_type(fold, 0);
    }
    for (size_t k = 0; k < 2 && !status; k++) {
        x[k].c = fold->inputs[k];
        status = ef_fold_values(fold, k, &x[k].values);
    }
    return status ? status : combine_pair(fold, x);
}

/* --- one number ------------------------------------------------------------------ */

static double neg_real(double x)
{
    return -x;
}

static double reciprocal_real(double x)
{
    return 1 / x;
}

static double relu_real(double x)
{
    return x < 0 ? 0 : x;
}

static int64_t neg_whole(int64_t x)
{
    return -x; /* not of INT64_MIN */
}

static int64_t abs_whole(int64_t x)
{
    return x < 0 ? -x : x;
}

static int64_t relu_whole(int64_t x)
{
    return x < 0 ? 0 : x;
}

static int64_t not_whole(int64_t x)
{
    return !x;
}

typedef struct single_row {
    const char *op_type;
    int keeps_batch;
    double (*real)(double x);    /* NULL: not of floats */
    int64_t (*whole)(int64_t x); /* NULL: not of integers */
} single_row;

static const single_row singles[] = {
    {"Abs", 1, fabs, abs_whole},
    {"Ceil", 1, ceil, NULL},
    {"Exp", 0, ef_exp, NULL},
    {"Floor", 1, floor, NULL},
    {"Neg", 0, neg_real, neg_whole},
    {"Not", 0, NULL, not_whole},
    {"Reciprocal", 0, reciprocal_real, NULL},
    {"Relu", 1, relu_real, relu_whole},
    {"Sqrt", 0, sqrt, NULL},
};

static const single_row *find_single(const char *op_type)
{
    size_t i = 0;
    while (strcmp(singles[i].op_type, op_type) != 0) {
        i++; /* ef_fold_run lets no other through */
    }
    return &singles[i];
}

static ef_status map(ef_fold *fold, const single_row *row, const void *from, void *to)
{
    const ef_constant *c = fold->inputs[0];
    int is_float = ef_constant_is_float(c);
    for (size_t i = 0; i < c->count; i++) {
        ef_fold_number x = ef_fold_load(from, is_float, i);
        int is_batch = ef_fold_is_batch(x, is_float);
        if (is_batch && !row->keeps_batch) {
            return ef_fold_refuse_batch(fold);
        }
        if (is_float && !is_batch) {
            x.real = row->real(x.real);
        } else if (!is_batch) {
            x.whole = row->whole(x.whole);
        }
        ef_fold_store(to, c->data_type, i, x);
    }
    return EF_OK;
}

ef_status ef_fold_unary(ef_fold *fold)
{
    const single_row *row = find_single(fold->node->op_type);
    const void *from = NULL;
    void *to = NULL;
    ef_status status = ef_fold_need(fold, 1);
    if (status) {
        return status;
    }
    const ef_constant *c = fold->inputs[0];
    if (ef_constant_is_float(c) ? !row->real : !row->whole) {
        char text[24];
        return ef_fold_refuse(fold, EF_ERR_INPUT, "its input is of type %s",
                              ef_constant_type_name(c->data_type, text));
    }
    status = ef_fold_values(fold, 0, &from);
    if (!status) {
        status = ef_fold_make(fold, 0, c->data_type, c->rank, c->dims, &to);
    }
    return status ? status : map(fold, row, from, to);
}

/* --- Clip ------------------------------------------------------------------------ */

typedef struct bound {
    ef_fold_number number;
    int is_there;
} bound;

static ef_status read_bound(ef_fold *fold, const char *name, size_t k, bound *found)
{
    int is_float = ef_constant_is_float(fold->inputs[0]);
    if (fold->opset < 11) {
        float real = 0;
        ef_status status = ef_fold_float(fold, name, &real);
        found->is_there = ef_fold_attribute(fold, name) != NULL;
        found->number.real = real;
        return status;
    }
    const ef_constant *c = k < fold->n_inputs ? fold->inputs[k] : NULL;
    const void *values = NULL;
    if (!c) {
        return EF_OK;
    }
    if (c->count != 1) {
        return ef_fold_refuse(fold, EF_ERR_INPUT, "input %zu is not one number", k + 1);
    }
    ef_status status = ef_fold_values(fold, k, &values);
    if (!status) {
        *found = (bound){ef_fold_load(values, is_float, 0), 1};
    }
    return status;
}

/* Max with the lower bound, then Min with the upper, as the specification has it. */
static ef_status clip(ef_fold *fold, const bound bounds[2])
{
    const ef_fold_pair *const pairs[] = {ef_fold_find_pair("Max"),
                                         ef_fold_find_pair("Min")};
    const ef_constant *c = fold->inputs[0];
    int is_float = ef_constant_is_float(c);
    const void *from = NULL;
    void *to = NULL;
    ef_status status = ef_fold_values(fold, 0, &from);
    if (!status) {
        status = ef_fold_make(fold, 0, c->data_type, c->rank, c->dims, &to);
    }
    for (size_t i = 0; i < c->count && !status; i++) {
        ef_fold_number x = ef_fold_load(from, is_float, i);
        for (size_t k = 0; k < 2 && !status; k++) {
            if (bounds[k].is_there) {
                status =
                    ef_fold_combine(fold, pairs[k], is_float, x, bounds[k].number, &x);
            }
        }
        ef_fold_store(to, c->data_type, i, x);
    }
    return status;
}

ef_status ef_fold_clip(ef_fold *fold)
{
    bound bounds[2] = {0};
    ef_status status = ef_fold_need(fold, 1);
    if (!status) {
        status = ef_fold_demand_one_type(fold, 0);
    }
    if (!status && fold->opset < 11 && !ef_constant_is_float(fold->inputs[0])) {
        status = ef_fold_refuse(fold, EF_ERR_INPUT, "its input is not of floats");
    }
    if (!status) {
        status = read_bound(fold, "min", 1, &bounds[0]);
    }
    if (!status) {
        status = read_bound(fold, "max", 2, &bounds[1]);
    }
    return status ? status : clip(fold, bounds);
}
