/* The knee of a front: the member to recommend to who says nothing else. */
#ifndef EF_EVOLVE_KNEE_H
#define EF_EVOLVE_KNEE_H

#include <stddef.h>

#include "base/status.h"

/* Writes the index of the point whose worst objective is best, on a scale on which the
 * best value of each objective is 0 and the worst 1; of equals the one with the least
 * sum, then the lowest index.
 *
 * points: (n, m) row-major, minimised, any units.  Objectives that are equal in all
 * points say nothing.  A point with a value that is not finite is chosen only when all
 * have one.
 *
 * EF_ERR_USAGE: n or m is 0.
 * EF_ERR_MEMORY.  On failure knee is untouched.  Cost: O(m n log n). */
EF_NODISCARD ef_status ef_knee(const double *points, size_t n, size_t m, size_t *knee,
                               ef_error *err);

#endif
