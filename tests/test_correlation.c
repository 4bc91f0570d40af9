/* Coefficients of correlation and their bootstrap intervals. */
#include <criterion/criterion.h>
#include <math.h>

#include "base/correlation.h"
#include "base/rng.h"

static double spearman(const double *x, const double *y, size_t n)
{
    double r = NAN;
    cr_assert_eq(ef_correlation_spearman(x, y, n, &r, NULL), EF_OK);
    return r;
}

static double kendall(const double *x, const double *y, size_t n)
{
    double r = NAN;
    cr_assert_eq(ef_correlation_kendall(x, y, n, &r, NULL), EF_OK);
    return r;
}

Test(correlation_pearson, four_points_by_hand)
{
    /* Means 2.5 and 3; deviations -1.5 -.5 .5 1.5 and -2 0 -1 3: products sum to 7,
     * squares to 5 and 14, so r = 7 / sqrt(70). */
    const double x[] = {1, 2, 3, 4}, y[] = {1, 3, 2, 6};
    cr_assert_float_eq(ef_correlation_pearson(x, y, 4), 7 / sqrt(70.0), 1e-15);
}

Test(correlation_spearman, without_ties_as_by_squared_differences)
{
    /* A textbook's table of IQ against hours of television: the squared differences of
     * ranks sum to 194, n = 10, so r = 1 - 6 * 194 / 990 = -29/165. */
    const double x[] = {86, 97, 99, 100, 101, 103, 106, 110, 112, 113};
    const double y[] = {2, 20, 28, 27, 50, 29, 7, 17, 6, 12};
    cr_assert_float_eq(spearman(x, y, 10), -29.0 / 165.0, 1e-15);
}

Test(correlation_spearman, ties_take_the_middle_of_their_ranks)
{
    /* Ranks 1 2.5 2.5 4 and 1 2 3 4: deviations -1.5 0 0 1.5 and -1.5 -.5 .5 1.5:
     * products 4.5, squares 4.5 and 5. */
    const double x[] = {1, 2, 2, 3}, y[] = {1, 2, 3, 4};
    cr_assert_float_eq(spearman(x, y, 4), 4.5 / sqrt(22.5), 1e-15);
}

Test(correlation_kendall, without_ties_by_counting)
{
    /* Of the 10 pairs of 1 2 3 4 5 with 3 1 2 5 4, three are turned: (7 - 3) / 10. */
    const double x[] = {1, 2, 3, 4, 5}, y[] = {3, 1, 2, 5, 4};
    cr_assert_float_eq(kendall(x, y, 5), 0.4, 1e-15);
}

Test(correlation_kendall, ties_count_as_in_tau_b)
{
    /* Pairs of (1,1) (2,1) (2,2) (3,3): 4 concordant, none discordant, 1 tied in x, 1
     * in y: (4 - 0) / sqrt((6 - 1) (6 - 1)). */
    const double x[] = {1, 2, 2, 3}, y[] = {1, 1, 2, 3};
    cr_assert_float_eq(kendall(x, y, 4), 0.8, 1e-15);
}

static int sign(double d)
{
    return (d > 0) - (d < 0);
}

Test(correlation_kendall, agrees_with_counting_every_pair)
{
    enum { N = 60 };
    double x[N], y[N], balance = 0, untied_x = 0, untied_y = 0;
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    for (size_t i = 0; i < N; i++) {
        x[i] = (double)ef_rng_below(&rng, 12);
        y[i] = (double)ef_rng_below(&rng, 20) + x[i];
    }
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < i; k++) {
            int a = sign(x[i] - x[k]), b = sign(y[i] - y[k]);
            balance += a * b;
            untied_x += a != 0;
            untied_y += b != 0;
        }
    }
    cr_assert_float_eq(kendall(x, y, N), balance / sqrt(untied_x * untied_y), 1e-14);
}

Test(correlation, of_a_constant_is_nan)
{
    const double x[] = {1, 2, 3, 4}, y[] = {0.1, 0.1, 0.1, 0.1};
    cr_assert(isnan(ef_correlation_pearson(x, y, 4)));
    cr_assert(isnan(spearman(x, y, 4)));
    cr_assert(isnan(kendall(y, x, 4)));
}

/* --- intervals ----------------------------------------------------------------- */

/* Two predictors and a target of n draws: target t, predictors t + noise. */
static void draw(double *predictors, double *target, size_t n, uint64_t key)
{
    ef_rng rng = ef_rng_stream(7, EF_PURPOSE_TEST, key, n, 0);
    for (size_t i = 0; i < n; i++) {
        target[i] = ef_rng_normal(&rng);
        predictors[i] = target[i] + ef_rng_normal(&rng);
        predictors[n + i] = -target[i] + 3 * ef_rng_normal(&rng);
    }
}

static ef_correlations *correlate(size_t n, uint64_t key, size_t n_threads)
{
    double predictors[200], target[100];
    ef_correlations *c = NULL;
    const ef_correlations_options options = {
        .n_resamples = 400, .seed = 1, .key = key, .n_threads = n_threads};
    cr_assert_leq(n, 100);
    draw(predictors, target, n, key);
    cr_assert_eq(ef_correlations_create(&c, predictors, 2, target, n, &options, NULL),
                 EF_OK);
    return c;
}

Test(correlations, cover_the_coefficient_that_the_draws_have)
{
    /* corr(t, t + e) = 1 / sqrt(2).  200 sets of 40: an interval of 95 % that misses
     * in more than 24 would do so by chance once in 10,000 (binomial). */
    size_t missed = 0;
    for (uint64_t k = 0; k < 200; k++) {
        ef_correlations *c = correlate(40, k, 1);
        ef_interval i = ef_correlations_get(c, 0, EF_COEFFICIENT_PEARSON).interval;
        missed += i.low > sqrt(0.5) || i.high < sqrt(0.5);
        ef_correlations_destroy(c);
    }
    cr_assert_leq(missed, 24, "missed %zu of 200", missed);
}

Test(correlations, are_the_same_on_any_number_of_threads)
{
    ef_correlations *a = correlate(50, 3, 1), *b = correlate(50, 3, 7);
    ef_estimated x = ef_correlations_difference(a, 0, 1, 1, -1, EF_COEFFICIENT_KENDALL);
    ef_estimated y = ef_correlations_difference(b, 0, 1, 1, -1, EF_COEFFICIENT_KENDALL);
    cr_assert_eq(x.value, y.value);
    cr_assert_eq(x.interval.low, y.interval.low);
    cr_assert_eq(x.interval.high, y.interval.high);
    ef_correlations_destroy(a);
    ef_correlations_destroy(b);
}

Test(correlations, a_difference_of_one_with_itself_is_nothing)
{
    ef_correlations *c = correlate(30, 5, 1);
    ef_estimated d =
        ef_correlations_difference(c, 1, -1, 1, -1, EF_COEFFICIENT_SPEARMAN);
    cr_assert_eq(d.value, 0);
    cr_assert_eq(d.interval.low, 0);
    cr_assert_eq(d.interval.high, 0);
    ef_correlations_destroy(c);
}
