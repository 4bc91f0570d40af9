/* What trials show that all strike the same images: mean, spread, and how well the mean
 * is known.
 *
 * [1] E. B. Wilson, Probable inference, the law of succession, and statistical
 *     inference, J. Am. Stat. Assoc. 22, 1927, doi:10.1080/01621459.1927.10502953.
 * [2] M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, NBS 1964,
 *     26.7.5: quantiles of Student's t by an expansion in 1 / df.
 * [3] R. J. Hyndman, Y. Fan, Sample Quantiles in Statistical Packages, The American
 *     Statistician 50, 1996, doi:10.2307/2684934: definition 7.
 * We differ from Wilson's interval in: its size is the number of independent draws that
 * would have the variance found, the quantile is Student's since that variance is
 * itself an estimate from few trials, and while fewer than EF_FEW trials failed its
 * size is no more than their number, since the heavy ones may not have been met. */
#ifndef EF_FAULTSIM_SPREAD_H
#define EF_FAULTSIM_SPREAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/interval.h"
#include "base/status.h"

/* Of the trials' shares of images. */
typedef struct ef_spread {
    size_t n; /* trials */
    double mean;
    double deviation;                      /* unbiased variance's; NaN of one trial */
    double least, low, median, high, most; /* low and high: 5 % of trials beyond [3] */
    ef_interval interval;                  /* of the mean, 95 % */
} ef_spread;

/* failures: images of each trial, shape (n), n > 0, each at most images, images > 0.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_spread_find(ef_spread *spread, const uint64_t *failures,
                                      size_t n, uint64_t images, ef_error *err);

/* Student's t at 97.5 % with df >= 1 degrees of freedom, to 0.005 [2]. */
double ef_student_z95(double df);

#endif
