#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataset_help.h"
#include "scratch.h"

TestSuite(dataset_csv, .init = scratch_make, .fini = scratch_remove);
TestSuite(dataset_digits, .init = scratch_make, .fini = scratch_remove);

static ef_status load_text(const char *text)
{
    return load_path(scratch_write_text("x.csv", text));
}

#define HEAD "# shape: 1x2x2  label: last  range: 0..16  classes: 3\n"

Test(dataset_csv, the_head_says_what_the_columns_are)
{
    cr_assert_eq(load_text(HEAD "0,1,2,3,0\n16,15,14,13,2\n"), EF_OK, "%s",
                 load_error.text);
    cr_assert_str_eq(loaded.format, "CSV");
    cr_assert(loaded.n == 2 && loaded.channels == 1 && loaded.height == 2 &&
              loaded.width == 2 && loaded.n_classes == 3);
    cr_assert(loaded.low == 0 && loaded.high == 16);
    cr_assert_eq(memcmp(loaded.bytes, "\x00\x01\x02\x03\x10\x0f\x0e\x0d", 8), 0);
    cr_assert_null(loaded.values);
    cr_assert(loaded.labels[0] == 0 && loaded.labels[1] == 2);
    cr_assert_null(loaded.groups);
    cr_assert_eq(loaded.first_test, 2);
    ef_dataset_clear(&loaded);
}

Test(dataset_csv, the_head_may_take_several_lines_and_remarks)
{
    cr_assert_eq(load_text("# made by hand: yes\n#shape:2x1x2\n#label:1 names:no,yes\n"
                           "\n1,0,1,2,3\n0,9,9,9,9\n"),
                 EF_OK, "%s", load_error.text);
    cr_assert(loaded.channels == 2 && loaded.height == 1 && loaded.width == 2);
    cr_assert_eq(loaded.n_classes, 2);
    cr_assert_str_eq(loaded.class_names[0], "no");
    cr_assert_str_eq(loaded.class_names[1], "yes");
    cr_assert(loaded.low == 0 && loaded.high == 255);
    ef_dataset_clear(&loaded);
}

Test(dataset_csv, options_win_over_the_head)
{
    const char *path = scratch_write_text("x.csv", HEAD "1,0,1,2,3\n");
    ef_dataset_options options = {.data = path, .label = "first", .shape = "1x4"};
    cr_assert_eq(load(&options), EF_OK, "%s", load_error.text);
    cr_assert(loaded.height == 1 && loaded.width == 4 && loaded.labels[0] == 1);
    ef_dataset_clear(&loaded);
}

Test(dataset_csv, a_row_of_names_finds_label_and_group)
{
    const char *path = scratch_write_text(
        "x.csv", "writer,p1,label,p2\nanna,7,1,8\nbert,5,0,6\nanna,3,1,4\n");
    ef_dataset_options options = {.data = path, .group = "writer"};
    cr_assert_eq(load(&options), EF_OK, "%s", load_error.text);
    cr_assert_eq(memcmp(loaded.bytes, "\7\10\5\6\3\4", 6), 0);
    cr_assert(loaded.labels[0] == 1 && loaded.labels[1] == 0);
    cr_assert(loaded.n_groups == 2 && loaded.groups[0] == 0 && loaded.groups[1] == 1 &&
              loaded.groups[2] == 0);
    ef_dataset_clear(&loaded);
}

Test(dataset_csv, group_none_drops_the_group_of_the_head)
{
    const char *path = scratch_write_text("x.csv", "# label: last group: 1\n1,2,0\n");
    ef_dataset_options options = {.data = path, .group = "none"};
    cr_assert_eq(load_path(path), EF_OK, "%s", load_error.text);
    cr_assert(loaded.width == 1 && loaded.n_groups == 1);
    cr_assert_eq(load(&options), EF_OK, "%s", load_error.text);
    cr_assert(loaded.width == 2 && !loaded.groups);
    ef_dataset_clear(&loaded);
}

Test(dataset_csv, values_that_are_no_bytes_are_kept_as_float32)
{
    cr_assert_eq(load_text("# label: last\n1,2,0\n3,-0.5,1\n1e3,4,0\n"), EF_OK, "%s",
                 load_error.text);
    cr_assert_null(loaded.bytes);
    const float expected[] = {1, 2, 3, -0.5f, 1000, 4};
    cr_assert_eq(memcmp(loaded.values, expected, sizeof expected), 0);
    cr_assert(loaded.low == -0.5 && loaded.high == 1000);
    ef_dataset_clear(&loaded);
}

Test(dataset_csv, whole_numbers_may_be_written_as_fractions)
{
    cr_assert_eq(load_text("# label: last\n2.0,1.550000e+02,1.000000e+00\n"), EF_OK,
                 "%s", load_error.text);
    cr_assert(loaded.bytes && loaded.bytes[0] == 2 && loaded.bytes[1] == 155);
    cr_assert_eq(loaded.labels[0], 1);
    ef_dataset_clear(&loaded);
}

Test(dataset_csv, a_square_number_of_values_is_a_square_image)
{
    cr_assert_eq(load_text("# label: last\n1,2,3,4,5,6,7,8,9,0\n"), EF_OK);
    cr_assert(loaded.channels == 1 && loaded.height == 3 && loaded.width == 3);
    cr_assert_eq(load_text("# label: last\n1,2,3,4,5,6,7,8,0\n"), EF_OK);
    cr_assert(loaded.channels == 1 && loaded.height == 1 && loaded.width == 8);
    ef_dataset_clear(&loaded);
}

Test(dataset_csv, gzip_is_read_as_well)
{
    const char text[] = HEAD "0,1,2,3,0\n";
    cr_assert_eq(load_path(scratch_write_gzip("x.csv.gz", text, sizeof text - 1)),
                 EF_OK, "%s", load_error.text);
    cr_assert_eq(loaded.n, 1);
    ef_dataset_clear(&loaded);
}

static uint64_t hash_text(const char *text)
{
    cr_assert_eq(load_text(text), EF_OK, "%s", load_error.text);
    uint64_t hash = ef_dataset_hash(&loaded);
    ef_dataset_clear(&loaded);
    return hash;
}

Test(dataset_hash, whatever_a_result_depends_on_changes_the_hash, .init = scratch_make,
     .fini = scratch_remove)
{
    static const char *const others[] = {
        "# shape: 1x2x2 label: last range: 0..16\n0,1,2,3,0\n4,5,6,8,1\n",
        "# shape: 1x2x2 label: last range: 0..16\n0,1,2,3,1\n4,5,6,7,1\n",
        "# shape: 1x1x4 label: last range: 0..16\n0,1,2,3,0\n4,5,6,7,1\n",
        "# shape: 1x2x2 label: last range: 0..17\n0,1,2,3,0\n4,5,6,7,1\n",
        "# shape: 1x2x2 label: last classes: 3 range: 0..16\n0,1,2,3,0\n4,5,6,7,1\n",
        "# shape: 1x2x2 label: last range: 0..16\n0,1,2,3,0\n4,5,6,7.5,1\n",
        "# shape: 1x2x2 label: last range: 0..16\n0,1,2,3,0\n4,5,6,7.25,1\n",
        "# shape: 1x2x2 label: last range: 0..16\n0,1,2,3,0\n",
        "# shape: 1x2x2 label: last range: 0..16 group: 1\na,0,1,2,3,0\na,4,5,6,7,1\n",
        "# shape: 1x2x2 label: last range: 0..16 group: 1\na,0,1,2,3,0\nb,4,5,6,7,1\n",
    };
    const char *text =
        "# shape: 1x2x2 label: last range: 0..16\n0,1,2,3,0\n4,5,6,7,1\n";
    uint64_t hash = hash_text(text);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cr_assert_neq(hash_text(others[i]), hash, "%s", others[i]);
    }
    cr_assert_eq(hash_text("# a remark\n# range: 0..16 names: no,yes\na,b,c,d,label\n"
                           "0,1,2,3.0,0\n4,5,6,7,1\n"),
                 hash);
}

/* --- malformed files -------------------------------------------------------- */

Test(dataset_csv, every_malformed_file_is_refused_with_its_line)
{
    static const struct {
        const char *name, *text, *expected;
    } rows[] = {
        {"nothing", "", "x.csv: is empty"},
        {"head only", HEAD, "x.csv: holds no images"},
        {"names only", "label,a,b\n", "x.csv: holds no images"},
        {"short row", HEAD "0,1,2,3,0\n\n1,2,3,0\n",
         "x.csv:4: 4 columns, where line 2 has 5"},
        {"long row", HEAD "0,1,2,3,0\n1,2,3,4,5,0\n",
         "x.csv:3: 6 columns, where line 2 has 5"},
        {"no number", HEAD "0,1,2,3,0\n0,1,x,3,0\n", "x.csv:3: column 3: expected a"},
        {"empty field", HEAD "0,1,,3,0\n", "x.csv:2: column 3: expected a"},
        {"nan", HEAD "0,nan,2,3,0\n", "x.csv:2: column 2: expected a"},
        {"infinity", HEAD "0,1,2,inf,0\n", "x.csv:2: column 4: expected a"},
        {"overflow", HEAD "0,1,2,1e39,0\n", "x.csv:2: column 4: expected a"},
        {"tail", HEAD "0,1,2,3x,0\n", "x.csv:2: column 4: expected a"},
        {"above range", HEAD "0,1,2,17,0\n",
         "x.csv:2: column 4: 17 lies outside the range 0..16"},
        {"below range", HEAD "0,1,2,-1,0\n",
         "x.csv:2: column 4: -1 lies outside the range 0..16"},
        {"label too high", HEAD "0,1,2,3,3\n",
         "x.csv:2: column 5: expected a label from 0 to 2, found '3'"},
        {"label negative", HEAD "0,1,2,3,-1\n",
         "x.csv:2: column 5: expected a label from 0 to 2, found '-1'"},
        {"label a fraction", HEAD "0,1,2,3,0.5\n",
         "x.csv:2: column 5: expected a label from 0 to 2, found '0.5'"},
        {"label a word", HEAD "0,1,2,3,cat\n", "x.csv:2: column 5: expected a"},
        {"label huge", "#label: 1\n65535,1\n",
         "x.csv:2: column 1: expected a label from 0 to 65534, found '65535'"},
        {"shape too small", "# shape: 1x1x3 label: last\n0,1,2,3,0\n",
         "x.csv:2: the shape 1x1x3 needs 3 values a row beside the label, found 4"},
        {"shape of one side", "# shape: 4 label: last\n0,1,2,3,0\n",
         "x.csv:1: expected a shape such as 3x32x32"},
        {"shape of four", "# shape: 1x1x2x2 label: last\n0,1,2,3,0\n",
         "x.csv:1: expected a shape such as 3x32x32"},
        {"shape of zero", "# shape: 0x2 label: last\n0,1,2,3,0\n",
         "x.csv:1: expected a shape such as 3x32x32"},
        {"shape with a tail", "# shape: 2x2x label: last\n0,1,2,3,0\n",
         "x.csv:1: expected a shape such as 3x32x32"},
        {"too many channels", "# shape: 257x1x1 label: last\n0,1,2,3,0\n",
         "x.csv:1: more than 256 channels"},
        {"huge shape", "# shape: 256x65535x65535 label: last\n0,1,2,3,0\n",
         "x.csv:1: an image of shape 256x65535x65535 is too large"},
        {"range of one", "# range: 0 label: last\n0,0\n",
         "x.csv:1: expected a range such as 0..255, found '0'"},
        {"empty range", "# range: 2..2 label: last\n0,0\n",
         "x.csv:1: expected a range such as 0..255, found '2..2'"},
        {"no classes", "# classes: 0 label: last\n0,0\n",
         "x.csv:1: expected a number of classes from 1 to 65535, found '0'"},
        {"too few names", "# label: last names: one\n0,1\n",
         "x.csv:1: 2 classes, but names for 1"},
        {"unknown key", "# label: last colour: 3\n0,1\n",
         "x.csv:1: expected shape:, label:, group:, range:, classes: or names:, found "
         "'colour:'"},
        {"control byte", "# label: last \033[2J\n0,1\n", "names:, found '?[2J'"},
        {"key twice", "# label: last\n# label: first\n0,1\n",
         "x.csv:2: label: is given twice"},
        {"key without value", "# shape: label: last\n0,1\n",
         "x.csv:1: shape: has no value"},
        {"key at the end", "# label:\n0,1\n", "x.csv:1: label: has no value"},
        {"label column too far", "# label: 3\n0,1\n",
         "x.csv:1: expected first, last, a number from 1 to 2, found '3'"},
        {"group is label", "# label: 1 group: first\n0,1\n",
         "x.csv:1: column 1 is the label"},
        {"no pixels", "# label: last\n3\n", "x.csv:2: 1 columns leave none"},
        {"no pixels beside group", "# label: last group: first\n3,1\n",
         "x.csv:2: 2 columns leave none"},
        {"open quote", HEAD "0,1,2,3,\"0\n", "x.csv:2: a quote stands where"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_dataset_options options = {.data =
                                          scratch_write_text("x.csv", rows[i].text)};
        fails(&options, EF_ERR_INPUT, rows[i].expected, rows[i].name);
    }
}

Test(dataset_csv, options_that_do_not_fit_are_wrong_usage)
{
    const char *path = scratch_write_text("x.csv", "a,b,c\n0,1,2\n");
    const struct {
        const char *name;
        ef_dataset_options options;
        const char *expected;
    } rows[] = {
        {"no label", {.data = path}, "x.csv: which column is the label?"},
        {"unknown name",
         {.data = path, .label = "d"},
         "--label d: expected first, last, a number from 1 to 3 or the name of a "
         "column"},
        {"shape",
         {.data = path, .label = "a", .shape = "2xx"},
         "--shape 2xx: expected"},
        {"group", {.data = path, .label = "a", .group = "9"}, "--group 9: expected"},
        {"crop", {.data = path, .crop = 1}, "--crop means nothing to"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fails(&rows[i].options, EF_ERR_USAGE, rows[i].expected, rows[i].name);
    }
}

Test(dataset_csv, what_cannot_be_opened_is_an_error_of_input_or_output)
{
    ef_dataset_options missing = {.data = scratch_path("none.csv")};
    fails(&missing, EF_ERR_IO, "none.csv: cannot be opened: No such file", "missing");
}

Test(dataset_csv, a_folder_of_nothing_known_is_refused)
{
    ef_dataset_options folder = {.data = scratch_path(".")};
    fails(&folder, EF_ERR_INPUT, "holds no data set", "empty folder");
}

Test(dataset_csv, a_damaged_gzip_is_malformed)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    static char text[20000];
    for (size_t i = 0; i < sizeof text; i += 4) {
        memcpy(text + i, i == 0 ? "#  \n" : i % 8 ? "1,2\n" : "3,4\n", 4);
    }
    const char *path = scratch_write_gzip("x.csv.gz", text, sizeof text);
    FILE *stream = fopen(path, "rb");
    bytes = ef_calloc(sizeof text, 1);
    size = fread(bytes, 1, sizeof text, stream);
    fclose(stream);
    ef_dataset_options cut = {.data = scratch_write("cut.csv.gz", bytes, size - 9),
                              .label = "last"};
    fails(&cut, EF_ERR_INPUT, "cut.csv.gz: damaged gzip", "cut");
    bytes[size - 6] ^= 1; /* the checksum */
    ef_dataset_options wrong = {.data = scratch_write("sum.csv.gz", bytes, size),
                                .label = "last"};
    fails(&wrong, EF_ERR_INPUT, "sum.csv.gz: damaged gzip", "checksum");
    ef_free(bytes);
}

Test(dataset_csv, each_failing_allocation_is_reported)
{
    ef_text text = {0};
    ef_text_add(&text, "# label: last group: 1 names: a,b\n");
    for (int i = 0; i < 200; i++) {
        ef_text_add(&text, "%d,%d,%s,%d\n", i / 3, i, i < 70 ? "1" : "0.5", i % 2);
    }
    ef_dataset_options options = {.data = scratch_write_text("x.csv", text.bytes)};
    cr_assert_geq(fail_each_allocation(&options), 30);
    cr_assert(loaded.n == 200 && loaded.n_groups == 67);
    ef_dataset_clear(&loaded);
    ef_text_clear(&text);
}

/* --- digits ----------------------------------------------------------------- */

static ef_status load_digits(void)
{
    static char folder[1024];
    const char *source = getenv("EF_SRCDIR");
    snprintf(folder, sizeof folder, "%s/data", source ? source : "..");
    ef_dataset_options options = {.data = "digits", .data_dir = folder};
    return load(&options);
}

/* 561718 is the sum of all values and 178 ... 180 the counts of the digits 0 to 9 in
 * sklearn.datasets.load_digits() (data.sum(), numpy.bincount(target)). */
Test(dataset_digits, the_digits_are_those_of_scikit_learn)
{
    static const size_t counts[10] = {178, 182, 177, 183, 181, 182, 181, 179, 174, 180};
    cr_assert_eq(load_digits(), EF_OK, "%s", load_error.text);
    cr_assert(loaded.n == 1797 && loaded.channels == 1 && loaded.height == 8 &&
              loaded.width == 8 && loaded.n_classes == 10 && loaded.bytes);
    size_t sum = 0, found[10] = {0};
    for (size_t i = 0; i < 1797 * 64; i++) {
        sum += loaded.bytes[i];
    }
    for (size_t i = 0; i < 1797; i++) {
        found[loaded.labels[i]]++;
    }
    cr_assert_eq(sum, 561718);
    cr_assert_eq(memcmp(found, counts, sizeof counts), 0);
    ef_dataset_clear(&loaded);
}

Test(dataset_digits, a_data_folder_without_them_is_named)
{
    ef_dataset_options options = {.data = "digits", .data_dir = "/nowhere"};
    fails(&options, EF_ERR_IO, "digits: /nowhere/digits.csv is missing", "digits");
}
