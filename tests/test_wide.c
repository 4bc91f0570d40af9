/* Faults in integers of every format: what is computed again only where it is touched
 * is held to whole runs, and both to the definition. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "faultsim/bytes_priv.h"
#include "faultsim/ranges.h"
#include "faultsim/wide_priv.h"
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

Test(wide_create, runs_without_faults_as_the_definition_says, .timeout = 120)
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
        const ef_site *site = &sites[fault->flips[0].site];
        cr_assert_eq(memcmp(naive, logits + i * s->n, s->n * sizeof *naive), 0,
                     "seed %llu, fault %zu, image %zu: %s of %s, index %llu",
                     (unsigned long long)seed, number, i,
                     site->target == EF_TARGET_SCALES ? "scales" : "values", site->name,
                     (unsigned long long)fault->flips[0].index);
    }
    ef_free(naive);
}

#define N_FAULTS 24

Test(wide_strike, computes_no_more_than_is_touched_and_finds_the_same, .timeout = 300)
{
    ef_rng rng = ef_rng_stream(17, EF_PURPOSE_TEST, 0, 0, 0);
    for (uint64_t seed = 0; seed < 180; seed++) {
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
            if (faults[k].n > 0) {
                expect_naive(&s, &faults[k], some + k * n, seed, k);
            }
        }
        cr_assert_eq(memcmp(some, ef_rerun_logits(s.rerun), n * sizeof *some), 0,
                     "no flip changes nothing");
        ef_free(some);
        ef_free(all);
        end(&s);
    }
}
