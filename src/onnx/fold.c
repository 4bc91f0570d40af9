#include "onnx/fold.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "onnx/fold_priv.h"

typedef struct operator_row {
    const char *op_type;
    ef_fold_operator *run;
} operator_row;

static const operator_row operators[] = {
    {"Abs", ef_fold_unary},
    {"Add", ef_fold_binary},
    {"And", ef_fold_binary},
    {"Cast", ef_fold_cast},
    {"Ceil", ef_fold_unary},
    {"Clip", ef_fold_clip},
    {"Concat", ef_fold_concat},
    {"Constant", ef_fold_constant},
    {"ConstantOfShape", ef_fold_constant_of_shape},
    {"Div", ef_fold_binary},
    {"Dropout", ef_fold_dropout},
    {"Equal", ef_fold_binary},
    {"Exp", ef_fold_unary},
    {"Expand", ef_fold_expand},
    {"Flatten", ef_fold_flatten},
    {"Floor", ef_fold_unary},
    {"Gather", ef_fold_gather},
    {"Greater", ef_fold_binary},
    {"GreaterOrEqual", ef_fold_binary},
    {"Identity", ef_fold_identity},
    {"Less", ef_fold_binary},
    {"LessOrEqual", ef_fold_binary},
    {"MatMul", ef_fold_matmul},
    {"Max", ef_fold_variadic},
    {"Min", ef_fold_variadic},
    {"Mul", ef_fold_binary},
    {"Neg", ef_fold_unary},
    {"Not", ef_fold_unary},
    {"Or", ef_fold_binary},
    {"Pad", ef_fold_pad},
    {"Pow", ef_fold_binary},
    {"Range", ef_fold_range},
    {"Reciprocal", ef_fold_unary},
    {"ReduceMax", ef_fold_reduce},
    {"ReduceMean", ef_fold_reduce},
    {"ReduceMin", ef_fold_reduce},
    {"ReduceProd", ef_fold_reduce},
    {"ReduceSum", ef_fold_reduce},
    {"Relu", ef_fold_unary},
    {"Reshape", ef_fold_reshape},
    {"Slice", ef_fold_slice},
    {"Split", ef_fold_split},
    {"Sqrt", ef_fold_unary},
    {"Squeeze", ef_fold_squeeze},
    {"Sub", ef_fold_binary},
    {"Tile", ef_fold_tile},
    {"Transpose", ef_fold_transpose},
    {"Unsqueeze", ef_fold_unsqueeze},
    {"Where", ef_fold_where},
};

static const operator_row *find_operator(const char *op_type)
{
    for (size_t i = 0; op_type && i < sizeof operators / sizeof *operators; i++) {
        if (strcmp(operators[i].op_type, op_type) == 0) {
            return &operators[i];
        }
    }
    return NULL;
}

int ef_fold_knows(const char *op_type)
{
    return find_operator(op_type) != NULL;
}

ef_status ef_fold_run(ef_fold *fold)
{
    const operator_row *row = find_operator(fold->node->op_type);
    if (!row) {
        return ef_fold_refuse(fold, EF_ERR_UNSUPPORTED, "constants do not pass it");
    }
    ef_fold work = *fold;
    work.n_outputs = 1;
    ef_status status = row->run(&work);
    if (!status) {
        *fold = work;
        return EF_OK;
    }
    fold->budget = work.budget;
    memcpy(fold->why, work.why, sizeof fold->why);
    return status;
}

/* --- errors ---------------------------------------------------------------------- */

ef_status ef_fold_refuse(ef_fold *fold, ef_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fold->why, sizeof fold->why, format, arguments);
    va_end(arguments);
    return status;
}

ef_status ef_fold_refuse_batch(ef_fold *fold)
{
    return ef_fold_refuse(fold, EF_ERR_UNSUPPORTED,
                          "it computes with the number of images");
}

ef_status ef_fold_spend(ef_fold *fold, uint64_t n)
{
    if (n > fold->budget) {
        return ef_fold_refuse(fold, EF_ERR_UNSUPPORTED,
                              "the model computes too many constants");
    }
    fold->budget -= (size_t)n;
    return EF_OK;
}

/* --- attributes ------------------------------------------------------------------ */

const Onnx__AttributeProto *ef_fold_attribute(const ef_fold *fold, const char *name)
{
    for (size_t i = 0; i < fold->node->n_attribute; i++) {
        const Onnx__AttributeProto *attribute = fold->node->attribute[i];
        if (attribute->name && strcmp(attribute->name, name) == 0) {
            return attribute;
        }
    }
    return NULL;
}

static ef_status refuse_attribute(ef_fold *fold, const char *name)
{
    return ef_fold_refuse(fold, EF_ERR_INPUT, "attribute %s has no value of its type",
                          name);
}

ef_status ef_fold_int(ef_fold *fold, const char *name, int64_t *value)
{
    const Onnx__AttributeProto *attribute = ef_fold_attribute(fold, name);
    if (attribute && !attribute->has_i) {
        return refuse_attribute(fold, name);
    }
    *value = attribute ? attribute->i : *value;
    return EF_OK;
}

ef_status ef_fold_float(ef_fold *fold, const char *name, float *value)
{
    const Onnx__AttributeProto *attribute = ef_fold_attribute(fold, name);
    if (attribute && !attribute->has_f) {
        return refuse_attribute(fold, name);
    }
    *value = attribute ? attribute->f : *value;
    return EF_OK;
}

/* --- inputs ---------------------------------------------------------------------- */

static ef_constant *input(const ef_fold *fold, size_t k)
{
    return k < fold->n_inputs ? fold->inputs[k] : NULL;
}

static ef_status input_integers(ef_fold *fold, size_t k, ef_fold_list *list)
{
    const ef_constant *c = input(fold, k);
    const void *values = NULL;
    *list = (ef_fold_list){NULL, 0};
    if (!c) {
        return EF_OK;
    }
    if (!ef_constant_is_integer(c) || c->rank > 1) {
        return ef_fold_refuse(fold, EF_ERR_INPUT, "input %zu is not a list of integers",
                              k + 1);
    }
    ef_status status = ef_fold_values(fold, k, &values);
    if (!status) {
        *list = (ef_fold_list){values, c->count};
    }
    return status;
}

static ef_status attribute_integers(ef_fold *fold, const char *name, ef_fold_list *list)
{
    static const int64_t none[1];
    const Onnx__AttributeProto *attribute = ef_fold_attribute(fold, name);
    *list = (ef_fold_list){NULL, 0};
    if (attribute) {
        list->values = attribute->n_ints > 0 ? attribute->ints : none;
        list->n = attribute->n_ints;
    }
    return ef_fold_spend(fold, list->n);
}

ef_status ef_fold_integers(ef_fold *fold, const char *name, int64_t since, size_t k,
                           ef_fold_list *list)
{
    if (fold->opset < since) {
        return attribute_integers(fold, name, list);
    }
    ef_status status = input_integers(fold, k, list);
    if (!status) {
        status = ef_fold_spend(fold, list->n);
    }
    for (size_t i = 0; i < list->n && !status; i++) {
        if (list->values[i] == EF_BATCH_SIZE) {
            status = ef_fold_refuse_batch(fold);
        }
    }
    return status;
}

ef_status ef_fold_need(ef_fold *fold, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        if (!input(fold, k)) {
            return ef_fold_refuse(fold, EF_ERR_INPUT, "input %zu is missing", k + 1);
        }
    }
    return EF_OK;
}

ef_status ef_fold_demand_one_type(ef_fold *fold, size_t first)
{
    const ef_constant *one = input(fold, first);
    for (size_t k = first; k < fold->n_inputs && one; k++) {
        const ef_constant *c = fold->inputs[k];
        if (c && c->data_type != one->data_type) {
            char text[2][24];
            return ef_fold_refuse(fold, EF_ERR_INPUT,
                                  "its inputs are of types %s and %s",
                                  ef_constant_type_name(one->data_type, text[0]),
                                  ef_constant_type_name(c->data_type, text[1]));
        }
    }
    return EF_OK;
}

ef_status ef_fold_values(ef_fold *fold, size_t k, const void **values)
{
    ef_constant *c = fold->inputs[k];
    int is_float = ef_constant_is_float(c);
    if (is_float ? !c->floats : !c->integers) { /* memory for them is taken here */
        ef_status status = ef_fold_spend(fold, c->count);
        if (status) {
            return status;
        }
    }
    if (is_float) {
        *values = ef_constant_floats(c, fold->arena);
    } else {
        *values = ef_constant_integers(c, fold->arena);
    }
    return *values ? EF_OK : EF_ERR_MEMORY;
}

ef_status ef_fold_axis(ef_fold *fold, int64_t axis, size_t rank, size_t *found)
{
    int64_t n = (int64_t)rank;
    if (axis < -n || axis >= n) {
        return ef_fold_refuse(fold, EF_ERR_INPUT,
                              "axis %" PRId64 " does not exist among %zu", axis, rank);
    }
    *found = (size_t)(axis < 0 ? axis + n : axis);
    return EF_OK;
}

ef_status ef_fold_axes(ef_fold *fold, ef_fold_list axes, size_t rank,
                       unsigned char marks[EF_CONSTANT_MAX_RANK])
{
    memset(marks, 0, EF_CONSTANT_MAX_RANK);
    for (size_t i = 0; i < axes.n; i++) {
        size_t axis = 0;
        ef_status status = ef_fold_axis(fold, axes.values[i], rank, &axis);
        if (status) {
            return status;
        }
        if (marks[axis]) {
            return ef_fold_refuse(fold, EF_ERR_INPUT, "it names axis %zu twice", axis);
        }
        marks[axis] = 1;
    }
    return EF_OK;
}

/* --- outputs --------------------------------------------------------------------- */

size_t ef_fold_size(int32_t data_type)
{
    return ef_constant_is_float_type(data_type) ? sizeof(float) : sizeof(int64_t);
}

static ef_status set_dims(ef_fold *fold, ef_constant *c, size_t rank,
                          const int64_t *dims)
{
    char why[EF_CONSTANT_REASON];
    ef_status status = ef_constant_set_dims(c, rank, dims, why);
    if (status) {
        ef_fold_refuse(fold, status, "its output: %.120s", why);
    }
    return status;
}

ef_status ef_fold_make(ef_fold *fold, size_t k, int32_t data_type, size_t rank,
                       const int64_t *dims, void **values)
{
    ef_constant *c = &fold->outputs[k];
    *c = (ef_constant){.data_type = data_type, .name = ""};
    ef_status status = set_dims(fold, c, rank, dims);
    if (!status) {
        status = ef_fold_spend(fold, c->count);
    }
    if (status) {
        return status;
    }
    *values = ef_arena_calloc(fold->arena, c->count, ef_fold_size(data_type));
    if (!*values) {
        return EF_ERR_MEMORY;
    }
    if (ef_constant_is_float(c)) {
        c->floats = *values;
    } else {
        c->integers = *values;
    }
    return EF_OK;
}

ef_status ef_fold_share(ef_fold *fold, size_t rank, const int64_t *dims)
{
    ef_constant shared = *fold->inputs[0];
    ef_status status = set_dims(fold, &shared, rank, dims);
    if (!status && shared.count != fold->inputs[0]->count) {
        status = ef_fold_refuse(fold, EF_ERR_INPUT, "it makes %zu elements of %zu",
                                shared.count, fold->inputs[0]->count);
    }
    fold->outputs[0] = shared;
    return status;
}
