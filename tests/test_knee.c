/* The recommended point of a front, against distances worked out by hand. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "evolve/knee.h"

static size_t knee_of(const double *points, size_t n, size_t m)
{
    ef_error err = {0};
    size_t knee = n;
    cr_assert_eq(ef_knee(points, n, m, &knee, &err), EF_OK);
    return knee;
}

/* With negative values the scale is linear: (0, 1), (0.25, 0.25), (1, 0) after
 * scaling. */
Test(knee, bends_where_both_objectives_are_good)
{
    double points[] = {-4, 4, -3, 1, 0, 0, -3.5, 3};
    cr_expect_eq(knee_of(points, 3, 2), 1);
    cr_expect_eq(knee_of(points, 4, 2), 1);
}

/* 1, 10, 100, 1000 against 1000, 100, 10, 1 is a straight line of logarithms: the two
 * in the middle are equally near (sqrt(5)/3), and the first of them is taken.  On a
 * linear scale it would be so too; with 1000 as 1000, 20, 19, 1 the third wins. */
Test(knee, counts_factors_where_all_is_positive)
{
    double straight[] = {1, 1000, 10, 100, 100, 10, 1000, 1};
    cr_expect_eq(knee_of(straight, 4, 2), 1);
    double bent[] = {1, 1000, 10, 900, 100, 5, 1000, 1};
    cr_expect_eq(knee_of(bent, 4, 2), 2);
}

/* An error of 0 is half of the least other one, not infinitely better. */
Test(knee, zero_is_near_the_least_positive_value)
{
    double points[] = {0, 1e6, 0.01, 1e3, 0.8, 10};
    cr_expect_eq(knee_of(points, 3, 2), 1);
}

Test(knee, does_not_mind_constant_objectives_and_single_points)
{
    double constant[] = {5, 0, 1, 5, 0, 2, 5, 0, 3};
    cr_expect_eq(knee_of(constant, 3, 3), 0);
    cr_expect_eq(knee_of(constant, 1, 3), 0);
}

Test(knee, a_failing_allocation_is_reported)
{
    double points[] = {1, 2, 2, 1};
    size_t knee = 7;
    ef_error err = {0};
    ef_mem_fail_after(0);
    ef_status status = ef_knee(points, 2, 2, &knee, &err);
    ef_mem_fail_after(-1);
    cr_expect_eq(status, EF_ERR_MEMORY);
    cr_expect_eq(knee, 7);
}
