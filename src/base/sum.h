/* Sums whose order does not depend on threads: fixed blocks, then the blocks. */
#ifndef EF_BASE_SUM_H
#define EF_BASE_SUM_H

#include <stddef.h>

/* Sum, mean, and unbiased sample variance of n doubles, pairwise in a fixed order;
 * 0 values: sum 0, mean NaN; variance NaN below 2 values. */
double ef_sum(const double *x, size_t n);
double ef_mean(const double *x, size_t n);
double ef_variance(const double *x, size_t n);

/* The middle of a copy of x (mean of the two middles); NaN for n = 0.
 * scratch has room for n doubles. */
double ef_median(const double *x, size_t n, double *scratch);

#endif
