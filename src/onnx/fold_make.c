/* Operators that make values: out of the node itself, of a shape, of another type. */
#include <math.h>
#include <string.h>

#include "net/topology.h"
#include "onnx/fold_priv.h"

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

/* --- Constant -------------------------------------------------------------------- */

static ef_status of_tensor(ef_fold *fold, const Onnx__AttributeProto *attribute)
{
    char why[EF_CONSTANT_REASON];
    if (!attribute->t) {
        return ef_fold_refuse(fold, EF_ERR_INPUT, "attribute %s has no tensor",
                              attribute->name);
    }
    ef_status status = ef_constant_of_tensor(&fold->outputs[0], attribute->t, why);
    return status ? ef_fold_refuse(fold, status, "its value: %.120s", why) : EF_OK;
}

static ef_status of_floats(ef_fold *fold, const float *values, size_t n, size_t rank)
{
    void *made = NULL;
    ef_status status =
        ef_fold_make(fold, 0, TYPE(FLOAT), rank, (int64_t[]){(int64_t)n}, &made);
    if (!status && n > 0) {
        memcpy(made, values, n * sizeof *values);
    }
    return status;
}

static ef_status of_integers(ef_fold *fold, const int64_t *values, size_t n,
                             size_t rank)
{
    void *made = NULL;
    ef_status status =
        ef_fold_make(fold, 0, TYPE(INT64), rank, (int64_t[]){(int64_t)n}, &made);
    for (size_t i = 0; i < n && !status;
         i++) { /* as ef_constant reads those of files */
        ((int64_t *)made)[i] = values[i] == EF_BATCH_SIZE ? values[i] + 1 : values[i];
    }
    return status;
}

static ef_status of_attribute(ef_fold *fold, const Onnx__AttributeProto *attribute)
{
    const char *name = attribute->name ? attribute->name : "";
    if (strcmp(name, "value") == 0) {
        return of_tensor(fold, attribute);
    }
    if (strcmp(name, "value_float") == 0 && attribute->has_f) {
        return of_floats(fold, &attribute->f, 1, 0);
    }
    if (strcmp(name, "value_floats") == 0) {
        return of_floats(fold, attribute->floats, attribute->n_floats, 1);
    }
    if (strcmp(name, "value_int") == 0 && attribute->has_i) {
        return of_integers(fold, &attribute->i, 1, 0);
    }
    if (strcmp(name, "value_ints") == 0) {
        return of_integers(fold, attribute->ints, attribute->n_ints, 1);
    }
    return ef_fold_refuse(fold, EF_ERR_UNSUPPORTED, "attribute %.60s is not supported",
                          name);
}

ef_status ef_fold_constant(ef_fold *fold)
{
    const Onnx__NodeProto *node = fold->node;
    if (node->n_attribute != 1) {
        return ef_fold_refuse(fold, EF_ERR_INPUT, "it has %zu attributes instead of 1",
                              node->n_attribute);
    }
    ef_status status = of_attribute(fold, node->attribute[0]);
    fold->outputs[0].name = node->n_output > 0 ? node->output[0] : "";
    return status;
}

/* --- ConstantOfShape ------------------------------------------------------------- */

/* The one element to fill with; a float zero where none is given. */
static ef_status fill_value(ef_fold *fold, ef_constant *value)
{
    char why[EF_CONSTANT_REASON];
    static const float zero[1];
    const Onnx__AttributeProto *attribute = ef_fold_attribute(fold, "value");
    *value = (ef_constant){.data_type = TYPE(FLOAT), .count = 1, .floats = zero};
    if (!attribute) {
        return EF_OK;
    }
    if (!attribute->t) {
        return ef_fold_refuse(fold, EF_ERR_INPUT, "attribute value has no tensor");
    }
    ef_status status = ef_constant_of_tensor(value, attribute->t, why);
    if (status) {
        return ef_fold_refuse(fold, status, "its value: %.120s", why);
    }
    if (value->count != 1) {
        return ef_fold_refuse(fold, EF_ERR_INPUT, "its value has %zu elements, not one",
                              value->count);
    }
    return EF_OK;
}

static ef_status fill(ef_fold *fold, ef_fold_list shape, ef_constant *value)
{
    void *made = NULL;
    const void *one = NULL;
    ef_walk walk = {.rank = 1};
    if (ef_constant_is_float(value)) {
        one = ef_constant_floats(value, fold->arena);
    } else {
        one = ef_constant_integers(value, fold->arena);
    }
    ef_status status = one ? EF_OK : EF_ERR_MEMORY;
    if (!status) {
        status = ef_fold_make(fold, 0, value->data_type, shape.n, shape.values, &made);
    }
    if (!status) {
        walk.dims[0] = (int64_t)fold->outputs[0].count;
        walk.strides[0][0] = 1;
        ef_walk_copy(&walk, made, one, ef_fold_size(value->data_type));
    }
    return status;
}

ef_status ef_fold_constant_of_shape(ef_fold *fold)
{
    ef_fold_list shape = {NULL, 0};
    ef_constant value;
    ef_status status = ef_fold_need(fold, 1);
    if (!status) {
        status = ef_fold_integers(fold, "shape", 0, 0, &shape);
    }
    if (!status) {
        status = fill_value(fold, &value);
    }
    return status ? status : fill(fold, shape, &value);
}

/* --- Range ----------------------------------------------------------------------- */

static double real_length(const ef_fold_number n[3])
{
    double length = ceil((n[1].real - n[0].real) / n[2].real);
    return length > 0 ? length : 0; /* NaN: 0 */
}

static double whole_length(const ef_fold_number n[3])
{
    int64_t start = n[0].whole, limit = n[1].whole, delta = n[2].whole;
    if (delta > 0 ? start >= limit : start <= limit) {
        return 0;
    }
    uint64_t way = delta > 0 ? (uint64_t)limit - (uint64_t)start
                             : (uint64_t)start - (uint64_t)limit;
    uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
    return (double)((way - 1) / step + 1);
}

static ef_status load_bounds(ef_fold *fold, int is_float, ef_fold_number n[3])
{
    for (size_t k = 0; k < 3; k++) {
        const void *values = NULL;
        if (fold->inputs[k]->count != 1) {
            return ef_fold_refuse(fold, EF_ERR_INPUT, "input %zu is not one number",
                                  k + 1);
        }
        ef_status status = ef_fold_values(fold, k, &values);
        if (status) {
            return status;
        }
        n[k] = ef_fold_load(values, is_float, 0);
        if (ef_fold_is_batch(n[k], is_float)) {
            return ef_fold_refuse_batch(fold);
        }
    }
    if (is_float ? n[2].real == 0 : n[2].whole == 0) {
        return ef_fold_refuse(fold, EF_ERR_INPUT, "its step is 0");
    }
    return EF_OK;
}

static ef_status count_up(ef_fold *fold, int is_float, const ef_fold_number n[3])
{
    void *made = NULL;
    int32_t data_type = fold->inputs[0]->data_type;
    double length = is_float ? real_length(n) : whole_length(n);
    int64_t dims[] = {length > EF_MAX_ELEMENTS ? EF_MAX_ELEMENTS + INT64_C(1)
                                               : (int64_t)length};
    ef_status status = ef_fold_make(fold, 0, data_type, 1, dims, &made);
    for (int64_t i = 0; i < dims[0] && !status; i++) {
        ef_fold_number x;
        if (is_float) {
            x.real = n[0].real + (double)i * n[2].real;
        } else { /* the sum is within the bounds, the product need not be */
            x.whole =
                (int64_t)((uint64_t)n[0].whole + (uint64_t)i * (uint64_t)n[2].whole);
        }
        ef_fold_store(made, data_type, (size_t)i, x);
    }
    return status;
}

ef_status ef_fold_range(ef_fold *fold)
{
    ef_fold_number n[3];
    ef_status status = ef_fold_need(fold, 3);
    if (!status) {
        status = ef_fold_demand_one_type(fold, 0);
    }
    if (status) {
        return status;
    }
    int is_float = ef_constant_is_float(fold->inputs[0]);
    status = load_bounds(fold, is_float, n);
    return status ? status : count_up(fold, is_float, n);
}

/* --- Cast ------------------------------------------------------------------------ */

/* Whether every value of type `from` is one of type `to`, as constants keep them. */
static int holds_all(int32_t to, int32_t from)
{
    int is_float = ef_constant_is_float_type(to);
    if (to == from || is_float != ef_constant_is_float_type(from)) {
        return to == from;
    }
    unsigned bits = ef_constant_type_bits(to), had = ef_constant_type_bits(from);
    if (is_float) { /* double is kept as float */
        return bits >= 32;
    }
    if (to == TYPE(BOOL) || from == TYPE(BOOL)) {
        return from == TYPE(BOOL);
    }
    int is_signed = ef_constant_is_signed_type(to);
    return bits == 64 || (ef_constant_is_signed_type(from) ? is_signed && bits >= had
                                                           : bits >= had + !!is_signed);
}

/* Of a number of a float type, of an integer type, as number of type `to`. */
static ef_fold_number convert(ef_fold_number x, int is_float, int32_t to)
{
    ef_fold_number y = x;
    if (is_float && to == TYPE(BOOL)) {
        y.whole = x.real != 0; /* NaN is true */
    } else if (is_float && !ef_constant_is_float_type(to)) {
        y.whole = ef_constant_cut(x.real);
    } else if (!is_float && ef_constant_is_float_type(to)) {
        y.real = (double)x.whole;
    }
    return y;
}

static ef_status cast(ef_fold *fold, int32_t to)
{
    const ef_constant *c = fold->inputs[0];
    int is_float = ef_constant_is_float(c);
    const void *values = NULL;
    void *made = NULL;
    ef_status status = ef_fold_values(fold, 0, &values);
    if (!status) {
        status = ef_fold_make(fold, 0, to, c->rank, c->dims, &made);
    }
    for (size_t i = 0; i < c->count && !status; i++) {
        ef_fold_number x = ef_fold_load(values, is_float, i);
        ef_fold_store(made, to, i, convert(x, is_float, to));
    }
    return status;
}

ef_status ef_fold_cast(ef_fold *fold)
{
    int64_t to = 0;
    char text[24];
    ef_status status = ef_fold_need(fold, 1);
    if (!status) {
        status = ef_fold_int(fold, "to", &to);
    }
    if (status) {
        return status;
    }
    int32_t type = to > 0 && to < INT32_MAX ? (int32_t)to : 0;
    if (ef_constant_type_bits(type) == 0) {
        return ef_fold_refuse(fold, EF_ERR_UNSUPPORTED, "it casts to data type %s",
                              ef_constant_type_name(type, text));
    }
    if (holds_all(type, fold->inputs[0]->data_type)) {
        fold->outputs[0] = *fold->inputs[0];
        fold->outputs[0].data_type = type;
        return EF_OK;
    }
    return cast(fold, type);
}
