/* Convolutions of the pixels that differences reach. */
#include <string.h>

#include "faultsim/bytes_priv.h"

/* --- sums made anew --------------------------------------------------------------- */

void ef_bytes_accumulate(ef_bytes_worker *w, size_t index, const ef_bpart *part,
                         const uint32_t *pixels, size_t n)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    size_t from = step->q->inputs[0];
    const ef_bstep *in = ef_bstep_of(w, from);
    const uint8_t *bytes = w->states[from].now + part->in;
    for (size_t i = 0; i < n; i++) {
        w->windows[i] = bytes + step->corners[pixels[i]] * in->layout.pixel;
    }
    w->rerun->kernels->conv(&part->conv, w->windows, n, w->acc);
    w->base.macs += n * part->n_out * step->n_taps *
                    (in->q->shape.channels / step->q->window.groups);
}

/* Keeps the sums of the fault-free run. */
static void keep(ef_bytes_worker *w, size_t index, const ef_bpart *part, size_t part_at,
                 const uint32_t *pixels, size_t n)
{
    ef_bstep *step = ef_bstep_of(w, index);
    size_t plane = ef_bplane(step), stride = part->conv.n_blocks * EF_INT_BLOCK;
    int32_t *acc = step->acc + w->image * plane * step->acc_pixel + part_at;
    int32_t *planes = step->plane_acc + w->image * plane * step->q->shape.channels;
    for (size_t i = 0; i < n; i++) {
        memcpy(acc + pixels[i] * step->acc_pixel, w->acc + i * stride,
               stride * sizeof *acc);
        for (size_t o = 0; o < part->n_out; o++) {
            planes[(part->out + o) * plane + pixels[i]] = w->acc[i * stride + o];
        }
    }
}

static void run_dense(ef_bytes_worker *w, size_t index, const ef_bpart *part,
                      size_t part_at, const uint32_t *pixels, size_t n_pixels)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    uint8_t *now = w->states[index].now + part->out;
    for (size_t i = 0; i < n_pixels; i += EF_BYTES_CHUNK) {
        size_t n = n_pixels - i < EF_BYTES_CHUNK ? n_pixels - i : EF_BYTES_CHUNK;
        ef_bytes_accumulate(w, index, part, pixels + i, n);
        if (w->is_first) {
            keep(w, index, part, part_at, pixels + i, n);
        }
        for (size_t k = 0; k < n; k++) {
            w->outs[k] = now + step->places[pixels[i + k]] * step->layout.pixel;
        }
        w->rerun->kernels->round(w->acc, n, part->conv.n_blocks * EF_INT_BLOCK,
                                 ef_bfactors(step, part->out), part->n_out,
                                 &step->rounding, w->outs);
    }
}

/* --- sums by differences ---------------------------------------------------------- */

/* Cycles, about: a pixel's sums anew take one for each group and block, and by
 * differences so many at least, and for each change one for each block and this. */
#define PIXEL_CYCLES 60
#define CHANGE_CYCLES 3

/* How many changes of a window are better added than all products made anew. */
static size_t worthwhile(const ef_bstep *step, const ef_bpart *part)
{
    size_t blocks = part->conv.n_blocks;
    size_t anew = step->n_taps * part->conv.n_groups * blocks;
    return anew > PIXEL_CYCLES ? (anew - PIXEL_CYCLES) / (blocks + CHANGE_CYCLES) : 0;
}

/* A convolution of one part. */
static void run_part(ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    const ef_bpart *part = &w->states[index].parts[0];
    const ef_int_window window = {
        .conv = &part->conv,
        .tensor = &w->states[step->q->inputs[0]].differs,
        .runs = step->runs,
        .n_runs = step->n_runs,
        .corners = step->corners,
        .places = step->places,
        .acc = step->acc + w->image * ef_bplane(step) * step->acc_pixel,
        .acc_pixel = step->acc_pixel,
        .factors = ef_bfactors(step, 0),
        .rounding = &step->rounding,
        .out = w->states[index].now,
        .out_pixel = step->layout.pixel,
        .n_out = part->n_out,
        .most = worthwhile(step, part),
    };
    size_t n_dense;
    size_t n =
        w->rerun->kernels->update(&window, w->todo, w->n_todo, w->dense, &n_dense);
    w->base.macs += EF_INT_GROUP * n * part->n_out;
    run_dense(w, index, part, 0, w->dense, n_dense);
}

/* Whether a change in a window is in one of the input channels of a part. */
static int reaches(const ef_bytes_worker *w, const ef_bstep *step, const ef_bpart *part,
                   uint32_t corner)
{
    const ef_int_tensor *tensor = &w->states[step->q->inputs[0]].differs;
    size_t size = w->rerun->kernels->group_size;
    size_t first = part->in / EF_INT_GROUP;
    size_t end = (part->in + part->n_in + EF_INT_GROUP - 1) / EF_INT_GROUP;
    for (size_t t = 0; t < step->n_taps; t++) {
        size_t place = corner + step->tap_pixels[t];
        ef_int_start from = tensor->starts[place], to = tensor->starts[place + 1];
        uint32_t base =
            (uint32_t)((place * tensor->pixel / EF_INT_GROUP + first) * size);
        for (uint32_t i = from.more; i < to.more; i++) {
            if (tensor->more[i].at - base < (end - first) * size) {
                return 1;
            }
        }
        for (uint32_t i = from.less; i < to.less; i++) {
            if (tensor->less[i].at - base < (end - first) * size) {
                return 1;
            }
        }
    }
    return 0;
}

/* One of several parts: few channels, whose sums are soon made. */
static void run_one_of_parts(ef_bytes_worker *w, size_t index, const ef_bpart *part,
                             size_t part_at)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    size_t n_dense = 0;
    for (size_t i = 0; i < w->n_todo; i++) {
        w->dense[n_dense] = w->todo[i];
        n_dense += (size_t)reaches(w, step, part, step->corners[w->todo[i]]);
    }
    run_dense(w, index, part, part_at, w->dense, n_dense);
}

void ef_bytes_run_conv(ef_bytes_worker *w, size_t index, int is_dense)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    size_t part_at = 0;
    for (size_t p = 0; p < step->n_parts; p++) {
        const ef_bpart *part = &w->states[index].parts[p];
        if (is_dense) {
            run_dense(w, index, part, part_at, w->todo, w->n_todo);
        } else if (step->n_parts == 1) {
            run_part(w, index);
        } else {
            run_one_of_parts(w, index, part, part_at);
        }
        part_at += part->conv.n_blocks * EF_INT_BLOCK;
    }
}
