/* Sweeps over bit error rates through the whole path, on a random network. */
#include "study/sweep.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "random_net.h"
#include "scratch.h"

#define N_IMAGES 12

static ef_error err;

static void must(ef_status status)
{
    cr_assert_eq(status, EF_OK, "%s", err.text);
}

/* --- a network with images ---------------------------------------------------- */

typedef struct setup {
    random_bed bed;
    ef_injector *injector;
} setup;

/* s stays where it is until the end: the injector borrows from it.  Labels go round the
 * classes. */
static void begin(setup *s, uint64_t seed, size_t n_threads, int runs_whole)
{
    random_bed_init(&s->bed, seed, 6, N_IMAGES);
    const ef_injector_options o = {.set = &s->bed.set,
                                   .images = random_bed_images(&s->bed),
                                   .calibration = random_bed_images(&s->bed),
                                   .formats = EF_QNET_OPTIONS_INT8,
                                   .runs_whole = runs_whole,
                                   .n_threads = n_threads};
    must(ef_injector_create(&s->injector, s->bed.net, &o, &err));
}

static void end(setup *s)
{
    ef_injector_destroy(s->injector);
    random_bed_clear(&s->bed);
}

static const ef_selection everything = {0};

static ef_sweep *make(const setup *s, const char *fault, unsigned targets,
                      uint64_t trials, int per_image)
{
    ef_strikes strikes;
    ef_sweep *sweep = NULL;
    must(ef_strikes_parse(&strikes, fault, &err));
    const ef_sweep_options o = {.strikes = &strikes,
                                .targets =
                                    strikes.together ? strikes.together : targets,
                                .selection = &everything,
                                .only_site = SIZE_MAX,
                                .per_image = per_image,
                                .trials = trials,
                                .seed = 5,
                                .n_threads = 1};
    must(ef_sweep_create(&sweep, s->injector, &o, &err));
    return sweep;
}

static ef_sweep *run(const setup *s, const char *fault, unsigned targets,
                     uint64_t trials, int per_image)
{
    ef_sweep *sweep = make(s, fault, targets, trials, per_image);
    must(ef_sweep_run(sweep, NULL, &err));
    return sweep;
}

enum {
    WEIGHTS = 1 << EF_TARGET_WEIGHTS,
    BIASES = 1 << EF_TARGET_BIASES,
    ACTIVATIONS = 1 << EF_TARGET_ACTIVATIONS,
    INPUTS = 1 << EF_TARGET_INPUTS
};

/* --- patterns ----------------------------------------------------------------- */

static int is_before(const ef_flip *x, const ef_flip *y)
{
    return x->site != y->site     ? x->site < y->site
           : x->image != y->image ? x->image < y->image
                                  : x->index < y->index;
}

/* The bits of a that b lacks; both ascend by site, image and element. */
static size_t missing(const ef_ber_flips *a, const ef_ber_flips *b)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < a->n; i++) {
        const ef_flip *x = &a->items[i];
        while (k < b->n && is_before(&b->items[k], x)) {
            k++;
        }
        int is_met = k < b->n && !is_before(x, &b->items[k]);
        uint64_t left = is_met ? x->mask & ~b->items[k].mask : x->mask;
        n += (size_t)__builtin_popcountll(left);
    }
    return n;
}

static size_t count_bits(const ef_ber_flips *flips)
{
    const ef_ber_flips none = {NULL, 0, 0};
    return missing(flips, &none);
}

static void clear(ef_ber_flips *flips, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ef_ber_flips_clear(&flips[i]);
    }
}

Test(sweep_draw, patterns_nest_over_rates_in_every_target_and_image)
{
    setup s;
    begin(&s, 8, 1, 0);
    for (int per_image = 0; per_image < 2; per_image++) {
        ef_sweep *sweep = make(&s, "ber:0.001:0.02:0.3:0.9",
                               WEIGHTS | BIASES | ACTIVATIONS | INPUTS, 3, per_image);
        for (uint64_t t = 0; t < 3; t++) {
            ef_ber_flips flips[4] = {{NULL, 0, 0}};
            must(ef_sweep_draw(sweep, t, flips, &err));
            for (size_t r = 0; r + 1 < 4; r++) {
                cr_expect_eq(missing(&flips[r], &flips[r + 1]), 0);
                cr_expect_gt(missing(&flips[r + 1], &flips[r]), 0);
            }
            clear(flips, 4);
        }
        ef_sweep_destroy(sweep);
    }
    end(&s);
}

Test(sweep_draw, together_strike_what_each_strikes_alone)
{
    setup s;
    begin(&s, 8, 1, 0);
    ef_sweep *both = make(&s, "weights=ber:0.01:0.1,activations=ber:0.2", 0, 2, 1);
    ef_sweep *weights = make(&s, "ber:0.01:0.1", WEIGHTS, 2, 1);
    ef_sweep *activations = make(&s, "ber:0.2", ACTIVATIONS, 2, 1);
    for (uint64_t t = 0; t < 2; t++) {
        ef_ber_flips all[2] = {{NULL, 0, 0}}, w[2] = {{NULL, 0, 0}}, a = {NULL, 0, 0};
        must(ef_sweep_draw(both, t, all, &err));
        must(ef_sweep_draw(weights, t, w, &err));
        must(ef_sweep_draw(activations, t, &a, &err));
        for (size_t r = 0; r < 2; r++) {
            cr_expect_eq(count_bits(&all[r]), count_bits(&w[r]) + count_bits(&a));
            size_t lacking = missing(&all[r], &w[r]);
            cr_expect_eq(lacking, count_bits(&a));
        }
        clear(all, 2);
        clear(w, 2);
        clear(&a, 1);
    }
    ef_sweep_destroy(both);
    ef_sweep_destroy(weights);
    ef_sweep_destroy(activations);
    end(&s);
}

/* Within 4.9 standard deviations of the binomial but once in 10^6. */
Test(sweep_draw, as_many_bits_are_struck_as_the_rates_say)
{
    setup s;
    begin(&s, 8, 1, 0);
    enum { TRIALS = 40 };
    for (int per_image = 0; per_image < 2; per_image++) {
        ef_sweep *sweep = run(&s, "ber:0.003:0.05", ACTIVATIONS, TRIALS, per_image);
        double n = (double)ef_sweep_bits(sweep) * (per_image ? N_IMAGES : 1);
        for (size_t r = 0; r < 2; r++) {
            ef_sweep_rate sum;
            double p = r ? 0.05 : 0.003;
            must(ef_sweep_summarize(sweep, r, &sum, &err));
            cr_expect_float_eq(sum.expected_bits, p * n, 1e-9 * n);
            cr_expect_lt(fabs(sum.bits - p * n), 4.9 * sqrt(n * p * (1 - p) / TRIALS),
                         "%g of %g", sum.bits, sum.expected_bits);
        }
        ef_sweep_destroy(sweep);
    }
    end(&s);
}

/* --- what trials do ----------------------------------------------------------- */

Test(sweep_run, at_rate_0_everything_is_masked)
{
    setup s;
    begin(&s, 8, 1, 0);
    ef_sweep *sweep = run(&s, "ber:0", WEIGHTS | ACTIVATIONS, 5, 0);
    ef_sweep_rate sum;
    must(ef_sweep_summarize(sweep, 0, &sum, &err));
    for (uint64_t t = 0; t < 5; t++) {
        const ef_trial *trial = ef_sweep_trial(sweep, t, 0);
        cr_expect(trial->bits == 0 && trial->outcomes.masked == N_IMAGES);
    }
    double right = N_IMAGES - (double)ef_injector_n_errors(s.injector);
    cr_expect_float_eq(sum.accuracy.mean, right / N_IMAGES, 1e-15);
    cr_expect(sum.ccr.mean == 0 && sum.ccr.interval.high < 1);
    ef_sweep_destroy(sweep);
    end(&s);
}

/* Every bit of a target by hand, and whole runs of the network. */
Test(sweep_run, at_rate_1_every_bit_is_struck)
{
    static const unsigned targets[] = {WEIGHTS, BIASES, ACTIVATIONS, INPUTS};
    for (size_t k = 0; k < 4; k++) {
        setup s;
        begin(&s, 4, 1, 1);
        size_t n_sites, n = 0;
        const ef_site *sites = ef_injector_sites(s.injector, &n_sites);
        ef_flip *flips = NULL;
        uint64_t bits = 0;
        for (size_t i = 0; i < n_sites; i++) {
            if (!(targets[k] >> sites[i].target & 1)) {
                continue;
            }
            flips = ef_realloc(flips, n + sites[i].count, sizeof *flips);
            bits += sites[i].count * sites[i].bits;
            for (uint64_t e = 0; e < sites[i].count; e++) {
                uint64_t mask = (UINT64_C(1) << sites[i].bits) - 1;
                flips[n++] = (ef_flip){
                    .site = (uint32_t)i, .index = e, .mask = mask, .image = -1};
            }
        }
        const ef_fault fault = {flips, n};
        ef_outcomes expected;
        must(ef_injector_strike(s.injector, &fault, 1,
                                &(ef_struck){.counts = &expected}, NULL, NULL, &err));
        cr_assert_gt(n, 0);
        ef_sweep *sweep = run(&s, "ber:1", targets[k], 2, 0);
        for (uint64_t t = 0; t < 2; t++) {
            const ef_trial *trial = ef_sweep_trial(sweep, t, 0);
            cr_expect_eq(trial->bits, bits);
            cr_expect_eq(memcmp(&trial->outcomes, &expected, sizeof expected), 0);
        }
        ef_sweep_destroy(sweep);
        ef_free(flips);
        end(&s);
    }
}

/* Outcomes and accuracy from the classes that each trial gives. */
Test(sweep_run, counts_are_those_of_the_classes_given)
{
    setup s;
    begin(&s, 8, 1, 0);
    ef_sweep *sweep = run(&s, "ber:0.01:0.1", WEIGHTS | ACTIVATIONS, 20, 0);
    const uint16_t *labels = ef_injector_labels(s.injector);
    const uint16_t *before = ef_injector_classes(s.injector);
    uint64_t changed = 0;
    for (uint64_t t = 0; t < 20; t++) {
        ef_ber_flips flips[2] = {{NULL, 0, 0}};
        must(ef_sweep_draw(sweep, t, flips, &err));
        for (size_t r = 0; r < 2; r++) {
            const ef_fault fault = {flips[r].items, flips[r].n};
            const ef_trial *trial = ef_sweep_trial(sweep, t, r);
            uint16_t classes[N_IMAGES];
            ef_outcomes counts;
            uint64_t right = 0, sdc = 0;
            must(ef_injector_strike(s.injector, &fault, 1,
                                    &(ef_struck){.counts = &counts, .classes = classes},
                                    NULL, NULL, &err));
            for (size_t i = 0; i < N_IMAGES; i++) {
                right += classes[i] == labels[i];
                sdc += classes[i] != before[i];
            }
            cr_expect_eq(trial->right, right);
            cr_expect_eq(trial->outcomes.sdc, sdc);
            changed += sdc;
        }
        clear(flips, 2);
    }
    cr_expect_gt(changed, 10, "rates are such that classes change");
    ef_sweep_destroy(sweep);
    end(&s);
}

static void expect_same(const ef_sweep *a, const ef_sweep *b)
{
    for (uint64_t t = 0; t < ef_sweep_n_trials(a); t++) {
        for (size_t r = 0; r < ef_sweep_n_rates(a); r++) {
            cr_expect_eq(memcmp(ef_sweep_trial(a, t, r), ef_sweep_trial(b, t, r),
                                sizeof(ef_trial)),
                         0, "trial %zu", (size_t)t);
        }
    }
}

Test(sweep_run, threads_and_recomputing_change_nothing)
{
    static const char fault[] = "weights=ber:0.001:0.05,activations=ber:0.01,"
                                "biases=flip:2";
    setup first;
    begin(&first, 6, 1, 0);
    ef_sweep *expected = run(&first, fault, 0, 150, 1);
    static const size_t threads[] = {2, 7, 1};
    for (size_t i = 0; i < 3; i++) {
        setup s;
        begin(&s, 6, threads[i], i == 2);
        ef_sweep *sweep = run(&s, fault, 0, 150, 1);
        expect_same(expected, sweep);
        ef_sweep_destroy(sweep);
        end(&s);
    }
    ef_sweep_destroy(expected);
    end(&first);
}

/* --- run files ---------------------------------------------------------------- */

typedef struct saver {
    ef_store *store;
    int stops;
} saver;

static ef_status save(void *context, ef_sweep *sweep, ef_error *error)
{
    const saver *v = context;
    must(ef_store_begin(v->store, error));
    must(ef_sweep_save(sweep, v->store, 4, error));
    return ef_store_commit(v->store, error);
}

static int stops(void *context)
{
    return ((saver *)context)->stops;
}

TestSuite(sweep_store, .init = scratch_make, .fini = scratch_remove);

Test(sweep_store, a_sweep_that_was_stopped_goes_on_to_the_same_end)
{
    static const char fault[] = "ber:0.001:0.05";
    setup s;
    begin(&s, 6, 2, 0);
    ef_sweep *expected = run(&s, fault, WEIGHTS, 200, 0);
    saver v = {.stops = 1};
    const ef_sweep_watch watch = {.context = &v, .commit = save, .stop = stops};
    must(ef_store_create(&v.store, scratch_path("sweep.evo"), 0, &err));
    ef_sweep *sweep = make(&s, fault, WEIGHTS, 200, 0);
    cr_assert_eq(ef_sweep_run(sweep, &watch, &err), EF_STOPPED);
    ef_sweep_destroy(sweep);
    sweep = make(&s, fault, WEIGHTS, 200, 0);
    must(ef_sweep_restore(sweep, v.store, 4, &err));
    cr_expect_eq(memcmp(ef_sweep_trial(sweep, 0, 1), ef_sweep_trial(expected, 0, 1),
                        sizeof(ef_trial)),
                 0);
    v.stops = 0;
    must(ef_sweep_run(sweep, &watch, &err));
    expect_same(expected, sweep);
    ef_sweep_destroy(sweep);
    sweep = make(&s, fault, WEIGHTS, 200, 0);
    must(ef_sweep_restore(sweep, v.store, 4, &err));
    expect_same(expected, sweep);
    ef_sweep_destroy(sweep);
    sweep = make(&s, "ber:0.1", WEIGHTS, 200, 0);
    cr_expect_eq(ef_sweep_restore(sweep, v.store, 4, &err), EF_ERR_INPUT,
                 "rows of two rates");
    ef_sweep_destroy(sweep);
    ef_sweep_destroy(expected);
    ef_store_close(v.store);
    end(&s);
}

/* --- what is refused ---------------------------------------------------------- */

static void refuse(const setup *s, const char *fault, const ef_selection *selection,
                   const char *text)
{
    ef_strikes strikes;
    ef_sweep *sweep = NULL;
    must(ef_strikes_parse(&strikes, fault, &err));
    const ef_sweep_options o = {.strikes = &strikes,
                                .targets = strikes.together,
                                .selection = selection,
                                .only_site = SIZE_MAX,
                                .trials = 1};
    ef_error_clear(&err);
    cr_expect_eq(ef_sweep_create(&sweep, s->injector, &o, &err), EF_ERR_USAGE, "%s",
                 fault);
    cr_expect(strstr(err.text, text), "%s: %s", fault, err.text);
    cr_expect_null(sweep);
}

Test(sweep_create, targets_without_what_is_chosen_are_refused)
{
    setup s;
    begin(&s, 8, 1, 0);
    ef_selection inputs = {.nodes = "input"};
    ef_error_clear(&err);
    refuse(&s, "weights=ber:0.1,accumulators=ber:0.1", &everything,
           "accumulators are not stored");
    refuse(&s, "weights=ber:0.1,inputs=ber:0.1", &inputs,
           "nothing of weights is chosen");
    refuse(&s, "weights=flip,inputs=flip", &inputs, "no node 'input'");
    end(&s);
}

Test(sweep_create, failing_allocations_are_told)
{
    setup s;
    begin(&s, 8, 1, 0);
    ef_strikes strikes;
    must(ef_strikes_parse(&strikes, "weights=ber:0.1,inputs=flip", &err));
    const ef_sweep_options o = {.strikes = &strikes,
                                .targets = strikes.together,
                                .selection = &everything,
                                .only_site = SIZE_MAX,
                                .trials = 3,
                                .n_threads = 1};
    ef_status status = EF_ERR_MEMORY;
    long n = 0;
    for (; status == EF_ERR_MEMORY && n < 1000; n++) {
        ef_sweep *sweep = NULL;
        ef_mem_fail_after(n);
        status = ef_sweep_create(&sweep, s.injector, &o, &err);
        status = status ? status : ef_sweep_run(sweep, NULL, &err);
        ef_mem_fail_after(-1);
        ef_sweep_destroy(sweep);
    }
    cr_expect_eq(status, EF_OK);
    cr_expect_gt(n, 10);
    end(&s);
}
