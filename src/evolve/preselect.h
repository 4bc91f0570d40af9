/* Which proposals are worth the costly evaluation: those in thin regions of the cheap
 * objectives.
 *
 * [1] T. Elsken, J. H. Metzen, F. Hutter, Efficient multi-objective neural architecture
 *     search via Lamarckian evolution, ICLR 2019, arXiv:1804.09081, section 4.
 * We differ in: the density is taken over the living population and the proposals
 * together, on a logarithmic scale where all values are positive, each objective scaled
 * to its range; the kernel's width is Scott's n^(-1/(d+4)) of that range times a
 * quarter; the choice is without replacement; what could not be evaluated, and so has
 * values that are not finite, stands in nobody's way. */
#ifndef EF_EVOLVE_PRESELECT_H
#define EF_EVOLVE_PRESELECT_H

#include <stddef.h>

#include "base/rng.h"
#include "base/status.h"

/* Chooses n_chosen of the last n_proposals of n points, each with a probability
 * inversely proportional to the density at its place, and writes their positions among
 * the proposals, ascending, into chosen (n_chosen).  points: (n, d) row-major; one with
 * a value that is not finite adds to no density, and as a proposal counts as most
 * crowded; n_chosen <= n_proposals <= n.  One draw for each that is chosen.
 * O(n_proposals n). EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_preselect(ef_rng *rng, const double *points, size_t n,
                                    size_t d, size_t n_proposals, size_t n_chosen,
                                    size_t *chosen);

#endif
