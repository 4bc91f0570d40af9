/* Pooling, over windows or whole images. */
#include "train/plan_priv.h"

static int takes_maximum(const ef_train_step *step)
{
    return step->op->op == EF_OP_MAXPOOL || step->op->op == EF_OP_GLOBALMAX;
}

static ef_train_window get_window(const ef_train_plan *plan, const ef_train_step *step)
{
    ef_train_window g = {.n = plan->n_images,
                         .h = step->in.height,
                         .w = step->in.width,
                         .c = step->in.channels,
                         .oh = step->shape.height,
                         .ow = step->shape.width,
                         .kernel = {step->in.height, step->in.width},
                         .stride = {1, 1},
                         .dilation = {1, 1}};
    if (step->op->op == EF_OP_MAXPOOL || step->op->op == EF_OP_AVGPOOL) {
        const ef_pool *pool = &step->op->u.pool;
        for (size_t i = 0; i < 2; i++) {
            g.kernel[i] = pool->kernel[i];
            g.stride[i] = pool->stride[i];
            g.dilation[i] = pool->dilation[i];
        }
        g.top = pool->pad[0];
        g.left = pool->pad[1];
        g.bottom = pool->pad[2];
        g.right = pool->pad[3];
        g.count_pad = pool->count_include_pad != 0;
    }
    return g;
}

static ef_status prepare(ef_train_plan *plan, ef_train_step *step, ef_error *err)
{
    (void)plan;
    (void)err;
    step->needs_input = step->needs_value = (unsigned char)takes_maximum(step);
    return EF_OK;
}

static void forward(ef_train_worker *worker, const ef_train_step *step)
{
    ef_train_window g = get_window(worker->plan, step);
    const float *x = ef_train_input(worker, step, 0);
    float *y = ef_train_at(worker, step->value);
    if (takes_maximum(step)) {
        worker->plan->kernels->max_forward(&g, x, y);
    } else {
        worker->plan->kernels->average_forward(&g, x, y);
    }
}

static void backward(ef_train_worker *worker, const ef_train_step *step)
{
    ef_train_window g = get_window(worker->plan, step);
    const float *dy = ef_train_at(worker, step->grad);
    float *dx = ef_train_input_grad(worker, step, 0);
    ef_train_open_grad(worker, step, 0);
    if (takes_maximum(step)) {
        worker->plan->kernels->max_gradient(&g, ef_train_input(worker, step, 0),
                                            ef_train_at(worker, step->value), dy, dx);
    } else {
        worker->plan->kernels->average_gradient(&g, dy, dx);
    }
}

const ef_train_kind ef_train_pool = {prepare, NULL, forward, backward};
