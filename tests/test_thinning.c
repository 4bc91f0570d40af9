/* Thinning a front with lists and a heap against its naive twin. */
#include "evolve/thinning.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "evolve/crowding.h"

enum { MOST = 60, MOST_OBJECTIVES = 4 };

/* The neighbours of a member in one objective, by value and then by place. */
static int stands_before(const double *values, size_t a, size_t b)
{
    return values[a] != values[b] ? values[a] < values[b] : a < b;
}

static double gap(const double *values, const char *alive, size_t n, size_t i)
{
    size_t before = n, after = n;
    double low = values[i], high = values[i];
    for (size_t j = 0; j < n; j++) {
        low = fmin(low, values[j]);
        high = fmax(high, values[j]);
        if (!alive[j] || j == i) {
            continue;
        }
        if (stands_before(values, j, i)) {
            before = before == n || stands_before(values, before, j) ? j : before;
        } else {
            after = after == n || stands_before(values, j, after) ? j : after;
        }
    }
    if (low == high) {
        return 0;
    }
    return before == n || after == n ? INFINITY
                                     : (values[after] - values[before]) / (high - low);
}

static double naive_distance(const double *points, size_t m, const char *alive,
                             size_t n, size_t i)
{
    double distance = 0;
    for (size_t k = 0; k < m; k++) {
        double values[MOST];
        for (size_t j = 0; j < n; j++) {
            values[j] = points[j * m + k];
        }
        distance += gap(values, alive, n, i);
    }
    return distance;
}

/* The naive twin: all distances anew for each member that leaves. */
static void thin_naively(const double *points, size_t m, char *alive, size_t n,
                         size_t n_kept)
{
    for (size_t left = n; left > n_kept; left--) {
        size_t first = n;
        double least = 0;
        for (size_t i = 0; i < n; i++) {
            double distance = alive[i] ? naive_distance(points, m, alive, n, i) : 0;
            if (alive[i] && (first == n || distance <= least)) {
                first = i;
                least = distance;
            }
        }
        alive[first] = 0;
    }
}

static void compare(ef_rng *rng, size_t n, size_t m, unsigned grid)
{
    double points[MOST * MOST_OBJECTIVES];
    double distance[MOST], crowding[MOST];
    size_t members[MOST], n_kept = (size_t)ef_rng_below(rng, n + 1);
    char alive[MOST], kept[MOST] = {0};
    for (size_t i = 0; i < n * m; i++) {
        points[i] = (double)ef_rng_below(rng, grid); /* exact sums in any order */
    }
    for (size_t i = 0; i < m; i++) {
        points[i] = 0; /* with the next, a range that is a power of two */
        points[m + i] = grid;
    }
    for (size_t i = 0; i < n; i++) {
        members[i] = i;
        alive[i] = 1;
    }
    void *scratch = ef_calloc(ef_thinning_scratch(n, m), 1);
    cr_assert_not_null(scratch);
    ef_thinning_run(points, m, members, n, n_kept, distance, scratch);
    ef_crowding(points, m, members, n_kept, crowding, scratch);
    ef_free(scratch);
    cr_assert_arr_eq(distance, crowding, n_kept * sizeof *distance);
    thin_naively(points, m, alive, n, n_kept);
    for (size_t i = 0; i < n; i++) {
        kept[members[i]] = i < n_kept;
        cr_assert(i == 0 || i == n_kept || members[i - 1] < members[i]);
    }
    cr_assert_arr_eq(kept, alive, n, "%zu points, %zu objectives", n, m);
}

Test(thinning_run, keeps_whom_the_naive_twin_keeps)
{
    static const unsigned grids[] = {1, 2, 4, 64, 1 << 20};
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 21, 0, 0);
    for (size_t g = 0; g < sizeof grids / sizeof grids[0]; g++) {
        for (size_t m = 1; m <= MOST_OBJECTIVES; m++) {
            for (size_t trial = 0; trial < 40; trial++) {
                compare(&rng, 2 + (size_t)ef_rng_below(&rng, MOST - 1), m, grids[g]);
            }
        }
    }
}

/* 0, 1, 2, 3, ... on a line, every second in a crowd: what is left is spread evenly. */
Test(thinning_run, leaves_no_holes_where_points_lie_close_together)
{
    double points[2 * 31];
    double distance[11];
    size_t members[31];
    for (size_t i = 0; i < 31; i++) {
        double x = (double)(i / 3) + 0.001 * (double)(i % 3);
        points[2 * i] = x;
        points[2 * i + 1] = 100 - x;
        members[i] = i;
    }
    void *room = ef_calloc(ef_thinning_scratch(31, 2), 1);
    ef_thinning_run(points, 2, members, 31, 11, distance, room);
    ef_free(room);
    for (size_t i = 0; i < 11; i++) {
        cr_assert_eq(members[i] / 3, i, "%zu stands in place %zu", members[i], i);
    }
}

Test(thinning_run, infinite_values_have_ends_and_no_gaps)
{
    const double points[] = {INFINITY, 0, 1, 3,         2, 2,   2.5,
                             1.5,      3, 1, -INFINITY, 4, NAN, 5};
    double distance[3];
    size_t members[] = {0, 1, 2, 3, 4, 5, 6};
    void *scratch = ef_calloc(ef_thinning_scratch(7, 2), 1);
    cr_assert_not_null(scratch);
    ef_thinning_run(points, 2, members, 7, 3, distance, scratch);
    ef_free(scratch);
    cr_assert_eq(members[0], 0);
    cr_assert_eq(members[1], 5);
    cr_assert_eq(members[2], 6);
}

Test(thinning_run, none_may_be_kept_and_all_may)
{
    const double points[] = {0, 1, 1, 0};
    double distance[2];
    size_t members[] = {0, 1};
    void *scratch = ef_calloc(ef_thinning_scratch(2, 2), 1);
    cr_assert_not_null(scratch);
    ef_thinning_run(points, 2, members, 2, 2, distance, scratch);
    ef_thinning_run(points, 2, members, 2, 0, distance, scratch);
    ef_thinning_run(points, 2, members, 0, 0, distance, scratch);
    cr_assert_eq(members[0] + members[1], 1);
    ef_free(scratch);
}
