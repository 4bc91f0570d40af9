/* Memory: array allocation that cannot overflow, and aligned arrays for kernels. */
#ifndef EF_BASE_MEM_H
#define EF_BASE_MEM_H

#include <stddef.h>

/* n objects of size bytes, zeroed; NULL where n * size overflows or memory is short.
 * n = 0 gives a valid pointer, so that NULL always means failure. */
void *ef_calloc(size_t n, size_t size);

/* Grows or shrinks to n objects of size bytes; what is new is not zeroed.
 * On failure returns NULL and leaves ptr as it was. */
void *ef_realloc(void *ptr, size_t n, size_t size);

/* n zeroed objects at a 64-byte boundary; released with ef_free as all others. */
void *ef_calloc_aligned(size_t n, size_t size);

/* A copy of size bytes, of a string; NULL on failure. */
void *ef_memdup(const void *from, size_t size);
char *ef_strdup(const char *text);

/* Takes NULL. */
void ef_free(void *ptr);

/* For tests: the n-th allocation from now (0 = the next) and all later ones fail;
 * n < 0 switches this off.  Not for use while threads run. */
void ef_mem_fail_after(long n);

#endif
