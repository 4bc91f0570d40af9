/* Elements that nodes move, known before any image comes.
 * "Operators.md" is the ONNX project's description of its operators, whose examples are
 * the source of most numbers here; "NumPy" is version 1.24.2, asked for the expression
 * in the comment. */
#include "onnx/fold.h"

#include <criterion/criterion.h>
#include <string.h>

#include "fold_help.h"

#define LIST FOLD_LIST
#define FLOATS FOLD_FLOATS
#define WHOLES FOLD_WHOLES
#define SCALAR FOLD_SCALAR

static fold_case c;

static void end(void)
{
    fold_end(&c);
}

TestSuite(onnx_fold_move, .timeout = 60, .fini = end);

/* Ends the case before this one. */
static void begin(const char *op_type, int64_t opset)
{
    fold_end(&c);
    fold_begin(&c, op_type, opset, 1);
}

/* Operators.md, Slice, examples 1 and 2; the third is NumPy's data[::-1, 2:0:-1]. */
Test(onnx_fold_move, slice_of_inputs)
{
    const float data[] = {1, 2, 3, 4, 5, 6, 7, 8};
    begin("Slice", 13);
    fold_floats(&c, LIST(2, 4), data);
    fold_integers(&c, LIST(2), WHOLES(1, 0));
    fold_integers(&c, LIST(2), WHOLES(2, 3));
    fold_integers(&c, LIST(2), WHOLES(0, 1));
    fold_integers(&c, LIST(2), WHOLES(1, 2));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(1, 2), FLOATS(5, 7));

    begin("Slice", 10);
    fold_floats(&c, LIST(2, 4), data);
    fold_integers(&c, LIST(2), WHOLES(0, 1));
    fold_integers(&c, LIST(2), WHOLES(-1, 1000));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(1, 3), FLOATS(2, 3, 4));

    begin("Slice", 13);
    fold_floats(&c, LIST(2, 4), data);
    fold_integers(&c, LIST(2), WHOLES(-1, 2));
    fold_integers(&c, LIST(2), WHOLES(INT64_MIN + 1, 0));
    fold_absent(&c);
    fold_integers(&c, LIST(2), WHOLES(-1, -1));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(2, 2), FLOATS(7, 6, 3, 2));
}

Test(onnx_fold_move, slice_of_attributes)
{
    begin("Slice", 9); /* Changelog.md, Slice-1, its first example */
    fold_floats(&c, LIST(2, 4), FLOATS(1, 2, 3, 4, 5, 6, 7, 8));
    fold_ints(&c, "axes", LIST(0, 1));
    fold_ints(&c, "starts", LIST(1, 0));
    fold_ints(&c, "ends", LIST(2, 3));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(1, 3), FLOATS(5, 6, 7));
}

/* Python: len(range(5)[start:end:step]) and its first element; only the last row is
 * ONNX's: going down, a start is brought into the dimension. */
Test(onnx_fold_move, slice_bounds_are_clamped)
{
    static const struct {
        int64_t start, end, step, length, first;
    } rows[] = {
        {0, 5, 1, 5, 0},
        {-3, -1, 1, 2, 2},
        {3, 1, 1, 0, 0},
        {-100, 100, 2, 3, 0},
        {7, 9, 1, 0, 0},
        {4, -6, -1, 5, 4},
        {100, -100, -2, 3, 4},
        {1, 3, -1, 0, 0},
        {0, -100, -1, 1, 0},
        {0, INT64_MAX, INT64_MAX, 1, 0},
        {INT64_MAX, INT64_MIN + 1, INT64_MIN + 1, 1, 4},
        {-100, -101, -1, 1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin("Slice", 13);
        fold_integers(&c, LIST(5), WHOLES(0, 1, 2, 3, 4));
        fold_integers(&c, LIST(1), &rows[i].start);
        fold_integers(&c, LIST(1), &rows[i].end);
        fold_integers(&c, LIST(1), WHOLES(0));
        fold_integers(&c, LIST(1), &rows[i].step);
        fold_run(&c);
        cr_assert_eq(c.fold.outputs[0].dims[0], rows[i].length, "row %zu", i);
        if (rows[i].length > 0) {
            cr_assert_eq(c.fold.outputs[0].integers[0], rows[i].first, "row %zu", i);
        }
    }
}

Test(onnx_fold_move, slices_that_make_no_sense_are_refused)
{
    begin("Slice", 13);
    fold_integers(&c, LIST(2), WHOLES(1, 2));
    fold_integers(&c, LIST(1), WHOLES(0));
    fold_integers(&c, LIST(2), WHOLES(1, 1));
    fold_expect_refused(&c, EF_ERR_INPUT,
                        "its starts, ends, axes and steps differ in number");
    begin("Slice", 13);
    fold_integers(&c, LIST(2), WHOLES(1, 2));
    fold_integers(&c, LIST(1), WHOLES(0));
    fold_integers(&c, LIST(1), WHOLES(1));
    fold_integers(&c, LIST(1), WHOLES(1));
    fold_expect_refused(&c, EF_ERR_INPUT, "axis 1 does not exist among 1");
    begin("Slice", 13);
    fold_integers(&c, LIST(2), WHOLES(1, 2));
    fold_integers(&c, LIST(1), WHOLES(0));
    fold_integers(&c, LIST(1), WHOLES(1));
    fold_absent(&c);
    fold_integers(&c, LIST(1), WHOLES(0));
    fold_expect_refused(&c, EF_ERR_INPUT, "it has a step of 0");
}

/* Operators.md, Gather, its two examples; negative indices count from behind. */
Test(onnx_fold_move, gather_picks_along_an_axis)
{
    begin("Gather", 13);
    fold_floats(&c, LIST(3, 2), FLOATS(1.0f, 1.2f, 2.3f, 3.4f, 4.5f, 5.7f));
    fold_integers(&c, LIST(2, 2), WHOLES(0, 1, 1, 2));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(2, 2, 2),
                       FLOATS(1.0f, 1.2f, 2.3f, 3.4f, 2.3f, 3.4f, 4.5f, 5.7f));

    begin("Gather", 13);
    fold_floats(&c, LIST(3, 3),
                FLOATS(1.0f, 1.2f, 1.9f, 2.3f, 3.4f, 3.9f, 4.5f, 5.7f, 5.9f));
    fold_integers(&c, LIST(1, 2), WHOLES(0, 2));
    fold_int(&c, "axis", 1);
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3, 1, 2),
                       FLOATS(1.0f, 1.9f, 2.3f, 3.9f, 4.5f, 5.9f));

    begin("Gather", 7);
    fold_integers(&c, LIST(4), WHOLES(1, 3, 32, 32));
    fold_integers(&c, SCALAR, WHOLES(-3));
    fold_run(&c);
    fold_expect_integers(&c, 0, SCALAR, WHOLES(3));

    begin("Gather", 13);
    fold_integers(&c, LIST(4), WHOLES(1, 3, 32, 32));
    fold_integers(&c, SCALAR, WHOLES(4));
    fold_expect_refused(&c, EF_ERR_INPUT, "index 4 is outside of 4");
}

/* NumPy: np.concatenate along axis 0, 1 and -2 */
Test(onnx_fold_move, concat_joins_along_an_axis)
{
    begin("Concat", 13);
    fold_integers(&c, LIST(1), WHOLES(1));
    fold_integers(&c, LIST(0), NULL);
    fold_integers(&c, LIST(2), WHOLES(2, 3));
    fold_int(&c, "axis", 0);
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(3), WHOLES(1, 2, 3));

    begin("Concat", 13);
    fold_floats(&c, LIST(2, 2), FLOATS(1, 2, 3, 4));
    fold_floats(&c, LIST(2, 1), FLOATS(5, 6));
    fold_int(&c, "axis", -1);
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(2, 3), FLOATS(1, 2, 5, 3, 4, 6));

    begin("Concat", 13);
    fold_floats(&c, LIST(2, 2), FLOATS(1, 2, 3, 4));
    fold_floats(&c, LIST(2, 1), FLOATS(5, 6));
    fold_int(&c, "axis", 0);
    fold_expect_refused(&c, EF_ERR_INPUT,
                        "inputs 1 and 2 have dimensions that do not fit");
}

/* NumPy: np.arange(6).reshape(1, 2, 3).transpose(2, 0, 1), and without axes */
Test(onnx_fold_move, transpose_permutes)
{
    const float data[] = {0, 1, 2, 3, 4, 5};
    begin("Transpose", 13);
    fold_floats(&c, LIST(1, 2, 3), data);
    fold_ints(&c, "perm", LIST(2, 0, 1));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3, 1, 2), FLOATS(0, 3, 1, 4, 2, 5));
    begin("Transpose", 7);
    fold_floats(&c, LIST(2, 3), data);
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3, 2), FLOATS(0, 3, 1, 4, 2, 5));
    begin("Transpose", 7);
    fold_floats(&c, LIST(2, 3), data);
    fold_ints(&c, "perm", LIST(1, 1));
    fold_expect_refused(&c, EF_ERR_INPUT, "it names axis 1 twice");
}

/* More columns than are copied at a time; the twin is the definition of a transpose. */
Test(onnx_fold_move, transpose_of_a_large_matrix)
{
    static int64_t data[150 * 7], turned[7 * 150];
    for (int64_t i = 0; i < 150 * 7; i++) {
        data[i] = i;
        turned[i % 7 * 150 + i / 7] = i;
    }
    begin("Transpose", 13);
    fold_integers(&c, LIST(150, 7), data);
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(7, 150), turned);
    begin("Transpose", 13);
    fold_integers(&c, LIST(7, 150), turned);
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(150, 7), data);
}

/* Operators.md, Expand (dim_changed, dim_unchanged), Tile (tile_precomputed). */
Test(onnx_fold_move, expand_and_tile_repeat)
{
    begin("Expand", 13);
    fold_floats(&c, LIST(3, 1), FLOATS(1, 2, 3));
    fold_integers(&c, LIST(3), WHOLES(2, 1, 2));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(2, 3, 2),
                       FLOATS(1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3));
    begin("Expand", 8);
    fold_floats(&c, LIST(3, 1), FLOATS(1, 2, 3));
    fold_integers(&c, LIST(1), WHOLES(2));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3, 2), FLOATS(1, 1, 2, 2, 3, 3));
    begin("Expand", 8);
    fold_floats(&c, LIST(3, 1), FLOATS(1, 2, 3));
    fold_integers(&c, LIST(2), WHOLES(2, 1));
    fold_expect_refused(&c, EF_ERR_INPUT, "dimensions 3 and 2 do not go together");
    begin("Tile", 13);
    fold_floats(&c, LIST(2, 2), FLOATS(0, 1, 2, 3));
    fold_integers(&c, LIST(2), WHOLES(2, 2));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(4, 4),
                       FLOATS(0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3));
}

/* Operators.md, Split: 1d_split, equal and variable; an uneven dimension of opset 18.
 */
Test(onnx_fold_move, split_parts_a_dimension)
{
    const float data[] = {1, 2, 3, 4, 5, 6, 7};
    for (int64_t opset = 7; opset <= 18; opset += 1) {
        fold_end(&c);
        fold_begin(&c, "Split", opset, 2);
        fold_floats(&c, LIST(6), data);
        if (opset < 13) {
            fold_ints(&c, "split", LIST(2, 4));
        } else {
            fold_integers(&c, LIST(2), WHOLES(2, 4));
        }
        fold_run(&c);
        fold_expect_floats(&c, 0, LIST(2), FLOATS(1, 2));
        fold_expect_floats(&c, 1, LIST(4), FLOATS(3, 4, 5, 6));
    }
    fold_end(&c);
    fold_begin(&c, "Split", 18, 4);
    fold_floats(&c, LIST(7), data);
    fold_int(&c, "num_outputs", 4);
    fold_run(&c);
    fold_expect_floats(&c, 2, LIST(2), FLOATS(5, 6));
    fold_expect_floats(&c, 3, LIST(1), FLOATS(7));
    fold_end(&c);
    fold_begin(&c, "Split", 13, 2);
    fold_floats(&c, LIST(1, 4), data);
    fold_int(&c, "axis", 1);
    fold_run(&c);
    fold_expect_floats(&c, 1, LIST(1, 2), FLOATS(3, 4));
}

Test(onnx_fold_move, splits_that_do_not_fit_are_refused)
{
    fold_begin(&c, "Split", 13, 2);
    fold_floats(&c, LIST(3), FLOATS(1, 2, 3));
    fold_expect_refused(&c, EF_ERR_INPUT, "it does not split 3 into 2 parts");
    fold_integers(&c, LIST(2), WHOLES(4, -1));
    fold_expect_refused(&c, EF_ERR_INPUT, "it does not split 3 into 2 parts");
    fold_end(&c);
    fold_begin(&c, "Split", 13, 33);
    fold_floats(&c, LIST(33), NULL);
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED,
                        "it has 33 outputs, up to 32 are supported");
}

/* Operators.md, Pad, its first example; the same through axes; a negative pad cuts:
 * NumPy data[:, 1:] with a row of 9 below. */
Test(onnx_fold_move, pad_surrounds_and_cuts)
{
    const float data[] = {1.0f, 1.2f, 2.3f, 3.4f, 4.5f, 5.7f};
    const float padded[] = {0, 0, 1.0f, 1.2f, 0, 0, 2.3f, 3.4f, 0, 0, 4.5f, 5.7f};
    begin("Pad", 13);
    fold_floats(&c, LIST(3, 2), data);
    fold_integers(&c, LIST(4), WHOLES(0, 2, 0, 0));
    fold_floats(&c, SCALAR, FLOATS(0));
    fold_text(&c, "mode", "constant");
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3, 4), padded);
    begin("Pad", 9);
    fold_floats(&c, LIST(3, 2), data);
    fold_ints(&c, "pads", LIST(0, 2, 0, 0));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3, 4), padded);
    begin("Pad", 18);
    fold_floats(&c, LIST(3, 2), data);
    fold_integers(&c, LIST(2), WHOLES(2, 0));
    fold_absent(&c);
    fold_integers(&c, LIST(1), WHOLES(-1));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(3, 4), padded);
    begin("Pad", 13);
    fold_integers(&c, LIST(2, 2), WHOLES(1, 2, 3, 4));
    fold_integers(&c, LIST(4), WHOLES(0, -1, 1, 0));
    fold_integers(&c, LIST(1), WHOLES(9));
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(3, 1), WHOLES(2, 4, 9));
}

Test(onnx_fold_move, pads_that_make_no_sense_are_refused)
{
    begin("Pad", 13);
    fold_floats(&c, LIST(2), NULL);
    fold_integers(&c, LIST(2), WHOLES(-2, -1));
    fold_expect_refused(&c, EF_ERR_INPUT, "it cuts more than a dimension of 2");
    begin("Pad", 13);
    fold_floats(&c, LIST(2), NULL);
    fold_integers(&c, LIST(2), WHOLES(INT64_MAX, INT64_MAX));
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED,
                        "its output: it has more than 268435456 elements");
    begin("Pad", 13);
    fold_floats(&c, LIST(2), NULL);
    fold_integers(&c, LIST(2), WHOLES(1, 1));
    fold_text(&c, "mode", "reflect");
    fold_expect_refused(&c, EF_ERR_UNSUPPORTED, "attribute mode is not \"constant\"");
}

/* Operators.md, Where, example long. */
Test(onnx_fold_move, where_chooses)
{
    begin("Where", 9);
    fold_integers(&c, LIST(2, 2), WHOLES(1, 0, 1, 1));
    fold_retype(&c, FOLD_TYPE(BOOL));
    fold_integers(&c, LIST(2, 2), WHOLES(1, 2, 3, 4));
    fold_integers(&c, LIST(2, 2), WHOLES(9, 8, 7, 6));
    fold_run(&c);
    fold_expect_integers(&c, 0, LIST(2, 2), WHOLES(1, 8, 3, 4));
    begin("Where", 9); /* NumPy: np.where([[True], [False]], 1., [2., 3.]) */
    fold_integers(&c, LIST(2, 1), WHOLES(1, 0));
    fold_floats(&c, SCALAR, FLOATS(1));
    fold_floats(&c, LIST(2), FLOATS(2, 3));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(2, 2), FLOATS(1, 1, 2, 3));
}

Test(onnx_fold_move, lists_that_do_not_fit_are_refused)
{
    begin("Gather", 13);
    fold_floats(&c, LIST(2), FLOATS(1, 2));
    fold_floats(&c, LIST(1), FLOATS(1));
    fold_expect_refused(&c, EF_ERR_INPUT, "its indices are not integers");
    begin("Transpose", 13);
    fold_floats(&c, LIST(1, 2), FLOATS(1, 2));
    fold_ints(&c, "perm", LIST(0));
    fold_expect_refused(&c, EF_ERR_INPUT, "attribute perm has 1 values instead of 2");
    begin("Tile", 13);
    fold_floats(&c, LIST(1, 2), FLOATS(1, 2));
    fold_integers(&c, LIST(1), WHOLES(2));
    fold_expect_refused(&c, EF_ERR_INPUT, "it has 1 repeats for 2 dimensions");
    begin("Where", 13);
    fold_floats(&c, SCALAR, FLOATS(1));
    fold_floats(&c, SCALAR, FLOATS(1));
    fold_floats(&c, SCALAR, FLOATS(1));
    fold_expect_refused(&c, EF_ERR_INPUT, "its condition is not of bools");
    begin("Pad", 13);
    fold_floats(&c, LIST(1, 2), FLOATS(1, 2));
    fold_integers(&c, LIST(2), WHOLES(1, 1));
    fold_expect_refused(&c, EF_ERR_INPUT, "it has 2 pads for 2 dimensions");
    begin("Pad", 13);
    fold_floats(&c, LIST(2), FLOATS(1, 2));
    fold_integers(&c, LIST(2), WHOLES(1, 1));
    fold_integers(&c, SCALAR, WHOLES(1));
    fold_expect_refused(&c, EF_ERR_INPUT,
                        "input 3 is not one number of the type of input 1");
}

Test(onnx_fold_move, a_slice_of_nothing_is_nothing)
{
    begin("Slice", 13);
    fold_floats(&c, LIST(2, 0), NULL);
    fold_integers(&c, LIST(1), WHOLES(0));
    fold_integers(&c, LIST(1), WHOLES(9));
    fold_integers(&c, LIST(1), WHOLES(1));
    fold_run(&c);
    fold_expect_floats(&c, 0, LIST(2, 0), NULL);
}
