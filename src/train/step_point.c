/* Operations element by element: add, mul, scale. */
#include "train/plan_priv.h"

#include <math.h>
#include <string.h>

static const ef_train_clamp no_clamp = {-INFINITY, INFINITY};

/* --- add -----------------------------------------------------------------------------
 */

static ef_status prepare_add(ef_train_plan *plan, ef_train_step *step, ef_error *err)
{
    (void)plan;
    (void)err;
    step->needs_value = (unsigned char)ef_train_is_clamped(step);
    return EF_OK;
}

static void forward_add(ef_train_worker *worker, const ef_train_step *step)
{
    const ef_train_kernels *kernels = worker->plan->kernels;
    size_t n = ef_train_count(worker->plan, step->shape);
    const float *sum = ef_train_input(worker, step, 0);
    float *y = ef_train_at(worker, step->value);
    for (size_t i = 1; i < step->n_inputs; i++) {
        kernels->add(n, sum, ef_train_input(worker, step, i),
                     i + 1 < step->n_inputs ? no_clamp : step->clamp, y);
        sum = y;
    }
}

static void backward_add(ef_train_worker *worker, const ef_train_step *step)
{
    const ef_train_plan *plan = worker->plan;
    size_t n = ef_train_count(plan, step->shape);
    const float *grad = ef_train_at(worker, step->grad);
    for (size_t i = 0; i < step->n_inputs; i++) {
        if (!ef_train_wants(plan, step, i)) {
            continue;
        }
        float *to = ef_train_input_grad(worker, step, i);
        if (ef_train_is_clamped(step)) {
            plan->kernels->pass(n, ef_train_at(worker, step->value), grad, step->clamp,
                                step->adds[i], to);
        } else if (step->adds[i]) {
            plan->kernels->accumulate(n, grad, to);
        } else {
            memcpy(to, grad, n * sizeof(float));
        }
    }
}

const ef_train_kind ef_train_add = {prepare_add, NULL, forward_add, backward_add};

/* --- mul: of equal shapes, or a gate of one value per channel ----------------------
 */

static ef_status prepare_mul(ef_train_plan *plan, ef_train_step *step, ef_error *err)
{
    (void)plan;
    (void)err;
    step->needs_input = 1;
    return EF_OK;
}

static int is_gate(const ef_train_plan *plan, const ef_train_step *step, size_t i)
{
    return !ef_shape_equal(plan->steps[step->inputs[i]].shape, step->shape);
}

static void forward_mul(ef_train_worker *worker, const ef_train_step *step)
{
    const ef_train_plan *plan = worker->plan;
    size_t channels = step->shape.channels;
    size_t gate = is_gate(plan, step, 0) ? 0 : 1;
    const float *a = ef_train_input(worker, step, 1 - gate);
    const float *b = ef_train_input(worker, step, gate);
    float *y = ef_train_at(worker, step->value);
    if (!is_gate(plan, step, gate)) {
        plan->kernels->multiply(ef_train_count(plan, step->shape), a, b, y);
        return;
    }
    size_t rows = (size_t)step->shape.height * step->shape.width;
    for (size_t i = 0; i < plan->n_images; i++) {
        plan->kernels->scale(rows, channels, a, b, NULL, 0, y);
        a += rows * channels;
        y += rows * channels;
        b += channels;
    }
}

/* The gradient of the gate: sums over each image. */
static void backward_gate(ef_train_worker *worker, const ef_train_step *step,
                          size_t gate)
{
    size_t channels = step->shape.channels;
    size_t rows = (size_t)step->shape.height * step->shape.width;
    const float *image = ef_train_input(worker, step, 1 - gate);
    const float *dy = ef_train_at(worker, step->grad);
    float *dgate = ef_train_input_grad(worker, step, gate);
    ef_train_open_grad(worker, step, gate);
    for (size_t i = 0; i < worker->plan->n_images; i++, dgate += channels) {
        for (size_t r = 0; r < rows; r++, image += channels, dy += channels) {
            worker->plan->kernels->accumulate_product(channels, image, dy, dgate);
        }
    }
}

/* The gradient of the image that is gated. */
static void backward_gated(ef_train_worker *worker, const ef_train_step *step,
                           size_t gate)
{
    size_t channels = step->shape.channels;
    size_t rows = (size_t)step->shape.height * step->shape.width;
    const float *values = ef_train_input(worker, step, gate);
    const float *dy = ef_train_at(worker, step->grad);
    float *dx = ef_train_input_grad(worker, step, 1 - gate);
    for (size_t i = 0; i < worker->plan->n_images; i++, values += channels) {
        worker->plan->kernels->scale(rows, channels, dy, values, NULL,
                                     step->adds[1 - gate], dx);
        dy += rows * channels;
        dx += rows * channels;
    }
}

static void backward_mul(ef_train_worker *worker, const ef_train_step *step)
{
    const ef_train_plan *plan = worker->plan;
    for (size_t i = 0; i < 2; i++) {
        if (!ef_train_wants(plan, step, i)) {
            continue;
        }
        if (is_gate(plan, step, i)) {
            backward_gate(worker, step, i);
        } else if (is_gate(plan, step, 1 - i)) {
            backward_gated(worker, step, 1 - i);
        } else {
            ef_train_open_grad(worker, step, i);
            plan->kernels->accumulate_product(
                ef_train_count(plan, step->shape), ef_train_input(worker, step, 1 - i),
                ef_train_at(worker, step->grad), ef_train_input_grad(worker, step, i));
        }
    }
}

const ef_train_kind ef_train_mul = {prepare_mul, NULL, forward_mul, backward_mul};

/* --- scale: constants, a normalisation ----------------------------------------------
 */

static ef_status prepare_scale(ef_train_plan *plan, ef_train_step *step, ef_error *err)
{
    (void)err;
    ef_train_add_param(plan, step, EF_ROLE_SCALE, EF_RULE_CONSTANT);
    ef_train_add_param(plan, step, EF_ROLE_SHIFT, EF_RULE_CONSTANT);
    return EF_OK;
}

static void forward_scale(ef_train_worker *worker, const ef_train_step *step)
{
    worker->plan->kernels->scale(ef_train_rows(worker->plan, step->shape),
                                 step->shape.channels, ef_train_input(worker, step, 0),
                                 ef_train_at(worker, step->params[EF_ROLE_SCALE]),
                                 ef_train_at(worker, step->params[EF_ROLE_SHIFT]), 0,
                                 ef_train_at(worker, step->value));
}

static void backward_scale(ef_train_worker *worker, const ef_train_step *step)
{
    worker->plan->kernels->scale(ef_train_rows(worker->plan, step->shape),
                                 step->shape.channels, ef_train_at(worker, step->grad),
                                 ef_train_at(worker, step->params[EF_ROLE_SCALE]), NULL,
                                 step->adds[0], ef_train_input_grad(worker, step, 0));
}

const ef_train_kind ef_train_scale = {prepare_scale, NULL, forward_scale,
                                      backward_scale};
