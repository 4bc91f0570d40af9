/* Which tensors of a topology reach memory. */
#ifndef EF_NET_STORED_H
#define EF_NET_STORED_H

#include <stddef.h>
#include <stdint.h>

#include "net/topology.h"

typedef enum ef_stored {
    EF_STORED_NOT,        /* passed on inside a fused group, or only a view */
    EF_STORED_INPUT,      /* the image, normalised where a scale node follows */
    EF_STORED_ACTIVATION, /* the last output of a fused group, of a pooling ... */
    EF_STORED_OUTPUT      /* the logits: accumulators, never stored in a format */
} ef_stored;

/* Writes one ef_stored per node, shape (ef_topology_n_nodes).  A fused group is a
 * conv, dense, add, mul or div with the one batch norm (or scale) and then the one
 * activation that alone read it; what stands by itself is stored by itself.  Views
 * (concat, pad, slice, transpose, flatten, upsample, reshape) store nothing. */
void ef_topology_stored(const ef_topology *topology, uint8_t *stored);

/* Whether nodes of this operation are views. */
int ef_op_is_view(ef_op op);

#endif
