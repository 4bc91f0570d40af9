/* What a validation shows: how well objectives rank topologies as faults do, how well
 * anything could, and which format bears faults better.
 *
 * [1] C. Spearman, Correlation calculated from faulty data, British Journal of
 *     Psychology 3, 1910, and W. Brown in the same volume: the reliability of a mean.
 */
#ifndef EF_STUDY_VALIDATION_ANALYSIS_H
#define EF_STUDY_VALIDATION_ANALYSIS_H

#include <stddef.h>
#include <stdint.h>

#include "base/correlation.h"
#include "objectives/objective.h"
#include "objectives/prediction.h"
#include "study/validation.h"

/* A number of the topology alone that may rank as the class change rate does.  Its sign
 * is such that it should rise with the rate. */
typedef struct ef_proxy {
    const char *name;      /* with its sign: "-params" */
    const char *objective; /* its text; NULL: one of validation_analysis.c's own */
    double sign;           /* 1, -1 */
    int is_trivial;
    int takes_measure; /* it knows what is measured: format, target, rate */
} ef_proxy;

#define EF_PROXIES_MAX 32
/* The default proxy first. */
extern const ef_proxy ef_proxies[];
size_t ef_proxies_n(void);

/* What is predicted of a measure, and its prediction for a topology in its format, to
 * be destroyed.  Errors as ef_prediction_create. */
ef_fault_model ef_validation_fault_model(const ef_validation *validation,
                                         size_t measure);
EF_NODISCARD ef_status ef_validation_predict(ef_prediction **prediction,
                                             const ef_validation *validation,
                                             size_t topology, size_t measure,
                                             ef_error *err);

/* The topologies that learnt, with what was measured and predicted.  Shares are means
 * over training seeds; a rate counts logits that are not finite as a changed class. */
typedef struct ef_validation_data {
    const ef_validation *validation;
    size_t n, n_measures, n_seeds, n_proxies;
    size_t *kept;       /* (n) positions among the topologies */
    size_t n_failed;    /* topologies with a training that failed, left out */
    size_t n_unlearnt;  /* with a training whose error exceeds the limit, left out */
    double *errors;     /* (n) */
    double *ccr;        /* (n_measures, n) */
    double *low, *high; /* (n_measures, n) 95 %, of the faults alone */
    double *seeds;      /* (n_measures, n_seeds, n) ccr of each seed */
    double *nonfinite;  /* (n_measures, n) */
    double *proxies;    /* (n_measures, n_proxies, n), with their signs */
} ef_validation_data;

/* After the run.  max_error: share of the validation part.  EF_ERR_FAILED: fewer than 4
 * topologies learnt.  What ef_objective_score fails with. */
EF_NODISCARD ef_status ef_validation_gather(ef_validation_data *data,
                                            const ef_validation *validation,
                                            double max_error,
                                            const ef_objective_context *context,
                                            ef_error *err);
void ef_validation_data_clear(ef_validation_data *data);

typedef struct ef_proxy_result {
    ef_estimated coefficients[EF_COEFFICIENT_COUNT];
    ef_estimated lead; /* its Spearman less that of the best trivial one, which may turn
                          its sign; NaN of trivial ones */
} ef_proxy_result;

typedef struct ef_measure_result {
    double median, nonfinite; /* CCR of the middle topology, and share not finite */
    size_t best_trivial;      /* the greatest |Spearman| */
    /* Spearman of one seed's rates with another's, mean over pairs, r; that of means of
     * as many seeds with others, K r / (1 + (K - 1) r) [1]; and its square root, which
     * no number that is the topology's alone exceeds.  NaN of one seed. */
    double between_seeds, between_means, ceiling;
    ef_proxy_result proxies[EF_PROXIES_MAX]; /* (n_proxies) */
} ef_measure_result;

/* options->key is not used.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_validation_correlate(const ef_validation_data *data,
                                               size_t measure,
                                               const ef_correlations_options *options,
                                               ef_measure_result *result,
                                               ef_error *err);

/* Two formats under the same faults. */
typedef struct ef_format_result {
    size_t a, b;            /* measures that differ in the format alone */
    ef_estimated ratio;     /* mean CCR of b over that of a */
    ef_estimated gap;       /* mean CCR of b less that of a */
    double share_b;         /* of topologies, of which b has the lower CCR */
    ef_estimated agreement; /* Spearman of the one with the other */
} ef_format_result;

/* Pairs of measures, the first format's with each other's: at most room of them.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_validation_compare(const ef_validation_data *data,
                                             const ef_correlations_options *options,
                                             ef_format_result *results, size_t room,
                                             size_t *n, ef_error *err);

#endif
