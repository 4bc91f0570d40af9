#include "evolve/preselect.h"

#include <criterion/criterion.h>
#include <math.h>

#include "base/mem.h"

enum { N_LIVING = 20, N = 10, ALL = N_LIVING + N };

/* Living crowd around 100 in the one objective, and so do the proposals, but for number
 * 9, which is far away. */
static void fill(double *points)
{
    for (size_t i = 0; i < N_LIVING; i++) {
        points[i] = 100 + (double)i;
    }
    for (size_t i = 0; i < N; i++) {
        points[N_LIVING + i] = i == 9 ? 1e6 : 105 + (double)i;
    }
}

static void choose(uint64_t seed, const double *points, size_t n_chosen, size_t *chosen)
{
    ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 0, 0, 0);
    cr_assert_eq(ef_preselect(&rng, points, ALL, 1, N, n_chosen, chosen), EF_OK);
    for (size_t i = 0; i < n_chosen; i++) {
        cr_assert_lt(chosen[i], N);
        cr_assert(i == 0 || chosen[i - 1] < chosen[i], "%zu twice or out of order",
                  chosen[i]);
    }
}

/* The weights by the definition: on the scale of log x from 0 to 1, a Gaussian of width
 * n^(-1/5) / 4 at every point. */
static void weigh(const double *points, double *weights)
{
    double low = log(100), range = log(1e6) - low, width = 0.25 * pow(ALL, -0.2);
    for (size_t i = 0; i < N; i++) {
        double density = 0;
        for (size_t k = 0; k < ALL; k++) {
            double gap = (log(points[N_LIVING + i]) - log(points[k])) / range / width;
            density += exp(-gap * gap / 2);
        }
        weights[i] = 1 / density;
    }
}

/* One of ten is drawn with probability w_i / sum(w): within 5 standard deviations. */
Test(preselect, probabilities_are_inverse_to_densities)
{
    enum { ROUNDS = 20000 };
    double points[ALL], weights[N], sum = 0;
    size_t counts[N] = {0};
    fill(points);
    weigh(points, weights);
    for (size_t i = 0; i < N; i++) {
        sum += weights[i];
    }
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        size_t chosen;
        choose(seed, points, 1, &chosen);
        counts[chosen]++;
    }
    for (size_t i = 0; i < N; i++) {
        double p = weights[i] / sum, spread = sqrt(p * (1 - p) / ROUNDS);
        cr_assert_float_eq((double)counts[i] / ROUNDS, p, 5 * spread);
    }
    cr_assert_gt(weights[9] / sum, 0.5);
}

Test(preselect, all_are_chosen_once_where_all_are_wanted)
{
    double points[ALL];
    size_t chosen[N];
    fill(points);
    choose(1, points, N, chosen);
    cr_assert_eq(chosen[N - 1], N - 1);
}

/* What could not be evaluated stands among the living with infinities. */
Test(preselect, points_that_are_not_finite_count_for_nothing)
{
    double points[ALL];
    size_t chosen[N], n_far = 0, n_lost = 0;
    fill(points);
    points[0] = INFINITY;
    points[1] = NAN;
    points[N_LIVING] = INFINITY;
    for (uint64_t seed = 0; seed < 300; seed++) {
        choose(seed, points, 4, chosen);
        n_lost += chosen[0] == 0;
        n_far += chosen[3] == 9;
    }
    cr_assert_gt(n_far, 280);
    cr_assert_lt(n_lost, 150);
    for (size_t i = 0; i < ALL; i++) {
        points[i] = NAN;
    }
    choose(1, points, 4, chosen);
}

Test(preselect, equal_points_are_chosen_alike)
{
    double points[ALL];
    size_t counts[N] = {0};
    for (size_t i = 0; i < ALL; i++) {
        points[i] = 7;
    }
    for (uint64_t seed = 0; seed < 2000; seed++) {
        size_t chosen[3];
        choose(seed, points, 3, chosen);
        for (size_t i = 0; i < 3; i++) {
            counts[chosen[i]]++;
        }
    }
    for (size_t i = 0; i < N; i++) { /* 5 standard deviations */
        cr_assert_float_eq((double)counts[i] / 2000, 0.3, 5 * sqrt(0.3 * 0.7 / 2000));
    }
}

Test(preselect, a_failing_allocation_is_reported)
{
    double points[ALL];
    ef_status status = EF_ERR_MEMORY;
    fill(points);
    for (long n = 0; status != EF_OK; n++) {
        ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
        size_t chosen[3];
        ef_mem_fail_after(n);
        status = ef_preselect(&rng, points, ALL, 1, N, 3, chosen);
        ef_mem_fail_after(-1);
        cr_assert_lt(n, 10);
    }
}
