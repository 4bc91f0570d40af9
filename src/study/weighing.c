#include "study/weighing.h"

#include "base/mem.h"
#include "study/campaign_priv.h"

/* Pairs whose classes are in memory at once. */
#define MOST_PAIRS 4000000
#define MOST_FAULTS 16384

struct ef_weighing {
    const ef_campaign *campaign;
    uint32_t greatest;
    ef_tally (*tallies)[2]; /* (n_strata) of the pilot, or a uniform sample; the rest */
};

/* Faults of the campaign that changed a class. */
typedef struct batch {
    size_t n, room;
    size_t *places;   /* (n) among the campaign's faults */
    ef_flip *flips;   /* (n, n_flips) */
    ef_fault *faults; /* (n) */
    ef_outcomes *counts;
    uint8_t *outcomes; /* (n, n_images) */
    uint16_t *classes; /* likewise */
} batch;

static ef_status make_batch(batch *b, const ef_campaign *c, ef_error *err)
{
    size_t by_memory = MOST_PAIRS / c->n_images;
    b->room = by_memory < MOST_FAULTS ? by_memory : MOST_FAULTS;
    b->room = b->room < c->n_outcomes ? b->room : c->n_outcomes;
    b->room = b->room > 0 ? b->room : 1;
    b->places = ef_calloc(b->room, sizeof *b->places);
    b->flips = ef_calloc(b->room, c->n_flips * sizeof *b->flips);
    b->faults = ef_calloc(b->room, sizeof *b->faults);
    b->counts = ef_calloc(b->room, sizeof *b->counts);
    b->outcomes = ef_calloc(b->room, c->n_images * sizeof *b->outcomes);
    b->classes = ef_calloc(b->room, c->n_images * sizeof *b->classes);
    int has_all =
        b->places && b->flips && b->faults && b->counts && b->outcomes && b->classes;
    return has_all ? EF_OK : ef_error_memory(err);
}

static void clear_batch(batch *b)
{
    ef_free(b->places);
    ef_free(b->flips);
    ef_free(b->faults);
    ef_free(b->counts);
    ef_free(b->outcomes);
    ef_free(b->classes);
}

static uint64_t weigh_pair(const ef_campaign *c, const ef_weights *w, const batch *b,
                           size_t i, size_t image)
{
    size_t pair = i * c->n_images + image;
    size_t from = ef_injector_classes(c->injector)[image];
    return b->outcomes[pair] == EF_OUTCOME_SDC
               ? w->units[from * c->n_classes + b->classes[pair]]
               : 0;
}

/* Fault k, which stands at i of the batch, or changed nothing where i is its n. */
static void add_fault(ef_weighing *to, const ef_weights *w, const batch *b, size_t i,
                      size_t k)
{
    const ef_campaign *c = to->campaign;
    uint64_t sum = 0;
    int is_rest = 0;
    for (size_t image = 0; image < c->n_images; image++) {
        uint64_t units = i < b->n ? weigh_pair(c, w, b, i, image) : 0;
        sum += units;
        if (c->is_per_image) {
            size_t at = campaign_stratum_of_image(c, k, image);
            ef_tally_add(&to->tallies[at][0], units);
        }
    }
    if (!c->is_per_image) {
        size_t at = campaign_stratum_of(c, k, c->outcomes[k].number, &is_rest);
        ef_tally_add(&to->tallies[at][is_rest], sum);
    }
}

static ef_status strike_batch(ef_weighing *to, const ef_weights *w, batch *b,
                              ef_injector_watch *watch, void *context, ef_error *err)
{
    const ef_struck struck = {
        .counts = b->counts, .outcomes = b->outcomes, .classes = b->classes};
    ef_status status = ef_injector_strike(to->campaign->injector, b->faults, b->n,
                                          &struck, watch, context, err);
    for (size_t i = 0; i < b->n && !status; i++) {
        add_fault(to, w, b, i, b->places[i]);
    }
    b->n = 0;
    return status;
}

static ef_status weigh(ef_weighing *to, const ef_weights *w, batch *b,
                       ef_injector_watch *watch, void *context, ef_error *err)
{
    const ef_campaign *c = to->campaign;
    ef_status status = EF_OK;
    for (size_t k = 0; k < c->n_outcomes && !status; k++) {
        if (c->outcomes[k].sdc == 0) {
            add_fault(to, w, b, b->n, k);
            continue;
        }
        ef_flip *flips = &b->flips[b->n * c->n_flips];
        size_t n;
        ef_campaign_fault(c, k, flips, &n);
        b->places[b->n] = k;
        b->faults[b->n++] = (ef_fault){flips, n};
        if (b->n == b->room) {
            status = strike_batch(to, w, b, watch, context, err);
        }
    }
    return status || b->n == 0 ? status : strike_batch(to, w, b, watch, context, err);
}

ef_status ef_weighing_create(ef_weighing **weighing, const ef_campaign *campaign,
                             const ef_weights *weights, ef_injector_watch *watch,
                             void *context, ef_error *err)
{
    batch b = {0};
    ef_weighing *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->campaign = campaign;
    made->greatest = weights->greatest;
    made->tallies = ef_calloc(campaign->n_strata, sizeof *made->tallies);
    ef_status status =
        made->tallies ? make_batch(&b, campaign, err) : ef_error_memory(err);
    status = status ? status : weigh(made, weights, &b, watch, context, err);
    clear_batch(&b);
    if (status) {
        ef_weighing_destroy(made);
        return status;
    }
    *weighing = made;
    return EF_OK;
}

void ef_weighing_destroy(ef_weighing *weighing)
{
    if (weighing) {
        ef_free(weighing->tallies);
        ef_free(weighing);
    }
}

/* --- what they say of the population ----------------------------------------- */

static int is_of(const stratum *s, int64_t site, int64_t bit)
{
    return (site == EF_CAMPAIGN_ALL || s->place.site == (uint64_t)site) &&
           (bit == EF_CAMPAIGN_ALL || s->place.bit == (uint64_t)bit);
}

static size_t choose(const ef_weighing *w, int64_t site, int64_t bit,
                     ef_stratum *strata)
{
    const ef_campaign *c = w->campaign;
    size_t n = 0;
    for (size_t i = 0; i < c->n_strata; i++) {
        const stratum *s = &c->strata[i];
        if (is_of(s, site, bit)) {
            strata[n++] = (ef_stratum){s->place.size, s->place.bit, w->tallies[i][0],
                                       w->tallies[i][1]};
        }
    }
    return n;
}

static ef_estimate estimate_uniform(const ef_weighing *w, const ef_stratum *strata,
                                    size_t n)
{
    uint64_t each = w->campaign->is_per_image ? w->campaign->n_images : 1;
    ef_tally tally = {0};
    uint64_t population = 0;
    for (size_t i = 0; i < n; i++) {
        ef_tally_merge(&tally, &strata[i].pilot);
        ef_tally_merge(&tally, &strata[i].rest);
        population += strata[i].population * each;
    }
    return ef_estimate_units(&tally, ef_campaign_images(w->campaign), w->greatest,
                             population);
}

ef_status ef_weighing_estimate(const ef_weighing *weighing, int64_t site, int64_t bit,
                               ef_estimate *estimate, ef_error *err)
{
    const ef_campaign *c = weighing->campaign;
    ef_stratum *strata = ef_calloc(c->n_strata, sizeof *strata);
    if (!strata) {
        return ef_error_memory(err);
    }
    size_t n = choose(weighing, site, bit, strata);
    ef_status status = EF_OK;
    if (c->design == EF_DESIGN_STRATIFIED && n > 0 && c->n_outcomes >= c->pilot) {
        status = ef_estimate_strata_units(strata, n, c->n_images, weighing->greatest,
                                          estimate, err);
    } else {
        *estimate = estimate_uniform(weighing, strata, n);
    }
    ef_free(strata);
    return status;
}
