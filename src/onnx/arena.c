#include "onnx/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define BLOCK_SIZE (64 * 1024)

typedef struct ef_arena_block {
    struct ef_arena_block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
} ef_arena_block;

void ef_arena_init(ef_arena *arena)
{
    arena->blocks = NULL;
    arena->failed = 0;
}

void ef_arena_clear(ef_arena *arena)
{
    while (arena->blocks) {
        ef_arena_block *next = arena->blocks->next;
        ef_free(arena->blocks);
        arena->blocks = next;
    }
}

static ef_arena_block *add_block(ef_arena *arena, size_t size)
{
    ef_arena_block *block = ef_calloc(1, sizeof *block + size);
    if (block) {
        block->size = size;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *ef_arena_calloc(ef_arena *arena, size_t n, size_t size)
{
    const size_t alignment = alignof(max_align_t);
    if (arena->failed || (size > 0 && n > (SIZE_MAX / 2 - BLOCK_SIZE) / size)) {
        arena->failed = 1;
        return NULL;
    }
    size_t wanted = (n * size + alignment - 1) / alignment * alignment;
    ef_arena_block *block = arena->blocks;
    if (!block || block->size - block->used < wanted) {
        block = add_block(arena, wanted > BLOCK_SIZE ? wanted : BLOCK_SIZE);
    }
    if (!block) {
        arena->failed = 1;
        return NULL;
    }
    void *bytes = block->bytes + block->used;
    block->used += wanted;
    return bytes;
}

char *ef_arena_strdup(ef_arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = ef_arena_calloc(arena, size, 1);
    if (copy) {
        memcpy(copy, text, size);
    }
    return copy;
}

char *ef_arena_print(ef_arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = ef_arena_calloc(arena, (size_t)length + 1, 1);
    if (text) {
        vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    va_end(arguments);
    return text;
}
