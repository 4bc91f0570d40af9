#include "evolve/sort.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

enum { MAX_N = 2000, MAX_DIM = 9 };
static double points[MAX_N * MAX_DIM], violations[MAX_N];
static uint32_t fast[MAX_N], naive[MAX_N];

/* Ranks by both ways; the fast one's fronts. */
static size_t rank_both(size_t n, size_t dim, const double *violation, size_t capacity)
{
    ef_sort *sort;
    cr_assert_eq(ef_sort_create(&sort, capacity, dim, NULL), EF_OK);
    size_t n_fronts = ef_sort_run(sort, points, violation, n, fast);
    size_t expected = ef_sort_naive(points, violation, n, dim, naive);
    cr_assert_eq(n_fronts, expected, "%zu fronts, not %zu", n_fronts, expected);
    cr_assert_arr_eq(fast, naive, n * sizeof *fast, "n %zu dim %zu", n, dim);
    ef_sort_destroy(sort);
    return n_fronts;
}

typedef struct shape {
    const char *name;
    size_t n, dim;
    unsigned n_values; /* distinct values of an objective, 0: continuous */
    unsigned special;  /* one value in so many is NaN, an infinity or a zero */
    unsigned copies;   /* one point in so many is a copy of an earlier one */
} shape;

static double draw(ef_rng *rng, const shape *s)
{
    static const double specials[] = {NAN, -NAN, INFINITY, -INFINITY, 0.0, -0.0};
    if (s->special && ef_rng_below(rng, s->special) == 0) {
        return specials[ef_rng_below(rng, 6)];
    }
    return s->n_values ? (double)ef_rng_below(rng, s->n_values) - 1 : ef_rng_unit(rng);
}

static void fill(ef_rng *rng, const shape *s)
{
    for (size_t i = 0; i < s->n; i++) {
        size_t copied = i;
        if (i > 0 && s->copies && ef_rng_below(rng, s->copies) == 0) {
            copied = ef_rng_below(rng, i);
        }
        for (size_t j = 0; j < s->dim; j++) {
            points[i * s->dim + j] =
                copied < i ? points[copied * s->dim + j] : draw(rng, s);
        }
    }
}

ParameterizedTestParameters(sort_run, equals_brute_force)
{
    static shape shapes[] = {
        {"one objective", 300, 1, 0, 0, 0},
        {"one objective, tied", 300, 1, 7, 9, 3},
        {"two objectives", 900, 2, 0, 0, 0},
        {"two objectives, tied", 900, 2, 12, 0, 0},
        {"two objectives, with NaN", 500, 2, 5, 4, 4},
        {"three objectives", 1500, 3, 0, 0, 0},
        {"three objectives, tied", 1500, 3, 6, 0, 0},
        {"three objectives, binary", 900, 3, 2, 0, 0},
        {"three objectives, copies", 900, 3, 0, 0, 2},
        {"four objectives", 1500, 4, 0, 0, 0},
        {"four objectives, tied", 1500, 4, 4, 0, 3},
        {"four objectives, with NaN", 600, 4, 3, 5, 4},
        {"five objectives", 900, 5, 0, 0, 0},
        {"five objectives, tied", 900, 5, 3, 0, 3},
        {"six objectives", 1200, 6, 0, 0, 0},
        {"six objectives, tied", 1200, 6, 3, 0, 2},
        {"six objectives, with NaN", 600, 6, 2, 6, 4},
        {"nine objectives", 500, 9, 2, 0, 3},
        {"equal points", 700, 3, 1, 0, 0},
        {"a handful", 5, 4, 2, 0, 0},
        {"one point", 1, 3, 0, 0, 0},
    };
    return cr_make_param_array(shape, shapes, sizeof shapes / sizeof *shapes);
}

ParameterizedTest(shape *s, sort_run, equals_brute_force)
{
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, s->n, s->dim, s->n_values);
    for (int round = 0; round < 4; round++) {
        fill(&rng, s);
        rank_both(s->n, s->dim, NULL, s->n + 100 * (size_t)round);
        for (size_t i = 0; i < s->n; i++) {
            violations[i] = (double)ef_rng_below(&rng, 8) - 3;
            violations[i] = violations[i] == 4 ? NAN : violations[i];
        }
        rank_both(s->n, s->dim, violations, s->n);
    }
}

Test(sort_run, every_size_equals_brute_force)
{
    ef_rng rng = ef_rng_stream(2, EF_PURPOSE_TEST, 0, 0, 0);
    for (size_t n = 0; n < 280; n++) {
        shape s = {"", n, 2 + n % 4, n % 3 * 4, 0, 0};
        fill(&rng, &s);
        rank_both(s.n, s.dim, NULL, n);
    }
}

/* Values are ordered by the upper half of their bits first: here that half is the same
 * for all, or for few or many at a time. */
Test(sort_run, values_that_differ_in_their_last_bits_only_are_told_apart)
{
    ef_rng rng = ef_rng_stream(4, EF_PURPOSE_TEST, 0, 0, 0);
    for (size_t n_groups = 1; n_groups < 300; n_groups *= 6) {
        for (size_t n = 10; n <= 1000; n *= 10) {
            for (size_t i = 0; i < 3 * n; i++) {
                double value = (double)ef_rng_below(&rng, n_groups) - 2;
                points[i] = value + 0x1p-50 * (double)ef_rng_below(&rng, 4 * n);
            }
            rank_both(n, 3, NULL, n);
            rank_both(n, 2, NULL, n);
        }
    }
}

/* On a chain every point is its own front; on a plane all are one. */
Test(sort_run, chains_and_planes_have_their_known_fronts)
{
    for (size_t dim = 2; dim <= 6; dim++) {
        ef_rng rng = ef_rng_stream(3, EF_PURPOSE_TEST, dim, 0, 0);
        ef_sort *sort;
        cr_assert_eq(ef_sort_create(&sort, MAX_N, dim, NULL), EF_OK);
        for (size_t i = 0; i < MAX_N; i++) {
            for (size_t j = 0; j < dim; j++) {
                points[i * dim + j] = -(double)(i * (j + 1));
            }
        }
        cr_assert_eq(ef_sort_run(sort, points, NULL, MAX_N, fast), MAX_N);
        for (size_t i = 0; i < MAX_N; i++) {
            cr_assert_eq(fast[i], MAX_N - 1 - i);
        }
        for (size_t i = 0; i < MAX_N; i++) {
            double rest = 1 << 20;
            for (size_t j = 0; j + 1 < dim; j++) {
                points[i * dim + j] = (double)ef_rng_below(&rng, 1000);
                rest -= points[i * dim + j];
            }
            points[i * dim + dim - 1] = rest;
        }
        cr_assert_eq(ef_sort_run(sort, points, NULL, MAX_N, fast), 1);
        ef_sort_destroy(sort);
    }
}

Test(sort_run, a_feasible_point_comes_before_every_infeasible_one)
{
    const double two[] = {9, 9, 1, 1, 0, 0, 2, 2, 0, 0};
    const double violation[] = {0, 0, 0.5, 0.25, INFINITY};
    const uint32_t expected[] = {1, 0, 3, 2, 4};
    ef_sort *sort;
    cr_assert_eq(ef_sort_create(&sort, 5, 2, NULL), EF_OK);
    cr_assert_eq(ef_sort_run(sort, two, violation, 5, fast), 5);
    cr_assert_arr_eq(fast, expected, sizeof expected);
    ef_sort_destroy(sort);
}

Test(sort_create, a_failing_allocation_is_reported)
{
    for (size_t dim = 1; dim <= 4; dim++) {
        ef_status status = EF_ERR_MEMORY;
        for (long n = 0; status != EF_OK; n++) {
            ef_sort *sort = NULL;
            ef_mem_fail_after(n);
            status = ef_sort_create(&sort, 100, dim, NULL);
            ef_mem_fail_after(-1);
            cr_assert(status == EF_OK || status == EF_ERR_MEMORY);
            cr_assert_eq(sort != NULL, status == EF_OK);
            ef_sort_destroy(sort);
            cr_assert_lt(n, 30);
        }
    }
}

Test(sort_create, no_objectives_are_refused)
{
    ef_sort *sort;
    ef_error err = {0};
    cr_assert_eq(ef_sort_create(&sort, 10, 0, &err), EF_ERR_UNSUPPORTED);
}

Test(sort_dominates, nan_is_worse_than_infinity)
{
    const double a[] = {1, INFINITY}, b[] = {1, NAN};
    cr_assert(ef_sort_dominates(a, b, 2));
    cr_assert_not(ef_sort_dominates(b, a, 2));
    cr_assert_not(ef_sort_dominates(a, a, 2));
    cr_assert_not(ef_sort_dominates(b, b, 2));
}
