/* What the files of the wide engine share: stored tensors as int32 (channels, height,
 * width), a box around what differs from the fault-free run in each of them. */
#ifndef EF_FAULTSIM_WIDE_PRIV_H
#define EF_FAULTSIM_WIDE_PRIV_H

#include "faultsim/quantized_priv.h"
#include "faultsim/rerun_priv.h"

/* Elements from[a] <= position < to[a] along channels, rows and columns; empty where
 * nothing lies between. */
typedef struct ef_wbox {
    uint32_t from[3], to[3];
} ef_wbox;

typedef struct ef_wide {
    ef_rerun base;
    const ef_qnet *qnet;
    size_t n_steps;     /* without views of the logits */
    ef_qplace *places;  /* (classes) elements of the last step */
    size_t *channel_at; /* (n_steps) of a step's first channel among those of all */
    size_t n_channels;
    /* the fault-free run, n images */
    float *images;  /* (n, channels, height, width) as they came */
    int32_t **kept; /* (n_steps - 1), each (n, channels, height, width) */
    /* sums of conv steps, each (n, channels, height, width): uint32_t or, where
     * accumulators are wider than 32 bits, uint64_t; not those that are held */
    void **sums; /* (n_steps) */
    size_t sum_size;
} ef_wide;

typedef struct ef_wide_worker {
    ef_rerun_worker base;
    const ef_wide *wide;
    ef_qnet qnet;       /* a copy, whose parameters are struck and mended */
    int32_t **now;      /* (n_steps - 1) the image in hand, as `kept` between faults */
    ef_wbox *boxes;     /* (n_steps - 1) around what differs from `kept` */
    ef_wbox *channels;  /* (n_channels) the same of each channel */
    uint8_t *is_dirty;  /* (n_steps) the scales of it are struck */
    uint8_t *is_struck; /* (n_channels) a weight or the bias is */
    size_t *n_struck;   /* (n_steps) of these flips */
    size_t image;
    int is_whole;            /* everything is computed again */
    int is_first;            /* and kept: the fault-free run */
    int by_differences;      /* sums of the conv step in hand are those kept and more */
    int32_t *differences;    /* of its input from `kept`, in channels' boxes */
    const ef_flip **flips;   /* of all faults, each by site, element and moment */
    const ef_flip **hitting; /* of one element */
    size_t flips_capacity;
    void *sums;      /* of rows of one channel, EF_WIDE_SUMS or a row of 64 bits */
    int64_t *fitted; /* of the widest step, one row */
    double *row;     /* of the widest step */
    struct ef_wspan *spans; /* (rows and columns of the largest kernel) */
    int64_t *output;        /* sums of the last step, where it is a convolution */
    double *logits;         /* (classes) */
} ef_wide_worker;

#define EF_WIDE_SUMS 4096

/* Where one row or column of a kernel lies on the input: outputs from `first` on, n of
 * them, the first at `position`. */
typedef struct ef_wspan {
    uint32_t first, n;
    size_t position;
} ef_wspan;

/* A network in integers of any format.  qnet is borrowed until the end.  EF_ERR_INPUT:
 * a logit is not finite.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_wide_create(ef_rerun **rerun, const ef_qnet *qnet,
                                      const ef_rerun_images *images, ef_error *err);

EF_NODISCARD ef_status ef_wide_worker_create(ef_rerun_worker **worker,
                                             const ef_rerun *rerun, ef_error *err);
void ef_wide_worker_destroy(ef_rerun_worker *worker);
EF_NODISCARD ef_status ef_wide_strike(ef_rerun_worker *worker, const ef_fault *faults,
                                      size_t n_faults, int is_whole);

/* Sites of all steps; wide_sites.c. */
EF_NODISCARD ef_status ef_wide_add_sites(ef_wide *wide, ef_error *err);

/* Puts an image of the fault-free run before the worker. */
void ef_wide_load(ef_wide_worker *worker, size_t image);
/* That image with flips (n), sorted, and parameters already struck; 0: nothing reaches
 * the logits, which are not written.  The worker's tensors are then the faulty ones. */
int ef_wide_run(ef_wide_worker *worker, const ef_flip *const *flips, size_t n,
                double *logits);
/* Back to the fault-free run. */
void ef_wide_mend(ef_wide_worker *worker);

/* Boxes; wide_box.c. */
ef_wbox ef_wbox_all(ef_shape shape);
int ef_wbox_is_empty(const ef_wbox *box);
void ef_wbox_unite(ef_wbox *box, const ef_wbox *more);
/* What a box of input k can change of a step's output. */
ef_wbox ef_wbox_reach(const ef_qnet *qnet, const ef_qstep *step, uint32_t k,
                      const ef_wbox *box);
/* The smallest box within `within` around what differs; channels: (channels) those of
 * each of them. */
ef_wbox ef_wbox_differing(ef_shape shape, const ef_wbox *within, const int32_t *a,
                          const int32_t *b, ef_wbox *channels);
void ef_wbox_copy(ef_shape shape, const ef_wbox *box, int32_t *to, const int32_t *from);

/* Sums of a channel of a conv step, rows [y, y + n_rows) and columns [x, x + n); rows
 * of them reach `take`, which may change them.  wide_conv.c. */
typedef void ef_wide_take(void *context, uint32_t y, int64_t *sums);
/* To be called first for each step of an image: chooses how sums in the box are made.
 */
void ef_wide_prepare(ef_wide_worker *worker, size_t step, const ef_wbox *box);
void ef_wide_sums(ef_wide_worker *worker, size_t step, uint32_t channel,
                  const ef_wbox *box, ef_wide_take *take, void *context);
/* One tap of a kernel, of all input channels. */
typedef struct ef_wide_tap {
    const int32_t *x;       /* what the first sum takes of the first channel */
    const int32_t *weights; /* of the first channel */
    size_t n_channels, x_pitch, weight_pitch;
    uint64_t less; /* taken off each sum: the zero point's share */
} ef_wide_tap;

/* Adds n sums' products modulo 2^64, their x side by side; the second is the naive one
 * of the two, equal bit for bit.  wide_taps.c. */
void ef_wide_add_tap(uint64_t *sums, size_t n, const ef_wide_tap *tap);
void ef_wide_add_tap_portable(uint64_t *sums, size_t n, const ef_wide_tap *tap);

/* Rounds n values in units of the output's scale, as ef_qround does each. */
void ef_wide_round(const ef_qstep *step, const double *values, size_t n, int32_t *to);

/* The sums of a channel that are kept of an image. */
static inline unsigned char *ef_wide_kept_sums(const ef_wide *wide, size_t step,
                                               size_t image, size_t channel)
{
    ef_shape shape = wide->qnet->steps[step].shape;
    size_t plane = (size_t)shape.height * shape.width;
    return (unsigned char *)wide->sums[step] +
           (image * shape.channels + channel) * plane * wide->sum_size;
}

static inline size_t ef_wide_at(ef_shape shape, uint32_t c, uint32_t y, uint32_t x)
{
    return ((size_t)c * shape.height + y) * shape.width + x;
}

#endif
