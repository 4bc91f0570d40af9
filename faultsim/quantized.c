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

/* 32 bits for biases, or 64 where the products are wider than 16; for accumulators as
 * many, where none are asked for. */
static ef_status choose_widths(ef_qbuild *b)
{
    ef_qnet *qnet = b->qnet;
    qnet->bias_bits = 32;
    for (size_t i = 0; i < qnet->n_steps; i++) {
        const ef_qstep *step = &qnet->steps[i];
        int is_wide = (i != qnet->output && step->code.format.bits > 8) ||
                      (step->weight_codes && step->weight_codes[0].format.bits > 8);
        qnet->bias_bits = is_wide ? 64 : qnet->bias_bits;
    }
    unsigned wanted = b->options->accumulator_bits;
    qnet->accumulator_bits = wanted ? wanted : qnet->bias_bits;
    return EF_OK;
}

static ef_status build(ef_qbuild *b)
{
    static ef_status (*const parts[])(ef_qbuild *) = {
        make_room,        ef_qbuild_steps, ef_qbuild_scales,
        ef_qbuild_values, choose_widths,   ef_qbuild_biases};
    ef_status status = EF_OK;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && !status; i++) {
        status = parts[i](b);
    }
    ef_free(b->step_of);
    ef_free(b->range_of);
    ef_free(b->class_of);
    return status;
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
    *qnet = made;
    return EF_OK;
}

void ef_qnet_clear_steps(ef_qnet *qnet)
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
        ef_qnet_clear_steps(qnet);
        ef_free(qnet->tail);
        ef_net_destroy(qnet->net);
    }
    ef_free(qnet);
}

size_t ef_qnet_classes(const ef_qnet *qnet)
{
    return ef_shape_elements(qnet->steps[qnet->n_steps - 1].shape);
}
