/* What kernels_generic.c and kernels_avx2.c have in common: vectors, and the table.
 * They define LANES, FMA, VMAX, VMIN, KERNELS, KERNELS_NAME, HAS_CONV. */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int32_t mask __attribute__((vector_size(4 * LANES)));
/* The same anywhere in memory. */
typedef float vec_at __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE vec load(const float *p)
{
    return *(const vec_at *)p;
}

INLINE void store(float *p, vec v)
{
    *(vec_at *)p = v;
}

INLINE vec all(float x)
{
    return x - (vec){0};
}

INLINE vec select_vec(mask m, vec a, vec b)
{
    return (vec)((m & (mask)a) | (~m & (mask)b));
}

/* The first n lanes only. */
INLINE void store_part(float *p, vec v, size_t n)
{
    if (n == LANES) {
        store(p, v);
        return;
    }
    float lane[LANES];
    const float *from = lane;
    store(lane, v);
    for (size_t piece = LANES / 2; piece > 0; piece /= 2) {
        if (n & piece) {
            memcpy(p, from, piece * sizeof(float));
            p += piece;
            from += piece;
        }
    }
}

INLINE vec clamp_vec(vec v, vec low, vec high)
{
    return VMIN(high, VMAX(low, v)); /* in this order a NaN stays one */
}

/* g where low < v < high, 0 elsewhere. */
INLINE vec pass_vec(vec v, vec g, vec low, vec high)
{
    return (vec)((v > low) & (v < high) & (mask)g);
}

INLINE size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

#include "train/direct_body.h"
#include "train/norm_body.h"
#include "train/point_body.h"
#include "train/pool_body.h"
#include "train/depthwise_body.h"
#include "train/winograd_body.h"

const ef_train_kernels KERNELS = {
    .name = KERNELS_NAME,
    .has_conv = HAS_CONV,
    .winograd_fits = winograd_fits,
    .winograd_scratch = winograd_scratch,
    .winograd_size = winograd_size,
    .winograd_weights = winograd_weights,
    .winograd_turn = winograd_turn,
    .winograd_forward = winograd_forward,
    .winograd_gradient = winograd_gradient,
    .direct_scratch = direct_scratch,
    .direct_forward = direct_forward,
    .direct_gradient = direct_gradient,
    .depthwise_fits = depthwise_fits,
    .depthwise_scratch = depthwise_scratch,
    .depthwise_forward = depthwise_forward,
    .depthwise_backward = depthwise_backward,
    .depthwise_gradient = depthwise_gradient,
    .norm_moments = norm_moments,
    .norm_forward = norm_forward,
    .norm_sums = norm_sums,
    .norm_gradient = norm_gradient,
    .clamp = point_clamp,
    .add = point_add,
    .multiply = point_multiply,
    .pass = point_pass,
    .accumulate = point_accumulate,
    .accumulate_product = point_accumulate_product,
    .scale = row_scale,
    .column_sums = column_sums,
    .descend = descend,
    .max_forward = max_forward,
    .max_gradient = max_gradient,
    .average_forward = average_forward,
    .average_gradient = average_gradient,
};
