/* What one thread needs to run faults. */
#include <string.h>

#include "base/mem.h"
#include "faultsim/bytes_priv.h"

/* What the largest step needs. */
typedef struct extent {
    size_t plane, height, channels, part;
} extent;

static size_t greater(size_t a, size_t b)
{
    return a > b ? a : b;
}

static extent largest(const ef_bytes *rerun)
{
    extent e = {1, 1, 1, EF_INT_BLOCK};
    for (size_t i = 0; i < rerun->n_steps; i++) {
        const ef_bstep *step = &rerun->steps[i];
        e.plane = greater(e.plane, ef_bplane(step));
        e.height = greater(e.height, step->q->shape.height);
        e.channels = greater(e.channels, step->q->shape.channels);
        for (size_t p = 0; p < step->n_parts; p++) {
            e.part = greater(e.part, step->parts[p].conv.n_blocks * EF_INT_BLOCK);
        }
    }
    return e;
}

static ef_status make_state(ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = &w->rerun->steps[index];
    const ef_blayout *layout = &step->layout;
    ef_bstate *state = &w->states[index];
    size_t plane = ef_bplane(step);
    state->now = ef_calloc_aligned(layout->size, 1);
    state->touched = ef_calloc(ef_bwords(plane) + 1, sizeof *state->touched);
    state->differing = ef_calloc(ef_bwords(plane) + 1, sizeof *state->differing);
    state->pixels = ef_calloc(plane, sizeof *state->pixels);
    ef_int_tensor *differs = &state->differs;
    size_t most = plane * layout->pixel / EF_INT_GROUP + EF_INT_BLOCK;
    differs->pixel = layout->pixel;
    differs->n_places = layout->n_pixels;
    differs->more = ef_calloc(most, sizeof *differs->more);
    differs->less = ef_calloc(most, sizeof *differs->less);
    differs->starts = ef_calloc(layout->n_pixels + 1, sizeof *differs->starts);
    state->parts = ef_calloc(step->n_parts + 1, sizeof *state->parts);
    if (!state->now || !state->touched || !state->differing || !state->pixels ||
        !differs->more || !differs->less || !differs->starts || !state->parts) {
        return EF_ERR_MEMORY;
    }
    memset(state->now, step->zero, layout->size);
    for (size_t p = 0; p < step->n_parts; p++) {
        state->parts[p] = step->parts[p];
        ef_bpart_bind(&state->parts[p], w->weights, w->starts);
    }
    return EF_OK;
}

static ef_status make_scratch(ef_bytes_worker *w)
{
    extent e = largest(w->rerun);
    size_t plane = e.plane + EF_INT_BLOCK, row = e.channels + 2 * EF_INT_BLOCK;
    w->site_first = ef_calloc(w->rerun->base.n_sites + 1, sizeof *w->site_first);
    w->needed = ef_calloc(ef_bwords(e.plane) + 1, sizeof *w->needed);
    w->todo = ef_calloc(e.plane, sizeof *w->todo);
    w->rows = ef_calloc(e.height, sizeof *w->rows);
    w->dense = ef_calloc(e.plane, sizeof *w->dense);
    w->places = ef_calloc(e.plane, sizeof *w->places);
    w->outs = ef_calloc(EF_BYTES_CHUNK, sizeof *w->outs);
    w->windows = ef_calloc(EF_BYTES_CHUNK, sizeof *w->windows);
    w->acc = ef_calloc_aligned(EF_BYTES_CHUNK * e.part, sizeof *w->acc);
    w->plane_acc = ef_calloc_aligned(plane, sizeof *w->plane_acc);
    w->plane_factors = ef_calloc_aligned(plane, sizeof *w->plane_factors);
    w->plane_quick = ef_calloc_aligned(plane, sizeof *w->plane_quick);
    w->plane_bytes = ef_calloc_aligned(plane, 1);
    w->plane_x = ef_calloc_aligned(plane, 1);
    w->row = ef_calloc_aligned(row, 1);
    w->sums = ef_calloc_aligned(row, sizeof *w->sums);
    w->logits = ef_calloc(w->rerun->base.classes, sizeof *w->logits);
    return w->site_first && w->needed && w->todo && w->rows && w->dense && w->places &&
                   w->outs && w->windows && w->acc && w->plane_acc &&
                   w->plane_factors && w->plane_quick && w->plane_bytes && w->plane_x &&
                   w->row && w->sums && w->logits
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
    w->image = SIZE_MAX;
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
        ef_free(w->states[i].now);
        ef_free(w->states[i].touched);
        ef_free(w->states[i].differing);
        ef_free(w->states[i].pixels);
        ef_free(w->states[i].differs.more);
        ef_free(w->states[i].differs.less);
        ef_free(w->states[i].differs.starts);
        ef_free(w->states[i].parts);
    }
    ef_free(w->states);
    ef_free(w->weights);
    ef_free(w->starts);
    ef_free(w->hits);
    ef_free(w->order);
    ef_free(w->hitting);
    ef_free(w->flips);
    ef_free(w->site_first);
    ef_free(w->dense);
    ef_free(w->places);
    ef_free(w->outs);
    ef_free(w->plane_x);
    ef_free(w->todo);
    ef_free(w->needed);
    ef_free(w->rows);
    ef_free(w->windows);
    ef_free(w->acc);
    ef_free(w->plane_acc);
    ef_free(w->plane_factors);
    ef_free(w->plane_quick);
    ef_free(w->plane_bytes);
    ef_free(w->row);
    ef_free(w->sums);
    ef_free(w->logits);
    ef_free(w);
}
