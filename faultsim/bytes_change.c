/* What differs from the fault-free run. */
#include <string.h>

#include "faultsim/bytes_priv.h"

uint8_t *ef_bytes_touch(ef_bytes_worker *w, size_t index, uint32_t pixel)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    ef_bstate *state = &w->states[index];
    state->touched[pixel / 64] |= UINT64_C(1) << pixel % 64;
    state->is_touched = 1;
    return state->now + step->places[pixel] * step->layout.pixel;
}

size_t ef_bytes_list_bits(const uint64_t *bits, size_t n_words, uint32_t *numbers)
{
    size_t n = 0;
    for (size_t i = 0; i < n_words; i++) {
        for (uint64_t left = bits[i]; left; left &= left - 1) {
            numbers[n++] = (uint32_t)(64 * i) + (uint32_t)__builtin_ctzll(left);
        }
    }
    return n;
}

void ef_bytes_collect(ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    ef_bstate *state = &w->states[index];
    const ef_int_start *starts = state->differs.starts;
    size_t n_words = ef_bwords(ef_bplane(step)), n_pixels = 0;
    size_t n = ef_bytes_list_bits(state->touched, n_words, state->pixels);
    for (size_t i = 0; i < n; i++) {
        w->places[i] = step->places[state->pixels[i]];
    }
    w->rerun->kernels->differ(state->now, ef_bbase(w, index), w->places, n,
                              &state->differs);
    for (size_t i = 0; i < n; i++) {
        const ef_int_start *own = &starts[w->places[i]];
        uint32_t pixel = state->pixels[i];
        uint64_t differs = own[0].more != own[1].more || own[0].less != own[1].less;
        state->pixels[n_pixels] = pixel;
        n_pixels += differs;
        state->differing[pixel / 64] |= differs << pixel % 64;
    }
    state->n_pixels = n_pixels;
    memset(state->touched, 0, n_words * sizeof *state->touched);
    state->is_touched = 0;
}

/* n is a multiple of EF_INT_GROUP; calls for so few bytes would take longer. */
static void copy_pixel(uint8_t *to, const uint8_t *from, size_t n)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        memcpy(to + i, from + i, 16);
    }
    for (; i < n; i += EF_INT_GROUP) {
        memcpy(to + i, from + i, EF_INT_GROUP);
    }
}

void ef_bytes_restore(ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    ef_bstate *state = &w->states[index];
    const uint8_t *was = ef_bbase(w, index);
    size_t size = step->layout.pixel;
    for (size_t i = 0; i < state->n_pixels; i++) {
        size_t at = step->places[state->pixels[i]] * size;
        copy_pixel(state->now + at, was + at, size);
    }
    memset(state->differing, 0, ef_bwords(ef_bplane(step)) * sizeof *state->differing);
    state->n_pixels = 0;
}

void ef_bytes_enter(ef_bytes_worker *w, size_t image)
{
    if (w->image == image) {
        return;
    }
    w->image = image;
    for (size_t i = 0; i + 1 < w->rerun->n_steps; i++) {
        memcpy(w->states[i].now, ef_bbase(w, i), ef_bstep_of(w, i)->layout.size);
    }
}

int ef_bytes_differs(const ef_bytes_worker *w, size_t index)
{
    const ef_qstep *q = ef_bstep_of(w, index)->q;
    int differs = 0;
    for (uint32_t k = 0; k < q->n_inputs; k++) {
        differs |= w->states[q->inputs[k]].n_pixels > 0;
    }
    return differs;
}
