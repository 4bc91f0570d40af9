#include "evolve/crowding.h"

#include <math.h>
#include <stdint.h>

#include "evolve/order_priv.h"

size_t ef_crowding_scratch(size_t n)
{
    return 2 * n * sizeof(ef_order_item);
}

void ef_crowding(const double *points, size_t m, const size_t *members, size_t n,
                 double *distance, void *scratch)
{
    ef_order_item *items = scratch;
    for (size_t i = 0; i < n; i++) {
        distance[i] = 0;
    }
    for (size_t k = 0; k < m && n > 0; k++) {
        for (size_t i = 0; i < n; i++) {
            double value = points[members[i] * m + k];
            items[i] = (ef_order_item){ef_order_key(value), (uint32_t)i};
        }
        ef_order_sort(items, items + n, n);
        double low = points[members[items[0].index] * m + k];
        double range = points[members[items[n - 1].index] * m + k] - low;
        if (range == 0) {
            continue;
        }
        distance[items[0].index] = INFINITY;
        distance[items[n - 1].index] = INFINITY;
        for (size_t i = 1; i + 1 < n && isfinite(range); i++) {
            double before = points[members[items[i - 1].index] * m + k];
            double after = points[members[items[i + 1].index] * m + k];
            distance[items[i].index] += (after - before) / range;
        }
    }
}
