/* What faults do to a batch of images, computing again only what they touch.
 *
 * The fault-free run of all images is kept.  A faulty run begins at the tensor that is
 * struck, goes on with the pixels that differ, and stops where nothing does; its
 * results are those of a whole run with the fault, bit for bit.
 *
 * Memory: about 7 bytes for each element of each stored tensor of each image. */
#ifndef EF_FAULTSIM_RERUN_H
#define EF_FAULTSIM_RERUN_H

#include "faultsim/fault.h"
#include "faultsim/quantized.h"

/* A network, images and their fault-free run; read by all threads. */
typedef struct ef_rerun ef_rerun;
/* What one thread needs to strike faults. */
typedef struct ef_rerun_worker ef_rerun_worker;

/* qnet is borrowed until the end; of at most 8 bits, accumulators of at most 32 bits
 * that wrap, or saturate where no sum can reach their ends.  images: (n, channels,
 * height, width); labels: (n), or NULL: nothing is ever corrected.
 * EF_ERR_UNSUPPORTED: other formats.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_rerun_create(ef_rerun **rerun, const ef_qnet *qnet,
                                       const float *images, const uint16_t *labels,
                                       size_t n, size_t n_threads, ef_error *err);
void ef_rerun_destroy(ef_rerun *rerun);

/* The tensors that faults can strike: weights, biases, activations, inputs. */
const ef_site *ef_rerun_sites(const ef_rerun *rerun, size_t *n);
/* Of the fault-free run, (n, classes) and (n). */
const double *ef_rerun_logits(const ef_rerun *rerun);
const uint16_t *ef_rerun_classes(const ef_rerun *rerun);

EF_NODISCARD ef_status ef_rerun_worker_create(ef_rerun_worker **worker,
                                              const ef_rerun *rerun, ef_error *err);
void ef_rerun_worker_destroy(ef_rerun_worker *worker);

/* Strikes a fault whose flips are within their sites; EF_ERR_MEMORY.  outcomes (n) and
 * logits (n,
 * classes) may be NULL. */
EF_NODISCARD ef_status ef_rerun_strike(ef_rerun_worker *worker, const ef_fault *fault,
                                       ef_outcomes *counts, uint8_t *outcomes,
                                       double *logits);
/* The same, the whole network computed again. */
EF_NODISCARD ef_status ef_rerun_strike_all(ef_rerun_worker *worker,
                                           const ef_fault *fault, ef_outcomes *counts,
                                           uint8_t *outcomes, double *logits);

/* Multiply-accumulates that strikes have taken so far. */
uint64_t ef_rerun_macs(const ef_rerun_worker *worker);

#endif
