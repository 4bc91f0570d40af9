/* What the files of the quantized network share. */
#ifndef EF_FAULTSIM_QUANTIZED_PRIV_H
#define EF_FAULTSIM_QUANTIZED_PRIV_H

#include "faultsim/quantized.h"

/* A network in the making. */
typedef struct ef_qbuild {
    ef_qnet *qnet;
    const ef_topology *topology; /* of the folded network */
    const ef_ranges *ranges;
    const ef_qnet_options *options;
    uint32_t *step_of;  /* (nodes) the step that gives a node's output */
    uint32_t *range_of; /* (steps) node of the original network with its range */
    uint32_t *class_of; /* (steps) a step that shares its scale; the first is itself */
    ef_error *err;
} ef_qbuild;

/* Whether a step only moves integers, so that inputs and output share a scale. */
int ef_qkind_moves(ef_qkind kind);

/* The integers that bits of a format can stand for, faults included. */
void ef_qcode_all(const ef_code *code, int32_t *least, int32_t *most);

/* Half to even, within [least, most]. */
int32_t ef_qround(double value, int32_t zero, int32_t least, int32_t most);

/* Steps in the order of the topology; quantized_steps.c. */
EF_NODISCARD ef_status ef_qbuild_steps(ef_qbuild *b);
/* Scales, zero points and clamps; quantized_scales.c. */
EF_NODISCARD ef_status ef_qbuild_scales(ef_qbuild *b);
/* Weights, biases, factors and tables; quantized_values.c. */
EF_NODISCARD ef_status ef_qbuild_values(ef_qbuild *b);

/* An element of a tensor. */
typedef struct ef_qplace {
    uint32_t c, y, x;
} ef_qplace;

/* A network with the integers of its steps somewhere. */
typedef struct ef_qview {
    const ef_qnet *qnet;
    int32_t (*get)(void *context, uint32_t step, ef_qplace place);
    void *context;
} ef_qview;

/* By the definition: an element of a step (neither the first nor the last) from those
 * of its inputs; the integers of an image, shape (channels, height, width); the logits.
 */
int32_t ef_qelement(const ef_qview *view, size_t step, ef_qplace place);
void ef_qinput(const ef_qnet *qnet, const float *image, int32_t *values);
void ef_qlogits(const ef_qview *view, double *logits);
/* The element of the last step that becomes logit `index`. */
ef_qplace ef_qlogit_place(const ef_qview *view, size_t index);

/* A function behind the logits, of one value. */
double ef_qtail_apply(const ef_qnet *qnet, const ef_qtail *tail, size_t channel,
                      double x);
/* An activation of one float32 value, as float execution has it; slope: of prelu. */
float ef_qactivation(const ef_activation *activation, float slope, float x);

#endif
