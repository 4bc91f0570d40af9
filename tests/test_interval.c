/* Wilson's interval against published numbers. */
#include <criterion/criterion.h>
#include <math.h>

#include "base/interval.h"

/* R. G. Newcombe, Two-sided confidence intervals for the single proportion, Statistics
 * in Medicine 17, 1998,
 * doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I, method
 * 3 (score, no correction for continuity), 95 %. */
Test(interval_wilson, equals_the_table_of_newcombe)
{
    static const struct {
        const char *name;
        double count, n, low, high;
    } rows[] = {
        {"81 of 263", 81, 263, 0.2553, 0.3662},
        {"15 of 148", 15, 148, 0.0624, 0.1605},
        {"0 of 20", 0, 20, 0.0000, 0.1611},
        {"1 of 29", 1, 29, 0.0061, 0.1718},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_interval found =
            ef_interval_wilson(rows[i].count / rows[i].n, rows[i].n, EF_INTERVAL_Z95);
        cr_expect_float_eq(found.low, rows[i].low, 0.5e-4, "%s: %g", rows[i].name,
                           found.low);
        cr_expect_float_eq(found.high, rows[i].high, 0.5e-4, "%s: %g", rows[i].name,
                           found.high);
    }
}

/* Its bounds are the shares p at which |share - p| is z standard errors of p. */
Test(interval_wilson, solves_the_equation_that_defines_it)
{
    for (double n = 0.75; n < 1e9; n *= 7) {
        for (double share = 0.015625; share < 1; share += 0.015625) {
            ef_interval found = ef_interval_wilson(share, n, 2.5);
            double low = (share - found.low) / sqrt(found.low * (1 - found.low) / n);
            double high =
                (found.high - share) / sqrt(found.high * (1 - found.high) / n);
            cr_expect_float_eq(low, 2.5, 1e-6, "%g of %g: %g", share, n, low);
            cr_expect_float_eq(high, 2.5, 1e-6, "%g of %g: %g", share, n, high);
        }
    }
}

Test(interval_wilson, lies_in_the_unit_interval_and_around_the_share)
{
    static const double shares[] = {0, 1e-300, 1e-17, 0.5, 1 - 0x1p-53, 1};
    for (double n = 1e-3; n < 1e18; n *= 10) {
        for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
            ef_interval found = ef_interval_wilson(shares[i], n, EF_INTERVAL_Z95);
            cr_expect(0 <= found.low && found.low <= shares[i] &&
                          shares[i] <= found.high && found.high <= 1,
                      "%g of %g: %g to %g", shares[i], n, found.low, found.high);
        }
    }
    cr_expect_eq(ef_interval_wilson(0, 20, EF_INTERVAL_Z95).low, 0);
    cr_expect_eq(ef_interval_wilson(1, 20, EF_INTERVAL_Z95).high, 1);
}

Test(interval_wilson, says_nothing_where_nothing_was_seen)
{
    static const double rows[][2] = {{0.5, 0}, {0.5, -1}, {NAN, 10}, {0.5, NAN}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_interval found = ef_interval_wilson(rows[i][0], rows[i][1], EF_INTERVAL_Z95);
        cr_expect_eq(found.low, 0);
        cr_expect_eq(found.high, 1);
    }
}
