/* Networks in float formats and their faults: what is computed again only where it is
 * touched is held to whole runs, and these to the definition. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "faultsim/floating_priv.h"
#include "random_net.h"

#define N_IMAGES 21

static void must(ef_status status, const ef_error *err)
{
    cr_assert_eq(status, EF_OK, "%s", err->text);
}

/* A random network in some formats, and some images. */
typedef struct setup {
    ef_net *net;
    ef_ranges *ranges;
    ef_fnet *fnet;
    float *images;
    ef_rerun *rerun;
    ef_rerun_worker *worker;
    size_t classes;
} setup;

/* weights, activations */
static const char *const formats[][2] = {
    {"fp32", "fp32"},  {"fp16", "fp16"},       {"bf16", "bf16"},
    {"e4m3", "e4m3"},  {"e4m3s", "e4m3s"},     {"e5m2", "e5m2"},
    {"int8c", "fp32"}, {"int8", "fp16"},       {"fixed8", "bf16"},
    {"tern", "fp32"},  {"bin", "e5m10"},       {"pow2_4", "pow2_4"},
    {"e3m2s", "e4m7"}, {"int5c+gray", "fp32"}, {"int8+signmag", "e5m2s"},
};
#define N_FORMATS (sizeof formats / sizeof formats[0])

static ef_fnet_options options_of(const char *weights, const char *activations)
{
    ef_error err = {0};
    ef_fnet_options options = {{0}, {0}};
    must(ef_format_parse(weights, &options.weights, &err), &err);
    must(ef_format_parse(activations, &options.activations, &err), &err);
    return options;
}

/* Whether there is a fault-free run: some formats make random networks infinite. */
static int begin_with(setup *s, uint64_t seed, size_t format, const ef_kernels *kernels)
{
    *s = (setup){.net = random_net_with(seed, 2 + seed % 13, seed % 9 == 8,
                                        (seed % 2 ? RANDOM_RESHAPE : 0) |
                                            (seed % 3 ? 0 : RANDOM_INFERENCE))};
    ef_error err = {0};
    ef_fnet_options options = options_of(formats[format][0], formats[format][1]);
    s->images = random_images(s->net, seed, N_IMAGES);
    s->classes = random_net_outputs(s->net);
    if (ef_ranges_create(&s->ranges, s->net, s->images, N_IMAGES, 1, &err)) {
        return 0;
    }
    must(ef_fnet_create(&s->fnet, s->net, s->ranges, &options, &err), &err);
    const ef_rerun_images images = {
        .images = s->images, .n = N_IMAGES, .first = 3, .n_threads = 1};
    ef_status status = ef_floating_create(&s->rerun, s->fnet, &images, kernels,
                                          1 + seed % EF_LANE_VECTORS, &err);
    if (status == EF_ERR_INPUT) {
        return 0;
    }
    must(status, &err);
    must(ef_rerun_worker_create(&s->worker, s->rerun, &err), &err);
    return 1;
}

/* With the inner loops of each instruction set in turn. */
static int begin(setup *s, uint64_t seed)
{
    size_t n;
    const ef_kernels *const *kernels = ef_kernels_available(&n);
    return begin_with(s, seed, seed % N_FORMATS, kernels[seed / N_FORMATS % n]);
}

static void end(setup *s)
{
    ef_rerun_worker_destroy(s->worker);
    ef_rerun_destroy(s->rerun);
    ef_fnet_destroy(s->fnet);
    ef_ranges_destroy(s->ranges);
    ef_net_destroy(s->net);
    ef_free(s->images);
}

/* Logits of all images (n, classes), by the definition. */
static void expect_naive(const setup *s, const ef_fault *fault, const double *logits,
                         uint64_t seed, size_t number)
{
    ef_error err = {0};
    size_t size = random_net_inputs(s->net);
    float *naive = ef_calloc(s->classes, sizeof *naive);
    cr_assert(naive);
    for (size_t i = 0; i < N_IMAGES; i++) {
        must(ef_fnet_run_naive(s->fnet, s->images + i * size, fault, 3 + (int64_t)i,
                               naive, &err),
             &err);
        for (size_t c = 0; c < s->classes; c++) {
            double expected = (double)naive[c];
            cr_assert_eq(
                memcmp(&expected, &logits[i * s->classes + c], sizeof expected), 0,
                "seed %llu, fault %zu, image %zu: %a, expected %a; site %s, part %d",
                (unsigned long long)seed, number, i, logits[i * s->classes + c],
                expected, fault ? s->fnet->sites[fault->flips[0].site].site.name : "",
                fault ? (int)s->fnet->sites[fault->flips[0].site].part : -1);
        }
    }
    ef_free(naive);
}

TestSuite(floating, .timeout = 600);

Test(floating, runs_without_faults_as_the_definition_says)
{
    size_t n_run = 0;
    for (uint64_t seed = 0; seed < 240; seed++) {
        setup s;
        if (begin(&s, seed)) {
            expect_naive(&s, NULL, ef_rerun_logits(s.rerun), seed, 0);
            n_run++;
        }
        end(&s);
    }
    cr_assert_gt(n_run, 150);
}

Test(floating, runs_float32_as_the_exact_execution_does)
{
    size_t n_kernels;
    const ef_kernels *const *kernels = ef_kernels_available(&n_kernels);
    for (uint64_t seed = 0; seed < 60; seed++) {
        setup s;
        ef_error err = {0};
        ef_forward *forward = NULL;
        if (begin_with(&s, seed, 0, kernels[seed % n_kernels])) {
            float *logits = ef_calloc(N_IMAGES * s.classes, sizeof *logits);
            cr_assert(logits);
            must(ef_forward_create(&forward, s.net, N_IMAGES, &err), &err);
            ef_forward_run(forward, s.images, N_IMAGES, logits);
            for (size_t i = 0; i < N_IMAGES * s.classes; i++) {
                cr_assert_eq(ef_rerun_logits(s.rerun)[i], (double)logits[i]);
            }
            ef_forward_destroy(forward);
            ef_free(logits);
        }
        end(&s);
    }
}

/* --- faults ----------------------------------------------------------------------- */

static ef_flip random_flip(const ef_rerun *rerun, ef_rng *rng)
{
    size_t n;
    const ef_site *sites = ef_rerun_sites(rerun, &n);
    uint32_t site = (uint32_t)ef_rng_below(rng, n);
    return (ef_flip){
        .site = site,
        .index = ef_rng_below(rng, sites[site].count),
        .mask = UINT64_C(1) << ef_rng_below(rng, sites[site].bits),
        .kind = (ef_fault_kind)ef_rng_below(rng, EF_FAULT_KIND_COUNT),
        .moment = ef_rng_below(rng, sites[site].n_moments),
        .image = ef_rng_below(rng, 4) ? -1 : (int64_t)ef_rng_below(rng, N_IMAGES + 6)};
}

/* Room for the flips of faults that strike alone, in threes, and in crowds. */
#define MOST_FLIPS 40
#define N_FAULTS 24

typedef struct faults {
    ef_flip flips[N_FAULTS][MOST_FLIPS];
    ef_fault faults[N_FAULTS];
} faults;

static void make_faults(faults *f, const ef_rerun *rerun, ef_rng *rng)
{
    for (size_t k = 0; k < N_FAULTS; k++) {
        size_t n = k % 4 == 3 ? ef_rng_below(rng, MOST_FLIPS + 1) : 1 + k % 3;
        for (size_t i = 0; i < n; i++) {
            f->flips[k][i] = random_flip(rerun, rng);
            if (i > 0 && ef_rng_below(rng, 5) == 0) { /* the same element again */
                f->flips[k][i].site = f->flips[k][i - 1].site;
                f->flips[k][i].index = f->flips[k][i - 1].index;
                f->flips[k][i].moment = f->flips[k][i - 1].moment;
                f->flips[k][i].mask = 1;
            }
        }
        f->faults[k] = (ef_fault){f->flips[k], n};
    }
}

typedef struct results {
    ef_outcomes counts[N_FAULTS];
    uint8_t outcomes[N_FAULTS * N_IMAGES];
    uint16_t classes[N_FAULTS * N_IMAGES];
    double *logits;
} results;

static results *strike(const setup *s, const faults *f, int is_whole)
{
    results *r = ef_calloc(1, sizeof *r);
    cr_assert(r);
    r->logits = ef_calloc(N_FAULTS * N_IMAGES * s->classes, sizeof *r->logits);
    cr_assert(r->logits);
    const ef_struck to = {r->counts, r->outcomes, r->classes, r->logits};
    ef_status status = is_whole
                           ? ef_rerun_strike_all(s->worker, f->faults, N_FAULTS, &to)
                           : ef_rerun_strike(s->worker, f->faults, N_FAULTS, &to);
    cr_assert_eq(status, EF_OK);
    return r;
}

static void release(results *r)
{
    ef_free(r->logits);
    ef_free(r);
}

static void expect_equal(const setup *s, const results *a, const results *b,
                         uint64_t seed)
{
    size_t each = N_IMAGES * s->classes;
    for (size_t k = 0; k < N_FAULTS; k++) {
        cr_assert_eq(memcmp(a->logits + k * each, b->logits + k * each,
                            each * sizeof *a->logits),
                     0, "seed %llu, fault %zu", (unsigned long long)seed, k);
    }
    cr_assert_eq(memcmp(a->outcomes, b->outcomes, sizeof a->outcomes), 0);
    cr_assert_eq(memcmp(a->classes, b->classes, sizeof a->classes), 0);
    cr_assert_eq(memcmp(a->counts, b->counts, sizeof a->counts), 0);
}

Test(floating, computes_no_more_than_is_touched_and_finds_the_same)
{
    static faults f;
    ef_rng rng = ef_rng_stream(7, EF_PURPOSE_TEST, 0, 0, 0);
    for (uint64_t seed = 0; seed < 300; seed++) {
        setup s;
        if (begin(&s, seed)) {
            make_faults(&f, s.rerun, &rng);
            results *some = strike(&s, &f, 0), *all = strike(&s, &f, 1);
            expect_equal(&s, some, all, seed);
            release(some);
            release(all);
        }
        end(&s);
    }
}

Test(floating, strikes_as_the_definition_says)
{
    static faults f;
    ef_rng rng = ef_rng_stream(8, EF_PURPOSE_TEST, 0, 0, 0);
    for (uint64_t seed = 0; seed < 105; seed++) {
        setup s;
        if (begin(&s, seed)) {
            make_faults(&f, s.rerun, &rng);
            results *r = strike(&s, &f, 0);
            for (size_t k = 0; k < N_FAULTS; k++) {
                expect_naive(&s, &f.faults[k], r->logits + k * N_IMAGES * s.classes,
                             seed, k);
            }
            release(r);
        }
        end(&s);
    }
}
