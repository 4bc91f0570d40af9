/* Convolutions of the pixels that differences reach. */
#include <string.h>

#include "faultsim/bytes_priv.h"

static size_t corner_of(const ef_bstep *step, const ef_blayout *in, ef_bspot spot)
{
    return ef_bcorner(step, in, ef_bspot_y(spot), ef_bspot_x(spot));
}

/* --- sums made anew --------------------------------------------------------------- */

void ef_bytes_accumulate(ef_bytes_worker *w, size_t index, const ef_bpart *part,
                         const ef_bspot *spots, size_t n)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    size_t from = step->q->inputs[0];
    const ef_bstep *in = ef_bstep_of(w, from);
    const uint8_t *bytes = w->states[from].now + part->in;
    for (size_t i = 0; i < n; i++) {
        w->windows[i] =
            bytes + corner_of(step, &in->layout, spots[i]) * in->layout.pixel;
    }
    w->rerun->kernels->conv(&part->conv, w->windows, n, w->acc);
    w->base.macs += n * part->n_out * step->n_taps *
                    (in->q->shape.channels / step->q->window.groups);
}

/* Keeps the sums of the fault-free run. */
static void keep(ef_bytes_worker *w, size_t index, const ef_bpart *part, size_t part_at,
                 const ef_bspot *spots, size_t n)
{
    ef_bstep *step = ef_bstep_of(w, index);
    size_t plane = ef_bplane(step), stride = part->conv.n_blocks * EF_INT_BLOCK;
    int32_t *acc = step->acc + w->image * plane * step->acc_pixel + part_at;
    int32_t *planes = step->plane_acc + w->image * plane * step->q->shape.channels;
    for (size_t i = 0; i < n; i++) {
        size_t pixel = ef_bnumber(step, spots[i]);
        memcpy(acc + pixel * step->acc_pixel, w->acc + i * stride,
               stride * sizeof *acc);
        for (size_t o = 0; o < part->n_out; o++) {
            planes[(part->out + o) * plane + pixel] = w->acc[i * stride + o];
        }
    }
}

static void run_dense(ef_bytes_worker *w, size_t index, const ef_bpart *part,
                      size_t part_at, const ef_bspot *spots, size_t n_spots)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    for (size_t i = 0; i < n_spots; i += EF_BYTES_CHUNK) {
        size_t n = n_spots - i < EF_BYTES_CHUNK ? n_spots - i : EF_BYTES_CHUNK;
        ef_bytes_accumulate(w, index, part, spots + i, n);
        if (w->is_first) {
            keep(w, index, part, part_at, spots + i, n);
        }
        for (size_t k = 0; k < n; k++) {
            w->outs[k] = ef_bytes_touch(w, index, spots[i + k]) + part->out;
        }
        w->rerun->kernels->round(w->acc, n, part->conv.n_blocks * EF_INT_BLOCK,
                                 step->factors + part->out, part->n_out,
                                 &step->rounding, w->outs);
    }
}

/* --- sums by differences ---------------------------------------------------------- */

/* As the kernels gather, where only some changes are of this part. */
static size_t gather_some(const ef_bytes_worker *w, const ef_bstep *step,
                          const ef_bstate *from, const ef_bpart *part, size_t corner,
                          size_t most)
{
    size_t n = 0, tap_size = part->n_pairs * part->pair_size;
    for (size_t t = 0; t < step->n_taps; t++) {
        ef_int_span span = from->spans[corner + step->tap_pixels[t]];
        const ef_int_change *changes = from->changes + span.first;
        for (uint32_t i = 0; i < span.n; i++) {
            size_t pair = changes[i].pair - part->first_pair;
            w->items[n] = (ef_int_item){
                (uint32_t)(t * tap_size + pair * part->pair_size), changes[i].delta};
            n += pair < part->n_pairs;
        }
        if (n > most) {
            return n;
        }
    }
    return n;
}

static size_t gather(const ef_bytes_worker *w, const ef_bstep *step,
                     const ef_bstate *from, const ef_bpart *part, size_t corner,
                     size_t most)
{
    if (step->n_parts > 1) {
        return gather_some(w, step, from, part, corner, most);
    }
    return w->rerun->kernels->gather(from->changes, from->spans + corner,
                                     step->tap_pixels, step->n_taps,
                                     (uint32_t)(part->n_pairs * part->pair_size),
                                     (uint32_t)part->pair_size, most, w->items);
}

/* A window of as many changes as this takes as long by differences as anew: a change
 * is worth a product for each block, and some work to find it. */
static size_t worthwhile(const ef_bstep *step, const ef_bpart *part)
{
    size_t blocks = part->conv.n_blocks;
    return step->n_taps * part->conv.n_groups * blocks / (blocks + 2);
}

static void run_part(ef_bytes_worker *w, size_t index, size_t p, size_t part_at)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    const ef_bpart *part = &w->states[index].parts[p];
    size_t input = step->q->inputs[0], n_dense = 0;
    const ef_bstate *from = &w->states[input];
    const ef_blayout *in = &ef_bstep_of(w, input)->layout;
    size_t most = worthwhile(step, part);
    const unsigned char *weights = w->rerun->pairs + part->pairs_at;
    const int32_t *acc =
        step->acc + w->image * ef_bplane(step) * step->acc_pixel + part_at;
    for (size_t i = 0; i < w->n_todo; i++) {
        ef_bspot spot = w->todo[i];
        size_t n = gather(w, step, from, part, corner_of(step, in, spot), most);
        if (n > most) {
            w->dense[n_dense++] = spot;
        } else if (n > 0) {
            w->rerun->kernels->update(
                weights, w->items, n, acc + ef_bnumber(step, spot) * step->acc_pixel,
                step->factors + part->out, part->n_out, &step->rounding,
                ef_bytes_touch(w, index, spot) + part->out);
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
