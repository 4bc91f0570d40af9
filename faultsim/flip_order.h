/* The flips of a fault in the order in which a run meets them: patterns have many. */
#ifndef EF_FAULTSIM_FLIP_ORDER_H
#define EF_FAULTSIM_FLIP_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "faultsim/fault.h"

typedef struct ef_flip_place {
    uint64_t key; /* of a parameter the element; of what images bring about 0: every
                     image, else the image and 1 */
    size_t flip;  /* its number in the fault */
} ef_flip_place;

typedef struct ef_flip_range {
    const ef_flip_place *places; /* (n), ascending by key, then by number */
    size_t n;
} ef_flip_range;

typedef struct ef_flip_order {
    size_t *begins; /* (n_sites + 1): where the flips of each site begin; owned */
    ef_flip_place *places; /* (n); owned */
    size_t n_sites, capacity;
} ef_flip_order;

/* Without a flip.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_flip_order_init(ef_flip_order *order, size_t n_sites);
void ef_flip_order_clear(ef_flip_order *order);
/* Takes the flips of a fault in place of those before; sites: (n_sites).  O(n log n),
 * O(n) where they ascend already.  EF_ERR_MEMORY: it is as before. */
EF_NODISCARD ef_status ef_flip_order_set(ef_flip_order *order, const ef_fault *fault,
                                         const ef_site *sites);

/* The flips of a site; none where it is SIZE_MAX. */
ef_flip_range ef_flip_order_of(const ef_flip_order *order, size_t site);
/* Those of a key among them.  O(log n). */
ef_flip_range ef_flip_range_at(ef_flip_range range, uint64_t key);

#endif
