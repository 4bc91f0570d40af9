#include "base/csv.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "scratch.h"

TestSuite(csv_read, .init = scratch_make, .fini = scratch_remove);

static ef_error err;
static ef_text seen; /* rows as LINE[field|field], comments as LINE#text */

static ef_status note_row(void *context, const ef_csv_row *row, ef_error *error)
{
    (void)error;
    ef_text_add(context, "%zu[", row->place.line);
    for (size_t i = 0; i < row->n; i++) {
        ef_text_add(context, i ? "|%s" : "%s", row->fields[i]);
    }
    ef_text_add(context, "]");
    return EF_OK;
}

static ef_status note_comment(void *context, const char *text, ef_place place,
                              ef_error *error)
{
    (void)error;
    ef_text_add(context, "%zu#%s;", place.line, text);
    return EF_OK;
}

static ef_status read_file(const char *path, char delimiter)
{
    ef_csv_handler handler = {delimiter, note_row, note_comment, &seen};
    seen.size = 0;
    ef_text_add(&seen, "%s", "");
    ef_error_clear(&err);
    return ef_csv_read(path, &handler, &err);
}

static ef_status read_text(const char *text)
{
    return read_file(scratch_write_text("x.csv", text), 0);
}

Test(csv_read, rows_carry_their_line)
{
    cr_assert_eq(read_text("a,b\r\n\n 1 , 2\n3,\"4\"\n"), EF_OK, "%s", err.text);
    cr_assert_str_eq(seen.bytes, "1[a|b]3[1|2]4[3|4]");
}

Test(csv_read, a_last_row_needs_no_line_end)
{
    cr_assert_eq(read_text("1,2\n3,4"), EF_OK, "%s", err.text);
    cr_assert_str_eq(seen.bytes, "1[1|2]2[3|4]");
}

Test(csv_read, comments_end_at_the_first_row)
{
    cr_assert_eq(read_text("# shape: 1\r\n\n#two\n1\n#3\n"), EF_OK, "%s", err.text);
    cr_assert_str_eq(seen.bytes, "1# shape: 1;3#two;4[1]5[#3]");
}

Test(csv_read, a_file_of_one_comment_has_no_rows)
{
    cr_assert_eq(read_text("#only"), EF_OK, "%s", err.text);
    cr_assert_str_eq(seen.bytes, "1#only;");
}

Test(csv_read, a_byte_order_mark_is_dropped)
{
    cr_assert_eq(read_text("\xef\xbb\xbf"
                           "1,2\n"),
                 EF_OK);
    cr_assert_str_eq(seen.bytes, "1[1|2]");
}

Test(csv_read, quoted_line_feeds_count_as_lines)
{
    cr_assert_eq(read_text("\"a\nb\",1\n2,3\n"), EF_OK, "%s", err.text);
    cr_assert_str_eq(seen.bytes, "1[a\nb|1]3[2|3]");
}

Test(csv_read, the_delimiter_can_be_another)
{
    cr_assert_eq(read_file(scratch_write_text("s.csv", "a;b,c\n"), ';'), EF_OK);
    cr_assert_str_eq(seen.bytes, "1[a|b,c]");
}

Test(csv_read, gzip_is_read_as_well)
{
    cr_assert_eq(read_file(scratch_write_gzip("x.csv.gz", "1,2\n", 4), 0), EF_OK);
    cr_assert_str_eq(seen.bytes, "1[1|2]");
}

Test(csv_read, rows_and_comments_longer_than_a_chunk_arrive_whole)
{
    static char text[400001];
    memset(text, '7', sizeof text - 1);
    text[0] = '#';
    text[150000] = '\n';
    text[300000] = ',';
    cr_assert_eq(read_text(text), EF_OK, "%s", err.text);
    cr_assert_eq(seen.size, 1 + 1 + 149999 + 1 + 1 + 1 + 149999 + 1 + 99999 + 1);
}

Test(csv_read, an_open_quote_is_malformed)
{
    cr_assert_eq(read_text("1,2\n3,\"4\n"), EF_ERR_INPUT);
    cr_assert(strstr(err.text, "x.csv:2: a quote stands where"), "%s", err.text);
}

Test(csv_read, a_stray_quote_is_malformed)
{
    cr_assert_eq(read_text("1,2\n3,4\n5,\"6\"7\n"), EF_ERR_INPUT);
    cr_assert(strstr(err.text, "x.csv:3: a quote stands where"), "%s", err.text);
}

Test(csv_read, a_nul_byte_is_malformed)
{
    cr_assert_eq(read_file(scratch_write("n.csv", "1,2\n3,\0004\n", 9), 0),
                 EF_ERR_INPUT);
    cr_assert(strstr(err.text, "n.csv:2: holds a NUL byte"), "%s", err.text);
}

Test(csv_read, a_missing_file_is_an_error_of_input_or_output)
{
    cr_assert_eq(read_file(scratch_path("none.csv"), 0), EF_ERR_IO);
    cr_assert(strstr(err.text, "none.csv: cannot be opened"), "%s", err.text);
}

static ef_status refuse(void *context, const ef_csv_row *row, ef_error *error)
{
    ++*(size_t *)context;
    return ef_error_at(error, EF_ERR_INPUT, row->place, "refused");
}

Test(csv_read, a_handler_that_refuses_a_row_is_not_called_again)
{
    size_t n_calls = 0;
    ef_csv_handler handler = {0, refuse, NULL, &n_calls};
    const char *path = scratch_write_text("x.csv", "# c\n1\n2\n3\n");
    cr_assert_eq(ef_csv_read(path, &handler, &err), EF_ERR_INPUT);
    cr_assert_eq(n_calls, 1);
    cr_assert(strstr(err.text, "x.csv:2: refused"), "%s", err.text);
}

Test(csv_read, each_failing_allocation_is_reported)
{
    const char *path = scratch_write_text("x.csv", "# comment\n1,2\n3,4\n");
    size_t n_calls = 0;
    ef_csv_handler handler = {0, refuse, NULL, &n_calls};
    long n = 0;
    for (ef_status status = EF_ERR_MEMORY; status == EF_ERR_MEMORY; n++) {
        ef_error_clear(&err);
        ef_mem_fail_after(n);
        status = ef_csv_read(path, &handler, &err);
        ef_mem_fail_after(-1);
        cr_assert(status == EF_ERR_MEMORY || status == EF_ERR_INPUT, "%s", err.text);
    }
    cr_assert_geq(n, 6);
    cr_assert_eq(n_calls, 1);
}
