/* Which pixels differ from the fault-free run, and which pixels these reach. */
#include <stdlib.h>
#include <string.h>

#include "faultsim/bytes_priv.h"

/* --- what differs ----------------------------------------------------------------- */

static size_t place_of(const ef_blayout *layout, ef_bspot spot)
{
    return ef_bplace(layout, ef_bspot_y(spot), ef_bspot_x(spot));
}

uint8_t *ef_bytes_touch(ef_bytes_worker *w, size_t index, ef_bspot spot)
{
    const ef_blayout *layout = &ef_bstep_of(w, index)->layout;
    ef_bstate *state = &w->states[index];
    size_t place = place_of(layout, spot);
    if (!state->is_listed[place]) {
        state->is_listed[place] = 1;
        state->listed[state->n_listed++] = spot;
    }
    return state->now + place * layout->pixel;
}

static int compare_spots(const void *a, const void *b)
{
    ef_bspot x = *(const ef_bspot *)a, y = *(const ef_bspot *)b;
    return (x > y) - (x < y);
}

/* In the order of places, which most come in already. */
static void sort_listed(ef_bstate *state)
{
    size_t i = 1;
    while (i < state->n_listed && state->listed[i - 1] < state->listed[i]) {
        i++;
    }
    if (i < state->n_listed) {
        qsort(state->listed, state->n_listed, sizeof *state->listed, compare_spots);
    }
}

void ef_bytes_collect(ef_bytes_worker *w, size_t index)
{
    const ef_blayout *layout = &ef_bstep_of(w, index)->layout;
    ef_bstate *state = &w->states[index];
    const ef_int_start *starts = state->differs.starts;
    size_t n = state->n_listed, n_pixels = 0;
    sort_listed(state);
    for (size_t i = 0; i < n; i++) {
        w->places[i] = (uint32_t)place_of(layout, state->listed[i]);
        state->is_listed[w->places[i]] = 0;
    }
    w->rerun->kernels->differ(state->now, ef_bbase(w, index), w->places, n,
                              &state->differs);
    for (size_t i = 0; i < n; i++) {
        const ef_int_start *own = &starts[w->places[i]];
        state->pixels[n_pixels] = state->listed[i];
        n_pixels += own[0].more != own[1].more || own[0].less != own[1].less;
    }
    state->n_listed = 0;
    state->n_pixels = n_pixels;
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
    const ef_blayout *layout = &step->layout;
    ef_bstate *state = &w->states[index];
    const uint8_t *was = ef_bbase(w, index);
    if (2 * state->n_pixels > ef_bplane(step)) {
        memcpy(state->now, was, layout->size);
    } else {
        for (size_t i = 0; i < state->n_pixels; i++) {
            size_t at = place_of(layout, state->pixels[i]) * layout->pixel;
            copy_pixel(state->now + at, was + at, layout->pixel);
        }
    }
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

/* --- what that reaches ------------------------------------------------------------ */

static void need(ef_bytes_worker *w, uint32_t pixel)
{
    w->is_todo[pixel] = 1;
}

static void need_all(ef_bytes_worker *w, const ef_bstep *step)
{
    memset(w->is_todo, 1, ef_bplane(step));
}

/* Positions along an axis whose windows see input position p: *first and how many, in
 * steps of one; taps between them may miss p where there is dilation. */
static uint32_t windows_on(const ef_qwindow *window, size_t axis, uint32_t p,
                           uint32_t n_out, uint32_t *first)
{
    int64_t reach = (int64_t)(window->kernel[axis] - 1) * window->dilation[axis];
    int64_t high = (int64_t)p + window->pad[axis], low = high - reach;
    int64_t stride = window->stride[axis];
    if (stride > 1) { /* divisions would take most of the time */
        low = low > 0 ? (low + stride - 1) / stride : 0;
        high /= stride;
    }
    int64_t begin = low > 0 ? low : 0, end = high + 1;
    end = end < n_out ? end : n_out;
    *first = (uint32_t)begin;
    return end > begin ? (uint32_t)(end - begin) : 0;
}

/* The windows that see a pixel. */
static void need_windows(ef_bytes_worker *w, const ef_bstep *step, uint32_t y,
                         uint32_t x)
{
    ef_shape out = step->q->shape;
    uint32_t top, left;
    uint32_t rows = windows_on(&step->q->window, 0, y, out.height, &top);
    uint32_t columns = windows_on(&step->q->window, 1, x, out.width, &left);
    uint8_t *marks = w->is_todo + (size_t)top * out.width + left;
    for (uint32_t r = 0; r < rows; r++, marks += out.width) {
        for (uint32_t c = 0; c < columns; c++) {
            marks[c] = 1;
        }
    }
}

/* Whether so many pixels of an input reach most windows anyway. */
static int are_many(const ef_bstep *step, size_t n_pixels)
{
    return step->q->kind == EF_Q_CONV && n_pixels * step->n_taps > 4 * ef_bplane(step);
}

/* Eight marks at once: of most planes few are set. */
static void list_needed(ef_bytes_worker *w, const ef_bstep *step)
{
    ef_shape shape = step->q->shape;
    const uint8_t *marks = w->is_todo;
    size_t n_todo = 0;
    for (uint32_t y = 0; y < shape.height; y++, marks += shape.width) {
        for (uint32_t x = 0; x < shape.width; x += 8) {
            uint64_t eight;
            memcpy(&eight, marks + x, sizeof eight); /* there is room behind all */
            uint32_t end = x + 8 < shape.width ? x + 8 : shape.width;
            for (uint32_t k = x; k < end && eight != 0; k++) {
                w->todo[n_todo] = ef_bspot_at(y, k);
                n_todo += marks[k];
            }
        }
    }
    w->n_todo = n_todo;
    memset(w->is_todo, 0, ef_bplane(step));
}

/* The output pixels of a step that moves pixels whole. */
static void need_moved(ef_bytes_worker *w, const ef_bstep *step, uint32_t y, uint32_t x)
{
    const ef_node *node =
        ef_topology_node(w->rerun->qnet->net->topology, step->q->head);
    ef_shape out = step->q->shape;
    if (step->q->kind == EF_Q_PAD) {
        need(w, (y + node->u.pad.before[1]) * out.width + x + node->u.pad.before[2]);
        return;
    }
    if (step->q->kind == EF_Q_UPSAMPLE) {
        const uint32_t *factor = node->u.upsample.factor;
        for (uint32_t i = 0; i < factor[0] * factor[1]; i++) {
            need(w, (y * factor[0] + i / factor[1]) * out.width + x * factor[1] +
                        i % factor[1]);
        }
        return;
    }
    const ef_slice *slice = &node->u.slice;
    if (y >= slice->begin[1] && y < slice->end[1] && x >= slice->begin[2] &&
        x < slice->end[2] && (y - slice->begin[1]) % slice->step[1] == 0 &&
        (x - slice->begin[2]) % slice->step[2] == 0) {
        need(w, (y - slice->begin[1]) / slice->step[1] * out.width +
                    (x - slice->begin[2]) / slice->step[2]);
    }
}

/* The pixels that a pixel of input k reaches. */
static void need_from(ef_bytes_worker *w, const ef_bstep *step, uint32_t k,
                      ef_bspot spot)
{
    ef_shape in = w->rerun->steps[step->q->inputs[k]].q->shape;
    uint32_t y = ef_bspot_y(spot), x = ef_bspot_x(spot);
    switch (step->q->kind) {
    case EF_Q_CONV:
    case EF_Q_MAXPOOL:
    case EF_Q_AVGPOOL:
        need_windows(w, step, y, x);
        break;
    case EF_Q_SLICE:
    case EF_Q_PAD:
    case EF_Q_UPSAMPLE:
        need_moved(w, step, y, x);
        break;
    case EF_Q_VIEW:
    case EF_Q_TRANSPOSE:
        need_all(w, step);
        break;
    default: /* pixel by pixel, but for a gate of one */
        if (in.height == step->q->shape.height && in.width == step->q->shape.width) {
            need(w, y * in.width + x);
        } else {
            need_all(w, step);
        }
    }
}

void ef_bytes_find_todo(ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    int all = w->is_whole;
    for (uint32_t k = 0; k < step->q->n_inputs && !all; k++) {
        all = are_many(step, w->states[step->q->inputs[k]].n_pixels);
    }
    if (all) {
        need_all(w, step);
    }
    for (uint32_t k = 0; k < step->q->n_inputs && !all; k++) {
        const ef_bstate *from = &w->states[step->q->inputs[k]];
        for (size_t i = 0; i < from->n_pixels; i++) {
            need_from(w, step, k, from->pixels[i]);
        }
    }
    list_needed(w, step);
}
