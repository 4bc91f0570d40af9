/* The least and the largest value of every tensor of a network over images, in float32
 * execution: what formats are fitted to. */
#ifndef EF_FAULTSIM_RANGES_H
#define EF_FAULTSIM_RANGES_H

#include <stddef.h>

#include "base/status.h"
#include "net/net.h"

typedef struct ef_range {
    float low, high; /* low > high: nothing was seen */
} ef_range;

/* By node of the topology. */
typedef struct ef_ranges {
    ef_range *nodes; /* (n) */
    size_t n;
} ef_ranges;

/* images: (n, channels, height, width), as ef_forward_run takes them.
 * EF_ERR_INPUT: a value on the way is not finite, with the node's name; no image.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_ranges_create(ef_ranges **ranges, const ef_net *net,
                                        const float *images, size_t n, size_t n_threads,
                                        ef_error *err);
void ef_ranges_destroy(ef_ranges *ranges);

#endif
