/* Estimates of rates against closed forms, published tables and simulated campaigns. */
#include "faultsim/statistics.h"

#include <criterion/criterion.h>
#include <math.h>

#include "base/mem.h"
#include "coverage.h"

static ef_error err;

static ef_tally tally_of(const uint64_t *failures, size_t n, uint64_t zeros)
{
    ef_tally tally = {zeros, 0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        ef_tally_add(&tally, failures[i]);
    }
    return tally;
}

/* Faults that fail on all images or none are draws of a share: n_eff is n - 1 over the
 * share of the population that is left, by Cochran (3.8), and with a large population
 * the interval is Wilson's of Newcombe's table (doi:10.1002/(SICI)1097-0258(19980430)
 * 17:8<857::AID-SIM777>3.0.CO;2-E: 81 of 263). */
Test(estimate_rate, is_wilsons_where_faults_fail_wholly)
{
    uint64_t failures[81];
    for (size_t i = 0; i < 81; i++) {
        failures[i] = 10;
    }
    ef_tally tally = tally_of(failures, 81, 263 - 81);
    ef_estimate e = ef_estimate_rate(&tally, 10, UINT64_C(1) << 50);
    cr_expect_float_eq(e.n_effective, 262, 1e-6);
    cr_expect_float_eq(e.share, 81.0 / 263, 1e-15);
    cr_expect_float_eq(e.interval.low, 0.2553, 2e-4);
    cr_expect_float_eq(e.interval.high, 0.3662, 2e-4);
    e = ef_estimate_rate(&tally, 10, 526);
    cr_expect_float_eq(e.n_effective, 524, 1e-6);
    e = ef_estimate_critical(&tally, 526);
    cr_expect_float_eq(e.n_effective, 524, 1e-6);
}

/* 81 of 263 faults, each on all 10 images by 3 of at most 12 units: a quarter of the
 * share, and v a sixteenth of the variance. */
Test(estimate_units, are_shares_of_what_all_pairs_could_count)
{
    uint64_t failures[81];
    for (size_t i = 0; i < 81; i++) {
        failures[i] = 30;
    }
    ef_tally tally = tally_of(failures, 81, 263 - 81);
    ef_estimate e = ef_estimate_units(&tally, 10, 12, 526);
    double share = 81.0 / 263, p = share / 4;
    double v = share * (1 - share) / 262 / 16 / 2;
    ef_interval expected = ef_interval_wilson(p, p * (1 - p) / v, EF_INTERVAL_Z95);
    cr_expect_float_eq(e.share, p, 1e-15);
    cr_expect_float_eq(e.n_effective, p * (1 - p) / v, 1e-6);
    cr_expect_float_eq(e.interval.low, expected.low, 1e-12);
    cr_expect_float_eq(e.interval.high, expected.high, 1e-12);
}

/* A pair that counts 5 of at most 5 units is a failure. */
Test(estimate_units, the_greatest_weight_is_a_failure)
{
    ef_tally pairs = {0}, units = {0};
    ef_stratum a = {.population = 5000}, b = {.population = 5000};
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t failures = i % 40 ? 0 : i / 40;
        ef_tally_add(&pairs, failures);
        ef_tally_add(&units, 5 * failures);
    }
    ef_estimate x = ef_estimate_rate(&pairs, 100, 5000);
    ef_estimate y = ef_estimate_units(&units, 100, 5, 5000);
    cr_expect_float_eq(x.share, y.share, 1e-15);
    cr_expect_float_eq(x.interval.low, y.interval.low, 1e-12);
    cr_expect_float_eq(x.interval.high, y.interval.high, 1e-12);
    a.pilot = pairs;
    b.pilot = units;
    cr_assert_eq(ef_estimate_strata(&a, 1, 100, &x, &err), EF_OK);
    cr_assert_eq(ef_estimate_strata_units(&b, 1, 100, 5, &y, &err), EF_OK);
    cr_expect_float_eq(x.share, y.share, 1e-15);
    cr_expect_float_eq(x.interval.low, y.interval.low, 1e-12);
    cr_expect_float_eq(x.interval.high, y.interval.high, 1e-12);
}

/* Ten million images with a weight of 1000 in thousandths: squares beyond 2^64. */
Test(tally, squares_do_not_overflow)
{
    ef_tally tally = {0};
    uint64_t all = UINT64_C(10000000) * 1000000;
    ef_tally_add(&tally, all);
    ef_tally_add(&tally, 0);
    ef_estimate e = ef_estimate_units(&tally, 10000000, 1000000, UINT64_C(1) << 50);
    cr_expect_float_eq(e.share, 0.5, 1e-15);
    cr_expect_float_eq(e.n_effective, 1, 1e-12);
}

/* By hand: 40 faults with shares 0.1 and 40 with 0.3 among 400 have mean 0.04,
 * s^2 = (40 * 0.01 + 40 * 0.09 - 400 * 0.0016) / 399. */
Test(estimate_rate, the_variance_is_that_between_faults)
{
    uint64_t failures[80];
    for (size_t i = 0; i < 80; i++) {
        failures[i] = i % 2 ? 1 : 3;
    }
    ef_tally tally = tally_of(failures, 80, 320);
    double v = (0.4 + 3.6 - 0.64) / 399 / 400;
    ef_estimate e = ef_estimate_rate(&tally, 10, UINT64_C(1) << 50);
    cr_expect_float_eq(e.n_effective, 0.04 * 0.96 / v, 1e-6);
    e = ef_estimate_rate(&tally, 10, 1000);
    cr_expect_float_eq(e.n_effective, 0.04 * 0.96 / (v * 0.6), 1e-6);
}

Test(estimate_rate, without_failures_the_bound_is_that_of_n_faults)
{
    ef_tally tally = {1000, 0, 0, 0};
    ef_estimate e = ef_estimate_rate(&tally, 100, UINT64_C(1) << 50);
    double z2 = EF_INTERVAL_Z95 * EF_INTERVAL_Z95;
    cr_expect_float_eq(e.n_effective, 1000, 1e-3);
    cr_expect(e.share == 0 && e.interval.low == 0);
    cr_expect_float_eq(e.interval.high, z2 / (1000 + z2), 1e-8);
    /* half the population: K failing faults are all missed with chance 2^-K */
    e = ef_estimate_rate(&tally, 100, 2000);
    cr_expect_float_eq(e.n_effective, 2000 * log(2), 1e-6);
}

Test(estimate_rate, a_single_light_failure_narrows_nothing)
{
    uint64_t one = 1;
    ef_tally none = {1000, 0, 0, 0}, tally = tally_of(&one, 1, 999);
    ef_estimate a = ef_estimate_rate(&none, 100, 1 << 30);
    ef_estimate b = ef_estimate_rate(&tally, 100, 1 << 30);
    cr_expect_geq(b.interval.high, a.interval.high);
}

Test(estimate_rate, edges_have_an_answer)
{
    ef_tally none = {0, 0, 0, 0}, all = {50, 500, 5000, 50}, whole = {8, 4, 6, 2};
    ef_estimate e = ef_estimate_rate(&none, 10, 100);
    cr_expect(isnan(e.share) && e.interval.low == 0 && e.interval.high == 1);
    e = ef_estimate_rate(&all, 10, 1000);
    cr_expect(e.share == 1 && e.interval.high == 1 && e.interval.low > 0.9 &&
              e.interval.low < 0.95);
    e = ef_estimate_rate(&whole, 10, 8);
    cr_expect(e.share == 0.05 && e.interval.low == 0.05 && e.interval.high == 0.05);
    uint64_t one = 3;
    ef_tally single = tally_of(&one, 1, 0);
    e = ef_estimate_rate(&single, 10, 100);
    cr_expect(e.interval.low < 0.3 && e.interval.high > 0.3);
}

Test(tally_merge, tallies_of_parts_are_that_of_all)
{
    static const uint64_t failures[] = {0, 3, 100, 7, 0, 1};
    ef_tally all = tally_of(failures, 6, 0), part = tally_of(failures, 2, 0);
    ef_tally rest = tally_of(failures + 2, 4, 0);
    ef_tally_merge(&part, &rest);
    cr_expect(all.n == 6 && all.failures == 111 && all.squares == 10059 &&
              all.hit == 4);
    cr_expect(part.n == 6 && part.failures == 111 && part.squares == 10059 &&
              part.hit == 4);
}

/* R. V. Krejcie, D. W. Morgan, Determining sample size for research activities,
 * Educational and Psychological Measurement 30, 1970, doi:10.1177/001316447003000308,
 * table 1: the same formula, rounded to nearest, at a margin of 5 % and 95 %. */
Test(leveugle_faults, equals_the_table_of_krejcie_and_morgan)
{
    static const uint64_t rows[][2] = {{100, 80},    {200, 132},    {500, 217},
                                       {1000, 278},  {5000, 357},   {10000, 370},
                                       {50000, 381}, {1000000, 384}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t n = ef_leveugle_faults(rows[i][0], 0.5, 0.05, EF_INTERVAL_Z95);
        cr_expect(n == rows[i][1] || n == rows[i][1] + 1, "%zu: %zu",
                  (size_t)rows[i][0], (size_t)n);
    }
    cr_expect_eq(ef_leveugle_faults(1, 0.5, 0.05, EF_INTERVAL_Z95), 1);
    /* z = 2.5758 and 1 %: (2.5758 / 0.02)^2 = 16587.2 in a population without end */
    cr_expect_eq(ef_leveugle_faults(UINT64_C(1) << 60, 0.5, 0.01, 2.5758), 16587);
}

/* --- strata ------------------------------------------------------------------ */

/* Pilots are known, what they left is estimated from the rest: (3 + 90 * 0.2) faults of
 * the first 100 and 300 * 0.01 of the second. */
Test(estimate_strata, strata_weigh_as_in_the_population)
{
    ef_stratum strata[] = {
        {100, 0, {10, 300, 30000, 3}, {20, 400, 40000, 4}},
        {300, 1, {100, 100, 5000, 5}, {0, 0, 0, 0}},
    };
    ef_estimate e;
    cr_assert_eq(ef_estimate_strata(strata, 2, 100, &e, &err), EF_OK);
    cr_expect_float_eq(e.share, (3 + 18 + 3) / 400.0, 1e-12);
    cr_expect(e.n == 130 && e.population == 400);
    cr_expect(e.interval.low > 0 && e.interval.low < e.share &&
              e.interval.high > e.share);
}

Test(estimate_strata, without_failures_the_least_seen_stratum_bounds)
{
    ef_stratum strata[] = {
        {1000000, 0, {500, 0, 0, 0}, {0, 0, 0, 0}},
        {1000000, 1, {500, 0, 0, 0}, {1000, 0, 0, 0}},
    };
    ef_estimate e;
    cr_assert_eq(ef_estimate_strata(strata, 2, 100, &e, &err), EF_OK);
    cr_expect_float_eq(e.n_effective, 1000, 1, "%g", e.n_effective);
    cr_expect(e.interval.low == 0 && e.interval.high > 3e-3);
}

Test(estimate_strata, all_faults_struck_leave_no_doubt)
{
    ef_stratum strata[] = {
        {10, 0, {4, 4, 6, 3}, {6, 0, 0, 0}},
        {5, 0, {5, 1, 1, 1}, {0, 0, 0, 0}},
    };
    ef_estimate e;
    cr_assert_eq(ef_estimate_strata(strata, 2, 10, &e, &err), EF_OK);
    cr_expect_float_eq(e.share, 5 / 150.0, 1e-15);
    cr_expect(e.interval.low == e.share && e.interval.high == e.share);
}

/* The strata of strata_weigh_as_in_the_population, 3 + 18 of 100 faults and 3 of 300
 * failing: with weights 2 and 0.5 a strike fails with chance (2 * 21 + 0.5 * 3) /
 * (2 * 100 + 0.5 * 300). */
Test(estimate_strata, faults_count_by_their_weight)
{
    ef_stratum strata[] = {
        {100, 0, {10, 300, 30000, 3}, {20, 400, 40000, 4}},
        {300, 1, {100, 100, 5000, 5}, {0, 0, 0, 0}},
    };
    const double weights[] = {2, 0.5}, alike[] = {7, 7}, first[] = {1, 0};
    ef_estimate e, plain, only;
    cr_assert_eq(ef_estimate_strata_weighted(strata, weights, 2, 100, &e, &err), EF_OK);
    cr_expect_float_eq(e.share, 43.5 / 350, 1e-12);
    cr_expect(e.interval.low > 0 && e.interval.low < e.share &&
              e.interval.high > e.share);
    cr_assert_eq(ef_estimate_strata(strata, 2, 100, &plain, &err), EF_OK);
    cr_assert_eq(ef_estimate_strata_weighted(strata, alike, 2, 100, &e, &err), EF_OK);
    cr_expect_float_eq(e.share, plain.share, 1e-12);
    cr_expect_float_eq(e.n_effective, plain.n_effective, 1e-9 * plain.n_effective);
    cr_assert_eq(ef_estimate_strata_weighted(strata, first, 2, 100, &only, &err),
                 EF_OK);
    cr_expect_float_eq(only.share, 0.21, 1e-12);
}

/* Nothing failed where 500 of a million were struck, nor where 1500 were: a bound on
 * the chance of failing is by the stratum in which most weight stands behind a fault
 * that was struck; the second, four times as heavy, 4 / 1500 beside 1 / 500 of half a
 * million and two million of the weight. */
Test(estimate_strata, the_heaviest_doubt_bounds_where_nothing_failed)
{
    ef_stratum strata[] = {
        {1000000, 0, {500, 0, 0, 0}, {0, 0, 0, 0}},
        {1000000, 1, {500, 0, 0, 0}, {1000, 0, 0, 0}},
    };
    const double weights[] = {1, 4};
    ef_estimate e;
    cr_assert_eq(ef_estimate_strata_weighted(strata, weights, 2, 100, &e, &err), EF_OK);
    cr_expect_float_eq(e.n_effective, 5e6 * 1500e-6 / 4, 2, "%g", e.n_effective);
}

static uint64_t sum(const uint64_t *x, size_t n)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        total += x[i];
    }
    return total;
}

Test(allocate_pilot, in_proportion_and_one_of_each)
{
    ef_stratum strata[4] = {{.population = 800},
                            {.population = 199},
                            {.population = 1},
                            {.population = 1000}};
    uint64_t more[4];
    cr_assert_eq(ef_allocate_pilot(strata, 4, 104, more, &err), EF_OK);
    cr_expect(more[0] == 41 && more[1] == 11 && more[2] == 1 && more[3] == 51,
              "%zu %zu %zu %zu", (size_t)more[0], (size_t)more[1], (size_t)more[2],
              (size_t)more[3]);
    cr_assert_eq(ef_allocate_pilot(strata, 4, 5000, more, &err), EF_OK);
    cr_expect_eq(sum(more, 4), 2000);
    cr_assert_eq(ef_allocate_pilot(strata, 4, 2, more, &err), EF_OK);
    cr_expect_eq(sum(more, 4), 4);
}

/* Half by size, 500 each of 1000; the other half as 9 % against 1 % of large pilots has
 * it, sqrt(0.09 * 0.91) : sqrt(0.01 * 0.99) = 2.876 : 1. */
Test(allocate_rest, half_by_size_and_half_by_neyman)
{
    ef_stratum strata[2] = {{1000000, 0, {10000, 900, 900, 900}, {0, 0, 0, 0}},
                            {1000000, 1, {10000, 100, 100, 100}, {0, 0, 0, 0}}};
    uint64_t more[2];
    cr_assert_eq(ef_allocate_rest(strata, 2, 2000, more, &err), EF_OK);
    cr_expect_eq(sum(more, 2), 2000);
    cr_expect_float_eq((double)more[0], 500 + 1000 * 2.876 / 3.876, 2);
    strata[0].population = 10100; /* its rest is 100 */
    cr_assert_eq(ef_allocate_rest(strata, 2, 20000, more, &err), EF_OK);
    cr_expect(more[0] == 100 && more[1] == 19900);
}

Test(allocate_rest, pilots_without_failures_share_by_size)
{
    ef_stratum strata[3] = {{600, 0, {10, 0, 0, 0}, {0, 0, 0, 0}},
                            {300, 1, {10, 0, 0, 0}, {0, 0, 0, 0}},
                            {100, 2, {10, 0, 0, 0}, {0, 0, 0, 0}}};
    uint64_t more[3];
    cr_assert_eq(ef_allocate_rest(strata, 3, 100, more, &err), EF_OK);
    cr_expect(more[0] == 60 && more[1] == 30 && more[2] == 10);
    cr_assert_eq(ef_allocate_rest(strata, 3, 1000, more, &err), EF_OK);
    cr_expect(more[0] == 590 && more[1] == 290 && more[2] == 90);
}

Test(allocate_rest, failing_allocations_are_reported)
{
    ef_stratum strata[1] = {{100, 0, {1, 0, 0, 0}, {0, 0, 0, 0}}};
    uint64_t more[1];
    ef_estimate e;
    for (long n = 0; n < 3; n++) {
        ef_mem_fail_after(n);
        ef_status status = ef_allocate_rest(strata, 1, 10, more, &err);
        ef_mem_fail_after(n < 2 ? n : 0);
        ef_status other = n < 2 ? ef_estimate_strata(strata, 1, 10, &e, &err)
                                : ef_allocate_pilot(strata, 1, 10, more, &err);
        ef_mem_fail_after(-1);
        cr_expect(status == EF_ERR_MEMORY && other == EF_ERR_MEMORY, "%ld", n);
    }
}

/* --- stopping ---------------------------------------------------------------- */

Test(next_look, doubles_from_a_thousand)
{
    ef_stop_rule rule = EF_STOP_RULE_DEFAULT;
    uint64_t population = 2000000, n = 0;
    static const uint64_t looks[] = {1000,  2000,  4000,  8000,
                                     16000, 32000, 64000, 100000};
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        n = ef_next_look(&rule, n, population);
        cr_expect_eq(n, looks[i]);
    }
    cr_expect_eq(ef_next_look(&rule, 1500, population), 2000);
    cr_expect_eq(ef_next_look(&rule, 0, 300), 300);
    cr_expect_eq(ef_next_look(&rule, 1000, 1700), 1700);
}

Test(is_enough, precision_negligible_rates_and_budgets_end)
{
    ef_stop_rule rule = EF_STOP_RULE_DEFAULT;
    const struct {
        const char *name;
        ef_estimate e;
        int enough;
    } rows[] = {
        {"wide", {0.1, {0.07, 0.13}, 0, 4000, 1000000}, 0},
        {"narrow", {0.1, {0.085, 0.118}, 0, 4000, 1000000}, 1},
        {"narrow, but before the first look", {0.1, {0.09, 0.11}, 0, 500, 1000000}, 0},
        {"negligible", {0, {0, 9e-5}, 0, 64000, 1000000}, 1},
        {"a pilot without failures", {0, {0, 3.8e-3}, 0, 1000, 1000000}, 0},
        {"budget", {0, {0, 3.8e-3}, 0, 100000, 1000000}, 1},
        {"exhausted", {0, {0, 0}, 0, 400, 400}, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect_eq(ef_is_enough(&rule, &rows[i].e), rows[i].enough, "%s",
                     rows[i].name);
    }
}

/* A whole campaign on faults that never fail: IterativeFI's ends after its pilot. */
Test(is_enough, no_failures_take_the_faults_that_prove_them_rare)
{
    ef_stop_rule rule = EF_STOP_RULE_DEFAULT;
    ef_tally tally = {0, 0, 0, 0};
    ef_estimate e = ef_estimate_rate(&tally, 100, 2000000);
    while (!ef_is_enough(&rule, &e)) {
        tally.n = ef_next_look(&rule, tally.n, 2000000);
        e = ef_estimate_rate(&tally, 100, 2000000);
    }
    cr_expect_eq(e.n, 64000);
    cr_expect(e.interval.high > 0 && e.interval.high < 1e-4);
}

/* --- coverage ---------------------------------------------------------------- */

/* 1000 campaigns of true coverage 95 % lie between 92 and 97.5 % but once in 3000. */
Test(estimate_coverage, intervals_hold_the_rate_as_often_as_they_say)
{
    static const coverage_case rows[] = {
        {"uniform", 0.05, 1000, 0},
        {"stratified", 0.05, 2000, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        coverage found = coverage_simulate(&rows[i], 1000);
        cr_expect(found.held > 0.92 && found.held < 0.975, "%s: %g", rows[i].name,
                  found.held);
        cr_expect(fabs(found.mean - 1) < 0.03, "%s: %g", rows[i].name, found.mean);
    }
}
