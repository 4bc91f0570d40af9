/* A campaign: single faults drawn uniformly and without replacement from what one
 * target stores, and what they did.  Fault k is P(k), P a permutation of the population
 * keyed by the seed. */
#ifndef EF_STUDY_CAMPAIGN_H
#define EF_STUDY_CAMPAIGN_H

#include <stddef.h>
#include <stdint.h>

#include "faultsim/population.h"
#include "faultsim/statistics.h"
#include "study/injector.h"

/* What the faults of a part of the population did. */
typedef struct ef_campaign_count {
    ef_tally tally;      /* failures: images whose class changed */
    uint64_t population; /* faults of the part */
    uint64_t corrected;  /* (fault, image) pairs whose class became the label's */
} ef_campaign_count;

typedef struct ef_campaign ef_campaign;

/* The faults of selection, of which targets says nothing, in one target; injector is
 * borrowed until the end.  What ef_population_create refuses.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_campaign_create(ef_campaign **campaign, ef_injector *injector,
                                          ef_target target,
                                          const ef_selection *selection, uint64_t seed,
                                          ef_error *err);
void ef_campaign_destroy(ef_campaign *campaign);

/* done of at most `most` faults; rate: the CCR at the last look, its n 0 before. */
typedef void ef_campaign_watch(void *context, uint64_t done, uint64_t most,
                               const ef_estimate *rate);
/* Strikes faults until the rule has enough of them, which is seen only where it looks.
 * Called once.  watch may be NULL.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_campaign_run(ef_campaign *campaign, const ef_stop_rule *rule,
                                       ef_campaign_watch *watch, void *context,
                                       ef_error *err);
/* Seconds that a fault takes, on average of the first n of them, which are not counted.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_campaign_time(const ef_campaign *campaign, size_t n,
                                        double *time_s, ef_error *err);

ef_target ef_campaign_target(const ef_campaign *campaign);
uint64_t ef_campaign_population(const ef_campaign *campaign);

/* Of the whole, of each site that has faults, of each bit position (the lowest of those
 * that change together). */
ef_campaign_count ef_campaign_whole(const ef_campaign *campaign);
ef_campaign_count ef_campaign_site(const ef_campaign *campaign, size_t site);
ef_campaign_count ef_campaign_bit(const ef_campaign *campaign, unsigned bit);

/* The share of pairs with another class, and of faults with such a pair. */
ef_estimate ef_campaign_ccr(const ef_campaign *campaign,
                            const ef_campaign_count *count);
ef_estimate ef_campaign_critical(const ef_campaign_count *count);

#endif
