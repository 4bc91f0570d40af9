/* Batch norm [1], with the clamp that follows it, over the images of one shard.
 *
 * [1] S. Ioffe, C. Szegedy, Batch Normalization, ICML 2015, arXiv 1502.03167.
 *
 * The batch's statistics normalise with the biased variance; what goes to the running
 * statistics is the mean and the unbiased variance (n / (n - 1)), as in PyTorch.  They
 * travel as the "gradients" of the running ones: averaged over the shards of a batch
 * in shard order, then mixed in by the update (EF_RULE_AVERAGE). */
#include "train/plan_priv.h"

#include <math.h>

enum slots {
    MEAN,
    SCALE,
    INVERSE, /* 1 / sqrt(variance + epsilon) */
    SLOPE,   /* of the gradient, and its offset */
    OFFSET
};

static ef_status prepare(ef_train_plan *plan, ef_train_step *step, ef_error *err)
{
    (void)err;
    size_t channels = step->shape.channels, from = ef_train_forward_time(step);
    size_t to = plan->trains ? ef_train_backward_time(plan, step) : from;
    ef_train_add_param(plan, step, EF_ROLE_GAMMA, EF_RULE_DESCEND);
    ef_train_add_param(plan, step, EF_ROLE_BETA, EF_RULE_DESCEND);
    ef_train_add_param(plan, step, EF_ROLE_MEAN, EF_RULE_AVERAGE);
    ef_train_add_param(plan, step, EF_ROLE_VARIANCE, EF_RULE_AVERAGE);
    for (size_t i = MEAN; i <= INVERSE; i++) {
        step->slots[i] = ef_train_add_buffer(plan, EF_SPACE_ARENA, channels, from, to);
    }
    for (size_t i = SLOPE; i <= OFFSET; i++) {
        step->slots[i] = ef_train_add_buffer(plan, EF_SPACE_ARENA, channels, to, to);
    }
    step->needs_input = 1;
    return EF_OK;
}

/* Mean and variance of the shard; to the running statistics as well. */
static void measure(ef_train_worker *worker, const ef_train_step *step, const float *x,
                    float *mean, float *inverse)
{
    size_t channels = step->shape.channels;
    size_t rows = ef_train_rows(worker->plan, step->shape);
    double n = (double)rows, *sums = worker->sums, *squares = sums + channels;
    double unbiased = rows > 1 ? n / (n - 1) : 1;
    float *mean_out = ef_train_param_grad(worker, step->params[EF_ROLE_MEAN]);
    float *var_out = ef_train_param_grad(worker, step->params[EF_ROLE_VARIANCE]);
    worker->plan->kernels->norm_moments(rows, channels, x, sums, squares);
    for (size_t c = 0; c < channels; c++) {
        double shift = sums[c] / n;
        double variance = squares[c] / n - shift * shift;
        variance = variance < 0 ? 0 : variance;
        mean[c] = mean_out[c] = (float)((double)x[c] + shift);
        var_out[c] = (float)(variance * unbiased);
        inverse[c] =
            (float)(1 / sqrt(variance + (double)step->op->u.batchnorm.epsilon));
    }
}

static void recall(ef_train_worker *worker, const ef_train_step *step, float *mean,
                   float *inverse)
{
    const float *m = ef_train_at(worker, step->params[EF_ROLE_MEAN]);
    const float *v = ef_train_at(worker, step->params[EF_ROLE_VARIANCE]);
    for (size_t c = 0; c < step->shape.channels; c++) {
        mean[c] = m[c];
        inverse[c] =
            (float)(1 / sqrt((double)v[c] + (double)step->op->u.batchnorm.epsilon));
    }
}

static ef_train_norm get_norm(ef_train_worker *worker, const ef_train_step *step)
{
    return (ef_train_norm){ef_train_rows(worker->plan, step->shape),
                           step->shape.channels,
                           ef_train_at(worker, step->slots[MEAN]),
                           ef_train_at(worker, step->slots[SCALE]),
                           ef_train_at(worker, step->params[EF_ROLE_BETA]),
                           step->clamp};
}

static void forward(ef_train_worker *worker, const ef_train_step *step)
{
    const float *x = ef_train_input(worker, step, 0);
    const float *gamma = ef_train_at(worker, step->params[EF_ROLE_GAMMA]);
    float *mean = ef_train_at(worker, step->slots[MEAN]);
    float *inverse = ef_train_at(worker, step->slots[INVERSE]);
    float *scale = ef_train_at(worker, step->slots[SCALE]);
    if (worker->plan->trains) {
        measure(worker, step, x, mean, inverse);
    } else {
        recall(worker, step, mean, inverse);
    }
    for (size_t c = 0; c < step->shape.channels; c++) {
        scale[c] = gamma[c] * inverse[c];
    }
    ef_train_norm norm = get_norm(worker, step);
    worker->plan->kernels->norm_forward(&norm, x, ef_train_at(worker, step->value));
}

static void backward(ef_train_worker *worker, const ef_train_step *step)
{
    const ef_train_kernels *kernels = worker->plan->kernels;
    ef_train_norm norm = get_norm(worker, step);
    double n = (double)norm.rows, *sums = worker->sums;
    double *products = sums + norm.channels;
    const float *x = ef_train_input(worker, step, 0);
    const float *inverse = ef_train_at(worker, step->slots[INVERSE]);
    const float *dy = ef_train_at(worker, step->grad);
    float *slope = ef_train_at(worker, step->slots[SLOPE]);
    float *offset = ef_train_at(worker, step->slots[OFFSET]);
    float *dgamma = ef_train_param_grad(worker, step->params[EF_ROLE_GAMMA]);
    float *dbeta = ef_train_param_grad(worker, step->params[EF_ROLE_BETA]);
    kernels->norm_sums(&norm, x, dy, sums, products);
    for (size_t c = 0; c < norm.channels; c++) {
        double scale = (double)norm.scale[c], r = (double)inverse[c];
        dgamma[c] = (float)(products[c] * r);
        dbeta[c] = (float)sums[c];
        slope[c] = (float)(-scale * r * r * products[c] / n);
        offset[c] = (float)(-scale * sums[c] / n);
    }
    if (ef_train_wants(worker->plan, step, 0)) {
        kernels->norm_gradient(&norm, x, dy, slope, offset, step->adds[0],
                               ef_train_input_grad(worker, step, 0));
    }
}

const ef_train_kind ef_train_batchnorm = {prepare, NULL, forward, backward};
