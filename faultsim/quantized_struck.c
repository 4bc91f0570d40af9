/* The definition of faults in integers: a network with its parameters changed, one
 * image, one element at a time.  Slow in the number of flips; what is fast is held
 * equal to it. */
#include <string.h>

#include "base/mem.h"
#include "faultsim/functions.h"
#include "faultsim/quantized_priv.h"

/* One image and the fault that strikes it. */
typedef struct struck {
    ef_qnet qnet; /* a copy */
    const ef_site *sites;
    const ef_fault *fault;
    int64_t image;
    const ef_flip **flips; /* (fault->n) of one element */
    int32_t **values;      /* (n_steps) */
} struck;

/* --- flips of an element ---------------------------------------------------------- */

static int hits(const struck *s, const ef_flip *flip)
{
    return flip->image < 0 || flip->image == s->image;
}

static int is_same(const struck *s, const ef_flip *a, const ef_flip *b)
{
    return hits(s, a) && a->site == b->site && a->index == b->index;
}

/* Whether flip n strikes, and is the first to strike its element. */
static int is_first(const struck *s, size_t n)
{
    const ef_flip *flips = s->fault->flips;
    int is_later = !hits(s, &flips[n]);
    for (size_t i = 0; i < n && !is_later; i++) {
        is_later = is_same(s, &flips[i], &flips[n]);
    }
    return !is_later;
}

/* The stored bits of the element of flip n with all flips of it. */
static uint64_t strike_bits(const struck *s, size_t n, uint64_t bits)
{
    const ef_flip *flips = s->fault->flips;
    for (size_t i = n; i < s->fault->n; i++) {
        if (is_same(s, &flips[i], &flips[n])) {
            bits = ef_fault_bits(flips[i].kind, bits, flips[i].mask);
        }
    }
    return bits;
}

static int32_t strike_code(const struck *s, size_t n, const ef_code *code,
                           int32_t value)
{
    uint32_t bits = ef_code_of_integer(code, value);
    return ef_code_integer(code, (uint32_t)strike_bits(s, n, bits));
}

/* --- parameters ------------------------------------------------------------------- */

static void strike_parameter(struck *s, size_t n, uint8_t *is_touched)
{
    const ef_flip *flip = &s->fault->flips[n];
    const ef_site *site = &s->sites[flip->site];
    ef_qstep *step = &s->qnet.steps[site->step];
    if (site->target == EF_TARGET_WEIGHTS) {
        size_t channel = flip->index / ef_qproducts(&s->qnet, step);
        int32_t *weight = &step->weights[flip->index];
        *weight = strike_code(s, n, ef_qweight_code(step, channel), *weight);
    } else if (site->target == EF_TARGET_BIASES) {
        int64_t *bias = &step->bias[flip->index];
        *bias = ef_qbias_of(&s->qnet, strike_bits(s, n, (uint64_t)*bias));
    } else if (site->target == EF_TARGET_SCALES) {
        ef_qscale scale = ef_qscale_of(s->sites, flip);
        uint32_t bits = bits_of_float(ef_qscale_get(&s->qnet, &scale));
        ef_qscale_set(&s->qnet, &scale,
                      float_of_bits((uint32_t)strike_bits(s, n, bits)), is_touched);
    } else if (site->target == EF_TARGET_NORM) {
        float *value = ef_qnorm_of(&s->qnet, s->sites, flip);
        *value = float_of_bits((uint32_t)strike_bits(s, n, bits_of_float(*value)));
        ef_qstep_rescale(&s->qnet, step);
    }
}

/* --- values and running sums ------------------------------------------------------ */

static size_t at(ef_shape shape, ef_qplace p)
{
    return ((size_t)p.c * shape.height + p.y) * shape.width + p.x;
}

static ef_qplace place_of(ef_shape shape, size_t index)
{
    return (ef_qplace){(uint32_t)(index / shape.width / shape.height),
                       (uint32_t)(index / shape.width % shape.height),
                       (uint32_t)(index % shape.width)};
}

static int32_t get(void *context, uint32_t step, ef_qplace p)
{
    const struck *s = context;
    return s->values[step][at(s->qnet.steps[step].shape, p)];
}

/* The flips of the running sum of an element into s->flips, by moment; how many. */
static size_t find_flips(struck *s, size_t step, size_t element)
{
    size_t n = 0;
    for (size_t i = 0; i < s->fault->n; i++) {
        const ef_flip *flip = &s->fault->flips[i];
        const ef_site *site = &s->sites[flip->site];
        if (site->target != EF_TARGET_ACCUMULATORS || site->step != step ||
            flip->index != element || !hits(s, flip)) {
            continue;
        }
        size_t k = n++;
        for (; k > 0 && s->flips[k - 1]->moment > flip->moment; k--) {
            s->flips[k] = s->flips[k - 1];
        }
        s->flips[k] = flip;
    }
    return n;
}

static int64_t sum_of(struck *s, size_t index, ef_qplace p)
{
    const ef_qview view = {&s->qnet, get, s};
    size_t n = find_flips(s, index, at(s->qnet.steps[index].shape, p));
    return ef_qsum_struck(&view, index, p, s->flips, n);
}

static void strike_values(struck *s, size_t index)
{
    const ef_qstep *step = &s->qnet.steps[index];
    for (size_t i = 0; i < s->fault->n; i++) {
        const ef_flip *flip = &s->fault->flips[i];
        const ef_site *site = &s->sites[flip->site];
        int is_value =
            site->target == EF_TARGET_ACTIVATIONS || site->target == EF_TARGET_INPUTS;
        if (is_value && site->step == index && is_first(s, i)) {
            int32_t *value = &s->values[index][flip->index];
            *value = strike_code(s, i, &step->code, *value);
        }
    }
}

static void run_step(struck *s, size_t index)
{
    const ef_qview view = {&s->qnet, get, s};
    const ef_qstep *step = &s->qnet.steps[index];
    size_t n = ef_shape_elements(step->shape);
    for (size_t i = 0; i < n; i++) {
        ef_qplace p = place_of(step->shape, i);
        s->values[index][i] = step->kind == EF_Q_CONV
                                  ? ef_qsum_round(step, p.c, sum_of(s, index, p))
                                  : ef_qelement(&view, index, p);
    }
}

static void run_image(struck *s, const float *image, double *logits)
{
    const ef_qview view = {&s->qnet, get, s};
    size_t output = s->qnet.output, classes = ef_qnet_classes(&s->qnet);
    ef_qinput(&s->qnet, image, s->values[0]);
    strike_values(s, 0);
    for (size_t i = 1; i < output; i++) {
        run_step(s, i);
        strike_values(s, i);
    }
    if (s->qnet.steps[output].kind != EF_Q_CONV) {
        ef_qlogits(&view, logits);
        return;
    }
    for (size_t i = 0; i < classes; i++) {
        ef_qplace p = ef_qlogit_place(&view, i);
        logits[i] = p.c == EF_QPADDING
                        ? ef_qlogit_padding(&view, i)
                        : ef_qsum_logit(&s->qnet, p.c, sum_of(s, output, p));
    }
}

/* --- all -------------------------------------------------------------------------- */

static ef_status make_room(struck *s)
{
    s->flips = ef_calloc(s->fault->n, sizeof *s->flips);
    s->values = ef_calloc(s->qnet.n_steps, sizeof *s->values);
    ef_status status = s->flips && s->values ? EF_OK : EF_ERR_MEMORY;
    for (size_t i = 0; i < s->qnet.output && !status; i++) {
        s->values[i] =
            ef_calloc(ef_shape_elements(s->qnet.steps[i].shape), sizeof **s->values);
        status = s->values[i] ? EF_OK : EF_ERR_MEMORY;
    }
    return status;
}

ef_status ef_qnet_strike_naive(const ef_qnet *qnet, const ef_site *sites,
                               const ef_fault *fault, int64_t image_number,
                               const float *image, double *logits, ef_error *err)
{
    struck s = {.sites = sites, .fault = fault, .image = image_number};
    ef_status status = ef_qcopy_init(&s.qnet, qnet, err);
    if (status) {
        return status;
    }
    uint8_t *is_touched = ef_calloc(qnet->n_steps, 1);
    status = is_touched ? make_room(&s) : EF_ERR_MEMORY;
    for (size_t i = 0; i < fault->n && !status; i++) {
        if (is_first(&s, i)) {
            strike_parameter(&s, i, is_touched);
        }
    }
    if (!status) {
        run_image(&s, image, logits);
    }
    for (size_t i = 0; s.values && i < qnet->n_steps; i++) {
        ef_free(s.values[i]);
    }
    ef_free(s.values);
    ef_free(s.flips);
    ef_free(is_touched);
    ef_qcopy_clear(&s.qnet);
    return status ? ef_error_memory(err) : EF_OK;
}
