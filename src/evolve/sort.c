#include "evolve/sort.h"

#include <string.h>

#include "base/mem.h"
#include "evolve/order_priv.h"
#include "evolve/sort_tree_priv.h"

struct ef_sort {
    size_t capacity, dim;
    ef_order_item *items, *scratch; /* (capacity) */
    int32_t
        *coordinates;   /* (dim, capacity): place of a value among the distinct ones */
    int32_t *tails;     /* (capacity), for two objectives */
    uint32_t *points;   /* (capacity), for three and more */
    int32_t *point;     /* (dim) */
    ef_sort_tree *tree; /* for three and more */
};

ef_status ef_sort_create(ef_sort **sort, size_t capacity, size_t dim, ef_error *err)
{
    if (dim == 0 || capacity > INT32_MAX) {
        return ef_error_set(err, EF_ERR_UNSUPPORTED,
                            "cannot sort %zu points of %zu objectives", capacity, dim);
    }
    ef_sort *s = ef_calloc(1, sizeof *s);
    if (!s) {
        return ef_error_memory(err);
    }
    s->capacity = capacity;
    s->dim = dim;
    s->items = ef_calloc(capacity, sizeof *s->items);
    s->scratch = ef_calloc(capacity, sizeof *s->scratch);
    s->coordinates = ef_calloc(capacity, dim * sizeof *s->coordinates);
    s->tails = ef_calloc(dim == 2 ? capacity : 0, sizeof *s->tails);
    s->points = ef_calloc(dim > 2 ? capacity : 0, sizeof *s->points);
    s->point = ef_calloc(dim, sizeof *s->point);
    s->tree = dim > 2 ? ef_sort_tree_create(capacity, dim - 1) : NULL;
    if (!s->items || !s->scratch || !s->coordinates || !s->tails || !s->points ||
        !s->point || (dim > 2 && !s->tree)) {
        ef_sort_destroy(s);
        return ef_error_memory(err);
    }
    *sort = s;
    return EF_OK;
}

void ef_sort_destroy(ef_sort *sort)
{
    if (sort) {
        ef_free(sort->items);
        ef_free(sort->scratch);
        ef_free(sort->coordinates);
        ef_free(sort->tails);
        ef_free(sort->points);
        ef_free(sort->point);
        ef_sort_tree_destroy(sort->tree);
        ef_free(sort);
    }
}

static int32_t *coordinates_of(const ef_sort *sort, size_t objective)
{
    return sort->coordinates + objective * sort->capacity;
}

/* Orders the n items lexicographically, objective 0 first, and fills coordinates. */
static void order(ef_sort *sort, const double *points, size_t n)
{
    ef_order_item *items = sort->items;
    for (size_t j = sort->dim; j-- > 0;) {
        for (size_t i = 0; i < n; i++) {
            items[i].key = ef_order_key(points[items[i].index * sort->dim + j]);
        }
        ef_order_sort(items, sort->scratch, n);
        int32_t *coordinates = coordinates_of(sort, j), place = 0;
        for (size_t i = 0; i < n; i++) {
            place += i > 0 && items[i].key != items[i - 1].key;
            coordinates[items[i].index] = place;
        }
    }
}

static int equal(const ef_sort *sort, uint32_t a, uint32_t b)
{
    for (size_t j = 0; j < sort->dim; j++) {
        if (coordinates_of(sort, j)[a] != coordinates_of(sort, j)[b]) {
            return 0;
        }
    }
    return 1;
}

/* Of the points in a front, the one added last has the smallest second coordinate,
 * and these grow from front to front [2]. */
static size_t sweep(ef_sort *sort, size_t n, uint32_t *ranks)
{
    const int32_t *second = coordinates_of(sort, 1);
    size_t n_fronts = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t point = sort->items[i].index;
        if (i > 0 && equal(sort, point, sort->items[i - 1].index)) {
            ranks[point] = ranks[sort->items[i - 1].index];
            continue;
        }
        size_t front = 0;
        for (size_t rest = n_fronts; rest > 0;) {
            size_t half = rest / 2;
            int above = sort->tails[front + half] <= second[point];
            front += above ? half + 1 : 0;
            rest = above ? rest - half - 1 : half;
        }
        sort->tails[front] = second[point];
        ranks[point] = (uint32_t)front;
        n_fronts += front == n_fronts;
    }
    return n_fronts;
}

/* A point ranks one behind the worst of those before it that are nowhere larger in the
 * other objectives [3]. */
static size_t climb(ef_sort *sort, size_t n, uint32_t *ranks)
{
    size_t n_distinct = 0;
    int32_t n_fronts = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t point = sort->items[i].index;
        if (i == 0 || !equal(sort, point, sort->items[i - 1].index)) {
            sort->points[n_distinct++] = point;
        }
    }
    ef_sort_tree_build(sort->tree, coordinates_of(sort, 1), sort->capacity,
                       sort->points, n_distinct);
    for (size_t i = 0; i < n; i++) {
        uint32_t point = sort->items[i].index;
        if (i > 0 && equal(sort, point, sort->items[i - 1].index)) {
            ranks[point] = ranks[sort->items[i - 1].index];
            continue;
        }
        for (size_t j = 1; j < sort->dim; j++) {
            sort->point[j - 1] = coordinates_of(sort, j)[point];
        }
        int32_t rank = ef_sort_tree_query(sort->tree, sort->point);
        ranks[point] = (uint32_t)rank;
        ef_sort_tree_insert(sort->tree, point, sort->point, rank + 1);
        n_fronts = rank + 1 > n_fronts ? rank + 1 : n_fronts;
    }
    return (size_t)n_fronts;
}

/* One objective: a front for each distinct value. */
static size_t walk(ef_sort *sort, size_t n, uint32_t *ranks)
{
    for (size_t i = 0; i < n; i++) {
        ranks[sort->items[i].index] = (uint32_t)sort->coordinates[sort->items[i].index];
    }
    return n == 0 ? 0 : ranks[sort->items[n - 1].index] + (size_t)1;
}

static int is_feasible(const double *violations, size_t i)
{
    return !violations || violations[i] <= 0;
}

/* The infeasible points, a front for each distinct violation, behind n_fronts. */
static size_t rank_infeasible(ef_sort *sort, const double *violations, size_t n,
                              size_t n_fronts, uint32_t *ranks)
{
    ef_order_item *items = sort->items;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_feasible(violations, i)) {
            items[count].index = (uint32_t)i;
            items[count++].key = ef_order_key(violations[i]);
        }
    }
    ef_order_sort(items, sort->scratch, count);
    for (size_t i = 0; i < count; i++) {
        n_fronts += i == 0 || items[i].key != items[i - 1].key;
        ranks[items[i].index] = (uint32_t)(n_fronts - 1);
    }
    return n_fronts;
}

size_t ef_sort_run(ef_sort *sort, const double *points, const double *violations,
                   size_t n, uint32_t *ranks)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        sort->items[count].index = (uint32_t)i;
        count += is_feasible(violations, i);
    }
    order(sort, points, count);
    size_t n_fronts = 0;
    if (count > 0) {
        n_fronts = sort->dim == 1   ? walk(sort, count, ranks)
                   : sort->dim == 2 ? sweep(sort, count, ranks)
                                    : climb(sort, count, ranks);
    }
    return rank_infeasible(sort, violations, n, n_fronts, ranks);
}

int ef_sort_dominates(const double *a, const double *b, size_t dim)
{
    int smaller = 0;
    for (size_t j = 0; j < dim; j++) {
        uint64_t key_a = ef_order_key(a[j]), key_b = ef_order_key(b[j]);
        if (key_a > key_b) {
            return 0;
        }
        smaller |= key_a < key_b;
    }
    return smaller;
}

static int dominates_constrained(const double *points, const double *violations,
                                 size_t a, size_t b, size_t dim)
{
    if (is_feasible(violations, a) && is_feasible(violations, b)) {
        return ef_sort_dominates(points + a * dim, points + b * dim, dim);
    }
    if (is_feasible(violations, a) || is_feasible(violations, b)) {
        return is_feasible(violations, a);
    }
    return ef_order_key(violations[a]) < ef_order_key(violations[b]);
}

/* Peels front after front: in the next one are the points without a rank that no
 * other point without a rank, or of this front, dominates. */
size_t ef_sort_naive(const double *points, const double *violations, size_t n,
                     size_t dim, uint32_t *ranks)
{
    memset(ranks, 0xff, n * sizeof *ranks);
    size_t n_ranked = 0;
    uint32_t front = 0;
    for (; n_ranked < n; front++) {
        for (size_t i = 0; i < n; i++) {
            int dominated = ranks[i] < front;
            for (size_t k = 0; k < n && !dominated; k++) {
                dominated = ranks[k] >= front &&
                            dominates_constrained(points, violations, k, i, dim);
            }
            if (!dominated) {
                ranks[i] = front;
                n_ranked++;
            }
        }
    }
    return front;
}
