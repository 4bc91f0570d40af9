/* Latency of one image on an accelerator. */
#ifndef EF_OBJECTIVES_LATENCY_H
#define EF_OBJECTIVES_LATENCY_H

#include "objectives/hardware.h"

/* s: the sum of the accelerator's fitted model over the layers where it has one; else
 * the end of the schedule, objectives/simulation.h.  Errors as ef_workload_create and
 * ef_tasks_create. */
ef_status ef_score_latency(EF_OBJECTIVE_ARGS);

/* s: no schedule takes less.  For each layer the greater of its MACs at all elements of
 * the array (its operations at all lanes) and its weights at the slower of bus and
 * external memory, summed, as layers run one after the other; but at least the time of
 * image, weights and logits there. */
double ef_latency_roofline(const ef_workload *workload,
                           const ef_accelerator *accelerator);

#endif
