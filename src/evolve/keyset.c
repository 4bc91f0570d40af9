#include "evolve/keyset.h"

#include <string.h>

#include "base/mem.h"

void ef_keyset_clear(ef_keyset *set)
{
    ef_free(set->slots);
    memset(set, 0, sizeof *set);
}

/* The slot that holds key, or the empty one where it belongs. */
static size_t find_slot(const uint64_t *slots, size_t n_slots, uint64_t key)
{
    /* Fibonacci hashing: keys are hashes already, and the product's upper bits mix
     * those of a poor one. */
    size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 24) & (n_slots - 1);
    while (slots[i] != 0 && slots[i] != key) {
        i = (i + 1) & (n_slots - 1);
    }
    return i;
}

void ef_keyset_empty(ef_keyset *set)
{
    if (set->n > 0 && set->slots) {
        memset(set->slots, 0, set->n_slots * sizeof *set->slots);
    }
    set->n = 0;
    set->has_zero = 0;
}

int ef_keyset_has(const ef_keyset *set, uint64_t key)
{
    if (key == 0) {
        return set->has_zero;
    }
    return set->n_slots && set->slots[find_slot(set->slots, set->n_slots, key)] == key;
}

/* At most half full, so that chains stay short. */
ef_status ef_keyset_reserve(ef_keyset *set, size_t n)
{
    size_t n_slots = set->n_slots ? set->n_slots : 64;
    while (n_slots < 2 * (set->n + n)) {
        n_slots *= 2;
    }
    if (n_slots == set->n_slots) {
        return EF_OK;
    }
    uint64_t *slots = ef_calloc(n_slots, sizeof *slots);
    if (!slots) {
        return EF_ERR_MEMORY;
    }
    for (size_t i = 0; i < set->n_slots; i++) {
        if (set->slots[i] != 0) {
            slots[find_slot(slots, n_slots, set->slots[i])] = set->slots[i];
        }
    }
    ef_free(set->slots);
    set->slots = slots;
    set->n_slots = n_slots;
    return EF_OK;
}

ef_status ef_keyset_add(ef_keyset *set, uint64_t key)
{
    if (key == 0) {
        set->n += !set->has_zero;
        set->has_zero = 1;
        return EF_OK;
    }
    if (ef_keyset_reserve(set, 1)) {
        return EF_ERR_MEMORY;
    }
    uint64_t *slot = &set->slots[find_slot(set->slots, set->n_slots, key)];
    set->n += *slot != key;
    *slot = key;
    return EF_OK;
}
