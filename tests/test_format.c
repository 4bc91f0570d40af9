#include "format/format.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* The names of the design's table and the fields they stand for; widths of the float
 * formats by IEEE 754 and OCP's Microscaling specification 1.0 (1 + exponent +
 * mantissa). */
static const struct {
    const char *name;
    ef_format format;
} rows[] = {
    {"fixed8", {EF_FORMAT_FIXED, 8, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"fixed8.5", {EF_FORMAT_FIXED, 8, 0, 0, 5, 1, 0, 0, 0, 0}},
    {"fixed16.0", {EF_FORMAT_FIXED, 16, 0, 0, 0, 1, 0, 0, 0, 0}},
    {"int8", {EF_FORMAT_INT, 8, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"int8c", {EF_FORMAT_INT, 8, 0, 0, 0, 0, 1, 0, 0, 0}},
    {"int2", {EF_FORMAT_INT, 2, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"int16c", {EF_FORMAT_INT, 16, 0, 0, 0, 0, 1, 0, 0, 0}},
    {"uint8", {EF_FORMAT_UINT, 8, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"e4m3", {EF_FORMAT_FLOAT, 8, 4, 3, 0, 0, 0, 0, 0, 0}},
    {"e4m3s", {EF_FORMAT_FLOAT, 8, 4, 3, 0, 0, 0, 1, 0, 0}},
    {"e5m2", {EF_FORMAT_FLOAT, 8, 5, 2, 0, 0, 0, 0, 0, 0}},
    {"e2m1", {EF_FORMAT_FLOAT, 4, 2, 1, 0, 0, 0, 0, 0, 0}},
    {"fp16", {EF_FORMAT_FLOAT, 16, 5, 10, 0, 0, 0, 0, 0, 0}},
    {"bf16", {EF_FORMAT_FLOAT, 16, 8, 7, 0, 0, 0, 0, 0, 0}},
    {"fp32", {EF_FORMAT_FLOAT, 32, 8, 23, 0, 0, 0, 0, 0, 0}},
    {"e8m23s", {EF_FORMAT_FLOAT, 32, 8, 23, 0, 0, 0, 1, 0, 0}},
    {"pow2_4", {EF_FORMAT_POW2, 4, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"tern", {EF_FORMAT_TERN, 2, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"bin", {EF_FORMAT_BIN, 1, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"int8+signmag", {EF_FORMAT_INT, 8, 0, 0, 0, 0, 0, 0, EF_ENCODING_SIGNMAG, 0}},
    {"fixed8+offset", {EF_FORMAT_FIXED, 8, 0, 0, 0, 0, 0, 0, EF_ENCODING_OFFSET, 0}},
    {"uint4+gray", {EF_FORMAT_UINT, 4, 0, 0, 0, 0, 0, 0, EF_ENCODING_GRAY, 0}},
    {"bin+stochastic", {EF_FORMAT_BIN, 1, 0, 0, 0, 0, 0, 0, 0, 1}},
    {"fixed16.15+signmag+stochastic",
     {EF_FORMAT_FIXED, 16, 0, 0, 15, 1, 0, 0, EF_ENCODING_SIGNMAG, 1}},
};

#define N_ROWS (sizeof rows / sizeof rows[0])

Test(format_parse, reads_every_name_of_the_table)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        ef_format format;
        ef_error err = {0};
        cr_expect_eq(ef_format_parse(rows[i].name, &format, &err), EF_OK, "%s",
                     err.text);
        cr_expect(ef_format_equal(&format, &rows[i].format), "%s", rows[i].name);
        cr_expect(ef_format_is_stated(&format));
    }
}

Test(format_name, writes_what_was_read)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        char name[EF_FORMAT_NAME];
        ef_format_name(&rows[i].format, name);
        cr_expect_str_eq(name, rows[i].name);
    }
}

Test(format_name, gives_one_name_to_formats_with_two)
{
    static const char *const pairs[][2] = {
        {"e5m10", "fp16"},
        {"e8m7", "bf16"},
        {"e8m23", "fp32"},
        {"int8+stochastic+gray", "int8+gray+stochastic"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        ef_format format;
        char name[EF_FORMAT_NAME];
        cr_assert_eq(ef_format_parse(pairs[i][0], &format, NULL), EF_OK);
        ef_format_name(&format, name);
        cr_expect_str_eq(name, pairs[i][1]);
    }
}

Test(format_name, gives_every_format_a_name_that_reads_back)
{
    static const char *const patterns[] = {"fixed%u", "int%u", "int%uc", "uint%u",
                                           "pow2_%u", "e%um3", "e4m%us", "fixed9.%u"};
    size_t n = 0;
    for (size_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++) {
        for (unsigned width = 0; width < 40; width++) {
            char name[EF_FORMAT_NAME], back[EF_FORMAT_NAME];
            ef_format format;
            /* a literal format each, but in a table */
            const char *percent = strchr(patterns[p], '%');
            snprintf(name, sizeof name, "%.*s%u%s", (int)(percent - patterns[p]),
                     patterns[p], width, percent + 2);
            if (ef_format_parse(name, &format, NULL) == EF_OK) {
                ef_format_name(&format, back);
                cr_expect_str_eq(back, name);
                n++;
            }
        }
    }
    /* 15 widths of four kinds, 7 of pow2, exponents 2-8, mantissas 1-23, 0-31 */
    cr_expect_eq(n, 4 * 15 + 7 + 7 + 23 + 32);
}

Test(format_name, is_empty_for_a_format_not_stated)
{
    ef_format format = {0};
    char name[EF_FORMAT_NAME] = "x";
    ef_format_name(&format, name);
    cr_expect_str_empty(name);
    cr_expect_not(ef_format_is_stated(&format));
}

Test(format_parse, refuses_what_is_no_name)
{
    static const char *const names[] = {
        "",        "int",     "int1",      "int17",   "int08",
        "int8x",   "Int8",    " int8",     "int8 ",   "int8.5",
        "fixed8.", "fixed.5", "fixed8.32", "fixed8c", "uint8c",
        "e1m2",    "e9m2",    "e4m0",      "e4m24",   "e4",
        "m3",      "fp8",     "fp16s",     "pow2",    "pow2_1",
        "pow2_9",  "tern2",   "bin1",      "int8c8",  "int99999999999999999999",
        "int-8",   "%",       "int%",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ef_format format = {.bits = 77};
        ef_error err = {0};
        cr_expect_eq(ef_format_parse(names[i], &format, &err), EF_ERR_INPUT, "%s",
                     names[i]);
        cr_expect(strstr(err.text, "pow2_4"), "%s lists no names", err.text);
        cr_expect_eq(format.bits, 77, "%s touches the output", names[i]);
    }
}

Test(format_parse, refuses_suffixes_with_the_reason)
{
    static const char *const cases[][2] = {
        {"int8+", "unknown"},
        {"int8+grey", "unknown \"+grey\""},
        {"int8++gray", "unknown"},
        {"int8+gray+", "unknown"},
        {"int8+gray+signmag", "two encodings"},
        {"int8+gray+gray", "two encodings"},
        {"int8+stochastic+stochastic", "+stochastic twice"},
        {"uint8+signmag", "no encoding +signmag"},
        {"fp16+gray", "no encoding +gray"},
        {"bin+offset", "no encoding +offset"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ef_format format = {.bits = 77};
        ef_error err = {0};
        cr_expect_eq(ef_format_parse(cases[i][0], &format, &err), EF_ERR_INPUT);
        cr_expect(strstr(err.text, cases[i][1]), "%s: %s", cases[i][0], err.text);
        cr_expect_eq(format.bits, 77);
    }
}

Test(format_equal, tells_formats_apart_by_any_field)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        for (size_t k = 0; k < N_ROWS; k++) {
            cr_expect_eq(ef_format_equal(&rows[i].format, &rows[k].format), i == k);
        }
    }
}
