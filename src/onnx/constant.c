#include "onnx/constant.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "net/topology.h"

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

/* --- types ----------------------------------------------------------------------- */

typedef enum number_kind {
    KIND_FLOAT,
    KIND_SIGNED,
    KIND_UNSIGNED,
    KIND_BOOL
} number_kind;

/* Which field of the message holds the values where raw_data does not. */
typedef enum number_field {
    FIELD_FLOAT,
    FIELD_DOUBLE,
    FIELD_INT32,
    FIELD_INT64,
    FIELD_UINT64
} number_field;

typedef struct number_type {
    int32_t data_type;
    const char *name;
    number_kind kind;
    unsigned size; /* bytes in raw_data */
    number_field field;
} number_type;

/* The comments on the fields of TensorProto in onnx.proto say which type goes where. */
static const number_type types[] = {
    {TYPE(FLOAT), "float", KIND_FLOAT, 4, FIELD_FLOAT},
    {TYPE(DOUBLE), "double", KIND_FLOAT, 8, FIELD_DOUBLE},
    {TYPE(FLOAT16), "float16", KIND_FLOAT, 2, FIELD_INT32},
    {TYPE(BFLOAT16), "bfloat16", KIND_FLOAT, 2, FIELD_INT32},
    {TYPE(INT64), "int64", KIND_SIGNED, 8, FIELD_INT64},
    {TYPE(INT32), "int32", KIND_SIGNED, 4, FIELD_INT32},
    {TYPE(INT16), "int16", KIND_SIGNED, 2, FIELD_INT32},
    {TYPE(INT8), "int8", KIND_SIGNED, 1, FIELD_INT32},
    {TYPE(UINT64), "uint64", KIND_UNSIGNED, 8, FIELD_UINT64},
    {TYPE(UINT32), "uint32", KIND_UNSIGNED, 4, FIELD_UINT64},
    {TYPE(UINT16), "uint16", KIND_UNSIGNED, 2, FIELD_INT32},
    {TYPE(UINT8), "uint8", KIND_UNSIGNED, 1, FIELD_INT32},
    {TYPE(BOOL), "bool", KIND_BOOL, 1, FIELD_INT32},
};

/* Those refused, by number: onnx.proto of ONNX 1.17. */
static const char *const other_types[] = {
    [8] = "string",          [14] = "complex64",      [15] = "complex128",
    [17] = "float8e4m3fn",   [18] = "float8e4m3fnuz", [19] = "float8e5m2",
    [20] = "float8e5m2fnuz", [21] = "uint4",          [22] = "int4",
    [23] = "float4e2m1",
};
#define N_OTHER_TYPES (int32_t)(sizeof other_types / sizeof *other_types)

static const number_type *find_type(int32_t data_type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].data_type == data_type) {
            return &types[i];
        }
    }
    return NULL;
}

int ef_constant_is_float_type(int32_t data_type)
{
    const number_type *row = find_type(data_type);
    return row && row->kind == KIND_FLOAT;
}

int ef_constant_is_integer_type(int32_t data_type)
{
    const number_type *row = find_type(data_type);
    return row && row->kind != KIND_FLOAT;
}

int ef_constant_is_signed_type(int32_t data_type)
{
    const number_type *row = find_type(data_type);
    return row && (row->kind == KIND_FLOAT || row->kind == KIND_SIGNED);
}

unsigned ef_constant_type_bits(int32_t data_type)
{
    const number_type *row = find_type(data_type);
    return row ? 8 * row->size : 0;
}

const char *ef_constant_type_name(int32_t data_type, char text[24])
{
    const number_type *row = find_type(data_type);
    if (row) {
        return row->name;
    }
    if (data_type >= 0 && data_type < N_OTHER_TYPES && other_types[data_type]) {
        return other_types[data_type];
    }
    snprintf(text, 24, "number %" PRId32, data_type);
    return text;
}

int ef_constant_is_float(const ef_constant *c)
{
    return ef_constant_is_float_type(c->data_type);
}

int ef_constant_is_integer(const ef_constant *c)
{
    return ef_constant_is_integer_type(c->data_type);
}

/* --- checks ---------------------------------------------------------------------- */

ef_status ef_constant_set_dims(ef_constant *c, size_t rank, const int64_t *dims,
                               char why[EF_CONSTANT_REASON])
{
    uint64_t count = 1, product = 1; /* product: without the zeros */
    if (rank > EF_CONSTANT_MAX_RANK) {
        snprintf(why, EF_CONSTANT_REASON, "it has %zu dimensions, %d are supported",
                 rank, EF_CONSTANT_MAX_RANK);
        return EF_ERR_UNSUPPORTED;
    }
    for (size_t i = 0; i < rank; i++) {
        if (dims[i] < 0) {
            snprintf(why, EF_CONSTANT_REASON, "it has a dimension of %" PRId64,
                     dims[i]);
            return EF_ERR_INPUT;
        }
        count *= (uint64_t)dims[i];
        product *= dims[i] > EF_MAX_ELEMENTS ? EF_MAX_ELEMENTS + UINT64_C(1)
                   : dims[i] > 0             ? (uint64_t)dims[i]
                                             : 1;
        if (product > EF_MAX_ELEMENTS) {
            snprintf(why, EF_CONSTANT_REASON, "it has more than %" PRIu32 " elements",
                     EF_MAX_ELEMENTS);
            return EF_ERR_UNSUPPORTED;
        }
    }
    for (size_t i = 0; i < rank; i++) {
        c->dims[i] = dims[i];
    }
    c->rank = rank;
    c->count = (size_t)count;
    return EF_OK;
}

static size_t n_typed(const Onnx__TensorProto *tensor, number_field field)
{
    const size_t counts[] = {
        [FIELD_FLOAT] = tensor->n_float_data,   [FIELD_DOUBLE] = tensor->n_double_data,
        [FIELD_INT32] = tensor->n_int32_data,   [FIELD_INT64] = tensor->n_int64_data,
        [FIELD_UINT64] = tensor->n_uint64_data,
    };
    return counts[field];
}

static ef_status check_storage(const Onnx__TensorProto *tensor, const number_type *type,
                               char why[EF_CONSTANT_REASON])
{
    char text[24];
    if (!type) {
        snprintf(why, EF_CONSTANT_REASON, "it has data type %s",
                 ef_constant_type_name(tensor->data_type, text));
        return EF_ERR_UNSUPPORTED;
    }
    if (tensor->segment) {
        snprintf(why, EF_CONSTANT_REASON, "it is split into segments");
        return EF_ERR_UNSUPPORTED;
    }
    if (!tensor->has_raw_data && tensor->has_data_location &&
        tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) {
        snprintf(why, EF_CONSTANT_REASON, "its values lie in another file");
        return EF_ERR_UNSUPPORTED;
    }
    return EF_OK;
}

static ef_status check_length(const Onnx__TensorProto *tensor, const number_type *type,
                              size_t count, char why[EF_CONSTANT_REASON])
{
    size_t length =
        tensor->has_raw_data ? tensor->raw_data.len : n_typed(tensor, type->field);
    size_t expected = tensor->has_raw_data ? count * type->size : count;
    if (length != expected) {
        snprintf(why, EF_CONSTANT_REASON, "it holds %zu %s instead of %zu", length,
                 tensor->has_raw_data ? "bytes" : "values", expected);
        return EF_ERR_INPUT;
    }
    return EF_OK;
}

ef_status ef_constant_of_tensor(ef_constant *c, const Onnx__TensorProto *tensor,
                                char why[EF_CONSTANT_REASON])
{
    ef_constant made = {.data_type = tensor->data_type,
                        .tensor = tensor,
                        .name = tensor->name ? tensor->name : ""};
    const number_type *type = find_type(tensor->data_type);
    ef_status status = check_storage(tensor, type, why);
    if (!status) {
        status = ef_constant_set_dims(&made, tensor->n_dims, tensor->dims, why);
    }
    if (!status) {
        status = check_length(tensor, type, made.count, why);
    }
    if (!status) {
        *c = made;
    }
    return status;
}

/* --- values of a tensor ---------------------------------------------------------- */

/* Little-endian, as ONNX keeps it. */
static uint64_t raw_word(const unsigned char *bytes, unsigned size)
{
    uint64_t bits = 0;
    for (unsigned b = 0; b < size; b++) {
        bits |= (uint64_t)bytes[b] << 8 * b;
    }
    return bits;
}

static uint64_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t bits_of_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Element i as its bits in raw_data; above them there may be others. */
static uint64_t element_bits(const Onnx__TensorProto *tensor, const number_type *type,
                             size_t i)
{
    if (tensor->has_raw_data) {
        return raw_word(tensor->raw_data.data + i * type->size, type->size);
    }
    switch (type->field) {
    case FIELD_FLOAT:
        return bits_of_float(tensor->float_data[i]);
    case FIELD_DOUBLE:
        return bits_of_double(tensor->double_data[i]);
    case FIELD_INT32:
        return (uint64_t)tensor->int32_data[i];
    case FIELD_INT64:
        return (uint64_t)tensor->int64_data[i];
    case FIELD_UINT64:
        return tensor->uint64_data[i];
    }
    return 0;
}

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float float_of_half(uint32_t half)
{
    uint32_t sign = (half & 0x8000) << 16;
    uint32_t exponent = half >> 10 & 31, mantissa = half & 0x3ff;
    if (exponent == 0) { /* zero, subnormal: units of 2^-24 */
        return (sign ? -1.0f : 1.0f) * (float)mantissa * 0x1p-24f;
    }
    if (exponent == 31) { /* infinity, NaN */
        return float_of_bits(sign | UINT32_C(0xff) << 23 | mantissa << 13);
    }
    return float_of_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

static float decode_float(const number_type *type, uint64_t bits)
{
    double value;
    switch (type->data_type) {
    case TYPE(FLOAT):
        return float_of_bits((uint32_t)bits);
    case TYPE(FLOAT16):
        return float_of_half((uint32_t)bits & 0xffff);
    case TYPE(BFLOAT16):
        return float_of_bits((uint32_t)bits << 16);
    default:
        memcpy(&value, &bits, sizeof value);
        return (float)value;
    }
}

static int64_t signed_word(uint64_t bits)
{
    int64_t value;
    memcpy(&value, &bits, sizeof value);
    return value == EF_BATCH_SIZE ? EF_BATCH_SIZE + 1 : value;
}

static int64_t decode_integer(const number_type *type, uint64_t bits)
{
    unsigned n_bits = 8 * type->size;
    if (type->kind == KIND_BOOL) {
        return (bits & 0xff) != 0;
    }
    if (n_bits < 64) {
        uint64_t sign = type->kind == KIND_SIGNED ? UINT64_C(1) << (n_bits - 1) : 0;
        bits &= (UINT64_C(1) << n_bits) - 1;
        bits = (bits ^ sign) - sign;
    }
    return signed_word(bits);
}

/* --- values ---------------------------------------------------------------------- */

int64_t ef_constant_cut(double value)
{
    const double limit = 0x1p63; /* the float of EF_BATCH_SIZE is -limit */
    if (value != value) {
        return 0;
    }
    if (value == -limit) {
        return EF_BATCH_SIZE;
    }
    if (value >= limit || value < -limit) {
        return value > 0 ? INT64_MAX : INT64_MIN + 1;
    }
    return (int64_t)value;
}

/* The case of nearly all weights; spelled out, a word is one load to compilers. */
static void copy_plain_floats(const Onnx__TensorProto *tensor, float *to, size_t count)
{
    if (!tensor->has_raw_data) {
        memcpy(to, tensor->float_data, count * sizeof *to);
        return;
    }
    const unsigned char *bytes = tensor->raw_data.data;
    for (size_t i = 0; i < count; i++, bytes += 4) {
        to[i] = float_of_bits((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
                              (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24);
    }
}

static void copy_tensor_floats(const ef_constant *c, float *to)
{
    const number_type *type = find_type(c->tensor->data_type);
    for (size_t i = 0; i < c->count; i++) {
        uint64_t bits = element_bits(c->tensor, type, i);
        to[i] = type->kind == KIND_FLOAT ? decode_float(type, bits)
                                         : (float)decode_integer(type, bits);
    }
}

void ef_constant_copy_floats(const ef_constant *c, float *to)
{
    if (c->count == 0) {
        return; /* there may be no array to copy from */
    }
    if (c->floats) {
        memcpy(to, c->floats, c->count * sizeof *to);
    } else if (c->tensor && c->tensor->data_type == TYPE(FLOAT)) {
        copy_plain_floats(c->tensor, to, c->count);
    } else if (c->tensor) {
        copy_tensor_floats(c, to);
    } else {
        for (size_t i = 0; i < c->count; i++) {
            to[i] = (float)c->integers[i];
        }
    }
}

static void copy_integers(const ef_constant *c, int64_t *to)
{
    const number_type *type = c->tensor ? find_type(c->tensor->data_type) : NULL;
    for (size_t i = 0; i < c->count; i++) {
        if (!type) {
            to[i] = ef_constant_cut(c->floats[i]);
            continue;
        }
        uint64_t bits = element_bits(c->tensor, type, i);
        to[i] = type->kind == KIND_FLOAT ? ef_constant_cut(decode_float(type, bits))
                                         : decode_integer(type, bits);
    }
}

const float *ef_constant_floats(ef_constant *c, ef_arena *arena)
{
    if (!c->floats) {
        float *values = ef_arena_calloc(arena, c->count, sizeof *values);
        if (values) {
            ef_constant_copy_floats(c, values);
        }
        c->floats = values;
    }
    return c->floats;
}

const int64_t *ef_constant_integers(ef_constant *c, ef_arena *arena)
{
    if (!c->integers) {
        int64_t *values = ef_arena_calloc(arena, c->count, sizeof *values);
        if (values) {
            copy_integers(c, values);
        }
        c->integers = values;
    }
    return c->integers;
}

/* --- made anew ------------------------------------------------------------------- */

static ef_constant *new_constant(ef_arena *arena, int32_t data_type, size_t rank,
                                 const int64_t *dims)
{
    char why[EF_CONSTANT_REASON];
    ef_constant made = {.data_type = data_type, .name = ""};
    if (ef_constant_set_dims(&made, rank, dims, why)) {
        return NULL;
    }
    ef_constant *c = ef_arena_calloc(arena, 1, sizeof *c);
    if (c) {
        *c = made;
    }
    return c;
}

/* count elements of size bytes, from values or zeros. */
static void *new_values(ef_arena *arena, size_t count, size_t size, const void *values)
{
    void *copy = ef_arena_calloc(arena, count, size);
    if (copy && values && count > 0) {
        memcpy(copy, values, count * size);
    }
    return copy;
}

ef_constant *ef_constant_new_floats(ef_arena *arena, size_t rank, const int64_t *dims,
                                    const float *values)
{
    ef_constant *c = new_constant(arena, TYPE(FLOAT), rank, dims);
    if (c) {
        c->floats = new_values(arena, c->count, sizeof *values, values);
    }
    return c && c->floats ? c : NULL;
}

ef_constant *ef_constant_new_integers(ef_arena *arena, size_t rank, const int64_t *dims,
                                      const int64_t *values)
{
    ef_constant *c = new_constant(arena, TYPE(INT64), rank, dims);
    if (c) {
        c->integers = new_values(arena, c->count, sizeof *values, values);
    }
    return c && c->integers ? c : NULL;
}
