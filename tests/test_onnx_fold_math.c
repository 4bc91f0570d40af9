/* Arithmetic of nodes known before any image comes, the number of images in it.
 * "Operators.md" is the ONNX project's description of its operators, whose examples are
 * the source of most numbers here; "NumPy" is version 1.24.2, asked for the expression
 * in the comment. */
#include "onnx/fold.h"

#include <criterion/criterion.h>
#include <math.h>

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

TestSuite(onnx_fold_math, .timeout = 60, .fini = end);
TestSuite(onnx_fold_batch, .timeout = 60, .fini = end);

/* Ends the case before this one. */
static void begin(const char *op_type, int64_t opset)
{
    fold_end(&c);
    fold_begin(&c, op_type, opset, 1);
}

/* --- arithmetic ------------------------------------------------------------------ */

typedef struct pair_case {
    const char *op_type;
    float reals[4];
    int64_t wholes[4];
} pair_case;

/* Of a = [-7, 2, 3, 4] and b = [2, 2, -1, 3], by hand as C's operators have it. */
static const pair_case pair_cases[] = {
    {"Add", {-5, 4, 2, 7}, {-5, 4, 2, 7}},
    {"Sub", {-9, 0, 4, 1}, {-9, 0, 4, 1}},
    {"Mul", {-14, 4, -3, 12}, {-14, 4, -3, 12}},
    {"Div", {-3.5f, 1, -3, 4.0f / 3}, {-3, 1, -3, 1}},
    {"Pow", {49, 4, 1.0f / 3, 64}, {49, 4, 0, 64}},
    {"Min", {-7, 2, -1, 3}, {-7, 2, -1, 3}},
    {"Max", {2, 2, 3, 4}, {2, 2, 3, 4}},
};
static const pair_case comparisons[] = {
    {"Equal", {0}, {0, 1, 0, 0}},          {"Greater", {0}, {0, 0, 1, 1}},
    {"GreaterOrEqual", {0}, {0, 1, 1, 1}}, {"Less", {0}, {1, 0, 0, 0}},
    {"LessOrEqual", {0}, {1, 1, 0, 0}},
};

static void begin_pair(const char *op_type, int is_float)
{
    begin(op_type, 13);
    if (is_float) {
        fold_floats(&c, LIST(4), FLOATS(-7, 2, 3, 4));
        fold_floats(&c, LIST(4), FLOATS(2, 2, -1, 3));
    } else {
        fold_integers(&c, LIST(4), WHOLES(-7, 2, 3, 4));
        fold_integers(&c, LIST(4), WHOLES(2, 2, -1, 3));
    }
    fold_run(&c);
}

Test(onnx_fold_math, two_operands)
{
    for (size_t i = 0; i < sizeof pair_cases / sizeof *pair_cases; i++) {
        begin_pair(pair_cases[i].op_type, 1);
        fold_expect_floats(&c, 0, LIST(4), pair_cases[i].reals);
        begin_pair(pair_cases[i].op_type, 0);
        fold_expect_integers(&c, 0, LIST(4), pair_cases[i].wholes);
    }
    for (size_t i = 0; i < 2 * sizeof comparisons / sizeof *comparisons; i++) {
        begin_pair(comparisons[i / 2].op_type, i % 2);
        fold_expect_integers(&c, 0, LIST(4), comparisons[i / 2].wholes);
        cr_assert_eq(c.fold.outputs[0].data_type, FOLD_TYPE(BOOL));
    }
    static const pair_case logic[] = {{"And", {0}, {0, 0, 0, 1}},
                                      {"Or", {0}, {0, 1, 1, 1}}};
    for (size_t i = 0; i < 2; i++) {
        begin(logic[i].op_type, 7);
        fold_integers(&c, LIST(4), WHOLES(0, 0, 1, 1));
        fold_retype(&c, FOLD_TYPE(BOOL));
        fold_integers(&c, LIST(4), WHOLES(0, 1, 0, 1));
        fold_retype(&c, FOLD_TYPE(BOOL));
        fold_run(&c);
        fold_expect_integers(&c, 0, LIST(4), logic[i].wholes);
    }
}

/* NumPy: [[1], [2]] + [[[10, 20, 30]], [[40, 50, 60]]] */
Test(onnx_fold_math, operands_are_broadcast)
{
    begin("Add", 7);
    fold_integers(&c, LIST(2, 1), WHOLES(1, 2));
    fold_integers(&c, LIST(2, 1, 3), WHOLES(10, 20, 30, 40, 50, 60));
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(2, 2, 3),
                         WHOLES(11, 21, 31, 12, 22, 32, 41, 51, 61, 42, 52, 62));
    begin("Mul", 7);
    fold_floats(&c, LIST(1, 0), NULL);
    fold_floats(&c, LIST(3, 1), FLOATS(1, 2, 3));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3, 0), NULL);
    begin("Add", 7);
    fold_floats(&c, LIST(2), FLOATS(1, 2));
    fold_floats(&c, LIST(3), FLOATS(1, 2, 3));
    fold_expect_refused(&c, EF_ERR_INPUT, "dimensions 2 and 3 do not go together");
    begin("Add", 7);
    fold_floats(&c, SCALAR, FLOATS(1));
    fold_integers(&c, SCALAR, WHOLES(1));
    fold_expect_refused(&c, EF_ERR_INPUT, "its inputs are of types float and int64");
}

Test(onnx_fold_math, integers_wrap_and_do_not_trap)
{
    static const struct {
        const char *op_type;
        int32_t data_type;
        int64_t a, b, out;
    } rows[] = {
        {"Add", FOLD_TYPE(INT64), INT64_MAX, 2, INT64_MIN + 1},
        {"Add", FOLD_TYPE(INT64), INT64_MAX, 1, INT64_MIN + 1}, /* never the batch */
        {"Sub", FOLD_TYPE(INT64), -INT64_MAX, 3, INT64_MAX - 1},
        {"Mul", FOLD_TYPE(INT64), INT64_MAX, INT64_MAX, 1},
        {"Div", FOLD_TYPE(INT64), -INT64_MAX, -1, INT64_MAX},
        {"Add", FOLD_TYPE(INT32), INT32_MAX, 1, INT32_MIN},
        {"Add", FOLD_TYPE(UINT8), 255, 1, 0},
        {"Sub", FOLD_TYPE(UINT8), 0, 1, 255},
        {"Mul", FOLD_TYPE(INT8), 16, 8, -128},
        {"Pow", FOLD_TYPE(INT64), 2, 62, INT64_C(1) << 62},
        {"Pow", FOLD_TYPE(INT64), 7, 0, 1},
        {"Pow", FOLD_TYPE(INT64), -1, -3, -1},
        {"Pow", FOLD_TYPE(INT64), 3, INT64_MAX, -6148914691236517205},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].op_type, 14);
        fold_integers(&c, SCALAR, &rows[i].a);
        fold_retype(&c, rows[i].data_type);
        fold_integers(&c, SCALAR, &rows[i].b);
        fold_retype(&c, rows[i].data_type);
        fold_run(&c);
        fold_expect_integers(&c, 0, SCALAR, &rows[i].out);
    }
    begin("Div", 13);
    fold_integers(&c, SCALAR, WHOLES(1));
    fold_integers(&c, SCALAR, WHOLES(0));
    fold_expect_refused(&c, EF_ERR_INPUT, "it divides by zero");
}

/* NumPy: np.power(np.float32(a), np.float32(b)); Operators.md, Pow, example types */
Test(onnx_fold_math, powers)
{
    begin("Pow", 13);
    fold_floats(&c, LIST(7), FLOATS(-2, -8, 0, 0, 2, 4, -0.0f));
    fold_floats(&c, LIST(7), FLOATS(3, 1.0f / 3, -1, 0, -2, 0.5f, -1));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(7),
                       FLOATS(-8, NAN, INFINITY, 1, 0.25f, 2, -INFINITY));
    begin("Pow", 13);
    fold_floats(&c, LIST(3), FLOATS(1, 2, 3));
    fold_integers(&c, LIST(3), WHOLES(4, 5, 6));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3), FLOATS(1, 32, 729));
    begin("Pow", 13);
    fold_integers(&c, LIST(3), WHOLES(1, 2, 3));
    fold_floats(&c, LIST(3), FLOATS(4, 5, 6));
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(3), WHOLES(1, 32, 729));
}

/* NumPy: np.maximum gives NaN where one operand is NaN. */
Test(onnx_fold_math, min_and_max_take_any_number_of_inputs)
{
    begin("Max", 8);
    fold_floats(&c, LIST(2), FLOATS(1, NAN));
    fold_floats(&c, SCALAR, FLOATS(3));
    fold_floats(&c, LIST(2), FLOATS(5, 2));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(2), FLOATS(5, NAN));
    begin("Min", 13);
    fold_integers(&c, LIST(2), WHOLES(4, -4));
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(2), WHOLES(4, -4));
    begin("Min", 13);
    fold_expect_refused(&c, EF_ERR_INPUT, "input 1 is missing");
}

Test(onnx_fold_math, one_operand)
{
    static const struct {
        const char *op_type;
        float values[4]; /* of -2.5, -0.5, 0, 4 */
    } rows[] = {
        {"Abs", {2.5f, 0.5f, 0, 4}},
        {"Ceil", {-2, 0, 0, 4}},
        {"Exp", {0.0820849986f, 0.60653066f, 1, 54.5981500f}}, /* NumPy */
        {"Floor", {-3, -1, 0, 4}},
        {"Neg", {2.5f, 0.5f, 0, -4}},
        {"Reciprocal", {-0.4f, -2, INFINITY, 0.25f}},
        {"Relu", {0, 0, 0, 4}},
        {"Sqrt", {NAN, NAN, 0, 2}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].op_type, 13);
        fold_floats(&c, LIST(2, 2), FLOATS(-2.5f, -0.5f, 0, 4));
        fold_run(&c);
        fold_expect_floats(&c, 0, LIST(2, 2), rows[i].values);
    }
    static const struct {
        const char *op_type;
        int64_t values[3]; /* of -3, 0, 5 */
    } whole_rows[] = {{"Abs", {3, 0, 5}}, {"Neg", {3, 0, -5}}, {"Relu", {0, 0, 5}}};
    for (size_t i = 0; i < 3; i++) {
        begin(whole_rows[i].op_type, 14);
        fold_integers(&c, LIST(3), WHOLES(-3, 0, 5));
        fold_run(&c);
        fold_expect_integers(&c, 0, LIST(3), whole_rows[i].values);
    }
    begin("Not", 1);
    fold_integers(&c, LIST(2), WHOLES(0, 1));
    fold_retype(&c, FOLD_TYPE(BOOL));
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(2), WHOLES(1, 0));
    begin("Sqrt", 13);
    fold_integers(&c, SCALAR, WHOLES(4));
    fold_expect_refused(&c, EF_ERR_INPUT, "its input is of type int64");
    begin("Add", 13); /* halves are rounded once: 2048 + 1 has too many digits */
    fold_floats(&c, SCALAR, FLOATS(2048));
    fold_retype(&c, FOLD_TYPE(FLOAT16));
    fold_floats(&c, SCALAR, FLOATS(1));
    fold_retype(&c, FOLD_TYPE(FLOAT16));
    fold_run(&c);
    fold_expect_floats(&c, 0, SCALAR, FLOATS(2048));
}

/* Operators.md, Clip: clip, and bounds left out; attributes before opset 11. */
Test(onnx_fold_math, clip_has_two_bounds_or_fewer)
{
    begin("Clip", 13);
    fold_floats(&c, LIST(4), FLOATS(-2, 0, 2, NAN));
    fold_floats(&c, SCALAR, FLOATS(-1));
    fold_floats(&c, SCALAR, FLOATS(1));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(4), FLOATS(-1, 0, 1, NAN));
    begin("Clip", 13);
    fold_integers(&c, LIST(3), WHOLES(-2, 0, 2));
    fold_absent(&c);
    fold_integers(&c, SCALAR, WHOLES(1));
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(3), WHOLES(-2, 0, 1));
    begin("Clip", 7);
    fold_floats(&c, LIST(3), FLOATS(-2, 0, 2));
    fold_float(&c, "min", -1);
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3), FLOATS(-1, 0, 2));
}

/* Operators.md, ReduceSum, ReduceProd, ReduceMean, ReduceMax, ReduceMin: the examples
 * of [[[1, 2], [3, 4]], [[5, 6], [7, 8]], [[9, 10], [11, 12]]] along axis 1. */
Test(onnx_fold_math, reductions)
{
    static const struct {
        const char *op_type;
        int64_t axes_since;
        float values[6];
    } rows[] = {
        {"ReduceSum", 13, {4, 6, 12, 14, 20, 22}},
        {"ReduceProd", 18, {3, 8, 35, 48, 99, 120}},
        {"ReduceMean", 18, {2, 3, 6, 7, 10, 11}},
        {"ReduceMax", 18, {3, 4, 7, 8, 11, 12}},
        {"ReduceMin", 18, {1, 2, 5, 6, 9, 10}},
    };
    const float data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    for (size_t i = 0; i < 4 * sizeof rows / sizeof *rows; i++) {
        int is_input = i & 1, keeps = i >> 1 & 1;
        begin(rows[i / 4].op_type, rows[i / 4].axes_since - !is_input);
        fold_floats(&c, LIST(3, 2, 2), data);
        if (is_input) {
            fold_integers(&c, LIST(1), WHOLES(-2));
        } else {
            fold_ints(&c, "axes", LIST(1));
        }
        fold_int(&c, "keepdims", keeps);
        fold_run(&c);
        if (keeps) {
            fold_expect_floats(&c, 0, LIST(3, 1, 2), rows[i / 4].values);
        } else {
            fold_expect_floats(&c, 0, LIST(3, 2), rows[i / 4].values);
        }
    }
    begin("ReduceProd", 13); /* of a shape */
    fold_integers(&c, LIST(4), WHOLES(2, 3, 4, 5));
    fold_int(&c, "keepdims", 0);
    fold_run(&c);
    fold_expect_integers(&c, 0, SCALAR, WHOLES(120));
    begin("ReduceSum", 13);
    fold_floats(&c, LIST(2), FLOATS(1, 2));
    fold_integers(&c, LIST(0), NULL);
    fold_int(&c, "noop_with_empty_axes", 1);
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(2), FLOATS(1, 2));
}

Test(onnx_fold_math, reductions_of_nothing)
{
    begin("ReduceProd", 13);
    fold_integers(&c, LIST(0), NULL);
    fold_int(&c, "keepdims", 0);
    fold_run(&c);
    fold_expect_integers(&c, 0, SCALAR, WHOLES(1));
    begin("ReduceMax", 13);
    fold_floats(&c, LIST(2, 0), NULL);
    fold_ints(&c, "axes", LIST(1));
    fold_expect_refused(&c, EF_ERR_INPUT, "it reduces no elements");
}

/* NumPy: [[1, 2], [3, 4], [5, 6]] @ [[1, 2, 3], [4, 5, 6]] */
Test(onnx_fold_math, matrices)
{
    begin("MatMul", 13);
    fold_floats(&c, LIST(3, 2), FLOATS(1, 2, 3, 4, 5, 6));
    fold_floats(&c, LIST(2, 3), FLOATS(1, 2, 3, 4, 5, 6));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3, 3), FLOATS(9, 12, 15, 19, 26, 33, 29, 40, 51));
    begin("MatMul", 13);
    fold_floats(&c, LIST(3, 2), NULL);
    fold_floats(&c, LIST(3, 2), NULL);
    fold_expect_refused(&c, EF_ERR_INPUT, "its matrices have 2 columns and 3 rows");
    begin("MatMul", 13);
    fold_floats(&c, LIST(3), NULL);
    fold_floats(&c, LIST(3, 2), NULL);
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED,
                        "its constants are not two matrices of floats");
}

Test(onnx_fold_math, kinds_that_an_operator_does_not_take_are_refused)
{
    begin("And", 7);
    fold_floats(&c, SCALAR, FLOATS(1));
    fold_floats(&c, SCALAR, FLOATS(1));
    fold_expect_refused(&c, EF_ERR_INPUT, "its inputs are not of bools");
    begin("Clip", 10);
    fold_integers(&c, SCALAR, WHOLES(1));
    fold_expect_refused(&c, EF_ERR_INPUT, "its input is not of floats");
    begin("Clip", 13);
    fold_floats(&c, SCALAR, FLOATS(1));
    fold_floats(&c, LIST(2), FLOATS(1, 2));
    fold_expect_refused(&c, EF_ERR_INPUT, "input 2 is not one number");
}

/* --- the number of images -------------------------------------------------------- */

typedef struct batch_case {
    const char *op_type;
    int64_t a, b;
    int64_t out; /* -7: refused */
} batch_case;

static const batch_case batch_cases[] = {
    {"Add", BATCH, 0, BATCH},        {"Add", 0, BATCH, BATCH},
    {"Add", BATCH, 1, -7},           {"Add", BATCH, BATCH, -7},
    {"Sub", BATCH, 0, BATCH},        {"Sub", 0, BATCH, -7},
    {"Mul", BATCH, 1, BATCH},        {"Mul", 1, BATCH, BATCH},
    {"Mul", BATCH, 2, -7},           {"Div", BATCH, 1, BATCH},
    {"Div", 1, BATCH, -7},           {"Div", BATCH, 0, -7},
    {"Pow", BATCH, 1, BATCH},        {"Pow", BATCH, 2, -7},
    {"Max", BATCH, 1, BATCH},        {"Max", 0, BATCH, BATCH},
    {"Max", BATCH, 2, -7},           {"Min", BATCH, BATCH, BATCH},
    {"Min", BATCH, 1, -7},           {"Equal", BATCH, -1, 0},
    {"Equal", 3, BATCH, 0},          {"Equal", BATCH, BATCH, 1},
    {"Greater", BATCH, 0, 1},        {"Greater", BATCH, 1, -7},
    {"Greater", 1, BATCH, 0},        {"Greater", 2, BATCH, -7},
    {"Greater", BATCH, BATCH, 0},    {"Less", 0, BATCH, 1},
    {"Less", BATCH, 1, 0},           {"Less", BATCH, 9, -7},
    {"GreaterOrEqual", BATCH, 1, 1}, {"GreaterOrEqual", BATCH, 2, -7},
    {"LessOrEqual", BATCH, 0, 0},    {"LessOrEqual", BATCH, BATCH, 1},
};

static void run_batch_case(const batch_case *row, int is_float)
{
    begin(row->op_type, 13);
    if (is_float) {
        const float a = (float)row->a, b = (float)row->b;
        fold_floats(&c, SCALAR, &a);
        fold_floats(&c, SCALAR, &b);
    } else {
        fold_integers(&c, SCALAR, &row->a);
        fold_integers(&c, SCALAR, &row->b);
    }
    if (row->out == -7) {
        fold_expect_refused(&c, EF_ERR_UNSUPPORTED,
                            "it computes with the number of images");
        return;
    }
    fold_run(&c);
    if (is_float && c.fold.outputs[0].data_type != FOLD_TYPE(BOOL)) {
        fold_expect_floats(&c, 0, SCALAR, FLOATS((float)row->out));
    } else {
        fold_expect_integers(&c, 0, SCALAR, &row->out);
    }
}

Test(onnx_fold_batch, two_operands_keep_it_or_are_refused)
{
    for (size_t i = 0; i < sizeof batch_cases / sizeof *batch_cases; i++) {
        run_batch_case(&batch_cases[i], 0);
        run_batch_case(&batch_cases[i], 1);
    }
}

Test(onnx_fold_batch, one_operand_keeps_it_or_is_refused)
{
    static const char *const keep[] = {"Abs", "Ceil", "Floor", "Relu"};
    static const char *const refuse[] = {"Neg", "Sqrt", "Exp", "Reciprocal"};
    for (size_t i = 0; i < 4; i++) {
        begin(keep[i], 13);
        fold_floats(&c, LIST(2), FLOATS((float)BATCH, 2));
        fold_run(&c);
        fold_expect_floats(&c, 0, LIST(2), FLOATS((float)BATCH, 2));
        begin(refuse[i], 13);
        fold_floats(&c, LIST(2), FLOATS(2, (float)BATCH));
        fold_expect_refused(&c, EF_ERR_UNSUPPORTED,
                            "it computes with the number of images");
    }
}

Test(onnx_fold_batch, casts_keep_it_through_every_type_but_bool)
{
    static const int32_t types[] = {
        FOLD_TYPE(FLOAT), FOLD_TYPE(DOUBLE), FOLD_TYPE(FLOAT16), FOLD_TYPE(BFLOAT16),
        FOLD_TYPE(INT32), FOLD_TYPE(INT8),   FOLD_TYPE(UINT8),   FOLD_TYPE(UINT64),
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        begin("Cast", 13);
        fold_integers(&c, LIST(2), WHOLES(BATCH, 3));
        fold_int(&c, "to", types[i]);
        fold_run(&c);
        ef_constant between = c.fold.outputs[0];
        c.fold.inputs[0] = &between;
        c.attributes[0].i = FOLD_TYPE(INT64);
        fold_run(&c);
        fold_expect_integers(&c, 0, LIST(2), WHOLES(BATCH, 3));
    }
    begin("Cast", 13);
    fold_integers(&c, LIST(1), WHOLES(BATCH));
    fold_int(&c, "to", FOLD_TYPE(BOOL));
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(1), WHOLES(1));
}

/* What PyTorch's exporter makes of x.expand(-1, ...): Where(Equal(shape, -1), ...). */
Test(onnx_fold_batch, it_is_moved_like_any_number)
{
    begin("Concat", 13);
    fold_integers(&c, LIST(1), WHOLES(BATCH));
    fold_integers(&c, LIST(1), WHOLES(64));
    fold_int(&c, "axis", 0);
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(2), WHOLES(BATCH, 64));
    begin("Where", 13);
    fold_integers(&c, LIST(2), WHOLES(0, 1));
    fold_integers(&c, LIST(2), WHOLES(1, 1));
    fold_integers(&c, LIST(2), WHOLES(BATCH, -1));
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(2), WHOLES(BATCH, 1));
    begin("ReduceProd", 13);
    fold_integers(&c, LIST(3), WHOLES(BATCH, 1, 1));
    fold_int(&c, "keepdims", 0);
    fold_run(&c);
    fold_expect_integers(&c, 0, SCALAR, WHOLES(BATCH));
}
