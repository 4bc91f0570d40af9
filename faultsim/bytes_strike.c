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

/* The integer of a parameter after flips [0, n) of the fault. */
static int32_t struck_value(const ef_bytes_worker *w, size_t n, int is_bias,
                            const spot *s)
{
    const ef_flip *last = &w->fault->flips[n];
    const ef_qstep *q = s->step->q;
    int32_t value = is_bias ? q->bias[s->channel] : q->weights[s->weight];
    for (size_t i = 0; i < n; i++) {
        const ef_flip *f = &w->fault->flips[i];
        if (f->site == last->site && f->index == last->index) {
            value += w->deltas[i];
        }
    }
    return value;
}

static int32_t strike_parameter(const ef_bytes_worker *w, size_t n, int is_bias,
                                const spot *s)
{
    const ef_flip *f = &w->fault->flips[n];
    const ef_qstep *q = s->step->q;
    int32_t value = struck_value(w, n, is_bias, s);
    if (is_bias) {
        uint32_t bits = (uint32_t)ef_fault_bits(f->kind, (uint32_t)value, f->mask);
        return (int32_t)(bits - (uint32_t)value);
    }
    const ef_code *code =
        &q->weight_codes[q->weight_codes[0].format.per_channel ? s->channel : 0];
    uint32_t bits = ef_code_of_integer(code, value);
    return ef_code_integer(code, (uint32_t)ef_fault_bits(f->kind, bits, f->mask)) -
           value;
}

/* Weights and starts of the worker with (sign 1) or without (-1) the change. */
static void change(ef_bytes_worker *w, size_t n, int is_bias, const spot *s, int sign)
{
    uint32_t delta = (uint32_t)sign * (uint32_t)w->deltas[n];
    int32_t *start = &w->starts[s->part->start_at + s->out];
    if (is_bias) {
        *start = (int32_t)((uint32_t)*start + delta);
        return;
    }
    int32_t value = struck_value(w, n, 0, s) + (sign > 0 ? w->deltas[n] : 0);
    uint32_t zero = w->rerun->steps[s->step->q->inputs[0]].zero;
    *start = (int32_t)((uint32_t)*start - zero * delta);
    w->rerun->kernels->pack(w->weights + s->part->weights_at, &s->part->conv,
                            s->out / EF_INT_BLOCK, s->tap, s->in, s->out % EF_INT_BLOCK,
                            value);
}

static void change_all(ef_bytes_worker *w, int sign)
{
    for (size_t i = 0; i < w->fault->n; i++) {
        size_t n = sign > 0 ? i : w->fault->n - 1 - i;
        const ef_flip *f = &w->fault->flips[n];
        ef_target target = w->rerun->base.sites[f->site].target;
        if (target != EF_TARGET_WEIGHTS && target != EF_TARGET_BIASES) {
            continue;
        }
        int is_bias = target == EF_TARGET_BIASES;
        spot s = find(w->rerun, f);
        if (sign > 0) {
            w->deltas[n] = strike_parameter(w, n, is_bias, &s);
        }
        change(w, n, is_bias, &s, sign);
    }
}

/* --- striking --------------------------------------------------------------------- */

static ef_status reserve(ef_bytes_worker *w, size_t n)
{
    if (n > w->deltas_capacity) {
        int32_t *deltas = ef_realloc(w->deltas, n, sizeof *deltas);
        if (!deltas) {
            return EF_ERR_MEMORY;
        }
        w->deltas = deltas;
        w->deltas_capacity = n;
    }
    return EF_OK;
}

static void strike_one(ef_bytes_worker *w, const ef_fault *fault, size_t number)
{
    w->fault = fault;
    change_all(w, 1);
    for (size_t i = 0; i < w->rerun->base.n; i++) {
        ef_bytes_image(w, i, w->logits);
        ef_rerun_judge(&w->base, number, i, w->logits);
    }
    change_all(w, -1);
}

ef_status ef_bytes_strike(ef_rerun_worker *worker, const ef_fault *faults,
                          size_t n_faults, int is_whole)
{
    ef_bytes_worker *w = (ef_bytes_worker *)worker;
    w->is_whole = is_whole;
    for (size_t i = 0; i < n_faults; i++) {
        if (reserve(w, faults[i].n)) {
            return EF_ERR_MEMORY;
        }
        strike_one(w, &faults[i], i);
    }
    return EF_OK;
}
