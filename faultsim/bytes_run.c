/* One image through the steps, computing what differs. */
#include <math.h>
#include <string.h>

#include "faultsim/bytes_priv.h"

/* --- other steps ------------------------------------------------------------------ */

int32_t ef_bytes_get(void *context, uint32_t index, ef_qplace p)
{
    const ef_bytes_worker *w = context;
    const ef_bstep *step = ef_bstep_of(w, index);
    return w->states[index].now[ef_bpixel(&step->layout, p.y, p.x) + p.c] -
           step->offset;
}

/* By the definition, element by element. */
static void run_elements(ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    const ef_qview view = {w->rerun->qnet, ef_bytes_get, w};
    ef_shape shape = step->q->shape;
    for (size_t i = 0; i < w->n_todo; i++) {
        ef_qplace p = {0, w->todo[i] / shape.width, w->todo[i] % shape.width};
        for (; p.c < shape.channels; p.c++) {
            uint8_t byte = (uint8_t)(ef_qelement(&view, index, p) + step->offset);
            ef_bytes_write(w, index, w->todo[i], p.c, &byte, 1);
        }
    }
}

static void run_add(ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    const ef_qstep *q = step->q;
    const ef_bstep *a = ef_bstep_of(w, q->inputs[0]), *b = ef_bstep_of(w, q->inputs[1]);
    uint32_t width = q->shape.width;
    size_t n = q->shape.channels;
    for (size_t i = 0; i < w->n_todo; i++) {
        uint32_t y = w->todo[i] / width, x = w->todo[i] % width;
        w->rerun->kernels->add(
            w->states[q->inputs[0]].now + ef_bpixel(&a->layout, y, x),
            w->states[q->inputs[1]].now + ef_bpixel(&b->layout, y, x), a->zero, b->zero,
            q->factors, n, &step->rounding, w->row);
        ef_bytes_write(w, index, w->todo[i], 0, w->row, n);
    }
}

/* Sums of bytes of each channel over a window of pixels on the image. */
static void run_mean(ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    const ef_qstep *q = step->q;
    const ef_bstep *from = ef_bstep_of(w, q->inputs[0]);
    ef_shape in = from->q->shape;
    size_t n = in.channels;
    const uint8_t *bytes = w->states[q->inputs[0]].now;
    memset(w->sums, 0, n * sizeof *w->sums);
    for (size_t y = 0; y < in.height; y++) {
        for (size_t x = 0; x < in.width; x++) {
            const uint8_t *pixel = bytes + ef_bpixel(&from->layout, y, x);
            for (size_t c = 0; c < n; c++) {
                w->sums[c] += pixel[c];
            }
        }
    }
    double count = (double)in.height * in.width;
    for (size_t c = 0; c < n; c++) {
        double sum = w->sums[c] - count * from->zero;
        w->row[c] =
            (uint8_t)(ef_qround(sum * (q->factors[0] / count), step->rounding.zero,
                                step->rounding.least, step->rounding.most));
    }
    ef_bytes_write(w, index, 0, 0, w->row, n);
}

/* A pixel of a slice, pad or concat. */
static void move_pixel(const ef_bytes_worker *w, const ef_bstep *step, uint32_t y,
                       uint32_t x, uint8_t *to)
{
    const ef_qstep *q = step->q;
    const ef_node *node = ef_topology_node(w->rerun->qnet->net->topology, q->head);
    const ef_bstep *from = ef_bstep_of(w, q->inputs[0]);
    const uint8_t *bytes = w->states[q->inputs[0]].now;
    ef_shape in = from->q->shape;
    if (q->kind == EF_Q_SLICE) {
        const ef_slice *slice = &node->u.slice;
        bytes += ef_bpixel(&from->layout, slice->begin[1] + y * slice->step[1],
                           slice->begin[2] + x * slice->step[2]);
        for (uint32_t c = 0; c < q->shape.channels; c++) {
            to[c] = bytes[slice->begin[0] + c * slice->step[0]];
        }
    } else if (q->kind == EF_Q_PAD) {
        const ef_pad *pad = &node->u.pad;
        uint32_t row = y - pad->before[1], column = x - pad->before[2];
        int32_t fill = ef_code_integer(&q->code, ef_code_of(&q->code, pad->value));
        memset(to, fill + step->offset, q->shape.channels);
        if (row < in.height && column < in.width) {
            memcpy(to + pad->before[0], bytes + ef_bpixel(&from->layout, row, column),
                   in.channels);
        }
    } else {
        for (uint32_t k = 0; k < q->n_inputs; k++) {
            from = ef_bstep_of(w, q->inputs[k]);
            memcpy(to, w->states[q->inputs[k]].now + ef_bpixel(&from->layout, y, x),
                   from->q->shape.channels);
            to += from->q->shape.channels;
        }
    }
}

static void run_moves(ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    uint32_t width = step->q->shape.width;
    for (size_t i = 0; i < w->n_todo; i++) {
        move_pixel(w, step, w->todo[i] / width, w->todo[i] % width, w->row);
        ef_bytes_write(w, index, w->todo[i], 0, w->row, step->q->shape.channels);
    }
}

/* Whether an average is of the whole image. */
static int is_global(const ef_bytes_worker *w, const ef_qstep *q)
{
    const ef_qwindow *window = &q->window;
    ef_shape in = ef_bstep_of(w, q->inputs[0])->q->shape;
    return q->kind == EF_Q_AVGPOOL && q->shape.height * q->shape.width == 1 &&
           window->pad[0] + window->pad[1] + window->pad[2] + window->pad[3] == 0 &&
           window->kernel[0] == in.height && window->kernel[1] == in.width;
}

static void run_todo(ef_bytes_worker *w, size_t index, int is_dense)
{
    const ef_qstep *q = ef_bstep_of(w, index)->q;
    if (q->kind == EF_Q_CONV) {
        ef_bytes_run_conv(w, index, is_dense);
    } else if (q->kind == EF_Q_ADD && q->n_inputs == 2) {
        run_add(w, index);
    } else if (q->kind == EF_Q_SLICE || q->kind == EF_Q_PAD || q->kind == EF_Q_CONCAT) {
        run_moves(w, index);
    } else if (is_global(w, q)) {
        run_mean(w, index);
    } else {
        run_elements(w, index);
    }
}

/* --- logits ----------------------------------------------------------------------- */

static double tail(const ef_bytes_worker *w, size_t channel, double value)
{
    const ef_qnet *qnet = w->rerun->qnet;
    for (size_t i = 0; i < qnet->n_tail; i++) {
        value = ef_qtail_apply(qnet, &qnet->tail[i], channel, value);
    }
    return value;
}

/* The sum of an output of the last layer; its part's sums of the pixel are in w->acc.
 */
static double last_sum(ef_bytes_worker *w, const ef_bpart *part, ef_qplace place,
                       uint32_t pixel)
{
    size_t index = w->rerun->n_steps - 1;
    const ef_bstep *step = ef_bstep_of(w, index);
    size_t element = place.c * ef_bplane(step) + pixel;
    for (size_t i = 0; i < w->n_hitting; i++) {
        if (w->fault->flips[w->hitting[i]].index == element) {
            return (double)ef_bytes_struck_sum(w, index, place.c, pixel);
        }
    }
    unsigned unused = step->rounding.unused;
    return (int32_t)((uint32_t)w->acc[place.c - part->out] << unused) >> unused;
}

/* Logits of a last layer that is a convolution; pixel by pixel as they come. */
static void conv_logits(ef_bytes_worker *w, double *logits)
{
    size_t index = w->rerun->n_steps - 1;
    const ef_bstep *step = ef_bstep_of(w, index);
    const ef_qview view = {w->rerun->qnet, ef_bytes_get, w};
    ef_bytes_find_hitting(w, step->sum_site);
    for (size_t p = 0; p < step->n_parts; p++) {
        const ef_bpart *part = &w->states[index].parts[p];
        uint32_t last = UINT32_MAX;
        for (size_t i = 0; i < w->rerun->base.classes; i++) {
            ef_qplace place = ef_qlogit_place(&view, i);
            uint32_t pixel = place.y * step->q->shape.width + place.x;
            if (place.c < part->out || place.c >= part->out + part->n_out) {
                continue;
            }
            if (pixel != last) {
                ef_bytes_accumulate(w, index, part, &pixel, 1);
                last = pixel;
            }
            logits[i] = tail(w, place.c,
                             last_sum(w, part, place, pixel) * step->factors[place.c]);
        }
    }
}

static void find_logits(ef_bytes_worker *w, double *logits)
{
    const ef_qview view = {w->rerun->qnet, ef_bytes_get, w};
    if (ef_bstep_of(w, w->rerun->n_steps - 1)->q->kind == EF_Q_CONV) {
        conv_logits(w, logits);
    } else {
        ef_qlogits(&view, logits);
    }
}

/* --- one image -------------------------------------------------------------------- */

static void run_step(ef_bytes_worker *w, size_t index)
{
    int is_struck = ef_bytes_is_struck(w, index), differs = ef_bytes_differs(w, index);
    if (is_struck && !differs && !w->is_whole && ef_bytes_run_struck(w, index)) {
        return;
    }
    if (!is_struck && !differs && !w->is_whole) {
        return;
    }
    /* what is struck here and before takes the worker's weights, for all pixels */
    int is_whole = w->is_whole;
    w->is_whole |= is_struck;
    ef_bytes_find_todo(w, index);
    run_todo(w, index, w->is_whole);
    ef_bytes_clear_todo(w);
    w->is_whole = is_whole;
}

/* Ends a whole run: nothing is known of what differs. */
static void forget(ef_bytes_worker *w)
{
    for (size_t i = 0; i + 1 < w->rerun->n_steps; i++) {
        ef_bstate *state = &w->states[i];
        for (size_t k = 0; k < state->n_listed; k++) {
            state->is_listed[state->listed[k]] = 0;
        }
        state->n_listed = 0;
    }
    w->image = SIZE_MAX;
}

/* The last step with a flip in it. */
static size_t last_struck(const ef_bytes_worker *w)
{
    size_t last = 0;
    for (size_t i = 0; i < w->fault->n && last + 1 < w->rerun->n_steps; i++) {
        size_t step = w->rerun->base.sites[w->fault->flips[i].site].step;
        last = step > last ? step : last;
    }
    return last;
}

int ef_bytes_run_image(ef_bytes_worker *w, size_t first, double *logits)
{
    size_t output = w->rerun->n_steps - 1, end = last_struck(w), i;
    end = w->is_whole ? output : end;
    for (i = first; i < output && i <= end; i++) {
        if (i > 0) {
            run_step(w, i);
            ef_bytes_strike_sums(w, i);
        }
        ef_bytes_strike_values(w, i);
        if (!w->is_whole && w->states[i].n_listed > 0) {
            ef_bytes_collect(w, i);
            size_t last = ef_bstep_of(w, i)->last_reader;
            end = w->states[i].n_pixels > 0 && last > end ? last : end;
        }
    }
    int reaches = end == output;
    if (reaches) {
        find_logits(w, logits);
    }
    if (w->is_whole) {
        forget(w);
        return 1;
    }
    while (i-- > first) {
        if (w->states[i].n_pixels > 0) {
            ef_bytes_restore(w, i);
        }
    }
    return reaches;
}
