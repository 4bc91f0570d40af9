#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "base/sum.h"

typedef struct wide {
    uint64_t high, low;
} wide;

static ef_u128 join(wide w)
{
    return (ef_u128)w.high << 64 | w.low;
}

/* Known answers of the C++ PCG library (state and stream before seeding) and of
 * numpy's PCG64 (state and increment themselves). */
static const struct known {
    const char *source;
    wide state, sequence, ahead;
    uint64_t draws[6];
} known_rows[] = {
#include "known/pcg64.inc"
};

#define N_KNOWN (sizeof known_rows / sizeof known_rows[0])

static ef_rng start(const struct known *row)
{
    if (row->source[0] == 'p') {
        return ef_rng_pcg64(join(row->state), join(row->sequence));
    }
    ef_rng rng = {join(row->state), join(row->sequence)};
    return rng;
}

Test(rng_u64, draws_are_those_of_the_cpp_library_and_of_numpy)
{
    for (size_t i = 0; i < N_KNOWN; i++) {
        ef_rng rng = start(&known_rows[i]);
        ef_rng_advance(&rng, join(known_rows[i].ahead));
        for (size_t k = 0; k < 6; k++) {
            uint64_t draw = ef_rng_u64(&rng);
            cr_assert(draw == known_rows[i].draws[k], "%s, row %zu, draw %zu",
                      known_rows[i].source, i, k);
        }
    }
}

Test(rng_advance, jumping_ends_where_stepping_ends)
{
    const unsigned deltas[] = {0, 1, 2, 3, 17, 64, 1000, 65537};
    for (size_t i = 0; i < sizeof deltas / sizeof deltas[0]; i++) {
        ef_rng jumped = ef_rng_pcg64(7, 11), stepped = jumped;
        ef_rng_advance(&jumped, deltas[i]);
        for (unsigned k = 0; k < deltas[i]; k++) {
            ef_rng_u64(&stepped);
        }
        cr_assert(jumped.state == stepped.state, "delta %u", deltas[i]);
        cr_assert(jumped.increment == stepped.increment);
    }
}

Test(rng_advance, the_period_less_one_step_is_one_step_back)
{
    ef_rng rng = ef_rng_pcg64(7, 11);
    ef_u128 before = rng.state;
    ef_rng_u64(&rng);
    ef_rng_advance(&rng, ~(ef_u128)0);
    cr_assert(rng.state == before);
}

/* The mapping from keys to streams is part of every published result.  These draws
 * are our own, written down once; they must never change. */
Test(rng_skip_normals, leaves_the_stream_where_drawing_does)
{
    ef_rng drawn = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0), skipped = drawn;
    for (size_t i = 0; i < 1000; i++) {
        ef_rng_normal(&drawn);
    }
    ef_rng_skip_normals(&skipped, 1000);
    cr_assert(drawn.state == skipped.state);
}

Test(rng_stream, keys_give_the_streams_they_always_gave)
{
    ef_rng a = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    ef_rng b = ef_rng_stream(20, EF_PURPOSE_VARY, 7, 3, 1);
    cr_assert_eq(ef_rng_u64(&a), UINT64_C(0x6263ced2cee5fee7));
    cr_assert_eq(ef_rng_u64(&b), UINT64_C(0x390cca5a592274c7));
}

Test(rng_stream, every_part_of_the_key_counts)
{
    const ef_rng streams[] = {
        ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0),
        ef_rng_stream(2, EF_PURPOSE_TEST, 0, 0, 0),
        ef_rng_stream(1, EF_PURPOSE_SPLIT, 0, 0, 0),
        ef_rng_stream(1, EF_PURPOSE_TEST, 1, 0, 0),
        ef_rng_stream(1, EF_PURPOSE_TEST, 0, 1, 0),
        ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 1),
    };
    size_t n = sizeof streams / sizeof streams[0];
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq((unsigned)streams[i].increment & 1, 1);
        for (size_t j = 0; j < i; j++) {
            cr_assert(streams[i].state != streams[j].state);
            cr_assert(streams[i].increment != streams[j].increment);
        }
    }
}

/* First draws of streams with neighbouring keys differ in 32 of 64 bits on average:
 * over 20,000 pairs the mean has a standard deviation of 4/sqrt(20000) = 0.028.
 * False alarm beyond 0.12: 2e-5. */
Test(rng_stream, neighbouring_keys_have_unrelated_streams)
{
    double sum = 0;
    for (uint64_t i = 0; i < 20000; i++) {
        ef_rng a = ef_rng_stream(1, EF_PURPOSE_TEST, i, 0, 0);
        ef_rng b = ef_rng_stream(1, EF_PURPOSE_TEST, i + 1, 0, 0);
        for (uint64_t bits = ef_rng_u64(&a) ^ ef_rng_u64(&b); bits; bits &= bits - 1) {
            sum++;
        }
    }
    cr_assert_float_eq(sum / 20000, 32, 0.12, "%g", sum / 20000);
}

static double chi_square(const size_t *counts, const double *shares, size_t n)
{
    double total = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        total += (double)counts[i];
    }
    for (size_t i = 0; i < n; i++) {
        double expected = total * shares[i];
        sum +=
            ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
    }
    return sum;
}

/* A draw taken by multiplication alone would give multiples of three in [0, 3 2^62)
 * twice as often as others.  Chi-square with 2 degrees of freedom above 18.42: 1e-4. */
Test(rng_below, a_range_that_does_not_divide_the_draws_has_no_bias)
{
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 1, 0, 0);
    size_t counts[3] = {0};
    for (size_t i = 0; i < 30000; i++) {
        uint64_t draw = ef_rng_below(&rng, UINT64_C(3) << 62);
        cr_assert_lt(draw, UINT64_C(3) << 62);
        counts[draw % 3]++;
    }
    const double shares[3] = {1 / 3., 1 / 3., 1 / 3.};
    cr_assert_lt(chi_square(counts, shares, 3), 18.42);
}

/* Chi-square with 5 degrees of freedom above 25.74: 1e-4. */
Test(rng_below, the_faces_of_a_die_are_equally_frequent)
{
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 2, 0, 0);
    size_t counts[6] = {0};
    for (size_t i = 0; i < 60000; i++) {
        counts[ef_rng_below(&rng, 6)]++;
    }
    const double shares[6] = {1 / 6., 1 / 6., 1 / 6., 1 / 6., 1 / 6., 1 / 6.};
    cr_assert_lt(chi_square(counts, shares, 6), 25.74);
}

Test(rng_below, below_one_is_nought)
{
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 3, 0, 0);
    for (size_t i = 0; i < 100; i++) {
        cr_assert_eq(ef_rng_below(&rng, 1), 0);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The distance of Kolmogorov and Smirnov from what cdf says, times sqrt(n). */
static double distance(double *x, size_t n, double (*cdf)(double))
{
    double most = 0;
    qsort(x, n, sizeof *x, compare);
    for (size_t i = 0; i < n; i++) {
        double p = cdf(x[i]);
        most = fmax(most,
                    fmax(p - (double)i / (double)n, (double)(i + 1) / (double)n - p));
    }
    return most * sqrt((double)n);
}

static double uniform_cdf(double x)
{
    return x;
}

static double normal_cdf(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

enum { N_DRAWS = 20000 };

/* Beyond 2.2253 = sqrt(-ln(1e-4 / 2) / 2): 1e-4. */
Test(rng_unit, draws_are_uniform_multiples_of_2_to_the_minus_53)
{
    static double x[N_DRAWS];
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 4, 0, 0);
    for (size_t i = 0; i < N_DRAWS; i++) {
        x[i] = ef_rng_unit(&rng);
        cr_assert(x[i] >= 0 && x[i] < 1);
        cr_assert_eq(x[i] * 0x1p53, floor(x[i] * 0x1p53));
    }
    cr_assert_lt(distance(x, N_DRAWS, uniform_cdf), 2.2253);
}

Test(rng_normal, draws_are_standard_normal)
{
    static double x[N_DRAWS];
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 5, 0, 0);
    for (size_t i = 0; i < N_DRAWS; i++) {
        x[i] = ef_rng_normal(&rng);
    }
    cr_assert_lt(distance(x, N_DRAWS, normal_cdf), 2.2253);
}

/* Chi-square with 5 degrees of freedom above 25.74: 1e-4. */
Test(rng_shuffle, the_orders_of_three_are_equally_frequent)
{
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 6, 0, 0);
    size_t counts[6] = {0};
    for (size_t i = 0; i < 60000; i++) {
        size_t x[3] = {0, 1, 2};
        ef_rng_shuffle(&rng, x, 3);
        cr_assert_eq(x[0] + x[1] + x[2], 3);
        cr_assert(x[0] != x[1] && x[1] != x[2] && x[0] != x[2]);
        counts[2 * x[0] + (x[1] > x[2])]++;
    }
    const double shares[6] = {1 / 6., 1 / 6., 1 / 6., 1 / 6., 1 / 6., 1 / 6.};
    cr_assert_lt(chi_square(counts, shares, 6), 25.74);
}

Test(rng_shuffle, nothing_and_one_are_left_alone)
{
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 7, 0, 0);
    ef_u128 before = rng.state;
    size_t one = 5;
    ef_rng_shuffle(&rng, NULL, 0);
    ef_rng_shuffle(&rng, &one, 1);
    cr_assert_eq(one, 5);
    cr_assert(rng.state == before);
}
