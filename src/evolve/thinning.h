/* Taking the most crowded members out of a front, one after the other.
 *
 * [1] S. Kukkonen, K. Deb, Improved Pruning of Non-Dominated Solutions Based on
 * Crowding Distance for Bi-Objective Optimization Problems, CEC 2006,
 *     doi:10.1109/CEC.2006.1688443.
 *
 * We differ in: any number of objectives; distances are of neighbours in lists, which
 * are updated where a member leaves, so that nothing is sorted again. */
#ifndef EF_EVOLVE_THINNING_H
#define EF_EVOLVE_THINNING_H

#include <stddef.h>

/* Room that ef_thinning_run needs, in bytes. */
size_t ef_thinning_scratch(size_t n, size_t m);

/* Takes out the member of the least crowding distance (crowding.h), of equals the one
 * that stands last, until n_kept <= n are left; each leaves its neighbours less
 * crowded.
 *
 * points: (any, m) row-major; members: (n) rows of it, n < 2^32.  Afterwards the kept
 * ones stand first, then the others, both in their order before; distance (n_kept) is
 * what ef_crowding finds for the kept ones, to the bit.  scratch:
 * ef_thinning_scratch(n, m) bytes, aligned for double. Cost: O(n m^2 log n). */
void ef_thinning_run(const double *points, size_t m, size_t *members, size_t n,
                     size_t n_kept, double *distance, void *scratch);

#endif
