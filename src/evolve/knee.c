#include "evolve/knee.h"

#include <math.h>

#include "base/mathfn.h"
#include "base/mem.h"

/* Half the least positive value, in place of 0; 0 where the objective has a negative
 * value or nothing but zeros, and so no logarithm. */
static double stand_in_for_zero(const double *points, size_t n, size_t m, size_t k)
{
    double least = INFINITY;
    for (size_t i = 0; i < n; i++) {
        double x = points[i * m + k];
        if (x < 0) {
            return 0;
        }
        least = x > 0 && x < least ? x : least;
    }
    return isfinite(least) ? least / 2 : 0;
}

static double place(double x, double stand_in)
{
    return stand_in > 0 ? ef_log(x > 0 ? x : stand_in) : x;
}

/* Adds the squared distance from the best value of objective k, as a share of the
 * front's range. */
static void add_objective(const double *points, size_t n, size_t m, size_t k,
                          double *squared)
{
    double stand_in = stand_in_for_zero(points, n, m, k);
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        double x = place(points[i * m + k], stand_in);
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    for (size_t i = 0; i < n && high > low; i++) {
        double away = (place(points[i * m + k], stand_in) - low) / (high - low);
        squared[i] += away * away;
    }
}

ef_status ef_knee(const double *points, size_t n, size_t m, size_t *knee, ef_error *err)
{
    double *squared = ef_calloc(n, sizeof *squared);
    if (!squared) {
        return ef_error_memory(err);
    }
    for (size_t k = 0; k < m; k++) {
        add_objective(points, n, m, k, squared);
    }
    size_t nearest = 0;
    for (size_t i = 1; i < n; i++) {
        nearest = squared[i] < squared[nearest] ? i : nearest;
    }
    ef_free(squared);
    *knee = nearest;
    return EF_OK;
}
