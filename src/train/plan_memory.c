/* Memory of a plan: buffers whose lifetimes do not meet share a place.
 *
 * Greedy by size, the largest first, each at the lowest offset that is free while it
 * lives: Y. Pisarchyk, J. Lee, Efficient Memory Management for Deep Neural Net
 * Inference, 2020, arXiv 2001.03288, their "greedy by size for offset calculation". */
#include "train/plan_priv.h"

#include <stdlib.h>

#include "base/mem.h"

/* Larger first; among equals the order in which they were added. */
static int compare_sizes(const void *a, const void *b)
{
    const ef_train_buffer *p = *(ef_train_buffer *const *)a;
    const ef_train_buffer *q = *(ef_train_buffer *const *)b;
    if (p->count != q->count) {
        return p->count < q->count ? 1 : -1;
    }
    return p < q ? -1 : p > q;
}

static int meet(const ef_train_buffer *a, const ef_train_buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Puts buffer among the n that are placed, sorted by offset. */
static void place(ef_train_buffer **placed, size_t n, ef_train_buffer *buffer)
{
    size_t offset = 0;
    for (size_t i = 0; i < n; i++) {
        if (!meet(placed[i], buffer)) {
            continue;
        }
        if (placed[i]->offset >= offset + buffer->count) {
            break;
        }
        size_t end = placed[i]->offset + placed[i]->count;
        offset = end > offset ? end : offset;
    }
    buffer->offset = offset;
    size_t i = n;
    for (; i > 0 && placed[i - 1]->offset > offset; i--) {
        placed[i] = placed[i - 1];
    }
    placed[i] = buffer;
}

static void place_all(ef_train_plan *plan, ef_train_buffer **order,
                      ef_train_buffer **placed)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->n_buffers; i++) {
        if (plan->buffers[i].space == EF_SPACE_ARENA) {
            order[n++] = &plan->buffers[i];
        }
    }
    qsort(order, n, sizeof(ef_train_buffer *), compare_sizes);
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        place(placed, i, order[i]);
        size_t end = order[i]->offset + order[i]->count;
        size = end > size ? end : size;
    }
    plan->sizes[EF_SPACE_ARENA] = size;
}

ef_status ef_train_plan_memory(ef_train_plan *plan, ef_error *err)
{
    ef_train_buffer **order = ef_calloc(plan->n_buffers, sizeof(ef_train_buffer *));
    ef_train_buffer **placed = ef_calloc(plan->n_buffers, sizeof(ef_train_buffer *));
    if (order && placed) {
        place_all(plan, order, placed);
    }
    int failed = !order || !placed;
    ef_free(order);
    ef_free(placed);
    plan->sizes[EF_SPACE_GRADS] = plan->sizes[EF_SPACE_WEIGHTS];
    plan->weights = ef_calloc_aligned(plan->sizes[EF_SPACE_WEIGHTS] + EF_TRAIN_SLACK,
                                      sizeof(float));
    plan->derived = ef_calloc_aligned(plan->sizes[EF_SPACE_DERIVED] + EF_TRAIN_SLACK,
                                      sizeof(float));
    return failed || !plan->weights || !plan->derived ? ef_error_memory(err) : EF_OK;
}
