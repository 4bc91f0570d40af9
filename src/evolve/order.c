#include "evolve/order_priv.h"

#include <string.h>

/* Digits of 11 bits take 6 passes, digits of 8 bits 8 passes over smaller tables;
 * the smaller tables win below about a thousand items. */
enum { WIDE_BITS = 11, NARROW_BITS = 8, MAX_PASSES = 8, NARROW_BELOW = 1000 };

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

static void count_digits(const ef_order_item *items, size_t n, unsigned bits,
                         unsigned n_passes, uint32_t *counts)
{
    uint64_t mask = (UINT64_C(1) << bits) - 1;
    memset(counts, 0, ((size_t)n_passes << bits) * sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        uint64_t key = items[i].key;
        for (unsigned pass = 0; pass < n_passes; pass++) {
            counts[((size_t)pass << bits) + (key >> (pass * bits) & mask)]++;
        }
    }
}

static void scatter(const ef_order_item *from, ef_order_item *to, size_t n,
                    unsigned shift, unsigned bits, uint32_t *counts)
{
    uint64_t mask = (UINT64_C(1) << bits) - 1;
    uint32_t start = 0;
    for (size_t digit = 0; digit <= mask; digit++) {
        uint32_t count = counts[digit];
        counts[digit] = start;
        start += count;
    }
    for (size_t i = 0; i < n; i++) {
        to[counts[from[i].key >> shift & mask]++] = from[i];
    }
}

void ef_order_sort(ef_order_item *items, ef_order_item *scratch, size_t n)
{
    uint32_t counts[MAX_PASSES << WIDE_BITS];
    unsigned bits = n < NARROW_BELOW ? NARROW_BITS : WIDE_BITS;
    unsigned n_passes = (64 + bits - 1) / bits;
    uint64_t mask = (UINT64_C(1) << bits) - 1;
    if (n < 2) {
        return;
    }
    count_digits(items, n, bits, n_passes, counts);
    ef_order_item *from = items, *to = scratch;
    for (unsigned pass = 0; pass < n_passes; pass++) {
        uint32_t *of_pass = counts + ((size_t)pass << bits);
        if (of_pass[from[0].key >> (pass * bits) & mask] == n) {
            continue; /* all have the same digit */
        }
        scatter(from, to, n, pass * bits, bits, of_pass);
        ef_order_item *kept = from;
        from = to;
        to = kept;
    }
    if (from != items) {
        memcpy(items, from, n * sizeof *items);
    }
}
