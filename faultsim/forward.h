/* Float32 inference, exact: an output element is a function of its inputs only, with
 * the same bits for every batch size, thread count and instruction set.
 *
 * What is computed, in float32 throughout:
 * - conv and dense: one chain of fused multiply-adds per output element, in the order
 *   input channel, kernel row, kernel column, from +0; the bias is added last.  Taps
 *   in the padding are skipped, zeros are not, subnormals are kept.
 * - batch norm: (x - mean) * (gamma / sqrt(variance + epsilon)) + beta from the stored
 *   values; scale: x * scale + shift; no step fused.
 * - average pooling: the sum from +0 in row order, divided by the count.  Padding that
 *   counts does so only where the window lies on the padded input.
 * - relu is 0 > x ? 0 : x, clip the like of both bounds, max pooling keeps the first
 *   of equals: all pass NaN on.
 * - sigmoid and tanh by the polynomials of functions.h; add and mul from the first
 *   input to the last; div by IEEE 754, so that 0 / 0 is NaN and x / 0 infinite.
 * - softmax, along its axis: the largest element m as in max pooling, e = exp(x - m)
 *   by functions.h, the sum of all e in order from +0, then e / sum.  One NaN or one
 *   +infinity among them makes all of them NaN, and so do -infinities alone; beside
 *   finite values -infinity becomes 0.
 * - a NaN is stored as 0x7fc00000, also where an image brings it.  Biases and padding
 *   are finite or not as they come. */
#ifndef EF_FAULTSIM_FORWARD_H
#define EF_FAULTSIM_FORWARD_H

#include <stddef.h>

#include "base/status.h"
#include "net/net.h"

/* A network made ready to run: its weights packed, its memory planned. */
typedef struct ef_forward ef_forward;

/* Takes the values of net as they are now; later changes to them do not show.  net is
 * borrowed until the end.  max_batch: images that a call brings at most, so that
 * small batches lay out no room for large ones; 0: many.  One ef_forward serves one
 * thread at a time.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_forward_create(ef_forward **forward, const ef_net *net,
                                         size_t max_batch, ef_error *err);
/* Another one of the same network for another thread: weights shared, memory its
 * own.  The first must outlive it.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_forward_share(ef_forward **copy, const ef_forward *forward,
                                        ef_error *err);
void ef_forward_destroy(ef_forward *forward);

/* images: (n, channels, height, width), as they come, before any normalisation that
 * the network holds itself.  logits: (n, classes). */
void ef_forward_run(ef_forward *forward, const float *images, size_t n, float *logits);

/* Elements of one image, and of one row of logits. */
size_t ef_forward_image_size(const ef_forward *forward);
size_t ef_forward_classes(const ef_forward *forward);

/* The same by the definition, element by element.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_forward_naive(const ef_net *net, const float *images,
                                        size_t n, float *logits, ef_error *err);

/* The lowest index of the largest; a NaN is never the largest, and 0 is the answer
 * where there is nothing else. */
size_t ef_forward_argmax(const float *logits, size_t n);

#endif
