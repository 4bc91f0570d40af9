/* Forward execution with the statistics of the batch, as in training: slow and plain,
 * for tests. */
#ifndef EF_TESTS_BATCH_MODE_H
#define EF_TESTS_BATCH_MODE_H

#include "net/net.h"

/* Images (n, channels, height, width) to logits (n, classes); batch norms normalise
 * with mean and variance over the batch and all places, and store them as their
 * running statistics where keep is set.  Knows the operations of search spaces; asserts
 * by itself. */
void batch_mode_run(ef_net *net, const float *images, size_t n, float *logits,
                    int keep);

#endif
