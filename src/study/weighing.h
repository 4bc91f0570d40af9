/* What the classes that the faults of a campaign changed weigh: not every change is as
 * bad as another. */
#ifndef EF_STUDY_WEIGHING_H
#define EF_STUDY_WEIGHING_H

#include <stdint.h>

#include "study/campaign.h"

/* Of changes, in whole units, borrowed for the call. */
typedef struct ef_weights {
    const uint32_t *units; /* (n_classes, n_classes) from a class to a class */
    uint32_t greatest;     /* of them, at least 1 */
} ef_weights;

typedef struct ef_weighing ef_weighing;

/* Strikes those faults of a campaign once more that changed a class: only then it is
 * known which became which.  The campaign is borrowed until the end; watch may be NULL.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_weighing_create(ef_weighing **weighing,
                                          const ef_campaign *campaign,
                                          const ef_weights *weights,
                                          ef_injector_watch *watch, void *context,
                                          ef_error *err);
void ef_weighing_destroy(ef_weighing *weighing);

/* The mean of what a (fault, image) pair weighs, 0 where its class is the same, as a
 * share of the greatest weight; of a site, of a bit, or of both, as
 * ef_campaign_estimate.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_weighing_estimate(const ef_weighing *weighing, int64_t site,
                                            int64_t bit, ef_estimate *estimate,
                                            ef_error *err);

#endif
