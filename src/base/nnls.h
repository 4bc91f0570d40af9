/* Non-negative least squares: the x >= 0 that brings A x nearest to b.
 *
 * [1] C. L. Lawson, R. J. Hanson: Solving Least Squares Problems, Prentice-Hall, 1974,
 *     chapter 23 (SIAM 1995, doi:10.1137/1.9781611971217).
 * We differ in: columns are scaled to length 1 first, and the least-squares problem of
 * the columns in use is solved afresh by Householder's reflections whenever they
 * change, which costs more and forgets rounding errors.
 *
 * For problems of few columns; one thread, the same bits on every machine. */
#ifndef EF_BASE_NNLS_H
#define EF_BASE_NNLS_H

#include <stddef.h>

#include "base/status.h"

/* a: (m, n) row-major, b: (m), x: (n), all finite.  A column that is a combination of
 * those in use, to within rounding, gets 0.  Takes O(m n^2) for each change of the
 * columns in use, of which there are about n.
 * EF_ERR_FAILED: no solution after very many changes, which rounding alone can cause;
 * EF_ERR_MEMORY.  x is then as it was. */
EF_NODISCARD ef_status ef_nnls(const double *a, const double *b, size_t m, size_t n,
                               double *x, ef_error *err);

/* Which columns of a, (m, n), stand for themselves: walked in the order given, shape
 * (n), independent[column] is 1 where a part of more than tolerance of the column's
 * length is no combination of the independent ones before it, else 0, also for a column
 * of zeros.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_nnls_independent(const double *a, size_t m, size_t n,
                                           const size_t *order, double tolerance,
                                           unsigned char *independent, ef_error *err);

#endif
