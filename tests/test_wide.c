/* Faults in integers of every format: what is computed again only where it is touched
 * is held to whole runs, and both to the definition. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "faultsim/ranges.h"
#include "faultsim/wide_priv.h"
#include "net/topology_yaml.h"
#include "random_net.h"

#define N_IMAGES 3
#define FIRST 40 /* what flips call the first image */

static void must(ef_status status, const ef_error *err)
{
    cr_assert_eq(status, EF_OK, "%s", err->text);
}

/* Formats of weights and activations, and accumulators. */
typedef struct arithmetic {
    const char *weights, *activations;
    unsigned bits;
    int saturates;
} arithmetic;

static const arithmetic kinds[] = {
    {"int16c", "int16", 0, 0},
    {"fixed16", "uint16", 48, 0},
    {"int12+gray", "int12+gray", 0, 0},
    {"tern", "int8", 16, 0},
    {"bin", "uint16", 24, 1},
    {"int8c", "int8", 24, 1},
    {"int8", "fixed16", 32, 1},
    {"int10+signmag", "int9+offset", 20, 0},
    {"int16", "int16+signmag", 64, 1},
    {"int8", "int8", 16, 1},
    {"bin", "fixed9", 0, 0},
    {"fixed5", "int6+gray", 20, 1},
    {"int16c", "uint16", 24, 0},
};
#define N_KINDS (sizeof kinds / sizeof kinds[0])

typedef struct setup {
    ef_net *net;
    ef_ranges *ranges;
    ef_qnet *qnet;
    float *images;
    ef_rerun *rerun;
    ef_rerun_worker *worker;
    size_t n; /* logits of an image */
} setup;

static setup begin(uint64_t seed, const arithmetic *kind)
{
    setup s = {.net = random_net_with(seed, 2 + seed % 13, seed % 9 == 8,
                                      seed % 2 ? RANDOM_RESHAPE : 0)};
    ef_error err = {0};
    ef_qnet_options options = {.fits_activations = seed % 3 != 0,
                               .accumulator_bits = kind->bits,
                               .saturates = kind->saturates};
    must(ef_format_parse(kind->weights, &options.weights, &err), &err);
    must(ef_format_parse(kind->activations, &options.activations, &err), &err);
    s.images = random_images(s.net, seed, N_IMAGES);
    must(ef_ranges_create(&s.ranges, s.net, s.images, N_IMAGES, 1, &err), &err);
    must(ef_qnet_create(&s.qnet, s.net, s.ranges, &options, &err), &err);
    const ef_rerun_images images = {
        .images = s.images, .n = N_IMAGES, .first = FIRST, .n_threads = 1};
    must(ef_wide_create(&s.rerun, s.qnet, &images, &err), &err);
    must(ef_rerun_worker_create(&s.worker, s.rerun, &err), &err);
    s.n = ef_qnet_classes(s.qnet);
    return s;
}

static void end(setup *s)
{
    ef_rerun_worker_destroy(s->worker);
    ef_rerun_destroy(s->rerun);
    ef_qnet_destroy(s->qnet);
    ef_ranges_destroy(s->ranges);
    ef_net_destroy(s->net);
    ef_free(s->images);
}

static double *room(size_t n)
{
    double *made = ef_calloc(n, sizeof *made);
    cr_assert(made);
    return made;
}

/* --- without faults --------------------------------------------------------------- */

Test(wide_create, runs_without_faults_as_the_definition_says, .timeout = 300)
{
    for (uint64_t seed = 0; seed < 150; seed++) {
        setup s = begin(seed, &kinds[seed % N_KINDS]);
        ef_error err = {0};
        double *naive = room(s.n);
        size_t size = random_net_inputs(s.net);
        for (size_t i = 0; i < N_IMAGES; i++) {
            must(ef_qnet_run_naive(s.qnet, s.images + i * size, NULL, naive, &err),
                 &err);
            cr_assert_eq(
                memcmp(naive, ef_rerun_logits(s.rerun) + i * s.n, s.n * sizeof *naive),
                0, "seed %llu, image %zu", (unsigned long long)seed, i);
        }
        ef_free(naive);
        end(&s);
    }
}

static const struct {
    arithmetic kind;
    const char *engine;
} engines[] = {{{"int8c", "int8", 0, 0}, "bytes"}, {{"tern", "uint8", 16, 0}, "bytes"},
               {{"int8c", "int8", 0, 1}, "wide"},  {{"int8c", "int8", 16, 1}, "wide"},
               {{"int9", "int8", 0, 0}, "wide"},   {{"int8", "fixed9", 32, 0}, "wide"},
               {{"int8", "int8", 33, 0}, "wide"}};

Test(rerun_create, runs_in_bytes_what_bytes_hold)
{
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
        setup s = begin(4, &engines[i].kind);
        const ef_rerun_images images = {.images = s.images, .n = N_IMAGES};
        ef_rerun *rerun = NULL;
        ef_error err = {0};
        must(ef_rerun_create(&rerun, s.qnet, &images, &err), &err);
        cr_expect_str_eq(ef_rerun_engine_name(rerun), engines[i].engine, "row %zu", i);
        ef_rerun_destroy(rerun);
        end(&s);
    }
}

/* Seeds that are no multiples of 3 fit activations to their sign. */
Test(wide_create, encodings_change_nothing_without_a_fault)
{
    static const arithmetic rows[][2] = {
        {{"int12c", "int12", 0, 0}, {"int12c+signmag", "int12+gray", 0, 0}},
        {{"fixed9", "fixed10", 0, 0}, {"fixed9+gray", "fixed10+offset", 0, 0}},
        {{"int12c", "uint12", 0, 0}, {"int12c+offset", "uint12+gray", 0, 0}}};
    for (uint64_t seed = 0; seed < 24; seed++) {
        setup plain = begin(seed, &rows[seed % 3][0]);
        setup coded = begin(seed, &rows[seed % 3][1]);
        cr_assert_eq(memcmp(ef_rerun_logits(plain.rerun), ef_rerun_logits(coded.rerun),
                            N_IMAGES * plain.n * sizeof(double)),
                     0, "seed %llu", (unsigned long long)seed);
        end(&plain);
        end(&coded);
    }
}

/* --- products --------------------------------------------------------------------- */

#define MOST_SUMS 50
#define MOST_CHANNELS 20

Test(wide_add_tap, adds_what_its_naive_twin_adds)
{
    ef_rng rng = ef_rng_stream(20, EF_PURPOSE_TEST, 0, 0, 0);
    for (size_t k = 0; k < 2000; k++) {
        int32_t x[MOST_CHANNELS * MOST_SUMS], weights[2 * MOST_CHANNELS];
        uint64_t a[MOST_SUMS + 1], b[MOST_SUMS + 1];
        size_t n = ef_rng_below(&rng, MOST_SUMS + 1);
        ef_wide_tap tap = {x, weights,   ef_rng_below(&rng, MOST_CHANNELS + 1),
                           n, 1 + k % 2, ef_rng_below(&rng, 2) ? 3 : UINT64_MAX};
        for (size_t i = 0; i < sizeof x / sizeof x[0]; i++) {
            x[i] = (int32_t)ef_rng_below(&rng, 1U << 18) - (1 << 17);
        }
        for (size_t i = 0; i < 2 * MOST_CHANNELS; i++) {
            weights[i] = (int32_t)ef_rng_below(&rng, 1U << 16) - (1 << 15);
        }
        for (size_t i = 0; i < MOST_SUMS + 1; i++) {
            a[i] = b[i] = ef_rng_below(&rng, UINT64_MAX);
        }
        ef_wide_add_tap(a, n, &tap);
        ef_wide_add_tap_portable(b, n, &tap);
        cr_assert_eq(memcmp(a, b, sizeof a), 0, "%zu sums, %zu channels", n,
                     tap.n_channels);
    }
}

/* --- with faults ------------------------------------------------------------------ */

static ef_flip random_flip(const ef_rerun *rerun, ef_rng *rng)
{
    size_t n;
    const ef_site *sites = ef_rerun_sites(rerun, &n);
    uint32_t site = (uint32_t)ef_rng_below(rng, n);
    return (ef_flip){.site = site,
                     .index = ef_rng_below(rng, sites[site].count),
                     .mask = UINT64_C(1) << ef_rng_below(rng, sites[site].bits),
                     .kind = (ef_fault_kind)ef_rng_below(rng, EF_FAULT_KIND_COUNT),
                     .image = ef_rng_below(rng, 4)
                                  ? -1
                                  : FIRST + (int64_t)ef_rng_below(rng, N_IMAGES),
                     .moment = ef_rng_below(rng, sites[site].n_moments)};
}

/* Some of the flips strike an element that one before them strikes. */
static void random_fault(const ef_rerun *rerun, ef_rng *rng, ef_flip *flips, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        flips[i] = random_flip(rerun, rng);
        if (i > 0 && ef_rng_below(rng, 3) == 0) {
            ef_flip own = flips[i];
            size_t n_sites;
            flips[i] = flips[ef_rng_below(rng, i)];
            const ef_site *site = &ef_rerun_sites(rerun, &n_sites)[flips[i].site];
            flips[i].mask = UINT64_C(1) << ef_rng_below(rng, site->bits);
            flips[i].moment = ef_rng_below(rng, site->n_moments);
            flips[i].kind = own.kind;
            flips[i].image = own.image;
        }
    }
}

static void expect_naive(const setup *s, const ef_fault *fault, const double *logits,
                         uint64_t seed, size_t number)
{
    ef_error err = {0};
    size_t n_sites, size = random_net_inputs(s->net);
    const ef_site *sites = ef_rerun_sites(s->rerun, &n_sites);
    double *naive = room(s->n);
    for (size_t i = 0; i < N_IMAGES; i++) {
        must(ef_qnet_strike_naive(s->qnet, sites, fault, FIRST + (int64_t)i,
                                  s->images + i * size, naive, &err),
             &err);
        const ef_site *site = fault->n > 0 ? &sites[fault->flips[0].site] : sites;
        cr_assert_eq(memcmp(naive, logits + i * s->n, s->n * sizeof *naive), 0,
                     "seed %llu, fault %zu, image %zu: %s of %s, index %llu",
                     (unsigned long long)seed, number, i,
                     site->target == EF_TARGET_SCALES ? "scales" : "values", site->name,
                     (unsigned long long)(fault->n > 0 ? fault->flips[0].index : 0));
    }
    ef_free(naive);
}

#define N_FAULTS 24

/* Faults of one flip that change logits, by target. */
static void count(const setup *s, const ef_fault *fault, const ef_outcomes *counts,
                  size_t *n_changed)
{
    size_t n_sites;
    const ef_site *sites = ef_rerun_sites(s->rerun, &n_sites);
    if (fault->n == 1 && counts->masked < counts->images) {
        n_changed[sites[fault->flips[0].site].target]++;
    }
}

Test(wide_strike, computes_no_more_than_is_touched_and_finds_the_same, .timeout = 300)
{
    ef_rng rng = ef_rng_stream(17, EF_PURPOSE_TEST, 0, 0, 0);
    size_t n_changed[EF_TARGET_COUNT] = {0};
    uint64_t n_seeds = getenv("EF_UNDER_VALGRIND") ? 10 : 72;
    for (uint64_t seed = 0; seed < n_seeds; seed++) {
        setup s = begin(seed, &kinds[seed % N_KINDS]);
        size_t n = N_IMAGES * s.n;
        double *some = room(N_FAULTS * n), *all = room(N_FAULTS * n);
        ef_flip flips[N_FAULTS][6];
        ef_fault faults[N_FAULTS];
        ef_outcomes a[N_FAULTS], b[N_FAULTS];
        for (size_t k = 0; k < N_FAULTS; k++) {
            faults[k] = (ef_fault){flips[k], k % 7};
            random_fault(s.rerun, &rng, flips[k], faults[k].n);
        }
        cr_assert_eq(ef_rerun_strike(s.worker, faults, N_FAULTS,
                                     &(ef_struck){.counts = a, .logits = some}),
                     EF_OK);
        cr_assert_eq(ef_rerun_strike_all(s.worker, faults, N_FAULTS,
                                         &(ef_struck){.counts = b, .logits = all}),
                     EF_OK);
        cr_assert_eq(memcmp(some, all, N_FAULTS * n * sizeof *some), 0, "seed %llu",
                     (unsigned long long)seed);
        cr_assert_eq(memcmp(a, b, sizeof a), 0);
        for (size_t k = 0; k < N_FAULTS; k++) {
            const double *before = ef_rerun_logits(s.rerun), *found = some + k * n;
            if (faults[k].n > 0) {
                expect_naive(&s, &faults[k], found, seed, k);
            } else {
                cr_assert_eq(memcmp(found, before, n * sizeof *found), 0,
                             "no trace of the fault before");
            }
            count(&s, &faults[k], &a[k], n_changed);
        }
        ef_free(some);
        ef_free(all);
        end(&s);
    }
    /* The few networks under valgrind need not show it for every target. */
    for (int t = 0; n_seeds >= 24 && t < EF_TARGET_COUNT; t++) {
        cr_assert_gt(n_changed[t], n_seeds / 24, "target %d: %zu", t, n_changed[t]);
    }
}

/* --- beside bytes ----------------------------------------------------------------- */

/* Of encodings in which each code is an integer of its own: several flips of one
 * element then mean the same in bytes, which keep integers between them. */
static const arithmetic narrow_kinds[] = {
    {"int8c", "int8", 0, 0},        {"int8", "uint8", 20, 0},
    {"fixed8", "fixed8", 32, 0},    {"int6c+gray", "int7+gray", 16, 0},
    {"bin", "int8+offset", 0, 0},   {"int4", "uint5", 24, 0},
    {"tern", "int5+signmag", 0, 0}, {"int8c+signmag", "int8+signmag", 0, 0},
};

/* The site of bytes that is this one. */
static uint32_t same_site(const ef_rerun *bytes, const ef_site *site)
{
    size_t n;
    const ef_site *sites = ef_rerun_sites(bytes, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (sites[i].target == site->target && sites[i].step == site->step) {
            cr_assert_eq(sites[i].count, site->count);
            return i;
        }
    }
    return UINT32_MAX;
}

Test(wide_strike, finds_what_bytes_find, .timeout = 300)
{
    ef_rng rng = ef_rng_stream(18, EF_PURPOSE_TEST, 0, 0, 0);
    size_t n_compared = 0;
    for (uint64_t seed = 0; seed < 90; seed++) {
        setup s = begin(seed, &narrow_kinds[seed % 8]);
        const ef_rerun_images images = {
            .images = s.images, .n = N_IMAGES, .first = FIRST, .n_threads = 1};
        ef_rerun *bytes = NULL;
        ef_rerun_worker *worker = NULL;
        ef_error err = {0};
        size_t n_sites, n = N_IMAGES * s.n;
        const ef_site *sites = ef_rerun_sites(s.rerun, &n_sites);
        double *a = room(n), *b = room(n);
        must(ef_rerun_create(&bytes, s.qnet, &images, &err), &err);
        cr_assert_str_eq(ef_rerun_engine_name(bytes), "bytes");
        must(ef_rerun_worker_create(&worker, bytes, &err), &err);
        for (size_t k = 0; k < 40; k++) {
            ef_flip flips[3], others[3];
            size_t n_flips = 0;
            random_fault(s.rerun, &rng, flips, 3);
            for (size_t i = 0; i < 3; i++) {
                uint32_t site = same_site(bytes, &sites[flips[i].site]);
                if (site != UINT32_MAX) {
                    others[n_flips] = flips[n_flips] = flips[i];
                    others[n_flips++].site = site;
                }
            }
            ef_outcomes counts;
            cr_assert_eq(ef_rerun_strike(s.worker, &(ef_fault){flips, n_flips}, 1,
                                         &(ef_struck){.counts = &counts, .logits = a}),
                         EF_OK);
            cr_assert_eq(ef_rerun_strike(worker, &(ef_fault){others, n_flips}, 1,
                                         &(ef_struck){.counts = &counts, .logits = b}),
                         EF_OK);
            cr_assert_eq(memcmp(a, b, n * sizeof *a), 0, "seed %llu, fault %zu",
                         (unsigned long long)seed, k);
            n_compared += n_flips > 0;
        }
        ef_free(a);
        ef_free(b);
        ef_rerun_worker_destroy(worker);
        ef_rerun_destroy(bytes);
        end(&s);
    }
    cr_assert_gt(n_compared, 1000);
}

/* --- closed forms ----------------------------------------------------------------- */

/* Ten inputs of 1, stored as 127, whose weights are 1, 1, 1, 1, 1, -1, ... -1, stored
 * as 127 and -127; the second class has weights of 0 and a bias of 0. */
static const char sum_yaml[] = "name: sum\n"
                               "input: [10, 1, 1]\n"
                               "nodes:\n"
                               "  - {flatten, name: flatten}\n"
                               "  - {dense: 2, bias: yes, name: classes}\n";

#define PRODUCT 16129 /* 127 * 127 */

/* What the two classes start from: their biases, and the size of weights. */
typedef struct sum_values {
    float weight, bias[2];
} sum_values;

/* images: (N_IMAGES, 10); calibrated on values in [-1, 1]. */
static setup begin_sum_with(const ef_qnet_options *options, const sum_values *values,
                            float *images)
{
    static const float calibration[10] = {1, -1};
    setup s = {.n = 2};
    ef_topology *topology = NULL;
    ef_error err = {0};
    must(ef_topology_parse(&topology, "sum", sum_yaml, strlen(sum_yaml), &err), &err);
    must(ef_net_create(&s.net, topology, &err), &err);
    ef_topology_destroy(topology);
    size_t node = ef_topology_find(s.net->topology, "classes");
    float *weights = ef_net_values(s.net, node, EF_ROLE_WEIGHT);
    for (size_t i = 0; i < 10; i++) {
        weights[i] = i < 5 ? values->weight : -values->weight;
    }
    memcpy(ef_net_values(s.net, node, EF_ROLE_BIAS), values->bias, sizeof values->bias);
    must(ef_ranges_create(&s.ranges, s.net, calibration, 1, 1, &err), &err);
    must(ef_qnet_create(&s.qnet, s.net, s.ranges, options, &err), &err);
    const ef_rerun_images own = {.images = images, .n = N_IMAGES, .n_threads = 1};
    must(ef_wide_create(&s.rerun, s.qnet, &own, &err), &err);
    must(ef_rerun_worker_create(&s.worker, s.rerun, &err), &err);
    s.images = images;
    return s;
}

static setup begin_sum(unsigned bits, int saturates, float *images)
{
    ef_qnet_options options = EF_QNET_OPTIONS_INT8;
    options.weights.per_channel = 0;
    options.accumulator_bits = bits;
    options.saturates = saturates;
    return begin_sum_with(&options, &(sum_values){1, {0, 0}}, images);
}

static float *ones(void)
{
    float *images = ef_calloc(N_IMAGES * 10, sizeof *images);
    cr_assert(images);
    for (size_t i = 0; i < N_IMAGES * 10; i++) {
        images[i] = 1;
    }
    return images;
}

static double unit(void)
{
    double scale = (double)(float)(1.0 / 127);
    return scale * scale;
}

static uint32_t site_of(const setup *s, ef_target target, const char *name)
{
    size_t n;
    const ef_site *sites = ef_rerun_sites(s->rerun, &n);
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < n; i++) {
        if (sites[i].target == target && strcmp(sites[i].name, name) == 0) {
            found = i;
        }
    }
    cr_assert_neq(found, UINT32_MAX, "%s", name);
    return found;
}

/* The first class of every image under flips, all alike. */
static double struck(const setup *s, const ef_flip *flips, size_t n,
                     ef_outcomes *counts)
{
    double logits[N_IMAGES][2];
    cr_assert_eq(ef_rerun_strike(s->worker, &(ef_fault){flips, n}, 1,
                                 &(ef_struck){.counts = counts, .logits = *logits}),
                 EF_OK);
    cr_assert_eq(memcmp(logits[0], logits[1], sizeof logits[0]), 0);
    expect_naive(s, &(ef_fault){flips, n}, *logits, 0, 0);
    return logits[0][0];
}

/* 5 products up and 5 down: 32767 - 5 * 16129 lies below -32768. */
Test(wide_create, sums_are_held_at_both_ends_or_wrap)
{
    static const struct {
        unsigned bits;
        int saturates;
        double sum;
    } rows[] = {{16, 1, -32768}, {17, 1, 65535 - 5 * PRODUCT},
                {18, 1, 0},      {16, 0, 0},
                {64, 1, 0},      {63, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        setup s = begin_sum(rows[i].bits, rows[i].saturates, ones());
        cr_expect_eq(ef_rerun_logits(s.rerun)[0], rows[i].sum * unit(), "%u bits",
                     rows[i].bits);
        end(&s);
    }
}

Test(wide_strike, a_running_sum_is_struck_as_it_is_stored)
{
    static const struct {
        unsigned bits;
        int saturates;
        uint64_t moment, mask;
        double sum;
    } rows[] = {
        {32, 0, 0, 1, 1}, /* after the bias, 0 */
        {32, 0, 10, 1U << 31, -2147483648.0},
        {16, 0, 10, 1U << 15, -32768},
        {16, 1, 10, 1U << 14, -16384}, /* of -32768 */
        {16, 1, 3, 1U << 14, -32768},  /* 32767 becomes 16383, and falls as far */
        {16, 1, 9, 1U << 15, 1019 - PRODUCT}, /* -31749 becomes 1019 */
        {64, 1, 5, UINT64_C(1) << 62, 0x1p62},
        {48, 0, 4, UINT64_C(1) << 40, 0x1p40}, /* 4 products: bit 40 was 0 */
        {64, 1, 1, UINT64_C(1) << 63, -0x1p63}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        setup s = begin_sum(rows[i].bits, rows[i].saturates, ones());
        ef_flip flip = {site_of(&s, EF_TARGET_ACCUMULATORS, "logits"),
                        0,
                        rows[i].mask,
                        EF_FAULT_FLIP,
                        -1,
                        rows[i].moment};
        ef_outcomes counts;
        cr_expect_eq(struck(&s, &flip, 1, &counts), rows[i].sum * unit(),
                     "row %zu: %.17g", i, struck(&s, &flip, 1, &counts) / unit());
        end(&s);
    }
}

/* --- biases of wide operands ------------------------------------------------------ */

/* Inputs of -1, -1, -1, -1, -1, 1, ... 1 in fixed16: 2^14 steps of 2^-14; weights of
 * 2^-8: 2^14 steps of 2^-22.  A bias is in steps of 2^-36, and 1 takes 37 bits; the ten
 * products take 10 * 2^28 from it.  Floats have all of this exactly. */
static setup begin_biased(unsigned bits, int saturates)
{
    ef_qnet_options options = {.accumulator_bits = bits, .saturates = saturates};
    ef_error err = {0};
    float *images = ones();
    for (size_t i = 0; i < N_IMAGES * 10; i++) {
        images[i] = i % 10 < 5 ? -1 : 1;
    }
    must(ef_format_parse("fixed16", &options.weights, &err), &err);
    options.activations = options.weights;
    return begin_sum_with(&options, &(sum_values){0x1p-8f, {1, 0.5f}}, images);
}

Test(wide_create, biases_of_wide_operands_are_not_cut_to_32_bits)
{
    setup s = begin_biased(0, 0);
    const double *logits = ef_rerun_logits(s.rerun);
    cr_expect_eq(s.qnet->bias_bits, 64);
    cr_expect_eq(logits[0], 1 - 10 * 0x1p-8);
    cr_expect_eq(logits[1], 0.5);
    cr_expect_eq(ef_rerun_classes(s.rerun)[0], 0, "as in float32");
    end(&s);
    s = begin_sum(64, 0, ones());
    cr_expect_eq(s.qnet->bias_bits, 32, "whatever accumulators are asked for");
    end(&s);
}

/* Weights of 1e-12 would put a bias of 1 some 2^33 steps away, and weights of 0 a bias
 * of 0.003 less than half a step. */
Test(wide_create, channels_of_next_to_no_weights_keep_their_bias)
{
    ef_qnet_options options = EF_QNET_OPTIONS_INT8;
    setup s = begin_sum_with(&options, &(sum_values){1e-12f, {1, 0.003f}}, ones());
    const double *logits = ef_rerun_logits(s.rerun);
    cr_expect_float_eq(logits[0], 1, 1e-8, "%.17g", logits[0]);
    cr_expect_float_eq(logits[1], 0.003, 1e-8, "%.17g", logits[1]);
    end(&s);
}

/* 2^36 and ten products of -2^28, modulo 2^24, are 0; the second class is 2^35. */
Test(wide_create, biases_wrap_with_the_accumulator)
{
    static const struct {
        unsigned bits;
        double logits[2];
    } rows[] = {{24, {0, 0}},
                {36, {-10 * 0x1p-8, -0.5}},
                {37, {1 - 10 * 0x1p-8, 0.5}}, /* down over the end, and back */
                {38, {1 - 10 * 0x1p-8, 0.5}}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        setup s = begin_biased(rows[i].bits, 0);
        cr_expect_eq(
            memcmp(ef_rerun_logits(s.rerun), rows[i].logits, sizeof rows[i].logits), 0,
            "%u bits", rows[i].bits);
        end(&s);
    }
}

Test(wide_strike, biases_of_wide_operands_are_struck_in_64_bits)
{
    static const double products = -10 * 0x1p28;
    const uint64_t code = UINT64_C(1) << 36, sign = UINT64_C(1) << 63;
    const struct {
        unsigned bits;
        int saturates;
        uint64_t mask;
        double sum;
    } rows[] = {{0, 0, UINT64_C(1) << 31, 0x1p36 + 0x1p31 + products},
                {0, 0, UINT64_C(1) << 40, 0x1p36 + 0x1p40 + products},
                {0, 0, code, products},
                {0, 0, sign, 0x1p36 - 0x1p63 + products},
                {64, 1, sign, 0x1p36 - 0x1p63 + products},
                {64, 1, sign | code, -0x1p63},           /* held at the end */
                {64, 0, sign | code, 0x1p63 + products}, /* and beyond it */
                {48, 0, UINT64_C(1) << 47, 0x1p36 - 0x1p47 + products},
                {48, 0, UINT64_C(1) << 48, 0x1p36 + products},
                {24, 0, UINT64_C(1) << 24, 0},
                {24, 0, UINT64_C(1) << 23, -0x1p23}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        setup s = begin_biased(rows[i].bits, rows[i].saturates);
        ef_flip flip = {site_of(&s, EF_TARGET_BIASES, "classes.bias"),
                        0,
                        rows[i].mask,
                        EF_FAULT_FLIP,
                        -1,
                        0};
        ef_outcomes counts;
        double found = struck(&s, &flip, 1, &counts);
        cr_expect_eq(found, rows[i].sum * 0x1p-36, "row %zu: %.17g", i,
                     found / 0x1p-36);
        end(&s);
    }
}

/* Bits that narrow operands do not have, of convolutions and in saturating sums too. */
Test(wide_strike, high_bits_of_biases_are_struck_as_the_definition_says, .timeout = 300)
{
    static const arithmetic rows[] = {
        {"int16c", "int16", 0, 0},   {"int16c", "uint16", 24, 0},
        {"int16", "fixed16", 64, 1}, {"int12", "uint12", 40, 1},
        {"int9", "int8", 32, 0},
    };
    size_t n_changed = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        setup s = begin(seed, &rows[seed % 5]);
        ef_rng rng = ef_rng_stream(19, EF_PURPOSE_TEST, seed, 0, 0);
        size_t n_sites, n = N_IMAGES * s.n;
        const ef_site *sites = ef_rerun_sites(s.rerun, &n_sites);
        double *some = room(n), *all = room(n);
        for (size_t k = 0; k < 6 * n_sites; k++) {
            uint32_t i = (uint32_t)(k / 6);
            uint64_t mask = UINT64_C(1) << (32 + ef_rng_below(&rng, 32));
            mask |= ef_rng_below(&rng, 2) ? UINT64_C(1) << 63 : 0;
            ef_flip flip = {
                i,    ef_rng_below(&rng, sites[i].count),
                mask, (ef_fault_kind)ef_rng_below(&rng, EF_FAULT_KIND_COUNT),
                -1,   0};
            ef_outcomes counts;
            const ef_fault fault = {&flip, 1};
            if (sites[i].target != EF_TARGET_BIASES) {
                continue;
            }
            cr_assert_eq(sites[i].bits, 64);
            cr_assert_eq(
                ef_rerun_strike(s.worker, &fault, 1,
                                &(ef_struck){.counts = &counts, .logits = some}),
                EF_OK);
            cr_assert_eq(
                ef_rerun_strike_all(s.worker, &fault, 1,
                                    &(ef_struck){.counts = &counts, .logits = all}),
                EF_OK);
            cr_assert_eq(memcmp(some, all, n * sizeof *some), 0);
            expect_naive(&s, &fault, some, seed, k);
            n_changed += counts.masked < counts.images;
        }
        ef_free(some);
        ef_free(all);
        end(&s);
    }
    cr_assert_gt(n_changed, 20, "%zu", n_changed);
}

/* --- scales and ranges ------------------------------------------------------------ */

static ef_flip scale_flip(const setup *s, const char *name, ef_fault_kind kind,
                          uint64_t mask)
{
    return (ef_flip){site_of(s, EF_TARGET_SCALES, name), 0, mask, kind, -1, 0};
}

/* 1/127 in float32 is 0x3c010204: bit 23 takes it to the quarter, since the exponent
 * 120 becomes 121 with the bit: twice. */
Test(wide_strike, all_that_a_scale_is_in_follows_it)
{
    setup s = begin_sum(32, 0, ones());
    ef_outcomes counts;
    ef_flip flip = scale_flip(&s, "input.scale", EF_FAULT_FLIP, 1U << 23);
    ef_flip weight = {site_of(&s, EF_TARGET_WEIGHTS, "classes.weight"),
                      9,
                      127,
                      EF_FAULT_STUCK0,
                      -1,
                      0}; /* of -127: -128 */
    ef_flip both[2] = {weight, flip};
    /* 1 / (2 / 127) is 63.5 and becomes 64; one product is 64 * -128, not 64 * -127 */
    cr_expect_eq(struck(&s, both, 2, &counts), -64.0 * (2 * unit()));
    ef_flip zero = scale_flip(&s, "input.scale", EF_FAULT_STUCK0, UINT32_MAX);
    cr_expect_eq(struck(&s, &zero, 1, &counts), 0);
    ef_flip nan = scale_flip(&s, "classes.weight.scale", EF_FAULT_STUCK1, 0x7fc00000);
    cr_expect(isnan(struck(&s, &nan, 1, &counts)));
    cr_expect_eq(counts.nonfinite, N_IMAGES);
    cr_expect_eq(struck(&s, NULL, 0, &counts), 0);
    cr_expect_eq(counts.masked, N_IMAGES);
    end(&s);
}

/* A value at or beyond the end of the range is the largest integer: PyTorchFI crashes
 * or wraps there. */
Test(wide_create, what_lies_beyond_the_range_is_the_largest_integer)
{
    static const float values[] = {1, 1.5f, 1e30f, INFINITY};
    float *images = ones();
    ef_error err = {0};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        float *own = ef_memdup(images, N_IMAGES * 10 * sizeof *own);
        int32_t integers[2][10];
        double logits[2];
        own[9] = values[i];
        own[8] = -values[i];
        setup s = begin_sum(32, 0, own);
        must(ef_qnet_run_naive(s.qnet, own, (int32_t *[]){integers[0], integers[1]},
                               logits, &err),
             &err);
        cr_expect_eq(integers[0][9], 127);
        cr_expect_eq(integers[0][8], -127);
        cr_expect_eq(logits[0], 2 * PRODUCT * unit());
        cr_expect_eq(ef_rerun_logits(s.rerun)[0], logits[0]);
        end(&s);
    }
    ef_free(images);
}

/* One input of 1 and a weight of 1 between a channel of 2 before and one behind. */
Test(wide_create, logits_that_are_padding_have_its_value)
{
    static const char yaml[] = "name: padded\n"
                               "input: [1, 1, 1]\n"
                               "nodes:\n"
                               "  - {conv: 1, kernel: 1, name: conv}\n"
                               "  - {pad: 0, channels: 1, value: 2, name: pad}\n"
                               "  - {flatten, name: classes}\n";
    static const float one[1] = {1};
    ef_error err = {0};
    ef_topology *topology = NULL;
    setup s = {.n = 3};
    ef_qnet_options options = EF_QNET_OPTIONS_INT8;
    double naive[3];
    must(ef_topology_parse(&topology, "padded", yaml, strlen(yaml), &err), &err);
    must(ef_net_create(&s.net, topology, &err), &err);
    ef_topology_destroy(topology);
    *ef_net_values(s.net, ef_topology_find(s.net->topology, "conv"), EF_ROLE_WEIGHT) =
        1;
    must(ef_ranges_create(&s.ranges, s.net, one, 1, 1, &err), &err);
    must(ef_qnet_create(&s.qnet, s.net, s.ranges, &options, &err), &err);
    const ef_rerun_images images = {.images = one, .n = 1, .n_threads = 1};
    must(ef_wide_create(&s.rerun, s.qnet, &images, &err), &err);
    must(ef_qnet_run_naive(s.qnet, one, NULL, naive, &err), &err);
    const double *logits = ef_rerun_logits(s.rerun);
    cr_expect(logits[0] == 2 && logits[2] == 2);
    cr_expect_float_eq(logits[1], 1, 1e-6); /* 255 steps of 1/255 */
    cr_expect_eq(memcmp(naive, logits, sizeof naive), 0);
    end(&s);
}

/* --- memory ----------------------------------------------------------------------- */

/* Creates an engine and strikes; what fails is told, and nothing is left behind. */
static ef_status strike_in(const setup *s, ef_error *err)
{
    const ef_rerun_images images = {.images = s->images, .n = N_IMAGES, .n_threads = 1};
    ef_rerun *rerun = NULL;
    ef_rerun_worker *worker = NULL;
    ef_outcomes counts;
    double logits[2];
    ef_flip flip = {0, 0, 1, EF_FAULT_FLIP, -1, 0};
    const ef_fault fault = {&flip, 1};
    ef_status status = ef_wide_create(&rerun, s->qnet, &images, err);
    if (!status) {
        status = ef_rerun_worker_create(&worker, rerun, err);
    }
    if (!status) {
        status = ef_rerun_strike(worker, &fault, 1, &(ef_struck){.counts = &counts});
    }
    if (!status) {
        size_t n;
        status = ef_qnet_strike_naive(s->qnet, ef_rerun_sites(rerun, &n), &fault, 0,
                                      s->images, logits, err);
    }
    ef_rerun_worker_destroy(worker);
    ef_rerun_destroy(rerun);
    return status;
}

Test(wide_create, each_failing_allocation_is_reported)
{
    setup s = begin_sum(16, 1, ones());
    ef_status status = EF_ERR_MEMORY;
    long n = 0;
    for (; status == EF_ERR_MEMORY && n < 1000; n++) {
        ef_error err = {0};
        ef_mem_fail_after(n);
        status = strike_in(&s, &err);
        ef_mem_fail_after(-1);
    }
    cr_expect_eq(status, EF_OK);
    cr_expect_gt(n, 40);
    end(&s);
}
