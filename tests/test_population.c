/* Which faults there are, and drawing them without replacement. */
#include "faultsim/population.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/permutation.h"
#include "net/topology_yaml.h"

static ef_error err;

/* --- permutation ------------------------------------------------------------- */

static ef_permutation keyed(uint64_t seed, uint64_t n)
{
    return ef_permutation_keyed(seed, EF_PURPOSE_TEST, 0, 0, 0, n);
}

Test(permutation_at, every_number_comes_once)
{
    static const uint64_t sizes[] = {63,   64,   65,    255,   256,   257,   1000,
                                     1023, 1025, 65535, 65536, 65537, 270896};
    uint8_t *seen = ef_calloc(270896, 1);
    for (uint64_t i = 0; i < 62 + sizeof sizes / sizeof *sizes; i++) {
        uint64_t n = i < 62 ? i + 1 : sizes[i - 62];
        ef_permutation p = keyed(i, n);
        memset(seen, 0, n);
        for (uint64_t k = 0; k < n; k++) {
            uint64_t at = ef_permutation_at(&p, k);
            cr_assert(at < n && !seen[at], "n %zu, k %zu", (size_t)n, (size_t)k);
            seen[at] = 1;
        }
    }
    ef_free(seen);
}

Test(permutation_at, the_largest_population_keeps_its_bounds)
{
    ef_permutation p = keyed(1, EF_PERMUTATION_MAX),
                   q = keyed(1, EF_PERMUTATION_MAX - 1);
    uint64_t high = 0;
    for (uint64_t k = 0; k < 1000; k++) {
        uint64_t a = ef_permutation_at(&p, EF_PERMUTATION_MAX - 1 - k);
        cr_assert_lt(a, EF_PERMUTATION_MAX);
        cr_assert_lt(ef_permutation_at(&q, k), EF_PERMUTATION_MAX - 1);
        high += a >> 61;
    }
    cr_assert(high > 400 && high < 600, "%zu of 1000 in the upper half", (size_t)high);
}

/* The chi-square quantile that chance exceeds once in 10^6, by Wilson and Hilferty,
 * doi:10.1073/pnas.17.12.684. */
static double chi_square_limit(double freedom)
{
    double third = 2 / (9 * freedom);
    return freedom * pow(1 - third + 4.7534 * sqrt(third), 3);
}

static void expect_uniform(const char *name, const double *counts, size_t n, double sum)
{
    double square = 0, mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        square += (counts[i] - mean) * (counts[i] - mean) / mean;
    }
    cr_expect_lt(square, chi_square_limit((double)n - 1), "%s: %g at %zu cells", name,
                 square, n);
}

/* False alarms: 1e-6 for each of the 12 sums. */
Test(permutation_at, places_and_pairs_of_places_are_uniform_over_keys)
{
    static const size_t sizes[] = {2, 3, 5, 16, 17, 30};
    enum { KEYS = 60000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        double places[30] = {0}, pairs[30 * 29] = {0};
        for (uint64_t seed = 0; seed < KEYS; seed++) {
            ef_permutation p = keyed(seed, n);
            size_t a = ef_permutation_at(&p, 0), b = ef_permutation_at(&p, n - 1);
            places[b]++;
            pairs[a * (n - 1) + (b > a ? b - 1 : b)]++;
        }
        expect_uniform("places", places, n, KEYS);
        expect_uniform("pairs", pairs, n * (n - 1), KEYS);
    }
}

/* The first 5000 draws of 2^40 and some, by the place of the first and by the distance
 * to the next; false alarms: 1e-6 each. */
Test(permutation_at, a_sequence_of_a_large_population_is_uniform)
{
    uint64_t n = (UINT64_C(1) << 40) + 12345;
    ef_permutation p = keyed(9, n);
    double places[100] = {0}, distances[100] = {0};
    for (uint64_t k = 0; k < 50000; k++) {
        uint64_t a = ef_permutation_at(&p, k), b = ef_permutation_at(&p, k + 1);
        places[(ef_u128)a * 100 / n]++;
        distances[(ef_u128)((b + n - a) % n) * 100 / n]++;
    }
    expect_uniform("places", places, 100, 50000);
    expect_uniform("distances", distances, 100, 50000);
}

Test(permutation_at, a_draw_needs_no_other)
{
    uint64_t n = 123457, draws[100];
    ef_permutation p = keyed(4, n);
    for (uint64_t k = 0; k < 100; k++) {
        draws[k] = ef_permutation_at(&p, k);
    }
    for (uint64_t k = 100; k-- > 0;) {
        ef_permutation fresh = keyed(4, n);
        cr_assert_eq(ef_permutation_at(&fresh, k), draws[k]);
    }
}

/* These are our own, written down once: every campaign that was ever published with a
 * seed draws them. */
Test(permutation_at, keys_give_the_draws_they_always_gave)
{
    static const uint64_t known[] = {684519, 1228506, 739519};
    ef_permutation p = ef_permutation_keyed(1, EF_PURPOSE_FAULT, 0, 0, 0, 2146816);
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        cr_expect_eq(ef_permutation_at(&p, k), known[k], "%zu: %zu", k,
                     (size_t)ef_permutation_at(&p, k));
    }
}

/* --- selections -------------------------------------------------------------- */

static void expect_numbers(const char *text, const char *expected)
{
    char found[256] = "";
    ef_numbers numbers = {NULL, 0};
    ef_error_clear(&err);
    if (ef_numbers_parse(&numbers, "--bits", text, &err)) {
        strcpy(found, err.text);
    }
    for (size_t i = 0; i < numbers.n; i++) {
        sprintf(found + strlen(found), "[%u %u]", (unsigned)numbers.spans[i].first,
                (unsigned)numbers.spans[i].last);
    }
    cr_expect_str_eq(found, expected);
    ef_numbers_clear(&numbers);
}

Test(numbers_parse, spans_are_sorted_and_merged)
{
    expect_numbers("0-3,7", "[0 3][7 7]");
    expect_numbers("7,4,2-3,0", "[0 0][2 4][7 7]");
    expect_numbers("0-9,2-3", "[0 9]");
}

Test(numbers_parse, what_is_no_list_is_refused_by_name)
{
    expect_numbers("", "--bits: expected a whole number from 0 to 4294967295, found "
                       "nothing");
    expect_numbers("1,", "--bits: expected a whole number from 0 to 4294967295, found "
                         "nothing");
    expect_numbers("-3", "--bits: expected a whole number from 0 to 4294967295, found "
                         "nothing");
    expect_numbers("1-x", "--bits: expected a whole number from 0 to 4294967295, found "
                          "'x'");
    expect_numbers("5-3", "--bits: 5-3 holds no number");
}

Test(strike_parse, kinds_adjacent_bits_and_rates)
{
    ef_strike s;
    cr_assert_eq(ef_strike_parse(&s, "flip", &err), EF_OK);
    cr_expect(s.kind == EF_FAULT_FLIP && s.adjacent == 1 && !s.is_ber);
    cr_assert_eq(ef_strike_parse(&s, "flip:3", &err), EF_OK);
    cr_expect(s.kind == EF_FAULT_FLIP && s.adjacent == 3);
    cr_assert_eq(ef_strike_parse(&s, "stuck1", &err), EF_OK);
    cr_expect(s.kind == EF_FAULT_STUCK1 && s.adjacent == 1);
    cr_assert_eq(ef_strike_parse(&s, "ber:1e-4", &err), EF_OK);
    cr_expect(s.is_ber && s.rate == 1e-4);
}

Test(strike_parse, others_are_refused)
{
    static const char *const texts[] = {"",        "flap",     "flip:0",
                                        "flip:33", "ber:2",    "ber:-1",
                                        "ber:nan", "stuck0:2", "ber:"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ef_strike s;
        ef_error_clear(&err);
        cr_expect_eq(ef_strike_parse(&s, texts[i], &err), EF_ERR_USAGE, "%s", texts[i]);
        cr_expect(strncmp(err.text, "fault", 5) == 0, "%s", err.text);
    }
}

Test(targets_parse, names_make_a_set)
{
    unsigned targets = 0;
    cr_assert_eq(ef_targets_parse(&targets, "inputs,weights", &err), EF_OK);
    cr_expect_eq(targets, 1U << EF_TARGET_WEIGHTS | 1U << EF_TARGET_INPUTS);
    cr_expect_eq(ef_targets_parse(&targets, "weights,", &err), EF_ERR_USAGE);
    cr_expect_eq(ef_targets_parse(&targets, "weight", &err), EF_ERR_USAGE);
}

Test(accumulator_parse, width_and_what_happens_at_its_ends)
{
    ef_accumulator a = {0, 1};
    cr_assert_eq(ef_accumulator_parse(&a, "32", &err), EF_OK);
    cr_expect(a.bits == 32 && !a.saturates);
    cr_assert_eq(ef_accumulator_parse(&a, "24+sat", &err), EF_OK);
    cr_expect(a.bits == 24 && a.saturates);
    cr_assert_eq(ef_accumulator_parse(&a, "16+sat", &err), EF_OK);
    cr_assert_eq(ef_accumulator_parse(&a, "64", &err), EF_OK);
    cr_expect(a.bits == 64 && !a.saturates);
}

Test(accumulator_parse, others_are_refused)
{
    static const char *const texts[] = {"",        "15",      "65",  "24+",
                                        "24+wrap", "+sat",    "sat", "24.5",
                                        "24 sat",  "24+sat+", "0x20"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ef_accumulator a = {32, 1};
        ef_error_clear(&err);
        cr_expect_eq(ef_accumulator_parse(&a, texts[i], &err), EF_ERR_USAGE, "%s",
                     texts[i]);
        cr_expect(strncmp(err.text, "accumulator: ", 13) == 0, "%s", err.text);
        cr_expect(a.bits == 32 && a.saturates);
    }
}

/* --- population -------------------------------------------------------------- */

static const char yaml[] = "input: [2, 5, 5]\n"
                           "nodes:\n"
                           "  - {conv: 4, kernel: 3, bias: yes}\n"
                           "  - {conv: 6, kernel: 1}\n"
                           "  - flatten\n"
                           "  - {dense: 3, name: last}\n";

static ef_site sites[5];
static ef_topology *topology;

static uint32_t node_of(const char *name)
{
    size_t node = 0;
    while (strcmp(ef_topology_node(topology, node)->name, name) != 0) {
        node++;
    }
    return (uint32_t)node;
}

/* Weights of three layers in 8, 8 and 4 bits, 32-bit biases, activations. */
static void make(void)
{
    cr_assert_eq(ef_topology_parse(&topology, "net", yaml, strlen(yaml), &err), EF_OK,
                 "%s", err.text);
    uint32_t conv1 = node_of("conv1"), conv2 = node_of("conv2"), last = node_of("last");
    uint64_t area = ef_shape_elements(ef_topology_shape(topology, conv2)) / 6;
    sites[0] = (ef_site){EF_TARGET_WEIGHTS, 1, conv1, "conv1.weight", 72, 8, 1, {0}};
    sites[1] = (ef_site){EF_TARGET_BIASES, 1, conv1, "conv1.bias", 4, 32, 1, {0}};
    sites[2] = (ef_site){EF_TARGET_WEIGHTS, 2, conv2, "conv2.weight", 24, 8, 1, {0}};
    sites[3] = (ef_site){EF_TARGET_ACTIVATIONS, 2, conv2, "conv2", 6 * area, 8, 1, {0}};
    sites[4] =
        (ef_site){EF_TARGET_WEIGHTS, 3, last, "last.weight", 18 * area, 4, 1, {0}};
}

static void unmake(void)
{
    ef_topology_destroy(topology);
}

TestSuite(population_create, .init = make, .fini = unmake);
TestSuite(population_flip, .init = make, .fini = unmake);

typedef struct wish {
    const char *name, *target, *nodes, *channels, *bits, *fault;
} wish;

static ef_status create(ef_population **p, const wish *w)
{
    ef_selection selection = {.nodes = w->nodes};
    ef_strike strike;
    ef_error_clear(&err);
    cr_assert_eq(ef_targets_parse(&selection.targets, w->target, &err), EF_OK);
    cr_assert_eq(ef_strike_parse(&strike, w->fault, &err), EF_OK);
    if (w->channels) {
        cr_assert_eq(
            ef_numbers_parse(&selection.channels, "--channels", w->channels, &err),
            EF_OK);
    }
    if (w->bits) {
        cr_assert_eq(ef_numbers_parse(&selection.bits, "--bits", w->bits, &err), EF_OK);
    }
    ef_status status =
        ef_population_create(p, topology, sites, 5, &selection, &strike, &err);
    ef_numbers_clear(&selection.channels);
    ef_numbers_clear(&selection.bits);
    return status;
}

static uint64_t last_count(void)
{
    return sites[4].count;
}

Test(population_create, sizes_are_products_of_elements_and_places)
{
    const struct {
        wish wish;
        uint64_t size;
    } rows[] = {
        {{"weights", "weights", NULL, NULL, NULL, "flip"}, 96 * 8 + last_count() * 4},
        {{"biases too", "weights,biases", "conv1", NULL, NULL, "flip"},
         72 * 8 + 4 * 32},
        {{"three adjacent bits", "weights", NULL, NULL, NULL, "flip:3"},
         96 * 6 + last_count() * 2},
        {{"wider than the last layer", "weights", NULL, NULL, NULL, "flip:8"}, 96},
        {{"pairs inside chosen bits", "weights", "conv*", NULL, "0-2,6-7", "flip:2"},
         96 * 3},
        {{"channels", "weights", "conv2", "0,4-5", NULL, "flip"}, 12 * 8},
        {{"channels that only some have", "weights,biases", "conv?", "2-5", NULL,
          "stuck1"},
         36 * 8 + 2 * 32 + 16 * 8},
        {{"a bit that only biases have", "weights,biases", "conv1", NULL, "31", "flip"},
         4},
        {{"all 32 bits", "biases", NULL, NULL, NULL, "flip:32"}, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_population *p = NULL;
        cr_assert_eq(create(&p, &rows[i].wish), EF_OK, "%s: %s", rows[i].wish.name,
                     err.text);
        cr_expect_eq(ef_population_size(p), rows[i].size, "%s: %zu", rows[i].wish.name,
                     (size_t)ef_population_size(p));
        ef_population_destroy(p);
    }
}

Test(population_create, empty_and_contradictory_selections_say_why)
{
    static const struct {
        wish wish;
        const char *text;
    } rows[] = {
        {{"target", "inputs", NULL, NULL, NULL, "flip"},
         "--target: the network in these formats stores no inputs"},
        {{"node", "weights", "conv1,conv7", NULL, NULL, "flip"},
         "--nodes: no node 'conv7' stores what faults are to strike"},
        {{"node of another target", "biases", "conv2", NULL, NULL, "flip"},
         "--nodes: no node 'conv2' stores what faults are to strike"},
        {{"no node", "weights", "", NULL, NULL, "flip"},
         "--nodes: no node '' stores what faults are to strike"},
        {{"channel", "weights", "conv1", "2-4", NULL, "flip"},
         "--channels: expected numbers from 0 to 3, found 4"},
        {{"bit", "weights", NULL, NULL, "8", "flip"},
         "--bits: expected numbers from 0 to 7, found 8"},
        {{"adjacent bits", "weights", NULL, NULL, "0,2,4", "flip:2"},
         "no element has 2 adjacent bits in the chosen bits and channels"},
        {{"bits of no width", "weights", "last", NULL, NULL, "flip:5"},
         "no element has 5 adjacent bits in the chosen bits and channels"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_population *p = NULL;
        ef_status status = create(&p, &rows[i].wish);
        cr_expect_eq(status, EF_ERR_USAGE, "%s", rows[i].wish.name);
        cr_expect_str_eq(err.text, rows[i].text, "%s", rows[i].wish.name);
        cr_expect_null(p);
    }
}

Test(population_create, each_failing_allocation_is_reported)
{
    static const wish w = {"", "weights", NULL, "0", NULL, "flip"};
    ef_selection selection = {.targets = 1U << EF_TARGET_WEIGHTS};
    ef_strike strike = {.adjacent = 1};
    cr_assert_eq(ef_numbers_parse(&selection.channels, "", w.channels, &err), EF_OK);
    for (long n = 0; n < 3; n++) {
        ef_population *p = NULL;
        ef_mem_fail_after(n);
        ef_status status =
            ef_population_create(&p, topology, sites, 5, &selection, &strike, &err);
        ef_mem_fail_after(-1);
        cr_expect_eq(status, EF_ERR_MEMORY, "%ld", n);
        cr_expect_null(p);
    }
    ef_numbers_clear(&selection.channels);
}

/* By counting, without the numbers: each bit of each chosen element once. */
Test(population_flip, each_fault_has_one_number)
{
    static const wish w = {"", "weights,biases", "conv?", "1-2,5", "1-4,30", "flip:2"};
    ef_population *p = NULL;
    cr_assert_eq(create(&p, &w), EF_OK, "%s", err.text);
    size_t n = 0;
    for (uint32_t site = 0; site < 5; site++) {
        uint64_t channels = site == 2 ? 6 : 4;
        for (uint64_t index = 0; index < (site < 3 ? sites[site].count : 0); index++) {
            uint64_t channel = index / (sites[site].count / channels);
            int is_in = channel == 1 || channel == 2 || channel == 5;
            for (unsigned bit = 0; bit < 31; bit++) {
                ef_flip flip = {site, index, UINT64_C(3) << bit, EF_FAULT_FLIP, -1, 0};
                uint64_t k = UINT64_MAX;
                int found = ef_population_find(p, &flip, &k);
                cr_assert_eq(found, is_in && bit >= 1 && bit <= 3);
                if (found) {
                    ef_flip back = ef_population_flip(p, k);
                    cr_assert(back.site == site && back.index == index &&
                              back.mask == flip.mask && back.image == -1);
                    n++;
                }
            }
        }
    }
    cr_expect_eq(n, ef_population_size(p));
    cr_expect(ef_population_has_bit(p, 0, 18, 4));
    cr_expect_not(ef_population_has_bit(p, 0, 18, 30));
    cr_expect_not(ef_population_has_bit(p, 0, 17, 4));
    cr_expect_not(ef_population_has_bit(p, 3, 18, 4));
    ef_population_destroy(p);
}

Test(population_flip, strata_share_out_the_population)
{
    static const wish w = {"", "weights", NULL, "0,2", NULL, "flip"};
    ef_population *p = NULL;
    cr_assert_eq(create(&p, &w), EF_OK, "%s", err.text);
    cr_assert_eq(ef_population_n_strata(p), 8 + 8 + 4);
    uint64_t sum = 0;
    for (size_t h = 0; h < ef_population_n_strata(p); h++) {
        ef_stratum_place place = ef_population_stratum(p, h);
        for (uint64_t j = 0; j < place.size; j++) {
            uint64_t k = ef_population_in_stratum(p, h, j);
            ef_flip flip = ef_population_flip(p, k);
            cr_assert_eq(ef_population_stratum_of(p, k), h);
            cr_assert(flip.site == place.site && flip.mask == place.mask &&
                      flip.mask == UINT32_C(1) << place.bit);
        }
        sum += place.size;
    }
    cr_expect_eq(sum, ef_population_size(p));
    ef_population_destroy(p);
}
