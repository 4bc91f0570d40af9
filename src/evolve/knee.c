/* The recommended member of a front.
 *
 * [1] I. Das, On characterizing the "knee" of the Pareto curve based on
 *     Normal-Boundary Intersection, Struct. Optim. 18, 1999, doi:10.1007/BF01195985.
 * [2] P. L. Yu, A Class of Solutions for Group Decision Problems, Manage. Sci. 19(8),
 *     1973, doi:10.1287/mnsc.19.8.936 (compromise solutions: least distance from the
 *     ideal point, in the norms from the sum to the maximum).
 * [3] J. Branke, K. Deb, H. Dierolf, M. Osswald, Finding Knees in Multi-objective
 *     Optimization, PPSN VIII, 2004, doi:10.1007/978-3-540-30217-9_73.
 *
 * We take the maximum norm of [2] and differ in the scale.  Sums, and with them the
 * distance from the plane through the extremes of [1] and the utilities of [3], count
 * related objectives several times: of error, bits, multiplications and sensitivity
 * the last three fall with the network, and the least sum belongs to the smallest and
 * most useless one.  The maximum does not mind.  The scale is ours: the excess over the
 * best value in units of its median, then log(1 + excess), so that an outlier, such as
 * an untrained network or a giant, squeezes the others only by a logarithm. */
#include "evolve/knee.h"

#include <math.h>

#include "base/mathfn.h"
#include "base/mem.h"
#include "base/sum.h"

static int is_finite_point(const double *point, size_t m)
{
    for (size_t k = 0; k < m; k++) {
        if (!isfinite(point[k])) {
            return 0;
        }
    }
    return 1;
}

/* The unit of the excesses (n, all >= 0, not all 0): their median, or where most
 * points share the best value the mean. */
static double find_unit(const double *excess, size_t n, double *scratch)
{
    double median = ef_median(excess, n, scratch);
    return median > 0 ? median : ef_mean(excess, n);
}

/* Adds objective k of the points to their worst value and sum so far.  excess and
 * scratch have room for n. */
static void add_objective(const double *points, const size_t *members, size_t n,
                          size_t m, size_t k, double *worst, double *sum,
                          double *excess, double *scratch)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        double x = points[members[i] * m + k];
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    /* halved, since the whole range may overflow */
    double range = 0.5 * high - 0.5 * low;
    if (!(range > 0)) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        excess[i] = (0.5 * points[members[i] * m + k] - 0.5 * low) / range;
    }
    double unit = find_unit(excess, n, scratch), whole = ef_log(1 + 1 / unit);
    for (size_t i = 0; i < n; i++) {
        double t = ef_log(1 + excess[i] / unit) / whole;
        worst[i] = t > worst[i] ? t : worst[i];
        sum[i] += t;
    }
}

ef_status ef_knee(const double *points, size_t n, size_t m, size_t *knee, ef_error *err)
{
    if (n == 0 || m == 0) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "the knee of %zu points with %zu objectives is not defined",
                            n, m);
    }
    size_t *members = ef_calloc(n, sizeof *members), n_members = 0;
    double *room = ef_calloc(n, 4 * sizeof *room);
    if (members == NULL || room == NULL) {
        ef_free(members);
        ef_free(room);
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        if (is_finite_point(points + i * m, m)) {
            members[n_members++] = i;
        }
    }
    double *worst = room, *sum = room + n;
    for (size_t k = 0; k < m; k++) {
        add_objective(points, members, n_members, m, k, worst, sum, room + 2 * n,
                      room + 3 * n);
    }
    size_t best = 0;
    for (size_t i = 1; i < n_members; i++) {
        if (worst[i] < worst[best] || (worst[i] == worst[best] && sum[i] < sum[best])) {
            best = i;
        }
    }
    *knee = n_members == 0 ? 0 : members[best];
    ef_free(members);
    ef_free(room);
    return EF_OK;
}
