/* Crowding distance, against sums made by hand. */
#include <criterion/criterion.h>
#include <math.h>

#include "evolve/crowding.h"

/* By hand after Deb et al. 2002, section III-B: (0,4) (1,2) (2,1) (4,0), each range 4:
 * (2 - 0)/4 + (4 - 1)/4 and (4 - 1)/4 + (2 - 0)/4. */
Test(crowding, sums_the_gaps_between_neighbours)
{
    double points[] = {1, 2, 0, 4, 4, 0, 2, 1};
    size_t members[] = {0, 1, 2, 3};
    double distance[4];
    double scratch[64];
    cr_assert_leq(ef_crowding_scratch(4), sizeof scratch);
    ef_crowding(points, 2, members, 4, distance, scratch);
    cr_expect_eq(distance[0], 1.25);
    cr_expect_eq(distance[3], 1.25);
    cr_expect(isinf(distance[1]) && isinf(distance[2]));
}

static size_t count_infinite(const double *points, size_t n)
{
    size_t members[] = {0, 1, 2, 3, 4};
    double distance[5];
    double scratch[64];
    size_t n_infinite = 0;
    cr_assert_leq(ef_crowding_scratch(n), sizeof scratch);
    ef_crowding(points, 2, members, n, distance, scratch);
    for (size_t i = 0; i < n; i++) {
        n_infinite += isinf(distance[i]) != 0;
    }
    return n_infinite;
}

/* Of equal points only one is the extreme one of each side of each objective; where all
 * are equal, none is. */
Test(crowding, of_equal_points_only_the_ends_are_infinite)
{
    const double equal[10] = {0};
    const double two_places[10] = {0, 1, 0, 1, 0, 1, 1, 0, 1, 0};
    const double constant[10] = {0, 1, 1, 1, 2, 1, 3, 1, 4, 1};
    cr_expect_eq(count_infinite(equal, 5), 0);
    cr_expect_eq(count_infinite(two_places, 5), 4);
    cr_expect_eq(count_infinite(constant, 5), 2);
}
