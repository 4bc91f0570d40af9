#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static long fail_after = -1;

void ef_mem_fail_after(long n)
{
    fail_after = n;
}

static int must_fail(void)
{
    if (fail_after < 0) {
        return 0;
    }
    if (fail_after > 0) {
        fail_after--;
        return 0;
    }
    return 1;
}

static int product_overflows(size_t n, size_t size)
{
    return size != 0 && n > SIZE_MAX / size;
}

void *ef_calloc(size_t n, size_t size)
{
    if (product_overflows(n, size) || must_fail()) {
        return NULL;
    }
    return calloc(n ? n : 1, size ? size : 1);
}

void *ef_realloc(void *ptr, size_t n, size_t size)
{
    if (product_overflows(n, size) || must_fail()) {
        return NULL;
    }
    size_t bytes = n * size;
    return realloc(ptr, bytes > 0 ? bytes : 1);
}

void *ef_calloc_aligned(size_t n, size_t size)
{
    if (product_overflows(n, size) || n * size > SIZE_MAX - 64 || must_fail()) {
        return NULL;
    }
    size_t bytes = (n * size + 63) / 64 * 64;
    void *ptr = aligned_alloc(64, bytes ? bytes : 64);
    if (ptr) {
        memset(ptr, 0, bytes);
    }
    return ptr;
}

void *ef_memdup(const void *from, size_t size)
{
    void *copy = ef_calloc(size, 1);
    if (copy && size) {
        memcpy(copy, from, size);
    }
    return copy;
}

char *ef_strdup(const char *text)
{
    return ef_memdup(text, strlen(text) + 1);
}

void ef_free(void *ptr)
{
    free(ptr);
}
