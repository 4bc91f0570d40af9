#include "objectives/flip_effect.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "base/mathfn.h"
#include "base/mem.h"
#include "format/code.h"

static ef_format named(const char *name)
{
    ef_format format;
    cr_assert_eq(ef_format_parse(name, &format, NULL), EF_OK);
    return format;
}

static ef_flip_effect effect_of(const char *name, ef_value_law law, double cut)
{
    ef_format format = named(name);
    ef_flip_effect effect = {0};
    ef_error err = {0};
    const ef_value_spread spread = {.law = law, .deviation = 1, .cut = cut};
    cr_assert_eq(ef_flip_effect_init(&effect, &format, &spread, &err), EF_OK, "%s",
                 err.text);
    return effect;
}

static double bits_of(const ef_flip_effect *effect)
{
    double bits = effect->boundless + effect->without;
    for (size_t i = 0; i < effect->n; i++) {
        bits += effect->bits[i];
    }
    return bits;
}

/* --- the naive twin: every code of a format of 8 bits -------------------------- */

/* Share of N(0, 1) below x. */
static double normal_below(double x)
{
    return (1 + ef_erf(x / sqrt(2.0))) / 2;
}

/* The share of the law that a code holds: from half way to the value below up to half
 * way to the one above.  Values beyond the cut are at the cut. */
static double mass_of(const ef_code *code, uint32_t bits, ef_value_law law, double cut)
{
    double own = (double)ef_code_value(code, bits), low = -INFINITY, high = INFINITY;
    if (!isfinite(own) || (own == 0 && signbit(own))) {
        return 0;
    }
    for (uint32_t other = 0; other < 256; other++) {
        double value = (double)ef_code_value(code, other);
        if (value < own) {
            low = fmax(low, (value + own) / 2);
        } else if (value > own) {
            high = fmin(high, (value + own) / 2);
        }
    }
    double above = high >= cut ? 1 : high <= -cut ? 0 : normal_below(high);
    double below = low >= cut ? 1 : low <= -cut ? 0 : normal_below(low);
    if (law == EF_VALUES_NORMAL) {
        return above - below;
    }
    return (high > 0 ? above : 0) - (low > 0 ? below : 0);
}

/* ef_flip_effect_sum by the definition. */
static double naive_sum(const char *name, ef_value_law law, double cut, double gain)
{
    ef_format format = named(name);
    ef_code code;
    double low = law == EF_VALUES_NORMAL ? -cut : 0, rms2 = 0, sum = 0;
    cr_assert_eq(ef_code_bind(&code, &format, low, cut, NULL), EF_OK);
    for (uint32_t bits = 0; bits < 256; bits++) {
        double value = (double)ef_code_value(&code, bits);
        double mass = mass_of(&code, bits, law, cut);
        rms2 += mass > 0 ? mass * value * value : 0;
    }
    for (uint32_t bits = 0; bits < 256; bits++) {
        double mass = mass_of(&code, bits, law, cut);
        for (unsigned bit = 0; mass > 0 && bit < 8; bit++) {
            double change = (double)ef_code_flip(&code, bits, bit) -
                            (double)ef_code_value(&code, bits);
            double u = gain * change * change / rms2;
            sum += mass * (isfinite(u) ? u / (1 + u) : 1);
        }
    }
    return sum;
}

typedef struct format_case {
    char name[24];
    ef_value_law law;
} format_case;

ParameterizedTestParameters(flip_effect, agrees_with_all_codes_of_the_format)
{
    static format_case cases[] = {
        {"int8", EF_VALUES_NORMAL},         {"int8", EF_VALUES_RECTIFIED},
        {"uint8", EF_VALUES_RECTIFIED},     {"uint8", EF_VALUES_NORMAL},
        {"fixed8.4", EF_VALUES_NORMAL},     {"e4m3", EF_VALUES_NORMAL},
        {"e4m3", EF_VALUES_RECTIFIED},      {"e5m2", EF_VALUES_RECTIFIED},
        {"int8+signmag", EF_VALUES_NORMAL}, {"int8+gray", EF_VALUES_NORMAL},
        {"e3m4", EF_VALUES_NORMAL},
    };
    return cr_make_param_array(format_case, cases, sizeof cases / sizeof *cases);
}

/* 64 values stand for the law: a share of it, such as that between 1 and 2 deviations,
 * which a flip makes infinite, is known to 1 / 32 of the half, 9 / 32 for 0.2718. */
ParameterizedTest(format_case *c, flip_effect, agrees_with_all_codes_of_the_format)
{
    const double gains[] = {1e-3, 0.1, 10};
    ef_flip_effect effect = effect_of(c->name, c->law, 4);
    for (size_t i = 0; i < 3; i++) {
        double naive = naive_sum(c->name, c->law, 4, gains[i]);
        double sum = ef_flip_effect_sum(&effect, gains[i]);
        cr_expect_lt(fabs(sum / naive - 1), 0.08, "%s at %g: %g, all codes %g", c->name,
                     gains[i], sum, naive);
    }
    ef_flip_effect_clear(&effect);
}

/* --- facts --------------------------------------------------------------------- */

Test(flip_effect, a_flip_of_int8_changes_the_value_by_a_power_of_two_of_steps)
{
    ef_flip_effect effect = effect_of("int8", EF_VALUES_NORMAL, 4);
    cr_assert_eq(effect.n, 8);
    for (size_t i = 0; i < 8; i++) {
        cr_expect_float_eq(effect.bits[i], 1, 1e-12);
        if (i > 0) {
            double ratio = effect.squares[i] / effect.squares[i - 1];
            cr_expect_float_eq(ratio, 4, 4e-3);
        }
    }
    /* The sign bit moves by 128 steps of 4 / 127 deviations; the mean square of the
     * 64 midpoints is 1 less the tails. */
    double most = effect.squares[7];
    cr_expect(most > 128.0 * 128 * 16 / 127 / 127 &&
              most < 1.05 * 128 * 128 * 16 / 127 / 127);
    ef_flip_effect_clear(&effect);
}

/* Flipping the top bit of the exponent of a float32 in [1, 2) gives infinity or NaN;
 * 9 of the 32 midpoints of |N(0, 1)| lie there: 0.6827 < (i + 1/2) / 32 < 0.9545. */
Test(flip_effect, the_top_exponent_bit_of_fp32_makes_values_boundless)
{
    ef_flip_effect effect = effect_of("fp32", EF_VALUES_NORMAL, 4);
    cr_expect_float_eq(effect.boundless, 9.0 / 32, 1e-12);
    cr_expect_float_eq(bits_of(&effect), 32, 1e-9);
    double greatest = 0;
    for (size_t i = 0; i < effect.n; i++) {
        greatest = fmax(greatest, effect.squares[i]);
    }
    /* Values below 1 are multiplied by 2^128: 0.98 to 3.3e38. */
    cr_expect(greatest > 1e76 && greatest < 2e77);
    ef_flip_effect_clear(&effect);
}

/* A sign bit of sign and magnitude changes a value by twice itself, and leaves 0 as it
 * is: half of what a rectified normal gives. */
Test(flip_effect, a_flip_that_changes_nothing_counts_for_nothing)
{
    ef_flip_effect effect = effect_of("int8+signmag", EF_VALUES_RECTIFIED, 4);
    /* 33 of 64 values: the smallest, 0.0196 deviations, is the code 1 of 4 / 127 */
    cr_expect_float_eq(effect.without, 0.5, 1e-12);
    cr_expect_float_eq(bits_of(&effect), 8, 1e-12);
    ef_flip_effect_clear(&effect);
}

/* The scale of fixed8 is up to twice what the range asks for, on average over an octave
 * in four places by a factor whose square is (1 + 2^1/2 + 2 + 2^3/2) / 4 = 1.81 to
 * 2^1/2 times that. */
Test(flip_effect, a_scale_that_is_a_power_of_two_costs_a_factor_of_two)
{
    const double gain = 1e-6;
    for (double cut = 3; cut < 6; cut += 0.37) {
        ef_flip_effect fixed = effect_of("fixed8", EF_VALUES_NORMAL, cut);
        ef_flip_effect free_scale = effect_of("int8", EF_VALUES_NORMAL, cut);
        double ratio =
            ef_flip_effect_sum(&fixed, gain) / ef_flip_effect_sum(&free_scale, gain);
        cr_expect(ratio > 1.78 && ratio < 2.60, "cut %g: %g", cut, ratio);
        ef_flip_effect_clear(&fixed);
        ef_flip_effect_clear(&free_scale);
    }
}

Test(flip_effect, scaled_floats_do_not_depend_on_the_deviation)
{
    ef_format format = named("e4m3s");
    ef_flip_effect one = {0}, small = {0};
    const ef_value_spread a = {EF_VALUES_NORMAL, 1, 4};
    const ef_value_spread b = {EF_VALUES_NORMAL, 1.0 / 64, 4};
    cr_assert_eq(ef_flip_effect_init(&one, &format, &a, NULL), EF_OK);
    cr_assert_eq(ef_flip_effect_init(&small, &format, &b, NULL), EF_OK);
    for (double gain = 1e-4; gain < 1e4; gain *= 10) {
        cr_expect_float_eq(ef_flip_effect_sum(&one, gain),
                           ef_flip_effect_sum(&small, gain), 1e-9);
    }
    ef_flip_effect_clear(&one);
    ef_flip_effect_clear(&small);
}

Test(flip_effect, grows_with_the_gain_from_none_to_all_bits_that_change_anything)
{
    static const char *const names[] = {"int8", "uint4", "e4m3",   "e5m2", "fp16",
                                        "fp32", "bin",   "pow2_4", "tern", "int16"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ef_flip_effect effect = effect_of(names[i], EF_VALUES_NORMAL, 4);
        double before = 0;
        cr_expect_eq(ef_flip_effect_sum(&effect, 0), 0);
        for (double gain = 1e-9; gain < 1e9; gain *= 7) {
            double sum = ef_flip_effect_sum(&effect, gain);
            cr_expect_geq(sum, before, "%s", names[i]);
            before = sum;
        }
        double all = effect.width - effect.without;
        cr_expect_float_eq(ef_flip_effect_sum(&effect, DBL_MAX), all, 1e-9, "%s",
                           names[i]);
        ef_flip_effect_clear(&effect);
    }
}

/* Each further bit of an integer is worth a quarter of the one above it. */
Test(flip_effect, fewer_bits_are_each_worth_more)
{
    ef_flip_effect four = effect_of("int4", EF_VALUES_NORMAL, 4);
    ef_flip_effect eight = effect_of("int8", EF_VALUES_NORMAL, 4);
    double gain = 1e-3;
    cr_expect_gt(ef_flip_effect_sum(&four, gain) / 4,
                 ef_flip_effect_sum(&eight, gain) / 8);
    ef_flip_effect_clear(&four);
    ef_flip_effect_clear(&eight);
}

Test(flip_effect, failures_leave_nothing_behind)
{
    ef_format format = named("e4m3s"), none = {0};
    ef_flip_effect effect = {0};
    ef_error err = {0};
    const ef_value_spread spread = {EF_VALUES_NORMAL, 1, 4};
    cr_expect_eq(ef_flip_effect_init(&effect, &none, &spread, &err), EF_ERR_INPUT);
    cr_expect_null(effect.squares);
    ef_mem_fail_after(0);
    cr_expect_eq(ef_flip_effect_init(&effect, &format, &spread, &err), EF_ERR_MEMORY);
    ef_mem_fail_after(-1);
    cr_expect_null(effect.squares);
    ef_flip_effect_clear(&effect);
}
