/* Inverted generational distance: how far a known front is from a set of points.
 *
 * [1] C. A. Coello Coello, M. Reyes Sierra, A Study of the Parallelization of a
 *     Coevolutionary Multi-objective Evolutionary Algorithm, MICAI 2004,
 *     doi:10.1007/978-3-540-24694-7_71.
 *
 * We differ in: the mean of the distances, as is usual today, in the place of the root
 * of the sum of their squares over their number. */
#ifndef EF_EVOLVE_IGD_H
#define EF_EVOLVE_IGD_H

#include <stddef.h>

/* The mean over the front of the Euclidean distance to the nearest point.
 *
 * points: (n, n_objectives) row-major; front: (n_front, n_objectives), a sample of the
 * exact front.  A point with a NaN is near nothing.  +infinity where no point is near,
 * n = 0 among that; NaN where n_front is 0.  Cost: O(n n_front n_objectives). */
double ef_igd(const double *points, size_t n, const double *front, size_t n_front,
              size_t n_objectives);

#endif
