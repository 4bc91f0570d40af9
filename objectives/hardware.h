/* Hardware objectives that the topology alone decides; rows of the table. */
#ifndef EF_OBJECTIVES_HARDWARE_H
#define EF_OBJECTIVES_HARDWARE_H

#include "objectives/objective.h"

/* The argument list of ef_objective_row.score; each sets *value. */
#define EF_OBJECTIVE_ARGS                                                              \
    const ef_topology *topology, const ef_objective *objective,                        \
        const ef_objective_context *context, double *value, ef_error *err

/* Trained parameters: conv and dense weights and biases, gamma, beta, slopes. */
ef_status ef_score_params(EF_OBJECTIVE_ARGS);
/* Multiply-accumulates for one image. */
ef_status ef_score_macs(EF_OBJECTIVE_ARGS);
/* Bits of memory for parameters: a weight takes the bits of its node's format, a bias
 * 32 (an int32 code, or a float32).  A batch norm that alone reads a conv or dense is
 * folded into it and leaves one bias per channel, whether the conv had any or not;
 * any other leaves a multiplier and an addend of 32 bits per channel.  A slope of
 * prelu takes 32.  Scales of formats and constants of scale nodes are not counted. */
ef_status ef_score_size(EF_OBJECTIVE_ARGS);
/* Elements of the tensors that one image makes the network store, without the image
 * itself and without the logits. */
ef_status ef_score_activations(EF_OBJECTIVE_ARGS);
/* Conv and dense layers on the longest way from input to output. */
ef_status ef_score_depth(EF_OBJECTIVE_ARGS);

#endif
