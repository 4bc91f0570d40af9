/* Coverage of the interval of mean CCR in full: 20,000 sweeps a row.  The share that
 * holds has a standard error of 0.16 %. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "trials.h"

static double coverage_of(const trials_case *row)
{
    double held = trials_coverage(row, 20000);
    printf("# %s, %zu trials, %g of them doing nothing, power %g: %.4f\n", row->name,
           row->trials, row->nothing, row->power, held);
    return held;
}

Test(spread_coverage, is_94_to_96_percent_where_most_trials_change_something)
{
    static const trials_case rows[] = {
        {"even", 0, 1, 30},          {"even", 0, 1, 100},
        {"even", 0, 1, 1000},        {"skewed", 0, 2, 100},
        {"skewed", 0, 4, 100},       {"skewed", 0, 4, 1000},
        {"some none", 0.3, 2, 100},  {"some none", 0.3, 2, 1000},
        {"half none", 0.5, 4, 1000}, {"most none", 0.8, 4, 3000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double held = coverage_of(&rows[i]);
        cr_expect(held > 0.94 && held < 0.96, "%s: %g", rows[i].name, held);
    }
}

/* Few trials that change much: the variance itself is hardly known. */
Test(spread_coverage, is_no_less_than_91_percent_where_few_change_much)
{
    static const trials_case rows[] = {
        {"heavy", 0, 9, 100},        {"half none", 0.5, 4, 100},
        {"most none", 0.8, 2, 100},  {"most none", 0.9, 2, 100},
        {"most none", 0.97, 2, 100}, {"most none", 0.97, 2, 1000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double held = coverage_of(&rows[i]);
        cr_expect_gt(held, 0.91, "%s: %g", rows[i].name, held);
    }
}
