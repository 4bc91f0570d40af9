/* Sums and their like along axes, and the product of matrices. */
#include <math.h>
#include <string.h>

#include "onnx/fold_priv.h"

typedef struct reduction {
    const char *op_type;
    const char *pair;    /* what combines two numbers */
    double of_none;      /* the value of no elements */
    int none_is_refused; /* there is no such value */
    int is_mean;
    int64_t axes_since; /* where the axes became an input */
} reduction;

static const reduction reductions[] = {
    {"ReduceMax", "Max", 0, 1, 0, 18}, {"ReduceMean", "Add", 0, 1, 1, 18},
    {"ReduceMin", "Min", 0, 1, 0, 18}, {"ReduceProd", "Mul", 1, 0, 0, 18},
    {"ReduceSum", "Add", 0, 0, 0, 13},
};

static const reduction *find_reduction(const char *op_type)
{
    size_t i = 0;
    while (strcmp(reductions[i].op_type, op_type) != 0) {
        i++; /* ef_fold_run lets no other through */
    }
    return &reductions[i];
}

/* A number of either kind. */
static ef_fold_number number_of(double value, int is_float)
{
    ef_fold_number n = {.whole = (int64_t)value};
    if (is_float) {
        n.real = value;
    }
    return n;
}

/* The elements that walk passes in array 0, from `from` on, in one number; the walk
 * returns to its start. */
static ef_status reduce_one(ef_fold *fold, const reduction *row, ef_walk *walk,
                            const void *values, size_t from, ef_fold_number *out)
{
    int is_float = ef_constant_is_float(fold->inputs[0]);
    size_t n = ef_walk_count(walk);
    const ef_fold_pair *pair = ef_fold_find_pair(row->pair);
    ef_status status = EF_OK;
    *out = number_of(row->of_none, is_float);
    if (n == 0 && row->none_is_refused) {
        return ef_fold_refuse(fold, EF_ERR_INPUT, "it reduces no elements");
    }
    for (size_t i = 0; i < n && !status; i++) {
        ef_fold_number x = ef_fold_load(values, is_float, from + (size_t)walk->at[0]);
        if (i == 0) {
            *out = x;
        } else {
            status = ef_fold_combine(fold, pair, is_float, *out, x, out);
        }
        ef_walk_next(walk);
    }
    if (!status && row->is_mean) {
        status = ef_fold_combine(fold, ef_fold_find_pair("Div"), is_float, *out,
                                 number_of((double)n, is_float), out);
    }
    return status;
}

/* Walks of the axes that stay and of those that go, both through input 0. */
static void part_axes(const ef_constant *c, const unsigned char *marks,
                      ef_walk walks[2])
{
    int64_t strides[EF_CONSTANT_MAX_RANK];
    ef_walk_strides(c->rank, c->dims, strides);
    for (size_t i = 0; i < c->rank; i++) {
        ef_walk *walk = &walks[marks[i] != 0];
        walk->dims[walk->rank] = c->dims[i];
        walk->strides[0][walk->rank++] = strides[i];
    }
}

static ef_status reduce(ef_fold *fold, const unsigned char *marks, int keeps)
{
    const reduction *row = find_reduction(fold->node->op_type);
    const ef_constant *c = fold->inputs[0];
    int64_t dims[EF_CONSTANT_MAX_RANK];
    size_t rank = 0;
    ef_walk walks[2] = {{0}, {0}};
    const void *from = NULL;
    void *to = NULL;
    for (size_t i = 0; i < c->rank; i++) {
        if (keeps || !marks[i]) {
            dims[rank++] = marks[i] ? 1 : c->dims[i];
        }
    }
    part_axes(c, marks, walks);
    ef_status status = ef_fold_spend(fold, c->count);
    if (!status) {
        status = ef_fold_values(fold, 0, &from);
    }
    if (!status) {
        status = ef_fold_make(fold, 0, c->data_type, rank, dims, &to);
    }
    for (size_t i = 0; !status && i < fold->outputs[0].count; i++) {
        ef_fold_number x;
        status = reduce_one(fold, row, &walks[1], from, (size_t)walks[0].at[0], &x);
        if (!status) {
            ef_fold_store(to, c->data_type, i, x);
        }
        ef_walk_next(&walks[0]);
    }
    return status;
}

ef_status ef_fold_reduce(ef_fold *fold)
{
    const reduction *row = find_reduction(fold->node->op_type);
    ef_fold_list axes = {NULL, 0};
    unsigned char marks[EF_CONSTANT_MAX_RANK];
    int64_t keeps = 1, empty_is_none = 0;
    ef_status status = ef_fold_need(fold, 1);
    if (!status) {
        status = ef_fold_int(fold, "keepdims", &keeps);
    }
    if (!status && fold->opset >= row->axes_since) {
        status = ef_fold_int(fold, "noop_with_empty_axes", &empty_is_none);
    }
    if (!status) {
        status = ef_fold_integers(fold, "axes", row->axes_since, 1, &axes);
    }
    if (!status) {
        status = ef_fold_axes(fold, axes, fold->inputs[0]->rank, marks);
    }
    if (status) {
        return status;
    }
    if (axes.n == 0 && !empty_is_none) {
        memset(marks, 1, sizeof marks);
    }
    return reduce(fold, marks, keeps != 0);
}

/* --- MatMul ---------------------------------------------------------------------- */

/* c (m, n) = a (m, k) b (k, n), sums in order in binary64 */
static ef_status multiply(ef_fold *fold, const float *a, const float *b, void *c)
{
    size_t m = (size_t)fold->inputs[0]->dims[0], k = (size_t)fold->inputs[0]->dims[1];
    size_t n = (size_t)fold->inputs[1]->dims[1];
    int32_t data_type = fold->inputs[0]->data_type;
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            ef_fold_number sum = {.real = 0};
            for (size_t l = 0; l < k; l++) {
                sum.real += (double)a[i * k + l] * b[l * n + j];
            }
            ef_fold_store(c, data_type, i * n + j, sum);
        }
    }
    return EF_OK;
}

static ef_status check_matrices(ef_fold *fold)
{
    const ef_constant *a = fold->inputs[0], *b = fold->inputs[1];
    if (a->rank != 2 || b->rank != 2 || !ef_constant_is_float(a)) {
        return ef_fold_refuse(fold, EF_ERR_UNSUPPORTED,
                              "its constants are not two matrices of floats");
    }
    if (a->dims[1] != b->dims[0]) {
        return ef_fold_refuse(fold, EF_ERR_INPUT,
                              "its matrices have %zu columns and %zu rows",
                              (size_t)a->dims[1], (size_t)b->dims[0]);
    }
    return EF_OK;
}

ef_status ef_fold_matmul(ef_fold *fold)
{
    const void *a = NULL, *b = NULL;
    void *c = NULL;
    ef_status status = ef_fold_need(fold, 2);
    if (!status) {
        status = ef_fold_demand_one_type(fold, 0);
    }
    if (!status) {
        status = check_matrices(fold);
    }
    if (status) {
        return status;
    }
    int64_t dims[] = {fold->inputs[0]->dims[0], fold->inputs[1]->dims[1]};
    /* below 2^56: both inputs are bounded */
    uint64_t work = (uint64_t)fold->inputs[0]->count * (uint64_t)dims[1];
    status = ef_fold_spend(fold, work / 16);
    if (!status) {
        status = ef_fold_values(fold, 0, &a);
    }
    if (!status) {
        status = ef_fold_values(fold, 1, &b);
    }
    if (!status) {
        status = ef_fold_make(fold, 0, fold->inputs[0]->data_type, 2, dims, &c);
    }
    return status ? status : multiply(fold, a, b, c);
}
