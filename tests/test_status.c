#include "base/status.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(status_text, every_code_has_a_name_a_text_and_an_exit_status)
{
    for (int i = 0; i < EF_STATUS_COUNT; i++) {
        ef_status status = (ef_status)i;
        cr_assert_eq(strncmp(ef_status_name(status), "EF_", 3), 0);
        cr_assert_gt(strlen(ef_status_text(status)), 0);
        int code = ef_status_exit(status);
        cr_assert_eq(code == 0, status == EF_OK);
        cr_assert(code != 77 && code != 99, "automake reads 77 as a skipped test");
    }
}

Test(status_exit, the_ladder_is_the_documented_one)
{
    cr_assert_eq(ef_status_exit(EF_OK), 0);
    cr_assert_eq(ef_status_exit(EF_ERR_FAILED), 1);
    cr_assert_eq(ef_status_exit(EF_ERR_USAGE), 2);
    cr_assert_eq(ef_status_exit(EF_ERR_EXISTS), 2);
    cr_assert_eq(ef_status_exit(EF_ERR_INPUT), 3);
    cr_assert_eq(ef_status_exit(EF_ERR_IO), 4);
    cr_assert_eq(ef_status_exit(EF_STOPPED), 75);
}

Test(status_set, the_first_error_is_kept)
{
    ef_error err = {0};
    cr_assert_eq(ef_error_set(&err, EF_ERR_INPUT, "row %d", 3), EF_ERR_INPUT);
    cr_assert_eq(ef_error_set(&err, EF_ERR_IO, "later"), EF_ERR_IO);
    cr_assert_eq(err.status, EF_ERR_INPUT);
    cr_assert_str_eq(err.text, "row 3");
    ef_error_clear(&err);
    cr_assert_eq(err.status, EF_OK);
    cr_assert_str_eq(err.text, "");
}

Test(status_set, nobody_need_listen)
{
    cr_assert_eq(ef_error_set(NULL, EF_ERR_INPUT, "x"), EF_ERR_INPUT);
    cr_assert_eq(ef_error_at(NULL, EF_ERR_INPUT, (ef_place){0}, "x"), EF_ERR_INPUT);
    ef_error_clear(NULL);
}

Test(status_at, unknown_parts_of_a_place_are_left_out)
{
    static const struct {
        ef_place place;
        const char *text;
    } rows[] = {
        {{"a.yaml", 3, 7}, "a.yaml:3:7: bad"},
        {{"a.yaml", 3, 0}, "a.yaml:3: bad"},
        {{"a.yaml", 0, 0}, "a.yaml: bad"},
        {{NULL, 0, 0}, "bad"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ef_error err = {0};
        (void)ef_error_at(&err, EF_ERR_INPUT, rows[i].place, "%s", "bad");
        cr_assert_str_eq(err.text, rows[i].text);
    }
}

Test(status_at, a_text_that_is_too_long_is_cut)
{
    static char name[3000];
    memset(name, 'n', sizeof name - 1);
    ef_error err = {0};
    (void)ef_error_at(&err, EF_ERR_INPUT, (ef_place){name, 1, 1}, "%s", name);
    cr_assert_eq(strlen(err.text), EF_ERROR_TEXT - 1);
    ef_error_clear(&err);
    (void)ef_error_set(&err, EF_ERR_INPUT, "%s", name);
    cr_assert_eq(strlen(err.text), EF_ERROR_TEXT - 1);
}

Test(status_set, names_cannot_break_the_line)
{
    ef_error err = {0};
    cr_assert_eq(ef_error_set(&err, EF_ERR_INPUT, "node a\nb\x1b[2J \xc3\xa9\x7f"),
                 EF_ERR_INPUT);
    cr_assert_str_eq(err.text, "node a?b?[2J \xc3\xa9?");
}

Test(status_io, the_reason_of_the_system_is_told)
{
    ef_error err = {0};
    errno = ENOSPC;
    cr_assert_eq(ef_error_io(&err, "out.csv", "cannot be written"), EF_ERR_IO);
    cr_assert_str_eq(err.text, "out.csv: cannot be written: No space left on device");
}

Test(status_memory, the_shortest_report_has_a_text)
{
    ef_error err = {0};
    cr_assert_eq(ef_error_memory(&err), EF_ERR_MEMORY);
    cr_assert_str_eq(err.text, "out of memory");
}
