/* Failures in time, by hand, and the greatest of many counts. */
#include "report/fit.h"

#include <criterion/criterion.h>

#include "base/rng.h"
#include "report/worst.h"

/* 1000 FIT per Mbit on 2 Mbit, of which a tenth fails. */
Test(fit, is_the_raw_rate_times_bits_times_share)
{
    ef_fit fit = ef_fit_of(1000, 2 * 1048576, 0.1, (ef_interval){0.05, 0.2});
    cr_expect_float_eq(fit.value, 200, 1e-12);
    cr_expect_float_eq(fit.interval.low, 100, 1e-12);
    cr_expect_float_eq(fit.interval.high, 400, 1e-12);
}

/* Distances below 3 and 4, above 6 and 8. */
Test(fit, of_parts_add_and_their_distances_in_squares)
{
    const ef_fit parts[] = {{10, {7, 16}}, {20, {16, 28}}};
    ef_fit sum = ef_fit_sum(parts, 2);
    cr_expect_float_eq(sum.value, 30, 1e-12);
    cr_expect_float_eq(sum.interval.low, 25, 1e-12);
    cr_expect_float_eq(sum.interval.high, 40, 1e-12);
    sum = ef_fit_sum(parts, 1);
    cr_expect(sum.value == 10 && sum.interval.low == 7 && sum.interval.high == 16);
}

Test(worst_find, the_greatest_come_first_and_of_equals_the_first)
{
    static const uint64_t counts[] = {3, 0, 7, 3, 9, 0, 7, 1};
    static const size_t expected[] = {4, 2, 6, 0, 3, 7};
    size_t places[8];
    for (size_t most = 0; most <= 8; most++) {
        size_t n = ef_worst_find(counts, 8, most, places);
        cr_expect_eq(n, most < 6 ? most : 6);
        for (size_t i = 0; i < n; i++) {
            cr_expect_eq(places[i], expected[i], "%zu of %zu", i, most);
        }
    }
}

/* Each place that is chosen is the best of those that were not chosen before it. */
Test(worst_find, agrees_with_a_search_for_each)
{
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    for (int round = 0; round < 200; round++) {
        uint64_t counts[50];
        size_t places[20];
        for (size_t i = 0; i < 50; i++) {
            counts[i] = ef_rng_below(&rng, 12);
        }
        size_t most = (size_t)ef_rng_below(&rng, 20);
        size_t n = ef_worst_find(counts, 50, most, places);
        for (size_t k = 0; k < most; k++) {
            size_t best = 0;
            for (size_t i = 1; i < 50; i++) {
                best = counts[i] > counts[best] ? i : best;
            }
            cr_assert_eq(k<n, counts[best]> 0);
            cr_assert(k >= n || places[k] == best);
            counts[best] = 0;
        }
    }
}
