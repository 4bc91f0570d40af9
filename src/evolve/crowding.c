#include "evolve/crowding.h"

#include <math.h>
#include <string.h>

typedef struct place {
    double value;
    size_t member;
} place;

size_t ef_crowding_scratch(size_t n)
{
    return 2 * n * sizeof(place);
}

/* By value, then by member: a total order, so that the result does not depend on the
 * sort.  Merges runs from below; other has room for n. */
static void merge_sort(place *places, place *other, size_t n)
{
    place *from = places;
    place *to = other;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            size_t middle = start + width < n ? start + width : n;
            size_t end = start + 2 * width < n ? start + 2 * width : n;
            size_t i = start;
            size_t j = middle;
            for (size_t k = start; k < end; k++) {
                int left = i < middle && (j == end || from[i].value <= from[j].value);
                to[k] = left ? from[i++] : from[j++];
            }
        }
        place *swap = from;
        from = to;
        to = swap;
    }
    if (from != places) {
        memcpy(places, from, n * sizeof *places);
    }
}

void ef_crowding(const double *points, size_t m, const size_t *members, size_t n,
                 double *distance, void *scratch)
{
    place *places = scratch;
    for (size_t i = 0; i < n; i++) {
        distance[i] = 0;
    }
    for (size_t k = 0; k < m && n > 0; k++) {
        for (size_t i = 0; i < n; i++) {
            places[i] = (place){points[members[i] * m + k], i};
        }
        merge_sort(places, places + n, n);
        double range = places[n - 1].value - places[0].value;
        distance[places[0].member] = INFINITY;
        distance[places[n - 1].member] = INFINITY;
        for (size_t i = 1; i + 1 < n && range > 0 && isfinite(range); i++) {
            double gap = places[i + 1].value - places[i - 1].value;
            distance[places[i].member] += gap / range;
        }
    }
}
