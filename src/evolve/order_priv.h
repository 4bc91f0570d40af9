/* Order of doubles by a radix sort, shared by the modules of this folder. */
#ifndef EF_EVOLVE_ORDER_PRIV_H
#define EF_EVOLVE_ORDER_PRIV_H

#include <stddef.h>
#include <stdint.h>

typedef struct ef_order_item {
    uint64_t key;
    uint32_t index;
} ef_order_item;

/* Keys order as values do: -infinity first, -0 equal to +0, a NaN of either sign
 * behind +infinity and equal to every other NaN. */
uint64_t ef_order_key(double x);

/* Sorts items (n) by key, equal keys in their order before; scratch has room for n. */
void ef_order_sort(ef_order_item *items, ef_order_item *scratch, size_t n);

#endif
