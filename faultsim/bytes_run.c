/* One image through the steps, computing the pixels that differ. */
#include "faultsim/bytes_run.h"

#include <math.h>
#include <string.h>

#define CHUNK EF_BYTES_CHUNK

/* --- convolution ------------------------------------------------------------------ */

/* Accumulators of fewer than 32 bits. */
static void narrow(const ef_bytes_worker *w, int32_t *acc, size_t n)
{
    unsigned unused = 32 - w->rerun->qnet->accumulator_bits;
    for (size_t i = 0; i < n && unused > 0; i++) {
        acc[i] = (int32_t)((uint32_t)acc[i] << unused) >> unused;
    }
}

/* Accumulators of n pixels for a part, (n, n_blocks * EF_INT_BLOCK). */
static void accumulate(ef_bytes_worker *w, size_t index, const ef_rpart *part,
                       const uint32_t *pixels, size_t n)
{
    const ef_rstep *step = ef_rstep_of(w, index);
    const ef_qwindow *window = &step->q->window;
    size_t from = step->q->inputs[0];
    const ef_rlayout *in = &ef_rstep_of(w, from)->layout;
    const uint8_t *bytes = w->states[from].now + part->in;
    ptrdiff_t corner = (ptrdiff_t)in->origin - (ptrdiff_t)(window->pad[0] * in->row) -
                       (ptrdiff_t)(window->pad[1] * in->pixel);
    uint32_t width = step->q->shape.width;
    for (size_t i = 0; i < n; i++) {
        size_t y = pixels[i] / width, x = pixels[i] % width;
        w->windows[i] = bytes + corner + (ptrdiff_t)(y * window->stride[0] * in->row) +
                        (ptrdiff_t)(x * window->stride[1] * in->pixel);
    }
    w->rerun->kernels->conv(&part->conv, w->windows, n, w->acc);
    narrow(w, w->acc, n * part->conv.n_blocks * EF_INT_BLOCK);
    w->base.macs += n * part->n_out * part->conv.n_taps *
                    (ef_rstep_of(w, from)->q->shape.channels / window->groups);
}

/* Keeps the accumulators of the fault-free run. */
static void keep(ef_bytes_worker *w, size_t index, const ef_rpart *part,
                 const uint32_t *pixels, size_t n)
{
    const ef_rstep *step = ef_rstep_of(w, index);
    size_t plane = (size_t)step->q->shape.height * step->q->shape.width;
    size_t stride = part->conv.n_blocks * EF_INT_BLOCK;
    int32_t *to = step->acc + w->image * plane * step->q->shape.channels;
    for (size_t o = 0; o < part->n_out; o++) {
        for (size_t i = 0; i < n; i++) {
            to[(part->out + o) * plane + pixels[i]] = w->acc[i * stride + o];
        }
    }
}

static void run_conv(ef_bytes_worker *w, size_t index)
{
    const ef_rstep *step = ef_rstep_of(w, index);
    const ef_qstep *q = step->q;
    for (size_t p = 0; p < step->n_parts; p++) {
        const ef_rpart *part = &w->states[index].parts[p];
        size_t stride = part->conv.n_blocks * EF_INT_BLOCK;
        for (size_t i = 0; i < w->n_todo; i += CHUNK) {
            size_t n = w->n_todo - i < CHUNK ? w->n_todo - i : CHUNK;
            accumulate(w, index, part, w->todo + i, n);
            if (w->is_first) {
                keep(w, index, part, w->todo + i, n);
            }
            for (size_t k = 0; k < n; k++) {
                w->rerun->kernels->round(w->acc + k * stride, step->factors + part->out,
                                         stride, step->zero, q->least + step->offset,
                                         q->most + step->offset, w->row);
                ef_bytes_write(w, index, w->todo[i + k], part->out, w->row,
                               part->n_out);
            }
        }
    }
}

/* --- struck parameters ------------------------------------------------------------ */

/* Adds what a struck weight changes to the accumulators of its channel. */
static void add_weight(ef_bytes_worker *w, const ef_rstep *step, uint64_t index,
                       int32_t delta, int32_t *acc)
{
    const ef_qwindow *window = &step->q->window;
    const ef_rstep *from = &w->rerun->steps[step->q->inputs[0]];
    ef_shape in = from->q->shape, out = step->q->shape;
    size_t n_in = in.channels / window->groups;
    size_t n_taps = (size_t)window->kernel[0] * window->kernel[1];
    size_t channel = index / n_taps / n_in, tap = index % n_taps;
    size_t group = channel / (out.channels / window->groups);
    const uint8_t *plane =
        from->planes + (w->image * in.channels + group * n_in + index / n_taps % n_in) *
                           in.height * in.width;
    int64_t dy =
        (int64_t)(tap / window->kernel[1]) * window->dilation[0] - window->pad[0];
    int64_t dx =
        (int64_t)(tap % window->kernel[1]) * window->dilation[1] - window->pad[1];
    int64_t stride = window->stride[1];
    int64_t begin = dx >= 0 ? 0 : (-dx + stride - 1) / stride;
    int64_t end = (in.width - 1 - dx) / stride + 1;
    end = in.width - 1 < dx ? 0 : end < out.width ? end : out.width;
    for (int64_t y = 0; y < out.height; y++) {
        int64_t row = y * window->stride[0] + dy;
        if (row < 0 || row >= in.height) {
            continue;
        }
        const uint8_t *x = plane + row * in.width + dx;
        uint32_t *to = (uint32_t *)acc + y * out.width;
        for (int64_t i = begin; i < end; i++) {
            to[i] += (uint32_t)delta * ((uint32_t)x[i * stride] - from->zero);
        }
    }
    w->base.macs += (uint64_t)out.height * out.width;
}

static void add_bias(ef_bytes_worker *w, int32_t delta, size_t plane)
{
    for (size_t i = 0; i < plane; i++) {
        w->plane_acc[i] = (int32_t)((uint32_t)w->plane_acc[i] + (uint32_t)delta);
    }
}

/* The bytes of one channel from its accumulators. */
static void write_plane(ef_bytes_worker *w, size_t index, size_t channel)
{
    const ef_rstep *step = ef_rstep_of(w, index);
    const ef_qstep *q = step->q;
    size_t plane = (size_t)q->shape.height * q->shape.width;
    size_t n = (plane + EF_INT_BLOCK - 1) / EF_INT_BLOCK * EF_INT_BLOCK;
    const uint8_t *old =
        step->planes + (w->image * q->shape.channels + channel) * plane;
    for (size_t i = 0; i < n; i++) {
        w->plane_factors[i] = step->factors[channel];
    }
    narrow(w, w->plane_acc, plane);
    w->rerun->kernels->round(w->plane_acc, w->plane_factors, n, step->zero,
                             q->least + step->offset, q->most + step->offset,
                             w->plane_bytes);
    if (memcmp(old, w->plane_bytes, plane) == 0) {
        return;
    }
    for (size_t i = 0; i < plane; i++) {
        if (old[i] != w->plane_bytes[i]) {
            ef_bytes_write(w, index, (uint32_t)i, channel, &w->plane_bytes[i], 1);
        }
    }
}

/* Channels with a struck weight or bias, from the fault-free sums. */
static void run_struck(ef_bytes_worker *w, size_t index)
{
    const ef_rstep *step = ef_rstep_of(w, index);
    ef_flip_range weights = ef_flip_order_of(&w->order, step->weight_site);
    ef_flip_range biases = ef_flip_order_of(&w->order, step->bias_site);
    size_t plane = ef_rplane(step), channels = step->q->shape.channels;
    size_t each =
        weights.n > 0 ? w->rerun->base.sites[step->weight_site].count / channels : 1;
    for (size_t i = 0, k = 0; i < weights.n || k < biases.n;) {
        uint64_t channel = i < weights.n ? weights.places[i].key / each : UINT64_MAX;
        if (k < biases.n && biases.places[k].key < channel) {
            channel = biases.places[k].key;
        }
        memcpy(w->plane_acc, step->acc + (w->image * channels + channel) * plane,
               plane * sizeof *w->plane_acc);
        for (; i < weights.n && weights.places[i].key / each == channel; i++) {
            add_weight(w, step, weights.places[i].key,
                       w->changes[weights.places[i].flip].delta, w->plane_acc);
        }
        for (; k < biases.n && biases.places[k].key == channel; k++) {
            add_bias(w, w->changes[biases.places[k].flip].delta, plane);
        }
        write_plane(w, index, channel);
    }
}

/* --- other steps ------------------------------------------------------------------ */

static int32_t get(void *context, uint32_t index, ef_qplace p)
{
    const ef_bytes_worker *w = context;
    const ef_rstep *step = ef_rstep_of(w, index);
    return w->states[index].now[ef_rpixel(&step->layout, p.y, p.x) + p.c] -
           step->offset;
}

/* By the definition, element by element. */
static void run_elements(ef_bytes_worker *w, size_t index)
{
    const ef_rstep *step = ef_rstep_of(w, index);
    const ef_qview view = {w->rerun->qnet, get, w};
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
    const ef_rstep *step = ef_rstep_of(w, index);
    const ef_qstep *q = step->q;
    const ef_rstep *a = ef_rstep_of(w, q->inputs[0]), *b = ef_rstep_of(w, q->inputs[1]);
    uint32_t width = q->shape.width;
    size_t n = q->shape.channels;
    for (size_t i = 0; i < w->n_todo; i++) {
        uint32_t y = w->todo[i] / width, x = w->todo[i] % width;
        w->rerun->kernels->add(
            w->states[q->inputs[0]].now + ef_rpixel(&a->layout, y, x),
            w->states[q->inputs[1]].now + ef_rpixel(&b->layout, y, x), a->zero, b->zero,
            q->factors, n, step->zero, q->least + step->offset, q->most + step->offset,
            w->row);
        ef_bytes_write(w, index, w->todo[i], 0, w->row, n);
    }
}

/* Sums of bytes of each channel over a window of pixels on the image. */
static void run_mean(ef_bytes_worker *w, size_t index)
{
    const ef_rstep *step = ef_rstep_of(w, index);
    const ef_qstep *q = step->q;
    const ef_rstep *from = ef_rstep_of(w, q->inputs[0]);
    ef_shape in = from->q->shape;
    size_t n = in.channels;
    const uint8_t *bytes = w->states[q->inputs[0]].now;
    memset(w->sums, 0, n * sizeof *w->sums);
    for (size_t y = 0; y < in.height; y++) {
        for (size_t x = 0; x < in.width; x++) {
            const uint8_t *pixel = bytes + ef_rpixel(&from->layout, y, x);
            for (size_t c = 0; c < n; c++) {
                w->sums[c] += pixel[c];
            }
        }
    }
    double count = (double)in.height * in.width;
    for (size_t c = 0; c < n; c++) {
        double sum = w->sums[c] - count * from->zero;
        w->row[c] =
            (uint8_t)(ef_qround(sum * (q->factors[0] / count), step->zero,
                                q->least + step->offset, q->most + step->offset));
    }
    ef_bytes_write(w, index, 0, 0, w->row, n);
}

/* A pixel of a slice, pad or concat. */
static void move_pixel(const ef_bytes_worker *w, const ef_rstep *step, uint32_t y,
                       uint32_t x, uint8_t *to)
{
    const ef_qstep *q = step->q;
    const ef_node *node = ef_topology_node(w->rerun->qnet->net->topology, q->head);
    const ef_rstep *from = ef_rstep_of(w, q->inputs[0]);
    const uint8_t *bytes = w->states[q->inputs[0]].now;
    ef_shape in = from->q->shape;
    if (q->kind == EF_Q_SLICE) {
        const ef_slice *slice = &node->u.slice;
        bytes += ef_rpixel(&from->layout, slice->begin[1] + y * slice->step[1],
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
            memcpy(to + pad->before[0], bytes + ef_rpixel(&from->layout, row, column),
                   in.channels);
        }
    } else {
        for (uint32_t k = 0; k < q->n_inputs; k++) {
            from = ef_rstep_of(w, q->inputs[k]);
            memcpy(to, w->states[q->inputs[k]].now + ef_rpixel(&from->layout, y, x),
                   from->q->shape.channels);
            to += from->q->shape.channels;
        }
    }
}

static void run_moves(ef_bytes_worker *w, size_t index)
{
    const ef_rstep *step = ef_rstep_of(w, index);
    uint32_t width = step->q->shape.width;
    for (size_t i = 0; i < w->n_todo; i++) {
        move_pixel(w, step, w->todo[i] / width, w->todo[i] % width, w->row);
        ef_bytes_write(w, index, w->todo[i], 0, w->row, step->q->shape.channels);
    }
}

static void run_todo(ef_bytes_worker *w, size_t index)
{
    const ef_rstep *step = ef_rstep_of(w, index);
    const ef_qstep *q = step->q;
    int is_global =
        q->kind == EF_Q_AVGPOOL && q->shape.height * q->shape.width == 1 &&
        q->window.pad[0] + q->window.pad[1] + q->window.pad[2] + q->window.pad[3] ==
            0 &&
        q->window.kernel[0] == ef_rstep_of(w, q->inputs[0])->q->shape.height &&
        q->window.kernel[1] == ef_rstep_of(w, q->inputs[0])->q->shape.width;
    if (q->kind == EF_Q_CONV) {
        run_conv(w, index);
    } else if (q->kind == EF_Q_ADD && q->n_inputs == 2) {
        run_add(w, index);
    } else if (q->kind == EF_Q_SLICE || q->kind == EF_Q_PAD || q->kind == EF_Q_CONCAT) {
        run_moves(w, index);
    } else if (is_global) {
        run_mean(w, index);
    } else {
        run_elements(w, index);
    }
}

/* --- struck values ---------------------------------------------------------------- */

static void strike_value(ef_bytes_worker *w, size_t index, const ef_flip *f)
{
    const ef_rstep *step = ef_rstep_of(w, index);
    const ef_code *code = &step->q->code;
    size_t plane = ef_rplane(step);
    uint32_t pixel = (uint32_t)(f->index % plane), width = step->q->shape.width;
    uint32_t channel = (uint32_t)(f->index / plane);
    const uint8_t *at = w->states[index].now +
                        ef_rpixel(&step->layout, pixel / width, pixel % width) +
                        channel;
    uint32_t bits = ef_code_of_integer(code, *at - step->offset);
    uint32_t struck = (uint32_t)ef_fault_bits(f->kind, bits, f->mask);
    uint8_t byte = (uint8_t)(ef_code_integer(code, struck) + step->offset);
    ef_bytes_write(w, index, pixel, channel, &byte, 1);
}

/* Flips of every image and those of this one, in the order in which they stand. */
static void strike_values(ef_bytes_worker *w, size_t index)
{
    ef_flip_range all = ef_flip_order_of(&w->order, ef_rstep_of(w, index)->value_site);
    ef_flip_range own = ef_flip_range_at(all, w->rerun->base.first + w->image + 1);
    all = ef_flip_range_at(all, 0);
    for (size_t i = 0, k = 0; i < all.n || k < own.n;) {
        int is_own =
            k < own.n && (i == all.n || own.places[k].flip < all.places[i].flip);
        size_t n = is_own ? own.places[k++].flip : all.places[i++].flip;
        strike_value(w, index, &w->fault->flips[n]);
    }
}

/* --- one image -------------------------------------------------------------------- */

static const uint8_t *base_of(const ef_bytes_worker *w, size_t index)
{
    const ef_rstep *step = ef_rstep_of(w, index);
    return step->bytes + w->image * step->layout.size;
}

static void begin_image(ef_bytes_worker *w, size_t image)
{
    w->image = image;
    for (size_t i = 0; i + 1 < w->rerun->n_steps; i++) {
        ef_rstate *state = &w->states[i];
        for (size_t k = 0; k < state->n_pixels; k++) {
            state->is_listed[state->pixels[k]] = 0;
        }
        state->n_pixels = 0;
        state->now = base_of(w, i);
        if (w->is_first) { /* the fault-free run is written where it is kept */
            state->changed =
                ef_rstep_of(w, i)->bytes + image * ef_rstep_of(w, i)->layout.size;
        }
    }
}

static double tail(const ef_bytes_worker *w, size_t channel, double value)
{
    const ef_qnet *qnet = w->rerun->qnet;
    for (size_t i = 0; i < qnet->n_tail; i++) {
        value = ef_qtail_apply(qnet, &qnet->tail[i], channel, value);
    }
    return value;
}

/* Logits of a last layer that is a convolution. */
static void conv_logits(ef_bytes_worker *w, double *logits)
{
    size_t index = w->rerun->n_steps - 1;
    const ef_rstep *step = ef_rstep_of(w, index);
    const ef_qview view = {w->rerun->qnet, get, w};
    uint32_t width = step->q->shape.width;
    for (size_t p = 0; p < step->n_parts; p++) {
        const ef_rpart *part = &w->states[index].parts[p];
        for (size_t i = 0; i < w->rerun->base.classes; i++) {
            ef_qplace place = ef_qlogit_place(&view, i);
            uint32_t pixel = place.y * width + place.x;
            if (place.c < part->out || place.c >= part->out + part->n_out) {
                continue;
            }
            if (i == 0 || part->n_out < 2 || pixel != w->last_pixel) {
                accumulate(w, index, part, &pixel, 1);
                w->last_pixel = pixel;
            }
            logits[i] =
                tail(w, place.c,
                     (double)w->acc[place.c - part->out] * step->factors[place.c]);
        }
        w->last_pixel = UINT32_MAX;
    }
}

void ef_bytes_image(ef_bytes_worker *w, size_t image, double *logits)
{
    const ef_bytes *rerun = w->rerun;
    size_t output = rerun->n_steps - 1;
    const ef_qview view = {rerun->qnet, get, w};
    int reaches = w->is_whole;
    begin_image(w, image);
    for (size_t i = 0; i < output; i++) {
        if (i > 0) {
            ef_bytes_find_todo(w, i);
            if (w->n_todo < ef_rplane(&rerun->steps[i])) {
                run_struck(w, i);
            }
            run_todo(w, i);
            ef_bytes_clear_todo(w);
        }
        strike_values(w, i);
    }
    for (uint32_t k = 0; k < rerun->steps[output].q->n_inputs; k++) {
        reaches |= w->states[rerun->steps[output].q->inputs[k]].n_pixels > 0;
    }
    reaches |= ef_flip_order_of(&w->order, rerun->steps[output].weight_site).n > 0;
    reaches |= ef_flip_order_of(&w->order, rerun->steps[output].bias_site).n > 0;
    if (!reaches) {
        memcpy(logits, rerun->base.logits + image * rerun->base.classes,
               rerun->base.classes * sizeof *logits);
    } else if (rerun->steps[output].q->kind == EF_Q_CONV) {
        w->last_pixel = UINT32_MAX;
        conv_logits(w, logits);
    } else {
        ef_qlogits(&view, logits);
    }
}
