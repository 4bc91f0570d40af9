#include "base/mem.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

Test(mem_calloc, memory_is_zeroed_and_nothing_is_still_something)
{
    unsigned char *bytes = ef_calloc(1000, 3);
    cr_assert_not_null(bytes);
    for (size_t i = 0; i < 3000; i++) {
        cr_assert_eq(bytes[i], 0);
    }
    ef_free(bytes);
    void *nothing = ef_calloc(0, 8);
    cr_assert_not_null(nothing);
    ef_free(nothing);
    ef_free(NULL);
}

Test(mem_calloc, a_product_that_overflows_fails)
{
    cr_assert_null(ef_calloc(SIZE_MAX / 2, 3));
    cr_assert_null(ef_calloc_aligned(SIZE_MAX / 2, 3));
    cr_assert_null(ef_calloc_aligned(SIZE_MAX, 1));
    cr_assert_null(ef_realloc(NULL, SIZE_MAX / 2, 3));
}

Test(mem_realloc, contents_stay_and_failure_leaves_them)
{
    char *text = ef_strdup("kept");
    text = ef_realloc(text, 1000, 1);
    cr_assert_str_eq(text, "kept");
    cr_assert_null(ef_realloc(text, SIZE_MAX / 2, 3));
    cr_assert_str_eq(text, "kept");
    ef_free(text);
}

Test(mem_calloc_aligned, arrays_start_at_cache_lines)
{
    for (size_t n = 0; n < 200; n += 13) {
        float *x = ef_calloc_aligned(n, sizeof *x);
        cr_assert_not_null(x);
        cr_assert_eq((uintptr_t)x % 64, 0);
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq(x[i], 0);
        }
        ef_free(x);
    }
}

Test(mem_memdup, a_copy_is_equal_and_another)
{
    const int from[3] = {1, 2, 3};
    int *copy = ef_memdup(from, sizeof from);
    cr_assert_neq((const int *)copy, from);
    cr_assert_eq(memcmp(copy, from, sizeof from), 0);
    ef_free(copy);
}

Test(mem_fail_after, the_chosen_allocation_and_all_later_ones_fail)
{
    ef_mem_fail_after(2);
    void *first = ef_calloc(1, 1), *second = ef_strdup("x");
    void *third = ef_calloc(1, 1), *fourth = ef_calloc_aligned(1, 1);
    void *fifth = ef_realloc(NULL, 1, 1), *sixth = ef_memdup("x", 1);
    ef_mem_fail_after(-1);
    cr_assert(first && second);
    cr_assert(!third && !fourth && !fifth && !sixth);
    void *after = ef_calloc(1, 1);
    cr_assert_not_null(after);
    ef_free(first);
    ef_free(second);
    ef_free(after);
}
