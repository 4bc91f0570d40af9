/* Benchmark problems with known fronts, on the problem interface. */
#ifndef EF_EVOLVE_PROBLEMS_H
#define EF_EVOLVE_PROBLEMS_H

#include <stddef.h>

#include "base/problem.h"
#include "base/status.h"

/* name    genes              objectives
 * zdt1    30 reals           2
 * zdt2    30 reals           2
 * zdt3    30 reals           2, front in five pieces
 * zdt4    10 reals           2, 21^9 local fronts
 * zdt6    10 reals           2, uneven density
 * dtlz2   12 reals           3, an octant of the sphere
 * bnh     2 reals            2, two constraints
 * steps   10 integers        2: sum x^2 and sum (20 - x)^2 for x in 0..20
 * lotz    30 bits            2: 30 less the leading ones, 30 less the trailing zeros
 *
 * Genes stand in the genome as doubles, int64_t, or bits of uint64_t (variation.h).
 * Unknown names: EF_ERR_USAGE with the names there are.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_problems_create(ef_problem **problem, const char *name,
                                          ef_error *err);
void ef_problems_destroy(ef_problem *problem);

/* The names in order; NULL beyond the last. */
const char *ef_problems_name(size_t index);

#endif
