/* Campaigns through the whole path, on a random network: whatever is counted twice
 * agrees, pieces are the whole, and weights lead back to all faults. */
#include "study/campaign.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "faultsim/permutation.h"
#include "random_net.h"
#include "store/campaigns.h"

#define N_IMAGES 12
#define NETWORK 10 /* seed of a random one with some thousand weights */

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

/* *s stays where it is: the injector borrows from it. */
static void begin(setup *s, size_t n_threads)
{
    random_bed_init(&s->bed, NETWORK, 12, N_IMAGES);
    const ef_injector_options o = {.set = &s->bed.set,
                                   .images = random_bed_images(&s->bed),
                                   .calibration = random_bed_images(&s->bed),
                                   .formats = EF_QNET_OPTIONS_INT8,
                                   .n_threads = n_threads};
    must(ef_injector_create(&s->injector, s->bed.net, &o, &err));
}

static void end(setup *s)
{
    ef_injector_destroy(s->injector);
    random_bed_clear(&s->bed);
}

static const ef_selection everything = {0};

typedef struct design {
    const char *name;
    ef_design design;
    int is_per_image;
    uint64_t faults, seed;
} design;

static const design designs[] = {
    {"uniform", EF_DESIGN_UNIFORM, 0, 3000, 1},
    {"stratified", EF_DESIGN_STRATIFIED, 0, 3000, 1},
    {"per image", EF_DESIGN_UNIFORM, 1, 200, 1},
};
#define N_DESIGNS (sizeof designs / sizeof *designs)

static ef_campaign *make(const setup *s, const design *d)
{
    ef_campaign *campaign = NULL;
    const ef_campaign_options o = {.target = EF_TARGET_WEIGHTS,
                                   .strike = {.kind = EF_FAULT_FLIP, .adjacent = 1},
                                   .selection = &everything,
                                   .design = d->design,
                                   .is_per_image = d->is_per_image,
                                   .seed = d->seed,
                                   .rule = {-1, -1, d->faults}};
    must(ef_campaign_create(&campaign, s->injector, &o, &err));
    return campaign;
}

static ef_campaign *run(const setup *s, const design *d)
{
    ef_campaign *campaign = make(s, d);
    must(ef_campaign_run(campaign, NULL, &err));
    return campaign;
}

/* --- what is counted ---------------------------------------------------------- */

Test(campaign_counts, agree_by_fault_image_class_and_part, .timeout = 120)
{
    setup s;
    begin(&s, 2);
    for (size_t d = 0; d < N_DESIGNS; d++) {
        ef_campaign *c = run(&s, &designs[d]);
        size_t n = ef_campaign_n_outcomes(c),
               classes = ef_injector_n_classes(s.injector);
        uint64_t by_fault = 0, by_image = 0, by_class = 0, by_part = 0, corrected = 0;
        cr_assert_eq(n, ef_campaign_most(c), "%s: %zu", designs[d].name, n);
        for (size_t i = 0; i < n; i++) {
            ef_outcomes o = ef_campaign_outcome(c, i).counts;
            cr_expect_eq(o.images, N_IMAGES);
            cr_expect_eq(o.masked + o.benign + o.sdc + o.nonfinite, N_IMAGES);
            by_fault += o.sdc;
            corrected += o.corrected;
        }
        for (size_t i = 0; i < N_IMAGES; i++) {
            by_image += ef_campaign_image_failures(c)[i].sdc;
        }
        for (size_t i = 0; i < classes * classes; i++) {
            by_class += ef_campaign_changes(c)[i];
            cr_expect(i % (classes + 1) > 0 || ef_campaign_changes(c)[i] == 0);
        }
        for (int64_t bit = 0; bit < 8; bit++) {
            by_part += ef_campaign_counts(c, EF_CAMPAIGN_ALL, bit).tally.failures;
        }
        ef_campaign_count whole =
            ef_campaign_counts(c, EF_CAMPAIGN_ALL, EF_CAMPAIGN_ALL);
        cr_expect_gt(by_fault, 0);
        cr_expect_eq(by_image, by_fault, "%s", designs[d].name);
        cr_expect_eq(by_class, by_fault, "%s", designs[d].name);
        cr_expect_eq(by_part, by_fault, "%s", designs[d].name);
        cr_expect_eq(whole.tally.failures, by_fault, "%s", designs[d].name);
        cr_expect_eq(whole.corrected, corrected, "%s", designs[d].name);
        ef_campaign_destroy(c);
    }
    end(&s);
}

Test(campaign_fault, is_struck_once_in_a_campaign, .timeout = 120)
{
    setup s;
    begin(&s, 1);
    for (size_t d = 0; d < 2; d++) {
        design all = designs[d];
        all.faults = EF_PERMUTATION_MAX;
        ef_campaign *c = run(&s, &all);
        size_t n = (size_t)ef_campaign_population(c);
        uint8_t *seen = ef_calloc(n, 1);
        cr_assert(seen);
        cr_assert_eq(ef_campaign_n_outcomes(c), n, "%s", all.name);
        cr_expect_eq(ef_campaign_reason(c), EF_END_ALL);
        for (size_t i = 0; i < n; i++) {
            cr_expect_eq(seen[ef_campaign_outcome(c, i).number]++, 0);
        }
        ef_free(seen);
        ef_campaign_destroy(c);
    }
    end(&s);
}

/* --- pieces ------------------------------------------------------------------- */

typedef struct pieces {
    ef_store *store;
    size_t n;
} pieces;

static ef_status commit(void *context, ef_campaign *campaign, ef_error *error)
{
    const pieces *p = context;
    ef_status status = ef_store_begin(p->store, error);
    status = status ? status : ef_campaign_save(campaign, p->store, 4, error);
    return status ? status : ef_store_commit(p->store, error);
}

static int stop(void *context)
{
    pieces *p = context;
    return ++p->n % 2 == 0;
}

static ef_status go_on(ef_campaign *campaign, pieces *p)
{
    const ef_campaign_watch watch = {.context = p, .commit = commit, .stop = stop};
    ef_error_clear(&err);
    return ef_campaign_run(campaign, &watch, &err);
}

static void expect_same(const ef_campaign *a, const ef_campaign *b, const char *name)
{
    ef_campaign_result x, y;
    cr_assert_eq(ef_campaign_n_outcomes(a), ef_campaign_n_outcomes(b), "%s", name);
    for (size_t i = 0; i < ef_campaign_n_outcomes(a); i++) {
        ef_fault_outcome o = ef_campaign_outcome(a, i), p = ef_campaign_outcome(b, i);
        cr_assert_eq(memcmp(&o, &p, sizeof o), 0, "%s, fault %zu", name, i);
    }
    for (int64_t bit = EF_CAMPAIGN_ALL; bit < 8; bit++) {
        must(ef_campaign_estimate(a, EF_CAMPAIGN_ALL, bit, &x, &err));
        must(ef_campaign_estimate(b, EF_CAMPAIGN_ALL, bit, &y, &err));
        cr_expect_eq(memcmp(&x.count, &y.count, sizeof x.count), 0, "%s", name);
        cr_expect_eq(memcmp(&x.ccr, &y.ccr, sizeof x.ccr), 0, "%s", name);
    }
    cr_expect_eq(memcmp(ef_campaign_image_failures(a), ef_campaign_image_failures(b),
                        N_IMAGES * sizeof(ef_image_failures)),
                 0, "%s", name);
}

/* Stopped after every commit and taken up by another campaign, on other threads. */
Test(campaign_restore, in_pieces_a_campaign_is_the_same, .timeout = 120)
{
    char path[64];
    snprintf(path, sizeof path, "test_campaign.%ld.evo", (long)getpid());
    setup s, other;
    begin(&s, 1);
    begin(&other, 3);
    for (size_t d = 0; d < N_DESIGNS; d++) {
        ef_campaign *whole = run(&s, &designs[d]), *part = make(&other, &designs[d]);
        pieces p = {NULL, 0};
        ef_status status;
        size_t n_pieces = 0;
        must(ef_store_create(&p.store, path, 1, &err));
        while ((status = go_on(part, &p)) == EF_STOPPED) {
            ef_campaign_destroy(part);
            ef_error_clear(&err);
            part = make(n_pieces++ % 2 ? &s : &other, &designs[d]);
            must(ef_campaign_restore(part, p.store, 4, &err));
        }
        must(status);
        cr_expect_geq(n_pieces, 2, "%s: %zu", designs[d].name, n_pieces);
        expect_same(whole, part, designs[d].name);
        ef_store_close(p.store);
        ef_campaign_destroy(whole);
        ef_campaign_destroy(part);
    }
    remove(path);
    end(&s);
    end(&other);
}

Test(campaign_restore, refuses_the_numbers_of_another_campaign, .timeout = 120)
{
    char path[64];
    snprintf(path, sizeof path, "test_campaign.%ld.evo", (long)getpid());
    setup s;
    begin(&s, 1);
    design few = designs[0], others = designs[0], fewer = designs[0];
    few.faults = 50;
    others.seed = 2;
    fewer.faults = 49;
    ef_campaign *c = run(&s, &few);
    pieces p = {NULL, 0};
    must(ef_store_create(&p.store, path, 1, &err));
    must(commit(&p, c, &err));
    const design *const wrong[] = {&others, &fewer};
    for (size_t i = 0; i < 2; i++) {
        ef_campaign *w = make(&s, wrong[i]);
        cr_expect_eq(ef_campaign_restore(w, p.store, 4, &err), EF_ERR_INPUT, "%zu", i);
        cr_expect(strstr(err.text, "not those of this campaign") != NULL, "%s",
                  err.text);
        ef_error_clear(&err);
        ef_campaign_destroy(w);
    }
    ef_store_close(p.store);
    ef_campaign_destroy(c);
    remove(path);
    end(&s);
}

/* --- estimates ---------------------------------------------------------------- */

/* Sites that are struck 1, 2 and 3 times as often. */
enum { MOST_SITES = 64 };

static void weigh_sites(double weights[MOST_SITES])
{
    for (size_t i = 0; i < MOST_SITES; i++) {
        weights[i] = 1 + (double)(i % 3);
    }
}

/* What a weighted strike does, by the counts of every site, all struck. */
static double weighted_share(const ef_campaign *c, const double *weights)
{
    double failures = 0, all = 0;
    size_t n;
    ef_injector_sites(ef_campaign_injector(c), &n);
    cr_assert_leq(n, MOST_SITES);
    for (size_t i = 0; i < n; i++) {
        ef_campaign_count count = ef_campaign_counts(c, (int64_t)i, EF_CAMPAIGN_ALL);
        failures += weights[i] * (double)count.tally.failures;
        all += weights[i] * (double)count.population * (double)ef_campaign_images(c);
    }
    return failures / all;
}

/* Stratified campaigns of 30 seeds: the mean of what they estimate is the rate of all
 * faults, weighted or not, to within four standard errors, beyond which it is once in
 * 2500 by t's distribution with 29 degrees of freedom where nothing is wrong. */
Test(campaign_estimate, weights_lead_back_to_all_faults, .timeout = 120)
{
    enum { SEEDS = 30, RATES = 4 };
    double weights[MOST_SITES];
    ef_campaign_result weighted;
    setup s;
    weigh_sites(weights);
    begin(&s, 2);
    design all = designs[0], some = designs[1];
    all.faults = EF_PERMUTATION_MAX;
    ef_campaign *c = run(&s, &all);
    ef_campaign_result r;
    must(ef_campaign_estimate(c, EF_CAMPAIGN_ALL, EF_CAMPAIGN_ALL, &r, &err));
    const double truth[] = {r.ccr.share, r.critical.share, r.corrected,
                            weighted_share(c, weights)};
    ef_campaign_destroy(c);
    double sum[RATES] = {0}, squares[RATES] = {0};
    for (some.seed = 1; some.seed <= SEEDS; some.seed++) {
        c = run(&s, &some);
        must(ef_campaign_estimate(c, EF_CAMPAIGN_ALL, EF_CAMPAIGN_ALL, &r, &err));
        must(ef_campaign_estimate_weighted(c, weights, &weighted, &err));
        const double found[] = {r.ccr.share, r.critical.share, r.corrected,
                                weighted.ccr.share};
        for (size_t k = 0; k < RATES; k++) {
            sum[k] += found[k] / SEEDS;
            squares[k] += found[k] * found[k];
        }
        ef_campaign_destroy(c);
    }
    for (size_t k = 0; k < RATES; k++) {
        double variance = (squares[k] - SEEDS * sum[k] * sum[k]) / (SEEDS - 1);
        cr_expect_gt(truth[k], 0);
        cr_expect_leq(fabs(sum[k] - truth[k]), 4 * sqrt(variance / SEEDS),
                      "%zu: %g, %g", k, sum[k], truth[k]);
    }
    end(&s);
}
