#include "onnx/dims.h"

#include <string.h>

ef_dims ef_dims_of(const ef_constant *constant)
{
    ef_dims dims = {.rank = constant->rank};
    memcpy(dims.size, constant->dims, sizeof dims.size);
    return dims;
}

int64_t ef_dims_product(const ef_dims *dims, size_t from, size_t to)
{
    const int64_t most = (int64_t)EF_MAX_ELEMENTS + 1;
    int64_t product = 1;
    for (size_t i = from; i < to; i++) {
        if (dims->size[i] != 0 && product > most / dims->size[i]) {
            return most;
        }
        product *= dims->size[i];
    }
    return product;
}

int64_t ef_dims_count(const ef_dims *dims)
{
    return ef_dims_product(dims, 0, dims->rank);
}

int ef_dims_equal(const ef_dims *a, const ef_dims *b)
{
    int equal = a->rank == b->rank;
    for (size_t i = 0; i < a->rank && equal; i++) {
        equal = a->size[i] == b->size[i];
    }
    return equal;
}

int ef_dims_broadcast(const ef_dims *a, const ef_dims *b, ef_dims *to)
{
    const ef_dims *longer = a->rank >= b->rank ? a : b;
    const ef_dims *shorter = longer == a ? b : a;
    size_t offset = longer->rank - shorter->rank;
    ef_dims made = *longer;
    for (size_t i = 0; i < shorter->rank; i++) {
        int64_t x = longer->size[offset + i], y = shorter->size[i];
        if (x != y && x != 1 && y != 1) {
            return 0;
        }
        made.size[offset + i] = x == 1 ? y : x;
    }
    *to = made;
    return 1;
}

void ef_dims_remove(ef_dims *dims, size_t axis)
{
    for (size_t i = axis + 1; i < dims->rank; i++) {
        dims->size[i - 1] = dims->size[i];
    }
    dims->rank--;
}

void ef_dims_insert(ef_dims *dims, size_t axis, int64_t size)
{
    for (size_t i = dims->rank; i > axis; i--) {
        dims->size[i] = dims->size[i - 1];
    }
    dims->size[axis] = size;
    dims->rank++;
}

/* Leading axes of size 1 that a topology has no room for. */
static size_t surplus(const ef_dims *dims)
{
    size_t n = 0;
    while (dims->rank - n > 3 && dims->size[n] == 1) {
        n++;
    }
    return n;
}

ef_shape ef_dims_shape(const ef_dims *dims)
{
    size_t first = surplus(dims);
    const int64_t *size = dims->size + first;
    switch (dims->rank - first) {
    case 0:
        return (ef_shape){1, 1, 1, 2};
    case 1:
        return (ef_shape){(uint32_t)size[0], 1, 1, 2};
    case 2:
        return (ef_shape){(uint32_t)size[0], 1, (uint32_t)size[1], 4};
    case 3:
        return (ef_shape){(uint32_t)size[0], (uint32_t)size[1], (uint32_t)size[2], 4};
    default:
        return (ef_shape){(uint32_t)ef_dims_count(dims), 1, 1, 2};
    }
}

ef_axis_view ef_dims_axis(const ef_dims *dims, size_t axis)
{
    size_t first = surplus(dims), rank = dims->rank - first;
    if (rank <= 3 && axis >= first) {
        ef_axis_view view = {ef_dims_shape(dims), axis - first};
        view.axis = rank == 2 && view.axis == 1 ? 2 : view.axis;
        return view;
    }
    return (ef_axis_view){{(uint32_t)ef_dims_product(dims, 0, axis),
                           (uint32_t)dims->size[axis],
                           (uint32_t)ef_dims_product(dims, axis + 1, dims->rank), 4},
                          1};
}

/* Runs of axes of the input that stay together, in the order of the output. */
typedef struct groups {
    size_t n, of_axis[EF_DIMS_MAX], first[EF_DIMS_MAX]; /* axes of the input */
} groups;

static groups find_groups(const ef_dims *dims, const size_t *perm)
{
    groups g = {0, {0}, {0}};
    size_t last = 0;
    for (size_t i = 0; i < dims->rank; i++) {
        if (dims->size[perm[i]] == 1) {
            continue;
        }
        size_t before = perm[i];
        while (before > 0 && dims->size[before - 1] == 1) {
            before--;
        }
        if (g.n == 0 || before != last + 1) {
            g.first[g.n++] = perm[i];
        }
        g.of_axis[perm[i]] = g.n - 1;
        last = perm[i];
    }
    return g;
}

int ef_dims_permute(const ef_dims *dims, const size_t *perm, uint32_t sizes[3],
                    uint32_t order[3], int *moves)
{
    groups g = find_groups(dims, perm);
    *moves = g.n > 1;
    if (g.n > 3) {
        return 0;
    }
    for (size_t k = 0; k < 3; k++) {
        sizes[k] = 1;
        order[k] = (uint32_t)k;
    }
    /* The place of a group in the input is the number of those that begin before. */
    for (size_t k = 0; k < g.n; k++) {
        order[k] = 0;
        for (size_t j = 0; j < g.n; j++) {
            order[k] += g.first[j] < g.first[k];
        }
    }
    for (size_t i = 0; i < dims->rank; i++) {
        if (dims->size[i] != 1) {
            sizes[order[g.of_axis[i]]] *= (uint32_t)dims->size[i];
        }
    }
    return 1;
}
