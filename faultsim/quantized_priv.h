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

/* How many they are, and the first. */
size_t ef_qtable_size(const ef_code *code, int32_t *least);

/* Half to even, within [least, most]; most for NaN.  Where least > most (the bounds of
 * a clip by a struck scale), least for what is below most, else most. */
int32_t ef_qround(double value, int32_t zero, int32_t least, int32_t most);

/* The integer that a value becomes; the largest for NaN. */
int32_t ef_qstore(const ef_code *code, float value);

/* Products of an element of a conv step, and the code of a channel's weights. */
size_t ef_qproducts(const ef_qnet *qnet, const ef_qstep *step);
const ef_code *ef_qweight_code(const ef_qstep *step, size_t channel);

/* What follows from the scales of a step's output, inputs and weights: its scales,
 * factors, tables and clamp, in the memory that it has.  Any float32 is a scale. */
void ef_qstep_rescale(const ef_qnet *qnet, ef_qstep *step);
/* The clamp alone: limits of the format, relu, clip. */
void ef_qstep_clamp(const ef_qnet *qnet, ef_qstep *step);

/* A network with parameters of its own, so that faults can change them: values of its
 * net, and of steps weights, their codes, biases, scales, factors and tables.  The rest
 * is borrowed.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_qcopy_init(ef_qnet *copy, const ef_qnet *qnet, ef_error *err);
void ef_qcopy_clear(ef_qnet *copy);

/* A scale that faults can strike: of the output of a step and of all that share it, or
 * one of its weights. */
typedef struct ef_qscale {
    uint32_t step;
    int is_output;
    size_t index; /* of its weights' scales */
} ef_qscale;

/* What a flip of scales strikes: of an output where the site right before it holds the
 * values of the same step. */
ef_qscale ef_qscale_of(const ef_site *sites, const ef_flip *flip);
float ef_qscale_get(const ef_qnet *qnet, const ef_qscale *scale);
/* Sets it, and all that follows from it.  is_touched: (n_steps) set to 1 for steps
 * whose values may differ for it. */
void ef_qscale_set(ef_qnet *copy, const ef_qscale *scale, float value,
                   uint8_t *is_touched);

/* Statistics of batch norms that are a step of their own, or behind the logits: sites
 * of target norm, EF_QNORM_ROLES in a row for a node. */
#define EF_QNORM_ROLES 4
ef_role ef_qnorm_role(size_t index);
/* What a flip of them strikes; ef_qstep_rescale then makes what follows from it. */
float *ef_qnorm_of(const ef_qnet *qnet, const ef_site *sites, const ef_flip *flip);

/* Frees what steps own, and them. */
void ef_qnet_clear_steps(ef_qnet *qnet);

/* Steps in the order of the topology; quantized_steps.c. */
EF_NODISCARD ef_status ef_qbuild_steps(ef_qbuild *b);
/* Scales, zero points and clamps; quantized_scales.c. */
EF_NODISCARD ef_status ef_qbuild_scales(ef_qbuild *b);
/* Weights, factors and tables; then biases, of a known width; quantized_values.c. */
EF_NODISCARD ef_status ef_qbuild_values(ef_qbuild *b);
EF_NODISCARD ef_status ef_qbuild_biases(ef_qbuild *b);

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
/* The element of the last step that becomes logit `index`; channel EF_QPADDING where a
 * pad behind it fills in that logit, and what with. */
#define EF_QPADDING UINT32_MAX
ef_qplace ef_qlogit_place(const ef_qview *view, size_t index);
double ef_qlogit_padding(const ef_qview *view, size_t index);

/* The bias that stored bits stand for. */
int64_t ef_qbias_of(const ef_qnet *qnet, uint64_t bits);

/* A running sum as it is stored: wrapped to its width, or held at its ends; and with
 * one more product. */
int64_t ef_qfit(const ef_qnet *qnet, int64_t value);
int64_t ef_qadd(const ef_qnet *qnet, int64_t sum, int64_t product);
/* A sum of stored bits with a fault in them. */
int64_t ef_qsum_bits(const ef_qnet *qnet, int64_t sum, ef_fault_kind kind,
                     uint64_t mask);
/* The sum of an element of a conv step, struck on its way by flips (n) that ascend by
 * moment: after the bias (0), up to after the last of ef_qproducts; those of padded
 * positions count and change nothing. */
int64_t ef_qsum_struck(const ef_qview *view, size_t step, ef_qplace place,
                       const ef_flip *const *flips, size_t n);
/* The integer that a sum becomes, and the logit that a sum of the last step becomes. */
int32_t ef_qsum_round(const ef_qstep *step, size_t channel, int64_t sum);
double ef_qsum_logit(const ef_qnet *qnet, size_t channel, int64_t sum);

/* A function behind the logits, of one value. */
double ef_qtail_apply(const ef_qnet *qnet, const ef_qtail *tail, size_t channel,
                      double x);
/* An activation of one float32 value, as float execution has it; slope: of prelu. */
float ef_qactivation(const ef_activation *activation, float slope, float x);

#endif
