/* The class change rate that a topology and its formats lead to expect, from a few
 * constants; evoflip-objectives(7) derives it.
 *
 * A prepared prediction holds all that does not depend on the constants, so that those
 * can be fitted. */
#ifndef EF_OBJECTIVES_PREDICTION_H
#define EF_OBJECTIVES_PREDICTION_H

#include <stddef.h>

#include "base/status.h"
#include "format/format.h"
#include "net/topology.h"
#include "objectives/constants.h"

typedef struct ef_prediction ef_prediction;

/* Formats of nodes that state none. */
typedef struct ef_prediction_formats {
    ef_format weights, activations;
    int fits_activations; /* int activations become uint where no value is below 0 */
} ef_prediction_formats;

/* What `evoflip inject --format` makes of one format: int weights have a scale for each
 * channel, int activations become uint where no value is below 0.  Not stated: int8. */
void ef_prediction_formats_init(ef_prediction_formats *formats,
                                const ef_format *format);

/* topology is not needed afterwards.  EF_ERR_INPUT: no such format.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_prediction_create(ef_prediction **prediction,
                                            const ef_topology *topology,
                                            const ef_prediction_formats *formats,
                                            ef_error *err);
void ef_prediction_destroy(ef_prediction *prediction);

/* What strikes. */
typedef struct ef_fault_model {
    ef_exposed target;
    double ber;   /* of every stored bit of the target; 0: one flip */
    double share; /* of single flips that strike weights; of target both alone */
} ef_fault_model;

/* The share of images whose class changes, or whose logits are no longer finite.
 * constants NULL: the built-in ones.  Takes about 1 us for ten layers in int8. */
double ef_prediction_ccr(const ef_prediction *prediction, const ef_fault_model *fault,
                         const ef_constants *constants);

/* The expected number of critical bits among those of weights or activations (not
 * both), and how many bits there are. */
double ef_prediction_critical(const ef_prediction *prediction, ef_exposed target,
                              const ef_constants *constants);
double ef_prediction_bits(const ef_prediction *prediction, ef_exposed target);

/* All of it at once.  Errors as ef_prediction_create. */
EF_NODISCARD ef_status ef_predict(const ef_topology *topology,
                                  const ef_prediction_formats *formats,
                                  const ef_fault_model *fault,
                                  const ef_constants *constants, double *ccr,
                                  ef_error *err);

#endif
