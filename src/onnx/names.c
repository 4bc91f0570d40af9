#include "onnx/names.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

ef_status ef_names_init(ef_names *names, size_t n)
{
    size_t capacity = 16;
    while (capacity < 2 * n) {
        capacity *= 2;
    }
    names->keys = ef_calloc(capacity, sizeof *names->keys);
    names->numbers = ef_calloc(capacity, sizeof *names->numbers);
    names->capacity = capacity;
    if (!names->keys || !names->numbers) {
        ef_names_clear(names);
        return EF_ERR_MEMORY;
    }
    return EF_OK;
}

void ef_names_clear(ef_names *names)
{
    ef_free(names->keys);
    ef_free(names->numbers);
    *names = (ef_names){NULL, NULL, 0};
}

/* The place where the name is, or where it would go. */
static size_t place_of(const ef_names *names, const char *key)
{
    size_t at = ef_hash_bytes(0, key, strlen(key)) & (names->capacity - 1);
    while (names->keys[at] && strcmp(names->keys[at], key) != 0) {
        at = (at + 1) & (names->capacity - 1);
    }
    return at;
}

int ef_names_put(ef_names *names, const char *key, uint32_t number)
{
    size_t at = place_of(names, key);
    if (names->keys[at]) {
        return 0;
    }
    names->keys[at] = key;
    names->numbers[at] = number;
    return 1;
}

int ef_names_find(const ef_names *names, const char *key, uint32_t *number)
{
    size_t at = place_of(names, key);
    *number = names->numbers[at];
    return names->keys[at] != NULL;
}
