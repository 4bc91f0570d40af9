#include "evolve/knee.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>

#include "base/mem.h"

static size_t knee_of(const double *points, size_t n, size_t m)
{
    size_t knee = SIZE_MAX;
    ef_error err = {0};
    cr_assert_eq(ef_knee(points, n, m, &knee, &err), EF_OK, "%s", err.text);
    cr_assert_lt(knee, n);
    return knee;
}

Test(knee, a_symmetric_front_has_its_knee_in_the_middle)
{
    double bent[2 * 9], straight[2 * 9], hollow[2 * 9];
    for (int i = 0; i < 9; i++) {
        bent[2 * i] = ldexp(1, i);
        bent[2 * i + 1] = ldexp(1, 8 - i);
        straight[2 * i] = i;
        straight[2 * i + 1] = 8 - i;
        hollow[2 * i] = sqrt(i);
        hollow[2 * i + 1] = sqrt(8 - i);
    }
    cr_assert_eq(knee_of(bent, 9, 2), 4);
    cr_assert_eq(knee_of(straight, 9, 2), 4);
    cr_assert_eq(knee_of(hollow, 9, 2), 4);
}

Test(knee, the_corner_of_an_angular_front_is_its_knee)
{
    const double points[] = {0, 10, 0.5, 8, 1, 1, 8, 0.5, 10, 0};
    cr_assert_eq(knee_of(points, 5, 2), 2);
}

/* What a search ends with: validation error, bits, multiplications, sensitivity. */
static const double networks[][4] = {
    {0.9000, 1.2e3, 2.0e3, 0.90},  /* 0: knows nothing */
    {0.4200, 3.1e3, 6.0e3, 0.50},  /* 1 */
    {0.1500, 8.0e3, 2.1e4, 0.31},  /* 2 */
    {0.0610, 1.9e4, 5.4e4, 0.22},  /* 3 */
    {0.0330, 3.8e4, 1.1e5, 0.15},  /* 4 */
    {0.0210, 8.8e4, 2.6e5, 0.10},  /* 5 */
    {0.0160, 2.0e5, 6.0e5, 0.071}, /* 6 */
    {0.0140, 4.6e5, 1.3e6, 0.048}, /* 7 */
    {0.0125, 1.1e6, 4.0e6, 0.030}, /* 8 */
    {0.0120, 9.0e6, 5.0e7, 0.011}, /* 9: the giant */
};

Test(knee, of_networks_neither_the_useless_nor_the_giant_is_recommended)
{
    size_t knee = knee_of(networks[0], 10, 4);
    cr_log_info("knee: network %zu", knee);
    cr_assert_geq(knee, 3);
    cr_assert_leq(knee, 6);
}

Test(knee, related_objectives_do_not_pull_towards_the_smallest)
{
    double points[10][6];
    for (size_t i = 0; i < 10; i++) {
        points[i][0] = networks[i][0];
        for (size_t k = 1; k < 6; k++) {
            points[i][k] = networks[i][1];
        }
    }
    double two[10][2];
    for (size_t i = 0; i < 10; i++) {
        two[i][0] = networks[i][0];
        two[i][1] = networks[i][1];
    }
    cr_assert_eq(knee_of(points[0], 10, 6), knee_of(two[0], 10, 2));
}

Test(knee, an_outlier_hardly_moves_it)
{
    double points[11][4];
    size_t knee = knee_of(networks[0], 10, 4);
    for (size_t i = 0; i < 10; i++) {
        for (size_t k = 0; k < 4; k++) {
            points[i][k] = networks[i][k];
        }
    }
    points[10][0] = 0.0119;
    points[10][1] = 1e12;
    points[10][2] = 1e14;
    points[10][3] = 1e3;
    size_t moved = knee_of(points[0], 11, 4);
    cr_assert(moved + 1 >= knee && moved <= knee + 1, "from %zu to %zu", knee, moved);
}

/* The scale by hand: excesses 0, 1, 3, 30 have the median 2, and so stand at log 1,
 * log 1.5, log 2.5 and log 16 of log 16; falling the other way: 0, 2, 9, 10 have the
 * median 5.5.  The third is worst by log 2.5 / log 16 = 0.330, the second by
 * log (1 + 9 / 5.5) / log (1 + 10 / 5.5) = 0.935. */
Test(knee, scales_by_the_logarithm_of_the_excess_in_medians)
{
    const double points[] = {0, 10, 1, 9, 3, 2, 30, 0};
    cr_assert_eq(knee_of(points, 4, 2), 2);
}

/* An error of 0 is the best, not infinitely better than all others. */
Test(knee, zero_is_a_value_like_others)
{
    const double points[] = {0, 1e6, 0.01, 1e3, 0.8, 10};
    cr_assert_eq(knee_of(points, 3, 2), 1);
}

Test(knee, units_do_not_matter)
{
    double points[10][4];
    size_t knee = knee_of(networks[0], 10, 4);
    for (size_t i = 0; i < 10; i++) {
        for (size_t k = 0; k < 4; k++) {
            points[i][k] = 64 * networks[i][k];
        }
    }
    cr_assert_eq(knee_of(points[0], 10, 4), knee);
}

Test(knee, constant_objectives_and_single_points_are_no_obstacle)
{
    const double points[] = {1, 7, 9, 5, 7, 5, 9, 7, 1}, same[] = {3, 3, 3, 3};
    cr_assert_eq(knee_of(points, 3, 3), 1);
    cr_assert_eq(knee_of(same, 2, 2), 0);
    cr_assert_eq(knee_of(same, 1, 4), 0);
    cr_assert_eq(knee_of(same, 4, 1), 0);
}

Test(knee, of_equals_the_least_sum_and_then_the_lowest_index_wins)
{
    const double tied[] = {0, 4, 4, 0, 2, 2, 2, 2};
    const double sums[] = {0, 4, 4, 4, 0, 0, 2, 2, 1, 2, 2, 0.5};
    cr_assert_eq(knee_of(tied, 4, 2), 2);
    cr_assert_eq(knee_of(sums, 4, 3), 3);
}

Test(knee, values_that_are_not_finite_are_passed_over)
{
    const double points[] = {NAN, 0, INFINITY, INFINITY, 1,         3,
                             2,   2, 3,        1,        -INFINITY, 5};
    const double none[] = {NAN, 0, 0, INFINITY};
    const double huge[] = {-1e308, 1e308, 0, 0, 1e308, -1e308};
    cr_assert_eq(knee_of(points, 6, 2), 3);
    cr_assert_eq(knee_of(none, 2, 2), 0);
    cr_assert_eq(knee_of(huge, 3, 2), 1);
}

Test(knee, nothing_to_choose_from_is_refused)
{
    const double point[1] = {0};
    size_t knee = 7;
    ef_error err = {0};
    cr_assert_eq(ef_knee(point, 0, 1, &knee, &err), EF_ERR_USAGE);
    cr_assert_str_eq(err.text, "the knee of 0 points with 1 objectives is not defined");
    cr_assert_eq(ef_knee(point, 1, 0, &knee, NULL), EF_ERR_USAGE);
    cr_assert_eq(knee, 7);
}

Test(knee, failing_allocations_leave_the_output_untouched)
{
    for (long k = 0; k < 2; k++) {
        size_t knee = 7;
        ef_mem_fail_after(k);
        ef_status status = ef_knee(networks[0], 10, 4, &knee, NULL);
        ef_mem_fail_after(-1);
        cr_assert_eq(status, EF_ERR_MEMORY);
        cr_assert_eq(knee, 7);
    }
}
