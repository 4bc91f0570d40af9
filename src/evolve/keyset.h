/* A set of 64-bit keys: what was evaluated already. */
#ifndef EF_EVOLVE_KEYSET_H
#define EF_EVOLVE_KEYSET_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Zeroed it is empty. */
typedef struct ef_keyset {
    uint64_t *slots; /* (n_slots), a power of two; 0 is an empty slot */
    size_t n_slots;
    size_t n;
    int has_zero; /* the key 0 is kept here */
} ef_keyset;

void ef_keyset_clear(ef_keyset *set);
/* Forgets the keys and keeps the room. */
void ef_keyset_empty(ef_keyset *set);
/* Makes room for n keys more, which then can be added without a failure.
 * EF_ERR_MEMORY: the set is as it was. */
EF_NODISCARD ef_status ef_keyset_reserve(ef_keyset *set, size_t n);
int ef_keyset_has(const ef_keyset *set, uint64_t key);
/* Fine where the key is there already.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_keyset_add(ef_keyset *set, uint64_t key);

#endif
