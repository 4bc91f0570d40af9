/* Struck parameters, sums and stored values. */
#include <stdlib.h>
#include <string.h>

#include "faultsim/bytes_priv.h"

#define FEW 64 /* parameters of a step that are struck one by one */

static const ef_flip *flip_of(const ef_bytes_worker *w, size_t number)
{
    return &w->fault->flips[number];
}

/* --- flips of a site -------------------------------------------------------------- */

void ef_bytes_find_hitting(ef_bytes_worker *w, size_t site)
{
    w->n_hitting = 0;
    for (size_t i = 0; i < ef_bytes_n_flips(w, site); i++) {
        uint32_t number = ef_bytes_flip(w, site, i);
        if (ef_rerun_hits(&w->rerun->base, flip_of(w, number), w->image)) {
            w->hitting[w->n_hitting++] = number;
        }
    }
}

int ef_bytes_is_struck(const ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    return ef_bytes_n_flips(w, step->weight_site) +
               ef_bytes_n_flips(w, step->bias_site) >
           0;
}

/* --- parameters as numbers -------------------------------------------------------- */

static int is_parameter(const ef_bytes_worker *w, const ef_flip *f)
{
    ef_target target = w->rerun->base.sites[f->site].target;
    return target == EF_TARGET_WEIGHTS || target == EF_TARGET_BIASES;
}

/* The code of a step's weights in a channel; NULL for biases, which are their bits. */
static const ef_code *code_of(const ef_bstep *step, int is_bias, size_t channel)
{
    return is_bias ? NULL : ef_qweight_code(step->q, channel);
}

static uint32_t bits_of(const ef_code *code, int32_t value)
{
    return code ? ef_code_of_integer(code, value) : (uint32_t)value;
}

static int32_t value_of(const ef_code *code, uint32_t bits)
{
    return code ? ef_code_integer(code, bits) : (int32_t)bits;
}

/* Where a parameter is. */
static ef_bhit place_of(const ef_bytes_worker *w, const ef_flip *f)
{
    const ef_site *site = &w->rerun->base.sites[f->site];
    const ef_bstep *step = ef_bstep_of(w, site->step);
    size_t n_channels = step->q->shape.channels, at = (size_t)f->index;
    ef_bhit hit = {.is_bias = site->target == EF_TARGET_BIASES};
    size_t each = hit.is_bias ? 1 : site->count / n_channels;
    hit.channel = at / each;
    if (!hit.is_bias) {
        size_t n_in = each / step->n_taps;
        size_t group = hit.channel / (n_channels / step->q->window.groups);
        hit.tap = at % step->n_taps;
        hit.in = group * n_in + at / step->n_taps % n_in;
    }
    return hit;
}

/* What one parameter changes by with its flips (n), in the order of the fault, that
 * strike this image: of several the last has it all. */
static void find_delta(const ef_bytes_worker *w, const ef_fault *fault,
                       const ef_bflip *flips, size_t n, ef_bhit *hits)
{
    const ef_flip *f = &fault->flips[flips[0].number];
    const ef_bstep *step = ef_bstep_of(w, w->rerun->base.sites[f->site].step);
    ef_bhit hit = place_of(w, f), *last = NULL;
    int32_t before = hit.is_bias ? (int32_t)step->q->bias[f->index]
                                 : step->q->weights[f->index];
    const ef_code *code = code_of(step, hit.is_bias, hit.channel);
    uint32_t bits = bits_of(code, before);
    for (size_t i = 0; i < n; i++) {
        f = &fault->flips[flips[i].number];
        hits[flips[i].number] = hit;
        if (ef_rerun_hits(&w->rerun->base, f, w->image)) {
            bits = (uint32_t)ef_fault_bits(f->kind, bits, f->mask);
            last = &hits[flips[i].number];
        }
    }
    if (last) {
        last->delta = (int32_t)((uint32_t)value_of(code, bits) - (uint32_t)before);
    }
}

static int is_same(const ef_bflip *a, const ef_bflip *b)
{
    return a->site == b->site && a->index == b->index;
}

static int compare_flips(const void *a, const void *b)
{
    const ef_bflip *x = a, *y = b;
    if (x->site != y->site) {
        return x->site < y->site ? -1 : 1;
    }
    if (x->index != y->index) {
        return x->index < y->index ? -1 : 1;
    }
    return (x->number > y->number) - (x->number < y->number);
}

/* The parameters of a fault, flips of each together, as they mostly come. */
static size_t sort_flips(ef_bytes_worker *w, const ef_fault *fault)
{
    size_t n = 0;
    int are_sorted = 1;
    for (size_t i = 0; i < fault->n; i++) {
        const ef_flip *f = &fault->flips[i];
        if (is_parameter(w, f)) {
            w->flips[n] = (ef_bflip){f->site, (uint32_t)i, f->index};
            are_sorted &= n == 0 || compare_flips(&w->flips[n - 1], &w->flips[n]) < 0;
            n++;
        }
    }
    if (!are_sorted) {
        qsort(w->flips, n, sizeof *w->flips, compare_flips);
    }
    return n;
}

void ef_bytes_find_hits(ef_bytes_worker *w, const ef_fault *fault, ef_bhit *hits)
{
    size_t n = sort_flips(w, fault);
    for (size_t begin = 0, end; begin < n; begin = end) {
        end = begin + 1;
        while (end < n && is_same(&w->flips[begin], &w->flips[end])) {
            end++;
        }
        find_delta(w, fault, w->flips + begin, end - begin, hits);
    }
}

/* --- the worker's weights --------------------------------------------------------- */

static void change(ef_bytes_worker *w, const ef_flip *f, const ef_bhit *hit, int sign)
{
    const ef_bstep *step = ef_bstep_of(w, w->rerun->base.sites[f->site].step);
    const ef_bpart *part = step->parts;
    while (hit->channel >= part->out + part->n_out) {
        part++;
    }
    size_t out = hit->channel - part->out;
    uint32_t delta = (uint32_t)sign * (uint32_t)hit->delta;
    int32_t *start = &w->starts[part->start_at + out];
    if (hit->is_bias) {
        *start = (int32_t)((uint32_t)*start + delta);
        return;
    }
    int32_t value = step->q->weights[f->index] + (sign > 0 ? hit->delta : 0);
    uint32_t zero = ef_bstep_of(w, step->q->inputs[0])->zero;
    *start = (int32_t)((uint32_t)*start - zero * delta);
    w->rerun->kernels->pack(w->weights + part->weights_at, &part->conv,
                            out / EF_INT_BLOCK, hit->tap, hit->in - part->in,
                            out % EF_INT_BLOCK, value);
}

void ef_bytes_change_weights(ef_bytes_worker *w, int sign)
{
    for (size_t i = 0; i < w->fault->n; i++) {
        if (is_parameter(w, flip_of(w, i)) && w->fault_hits[i].delta != 0) {
            change(w, flip_of(w, i), &w->fault_hits[i], sign);
        }
    }
}

/* --- channels from the fault-free sums -------------------------------------------- */

/* The bytes that a tap sees of an input channel, (height, width) of the output. */
static const uint8_t *look_through(ef_bytes_worker *w, const ef_bstep *step,
                                   const ef_bhit *hit)
{
    const ef_bstep *from = ef_bstep_of(w, step->q->inputs[0]);
    const ef_blayout *in = &from->layout;
    ef_shape out = step->q->shape;
    size_t stride = step->q->window.stride[1];
    const uint8_t *plane = from->planes +
                           (w->image * from->q->shape.channels + hit->in) * in->plane +
                           step->tap_pixels[hit->tap];
    uint8_t *to = w->plane_x;
    for (size_t y = 0; y < out.height; y++, to += out.width) {
        const uint8_t *row = plane + ef_bcorner(step, in, y, 0);
        if (stride == 1) {
            memcpy(to, row, out.width);
            continue;
        }
        for (size_t x = 0; x < out.width; x++) {
            to[x] = row[x * stride];
        }
    }
    return w->plane_x;
}

/* The bytes of one channel against the fault-free ones. */
static void write_plane(ef_bytes_worker *w, size_t index, size_t channel)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    ef_shape shape = step->q->shape;
    const uint8_t *old =
        step->planes + (w->image * shape.channels + channel) * step->layout.plane;
    const uint8_t *now = w->plane_bytes;
    for (uint32_t y = 0; y < shape.height; y++, now += shape.width) {
        const uint8_t *was = old + ef_bplace(&step->layout, y, 0);
        if (memcmp(was, now, shape.width) == 0) {
            continue;
        }
        for (uint32_t x = 0; x < shape.width; x++) {
            if (was[x] != now[x]) {
                ef_bytes_touch(w, index, y * shape.width + x)[channel] = now[x];
            }
        }
    }
}

/* Adds what a hit brings to sums of its channel. */
static void add_hit(ef_bytes_worker *w, const ef_bstep *step, const ef_bhit *hit,
                    const int32_t *acc, size_t n)
{
    const uint32_t delta = (uint32_t)hit->delta;
    if (hit->is_bias) {
        for (size_t i = 0; i < n; i++) {
            w->plane_acc[i] = (int32_t)((uint32_t)acc[i] + delta);
        }
        return;
    }
    uint32_t zero = ef_bstep_of(w, step->q->inputs[0])->zero;
    const uint8_t *x = look_through(w, step, hit);
    for (size_t i = 0; i < n; i++) {
        w->plane_acc[i] = (int32_t)((uint32_t)acc[i] + delta * (x[i] - zero));
    }
}

/* One channel with hits [0, n_hits), of which some are of others. */
static void run_channel(ef_bytes_worker *w, size_t index, size_t channel,
                        const ef_bhit *const *hits, size_t n_hits)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    size_t plane = ef_bplane(step), n_own = 0;
    const ef_bhit *own = NULL;
    const int32_t *acc =
        step->plane_acc + (w->image * step->q->shape.channels + channel) * plane;
    for (size_t i = 0; i < n_hits; i++) {
        if (hits[i]->channel == channel && hits[i]->delta != 0) {
            own = hits[i];
            n_own++;
        }
    }
    w->base.macs += n_own * plane;
    if (n_own == 0) {
        return;
    }
    if (n_own == 1 && !own->is_bias) {
        const uint8_t *x = look_through(w, step, own);
        w->rerun->kernels->shift(
            acc, x, plane, own->delta, ef_bstep_of(w, step->q->inputs[0])->zero,
            step->factors[channel], &step->rounding, w->plane_bytes);
        write_plane(w, index, channel);
        return;
    }
    for (size_t i = 0; i < n_hits; i++) {
        if (hits[i]->channel == channel && hits[i]->delta != 0) {
            add_hit(w, step, hits[i], acc, plane);
            acc = w->plane_acc;
        }
    }
    for (size_t i = 0; i < plane; i++) {
        w->plane_factors[i] = step->factors[channel];
        w->plane_quick[i] = step->quick[channel];
    }
    w->rerun->kernels->round(acc, 1, plane,
                             (ef_int_factors){w->plane_factors, w->plane_quick}, plane,
                             &step->rounding, &w->plane_bytes);
    write_plane(w, index, channel);
}

/* Hits of a step's parameters into hits; more than FEW: FEW + 1. */
static size_t hits_of(const ef_bytes_worker *w, const ef_bstep *step,
                      const ef_bhit **hits)
{
    const size_t sites[] = {step->weight_site, step->bias_site};
    size_t n = 0;
    for (size_t s = 0; s < 2; s++) {
        for (size_t i = 0; i < ef_bytes_n_flips(w, sites[s]); i++) {
            if (n == FEW) {
                return FEW + 1;
            }
            hits[n++] = &w->fault_hits[ef_bytes_flip(w, sites[s], i)];
        }
    }
    return n;
}

int ef_bytes_run_struck(ef_bytes_worker *w, size_t index)
{
    const ef_bhit *hits[FEW];
    size_t n = hits_of(w, ef_bstep_of(w, index), hits);
    for (size_t i = 0; i < n && n <= FEW; i++) {
        size_t k = 0;
        while (hits[k]->channel != hits[i]->channel) {
            k++;
        }
        if (k == i) { /* the first of its channel */
            run_channel(w, index, hits[i]->channel, hits, n);
        }
    }
    return n <= FEW;
}

/* --- stored values ---------------------------------------------------------------- */

/* Whether the flips in w->hitting are of one element each, in order. */
static int do_ascend(const ef_bytes_worker *w)
{
    int ascend = 1;
    for (size_t i = 1; i < w->n_hitting && ascend; i++) {
        ascend =
            flip_of(w, w->hitting[i - 1])->index < flip_of(w, w->hitting[i])->index;
    }
    return ascend;
}

/* Whether a flip before number n of them is of the same element. */
static int is_repeated(const ef_bytes_worker *w, size_t n)
{
    size_t i = 0;
    while (flip_of(w, w->hitting[i])->index != flip_of(w, w->hitting[n])->index) {
        i++;
    }
    return i < n;
}

/* The bits of an element after all of its flips: not its value, which may lose some. */
static uint32_t strike_bits(const ef_bytes_worker *w, size_t begin, size_t end,
                            uint32_t bits)
{
    for (size_t i = begin; i < end; i++) {
        const ef_flip *f = flip_of(w, w->hitting[i]);
        if (f->index == flip_of(w, w->hitting[begin])->index) {
            bits = (uint32_t)ef_fault_bits(f->kind, bits, f->mask);
        }
    }
    return bits;
}

void ef_bytes_strike_values(ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    const ef_code *code = &step->q->code;
    size_t plane = ef_bplane(step);
    if (ef_bytes_n_flips(w, step->value_site) == 0) {
        return;
    }
    ef_bytes_find_hitting(w, step->value_site);
    int ascend = do_ascend(w);
    for (size_t i = 0; i < w->n_hitting; i++) {
        uint64_t element = flip_of(w, w->hitting[i])->index;
        if (!ascend && is_repeated(w, i)) {
            continue;
        }
        uint8_t *byte =
            ef_bytes_touch(w, index, (uint32_t)(element % plane)) + element / plane;
        uint32_t bits = ef_code_of_integer(code, *byte - step->offset);
        size_t end = ascend ? i + 1 : w->n_hitting;
        *byte = (uint8_t)(ef_code_integer(code, strike_bits(w, i, end, bits)) +
                          step->offset);
    }
}

/* --- running sums ----------------------------------------------------------------- */

/* The flips in w->hitting that strike an element after `moment` products. */
static int64_t flip_sum(const ef_bytes_worker *w, uint64_t index, uint64_t moment,
                        int64_t sum)
{
    for (size_t i = 0; i < w->n_hitting; i++) {
        const ef_flip *f = flip_of(w, w->hitting[i]);
        if (f->index == index && f->moment == moment) {
            sum = ef_qsum_bits(w->rerun->qnet, sum, f->kind, f->mask);
        }
    }
    return sum;
}

/* The next moment from `moment` on at which an element is struck. */
static uint64_t next_moment(const ef_bytes_worker *w, uint64_t index, uint64_t moment)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < w->n_hitting; i++) {
        const ef_flip *f = flip_of(w, w->hitting[i]);
        int is_next = f->index == index && f->moment >= moment && f->moment < next;
        next = is_next ? f->moment : next;
    }
    return next;
}

static int32_t bias_now(const ef_bytes_worker *w, const ef_bstep *step, size_t channel)
{
    uint32_t bias = (uint32_t)step->q->bias[channel];
    for (size_t i = 0; i < ef_bytes_n_flips(w, step->bias_site); i++) {
        const ef_bhit *hit = &w->fault_hits[ef_bytes_flip(w, step->bias_site, i)];
        bias += hit->channel == channel ? (uint32_t)hit->delta : 0;
    }
    return (int32_t)bias;
}

static int32_t weight_now(const ef_bytes_worker *w, const ef_bstep *step, size_t at)
{
    int32_t weight = step->q->weights[at];
    for (size_t i = 0; i < ef_bytes_n_flips(w, step->weight_site); i++) {
        uint32_t number = ef_bytes_flip(w, step->weight_site, i);
        weight += flip_of(w, number)->index == at ? w->fault_hits[number].delta : 0;
    }
    return weight;
}

int64_t ef_bytes_struck_sum(ef_bytes_worker *w, size_t index, size_t channel,
                            uint32_t pixel)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    const ef_bstep *from = ef_bstep_of(w, step->q->inputs[0]);
    ef_shape out = step->q->shape;
    size_t n_in = from->q->shape.channels / step->q->window.groups;
    size_t group = channel / (out.channels / step->q->window.groups);
    size_t corner = step->corners[pixel];
    const uint8_t *x = w->states[step->q->inputs[0]].now + group * n_in;
    uint64_t element = channel * ef_bplane(step) + pixel, n = 0;
    uint64_t next = next_moment(w, element, 0);
    int64_t sum = ef_qfit(w->rerun->qnet, bias_now(w, step, channel));
    for (size_t i = 0; i < n_in; i++) {
        for (size_t t = 0; t < step->n_taps; t++, n++) {
            if (n == next) {
                sum = flip_sum(w, element, n, sum);
                next = next_moment(w, element, n + 1);
            }
            int32_t weight =
                weight_now(w, step, (channel * n_in + i) * step->n_taps + t);
            int32_t value =
                x[(corner + step->tap_pixels[t]) * from->layout.pixel + i] - from->zero;
            sum = ef_qfit(w->rerun->qnet, sum + (int64_t)weight * value);
        }
    }
    w->base.macs += n;
    return n == next ? flip_sum(w, element, n, sum) : sum;
}

void ef_bytes_strike_sums(ef_bytes_worker *w, size_t index)
{
    const ef_bstep *step = ef_bstep_of(w, index);
    size_t plane = ef_bplane(step);
    if (ef_bytes_n_flips(w, step->sum_site) == 0) {
        return;
    }
    ef_bytes_find_hitting(w, step->sum_site);
    for (size_t i = 0; i < w->n_hitting; i++) {
        const ef_flip *f = flip_of(w, w->hitting[i]);
        size_t channel = f->index / plane;
        uint32_t pixel = (uint32_t)(f->index % plane);
        int64_t sum = ef_bytes_struck_sum(w, index, channel, pixel);
        ef_bytes_touch(w, index, pixel)[channel] =
            (uint8_t)(ef_qsum_round(step->q, channel, sum) + step->offset);
    }
}
