/* The same elements in another order of axes: how a file holds what a network holds
 * otherwise, so that both can speak of one element. */
#ifndef EF_NET_LAYOUT_H
#define EF_NET_LAYOUT_H

#include <stdint.h>

/* Zeroed: the order is the same. */
typedef struct ef_layout {
    uint32_t n_dims;   /* 0: the same */
    uint32_t dims[4];  /* of the network's tensor, row-major */
    uint32_t order[4]; /* axis i of the file's is axis order[i] of the network's */
} ef_layout;

/* What a tensor (dims[0], ...) of the file becomes when axis order[i] of the file's is
 * axis i of the network's: that layout.  n_dims is at most 4. */
ef_layout ef_layout_of_turned(uint32_t n_dims, const uint32_t *dims,
                              const uint32_t *order);

/* A tensor in this layout, seen as a matrix (rows, columns), is transposed.  Returns 0
 * where a layout cannot say what comes of it. */
int ef_layout_transpose(ef_layout *layout, uint32_t rows, uint32_t columns);

/* The flat index in the file of the element with this flat index in the network, and
 * the other way; below the product of dims. */
uint64_t ef_layout_to_file(const ef_layout *layout, uint64_t index);
uint64_t ef_layout_from_file(const ef_layout *layout, uint64_t index);

#endif
