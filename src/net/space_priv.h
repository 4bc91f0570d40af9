/* What the files of the search space share. */
#ifndef EF_NET_SPACE_PRIV_H
#define EF_NET_SPACE_PRIV_H

#include "net/space.h"

/* Names in YAML, in the order of the fields of ef_space, NULL at the end. */
extern const char *const ef_space_pools[];
extern const char *const ef_space_skips[];
extern const char *const ef_space_heads[];
extern const char *const ef_space_activations[];
extern const char *const ef_operator_names[];

void ef_space_clear_limits(ef_space *space);

/* Nodes as spaces have them, without inputs: a convolution without bias, padded to keep
 * height and width at stride 1; a pooling of one of the space's kinds with kernel and
 * stride size; the space's activation. */
ef_node ef_space_conv(uint32_t channels, uint32_t kernel, uint32_t stride);
ef_node ef_space_pool(ef_rng *rng, const ef_space *space, uint32_t size);
ef_node ef_space_activation(const ef_space *space);

int ef_space_allows_kernel(const ef_space *space, uint32_t kernel);
int ef_space_allows_stride(const ef_space *space, uint32_t stride);

#endif
