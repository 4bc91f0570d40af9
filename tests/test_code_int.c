#include "format/code.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "code_help.h"

/* Names of all integer formats, the widest codes of which have 16 bits. */
static const char *const families[] = {
    "int%u",           "int%uc",           "fixed%u",     "fixed%u.3",    "uint%u",
    "int%u+offset",    "int%u+signmag",    "int%u+gray",  "fixed%u+gray", "uint%u+gray",
    "fixed%u+signmag", "fixed%u.0+offset", "int%uc+gray",
};
#define N_FAMILIES (sizeof families / sizeof families[0])

static const struct {
    double low, high;
} ranges[] = {
    {-1, 1},    {0, 0},         {0, 6},        {-0.3, 2.5},
    {-7, -2},   {3, 1000},      {-1e-3, 1e-4}, {-1e-37, 1e-37},
    {0, 1e-45}, {-1e30, 1e-30}, {-100, 3e38},  {-(double)FLT_MAX, (double)FLT_MAX},
};
#define N_RANGES (sizeof ranges / sizeof ranges[0])

#define N_WIDE_RANGES 3 /* for formats of more than 12 bits: enough, and soon done */

/* Calls check for every integer format bound to every range. */
static void for_each_code(void (*check)(const ef_code *code, const char *name))
{
    for (size_t f = 0; f < N_FAMILIES; f++) {
        for (unsigned bits = 2; bits <= widest_tried(); bits++) {
            const char *percent = strchr(families[f], '%');
            char name[EF_FORMAT_NAME];
            snprintf(name, sizeof name, "%.*s%u%s", (int)(percent - families[f]),
                     families[f], bits, percent + 2);
            for (size_t r = 0; r < (bits > 12 ? N_WIDE_RANGES : N_RANGES); r++) {
                ef_code code = bound(name, ranges[r].low, ranges[r].high);
                check(&code, name);
            }
        }
    }
    for (size_t r = 0; r < N_RANGES; r++) {
        ef_code tern = bound("tern", ranges[r].low, ranges[r].high);
        ef_code bin = bound("bin", ranges[r].low, ranges[r].high);
        check(&tern, "tern");
        check(&bin, "bin");
    }
}

/* Encodings by their definitions. */

static int32_t twos_complement(uint32_t bits, unsigned width)
{
    int32_t integer = 0;
    for (unsigned i = 0; i + 1 < width; i++) {
        integer += bits >> i & 1 ? 1 << i : 0;
    }
    return integer - (bits >> (width - 1) & 1 ? 1 << (width - 1) : 0);
}

/* Bit i of a number is the parity of the Gray code's bits from i on. */
static uint32_t number_of_gray(uint32_t gray, unsigned width)
{
    uint32_t number = 0;
    for (unsigned i = 0; i < width; i++) {
        unsigned parity = 0;
        for (unsigned k = i; k < width; k++) {
            parity ^= gray >> k & 1;
        }
        number |= (uint32_t)parity << i;
    }
    return number;
}

static int32_t integer_by_definition(const ef_format *format, uint32_t bits)
{
    unsigned width = format->bits;
    if (format->encoding == EF_ENCODING_GRAY) {
        bits = number_of_gray(bits, width);
    }
    if (format->kind == EF_FORMAT_UINT) {
        return (int32_t)bits;
    }
    if (format->kind == EF_FORMAT_BIN) {
        return bits == 1 ? 1 : -1;
    }
    if (format->kind == EF_FORMAT_TERN && bits == 2) {
        return 0;
    }
    int32_t half = 1 << (width - 1);
    if (format->encoding == EF_ENCODING_OFFSET) {
        return (int32_t)bits - half;
    }
    if (format->encoding == EF_ENCODING_SIGNMAG) {
        return (int32_t)bits < half ? (int32_t)bits : half - (int32_t)bits;
    }
    return twos_complement(bits, width);
}

static void check_integers(const ef_code *code, const char *name)
{
    int32_t least, most;
    ef_code_limits(code, &least, &most);
    cr_assert(ef_code_is_integer(code));
    for (uint32_t bits = 0; bits >> code->format.bits == 0; bits++) {
        int32_t integer = ef_code_integer(code, bits);
        cr_assert_eq(integer, integer_by_definition(&code->format, bits), "%s %u", name,
                     bits);
        cr_assert_eq(integer, ef_code_integer(code, bits | 0xffff0000U));
        uint32_t back = ef_code_of_integer(code, integer);
        int two_zeros = code->format.kind == EF_FORMAT_TERN ||
                        code->format.encoding == EF_ENCODING_SIGNMAG;
        cr_assert(back == bits || (two_zeros && integer == 0 && back == 0), "%s %u",
                  name, bits);
        cr_assert(integer <= most && integer >= least - 1, "%s %u", name, bits);
    }
    /* saturation, with the code that only a fault makes */
    cr_expect_eq(ef_code_integer(code, ef_code_of_integer(code, INT32_MAX)), most);
    int32_t lowest = ef_code_integer(code, ef_code_of_integer(code, INT32_MIN));
    int has_fault_code =
        (code->format.kind == EF_FORMAT_INT || code->format.kind == EF_FORMAT_FIXED) &&
        code->format.encoding != EF_ENCODING_SIGNMAG;
    cr_expect_eq(lowest, least - has_fault_code, "%s", name);
}

Test(code_integer, is_what_the_encoding_defines_and_goes_back, .timeout = 60)
{
    for_each_code(check_integers);
}

Test(code_integer, gray_changes_one_bit_from_each_integer_to_the_next)
{
    static const char *const names[] = {"int8+gray", "uint8+gray", "fixed8+gray"};
    for (size_t i = 0; i < 3; i++) {
        ef_code code = bound(names[i], -1, 1);
        int32_t least, most;
        ef_code_limits(&code, &least, &most);
        for (int32_t n = least; n < most; n++) {
            uint32_t change =
                ef_code_of_integer(&code, n) ^ ef_code_of_integer(&code, n + 1);
            cr_expect(change && (change & (change - 1)) == 0);
        }
    }
}

Test(code_limits, leave_out_codes_that_only_faults_make)
{
    static const struct {
        const char *name;
        int32_t least, most;
    } rows[] = {
        {"int8", -127, 127},      {"int2", -1, 1},   {"fixed8.5", -127, 127},
        {"int16", -32767, 32767}, {"uint8", 0, 255}, {"uint2", 0, 3},
        {"uint16", 0, 65535},     {"tern", -1, 1},   {"bin", -1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ef_code code = bound(rows[i].name, -1, 1);
        int32_t least, most;
        ef_code_limits(&code, &least, &most);
        cr_expect(least == rows[i].least && most == rows[i].most, "%s", rows[i].name);
    }
}

/* Values: (integer - zero) * scale, one rounding; every code back to itself. */
static void check_values(const ef_code *code, const char *name)
{
    int32_t least, most;
    ef_code_limits(code, &least, &most);
    float before = -INFINITY;
    int step = code->format.kind == EF_FORMAT_BIN ? 2 : 1;
    for (int32_t integer = least; integer <= most; integer += step) {
        uint32_t bits = ef_code_of_integer(code, integer);
        float value = ef_code_value(code, bits);
        cr_assert(isfinite(value) && value > before, "%s %d", name, integer);
        cr_assert_eq(value, (float)((double)(integer - code->zero) * code->scale));
        cr_assert_eq(ef_code_of(code, value), bits, "%s %d", name, integer);
        for (uint64_t draw = 1; draw; draw <<= 21) {
            cr_assert_eq(ef_code_of_stochastic(code, value, 0 - draw), bits);
            cr_assert_eq(ef_code_of_stochastic(code, value, draw - 1), bits);
        }
        before = value;
    }
}

Test(code_value, goes_to_its_own_code_and_rises_with_the_integer, .timeout = 60)
{
    for_each_code(check_values);
}

static void check_faulty_codes(const ef_code *code, const char *name)
{
    int32_t least, most;
    ef_code_limits(code, &least, &most);
    for (uint32_t bits = 0; bits >> code->format.bits == 0; bits++) {
        float value = ef_code_value(code, bits);
        int32_t integer = integer_by_definition(&code->format, bits);
        cr_assert(isfinite(value), "%s %u", name, bits);
        cr_assert_eq(value, (float)((double)(integer - code->zero) * code->scale));
        cr_assert_eq(ef_code_value(code, ef_code_of(code, value)),
                     integer < least ? ef_code_value(code, ef_code_of(code, -FLT_MAX))
                                     : value);
    }
}

Test(code_value, of_faulty_codes_follows_the_same_rule, .timeout = 60)
{
    for_each_code(check_faulty_codes);
}

/* The nearest integer by its definition: no other is nearer, of two as near it is the
 * even one, and only the limits have values far away.  Products are exact: 17 and 24
 * bits; the difference is exact in the 64 bits of a long double, or else so large that
 * its rounding does not matter. */
static void check_nearest(const ef_code *code, float value, const char *name)
{
    int32_t least, most;
    ef_code_limits(code, &least, &most);
    int32_t integer = ef_code_integer(code, ef_code_of(code, value));
    cr_assert(integer >= least && integer <= most, "%s %a", name, (double)value);
    long double off = (long double)value - (double)(integer - code->zero) * code->scale;
    long double half = code->scale / 2;
    if (off > half) {
        cr_assert_eq(integer, most, "%s %a", name, (double)value);
    } else if (off < -half) {
        cr_assert_eq(integer, least, "%s %a", name, (double)value);
    } else if (off == half || off == -half) {
        int at_limit = off > 0 ? integer == most : integer == least;
        cr_assert((integer - code->zero) % 2 == 0 || at_limit, "%s %a", name,
                  (double)value);
    }
}

static void check_rounding(const ef_code *code, const char *name)
{
    if (code->format.kind == EF_FORMAT_BIN) {
        return;
    }
    int32_t least, most;
    ef_code_limits(code, &least, &most);
    int32_t step = most / 300 + 1;
    for (int32_t integer = least - 2; integer <= most + 2; integer += step) {
        float middle = (float)((integer - code->zero + 0.5) * code->scale);
        check_nearest(code, middle, name);
        check_nearest(code, nextafterf(middle, INFINITY), name);
        check_nearest(code, nextafterf(middle, -INFINITY), name);
    }
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, code->format.bits, 0, 0);
    for (int i = 0; i < 300; i++) {
        float any = float_of((uint32_t)ef_rng_u64(&rng));
        if (isfinite(any)) {
            check_nearest(code, any, name);
        }
        check_nearest(code, (float)((ef_rng_unit(&rng) - 0.5) * 4 * most * code->scale),
                      name);
    }
}

Test(code_of, rounds_to_the_nearest_and_ties_to_even, .timeout = 60)
{
    for_each_code(check_rounding);
}

Test(code_of, rounds_exact_ties_of_fixed_point_to_even_and_one_ulp_beside_not)
{
    ef_code code = bound("fixed16.4", -1, 1);
    for (int32_t n = -32767; n < 32767; n++) {
        float tie = ((float)n + 0.5f) / 16;
        int32_t even = n % 2 == 0 ? n : n + 1;
        cr_assert_eq(ef_code_integer(&code, ef_code_of(&code, tie)), even);
        uint32_t above = ef_code_of(&code, nextafterf(tie, INFINITY));
        uint32_t below = ef_code_of(&code, nextafterf(tie, -INFINITY));
        cr_assert_eq(ef_code_integer(&code, above), n + 1);
        cr_assert_eq(ef_code_integer(&code, below), n);
    }
}

static void check_ends(const ef_code *code, const char *name)
{
    int32_t least, most;
    ef_code_limits(code, &least, &most);
    uint32_t low = ef_code_of_integer(code, least);
    uint32_t high = ef_code_of_integer(code, most);
    static const uint32_t positive[] = {0x7f800000, 0x7fc00000, 0x7f800001, 0x7fffffff};
    for (size_t i = 0; i < sizeof positive / sizeof positive[0]; i++) {
        float above = float_of(positive[i]), below = float_of(positive[i] ^ 1U << 31);
        for (uint64_t draw = 1; draw; draw <<= 9) {
            cr_expect_eq(ef_code_of_stochastic(code, above, 0 - draw), high, "%s",
                         name);
            cr_expect_eq(ef_code_of_stochastic(code, below, draw), low, "%s", name);
        }
        cr_expect_eq(ef_code_of(code, above), high, "%s", name);
        cr_expect_eq(ef_code_of(code, below), low, "%s", name);
    }
}

Test(code_of, saturates_infinities_and_nan_by_their_signs)
{
    for_each_code(check_ends);
}

Test(code_of, takes_the_ends_of_a_calibrated_range_and_what_lies_beyond)
{
    static const char *const names[] = {"int8", "uint8", "fixed8", "int4", "int16c"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ef_code code = bound(names[i], -0.7, 3.3);
        int32_t least, most;
        ef_code_limits(&code, &least, &most);
        float top = ef_code_value(&code, ef_code_of_integer(&code, most));
        cr_expect_float_eq(ef_code_value(&code, ef_code_of(&code, 3.3f)), 3.3,
                           code.scale);
        for (float value = top; value < 1e30f; value *= 1.7f) {
            cr_expect_eq(ef_code_value(&code, ef_code_of(&code, value)), top);
        }
    }
}

Test(code_of, changes_no_value_by_an_encoding)
{
    static const char *const encodings[] = {"int8+signmag", "int8+offset", "int8+gray"};
    ef_code plain = bound("int8", -2, 3);
    for (size_t i = 0; i < 3; i++) {
        ef_code code = bound(encodings[i], -2, 3);
        cr_expect_eq(code.scale, plain.scale);
        for (int n = -4000; n <= 4000; n++) {
            float value = (float)n / 1000;
            cr_expect_eq(ef_code_value(&code, ef_code_of(&code, value)),
                         ef_code_value(&plain, ef_code_of(&plain, value)));
        }
    }
}

/* The sign bit of 5 steps, the values by hand. */
Test(code_flip, of_the_top_bit_depends_on_the_encoding)
{
    static const struct {
        const char *name;
        float flipped;
    } rows[] = {
        {"int8", 5 - 128},
        {"int8+offset", 5 - 128},
        {"int8+signmag", -5},
        /* 5 is 00000111 in Gray code; 10000111 is 11111010 */
        {"int8+gray", -6},
        {"uint8", 5 + 128},
        /* 11111010 is 250 */
        {"uint8+gray", 250},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ef_code code = bound(rows[i].name, 0, rows[i].name[0] == 'u' ? 255 : 127);
        cr_assert_eq(code.scale, 1);
        cr_expect_eq(ef_code_flip(&code, ef_code_of(&code, 5), 7), rows[i].flipped,
                     "%s", rows[i].name);
    }
}

/* Scales. */

Test(code_bind, makes_scale_and_zero_of_integers_from_the_range)
{
    static const struct {
        const char *name;
        double low, high, scale;
        int32_t zero;
    } rows[] = {
        {"int8", -1, 127, 1, 0},
        {"int8c", -254, 1, 2, 0},
        {"int8", -0.25, 0.1, (double)(0.25f / 127), 0},
        {"int2", -3, 1, 3, 0},
        {"int16", 0, 1, (double)(1.0f / 32767), 0},
        {"int8", 3, 127, 1, 0},
        {"uint8", 0, 255, 1, 0},
        {"uint8", 3, 255, 1, 0},
        {"uint8", -255, -3, 1, 255},
        {"uint8", -127.5, 127.5, 1, 128}, /* 127.5 to even */
        {"uint8", -126.5, 128.5, 1, 126},
        {"uint4", -3, 27, 2, 2},                     /* 1.5 to even */
        {"uint8", -1, 1, (double)(2.0f / 255), 127}, /* 127.49999, by the float32 */
        {"fixed8", -1, 127, 1, 0},
        {"fixed8", -127.01, 1, 2, 0},
        {"fixed8", -1, 1, 0.015625, 0},
        {"fixed8", -0.9, 0.9921875, 0.0078125, 0},
        {"fixed8.5", -1000, 1000, 0.03125, 0},
        {"fixed8.0", 0, 0, 1, 0},
        {"fixed16.31", 0, 0, 0x1p-31, 0},
        {"int8", 0, 1e-45, 0x1p-126, 0},
        {"uint8", -1e-45, 0, 0x1p-126, 0},
        {"fixed8", 0, 1e-45, 0x1p-149, 0},
        {"fixed8", 0, 5e-324, 0x1p-149, 0},
        {"int8", -5e-324, 0, 0x1p-126, 0},
        {"int8", 0, (double)FLT_MAX, 0x1p120, 0},
        {"fixed8", 0, (double)FLT_MAX, 0x1p120, 0},
        {"tern", -3, 1, 2, 0},
        {"bin", -3, 1, 1.5, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ef_code code = bound(rows[i].name, rows[i].low, rows[i].high);
        cr_expect_eq(code.scale, rows[i].scale, "%s, row %zu: %a", rows[i].name, i,
                     code.scale);
        cr_expect_eq(code.zero, rows[i].zero, "%s, row %zu: %d", rows[i].name, i,
                     code.zero);
    }
}

static void check_scale(const ef_code *code, const char *name)
{
    cr_expect_eq((double)(float)code->scale, code->scale, "%s", name);
    cr_expect(code->scale > 0);
    /* 0 has a code that stands for it, but in bin */
    if (code->format.kind != EF_FORMAT_BIN) {
        uint32_t zero = ef_code_of(code, 0);
        cr_expect_eq(ef_code_integer(code, zero), code->zero);
        cr_expect_eq(float_bits(ef_code_value(code, zero)), 0);
    }
    int exponent;
    if (code->format.kind == EF_FORMAT_FIXED) {
        cr_expect_eq(frexp(code->scale, &exponent), 0.5, "%s", name);
    }
}

Test(code_bind, gives_scales_that_float32_holds_and_a_code_for_zero)
{
    for_each_code(check_scale);
}

Test(code_bind, gives_fixed_point_the_least_scale_that_holds_the_range)
{
    ef_rng rng = ef_rng_stream(2, EF_PURPOSE_TEST, 0, 0, 0);
    for (unsigned bits = 2; bits <= 16; bits++) {
        char name[EF_FORMAT_NAME];
        snprintf(name, sizeof name, "fixed%u", bits);
        double most = (1 << (bits - 1)) - 1;
        for (int i = 0; i < 1000; i++) {
            double high = ldexp(ef_rng_unit(&rng) + 0.5, (int)ef_rng_below(&rng, 60));
            high = i % 7 == 0 ? most * exp2(i % 20 - 10) : high;
            ef_code code = bound(name, -high / 3, high);
            cr_expect(most * code.scale >= high && most * code.scale / 2 < high);
        }
    }
}

/* Binary and ternary. */

Test(code_of, stores_signs_in_bin_and_takes_zero_for_positive)
{
    ef_code code = bound("bin", -2, 2);
    cr_expect_eq(code.scale, 1);
    static const struct {
        float value;
        uint32_t bits;
    } rows[] = {{-5, 0}, {-1e-45f, 0}, {-0.0f, 1}, {0, 1}, {1e-45f, 1}, {5, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect_eq(ef_code_of(&code, rows[i].value), rows[i].bits);
    }
    cr_expect_eq(ef_code_value(&code, 0), -1);
    cr_expect_eq(ef_code_value(&code, 1), 1);
    cr_expect_eq(ef_code_flip(&code, 1, 0), -1);
}

Test(code_value, reads_the_unused_code_of_tern_as_zero)
{
    ef_code code = bound("tern", -3, 3);
    static const float values[] = {0, 2, 0, -2};
    for (uint32_t bits = 0; bits < 4; bits++) {
        cr_expect_eq(ef_code_value(&code, bits), values[bits]);
    }
    static const struct {
        float value;
        uint32_t bits;
    } rows[] = {{-9, 3}, {-1.0000001f, 3}, {-1, 0}, {1, 0}, {1.0000001f, 1}, {9, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect_eq(ef_code_of(&code, rows[i].value), rows[i].bits);
    }
    cr_expect_eq(ef_code_flip(&code, 0, 1), 0); /* to the unused code */
    cr_expect_eq(ef_code_flip(&code, 1, 1), -2);
}
