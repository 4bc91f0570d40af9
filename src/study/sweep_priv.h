/* What the files of the sweep share. */
#ifndef EF_STUDY_SWEEP_PRIV_H
#define EF_STUDY_SWEEP_PRIV_H

#include "faultsim/permutation.h"
#include "study/sweep.h"

/* One target that is struck by a single fault. */
typedef struct sweep_single {
    ef_target target;
    ef_population *population;
    ef_permutation order;
    unsigned bits; /* of a fault */
} sweep_single;

struct ef_sweep {
    ef_injector *injector;
    unsigned targets;
    size_t only_site, n_sites;
    int per_image;
    uint64_t trials, seed;
    size_t n_threads, n_rates;
    double rates[EF_RATES_MAX][EF_TARGET_COUNT];
    ef_population
        *patterns;       /* of all targets at a bit error rate; NULL: there is none */
    uint64_t *site_bits; /* (n_sites) that patterns may strike */
    sweep_single singles[EF_TARGET_COUNT]; /* (n_singles) */
    size_t n_singles;
    ef_trial *found;      /* (trials, n_rates) */
    uint64_t done, saved; /* trials that are struck, and in the run file */
};

/* Bits struck in a trial, by the rates. */
double sweep_expected_bits(const ef_sweep *sweep, size_t rate);

#endif
