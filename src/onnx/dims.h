/* Sizes of tensors as ONNX has them: any rank, as far as constants go. */
#ifndef EF_ONNX_DIMS_H
#define EF_ONNX_DIMS_H

#include <stddef.h>
#include <stdint.h>

#include "net/topology.h"
#include "onnx/constant.h"

#define EF_DIMS_MAX EF_CONSTANT_MAX_RANK

typedef struct ef_dims {
    size_t rank;
    int64_t size[EF_DIMS_MAX];
} ef_dims;

ef_dims ef_dims_of(const ef_constant *constant);

/* Product of the axes from `from` to before `to`; what does not fit in a tensor gives
 * EF_MAX_ELEMENTS + 1. */
int64_t ef_dims_product(const ef_dims *dims, size_t from, size_t to);
int64_t ef_dims_count(const ef_dims *dims);
int ef_dims_equal(const ef_dims *a, const ef_dims *b);

/* What a and b spread to when their last axes are laid upon each other and 1 stands
 * for any size; returns 0 where they do not fit. */
int ef_dims_broadcast(const ef_dims *a, const ef_dims *b, ef_dims *to);

/* dims without axis, with an axis of this size put in. */
void ef_dims_remove(ef_dims *dims, size_t axis);
void ef_dims_insert(ef_dims *dims, size_t axis, int64_t size);

/* The shape in which a topology holds an image of these dims: (C), (C, L) as
 * C x 1 x L, (C, H, W); higher ranks without leading ones, or else flat. */
ef_shape ef_dims_shape(const ef_dims *dims);

/* A shape, and the one of its axes that is an axis of dims. */
typedef struct ef_axis_view {
    ef_shape shape;
    size_t axis; /* 0: channels, 1: height, 2: width */
} ef_axis_view;

/* (outer, axis, inner) where ef_dims_shape has no such axis. */
ef_axis_view ef_dims_axis(const ef_dims *dims, size_t axis);

/* Three axes that move as order says, for a permutation of any rank: axes of size 1
 * left out, those that stay together merged.  *moves is 0 where no element moves.
 * Returns 0 where three axes do not do. */
int ef_dims_permute(const ef_dims *dims, const size_t *perm, uint32_t sizes[3],
                    uint32_t order[3], int *moves);

#endif
