/* Off-chip traffic: what a buffer of limited size makes an accelerator fetch again.
 *
 * A feature map is kept in the buffer from the layer that writes it to its last reader,
 * or it lies in external memory.  The image, the logits and all weights lie there.
 *
 * A layer runs in tiles: of one group, k of its output channels, c of its input
 * channels, r of its output rows, whole rows.  What is not kept has its tile in the
 * room that the kept maps leave: inputs: c channels of the rows that r output rows
 * need, min(height, (r-1) * stride + kernel extent); weights and biases: k * c of them,
 * spread evenly over the channels; outputs: k * r rows at their width; of partial sums,
 * 32 bits each, where c is not all, kept or not. The loop over input channels is
 * innermost, so that partial sums never leave the chip; around it either the output
 * channels inside the rows (inputs stay), or the rows inside the output channels
 * (weights stay); groups are outermost.  A tile is fetched when it is another than the
 * last of its kind, with the rows that it shares with the one above (halo), without
 * those of the padding.  Outputs are written once.  k, c, r and the order are those of
 * the least traffic.
 *
 * Which maps are kept: one after the other in the order in which they are written, each
 * one that lowers the traffic of the layers from its first to its last use.  The model
 * is ours. */
#ifndef EF_OBJECTIVES_TRAFFIC_H
#define EF_OBJECTIVES_TRAFFIC_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "objectives/accelerator.h"
#include "objectives/workload.h"

/* Writes the off-chip bits of each layer, shape (n_layers), and which tensors are kept,
 * shape (n_tensors); topology: for the names in errors.  Takes about 1 us for each
 * layer of 32 rows; more, the longer tensors live.  EF_ERR_INPUT: not even the smallest
 * tile of a layer fits the buffer.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_traffic_plan(const ef_workload *workload,
                                       const ef_accelerator *accelerator,
                                       const ef_topology *topology, double *layer_bits,
                                       uint8_t *kept, ef_error *err);

#endif
