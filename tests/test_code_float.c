#include "format/code.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "code_help.h"

/* [1] OCP 8-bit Floating Point Specification (OFP8), revision 1.0, table 2.
 * [2] OCP Microscaling Formats (MX) Specification, version 1.0, section 5.3.
 * [3] IEEE 754-2019, section 3.4, table 3.5. */

/* Numbers of the standards' tables: positive codes; 0: there is none. */
static const struct published {
    const char *name;
    double least_subnormal, most_subnormal, least_normal, most;
    uint32_t least_normal_code, most_code, infinity, first_nan, last_nan;
} published[] = {
    {"e4m3", 0x1p-9, 0.875 * 0x1p-6, 0x1p-6, 448, 0x08, 0x7e, 0, 0x7f, 0x7f},
    {"e5m2", 0x1p-16, 0.75 * 0x1p-14, 0x1p-14, 57344, 0x04, 0x7b, 0x7c, 0x7d, 0x7f},
    {"e3m2", 0.0625, 0.1875, 0.25, 28, 0x04, 0x1f, 0, 0, 0},
    {"e2m3", 0.125, 0.875, 1, 7.5, 0x08, 0x1f, 0, 0, 0},
    {"e2m1", 0.5, 0.5, 1, 6, 0x2, 0x7, 0, 0, 0},
    {"fp16", 0x1p-24, 1023 * 0x1p-24, 0x1p-14, 65504, 0x0400, 0x7bff, 0x7c00, 0x7c01,
     0x7fff},
    {"bf16", 0x1p-133, 127 * 0x1p-133, 0x1p-126, 255 * 0x1p120, 0x0080, 0x7f7f, 0x7f80,
     0x7f81, 0x7fff},
    {"fp32", 0x1p-149, 8388607 * 0x1p-149, 0x1p-126, (double)FLT_MAX, 0x00800000,
     0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fffffff},
};
#define N_PUBLISHED (sizeof published / sizeof published[0])

Test(code_value, has_the_numbers_of_the_published_tables)
{
    for (size_t i = 0; i < N_PUBLISHED; i++) {
        const struct published *row = &published[i];
        ef_code code = bound(row->name, -1, 1);
        uint32_t sign = 1U << (code.format.bits - 1);
        const struct {
            uint32_t bits;
            double value;
        } points[] = {{0, 0},
                      {1, row->least_subnormal},
                      {row->least_normal_code - 1, row->most_subnormal},
                      {row->least_normal_code, row->least_normal},
                      {row->most_code, row->most},
                      {row->infinity, row->infinity ? INFINITY : 0}};
        for (size_t k = 0; k < sizeof points / sizeof points[0]; k++) {
            cr_expect_eq((double)ef_code_value(&code, points[k].bits), points[k].value);
            cr_expect_eq((double)ef_code_value(&code, points[k].bits | sign),
                         -points[k].value, "%s %zu", row->name, k);
        }
        cr_expect_eq(float_bits(ef_code_value(&code, sign)), 0x80000000);
        uint32_t last = row->last_nan ? row->last_nan : row->most_code;
        cr_expect_eq(last, sign - 1, "%s names all codes", row->name);
    }
}

Test(code_value, is_nan_for_the_published_codes_and_for_no_others)
{
    for (size_t i = 0; i < N_PUBLISHED; i++) {
        const struct published *row = &published[i];
        ef_code code = bound(row->name, -1, 1);
        uint32_t sign = 1U << (code.format.bits - 1);
        uint32_t step = code.format.bits > 16 ? 997 : 1;
        for (uint32_t bits = 0; bits < sign; bits += step) {
            int is_nan = row->first_nan && bits >= row->first_nan;
            float values[] = {ef_code_value(&code, bits),
                              ef_code_value(&code, bits | sign)};
            for (size_t k = 0; k < 2; k++) {
                cr_assert_eq(!!isnan(values[k]), is_nan, "%s %x", row->name, bits);
                cr_assert(!is_nan || float_bits(values[k]) == 0x7fc00000);
                cr_assert_eq(!!isinf(values[k]),
                             row->infinity && bits == row->infinity);
            }
        }
    }
}

/* All sixteen codes of e2m1 [2]. */
Test(code_value, of_e2m1_is_the_published_list)
{
    static const float values[8] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
    ef_code code = bound("e2m1", -1, 1);
    for (uint32_t bits = 0; bits < 8; bits++) {
        cr_expect_eq(ef_code_value(&code, bits), values[bits]);
        cr_expect_eq(ef_code_value(&code, bits | 8), -values[bits]);
    }
}

/* Every name eXmY of up to 16 bits, also with a scale, and pow2. */

static void check_name(const char *name, void (*check)(const ef_code *code))
{
    static const double highs[] = {1, 0, 3.7e5, 1e-20, 1e-45, (double)FLT_MAX};
    ef_format format;
    cr_assert_eq(ef_format_parse(name, &format, NULL), EF_OK);
    int has_scale = format.scaled || format.kind == EF_FORMAT_POW2;
    for (size_t i = 0; i < (has_scale ? sizeof highs / sizeof highs[0] : 1); i++) {
        ef_code code = bound(name, -highs[i], highs[i] / 2);
        check(&code);
    }
}

static void for_each_code(void (*check)(const ef_code *code))
{
    char name[EF_FORMAT_NAME];
    for (unsigned x = 2; x <= 8; x++) {
        for (unsigned y = 1; x + y < widest_tried(); y++) {
            snprintf(name, sizeof name, "e%um%u", x, y);
            check_name(name, check);
            if (x + y < 12) {
                snprintf(name, sizeof name, "e%um%us", x, y);
                check_name(name, check);
            }
        }
    }
    for (unsigned bits = 2; bits <= 8; bits++) {
        snprintf(name, sizeof name, "pow2_%u", bits);
        check_name(name, check);
    }
}

/* The naive reading of a magnitude, NaN and infinity as IEEE has them; pow2 has no
 * mantissa, and its least magnitude is one step. */
static double by_definition(const ef_code *code, uint32_t magnitude)
{
    int mantissa_bits = code->format.mantissa_bits;
    int exponent_bits = code->format.bits - 1 - mantissa_bits;
    int bias = (1 << (exponent_bits - 1)) - 1;
    if (code->format.kind == EF_FORMAT_POW2) {
        bias = 1;
    }
    int field = (int)(magnitude >> mantissa_bits);
    double part = (double)(magnitude % (1U << mantissa_bits)) / (1 << mantissa_bits);
    double value = field ? ldexp(1 + part, field - bias) : ldexp(part, 1 - bias);
    return value * code->scale;
}

/* The number of finite magnitudes, by the published exceptions. */
static uint32_t count_finite(const ef_format *format)
{
    uint32_t sign = 1U << (format->bits - 1);
    int x = format->exponent_bits, y = format->mantissa_bits;
    int all = (x == 3 && y == 2) || (x == 2 && y == 3) || (x == 2 && y == 1);
    if (all || format->kind == EF_FORMAT_POW2) {
        return sign;
    }
    return x == 4 && y == 3 ? sign - 1 : sign - (1U << y);
}

static void check_values(const ef_code *code)
{
    char name[EF_FORMAT_NAME];
    ef_format_name(&code->format, name);
    uint32_t sign = 1U << (code->format.bits - 1);
    uint32_t n_finite = count_finite(&code->format);
    float before = -1;
    for (uint32_t bits = 0; bits < n_finite; bits++) {
        float value = ef_code_value(code, bits);
        cr_assert(isfinite(value) && value > before, "%s %x", name, bits);
        cr_assert_eq((double)value, by_definition(code, bits), "%s %x", name, bits);
        cr_assert_eq(float_bits(ef_code_value(code, bits | sign)),
                     float_bits(value) | 1U << 31);
        cr_assert_eq(ef_code_value(code, bits | sign << 1), value);
        before = value;
    }
    for (uint32_t bits = n_finite; bits < sign; bits++) {
        cr_assert_not(isfinite(ef_code_value(code, bits)), "%s %x", name, bits);
    }
}

Test(code_value, of_every_float_format_is_its_definition_and_rises, .timeout = 60)
{
    for_each_code(check_values);
}

static void check_round_trip(const ef_code *code)
{
    char name[EF_FORMAT_NAME];
    ef_format_name(&code->format, name);
    uint32_t sign = 1U << (code->format.bits - 1);
    uint32_t n_finite = count_finite(&code->format);
    uint32_t last = code->format.bits > 8 && n_finite < sign ? n_finite : n_finite - 1;
    for (uint32_t bits = 0; bits <= last; bits++) {
        for (int negative = 0; negative < 2; negative++) {
            uint32_t with_sign = bits | (negative ? sign : 0);
            float value = ef_code_value(code, with_sign);
            cr_assert_eq(ef_code_of(code, value), with_sign, "%s %x", name, bits);
            cr_assert_eq(ef_code_of_stochastic(code, value, 0), with_sign);
            cr_assert_eq(ef_code_of_stochastic(code, value, UINT64_MAX), with_sign);
        }
    }
}

Test(code_of, finds_the_code_of_every_value_of_every_float_format, .timeout = 60)
{
    for_each_code(check_round_trip);
}

/* The middle between two codes goes to the even one; the next float32 beside it to the
 * nearer one. */
static void check_middles(const ef_code *code)
{
    char name[EF_FORMAT_NAME];
    ef_format_name(&code->format, name);
    uint32_t sign = 1U << (code->format.bits - 1);
    for (uint32_t bits = 0; bits + 1 < count_finite(&code->format); bits++) {
        double below = (double)ef_code_value(code, bits);
        double above = (double)ef_code_value(code, bits + 1);
        float middle = (float)((below + above) / 2);
        if ((double)middle == (below + above) / 2) {
            uint32_t even = bits + bits % 2;
            cr_assert_eq(ef_code_of(code, middle), even, "%s %x", name, bits);
            cr_assert_eq(ef_code_of(code, -middle), even | sign, "%s %x", name, bits);
            uint32_t up = ef_code_of(code, nextafterf(middle, INFINITY));
            uint32_t down = ef_code_of(code, nextafterf(middle, 0));
            cr_assert(up == bits + 1 && down == bits, "%s %x", name, bits);
        } else { /* no float32 lies between */
            cr_assert_eq(nextafterf((float)below, INFINITY), (float)above);
        }
    }
}

Test(code_of, rounds_ties_of_every_float_format_to_the_even_code, .timeout = 60)
{
    for_each_code(check_middles);
}

/* Where the exponent is not bounded, the number after the largest is `after`: from half
 * way to it on, formats of more than 8 bits give infinity (IEEE 754-2019, 4.3.1). */
static void check_overflow(const ef_code *code)
{
    char name[EF_FORMAT_NAME];
    ef_format_name(&code->format, name);
    uint32_t most = count_finite(&code->format) - 1;
    double largest = (double)ef_code_value(code, most);
    double after = by_definition(code, most + 1);
    uint32_t beyond = code->format.bits > 8 ? most + 1 : most;
    float half_way = (float)((largest + after) / 2);
    if ((double)half_way == (largest + after) / 2) { /* a float32 */
        cr_expect_eq(ef_code_of(code, nextafterf(half_way, 0)), most, "%s", name);
        cr_expect_eq(ef_code_of(code, half_way), beyond, "%s", name);
        cr_expect_eq(ef_code_of(code, nextafterf(half_way, INFINITY)), beyond);
        cr_expect_eq(ef_code_of_stochastic(code, half_way, 0), beyond, "%s", name);
        cr_expect_eq(ef_code_of_stochastic(code, half_way, UINT64_MAX), most);
    }
    if (after < (double)FLT_MAX) {
        cr_expect_eq(ef_code_of(code, FLT_MAX), beyond, "%s", name);
        cr_expect_eq(ef_code_of_stochastic(code, FLT_MAX, UINT64_MAX), beyond);
    }
    uint32_t sign = 1U << (code->format.bits - 1);
    cr_expect_eq(ef_code_of(code, INFINITY), beyond, "%s", name);
    cr_expect_eq(ef_code_of(code, -INFINITY), beyond | sign, "%s", name);
    cr_expect_eq(ef_code_of_stochastic(code, -INFINITY, UINT64_MAX), beyond | sign);
}

Test(code_of, saturates_narrow_float_formats_and_overflows_wide_ones)
{
    for_each_code(check_overflow);
}

/* One NaN, with the first bit of the mantissa; else the largest of its sign. */
static void check_nan(const ef_code *code)
{
    uint32_t sign = 1U << (code->format.bits - 1);
    uint32_t n_finite = count_finite(&code->format);
    static const uint32_t nans[] = {0x7fc00000, 0x7f800001, 0x7fffffff};
    for (size_t i = 0; i < sizeof nans / sizeof nans[0]; i++) {
        uint32_t above = ef_code_of(code, float_of(nans[i]));
        uint32_t below = ef_code_of(code, float_of(nans[i] | 1U << 31));
        cr_expect_eq(above, ef_code_of_stochastic(code, float_of(nans[i]), 77));
        if (n_finite == sign) {
            cr_expect(above == sign - 1 && below == (sign | above));
        } else {
            uint32_t quiet = n_finite + (1U << (code->format.mantissa_bits - 1));
            cr_expect_eq(above, n_finite == sign - 1 ? n_finite : quiet);
            cr_expect_eq(below, above);
            cr_expect(isnan(ef_code_value(code, above)));
        }
    }
}

Test(code_of, stores_one_nan_or_the_largest_magnitude_of_its_sign)
{
    for_each_code(check_nan);
}

/* Formats of more than 16 bits: codes drawn at random. */
Test(code_of, goes_round_and_rounds_in_wide_float_formats)
{
    ef_rng rng = ef_rng_stream(3, EF_PURPOSE_TEST, 0, 0, 0);
    for (unsigned x = 2; x <= 8; x++) {
        for (unsigned y = 16 - x; y <= 23; y++) {
            char name[EF_FORMAT_NAME];
            snprintf(name, sizeof name, "e%um%u", x, y);
            ef_code code = bound(name, -1, 1);
            uint32_t n_finite = count_finite(&code.format);
            for (int i = 0; i < 2000; i++) {
                uint32_t bits = (uint32_t)ef_rng_below(&rng, n_finite - 1);
                bits = i < 5 ? (uint32_t)i : bits;
                double below = (double)ef_code_value(&code, bits);
                double above = (double)ef_code_value(&code, bits + 1);
                cr_assert_eq(below, by_definition(&code, bits));
                cr_assert_eq(ef_code_of(&code, (float)below), bits, "%s %x", name,
                             bits);
                float middle = (float)((below + above) / 2);
                if ((double)middle == (below + above) / 2) {
                    cr_assert_eq(ef_code_of(&code, middle), bits + bits % 2);
                    cr_assert_eq(ef_code_of(&code, nextafterf(middle, INFINITY)),
                                 bits + 1);
                    cr_assert_eq(ef_code_of(&code, nextafterf(middle, 0)), bits);
                }
            }
            check_overflow(&code);
            check_nan(&code);
        }
    }
}

/* Against conversions of others. */

/* Between the floats to try: a prime, for 6.7 million of all 2^32; fewer in valgrind.
 */
static uint64_t stride(void)
{
    return widest_tried() == 16 ? 641 : 641 * 641;
}

Test(code_of, of_fp32_keeps_all_bits_but_those_of_a_nan)
{
    ef_code code = bound("fp32", -1, 1);
    for (uint64_t i = 0, step = stride(); i >> 32 == 0; i += step) {
        float value = float_of((uint32_t)i);
        uint32_t want = isnan(value) ? 0x7fc00000 : (uint32_t)i;
        cr_assert_eq(ef_code_of(&code, value), want);
        cr_assert_eq(float_bits(ef_code_value(&code, (uint32_t)i)), want);
    }
}

/* The usual integer form: half of the lowest bit kept, less one where that is even. */
static uint32_t bf16_by_integers(uint32_t bits)
{
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

Test(code_of, of_bf16_is_the_upper_half_of_a_float_rounded)
{
    ef_code code = bound("bf16", -1, 1);
    for (uint64_t i = 0, step = stride(); i >> 32 == 0; i += step) {
        float value = float_of((uint32_t)i);
        uint32_t want = isnan(value) ? 0x7fc0 : bf16_by_integers((uint32_t)i);
        cr_assert_eq(ef_code_of(&code, value), want, "%a", (double)value);
    }
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        float value = float_of(bits << 16);
        float mine = ef_code_value(&code, bits);
        cr_assert(isnan(value) ? isnan(mine) : float_bits(value) == float_bits(mine));
    }
}

#if defined(__FLT16_MANT_DIG__) && !defined(__clang__)
__extension__ typedef _Float16 half;

static uint32_t half_bits(float value)
{
    half converted = (half)value;
    uint16_t bits;
    memcpy(&bits, &converted, sizeof bits);
    return bits;
}

static float half_value(uint32_t bits)
{
    uint16_t narrow = (uint16_t)bits;
    half value;
    memcpy(&value, &narrow, sizeof value);
    return (float)value;
}
#define HAVE_HALF 1
#else
#define HAVE_HALF 0
static uint32_t half_bits(float value)
{
    (void)value;
    return 0;
}

static float half_value(uint32_t bits)
{
    (void)bits;
    return 0;
}
#endif

Test(code_of, of_fp16_is_what_the_compiler_converts_to)
{
    if (!HAVE_HALF) {
        cr_skip_test("this compiler has no _Float16");
    }
    ef_code code = bound("fp16", -1, 1);
    for (uint64_t i = 0, step = stride(); i >> 32 == 0; i += step) {
        float value = float_of((uint32_t)i);
        uint32_t want = isnan(value) ? 0x7e00 : half_bits(value);
        cr_assert_eq(ef_code_of(&code, value), want, "%a", (double)value);
    }
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        float value = half_value(bits), mine = ef_code_value(&code, bits);
        cr_assert(isnan(value) ? isnan(mine) : float_bits(value) == float_bits(mine));
    }
}

/* The 1023 subnormals of fp16, in units of 2^-24 [3]. */
Test(code_value, reads_every_subnormal_of_fp16)
{
    ef_code code = bound("fp16", -1, 1);
    for (uint32_t bits = 1; bits < 1024; bits++) {
        cr_expect_eq(ef_code_value(&code, bits), (float)bits * 0x1p-24f);
        cr_expect_eq(ef_code_flip(&code, bits, 15), (float)bits * -0x1p-24f);
    }
}

/* Storing in blocks is another implementation: held equal to codes, value by value. */
static void check_store(const ef_code *code)
{
    enum { N_VALUES = 1999 }; /* whole blocks and a rest */
    float values[N_VALUES], stored[N_VALUES];
    char name[EF_FORMAT_NAME];
    ef_format_name(&code->format, name);
    uint32_t n_finite = count_finite(&code->format);
    for (uint32_t i = 0; i < N_VALUES; i++) {
        uint32_t bits = i * 2147483u ^ (i << 31);
        uint32_t at = i % n_finite;
        float middle = ef_code_value(code, at) / 2 + ef_code_value(code, at + 1) / 2;
        values[i] = i % 3 ? float_of(float_of(bits) == 0 ? i : bits) : middle;
        values[i] = i % 3 == 2 ? nextafterf(middle, i % 2 ? 0 : INFINITY) : values[i];
        values[i] = i % 7 ? values[i] : -values[i];
    }
    values[5] = INFINITY, values[6] = -INFINITY, values[7] = NAN, values[8] = -NAN;
    values[9] = -0.0f;
    memcpy(stored, values, sizeof values);
    ef_code_store(code, N_VALUES, stored);
    for (size_t i = 0; i < N_VALUES; i++) {
        float want = ef_code_value(code, ef_code_of(code, values[i]));
        cr_assert_eq(float_bits(stored[i]), float_bits(want), "%s %a: %a, not %a", name,
                     (double)values[i], (double)stored[i], (double)want);
    }
}

Test(code_store, makes_what_the_codes_of_values_stand_for)
{
    for_each_code(check_store);
    for (size_t i = 0; i < N_PUBLISHED; i++) {
        check_name(published[i].name, check_store);
    }
    check_name("e8m23s", check_store);
    check_name("e2m23s", check_store);
    check_name("e5m20", check_store);
    ef_code code = bound("uint8", -1, 2);
    float values[] = {-9, 0.3f, NAN};
    ef_code_store(&code, 3, values);
    cr_expect_eq(values[0], ef_code_value(&code, 0));
    cr_expect_eq(values[1], ef_code_value(&code, ef_code_of(&code, 0.3f)));
    cr_expect_eq(values[2], ef_code_value(&code, 255));
}

Test(code_store, of_half_and_bfloat_is_that_of_codes_for_floats_all_over)
{
    static const char *const names[] = {"fp16", "bf16", "fp32", "e4m3", "e5m2s"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        ef_code code = bound(names[k], -10, 3);
        for (uint64_t i = 0, step = stride(); i >> 32 == 0; i += 16 * step) {
            float values[16];
            for (size_t v = 0; v < 16; v++) {
                values[v] = float_of((uint32_t)(i + v * step));
            }
            ef_code_store(&code, 16, values);
            for (size_t v = 0; v < 16; v++) {
                float value = float_of((uint32_t)(i + v * step));
                float want = ef_code_value(&code, ef_code_of(&code, value));
                cr_assert_eq(float_bits(values[v]), float_bits(want), "%s %a", names[k],
                             (double)value);
            }
        }
    }
}

/* Scales. */

Test(code_bind, takes_the_least_power_of_two_that_holds_the_range)
{
    static const struct {
        const char *name;
        double low, high, scale;
    } rows[] = {
        {"e4m3s", -448, 1, 1},
        {"e4m3s", -449, 1, 2},
        {"e4m3s", 0, 224, 0.5},
        {"e4m3s", 0, 1, 0x1p-8}, /* 1.75 */
        {"e2m1s", -0.01, 6, 1},
        {"e2m1s", -0.01, 6.01, 2},
        {"e5m2s", -57344 * 4, 0, 4},
        {"e4m3s", 0, 0, 1},
        {"e4m3", -1e9, 1e9, 1},
        {"fp32", -1e9, 1e9, 1},
        /* every code stays a float32 */
        {"e4m3s", 0, 1e-45, 0x1p-140},
        {"e4m3s", 0, 5e-324, 0x1p-140},
        {"pow2_8", -5e-324, 0, 0x1p-149},
        {"e4m3s", 0, (double)FLT_MAX, 0x1p119},
        {"e8m23s", 0, 1e-9, 1},
        {"e8m7s", 0, 1e-9, 0x1p-16},
        /* pow2: top 2^n, n = floor(log2(4 M / 3)), the seventh of its magnitudes */
        {"pow2_4", -1, 0.5, 0x1p-6},
        {"pow2_4", -1.49, 0.5, 0x1p-6},
        {"pow2_4", -1.5, 0.5, 0x1p-5},
        {"pow2_4", 0, 0.75, 0x1p-6},
        {"pow2_4", 0, 0.7499, 0x1p-7},
        {"pow2_2", 0, 3, 4},
        {"pow2_8", 0, 1, 0x1p-126},
        {"pow2_8", 0, 1e-9, 0x1p-149},
        {"pow2_4", 0, 0, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ef_code code = bound(rows[i].name, rows[i].low, rows[i].high);
        cr_expect_eq(code.scale, rows[i].scale, "%s, row %zu: %a", rows[i].name, i,
                     code.scale);
        cr_expect_eq(code.zero, 0);
    }
}

Test(code_of, stores_powers_of_two_by_sign_and_exponent)
{
    ef_code code = bound("pow2_4", -1, 1); /* 2^-6 to 1 */
    static const struct {
        float value;
        uint32_t bits;
    } rows[] = {
        {0, 0},
        {1, 7},
        {0.5, 6},
        {-1, 15},
        {100, 7},
        {-100, 15},
        {0x1p-6f, 1},
        {0x1p-7f, 0}, /* tie */
        {0x1.01p-7f, 1},
        {0x1.8p-6f, 2},
        /* tie */ {0x1.7fp-6f, 1},
        {0x1.8p-5f, 2},
        /* tie */ {0x1.81p-5f, 3},
        {-0.75f, 14}, /* tie */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect_eq(ef_code_of(&code, rows[i].value), rows[i].bits, "%a",
                     (double)rows[i].value);
    }
    cr_expect_eq(ef_code_flip(&code, 7, 3), -1);
    cr_expect_eq(ef_code_flip(&code, 7, 0), 0.5f);
    cr_expect_eq(ef_code_flip(&code, 4, 2), 0); /* the exponent code 0 */
}
