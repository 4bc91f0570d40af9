/* Batch norms as part of the weights before them. */
#ifndef EF_NET_FOLD_NORM_H
#define EF_NET_FOLD_NORM_H

#include <stddef.h>

#include "net/net.h"

/* A network without the batch norms that alone read a conv, a dense, or such a batch
 * norm.  Channel by channel, with g = gamma / sqrt(variance + epsilon),
 *
 *     weights = g * weights,    bias = g * (bias - mean) + beta,
 *
 * in binary64, each value rounded once to float32 at the end.  Names of nodes and
 * parameters stay; the output keeps the format of the batch norm.
 *
 * The folded network computes the same function with other roundings, so its logits
 * differ in their last bits, and where the sums of a channel cancel, in more; they are
 * equal where every product and sum on the way is exact.  A variance below -epsilon
 * makes NaN of what it made NaN before.
 *
 * *n_folded: how many; 0 leaves a copy.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_net_fold_norms(ef_net **folded, const ef_net *net,
                                         size_t *n_folded, ef_error *err);

#endif
