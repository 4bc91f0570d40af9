/* Which pixels differ from the fault-free run, and which pixels these reach. */
#include "faultsim/bytes_run.h"

#include <string.h>

/* --- what differs ----------------------------------------------------------------- */

/* A copy of the step's image that may be written. */
static uint8_t *touch(ef_bytes_worker *w, size_t index)
{
    ef_rstate *state = &w->states[index];
    if (state->now != state->changed) {
        memcpy(state->changed, state->now, ef_rstep_of(w, index)->layout.size);
        state->now = state->changed;
    }
    return state->changed;
}

static void list_pixel(ef_bytes_worker *w, size_t index, uint32_t pixel)
{
    ef_rstate *state = &w->states[index];
    if (!state->is_listed[pixel]) {
        state->is_listed[pixel] = 1;
        state->pixels[state->n_pixels++] = pixel;
    }
}

void ef_bytes_write(ef_bytes_worker *w, size_t index, uint32_t pixel, size_t first,
                    const uint8_t *bytes, size_t n)
{
    const ef_rstep *step = ef_rstep_of(w, index);
    uint32_t width = step->q->shape.width;
    size_t at = ef_rpixel(&step->layout, pixel / width, pixel % width) + first;
    if (memcmp(w->states[index].now + at, bytes, n) != 0) {
        memcpy(touch(w, index) + at, bytes, n);
        list_pixel(w, index, pixel);
    }
}

static void need(ef_bytes_worker *w, uint32_t pixel)
{
    w->is_todo[pixel] = 1;
}

static void need_all(ef_bytes_worker *w, const ef_rstep *step)
{
    uint32_t n = step->q->shape.height * step->q->shape.width;
    for (uint32_t i = 0; i < n; i++) {
        need(w, i);
    }
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
static void need_windows(ef_bytes_worker *w, const ef_rstep *step, uint32_t y,
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

/* Eight marks at once: of most planes few are set. */
static void list_needed(ef_bytes_worker *w, const ef_rstep *step)
{
    uint32_t n = (uint32_t)ef_rplane(step), n_todo = 0;
    for (uint32_t i = 0; i < n; i += 8) {
        uint64_t eight;
        memcpy(&eight, w->is_todo + i, sizeof eight);
        for (uint32_t k = i; k < i + 8 && eight != 0; k++) {
            w->todo[n_todo] = k;
            n_todo += w->is_todo[k];
        }
    }
    w->n_todo = n_todo;
}

/* The output pixels of a step that moves pixels whole. */
static void need_moved(ef_bytes_worker *w, const ef_rstep *step, uint32_t y, uint32_t x)
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
static void need_from(ef_bytes_worker *w, const ef_rstep *step, uint32_t k,
                      uint32_t pixel)
{
    ef_shape in = w->rerun->steps[step->q->inputs[k]].q->shape;
    uint32_t y = pixel / in.width, x = pixel % in.width;
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
            need(w, pixel);
        } else {
            need_all(w, step);
        }
    }
}

void ef_bytes_find_todo(ef_bytes_worker *w, size_t index)
{
    const ef_rstep *step = ef_rstep_of(w, index);
    if (w->is_whole) {
        need_all(w, step);
        list_needed(w, step);
        return;
    }
    size_t n_differ = 0;
    for (uint32_t k = 0; k < step->q->n_inputs; k++) {
        const ef_rstate *from = &w->states[step->q->inputs[k]];
        n_differ += from->n_pixels;
        for (size_t i = 0; i < from->n_pixels; i++) {
            need_from(w, step, k, from->pixels[i]);
        }
    }
    if (n_differ > 0) {
        list_needed(w, step);
    }
}

void ef_bytes_clear_todo(ef_bytes_worker *w)
{
    for (size_t i = 0; i < w->n_todo; i++) {
        w->is_todo[w->todo[i]] = 0;
    }
    w->n_todo = 0;
}
