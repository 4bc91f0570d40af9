/* The inverted generational distance against distances by hand. */
#include "evolve/igd.h"

#include <criterion/criterion.h>
#include <math.h>

Test(igd, is_the_mean_distance_from_the_front_to_the_nearest_point)
{
    const double front[] = {0, 0, 3, 0, 0, 7};
    const double points[] = {0, 3, 3, 4}; /* nearest at 3, 4 and 4 */
    cr_assert_float_eq(ef_igd(points, 2, front, 3, 2), 11.0 / 3, 1e-15);
}

Test(igd, a_front_that_is_met_is_at_distance_0)
{
    const double front[] = {1, 2, 3, 4, 5, 6}, points[] = {4, 5, 6, 9, 9, 9, 1, 2, 3};
    cr_assert_eq(ef_igd(points, 3, front, 2, 3), 0);
}

Test(igd, points_that_are_not_numbers_are_near_nothing)
{
    const double front[] = {0, 0}, points[] = {NAN, 0, 2, 0, INFINITY, -1};
    cr_assert_eq(ef_igd(points, 3, front, 1, 2), 2);
    cr_assert_eq(ef_igd(points, 1, front, 1, 2), INFINITY);
    cr_assert_eq(ef_igd(points, 0, front, 1, 2), INFINITY);
    cr_assert(isnan(ef_igd(points, 3, front, 0, 2)));
}
