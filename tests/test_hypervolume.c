#include "evolve/hypervolume.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

static double volume_of(const double *points, size_t n, size_t m,
                        const double *reference)
{
    double volume = -1;
    ef_error err = {0};
    cr_assert_eq(ef_hypervolume(points, n, m, reference, &volume, &err), EF_OK, "%s",
                 err.text);
    return volume;
}

/* The naive twin: slices between the values of the last objective, each of them a
 * volume of one objective less; O(n^m). */
static double slice_volume(const double *points, const char *alive, size_t n, size_t m,
                           size_t d, const double *reference)
{
    double volume = 0, low = -INFINITY;
    if (d == 0) {
        return memchr(alive, 1, n) != NULL;
    }
    for (;;) {
        double next = reference[d - 1], from = INFINITY;
        char within[64];
        for (size_t i = 0; i < n; i++) {
            double z = points[i * m + d - 1];
            from = alive[i] && z > low && z < from ? z : from;
        }
        if (!(from < reference[d - 1])) {
            return volume;
        }
        for (size_t i = 0; i < n; i++) {
            double z = points[i * m + d - 1];
            within[i] = (char)(alive[i] && z <= from);
            next = alive[i] && z > from && z < next ? z : next;
        }
        volume += (next - from) * slice_volume(points, within, n, m, d - 1, reference);
        low = from;
    }
}

static double naive_volume(const double *points, size_t n, size_t m,
                           const double *reference)
{
    char alive[64];
    cr_assert_leq(n, sizeof alive);
    for (size_t i = 0; i < n; i++) {
        alive[i] = 1;
        for (size_t k = 0; k < m; k++) {
            alive[i] = (char)(alive[i] && points[i * m + k] < reference[k]);
        }
    }
    return slice_volume(points, alive, n, m, m, reference);
}

/* Points in [0, 1.2)^m; on a grid of `grid` steps where it is not 0, so that values
 * tie; every eighth a copy of the one before. */
static void fill(ef_rng *rng, double *points, size_t n, size_t m, unsigned grid)
{
    for (size_t i = 0; i < n * m; i++) {
        double u = ef_rng_unit(rng);
        points[i] = 1.2 * (grid == 0 ? u : floor(grid * u) / grid);
    }
    for (size_t i = 8; i < n; i += 8) {
        memcpy(points + i * m, points + (i - 1) * m, m * sizeof *points);
    }
}

static void compare_with_naive(unsigned grid)
{
    const double reference[7] = {1, 1, 1, 1, 1, 1, 1};
    const size_t most[8] = {0, 60, 60, 40, 20, 14, 12, 10};
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, grid, 0, 0);
    for (size_t m = 1; m <= 7; m++) {
        for (size_t trial = 0; trial < 200; trial++) {
            double points[60 * 7];
            size_t n = (size_t)ef_rng_below(&rng, most[m] + 1);
            fill(&rng, points, n, m, grid);
            double fast = volume_of(points, n, m, reference);
            double slow = naive_volume(points, n, m, reference);
            cr_assert(fabs(fast - slow) <= 1e-13, "%zu points, %zu objectives: %g, %g",
                      n, m, fast, slow);
        }
    }
}

Test(hypervolume, random_points_agree_with_the_naive_twin)
{
    compare_with_naive(0);
}

Test(hypervolume, tied_and_duplicate_points_agree_with_the_naive_twin)
{
    compare_with_naive(3);
    compare_with_naive(5);
}

/* Limits of densely sampled fronts, reference 1.1 in all objectives, by integration:
 * ZDT1 0.1 + 0.11 + 2/3 = 0.876667; ZDT2 0.1 + 0.11 + 1/3 = 0.543333; the octant of
 * the sphere (DTLZ2) 1.1^3 - pi/6 = 0.807401. */
#define N_DENSE 2001

Test(hypervolume, dense_fronts_of_zdt1_and_zdt2_reach_their_closed_forms)
{
    const double reference[2] = {1.1, 1.1};
    double first[2 * N_DENSE], second[2 * N_DENSE];
    for (size_t i = 0; i < N_DENSE; i++) {
        double x = (double)i / (N_DENSE - 1);
        first[2 * i] = second[2 * i] = x;
        first[2 * i + 1] = 1 - sqrt(x);
        second[2 * i + 1] = 1 - x * x;
    }
    double volume = volume_of(first, N_DENSE, 2, reference);
    cr_assert_float_eq(volume, 0.1 + 0.11 + 2.0 / 3, 1e-3);
    cr_assert_lt(volume, 0.1 + 0.11 + 2.0 / 3);
    cr_assert_float_eq(volume_of(second, N_DENSE, 2, reference), 0.1 + 0.11 + 1.0 / 3,
                       1e-3);
}

Test(hypervolume, the_sphere_of_dtlz2_reaches_its_closed_form)
{
    enum { SIDE = 300 };
    const double half_pi = acos(0), reference[3] = {1.1, 1.1, 1.1};
    double *points = ef_calloc((SIDE + 1) * (SIDE + 1), 3 * sizeof *points);
    cr_assert_not_null(points);
    for (size_t i = 0, n = 0; i <= SIDE; i++) {
        for (size_t k = 0; k <= SIDE; k++, n++) {
            double a = half_pi * (double)i / SIDE, b = half_pi * (double)k / SIDE;
            points[3 * n] = cos(a) * cos(b);
            points[3 * n + 1] = cos(a) * sin(b);
            points[3 * n + 2] = sin(a);
        }
    }
    double exact = 1.1 * 1.1 * 1.1 - half_pi / 3; /* 1/8 of 4/3 pi */
    double volume = volume_of(points, (SIDE + 1) * (SIDE + 1), 3, reference);
    cr_assert_lt(volume, exact);
    cr_assert_float_eq(volume, exact, 0.01);
    ef_free(points);
}

/* Inclusion and exclusion by hand: two boxes share the product of the smaller
 * extents. */
Test(hypervolume, two_boxes_in_six_objectives_share_one_box)
{
    const double reference[6] = {4, 4, 4, 4, 4, 4};
    const double points[12] = {1, 2, 3, 1, 2, 3, 2, 1, 2, 2, 3, 2};
    /* extents 3 2 1 3 2 1 and 2 3 2 2 1 2, shared 2 2 1 2 1 1 */
    cr_assert_eq(volume_of(points, 2, 6, reference), 36 + 48 - 8);
}

Test(hypervolume, points_not_below_the_reference_add_nothing)
{
    const double reference[2] = {1, 1};
    const double points[] = {0.5, 0.5, 1,    0,    -5,  1,        0.2,
                             7,   NAN, 0.25, 0.25, NAN, INFINITY, 0};
    cr_assert_eq(volume_of(points, 7, 2, reference), 0.25);
    cr_assert_eq(volume_of(points, 0, 2, reference), 0);
    cr_assert_eq(volume_of(points + 2, 6, 2, reference), 0);
}

Test(hypervolume, minus_infinity_makes_the_volume_infinite)
{
    const double reference[4] = {1, 1, 1, 1};
    const double points[8] = {0, 0, 0, -INFINITY, 0.5, -1, 0.5, 0.5};
    const double outside[4] = {0, -INFINITY, 0, 2};
    cr_assert_eq(volume_of(points, 2, 4, reference), INFINITY);
    cr_assert_eq(volume_of(outside, 1, 4, reference), 0);
}

Test(hypervolume, the_order_of_the_points_hardly_matters)
{
    enum { N = 300, M = 4 };
    const double reference[M] = {1, 1, 1, 1};
    double points[N * M], shuffled[N * M];
    size_t order[N];
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 11, 0, 0);
    fill(&rng, points, N, M, 0);
    for (size_t i = 0; i < N; i++) {
        order[i] = i;
    }
    ef_rng_shuffle(&rng, order, N);
    for (size_t i = 0; i < N; i++) {
        memcpy(shuffled + i * M, points + order[i] * M, M * sizeof *points);
    }
    cr_assert_float_eq(volume_of(points, N, M, reference),
                       volume_of(shuffled, N, M, reference), 1e-13);
}

Test(hypervolume, wrong_arguments_are_refused_in_words)
{
    const double points[2] = {0, 0}, reference[2] = {1, NAN};
    double volume = 7;
    ef_error err = {0};
    cr_assert_eq(ef_hypervolume(points, 1, 2, reference, &volume, &err), EF_ERR_USAGE);
    cr_assert_str_eq(err.text, "the reference point of the hypervolume is nan in "
                               "objective 2, not a finite number");
    cr_assert_eq(ef_hypervolume(points, 1, 0, reference, &volume, NULL), EF_ERR_USAGE);
    cr_assert_eq(ef_hypervolume(points, 1, 11, reference, &volume, NULL), EF_ERR_USAGE);
    cr_assert_eq(volume, 7);
}

Test(hypervolume, failing_allocations_leave_the_output_untouched)
{
    const double reference[6] = {1, 1, 1, 1, 1, 1}, points[6] = {0};
    double volume = 7;
    for (long k = 0; k < 12; k++) {
        ef_mem_fail_after(k);
        ef_status status = ef_hypervolume(points, 1, 6, reference, &volume, NULL);
        ef_mem_fail_after(-1);
        cr_assert_eq(status, EF_ERR_MEMORY, "allocation %ld", k);
        cr_assert_eq(volume, 7);
    }
    cr_assert_eq(volume_of(points, 1, 6, reference), 1);
}
