#include "objectives/constants.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "scratch.h"

TestSuite(constants, .init = scratch_make, .fini = scratch_remove);

static ef_status parse(ef_constants *constants, const char *text, ef_error *err)
{
    return ef_constants_parse(constants, "c.yaml", text, strlen(text), err);
}

/* A map of one target with every constant at its upper bound. */
static void add_target(ef_text *text, const char *target)
{
    ef_text_add(text, "%s:\n", target);
    for (const ef_constant_row *row = ef_constant_rows; row->name; row++) {
        ef_text_add(text, "  %s: ", row->name);
        ef_text_add_double(text, row->high);
        ef_text_add(text, "\n");
    }
}

Test(constants, rows_have_room_bounds_and_a_meaning)
{
    size_t n = ef_constants_n();
    cr_assert_gt(n, 0);
    cr_assert_leq(n, EF_CONSTANTS_MAX);
    for (size_t i = 0; i < n; i++) {
        const ef_constant_row *row = &ef_constant_rows[i];
        cr_expect_gt(strlen(row->meaning), 10);
        for (size_t t = 0; t < 2; t++) {
            cr_expect(row->low < row->fallback[t] && row->fallback[t] < row->high, "%s",
                      row->name);
        }
    }
    cr_expect_null(ef_constant_rows[n].name);
}

Test(constants, what_is_written_reads_back_with_its_note_as_comment)
{
    ef_constants constants, back;
    ef_text text = {0};
    ef_error err = {0};
    ef_constants_init(&constants);
    for (size_t i = 0; i < ef_constants_n(); i++) {
        constants.values[EF_EXPOSED_WEIGHTS][i] = ef_constant_rows[i].low + 1.0 / 3e4;
        constants.values[EF_EXPOSED_ACTIVATIONS][i] = ef_constant_rows[i].high;
    }
    ef_constants_write(&constants, "fitted on 20 networks\nof the digits", &text);
    cr_expect_eq(strncmp(text.bytes, "# fitted on 20 networks\n# of the digits\n", 40),
                 0);
    cr_assert_eq(parse(&back, text.bytes, &err), EF_OK, "%s", err.text);
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < ef_constants_n(); i++) {
            cr_expect_eq(back.values[t][i], constants.values[t][i]);
        }
    }
    ef_text_clear(&text);
}

Test(constants, of_a_target_that_a_file_does_not_name_are_the_built_in_ones)
{
    ef_constants constants, built_in;
    ef_text text = {0};
    ef_error err = {0};
    ef_constants_init(&built_in);
    add_target(&text, "weights");
    cr_assert_eq(parse(&constants, text.bytes, &err), EF_OK, "%s", err.text);
    for (size_t i = 0; i < ef_constants_n(); i++) {
        cr_expect_eq(constants.values[EF_EXPOSED_WEIGHTS][i], ef_constant_rows[i].high);
        cr_expect_eq(constants.values[EF_EXPOSED_ACTIVATIONS][i],
                     built_in.values[EF_EXPOSED_ACTIVATIONS][i]);
    }
    ef_text_clear(&text);
}

Test(constants, load_from_a_file_and_tell_when_there_is_none)
{
    ef_constants constants;
    ef_text text = {0};
    ef_error err = {0};
    add_target(&text, "activations");
    const char *path = scratch_write("constants.yaml", text.bytes, text.size);
    cr_expect_eq(ef_constants_load(&constants, path, &err), EF_OK, "%s", err.text);
    cr_expect_eq(constants.values[EF_EXPOSED_ACTIVATIONS][0], ef_constant_rows[0].high);
    cr_expect_eq(ef_constants_load(&constants, "none/here.yaml", &err), EF_ERR_IO);
    ef_text_clear(&text);
}

/* --- bad input: one line with its place ------------------------------------------ */

typedef struct bad_case {
    char name[16], text[64], where[16], what[32];
} bad_case;

ParameterizedTestParameters(constants, malformed_ones_are_refused_with_their_place)
{
    static bad_case cases[] = {
        {"unknown target", "wieghts: {}\n", "c.yaml:1:1", "wieghts"},
        {"unknown name", "weights:\n  margni: 1\n", "c.yaml:2:3", "margni"},
        {"missing", "weights: {}\n", "c.yaml:1", "margin"},
        {"out of range", "weights:\n  margin: -1\n", "c.yaml:2:11", "-1"},
        {"no number", "activations:\n  margin: big\n", "c.yaml:2:11", "big"},
        {"no map", "weights: 3\n", "c.yaml:1:10", "weights"},
        {"empty", "", "c.yaml", ""},
    };
    return cr_make_param_array(bad_case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(bad_case *c, constants, malformed_ones_are_refused_with_their_place)
{
    ef_constants constants = {{{7}}};
    ef_error err = {0};
    cr_expect_eq(parse(&constants, c->text, &err), EF_ERR_INPUT, "%s", c->name);
    cr_expect_eq(strncmp(err.text, c->where, strlen(c->where)), 0, "%s: %s", c->name,
                 err.text);
    cr_expect_not_null(strstr(err.text, c->what), "%s: %s", c->name, err.text);
    cr_expect_eq(constants.values[0][0], 7, "%s: touched", c->name);
}
