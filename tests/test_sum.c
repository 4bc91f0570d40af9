#include "base/sum.h"

#include <criterion/criterion.h>
#include <math.h>

enum { N = 100003 };
static double x[N], scratch[N];

Test(sum_sum, an_error_grows_slower_than_that_of_a_plain_loop)
{
    double plain = 0;
    for (size_t i = 0; i < N; i++) {
        x[i] = 0.1;
        plain += x[i];
    }
    double exact = (double)(N * (long double)0.1);
    cr_assert_leq(fabs(ef_sum(x, N) - exact), 2e-12);
    cr_assert_gt(fabs(plain - exact), 1e-10);
}

Test(sum_sum, whole_numbers_add_up_exactly)
{
    for (size_t i = 0; i < N; i++) {
        x[i] = (double)i;
    }
    for (size_t n = 0; n < 300; n++) {
        cr_assert_eq(ef_sum(x, n), n ? (double)(n * (n - 1) / 2) : 0);
    }
    cr_assert_eq(ef_sum(x, N), (double)((size_t)N * (N - 1) / 2));
}

Test(sum_sum, nan_gives_nan)
{
    x[40] = NAN;
    cr_assert(isnan(ef_sum(x, 100)));
}

Test(sum_mean, the_mean_of_nothing_is_nan)
{
    cr_assert(isnan(ef_mean(x, 0)));
    x[0] = 3;
    x[1] = 4;
    cr_assert_eq(ef_mean(x, 2), 3.5);
}

/* 1..n has the variance n (n + 1) / 12. */
Test(sum_variance, the_closed_form_for_1_to_n_is_met)
{
    for (size_t i = 0; i < N; i++) {
        x[i] = (double)(i + 1);
    }
    for (size_t n = 2; n < 200; n++) {
        double exact = (double)(n * (n + 1)) / 12;
        cr_assert_float_eq(ef_variance(x, n), exact, 1e-14 * exact);
    }
}

/* 4, 7, 13, 16 has the variance 30 wherever it lies; the one-pass form fails here. */
Test(sum_variance, a_large_offset_does_no_harm)
{
    const double far[4] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16};
    cr_assert_eq(ef_variance(far, 4), 30);
}

Test(sum_variance, fewer_than_two_values_have_none)
{
    cr_assert(isnan(ef_variance(x, 0)));
    cr_assert(isnan(ef_variance(x, 1)));
}

Test(sum_median, the_middle_or_the_mean_of_the_two_middles)
{
    const double values[] = {5, -1, 3, 100};
    cr_assert_eq(ef_median(values, 1, scratch), 5);
    cr_assert_eq(ef_median(values, 2, scratch), 2);
    cr_assert_eq(ef_median(values, 3, scratch), 3);
    cr_assert_eq(ef_median(values, 4, scratch), 4);
    cr_assert_eq(values[0], 5);
    cr_assert(isnan(ef_median(values, 0, scratch)));
}

Test(sum_median, nan_gives_nan_and_infinity_is_a_value)
{
    const double values[] = {1, INFINITY, NAN};
    cr_assert(isnan(ef_median(values, 3, scratch)));
    cr_assert_eq(ef_median(values, 2, scratch), INFINITY);
}
