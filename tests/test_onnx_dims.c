/* Sizes of tensors of any rank. */
#include "onnx/dims.h"

#include <criterion/criterion.h>
#include <string.h>

#define DIMS(...)                                                                      \
    ((ef_dims){sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), {__VA_ARGS__}})
#define MOST ((int64_t)EF_MAX_ELEMENTS)

TestSuite(onnx_dims, .timeout = 60);

Test(onnx_dims, product_stops_above_the_largest_tensor)
{
    ef_dims dims = DIMS(2, 3, 4, 5);
    cr_expect_eq(ef_dims_product(&dims, 0, 4), 120);
    cr_expect_eq(ef_dims_product(&dims, 1, 3), 12);
    cr_expect_eq(ef_dims_product(&dims, 2, 2), 1);
    dims = DIMS(MOST, MOST, MOST, MOST, MOST, MOST, MOST, MOST);
    cr_expect_eq(ef_dims_count(&dims), MOST + 1);
    dims = DIMS(1 << 14, 1 << 14);
    cr_expect_eq(ef_dims_count(&dims), MOST);
    dims = DIMS(INT64_MAX, INT64_MAX);
    cr_expect_eq(ef_dims_count(&dims), MOST + 1);
    dims = DIMS(3, 0, 5);
    cr_expect_eq(ef_dims_count(&dims), 0);
    dims = (ef_dims){.rank = 0};
    cr_expect_eq(ef_dims_count(&dims), 1);
}

/* numpy.broadcast_shapes */
Test(onnx_dims, broadcast_is_that_of_numpy)
{
    static const struct {
        ef_dims a, b, to;
        int fits;
    } rows[] = {
        {{3, {2, 3, 4}}, {1, {4}}, {3, {2, 3, 4}}, 1},
        {{3, {2, 3, 4}}, {2, {3, 1}}, {3, {2, 3, 4}}, 1},
        {{1, {4}}, {3, {2, 1, 1}}, {3, {2, 1, 4}}, 1},
        {{3, {2, 1, 4}}, {3, {1, 3, 1}}, {3, {2, 3, 4}}, 1},
        {{0, {0}}, {2, {5, 6}}, {2, {5, 6}}, 1},
        {{0, {0}}, {0, {0}}, {0, {0}}, 1},
        {{1, {1}}, {1, {0}}, {1, {0}}, 1},
        {{2, {2, 3}}, {1, {2}}, {0, {0}}, 0},
        {{2, {2, 3}}, {2, {3, 2}}, {0, {0}}, 0},
        {{8, {1, 2, 1, 2, 1, 2, 1, 2}},
         {8, {2, 1, 2, 1, 2, 1, 2, 1}},
         {8, {2, 2, 2, 2, 2, 2, 2, 2}},
         1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ef_dims to = {.rank = 7}, other = {.rank = 7};
        cr_expect_eq(ef_dims_broadcast(&rows[i].a, &rows[i].b, &to), rows[i].fits,
                     "row %zu", i);
        cr_expect_eq(ef_dims_broadcast(&rows[i].b, &rows[i].a, &other), rows[i].fits);
        if (rows[i].fits) {
            cr_expect(ef_dims_equal(&to, &rows[i].to), "row %zu", i);
            cr_expect(ef_dims_equal(&other, &rows[i].to), "row %zu", i);
        } else {
            cr_expect_eq(to.rank, 7, "untouched");
        }
    }
}

Test(onnx_dims, axes_come_and_go)
{
    ef_dims dims = DIMS(2, 3, 4);
    ef_dims_insert(&dims, 0, 7);
    ef_dims_insert(&dims, 4, 8);
    ef_dims_insert(&dims, 2, 9);
    cr_expect(ef_dims_equal(&dims, &DIMS(7, 2, 9, 3, 4, 8)));
    ef_dims_remove(&dims, 5);
    ef_dims_remove(&dims, 0);
    ef_dims_remove(&dims, 1);
    cr_expect(ef_dims_equal(&dims, &DIMS(2, 3, 4)));
    cr_expect_not(ef_dims_equal(&dims, &DIMS(2, 3)));
    cr_expect_not(ef_dims_equal(&dims, &DIMS(2, 3, 5)));
}

Test(onnx_dims, a_topology_has_three_axes)
{
    static const struct {
        ef_dims dims;
        ef_shape shape;
    } rows[] = {
        {{0, {0}}, {1, 1, 1, 2}},
        {{1, {5}}, {5, 1, 1, 2}},
        {{2, {5, 6}}, {5, 1, 6, 4}},
        {{3, {5, 6, 7}}, {5, 6, 7, 4}},
        {{4, {1, 5, 6, 7}}, {5, 6, 7, 4}},
        {{5, {1, 1, 1, 6, 7}}, {1, 6, 7, 4}},
        {{4, {2, 5, 6, 7}}, {420, 1, 1, 2}},
        {{8, {1, 2, 1, 2, 1, 2, 1, 2}}, {16, 1, 1, 2}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect(ef_shape_equal(ef_dims_shape(&rows[i].dims), rows[i].shape),
                  "row %zu", i);
    }
}

/* Row-major: the elements before, along and behind the axis are as many as in dims. */
Test(onnx_dims, any_axis_is_one_of_three)
{
    static const ef_dims rows[] = {
        {1, {5}},          {2, {5, 6}},          {3, {5, 6, 7}},
        {4, {1, 5, 6, 7}}, {4, {2, 5, 6, 7}},    {5, {2, 1, 3, 1, 5}},
        {3, {1, 1, 1}},    {5, {1, 1, 1, 6, 7}}, {8, {1, 2, 1, 2, 1, 2, 1, 2}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t axis = 0; axis < rows[i].rank; axis++) {
            ef_axis_view view = ef_dims_axis(&rows[i], axis);
            const uint32_t size[3] = {view.shape.channels, view.shape.height,
                                      view.shape.width};
            int64_t before = 1, behind = 1;
            for (size_t k = 0; k < 3; k++) {
                before *= k < view.axis ? size[k] : 1;
                behind *= k > view.axis ? size[k] : 1;
            }
            cr_expect_eq(before, ef_dims_product(&rows[i], 0, axis), "%zu %zu", i,
                         axis);
            cr_expect_eq(size[view.axis], rows[i].size[axis], "%zu %zu", i, axis);
            cr_expect_eq(behind, ef_dims_product(&rows[i], axis + 1, rows[i].rank),
                         "%zu %zu", i, axis);
        }
    }
}

/* --- permutations --------------------------------------------------------------------
 */

/* Where element i of a permuted tensor comes from, by definition. */
static int64_t source_of(const int64_t *size, const size_t *perm, size_t rank,
                         int64_t i)
{
    int64_t stride[EF_DIMS_MAX], from = 0, step = 1;
    for (size_t axis = rank; axis-- > 0; step *= size[axis]) {
        stride[axis] = step;
    }
    for (size_t k = rank; k-- > 0; i /= size[perm[k]]) {
        from += i % size[perm[k]] * stride[perm[k]];
    }
    return from;
}

/* The three axes move every element to where the permutation of all axes does. */
static void expect_same_moves(const ef_dims *dims, const size_t *perm)
{
    uint32_t sizes[3], order[3];
    int moves = -1, moved = 0;
    if (!ef_dims_permute(dims, perm, sizes, order, &moves)) {
        return;
    }
    const int64_t size[3] = {sizes[0], sizes[1], sizes[2]};
    const size_t three[3] = {order[0], order[1], order[2]};
    cr_assert_eq(size[0] * size[1] * size[2], ef_dims_count(dims));
    for (int64_t i = 0; i < ef_dims_count(dims); i++) {
        int64_t from = source_of(dims->size, perm, dims->rank, i);
        cr_assert_eq(source_of(size, three, 3, i), from);
        moved |= from != i;
    }
    cr_assert_eq(moves, moved);
}

/* The next permutation in lexical order; 0 after the last. */
static int next(size_t *perm, size_t n)
{
    size_t i = n, k = n;
    while (i > 1 && perm[i - 2] >= perm[i - 1]) {
        i--;
    }
    if (i < 2) {
        return 0;
    }
    while (perm[k - 1] <= perm[i - 2]) {
        k--;
    }
    size_t held = perm[k - 1];
    perm[k - 1] = perm[i - 2];
    perm[i - 2] = held;
    for (size_t a = i - 1, b = n - 1; a < b; a++, b--) {
        held = perm[a];
        perm[a] = perm[b];
        perm[b] = held;
    }
    return 1;
}

Test(onnx_dims, permutations_of_any_rank_move_three_axes)
{
    static const ef_dims rows[] = {
        {1, {3}},
        {2, {2, 3}},
        {3, {2, 3, 4}},
        {3, {2, 1, 3}},
        {4, {2, 3, 2, 2}},
        {4, {1, 3, 1, 2}},
        {5, {2, 1, 3, 1, 2}},
        {5, {2, 3, 2, 1, 2}},
        {6, {1, 2, 2, 1, 3, 1}},
        {8, {1, 2, 1, 2, 1, 1, 3, 1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t perm[EF_DIMS_MAX];
        for (size_t k = 0; k < rows[i].rank; k++) {
            perm[k] = k;
        }
        do {
            expect_same_moves(&rows[i], perm);
        } while (next(perm, rows[i].rank));
    }
}

Test(onnx_dims, permutations_of_more_than_three_groups_do_not_fit)
{
    uint32_t sizes[3], order[3];
    int moves;
    ef_dims dims = DIMS(2, 3, 4, 5);
    cr_expect_eq(ef_dims_permute(&dims, (size_t[]){3, 2, 1, 0}, sizes, order, &moves),
                 0);
    cr_expect_eq(ef_dims_permute(&dims, (size_t[]){0, 2, 3, 1}, sizes, order, &moves),
                 1);
    dims.size[2] = 1;
    cr_expect_eq(ef_dims_permute(&dims, (size_t[]){3, 2, 1, 0}, sizes, order, &moves),
                 1);
}
