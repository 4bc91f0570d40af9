/* Patterns of a bit error rate. */
#include "faultsim/ber.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "net/topology_yaml.h"

static ef_error err;

static ef_ber_bits draw(ef_ber_key key, uint64_t begin, uint64_t end, double rate)
{
    ef_ber_bits bits = {NULL, 0, 0};
    cr_assert_eq(ef_ber_draw(&key, begin, end, rate, &bits, &err), EF_OK);
    return bits;
}

static ef_ber_key key_of(uint64_t trial)
{
    return (ef_ber_key){.seed = 1, .trial = trial, .site = 3, .image = -1};
}

Test(ber_draw, patterns_nest_over_rates)
{
    static const double rates[] = {1,   0.9,  0.500001, 0.5,  0.3,   0.25,
                                   0.1, 1e-2, 1e-3,     1e-4, 1e-13, 0};
    uint64_t n = 1100000;
    ef_ber_bits all = draw(key_of(1), 0, n, 1);
    cr_assert_eq(all.n, n);
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        ef_ber_bits part = draw(key_of(1), 0, n, rates[r]);
        size_t at = 0;
        for (size_t i = 0; i < all.n; i++) {
            if (all.items[i].u <= rates[r]) {
                cr_assert(at < part.n && part.items[at].bit == i &&
                              part.items[at].u == all.items[i].u,
                          "rate %g, bit %zu", rates[r], i);
                at++;
            }
        }
        cr_assert_eq(at, part.n, "rate %g: %zu of %zu", rates[r], at, part.n);
        ef_ber_bits_clear(&part);
    }
    ef_ber_bits_clear(&all);
}

/* Binomial counts lie within 4.9 standard deviations but once in 10^6; where fewer than
 * 25 are expected, the upper bound is that of the Poisson distribution by Chernoff. */
Test(ber_draw, as_many_bits_are_struck_as_the_rate_says)
{
    static const double rates[] = {1e-7, 1e-6, 1e-5, 3e-4, 1e-2, 0.125,
                                   0.2,  0.25, 0.5,  0.7,  0.99};
    uint64_t n = 1000003;
    enum { TRIALS = 2 };
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        double p = rates[r], mean = TRIALS * (double)n * p, found = 0;
        for (uint64_t trial = 0; trial < TRIALS; trial++) {
            ef_ber_bits bits = draw(key_of(trial), 0, n, p);
            found += (double)bits.n;
            ef_ber_bits_clear(&bits);
        }
        double room = mean < 25 ? 14 + sqrt(28 * mean) : 4.9 * sqrt(mean * (1 - p));
        cr_expect_lt(fabs(found - mean), room, "rate %g: %g, expected %g", p, found,
                     mean);
    }
}

/* The u of a million bits are uniform, by bins of 1 % and by powers of two: the largest
 * distance of the empirical distribution (Kolmogorov), whose limit is exceeded with
 * chance 2 exp(-2 d^2 n) = 1e-6. */
Test(ber_draw, the_rates_of_bits_are_uniform)
{
    size_t below[112] = {0}, n = 1000000;
    ef_ber_bits bits = draw(key_of(0), 300000, 300000 + n, 1);
    cr_assert_eq(bits.n, n);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < 112; k++) {
            double limit = k < 100 ? (double)(k + 1) / 100 : ldexp(1, 99 - (int)k);
            below[k] += bits.items[i].u <= limit;
        }
    }
    for (size_t k = 0; k < 112; k++) {
        double limit = k < 100 ? (double)(k + 1) / 100 : ldexp(1, 99 - (int)k);
        double distance = (double)below[k] / (double)n - limit;
        cr_expect_lt(fabs(distance), sqrt(log(2e6) / (2 * (double)n)), "below %g: %g",
                     limit, distance);
    }
    ef_ber_bits_clear(&bits);
}

/* Neighbours, sites, trials and images: pairs at rate 1/4 come together at 1/16; within
 * 4.9 standard deviations, false alarm 1e-6 each. */
Test(ber_draw, bits_are_struck_independently)
{
    enum { N = 200000 };
    ef_ber_key keys[4] = {key_of(0), key_of(0), key_of(1), key_of(0)};
    keys[1].site = 4;
    keys[3].image = 0;
    unsigned char(*struck)[N] = ef_calloc(4, N);
    for (size_t k = 0; k < 4; k++) {
        ef_ber_bits bits = draw(keys[k], 0, N, 0.25);
        for (size_t i = 0; i < bits.n; i++) {
            struck[k][bits.items[i].bit] = 1;
        }
        ef_ber_bits_clear(&bits);
    }
    static const size_t distances[] = {1, 2, 3, 8, 32};
    double room = 4.9 * sqrt(N / 16.0 * (15.0 / 16));
    for (size_t d = 0; d < 5; d++) {
        double both = 0;
        for (size_t i = 0; i < N; i++) {
            both += struck[0][i] & struck[0][(i + distances[d]) % N];
        }
        /* neighbouring pairs share bits: twice the variance and a bit */
        cr_expect_lt(fabs(both - N / 16.0), 1.5 * room, "distance %zu: %g",
                     distances[d], both);
    }
    for (size_t k = 1; k < 4; k++) {
        double both = 0;
        for (size_t i = 0; i < N; i++) {
            both += struck[0][i] & struck[k][i];
        }
        cr_expect_lt(fabs(both - N / 16.0), room, "key %zu: %g", k, both);
    }
    ef_free(struck);
}

Test(ber_draw, any_division_into_ranges_gives_the_same)
{
    uint64_t n = 3 * (UINT64_C(1) << 20) + 77;
    static const uint64_t steps[] = {1000000, 1 << 20, 99999, 1 << 22};
    ef_ber_bits whole = draw(key_of(5), 0, n, 1e-3);
    for (size_t s = 0; s < 4; s++) {
        ef_ber_bits parts = {NULL, 0, 0};
        ef_ber_key key = key_of(5);
        for (uint64_t at = 0; at < n; at += steps[s]) {
            uint64_t end = n - at < steps[s] ? n : at + steps[s];
            cr_assert_eq(ef_ber_draw(&key, at, end, 1e-3, &parts, &err), EF_OK);
        }
        cr_assert_eq(parts.n, whole.n);
        cr_assert_arr_eq(parts.items, whole.items, whole.n * sizeof *whole.items);
        ef_ber_bits_clear(&parts);
    }
    ef_ber_bits_clear(&whole);
}

/* --- strikes ----------------------------------------------------------------- */

static const char yaml[] = "input: [2, 5, 5]\n"
                           "nodes:\n"
                           "  - {conv: 4, kernel: 3, bias: yes}\n"
                           "  - flatten\n"
                           "  - {dense: 3}\n";

static ef_population *population_of(const ef_site *sites, size_t n, const char *bits)
{
    ef_topology *topology = NULL;
    ef_selection selection = {.targets = 1U << EF_TARGET_WEIGHTS};
    ef_strike strike = {.kind = EF_FAULT_FLIP, .adjacent = 1};
    ef_population *p = NULL;
    cr_assert_eq(ef_topology_parse(&topology, "net", yaml, strlen(yaml), &err), EF_OK);
    if (bits) {
        cr_assert_eq(ef_numbers_parse(&selection.bits, "--bits", bits, &err), EF_OK);
    }
    cr_assert_eq(
        ef_population_create(&p, topology, sites, n, &selection, &strike, &err), EF_OK,
        "%s", err.text);
    ef_numbers_clear(&selection.bits);
    ef_topology_destroy(topology);
    return p;
}

static const ef_site sites[] = {
    {EF_TARGET_WEIGHTS, 1, 1, "conv1.weight", 72, 8, 1, {0}},
    {EF_TARGET_BIASES, 1, 1, "conv1.bias", 4, 32, 1, {0}},
    {EF_TARGET_WEIGHTS, 3, 3, "dense1.weight", 300000, 8, 1, {0}},
};

static ef_ber_flips strike(const ef_population *p, uint32_t site, double rate)
{
    ef_ber_flips flips = {NULL, 0, 0};
    ef_ber_key key = {.seed = 7, .trial = 2, .site = site, .image = -1};
    cr_assert_eq(ef_ber_strike(&key, &sites[site], p, rate, &flips, &err), EF_OK);
    return flips;
}

Test(ber_strike, flips_hold_the_bits_drawn_one_for_each_element)
{
    ef_population *p = population_of(sites, 3, NULL);
    ef_ber_key key = {.seed = 7, .trial = 2, .site = 2, .image = -1};
    ef_ber_bits bits = draw(key, 0, 8 * sites[2].count, 0.1);
    ef_ber_flips flips = strike(p, 2, 0.1);
    size_t at = 0;
    for (size_t i = 0; i < flips.n; i++) {
        cr_assert(i == 0 || flips.items[i].index > flips.items[i - 1].index);
        for (unsigned b = 0; b < 8; b++) {
            if (flips.items[i].mask >> b & 1) {
                cr_assert_eq(bits.items[at++].bit, 8 * flips.items[i].index + b);
            }
        }
    }
    cr_expect_eq(at, bits.n);
    ef_ber_bits_clear(&bits);
    ef_ber_flips_clear(&flips);
    ef_population_destroy(p);
}

Test(ber_strike, a_selection_leaves_the_chosen_part_of_the_pattern)
{
    ef_population *all = population_of(sites, 3, NULL);
    ef_population *some = population_of(sites, 3, "2,7");
    ef_ber_flips whole = strike(all, 0, 0.3), part = strike(some, 0, 0.3);
    size_t at = 0;
    for (size_t i = 0; i < whole.n; i++) {
        uint32_t mask = whole.items[i].mask & 0x84;
        if (mask) {
            cr_assert(at < part.n && part.items[at].index == whole.items[i].index &&
                      part.items[at].mask == mask);
            at++;
        }
    }
    cr_expect(at > 0 && at == part.n);
    ef_ber_flips none = strike(all, 1, 1);
    cr_expect_eq(none.n, 0, "biases are not chosen");
    ef_ber_flips_clear(&whole);
    ef_ber_flips_clear(&part);
    ef_ber_flips_clear(&none);
    ef_population_destroy(all);
    ef_population_destroy(some);
}

Test(ber_strike, several_rates_share_what_is_drawn)
{
    static const double rates[] = {0, 1e-3, 0.02, 0.02, 0.3, 1, 0.1};
    enum { N = sizeof rates / sizeof *rates };
    ef_population *p = population_of(sites, 3, NULL);
    ef_ber_key key = {.seed = 7, .trial = 2, .site = 2, .image = -1};
    ef_ber_flips together[N] = {{NULL, 0, 0}};
    cr_assert_eq(ef_ber_strike_rates(&key, &sites[2], p, rates, N, together, &err),
                 EF_OK);
    for (size_t i = 0; i < N; i++) {
        ef_ber_flips alone = strike(p, 2, rates[i]);
        cr_assert_eq(together[i].n, alone.n, "rate %g", rates[i]);
        for (size_t k = 0; k < alone.n; k++) {
            cr_assert(together[i].items[k].index == alone.items[k].index &&
                      together[i].items[k].mask == alone.items[k].mask);
        }
        ef_ber_flips_clear(&alone);
        ef_ber_flips_clear(&together[i]);
    }
    ef_population_destroy(p);
}

Test(ber_strike, failing_allocations_leave_the_list_as_it_was)
{
    ef_population *p = population_of(sites, 3, NULL);
    ef_ber_flips flips = strike(p, 0, 0.5);
    ef_ber_key key = {.seed = 7, .trial = 2, .site = 2, .image = -1};
    size_t before = flips.n;
    ef_status status = EF_ERR_MEMORY;
    long n = 0;
    for (; status == EF_ERR_MEMORY; n++) {
        ef_mem_fail_after(n);
        status = ef_ber_strike(&key, &sites[2], p, 1e-3, &flips, &err);
        ef_mem_fail_after(-1);
        cr_assert(status == EF_OK || flips.n == before);
    }
    cr_expect_geq(n, 7);
    cr_expect_eq(status, EF_OK);
    ef_ber_flips_clear(&flips);
    ef_population_destroy(p);
}
