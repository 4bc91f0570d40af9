/* Convolution of images with few channels, from which nothing is sent back. */
#include "train/plan_priv.h"

enum slots { SCRATCH, BACKWARD_SCRATCH };

static ef_status prepare(ef_train_plan *plan, ef_train_step *step, ef_error *err)
{
    (void)err;
    static const ef_train_param hwio = {.layout = EF_LAYOUT_HWIO};
    const ef_train_direct *g = &step->direct;
    size_t scratch = plan->kernels->direct_scratch(g);
    size_t time = ef_train_forward_time(step);
    ef_train_add_param_as(plan, step, EF_ROLE_WEIGHT, EF_RULE_DECAY_DESCEND,
                          g->kernel[0] * g->kernel[1] * g->ic * g->oc, &hwio);
    ef_train_add_param(plan, step, EF_ROLE_BIAS, EF_RULE_DESCEND);
    step->slots[SCRATCH] =
        ef_train_add_buffer(plan, EF_SPACE_ARENA, scratch, time, time);
    time = ef_train_backward_time(plan, step);
    step->slots[BACKWARD_SCRATCH] =
        ef_train_add_buffer(plan, EF_SPACE_ARENA, scratch, time, time);
    step->needs_input = 1;
    step->needs_value = (unsigned char)ef_train_is_clamped(step);
    return EF_OK;
}

static void forward(ef_train_worker *worker, const ef_train_step *step)
{
    size_t bias = step->params[EF_ROLE_BIAS];
    worker->plan->kernels->direct_forward(
        &step->direct, ef_train_input(worker, step, 0),
        ef_train_at(worker, step->params[EF_ROLE_WEIGHT]),
        bias == EF_TRAIN_NONE ? NULL : ef_train_at(worker, bias), step->clamp,
        ef_train_at(worker, step->value), ef_train_at(worker, step->slots[SCRATCH]));
}

static void backward(ef_train_worker *worker, const ef_train_step *step)
{
    ef_train_pass_clamp(worker, step);
    worker->plan->kernels->direct_gradient(
        &step->direct, ef_train_input(worker, step, 0), ef_train_at(worker, step->grad),
        ef_train_param_grad(worker, step->params[EF_ROLE_WEIGHT]),
        ef_train_at(worker, step->slots[BACKWARD_SCRATCH]));
    ef_train_sum_bias(worker, step);
}

const ef_train_kind ef_train_direct_conv = {prepare, NULL, forward, backward};
