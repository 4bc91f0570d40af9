/* Defects that other fault injectors are known for, held as tests against ourselves.
 * Each test names the injector and what it did wrong. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "code_help.h"
#include "faultsim/floating.h"
#include "faultsim/permutation.h"
#include "faultsim/population.h"
#include "faultsim/rerun.h"
#include "faultsim/statistics.h"
#include "net/topology_yaml.h"
#include "random_net.h"

TestSuite(known_defects, .timeout = 120);

static void must(ef_status status, const ef_error *err)
{
    cr_assert_eq(status, EF_OK, "%s", err->text);
}

/* --- a network to strike ---------------------------------------------------------- */

#define N_IMAGES 4

typedef struct setup {
    ef_net *net;
    ef_ranges *ranges;
    ef_qnet *qnet; /* of integers, or */
    ef_fnet *fnet; /* of floats */
    float *images;
    ef_rerun *rerun;
    ef_rerun_worker *worker;
    size_t n_sites, n_logits;
    const ef_site *sites;
} setup;

/* One for each engine: name, weights, activations. */
static const char *const engines[][3] = {{"bytes", "int8c", "int8"},
                                         {"wide", "int12", "int10"},
                                         {"floating", "fp16", "e5m2"}};

#define N_ENGINES (sizeof engines / sizeof *engines)

static ef_status make_rerun(setup *s, const char *const *names, ef_error *err)
{
    const ef_rerun_images images = {.images = s->images, .n = N_IMAGES, .n_threads = 1};
    ef_format weights, activations;
    must(ef_format_parse(names[1], &weights, err), err);
    must(ef_format_parse(names[2], &activations, err), err);
    if (strcmp(names[0], "floating") == 0) {
        ef_fnet_options options = {weights, activations};
        must(ef_fnet_create(&s->fnet, s->net, s->ranges, &options, err), err);
        return ef_rerun_create_float(&s->rerun, s->fnet, &images, err);
    }
    ef_qnet_options options = {.weights = weights, .activations = activations};
    must(ef_qnet_create(&s->qnet, s->net, s->ranges, &options, err), err);
    return ef_rerun_create(&s->rerun, s->qnet, &images, err);
}

/* Calibrated on its images; run on them times `factor`. */
static setup begin(uint64_t seed, float factor)
{
    setup s = {.net = random_net_with(seed, 4 + seed % 9, 0, 0)};
    const char *const *names = engines[seed % N_ENGINES];
    ef_error err = {0};
    size_t n = N_IMAGES * random_net_inputs(s.net);
    s.images = random_images(s.net, seed, N_IMAGES);
    must(ef_ranges_create(&s.ranges, s.net, s.images, N_IMAGES, 1, &err), &err);
    for (size_t i = 0; i < n; i++) {
        s.images[i] *= factor;
    }
    must(make_rerun(&s, names, &err), &err);
    cr_assert_str_eq(ef_rerun_engine_name(s.rerun), names[0]);
    must(ef_rerun_worker_create(&s.worker, s.rerun, &err), &err);
    s.sites = ef_rerun_sites(s.rerun, &s.n_sites);
    s.n_logits = N_IMAGES * ef_rerun_n_classes(s.rerun);
    return s;
}

static void end(setup *s)
{
    ef_rerun_worker_destroy(s->worker);
    ef_rerun_destroy(s->rerun);
    ef_qnet_destroy(s->qnet);
    ef_fnet_destroy(s->fnet);
    ef_ranges_destroy(s->ranges);
    ef_net_destroy(s->net);
    ef_free(s->images);
}

static ef_flip random_flip(const setup *s, uint32_t site, ef_rng *rng)
{
    const ef_site *at = &s->sites[site];
    return (ef_flip){.site = site,
                     .index = ef_rng_below(rng, at->count),
                     .mask = UINT64_C(1) << ef_rng_below(rng, at->bits),
                     .image = -1,
                     .moment = ef_rng_below(rng, at->n_moments)};
}

/* The logits of a fault, (N_IMAGES, classes), released with ef_free. */
static double *strike(const setup *s, ef_rerun_worker *worker, const ef_fault *fault,
                      ef_outcomes *counts)
{
    double *logits = ef_calloc(s->n_logits, sizeof *logits);
    ef_struck to = {.counts = counts, .logits = logits};
    cr_assert(logits);
    cr_assert_eq(ef_rerun_strike(worker, fault, 1, &to), EF_OK);
    return logits;
}

static int is_same(const setup *s, const double *a, const double *b)
{
    return memcmp(a, b, s->n_logits * sizeof *a) == 0;
}

/* --- PyTorchFI: values at and beyond the calibrated range ------------------------- */

/* PyTorchFI's flips of quantized values end the program, or wrap to the other sign,
 * where a value is at the end of the calibrated range or beyond.  Ours saturate. */
Test(known_defects, pytorchfi_values_beyond_the_range_saturate)
{
    static const char *const names[] = {
        "int8",        "uint8", "fixed8",  "int16",       "int8+gray", "int8+signmag",
        "int8+offset", "int4",  "fixed16", "int3+offset", "e4m3s",     "pow2_4"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ef_code code = bound(names[i], -2, 3);
        uint32_t top = ef_code_of(&code, 3), bottom = ef_code_of(&code, -3);
        float highest = ef_code_value(&code, ef_code_of(&code, INFINITY));
        cr_expect_gt(ef_code_value(&code, top), 1.4f, "%s", names[i]);
        for (float beyond = 3; beyond < 1e38f; beyond *= 1.7f) {
            float above = ef_code_value(&code, ef_code_of(&code, beyond));
            float below = ef_code_value(&code, ef_code_of(&code, -beyond));
            cr_assert(above > 1.4f && above <= highest, "%s: %g", names[i],
                      (double)above);
            cr_assert(below < -1.2f, "%s: %g", names[i], (double)below);
            cr_assert_leq(below, ef_code_value(&code, bottom), "%s", names[i]);
        }
        for (unsigned bit = 0; bit < code.format.bits; bit++) {
            float back = ef_code_value(&code, (top ^ 1u << bit) ^ 1u << bit);
            cr_expect_eq(back, ef_code_value(&code, top), "%s", names[i]);
        }
    }
}

/* By the definition, image by image. */
static void expect_naive(const setup *s)
{
    size_t n = ef_rerun_n_classes(s->rerun), size = random_net_inputs(s->net);
    double *naive = ef_calloc(n, sizeof *naive);
    float *floats = ef_calloc(n, sizeof *floats);
    ef_error err = {0};
    cr_assert(naive && floats);
    for (size_t i = 0; i < N_IMAGES; i++) {
        const float *image = s->images + i * size;
        if (s->qnet) {
            must(ef_qnet_run_naive(s->qnet, image, NULL, naive, &err), &err);
        } else {
            must(ef_fnet_run_naive(s->fnet, image, NULL, 0, floats, &err), &err);
        }
        for (size_t k = 0; k < n; k++) {
            double value = s->qnet ? naive[k] : (double)floats[k];
            cr_expect_eq(value, ef_rerun_logits(s->rerun)[i * n + k]);
        }
    }
    ef_free(floats);
    ef_free(naive);
}

/* The same in a whole network: images ten times as large as those of calibration. */
Test(known_defects, pytorchfi_networks_run_beyond_their_ranges)
{
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    for (uint64_t seed = 1; seed < 13; seed++) {
        setup s = begin(seed, 10);
        expect_naive(&s);
        for (int k = 0; k < 50; k++) {
            ef_flip flip =
                random_flip(&s, (uint32_t)ef_rng_below(&rng, s.n_sites), &rng);
            ef_outcomes counts;
            ef_free(strike(&s, s.worker, &(ef_fault){&flip, 1}, &counts));
            cr_expect_eq(counts.images, N_IMAGES);
            cr_expect_eq(counts.masked + counts.benign + counts.sdc + counts.nonfinite,
                         N_IMAGES);
        }
        end(&s);
    }
}

/* --- GoldenEye: subnormals -------------------------------------------------------- */

/* GoldenEye reads the 1023 subnormals of fp16 as if their leading bit were 1.  By IEEE
 * 754-2019, 3.4: the fraction times the least subnormal. */
Test(known_defects, goldeneye_subnormals_of_every_float_format_are_read)
{
    size_t n_fp16 = 0;
    for (unsigned x = 2; x <= 8; x++) {
        for (unsigned y = 1; x + y <= 15; y++) {
            char name[EF_FORMAT_NAME];
            snprintf(name, sizeof name, "e%um%u", x, y);
            ef_code code = bound(name, -1, 1);
            int least = 2 - (1 << (x - 1)) - (int)y;
            for (uint32_t bits = 1; bits >> y == 0; bits++) {
                float value = (float)ldexp(bits, least);
                cr_assert_eq(ef_code_value(&code, bits), value, "%s %x", name, bits);
                cr_assert_eq(ef_code_flip(&code, bits, x + y), -value);
                cr_assert_eq(ef_code_of(&code, value), bits);
                for (unsigned bit = 0; bit < y; bit++) {
                    float other = (float)ldexp(bits ^ 1u << bit, least);
                    cr_assert_eq(ef_code_flip(&code, bits, bit), other, "%s %x", name,
                                 bits);
                }
                n_fp16 += x == 5 && y == 10;
            }
        }
    }
    cr_expect_eq(n_fp16, 1023);
}

/* --- PyTorchFI: inference after an injection -------------------------------------- */

/* PyTorchFI raises at the second inference with an injected model.  Ours gives the same
 * again, and without a fault what there was before. */
Test(known_defects, pytorchfi_runs_again_after_an_injection)
{
    ef_rng rng = ef_rng_stream(2, EF_PURPOSE_TEST, 0, 0, 0);
    for (uint64_t seed = 1; seed < 13; seed++) {
        setup s = begin(seed, 1);
        for (uint32_t site = 0; site < s.n_sites; site++) {
            ef_flip flip = random_flip(&s, site, &rng);
            ef_outcomes counts;
            double *first = strike(&s, s.worker, &(ef_fault){&flip, 1}, &counts);
            double *none = strike(&s, s.worker, &(ef_fault){NULL, 0}, &counts);
            cr_expect(is_same(&s, none, ef_rerun_logits(s.rerun)));
            cr_expect_eq(counts.masked, N_IMAGES);
            double *second = strike(&s, s.worker, &(ef_fault){&flip, 1}, &counts);
            cr_expect(is_same(&s, first, second));
            ef_free(second);
            ef_free(none);
            ef_free(first);
        }
        end(&s);
    }
}

/* --- MRFI: a layer that is switched off again ------------------------------------- */

/* MRFI leaves a layer faulty that was switched off after an injection.  A worker that
 * has struck a layer thousands of times gives of another layer's faults what a new
 * worker gives. */
Test(known_defects, mrfi_no_layer_stays_faulty)
{
    ef_rng rng = ef_rng_stream(3, EF_PURPOSE_TEST, 0, 0, 0);
    for (uint64_t seed = 1; seed < 10; seed++) {
        setup s = begin(seed, 1);
        ef_error err = {0};
        ef_outcomes counts;
        for (uint32_t faulty = 0; faulty < s.n_sites; faulty++) {
            ef_rerun_worker *fresh = NULL;
            ef_flip flip = random_flip(&s, (faulty + 1) % (uint32_t)s.n_sites, &rng);
            ef_fault other = {&flip, 1};
            for (int k = 0; k < 20; k++) {
                ef_flip here = random_flip(&s, faulty, &rng);
                ef_free(strike(&s, s.worker, &(ef_fault){&here, 1}, &counts));
            }
            must(ef_rerun_worker_create(&fresh, s.rerun, &err), &err);
            double *old = strike(&s, s.worker, &other, &counts);
            double *new = strike(&s, fresh, &other, &counts);
            cr_expect(is_same(&s, old, new), "seed %d, %s", (int)seed,
                      s.sites[faulty].name);
            ef_free(new);
            ef_free(old);
            ef_rerun_worker_destroy(fresh);
        }
        end(&s);
    }
}

/* --- PyTorchFI: small layers ------------------------------------------------------ */

#define N_LAYERS 20
#define N_DRAWN 100000
/* The quantile of chi-square with 19 degrees of freedom that is exceeded by chance once
 * in a million. */
#define CHI_SQUARE 63.677

static ef_topology *load_resnet20(void)
{
    char path[1024];
    ef_topology *topology = NULL;
    ef_error err = {0};
    const char *folder = getenv("EF_SRCDIR");
    snprintf(path, sizeof path, "%s/data/topologies/resnet20.yaml",
             folder ? folder : ".");
    must(ef_topology_load(&topology, path, &err), &err);
    return topology;
}

/* The weights of every layer, as int8. */
static size_t list_weights(const ef_topology *topology, ef_site *sites)
{
    ef_net *net = NULL;
    ef_error err = {0};
    size_t n = 0;
    must(ef_net_create(&net, topology, &err), &err);
    for (size_t i = 0; i < net->n_params; i++) {
        const ef_param *param = &net->params[i];
        if (param->role == EF_ROLE_WEIGHT) {
            cr_assert_lt(n, N_LAYERS);
            sites[n++] = (ef_site){.target = EF_TARGET_WEIGHTS,
                                   .node = param->node,
                                   .name = "",
                                   .count = param->count,
                                   .bits = 8,
                                   .n_moments = 1};
        }
    }
    ef_net_destroy(net);
    return n;
}

/* PyTorchFI draws a layer first and then a weight in it, and so hits the first of
 * ResNet-20, 432 of 268,336 weights, 35 times too often.  Ours draws among all bits. */
Test(known_defects, pytorchfi_small_layers_are_not_favoured)
{
    ef_site sites[N_LAYERS];
    uint64_t hits[N_LAYERS] = {0}, total = 0;
    ef_topology *topology = load_resnet20();
    ef_population *population = NULL;
    ef_selection selection = {.targets = 1u << EF_TARGET_WEIGHTS};
    ef_strike flip = {EF_FAULT_FLIP, 1, 0, 0};
    ef_error err = {0};
    size_t n = list_weights(topology, sites);
    cr_assert_eq(n, N_LAYERS);
    must(ef_population_create(&population, topology, sites, n, &selection, &flip, &err),
         &err);
    for (size_t i = 0; i < n; i++) {
        total += sites[i].count;
    }
    cr_assert_eq(total, 268336);
    cr_assert_eq(ef_population_size(population), 8 * total);
    ef_permutation order =
        ef_permutation_keyed(1, EF_PURPOSE_FAULT, 0, 0, 0, 8 * total);
    for (uint64_t k = 0; k < N_DRAWN; k++) {
        hits[ef_population_flip(population, ef_permutation_at(&order, k)).site]++;
    }
    double chi_square = 0;
    for (size_t i = 0; i < n; i++) {
        double expected = (double)N_DRAWN * (double)sites[i].count / (double)total;
        chi_square += pow((double)hits[i] - expected, 2) / expected;
        cr_expect_lt((double)hits[i], 2 * expected);
    }
    cr_expect_lt(chi_square, CHI_SQUARE);
    ef_population_destroy(population);
    ef_topology_destroy(topology);
}

/* --- IterativeFI: a pilot without failures ---------------------------------------- */

/* IterativeFI ends a campaign with [0, 0] where its pilot has no failures.  The upper
 * end of Wilson's interval is then z^2 / (n + z^2), z = 1.959964. */
Test(known_defects, iterativefi_no_failures_are_not_certainty)
{
    const uint64_t population = UINT64_C(1) << 40;
    ef_stop_rule rule = EF_STOP_RULE_DEFAULT;
    for (uint64_t n = 1; n <= 10000; n *= 10) {
        ef_tally none = {.n = n};
        ef_estimate of_pairs = ef_estimate_rate(&none, 100, population);
        ef_estimate of_faults = ef_estimate_critical(&none, population);
        double high = 3.841459 / ((double)n + 3.841459);
        cr_expect_eq(of_pairs.interval.low, 0);
        cr_expect_float_eq(of_pairs.interval.high, high, 1e-6 * high);
        cr_expect_float_eq(of_faults.interval.high, high, 1e-6 * high);
        cr_expect_not(ef_is_enough(&rule, &of_pairs), "%llu faults",
                      (unsigned long long)n);
    }
    ef_tally all = {.n = 1000};
    cr_expect_eq(ef_estimate_rate(&all, 100, 1000).interval.high, 0,
                 "all of them were struck");
}

/* The same of strata: the pilot of one has no failures, and it is struck further. */
Test(known_defects, iterativefi_strata_without_failures_are_struck_further)
{
    ef_stratum strata[3] = {{.population = 1000000, .group = 0, .pilot = {.n = 200}},
                            {.population = 500000, .group = 1, .pilot = {.n = 100}},
                            {.population = 300, .group = 2, .pilot = {.n = 60}}};
    ef_error err = {0};
    ef_estimate estimate;
    uint64_t more[3] = {0};
    must(ef_estimate_strata(strata, 3, 100, &estimate, &err), &err);
    cr_expect_eq(estimate.share, 0);
    cr_expect_eq(estimate.interval.low, 0);
    /* no narrower than a uniform sample of as many */
    cr_expect_gt(estimate.interval.high, 3.841459 / (360 + 3.841459));
    must(ef_allocate_rest(strata, 3, 1000, more, &err), &err);
    cr_expect_eq(more[0] + more[1] + more[2], 1000);
    cr_expect(more[0] > 0 && more[1] > 0);
}
