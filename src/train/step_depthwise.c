/* Convolution of each channel by itself. */
#include "train/plan_priv.h"

enum slots { SCRATCH, BACKWARD_SCRATCH };

static ef_train_window get_window(const ef_train_plan *plan, const ef_train_step *step)
{
    const ef_conv *c = &step->op->u.conv;
    return (ef_train_window){.n = plan->n_images,
                             .h = step->in.height,
                             .w = step->in.width,
                             .c = step->in.channels,
                             .oh = step->shape.height,
                             .ow = step->shape.width,
                             .kernel = {c->kernel[0], c->kernel[1]},
                             .stride = {c->stride[0], c->stride[1]},
                             .dilation = {c->dilation[0], c->dilation[1]},
                             .top = c->pad[0],
                             .left = c->pad[1],
                             .bottom = c->pad[2],
                             .right = c->pad[3]};
}

/* oneDNN is the faster one at plain 3x3 kernels, and many times slower elsewhere:
 * there it has no weight gradient for them but a general one. */
static int is_plain(const ef_train_window *g)
{
    return g->kernel[0] == 3 && g->kernel[1] == 3 && g->dilation[0] == 1 &&
           g->dilation[1] == 1 && g->h >= 3 && g->w >= 3;
}

int ef_train_fits_depthwise(const ef_train_plan *plan, const ef_train_step *step)
{
    ef_train_window g = get_window(plan, step);
    return step->op->u.conv.groups == g.c && step->shape.channels == g.c &&
           !is_plain(&g) && plan->kernels->depthwise_fits(&g);
}

static ef_status prepare(ef_train_plan *plan, ef_train_step *step, ef_error *err)
{
    (void)err;
    static const ef_train_param hwio = {.layout = EF_LAYOUT_HWIO};
    ef_train_window g = get_window(plan, step);
    ef_train_add_param_as(plan, step, EF_ROLE_WEIGHT, EF_RULE_DECAY_DESCEND,
                          g.kernel[0] * g.kernel[1] * g.c, &hwio);
    ef_train_add_param(plan, step, EF_ROLE_BIAS, EF_RULE_DESCEND);
    size_t scratch = plan->kernels->depthwise_scratch(&g);
    size_t time = ef_train_forward_time(step);
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
    ef_train_window g = get_window(worker->plan, step);
    worker->plan->kernels->depthwise_forward(
        &g, ef_train_input(worker, step, 0),
        ef_train_at(worker, step->params[EF_ROLE_WEIGHT]),
        bias == EF_TRAIN_NONE ? NULL : ef_train_at(worker, bias), step->clamp,
        ef_train_at(worker, step->value), ef_train_at(worker, step->slots[SCRATCH]));
}

static void backward(ef_train_worker *worker, const ef_train_step *step)
{
    const ef_train_kernels *kernels = worker->plan->kernels;
    ef_train_window g = get_window(worker->plan, step);
    const float *dy = ef_train_at(worker, step->grad);
    size_t weights = step->params[EF_ROLE_WEIGHT];
    float *scratch = ef_train_at(worker, step->slots[BACKWARD_SCRATCH]);
    ef_train_pass_clamp(worker, step);
    kernels->depthwise_gradient(&g, ef_train_input(worker, step, 0), dy,
                                ef_train_param_grad(worker, weights), scratch);
    ef_train_sum_bias(worker, step);
    if (ef_train_wants(worker->plan, step, 0)) {
        ef_train_open_grad(worker, step, 0);
        kernels->depthwise_backward(&g, dy, ef_train_at(worker, weights),
                                    ef_train_input_grad(worker, step, 0), scratch);
    }
}

const ef_train_kind ef_train_depthwise_conv = {prepare, NULL, forward, backward};
