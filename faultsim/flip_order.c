#include "faultsim/flip_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

ef_status ef_flip_order_init(ef_flip_order *order, size_t n_sites)
{
    size_t *begins = ef_calloc(n_sites + 1, sizeof *begins);
    if (!begins) {
        return EF_ERR_MEMORY;
    }
    *order = (ef_flip_order){begins, NULL, n_sites, 0};
    return EF_OK;
}

void ef_flip_order_clear(ef_flip_order *order)
{
    ef_free(order->begins);
    ef_free(order->places);
    *order = (ef_flip_order){NULL, NULL, 0, 0};
}

static uint64_t key_of(const ef_flip *flip, const ef_site *site)
{
    int is_value = site->target == EF_TARGET_ACTIVATIONS ||
                   site->target == EF_TARGET_INPUTS ||
                   site->target == EF_TARGET_ACCUMULATORS;
    return is_value ? (uint64_t)(flip->image + 1) : flip->index;
}

static int compare_places(const void *a, const void *b)
{
    const ef_flip_place *x = a, *y = b;
    if (x->key != y->key) {
        return x->key > y->key ? 1 : -1;
    }
    return (x->flip > y->flip) - (x->flip < y->flip);
}

static void sort_site(ef_flip_place *places, size_t n)
{
    size_t i = 1;
    while (i < n && places[i - 1].key <= places[i].key) {
        i++;
    }
    if (i < n) {
        qsort(places, n, sizeof *places, compare_places);
    }
}

static ef_status reserve(ef_flip_order *order, size_t n)
{
    if (n > order->capacity) {
        ef_flip_place *places = ef_realloc(order->places, n, sizeof *places);
        if (!places) {
            return EF_ERR_MEMORY;
        }
        order->places = places;
        order->capacity = n;
    }
    return EF_OK;
}

/* By site by counting, in each as they stand; then each site by key. */
ef_status ef_flip_order_set(ef_flip_order *order, const ef_fault *fault,
                            const ef_site *sites)
{
    if (reserve(order, fault->n)) {
        return EF_ERR_MEMORY;
    }
    size_t n_sites = order->n_sites;
    size_t *ends = order->begins + 1;
    memset(order->begins, 0, (n_sites + 1) * sizeof *order->begins);
    for (size_t i = 0; i < fault->n; i++) {
        ends[fault->flips[i].site]++;
    }
    for (size_t s = 1; s < n_sites; s++) {
        ends[s] += ends[s - 1];
    }
    for (size_t i = fault->n; i-- > 0;) {
        uint32_t site = fault->flips[i].site;
        order->places[--ends[site]] =
            (ef_flip_place){key_of(&fault->flips[i], &sites[site]), i};
    }
    /* now `ends` are where the sites begin */
    memmove(order->begins, ends, n_sites * sizeof *ends);
    order->begins[n_sites] = fault->n;
    for (size_t s = 0; s < n_sites; s++) {
        sort_site(order->places + order->begins[s],
                  order->begins[s + 1] - order->begins[s]);
    }
    return EF_OK;
}

ef_flip_range ef_flip_order_of(const ef_flip_order *order, size_t site)
{
    if (site >= order->n_sites) {
        return (ef_flip_range){NULL, 0};
    }
    size_t begin = order->begins[site];
    return (ef_flip_range){order->places + begin, order->begins[site + 1] - begin};
}

/* How many keys are below. */
static size_t lower(ef_flip_range range, uint64_t key)
{
    size_t low = 0, high = range.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (range.places[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

ef_flip_range ef_flip_range_at(ef_flip_range range, uint64_t key)
{
    if (range.n == 0) {
        return range;
    }
    size_t begin = lower(range, key), end = lower(range, key + 1);
    return (ef_flip_range){range.places + begin, end - begin};
}
