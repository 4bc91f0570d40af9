/* Steps other than convolutions, of the pixels that differences reach. */
#include <string.h>

#include "faultsim/bytes_priv.h"

int32_t ef_bytes_get(void *context, uint32_t index, ef_qplace p)
{
    const ef_bytes_worker *w = context;
    const ef_bstep *step = ef_bstep_of(w, index);
    return w->states[index].now[ef_bpixel(&step->layout, p.y, p.x) + p.c] -
           step->offset;
}

/* The bytes of a pixel of input k. */
static const uint8_t *pixel_of(const ef_bytes_worker *w, const ef_qstep *q, uint32_t k,
                               size_t y, size_t x)
{
    const ef_bstep *from = ef_bstep_of(w, q->inputs[k]);
    return w->states[q->inputs[k]].now + ef_bpixel(&from->layout, y, x);
}

/* One pixel of a step's output, to all of its channels. */
typedef void run_pixel(ef_bytes_worker *w, const ef_bstep *step, uint32_t y, uint32_t x,
                       uint8_t *to);

/* --- rounding --------------------------------------------------------------------- */

static uint8_t rounded(const ef_bstep *step, double value)
{
    const ef_int_rounding *r = &step->rounding;
    return (uint8_t)ef_qround(value, r->zero, r->least, r->most);
}

static void add_pixel(ef_bytes_worker *w, const ef_bstep *step, uint32_t y, uint32_t x,
                      uint8_t *to)
{
    const ef_qstep *q = step->q;
    size_t n = q->shape.channels;
    int is_even = n % EF_INT_BLOCK == 0; /* else bytes behind it would be written */
    w->rerun->kernels->add(pixel_of(w, q, 0, y, x), pixel_of(w, q, 1, y, x),
                           ef_bstep_of(w, q->inputs[0])->zero,
                           ef_bstep_of(w, q->inputs[1])->zero, q->factors, n,
                           &step->rounding, is_even ? to : w->row);
    if (!is_even) {
        memcpy(to, w->row, n);
    }
}

/* Rows or columns [*begin, *end) of a window's taps that lie on the input. */
static void clip_taps(const ef_qwindow *w, size_t axis, uint32_t at, uint32_t size,
                      uint32_t *begin, uint32_t *end)
{
    int64_t first = (int64_t)at * w->stride[axis] - w->pad[axis];
    *begin = *end = w->kernel[axis];
    for (uint32_t k = w->kernel[axis]; k-- > 0;) {
        int64_t p = first + (int64_t)k * w->dilation[axis];
        if (p >= 0 && p < size) {
            *end = *begin == *end ? k + 1 : *end;
            *begin = k;
        }
    }
}

/* Calls visit for the pixels of a window that lie on the input. */
typedef void visit_pixel(ef_bytes_worker *w, const uint8_t *pixel, size_t n);

static void each_tap(ef_bytes_worker *w, const ef_bstep *step, uint32_t y, uint32_t x,
                     visit_pixel *visit)
{
    const ef_qwindow *window = &step->q->window;
    ef_shape in = ef_bstep_of(w, step->q->inputs[0])->q->shape;
    uint32_t top, bottom, left, right;
    clip_taps(window, 0, y, in.height, &top, &bottom);
    clip_taps(window, 1, x, in.width, &left, &right);
    for (uint32_t ky = top; ky < bottom; ky++) {
        for (uint32_t kx = left; kx < right; kx++) {
            visit(w,
                  pixel_of(w, step->q, 0,
                           (size_t)y * window->stride[0] +
                               (size_t)ky * window->dilation[0] - window->pad[0],
                           (size_t)x * window->stride[1] +
                               (size_t)kx * window->dilation[1] - window->pad[1]),
                  in.channels);
        }
    }
}

static void take_sum(ef_bytes_worker *w, const uint8_t *pixel, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        w->sums[c] += pixel[c];
    }
}

static void take_most(ef_bytes_worker *w, const uint8_t *pixel, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        w->row[c] = pixel[c] > w->row[c] ? pixel[c] : w->row[c];
    }
}

/* Averages of windows that lie on the image as a whole. */
static void mean_pixel(ef_bytes_worker *w, const ef_bstep *step, uint32_t y, uint32_t x,
                       uint8_t *to)
{
    const ef_qstep *q = step->q;
    double count = (double)q->window.kernel[0] * q->window.kernel[1];
    double zeros = count * ef_bstep_of(w, q->inputs[0])->zero;
    memset(w->sums, 0, q->shape.channels * sizeof *w->sums);
    each_tap(w, step, y, x, take_sum);
    for (size_t c = 0; c < q->shape.channels; c++) {
        to[c] = rounded(step, (w->sums[c] - zeros) * (q->factors[0] / count));
    }
}

static void most_pixel(ef_bytes_worker *w, const ef_bstep *step, uint32_t y, uint32_t x,
                       uint8_t *to)
{
    memset(w->row, 0, step->q->shape.channels);
    each_tap(w, step, y, x, take_most);
    memcpy(to, w->row, step->q->shape.channels);
}

static void table_pixel(ef_bytes_worker *w, const ef_bstep *step, uint32_t y,
                        uint32_t x, uint8_t *to)
{
    const ef_qstep *q = step->q;
    const ef_bstep *from = ef_bstep_of(w, q->inputs[0]);
    const uint8_t *pixel = pixel_of(w, q, 0, y, x);
    int32_t least, most;
    ef_qcode_all(&from->q->code, &least, &most);
    size_t size = q->n_tables > 1 ? (size_t)(most - least) + 1 : 0;
    for (size_t c = 0; c < q->shape.channels; c++) {
        size_t at = c * size + (size_t)(pixel[c] - from->offset - least);
        to[c] = (uint8_t)(q->table[at] + step->offset);
    }
}

/* --- moving ----------------------------------------------------------------------- */

static void slice_pixel(ef_bytes_worker *w, const ef_bstep *step, uint32_t y,
                        uint32_t x, uint8_t *to)
{
    const ef_slice *slice =
        &ef_topology_node(w->rerun->qnet->net->topology, step->q->head)->u.slice;
    const uint8_t *pixel = pixel_of(w, step->q, 0, slice->begin[1] + y * slice->step[1],
                                    slice->begin[2] + x * slice->step[2]);
    for (uint32_t c = 0; c < step->q->shape.channels; c++) {
        to[c] = pixel[slice->begin[0] + c * slice->step[0]];
    }
}

static void pad_pixel(ef_bytes_worker *w, const ef_bstep *step, uint32_t y, uint32_t x,
                      uint8_t *to)
{
    const ef_qstep *q = step->q;
    const ef_pad *pad =
        &ef_topology_node(w->rerun->qnet->net->topology, q->head)->u.pad;
    ef_shape in = ef_bstep_of(w, q->inputs[0])->q->shape;
    uint32_t row = y - pad->before[1], column = x - pad->before[2];
    int32_t fill = ef_code_integer(&q->code, ef_code_of(&q->code, pad->value));
    memset(to, fill + step->offset, q->shape.channels);
    if (row < in.height && column < in.width) {
        memcpy(to + pad->before[0], pixel_of(w, q, 0, row, column), in.channels);
    }
}

static void concat_pixel(ef_bytes_worker *w, const ef_bstep *step, uint32_t y,
                         uint32_t x, uint8_t *to)
{
    const ef_qstep *q = step->q;
    for (uint32_t k = 0; k < q->n_inputs; k++) {
        size_t n = ef_bstep_of(w, q->inputs[k])->q->shape.channels;
        memcpy(to, pixel_of(w, q, k, y, x), n);
        to += n;
    }
}

/* A view of one place has all elements as channels, in the order channel, row, column.
 */
static void flat_pixel(ef_bytes_worker *w, const ef_bstep *step, uint32_t y, uint32_t x,
                       uint8_t *to)
{
    ef_shape in = ef_bstep_of(w, step->q->inputs[0])->q->shape;
    size_t places = (size_t)in.height * in.width;
    (void)y;
    (void)x;
    for (size_t place = 0; place < places; place++) {
        const uint8_t *pixel =
            pixel_of(w, step->q, 0, place / in.width, place % in.width);
        for (size_t c = 0; c < in.channels; c++) {
            to[c * places + place] = pixel[c];
        }
    }
}

/* By the definition, element by element. */
static void any_pixel(ef_bytes_worker *w, const ef_bstep *step, uint32_t y, uint32_t x,
                      uint8_t *to)
{
    const ef_qview view = {w->rerun->qnet, ef_bytes_get, w};
    ef_qplace p = {0, y, x};
    for (; p.c < step->q->shape.channels; p.c++) {
        to[p.c] = (uint8_t)(ef_qelement(&view, (size_t)(step - w->rerun->steps), p) +
                            step->offset);
    }
}

/* --- all -------------------------------------------------------------------------- */

static run_pixel *const runners[] = {
    [EF_Q_ADD] = add_pixel,       [EF_Q_MUL] = any_pixel,  [EF_Q_MAXPOOL] = most_pixel,
    [EF_Q_AVGPOOL] = mean_pixel,  [EF_Q_NORM] = any_pixel, [EF_Q_TABLE] = table_pixel,
    [EF_Q_CONCAT] = concat_pixel, [EF_Q_PAD] = pad_pixel,  [EF_Q_SLICE] = slice_pixel,
    [EF_Q_TRANSPOSE] = any_pixel, [EF_Q_VIEW] = any_pixel, [EF_Q_UPSAMPLE] = any_pixel,
};

/* Whether all windows lie on the image as a whole. */
static int are_inside(const ef_bytes_worker *w, const ef_qstep *q)
{
    const ef_qwindow *v = &q->window;
    ef_shape in = ef_bstep_of(w, q->inputs[0])->q->shape;
    uint64_t bottom = (q->shape.height - 1) * (uint64_t)v->stride[0] +
                      (v->kernel[0] - 1) * (uint64_t)v->dilation[0];
    uint64_t right = (q->shape.width - 1) * (uint64_t)v->stride[1] +
                     (v->kernel[1] - 1) * (uint64_t)v->dilation[1];
    return !v->pad[0] && !v->pad[1] && bottom < in.height && right < in.width;
}

static run_pixel *runner_of(const ef_bytes_worker *w, const ef_qstep *q)
{
    int is_cut = q->kind == EF_Q_AVGPOOL && !are_inside(w, q);
    int is_long = q->kind == EF_Q_ADD && q->n_inputs != 2;
    int is_flat = q->kind == EF_Q_VIEW && q->shape.height * q->shape.width == 1;
    return is_cut || is_long ? any_pixel : is_flat ? flat_pixel : runners[q->kind];
}

void ef_bytes_run_other(ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    run_pixel *run = runner_of(w, step->q);
    for (size_t i = 0; i < w->n_todo; i++) {
        const uint16_t *spot = step->spots[w->todo[i]];
        run(w, step, spot[0], spot[1],
            w->states[index].now + step->places[w->todo[i]] * step->layout.pixel);
    }
}
