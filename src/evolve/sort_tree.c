#include "evolve/sort_tree_priv.h"

#include <limits.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/mem.h"

/* Points in a leaf, children of a node; measured: 100,000 points in 3 to 8
 * objectives are sorted equally fast with 32 and 64, slower with 16. */
enum { LEAF = 32, WIDE = 8, LANES = 4, MAX_LEVELS = 16 };

/* A level holds groups of WIDE nodes.  A group is an array (dim + 1, WIDE): the
 * smallest coordinates of the points below each node, then their largest rank.
 * Level 0 stands above the leaves: node l of it is leaf l. */
struct ef_sort_tree {
    size_t dim, group_size, n_levels, n_leaves, n_groups;
    size_t first_group[MAX_LEVELS];
    int32_t *groups;
    int32_t *leaf_points; /* (leaves, dim, LEAF) */
    int32_t *leaf_ranks;  /* (leaves, LEAF), 0: empty place */
    uint32_t *leaf_sizes;
    uint32_t *leaf_of; /* (points) */
};

typedef int32_t lanes __attribute__((vector_size(LANES * sizeof(int32_t)), may_alias));

typedef struct search {
    const ef_sort_tree *tree;
    const int32_t *point;
    int32_t best;
} search;

static size_t divide_up(size_t n, size_t by)
{
    return n / by + (n % by != 0);
}

/* Lays the levels out for n points. */
static void set_levels(ef_sort_tree *tree, size_t n)
{
    tree->n_leaves = divide_up(n, LEAF);
    tree->n_levels = 0;
    tree->n_groups = 0;
    size_t n_nodes = tree->n_leaves;
    do {
        n_nodes = divide_up(n_nodes, WIDE);
        tree->first_group[tree->n_levels++] = tree->n_groups;
        tree->n_groups += n_nodes;
    } while (n_nodes > 1);
}

ef_sort_tree *ef_sort_tree_create(size_t capacity, size_t dim)
{
    ef_sort_tree *tree = ef_calloc(1, sizeof *tree);
    if (!tree) {
        return NULL;
    }
    tree->dim = dim;
    tree->group_size = (dim + 1) * WIDE;
    set_levels(tree, capacity);
    tree->groups =
        ef_calloc_aligned(tree->n_groups, tree->group_size * sizeof *tree->groups);
    tree->leaf_points =
        ef_calloc_aligned(tree->n_leaves, LEAF * dim * sizeof *tree->leaf_points);
    tree->leaf_ranks =
        ef_calloc_aligned(tree->n_leaves, LEAF * sizeof *tree->leaf_ranks);
    tree->leaf_sizes = ef_calloc(tree->n_leaves, sizeof *tree->leaf_sizes);
    tree->leaf_of = ef_calloc(capacity, sizeof *tree->leaf_of);
    if (!tree->groups || !tree->leaf_points || !tree->leaf_ranks || !tree->leaf_sizes ||
        !tree->leaf_of) {
        ef_sort_tree_destroy(tree);
        return NULL;
    }
    return tree;
}

void ef_sort_tree_destroy(ef_sort_tree *tree)
{
    if (tree) {
        ef_free(tree->groups);
        ef_free(tree->leaf_points);
        ef_free(tree->leaf_ranks);
        ef_free(tree->leaf_sizes);
        ef_free(tree->leaf_of);
        ef_free(tree);
    }
}

static void empty(ef_sort_tree *tree)
{
    for (size_t g = 0; g < tree->n_groups; g++) {
        int32_t *group = tree->groups + g * tree->group_size;
        for (size_t i = 0; i < tree->dim * WIDE; i++) {
            group[i] = INT32_MAX;
        }
        for (size_t i = 0; i < WIDE; i++) {
            group[tree->dim * WIDE + i] = 0;
        }
    }
    for (size_t l = 0; l < tree->n_leaves; l++) {
        tree->leaf_sizes[l] = 0;
    }
    for (size_t i = 0; i < tree->n_leaves * LEAF; i++) {
        tree->leaf_ranks[i] = 0;
    }
}

/* C. A. R. Hoare's selection: afterwards no point before place `middle` is larger, and
 * none behind it smaller, than the one there. */
static void select_place(const int32_t *values, uint32_t *points, size_t n,
                         size_t middle)
{
    ptrdiff_t low = 0, high = (ptrdiff_t)n - 1, place = (ptrdiff_t)middle;
    while (low < high) {
        int32_t pivot = values[points[low + (high - low) / 2]];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (values[points[i]] < pivot) {
                i++;
            }
            while (values[points[j]] > pivot) {
                j--;
            }
            if (i <= j) {
                uint32_t kept = points[i];
                points[i++] = points[j];
                points[j--] = kept;
            }
        }
        if (place <= j) {
            high = j;
        } else if (place >= i) {
            low = i;
        } else {
            return;
        }
    }
}

/* Halves the points coordinate by coordinate down to whole leaves; the left part gets
 * a power of two of leaves, so that a node's leaves lie together. */
static void divide(ef_sort_tree *tree, const int32_t *coordinates, size_t stride,
                   uint32_t *points, size_t n, size_t leaf, size_t d)
{
    size_t n_leaves = divide_up(n, LEAF), left = 1;
    if (n_leaves <= 1) {
        for (size_t i = 0; i < n; i++) {
            tree->leaf_of[points[i]] = (uint32_t)leaf;
        }
        return;
    }
    while (left * 2 < n_leaves) {
        left *= 2;
    }
    size_t middle = left * LEAF, next = (d + 1) % tree->dim;
    select_place(coordinates + d * stride, points, n, middle);
    divide(tree, coordinates, stride, points, middle, leaf, next);
    divide(tree, coordinates, stride, points + middle, n - middle, leaf + left, next);
}

void ef_sort_tree_build(ef_sort_tree *tree, const int32_t *coordinates, size_t stride,
                        uint32_t *points, size_t n)
{
    set_levels(tree, n);
    empty(tree);
    divide(tree, coordinates, stride, points, n, 0, 0);
}

void ef_sort_tree_insert(ef_sort_tree *tree, uint32_t index, const int32_t *point,
                         int32_t rank)
{
    size_t node = tree->leaf_of[index], dim = tree->dim;
    size_t place = tree->leaf_sizes[node]++;
    for (size_t d = 0; d < dim; d++) {
        tree->leaf_points[(node * dim + d) * LEAF + place] = point[d];
    }
    tree->leaf_ranks[node * LEAF + place] = rank;
    for (size_t level = 0; level < tree->n_levels; level++) {
        size_t g = tree->first_group[level] + node / WIDE;
        int32_t *group = tree->groups + g * tree->group_size + node % WIDE;
        for (size_t d = 0; d < dim; d++) {
            group[d * WIDE] = point[d] < group[d * WIDE] ? point[d] : group[d * WIDE];
        }
        group[dim * WIDE] = rank > group[dim * WIDE] ? rank : group[dim * WIDE];
        node /= WIDE;
    }
}

/* One bit a lane that is all ones. */
static inline unsigned lane_mask(lanes x)
{
#ifdef __SSE2__
    return (unsigned)_mm_movemask_ps((__m128)x);
#else
    unsigned mask = 0;
    for (unsigned i = 0; i < LANES; i++) {
        mask |= (unsigned)(x[i] != 0) << i;
    }
    return mask;
#endif
}

static inline lanes load(const int32_t *from)
{
    return *(const lanes *)(const void *)from;
}

static inline __attribute__((always_inline)) void scan_leaf(search *s, size_t leaf,
                                                            size_t dim)
{
    const int32_t *points = s->tree->leaf_points + leaf * dim * LEAF;
    const int32_t *ranks = s->tree->leaf_ranks + leaf * LEAF;
    lanes best = {s->best, s->best, s->best, s->best};
    for (size_t i = 0; i < s->tree->leaf_sizes[leaf]; i += LANES) {
        lanes rank = load(ranks + i);
        for (size_t d = 0; d < dim; d++) {
            rank &= load(points + d * LEAF + i) <= s->point[d];
        }
        lanes better = rank > best;
        best = (rank & better) | (best & ~better);
    }
    for (size_t i = 0; i < LANES; i++) {
        s->best = best[i] > s->best ? best[i] : s->best;
    }
}

typedef void visit_group(search *s, size_t level, size_t index);

/* The nodes of a group that could raise the answer, from the last, which holds the
 * larger coordinates and so, mostly, the larger ranks. */
static inline __attribute__((always_inline)) void
visit(search *s, size_t level, size_t index, size_t dim, visit_group *below)
{
    const ef_sort_tree *tree = s->tree;
    const int32_t *group =
        tree->groups + (tree->first_group[level] + index) * (dim + 1) * WIDE;
    const int32_t *ranks = group + dim * WIDE;
    lanes low = load(ranks) > s->best, high = load(ranks + LANES) > s->best;
    for (size_t d = 0; d < dim; d++) {
        low &= load(group + d * WIDE) <= s->point[d];
        high &= load(group + d * WIDE + LANES) <= s->point[d];
    }
    unsigned mask = lane_mask(low) | lane_mask(high) << LANES;
    for (unsigned k = WIDE; mask && k-- > 0;) {
        if (!(mask >> k & 1) || ranks[k] <= s->best) {
            continue;
        }
        if (level > 0) {
            below(s, level - 1, index * WIDE + k);
        } else {
            scan_leaf(s, index * WIDE + k, dim);
        }
    }
}

#define VISIT(name, dim)                                                               \
    static void name(search *s, size_t level, size_t index)                            \
    {                                                                                  \
        visit(s, level, index, dim, name);                                             \
    }
VISIT(visit_2, 2)
VISIT(visit_3, 3)
VISIT(visit_4, 4)
VISIT(visit_5, 5)
VISIT(visit_any, s->tree->dim)

int32_t ef_sort_tree_query(const ef_sort_tree *tree, const int32_t *point)
{
    static visit_group *const by_dim[] = {visit_any, visit_any, visit_2,
                                          visit_3,   visit_4,   visit_5};
    search s = {.tree = tree, .point = point};
    size_t n_known = sizeof by_dim / sizeof *by_dim;
    by_dim[tree->dim < n_known ? tree->dim : 0](&s, tree->n_levels - 1, 0);
    return s.best;
}
