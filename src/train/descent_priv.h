/* Updates of the parameters of a plan. */
#ifndef EF_TRAIN_DESCENT_PRIV_H
#define EF_TRAIN_DESCENT_PRIV_H

#include "train/plan_priv.h"
#include "train/train.h"

/* The learning rate of update `step` of n_steps, of which warmup come first. */
double ef_descent_rate(const ef_train_options *options, size_t step, size_t n_steps,
                       size_t warmup);

/* One update of plan->weights; grads: sums over n_shards shards (statistics are sums
 * as well, and are averaged here).  velocity has the size of the weights. */
void ef_descent_update(ef_train_plan *plan, const float *grads, float *velocity,
                       const ef_train_options *options, double rate, size_t n_shards);

/* Whether every parameter is finite. */
int ef_descent_is_finite(const ef_train_plan *plan);

#endif
