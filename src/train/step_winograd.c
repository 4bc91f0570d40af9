/* Convolution 3x3 at stride 1 by our Winograd kernels. */
#include "train/plan_priv.h"

#include <math.h>

enum slots { TRANSFORMED, TURNED, SCRATCH, BACKWARD_SCRATCH };

static ef_status prepare(ef_train_plan *plan, ef_train_step *step, ef_error *err)
{
    (void)err;
    static const ef_train_param hwio = {.layout = EF_LAYOUT_HWIO};
    const ef_train_kernels *kernels = plan->kernels;
    const ef_train_winograd *g = &step->winograd;
    size_t size = kernels->winograd_size(g), scratch = kernels->winograd_scratch(g);
    size_t time = ef_train_forward_time(step);
    ef_train_add_param_as(plan, step, EF_ROLE_WEIGHT, EF_RULE_DECAY_DESCEND,
                          9 * g->ic * g->oc, &hwio);
    ef_train_add_param(plan, step, EF_ROLE_BIAS, EF_RULE_DESCEND);
    step->slots[TRANSFORMED] = ef_train_add_buffer(plan, EF_SPACE_DERIVED, size, 0, 0);
    step->slots[SCRATCH] =
        ef_train_add_buffer(plan, EF_SPACE_ARENA, scratch, time, time);
    if (!plan->trains) {
        return EF_OK;
    }
    time = ef_train_backward_time(plan, step);
    step->slots[BACKWARD_SCRATCH] =
        ef_train_add_buffer(plan, EF_SPACE_ARENA, scratch, time, time);
    if (ef_train_wants(plan, step, 0)) {
        step->slots[TURNED] = ef_train_add_buffer(plan, EF_SPACE_DERIVED, size, 0, 0);
    }
    step->needs_input = 1;
    step->needs_value = (unsigned char)ef_train_is_clamped(step);
    return EF_OK;
}

static void refresh(ef_train_worker *worker, const ef_train_step *step)
{
    const ef_train_kernels *kernels = worker->plan->kernels;
    const ef_train_winograd *g = &step->winograd;
    const float *weights = ef_train_at(worker, step->params[EF_ROLE_WEIGHT]);
    kernels->winograd_weights(g, weights,
                              ef_train_at(worker, step->slots[TRANSFORMED]));
    if (step->slots[TURNED] != EF_TRAIN_NONE) {
        kernels->winograd_turn(g, weights, ef_train_at(worker, step->slots[TURNED]));
    }
}

static void forward(ef_train_worker *worker, const ef_train_step *step)
{
    size_t bias = step->params[EF_ROLE_BIAS];
    worker->plan->kernels->winograd_forward(
        &step->winograd, ef_train_input(worker, step, 0),
        ef_train_at(worker, step->slots[TRANSFORMED]),
        bias == EF_TRAIN_NONE ? NULL : ef_train_at(worker, bias), step->clamp, 0,
        ef_train_at(worker, step->value), ef_train_at(worker, step->slots[SCRATCH]));
}

static void backward(ef_train_worker *worker, const ef_train_step *step)
{
    const ef_train_kernels *kernels = worker->plan->kernels;
    static const ef_train_clamp none = {-INFINITY, INFINITY};
    float *grad = ef_train_at(worker, step->grad);
    float *scratch = ef_train_at(worker, step->slots[BACKWARD_SCRATCH]);
    ef_train_pass_clamp(worker, step);
    kernels->winograd_gradient(
        &step->winograd, ef_train_input(worker, step, 0), grad,
        ef_train_param_grad(worker, step->params[EF_ROLE_WEIGHT]), scratch);
    ef_train_sum_bias(worker, step);
    if (step->slots[TURNED] != EF_TRAIN_NONE) {
        ef_train_winograd back = ef_train_winograd_reverse(&step->winograd);
        kernels->winograd_forward(&back, grad, ef_train_at(worker, step->slots[TURNED]),
                                  NULL, none, step->adds[0],
                                  ef_train_input_grad(worker, step, 0), scratch);
    }
}

const ef_train_kind ef_train_winograd_conv = {prepare, refresh, forward, backward};
