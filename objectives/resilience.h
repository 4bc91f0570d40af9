/* Resilience objectives that the topology alone decides; rows of the table. */
#ifndef EF_OBJECTIVES_RESILIENCE_H
#define EF_OBJECTIVES_RESILIENCE_H

#include "objectives/hardware.h"

/* Sum over the stored tensors, without the image and the logits, of rho^2 / N: rho the
 * tensor's relevance (objectives/relevance.h), N its elements.  A tensor on which much
 * hangs, spread over few elements, counts most.  Our reconstruction of the
 * architecture sensitivity index of [1] in objectives/objective.h. */
ef_status ef_score_asi(EF_OBJECTIVE_ARGS);

#endif
