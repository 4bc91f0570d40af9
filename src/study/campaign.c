#include "study/campaign.h"

#include <inttypes.h>

#include "base/mem.h"
#include "study/campaign_priv.h"

/* Of a stratified campaign, where it may strike four times as many. */
#define PILOT 1000

/* --- making ------------------------------------------------------------------ */

static ef_status choose(ef_campaign *c, const ef_campaign_options *o, ef_error *err)
{
    ef_selection own = *o->selection;
    size_t n_sites;
    const ef_site *sites = ef_injector_sites(c->injector, &n_sites);
    own.targets = 1U << c->target;
    return ef_population_create(&c->population, ef_injector_topology(c->injector),
                                sites, n_sites, &own, &o->strike, err);
}

static ef_status make_strata(ef_campaign *c, ef_error *err)
{
    c->n_strata = ef_population_n_strata(c->population);
    c->strata = ef_calloc(c->n_strata, sizeof *c->strata);
    if (!c->strata) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < c->n_strata; i++) {
        stratum *s = &c->strata[i];
        s->place = ef_population_stratum(c->population, i);
        s->order = ef_permutation_keyed(c->seed, EF_PURPOSE_FAULT, (uint64_t)c->target,
                                        0, 1 + i, s->place.size);
    }
    return EF_OK;
}

static ef_status make_orders(ef_campaign *c, ef_error *err)
{
    size_t n = c->is_per_image ? c->n_images : 1;
    const size_t *indices = ef_injector_indices(c->injector);
    uint64_t size = ef_population_size(c->population);
    c->orders = ef_calloc(n, sizeof *c->orders);
    if (!c->orders) {
        return ef_error_memory(err);
    }
    if (c->is_per_image && size > EF_PERMUTATION_MAX / n) {
        return ef_error_set(err, EF_ERR_UNSUPPORTED, "more than 2^62 faults");
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t key = c->is_per_image ? 1 + (uint64_t)indices[i] : 0;
        c->orders[i] = ef_permutation_keyed(c->seed, EF_PURPOSE_FAULT,
                                            (uint64_t)c->target, key, 0, size);
    }
    return EF_OK;
}

/* A stratum needs a fault at least, and a third of all is left to follow the pilot. */
static ef_status choose_pilot(ef_campaign *c, ef_error *err)
{
    uint64_t most = ef_campaign_most(c);
    if (c->design != EF_DESIGN_STRATIFIED) {
        return EF_OK;
    }
    if (most < c->n_strata) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--design stratified: %s has %zu strata, and each needs a "
                            "fault; %" PRIu64 " are to be struck",
                            ef_campaign_name(c), c->n_strata, most);
    }
    c->pilot = most / 4 < PILOT ? most / 4 : PILOT;
    return EF_OK;
}

static ef_status make_results(ef_campaign *c, ef_error *err)
{
    c->image_failures = ef_calloc(c->n_images, sizeof *c->image_failures);
    c->changes = ef_calloc(c->n_classes * c->n_classes, sizeof *c->changes);
    return c->image_failures && c->changes ? EF_OK : ef_error_memory(err);
}

static ef_campaign *make(ef_injector *injector)
{
    ef_campaign *made = ef_calloc(1, sizeof *made);
    if (made) {
        made->injector = injector;
        made->n_images = ef_injector_n_images(injector);
        made->n_classes = ef_injector_n_classes(injector);
    }
    return made;
}

ef_status ef_campaign_create(ef_campaign **campaign, ef_injector *injector,
                             const ef_campaign_options *options, ef_error *err)
{
    ef_campaign *made = make(injector);
    if (!made) {
        return ef_error_memory(err);
    }
    made->target = options->target;
    made->design = options->design;
    made->is_per_image = options->is_per_image;
    made->seed = options->seed;
    made->rule = options->rule;
    made->n_flips = options->is_per_image ? made->n_images : 1;
    ef_status status = choose(made, options, err);
    status = status ? status : make_strata(made, err);
    status = status ? status : make_orders(made, err);
    status = status ? status : choose_pilot(made, err);
    status = status ? status : make_results(made, err);
    if (status) {
        ef_campaign_destroy(made);
        return status;
    }
    *campaign = made;
    return EF_OK;
}

ef_status ef_campaign_create_list(ef_campaign **campaign, ef_injector *injector,
                                  const ef_fault_list *list, ef_error *err)
{
    ef_campaign *made = make(injector);
    if (!made) {
        return ef_error_memory(err);
    }
    made->target = EF_TARGET_COUNT;
    made->rule = (ef_stop_rule){-1, -1, EF_PERMUTATION_MAX};
    made->list = list;
    for (size_t i = 0; i < list->n; i++) {
        size_t n = list->faults[i].n;
        made->n_flips = n > made->n_flips ? n : made->n_flips;
    }
    made->n_strata = 1;
    made->strata = ef_calloc(1, sizeof *made->strata);
    ef_status status = made->strata ? make_results(made, err) : ef_error_memory(err);
    if (status) {
        ef_campaign_destroy(made);
        return status;
    }
    made->strata->place = (ef_stratum_place){.site = UINT32_MAX, .size = list->n};
    *campaign = made;
    return EF_OK;
}

void ef_campaign_destroy(ef_campaign *campaign)
{
    if (campaign) {
        ef_population_destroy(campaign->population);
        ef_free(campaign->orders);
        ef_free(campaign->strata);
        ef_free(campaign->segments);
        ef_free(campaign->outcomes);
        ef_free(campaign->image_failures);
        ef_free(campaign->changes);
        ef_free(campaign);
    }
}

ef_status campaign_reserve(ef_campaign *c, size_t more, ef_error *err)
{
    size_t capacity = c->outcomes_capacity, needed = c->n_outcomes + more;
    if (needed <= capacity) {
        return EF_OK;
    }
    capacity = needed > capacity + capacity / 2 ? needed : capacity + capacity / 2;
    outcome *grown = ef_realloc(c->outcomes, capacity, sizeof *grown);
    if (!grown) {
        return ef_error_memory(err);
    }
    c->outcomes = grown;
    c->outcomes_capacity = capacity;
    return EF_OK;
}

/* --- what it is -------------------------------------------------------------- */

const char *ef_campaign_name(const ef_campaign *campaign)
{
    return campaign->list ? "list" : ef_target_names[campaign->target];
}

ef_design ef_campaign_design(const ef_campaign *campaign)
{
    return campaign->design;
}

uint64_t ef_campaign_population(const ef_campaign *campaign)
{
    return campaign->list ? campaign->list->n
                          : ef_population_size(campaign->population);
}

uint64_t ef_campaign_most(const ef_campaign *campaign)
{
    uint64_t population = ef_campaign_population(campaign);
    return campaign->rule.faults < population ? campaign->rule.faults : population;
}

const ef_population *ef_campaign_faults(const ef_campaign *campaign)
{
    return campaign->population;
}

const ef_injector *ef_campaign_injector(const ef_campaign *campaign)
{
    return campaign->injector;
}

size_t ef_campaign_images(const ef_campaign *campaign)
{
    return campaign->is_per_image ? 1 : campaign->n_images;
}

/* --- what came out ----------------------------------------------------------- */

ef_campaign_end ef_campaign_reason(const ef_campaign *campaign)
{
    return campaign->end;
}

size_t ef_campaign_n_outcomes(const ef_campaign *campaign)
{
    return campaign->n_outcomes;
}

ef_fault_outcome ef_campaign_outcome(const ef_campaign *campaign, size_t i)
{
    const outcome *o = &campaign->outcomes[i];
    uint64_t images = campaign->n_images;
    return (ef_fault_outcome){
        .number = o->number,
        .counts = {.images = images,
                   .masked = images - o->benign - o->sdc - o->nonfinite,
                   .benign = o->benign,
                   .sdc = o->sdc,
                   .nonfinite = o->nonfinite,
                   .corrected = o->corrected}};
}

size_t ef_campaign_n_flips(const ef_campaign *campaign)
{
    return campaign->n_flips;
}

void ef_campaign_fault(const ef_campaign *campaign, size_t i, ef_flip *flips, size_t *n)
{
    ef_fault fault;
    uint64_t number;
    campaign_draw(campaign, i, 1, flips, &fault, &number);
    for (size_t k = 0; k < fault.n; k++) {
        flips[k] = fault.flips[k];
    }
    *n = fault.n;
}

const ef_image_failures *ef_campaign_image_failures(const ef_campaign *campaign)
{
    return campaign->image_failures;
}

const uint64_t *ef_campaign_changes(const ef_campaign *campaign)
{
    return campaign->changes;
}
