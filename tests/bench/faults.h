/* What the benchmarks of the fault injector share: ResNet-20 in one arithmetic with 100
 * CIFAR-10 images, and striking on threads. */
#ifndef EF_BENCH_FAULTS_H
#define EF_BENCH_FAULTS_H

#include "faultsim/floating.h"
#include "faultsim/population.h"
#include "faultsim/rerun.h"
#include "net/dataset.h"

#define BED_IMAGES 100

typedef enum bed_numbers { BED_INT8, BED_FLOAT32, BED_COUNT } bed_numbers;

/* A network that runs, and its images. */
typedef struct bed {
    ef_net *net;
    ef_dataset set;
    float *images; /* (BED_IMAGES, channels, height, width) */
    ef_ranges *ranges;
    ef_qnet *qnet;
    ef_fnet *fnet;
    const ef_topology *topology; /* of what is executed */
    ef_rerun *rerun;
} bed;

/* Whether the test models are there; says so on stdout where they are not. */
int bed_can_open(void);
/* These end the program when something fails. */
bed bed_open(bed_numbers numbers, size_t n_threads);
void bed_close(bed *b);

/* MACs of all images run as a whole. */
double bed_macs(const bed *b);
/* Flips of one bit of this target. */
ef_population *bed_population(const bed *b, ef_target target);

/* How faults are struck, and what that took. */
typedef struct strike {
    size_t n_threads;
    size_t together;            /* faults that a thread takes at a time */
    double time_s, cpu_s, macs; /* added to */
} strike;

/* Strikes each of the flips, shape (n), by itself on all images; counts: (n). */
void bed_strike(const bed *b, const ef_flip *flips, size_t n, ef_outcomes *counts,
                strike *how);

#endif
