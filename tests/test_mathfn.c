#include "base/mathfn.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"

/* Exact values by mpmath: the nearest double and the rest. */
static const struct known {
    const char *function;
    double x, y, high, low;
} known_rows[] = {
#include "known/mathfn.inc"
};

#define N_KNOWN (sizeof known_rows / sizeof known_rows[0])

static double exp_of(double x, double y)
{
    (void)y;
    return ef_exp(x);
}

static double log_of(double x, double y)
{
    (void)y;
    return ef_log(x);
}

static double erf_of(double x, double y)
{
    (void)y;
    return ef_erf(x);
}

static double unit_in_last_place(double x)
{
    return nextafter(fabs(x), INFINITY) - fabs(x);
}

/* The largest error over the rows of one function, absolute or in units in the last
 * place of the exact value. */
static double largest_error(const char *name, double (*function)(double, double),
                            int absolute)
{
    double most = 0;
    size_t n = 0;
    for (size_t i = 0; i < N_KNOWN; i++) {
        const struct known *row = &known_rows[i];
        if (strcmp(row->function, name) != 0) {
            continue;
        }
        double error = fabs((function(row->x, row->y) - row->high) - row->low);
        most = fmax(most, absolute ? error : error / unit_in_last_place(row->high));
        n++;
    }
    cr_assert_gt(n, 50);
    cr_log_info("%s: largest error %g over %zu values", name, most, n);
    return most;
}

Test(mathfn_exp, exact_values_are_met_within_two_units_in_the_last_place)
{
    cr_assert_lt(largest_error("exp", exp_of, 0), 2);
}

Test(mathfn_log, exact_values_are_met_within_two_units_in_the_last_place)
{
    cr_assert_lt(largest_error("log", log_of, 0), 2);
}

Test(mathfn_pow, exact_values_are_met_within_two_units_in_the_last_place)
{
    cr_assert_lt(largest_error("pow", ef_pow, 0), 2);
}

Test(mathfn_erf, exact_values_are_met_within_1e_15)
{
    cr_assert_lt(largest_error("erf", erf_of, 1), 1e-15);
}

Test(mathfn_exp, limits_and_nan_are_those_of_ieee_754)
{
    cr_assert(isnan(ef_exp(NAN)));
    cr_assert_eq(ef_exp(INFINITY), INFINITY);
    cr_assert_eq(ef_exp(-INFINITY), 0);
    cr_assert_eq(ef_exp(0), 1);
    cr_assert_eq(ef_exp(709.79), INFINITY);
    cr_assert_eq(ef_exp(1e300), INFINITY);
    cr_assert_eq(ef_exp(-745.2), 0);
    cr_assert_eq(ef_exp(-1e300), 0);
    cr_assert_eq(ef_exp(-745.13), 0x1p-1074);
}

Test(mathfn_log, limits_and_nan_are_those_of_ieee_754)
{
    cr_assert(isnan(ef_log(NAN)));
    cr_assert(isnan(ef_log(-1)));
    cr_assert(isnan(ef_log(-INFINITY)));
    cr_assert_eq(ef_log(0), -INFINITY);
    cr_assert_eq(ef_log(-0.0), -INFINITY);
    cr_assert_eq(ef_log(INFINITY), INFINITY);
    cr_assert_eq(ef_log(1), 0);
}

/* ISO C11, F.10.4.4, for x >= 0; a negative base is NaN here. */
Test(mathfn_pow, special_cases_are_those_of_c11)
{
    static const struct {
        double x, y, power;
    } rows[] = {
        {0, 3, 0},
        {0, -3, INFINITY},
        {0, 0, 1},
        {-0.0, 2, 0},
        {INFINITY, 2, INFINITY},
        {INFINITY, -2, 0},
        {NAN, 0, 1},
        {1, NAN, 1},
        {1, INFINITY, 1},
        {1, 1e300, 1},
        {2, INFINITY, INFINITY},
        {2, -INFINITY, 0},
        {0.5, INFINITY, 0},
        {0.5, -INFINITY, INFINITY},
        {2, 1024, INFINITY},
        {2, -1075.5, 0},
        {2, 1e300, INFINITY},
        {0.5, 1e300, 0},
        {1 + DBL_EPSILON, 1e300, INFINITY},
        {7, 1, 7},
        {2, -1074, 0x1p-1074},
        {0x1p-1074, 1, 0x1p-1074},
        {0x1p-1074, -1, INFINITY},
        {4, 0.5, 2},
        {INFINITY, INFINITY, INFINITY},
        {0, -INFINITY, INFINITY},
        {2, 0x1p-1074, 1},
        {0x1p-1074, 1e300, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double power = ef_pow(rows[i].x, rows[i].y);
        cr_assert_eq(power, rows[i].power, "%g to the power of %g is %a", rows[i].x,
                     rows[i].y, power);
    }
    cr_assert(isnan(ef_pow(NAN, 1)));
    cr_assert(isnan(ef_pow(2, NAN)));
    cr_assert(isnan(ef_pow(-2, 2)));
    cr_assert(isnan(ef_pow(-INFINITY, 2)));
}

Test(mathfn_erf, limits_and_signs_are_those_of_the_error_function)
{
    cr_assert(isnan(ef_erf(NAN)));
    cr_assert_eq(ef_erf(INFINITY), 1);
    cr_assert_eq(ef_erf(-INFINITY), -1);
    cr_assert_eq(ef_erf(0), 0);
    cr_assert(signbit(ef_erf(-0.0)));
    cr_assert_eq(ef_erf(-0.7), -ef_erf(0.7));
    cr_assert_eq(ef_erf(-2.7), -ef_erf(2.7));
}

#if LDBL_MANT_DIG >= 64
/* Against the C library in long double, whose own error is below a thousandth of a
 * unit in the last place here. */
static double error_against(long double exact, double found)
{
    return (double)(fabsl(found - exact) / unit_in_last_place((double)exact));
}

Test(mathfn_pow, a_sweep_stays_within_two_units_of_the_long_double_library)
{
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 8, 0, 0);
    double most_exp = 0, most_log = 0, most_pow = 0;
    for (size_t i = 0; i < 100000; i++) {
        double x = ldexp(1 + ef_rng_unit(&rng), (int)ef_rng_below(&rng, 2000) - 1000);
        double y = (2 * ef_rng_unit(&rng) - 1) * 1000 / log2(x);
        double z = 1400 * (ef_rng_unit(&rng) - 0.5);
        most_exp = fmax(most_exp, error_against(expl(z), ef_exp(z)));
        most_log = fmax(most_log, error_against(logl(x), ef_log(x)));
        most_pow = fmax(most_pow, error_against(powl(x, y), ef_pow(x, y)));
    }
    cr_log_info("largest errors: exp %g, log %g, pow %g", most_exp, most_log, most_pow);
    cr_assert_lt(most_exp, 2);
    cr_assert_lt(most_log, 2);
    cr_assert_lt(most_pow, 2);
}
#endif

static uint64_t add_bits(uint64_t hash, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return ef_hash_word(hash, bits);
}

/* One number stands for the bits of 100,000 results: every compiler and processor
 * must find the same.  It is our own, from gcc 12 on x86-64. */
Test(mathfn_bits, results_have_the_same_bits_on_every_machine)
{
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 9, 0, 0);
    uint64_t hash = 0;
    for (size_t i = 0; i < 25000; i++) {
        double x = 20 * ef_rng_unit(&rng), y = 20 * ef_rng_unit(&rng) - 10;
        hash = add_bits(hash, ef_exp(y));
        hash = add_bits(hash, ef_log(x));
        hash = add_bits(hash, ef_pow(x, y));
        hash = add_bits(hash, ef_erf(y / 2));
    }
    cr_assert(hash == UINT64_C(0x2fbf290fab60e78f), "%#llx", (unsigned long long)hash);
}
