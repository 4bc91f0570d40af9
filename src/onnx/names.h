/* A map from names to numbers. */
#ifndef EF_ONNX_NAMES_H
#define EF_ONNX_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct ef_names {
    const char **keys; /* (capacity), NULL where free */
    uint32_t *numbers;
    size_t capacity; /* a power of two, at least twice the names it takes */
} ef_names;

/* For at most n names; they are borrowed until the end.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_names_init(ef_names *names, size_t n);
void ef_names_clear(ef_names *names);

/* Returns 0, and changes nothing, where the name is there already. */
int ef_names_put(ef_names *names, const char *key, uint32_t number);
/* Returns 0 where there is no such name. */
int ef_names_find(const ef_names *names, const char *key, uint32_t *number);

#endif
