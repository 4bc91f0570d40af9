/* Faults in integer networks: what is computed again only where it is touched is held
 * to whole runs, and these to the definition. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "faultsim/ranges.h"
#include "faultsim/bytes_priv.h"
#include "random_net.h"

#define N_IMAGES 5

static void must(ef_status status, const ef_error *err)
{
    cr_assert_eq(status, EF_OK, "%s", err->text);
}

/* A random network in integers, and some images. */
typedef struct setup {
    ef_net *net;
    ef_ranges *ranges;
    ef_qnet *qnet;
    float *images;
    ef_rerun *rerun;
    ef_rerun_worker *worker;
} setup;

static const char *const formats[][2] = {{"int8c", "int8"},
                                         {"int8", "uint8"},
                                         {"fixed8", "fixed8"},
                                         {"int6c+signmag", "int7+gray"},
                                         {"int4", "uint5"}};

static setup begin_with(uint64_t seed, const ef_int_kernels *kernels)
{
    setup s = {.net = random_net_with(seed, 2 + seed % 13, seed % 9 == 8,
                                      seed % 2 ? RANDOM_RESHAPE : 0)};
    ef_error err = {0};
    ef_qnet_options options = EF_QNET_OPTIONS_INT8;
    const char *const *names = formats[seed % 5];
    static const unsigned widths[] = {0, 0, 32, 20, 16};
    must(ef_format_parse(names[0], &options.weights, &err), &err);
    must(ef_format_parse(names[1], &options.activations, &err), &err);
    options.accumulator_bits = widths[seed / 5 % 5];
    s.images = random_images(s.net, seed, N_IMAGES);
    must(ef_ranges_create(&s.ranges, s.net, s.images, N_IMAGES, 1, &err), &err);
    must(ef_qnet_create(&s.qnet, s.net, s.ranges, &options, &err), &err);
    const ef_rerun_images images = {.images = s.images, .n = N_IMAGES, .n_threads = 1};
    must(ef_bytes_create(&s.rerun, s.qnet, &images, kernels, &err), &err);
    must(ef_rerun_worker_create(&s.worker, s.rerun, &err), &err);
    return s;
}

/* With the inner loops of each instruction set in turn. */
static setup begin(uint64_t seed)
{
    size_t n;
    const ef_int_kernels *const *kernels = ef_int_kernels_available(&n);
    return begin_with(seed, kernels[seed / 2 % n]);
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

static void expect_naive(const setup *s, const double *logits, uint64_t seed)
{
    ef_error err = {0};
    size_t n = ef_qnet_classes(s->qnet), size = random_net_inputs(s->net);
    double *naive = ef_calloc(n, sizeof *naive);
    cr_assert(naive);
    for (size_t i = 0; i < N_IMAGES; i++) {
        must(ef_qnet_run_naive(s->qnet, s->images + i * size, NULL, naive, &err), &err);
        cr_assert_eq(memcmp(naive, logits + i * n, n * sizeof *naive), 0,
                     "seed %llu, image %zu", (unsigned long long)seed, i);
    }
    ef_free(naive);
}

Test(rerun_create, runs_without_faults_as_the_definition_says, .timeout = 240)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        setup s = begin(seed);
        expect_naive(&s, ef_rerun_logits(s.rerun), seed);
        end(&s);
    }
}

static ef_flip random_flip(const ef_rerun *rerun, ef_rng *rng)
{
    size_t n;
    const ef_site *sites = ef_rerun_sites(rerun, &n);
    uint32_t site = (uint32_t)ef_rng_below(rng, n);
    return (ef_flip){
        .site = site,
        .index = ef_rng_below(rng, sites[site].count),
        .mask = UINT32_C(1) << ef_rng_below(rng, sites[site].bits),
        .kind = (ef_fault_kind)ef_rng_below(rng, EF_FAULT_KIND_COUNT),
        .image = ef_rng_below(rng, 4) ? -1 : (int64_t)ef_rng_below(rng, N_IMAGES)};
}

/* By the definition, image by image. */
static void expect_struck(const setup *s, const ef_fault *fault, const double *logits,
                          uint64_t seed)
{
    ef_error err = {0};
    size_t n = ef_qnet_classes(s->qnet), size = random_net_inputs(s->net), n_sites;
    const ef_site *sites = ef_rerun_sites(s->rerun, &n_sites);
    double *naive = ef_calloc(n, sizeof *naive);
    cr_assert(naive);
    for (size_t i = 0; i < N_IMAGES; i++) {
        must(ef_qnet_strike_naive(s->qnet, sites, fault, i, s->images + i * size, naive,
                                  &err),
             &err);
        cr_assert_eq(memcmp(naive, logits + i * n, n * sizeof *naive), 0,
                     "seed %llu, image %zu", (unsigned long long)seed, i);
    }
    ef_free(naive);
}

Test(rerun_strike, computes_no_more_than_is_touched_and_finds_the_same, .timeout = 240)
{
    ef_rng rng = ef_rng_stream(7, EF_PURPOSE_TEST, 0, 0, 0);
    for (uint64_t seed = 0; seed < 200; seed++) {
        setup s = begin(seed);
        size_t n = N_IMAGES * ef_qnet_classes(s.qnet);
        double *some = ef_calloc(n, sizeof *some), *all = ef_calloc(n, sizeof *all);
        cr_assert(some && all);
        for (size_t k = 0; k < 60; k++) {
            ef_flip flips[3];
            ef_fault fault = {flips, 1 + k % 3};
            ef_outcomes a, b;
            uint8_t x[N_IMAGES], y[N_IMAGES];
            for (size_t i = 0; i < fault.n; i++) {
                flips[i] = random_flip(s.rerun, &rng);
            }
            cr_assert_eq(ef_rerun_strike(
                             s.worker, &fault, 1,
                             &(ef_struck){.counts = &a, .outcomes = x, .logits = some}),
                         EF_OK);
            cr_assert_eq(ef_rerun_strike_all(
                             s.worker, &fault, 1,
                             &(ef_struck){.counts = &b, .outcomes = y, .logits = all}),
                         EF_OK);
            cr_assert_eq(memcmp(some, all, n * sizeof *some), 0,
                         "seed %llu, fault %zu: site %s, index %llu",
                         (unsigned long long)seed, k,
                         ef_rerun_sites(s.rerun, &n)[flips[0].site].name,
                         (unsigned long long)flips[0].index);
            n = N_IMAGES * ef_qnet_classes(s.qnet);
            cr_assert_eq(memcmp(x, y, sizeof x), 0);
            cr_assert_eq(memcmp(&a, &b, sizeof a), 0);
        }
        ef_free(some);
        ef_free(all);
        end(&s);
    }
}

/* What image i sees of a fault is the fault without the flips of other images. */
Test(rerun_strike, keeps_what_is_of_one_image_from_the_others, .timeout = 240)
{
    ef_rng rng = ef_rng_stream(8, EF_PURPOSE_TEST, 0, 0, 0);
    for (uint64_t seed = 0; seed < 60; seed++) {
        setup s = begin(seed);
        size_t classes = ef_qnet_classes(s.qnet), n = N_IMAGES * classes;
        double *found = ef_calloc(n, sizeof *found), *own = ef_calloc(n, sizeof *own);
        cr_assert(found && own);
        for (size_t k = 0; k < 20; k++) {
            ef_flip flips[4], seen[4];
            ef_outcomes counts;
            for (size_t i = 0; i < 4; i++) {
                flips[i] = random_flip(s.rerun, &rng);
                flips[i].image = i == 0 ? -1 : (int64_t)ef_rng_below(&rng, N_IMAGES);
            }
            cr_assert_eq(
                ef_rerun_strike(s.worker, &(ef_fault){flips, 4}, 1,
                                &(ef_struck){.counts = &counts, .logits = found}),
                EF_OK);
            for (size_t image = 0; image < N_IMAGES; image++) {
                ef_fault part = {seen, 0};
                for (size_t i = 0; i < 4; i++) {
                    if (flips[i].image < 0 || (size_t)flips[i].image == image) {
                        seen[part.n] = flips[i];
                        seen[part.n++].image = -1;
                    }
                }
                cr_assert_eq(
                    ef_rerun_strike(s.worker, &part, 1,
                                    &(ef_struck){.counts = &counts, .logits = own}),
                    EF_OK);
                cr_assert_eq(memcmp(found + image * classes, own + image * classes,
                                    classes * sizeof *own),
                             0, "seed %llu, fault %zu, image %zu",
                             (unsigned long long)seed, k, image);
            }
        }
        ef_free(found);
        ef_free(own);
        end(&s);
    }
}

/* Faults struck together, of all images and of single ones, do what each does alone. */
Test(rerun_strike, keeps_faults_that_are_struck_together_apart, .timeout = 240)
{
    enum { FAULTS = 12, FLIPS = 6 };
    ef_rng rng = ef_rng_stream(10, EF_PURPOSE_TEST, 0, 0, 0);
    for (uint64_t seed = 0; seed < 60; seed++) {
        setup s = begin(seed);
        size_t each = N_IMAGES * ef_qnet_classes(s.qnet);
        double *together = ef_calloc(FAULTS * each, sizeof *together);
        double *alone = ef_calloc(each, sizeof *alone);
        ef_flip flips[FAULTS][FLIPS];
        ef_fault faults[FAULTS];
        ef_outcomes counts[FAULTS];
        cr_assert(together && alone);
        for (size_t k = 0; k < FAULTS; k++) {
            int has_images = k % 3 < 2;
            faults[k] = (ef_fault){flips[k], 1 + ef_rng_below(&rng, FLIPS)};
            for (size_t i = 0; i < faults[k].n; i++) {
                flips[k][i] = random_flip(s.rerun, &rng);
                flips[k][i].image =
                    has_images ? (int64_t)ef_rng_below(&rng, N_IMAGES) : -1;
            }
        }
        cr_assert_eq(
            ef_rerun_strike(s.worker, faults, FAULTS,
                            &(ef_struck){.counts = counts, .logits = together}),
            EF_OK);
        for (size_t k = 0; k < FAULTS; k++) {
            ef_outcomes own;
            cr_assert_eq(
                ef_rerun_strike_all(s.worker, &faults[k], 1,
                                    &(ef_struck){.counts = &own, .logits = alone}),
                EF_OK);
            cr_assert_eq(memcmp(together + k * each, alone, each * sizeof *alone), 0,
                         "seed %llu, fault %zu", (unsigned long long)seed, k);
            cr_assert_eq(memcmp(&counts[k], &own, sizeof own), 0);
        }
        ef_free(together);
        ef_free(alone);
        end(&s);
    }
}

/* The logits of 20 faults, (20, images, classes). */
static double *strike_some(uint64_t seed, const ef_int_kernels *kernels, size_t *n)
{
    setup s = begin_with(seed, kernels);
    ef_rng rng = ef_rng_stream(9, EF_PURPOSE_TEST, seed, 0, 0);
    size_t each = N_IMAGES * ef_qnet_classes(s.qnet);
    double *logits = ef_calloc(20 * each, sizeof *logits);
    cr_assert(logits);
    for (size_t k = 0; k < 20; k++) {
        ef_flip flip = random_flip(s.rerun, &rng);
        ef_outcomes counts;
        cr_assert_eq(ef_rerun_strike(
                         s.worker, &(ef_fault){&flip, 1}, 1,
                         &(ef_struck){.counts = &counts, .logits = logits + k * each}),
                     EF_OK);
    }
    end(&s);
    *n = 20 * each;
    return logits;
}

Test(rerun_strike, finds_the_same_with_each_instruction_set, .timeout = 240)
{
    size_t n_kernels, n, n_expected;
    const ef_int_kernels *const *kernels = ef_int_kernels_available(&n_kernels);
    for (uint64_t seed = 200; seed < 290; seed++) {
        double *expected = strike_some(seed, kernels[n_kernels - 1], &n_expected);
        for (size_t i = 0; i + 1 < n_kernels; i++) {
            double *found = strike_some(seed, kernels[i], &n);
            cr_assert_eq(n, n_expected);
            cr_assert_eq(memcmp(found, expected, n * sizeof *found), 0, "seed %llu, %s",
                         (unsigned long long)seed, kernels[i]->name);
            ef_free(found);
        }
        ef_free(expected);
    }
}

Test(rerun_strike, does_as_the_definition_does, .timeout = 240)
{
    ef_rng rng = ef_rng_stream(8, EF_PURPOSE_TEST, 0, 0, 0);
    for (uint64_t seed = 0; seed < 150; seed++) {
        setup s = begin(seed);
        double *logits = ef_calloc(N_IMAGES * ef_qnet_classes(s.qnet), sizeof *logits);
        cr_assert(logits);
        for (size_t k = 0; k < 4; k++) {
            ef_flip flip = random_flip(s.rerun, &rng);
            ef_fault fault = {&flip, 1};
            ef_outcomes counts;
            cr_assert_eq(
                ef_rerun_strike(s.worker, &fault, 1,
                                &(ef_struck){.counts = &counts, .logits = logits}),
                EF_OK);
            expect_struck(&s, &fault, logits, seed);
        }
        ef_free(logits);
        end(&s);
    }
}

/* Many flips at once, of all targets, some of one element: each way of computing. */
Test(rerun_strike, finds_the_same_for_patterns, .timeout = 240)
{
    enum { MOST = 3000 };
    static const size_t sizes[] = {5, 40, 300, MOST};
    ef_rng rng = ef_rng_stream(10, EF_PURPOSE_TEST, 0, 0, 0);
    ef_flip *flips = ef_calloc(MOST, sizeof *flips);
    for (uint64_t seed = 0; seed < 120; seed++) {
        setup s = begin(seed);
        size_t n = N_IMAGES * ef_qnet_classes(s.qnet);
        double *some = ef_calloc(n, sizeof *some), *all = ef_calloc(n, sizeof *all);
        for (size_t k = 0; k < 4; k++) {
            ef_fault fault = {flips, sizes[k]};
            ef_outcomes a, b;
            for (size_t i = 0; i < fault.n; i++) {
                flips[i] = random_flip(s.rerun, &rng);
            }
            must(ef_rerun_strike(s.worker, &fault, 1,
                                 &(ef_struck){.counts = &a, .logits = some}),
                 &(ef_error){0});
            must(ef_rerun_strike_all(s.worker, &fault, 1,
                                     &(ef_struck){.counts = &b, .logits = all}),
                 &(ef_error){0});
            cr_assert_eq(memcmp(some, all, n * sizeof *some), 0, "seed %llu, %zu flips",
                         (unsigned long long)seed, fault.n);
            cr_assert_eq(memcmp(&a, &b, sizeof a), 0);
        }
        const ef_fault none = {NULL, 0};
        ef_outcomes healed;
        must(ef_rerun_strike_all(s.worker, &none, 1,
                                 &(ef_struck){.counts = &healed, .logits = all}),
             &(ef_error){0});
        cr_assert_eq(healed.masked, N_IMAGES, "seed %llu: everything is healed",
                     (unsigned long long)seed);
        ef_free(some);
        ef_free(all);
        end(&s);
    }
    ef_free(flips);
}

Test(rerun_strike, changes_many_parameters_as_the_definition_does, .timeout = 240)
{
    enum { MOST = 400 };
    ef_rng rng = ef_rng_stream(11, EF_PURPOSE_TEST, 0, 0, 0);
    ef_flip flips[MOST];
    for (uint64_t seed = 0; seed < 120; seed++) {
        setup s = begin(seed);
        size_t n_sites, n = 0, classes = ef_qnet_classes(s.qnet);
        const ef_site *sites = ef_rerun_sites(s.rerun, &n_sites);
        double *logits = ef_calloc(N_IMAGES * classes, sizeof *logits);
        for (size_t k = 0; k < 40 * MOST && n < (seed % 2 ? MOST : 9); k++) {
            flips[n] = random_flip(s.rerun, &rng);
            flips[n].image = -1;
            n += sites[flips[n].site].target <= EF_TARGET_BIASES;
        }
        ef_outcomes counts;
        must(ef_rerun_strike(s.worker, &(ef_fault){flips, n}, 1,
                             &(ef_struck){.counts = &counts, .logits = logits}),
             &(ef_error){0});
        expect_struck(&s, &(ef_fault){flips, n}, logits, seed);
        ef_free(logits);
        end(&s);
    }
}
