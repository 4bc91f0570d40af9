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
    uint32_t *ranks;  /* (room) */
    double *crowding; /* (room) */
    size_t *order; /* (room): individuals by rank, then position; those cut off last */
    size_t *members;   /* scratch, (room) */
    size_t *starts;    /* scratch, (room + 1) */
    double *distances; /* scratch, (room) */
    ef_sort *sort;
    void *crowding_scratch;
    void *thinning_scratch;
} ef_survival;

EF_NODISCARD ef_status ef_survival_init(ef_survival *survival, size_t room, size_t m);
void ef_survival_clear(ef_survival *survival);

/* Ranks n individuals and orders them: order holds the first n_kept that live on.
 * objectives (n, m) minimised, violations (n): 0 is feasible and better than any other;
 * of two infeasible ones the lesser violation is better.  The front that n_kept cuts is
 * thinned one member after the other (thinning.h).  Crowding is computed for the fronts
 * that n_kept reaches, among those of them that live on. */
void ef_survival_select(ef_survival *survival, const double *objectives, size_t m,
                        const double *violations, size_t n, size_t n_kept);

#endif
