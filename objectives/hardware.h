/* Hardware objectives that the topology alone decides; rows of the table. */
#ifndef EF_OBJECTIVES_HARDWARE_H
#define EF_OBJECTIVES_HARDWARE_H

#include "objectives/objective.h"
#include "objectives/workload.h"

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

/* --- of the lowered topology, objectives/workload.h --- */

/* Formats: what a node states; else that of the objective; else that of the context.
 * Each may fail as ef_workload_create does. */

/* Bits of the feature maps that live at once, at most, as the layers run one after the
 * other: a tensor lives from the layer that writes it to the last that reads it, both
 * included; the image from the first layer on; the logits, 32 bits each, to the end. */
ef_status ef_score_memory(EF_OBJECTIVE_ARGS);
/* MACs times bits of a weight times bits of an input, summed. */
ef_status ef_score_bitops(EF_OBJECTIVE_ARGS);
/* Bytes that a layer moves (ef_workload_bytes) over its MACs, summed over the layers
 * that have any. */
ef_status ef_score_adcr(EF_OBJECTIVE_ARGS);
/* Bytes between external memory and buffer, objectives/traffic.h.  EF_ERR_INPUT. */
ef_status ef_score_traffic(EF_OBJECTIVE_ARGS);
/* J, objectives/energy.c.  EF_ERR_INPUT: as for traffic; a MAC whose energy the
 * accelerator does not tell. */
ef_status ef_score_energy(EF_OBJECTIVE_ARGS);

/* Bits of weights and inputs that pass from the buffer to the array or the vector unit
 * for a whole layer, objectives/energy.c. */
double ef_operand_bits(const ef_accelerator *accelerator, const ef_layer *layer);

/* The topology lowered in these formats. */
EF_NODISCARD ef_status ef_objective_lower(ef_workload **workload,
                                          const ef_topology *topology,
                                          const ef_objective *objective,
                                          const ef_objective_context *context,
                                          ef_error *err);

#endif
