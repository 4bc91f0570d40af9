/* A k-d tree that answers: the largest rank among the points inserted so far that are
 * nowhere larger than a given one.  Methods and sources: evolve/sort.h. */
#ifndef EF_EVOLVE_SORT_TREE_PRIV_H
#define EF_EVOLVE_SORT_TREE_PRIV_H

#include <stddef.h>
#include <stdint.h>

typedef struct ef_sort_tree ef_sort_tree;

/* For up to capacity points of dim >= 1 coordinates; NULL when memory is short. */
ef_sort_tree *ef_sort_tree_create(size_t capacity, size_t dim);
void ef_sort_tree_destroy(ef_sort_tree *tree);

/* Gives each of n points its leaf, and empties the tree.  Coordinate d of point i is
 * coordinates[d * stride + i]; points (n) lists the i and is reordered. */
void ef_sort_tree_build(ef_sort_tree *tree, const int32_t *coordinates, size_t stride,
                        uint32_t *points, size_t n);

/* Largest rank among the inserted points that are nowhere larger than point, shape
 * (dim); 0 where there is none. */
int32_t ef_sort_tree_query(const ef_sort_tree *tree, const int32_t *point);

/* Inserts point, number index of those that the tree was built for, with rank > 0. */
void ef_sort_tree_insert(ef_sort_tree *tree, uint32_t index, const int32_t *point,
                         int32_t rank);

#endif
