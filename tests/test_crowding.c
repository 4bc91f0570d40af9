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

/* Five equal points: only one of them is the extreme one of each side. */
Test(crowding, of_equal_points_only_the_ends_are_infinite)
{
    double points[10] = {0};
    size_t members[] = {0, 1, 2, 3, 4};
    double distance[5];
    double scratch[64];
    cr_assert_leq(ef_crowding_scratch(5), sizeof scratch);
    ef_crowding(points, 2, members, 5, distance, scratch);
    int n_infinite = 0;
    for (size_t i = 0; i < 5; i++) {
        n_infinite += isinf(distance[i]);
    }
    cr_expect_eq(n_infinite, 2);
}
