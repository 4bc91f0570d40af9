/* Memory for a message in the making: many small pieces, released at once. */
#ifndef EF_ONNX_ARENA_H
#define EF_ONNX_ARENA_H

#include <stddef.h>

#include "base/status.h"

typedef struct ef_arena {
    struct ef_arena_block *blocks;
    int failed; /* memory was short: checked once, at the end, by the caller */
} ef_arena;

void ef_arena_init(ef_arena *arena);
void ef_arena_clear(ef_arena *arena);

/* n zeroed objects of size bytes; NULL, and failed set, where memory is short. */
void *ef_arena_calloc(ef_arena *arena, size_t n, size_t size);
char *ef_arena_strdup(ef_arena *arena, const char *text);
/* NULL as above. */
char *ef_arena_print(ef_arena *arena, const char *format, ...) EF_PRINTF(2, 3);

#endif
