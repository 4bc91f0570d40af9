/* The constants of predicted_ccr, fitted anew to class change rates that were measured.
 *
 * What is minimised, for weights and for activations apart: over topologies and
 * measures, the mean of h(r), r = log((p + e) / (m + e)) of the predicted and measured
 * rates p and m, where h(r) = r^2 / 2 up to 1 and |r| - 1/2 beyond, so that a few
 * topologies that are far off do not decide; plus a pull to the constants at the start,
 * 1 / (2 n) for each constant that is an eighth of its range away, which small n need.
 * e, a tenth of the measure's median, keeps rates near 0, that few faults tell, from
 * deciding either.  Ranges wider than a factor of 100 are searched by their logarithm.
 *
 * [1] T. Rowan, Functional Stability Analysis of Numerical Algorithms, PhD thesis,
 *     University of Texas at Austin 1990: Subplex, as NLopt 2.7 has it (LN_SBPLX).
 * [2] P. J. Huber, Robust Estimation of a Location Parameter, Ann. Math. Stat. 35,
 *     1964, doi:10.1214/aoms/1177703732: h. */
#ifndef EF_STUDY_REFIT_H
#define EF_STUDY_REFIT_H

#include <stddef.h>
#include <stdint.h>

#include "objectives/constants.h"
#include "objectives/prediction.h"
#include "study/validation_analysis.h"

/* What it points to is borrowed. */
typedef struct ef_refit_data {
    size_t n, n_measures;
    const ef_prediction *const *predictions; /* (n_measures, n), repeats are fine */
    const ef_fault_model *faults;            /* (n_measures), of one target each */
    const double *measured;                  /* (n_measures, n), shares */
    const ef_constants *start;               /* NULL: the built-in ones */
    size_t folds;                            /* of the cross-validation, 2 ... n */
    uint64_t seed;                           /* of the folds */
    size_t n_threads;                        /* no result depends on it */
} ef_refit_data;

/* By what constants. */
typedef enum ef_refit_by {
    EF_REFIT_START,
    EF_REFIT_FITTED,   /* to these topologies */
    EF_REFIT_HELD_OUT, /* to those of the other folds */
    EF_REFIT_COUNT
} ef_refit_by;

typedef struct ef_refit_quality {
    double spearman; /* of predicted with measured; NaN where one of both is constant */
    double factor;   /* exp of the median |r|: by how much predictions are off */
} ef_refit_quality;

typedef struct ef_refit {
    size_t n, n_measures;
    ef_constants constants;   /* of four digits */
    size_t *fold;             /* (n), from 0 */
    double *predicted;        /* (EF_REFIT_COUNT, n_measures, n) */
    ef_refit_quality *judged; /* (n_measures, EF_REFIT_COUNT) */
} ef_refit;

/* A fit takes at least this many topologies: two for each constant of a target. */
size_t ef_refit_fewest(void);

/* EF_ERR_FAILED: too few topologies; EF_ERR_MEMORY.  On failure refit is untouched.
 * Constants of a target without measures are those of the start.  Up to 3000
 * evaluations of the loss for each fold and target. */
EF_NODISCARD ef_status ef_refit_run(ef_refit *refit, const ef_refit_data *data,
                                    ef_error *err);
void ef_refit_clear(ef_refit *refit);

/* The same of a validation's measures. */
EF_NODISCARD ef_status ef_refit_validation(ef_refit *refit,
                                           const ef_validation_data *data,
                                           const ef_constants *start, size_t folds,
                                           uint64_t seed, size_t n_threads,
                                           ef_error *err);

#endif
