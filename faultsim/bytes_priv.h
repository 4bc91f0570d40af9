/* What the files of the rerun engine share. */
#ifndef EF_FAULTSIM_BYTES_PRIV_H
#define EF_FAULTSIM_BYTES_PRIV_H

#include "faultsim/flip_order.h"
#include "faultsim/int_kernels.h"
#include "faultsim/quantized_priv.h"
#include "faultsim/rerun_priv.h"

/* How the bytes of one image of a tensor lie; see int_kernels.h. */
typedef struct ef_rlayout {
    uint32_t border; /* pixels of zero points around */
    size_t pixel;    /* bytes */
    size_t row;
    size_t size;
    size_t origin; /* of pixel 0, 0 */
} ef_rlayout;

/* Output channels [out, out + n_out) of a convolution, from input channels [in, ...),
 * several groups of it together where they are small. */
typedef struct ef_rpart {
    ef_int_conv conv; /* weights and start: of the network as it is */
    size_t in, out, n_in, n_out;
    size_t weights_at, start_at; /* in the network's blocks of them */
} ef_rpart;

/* A step of the network, ready to run. */
typedef struct ef_rstep {
    const ef_qstep *q;
    ef_rlayout layout;
    int32_t offset; /* byte = integer + offset */
    uint8_t zero;   /* byte of the zero point */
    ef_rpart *parts;
    size_t n_parts;
    ptrdiff_t *taps;
    double *factors; /* (channels, and EF_INT_BLOCK more for the last part) */
    size_t weight_site, bias_site, value_site; /* SIZE_MAX: none */
    uint32_t *readers;                         /* (n_readers) steps */
    size_t n_readers;
    /* the fault-free run, n images */
    uint8_t *bytes;  /* (n, layout.size) */
    uint8_t *planes; /* (n, channels, height, width), the same integers */
    int32_t *acc;    /* (n, channels, height, width) of conv */
} ef_rstep;

typedef struct ef_bytes {
    ef_rerun base;
    const ef_qnet *qnet;
    const ef_int_kernels *kernels;
    ef_rstep *steps;
    size_t n_steps;         /* without views of the logits */
    unsigned char *weights; /* all packed weights */
    size_t weights_size;
    int32_t *starts;
    size_t n_starts;
} ef_bytes;

/* A step in a worker. */
typedef struct ef_rstate {
    const uint8_t *now; /* the image in hand: as it was, or changed */
    uint8_t *changed;   /* (layout.size), a copy once something differs */
    uint8_t *own;       /* its memory */
    uint32_t *pixels;   /* those that differ, y * width + x */
    size_t n_pixels;
    uint8_t *is_listed; /* (height * width) */
    ef_rpart *parts;    /* with the worker's weights */
} ef_rstate;

/* What a flip does to a parameter. */
typedef struct ef_bytes_change {
    int32_t value, delta; /* the integer it makes, and the change from before */
} ef_bytes_change;

typedef struct ef_bytes_worker {
    ef_rerun_worker base;
    const ef_bytes *rerun;
    ef_rstate *states; /* (n_steps) */
    unsigned char *weights;
    int32_t *starts;
    const ef_fault *fault;
    ef_flip_order order;      /* of its flips */
    ef_bytes_change *changes; /* (fault->n), of parameters */
    size_t changes_capacity;
    size_t image;
    int is_whole;   /* everything is computed again */
    int is_first;   /* and kept: the fault-free run */
    uint32_t *todo; /* pixels of a step to compute, room for 8 more */
    size_t n_todo;
    uint8_t *is_todo; /* (pixels, and 8 more) */
    const uint8_t **windows;
    int32_t *acc;       /* (chunk, channels of the largest part) */
    int32_t *plane_acc; /* of the largest plane, and so the next two */
    double *plane_factors;
    uint8_t *plane_bytes;
    uint8_t *row;  /* channels of the widest step */
    int32_t *sums; /* likewise */
    uint32_t last_pixel;
    double *logits; /* (classes) */
} ef_bytes_worker;

/* ef_rerun_create in bytes with the inner loops of one instruction set.
 * EF_ERR_UNSUPPORTED: formats that bytes do not hold. */
EF_NODISCARD ef_status ef_bytes_create(ef_rerun **rerun, const ef_qnet *qnet,
                                       const ef_rerun_images *images,
                                       const ef_int_kernels *kernels, ef_error *err);

EF_NODISCARD ef_status ef_bytes_worker_create(ef_rerun_worker **worker,
                                              const ef_rerun *rerun, ef_error *err);
void ef_bytes_worker_destroy(ef_rerun_worker *worker);
EF_NODISCARD ef_status ef_bytes_strike(ef_rerun_worker *worker, const ef_fault *faults,
                                       size_t n_faults, int is_whole);

/* Building; rerun_build.c. */
EF_NODISCARD ef_status ef_bytes_build(ef_bytes *rerun, ef_error *err);

/* Points parts of a step to weights and starts. */
void ef_rpart_bind(ef_rpart *part, const unsigned char *weights, const int32_t *starts);

/* Pixels of an image of a step. */
static inline size_t ef_rplane(const ef_rstep *step)
{
    return (size_t)step->q->shape.height * step->q->shape.width;
}

static inline size_t ef_rpixel(const ef_rlayout *layout, size_t y, size_t x)
{
    return layout->origin + y * layout->row + x * layout->pixel;
}

#endif
