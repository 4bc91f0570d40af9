/* What planning and running share. */
#ifndef EF_FAULTSIM_FORWARD_PRIV_H
#define EF_FAULTSIM_FORWARD_PRIV_H

#include "faultsim/forward.h"
#include "faultsim/kernels.h"
#include "format/code.h"

/* A function of one element that ends a step. */
typedef struct ef_span {
    ef_span_kind kind;
    float *coef; /* (channels, EF_SPAN_COEF) */
} ef_span;

/* The output of one step. */
typedef struct ef_tensor {
    ef_shape shape;
    size_t offset; /* floats, in the arena */
    size_t first;  /* of its channels, in the table of all */
} ef_tensor;

/* Rows [top, bottom) and columns [left, right) of some channels of a tensor. */
typedef struct ef_area {
    uint32_t top, bottom, left, right;
    const uint8_t *channels; /* (channels) not 0: this one; NULL: all */
} ef_area;

struct ef_step;

typedef struct ef_forward_plan ef_forward_plan;

/* Computes an area of the step's output from its inputs, which the table of channels
 * finds; operations that move elements take all of them whatever the area. */
typedef void ef_step_run(const ef_forward *forward, const struct ef_step *step,
                         const ef_area *area);

/* A node, and the batch norms, activations and scales behind it that only it feeds. */
typedef struct ef_step {
    ef_step_run *run;
    const ef_node *node;
    uint32_t head, tail;            /* nodes of the topology: the first, the last */
    uint32_t inputs[EF_MAX_INPUTS]; /* steps */
    uint32_t n_inputs;
    uint32_t last_reader; /* step; UINT32_MAX: the caller */
    ef_tensor out;
    ef_span *spans; /* (n_spans) */
    size_t n_spans;
    const ef_code *code; /* that the output is rounded to at last; NULL: none */
    /* conv, dense and pools */
    uint32_t kernel[2], dilation[2], groups;
    ef_taps *rows, *columns; /* (height), (width) of the output */
    float *weights;          /* packed as ef_conv_row has them */
    /* conv and dense: input channels of a group that are taken; what the output holds
     * is the sum over those before */
    uint32_t in_begin, in_end;
} ef_step;

typedef struct ef_forward_options {
    size_t max_batch; /* as ef_forward_create has it */
    const ef_kernels *kernels;
    int is_separate; /* every node is a step of its own */
    /* (nodes) ef_stored: steps end where tensors reach memory, rounded to the code of
     * that node unless it is that of float32; NULL: they never do */
    const uint8_t *stored;
    const ef_code *codes;
} ef_forward_options;

struct ef_forward_plan {
    const ef_net *net;
    const ef_kernels *kernels;
    ef_forward_options options;
    size_t most_lanes;
    ef_step *steps;
    size_t n_steps;
    size_t output;     /* step */
    size_t arena_size; /* floats */
    size_t n_channels; /* of all steps */
};

/* Sees what a node gives for a block of images: channel c begins at values +
 * c * ef_forward_plane(shape, lanes), element i of it at i * lanes, image k at + k. */
typedef void ef_forward_observer(void *context, const ef_node *node, ef_shape shape,
                                 const float *values, size_t lanes, size_t n_images);

struct ef_forward {
    ef_forward_plan *plan; /* owned where owns is set */
    int owns;
    float *arena;
    float **channels;    /* (n_channels) where each channel of each step begins */
    size_t lanes;        /* of the block in hand */
    const float *images; /* likewise */
    size_t n_images;
    ef_forward_observer *observer; /* NULL: nobody */
    void *context;
};

/* Floats between the channels of a tensor. */
size_t ef_forward_plane(ef_shape shape, size_t lanes);

static inline float *channel(const ef_forward *forward, const ef_step *step, size_t c)
{
    return forward->channels[step->out.first + c];
}

static inline int is_wanted(const ef_area *area, size_t c)
{
    return !area->channels || area->channels[c];
}

static inline ef_area whole_area(ef_shape shape)
{
    return (ef_area){0, shape.height, 0, shape.width, NULL};
}

static inline const ef_step *input_step(const ef_forward *forward, const ef_step *step,
                                        size_t k)
{
    return &forward->plan->steps[step->inputs[k]];
}

/* Floats of a channel without the gap behind it. */
static inline size_t channel_size(const ef_forward *forward, const ef_step *step)
{
    return (size_t)step->out.shape.height * step->out.shape.width * forward->lanes;
}

EF_NODISCARD ef_status ef_forward_plan_create(ef_forward_plan **plan, const ef_net *net,
                                              const ef_forward_options *options,
                                              ef_error *err);
void ef_forward_plan_destroy(ef_forward_plan *plan);

/* The function that runs an operation; the elementwise ones, where they cannot join
 * the step before, copy. */
ef_step_run *ef_forward_runner(ef_op op);

/* What moves elements: forward_move.c. */
ef_step_run ef_step_run_concat, ef_step_run_reshape, ef_step_run_move;
/* Runs the elementwise functions that end a step over an area of its output. */
void ef_step_end(const ef_forward *forward, const ef_step *step, const ef_area *area);
/* The same over n floats of channel c, a multiple of lanes. */
void ef_step_end_span(const ef_forward *forward, const ef_step *step, size_t c,
                      float *x, size_t n);

/* An area of a channel as runs of neighbouring floats. */
typedef struct ef_area_runs {
    size_t n, at, size, stride; /* floats, but n */
} ef_area_runs;

ef_area_runs ef_area_runs_of(ef_shape shape, size_t lanes, const ef_area *area);

/* A plan's memory and tables for one thread; the plan becomes its own where owns is
 * set.  Its channels point into its arena for blocks of `lanes` images after
 * ef_forward_point. */
EF_NODISCARD ef_status ef_forward_create_on(ef_forward **forward, ef_forward_plan *plan,
                                            int owns, ef_error *err);
void ef_forward_point(ef_forward *forward, size_t lanes);
/* The output of the last step, (n_images, classes). */
void ef_forward_read_logits(const ef_forward *forward, float *logits);

/* ef_forward_create with kernels of the caller's choice. */
EF_NODISCARD ef_status ef_forward_create_with(ef_forward **forward, const ef_net *net,
                                              size_t max_batch,
                                              const ef_kernels *kernels, ef_error *err);

/* ef_forward_create whose every node is a step that the observer sees; the observer of
 * a copy is set by hand. */
EF_NODISCARD ef_status ef_forward_create_observed(ef_forward **forward,
                                                  const ef_net *net,
                                                  ef_forward_observer *observer,
                                                  void *context, ef_error *err);

#endif
