/* How well one list of numbers ranks as another: coefficients, and bootstrap intervals
 * of them and of their differences.
 *
 * [1] M. G. Kendall, J. D. Gibbons, Rank Correlation Methods, 5th ed., Arnold 1990:
 *     Spearman's rho with mid-ranks, tau-b.
 * [2] W. R. Knight, A Computer Method for Calculating Kendall's Tau with Ungrouped
 *     Data, J. Am. Stat. Assoc. 61, 1966, doi:10.1080/01621459.1966.10480879.
 * [3] B. Efron, Better Bootstrap Confidence Intervals, J. Am. Stat. Assoc. 82, 1987,
 *     doi:10.1080/01621459.1987.10478410: BCa. */
#ifndef EF_BASE_CORRELATION_H
#define EF_BASE_CORRELATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/interval.h"
#include "base/status.h"

/* name */
#define EF_COEFFICIENT_LIST(X)                                                         \
    X(PEARSON, "Pearson")                                                              \
    X(SPEARMAN, "Spearman") /* Pearson's of mid-ranks */                               \
    X(KENDALL, "Kendall")   /* tau-b */

typedef enum ef_coefficient {
#define X(coefficient, name) EF_COEFFICIENT_##coefficient,
    EF_COEFFICIENT_LIST(X)
#undef X
        EF_COEFFICIENT_COUNT
} ef_coefficient;

extern const char *const ef_coefficient_names[EF_COEFFICIENT_COUNT];

/* Each of x and y, shape (n), both finite; NaN where one of them is constant or n < 2.
 * O(n), O(n log n), O(n log n).  EF_ERR_MEMORY. */
double ef_correlation_pearson(const double *x, const double *y, size_t n);
EF_NODISCARD ef_status ef_correlation_spearman(const double *x, const double *y,
                                               size_t n, double *r, ef_error *err);
EF_NODISCARD ef_status ef_correlation_kendall(const double *x, const double *y,
                                              size_t n, double *r, ef_error *err);

/* Mid-ranks from 1 into ranks, shape (n).  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_correlation_ranks(const double *x, size_t n, double *ranks,
                                            ef_error *err);

/* --- with intervals ------------------------------------------------------------ */

/* Several predictors of one target, all resampled together. */
typedef struct ef_correlations ef_correlations;

typedef struct ef_correlations_options {
    size_t n_resamples; /* at least 100 for any interval */
    uint64_t seed;
    uint64_t key; /* of the stream beside the seed; equal keys: equal resamples */
    size_t n_threads;
} ef_correlations_options;

/* predictors: (n_predictors, n) row-major; target: (n); all finite, copied.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_correlations_create(ef_correlations **correlations,
                                              const double *predictors,
                                              size_t n_predictors, const double *target,
                                              size_t n,
                                              const ef_correlations_options *options,
                                              ef_error *err);
void ef_correlations_destroy(ef_correlations *correlations);

typedef struct ef_estimated {
    double value;
    ef_interval interval; /* BCa [3], 95 %; NaN where value is, or n < 4 */
} ef_estimated;

ef_estimated ef_correlations_get(const ef_correlations *correlations, size_t predictor,
                                 ef_coefficient coefficient);
/* sign_a times predictor a's coefficient less sign_b times b's, on the same resamples.
 */
ef_estimated ef_correlations_difference(const ef_correlations *correlations, size_t a,
                                        double sign_a, size_t b, double sign_b,
                                        ef_coefficient coefficient);

/* The same interval of any statistic: value, its replicates (n_replicates), which are
 * sorted here, and its values without each observation in turn, (n).  NaN among the
 * replicates are left out. */
ef_estimated ef_estimated_bca(double value, double *replicates, size_t n_replicates,
                              const double *without, size_t n);

#endif
