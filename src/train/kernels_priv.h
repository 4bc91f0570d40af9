/* The inner loops of training that are ours: everything but direct convolution and
 * matrix products, which are oneDNN's.
 *
 * Tensors are NHWC here, float32, so that channels are next to each other and every
 * loop runs over vectors of channels.  Each kernel is compiled once per instruction
 * set (kernels_generic.c, kernels_avx2.c).  All that pass over values keep a NaN,
 * unless a comment says otherwise.
 *
 * Reads may go up to EF_TRAIN_SLACK floats past the end of a tensor, and what they find
 * there reaches no result; nothing is written there. */
#ifndef EF_TRAIN_KERNELS_PRIV_H
#define EF_TRAIN_KERNELS_PRIV_H

#include <stddef.h>
#include <stdint.h>

#define EF_TRAIN_SLACK 16

/* A value v is clamped to [low, high]; its gradient passes where low < v < high. */
typedef struct ef_train_clamp {
    float low, high; /* -INFINITY, INFINITY: no clamp */
} ef_train_clamp;

/* A 3x3 convolution of stride 1: x (n, h, w, ic) to y (n, oh, ow, oc). */
typedef struct ef_train_winograd {
    size_t n, h, w, ic, oh, ow, oc;
    size_t top, left; /* padding with zeros, 0..2 */
    size_t tile;      /* 2 or 4: sides of the squares of y that are made at once */
    size_t chunk;     /* squares that are transformed at a time */
} ef_train_winograd;

/* A convolution of images with few channels: x (n, h, w, ic) to y (n, oh, ow, oc). */
typedef struct ef_train_direct {
    size_t n, h, w, ic, oh, ow, oc;
    size_t kernel[2], stride[2];
    size_t top, left, bottom, right; /* padding with zeros */
} ef_train_direct;

/* The convolution that takes gradients back: x and y, and so the channels, exchanged.
 */
static inline ef_train_winograd ef_train_winograd_reverse(const ef_train_winograd *g)
{
    ef_train_winograd back = *g;
    back.h = g->oh;
    back.w = g->ow;
    back.ic = g->oc;
    back.oh = g->h;
    back.ow = g->w;
    back.oc = g->ic;
    back.top = 2 - g->top;
    back.left = 2 - g->left;
    return back;
}

/* A window sliding over x (n, h, w, c) to y (n, oh, ow, c). */
typedef struct ef_train_window {
    size_t n, h, w, c, oh, ow;
    size_t kernel[2], stride[2], dilation[2];
    size_t top, left, bottom, right; /* padding */
    int count_pad; /* average over the whole window, not over what lies inside */
} ef_train_window;

/* Batch norm of rows (rows, channels): (x - mean) * scale + shift, then the clamp.
 * Each array has shape (channels). */
typedef struct ef_train_norm {
    size_t rows, channels;
    const float *mean, *scale, *shift;
    ef_train_clamp clamp;
} ef_train_norm;

typedef struct ef_train_kernels {
    const char *name;
    int has_conv; /* its convolutions are faster than oneDNN's, where they fit */

    /* --- Winograd convolution, winograd_body.h --------------------------------- */
    /* Whether these kernels can do it; fills in tile and chunk. */
    int (*winograd_fits)(ef_train_winograd *g);
    /* Floats of scratch that forward and backward need. */
    size_t (*winograd_scratch)(const ef_train_winograd *g);
    /* Floats of transformed weights. */
    size_t (*winograd_size)(const ef_train_winograd *g);
    /* Weights (3, 3, ic, oc) to transformed ones; to those of the convolution that
     * takes gradients back, which has the same tile and chunk. */
    void (*winograd_weights)(const ef_train_winograd *g, const float *w, float *u);
    void (*winograd_turn)(const ef_train_winograd *g, const float *w, float *turned);
    /* y = clamp(conv(x) + bias), or y += conv(x) where add is set; bias may be NULL. */
    void (*winograd_forward)(const ef_train_winograd *g, const float *x, const float *u,
                             const float *bias, ef_train_clamp clamp, int add, float *y,
                             float *scratch);
    /* dw (3, 3, ic, oc), written. */
    void (*winograd_gradient)(const ef_train_winograd *g, const float *x,
                              const float *dy, float *dw, float *scratch);

    /* --- convolution of few channels, direct_body.h ------------------------------- */
    /* weights (kh, kw, ic, oc), dw likewise; scratch of direct_scratch floats. */
    size_t (*direct_scratch)(const ef_train_direct *g);
    void (*direct_forward)(const ef_train_direct *g, const float *x, const float *w,
                           const float *bias, ef_train_clamp clamp, float *y,
                           float *scratch);
    void (*direct_gradient)(const ef_train_direct *g, const float *x, const float *dy,
                            float *dw, float *scratch);

    /* --- convolution of each channel by itself, depthwise_body.h --------------------
     */
    /* weights (kh, kw, c), dw likewise; bias may be NULL; added to dx; scratch of
     * depthwise_scratch floats. */
    int (*depthwise_fits)(const ef_train_window *g);
    size_t (*depthwise_scratch)(const ef_train_window *g);
    void (*depthwise_forward)(const ef_train_window *g, const float *x, const float *w,
                              const float *bias, ef_train_clamp clamp, float *y,
                              float *scratch);
    void (*depthwise_backward)(const ef_train_window *g, const float *dy,
                               const float *w, float *dx, float *scratch);
    void (*depthwise_gradient)(const ef_train_window *g, const float *x,
                               const float *dy, float *dw, float *scratch);

    /* --- batch norm, norm_body.h ------------------------------------------------ */
    /* sums and squares (channels): of x minus the first row. */
    void (*norm_moments)(size_t rows, size_t channels, const float *x, double *sums,
                         double *squares);
    void (*norm_forward)(const ef_train_norm *norm, const float *x, float *y);
    /* With g = dy where the clamp passes and 0 elsewhere: sums of g, and of
     * g * (x - mean). */
    void (*norm_sums)(const ef_train_norm *norm, const float *x, const float *dy,
                      double *sums, double *products);
    /* dx = g * scale + (x - mean) * slope + offset, written or added. */
    void (*norm_gradient)(const ef_train_norm *norm, const float *x, const float *dy,
                          const float *slope, const float *offset, int add, float *dx);

    /* --- element by element, point_body.h --------------------------------------- */
    /* y = clamp(x), y = clamp(a + b), y = a * b */
    void (*clamp)(size_t n, const float *x, ef_train_clamp clamp, float *y);
    void (*add)(size_t n, const float *a, const float *b, ef_train_clamp clamp,
                float *y);
    void (*multiply)(size_t n, const float *a, const float *b, float *y);
    /* dx = dy where low < y < high, else 0; written or added.  dx may be dy. */
    void (*pass)(size_t n, const float *y, const float *dy, ef_train_clamp clamp,
                 int add, float *dx);
    /* y += x; y += a * b */
    void (*accumulate)(size_t n, const float *x, float *y);
    void (*accumulate_product)(size_t n, const float *a, const float *b, float *y);
    /* (rows, channels): y = x * scale + shift; shift NULL: 0; written or added. */
    void (*scale)(size_t rows, size_t channels, const float *x, const float *scale,
                  const float *shift, int add, float *y);
    /* sums (channels) of (rows, channels). */
    void (*column_sums)(size_t rows, size_t channels, const float *x, double *sums);
    /* v = momentum v + (g + decay w), w -= rate v */
    void (*descend)(size_t n, float *w, const float *g, float *v, float rate,
                    float momentum, float decay);

    /* --- pooling, pool_body.h ----------------------------------------------------- */
    /* A NaN among numbers may get lost. */
    void (*max_forward)(const ef_train_window *g, const float *x, float *y);
    /* Added to dx, for the first of equals. */
    void (*max_gradient)(const ef_train_window *g, const float *x, const float *y,
                         const float *dy, float *dx);
    void (*average_forward)(const ef_train_window *g, const float *x, float *y);
    /* Added to dx. */
    void (*average_gradient)(const ef_train_window *g, const float *dy, float *dx);
} ef_train_kernels;

extern const ef_train_kernels ef_train_kernels_generic;
#if defined(__x86_64__)
#define EF_HAVE_AVX2 1
extern const ef_train_kernels ef_train_kernels_avx2;
#endif

/* Those of the instruction set in effect (train/isa.h). */
const ef_train_kernels *ef_train_kernels_get(void);

#endif
