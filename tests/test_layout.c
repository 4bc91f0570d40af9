/* Indices of one element in two orders of axes. */
#include "net/layout.h"

#include <criterion/criterion.h>

/* file[a][b][c] of (2, 3, 4) is here[c][a][b]: written out by hand. */
Test(layout_to_file, indices_are_those_of_the_turned_tensor)
{
    const uint32_t dims[3] = {2, 3, 4}, order[3] = {2, 0, 1};
    ef_layout layout = ef_layout_of_turned(3, dims, order);
    cr_expect(layout.dims[0] == 4 && layout.dims[1] == 2 && layout.dims[2] == 3);
    for (uint64_t a = 0; a < 2; a++) {
        for (uint64_t b = 0; b < 3; b++) {
            for (uint64_t c = 0; c < 4; c++) {
                uint64_t there = (a * 3 + b) * 4 + c, here = (c * 2 + a) * 3 + b;
                cr_expect_eq(ef_layout_to_file(&layout, here), there);
                cr_expect_eq(ef_layout_from_file(&layout, there), here);
            }
        }
    }
}

Test(layout_to_file, four_axes_there_and_back)
{
    const uint32_t dims[4] = {3, 2, 5, 4}, order[4] = {3, 1, 0, 2};
    ef_layout layout = ef_layout_of_turned(4, dims, order);
    unsigned char seen[120] = {0};
    for (uint64_t i = 0; i < 120; i++) {
        uint64_t there = ef_layout_to_file(&layout, i);
        cr_assert_lt(there, 120);
        cr_expect_eq(ef_layout_from_file(&layout, there), i);
        seen[there]++;
    }
    for (size_t i = 0; i < 120; i++) {
        cr_expect_eq(seen[i], 1);
    }
}

Test(layout_to_file, the_same_order_changes_nothing)
{
    const uint32_t dims[2] = {7, 9}, order[2] = {0, 1};
    ef_layout layout = ef_layout_of_turned(2, dims, order);
    cr_expect_eq(layout.n_dims, 0);
    cr_expect_eq(ef_layout_to_file(&layout, 1000), 1000);
    cr_expect_eq(ef_layout_from_file(&layout, 1000), 1000);
}

/* A matrix (2, 3) in rows is 0 1 2 3 4 5, in columns 0 3 1 4 2 5. */
Test(layout_transpose, twice_is_not_at_all)
{
    static const uint64_t columns[6] = {0, 3, 1, 4, 2, 5};
    ef_layout layout = {.n_dims = 0};
    cr_assert(ef_layout_transpose(&layout, 2, 3));
    for (uint64_t i = 0; i < 6; i++) {
        cr_expect_eq(ef_layout_to_file(&layout, i), columns[i]);
    }
    ef_layout other = layout;
    cr_expect_not(ef_layout_transpose(&other, 2, 3), "it is (3, 2) now");
    cr_assert(ef_layout_transpose(&layout, 3, 2));
    cr_expect_eq(layout.n_dims, 0);
}
