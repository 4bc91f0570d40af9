/* What trials show. */
#include "faultsim/spread.h"

#include <criterion/criterion.h>
#include <math.h>

#include "base/mem.h"
#include "trials.h"

static ef_error err;

static ef_spread find(const uint64_t *failures, size_t n, uint64_t images)
{
    ef_spread s;
    cr_assert_eq(ef_spread_find(&s, failures, n, images, &err), EF_OK);
    return s;
}

/* Abramowitz and Stegun, table 26.10, at 0.975. */
Test(student_z95, quantiles_are_those_of_the_table)
{
    static const double rows[][2] = {{1, 12.706}, {2, 4.303},  {3, 3.182},  {4, 2.776},
                                     {5, 2.571},  {7, 2.365},  {10, 2.228}, {20, 2.086},
                                     {30, 2.042}, {60, 2.000}, {120, 1.980}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect_float_eq(ef_student_z95(rows[i][0]), rows[i][1],
                           rows[i][0] < 6 ? 0.005 : 0.0006, "%g: %g", rows[i][0],
                           ef_student_z95(rows[i][0]));
    }
    cr_expect_float_eq(ef_student_z95(1e9), EF_INTERVAL_Z95, 1e-8);
}

/* By hand: 0, 1, 2, 3, 10 of 20 images have mean 3.2 and squared deviations of 62.8;
 * at positions 0.2 and 3.8 of 0..4 lie 0.2 and 8.6. */
Test(spread_find, moments_and_quantiles_are_those_by_hand)
{
    static const uint64_t failures[] = {3, 0, 10, 1, 2};
    ef_spread s = find(failures, 5, 20);
    cr_expect_eq(s.n, 5);
    cr_expect_float_eq(s.mean, 0.16, 1e-15);
    cr_expect_float_eq(s.deviation, sqrt(62.8 / 4) / 20, 1e-15);
    cr_expect_eq(s.least, 0);
    cr_expect_float_eq(s.low, 0.01, 1e-15);
    cr_expect_float_eq(s.median, 0.1, 1e-15);
    cr_expect_float_eq(s.high, 0.43, 1e-15);
    cr_expect_eq(s.most, 0.5);
}

/* Wilson's at p (1 - p) / v with Student's quantile of 99 degrees, 1.98422: 50 trials
 * of 10 images in 100 and 50 of 30 have p = 0.2, s^2 = 0.01 * 100 / 99. */
Test(spread_find, the_interval_is_wilsons_at_the_effective_size)
{
    uint64_t failures[100];
    for (size_t i = 0; i < 100; i++) {
        failures[i] = i % 2 ? 10 : 30;
    }
    ef_spread s = find(failures, 100, 100);
    double n = 0.16 / (0.01 / 99), z = 1.98422, q = z * z / n;
    double centre = (0.2 + q / 2) / (1 + q);
    double half = sqrt(0.16 * q + q * q / 4) / (1 + q);
    cr_expect_float_eq(s.interval.low, centre - half, 1e-5);
    cr_expect_float_eq(s.interval.high, centre + half, 1e-5);
}

/* Fewer than 20 trials with a failure: no more is known than of so many yes and no. */
Test(spread_find, few_trials_that_differ_leave_much_open)
{
    uint64_t failures[100] = {0};
    ef_spread s = find(failures, 100, 50);
    cr_expect(s.mean == 0 && s.interval.low == 0);
    cr_expect(s.interval.high > 0.03 && s.interval.high < 0.04, "%g", s.interval.high);
    failures[3] = 1;
    s = find(failures, 100, 50);
    cr_expect(s.interval.high > 0.03 && s.interval.low > 0);
    s = find(failures, 1, 50);
    cr_expect(isnan(s.deviation) && s.interval.high > 0.9, "one trial says little");
    for (size_t i = 0; i < 100; i++) {
        failures[i] = 50;
    }
    s = find(failures, 100, 50);
    cr_expect(s.mean == 1 && s.interval.high == 1 && s.interval.low > 0.96,
              "nor do trials that are all alike: %g", s.interval.low);
}

Test(spread_find, memory_may_fail)
{
    static const uint64_t failures[] = {1};
    ef_spread s = {.n = 77};
    ef_mem_fail_after(0);
    cr_expect_eq(ef_spread_find(&s, failures, 1, 1, &err), EF_ERR_MEMORY);
    ef_mem_fail_after(-1);
    cr_expect_eq(s.n, 77);
}

/* 2000 sweeps a row: of true coverage 95 % it is below 93.5 % but once in 900 rows. */
Test(spread_coverage, is_about_95_percent)
{
    static const trials_case rows[] = {{"spread", 0, 2, 100},
                                       {"some none", 0.3, 2, 100}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double held = trials_coverage(&rows[i], 2000);
        cr_expect(held > 0.93 && held < 0.97, "%s: %g", rows[i].name, held);
    }
}
