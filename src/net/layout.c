#include "net/layout.h"

ef_layout ef_layout_of_turned(uint32_t n_dims, const uint32_t *dims,
                              const uint32_t *order)
{
    ef_layout layout = {.n_dims = n_dims};
    int is_same = 1;
    for (uint32_t i = 0; i < n_dims; i++) {
        layout.dims[i] = dims[order[i]];
        layout.order[order[i]] = i;
        is_same &= order[i] == i;
    }
    return is_same ? (ef_layout){.n_dims = 0} : layout;
}

int ef_layout_transpose(ef_layout *layout, uint32_t rows, uint32_t columns)
{
    static const uint32_t swap[2] = {1, 0};
    const uint32_t dims[2] = {rows, columns};
    if (layout->n_dims == 0) {
        *layout = ef_layout_of_turned(2, dims, swap);
        return 1;
    }
    if (layout->n_dims == 2 && layout->dims[0] == rows && layout->dims[1] == columns) {
        *layout = (ef_layout){.n_dims = 0}; /* twice is not at all */
        return 1;
    }
    return 0;
}

/* Elements from one place of each of the network's axes to the next, in the file. */
static void list_strides(const ef_layout *layout, uint64_t strides[4])
{
    uint64_t stride = 1;
    for (uint32_t i = layout->n_dims; i-- > 0;) {
        strides[layout->order[i]] = stride;
        stride *= layout->dims[layout->order[i]];
    }
}

uint64_t ef_layout_to_file(const ef_layout *layout, uint64_t index)
{
    uint64_t strides[4] = {0}, there = 0;
    if (layout->n_dims == 0) {
        return index;
    }
    list_strides(layout, strides);
    for (uint32_t axis = layout->n_dims; axis-- > 0;) {
        there += index % layout->dims[axis] * strides[axis];
        index /= layout->dims[axis];
    }
    return there;
}

uint64_t ef_layout_from_file(const ef_layout *layout, uint64_t index)
{
    uint64_t strides[4] = {0}, here = 0;
    if (layout->n_dims == 0) {
        return index;
    }
    list_strides(layout, strides);
    for (uint32_t axis = 0; axis < layout->n_dims; axis++) {
        here = here * layout->dims[axis] + index / strides[axis] % layout->dims[axis];
    }
    return here;
}
