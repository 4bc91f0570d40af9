#include "format/code.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "code_help.h"

static const char *const names[] = {
    "int8",   "int8c",  "int4+signmag", "int16+gray", "fixed8", "fixed8.5", "uint8",
    "uint3",  "e4m3",   "e4m3s",        "e5m2",       "e3m2",   "e2m3",     "e2m1",
    "e2m1s",  "e3m4",   "fp16",         "bf16",       "e6m5",   "fp32",     "e8m23s",
    "pow2_4", "pow2_8", "tern",         "bin",
};
#define N_NAMES (sizeof names / sizeof names[0])

static void expect_refused(const ef_format *format, double low, double high)
{
    ef_code code = {.scale = 77};
    ef_error err = {0};
    cr_expect_eq(ef_code_bind(&code, format, low, high, &err), EF_ERR_INPUT);
    cr_expect_eq(err.status, EF_ERR_INPUT);
    cr_expect_eq(code.scale, 77);
    cr_expect_eq(ef_code_bind(&code, format, low, high, NULL), EF_ERR_INPUT);
}

Test(code_bind, refuses_ranges_that_float32_has_not_and_formats_that_are_none)
{
    for (size_t i = 0; i < N_NAMES; i++) {
        ef_format format;
        cr_assert_eq(ef_format_parse(names[i], &format, NULL), EF_OK);
        expect_refused(&format, NAN, 1);
        expect_refused(&format, 0, NAN);
        expect_refused(&format, -INFINITY, 1);
        expect_refused(&format, 0, INFINITY);
        expect_refused(&format, 0, 1e39);
        expect_refused(&format, -1e39, 0);
        expect_refused(&format, 2, 1);
    }
    ef_format none = {0};
    ef_format wide = {.kind = EF_FORMAT_INT, .bits = 17};
    ef_format strange = {.kind = 99, .bits = 8};
    ef_format encoded = {.kind = EF_FORMAT_INT, .bits = 8, .encoding = 9};
    expect_refused(&none, 0, 1);
    expect_refused(&encoded, 0, 1);
    expect_refused(&wide, 0, 1);
    expect_refused(&strange, 0, 1);
}

Test(code_is_integer, tells_integers_from_floats)
{
    static const char *const floats[] = {"e4m3", "e4m3s", "fp16", "fp32", "pow2_4"};
    static const char *const integers[] = {"int8", "uint8", "fixed8", "tern", "bin"};
    for (size_t i = 0; i < 5; i++) {
        ef_code is_float = bound(floats[i], -1, 1),
                is_integer = bound(integers[i], -1, 1);
        cr_expect_not(ef_code_is_integer(&is_float));
        cr_expect(ef_code_is_integer(&is_integer));
    }
}

Test(code_table, holds_the_value_of_every_code)
{
    static float values[1 << 16];
    for (size_t i = 0; i < N_NAMES; i++) {
        ef_code code = bound(names[i], -0.3, 2);
        if (code.format.bits > 16) {
            continue;
        }
        ef_code_table(&code, values);
        for (uint32_t bits = 0; bits >> code.format.bits == 0; bits++) {
            cr_assert_eq(float_bits(values[bits]),
                         float_bits(ef_code_value(&code, bits)));
        }
    }
}

Test(code_flip, is_the_value_of_the_code_with_that_bit_changed_and_goes_back)
{
    ef_rng rng = ef_rng_stream(4, EF_PURPOSE_TEST, 0, 0, 0);
    for (size_t i = 0; i < N_NAMES; i++) {
        ef_code code = bound(names[i], -0.3, 2);
        for (int k = 0; k < 300; k++) {
            uint32_t bits = ef_code_of(&code, (float)(ef_rng_unit(&rng) * 3 - 1));
            for (unsigned bit = 0; bit < code.format.bits; bit++) {
                uint32_t struck = bits ^ (uint32_t)1 << bit;
                cr_assert_eq(float_bits(ef_code_flip(&code, bits, bit)),
                             float_bits(ef_code_value(&code, struck)));
                cr_assert_eq(float_bits(ef_code_flip(&code, struck, bit)),
                             float_bits(ef_code_value(&code, bits)));
            }
        }
    }
}

/* Codes never fall while values rise. */
Test(code_of, keeps_the_order_of_values)
{
    for (size_t i = 0; i < N_NAMES; i++) {
        ef_code code = bound(names[i], -0.3, 2);
        float before = -INFINITY;
        for (float value = -3; value < 3; value += 0.0007f) {
            float stored = ef_code_value(&code, ef_code_of(&code, value));
            cr_assert_geq(stored, before, "%s %g", names[i], (double)value);
            before = stored;
        }
        float past = ef_code_value(&code, ef_code_of(&code, INFINITY));
        cr_expect_geq(past, before, "%s", names[i]);
    }
}

/* Stochastic rounding. */

/* The codes' values around one within the range: the nearest from below and above. */
static void find_neighbours(const ef_code *code, float value, float *below,
                            float *above)
{
    *below = -INFINITY;
    *above = INFINITY;
    for (uint32_t bits = 0; bits >> code->format.bits == 0; bits++) {
        float other = ef_code_value(code, bits);
        if (other <= value && other > *below) {
            *below = other;
        }
        if (other >= value && other < *above) {
            *above = other;
        }
    }
}

/* With draws spread evenly over 2^64 the share of those that go up is the distance from
 * the neighbour below, within one draw; no result is another than the two neighbours.
 */
Test(code_of_stochastic, goes_up_in_proportion_to_the_distance, .timeout = 60)
{
    enum { N_DRAWS = 1 << 10, N_VALUES = 60 };
    ef_rng rng = ef_rng_stream(5, EF_PURPOSE_TEST, 0, 0, 0);
    for (size_t i = 0; i < N_NAMES; i++) {
        ef_code code = bound(names[i], -1.9, 2);
        for (int k = 0; code.format.bits <= 8 && k < N_VALUES; k++) {
            float value =
                (float)(ef_rng_unit(&rng) * 2 - 1) * (float)(k % 3 ? 0.9 : 0.01);
            float below, above;
            find_neighbours(&code, value, &below, &above);
            int n_up = 0;
            for (uint64_t d = 0; d < N_DRAWS; d++) {
                uint64_t draw = d << 54 | (ef_rng_u64(&rng) >> 10);
                uint32_t bits = ef_code_of_stochastic(&code, value, draw);
                float stored = ef_code_value(&code, bits);
                cr_assert(stored == below || stored == above, "%s %a", names[i],
                          (double)value);
                n_up += stored == above;
            }
            /* bounds of steps of a free scale are themselves rounded to float32 */
            double share = above > below ? ((double)value - (double)below) /
                                               ((double)above - (double)below)
                                         : 1;
            cr_assert_leq(fabs(share * N_DRAWS - n_up), 1.01, "%s %a: %g, %d", names[i],
                          (double)value, share, n_up);
        }
    }
}

/* The mean of n independent draws: standard deviation at most step / (2 sqrt(n)); five
 * of them are exceeded by chance in less than 1e-6 of the rows. */
Test(code_of_stochastic, has_the_value_for_its_mean)
{
    enum { N_DRAWS = 40000 };
    ef_rng rng = ef_rng_stream(6, EF_PURPOSE_TEST, 0, 0, 0);
    for (size_t i = 0; i < N_NAMES; i++) {
        ef_code code = bound(names[i], -1.9, 2);
        float value = 0.7373737f;
        double sum = 0, least = INFINITY, most = -INFINITY;
        for (int d = 0; d < N_DRAWS; d++) {
            uint32_t bits = ef_code_of_stochastic(&code, value, ef_rng_u64(&rng));
            double stored = (double)ef_code_value(&code, bits);
            sum += stored;
            least = fmin(least, stored);
            most = fmax(most, stored);
        }
        double bound_of_mean = 5 * (most - least) / (2 * sqrt(N_DRAWS));
        cr_expect_float_eq(sum / N_DRAWS, (double)value, bound_of_mean + 1e-7, "%s",
                           names[i]);
    }
}
