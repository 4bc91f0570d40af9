/* A network in integer formats, exact.
 *
 * The value of a stored integer x of a tensor is (x - zero) * scale.  What is computed:
 * - the image, times and plus what scale nodes directly behind the input say, in
 *   float32, then stored in its format;
 * - batch norms behind a conv or dense layer are folded into it first
 *   (net/fold_norm.h);
 * - conv and dense: the accumulator starts at the bias, an integer in scale s_in * s_w
 *   of 32 bits, or 64 where an operand is wider than 8 (biases of 16-bit operands do
 *   not fit in 32), and takes the products (x - zero) * w in the order input channel,
 *   kernel row, kernel column; it wraps (or saturates) at its width.  Then once, in
 *   binary64, round-half-even(acc * m) + zero, m = (s_in * s_w) / s_out, then the
 *   clamp;
 * - add: the sum of (x - zero) * (s_in / s_out), rounded once; average pooling: the sum
 *   of x - zero times (s_in / s_out) / count; mul: (x - zero) (y - zero) times
 *   s_x * s_y / s_out; batch norm by itself: (x - zero) * a + b per channel;
 * - relu and clip behind these are the clamp; other functions are tables over the codes
 *   of what comes before them;
 * - max pooling, concat, pad, slice, transpose, flatten, reshape and upsample move
 *   integers: their inputs and outputs share one scale;
 * - the last layer is not rounded: logits are (in binary64) its accumulators times
 *   their scale.  A function behind it is computed in binary64 or, where it is one of
 *   float32, of the value rounded to that.
 *
 * Div and softmax have no execution in integers. */
#ifndef EF_FAULTSIM_QUANTIZED_H
#define EF_FAULTSIM_QUANTIZED_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "faultsim/fault.h"
#include "faultsim/ranges.h"
#include "format/code.h"
#include "net/net.h"

typedef enum ef_qkind {
    EF_Q_INPUT,
    EF_Q_CONV, /* dense too: 1 x 1 on an image of one pixel */
    EF_Q_ADD,
    EF_Q_MUL,
    EF_Q_MAXPOOL,
    EF_Q_AVGPOOL, /* global too */
    EF_Q_NORM,    /* a multiply-add per channel */
    EF_Q_TABLE,   /* a function of one integer */
    EF_Q_CONCAT,
    EF_Q_PAD,
    EF_Q_SLICE,
    EF_Q_TRANSPOSE,
    EF_Q_VIEW, /* flatten, reshape */
    EF_Q_UPSAMPLE
} ef_qkind;

/* A window that slides over an image; all of its kinds have one. */
typedef struct ef_qwindow {
    uint32_t kernel[2], stride[2], dilation[2], pad[4], groups;
    int counts_padding; /* averages do */
} ef_qwindow;

/* One tensor, and how it comes about. */
typedef struct ef_qstep {
    ef_qkind kind;
    uint32_t head; /* node of the topology that it begins with: owns the weights */
    uint32_t node; /* that it ends with: owns the output */
    uint32_t n_inputs;
    uint32_t inputs[EF_MAX_INPUTS]; /* steps */
    ef_shape shape;
    int is_stored;       /* reaches memory; else a view, or on the way to a table */
    ef_code code;        /* of the output; not of logits */
    uint32_t scale_step; /* the first step that shares the output's scale */
    int32_t least, most; /* after rounding: limits of the format, relu, clip */
    ef_qwindow window;   /* conv and pools */
    /* conv: weights (out, in / groups, kh, kw), decoded; their codes by channel or one
     * for all; bias (out), 0 where there is none */
    int32_t *weights;
    ef_code *weight_codes; /* (out) where the format is per channel, else (1) */
    int64_t *bias;
    int has_bias;
    double *scales;  /* conv: of the accumulator (out) */
    double *factors; /* conv: m (out); add: by input; mul (1); averages: s_in / s_out
                        (1); norm: a, b (channels, 2) */
    int32_t *table;  /* (n_tables, most - least + 1 of the input's format) */
    size_t n_tables; /* 1, or one a channel */
} ef_qstep;

/* Functions in float32 or binary64 on the way to the logits; see the top. */
typedef struct ef_qtail {
    uint32_t node; /* batch norm, scale or activation */
} ef_qtail;

typedef struct ef_qnet_options {
    ef_format weights;     /* int or fixed of at most 16 bits, tern, bin */
    ef_format activations; /* int, uint or fixed of at most 16 bits */
    /* int activations become uint where no value is below 0, those in Gray code too;
     * +signmag and +offset, which uint does not have, keep the sign that they are
     * about */
    int fits_activations;
    unsigned accumulator_bits; /* 16 to 64; 0: 32, or 64 where an operand is wider
                                  than 8 bits */
    int saturates;
} ef_qnet_options;

#define EF_QNET_OPTIONS_INT8                                                           \
    ((ef_qnet_options){                                                                \
        .weights = {.kind = EF_FORMAT_INT, .bits = 8, .per_channel = 1},               \
        .activations = {.kind = EF_FORMAT_INT, .bits = 8},                             \
        .fits_activations = 1})

/* Open for reading. */
typedef struct ef_qnet {
    const ef_net *original;
    ef_net *net; /* owned: batch norms folded */
    ef_qstep *steps;
    size_t n_steps;
    size_t output;  /* step whose accumulators or integers give the logits */
    ef_qtail *tail; /* (n_tail) functions behind it */
    size_t n_tail;
    size_t n_views;     /* steps behind `output`, from it on, that only move logits */
    unsigned bias_bits; /* 32, or 64 where an operand is wider than 8 bits */
    unsigned accumulator_bits;
    int saturates;
} ef_qnet;

/* net is borrowed until the end.  ranges: of net (not folded), for each of its nodes.
 * EF_ERR_UNSUPPORTED: a node that integers cannot execute, by name; formats that are
 * not integers.  EF_ERR_INPUT: a range or weight that is not finite, by name.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_qnet_create(ef_qnet **qnet, const ef_net *net,
                                      const ef_ranges *ranges,
                                      const ef_qnet_options *options, ef_error *err);
void ef_qnet_destroy(ef_qnet *qnet);

size_t ef_qnet_classes(const ef_qnet *qnet);

/* One image (channels, height, width) by the definition, element by element.  integers:
 * shape (n_steps), each with room for the elements of the step's shape, or NULL: kept
 * to itself; logits: shape (classes).  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_qnet_run_naive(const ef_qnet *qnet, const float *image,
                                         int32_t *const *integers, double *logits,
                                         ef_error *err);

/* The same with a fault, whose flips are within sites, on the image that flips call
 * image_number.
 *
 * Weights, activations and inputs are struck in their codes, biases in theirs,
 * accumulators as they are stored in their width, statistics of batch norms that are
 * not folded as float32 (a batch norm may then give NaN, too).  Scales are struck as
 * float32; codes, zero points and biases stay, and all that is computed from a scale
 * (the factors of roundings, clips, tables, what images and padding become, what logits
 * stand for) is of the struck one.  No scale is refused: whatever is stored as NaN
 * becomes the largest integer, what overflows the end of its sign (ef_qround), and a
 * NaN among the logits is the positive quiet one. */
EF_NODISCARD ef_status ef_qnet_strike_naive(const ef_qnet *qnet, const ef_site *sites,
                                            const ef_fault *fault, int64_t image_number,
                                            const float *image, double *logits,
                                            ef_error *err);

#endif
