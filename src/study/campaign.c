#include "study/campaign.h"

#include "base/mem.h"
#include "base/progress.h"
#include "faultsim/permutation.h"

#define CHUNK 16384 /* faults whose outcomes are in memory at once */

/* Of a site at one place of bits. */
typedef struct stratum {
    ef_stratum_place place;
    ef_campaign_count count;
} stratum;

struct ef_campaign {
    ef_injector *injector;
    ef_target target;
    ef_population *population;
    ef_permutation order;
    stratum *strata; /* (n_strata) */
    size_t n_strata;
};

/* --- making ------------------------------------------------------------------ */

static ef_status choose(ef_campaign *c, const ef_selection *selection, ef_error *err)
{
    const ef_strike flip = {.kind = EF_FAULT_FLIP, .adjacent = 1};
    ef_selection own = *selection;
    size_t n_sites;
    const ef_site *sites = ef_injector_sites(c->injector, &n_sites);
    own.targets = 1U << c->target;
    return ef_population_create(&c->population, ef_injector_topology(c->injector),
                                sites, n_sites, &own, &flip, err);
}

static ef_status make_strata(ef_campaign *c, ef_error *err)
{
    c->n_strata = ef_population_n_strata(c->population);
    c->strata = ef_calloc(c->n_strata, sizeof *c->strata);
    if (!c->strata) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < c->n_strata; i++) {
        c->strata[i].place = ef_population_stratum(c->population, i);
        c->strata[i].count.population = c->strata[i].place.size;
    }
    return EF_OK;
}

ef_status ef_campaign_create(ef_campaign **campaign, ef_injector *injector,
                             ef_target target, const ef_selection *selection,
                             uint64_t seed, ef_error *err)
{
    ef_campaign *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->injector = injector;
    made->target = target;
    ef_status status = choose(made, selection, err);
    status = status ? status : make_strata(made, err);
    if (status) {
        ef_campaign_destroy(made);
        return status;
    }
    made->order = ef_permutation_keyed(seed, EF_PURPOSE_FAULT, (uint64_t)target, 0, 0,
                                       ef_population_size(made->population));
    *campaign = made;
    return EF_OK;
}

void ef_campaign_destroy(ef_campaign *campaign)
{
    if (campaign) {
        ef_population_destroy(campaign->population);
        ef_free(campaign->strata);
        ef_free(campaign);
    }
}

/* --- running ----------------------------------------------------------------- */

/* Consecutive faults of the campaign. */
typedef struct chunk {
    size_t n;
    uint64_t *numbers;     /* (n) in the population */
    ef_flip *flips;        /* (n) */
    ef_fault *faults;      /* (n), one flip each */
    ef_outcomes *outcomes; /* (n) */
} chunk;

static ef_status make_chunk(chunk *k, size_t most, ef_error *err)
{
    k->numbers = ef_calloc(most, sizeof *k->numbers);
    k->flips = ef_calloc(most, sizeof *k->flips);
    k->faults = ef_calloc(most, sizeof *k->faults);
    k->outcomes = ef_calloc(most, sizeof *k->outcomes);
    return k->numbers && k->flips && k->faults && k->outcomes ? EF_OK
                                                              : ef_error_memory(err);
}

static void clear_chunk(chunk *k)
{
    ef_free(k->numbers);
    ef_free(k->flips);
    ef_free(k->faults);
    ef_free(k->outcomes);
}

static void draw(const ef_campaign *c, chunk *k, uint64_t first, size_t n)
{
    k->n = n;
    for (size_t i = 0; i < n; i++) {
        k->numbers[i] = ef_permutation_at(&c->order, first + i);
        k->flips[i] = ef_population_flip(c->population, k->numbers[i]);
        k->faults[i] = (ef_fault){&k->flips[i], 1};
    }
}

static void count(ef_campaign *c, const chunk *k)
{
    for (size_t i = 0; i < k->n; i++) {
        const ef_outcomes *found = &k->outcomes[i];
        size_t at = ef_population_stratum_of(c->population, k->numbers[i]);
        ef_campaign_count *to = &c->strata[at].count;
        ef_tally_add(&to->tally, found->sdc);
        to->corrected += found->corrected;
    }
}

/* A campaign on its way. */
typedef struct march {
    ef_campaign *campaign;
    chunk chunk;
    uint64_t struck, most;
    ef_estimate rate;
    ef_campaign_watch *watch;
    void *context;
} march;

static void tell(void *context, double done, double total)
{
    const march *m = context;
    uint64_t of_chunk = (uint64_t)((double)m->chunk.n * done / total);
    m->watch(m->context, m->struck + of_chunk, m->most, &m->rate);
}

static ef_status go_to(march *m, uint64_t look, ef_error *err)
{
    while (m->struck < look) {
        uint64_t left = look - m->struck;
        draw(m->campaign, &m->chunk, m->struck, left < CHUNK ? (size_t)left : CHUNK);
        ef_status status = ef_injector_strike(
            m->campaign->injector, m->chunk.faults, m->chunk.n,
            &(ef_struck){.counts = m->chunk.outcomes}, m->watch ? tell : NULL, m, err);
        if (status) {
            return status;
        }
        count(m->campaign, &m->chunk);
        m->struck += m->chunk.n;
    }
    return EF_OK;
}

static ef_status go(march *m, const ef_stop_rule *rule, ef_error *err)
{
    uint64_t population = ef_campaign_population(m->campaign);
    ef_status status = EF_OK;
    do {
        status = go_to(m, ef_next_look(rule, m->struck, population), err);
        ef_campaign_count whole = ef_campaign_whole(m->campaign);
        m->rate = ef_campaign_ccr(m->campaign, &whole);
        if (m->watch && !status && m->struck < m->most) {
            m->watch(m->context, m->struck, m->most, &m->rate);
        }
    } while (!status && m->struck < m->most && !ef_is_enough(rule, &m->rate));
    return status;
}

ef_status ef_campaign_run(ef_campaign *campaign, const ef_stop_rule *rule,
                          ef_campaign_watch *watch, void *context, ef_error *err)
{
    uint64_t population = ef_campaign_population(campaign);
    march m = {.campaign = campaign,
               .most = rule->faults < population ? rule->faults : population,
               .watch = watch,
               .context = context};
    ef_status status = make_chunk(&m.chunk, m.most < CHUNK ? m.most : CHUNK, err);
    status = status ? status : go(&m, rule, err);
    clear_chunk(&m.chunk);
    return status;
}

ef_status ef_campaign_time(const ef_campaign *campaign, size_t n, double *time_s,
                           ef_error *err)
{
    uint64_t population = ef_campaign_population(campaign);
    n = n < population ? n : (size_t)population;
    chunk k = {0};
    ef_status status = make_chunk(&k, n, err);
    if (!status) {
        draw(campaign, &k, 0, n);
        double start_s = ef_clock_s();
        status =
            ef_injector_strike(campaign->injector, k.faults, n,
                               &(ef_struck){.counts = k.outcomes}, NULL, NULL, err);
        *time_s = (ef_clock_s() - start_s) / (double)n;
    }
    clear_chunk(&k);
    return status;
}

/* --- what came out ----------------------------------------------------------- */

ef_target ef_campaign_target(const ef_campaign *campaign)
{
    return campaign->target;
}

uint64_t ef_campaign_population(const ef_campaign *campaign)
{
    return ef_population_size(campaign->population);
}

static void merge(ef_campaign_count *to, const ef_campaign_count *from)
{
    ef_tally_merge(&to->tally, &from->tally);
    to->population += from->population;
    to->corrected += from->corrected;
}

ef_campaign_count ef_campaign_whole(const ef_campaign *campaign)
{
    ef_campaign_count sum = {0};
    for (size_t i = 0; i < campaign->n_strata; i++) {
        merge(&sum, &campaign->strata[i].count);
    }
    return sum;
}

ef_campaign_count ef_campaign_site(const ef_campaign *campaign, size_t site)
{
    ef_campaign_count sum = {0};
    for (size_t i = 0; i < campaign->n_strata; i++) {
        if (campaign->strata[i].place.site == site) {
            merge(&sum, &campaign->strata[i].count);
        }
    }
    return sum;
}

ef_campaign_count ef_campaign_bit(const ef_campaign *campaign, unsigned bit)
{
    ef_campaign_count sum = {0};
    for (size_t i = 0; i < campaign->n_strata; i++) {
        if (campaign->strata[i].place.bit == bit) {
            merge(&sum, &campaign->strata[i].count);
        }
    }
    return sum;
}

ef_estimate ef_campaign_ccr(const ef_campaign *campaign, const ef_campaign_count *count)
{
    return ef_estimate_rate(&count->tally, ef_injector_n_images(campaign->injector),
                            count->population);
}

ef_estimate ef_campaign_critical(const ef_campaign_count *count)
{
    return ef_estimate_critical(&count->tally, count->population);
}
