/* Hypervolume: how much of the objective space a set of points dominates. */
#ifndef EF_EVOLVE_HYPERVOLUME_H
#define EF_EVOLVE_HYPERVOLUME_H

#include <stddef.h>

#include "base/status.h"

/* More objectives than this are refused: the cost doubles and more with each. */
#define EF_HYPERVOLUME_OBJECTIVES 10

/* The exact volume between n points and a reference point that bounds them from
 * above, all objectives minimised.
 *
 * points: (n, n_objectives) row-major, in any order; dominated and equal points may be
 * among them.  A point that is not below the reference in every objective adds
 * nothing; so does one with a NaN.  reference: (n_objectives), finite.  A point with
 * -infinity that counts makes the volume +infinity.  n = 0 gives 0.
 *
 * EF_ERR_USAGE: n_objectives is 0 or above EF_HYPERVOLUME_OBJECTIVES, or the reference
 *   is not finite.
 * EF_ERR_MEMORY.
 * On failure volume is untouched.  Cost: O(n log n) to 3 objectives, O(n^2) with 4;
 * from 5 on it can grow as n^(n_objectives - 2), though it seldom does. */
EF_NODISCARD ef_status ef_hypervolume(const double *points, size_t n,
                                      size_t n_objectives, const double *reference,
                                      double *volume, ef_error *err);

#endif
