/* What faults do to images, computing again only what they touch.
 *
 * The fault-free run of all images is kept.  A faulty run begins at the tensor that is
 * struck, goes on with what differs, and stops where nothing does; its results are
 * those of a whole run with the fault, bit for bit.
 *
 * Networks are executed by engines, one for each kind of arithmetic:
 *   bytes     integers of at most 8 bits with accumulators that wrap
 *   wide      every integer format, accumulators that saturate
 *   floating  float formats, and integer weights with float activations */
#ifndef EF_FAULTSIM_RERUN_H
#define EF_FAULTSIM_RERUN_H

#include "faultsim/fault.h"
#include "faultsim/quantized.h"

/* A network, images and their fault-free run; read by all threads. */
typedef struct ef_rerun ef_rerun;
/* What one thread needs to strike faults. */
typedef struct ef_rerun_worker ef_rerun_worker;

/* Borrowed for the call that takes them. */
typedef struct ef_rerun_images {
    const float *images;    /* (n, channels, height, width) */
    const uint16_t *labels; /* (n), or NULL: nothing is ever corrected */
    size_t n;
    size_t first;     /* what flips call image 0 of these */
    size_t n_threads; /* for the fault-free run; 0: all */
} ef_rerun_images;

/* A network in integers, in bytes where that can be and else wide.  qnet is borrowed
 * until the end.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_rerun_create(ef_rerun **rerun, const ef_qnet *qnet,
                                       const ef_rerun_images *images, ef_error *err);
/* The same in the wide engine, which alone has scales and batch norms among its sites.
 */
EF_NODISCARD ef_status ef_rerun_create_wide(ef_rerun **rerun, const ef_qnet *qnet,
                                            const ef_rerun_images *images,
                                            ef_error *err);
void ef_rerun_destroy(ef_rerun *rerun);

/* "bytes", "wide", "floating" */
const char *ef_rerun_engine_name(const ef_rerun *rerun);
/* The tensors that faults can strike. */
const ef_site *ef_rerun_sites(const ef_rerun *rerun, size_t *n);
/* Of the fault-free run, (n, classes) and (n). */
const double *ef_rerun_logits(const ef_rerun *rerun);
const uint16_t *ef_rerun_classes(const ef_rerun *rerun);
size_t ef_rerun_n_images(const ef_rerun *rerun);
size_t ef_rerun_n_classes(const ef_rerun *rerun);

EF_NODISCARD ef_status ef_rerun_worker_create(ef_rerun_worker **worker,
                                              const ef_rerun *rerun, ef_error *err);
void ef_rerun_worker_destroy(ef_rerun_worker *worker);

/* What faults do to each image; written where it is not NULL. */
typedef struct ef_struck {
    ef_outcomes *counts; /* (n_faults), never NULL: overwritten */
    uint8_t *outcomes;   /* (n_faults, n) ef_outcome */
    uint16_t *classes;   /* (n_faults, n) the class given */
    double *logits;      /* (n_faults, n, classes) */
} ef_struck;

/* Strikes n_faults faults, each by itself, whose flips are within their sites: many at
 * once take less time than one after the other.  Flips of one element strike in the
 * order in which they stand.  EF_ERR_MEMORY: nothing of `to` counts. */
EF_NODISCARD ef_status ef_rerun_strike(ef_rerun_worker *worker, const ef_fault *faults,
                                       size_t n_faults, const ef_struck *to);
/* The same, the whole network computed again for every fault. */
EF_NODISCARD ef_status ef_rerun_strike_all(ef_rerun_worker *worker,
                                           const ef_fault *faults, size_t n_faults,
                                           const ef_struck *to);

/* Multiply-accumulates that strikes have taken so far. */
uint64_t ef_rerun_macs(const ef_rerun_worker *worker);

#endif
