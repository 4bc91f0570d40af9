#include <inttypes.h>

#include "onnx/fold_priv.h"

size_t ef_walk_count(const ef_walk *walk)
{
    size_t count = 1;
    for (size_t i = 0; i < walk->rank; i++) {
        count *= (size_t)walk->dims[i];
    }
    return count;
}

void ef_walk_next(ef_walk *walk)
{
    for (size_t axis = walk->rank; axis-- > 0;) {
        int64_t turns = ++walk->index[axis] < walk->dims[axis] ? 1 : 0;
        int64_t steps = turns ? 1 : 1 - walk->dims[axis];
        for (size_t k = 0; k < EF_WALK_ARRAYS; k++) {
            walk->at[k] += steps * walk->strides[k][axis];
        }
        if (turns) {
            return;
        }
        walk->index[axis] = 0;
    }
}

void ef_walk_strides(size_t rank, const int64_t *dims, int64_t *strides)
{
    int64_t stride = 1;
    for (size_t axis = rank; axis-- > 0;) {
        strides[axis] = stride;
        stride *= dims[axis];
    }
}

void ef_walk_broadcast(ef_walk *walk, size_t array, const ef_constant *c)
{
    int64_t strides[EF_CONSTANT_MAX_RANK];
    size_t ahead = walk->rank - c->rank;
    ef_walk_strides(c->rank, c->dims, strides);
    for (size_t axis = 0; axis < walk->rank; axis++) {
        int is_repeated = axis < ahead || c->dims[axis - ahead] == 1;
        walk->strides[array][axis] = is_repeated ? 0 : strides[axis - ahead];
    }
}

/* n elements in a row of each array. */
static void copy_row(void *to, int64_t to_stride, const void *from, int64_t from_stride,
                     int64_t n, size_t size)
{
    if (size == sizeof(float)) {
        float *x = to;
        const float *y = from;
        for (int64_t i = 0; i < n; i++) {
            x[i * to_stride] = y[i * from_stride];
        }
    } else {
        int64_t *x = to;
        const int64_t *y = from;
        for (int64_t i = 0; i < n; i++) {
            x[i * to_stride] = y[i * from_stride];
        }
    }
}

/* The same n elements of all rows, from where the walk stands. */
static void copy_rows(ef_walk rows, size_t n_rows, void *to, int64_t to_stride,
                      const void *from, int64_t from_stride, int64_t n, size_t size)
{
    for (size_t i = 0; i < n_rows; i++) {
        copy_row((unsigned char *)to + rows.at[0] * (int64_t)size, to_stride,
                 (const unsigned char *)from + rows.at[1] * (int64_t)size, from_stride,
                 n, size);
        ef_walk_next(&rows);
    }
}

void ef_walk_copy(const ef_walk *walk, void *to, const void *from, size_t size)
{
    ef_walk rows = *walk;
    int64_t n = 1, to_stride = 0, from_stride = 0;
    if (rows.rank > 0) { /* the last axis in a loop of its own */
        rows.rank--;
        n = rows.dims[rows.rank];
        to_stride = rows.strides[0][rows.rank];
        from_stride = rows.strides[1][rows.rank];
    }
    size_t n_rows = n > 0 ? ef_walk_count(&rows) : 0;
    /* A transposed row reads a cache line for each element: so few at a time that the
     * lines are still there for the next rows. */
    const int64_t step = from_stride > 1 && n_rows > 1 ? 64 : n;
    for (int64_t first = 0; first < n; first += step) {
        copy_rows(rows, n_rows, to, to_stride, from, from_stride,
                  n - first < step ? n - first : step, size);
        rows.at[0] += step * to_stride;
        rows.at[1] += step * from_stride;
    }
}

ef_status ef_fold_broadcast(ef_fold *fold, size_t *rank,
                            int64_t dims[EF_CONSTANT_MAX_RANK], size_t n,
                            const int64_t *others)
{
    if (n > EF_CONSTANT_MAX_RANK) {
        return ef_fold_refuse(fold, EF_ERR_UNSUPPORTED,
                              "its output has %zu dimensions, %d are supported", n,
                              EF_CONSTANT_MAX_RANK);
    }
    size_t wider = n > *rank ? n : *rank;
    for (size_t back = 1; back <= wider; back++) { /* from behind, in place */
        int64_t a = back <= *rank ? dims[*rank - back] : 1;
        int64_t b = back <= n ? others[n - back] : 1;
        if (a != b && a != 1 && b != 1) {
            return ef_fold_refuse(
                fold, EF_ERR_INPUT,
                "dimensions %" PRId64 " and %" PRId64 " do not go together", a, b);
        }
        dims[wider - back] = a == 1 ? b : a;
    }
    *rank = wider;
    return EF_OK;
}
