#include "report/worst.h"

/* Whether the count at a is listed behind that at b. */
static int is_behind(const uint64_t *counts, size_t a, size_t b)
{
    return counts[a] != counts[b] ? counts[a] < counts[b] : a > b;
}

/* A heap whose first place is listed last; puts place into position `at` or below. */
static void sink(const uint64_t *counts, size_t *heap, size_t n, size_t at,
                 size_t place)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && is_behind(counts, heap[child + 1], heap[child])) {
            child++;
        }
        if (!is_behind(counts, heap[child], place)) {
            break;
        }
        heap[at] = heap[child];
    }
    heap[at] = place;
}

static void rise(const uint64_t *counts, size_t *heap, size_t at, size_t place)
{
    for (; at > 0 && is_behind(counts, place, heap[(at - 1) / 2]); at = (at - 1) / 2) {
        heap[at] = heap[(at - 1) / 2];
    }
    heap[at] = place;
}

size_t ef_worst_find(const uint64_t *counts, size_t n, size_t most, size_t *places)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        if (counts[i] == 0 || most == 0) {
            continue;
        }
        if (found < most) {
            rise(counts, places, found++, i);
        } else if (counts[i] > counts[places[0]]) {
            sink(counts, places, found, 0, i);
        }
    }
    for (size_t left = found; left > 1; left--) {
        size_t last = places[0];
        sink(counts, places, left - 1, 0, places[left - 1]);
        places[left - 1] = last;
    }
    return found;
}
