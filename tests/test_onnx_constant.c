/* Tensors read as numbers: every data type, raw and typed, and lengths that lie. */
#include "onnx/constant.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "net/topology.h"

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

static Onnx__TensorProto new_tensor(int32_t data_type, int64_t *dims, size_t rank)
{
    Onnx__TensorProto tensor = ONNX__TENSOR_PROTO__INIT;
    tensor.has_data_type = 1;
    tensor.data_type = data_type;
    tensor.dims = dims;
    tensor.n_dims = rank;
    static char name[] = "w";
    tensor.name = name;
    return tensor;
}

static void set_raw(Onnx__TensorProto *tensor, void *bytes, size_t size)
{
    tensor->has_raw_data = 1;
    tensor->raw_data.data = bytes;
    tensor->raw_data.len = size;
}

static ef_constant constant_of(const Onnx__TensorProto *tensor)
{
    char why[EF_CONSTANT_REASON] = "";
    ef_constant c;
    cr_assert_eq(ef_constant_of_tensor(&c, tensor, why), EF_OK, "%s", why);
    return c;
}

static void expect_floats(const Onnx__TensorProto *tensor, const float *expected)
{
    ef_arena arena;
    ef_arena_init(&arena);
    ef_constant c = constant_of(tensor);
    cr_assert(ef_constant_is_float(&c) && !ef_constant_is_integer(&c));
    float *copy = ef_calloc(c.count, sizeof *copy);
    ef_constant_copy_floats(&c, copy);
    const float *values = ef_constant_floats(&c, &arena);
    for (size_t i = 0; i < c.count; i++) {
        cr_assert(values[i] == expected[i] || (isnan(values[i]) && isnan(expected[i])),
                  "type %d, element %zu: %g, not %g", (int)c.data_type, i, values[i],
                  expected[i]);
        cr_assert_eq(signbit(values[i]), signbit(expected[i]));
    }
    cr_assert_eq(memcmp(copy, values, c.count * sizeof *copy), 0);
    cr_assert_eq(ef_constant_floats(&c, &arena), values, "made once");
    ef_free(copy);
    ef_arena_clear(&arena);
}

static void expect_integers(const Onnx__TensorProto *tensor, const int64_t *expected)
{
    ef_arena arena;
    ef_arena_init(&arena);
    ef_constant c = constant_of(tensor);
    cr_assert(ef_constant_is_integer(&c) && !ef_constant_is_float(&c));
    const int64_t *values = ef_constant_integers(&c, &arena);
    for (size_t i = 0; i < c.count; i++) {
        cr_assert_eq(values[i], expected[i], "type %d, element %zu: %lld",
                     (int)c.data_type, i, (long long)values[i]);
    }
    cr_assert_eq(ef_constant_integers(&c, &arena), values, "made once");
    ef_arena_clear(&arena);
}

TestSuite(onnx_constant, .timeout = 60);

/* Codes and values: IEEE 754-2019, table 3.5 and its formulas; for binary16 also the
 * examples in Wikipedia's "Half-precision floating-point format". */
Test(onnx_constant, floats_of_every_type_are_read)
{
    int64_t dims[] = {2, 3};
    static uint16_t half[] = {0x3c00, 0xc000, 0x3555, 0x0001, 0x7bff, 0xfc00};
    const float of_half[] = {1, -2, 0.333251953125f, 0x1p-24f, 65504, -INFINITY};
    static uint16_t brain[] = {0x3f80, 0xc000, 0x4049, 0x7f80, 0x8000, 0x7fc0};
    const float of_brain[] = {1, -2, 3.140625f, INFINITY, -0.0f, NAN};
    static unsigned char single[] = {0,    0,   0x80, 0x3f, 0, 0, 0,    0xc0,
                                     0xdb, 0xf, 0x49, 0x40, 0, 0, 0x80, 0x7f,
                                     1,    0,   0,    0,    0, 0, 0,    0x80};
    float of_single[] = {1, -2, 3.14159274f, INFINITY, 0x1p-149f, -0.0f};
    double of_double[] = {1, -2, 0.5, 1e300, 1e-300, -0.0};
    const float from_double[] = {1, -2, 0.5f, INFINITY, 0, -0.0f};
    int32_t words[6];

    Onnx__TensorProto tensor = new_tensor(TYPE(FLOAT16), dims, 2);
    set_raw(&tensor, half, sizeof half); /* a little-endian machine */
    expect_floats(&tensor, of_half);
    tensor.has_raw_data = 0;
    for (size_t i = 0; i < 6; i++) {
        words[i] = half[i];
    }
    tensor.int32_data = words;
    tensor.n_int32_data = 6;
    expect_floats(&tensor, of_half);

    tensor = new_tensor(TYPE(BFLOAT16), dims, 2);
    set_raw(&tensor, brain, sizeof brain);
    expect_floats(&tensor, of_brain);

    tensor = new_tensor(TYPE(FLOAT), dims, 2);
    set_raw(&tensor, single, sizeof single);
    expect_floats(&tensor, of_single);
    tensor.has_raw_data = 0;
    tensor.float_data = of_single;
    tensor.n_float_data = 6;
    expect_floats(&tensor, of_single);

    tensor = new_tensor(TYPE(DOUBLE), dims, 2);
    set_raw(&tensor, of_double, sizeof of_double);
    expect_floats(&tensor, from_double);
    tensor.has_raw_data = 0;
    tensor.double_data = of_double;
    tensor.n_double_data = 6;
    expect_floats(&tensor, from_double);
}

typedef struct integer_type {
    int32_t data_type;
    size_t size;
    int64_t of_ff;  /* all bits set */
    int64_t of_top; /* only the highest */
} integer_type;

/* Two's complement; the smallest int64 is never read, for it stands for the batch. */
static const integer_type integer_types[] = {
    {TYPE(INT8), 1, -1, INT8_MIN},
    {TYPE(INT16), 2, -1, INT16_MIN},
    {TYPE(INT32), 4, -1, INT32_MIN},
    {TYPE(INT64), 8, -1, INT64_MIN + 1},
    {TYPE(UINT8), 1, UINT8_MAX, 0x80},
    {TYPE(UINT16), 2, UINT16_MAX, 0x8000},
    {TYPE(UINT32), 4, UINT32_MAX, INT64_C(0x80000000)},
    {TYPE(UINT64), 8, -1, INT64_MIN + 1},
    {TYPE(BOOL), 1, 1, 1},
};
#define N_INTEGER_TYPES (sizeof integer_types / sizeof *integer_types)

Test(onnx_constant, integers_of_every_type_are_read_from_bytes)
{
    int64_t dims[] = {4};
    for (size_t t = 0; t < N_INTEGER_TYPES; t++) {
        size_t size = integer_types[t].size;
        unsigned char bytes[32] = {0};
        memset(bytes, 0xff, size);
        bytes[2 * size - 1] = 0x80;
        bytes[2 * size] = 1;
        const int64_t expected[] = {integer_types[t].of_ff, integer_types[t].of_top, 1,
                                    0};
        Onnx__TensorProto tensor = new_tensor(integer_types[t].data_type, dims, 1);
        set_raw(&tensor, bytes, 4 * size);
        expect_integers(&tensor, expected);
    }
}

Test(onnx_constant, integers_of_every_type_are_read_from_their_fields)
{
    int64_t dims[] = {2};
    int32_t words[] = {-1, 1};
    int64_t longs[] = {-1, 1};
    uint64_t unsigned_longs[] = {UINT64_MAX, 1};
    for (size_t t = 0; t < N_INTEGER_TYPES; t++) {
        int32_t data_type = integer_types[t].data_type;
        const int64_t expected[] = {integer_types[t].of_ff, 1};
        Onnx__TensorProto tensor = new_tensor(data_type, dims, 1);
        if (data_type == TYPE(INT64)) {
            tensor.int64_data = longs;
            tensor.n_int64_data = 2;
        } else if (data_type == TYPE(UINT64) || data_type == TYPE(UINT32)) {
            tensor.uint64_data = unsigned_longs;
            tensor.n_uint64_data = 2;
        } else {
            tensor.int32_data = words;
            tensor.n_int32_data = 2;
        }
        expect_integers(&tensor, expected);
    }
}

static void expect_refused(const Onnx__TensorProto *tensor, ef_status expected,
                           const char *text)
{
    char why[EF_CONSTANT_REASON] = "";
    ef_constant c = {.name = "untouched"};
    cr_assert_eq(ef_constant_of_tensor(&c, tensor, why), expected, "%s", why);
    cr_assert_str_eq(why, text);
    cr_assert_str_eq(c.name, "untouched");
}

Test(onnx_constant, lengths_that_do_not_fit_the_dimensions_are_refused)
{
    int64_t dims[] = {3};
    unsigned char bytes[16] = {0};
    float floats[2] = {0};
    Onnx__TensorProto tensor = new_tensor(TYPE(FLOAT), dims, 1);
    expect_refused(&tensor, EF_ERR_INPUT, "it holds 0 values instead of 3");
    tensor.float_data = floats;
    tensor.n_float_data = 2;
    expect_refused(&tensor, EF_ERR_INPUT, "it holds 2 values instead of 3");
    set_raw(&tensor, bytes, 11);
    expect_refused(&tensor, EF_ERR_INPUT, "it holds 11 bytes instead of 12");
    tensor.data_type = TYPE(INT64);
    expect_refused(&tensor, EF_ERR_INPUT, "it holds 11 bytes instead of 24");
}

Test(onnx_constant, dimensions_beyond_reason_are_refused)
{
    int64_t dims[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    Onnx__TensorProto tensor = new_tensor(TYPE(FLOAT), dims, 9);
    expect_refused(&tensor, EF_ERR_UNSUPPORTED, "it has 9 dimensions, 8 are supported");
    tensor.n_dims = 3;
    dims[1] = -5;
    expect_refused(&tensor, EF_ERR_INPUT, "it has a dimension of -5");
    const char *many = "it has more than 268435456 elements";
    static const int64_t large[][3] = {
        {INT64_C(1) << 32, INT64_C(1) << 32, 1}, /* 0 modulo 2^64 */
        {INT64_MAX, INT64_MAX, INT64_MAX},
        {EF_MAX_ELEMENTS, 2, 1},
        {0, EF_MAX_ELEMENTS, EF_MAX_ELEMENTS},
    };
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        memcpy(dims, large[i], sizeof large[i]);
        expect_refused(&tensor, EF_ERR_UNSUPPORTED, many);
    }
}

Test(onnx_constant, types_and_places_that_are_not_supported_are_refused)
{
    static const struct {
        int32_t data_type;
        const char *why;
    } rows[] = {
        {8, "it has data type string"},
        {14, "it has data type complex64"},
        {22, "it has data type int4"},
        {0, "it has data type number 0"},
        {-7, "it has data type number -7"},
        {99, "it has data type number 99"},
        {21, "it has data type uint4"},
        {INT32_MAX, "it has data type number 2147483647"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Onnx__TensorProto tensor = new_tensor(rows[i].data_type, NULL, 0);
        expect_refused(&tensor, EF_ERR_UNSUPPORTED, rows[i].why);
    }
    Onnx__TensorProto tensor = new_tensor(TYPE(FLOAT), NULL, 0);
    Onnx__TensorProto__Segment segment = ONNX__TENSOR_PROTO__SEGMENT__INIT;
    tensor.segment = &segment;
    expect_refused(&tensor, EF_ERR_UNSUPPORTED, "it is split into segments");
    tensor.segment = NULL;
    tensor.has_data_location = 1;
    tensor.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    expect_refused(&tensor, EF_ERR_UNSUPPORTED, "its values lie in another file");
}

Test(onnx_constant, scalars_and_empty_tensors_are_constants)
{
    ef_arena arena;
    ef_arena_init(&arena);
    float one = 7;
    int64_t none[] = {2, 0};
    Onnx__TensorProto tensor = new_tensor(TYPE(FLOAT), NULL, 0);
    tensor.float_data = &one;
    tensor.n_float_data = 1;
    ef_constant c = constant_of(&tensor);
    cr_assert(c.rank == 0 && c.count == 1);
    cr_assert_eq(ef_constant_floats(&c, &arena)[0], 7.0f);
    cr_assert_str_eq(c.name, "w");
    tensor = new_tensor(TYPE(INT64), none, 2);
    c = constant_of(&tensor);
    cr_assert(c.rank == 2 && c.count == 0);
    cr_assert_not_null(ef_constant_integers(&c, &arena));
    ef_arena_clear(&arena);
}

Test(onnx_constant, the_other_kind_is_converted)
{
    ef_arena arena;
    ef_arena_init(&arena);
    const int64_t dims[] = {6};
    const float floats[] = {1.9f, -1.9f, 1e30f, -1e30f, NAN, (float)EF_BATCH_SIZE};
    const int64_t cut[] = {1, -1, INT64_MAX, INT64_MIN + 1, 0, EF_BATCH_SIZE};
    ef_constant *c = ef_constant_new_floats(&arena, 1, dims, floats);
    cr_assert_eq(memcmp(ef_constant_integers(c, &arena), cut, sizeof cut), 0);
    cr_assert_eq(memcmp(ef_constant_floats(c, &arena), floats, sizeof floats), 0);
    c = ef_constant_new_integers(&arena, 1, dims, cut);
    cr_assert_eq(ef_constant_floats(c, &arena)[1], -1.0f);
    cr_assert_eq(ef_constant_floats(c, &arena)[5], -0x1p63f);
    cr_assert_eq(memcmp(ef_constant_integers(c, &arena), cut, sizeof cut), 0);
    float typed[] = {2.5f, -2.5f};
    int64_t two[] = {2};
    Onnx__TensorProto tensor = new_tensor(TYPE(FLOAT), two, 1);
    tensor.float_data = typed;
    tensor.n_float_data = 2;
    ef_constant of_tensor = constant_of(&tensor);
    cr_assert_eq(ef_constant_integers(&of_tensor, &arena)[1], -2);
    cr_assert_eq(ef_constant_floats(&of_tensor, &arena)[1], -2.5f);
    ef_arena_clear(&arena);
}

Test(onnx_constant, short_memory_gives_null)
{
    ef_arena arena;
    ef_arena_init(&arena);
    int64_t dims[] = {3};
    const int64_t negative[] = {-1};
    float values[3] = {1, 2, 3};
    Onnx__TensorProto tensor = new_tensor(TYPE(FLOAT), dims, 1);
    tensor.float_data = values;
    tensor.n_float_data = 3;
    ef_constant c = constant_of(&tensor);
    cr_assert_null(ef_constant_new_floats(&arena, 1, negative, NULL));
    cr_assert_eq(ef_constant_new_floats(&arena, 1, dims, NULL)->floats[2], 0.0f);
    ef_arena_clear(&arena);
    ef_mem_fail_after(0);
    cr_assert_null(ef_constant_floats(&c, &arena));
    cr_assert_null(ef_constant_integers(&c, &arena));
    cr_assert_null(ef_constant_new_floats(&arena, 1, dims, NULL));
    cr_assert_null(ef_constant_new_integers(&arena, 1, dims, NULL));
    ef_mem_fail_after(-1);
    ef_arena_clear(&arena);
}
