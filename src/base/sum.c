/* Pairwise summation: the error grows with log2 n, and the order depends on n alone.
 *
 * [1] N. J. Higham, The Accuracy of Floating Point Summation, SIAM J. Sci. Comput.
 *     14(4), 1993, doi:10.1137/0914050. */
#include "base/sum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Below this many values the order is plain: halving costs more than it gains. */
#define BLOCK 32

static double sum_plain(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum;
}

double ef_sum(const double *x, size_t n)
{
    if (n <= BLOCK) {
        return sum_plain(x, n);
    }
    size_t half = n / 2;
    return ef_sum(x, half) + ef_sum(x + half, n - half);
}

double ef_mean(const double *x, size_t n)
{
    return n ? ef_sum(x, n) / (double)n : NAN;
}

static double sum_squares(const double *x, size_t n, double mean)
{
    if (n > BLOCK) {
        size_t half = n / 2;
        return sum_squares(x, half, mean) + sum_squares(x + half, n - half, mean);
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (x[i] - mean) * (x[i] - mean);
    }
    return sum;
}

double ef_variance(const double *x, size_t n)
{
    return n < 2 ? NAN : sum_squares(x, n, ef_mean(x, n)) / (double)(n - 1);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double ef_median(const double *x, size_t n, double *scratch)
{
    if (n == 0) {
        return NAN;
    }
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i])) {
            return NAN; /* a NaN has no place in an order */
        }
    }
    memcpy(scratch, x, n * sizeof *x);
    qsort(scratch, n, sizeof *scratch, compare);
    double upper = scratch[n / 2];
    return n % 2 ? upper : scratch[n / 2 - 1] / 2 + upper / 2;
}
