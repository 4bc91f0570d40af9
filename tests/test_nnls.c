/* Non-negative least squares.  That an x >= 0 is a solution is proved by the conditions
 * of Karush, Kuhn and Tucker: the gradient w = A^T (b - A x) is 0 where x > 0, and not
 * above 0 where x = 0; they suffice, since the squares are convex. */
#include "base/nnls.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { MOST_ROWS = 40, MOST_COLUMNS = 16 };

static double length_of(const double *a, size_t n, size_t stride)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i * stride] * a[i * stride];
    }
    return sqrt(sum);
}

static void check_conditions(const double *a, const double *b, size_t m, size_t n,
                             const double *x)
{
    double r[MOST_ROWS];
    double b_length = length_of(b, m, 1);
    for (size_t i = 0; i < m; i++) {
        r[i] = b[i];
        for (size_t k = 0; k < n; k++) {
            r[i] -= a[i * n + k] * x[k];
        }
    }
    for (size_t k = 0; k < n; k++) {
        double w = 0, bound = 1e-11 * b_length * length_of(a + k, m, n) + 1e-300;
        for (size_t i = 0; i < m; i++) {
            w += a[i * n + k] * r[i];
        }
        cr_assert(x[k] >= 0, "column %zu has %g", k, x[k]);
        cr_assert(w <= bound, "column %zu has gradient %g of %g", k, w, bound);
        cr_assert(x[k] == 0 || w >= -bound, "column %zu has %g, gradient %g of %g", k,
                  x[k], w, bound);
    }
}

static void solve(const double *a, const double *b, size_t m, size_t n, double *x)
{
    ef_error err = {0};
    cr_assert_eq(ef_nnls(a, b, m, n, x, &err), EF_OK, "%s", err.text);
    check_conditions(a, b, m, n, x);
}

Test(nnls_solve, a_solution_without_bounds_is_that_of_least_squares)
{
    /* The line through (0, 1), (1, 3), (2, 4): slope 3/2, and 7/6 at 0. */
    static const double a[] = {1, 0, 1, 1, 1, 2}, b[] = {1, 3, 4};
    double x[2];
    solve(a, b, 3, 2, x);
    cr_assert_float_eq(x[0], 7.0 / 6, 1e-14);
    cr_assert_float_eq(x[1], 1.5, 1e-14);
}

Test(nnls_solve, what_would_fall_below_0_stays_0)
{
    /* The line through (0, 4), (1, 2), (2, 3) falls by 1/2; without slope it is the
     * mean, 3. */
    static const double a[] = {1, 0, 1, 1, 1, 2}, b[] = {4, 2, 3};
    double x[2];
    solve(a, b, 3, 2, x);
    cr_assert_float_eq(x[0], 3, 1e-14);
    cr_assert_eq(x[1], 0);
}

Test(nnls_solve, one_that_came_first_can_leave_again)
{
    /* b = 2 u + 2 v, and d = (1, 1, 0.5) lies nearest to b of the three: it comes
     * first, and leaves when both others are there, since b needs nothing of it. */
    static const double a[] = {1, 0, 1, 0, 1, 1, 0, 0, 0.5}, b[] = {2, 2, 0};
    double x[3];
    solve(a, b, 3, 3, x);
    cr_assert_float_eq(x[0], 2, 1e-14);
    cr_assert_float_eq(x[1], 2, 1e-14);
    cr_assert_float_eq(x[2], 0, 1e-14);
}

/* Kinds of problems that are hard: name, and what is done to a random column. */
typedef enum hardness {
    PLAIN,
    SCALED,     /* columns differ by 1e24 in length */
    REPEATED,   /* every second column is twice the one before */
    DEPENDENT,  /* every third column is the sum of the two before */
    ZEROS,      /* every second column is 0 */
    NEARLY,     /* every second column differs from the one before by 1e-9 */
    WIDE,       /* more columns than rows */
    WHOLE,      /* small whole numbers: ties */
    ATTAINABLE, /* b is a combination >= 0 */
    BEHIND,     /* all entries of A above 0, of b below */
    KINDS
} hardness;

static double entry(const double *row, size_t k, hardness kind, double drawn)
{
    switch (kind) {
    case SCALED:
        return drawn * pow(10, (double)(k % 9) * 3 - 12);
    case REPEATED:
        return k % 2 ? 2 * row[k - 1] : drawn;
    case DEPENDENT:
        return k % 3 == 2 ? row[k - 1] + row[k - 2] : drawn;
    case ZEROS:
        return k % 2 ? 0 : drawn;
    case NEARLY:
        return k % 2 ? row[k - 1] + 1e-9 * drawn : drawn;
    case WHOLE:
        return floor(2 * drawn);
    case BEHIND:
        return fabs(drawn);
    default:
        return drawn;
    }
}

static void draw(ef_rng *rng, hardness kind, size_t m, size_t n, double *a, double *b)
{
    double truth[MOST_COLUMNS];
    for (size_t k = 0; k < n; k++) {
        double drawn = ef_rng_normal(rng);
        truth[k] = drawn > 0 ? drawn : 0;
    }
    for (size_t i = 0; i < m; i++) {
        double *row = a + i * n, sum = 0;
        for (size_t k = 0; k < n; k++) {
            row[k] = entry(row, k, kind, ef_rng_normal(rng));
            sum += row[k] * truth[k];
        }
        double drawn = ef_rng_normal(rng);
        b[i] = kind == ATTAINABLE ? sum
               : kind == BEHIND   ? -fabs(drawn)
               : kind == WHOLE    ? floor(2 * drawn)
                                  : drawn;
    }
}

Test(nnls_solve, satisfies_the_conditions_on_random_and_degenerate_problems)
{
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    double a[MOST_ROWS * MOST_COLUMNS], b[MOST_ROWS], x[MOST_COLUMNS];
    for (int t = 0; t < 3000; t++) {
        hardness kind = t % KINDS;
        size_t n = 1 + ef_rng_below(&rng, MOST_COLUMNS);
        size_t m = 1 + ef_rng_below(&rng, kind == WIDE ? n : MOST_ROWS);
        draw(&rng, kind, m, n, a, b);
        solve(a, b, m, n, x);
        for (size_t k = 0; k < n && kind == BEHIND; k++) {
            cr_assert_eq(x[k], 0);
        }
    }
}

Test(nnls_solve, finds_back_what_a_right_side_was_made_of)
{
    ef_rng rng = ef_rng_stream(2, EF_PURPOSE_TEST, 0, 0, 0);
    double a[MOST_ROWS * 6], b[MOST_ROWS], x[6];
    static const double truth[6] = {1, 0, 3e-9, 2e6, 0, 0.5};
    static const double scale[6] = {1, 1, 1e9, 1e-6, 1, 1};
    for (size_t i = 0; i < MOST_ROWS; i++) {
        b[i] = 0;
        for (size_t k = 0; k < 6; k++) {
            a[i * 6 + k] = scale[k] * ef_rng_unit(&rng);
            b[i] += a[i * 6 + k] * truth[k];
        }
    }
    solve(a, b, MOST_ROWS, 6, x);
    for (size_t k = 0; k < 6; k++) {
        cr_assert_float_eq(x[k], truth[k], 1e-11 / scale[k], "column %zu has %g", k,
                           x[k]);
    }
}

Test(nnls_solve, takes_nothing_and_the_greatest_numbers)
{
    double a[] = {1e300, 0, 0, 1e-300}, b[] = {1e300, 3e-300}, x[2];
    ef_error err = {0};
    cr_assert_eq(ef_nnls(a, b, 2, 0, x, &err), EF_OK);
    x[0] = 5;
    cr_assert_eq(ef_nnls(a, b, 0, 1, x, &err), EF_OK);
    cr_assert_eq(x[0], 0);
    cr_assert_eq(ef_nnls(a, b, 2, 1, x, &err), EF_OK);
    cr_assert_eq(ef_nnls(a, b, 2, 2, x, &err), EF_OK);
    cr_assert_float_eq(x[0], 1, 1e-15);
}

Test(nnls_solve, leaves_x_alone_when_memory_is_short)
{
    static const double a[] = {1}, b[] = {1};
    for (long n = 0; n < 8; n++) {
        double x = 7;
        ef_error err = {0};
        ef_mem_fail_after(n);
        ef_status status = ef_nnls(a, b, 1, 1, &x, &err);
        ef_mem_fail_after(-1);
        cr_assert_eq(status, EF_ERR_MEMORY);
        cr_assert_eq(x, 7);
    }
}

Test(nnls_independent, names_the_columns_that_add_nothing)
{
    /* Columns: u, 2 u, v, 0, u + v, u + 0.001 w. */
    static const double a[] = {1, 2, 0, 0, 1, 1, 0, 0, 1,
                               0, 1, 0, 0, 0, 0, 0, 0, 0.001};
    static const size_t order[] = {0, 1, 2, 3, 4, 5}, back[] = {5, 4, 3, 2, 1, 0};
    static const unsigned char loose[] = {1, 0, 1, 0, 0, 0},
                               fine[] = {1, 0, 1, 0, 0, 1},
                               turned[] = {0, 0, 1, 0, 1, 1};
    unsigned char independent[6];
    ef_error err = {0};
    cr_assert_eq(ef_nnls_independent(a, 3, 6, order, 0.01, independent, &err), EF_OK);
    cr_assert_arr_eq(independent, loose, 6);
    cr_assert_eq(ef_nnls_independent(a, 3, 6, order, 1e-4, independent, &err), EF_OK);
    cr_assert_arr_eq(independent, fine, 6);
    /* From behind: v is 0.001 / sqrt(3) from what the two before it span. */
    cr_assert_eq(ef_nnls_independent(a, 3, 6, back, 1e-4, independent, &err), EF_OK);
    cr_assert_arr_eq(independent, turned, 6);
}
