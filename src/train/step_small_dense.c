/* Dense layers of moderate size by the kernels of first layers: the images of a shard
 * are one row of pixels, the layer a 1x1 convolution.  For so few rows they are as
 * fast as oneDNN's matrix product, which takes 40 ms to get ready in each process. */
#include "train/plan_priv.h"

enum slots { TURNED, SCRATCH };

/* x (n, in) to y (n, out) */
static ef_train_direct get_shape(size_t n, size_t in, size_t out)
{
    return (ef_train_direct){.n = 1,
                             .h = 1,
                             .w = n,
                             .ic = in,
                             .oh = 1,
                             .ow = n,
                             .oc = out,
                             .kernel = {1, 1},
                             .stride = {1, 1}};
}

static ef_status prepare(ef_train_plan *plan, ef_train_step *step, ef_error *err)
{
    (void)err;
    static const ef_train_param turned = {.layout = EF_LAYOUT_HWIO};
    size_t count = (size_t)step->in.channels * step->shape.channels;
    size_t time = ef_train_backward_time(plan, step);
    ef_train_add_param_as(plan, step, EF_ROLE_WEIGHT, EF_RULE_DECAY_DESCEND, count,
                          &turned);
    ef_train_add_param(plan, step, EF_ROLE_BIAS, EF_RULE_DESCEND);
    step->needs_input = 1;
    step->needs_value = (unsigned char)ef_train_is_clamped(step);
    if (!ef_train_wants(plan, step, 0)) {
        return EF_OK;
    }
    step->slots[TURNED] = ef_train_add_buffer(plan, EF_SPACE_DERIVED, count, 0, 0);
    if (step->adds[0]) {
        step->slots[SCRATCH] = ef_train_add_buffer(
            plan, EF_SPACE_ARENA, ef_train_count(plan, step->in), time, time);
    }
    return EF_OK;
}

/* Weights (in, out) to (out, in), in blocks that share lines of the cache. */
static void refresh(ef_train_worker *worker, const ef_train_step *step)
{
    if (step->slots[TURNED] == EF_TRAIN_NONE) {
        return;
    }
    size_t in = step->in.channels, out = step->shape.channels;
    const float *from = ef_train_at(worker, step->params[EF_ROLE_WEIGHT]);
    float *to = ef_train_at(worker, step->slots[TURNED]);
    for (size_t first = 0; first < in; first += 16) {
        size_t end = first + 16 < in ? first + 16 : in;
        for (size_t o = 0; o < out; o++) {
            for (size_t i = first; i < end; i++) {
                to[o * in + i] = from[i * out + o];
            }
        }
    }
}

static void forward(ef_train_worker *worker, const ef_train_step *step)
{
    size_t bias = step->params[EF_ROLE_BIAS];
    ef_train_direct g =
        get_shape(worker->plan->n_images, step->in.channels, step->shape.channels);
    worker->plan->kernels->direct_forward(
        &g, ef_train_input(worker, step, 0),
        ef_train_at(worker, step->params[EF_ROLE_WEIGHT]),
        bias == EF_TRAIN_NONE ? NULL : ef_train_at(worker, bias), step->clamp,
        ef_train_at(worker, step->value), NULL);
}

static void send_back(ef_train_worker *worker, const ef_train_step *step,
                      const float *dy)
{
    const ef_train_kernels *kernels = worker->plan->kernels;
    const ef_train_clamp none = {-INFINITY, INFINITY};
    size_t scratch = step->slots[SCRATCH];
    float *dx = ef_train_input_grad(worker, step, 0);
    float *to = scratch == EF_TRAIN_NONE ? dx : ef_train_at(worker, scratch);
    ef_train_direct g =
        get_shape(worker->plan->n_images, step->shape.channels, step->in.channels);
    kernels->direct_forward(&g, dy, ef_train_at(worker, step->slots[TURNED]), NULL,
                            none, to, NULL);
    if (to != dx) {
        kernels->accumulate(ef_train_count(worker->plan, step->in), to, dx);
    }
}

static void backward(ef_train_worker *worker, const ef_train_step *step)
{
    ef_train_direct g =
        get_shape(worker->plan->n_images, step->in.channels, step->shape.channels);
    const float *dy = ef_train_at(worker, step->grad);
    ef_train_pass_clamp(worker, step);
    worker->plan->kernels->direct_gradient(
        &g, ef_train_input(worker, step, 0), dy,
        ef_train_param_grad(worker, step->params[EF_ROLE_WEIGHT]), NULL);
    ef_train_sum_bias(worker, step);
    if (ef_train_wants(worker->plan, step, 0)) {
        send_back(worker, step, dy);
    }
}

const ef_train_kind ef_train_small_dense = {prepare, refresh, forward, backward};
