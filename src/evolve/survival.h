/* Environmental selection: who of parents and children lives on.
 *
 * [1] K. Deb et al., NSGA-II, IEEE Trans. Evol. Comput. 6(2), 2002,
 *     doi:10.1109/4235.996017: constrained domination (section VI-A), crowded
 *     comparison (section III-B). */
#ifndef EF_EVOLVE_SURVIVAL_H
#define EF_EVOLVE_SURVIVAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "evolve/sort.h"

/* Scratch and results for up to `room` individuals. */
typedef struct ef_survival {
    size_t room;
    uint32_t *ranks;   /* (room) */
    double *crowding;  /* (room) */
    size_t *order;     /* (room): individuals by rank, then crowding, then position */
    size_t *members;   /* scratch, (room) */
    size_t *starts;    /* scratch, (room + 1) */
    double *distances; /* scratch, (room) */
    ef_sort *sort;
    void *crowding_scratch;
} ef_survival;

EF_NODISCARD ef_status ef_survival_init(ef_survival *survival, size_t room, size_t m);
void ef_survival_clear(ef_survival *survival);

/* Ranks n individuals and orders them: order holds the first n_kept that live on.
 * objectives (n, m) minimised, violations (n): 0 is feasible and better than any other;
 * of two infeasible ones the lesser violation is better.  Crowding is computed for the
 * fronts that n_kept reaches; of one that is cut, for the whole to choose by, and then
 * anew among those that live on, so that it depends on them alone.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_survival_select(ef_survival *survival,
                                          const double *objectives, size_t m,
                                          const double *violations, size_t n,
                                          size_t n_kept);

#endif
