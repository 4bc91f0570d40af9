/* Stochastic gradient descent with momentum and weight decay, in the form of
 *
 * [1] I. Sutskever, J. Martens, G. Dahl, G. Hinton, On the importance of
 *     initialization and momentum in deep learning, ICML 2013.
 * [2] I. Loshchilov, F. Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts,
 *     ICLR 2017, arXiv 1608.03983 (the cosine, here without restarts).
 *
 * We differ in: the velocity is not multiplied by the rate, so that it keeps its
 * meaning while the rate falls, as PyTorch has it. */
#include "train/descent_priv.h"

#include <math.h>

/* (1 + cos(pi x)) / 2 for x in [0, 1], by the series of the cosine at pi x / 2: the
 * same bits on every machine, which libm's are not. */
static double half_cosine(double x)
{
    double y = x * 1.5707963267948966, term = 1, sum = 1;
    for (int k = 1; k <= 10; k++) {
        term *= -y * y / (double)(2 * k * (2 * k - 1));
        sum += term;
    }
    return sum * sum;
}

double ef_descent_rate(const ef_train_options *options, size_t step, size_t n_steps,
                       size_t warmup)
{
    if (step < warmup) {
        return options->rate * (double)(step + 1) / (double)(warmup + 1);
    }
    if (options->is_constant) {
        return options->rate;
    }
    double x = (double)(step - warmup) / (double)(n_steps - warmup);
    return options->rate * half_cosine(x);
}

static void average(size_t n, const float *statistic, float share, float *running)
{
    const float keep = (float)EF_TRAIN_NORM_MOMENTUM;
    for (size_t i = 0; i < n; i++) {
        running[i] = keep * running[i] + (1 - keep) * (statistic[i] * share);
    }
}

void ef_descent_update(ef_train_plan *plan, const float *grads, float *velocity,
                       const ef_train_options *options, double rate, size_t n_shards)
{
    for (size_t i = 0; i < plan->n_params; i++) {
        const ef_train_buffer *b = &plan->buffers[plan->params[i].buffer];
        float *w = plan->weights + b->offset;
        const float *g = grads + b->offset;
        ef_train_rule rule = plan->params[i].rule;
        if (rule == EF_RULE_AVERAGE) {
            average(b->count, g, 1.0F / (float)n_shards, w);
        } else if (rule != EF_RULE_CONSTANT) {
            double decay = rule == EF_RULE_DECAY_DESCEND ? options->decay : 0;
            plan->kernels->descend(b->count, w, g, velocity + b->offset, (float)rate,
                                   (float)options->momentum, (float)decay);
        }
    }
}

int ef_descent_is_finite(const ef_train_plan *plan)
{
    for (size_t i = 0; i < plan->sizes[EF_SPACE_WEIGHTS]; i++) {
        if (!isfinite(plan->weights[i])) {
            return 0;
        }
    }
    return 1;
}
