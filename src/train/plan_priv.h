/* A topology compiled for gradient training: a list of steps, the memory that they
 * share, and the oneDNN primitives that they call.
 *
 * A step computes one value, the tensor (images, height, width, channels) of a node;
 * a relu or clip that alone reads a conv, dense, batch norm or add belongs to its
 * step.  A plan serves batches that are cut into shards of n_images; a worker runs
 * one shard at a time, on memory of its own. */
#ifndef EF_TRAIN_PLAN_PRIV_H
#define EF_TRAIN_PLAN_PRIV_H

#include <dnnl.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "net/net.h"
#include "train/kernels_priv.h"

#define EF_TRAIN_NONE SIZE_MAX

/* Where a buffer lies. */
typedef enum ef_train_space {
    EF_SPACE_ARENA,   /* of each worker; shared by buffers that do not live at once */
    EF_SPACE_WEIGHTS, /* of the plan: parameters as the steps read them */
    EF_SPACE_GRADS,   /* of each worker: their gradients, at the same offsets */
    EF_SPACE_DERIVED, /* of the plan: made of the weights after each update */
    EF_SPACE_COUNT
} ef_train_space;

typedef struct ef_train_buffer {
    ef_train_space space;
    size_t count;       /* floats */
    size_t first, last; /* EF_SPACE_ARENA: the times between which it lives */
    size_t offset;      /* floats */
} ef_train_buffer;

/* What an update does to a parameter. */
typedef enum ef_train_rule {
    EF_RULE_DESCEND,       /* along the gradient */
    EF_RULE_DECAY_DESCEND, /* with weight decay */
    EF_RULE_AVERAGE,       /* towards the batch's statistic, which stands there */
    EF_RULE_CONSTANT
} ef_train_rule;

/* How its values are laid out in EF_SPACE_WEIGHTS. */
typedef enum ef_train_layout {
    EF_LAYOUT_SAME,  /* as in the network */
    EF_LAYOUT_HWIO,  /* (kh, kw, in, out) */
    EF_LAYOUT_ONEDNN /* as oneDNN wants it */
} ef_train_layout;

typedef struct ef_train_param {
    size_t param; /* position in the network's table */
    size_t buffer;
    ef_train_rule rule;
    ef_train_layout layout;
    dnnl_memory_desc_t plain, packed; /* EF_LAYOUT_ONEDNN */
} ef_train_param;

/* A primitive and what it reads and writes. */
#define EF_CALL_ARGS 6
typedef struct ef_train_arg {
    int arg; /* DNNL_ARG_... */
    size_t buffer;
    int is_gradient; /* of the parameter in that buffer */
    dnnl_memory_desc_t desc;
} ef_train_arg;

typedef struct ef_train_call {
    dnnl_primitive_t primitive;
    size_t n_args;
    ef_train_arg args[EF_CALL_ARGS];
} ef_train_call;

typedef struct ef_train_plan ef_train_plan;
typedef struct ef_train_worker ef_train_worker;
typedef struct ef_train_step ef_train_step;

/* What an operation does in training.  Any function but forward may be NULL. */
typedef struct ef_train_kind {
    /* Parameters, primitives, scratch, and what the backward pass will read. */
    ef_status (*prepare)(ef_train_plan *plan, ef_train_step *step, ef_error *err);
    /* Derives what it needs from changed weights. */
    void (*refresh)(ef_train_worker *worker, const ef_train_step *step);
    void (*forward)(ef_train_worker *worker, const ef_train_step *step);
    /* NULL: nothing to send back. */
    void (*backward)(ef_train_worker *worker, const ef_train_step *step);
} ef_train_kind;

#define EF_STEP_SLOTS 8

struct ef_train_step {
    const ef_train_kind *kind;
    size_t index;
    size_t node; /* whose operation it is */
    const ef_node *op;
    ef_shape in, shape; /* of the first input, of the value */
    ef_train_clamp clamp;
    size_t n_inputs;
    size_t inputs[EF_MAX_INPUTS];      /* steps */
    unsigned char adds[EF_MAX_INPUTS]; /* the gradient of input i is added to others */
    size_t value, grad;                /* buffers; grad may be EF_TRAIN_NONE */
    unsigned char needs_input, needs_value; /* in the backward pass */
    size_t params[EF_ROLE_COUNT];           /* buffers */
    size_t slots[EF_STEP_SLOTS];            /* of its kind: calls and buffers */
    ef_train_winograd winograd; /* the convolution that it is, where it is one */
    ef_train_direct direct;
};

struct ef_train_plan {
    const ef_net *net; /* borrowed: topology and table of parameters */
    const ef_train_kernels *kernels;
    dnnl_engine_t engine;
    size_t n_images;
    size_t n_outputs; /* logits of an image */
    int trains;       /* else forward only, with the stored statistics */
    ef_train_step *steps;
    size_t n_steps;
    size_t *step_of; /* (nodes) */
    ef_train_buffer *buffers;
    size_t n_buffers;
    ef_train_param *params;
    size_t n_params;
    ef_train_call *calls;
    size_t n_calls;
    size_t sizes[EF_SPACE_COUNT]; /* floats */
    float *weights, *derived;
    int failed; /* memory was short while preparing */
};

struct ef_train_worker {
    ef_train_plan *plan;
    dnnl_stream_t stream;
    dnnl_memory_t *memories; /* (n_calls, EF_CALL_ARGS) */
    float *arena, *grads;
    double *sums; /* (2, most channels), scratch */
    int failed;   /* a primitive did */
};

/* --- building, for prepare functions ------------------------------------------------
 */

/* Step k runs forward at time k, the loss at n_steps, its backward pass after that. */
size_t ef_train_forward_time(const ef_train_step *step);
size_t ef_train_backward_time(const ef_train_plan *plan, const ef_train_step *step);

/* A buffer; where memory is short plan->failed is set. */
size_t ef_train_add_buffer(ef_train_plan *plan, ef_train_space space, size_t count,
                           size_t first, size_t last);

/* The node's parameter, laid out as in the network; EF_TRAIN_NONE where it has none. */
size_t ef_train_add_param(ef_train_plan *plan, ef_train_step *step, ef_role role,
                          ef_train_rule rule);
/* The same in another layout; count: floats that the buffer needs. */
size_t ef_train_add_param_as(ef_train_plan *plan, ef_train_step *step, ef_role role,
                             ef_train_rule rule, size_t count,
                             const ef_train_param *layout);

/* Takes desc and makes it a call at a time.  EF_ERR_MEMORY, EF_ERR_UNSUPPORTED. */
ef_status ef_train_add_call(ef_train_plan *plan, const ef_train_step *step,
                            dnnl_primitive_desc_t desc, const ef_train_arg *args,
                            size_t n_args, size_t time, size_t *call, ef_error *err);

/* The sentence for a oneDNN status at a step; EF_OK for success. */
ef_status ef_train_check(const ef_train_plan *plan, const ef_train_step *step,
                         dnnl_status_t status, ef_error *err);

/* Whether gradients go to input i. */
int ef_train_wants(const ef_train_plan *plan, const ef_train_step *step, size_t i);

/* Plans the arena: offsets such that buffers which live at once do not overlap. */
ef_status ef_train_plan_memory(ef_train_plan *plan, ef_error *err);

/* --- running -------------------------------------------------------------------- */

static inline float *ef_train_at(const ef_train_worker *worker, size_t buffer)
{
    const ef_train_plan *plan = worker->plan;
    const ef_train_buffer *b = &plan->buffers[buffer];
    float *const base[EF_SPACE_COUNT] = {worker->arena, plan->weights, worker->grads,
                                         plan->derived};
    return base[b->space] + b->offset;
}

/* The gradient of a parameter, for its buffer in EF_SPACE_WEIGHTS. */
static inline float *ef_train_param_grad(const ef_train_worker *worker, size_t buffer)
{
    return worker->grads + worker->plan->buffers[buffer].offset;
}

static inline const float *ef_train_input(const ef_train_worker *worker,
                                          const ef_train_step *step, size_t i)
{
    return ef_train_at(worker, worker->plan->steps[step->inputs[i]].value);
}

static inline float *ef_train_input_grad(const ef_train_worker *worker,
                                         const ef_train_step *step, size_t i)
{
    return ef_train_at(worker, worker->plan->steps[step->inputs[i]].grad);
}

/* Elements of a tensor over the images of a shard. */
static inline size_t ef_train_count(const ef_train_plan *plan, ef_shape shape)
{
    return plan->n_images * ef_shape_elements(shape);
}

/* Its rows of channels. */
static inline size_t ef_train_rows(const ef_train_plan *plan, ef_shape shape)
{
    return plan->n_images * shape.height * shape.width;
}

static inline int ef_train_is_clamped(const ef_train_step *step)
{
    return !isinf(step->clamp.low) || !isinf(step->clamp.high);
}

/* The gradient of the step's value in front of its clamp, in place. */
void ef_train_pass_clamp(ef_train_worker *worker, const ef_train_step *step);

/* The gradient of the node's bias, where it has one: sums of the step's gradient. */
void ef_train_sum_bias(ef_train_worker *worker, const ef_train_step *step);

void ef_train_run_call(ef_train_worker *worker, size_t call);

/* Zeroes the gradient of input i unless there is something to add to. */
void ef_train_open_grad(ef_train_worker *worker, const ef_train_step *step, size_t i);

/* --- the operations -------------------------------------------------------------- */

extern const ef_train_kind ef_train_conv, ef_train_winograd_conv, ef_train_direct_conv,
    ef_train_depthwise_conv, ef_train_dense, ef_train_small_dense, ef_train_batchnorm,
    ef_train_pool, ef_train_activation, ef_train_add, ef_train_mul, ef_train_scale,
    ef_train_concat, ef_train_pad, ef_train_slice, ef_train_transpose, ef_train_flatten,
    ef_train_upsample, ef_train_reshape;

int ef_train_fits_depthwise(const ef_train_plan *plan, const ef_train_step *step);

/* --- for the trainer ---------------------------------------------------------------
 */

/* net is borrowed until the end; its values are read by ef_train_plan_load only.
 * EF_ERR_MEMORY; EF_ERR_UNSUPPORTED. */
EF_NODISCARD ef_status ef_train_plan_create(ef_train_plan **plan, const ef_net *net,
                                            size_t n_images, int trains, ef_error *err);
void ef_train_plan_destroy(ef_train_plan *plan);
/* Parameter values into the plan and back into a network of the same topology. */
EF_NODISCARD ef_status ef_train_plan_load(ef_train_plan *plan, const ef_net *net,
                                          ef_error *err);
EF_NODISCARD ef_status ef_train_plan_save(const ef_train_plan *plan, ef_net *net,
                                          ef_error *err);

EF_NODISCARD ef_status ef_train_worker_create(ef_train_worker **worker,
                                              ef_train_plan *plan, ef_error *err);
void ef_train_worker_destroy(ef_train_worker *worker);

/* After each change of the weights, by one worker while no other runs. */
void ef_train_refresh(ef_train_worker *worker);
/* The input (n_images, height, width, channels) is in ef_train_input_of; afterwards
 * the logits (n_images, classes) are in ef_train_output_of. */
void ef_train_forward(ef_train_worker *worker);
/* The gradient of the logits is in ef_train_output_grad_of; afterwards the gradients
 * of all parameters are in worker->grads. */
void ef_train_backward(ef_train_worker *worker);
float *ef_train_input_of(const ef_train_worker *worker);
float *ef_train_output_of(const ef_train_worker *worker);
float *ef_train_output_grad_of(const ef_train_worker *worker);

#endif
