/* Non-dominated sorting: which points are best, which are best without those, ...
 *
 * [1] K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, A Fast and Elitist Multiobjective
 *     Genetic Algorithm: NSGA-II, IEEE Trans. Evol. Comput. 6(2), 2002,
 *     doi:10.1109/4235.996017 (fronts; constrained domination, section VI).
 * [2] M. T. Jensen, Reducing the Run-Time Complexity of Multiobjective EAs, IEEE
 *     Trans. Evol. Comput. 7(5), 2003, doi:10.1109/TEVC.2003.817234 (the sweep for
 *     two objectives).
 * [3] X. Zhang, Y. Tian, R. Cheng, Y. Jin, An Efficient Approach to Nondominated
 *     Sorting for Evolutionary Multiobjective Optimization, IEEE Trans. Evol.
 *     Comput. 19(2), 2015, doi:10.1109/TEVC.2014.2308305 (points in lexicographic
 *     order, each compared with points before it only).
 * [4] P. Gustavsson, A. Syberfeldt, A New Algorithm Using the Non-Dominated Tree to
 *     Improve Non-Dominated Sorting, Evol. Comput. 26(1), 2018,
 *     doi:10.1162/evco_a_00204 (a k-d tree of earlier points).
 *
 * We differ in: one tree for all fronts, in which every node knows the largest rank
 * below it, so that a search also leaves out what could not raise the answer;
 * eight children a node, compared at once; coordinates are their ranks among all
 * values of an objective, so that ties and NaN need no care; equal points are one.
 *
 * Values are minimised.  a dominates b when it is nowhere larger and somewhere
 * smaller.  NaN is worse than every number, +infinity included, and equal to NaN.
 * With violations, a feasible point (violation <= 0) dominates every infeasible
 * one, and of two infeasible ones the smaller violation dominates, whatever the
 * objectives; a NaN violation is the worst. */
#ifndef EF_EVOLVE_SORT_H
#define EF_EVOLVE_SORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct ef_sort ef_sort; /* room to sort in, used again and again */

/* For up to capacity points of dim >= 1 objectives.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_sort_create(ef_sort **sort, size_t capacity, size_t dim,
                                      ef_error *err);
void ef_sort_destroy(ef_sort *sort);

/* Ranks points, shape (n, dim) row-major, n at most the capacity; violations (n), or
 * NULL: all feasible.  ranks (n): 0 for the first front, 1 for the next.  Returns the
 * number of fronts, 0 for no points.  Allocates nothing.
 *
 * Cost: O(n log n) for 1 and 2 objectives.  For more, near O(n log n) on what
 * evolution meets, O(n^2 dim) for the worst arrangement. */
size_t ef_sort_run(ef_sort *sort, const double *points, const double *violations,
                   size_t n, uint32_t *ranks);

/* The same by comparing all pairs, O(n^2 dim fronts): what the tests hold the fast one
 * against. */
size_t ef_sort_naive(const double *points, const double *violations, size_t n,
                     size_t dim, uint32_t *ranks);

/* Whether point a dominates point b, both of shape (dim). */
int ef_sort_dominates(const double *a, const double *b, size_t dim);

#endif
