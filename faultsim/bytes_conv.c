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
                                 ef_bfactors(step, part->out), part->n_out,
                                 &step->rounding, w->outs);
    }
}

/* --- sums by differences ---------------------------------------------------------- */

/* The changes of one list in a tap, where they are of this part. */
static size_t take_items(const ef_int_change *changes, size_t n, uint32_t base,
                         uint32_t tap, uint32_t tap_size, ef_int_item *items)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t at = changes[i].at - base; /* wraps round before the part */
        items[found] = (ef_int_item){tap * tap_size + at, changes[i].deltas};
        found += at < tap_size;
    }
    return found;
}

/* As the kernels gather, where only some changes are of this part. */
static int gather_some(ef_bytes_worker *w, const ef_bstep *step,
                       const ef_int_tensor *tensor, const ef_bpart *part, size_t corner,
                       size_t most)
{
    size_t size = w->rerun->kernels->group_size;
    uint32_t tap_size = (uint32_t)(part->conv.n_groups * size);
    ef_int_items *items = &w->items;
    items->n_more = items->n_less = 0;
    for (uint32_t t = 0; t < step->n_taps; t++) {
        size_t place = corner + step->tap_pixels[t];
        ef_int_start begin = tensor->starts[place], end = tensor->starts[place + 1];
        uint32_t base =
            (uint32_t)((place * tensor->pixel + part->in) / EF_INT_GROUP * size);
        items->n_more += take_items(tensor->more + begin.more, end.more - begin.more,
                                    base, t, tap_size, items->more + items->n_more);
        items->n_less += take_items(tensor->less + begin.less, end.less - begin.less,
                                    base, t, tap_size, items->less + items->n_less);
    }
    return items->n_more + items->n_less <= most;
}

static int gather(ef_bytes_worker *w, const ef_bstep *step, const ef_int_tensor *tensor,
                  const ef_bpart *part, size_t corner, size_t most)
{
    if (step->n_parts > 1) {
        return part->is_aligned && gather_some(w, step, tensor, part, corner, most);
    }
    return w->rerun->kernels->gather(tensor, corner, step->runs, step->n_runs, most,
                                     &w->items);
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
    const ef_int_tensor *tensor = &w->states[input].differs;
    const ef_blayout *in = &ef_bstep_of(w, input)->layout;
    const ef_int_kernels *kernels = w->rerun->kernels;
    size_t most = worthwhile(step, part);
    const int32_t *acc =
        step->acc + w->image * ef_bplane(step) * step->acc_pixel + part_at;
    for (size_t i = 0; i < w->n_todo; i++) {
        ef_bspot spot = w->todo[i];
        if (!gather(w, step, tensor, part, corner_of(step, in, spot), most)) {
            w->dense[n_dense++] = spot;
            continue;
        }
        size_t n = w->items.n_more + w->items.n_less;
        if (n > 0) {
            kernels->update(&part->conv, &w->items,
                            acc + ef_bnumber(step, spot) * step->acc_pixel,
                            ef_bfactors(step, part->out), part->n_out, &step->rounding,
                            ef_bytes_touch(w, index, spot) + part->out);
            w->base.macs += EF_INT_GROUP * n * part->n_out;
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
