#include "code_help.h"

#include <criterion/criterion.h>
#include <stdlib.h>

ef_code bound(const char *name, double low, double high)
{
    ef_format format;
    ef_code code = {.scale = -1};
    ef_error err = {0};
    cr_assert_eq(ef_format_parse(name, &format, &err), EF_OK, "%s", err.text);
    cr_assert_eq(ef_code_bind(&code, &format, low, high, &err), EF_OK, "%s", err.text);
    return code;
}

unsigned widest_tried(void)
{
    return getenv("EF_UNDER_VALGRIND") ? 8 : 16;
}
