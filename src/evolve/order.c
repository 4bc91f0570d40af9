#include "evolve/order_priv.h"

#include <string.h>

/* The upper half of the bits tells most values apart: items are sorted by it first, in
 * passes of BITS bits, and then each group of equals by the rest.  Small groups, and
 * small arrays as a whole, are cheaper to sort by insertion. */
enum { BITS = 11, MASK = (1 << BITS) - 1, PASSES = 3, UPPER = 64 - PASSES * BITS };
enum { FEW = 24 };

uint64_t ef_order_key(double x)
{
    if (x != x) {
        return UINT64_MAX;
    }
    x += 0.0; /* -0 becomes +0 */
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static void sort_few(ef_order_item *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        ef_order_item item = items[i];
        size_t at = i;
        for (; at > 0 && items[at - 1].key > item.key; at--) {
            items[at] = items[at - 1];
        }
        items[at] = item;
    }
}

/* One pass by the digit at shift, whose counts are given. */
static void scatter(const ef_order_item *from, ef_order_item *to, size_t n,
                    unsigned shift, uint32_t *counts)
{
    uint32_t start = 0;
    for (size_t digit = 0; digit <= MASK; digit++) {
        uint32_t count = counts[digit];
        counts[digit] = start;
        start += count;
    }
    for (size_t i = 0; i < n; i++) {
        to[counts[from[i].key >> shift & MASK]++] = from[i];
    }
}

/* Sorts by PASSES digits from bit low on. */
static void sort_digits(ef_order_item *items, ef_order_item *scratch, size_t n,
                        unsigned low)
{
    uint32_t counts[PASSES][MASK + 1] = {0};
    for (size_t i = 0; i < n; i++) {
        for (unsigned pass = 0; pass < PASSES; pass++) {
            counts[pass][items[i].key >> (low + pass * BITS) & MASK]++;
        }
    }
    ef_order_item *from = items, *to = scratch;
    for (unsigned pass = 0; pass < PASSES; pass++) {
        unsigned shift = low + pass * BITS;
        if (counts[pass][from[0].key >> shift & MASK] == n) {
            continue; /* all have the same digit */
        }
        scatter(from, to, n, shift, counts[pass]);
        ef_order_item *kept = from;
        from = to;
        to = kept;
    }
    if (from != items) {
        memcpy(items, from, n * sizeof *items);
    }
}

void ef_order_sort(ef_order_item *items, ef_order_item *scratch, size_t n)
{
    if (n <= FEW) {
        sort_few(items, n);
        return;
    }
    sort_digits(items, scratch, n, UPPER);
    for (size_t begin = 0, end; begin < n; begin = end) {
        uint64_t group = items[begin].key >> UPPER;
        int differ = 0;
        for (end = begin + 1; end < n && items[end].key >> UPPER == group; end++) {
            differ |= items[end].key != items[begin].key;
        }
        if (differ && end - begin <= FEW) {
            sort_few(items + begin, end - begin);
        } else if (differ) {
            sort_digits(items + begin, scratch, end - begin, 0);
        }
    }
}
