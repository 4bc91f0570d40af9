/* The definition of execution in integers, written down: one image, one element, one
 * product at a time.  Nothing here is fast; what is fast is held equal to it. */
#include "faultsim/quantized.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/functions.h"
#include "faultsim/quantized_priv.h"

typedef ef_qplace place;
typedef ef_qview run;

static size_t at(ef_shape shape, place p)
{
    return ((size_t)p.c * shape.height + p.y) * shape.width + p.x;
}

static place place_of(ef_shape shape, size_t index)
{
    return (place){(uint32_t)(index / shape.width / shape.height),
                   (uint32_t)(index / shape.width % shape.height),
                   (uint32_t)(index % shape.width)};
}

static const ef_qstep *input_of(const run *r, const ef_qstep *step, uint32_t k)
{
    return &r->qnet->steps[step->inputs[k]];
}

static int32_t value_of(const run *r, const ef_qstep *step, uint32_t k, place p)
{
    return r->get(r->context, step->inputs[k], p);
}

/* x - zero of an element of input k. */
static int64_t centred(const run *r, const ef_qstep *step, uint32_t k, place p)
{
    return (int64_t)value_of(r, step, k, p) - input_of(r, step, k)->code.zero;
}

/* --- windows ---------------------------------------------------------------------- */

/* Position of a tap along an axis; returns whether it lies on the input. */
static int tap(const ef_qwindow *w, size_t axis, uint32_t o, uint32_t k, uint32_t size,
               uint32_t *position)
{
    int64_t p =
        (int64_t)o * w->stride[axis] + (int64_t)k * w->dilation[axis] - w->pad[axis];
    *position = (uint32_t)p;
    return p >= 0 && p < (int64_t)size;
}

/* The low bits of a number, as two's complement. */
static int64_t wrap(uint64_t value, unsigned bits)
{
    uint64_t sign = UINT64_C(1) << (bits - 1);
    uint64_t mask = sign | (sign - 1);
    return (int64_t)(((value & mask) ^ sign) - sign);
}

int64_t ef_qbias_of(const ef_qnet *qnet, uint64_t bits)
{
    return wrap(bits, qnet->bias_bits);
}

int64_t ef_qfit(const ef_qnet *qnet, int64_t value)
{
    unsigned bits = qnet->accumulator_bits;
    int64_t most = (int64_t)((UINT64_C(1) << (bits - 1)) - 1);
    if (!qnet->saturates) {
        return wrap((uint64_t)value, bits);
    }
    return value > most ? most : value < -most - 1 ? -most - 1 : value;
}

/* Only with 64 bits can the addition itself overflow. */
int64_t ef_qadd(const ef_qnet *qnet, int64_t sum, int64_t product)
{
    if (qnet->saturates && product > 0 && sum > INT64_MAX - product) {
        return INT64_MAX;
    }
    if (qnet->saturates && product < 0 && sum < INT64_MIN - product) {
        return INT64_MIN;
    }
    return ef_qfit(qnet, (int64_t)((uint64_t)sum + (uint64_t)product));
}

int64_t ef_qsum_bits(const ef_qnet *qnet, int64_t sum, ef_fault_kind kind,
                     uint64_t mask)
{
    return wrap(ef_fault_bits(kind, (uint64_t)sum, mask), qnet->accumulator_bits);
}

/* The flips (n) that a running sum still has before it. */
typedef struct ahead {
    const ef_flip *const *flips;
    size_t n;
} ahead;

/* The sum with the flips that strike it now, after `moment` products. */
static int64_t strike_sum(const run *r, ahead *a, uint64_t moment, int64_t sum)
{
    for (; a->n > 0 && a->flips[0]->moment == moment; a->n--, a->flips++) {
        sum = ef_qsum_bits(r->qnet, sum, a->flips[0]->kind, a->flips[0]->mask);
    }
    return sum;
}

/* The bias and the products of an element. */
static int64_t accumulate(const run *r, const ef_qstep *step, place p, ahead a)
{
    const ef_qwindow *w = &step->window;
    ef_shape in = input_of(r, step, 0)->shape;
    uint32_t n_in = in.channels / w->groups;
    uint32_t group = p.c / (step->shape.channels / w->groups);
    size_t n_taps = (size_t)w->kernel[0] * w->kernel[1];
    uint64_t n_products = n_in * n_taps;
    const int32_t *weights = step->weights + p.c * n_products;
    int64_t acc = strike_sum(r, &a, 0, ef_qfit(r->qnet, step->bias[p.c]));
    for (uint64_t i = 0; i < n_products; i++) {
        uint32_t tap_y = (uint32_t)(i % n_taps / w->kernel[1]);
        uint32_t tap_x = (uint32_t)(i % w->kernel[1]);
        place from = {group * n_in + (uint32_t)(i / n_taps), 0, 0};
        if (tap(w, 0, p.y, tap_y, in.height, &from.y) &&
            tap(w, 1, p.x, tap_x, in.width, &from.x)) {
            acc = ef_qadd(r->qnet, acc, centred(r, step, 0, from) * weights[i]);
        }
        acc = strike_sum(r, &a, i + 1, acc);
    }
    return acc;
}

int64_t ef_qsum_struck(const ef_qview *r, size_t index, ef_qplace p,
                       const ef_flip *const *flips, size_t n)
{
    return accumulate(r, &r->qnet->steps[index], p, (ahead){flips, n});
}

/* Positions of a window that an average counts along an axis. */
static uint32_t counted(const ef_qwindow *w, size_t axis, uint32_t o, uint32_t size)
{
    uint32_t n = 0, position;
    for (uint32_t k = 0; k < w->kernel[axis]; k++) {
        uint64_t padded = (uint64_t)o * w->stride[axis] + k;
        n += w->counts_padding
                 ? padded < (uint64_t)size + w->pad[axis] + w->pad[axis + 2]
                 : (uint32_t)tap(w, axis, o, k, size, &position);
    }
    return n;
}

/* Sum and largest of a window. */
static void look(const run *r, const ef_qstep *step, place p, int64_t *sum,
                 int64_t *most)
{
    const ef_qwindow *w = &step->window;
    ef_shape in = input_of(r, step, 0)->shape;
    place from = {p.c, 0, 0};
    *sum = 0;
    *most = INT64_MIN;
    for (uint32_t ky = 0; ky < w->kernel[0]; ky++) {
        for (uint32_t kx = 0; kx < w->kernel[1]; kx++) {
            if (tap(w, 0, p.y, ky, in.height, &from.y) &&
                tap(w, 1, p.x, kx, in.width, &from.x)) {
                int64_t x = centred(r, step, 0, from);
                *sum += x;
                *most = x > *most ? x : *most;
            }
        }
    }
}

/* --- what a step rounds ----------------------------------------------------------- */

static double mean(const run *r, const ef_qstep *step, place p)
{
    ef_shape in = input_of(r, step, 0)->shape;
    int64_t sum, most;
    look(r, step, p, &sum, &most);
    uint32_t count = counted(&step->window, 0, p.y, in.height) *
                     counted(&step->window, 1, p.x, in.width);
    return (double)sum * (step->factors[0] / count);
}

static double sum_of(const run *r, const ef_qstep *step, place p)
{
    double sum = 0;
    for (uint32_t k = 0; k < step->n_inputs; k++) {
        sum += (double)centred(r, step, k, p) * step->factors[k];
    }
    return sum;
}

/* One of two images, or the one value of a channel that gates the other. */
static int64_t factor(const run *r, const ef_qstep *step, uint32_t k, place p)
{
    ef_shape in = input_of(r, step, k)->shape;
    place own = {p.c, in.height == 1 ? 0 : p.y, in.width == 1 ? 0 : p.x};
    return centred(r, step, k, own);
}

/* In units of the output's scale; of the last step, in real values. */
static double unrounded(const run *r, const ef_qstep *step, place p)
{
    switch (step->kind) {
    case EF_Q_CONV:
        return (double)accumulate(r, step, p, (ahead){NULL, 0}) * step->factors[p.c];
    case EF_Q_ADD:
        return sum_of(r, step, p);
    case EF_Q_MUL:
        return (double)(factor(r, step, 0, p) * factor(r, step, 1, p)) *
               step->factors[0];
    case EF_Q_AVGPOOL:
        return mean(r, step, p);
    default:
        return (double)centred(r, step, 0, p) * step->factors[2 * (size_t)p.c] +
               step->factors[2 * (size_t)p.c + 1];
    }
}

/* --- what a step moves ------------------------------------------------------------ */

/* Where an element comes from: input *k and a place there; 0: it is padding. */
static int origin(const run *r, const ef_qstep *step, place p, uint32_t *k, place *from)
{
    const ef_node *node = ef_topology_node(r->qnet->net->topology, step->head);
    ef_shape in = input_of(r, step, 0)->shape;
    uint32_t to[3] = {p.c, p.y, p.x}, own[3];
    const uint32_t sizes[3] = {in.channels, in.height, in.width};
    *k = 0;
    *from = p;
    if (step->kind == EF_Q_VIEW) {
        *from = place_of(in, at(step->shape, p));
        return 1;
    }
    if (step->kind == EF_Q_CONCAT) {
        while (from->c >= input_of(r, step, *k)->shape.channels) {
            from->c -= input_of(r, step, (*k)++)->shape.channels;
        }
        return 1;
    }
    for (size_t i = 0; i < 3; i++) {
        if (step->kind == EF_Q_PAD) {
            own[i] = to[i] - node->u.pad.before[i];
            if (to[i] < node->u.pad.before[i] || own[i] >= sizes[i]) {
                return 0;
            }
        } else if (step->kind == EF_Q_SLICE) {
            own[i] = node->u.slice.begin[i] + to[i] * node->u.slice.step[i];
        } else if (step->kind == EF_Q_TRANSPOSE) {
            own[node->u.transpose.order[i]] = to[i];
        } else {
            own[i] = i == 0 ? to[i] : to[i] / node->u.upsample.factor[i - 1];
        }
    }
    *from = (place){own[0], own[1], own[2]};
    return 1;
}

static int32_t moved(const run *r, const ef_qstep *step, place p)
{
    const ef_node *node = ef_topology_node(r->qnet->net->topology, step->head);
    uint32_t k;
    place from;
    if (step->kind == EF_Q_MAXPOOL) {
        int64_t sum, most;
        look(r, step, p, &sum, &most);
        return (int32_t)(most + step->code.zero);
    }
    if (!origin(r, step, p, &k, &from)) {
        return ef_qstore(&step->code, node->u.pad.value);
    }
    return value_of(r, step, k, from);
}

static int32_t looked_up(const run *r, const ef_qstep *step, place p)
{
    const ef_qstep *in = input_of(r, step, 0);
    int32_t least, most;
    ef_qcode_all(&in->code, &least, &most);
    size_t size = (size_t)(most - least) + 1, table = step->n_tables > 1 ? p.c : 0;
    int32_t x = value_of(r, step, 0, p);
    return step->table[table * size + (size_t)(x - least)];
}

/* --- elements --------------------------------------------------------------------- */

int32_t ef_qelement(const ef_qview *r, size_t index, ef_qplace p)
{
    const ef_qstep *step = &r->qnet->steps[index];
    if (ef_qkind_moves(step->kind)) {
        return moved(r, step, p);
    }
    if (step->kind == EF_Q_TABLE) {
        return looked_up(r, step, p);
    }
    return ef_qround(unrounded(r, step, p), step->code.zero, step->least, step->most);
}

void ef_qinput(const ef_qnet *qnet, const float *image, int32_t *values)
{
    const ef_net *net = qnet->net;
    const ef_qstep *step = &qnet->steps[0];
    size_t plane = (size_t)step->shape.height * step->shape.width;
    size_t n = plane * step->shape.channels;
    for (size_t i = 0; i < n; i++) {
        float x = canonical(image[i]);
        for (size_t node = step->head; node != step->node;) {
            size_t n_readers;
            node = ef_topology_readers(net->topology, node, &n_readers)[0];
            x = canonical(x * ef_net_values(net, node, EF_ROLE_SCALE)[i / plane] +
                          ef_net_values(net, node, EF_ROLE_SHIFT)[i / plane]);
        }
        values[i] = ef_qstore(&step->code, x);
    }
}

int32_t ef_qsum_round(const ef_qstep *step, size_t channel, int64_t sum)
{
    return ef_qround((double)sum * step->factors[channel], step->code.zero, step->least,
                     step->most);
}

/* The functions behind a real value of the last step. */
static double finish(const ef_qnet *qnet, size_t channel, double value)
{
    for (size_t i = 0; i < qnet->n_tail; i++) {
        value = ef_qtail_apply(qnet, &qnet->tail[i], channel, value);
    }
    return isnan(value) ? (double)canonical(NAN) : value;
}

double ef_qsum_logit(const ef_qnet *qnet, size_t channel, int64_t sum)
{
    const ef_qstep *step = &qnet->steps[qnet->output];
    return finish(qnet, channel, (double)sum * step->scales[channel]);
}

/* A real value of the last step. */
static double logit(const run *r, place p)
{
    const ef_qstep *step = &r->qnet->steps[r->qnet->output];
    const ef_node *node = ef_topology_node(r->qnet->net->topology, step->head);
    const ef_qstep *in = input_of(r, step, 0);
    double value;
    if (step->kind == EF_Q_CONV) {
        return ef_qsum_logit(r->qnet, p.c,
                             ef_qsum_struck(r, r->qnet->output, p, NULL, 0));
    }
    if (step->kind == EF_Q_TABLE) {
        const float *slopes = ef_net_values(r->qnet->net, step->head, EF_ROLE_SLOPE);
        float x = (float)((double)centred(r, step, 0, p) * in->code.scale);
        value = ef_qactivation(&node->u.activation, slopes ? slopes[p.c] : 0, x);
    } else if (ef_qkind_moves(step->kind)) {
        value = (moved(r, step, p) - step->code.zero) * step->code.scale;
    } else {
        value = unrounded(r, step, p);
    }
    return finish(r->qnet, p.c, value);
}

/* Where a logit comes from: 1 and a place in the last step, or 0 and the step that pads
 * with it. */
static int trace(const run *r, size_t index, place *p, size_t *pad)
{
    const ef_qnet *qnet = r->qnet;
    *p = place_of(qnet->steps[qnet->n_steps - 1].shape, index);
    for (size_t i = qnet->n_steps - 1; i > qnet->output; i--) {
        uint32_t k;
        place from = *p;
        if (!origin(r, &qnet->steps[i], *p, &k, &from)) {
            *pad = i;
            return 0;
        }
        *p = from;
    }
    return 1;
}

ef_qplace ef_qlogit_place(const ef_qview *r, size_t index)
{
    place p;
    size_t pad;
    return trace(r, index, &p, &pad) ? p : (place){EF_QPADDING, 0, 0};
}

double ef_qlogit_padding(const ef_qview *r, size_t index)
{
    place p;
    size_t pad;
    const ef_node *node;
    if (trace(r, index, &p, &pad)) {
        return 0;
    }
    node = ef_topology_node(r->qnet->net->topology, r->qnet->steps[pad].head);
    return node->u.pad.value;
}

void ef_qlogits(const ef_qview *r, double *logits)
{
    for (size_t i = 0; i < ef_qnet_classes(r->qnet); i++) {
        place p = ef_qlogit_place(r, i);
        logits[i] = p.c == EF_QPADDING ? ef_qlogit_padding(r, i) : logit(r, p);
    }
}

/* --- all steps -------------------------------------------------------------------- */

/* Integers of all steps, each (channels, height, width). */
typedef struct tensors {
    const ef_qnet *qnet;
    int32_t **values; /* (n_steps) */
} tensors;

static int32_t get(void *context, uint32_t step, ef_qplace p)
{
    const tensors *t = context;
    return t->values[step][at(t->qnet->steps[step].shape, p)];
}

static void run_all(tensors *t, const float *image, double *logits)
{
    const ef_qview r = {t->qnet, get, t};
    ef_qinput(t->qnet, image, t->values[0]);
    for (size_t i = 1; i < t->qnet->output; i++) {
        ef_shape shape = t->qnet->steps[i].shape;
        size_t n = ef_shape_elements(shape);
        for (size_t k = 0; k < n; k++) {
            t->values[i][k] = ef_qelement(&r, i, place_of(shape, k));
        }
    }
    ef_qlogits(&r, logits);
}

ef_status ef_qnet_run_naive(const ef_qnet *qnet, const float *image,
                            int32_t *const *integers, double *logits, ef_error *err)
{
    tensors r = {qnet, ef_calloc(qnet->n_steps, sizeof *r.values)};
    ef_status status = r.values ? EF_OK : EF_ERR_MEMORY;
    for (size_t i = 0; i < qnet->output && !status; i++) {
        r.values[i] = integers ? integers[i]
                               : ef_calloc(ef_shape_elements(qnet->steps[i].shape),
                                           sizeof **r.values);
        status = r.values[i] ? EF_OK : EF_ERR_MEMORY;
    }
    if (!status) {
        run_all(&r, image, logits);
    }
    for (size_t i = 0; r.values && !integers && i < qnet->output; i++) {
        ef_free(r.values[i]);
    }
    ef_free(r.values);
    return status ? ef_error_memory(err) : EF_OK;
}
