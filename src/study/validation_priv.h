/* What the files of a validation share. */
#ifndef EF_STUDY_VALIDATION_PRIV_H
#define EF_STUDY_VALIDATION_PRIV_H

#include "study/validation.h"

typedef struct validation_item {
    char *name;
    ef_topology *topology;
    uint64_t hash;
} validation_item;

struct ef_validation {
    ef_validation_config config;
    ef_store *store;        /* NULL: none */
    validation_item *items; /* (n) */
    size_t n, capacity;
    ef_validation_measure measures[EF_VALIDATION_MEASURES_MAX];
    size_t n_measures;           /* 0: not known yet */
    ef_validation_trial *trials; /* (n, n_seeds), made at the start */
    ef_faults_measured *results; /* (n, n_seeds, n_measures), with the measures */
};

static inline size_t validation_at(const ef_validation *v, size_t item, size_t seed)
{
    return item * v->config.n_seeds + seed;
}

/* Room for every trial; for every result, once the measures are known. */
EF_NODISCARD ef_status validation_make_trials(ef_validation *v, ef_error *err);
EF_NODISCARD ef_status validation_make_results(ef_validation *v, ef_error *err);

/* A network of item's topology, trained with a seed of the configuration; *error and
 * *loss on the validation part.  What ef_measure_train fails with. */
EF_NODISCARD ef_status validation_train(const ef_validation *v, size_t item,
                                        size_t seed, ef_net **net,
                                        ef_measured *measured, ef_error *err);
void validation_bench(const ef_validation *v, size_t format, ef_fault_bench *bench);
ef_fault_measure validation_measure_of(const ef_validation *v, ef_exposed target,
                                       double ber, uint64_t trials, size_t seed);

/* Fills the measures: rates that are given, or that the first topologies show. */
EF_NODISCARD ef_status validation_pilot(ef_validation *v,
                                        const ef_validation_watch *watch,
                                        ef_error *err);

/* In a transaction of their own; nothing without a store. */
EF_NODISCARD ef_status validation_save_measures(ef_validation *v, ef_error *err);
EF_NODISCARD ef_status validation_save_trial(ef_validation *v, size_t item, size_t seed,
                                             ef_error *err);

#endif
