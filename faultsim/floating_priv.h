/* What the files of the floating engine share.
 *
 * Images run in blocks, each of as many as a few vectors hold.  The fault-free run
 * keeps every tensor of every block.  A worker has a table of where each channel of
 * each tensor lies: in what is kept, or, where it differs, in memory of its own, which
 * holds it at least in an area, `valid`; outside of `changed` nothing differs. */
#ifndef EF_FAULTSIM_FLOATING_PRIV_H
#define EF_FAULTSIM_FLOATING_PRIV_H

#include "faultsim/floating.h"
#include "faultsim/forward_priv.h"
#include "faultsim/rerun_priv.h"

typedef struct ef_fblock {
    size_t first, n; /* images */
    size_t lanes;
    float *memory;
    float **channels; /* (plan's n_channels) into memory */
    float *sums;      /* of all stops */
} ef_fblock;

/* Sums of a convolution that are kept besides its output: over the first `stride` input
 * channels, over twice as many ...  A run in which only later channels differ goes on
 * from there. */
typedef struct ef_fstops {
    size_t n, stride;
    size_t at; /* pixels before its own, each of as many floats as a block has lanes */
} ef_fstops;

typedef struct ef_floating {
    ef_rerun base;
    const ef_fnet *fnet;
    ef_forward_plan *plan;
    uint32_t *step_of; /* (nodes) */
    ef_fstops *stops;  /* (n_steps) */
    size_t n_sums;     /* pixels of all of them */
    float *images;     /* (n, image_size) as they came */
    size_t image_size;
    ef_fblock *blocks;
    size_t n_blocks;
} ef_floating;

/* What a fault does to a step: a parameter that has other bits, or a change of an
 * element as it comes about. */
typedef struct ef_fhit {
    uint32_t step;
    ef_fpart part;
    ef_role role;
    uint64_t index; /* in its site */
    uint32_t bits;  /* of parameters: what they become */
    /* of the others */
    uint64_t moment;
    uint64_t mask;
    ef_fault_kind kind;
    int64_t image; /* of the rerun; -1: all */
    size_t order;  /* in the fault */
} ef_fhit;

/* What runs at once: a fault on all images, but for those apart, or on one of these,
 * as only it has some struck parameter. */
typedef struct ef_funit {
    size_t fault;
    int64_t image; /* -1: all but those apart */
    size_t first_hit, n_hits;
    size_t first_apart, n_apart; /* ascending */
} ef_funit;

/* Everything that is to run. */
typedef struct ef_fhits {
    ef_funit *units;
    size_t n_units, units_capacity;
    ef_fhit *hits;
    size_t n_hits, hits_capacity;
    uint32_t *apart;
    size_t n_apart, apart_capacity;
} ef_fhits;

/* Adds the units of a fault.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_fhits_add(ef_fhits *hits, const ef_floating *rerun,
                                    const ef_fault *fault, size_t number);
void ef_fhits_clear(ef_fhits *hits); /* of units, not of their memory */
void ef_fhits_free(ef_fhits *hits);

typedef struct ef_fstate {
    ef_area changed; /* without channels */
    ef_area valid;   /* likewise */
    size_t n_own;    /* channels that are not the kept ones */
} ef_fstate;

typedef struct ef_floating_worker {
    ef_rerun_worker base;
    const ef_floating *rerun;
    ef_forward *forward; /* its table, and the block in hand */
    const ef_fblock *block;
    ef_fstate *states; /* (n_steps) */
    int is_whole;
    ef_fhits hits;
    /* room for the largest step */
    uint8_t *wanted;    /* (channels) */
    float *weights;     /* packed */
    float *coefs;       /* (2, channels, EF_SPAN_COEF) */
    ef_span *spans;     /* (spans) */
    float *plane;       /* of a channel */
    ef_code *codes;     /* of weights */
    float *lane_values; /* (lanes) */
    float *lane_logits; /* (lanes, classes) */
    double *logits;     /* (classes) */
} ef_floating_worker;

/* ef_rerun_create_float with the inner loops of one instruction set and blocks of at
 * most so many vectors. */
EF_NODISCARD ef_status ef_floating_create(ef_rerun **rerun, const ef_fnet *fnet,
                                          const ef_rerun_images *images,
                                          const ef_kernels *kernels,
                                          size_t most_vectors, ef_error *err);

EF_NODISCARD ef_status ef_floating_worker_create(ef_rerun_worker **worker,
                                                 const ef_rerun *rerun, ef_error *err);
void ef_floating_worker_destroy(ef_rerun_worker *worker);
EF_NODISCARD ef_status ef_floating_strike(ef_rerun_worker *worker,
                                          const ef_fault *faults, size_t n_faults,
                                          int is_whole);

/* Where the sums of a channel at a stop lie; pixels have no gap behind them. */
static inline float *ef_fstop_sums(const ef_fblock *block, const ef_fstops *stops,
                                   const ef_step *step, size_t stop, size_t c)
{
    size_t plane = (size_t)step->out.shape.height * step->out.shape.width;
    size_t at = stops->at + (stop * step->out.shape.channels + c) * plane;
    return block->sums + at * block->lanes;
}

/* Runs a step in which these hits are: all of one step, sorted. */
void ef_fstep_run(ef_floating_worker *w, size_t index, const ef_fhit *hits, size_t n);
/* Makes what is changed of a step valid in an area, too. */
void ef_fstep_ensure(ef_floating_worker *w, size_t index, ef_area area);

static inline int ef_area_is_empty(const ef_area *area)
{
    return area->top >= area->bottom || area->left >= area->right;
}

static inline ef_area ef_area_union(ef_area a, ef_area b)
{
    if (ef_area_is_empty(&a)) {
        return b;
    }
    if (ef_area_is_empty(&b)) {
        return a;
    }
    return (ef_area){
        a.top < b.top ? a.top : b.top, a.bottom > b.bottom ? a.bottom : b.bottom,
        a.left < b.left ? a.left : b.left, a.right > b.right ? a.right : b.right, NULL};
}

#endif
