#include "evolve/thinning.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "evolve/order_priv.h"

#define NONE UINT32_MAX

/* Members go by their places, 0 to n - 1; lists and values of objective k begin at
 * k * n. */
typedef struct front {
    size_t n, m;
    double *value;    /* (m, n) */
    double *scale;    /* (m) 1 / range; 0: no gaps */
    double *distance; /* (n) */
    uint32_t *before; /* (m, n) the neighbour with the next smaller value, or NONE */
    uint32_t *after;  /* (m, n) */
    uint32_t *heap;   /* (n) the least distance first */
    uint32_t *at;     /* (n) where a member stands in the heap */
    size_t n_heap;
} front;

size_t ef_thinning_scratch(size_t n, size_t m)
{
    size_t words = (2 * m + 2) * n;
    return (m * n + m + n) * sizeof(double) + (words + 1) / 2 * sizeof(double) +
           2 * n * sizeof(ef_order_item);
}

/* --- neighbours ----------------------------------------------------------------- */

/* Chains the members by their values of objective k. */
static void chain(front *f, size_t k, ef_order_item *items)
{
    const double *value = f->value + k * f->n;
    uint32_t *before = f->before + k * f->n, *after = f->after + k * f->n;
    for (size_t i = 0; i < f->n; i++) {
        items[i] = (ef_order_item){ef_order_key(value[i]), (uint32_t)i};
    }
    ef_order_sort(items, items + f->n, f->n);
    for (size_t i = 0; i < f->n; i++) {
        before[items[i].index] = i > 0 ? items[i - 1].index : NONE;
        after[items[i].index] = i + 1 < f->n ? items[i + 1].index : NONE;
    }
    double range = value[items[f->n - 1].index] - value[items[0].index];
    f->scale[k] = isfinite(range) && range > 0 ? 1 / range : 0;
    for (size_t i = 0; range == 0 && i < f->n; i++) {
        before[i] = after[i] = (uint32_t)i; /* its own neighbour: no ends, no gaps */
    }
}

static double find_distance(const front *f, size_t i)
{
    double distance = 0;
    for (size_t k = 0; k < f->m; k++) {
        uint32_t before = f->before[k * f->n + i], after = f->after[k * f->n + i];
        if (before == NONE || after == NONE) {
            return INFINITY;
        }
        if (f->scale[k] > 0) {
            const double *value = f->value + k * f->n;
            distance += (value[after] - value[before]) * f->scale[k];
        }
    }
    return distance;
}

/* --- the heap ------------------------------------------------------------------- */

/* 1 where member a leaves before member b. */
static int leaves_first(const front *f, uint32_t a, uint32_t b)
{
    return f->distance[a] != f->distance[b] ? f->distance[a] < f->distance[b] : a > b;
}

static void put(front *f, size_t place, uint32_t i)
{
    f->heap[place] = i;
    f->at[i] = (uint32_t)place;
}

static void sift_down(front *f, size_t place)
{
    uint32_t i = f->heap[place];
    for (size_t child; (child = 2 * place + 1) < f->n_heap; place = child) {
        child += child + 1 < f->n_heap &&
                 leaves_first(f, f->heap[child + 1], f->heap[child]);
        if (!leaves_first(f, f->heap[child], i)) {
            break;
        }
        put(f, place, f->heap[child]);
    }
    put(f, place, i);
}

/* Distances only grow: what neighbours lose lies between what is left. */
static void renew(front *f, uint32_t i)
{
    if (i != NONE) {
        f->distance[i] = find_distance(f, i);
        sift_down(f, f->at[i]);
    }
}

/* Takes the first of the heap out of all lists. */
static void take_first(front *f)
{
    uint32_t i = f->heap[0];
    put(f, 0, f->heap[--f->n_heap]);
    sift_down(f, 0);
    for (size_t k = 0; k < f->m; k++) {
        uint32_t *all_before = f->before + k * f->n, *all_after = f->after + k * f->n;
        uint32_t before = all_before[i], after = all_after[i];
        if (before == i) {
            continue;
        }
        if (before != NONE) {
            all_after[before] = after;
        }
        if (after != NONE) {
            all_before[after] = before;
        }
        renew(f, before);
        renew(f, after);
    }
}

/* --- thinning ------------------------------------------------------------------- */

/* Lays the lists out in scratch; what follows them is returned. */
static void *lay_out(front *f, void *scratch)
{
    f->value = scratch;
    f->scale = f->value + f->m * f->n;
    f->distance = f->scale + f->m;
    f->before = (uint32_t *)(f->distance + f->n);
    f->after = f->before + f->m * f->n;
    f->heap = f->after + f->m * f->n;
    f->at = f->heap + f->n;
    size_t words = (2 * f->m + 2) * f->n;
    return (double *)f->before + (words + 1) / 2;
}

/* Members that left have no place in the heap. */
static int is_kept(const front *f, size_t i)
{
    return f->at[i] < f->n_heap && f->heap[f->at[i]] == i;
}

/* Range of objective k over the kept ones: from one end of its list to the other. */
static double find_range(const front *f, size_t k)
{
    double low = 0, high = 0;
    for (size_t j = 0; j < f->n_heap; j++) {
        size_t i = k * f->n + f->heap[j];
        low = f->before[i] == NONE ? f->value[i] : low;
        high = f->after[i] == NONE ? f->value[i] : high;
    }
    return high - low;
}

/* Adds up the gaps of the kept ones as ef_crowding does, in shares of their range. */
static void measure(front *f)
{
    for (size_t j = 0; j < f->n_heap; j++) {
        f->distance[f->heap[j]] = 0;
    }
    for (size_t k = 0; k < f->m; k++) {
        const double *value = f->value + k * f->n;
        double range = find_range(f, k);
        for (size_t j = 0; j < f->n_heap && range != 0; j++) {
            size_t i = f->heap[j];
            uint32_t before = f->before[k * f->n + i], after = f->after[k * f->n + i];
            if (before == NONE || after == NONE) {
                f->distance[i] = INFINITY;
            } else if (isfinite(range)) {
                f->distance[i] += (value[after] - value[before]) / range;
            }
        }
    }
}

static void part(const front *f, size_t *members, double *distance, size_t *others)
{
    size_t n_kept = 0, n_others = 0;
    for (size_t i = 0; i < f->n; i++) {
        if (is_kept(f, i)) {
            distance[n_kept] = f->distance[i];
            members[n_kept++] = members[i];
        } else {
            others[n_others++] = members[i];
        }
    }
    memcpy(members + n_kept, others, n_others * sizeof *members);
}

void ef_thinning_run(const double *points, size_t m, size_t *members, size_t n,
                     size_t n_kept, double *distance, void *scratch)
{
    front f = {.n = n, .m = m, .n_heap = n};
    void *rest = lay_out(&f, scratch);
    for (size_t k = 0; k < m && n > 0; k++) {
        for (size_t i = 0; i < n; i++) {
            f.value[k * n + i] = points[members[i] * m + k];
        }
        chain(&f, k, rest);
    }
    for (size_t i = 0; i < n; i++) {
        f.distance[i] = find_distance(&f, i);
        put(&f, i, (uint32_t)i);
    }
    for (size_t place = n / 2; place-- > 0;) {
        sift_down(&f, place);
    }
    while (f.n_heap > n_kept) {
        take_first(&f);
    }
    measure(&f);
    part(&f, members, distance, rest);
}
