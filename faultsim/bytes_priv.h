/* What the files of the engine for integers of at most 8 bits share.
 *
 * A worker holds one image of every step.  What a fault changes is written there,
 * listed against the fault-free run as differences of groups of channels, and taken
 * back before the next fault.  A convolution adds to the fault-free sums what the
 * differences bring, pixel by pixel, or makes the sums of a pixel anew where that takes
 * less. */
#ifndef EF_FAULTSIM_BYTES_PRIV_H
#define EF_FAULTSIM_BYTES_PRIV_H

#include "faultsim/int_kernels.h"
#include "faultsim/quantized_priv.h"
#include "faultsim/rerun_priv.h"

/* How one image of a tensor lies, by pixels (channels innermost) and as planes, both
 * with a border of zero points; see int_kernels.h. */
typedef struct ef_blayout {
    uint32_t border; /* pixels around */
    size_t width;    /* pixels of a row, border included */
    size_t n_pixels; /* likewise, of an image */
    size_t pixel;    /* bytes */
    size_t size;     /* bytes of an image by pixels */
    size_t plane;    /* bytes of a plane */
} ef_blayout;

/* Output channels [out, out + n_out) of a convolution, from input channels [in, ...),
 * several groups of it together where they are small. */
typedef struct ef_bpart {
    ef_int_conv conv; /* weights and start: of the network as it is */
    size_t in, out, n_in, n_out;
    size_t weights_at, start_at; /* in the network's blocks of them */
} ef_bpart;

/* A step of the network, ready to run. */
typedef struct ef_bstep {
    const ef_qstep *q;
    ef_blayout layout;
    int32_t offset; /* byte = integer + offset */
    uint8_t zero;   /* byte of the zero point */
    ef_int_rounding rounding;
    ef_bpart *parts;
    size_t n_parts;
    /* by pixel, y * width + x: its row and column, its place, and for conv the place of
     * its window's first tap in the input */
    uint16_t (*spots)[2];
    uint32_t *places;
    uint32_t *corners;
    ptrdiff_t *taps;      /* (n_taps) bytes from a window's first tap */
    uint32_t *tap_pixels; /* (n_taps) likewise pixels */
    size_t n_taps;
    ef_int_run *runs; /* (n_runs) the same taps, those beside each other together */
    size_t n_runs;
    size_t acc_pixel; /* sums of a pixel: those of all parts */
    double *factors;  /* (channels, and EF_INT_BLOCK more for the last part) */
    float *quick;     /* the same */
    size_t weight_site, bias_site, value_site, sum_site; /* SIZE_MAX: none */
    uint32_t last_reader;                                /* step; 0: none */
    /* the fault-free run, n images */
    uint8_t *bytes;     /* (n, layout.size) */
    uint8_t *planes;    /* (n, channels, layout.plane), the same integers */
    int32_t *acc;       /* conv: (n, height * width, acc_pixel) */
    int32_t *plane_acc; /* conv: (n, channels, height * width) */
} ef_bstep;

typedef struct ef_bytes {
    ef_rerun base;
    const ef_qnet *qnet;
    const ef_int_kernels *kernels;
    ef_bstep *steps;
    size_t n_steps;         /* without views of the logits */
    unsigned char *weights; /* all packed weights */
    size_t weights_size;
    int32_t *starts;
    size_t n_starts;
} ef_bytes;

/* A step in a worker. */
typedef struct ef_bstate {
    uint8_t *now;        /* (layout.size) the image in hand */
    uint64_t *touched;   /* a bit for each pixel (of ef_bwords words): was written */
    int is_touched;      /* one was */
    uint64_t *differing; /* likewise: differs */
    uint32_t *pixels;    /* (n_pixels) those that differ, ascending */
    size_t n_pixels;
    ef_int_tensor differs; /* valid where n_pixels > 0 */
    ef_bpart *parts;       /* with the worker's weights */
} ef_bstate;

/* What a flip of a parameter is in numbers. */
typedef struct ef_bhit {
    size_t channel; /* of the output */
    size_t in;      /* weights: input channel of the step before */
    size_t tap;
    int32_t delta; /* the parameter changes by */
    int is_bias;
} ef_bhit;

/* A flip of a parameter, to be sorted. */
typedef struct ef_bflip {
    uint32_t site, number; /* in the fault */
    uint64_t index;
} ef_bflip;

typedef struct ef_bytes_worker {
    ef_rerun_worker base;
    const ef_bytes *rerun;
    ef_bstate *states; /* (n_steps) */
    unsigned char *weights;
    int32_t *starts;
    ef_bhit *hits; /* (n_hits) of the parameters of the faults in hand */
    size_t hits_capacity;
    /* the fault in hand: its flips by site, and where those of each begin; or all of
     * only_site, which is SIZE_MAX else */
    const ef_fault *fault;
    const ef_bhit *fault_hits; /* (fault->n) */
    size_t only_site;
    uint32_t *order;    /* (fault->n) */
    size_t *site_first; /* (n_sites + 1) */
    size_t order_capacity;
    ef_bflip *flips;   /* (order_capacity) */
    uint32_t *hitting; /* (n_hitting) flips of a site and image, as they stand */
    size_t n_hitting;
    size_t image;     /* in states; SIZE_MAX: none */
    int is_whole;     /* everything is computed again */
    int is_first;     /* and sums are kept: the fault-free run */
    uint64_t *needed; /* pixels of a step to compute, as bits */
    uint32_t *todo;   /* (n_todo) and as numbers, ascending */
    size_t n_todo;
    uint64_t *rows;          /* (height) of bits */
    uint32_t *dense;         /* (pixels) those whose sums are made anew */
    uint32_t *places;        /* (pixels) room for a list */
    const uint8_t **windows; /* (EF_BYTES_CHUNK) */
    uint8_t **outs;          /* likewise */
    int32_t *acc;            /* (chunk, sums of a pixel of the largest part) */
    int32_t *plane_acc;      /* of the largest plane, and so the next four */
    double *plane_factors;
    float *plane_quick;
    uint8_t *plane_bytes;
    uint8_t *plane_x;
    uint8_t *row;   /* channels of the widest step */
    int32_t *sums;  /* likewise */
    double *logits; /* (classes) */
} ef_bytes_worker;

#define EF_BYTES_CHUNK 40 /* pixels whose sums are made together */
#define EF_BYTES_SLACK 64 /* bytes behind an image that kernels may read or write */

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

/* Building; bytes_build.c. */
EF_NODISCARD ef_status ef_bytes_build(ef_bytes *rerun, ef_error *err);
/* Points parts of a step to weights and starts. */
void ef_bpart_bind(ef_bpart *part, const unsigned char *weights, const int32_t *starts);

/* --- what differs; bytes_change.c, bytes_need.c ----------------------------------- */

/* The bytes of a pixel of a step, which the caller writes. */
uint8_t *ef_bytes_touch(ef_bytes_worker *w, size_t step, uint32_t pixel);
/* The bits that are set, ascending; returns how many. */
size_t ef_bytes_list_bits(const uint64_t *bits, size_t n_words, uint32_t *numbers);
/* Finds what differs of a step's pixels that were written. */
void ef_bytes_collect(ef_bytes_worker *w, size_t step);
/* The image as it was: of one step that differs, or of another image. */
void ef_bytes_restore(ef_bytes_worker *w, size_t step);
void ef_bytes_enter(ef_bytes_worker *w, size_t image);
/* The pixels of a step that its inputs' differences reach, in todo: they are to be
 * written. */
void ef_bytes_find_todo(ef_bytes_worker *w, size_t step);
int ef_bytes_differs(const ef_bytes_worker *w, size_t step); /* whether an input does */

/* --- faults; bytes_param.c -------------------------------------------------------- */

/* How many flips strike a site (or none, SIZE_MAX), and the i-th of them. */
static inline size_t ef_bytes_n_flips(const ef_bytes_worker *w, size_t site)
{
    if (w->only_site != SIZE_MAX) {
        return site == w->only_site ? w->fault->n : 0;
    }
    return site == SIZE_MAX ? 0 : w->site_first[site + 1] - w->site_first[site];
}

static inline uint32_t ef_bytes_flip(const ef_bytes_worker *w, size_t site, size_t i)
{
    return w->only_site != SIZE_MAX ? (uint32_t)i : w->order[w->site_first[site] + i];
}

/* The flips of a site (or of none, SIZE_MAX) that strike the image in hand, in
 * w->hitting. */
void ef_bytes_find_hitting(ef_bytes_worker *w, size_t site);
/* The fault's parameters by what they change by, shape of hits (fault->n). */
void ef_bytes_find_hits(ef_bytes_worker *w, const ef_fault *fault, ef_bhit *hits);
/* Puts the fault in hand into the worker's weights, or takes it out of them. */
void ef_bytes_change_weights(ef_bytes_worker *w, int sign);
/* Whether a parameter of the step is struck. */
int ef_bytes_is_struck(const ef_bytes_worker *w, size_t step);
/* The channels of a step with struck parameters, whose inputs do not differ; 0: they
 * are too many to be run one by one. */
int ef_bytes_run_struck(ef_bytes_worker *w, size_t step);
/* The bytes of a step that are struck in memory, and those with a struck sum. */
void ef_bytes_strike_values(ef_bytes_worker *w, size_t step);
void ef_bytes_strike_sums(ef_bytes_worker *w, size_t step);
/* The sum of output element `channel` of a pixel with the strikes on it, as stored. */
int64_t ef_bytes_struck_sum(ef_bytes_worker *w, size_t step, size_t channel,
                            uint32_t pixel);

/* --- running; bytes_conv.c, bytes_steps.c,
 * bytes_run.c------------------------------------- */

/* Sums of n pixels for a part, by the worker's weights, in w->acc (n, n_blocks *
 * EF_INT_BLOCK). */
void ef_bytes_accumulate(ef_bytes_worker *w, size_t step, const ef_bpart *part,
                         const uint32_t *pixels, size_t n);
/* The pixels in todo of a convolution; all sums anew where is_dense. */
void ef_bytes_run_conv(ef_bytes_worker *w, size_t step, int is_dense);
/* The pixels in todo of any other step. */
void ef_bytes_run_other(ef_bytes_worker *w, size_t step);
/* An image with the fault in hand, from step `first` on; returns 0 where nothing
 * reached the logits, which are then not written. */
int ef_bytes_run_image(ef_bytes_worker *w, size_t first, double *logits);

static inline ef_bstep *ef_bstep_of(const ef_bytes_worker *w, size_t index)
{
    return &w->rerun->steps[index];
}

/* What sums of output channels from `out` on are multiplied by. */
static inline ef_int_factors ef_bfactors(const ef_bstep *step, size_t out)
{
    return (ef_int_factors){step->factors + out, step->quick + out};
}

/* Pixels of an image of a step. */
static inline size_t ef_bplane(const ef_bstep *step)
{
    return (size_t)step->q->shape.height * step->q->shape.width;
}

/* Words that hold a bit for each of n pixels. */
static inline size_t ef_bwords(size_t n)
{
    return (n + 63) / 64;
}

/* The place of a pixel among those with a border. */
static inline size_t ef_bplace(const ef_blayout *layout, size_t y, size_t x)
{
    return (y + layout->border) * layout->width + x + layout->border;
}

/* Its bytes. */
static inline size_t ef_bpixel(const ef_blayout *layout, size_t y, size_t x)
{
    return ef_bplace(layout, y, x) * layout->pixel;
}

/* The fault-free bytes of the image in hand. */
static inline const uint8_t *ef_bbase(const ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    return step->bytes + w->image * step->layout.size;
}

/* The first tap of the window of an output pixel of a convolution, among the pixels of
 * its input with a border. */
static inline size_t ef_bcorner(const ef_bstep *step, const ef_blayout *in, size_t y,
                                size_t x)
{
    const ef_qwindow *w = &step->q->window;
    return (y * w->stride[0] + in->border - w->pad[0]) * in->width + x * w->stride[1] +
           in->border - w->pad[1];
}

/* The integer of bytes of the image in hand; context: the worker. */
int32_t ef_bytes_get(void *context, uint32_t step, ef_qplace place);

#endif
