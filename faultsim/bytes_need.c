/* Which output pixels differences reach. */
#include <string.h>

#include "faultsim/bytes_priv.h"

static void need(ef_bytes_worker *w, uint32_t pixel)
{
    w->needed[pixel / 64] |= UINT64_C(1) << pixel % 64;
}

static void need_all(ef_bytes_worker *w, const ef_bstep *step)
{
    size_t n = ef_bplane(step), n_words = ef_bwords(n);
    memset(w->needed, 0xff, n_words * sizeof *w->needed);
    if (n % 64 > 0) {
        w->needed[n_words - 1] = (UINT64_C(1) << n % 64) - 1;
    }
}

/* --- windows, a row of bits at a time --------------------------------------------- */

/* n <= 64 bits from bit `at` on. */
static uint64_t get_bits(const uint64_t *bits, size_t at, uint32_t n)
{
    uint64_t low = bits[at / 64] >> at % 64;
    if (at % 64 + n > 64) {
        low |= bits[at / 64 + 1] << (64 - at % 64);
    }
    return n < 64 ? low & ((UINT64_C(1) << n) - 1) : low;
}

static void or_bits(uint64_t *bits, size_t at, uint32_t n, uint64_t row)
{
    bits[at / 64] |= row << at % 64;
    if (at % 64 + n > 64) {
        bits[at / 64 + 1] |= row >> (64 - at % 64);
    }
}

/* Whether rows of input and output, at the input's steps, fit a word. */
static int is_narrow(const ef_qwindow *window, ef_shape in, ef_shape out)
{
    return in.width <= 64 && out.width <= 64 &&
           (uint64_t)(out.width - 1) * window->stride[1] < 64 && window->pad[1] < 64 &&
           (uint64_t)(window->kernel[1] - 1) * window->dilation[1] < 64;
}

/* The output columns whose windows see one of these columns. */
static uint64_t widen(const ef_qwindow *window, uint64_t columns, uint32_t width)
{
    uint64_t starts = 0, seen = 0; /* by where windows begin; by output column */
    for (uint32_t k = 0; k < window->kernel[1]; k++) {
        int32_t by = (int32_t)window->pad[1] - (int32_t)(k * window->dilation[1]);
        starts |= by >= 0 ? columns << by : columns >> -by;
    }
    uint32_t stride = window->stride[1];
    if (stride == 1) {
        return width < 64 ? starts & ((UINT64_C(1) << width) - 1) : starts;
    }
    for (uint32_t x = 0; x < width; x++) {
        seen |= (starts >> x * stride & 1) << x;
    }
    return seen;
}

static void need_rows(ef_bytes_worker *w, const ef_bstep *step, const uint64_t *from,
                      ef_shape in)
{
    const ef_qwindow *window = &step->q->window;
    ef_shape out = step->q->shape;
    memset(w->rows, 0, out.height * sizeof *w->rows);
    for (uint32_t y = 0; y < in.height; y++) {
        uint64_t columns = get_bits(from, (size_t)y * in.width, in.width);
        uint64_t row = columns ? widen(window, columns, out.width) : 0;
        for (uint32_t k = 0; k < window->kernel[0] && row; k++) {
            int64_t start = (int64_t)y + window->pad[0] - k * window->dilation[0];
            int64_t at = start / window->stride[0];
            if (start >= 0 && start % window->stride[0] == 0 && at < out.height) {
                w->rows[at] |= row;
            }
        }
    }
    for (uint32_t y = 0; y < out.height; y++) {
        if (w->rows[y]) {
            or_bits(w->needed, (size_t)y * out.width, out.width, w->rows[y]);
        }
    }
}

/* --- windows, pixel by pixel ------------------------------------------------------ */

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

static void need_windows(ef_bytes_worker *w, const ef_bstep *step, uint32_t y,
                         uint32_t x)
{
    ef_shape out = step->q->shape;
    uint32_t top, left;
    uint32_t rows = windows_on(&step->q->window, 0, y, out.height, &top);
    uint32_t columns = windows_on(&step->q->window, 1, x, out.width, &left);
    for (uint32_t r = top; r < top + rows; r++) {
        for (uint32_t c = left; c < left + columns; c++) {
            need(w, r * out.width + c);
        }
    }
}

/* --- others ----------------------------------------------------------------------- */

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

typedef void need_pixel(ef_bytes_worker *w, const ef_bstep *step, uint32_t y,
                        uint32_t x);

static void need_each(ef_bytes_worker *w, const ef_bstep *step, size_t input,
                      need_pixel *reach)
{
    const ef_bstate *from = &w->states[input];
    uint16_t(*spots)[2] = ef_bstep_of(w, input)->spots;
    for (size_t i = 0; i < from->n_pixels; i++) {
        const uint16_t *spot = spots[from->pixels[i]];
        reach(w, step, spot[0], spot[1]);
    }
}

/* What the differences of one input reach. */
static void need_from(ef_bytes_worker *w, const ef_bstep *step, size_t input)
{
    const ef_bstate *from = &w->states[input];
    ef_shape in = ef_bstep_of(w, input)->q->shape, out = step->q->shape;
    switch (step->q->kind) {
    case EF_Q_CONV:
    case EF_Q_MAXPOOL:
    case EF_Q_AVGPOOL:
        if (is_narrow(&step->q->window, in, out)) {
            need_rows(w, step, from->differing, in);
        } else {
            need_each(w, step, input, need_windows);
        }
        break;
    case EF_Q_SLICE:
    case EF_Q_PAD:
    case EF_Q_UPSAMPLE:
        need_each(w, step, input, need_moved);
        break;
    case EF_Q_VIEW:
    case EF_Q_TRANSPOSE:
        need_all(w, step);
        break;
    default: /* pixel by pixel, but for a gate of one */
        if (in.height != out.height || in.width != out.width) {
            need_all(w, step);
            break;
        }
        for (size_t i = 0; i < ef_bwords(ef_bplane(step)); i++) {
            w->needed[i] |= from->differing[i];
        }
    }
}

void ef_bytes_find_todo(ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    size_t n_words = ef_bwords(ef_bplane(step));
    ef_bstate *state = &w->states[index];
    if (w->is_whole) {
        need_all(w, step);
    }
    for (uint32_t k = 0; k < step->q->n_inputs && !w->is_whole; k++) {
        if (w->states[step->q->inputs[k]].n_pixels > 0) {
            need_from(w, step, step->q->inputs[k]);
        }
    }
    w->n_todo = ef_bytes_list_bits(w->needed, n_words, w->todo);
    for (size_t i = 0; i < n_words; i++) {
        state->touched[i] |= w->needed[i];
        w->needed[i] = 0;
    }
    state->is_touched |= w->n_todo > 0;
}
