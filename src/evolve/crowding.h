/* Crowding distance within fronts.
 *
 * [1] K. Deb et al., NSGA-II, IEEE Trans. Evol. Comput. 6(2), 2002,
 *     doi:10.1109/4235.996017, section III-B.
 * We differ in: of equal values at an end of a front, only the first counts as the
 * extreme one, so that ties do not all become immortal; an objective whose values are
 * all equal has no extremes. */
#ifndef EF_EVOLVE_CROWDING_H
#define EF_EVOLVE_CROWDING_H

#include <stddef.h>

/* Room that ef_crowding needs, in bytes. */
size_t ef_crowding_scratch(size_t n);

/* The distance of each member of one front, shape (n): the sum over objectives of the
 * gap between its neighbours as a share of the front's range, +infinity for the
 * extremes.  points: (any, m) row-major; members: (n) rows of it, n < 2^32.  Where the
 * range is not finite there are extremes and no gaps.  scratch: ef_crowding_scratch(n)
 * bytes, aligned for double. */
void ef_crowding(const double *points, size_t m, const size_t *members, size_t n,
                 double *distance, void *scratch);

#endif
