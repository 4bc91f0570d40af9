/* Group numbers from keys. */
#include "net/dataset_priv.h"

#include "base/mem.h"

/* Open addressing; an entry is 1 + the first image that has the key. */
typedef struct table {
    uint32_t *firsts;
    size_t mask;
} table;

static size_t find_first(const table *t, const uint64_t *keys, size_t image)
{
    size_t at = (size_t)keys[image] & t->mask;
    while (t->firsts[at] && keys[t->firsts[at] - 1] != keys[image]) {
        at = (at + 1) & t->mask;
    }
    if (!t->firsts[at]) {
        t->firsts[at] = (uint32_t)image + 1;
    }
    return t->firsts[at] - 1;
}

ef_status ef_dataset_group(ef_dataset *set, const uint64_t *keys, ef_error *err)
{
    if (set->n >= UINT32_MAX) {
        return ef_error_set(err, EF_ERR_UNSUPPORTED, "too many images for groups");
    }
    size_t capacity = 16;
    while (capacity < 2 * set->n) {
        capacity *= 2;
    }
    table t = {ef_calloc(capacity, sizeof *t.firsts), capacity - 1};
    set->groups = ef_calloc(set->n, sizeof *set->groups);
    if (!t.firsts || !set->groups) {
        ef_free(t.firsts);
        return ef_error_memory(err);
    }
    set->n_groups = 0;
    for (size_t i = 0; i < set->n; i++) {
        size_t first = find_first(&t, keys, i);
        set->groups[i] = first == i ? (uint32_t)set->n_groups++ : set->groups[first];
    }
    ef_free(t.firsts);
    return EF_OK;
}
