#include "evolve/preselect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mathfn.h"
#include "base/mem.h"

/* Of the range of an objective; wide enough that a network and its nearest mutants
 * count as one place. */
#define WIDTH 0.25

static int is_finite_point(const double *point, size_t d)
{
    for (size_t k = 0; k < d; k++) {
        if (!isfinite(point[k])) {
            return 0;
        }
    }
    return 1;
}

/* One objective of all points, on a logarithmic scale where that is possible, to 0..1;
 * what is not finite is passed over and stays so. */
static void scale_objective(const double *points, size_t n, size_t d, size_t k,
                            double *scaled)
{
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (is_finite_point(points + i * d, d)) {
            low = points[i * d + k] < low ? points[i * d + k] : low;
            high = points[i * d + k] > high ? points[i * d + k] : high;
        }
    }
    int logarithmic = low > 0;
    double from = logarithmic ? ef_log(low) : low;
    double range = (logarithmic ? ef_log(high) : high) - from;
    for (size_t i = 0; i < n; i++) {
        double x = points[i * d + k];
        if (is_finite_point(points + i * d, d)) {
            double place = (logarithmic ? ef_log(x) : x) - from;
            scaled[i * d + k] = range > 0 ? place / range : 0;
        } else {
            scaled[i * d + k] = NAN;
        }
    }
}

/* Gaussian kernel density at point i, without the constant factor; n where the point is
 * not finite, which is as crowded as a place can be. */
static double density(const double *scaled, size_t n, size_t d, size_t i, double width)
{
    double sum = 0;
    if (!is_finite_point(scaled + i * d, d)) {
        return (double)n;
    }
    for (size_t j = 0; j < n; j++) {
        double squared = 0;
        for (size_t k = 0; k < d; k++) {
            double gap = (scaled[i * d + k] - scaled[j * d + k]) / width;
            squared += gap * gap;
        }
        sum += isnan(squared) ? 0 : ef_exp(-0.5 * squared);
    }
    return sum; /* at least 1: the point itself */
}

/* The first whose weight, added to those before it, passes share of the total; taken
 * ones weigh 0. */
static size_t draw_one(const double *weights, size_t n, double share)
{
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        total += weights[i];
    }
    double rest = share * total;
    size_t last = 0;
    for (size_t i = 0; i < n; i++) {
        if (weights[i] > 0) {
            last = i;
            rest -= weights[i];
            if (rest < 0) {
                break;
            }
        }
    }
    return last;
}

static int by_position(const void *a, const void *b)
{
    const size_t *p = a;
    const size_t *q = b;
    return (*p > *q) - (*p < *q);
}

ef_status ef_preselect(ef_rng *rng, const double *points, size_t n, size_t d,
                       size_t n_proposals, size_t n_chosen, size_t *chosen)
{
    double *scaled = ef_calloc(n, d * sizeof *scaled);
    double *weights = ef_calloc(n_proposals, sizeof *weights);
    if (!scaled || !weights) {
        ef_free(weights);
        ef_free(scaled);
        return EF_ERR_MEMORY;
    }
    for (size_t k = 0; k < d; k++) {
        scale_objective(points, n, d, k, scaled);
    }
    double width = WIDTH * ef_pow((double)n, -1.0 / (double)(d + 4));
    for (size_t i = 0; i < n_proposals; i++) {
        weights[i] = 1 / density(scaled, n, d, n - n_proposals + i, width);
    }
    for (size_t c = 0; c < n_chosen; c++) {
        chosen[c] = draw_one(weights, n_proposals, ef_rng_unit(rng));
        weights[chosen[c]] = 0;
    }
    qsort(chosen, n_chosen, sizeof *chosen, by_position);
    ef_free(weights);
    ef_free(scaled);
    return EF_OK;
}
