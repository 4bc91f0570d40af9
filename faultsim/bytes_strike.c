/* One fault on all images: its parameters changed, then changed back. */
#include "base/mem.h"
#include "faultsim/bytes_run.h"

/* --- struck parameters ------------------------------------------------------------ */

/* Where a parameter lies in the packed ones. */
typedef struct spot {
    const ef_rstep *step;
    const ef_rpart *part;
    size_t channel, out; /* of the step, of the part */
    size_t in, tap;      /* input channel of the part */
    size_t weight;       /* in the step's weights */
} spot;

static spot find(const ef_bytes *rerun, const ef_flip *flip)
{
    const ef_site *site = &rerun->base.sites[flip->site];
    spot s = {.step = &rerun->steps[site->step], .weight = (size_t)flip->index};
    const ef_qwindow *w = &s.step->q->window;
    size_t n_channels = s.step->q->shape.channels;
    size_t each = site->target == EF_TARGET_BIASES ? 1 : site->count / n_channels;
    s.channel = (size_t)flip->index / each;
    s.part = s.step->parts;
    while (s.channel >= s.part->out + s.part->n_out) {
        s.part++;
    }
    s.out = s.channel - s.part->out;
    size_t n_taps = s.part->conv.n_taps;
    size_t n_in = rerun->steps[s.step->q->inputs[0]].q->shape.channels / w->groups;
    s.tap = s.weight % n_taps;
    s.in = s.channel / (n_channels / w->groups) * n_in - s.part->in +
           s.weight / n_taps % n_in;
    return s;
}

/* The integer of a parameter without a fault. */
static int32_t base_value(const spot *s, int is_bias)
{
    const ef_qstep *q = s->step->q;
    return is_bias ? q->bias[s->channel] : q->weights[s->weight];
}

static int32_t struck_value(const ef_flip *f, int is_bias, const spot *s, int32_t value)
{
    const ef_qstep *q = s->step->q;
    if (is_bias) {
        return (int32_t)ef_fault_bits(f->kind, (uint32_t)value, f->mask);
    }
    const ef_code *code =
        &q->weight_codes[q->weight_codes[0].format.per_channel ? s->channel : 0];
    uint32_t bits = ef_code_of_integer(code, value);
    return ef_code_integer(code, (uint32_t)ef_fault_bits(f->kind, bits, f->mask));
}

/* Weights and starts of the worker with (sign 1) or without (-1) the change of flip n,
 * which makes the parameter `value`. */
static void change(ef_bytes_worker *w, size_t n, int is_bias, const spot *s, int sign,
                   int32_t value)
{
    uint32_t delta = (uint32_t)sign * (uint32_t)w->changes[n].delta;
    int32_t *start = &w->starts[s->part->start_at + s->out];
    if (is_bias) {
        *start = (int32_t)((uint32_t)*start + delta);
        return;
    }
    uint32_t zero = w->rerun->steps[s->step->q->inputs[0]].zero;
    *start = (int32_t)((uint32_t)*start - zero * delta);
    w->rerun->kernels->pack(w->weights + s->part->weights_at, &s->part->conv,
                            s->out / EF_INT_BLOCK, s->tap, s->in, s->out % EF_INT_BLOCK,
                            value);
}

/* Flip after flip, those of one parameter in the order in which they stand. */
static void strike_parameters(ef_bytes_worker *w, ef_flip_range flips, int is_bias)
{
    for (size_t i = 0; i < flips.n; i++) {
        size_t n = flips.places[i].flip;
        const ef_flip *f = &w->fault->flips[n];
        spot s = find(w->rerun, f);
        int is_again = i > 0 && flips.places[i - 1].key == flips.places[i].key;
        int32_t before = is_again ? w->changes[flips.places[i - 1].flip].value
                                  : base_value(&s, is_bias);
        int32_t value = struck_value(f, is_bias, &s, before);
        w->changes[n] =
            (ef_bytes_change){value, (int32_t)((uint32_t)value - (uint32_t)before)};
        change(w, n, is_bias, &s, 1, value);
    }
}

static void heal_parameters(ef_bytes_worker *w, ef_flip_range flips, int is_bias)
{
    for (size_t i = 0; i < flips.n; i++) {
        size_t n = flips.places[i].flip;
        spot s = find(w->rerun, &w->fault->flips[n]);
        change(w, n, is_bias, &s, -1, base_value(&s, is_bias));
    }
}

static void change_all(ef_bytes_worker *w,
                       void (*change_some)(ef_bytes_worker *w, ef_flip_range flips,
                                           int is_bias))
{
    for (size_t i = 0; i < w->rerun->n_steps; i++) {
        const ef_rstep *step = &w->rerun->steps[i];
        change_some(w, ef_flip_order_of(&w->order, step->weight_site), 0);
        change_some(w, ef_flip_order_of(&w->order, step->bias_site), 1);
    }
}

/* --- striking --------------------------------------------------------------------- */

static ef_status reserve(ef_bytes_worker *w, size_t n)
{
    if (n > w->changes_capacity) {
        ef_bytes_change *changes = ef_realloc(w->changes, n, sizeof *changes);
        if (!changes) {
            return EF_ERR_MEMORY;
        }
        w->changes = changes;
        w->changes_capacity = n;
    }
    return EF_OK;
}

/* On images [first, last). */
static ef_status strike_images(ef_bytes_worker *w, const ef_fault *fault, size_t number,
                               size_t first, size_t last)
{
    if (reserve(w, fault->n) ||
        ef_flip_order_set(&w->order, fault, w->rerun->base.sites)) {
        return EF_ERR_MEMORY;
    }
    w->fault = fault;
    change_all(w, strike_parameters);
    for (size_t i = first; i < last; i++) {
        ef_bytes_image(w, i, w->logits);
        ef_rerun_judge(&w->base, number, i, w->logits);
    }
    change_all(w, heal_parameters);
    return EF_OK;
}

/* Whether a parameter is struck in one image only. */
static int is_by_image(const ef_bytes_worker *w, const ef_fault *fault)
{
    for (size_t i = 0; i < fault->n; i++) {
        ef_target target = w->rerun->base.sites[fault->flips[i].site].target;
        if (fault->flips[i].image >= 0 &&
            (target == EF_TARGET_WEIGHTS || target == EF_TARGET_BIASES)) {
            return 1;
        }
    }
    return 0;
}

/* Image by image, with the flips that are of it. */
static ef_status strike_by_image(ef_bytes_worker *w, const ef_fault *fault,
                                 size_t number)
{
    ef_flip *flips = ef_calloc(fault->n, sizeof *flips);
    ef_status status = flips ? EF_OK : EF_ERR_MEMORY;
    for (size_t i = 0; i < w->rerun->base.n && !status; i++) {
        ef_fault own = {flips, 0};
        for (size_t k = 0; k < fault->n; k++) {
            if (ef_rerun_hits(&w->rerun->base, &fault->flips[k], i)) {
                flips[own.n++] = fault->flips[k];
            }
        }
        if (own.n > 0) {
            status = strike_images(w, &own, number, i, i + 1);
        } else {
            ef_rerun_masked(&w->base, number, i);
        }
    }
    ef_free(flips);
    return status;
}

ef_status ef_bytes_strike(ef_rerun_worker *worker, const ef_fault *faults,
                          size_t n_faults, int is_whole)
{
    ef_bytes_worker *w = (ef_bytes_worker *)worker;
    w->is_whole = is_whole;
    for (size_t i = 0; i < n_faults; i++) {
        ef_status status = is_by_image(w, &faults[i])
                               ? strike_by_image(w, &faults[i], i)
                               : strike_images(w, &faults[i], i, 0, w->rerun->base.n);
        if (status) {
            return status;
        }
    }
    return EF_OK;
}
