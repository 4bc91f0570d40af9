/* The point of a front that is recommended when nothing else is known.
 *
 * [1] P. L. Yu, A class of solutions for group decision problems, Management Science
 *     19(8), 1973, doi:10.1287/mnsc.19.8.936 (the compromise solution with p = 2).
 * [2] I. Das, On characterizing the "knee" of the Pareto curve based on
 *     normal-boundary intersection, Structural Optimization 18, 1999,
 *     doi:10.1007/BF01195985.
 * We differ in: the knee of [2] is the point farthest from the plane through the
 * extremes, which with four objectives and a few useless extremes lies anywhere; we
 * take the point nearest to the ideal one [1], on a logarithmic scale where an
 * objective allows it, since sizes and errors differ by factors, not by amounts. */
#ifndef EF_EVOLVE_KNEE_H
#define EF_EVOLVE_KNEE_H

#include <stddef.h>

#include "base/status.h"

/* The member of a front nearest to the point that has the best value of each
 * objective, each scaled to 0..1 over the front.  points: (n, m) row-major, minimised,
 * finite, n >= 1.  An objective whose values are all >= 0, some of them not 0, is
 * scaled by its logarithm, 0 counting as half the least of the others.  Of equally
 * near points the first.  *knee: a row.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_knee(const double *points, size_t n, size_t m, size_t *knee,
                               ef_error *err);

#endif
