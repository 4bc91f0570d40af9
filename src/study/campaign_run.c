/* A campaign goes from look to look. */
#include "base/mem.h"
#include "base/progress.h"
#include "faultsim/rerun.h"
#include "study/campaign_priv.h"

/* Faults that are struck between two commits: fewer where that takes longer, or more
 * memory. */
#define MOST_FAULTS 65536
#define MOST_PAIRS 4000000
#define FEWEST_FAULTS 64
#define COMMIT_S 2.0

/* Consecutive faults of the campaign. */
typedef struct chunk {
    uint64_t first;
    size_t n, room;
    uint64_t *numbers; /* (n) */
    ef_fault *faults;  /* (n) */
    ef_flip *flips;    /* (n, n_flips) */
    ef_outcomes *counts;
    uint8_t *outcomes; /* (n, n_images) */
    uint16_t *classes; /* likewise */
} chunk;

static size_t chunk_room(const ef_campaign *c, uint64_t most)
{
    size_t by_memory = MOST_PAIRS / c->n_images;
    size_t room = MOST_FAULTS < by_memory ? MOST_FAULTS : by_memory;
    room = room > 0 ? room : 1;
    return most < room ? (size_t)most : room;
}

static ef_status make_chunk(chunk *k, const ef_campaign *c, uint64_t most,
                            ef_error *err)
{
    k->room = chunk_room(c, most);
    size_t n_flips = c->list ? 0 : c->n_flips;
    k->numbers = ef_calloc(k->room, sizeof *k->numbers);
    k->faults = ef_calloc(k->room, sizeof *k->faults);
    k->flips = ef_calloc(k->room * n_flips, sizeof *k->flips);
    k->counts = ef_calloc(k->room, sizeof *k->counts);
    k->outcomes = ef_calloc(k->room * c->n_images, sizeof *k->outcomes);
    k->classes = ef_calloc(k->room * c->n_images, sizeof *k->classes);
    int has_all =
        k->numbers && k->faults && k->flips && k->counts && k->outcomes && k->classes;
    return has_all ? EF_OK : ef_error_memory(err);
}

static void clear_chunk(chunk *k)
{
    ef_free(k->numbers);
    ef_free(k->faults);
    ef_free(k->flips);
    ef_free(k->counts);
    ef_free(k->outcomes);
    ef_free(k->classes);
}

static ef_status strike(ef_campaign *c, chunk *k, uint64_t first, size_t n,
                        ef_injector_watch *watch, void *context, ef_error *err)
{
    const ef_struck to = {
        .counts = k->counts, .outcomes = k->outcomes, .classes = k->classes};
    k->first = first;
    k->n = n;
    campaign_draw(c, first, n, k->flips, k->faults, k->numbers);
    return ef_injector_strike(c->injector, k->faults, n, &to, watch, context, err);
}

/* --- counting ---------------------------------------------------------------- */

static void count_fault(ef_campaign_count *to, uint64_t sdc, uint64_t nonfinite,
                        uint64_t corrected)
{
    ef_tally_add(&to->tally, sdc);
    ef_tally_add(&to->nonfinite, nonfinite);
    to->critical += sdc + nonfinite > 0;
    to->corrected += corrected;
}

/* Every pair is a fault of its own. */
static void count_pairs(ef_campaign *c, const chunk *k, size_t i)
{
    const uint16_t *labels = ef_injector_labels(c->injector);
    for (size_t image = 0; image < c->n_images; image++) {
        size_t pair = i * c->n_images + image;
        int is_sdc = k->outcomes[pair] == EF_OUTCOME_SDC;
        stratum *s = &c->strata[campaign_stratum_of_image(c, k->first + i, image)];
        count_fault(&s->counts[0], (uint64_t)is_sdc,
                    k->outcomes[pair] == EF_OUTCOME_NONFINITE,
                    is_sdc && k->classes[pair] == labels[image]);
    }
}

static void count_images(ef_campaign *c, const chunk *k, size_t i)
{
    const uint16_t *before = ef_injector_classes(c->injector);
    const uint8_t *outcomes = &k->outcomes[i * c->n_images];
    const uint16_t *classes = &k->classes[i * c->n_images];
    for (size_t image = 0; image < c->n_images; image++) {
        int is_sdc = outcomes[image] == EF_OUTCOME_SDC;
        c->image_failures[image].sdc += (uint64_t)is_sdc;
        c->image_failures[image].nonfinite += outcomes[image] == EF_OUTCOME_NONFINITE;
        if (is_sdc) {
            c->changes[before[image] * c->n_classes + classes[image]]++;
        }
    }
}

static void count(ef_campaign *c, const chunk *k)
{
    for (size_t i = 0; i < k->n; i++) {
        const ef_outcomes *found = &k->counts[i];
        if (c->is_per_image) {
            count_pairs(c, k, i);
        } else {
            int is_rest;
            size_t at = campaign_stratum_of(c, k->first + i, k->numbers[i], &is_rest);
            count_fault(&c->strata[at].counts[is_rest], found->sdc, found->nonfinite,
                        found->corrected);
        }
        if (found->sdc + found->nonfinite > 0) {
            count_images(c, k, i);
        }
        c->outcomes[c->n_outcomes++] =
            (outcome){k->numbers[i], (uint32_t)found->benign, (uint32_t)found->sdc,
                      (uint32_t)found->nonfinite, (uint32_t)found->corrected};
    }
}

/* --- going ------------------------------------------------------------------- */

/* A campaign on its way. */
typedef struct march {
    ef_campaign *campaign;
    chunk chunk;
    size_t step; /* faults of the next chunk */
    ef_estimate rate;
    const ef_campaign_watch *watch;
} march;

static void tell(void *context, double done, double total)
{
    const march *m = context;
    const ef_campaign *c = m->campaign;
    uint64_t of_chunk = (uint64_t)((double)m->chunk.n * done / total);
    m->watch->progress(m->watch->context, c->n_outcomes + of_chunk, ef_campaign_most(c),
                       &m->rate);
}

/* As many as take about COMMIT_S, in each batch of images. */
static void pace(march *m, double spent_s)
{
    double target_s = COMMIT_S * (double)ef_injector_n_batches(m->campaign->injector);
    double wanted = (double)m->chunk.n * target_s / (spent_s > 1e-6 ? spent_s : 1e-6);
    double most = 4 * (double)m->chunk.n;
    wanted = wanted < most ? wanted : most;
    m->step = wanted > FEWEST_FAULTS ? (size_t)wanted : FEWEST_FAULTS;
}

static ef_status advance(march *m, uint64_t look, ef_error *err)
{
    ef_campaign *c = m->campaign;
    uint64_t left = look - c->n_outcomes;
    size_t n = m->step < m->chunk.room ? m->step : m->chunk.room;
    n = left < n ? (size_t)left : n;
    double start_s = ef_clock_s();
    ef_status status = campaign_reserve(c, n, err);
    if (!status) {
        status = strike(c, &m->chunk, c->n_outcomes, n,
                        m->watch->progress ? tell : NULL, m, err);
    }
    if (!status) {
        count(c, &m->chunk);
        pace(m, ef_clock_s() - start_s);
    }
    return status;
}

static ef_status estimate(march *m, ef_error *err)
{
    ef_campaign_result whole;
    ef_status status = ef_campaign_estimate(m->campaign, EF_CAMPAIGN_ALL,
                                            EF_CAMPAIGN_ALL, &whole, err);
    if (!status) {
        m->rate = whole.ccr;
        if (m->watch->progress) {
            m->watch->progress(m->watch->context, m->campaign->n_outcomes,
                               ef_campaign_most(m->campaign), &m->rate);
        }
    }
    return status;
}

static int is_at_look(const ef_campaign *c)
{
    uint64_t n = c->n_outcomes;
    return n > 0 && (n == c->pilot || n == campaign_next_look(c, n - 1));
}

/* Why an estimate at a look ends the campaign. */
static ef_campaign_end judge(const ef_campaign *c, const ef_estimate *rate)
{
    ef_estimate struck = *rate;
    struck.n = c->n_outcomes;
    struck.population = ef_campaign_population(c);
    if (struck.n >= struck.population) {
        return EF_END_ALL;
    }
    if (struck.n >= c->rule.faults) {
        return EF_END_MOST;
    }
    if (!ef_is_enough(&c->rule, &struck)) {
        return EF_END_NONE;
    }
    double half = (rate->interval.high - rate->interval.low) / 2;
    return half <= c->rule.precision * rate->share ? EF_END_PRECISE : EF_END_NEGLIGIBLE;
}

static int is_stopped(const march *m)
{
    return m->watch->stop && m->watch->stop(m->watch->context);
}

static ef_status go(march *m, ef_error *err)
{
    ef_campaign *c = m->campaign;
    for (;;) {
        ef_status status = estimate(m, err);
        if (status) {
            return status;
        }
        if (is_at_look(c) || ef_campaign_most(c) == 0) {
            c->end = judge(c, &m->rate);
        }
        if (c->end != EF_END_NONE) {
            return EF_OK;
        }
        if (is_stopped(m)) {
            return ef_error_set(err, EF_STOPPED, "%s", ef_status_text(EF_STOPPED));
        }
        if (c->design == EF_DESIGN_STRATIFIED && c->n_outcomes == c->planned) {
            status = campaign_plan(c, err);
        }
        uint64_t look = c->design == EF_DESIGN_STRATIFIED
                            ? c->planned
                            : campaign_next_look(c, c->n_outcomes);
        status = status ? status : advance(m, look, err);
        if (!status && m->watch->commit) {
            status = m->watch->commit(m->watch->context, c, err);
        }
        if (status) {
            return status;
        }
    }
}

ef_status ef_campaign_run(ef_campaign *campaign, const ef_campaign_watch *watch,
                          ef_error *err)
{
    static const ef_campaign_watch nobody;
    march m = {
        .campaign = campaign, .step = FEWEST_FAULTS, .watch = watch ? watch : &nobody};
    ef_status status = make_chunk(&m.chunk, campaign, ef_campaign_most(campaign), err);
    status = status ? status : go(&m, err);
    clear_chunk(&m.chunk);
    return status;
}

/* As a uniform design draws them: the first faults of a stratified one are all of a few
 * strata. */
ef_status ef_campaign_try(ef_campaign *campaign, size_t n, ef_campaign_probe *probe,
                          ef_error *err)
{
    chunk k = {0};
    ef_campaign uniform = *campaign;
    ef_permutation order;
    uint64_t most = ef_campaign_most(campaign);
    if (campaign->design == EF_DESIGN_STRATIFIED) {
        order = ef_permutation_keyed(campaign->seed, EF_PURPOSE_FAULT,
                                     (uint64_t)campaign->target, 0, 0,
                                     ef_campaign_population(campaign));
        uniform.design = EF_DESIGN_UNIFORM;
        uniform.orders = &order;
    }
    ef_status status = make_chunk(&k, campaign, most < n ? most : n, err);
    if (!status) {
        double start_s = ef_clock_s();
        status = strike(&uniform, &k, 0, k.room, NULL, NULL, err);
        *probe = (ef_campaign_probe){
            .n = k.room, .time_s = (ef_clock_s() - start_s) / (double)k.room};
    }
    for (size_t i = 0; !status && i < k.n; i++) {
        ef_tally_add(&probe->tally, k.counts[i].sdc);
    }
    clear_chunk(&k);
    return status;
}
