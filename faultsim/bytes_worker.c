/* What one thread needs to run faults. */
#include <string.h>

#include "base/mem.h"
#include "faultsim/bytes_run.h"

/* What the largest step needs. */
typedef struct extent {
    size_t plane, channels, part;
} extent;

static extent largest(const ef_bytes *rerun)
{
    extent e = {1, 1, EF_INT_BLOCK};
    for (size_t i = 0; i < rerun->n_steps; i++) {
        const ef_rstep *step = &rerun->steps[i];
        size_t channels = step->q->shape.channels;
        e.plane = ef_rplane(step) > e.plane ? ef_rplane(step) : e.plane;
        e.channels = channels > e.channels ? channels : e.channels;
        for (size_t p = 0; p < step->n_parts; p++) {
            size_t n = step->parts[p].conv.n_blocks * EF_INT_BLOCK;
            e.part = n > e.part ? n : e.part;
        }
    }
    return e;
}

static ef_status make_state(ef_bytes_worker *w, size_t index)
{
    const ef_rstep *step = &w->rerun->steps[index];
    ef_rstate *state = &w->states[index];
    state->changed = ef_calloc_aligned(step->layout.size, 1);
    state->own = state->changed;
    state->pixels = ef_calloc(ef_rplane(step), sizeof *state->pixels);
    state->is_listed = ef_calloc(ef_rplane(step), 1);
    state->parts = ef_calloc(step->n_parts + 1, sizeof *state->parts);
    if (!state->changed || !state->pixels || !state->is_listed || !state->parts) {
        return EF_ERR_MEMORY;
    }
    for (size_t p = 0; p < step->n_parts; p++) {
        state->parts[p] = step->parts[p];
        ef_rpart_bind(&state->parts[p], w->weights, w->starts);
    }
    return EF_OK;
}

static ef_status make_scratch(ef_bytes_worker *w)
{
    extent e = largest(w->rerun);
    size_t plane = e.plane + EF_INT_BLOCK, row = e.channels + 2 * EF_INT_BLOCK;
    w->todo = ef_calloc(e.plane + 8, sizeof *w->todo);
    w->is_todo = ef_calloc(e.plane + 8, 1);
    w->windows = ef_calloc(EF_BYTES_CHUNK, sizeof *w->windows);
    w->acc = ef_calloc_aligned(EF_BYTES_CHUNK * e.part, sizeof *w->acc);
    w->plane_acc = ef_calloc_aligned(plane, sizeof *w->plane_acc);
    w->plane_factors = ef_calloc_aligned(plane, sizeof *w->plane_factors);
    w->plane_bytes = ef_calloc_aligned(plane, 1);
    w->row = ef_calloc_aligned(row, 1);
    w->sums = ef_calloc_aligned(row, sizeof *w->sums);
    w->logits = ef_calloc(w->rerun->base.classes, sizeof *w->logits);
    return w->todo && w->is_todo && w->windows && w->acc && w->plane_acc &&
                   w->plane_factors && w->plane_bytes && w->row && w->sums && w->logits
               ? EF_OK
               : EF_ERR_MEMORY;
}

ef_status ef_bytes_worker_create(ef_rerun_worker **worker, const ef_rerun *base,
                                 ef_error *err)
{
    const ef_bytes *rerun = (const ef_bytes *)base;
    ef_bytes_worker *w = ef_calloc(1, sizeof *w);
    if (!w) {
        return ef_error_memory(err);
    }
    w->base.rerun = base;
    w->rerun = rerun;
    w->states = ef_calloc(rerun->n_steps, sizeof *w->states);
    w->weights = ef_calloc_aligned(rerun->weights_size + 64, 1);
    w->starts = ef_calloc(rerun->n_starts + 1, sizeof *w->starts);
    ef_status status = w->states && w->weights && w->starts ? EF_OK : EF_ERR_MEMORY;
    if (!status) {
        memcpy(w->weights, rerun->weights, rerun->weights_size);
        memcpy(w->starts, rerun->starts, rerun->n_starts * sizeof *w->starts);
        status = make_scratch(w);
    }
    status = status ? status : ef_flip_order_init(&w->order, base->n_sites);
    for (size_t i = 0; i < rerun->n_steps && !status; i++) {
        status = make_state(w, i);
    }
    if (status) {
        ef_bytes_worker_destroy(&w->base);
        return ef_error_memory(err);
    }
    *worker = &w->base;
    return EF_OK;
}

void ef_bytes_worker_destroy(ef_rerun_worker *worker)
{
    ef_bytes_worker *w = (ef_bytes_worker *)worker;
    for (size_t i = 0; w->states && i < w->rerun->n_steps; i++) {
        ef_free(w->states[i].own);
        ef_free(w->states[i].pixels);
        ef_free(w->states[i].is_listed);
        ef_free(w->states[i].parts);
    }
    ef_free(w->states);
    ef_free(w->weights);
    ef_free(w->starts);
    ef_free(w->changes);
    ef_flip_order_clear(&w->order);
    ef_free(w->todo);
    ef_free(w->is_todo);
    ef_free(w->windows);
    ef_free(w->acc);
    ef_free(w->plane_acc);
    ef_free(w->plane_factors);
    ef_free(w->plane_bytes);
    ef_free(w->row);
    ef_free(w->sums);
    ef_free(w->logits);
    ef_free(w);
}
