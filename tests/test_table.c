/* Tables of results: aligned, as CSV, as JSON. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/table.h"

static ef_table example(void)
{
    ef_table table;
    ef_table_init(&table);
    ef_table_add_note(&table, "evoflip", "0.1.0");
    ef_table_add_column(&table, "file", "");
    ef_table_add_column(&table, "params", "");
    ef_table_add_column(&table, "asi", "1/bit");
    ef_table_add_text(&table, "net,\"1\".yaml");
    ef_table_add_number(&table, 1234567);
    ef_table_add_number(&table, 0.1);
    ef_table_add_text(&table, "\xc3\xa4.yaml");
    ef_table_add_number(&table, 5);
    ef_table_add_number(&table, NAN);
    return table;
}

static void expect_text(void (*write)(const ef_table *, ef_text *),
                        const char *expected)
{
    ef_table table = example();
    ef_text text = {0};
    write(&table, &text);
    cr_expect_str_eq(text.bytes, expected);
    ef_text_clear(&text);
    ef_table_clear(&table);
}

Test(table_print, columns_are_aligned_and_an_unknown_number_is_a_dash)
{
    expect_text(ef_table_print, "file           params  asi (1/bit)\n"
                                "net,\"1\".yaml  1234567          0.1\n"
                                "\xc3\xa4.yaml              5            -\n");
}

Test(table_csv, fields_are_quoted_where_they_must_and_notes_are_comments)
{
    expect_text(ef_table_write_csv, "# evoflip: 0.1.0\n"
                                    "file,params,asi\n"
                                    "\"net,\"\"1\"\".yaml\",1234567,0.1\n"
                                    "\xc3\xa4.yaml,5,\n");
}

Test(table_json, it_reads_back_with_jansson)
{
    ef_table table = example();
    ef_text text = {0};
    ef_table_write_json(&table, &text);
    json_t *root = json_loads(text.bytes, 0, NULL);
    cr_assert_not_null(root);
    cr_expect_str_eq(json_string_value(json_object_get(root, "evoflip")), "0.1.0");
    json_t *rows = json_object_get(root, "rows");
    cr_assert_eq(json_array_size(rows), 2);
    json_t *first = json_array_get(rows, 0);
    cr_expect_str_eq(json_string_value(json_object_get(first, "file")),
                     "net,\"1\".yaml");
    cr_expect_eq(json_integer_value(json_object_get(first, "params")), 1234567);
    cr_expect_eq(json_real_value(json_object_get(first, "asi")), 0.1);
    cr_expect(json_is_null(json_object_get(json_array_get(rows, 1), "asi")));
    json_decref(root);
    ef_text_clear(&text);
    ef_table_clear(&table);
}

Test(table, short_memory_shows_itself_in_the_text)
{
    static void (*const writers[])(const ef_table *, ef_text *) = {
        ef_table_print, ef_table_write_csv, ef_table_write_json};
    for (long n = 0; n < 12; n++) {
        ef_mem_fail_after(n);
        ef_table table = example();
        ef_mem_fail_after(-1);
        for (size_t i = 0; i < 3; i++) {
            ef_text text = {0};
            writers[i](&table, &text);
            cr_expect(text.failed, "allocation %ld, writer %zu", n, i);
            ef_text_clear(&text);
        }
        ef_table_clear(&table);
    }
}
