#include "base/parse.h"

#include <criterion/criterion.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <string.h>

static ef_error err;

#define EACH(i, rows) (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)

Test(parse_u64, whole_numbers_are_taken_whole)
{
    static const struct {
        const char *text;
        uint64_t value;
    } rows[] = {{"0", 0}, {"7", 7}, {"007", 7}, {"18446744073709551615", UINT64_MAX}};
    for
        EACH(i, rows)
        {
            uint64_t value = 1;
            cr_assert_eq(ef_parse_u64(rows[i].text, 0, UINT64_MAX, &value, &err),
                         EF_OK);
            cr_assert_eq(value, rows[i].value, "%s", rows[i].text);
        }
}

Test(parse_u64, all_else_is_refused_and_leaves_the_value)
{
    static const char *const rows[] = {
        "", "-1", "+1", "3x", "3 ", " 3", "3.", "1e3", "0x10", "18446744073709551616"};
    for
        EACH(i, rows)
        {
            uint64_t value = 99;
            ef_error_clear(&err);
            cr_assert_eq(ef_parse_u64(rows[i], 0, UINT64_MAX, &value, &err),
                         EF_ERR_INPUT, "'%s'", rows[i]);
            cr_assert_eq(value, 99);
            cr_assert(strstr(err.text, "expected a whole number, found"), "%s",
                      err.text);
        }
}

Test(parse_u64, ranges_are_told_as_far_as_they_say_something)
{
    static const struct {
        uint64_t min, max;
        const char *text;
    } rows[] = {
        {1, 9, "expected a whole number from 1 to 9, found '10'"},
        {11, UINT64_MAX, "expected a whole number of at least 11, found '10'"},
        {0, 9, "expected a whole number from 0 to 9, found '10'"},
    };
    for
        EACH(i, rows)
        {
            uint64_t value;
            ef_error_clear(&err);
            cr_assert_eq(ef_parse_u64("10", rows[i].min, rows[i].max, &value, &err),
                         EF_ERR_INPUT);
            cr_assert_str_eq(err.text, rows[i].text);
        }
}

Test(parse_u64, what_was_found_is_made_fit_for_a_terminal)
{
    uint64_t value;
    char text[200];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    text[1] = '\033';
    cr_assert_eq(ef_parse_u64(text, 0, 1, &value, &err), EF_ERR_INPUT);
    cr_assert_null(strchr(err.text, '\033'));
    cr_assert(strstr(err.text, "'x?xxx") && strstr(err.text, "xxx...'"), "%s",
              err.text);
    ef_error_clear(&err);
    cr_assert_eq(ef_parse_u64("", 0, 1, &value, &err), EF_ERR_INPUT);
    cr_assert_str_eq(err.text, "expected a whole number from 0 to 1, found nothing");
}

Test(parse_i64, the_ends_of_the_range_are_reached)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {{"-9223372036854775808", INT64_MIN},
                {"9223372036854775807", INT64_MAX},
                {"-0", 0},
                {"-12", -12}};
    static const char *const bad[] = {
        "-9223372036854775809", "9223372036854775808", "--1", "-", "", "1-"};
    int64_t value = 99;
    for
        EACH(i, rows)
        {
            cr_assert_eq(ef_parse_i64(rows[i].text, INT64_MIN, INT64_MAX, &value, &err),
                         EF_OK);
            cr_assert_eq(value, rows[i].value, "%s", rows[i].text);
        }
    for
        EACH(i, bad)
        {
            cr_assert_eq(ef_parse_i64(bad[i], INT64_MIN, INT64_MAX, &value, NULL),
                         EF_ERR_INPUT, "%s", bad[i]);
        }
    cr_assert_eq(ef_parse_i64("5", -4, 4, &value, &err), EF_ERR_INPUT);
    cr_assert_str_eq(err.text, "expected a whole number from -4 to 4, found '5'");
}

Test(parse_f64, decimal_numbers_are_rounded_as_strtod_rounds_them)
{
    static const struct {
        const char *text;
        double value;
    } rows[] = {{"0.1", 0.1},   {"-2", -2},
                {"+3.", 3},     {".5", 0.5},
                {"1e-4", 1e-4}, {"2E+3", 2000},
                {"1e-400", 0},  {"1.7976931348623157e308", DBL_MAX}};
    static const char *const bad[] = {"",      ".",   "e3",    "1e",  "1e+",
                                      "1 ",    " 1",  "nan",   "inf", "0x1p3",
                                      "1e999", "1,5", "1.2.3", "3x",  "--1"};
    double value = 99;
    for
        EACH(i, rows)
        {
            cr_assert_eq(ef_parse_f64(rows[i].text, -DBL_MAX, DBL_MAX, &value, &err),
                         EF_OK, "%s", rows[i].text);
            cr_assert_eq(value, rows[i].value, "%s", rows[i].text);
        }
    value = 99;
    for
        EACH(i, bad)
        {
            cr_assert_eq(ef_parse_f64(bad[i], -DBL_MAX, DBL_MAX, &value, NULL),
                         EF_ERR_INPUT, "%s", bad[i]);
            cr_assert_eq(value, 99);
        }
    cr_assert_eq(ef_parse_f64("2", 0, 1, &value, &err), EF_ERR_INPUT);
    cr_assert_str_eq(err.text, "expected a number from 0 to 1, found '2'");
}

/* Where no such locale is installed, the test says nothing. */
Test(parse_f64, the_decimal_point_is_a_point_in_every_locale)
{
    const char *names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8"};
    int found = 0;
    for (size_t i = 0; i < 4 && !found; i++) {
        found = setlocale(LC_ALL, names[i]) != NULL;
    }
    double value = 0;
    cr_assert_eq(ef_parse_f64("1.5", 0, 2, &value, &err), EF_OK);
    cr_assert_eq(value, 1.5);
    cr_assert_eq(ef_parse_f64("1,5", 0, 2, &value, &err), EF_ERR_INPUT);
}

Test(parse_count, suffixes_are_powers_of_1000)
{
    static const struct {
        const char *text;
        uint64_t value;
    } rows[] = {{"50k", 50000},
                {"1.5M", 1500000},
                {"2G", 2000000000},
                {"0.001k", 1},
                {"12", 12},
                {"3.0", 3},
                {"1T", 1000000000000},
                {"18446744073709551615", UINT64_MAX}};
    static const char *const bad[] = {"",
                                      "k",
                                      "1.5",
                                      "1.0005k",
                                      "1K",
                                      "1kk",
                                      "-1k",
                                      "1 k",
                                      "1e3",
                                      "18446744073709551616",
                                      "18446744073709552k"};
    uint64_t value = 99;
    for
        EACH(i, rows)
        {
            cr_assert_eq(ef_parse_count(rows[i].text, 0, UINT64_MAX, &value, &err),
                         EF_OK, "%s", rows[i].text);
            cr_assert_eq(value, rows[i].value, "%s", rows[i].text);
        }
    for
        EACH(i, bad)
        {
            cr_assert_eq(ef_parse_count(bad[i], 0, UINT64_MAX, &value, NULL),
                         EF_ERR_INPUT, "%s", bad[i]);
        }
    cr_assert_eq(ef_parse_count("2k", 1, 100, &value, NULL), EF_ERR_INPUT);
}

Test(parse_quantity, values_come_in_the_wanted_unit)
{
    static const struct {
        const char *text, *unit;
        double value;
    } rows[] = {
        {"160 pJ/B", "pJ/B", 160},
        {"160 pJ/B", "pJ/bit", 20},
        {"0.9pJ/MAC", "fJ/MAC", 900},
        {"64KiB", "B", 65536},
        {"64 kB", "B", 64000},
        {"1 Gibit", "bit", 1073741824},
        {"1.5GHz", "MHz", 1500},
        {"2 W", "J/s", 2},
        {"3 J/s", "mW", 3000},
        {"10 ms", "s", 0.01},
        {"20%", "%", 20},
        {"20%", "", 0.2},
        {"0.25", "", 0.25},
        {"2 Top/s/W", "op/pJ", 2},
        {"1e3 us", "ms", 1},
        {"-5 nJ", "nJ", -5},
        {"1 Mop", "op", 1e6},
        {"7 MMAC", "kMAC", 7000},
        {"0.3 nJ", "pJ", 300},
        {"12 PE", "PE", 12},
        {"64 kbit/cycle", "B/cycle", 8000},
        {"2 s/PE", "ms/PE", 2000},
    };
    for
        EACH(i, rows)
        {
            double value = -99;
            ef_error_clear(&err);
            cr_assert_eq(ef_parse_quantity(rows[i].text, rows[i].unit, -DBL_MAX,
                                           DBL_MAX, &value, &err),
                         EF_OK, "%s", err.text);
            cr_assert_eq(value, rows[i].value, "%s in %s is %.17g", rows[i].text,
                         rows[i].unit, value);
        }
}

Test(parse_quantity, other_dimensions_and_missing_units_are_refused)
{
    static const struct {
        const char *text, *unit;
    } rows[] = {
        {"160", "pJ/B"},    {"160 pJ", "pJ/B"},  {"160 pJ/MAC", "pJ/B"},
        {"5 s", "J"},       {"5 J/", "J"},       {"5 /s", "Hz"},
        {"5 qJ", "J"},      {"5 Jx", "J"},       {"J", "J"},
        {"", "J"},          {" 5 J", "J"},       {"5 J ", "J"},
        {"3x", ""},         {"5 kiB", "B"},      {"1e999 J", "J"},
        {"5", "%"},         {"1e308 TJ", "fJ"},  {"5 J/s/s", "W"},
        {"12 cycle", "PE"}, {"3 Hz", "cycle/s"},
    };
    for
        EACH(i, rows)
        {
            double value = -99;
            ef_error_clear(&err);
            cr_assert_eq(ef_parse_quantity(rows[i].text, rows[i].unit, -DBL_MAX,
                                           DBL_MAX, &value, &err),
                         EF_ERR_INPUT, "%s in %s", rows[i].text, rows[i].unit);
            cr_assert_eq(value, -99);
        }
}

Test(parse_quantity, ranges_are_in_the_wanted_unit)
{
    double value;
    cr_assert_eq(ef_parse_quantity("2 nJ", "pJ", 0, 1000, &value, &err), EF_ERR_INPUT);
    cr_assert_str_eq(err.text,
                     "expected a quantity in pJ from 0 to 1000, found '2 nJ'");
}

Test(parse_bool, three_pairs_of_words_are_known)
{
    static const char *const no[] = {"no", "false", "off"};
    static const char *const yes[] = {"yes", "true", "on"};
    int value = -1;
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(ef_parse_bool(no[i], &value, &err), EF_OK);
        cr_assert_eq(value, 0);
        cr_assert_eq(ef_parse_bool(yes[i], &value, &err), EF_OK);
        cr_assert_eq(value, 1);
    }
    cr_assert_eq(ef_parse_bool("Yes", &value, &err), EF_ERR_INPUT);
    cr_assert_str_eq(err.text, "expected yes or no, found 'Yes'");
}

Test(parse_choice, the_error_lists_the_names)
{
    static const char *const names[] = {"max", "mse", "percentile"};
    size_t index = 99;
    cr_assert_eq(ef_parse_choice("mse", names, 3, &index, &err), EF_OK);
    cr_assert_eq(index, 1);
    cr_assert_eq(ef_parse_choice("ms", names, 3, &index, &err), EF_ERR_INPUT);
    cr_assert_str_eq(err.text, "expected one of max, mse, percentile, found 'ms'");
    cr_assert_eq(index, 1);
}
