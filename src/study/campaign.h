/* A campaign: faults in what one target stores, one after the other until enough is
 * known, and what they did.
 *
 * Uniform: fault k is P(k), P a permutation of the population keyed by the seed.
 * Stratified: a pilot over the strata (tensor and place of bits), then the rest where
 * the pilot shows it to be of use; fault j of stratum s is P_s(j).  Per image: fault k
 * strikes image i at P_i(k), P_i keyed by the image's place in the data set; image and
 * site together are what is counted then, a fault of one image.  Or a recorded list. */
#ifndef EF_STUDY_CAMPAIGN_H
#define EF_STUDY_CAMPAIGN_H

#include <stddef.h>
#include <stdint.h>

#include "faultsim/fault_list.h"
#include "faultsim/population.h"
#include "faultsim/statistics.h"
#include "store/store.h"
#include "study/injector.h"

/* name on the command line */
#define EF_DESIGN_LIST(X)                                                              \
    X(UNIFORM, "uniform")                                                              \
    X(STRATIFIED, "stratified")

typedef enum ef_design {
#define X(design, name) EF_DESIGN_##design,
    EF_DESIGN_LIST(X)
#undef X
        EF_DESIGN_COUNT
} ef_design;

typedef struct ef_campaign_options {
    ef_target target;
    ef_strike strike;              /* no BER */
    const ef_selection *selection; /* of which targets says nothing */
    ef_design design;
    int is_per_image; /* uniform only */
    uint64_t seed;
    ef_stop_rule rule;
} ef_campaign_options;

typedef struct ef_campaign ef_campaign;

/* injector is borrowed until the end, options for the call.  EF_ERR_USAGE: what
 * ef_population_create refuses; fewer faults than strata.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_campaign_create(ef_campaign **campaign, ef_injector *injector,
                                          const ef_campaign_options *options,
                                          ef_error *err);
/* The faults of a list in its order, all of them; injector and list are borrowed until
 * the end.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_campaign_create_list(ef_campaign **campaign,
                                               ef_injector *injector,
                                               const ef_fault_list *list,
                                               ef_error *err);
void ef_campaign_destroy(ef_campaign *campaign);

/* What the faults of a part of the population did. */
typedef struct ef_campaign_count {
    ef_tally tally;      /* failures: (fault, image) pairs whose class changed */
    ef_tally nonfinite;  /* failures: pairs with a NaN or infinity among the logits */
    uint64_t critical;   /* faults with a pair of either kind */
    uint64_t corrected;  /* pairs whose class became the label's */
    uint64_t population; /* faults of the part */
} ef_campaign_count;

/* --- running ----------------------------------------------------------------- */

typedef struct ef_campaign_watch {
    void *context;
    /* done of at most `most` faults; rate: the CCR so far, its n 0 before. */
    void (*progress)(void *context, uint64_t done, uint64_t most,
                     const ef_estimate *rate);
    /* After every few seconds of work and at every look; what is not EF_OK ends it. */
    ef_status (*commit)(void *context, ef_campaign *campaign, ef_error *err);
    /* True when the campaign shall stop; asked after each commit. */
    int (*stop)(void *context);
} ef_campaign_watch;

/* Goes on until the rule has enough faults, which is seen only where it looks.  Each of
 * watch's functions may be NULL.  EF_STOPPED: watch asked for it; EF_ERR_MEMORY; what
 * commit returns. */
EF_NODISCARD ef_status ef_campaign_run(ef_campaign *campaign,
                                       const ef_campaign_watch *watch, ef_error *err);

/* Writes what was struck since the last time into a run file as campaign `id`, inside a
 * transaction of the caller's. */
EF_NODISCARD ef_status ef_campaign_save(ef_campaign *campaign, ef_store *store,
                                        uint64_t id, ef_error *err);
/* Takes a campaign of the same options up where a run file has it; nothing of it there
 * is fine.  EF_ERR_INPUT: its numbers are not those of such a campaign. */
EF_NODISCARD ef_status ef_campaign_restore(ef_campaign *campaign, ef_store *store,
                                           uint64_t id, ef_error *err);

/* What n faults show that are drawn uniformly, and not counted. */
typedef struct ef_campaign_probe {
    uint64_t n;
    double time_s; /* of a fault */
    ef_tally tally;
} ef_campaign_probe;
/* EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_campaign_try(ef_campaign *campaign, size_t n,
                                       ef_campaign_probe *probe, ef_error *err);

/* --- what it is -------------------------------------------------------------- */

/* "weights" ...; "list" */
const char *ef_campaign_name(const ef_campaign *campaign);
ef_design ef_campaign_design(const ef_campaign *campaign);
/* Faults that can be struck one after the other, and how many at most will be. */
uint64_t ef_campaign_population(const ef_campaign *campaign);
uint64_t ef_campaign_most(const ef_campaign *campaign);
/* The faults by number; NULL of a list. */
const ef_population *ef_campaign_faults(const ef_campaign *campaign);
const ef_injector *ef_campaign_injector(const ef_campaign *campaign);
/* Images that what is counted as one fault strikes: all, or 1 per image. */
size_t ef_campaign_images(const ef_campaign *campaign);

/* --- what came out ----------------------------------------------------------- */

/* name: why it ended */
typedef enum ef_campaign_end {
    EF_END_NONE, /* it did not */
    EF_END_ALL,  /* all there are */
    EF_END_MOST, /* that were asked for */
    EF_END_PRECISE,
    EF_END_NEGLIGIBLE
} ef_campaign_end;
ef_campaign_end ef_campaign_reason(const ef_campaign *campaign);

/* Sites and bits that a result is of; the bit is the lowest of those that change
 * together. */
#define EF_CAMPAIGN_ALL (-1)

/* Sums over what was struck; of site, of bit, or of both. */
ef_campaign_count ef_campaign_counts(const ef_campaign *campaign, int64_t site,
                                     int64_t bit);

typedef struct ef_campaign_result {
    ef_campaign_count count;
    ef_estimate ccr;       /* share of pairs whose class changed */
    ef_estimate nonfinite; /* of pairs with a NaN or infinity among the logits */
    ef_estimate critical;  /* of faults with a pair of either kind */
    double corrected;      /* share of pairs; NaN where nothing was struck */
} ef_campaign_result;

/* Re-weighted to the population where strata were not drawn alike.  A part without
 * faults has count.population 0.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_campaign_estimate(const ef_campaign *campaign, int64_t site,
                                            int64_t bit, ef_campaign_result *result,
                                            ef_error *err);

/* What strikes do that meet a site's faults in proportion to its weight, shape (sites
 * of the injector), each at least 0, above 0 for one at least that the campaign
 * strikes: ef_estimate_strata_weighted.  Only of a stratified campaign whose pilot is
 * struck. EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_campaign_estimate_weighted(const ef_campaign *campaign,
                                                     const double *weights,
                                                     ef_campaign_result *result,
                                                     ef_error *err);

/* Fault i of those struck, i < n, on all images.  Its number is that in the population;
 * the list's own of a list; i per image. */
typedef struct ef_fault_outcome {
    uint64_t number;
    ef_outcomes counts;
} ef_fault_outcome;
size_t ef_campaign_n_outcomes(const ef_campaign *campaign);
ef_fault_outcome ef_campaign_outcome(const ef_campaign *campaign, size_t i);
/* Its flips, (*n): room for ef_campaign_n_flips. */
size_t ef_campaign_n_flips(const ef_campaign *campaign);
void ef_campaign_fault(const ef_campaign *campaign, size_t i, ef_flip *flips,
                       size_t *n);

/* Faults that changed the class of an image, or made its logits not finite. */
typedef struct ef_image_failures {
    uint64_t sdc, nonfinite;
} ef_image_failures;
/* (n_images) */
const ef_image_failures *ef_campaign_image_failures(const ef_campaign *campaign);
/* (n_classes, n_classes): pairs by the class without the fault and the one with it;
 * zero where these are equal. */
const uint64_t *ef_campaign_changes(const ef_campaign *campaign);

#endif
