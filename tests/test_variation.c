#include "evolve/variation.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"

#define MOST 200

static const ef_variation only_crossover = {.crossover_rate = 1, .crossover_eta = 15};
static const ef_variation only_mutation = {.mutation_rate = 1, .mutation_eta = 20};

static ef_rng stream(uint64_t number)
{
    return ef_rng_stream(1, EF_PURPOSE_TEST, 77, number, 0);
}

/* --- reals ---------------------------------------------------------------------- */

typedef struct reals {
    size_t n;
    double lower[MOST], upper[MOST], a[MOST], b[MOST], first[MOST], second[MOST];
} reals;

/* Bounds of all sizes, some of them equal; parents anywhere within, some equal and
 * some on a bound. */
static void fill_reals(ef_rng *rng, reals *x, size_t n)
{
    x->n = n;
    for (size_t i = 0; i < n; i++) {
        x->lower[i] = 20 * ef_rng_unit(rng) - 10;
        x->upper[i] =
            x->lower[i] + (i % 7 == 6 ? 0 : pow(10, 4 * ef_rng_unit(rng) - 2));
    }
    ef_variation_sample_real(rng, n, x->lower, x->upper, x->a);
    ef_variation_sample_real(rng, n, x->lower, x->upper, x->b);
    for (size_t i = 0; i + 11 < n; i += 11) {
        x->b[i] = x->a[i];
        x->a[i + 5] = x->lower[i + 5];
        x->b[i + 9] = x->upper[i + 9];
    }
}

static void vary_reals(ef_rng *rng, const ef_variation *variation, reals *x)
{
    ef_variation_vary_real(rng, variation, x->n, x->lower, x->upper, x->a, x->b,
                           x->first, x->second);
}

/* Deb's NSGA-II in C, crossover.c: the spread for one side. */
static double naive_spread(double u, double room, double distance, double eta)
{
    double beta = 1 + 2 * room / distance;
    double alpha = 2 - pow(beta, -(eta + 1));
    return u <= 1 / alpha ? pow(u * alpha, 1 / (eta + 1))
                          : pow(1 / (2 - u * alpha), 1 / (eta + 1));
}

/* The naive twin of crossover with rate 1, on the same draws. */
static void cross_naively(ef_rng *rng, double eta, reals *x)
{
    ef_rng_unit(rng);
    for (size_t start = 0; start < x->n; start += 64) {
        uint64_t crossed = ef_rng_u64(rng), swapped = ef_rng_u64(rng);
        for (size_t i = start; i < x->n && i < start + 64; i++) {
            double low = fmin(x->a[i], x->b[i]), high = fmax(x->a[i], x->b[i]);
            double distance = high - low;
            x->first[i] = x->a[i];
            x->second[i] = x->b[i];
            if ((crossed >> (i - start) & 1) == 0 || distance <= 1e-14) {
                continue;
            }
            double u = ef_rng_unit(rng);
            double below = naive_spread(u, low - x->lower[i], distance, eta);
            double above = naive_spread(u, x->upper[i] - high, distance, eta);
            int swap = swapped >> (i - start) & 1;
            double one = 0.5 * (low + high - below * distance);
            double two = 0.5 * (low + high + above * distance);
            x->first[i] = swap ? two : one;
            x->second[i] = swap ? one : two;
        }
    }
}

static void assert_near(const reals *x, const reals *y)
{
    for (size_t i = 0; i < x->n; i++) {
        double scale = fabs(x->lower[i]) + fabs(x->upper[i]);
        cr_assert(fabs(x->first[i] - y->first[i]) <= 1e-13 * scale, "gene %zu", i);
        cr_assert(fabs(x->second[i] - y->second[i]) <= 1e-13 * scale, "gene %zu", i);
    }
}

Test(variation_vary_real, crossover_agrees_with_the_naive_twin)
{
    static const double etas[] = {15, 0, 1, 2, 7, 14, 2.5, 0.3, 30};
    static const size_t sizes[] = {1, 2, 30, 63, 64, 65, 128, 200};
    for (size_t k = 0; k < sizeof etas / sizeof etas[0]; k++) {
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            ef_rng rng = stream(10 * k + s);
            ef_variation variation = only_crossover;
            reals x, y;
            variation.crossover_eta = etas[k];
            fill_reals(&rng, &x, sizes[s]);
            y = x;
            ef_rng same = rng;
            vary_reals(&rng, &variation, &x);
            cross_naively(&same, etas[k], &y);
            assert_near(&x, &y);
            cr_assert(ef_rng_u64(&rng) == ef_rng_u64(&same));
        }
    }
}

/* Deb's NSGA-II in C, mutation.c. */
static double mutate_naively(double u, double x, double lower, double upper, double eta)
{
    double delta, range = upper - lower;
    if (u < 0.5) {
        double rest = 1 - (x - lower) / range;
        delta = pow(2 * u + (1 - 2 * u) * pow(rest, eta + 1), 1 / (eta + 1)) - 1;
    } else {
        double rest = 1 - (upper - x) / range;
        delta =
            1 - pow(2 * (1 - u) + 2 * (u - 0.5) * pow(rest, eta + 1), 1 / (eta + 1));
    }
    return x + delta * range;
}

Test(variation_vary_real, mutation_agrees_with_the_naive_twin)
{
    static const double etas[] = {20, 0, 1, 15, 3.3};
    for (size_t k = 0; k < sizeof etas / sizeof etas[0]; k++) {
        ef_rng rng = stream(100 + k);
        ef_variation variation = only_mutation;
        reals x, y;
        variation.mutation_eta = etas[k];
        fill_reals(&rng, &x, MOST);
        y = x;
        ef_rng same = rng;
        vary_reals(&rng, &variation, &x);
        ef_rng_unit(&same);
        for (int child = 0; child < 2; child++) {
            double *from = child ? y.b : y.a, *to = child ? y.second : y.first;
            for (size_t i = 0; i < MOST; i++) {
                ef_rng_unit(&same); /* the jump, which is 0 at rate 1 */
                double u = ef_rng_unit(&same);
                to[i] = y.lower[i] < y.upper[i] ? mutate_naively(u, from[i], y.lower[i],
                                                                 y.upper[i], etas[k])
                                                : from[i];
            }
        }
        assert_near(&x, &y);
    }
}

Test(variation_vary_real, children_stay_within_their_bounds)
{
    ef_rng rng = stream(200);
    ef_variation variation = ef_variation_default(10);
    for (size_t trial = 0; trial < 2000; trial++) {
        reals x;
        fill_reals(&rng, &x, 50);
        vary_reals(&rng, &variation, &x);
        for (size_t i = 0; i < x.n; i++) {
            cr_assert(x.first[i] >= x.lower[i] && x.first[i] <= x.upper[i]);
            cr_assert(x.second[i] >= x.lower[i] && x.second[i] <= x.upper[i]);
        }
    }
}

/* Far from bounds, Deb and Agrawal 1995: a spread below s <= 1 has the chance
 * s^(eta + 1) / 2.  Counts within 5 deviations: a false alarm in 2 million. */
Test(variation_vary_real, spread_has_the_distribution_of_the_paper)
{
    enum { N = 100000 };
    ef_rng rng = stream(300);
    ef_variation variation = only_crossover;
    const double lower = -1e9, upper = 1e9, a = 0, b = 1;
    static const double at[3] = {0.8, 0.9, 1};
    size_t below[3] = {0, 0, 0}, crossed = 0;
    variation.crossover_rate = 0.9;
    for (size_t i = 0; i < N; i++) {
        double first, second;
        ef_variation_vary_real(&rng, &variation, 1, &lower, &upper, &a, &b, &first,
                               &second);
        cr_assert_float_eq(first + second, 1, 1e-12);
        double spread = fabs(second - first);
        crossed += spread != 1;
        for (size_t k = 0; k < 3; k++) {
            below[k] += spread < at[k];
        }
    }
    cr_assert_float_eq((double)crossed, 0.45 * N, 5 * sqrt(0.45 * 0.55 * N));
    for (size_t k = 0; k < 3; k++) {
        double share = 0.45 * 0.5 * pow(at[k], 16);
        cr_assert_float_eq((double)below[k], share * N, 5 * sqrt(share * N), "%g: %zu",
                           at[k], below[k]);
    }
}

/* Binomial counts within 5 deviations, for each gene. */
Test(variation_vary_real, each_gene_mutates_at_the_rate)
{
    enum { N = 20000, GENES = 30 };
    ef_rng rng = stream(400);
    ef_variation variation = {.mutation_rate = 1.0 / GENES, .mutation_eta = 20};
    double lower[GENES], upper[GENES], a[GENES], first[GENES];
    size_t changed[GENES] = {0};
    for (size_t i = 0; i < GENES; i++) {
        lower[i] = 0;
        upper[i] = 1;
        a[i] = 0.5;
    }
    for (size_t trial = 0; trial < N; trial++) {
        ef_variation_vary_real(&rng, &variation, GENES, lower, upper, a, a, first,
                               NULL);
        for (size_t i = 0; i < GENES; i++) {
            changed[i] += first[i] != a[i];
        }
    }
    for (size_t i = 0; i < GENES; i++) {
        cr_assert_float_eq((double)changed[i], (double)N / GENES,
                           5 * sqrt((double)N / GENES), "gene %zu: %zu", i, changed[i]);
    }
}

Test(variation_vary_real, one_child_is_the_first_of_two_until_the_second_mutates)
{
    ef_rng rng = stream(500);
    reals x;
    double alone[MOST];
    ef_variation variation = ef_variation_default(30);
    fill_reals(&rng, &x, MOST);
    for (size_t trial = 0; trial < 100; trial++) {
        ef_rng same = rng;
        vary_reals(&rng, &variation, &x);
        ef_variation_vary_real(&same, &variation, x.n, x.lower, x.upper, x.a, x.b,
                               alone, NULL);
        cr_assert_arr_eq(alone, x.first, sizeof alone);
    }
}

Test(variation_vary_real, rates_of_zero_copy_the_parents)
{
    ef_rng rng = stream(600);
    reals x;
    const ef_variation none = {0};
    fill_reals(&rng, &x, MOST);
    vary_reals(&rng, &none, &x);
    cr_assert_arr_eq(x.first, x.a, sizeof x.a);
    cr_assert_arr_eq(x.second, x.b, sizeof x.b);
}

/* One number stands for 20,000 children; it is our own, from gcc 12 on x86-64. */
Test(variation_vary_real, children_have_the_same_bits_on_every_machine)
{
    ef_rng rng = stream(700);
    ef_variation variation = ef_variation_default(30);
    uint64_t hash = 0;
    for (size_t trial = 0; trial < 10000; trial++) {
        double lower[30], upper[30], a[30], b[30], first[30], second[30];
        for (size_t i = 0; i < 30; i++) {
            lower[i] = -1;
            upper[i] = 1;
        }
        ef_variation_sample_real(&rng, 30, lower, upper, a);
        ef_variation_sample_real(&rng, 30, lower, upper, b);
        ef_variation_vary_real(&rng, &variation, 30, lower, upper, a, b, first, second);
        hash = ef_hash_bytes(hash, first, sizeof first);
        hash = ef_hash_bytes(hash, second, sizeof second);
    }
    cr_assert(hash == UINT64_C(0x71470d0956e0cb18), "%#llx", (unsigned long long)hash);
}

/* --- integers ------------------------------------------------------------------- */

Test(variation_sample_integer, samples_fill_their_bounds_evenly)
{
    enum { N = 60000 };
    const int64_t lower[3] = {-3, INT64_MIN, 7}, upper[3] = {2, INT64_MAX, 7};
    int64_t x[3];
    size_t count[6] = {0}, negative = 0;
    ef_rng rng = stream(800);
    for (size_t i = 0; i < N; i++) {
        ef_variation_sample_integer(&rng, 3, lower, upper, x);
        cr_assert(x[0] >= -3 && x[0] <= 2);
        cr_assert_eq(x[2], 7);
        count[x[0] + 3]++;
        negative += x[1] < 0;
    }
    for (size_t k = 0; k < 6; k++) { /* within 5 deviations */
        cr_assert_float_eq((double)count[k], N / 6.0, 5 * sqrt(N * 5.0 / 36));
    }
    cr_assert_float_eq((double)negative, N / 2.0, 5 * sqrt(N / 4.0));
}

Test(variation_vary_integer, a_mutated_gene_changes_within_its_bounds)
{
    const int64_t lower[5] = {0, 5, INT64_MIN, -1, 0},
                  upper[5] = {1, 5, INT64_MAX, 1, 99};
    ef_rng rng = stream(900);
    for (size_t trial = 0; trial < 20000; trial++) {
        int64_t a[5], first[5], second[5];
        ef_variation_sample_integer(&rng, 5, lower, upper, a);
        a[2] = trial % 3 == 0 ? INT64_MIN : trial % 3 == 1 ? INT64_MAX : a[2];
        ef_variation_vary_integer(&rng, &only_mutation, 5, lower, upper, a, a, first,
                                  second);
        for (size_t i = 0; i < 5; i++) {
            cr_assert(first[i] >= lower[i] && first[i] <= upper[i]);
            cr_assert_eq(first[i] != a[i], lower[i] != upper[i], "gene %zu", i);
        }
    }
}

/* From the middle of 0..1000: 3/4 of the changes are steps, half of those by 1; up or
 * down alike.  Within 5 deviations. */
Test(variation_vary_integer, steps_have_the_geometric_distribution)
{
    enum { N = 100000 };
    const int64_t lower = 0, upper = 1000, a = 500;
    size_t by[4] = {0}, up = 0;
    ef_rng rng = stream(1000);
    for (size_t i = 0; i < N; i++) {
        int64_t first;
        ef_variation_vary_integer(&rng, &only_mutation, 1, &lower, &upper, &a, &a,
                                  &first, NULL);
        int64_t step = first > a ? first - a : a - first;
        up += first > a;
        by[step < 4 ? step : 0]++;
    }
    cr_assert_float_eq((double)up, N / 2.0, 5 * sqrt(N / 4.0));
    for (int k = 1; k < 4; k++) {
        double share = 0.75 * pow(0.5, k) + 0.25 * 2 / 1000;
        cr_assert_float_eq((double)by[k], share * N, 5 * sqrt(share * (1 - share) * N));
    }
}

Test(variation_vary_integer, crossover_hands_each_gene_to_one_child)
{
    const int64_t lower[3] = {0, 0, 0}, upper[3] = {9, 9, 9};
    const int64_t a[3] = {1, 2, 3}, b[3] = {4, 5, 6};
    size_t swapped = 0;
    ef_rng rng = stream(1100);
    for (size_t trial = 0; trial < 10000; trial++) {
        int64_t first[3], second[3];
        ef_variation_vary_integer(&rng, &only_crossover, 3, lower, upper, a, b, first,
                                  second);
        for (size_t i = 0; i < 3; i++) {
            cr_assert_eq(first[i] + second[i], a[i] + b[i]);
            cr_assert(first[i] == a[i] || first[i] == b[i]);
            swapped += first[i] == b[i];
        }
    }
    cr_assert_float_eq((double)swapped, 15000, 5 * sqrt(7500)); /* 5 deviations */
}

/* --- bits ----------------------------------------------------------------------- */

#define WORDS 3

static size_t count_bits(const uint64_t *words)
{
    size_t n = 0;
    for (size_t i = 0; i < 64 * WORDS; i++) {
        n += words[i / 64] >> i % 64 & 1;
    }
    return n;
}

Test(variation_vary_bits, crossover_swaps_bits_and_leaves_those_beyond_the_end)
{
    static const size_t sizes[] = {1, 63, 64, 65, 130, 192};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (int kind = 0; kind < 2; kind++) {
            ef_rng rng = stream(1200 + s);
            ef_variation variation = only_crossover;
            variation.crossover = kind ? EF_CROSSOVER_TWO_POINT : EF_CROSSOVER_UNIFORM;
            for (size_t trial = 0; trial < 500; trial++) {
                uint64_t a[WORDS] = {0}, b[WORDS] = {0}, x[WORDS] = {0}, y[WORDS] = {0};
                ef_variation_sample_bits(&rng, sizes[s], a);
                ef_variation_sample_bits(&rng, sizes[s], b);
                ef_variation_vary_bits(&rng, &variation, sizes[s], a, b, x, y);
                for (size_t k = 0; k < WORDS; k++) {
                    cr_assert((x[k] ^ y[k]) == (a[k] ^ b[k]));
                    cr_assert(((x[k] ^ a[k]) & ~(a[k] ^ b[k])) == 0);
                }
            }
        }
    }
}

/* Between parents of zeros and of ones, a child's bits change value twice at most. */
Test(variation_vary_bits, two_points_cut_out_one_piece)
{
    const uint64_t zeros[WORDS] = {0, 0, 0}, ones[WORDS] = {~0ULL, ~0ULL, ~0ULL};
    ef_variation variation = only_crossover;
    ef_rng rng = stream(1300);
    size_t total = 0;
    variation.crossover = EF_CROSSOVER_TWO_POINT;
    for (size_t trial = 0; trial < 3000; trial++) {
        uint64_t x[WORDS];
        int changes = 0;
        ef_variation_vary_bits(&rng, &variation, 64 * WORDS, zeros, ones, x, NULL);
        for (size_t i = 1; i < 64 * WORDS; i++) {
            changes +=
                (x[i / 64] >> i % 64 & 1) != (x[(i - 1) / 64] >> (i - 1) % 64 & 1);
        }
        cr_assert_leq(changes, 2);
        total += count_bits(x);
    }
    /* two uniform places lie n / 3 apart on average; 5 deviations of n / sqrt(18) */
    cr_assert_float_eq((double)total / 3000, 64, 5 * 192 / sqrt(18.0 * 3000));
}

Test(variation_vary_bits, bits_flip_at_the_rate)
{
    enum { N = 20000 };
    const uint64_t zeros[WORDS] = {0, 0, 0};
    const ef_variation variation = {.mutation_rate = 0.02};
    ef_rng rng = stream(1400);
    size_t flips = 0, last = 0;
    for (size_t i = 0; i < N; i++) {
        uint64_t x[WORDS], y[WORDS];
        ef_variation_vary_bits(&rng, &variation, 150, zeros, zeros, x, y);
        flips += count_bits(x) + count_bits(y);
        last += x[149 / 64] >> 149 % 64 & 1;
        cr_assert((x[2] >> (150 - 128)) == 0);
    }
    cr_assert_float_eq((double)flips, 6.0 * N, 5 * sqrt(6.0 * N)); /* 5 deviations */
    cr_assert_float_eq((double)last, 0.02 * N, 5 * sqrt(0.02 * N));
}
