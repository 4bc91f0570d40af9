/* The greatest of many counts: the worst faults, the most fragile images. */
#ifndef EF_REPORT_WORST_H
#define EF_REPORT_WORST_H

#include <stddef.h>
#include <stdint.h>

/* Places of the `most` greatest counts above 0, shape (n), into places, which has room
 * for `most`; the greatest first, of equals the first.  Returns how many there are.
 * Cost: O(n log most). */
size_t ef_worst_find(const uint64_t *counts, size_t n, size_t most, size_t *places);

#endif
