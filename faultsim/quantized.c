#include "faultsim/quantized.h"

#include "base/mem.h"
#include "faultsim/quantized_priv.h"
#include "net/fold_norm.h"

static ef_status make_room(ef_qbuild *b)
{
    size_t n = ef_topology_n_nodes(b->topology);
    b->qnet->steps = ef_calloc(n, sizeof *b->qnet->steps);
    b->qnet->tail = ef_calloc(n, sizeof *b->qnet->tail);
    b->step_of = ef_calloc(n, sizeof *b->step_of);
    b->range_of = ef_calloc(n, sizeof *b->range_of);
    b->class_of = ef_calloc(n, sizeof *b->class_of);
    return b->qnet->steps && b->qnet->tail && b->step_of && b->range_of && b->class_of
               ? EF_OK
               : ef_error_memory(b->err);
}

static ef_status build(ef_qbuild *b)
{
    static ef_status (*const parts[])(ef_qbuild *) = {
        make_room, ef_qbuild_steps, ef_qbuild_scales, ef_qbuild_values};
    ef_status status = EF_OK;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && !status; i++) {
        status = parts[i](b);
    }
    ef_free(b->step_of);
    ef_free(b->range_of);
    ef_free(b->class_of);
    return status;
}

/* 32 bits, or 64 where the products are wider than 16. */
static unsigned accumulator_of(const ef_qnet *qnet, unsigned wanted)
{
    unsigned bits = 32;
    for (size_t i = 0; i < qnet->n_steps; i++) {
        const ef_qstep *step = &qnet->steps[i];
        int is_wide = (i != qnet->output && step->code.format.bits > 8) ||
                      (step->weight_codes && step->weight_codes[0].format.bits > 8);
        bits = is_wide ? 64 : bits;
    }
    return wanted ? wanted : bits;
}

ef_status ef_qnet_create(ef_qnet **qnet, const ef_net *net, const ef_ranges *ranges,
                         const ef_qnet_options *options, ef_error *err)
{
    size_t n_folded;
    ef_qnet *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->original = net;
    made->saturates = options->saturates;
    ef_status status = ef_net_fold_norms(&made->net, net, &n_folded, err);
    if (!status) {
        ef_qbuild b = {.qnet = made,
                       .topology = made->net->topology,
                       .ranges = ranges,
                       .options = options,
                       .err = err};
        status = build(&b);
    }
    if (status) {
        ef_qnet_destroy(made);
        return status;
    }
    made->accumulator_bits = accumulator_of(made, options->accumulator_bits);
    *qnet = made;
    return EF_OK;
}

static void clear_steps(ef_qnet *qnet)
{
    for (size_t i = 0; qnet->steps && i < qnet->n_steps; i++) {
        ef_qstep *step = &qnet->steps[i];
        ef_free(step->weights);
        ef_free(step->weight_codes);
        ef_free(step->bias);
        ef_free(step->scales);
        ef_free(step->factors);
        ef_free(step->table);
    }
    ef_free(qnet->steps);
}

void ef_qnet_destroy(ef_qnet *qnet)
{
    if (qnet) {
        clear_steps(qnet);
        ef_free(qnet->tail);
        ef_net_destroy(qnet->net);
    }
    ef_free(qnet);
}

size_t ef_qnet_classes(const ef_qnet *qnet)
{
    return ef_shape_elements(qnet->steps[qnet->n_steps - 1].shape);
}

/* --- copies ----------------------------------------------------------------------- */

/* Zero of them is NULL. */
static void *dup_array(const void *from, size_t n, size_t size, int *is_short)
{
    void *copy = from ? ef_memdup(from, n * size) : NULL;
    *is_short |= from && !copy;
    return copy;
}

static int copy_step(ef_qstep *to, const ef_qnet *qnet, const ef_qstep *from)
{
    size_t n_out = from->shape.channels, n_factors = from->n_inputs;
    int is_short = 0;
    *to = *from;
    if (from->kind == EF_Q_CONV || from->kind == EF_Q_NORM) {
        n_factors = from->kind == EF_Q_CONV ? n_out : 2 * n_out;
    }
    to->factors = dup_array(from->factors, n_factors, sizeof *to->factors, &is_short);
    to->scales = dup_array(from->scales, n_out, sizeof *to->scales, &is_short);
    to->bias = dup_array(from->bias, n_out, sizeof *to->bias, &is_short);
    to->weights = NULL;
    to->weight_codes = NULL;
    to->table = NULL;
    if (from->weights) {
        size_t n_codes = from->weight_codes[0].format.per_channel ? n_out : 1;
        to->weights = dup_array(from->weights, n_out * ef_qproducts(qnet, from),
                                sizeof *to->weights, &is_short);
        to->weight_codes =
            dup_array(from->weight_codes, n_codes, sizeof *to->weight_codes, &is_short);
    }
    if (from->table) {
        int32_t least;
        size_t size = ef_qtable_size(&qnet->steps[from->inputs[0]].code, &least);
        to->table =
            dup_array(from->table, from->n_tables * size, sizeof *to->table, &is_short);
    }
    return !is_short;
}

ef_status ef_qcopy_init(ef_qnet *copy, const ef_qnet *qnet, ef_error *err)
{
    ef_qnet made = *qnet;
    int is_short = 0;
    made.steps = ef_calloc(qnet->n_steps, sizeof *made.steps);
    for (size_t i = 0; made.steps && i < qnet->n_steps && !is_short; i++) {
        is_short = !copy_step(&made.steps[i], qnet, &qnet->steps[i]);
    }
    if (!made.steps || is_short) {
        ef_qcopy_clear(&made);
        return ef_error_memory(err);
    }
    *copy = made;
    return EF_OK;
}

void ef_qcopy_clear(ef_qnet *copy)
{
    clear_steps(copy);
    copy->steps = NULL;
}

/* Whether the step computes with the scale of step `root`. */
static int uses_scale(const ef_qnet *qnet, const ef_qstep *step, uint32_t root)
{
    int uses = step->scale_step == root;
    for (uint32_t k = 0; k < step->n_inputs; k++) {
        uses |= qnet->steps[step->inputs[k]].scale_step == root;
    }
    return uses;
}

ef_qscale ef_qscale_of(const ef_site *sites, const ef_flip *flip)
{
    const ef_site *site = &sites[flip->site];
    const ef_site *before = flip->site > 0 ? site - 1 : site;
    int is_value =
        before->target == EF_TARGET_ACTIVATIONS || before->target == EF_TARGET_INPUTS;
    return (ef_qscale){site->step, is_value && before->step == site->step,
                       (size_t)flip->index};
}

float ef_qscale_get(const ef_qnet *qnet, const ef_qscale *scale)
{
    const ef_qstep *step = &qnet->steps[scale->step];
    return (float)(scale->is_output ? step->code.scale
                                    : step->weight_codes[scale->index].scale);
}

void ef_qscale_set(ef_qnet *copy, const ef_qscale *scale, float value,
                   uint8_t *is_touched)
{
    ef_qstep *owner = &copy->steps[scale->step];
    uint32_t root = owner->scale_step;
    if (!scale->is_output) {
        owner->weight_codes[scale->index].scale = (double)value;
        ef_qstep_rescale(copy, owner);
        is_touched[scale->step] = 1;
        return;
    }
    for (size_t i = root; i <= copy->output; i++) {
        if (copy->steps[i].scale_step == root) {
            copy->steps[i].code.scale = (double)value;
        }
    }
    for (size_t i = root; i <= copy->output; i++) {
        if (uses_scale(copy, &copy->steps[i], root)) {
            ef_qstep_rescale(copy, &copy->steps[i]);
            is_touched[i] = 1;
        }
    }
}
