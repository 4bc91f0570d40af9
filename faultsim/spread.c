#include "faultsim/spread.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/statistics.h"

#define TAIL 0.05 /* of the trials, on either side of low and high */

double ef_student_z95(double df)
{
    if (df < 2) {
        return 12.706204736174698; /* tan(0.475 pi) */
    }
    if (df < 3) {
        return 4.302652729749464; /* 0.95 sqrt(2 / (1 - 0.95^2)) */
    }
    double z = EF_INTERVAL_Z95, s = z * z;
    double g1 = z * (s + 1) / 4;
    double g2 = z * ((5 * s + 16) * s + 3) / 96;
    double g3 = z * (((3 * s + 19) * s + 17) * s - 15) / 384;
    double g4 = z * ((((79 * s + 776) * s + 1482) * s - 1920) * s - 945) / 92160;
    return z + (g1 + (g2 + (g3 + g4 / df) / df) / df) / df;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Between the two values at either side, sorted: (n). */
static double quantile(const uint64_t *sorted, size_t n, double share)
{
    double at = share * (double)(n - 1);
    size_t below = (size_t)at, above = below + 1 < n ? below + 1 : below;
    double x = (double)sorted[below], y = (double)sorted[above];
    return x + (at - (double)below) * (y - x);
}

/* Sum of squared distances of the trials' images to their mean, exact but for the last
 * division. */
static double deviations(const ef_tally *tally)
{
    ef_u128 failures = tally->failures;
    ef_u128 sum = (ef_u128)tally->n * tally->squares - failures * failures;
    return (double)sum / (double)tally->n;
}

static ef_interval interval_of(const ef_tally *tally, double images, double variance)
{
    double n = (double)tally->n, share = (double)tally->failures / n / images;
    double size = variance > 0 ? share * (1 - share) / (variance / n) : n;
    if (tally->hit < EF_FEW) {
        size = fmin(size, n);
    }
    size = fmin(size, n * images);
    return ef_interval_wilson(share, size, ef_student_z95(fmax(1, n - 1)));
}

ef_status ef_spread_find(ef_spread *spread, const uint64_t *failures, size_t n,
                         uint64_t images, ef_error *err)
{
    uint64_t *sorted = ef_calloc(n, sizeof *sorted);
    if (!sorted) {
        return ef_error_memory(err);
    }
    ef_tally tally = {0, 0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        ef_tally_add(&tally, failures[i]);
    }
    memcpy(sorted, failures, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    double all = (double)images;
    double variance = n > 1 ? deviations(&tally) / (double)(n - 1) / (all * all) : NAN;
    *spread = (ef_spread){
        .n = n,
        .mean = (double)tally.failures / (double)n / all,
        .deviation = sqrt(variance),
        .least = (double)sorted[0] / all,
        .low = quantile(sorted, n, TAIL) / all,
        .median = quantile(sorted, n, 0.5) / all,
        .high = quantile(sorted, n, 1 - TAIL) / all,
        .most = (double)sorted[n - 1] / all,
        .interval = interval_of(&tally, all, variance),
    };
    ef_free(sorted);
    return EF_OK;
}
