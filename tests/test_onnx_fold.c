/* Nodes evaluated on constants: shapes, values made, and what is too much.
 * "Operators.md" is the ONNX project's description of its operators, whose examples are
 * the source of most numbers here; "NumPy" is version 1.24.2, asked for the expression
 * in the comment. */
#include "onnx/fold.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "fold_help.h"

#define LIST FOLD_LIST
#define FLOATS FOLD_FLOATS
#define WHOLES FOLD_WHOLES
#define SCALAR FOLD_SCALAR
#define BATCH EF_BATCH_SIZE
static fold_case c;

static void end(void)
{
    fold_end(&c);
}

TestSuite(onnx_fold_shape, .timeout = 60, .fini = end);
TestSuite(onnx_fold_make, .timeout = 60, .fini = end);
TestSuite(onnx_fold_bounds, .timeout = 60, .fini = end);

/* Ends the case before this one. */
static void begin(const char *op_type, int64_t opset)
{
    fold_end(&c);
    fold_begin(&c, op_type, opset, 1);
}

/* --- same elements --------------------------------------------------------------- */

/* Operators.md, Reshape: reordered_all_dims, negative_dim, zero_dim, zero_and_negative,
 * allowzero; of (2, 3, 4) and (0, 3, 4). */
Test(onnx_fold_shape, reshape_copies_and_infers)
{
    static const struct {
        size_t n;
        int64_t shape[4], dims[4];
    } rows[] = {
        {3, {4, 2, 3}, {4, 2, 3}},
        {3, {2, -1, 2}, {2, 6, 2}},
        {4, {2, 0, 4, 1}, {2, 3, 4, 1}},
        {4, {2, 0, 1, -1}, {2, 3, 1, 4}},
        {1, {-1}, {24}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        float zeros[24] = {0};
        begin("Reshape", 13);
        fold_floats(&c, LIST(2, 3, 4), zeros);
        fold_integers(&c, 1, (int64_t[]){(int64_t)rows[i].n}, rows[i].shape);
        fold_run(&c);
        fold_expect_floats(&c, 0, rows[i].n, rows[i].dims, zeros);
    }
    begin("Reshape", 14);
    fold_floats(&c, LIST(0, 3, 4), NULL);
    fold_integers(&c, LIST(3), WHOLES(3, 4, 0));
    fold_int(&c, "allowzero", 1);
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3, 4, 0), NULL);
}

Test(onnx_fold_shape, reshapes_that_do_not_fit_are_refused)
{
    static const struct {
        size_t n;
        int64_t shape[9];
        ef_status status;
        const char *why;
    } rows[] = {
        {2, {4, 4}, EF_ERR_INPUT, "it makes 16 elements of 6"},
        {2, {-1, -1}, EF_ERR_INPUT, "it leaves more than one dimension open"},
        {2, {-1, 4}, EF_ERR_INPUT, "it divides 6 elements into parts of 4"},
        {3, {2, 3, 0}, EF_ERR_INPUT, "it copies dimension 2 of an input of 2"},
        {2, {-2, -3}, EF_ERR_INPUT, "its output: it has a dimension of -2"},
        {2,
         {-1, INT64_MAX},
         EF_ERR_UNSUPPORTED,
         "its output: it has more than 268435456 elements"},
        {9,
         {2, 3, 1, 1, 1, 1, 1, 1, 1},
         EF_ERR_UNSUPPORTED,
         "its output has 9 dimensions, 8 are supported"},
        {2, {BATCH, 6}, EF_ERR_UNSUPPORTED, "it computes with the number of images"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin("Reshape", 13);
        fold_floats(&c, LIST(2, 3), NULL);
        fold_integers(&c, 1, (int64_t[]){(int64_t)rows[i].n}, rows[i].shape);
        fold_expect_refused(&c, rows[i].status, rows[i].why);
    }
}

Test(onnx_fold_shape, squeeze_and_unsqueeze_move_ones)
{
    for (int64_t opset = 11; opset <= 13; opset += 2) { /* attribute, then input */
        begin("Squeeze", opset);
        fold_floats(&c, LIST(1, 3, 1, 2), FLOATS(1, 2, 3, 4, 5, 6));
        if (opset < 13) {
            fold_ints(&c, "axes", LIST(-2));
        } else {
            fold_integers(&c, LIST(1), WHOLES(-2));
        }
        fold_run(&c);
        fold_expect_floats(&c, 0, LIST(1, 3, 2), FLOATS(1, 2, 3, 4, 5, 6));
        begin("Unsqueeze", opset); /* Operators.md: unsorted axes of the output */
        fold_floats(&c, LIST(3, 2), FLOATS(1, 2, 3, 4, 5, 6));
        if (opset < 13) {
            fold_ints(&c, "axes", LIST(3, 0, 2));
        } else {
            fold_integers(&c, LIST(3), WHOLES(3, 0, 2));
        }
        fold_run(&c);
        fold_expect_floats(&c, 0, LIST(1, 3, 1, 1, 2), FLOATS(1, 2, 3, 4, 5, 6));
    }
    begin("Squeeze", 13);
    fold_floats(&c, LIST(1, 3, 1), FLOATS(1, 2, 3));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3), FLOATS(1, 2, 3));
    begin("Squeeze", 13);
    fold_floats(&c, LIST(1, 3), NULL);
    fold_integers(&c, LIST(1), WHOLES(1));
    fold_expect_refused(&c, EF_ERR_INPUT, "it removes a dimension of 3");
    begin("Unsqueeze", 13);
    fold_floats(&c, LIST(3), NULL);
    fold_integers(&c, LIST(2), WHOLES(0, -3));
    fold_expect_refused(&c, EF_ERR_INPUT, "it names axis 0 twice");
}

/* Operators.md, Flatten: the axes of (2, 3, 4, 5). */
Test(onnx_fold_shape, flatten_makes_matrices)
{
    static const int64_t rows[][3] = {{0, 1, 120}, {1, 2, 60},  {2, 6, 20},  {3, 24, 5},
                                      {4, 120, 1}, {-1, 24, 5}, {-4, 1, 120}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin("Flatten", 13);
        fold_floats(&c, LIST(2, 3, 4, 5), NULL);
        fold_int(&c, "axis", rows[i][0]);
        fold_run(&c);
        cr_assert_eq(c.fold.outputs[0].rank, 2);
        cr_assert_eq(memcmp(c.fold.outputs[0].dims, rows[i] + 1, 2 * sizeof **rows), 0);
    }
}

/* Values that only change their shape or widen stay where they are, and so does their
 * name. */
Test(onnx_fold_shape, the_initialiser_stays)
{
    static const char *const op_types[] = {"Identity", "Dropout", "Squeeze", "Flatten",
                                           "Cast"};
    uint16_t halves[] = {0x3c00, 0xc000}; /* 1, -2 */
    int64_t dims[] = {1, 2};
    char name[] = "w";
    Onnx__TensorProto tensor = ONNX__TENSOR_PROTO__INIT;
    tensor.data_type = FOLD_TYPE(FLOAT16);
    tensor.name = name;
    tensor.n_dims = 2;
    tensor.dims = dims;
    tensor.has_raw_data = 1;
    tensor.raw_data.data = (uint8_t *)halves;
    tensor.raw_data.len = sizeof halves;
    for (size_t i = 0; i < sizeof op_types / sizeof *op_types; i++) {
        ef_constant w;
        char why[EF_CONSTANT_REASON];
        begin(op_types[i], 13);
        cr_assert_eq(ef_constant_of_tensor(&w, &tensor, why), EF_OK);
        c.fold.inputs[c.fold.n_inputs++] = &w;
        c.fold.budget = 0;
        if (strcmp(op_types[i], "Cast") == 0) {
            fold_int(&c, "to", FOLD_TYPE(FLOAT));
        }
        fold_run(&c);
        ef_constant *y = &c.fold.outputs[0];
        cr_assert(y->tensor == &tensor && y->name == name, "%s", op_types[i]);
        cr_assert_eq(ef_constant_floats(y, &c.arena)[1], -2.0f);
    }
    cr_assert_eq(c.fold.outputs[0].data_type, FOLD_TYPE(FLOAT));
}

Test(onnx_fold_shape, dropout_drops_nothing)
{
    fold_begin(&c, "Dropout", 13, 2);
    fold_floats(&c, LIST(2), FLOATS(1, 2));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(2), FLOATS(1, 2));
    fold_expect_integers(&c, 1, LIST(2), WHOLES(1, 1));
    fold_absent(&c);
    fold_integers(&c, SCALAR, WHOLES(1));
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED, "it is in training mode");
}

/* --- values made ----------------------------------------------------------------- */

Test(onnx_fold_make, constants_of_every_attribute)
{
    float f[] = {0.5f, -1};
    begin("Constant", 13);
    fold_float(&c, "value_float", 0.5f);
    fold_run(&c);
    fold_expect_floats(&c, 0, SCALAR, f);
    begin("Constant", 13);
    fold_int(&c, "value_int", 7);
    fold_run(&c);
    fold_expect_integers(&c, 0, SCALAR, WHOLES(7));
    begin("Constant", 13);
    fold_ints(&c, "value_ints", LIST(1, INT64_MIN));
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(2), WHOLES(1, INT64_MIN + 1));
    begin("Constant", 13);
    fold_float(&c, "value_floats", 0);
    c.attributes[0].floats = f;
    c.attributes[0].n_floats = 2;
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(2), f);
    Onnx__TensorProto tensor = ONNX__TENSOR_PROTO__INIT;
    tensor.data_type = FOLD_TYPE(FLOAT);
    tensor.float_data = f;
    tensor.n_float_data = 1;
    begin("Constant", 7);
    fold_tensor(&c, "value", &tensor);
    fold_run(&c);
    fold_expect_floats(&c, 0, SCALAR, f);
    cr_assert_eq(c.fold.outputs[0].tensor, &tensor);
    cr_assert_str_eq(c.fold.outputs[0].name, "y");
    tensor.n_float_data = 2;
    fold_expect_refused(&c, EF_ERR_INPUT, "its value: it holds 2 values instead of 1");
    begin("Constant", 13);
    fold_text(&c, "value_string", "a");
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED,
                        "attribute value_string is not supported");
    begin("Constant", 13);
    fold_expect_refused(&c, EF_ERR_INPUT, "it has 0 attributes instead of 1");
}

/* Operators.md, ConstantOfShape: int_zeros, float_ones; zeros without a value. */
Test(onnx_fold_make, constants_of_shapes)
{
    int32_t seven = 7;
    int64_t one = 1;
    Onnx__TensorProto tensor = ONNX__TENSOR_PROTO__INIT;
    tensor.data_type = FOLD_TYPE(INT32);
    tensor.dims = &one;
    tensor.n_dims = 1;
    tensor.int32_data = &seven;
    tensor.n_int32_data = 1;
    begin("ConstantOfShape", 9);
    fold_integers(&c, LIST(2), WHOLES(2, 2));
    fold_tensor(&c, "value", &tensor);
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(2, 2), WHOLES(7, 7, 7, 7));
    cr_assert_eq(c.fold.outputs[0].data_type, FOLD_TYPE(INT32));
    begin("ConstantOfShape", 9);
    fold_integers(&c, LIST(1), WHOLES(3));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3), FLOATS(0, 0, 0));
    begin("ConstantOfShape", 9);
    fold_integers(&c, LIST(0), NULL);
    fold_run(&c);
    fold_expect_floats(&c, 0, SCALAR, FLOATS(0));
    begin("ConstantOfShape", 9);
    fold_integers(&c, LIST(1), WHOLES(BATCH));
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED,
                        "it computes with the number of images");
}

/* Operators.md, Range: float_type_positive_delta, int32_type_negative_delta. */
Test(onnx_fold_make, ranges)
{
    begin("Range", 11);
    fold_floats(&c, SCALAR, FLOATS(1));
    fold_floats(&c, SCALAR, FLOATS(5));
    fold_floats(&c, SCALAR, FLOATS(2));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(2), FLOATS(1, 3));
    static const int64_t rows[][5] = {
        {10, 6, -3, 2, 7}, /* ..., elements, the last of them */
        {5, 5, 1, 0, 0},
        {5, 0, 1, 0, 0},
        {-INT64_MAX, INT64_MAX, INT64_MAX, 2, 0},
        {INT64_MAX, -INT64_MAX, -(INT64_MAX / 2) - 1, 4, -INT64_C(4611686018427387905)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin("Range", 11);
        for (size_t k = 0; k < 3; k++) {
            fold_integers(&c, SCALAR, &rows[i][k]);
        }
        fold_run(&c);
        cr_assert_eq(c.fold.outputs[0].count, (size_t)rows[i][3]);
        if (rows[i][3] > 0) {
            cr_assert_eq(c.fold.outputs[0].integers[rows[i][3] - 1], rows[i][4]);
        }
    }
    begin("Range", 11);
    fold_integers(&c, SCALAR, WHOLES(-INT64_MAX));
    fold_integers(&c, SCALAR, WHOLES(INT64_MAX));
    fold_integers(&c, SCALAR, WHOLES(1));
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED,
                        "its output: it has more than 268435456 elements");
    begin("Range", 11);
    fold_floats(&c, SCALAR, FLOATS(0));
    fold_floats(&c, SCALAR, FLOATS(INFINITY));
    fold_floats(&c, SCALAR, FLOATS(0));
    fold_expect_refused(&c, EF_ERR_INPUT, "its step is 0");
}

/* NumPy: np.float32([...]).astype(np.int32), np.int64([...]).astype(np.uint8) and so
 * on, np.float32([...]).astype(np.float16); NaN and what is beyond int64 are ours. */
Test(onnx_fold_make, casts)
{
    const float reals[] = {3.7f, -3.7f, 300.2f, -1.5f, 0};
    begin("Cast", 13);
    fold_floats(&c, LIST(5), reals);
    fold_int(&c, "to", FOLD_TYPE(INT32));
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(5), WHOLES(3, -3, 300, -1, 0));
    begin("Cast", 13);
    fold_floats(&c, LIST(5), FLOATS(0.1f, NAN, INFINITY, 0, -0.0f));
    fold_int(&c, "to", FOLD_TYPE(BOOL));
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(5), WHOLES(1, 1, 1, 0, 0));
    begin("Cast", 13);
    fold_floats(&c, LIST(4), FLOATS(NAN, INFINITY, -INFINITY, 0x1p63f));
    fold_int(&c, "to", FOLD_TYPE(INT64));
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(4),
                         WHOLES(0, INT64_MAX, INT64_MIN + 1, INT64_MAX));
    static const struct {
        int32_t to;
        int64_t values[4];
    } rows[] = {{FOLD_TYPE(UINT8), {44, 255, 128, 0}},
                {FOLD_TYPE(INT8), {44, -1, -128, 0}},
                {FOLD_TYPE(INT16), {300, -1, 128, 0}},
                {FOLD_TYPE(UINT32), {300, 4294967295, 128, 65536}},
                {FOLD_TYPE(BOOL), {1, 1, 1, 1}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin("Cast", 13);
        fold_integers(&c, LIST(4), WHOLES(300, -1, 128, 65536));
        fold_int(&c, "to", rows[i].to);
        fold_run(&c);
        fold_expect_integers(&c, 0, LIST(4), rows[i].values);
        cr_assert_eq(c.fold.outputs[0].data_type, rows[i].to);
    }
    begin("Cast", 13);
    fold_floats(&c, LIST(7),
                FLOATS(1.0009765f, 1.00048828125f, 65519.99f, 65520, 1e-8f, 5.97e-8f,
                       3.14159274f));
    fold_int(&c, "to", FOLD_TYPE(FLOAT16));
    fold_run(&c);
    fold_expect_floats(
        &c, 0, LIST(7),
        FLOATS(1.0009765625f, 1, 65504, INFINITY, 0, 0x1p-24f, 3.140625f));
    begin("Cast", 13); /* bfloat16 rounds to 8 digits: 3.14159 = 1.1001001 0 00.. b1 */
    fold_floats(&c, LIST(3), FLOATS(3.14159274f, 1.00390625f, 1.01171875f));
    fold_int(&c, "to", FOLD_TYPE(BFLOAT16));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3), FLOATS(3.140625f, 1, 1.015625f));
    begin("Cast", 13);
    fold_floats(&c, LIST(1), reals);
    fold_int(&c, "to", 8);
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED, "it casts to data type string");
}

Test(onnx_fold_make, values_and_bounds_that_are_not_one_number_are_refused)
{
    Onnx__TensorProto tensor = ONNX__TENSOR_PROTO__INIT;
    float two[] = {1, 2};
    int64_t dims[] = {2};
    tensor.data_type = FOLD_TYPE(FLOAT);
    tensor.dims = dims;
    tensor.n_dims = 1;
    tensor.float_data = two;
    tensor.n_float_data = 2;
    begin("ConstantOfShape", 9);
    fold_integers(&c, LIST(1), WHOLES(2));
    fold_tensor(&c, "value", &tensor);
    fold_expect_refused(&c, EF_ERR_INPUT, "its value has 2 elements, not one");
    c.attributes[0].t = NULL;
    fold_expect_refused(&c, EF_ERR_INPUT, "attribute value has no tensor");
    begin("Range", 11);
    fold_integers(&c, LIST(2), WHOLES(0, 1));
    fold_integers(&c, SCALAR, WHOLES(0));
    fold_integers(&c, SCALAR, WHOLES(1));
    fold_expect_refused(&c, EF_ERR_INPUT, "input 1 is not one number");
    c.fold.inputs[0] = ef_constant_new_integers(&c.arena, SCALAR, WHOLES(BATCH));
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED,
                        "it computes with the number of images");
}

/* --- bounds ---------------------------------------------------------------------- */

Test(onnx_fold_bounds, what_is_not_known_is_refused)
{
    cr_assert(ef_fold_knows("Add") && ef_fold_knows("Where"));
    cr_assert(!ef_fold_knows("Conv") && !ef_fold_knows("") && !ef_fold_knows(NULL));
    begin("Conv", 13);
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED, "constants do not pass it");
}

Test(onnx_fold_bounds, the_budget_is_for_all_nodes_together)
{
    begin("Expand", 13);
    c.fold.budget = 2 + 20; /* the shape's two numbers are looked at */
    fold_floats(&c, SCALAR, FLOATS(1));
    fold_integers(&c, LIST(2), WHOLES(4, 5));
    fold_run(&c);
    cr_assert_eq(c.fold.budget, 0);
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED,
                        "the model computes too many constants");
    begin("ConstantOfShape", 13);
    fold_integers(&c, LIST(1), WHOLES(100000));
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED,
                        "the model computes too many constants");
    begin("MatMul", 13);
    c.fold.budget = 4 + 512 * 4 / 16 - 1;
    fold_floats(&c, LIST(2, 512), NULL);
    fold_floats(&c, LIST(512, 2), NULL);
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED,
                        "the model computes too many constants");
}

/* Each Identity of one initialiser would else bring a copy of it into the arena. */
Test(onnx_fold_bounds, the_budget_is_for_values_brought_into_memory_too)
{
    float values[] = {1, 2, 3};
    int64_t dims[] = {3};
    char why[EF_CONSTANT_REASON];
    ef_constant w;
    Onnx__TensorProto tensor = ONNX__TENSOR_PROTO__INIT;
    tensor.data_type = FOLD_TYPE(FLOAT);
    tensor.dims = dims;
    tensor.n_dims = 1;
    tensor.float_data = values;
    tensor.n_float_data = 3;
    cr_assert_eq(ef_constant_of_tensor(&w, &tensor, why), EF_OK);
    begin("Neg", 13);
    c.fold.inputs[c.fold.n_inputs++] = &w;
    c.fold.budget = 5;
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED,
                        "the model computes too many constants");
    c.fold.budget = 3; /* they are there now */
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3), FLOATS(-1, -2, -3));
    cr_assert_eq(c.fold.budget, 0);
}

Test(onnx_fold_bounds, dimensions_beyond_reason_are_refused)
{
    const char *many = "its output: it has more than 268435456 elements";
    begin("ConstantOfShape", 13);
    fold_integers(&c, LIST(2), WHOLES(INT64_C(1) << 32, INT64_C(1) << 32));
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED, many);
    begin("Expand", 13);
    fold_integers(&c, SCALAR, WHOLES(1));
    fold_integers(&c, LIST(2), WHOLES(INT64_MAX, INT64_MAX));
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED, many);
    begin("Expand", 13);
    fold_integers(&c, SCALAR, WHOLES(1));
    fold_integers(&c, LIST(1), WHOLES(-1));
    fold_expect_refused(&c, EF_ERR_INPUT, "it asks for a dimension of -1");
    begin("Tile", 13);
    fold_integers(&c, LIST(2), WHOLES(1, 2));
    fold_integers(&c, LIST(1), WHOLES(INT64_MAX));
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED, "it repeats 9223372036854775807 times");
    begin("Gather", 13);
    fold_integers(&c, LIST(1, 1, 1, 1, 1), WHOLES(1));
    fold_integers(&c, LIST(1, 1, 1, 1, 1), WHOLES(0));
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED,
                        "its output: it has 9 dimensions, 8 are supported");
}

Test(onnx_fold_bounds, missing_inputs_and_odd_attributes_are_refused)
{
    begin("Add", 13);
    fold_floats(&c, SCALAR, FLOATS(1));
    fold_expect_refused(&c, EF_ERR_INPUT, "input 2 is missing");
    begin("Concat", 13);
    fold_floats(&c, LIST(1), FLOATS(1));
    fold_float(&c, "axis", 0);
    fold_expect_refused(&c, EF_ERR_INPUT, "attribute axis has no value of its type");
    begin("Reshape", 13);
    fold_floats(&c, LIST(1), FLOATS(1));
    fold_floats(&c, LIST(1), FLOATS(1));
    fold_expect_refused(&c, EF_ERR_INPUT, "input 2 is not a list of integers");
}

/* Inputs and attributes that all of these take. */
Test(onnx_fold_bounds, short_memory_is_reported)
{
    static const char *const op_types[] = {
        "Add",  "Cast",   "Clip",      "Concat", "ConstantOfShape",
        "Max",  "Expand", "Gather",    "Neg",    "Range",
        "Tile", "Slice",  "ReduceSum", "Where",  "Transpose"};
    for (size_t i = 0; i < sizeof op_types / sizeof *op_types; i++) {
        ef_arena full;
        ef_arena_init(&full);
        begin(op_types[i], 13);
        fold_integers(&c, LIST(1), WHOLES(1));
        fold_integers(&c, LIST(1), WHOLES(0));
        fold_integers(&c, LIST(1), WHOLES(1));
        fold_int(&c, "axis", 0);
        fold_int(&c, "to", FOLD_TYPE(FLOAT));
        c.fold.arena = &full;
        ef_mem_fail_after(0);
        ef_status status = ef_fold_run(&c.fold);
        ef_mem_fail_after(-1);
        cr_assert_eq(status, EF_ERR_MEMORY, "%s: %s %s", op_types[i],
                     ef_status_name(status), c.fold.why);
        cr_assert_eq(c.fold.n_outputs, 0);
        ef_arena_clear(&full);
    }
}
