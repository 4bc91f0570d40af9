#include "evolve/problems.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

/* Objectives by pagmo 2.18 at points that both make (tests/known/problems.cpp). */
static const struct known {
    const char *problem;
    int row;
    double objectives[3];
} known_rows[] = {
#include "known/problems.inc"
};

#define N_KNOWN (sizeof known_rows / sizeof known_rows[0])

static ef_problem *create(const char *name)
{
    ef_problem *problem = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_problems_create(&problem, name, &err), EF_OK, "%s", err.text);
    cr_assert_str_eq(problem->name, name);
    return problem;
}

static double evaluate(const ef_problem *problem, void *genome, double *objectives)
{
    double violation = -1;
    ef_error err = {0};
    cr_assert_eq(
        problem->evaluate(problem->context, genome, 1, objectives, &violation, &err),
        EF_OK);
    return violation;
}

Test(problems_evaluate, real_problems_agree_with_pagmo)
{
    for (size_t k = 0; k < N_KNOWN; k++) {
        const struct known *known = &known_rows[k];
        ef_problem *problem = create(known->problem);
        double x[64], f[3] = {0, 0, 0};
        int is_wide = strcmp(known->problem, "zdt4") == 0;
        for (size_t i = 0; i < problem->genome_size / sizeof *x; i++) {
            double share = 0.6180339887498949 * (double)(i + 1) * (known->row + 1);
            share = known->row == 0 && i > 0 ? 0.5 : share - floor(share);
            x[i] = i > 0 && is_wide ? -5 + share * 10 : share;
        }
        cr_assert_eq(evaluate(problem, x, f), 0);
        for (size_t m = 0; m < 3; m++) {
            double wanted = known->objectives[m];
            cr_assert(fabs(f[m] - wanted) <= 1e-13 * (1 + fabs(wanted)),
                      "%s, row %d, objective %zu: %.17g, not %.17g", known->problem,
                      known->row, m, f[m], wanted);
        }
        ef_problems_destroy(problem);
    }
}

/* Binh and Korn 1997: f1 = 4 x^2 + 4 y^2, f2 = (x - 5)^2 + (y - 5)^2, where
 * (x - 5)^2 + y^2 <= 25 and (x - 8)^2 + (y + 3)^2 >= 7.7; by hand. */
Test(problems_evaluate, bnh_has_two_constraints)
{
    ef_problem *problem = create("bnh");
    double f[2], corner[2] = {0, 0}, far[2] = {5, 3}, outside[2] = {0, 3};
    cr_assert_eq(evaluate(problem, corner, f), 0);
    cr_assert_eq(f[0], 0);
    cr_assert_eq(f[1], 50);
    cr_assert_eq(evaluate(problem, far, f), 0);
    cr_assert_eq(f[0], 136);
    cr_assert_eq(f[1], 4);
    cr_assert_eq(evaluate(problem, outside, f), 9);
    ef_problems_destroy(problem);
}

Test(problems_evaluate, steps_sums_squares_of_integers)
{
    ef_problem *problem = create("steps");
    int64_t x[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 20};
    double f[2];
    cr_assert_eq(problem->genome_size, sizeof x);
    cr_assert_eq(evaluate(problem, x, f), 0);
    cr_assert_eq(f[0], 204 + 400);
    /* sum (20 - x)^2 = 10 * 400 - 40 * 56 + 604 */
    cr_assert_eq(f[1], 4000 - 2240 + 604);
    ef_problems_destroy(problem);
}

Test(problems_evaluate, lotz_counts_leading_ones_and_trailing_zeros)
{
    static const struct {
        uint64_t bits; /* the leading bit is bit 0 */
        double f[2];
    } rows[] = {{0, {30, 0}},
                {0x3fffffff, {0, 30}},
                {7, {27, 3}},
                {UINT64_C(0x20000007), {27, 30}},
                {0x16, {30, 5}}};
    ef_problem *problem = create("lotz");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t bits = rows[i].bits;
        double f[2];
        cr_assert_eq(evaluate(problem, &bits, f), 0);
        cr_assert_eq(f[0], rows[i].f[0], "row %zu: %g", i, f[0]);
        cr_assert_eq(f[1], rows[i].f[1], "row %zu: %g", i, f[1]);
    }
    ef_problems_destroy(problem);
}

Test(problems_key, equal_genomes_have_equal_keys_and_others_do_not)
{
    enum { N = 2000 };
    for (size_t k = 0; ef_problems_name(k) != NULL; k++) {
        ef_problem *problem = create(ef_problems_name(k));
        ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, k, 0, 0);
        double genome[64], copy[64];
        ef_error err = {0};
        for (size_t i = 0; i < N; i++) {
            cr_assert_eq(problem->sample(problem->context, &rng, 0, genome, &err),
                         EF_OK);
            memcpy(copy, genome, problem->genome_size);
            uint64_t key = problem->key(problem->context, copy);
            cr_assert(problem->key(problem->context, genome) == key);
            size_t byte = (size_t)ef_rng_below(&rng, problem->genome_size);
            ((unsigned char *)copy)[byte] ^= (unsigned char)(1 << (i % 8));
            cr_assert(problem->key(problem->context, copy) != key);
        }
        ef_problems_destroy(problem);
    }
}

/* Signs of two genes change together when both cross the middle: a key that only
 * multiplied would not see it. */
Test(problems_key, changes_of_two_signs_do_not_cancel)
{
    ef_problem *problem = create("zdt4");
    double x[10] = {0.5, 1, 2, 3, 4, 5, 1, 2, 3, 4};
    uint64_t key = problem->key(problem->context, x);
    for (size_t i = 0; i < 10; i++) {
        for (size_t k = 0; k < i; k++) {
            x[i] = -x[i];
            x[k] = -x[k];
            cr_assert(problem->key(problem->context, x) != key, "%zu %zu", i, k);
            x[i] = -x[i];
            x[k] = -x[k];
        }
    }
    ef_problems_destroy(problem);
}

Test(problems_vary, children_of_every_problem_can_be_evaluated)
{
    for (size_t k = 0; ef_problems_name(k) != NULL; k++) {
        ef_problem *problem = create(ef_problems_name(k));
        ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, k, 1, 0);
        double genomes[4][64], f[3];
        ef_error err = {0};
        for (size_t i = 0; i < 500; i++) {
            void *context = problem->context;
            cr_assert_eq(problem->sample(context, &rng, 0, genomes[0], &err), EF_OK);
            cr_assert_eq(problem->sample(context, &rng, 0, genomes[1], &err), EF_OK);
            cr_assert_eq(problem->vary(context, &rng, genomes[0], genomes[1],
                                       genomes[2], genomes[3], &err),
                         EF_OK);
            for (size_t c = 2; c < 4; c++) {
                cr_assert_geq(evaluate(problem, genomes[c], f), 0);
                cr_assert(isfinite(f[0]) && isfinite(f[1]));
            }
        }
        ef_problems_destroy(problem);
    }
}

Test(problems_create, an_unknown_name_is_answered_with_those_there_are)
{
    ef_problem *problem = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_problems_create(&problem, "zdt5", &err), EF_ERR_USAGE);
    cr_assert_str_eq(err.text, "there is no benchmark problem 'zdt5'; there are zdt1, "
                               "zdt2, zdt3, zdt4, zdt6, dtlz2, bnh, steps, lotz");
    cr_assert_null(problem);
}

Test(problems_create, a_failing_allocation_leaves_nothing_behind)
{
    ef_problem *problem = NULL;
    ef_mem_fail_after(0);
    ef_status status = ef_problems_create(&problem, "zdt1", NULL);
    ef_mem_fail_after(-1);
    cr_assert_eq(status, EF_ERR_MEMORY);
    cr_assert_null(problem);
    ef_problems_destroy(NULL);
}
