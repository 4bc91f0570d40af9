/* Tables of weights: both forms, and each way in which they can be wrong. */
#include "report/severity.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "base/mem.h"
#include "scratch.h"

TestSuite(severity_load, .init = scratch_make, .fini = scratch_remove);
TestSuite(severity_units, .init = scratch_make, .fini = scratch_remove);

static char stop[] = "stop", limit[] = "limit 30", yield[] = "yield";
static char *const signs[] = {stop, limit, yield};

static ef_status load(const char *text, size_t n, char *const *names, ef_severity *s,
                      ef_error *err)
{
    return ef_severity_load(s, scratch_write_text("weights.csv", text), n, names, err);
}

/* Quarters: 5 are 20 of them, 0.25 is one, what is not said 4. */
static void expect_quarters(const char *text, char *const *names)
{
    static const uint32_t units[] = {0, 20, 4, 1, 0, 4, 4, 4, 0};
    ef_severity s = {0};
    ef_error err = {EF_OK, ""};
    cr_assert_eq(load(text, 3, names, &s, &err), EF_OK, "%s", err.text);
    cr_expect_arr_eq(s.units, units, sizeof units);
    cr_expect(s.greatest == 20 && s.unit == 0.25);
    ef_severity_clear(&s);
}

Test(severity_load, pairs_are_rows_of_names_or_numbers)
{
    expect_quarters("from,to,weight\nstop,limit 30,5\nlimit 30,stop,0.25\n", signs);
    expect_quarters("from,to,weight\n0,1,5\n1,stop,.25\n", signs);
    expect_quarters("# notes\nfrom,to,weight\n1,0,0.25\n\n0,1,5.000\n", NULL);
}

Test(severity_load, a_matrix_names_its_columns_and_rows)
{
    expect_quarters(",stop,limit 30,yield\nstop,9,5,1\nlimit 30,0.25,9,1\n", signs);
    expect_quarters("from,limit 30,stop\nstop,5,\nlimit 30,,0.25\n", signs);
    expect_quarters(",0,1\n0,,5\n1,0.25,\n", NULL);
}

Test(severity_load, names_come_before_numbers)
{
    static char one[] = "1", zero[] = "0";
    static char *const turned[] = {one, zero};
    static const uint32_t units[] = {0, 3, 1, 0};
    ef_severity s = {0};
    ef_error err = {EF_OK, ""};
    cr_assert_eq(load("from,to,weight\n1,0,3\n", 2, turned, &s, &err), EF_OK);
    cr_expect_arr_eq(s.units, units, sizeof units);
    ef_severity_clear(&s);
}

/* Equal weights are one unit each: a weighted rate is then the rate times 2.5. */
Test(severity_load, units_are_as_large_as_they_can_be)
{
    ef_severity s = {0};
    ef_error err = {EF_OK, ""};
    cr_assert_eq(load(",0,1\n0,0,2.5\n1,2.5,0\n", 2, NULL, &s, &err), EF_OK);
    cr_expect(s.units[1] == 1 && s.units[2] == 1 && s.greatest == 1 && s.unit == 2.5);
    ef_severity_clear(&s);
}

Test(severity_units, are_summed_over_images)
{
    static const uint16_t from[] = {0, 0, 1, 2}, to[] = {0, 1, 0, 2};
    ef_severity s = {0};
    ef_error err = {EF_OK, ""};
    cr_assert_eq(load("from,to,weight\n0,1,5\n1,0,0.25\n", 3, NULL, &s, &err), EF_OK);
    cr_expect_eq(ef_severity_units(&s, from, to, 4), 21);
    ef_severity_clear(&s);
}

typedef struct bad_table {
    char name[40], text[80], found[80];
} bad_table;

ParameterizedTestParameters(severity_load, what_is_wrong_is_named_with_its_line)
{
    static bad_table rows[] = {
        {"no such name", "from,to,weight\nstop,go,2\n", ":2: no class \"go\""},
        {"no such number", "from,to,weight\n0,3,2\n", ":2: no class \"3\""},
        {"no change", "from,to,weight\n0,1,1\nstop,0,2\n",
         ":3: class \"stop\" does not"},
        {"a pair twice", "from,to,weight\n0,1,1\nstop,1,2\n", ":3: the weight of this"},
        {"negative", "from,to,weight\n0,1,-1\n", ":2: weight: "},
        {"too great", "from,to,weight\n0,1,1001\n", ":2: weight: "},
        {"no number", "from,to,weight\n0,1,high\n", ":2: weight: "},
        {"too fine", "from,to,weight\n0,1,0.0005\n", ":2: weight: expected at most"},
        {"a field short", "from,to,weight\n0,1\n", ":2: expected from,to,weight"},
        {"no head", "0,1,2\n", ":1: expected the names from,to,weight"},
        {"a row short", ",0,1,2\n0,0,1\n", ":2: expected a class and 3 weights"},
        {"a row twice", ",0,1\n0,0,1\n0,0,1\n", ":3: the weight of this"},
        {"a column twice", ",1,1\n0,1,1\n", ":2: the weight of this"},
        {"nothing", "", "weights.csv: expected the names"},
        {"all zero", ",0,1,2\n0,0,0,0\n1,0,0,0\n2,0,0,0\n",
         ".csv: no change of classes"},
    };
    return cr_make_param_array(bad_table, rows, sizeof rows / sizeof *rows);
}

ParameterizedTest(bad_table *row, severity_load, what_is_wrong_is_named_with_its_line)
{
    ef_severity s = {0};
    ef_error err = {EF_OK, ""};
    cr_expect_eq(load(row->text, 3, signs, &s, &err), EF_ERR_INPUT, "%s", row->name);
    cr_expect(strstr(err.text, row->found), "%s: %s", row->name, err.text);
    cr_expect_null(s.units);
}

Test(severity_load, what_cannot_be_read_or_kept_is_told)
{
    ef_severity s = {0};
    ef_error err = {EF_OK, ""};
    cr_expect_eq(ef_severity_load(&s, "none/none.csv", 3, NULL, &err), EF_ERR_IO);
    ef_error_clear(&err);
    cr_expect_eq(ef_severity_load(&s, "none.csv", 5000, NULL, &err), EF_ERR_INPUT);
    ef_error_clear(&err);
    ef_mem_fail_after(0);
    ef_status status = ef_severity_load(&s, "none.csv", 3, NULL, &err);
    ef_mem_fail_after(-1);
    cr_expect_eq(status, EF_ERR_MEMORY);
}
