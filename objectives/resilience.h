/* Resilience objectives that the topology and its formats alone decide; rows of the
 * table. */
#ifndef EF_OBJECTIVES_RESILIENCE_H
#define EF_OBJECTIVES_RESILIENCE_H

#include "objectives/constants.h"
#include "objectives/hardware.h"

/* Over the stored tensors, without the image and the logits; rho the tensor's relevance
 * (objectives/relevance.h), N its elements.  Our reconstructions of the architecture
 * sensitivity index of [1] in objectives/objective.h; key `form`. */
#define EF_ASI_FORM_LIST(X)                                                            \
    X(SQUARES, "squares")     /* sum of rho^2 / N */                                   \
    X(RELEVANCE, "relevance") /* sum of rho */                                         \
    X(DENSITY, "density")     /* sum of rho / sum of N */                              \
    X(GREATEST, "greatest")   /* max of rho / N */                                     \
    X(MEAN, "mean")           /* mean of 1 / N */

typedef enum ef_asi_form {
#define X(form, name) EF_ASI_##form,
    EF_ASI_FORM_LIST(X)
#undef X
        EF_ASI_FORM_COUNT
} ef_asi_form;

ef_status ef_score_asi(EF_OBJECTIVE_ARGS);

/* The class change rate that the topology and its formats lead to expect, of what the
 * key `target` names: at the key `ber`, or of one flip.  `target=both` at a rate needs
 * no more; of one flip it needs the share of flips that strike weights: the key
 * `exposure`, or an accelerator in the context, whose schedule tells it. */
ef_status ef_score_predicted_ccr(EF_OBJECTIVE_ARGS);

#endif
