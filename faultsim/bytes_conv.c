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
    uint32_t width = step->q->shape.width;
    for (size_t i = 0; i < n; i++) {
        w->windows[i] = bytes + ef_bcorner(step, &in->layout, pixels[i] / width,
                                           pixels[i] % width) *
                                    in->layout.pixel;
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
    size_t stride = part->conv.n_blocks * EF_INT_BLOCK;
    for (size_t i = 0; i < n_pixels; i += EF_BYTES_CHUNK) {
        size_t n = n_pixels - i < EF_BYTES_CHUNK ? n_pixels - i : EF_BYTES_CHUNK;
        ef_bytes_accumulate(w, index, part, pixels + i, n);
        if (w->is_first) {
            keep(w, index, part, part_at, pixels + i, n);
        }
        for (size_t k = 0; k < n; k++) {
            w->rerun->kernels->round(w->acc + k * stride, step->factors + part->out,
                                     stride, &step->rounding, w->row);
            ef_bytes_write(w, index, pixels[i + k], part->out, w->row, part->n_out);
        }
    }
}

/* --- sums by differences ---------------------------------------------------------- */

/* What changes in a window of a part, as items; stops where there are more than most.
 */
static size_t gather(const ef_bytes_worker *w, const ef_bstep *step,
                     const ef_bstate *from, const ef_bpart *part, size_t corner,
                     size_t most)
{
    size_t n = 0, tap_size = part->n_pairs * part->pair_size;
    for (size_t t = 0; t < step->n_taps; t++) {
        ef_bspan span = from->spans[corner + step->tap_pixels[t]];
        const ef_int_change *changes = from->changes + span.first;
        for (uint32_t i = 0; i < span.n; i++) {
            size_t pair = changes[i].pair - part->first_pair;
            w->items[n] = (ef_int_item){
                (uint32_t)(t * tap_size + pair * part->pair_size), changes[i].delta};
            n += pair < part->n_pairs; /* others are of another part */
        }
        if (n > most) {
            return n;
        }
    }
    return n;
}

/* A window of as many changes as this takes as long by differences as anew. */
static size_t worthwhile(const ef_bstep *step, const ef_bpart *part)
{
    return step->n_taps * part->n_pairs / 3;
}

static void run_part(ef_bytes_worker *w, size_t index, size_t p, size_t part_at)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    const ef_bpart *part = &w->states[index].parts[p];
    size_t input = step->q->inputs[0], n_dense = 0;
    const ef_bstate *from = &w->states[input];
    const ef_blayout *in = &ef_bstep_of(w, input)->layout;
    size_t most = worthwhile(step, part), n_out = part->conv.n_blocks * EF_INT_BLOCK;
    const unsigned char *weights = w->rerun->pairs + part->pairs_at;
    const int32_t *acc =
        step->acc + w->image * ef_bplane(step) * step->acc_pixel + part_at;
    uint32_t width = step->q->shape.width;
    for (size_t i = 0; i < w->n_todo; i++) {
        uint32_t pixel = w->todo[i];
        size_t corner = ef_bcorner(step, in, pixel / width, pixel % width);
        size_t n = gather(w, step, from, part, corner, most);
        if (n > most) {
            w->dense[n_dense++] = pixel;
        } else if (n > 0) {
            w->rerun->kernels->update(
                weights, w->items, n, acc + pixel * step->acc_pixel,
                step->factors + part->out, n_out, &step->rounding, w->row);
            ef_bytes_write(w, index, pixel, part->out, w->row, part->n_out);
            w->base.macs += 2 * n * part->n_out;
        }
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
        } else {
            run_part(w, index, p, part_at);
        }
        part_at += part->conv.n_blocks * EF_INT_BLOCK;
    }
}
