/* What faults do to one network in number formats: class change rate and accuracy, as
 * objectives and validation take them.
 *
 * A measurement is a number of trials.  At a bit error rate each trial strikes every
 * stored bit of the targets by itself (study/sweep.h); otherwise one bit of one target.
 * Activations and inputs are struck anew in every image, which tells the same mean as
 * one site for all images, with less spread. */
#ifndef EF_STUDY_MEASURE_FAULTS_H
#define EF_STUDY_MEASURE_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/interval.h"
#include "base/status.h"
#include "faultsim/fault.h"
#include "format/format.h"
#include "net/dataset.h"
#include "net/net.h"
#include "net/normalisation.h"
#include "net/split.h"

/* Images and formats that measurements share; what it points to is borrowed. */
typedef struct ef_fault_bench {
    const ef_dataset *set;
    const ef_normalisation *normalisation; /* NULL: the network takes raw values */
    ef_part images;                        /* that faults are judged on; not empty */
    ef_part calibration;                   /* that set the ranges; not empty */
    ef_format weights, activations;        /* weights: no uint; with activations in
                                              integers int, fixed, tern or bin */
    int fits_activations; /* int activations without negative values become uint */
    size_t n_threads;     /* 0: all; no result depends on it */
} ef_fault_bench;

typedef struct ef_fault_measure {
    unsigned targets; /* set of 1u << ef_target, struck together */
    double ber;       /* of every stored bit of these, 0 to 1; 0: one flip of each */
    uint64_t trials;  /* at least 1 */
    uint64_t seed;
} ef_fault_measure;

typedef struct ef_fault_rate {
    double share;         /* of (trial, image) pairs */
    ef_interval interval; /* 95 % */
} ef_fault_rate;

typedef struct ef_faults_measured {
    ef_fault_rate ccr;       /* another class than without a fault */
    ef_fault_rate nonfinite; /* a NaN or infinity among the logits, not in ccr */
    ef_fault_rate failed;    /* either of the two */
    ef_fault_rate accuracy;  /* the label's class under faults */
    double fault_free; /* accuracy in these formats without a fault, on these images */
} ef_faults_measured;

/* Runs n measurements, shape of measures and measured, on one net, which is borrowed
 * for the call; batch norms are folded first in every format, so that formats store the
 * same weights.  May be called by many threads at once, with n_threads 1 each.  watch
 * says when to stop, asked between blocks of trials; may be NULL.
 * EF_ERR_USAGE: a target of which the network stores nothing.  EF_ERR_UNSUPPORTED,
 * EF_ERR_INPUT: the network in these formats, as ef_injector_create.  EF_STOPPED.
 * EF_ERR_MEMORY.  On failure measured is untouched. */
EF_NODISCARD ef_status ef_measure_faults(const ef_net *net, const ef_fault_bench *bench,
                                         const ef_fault_measure *measures, size_t n,
                                         int (*stop)(void *context), void *context,
                                         ef_faults_measured *measured, ef_error *err);

/* The bench with one format for weights and activations alike: signed integers and
 * floats with one scale per tensor are as they are named. */
void ef_fault_bench_set_format(ef_fault_bench *bench, const ef_format *format);

#endif
