/* The tensors of an integer network that faults can strike. */
#include <stdio.h>

#include "faultsim/wide_priv.h"

static ef_status add(ef_wide *wide, const ef_site *site, ef_error *err)
{
    size_t index;
    return ef_rerun_add_site(&wide->base, site, &index, err);
}

static ef_status add_parameter(ef_wide *wide, const ef_site *site, ef_role role,
                               ef_error *err)
{
    size_t index;
    return ef_rerun_add_parameter(&wide->base, site, wide->qnet->net, role, &index,
                                  err);
}

static ef_status add_weight_scales(ef_wide *wide, ef_site site, ef_error *err)
{
    const ef_net *net = wide->qnet->net;
    const ef_qstep *q = &wide->qnet->steps[site.step];
    char weight[EF_PARAM_NAME_SIZE], name[EF_PARAM_NAME_SIZE + 8];
    ef_net_param_name(net, ef_net_param(net, q->head, EF_ROLE_WEIGHT), weight);
    snprintf(name, sizeof name, "%s.scale", weight);
    site.target = EF_TARGET_SCALES;
    site.count = q->weight_codes[0].format.per_channel ? q->shape.channels : 1;
    site.bits = 32;
    site.name = name;
    return add(wide, &site, err);
}

/* Weights, biases, scales of weights and running sums. */
static ef_status add_conv(ef_wide *wide, uint32_t index, ef_error *err)
{
    const ef_qstep *q = &wide->qnet->steps[index];
    size_t n_products = ef_qproducts(wide->qnet, q);
    ef_site site = {.target = EF_TARGET_WEIGHTS,
                    .step = index,
                    .node = q->head,
                    .count = (uint64_t)q->shape.channels * n_products,
                    .bits = q->weight_codes[0].format.bits,
                    .n_moments = 1};
    ef_status status = add_parameter(wide, &site, EF_ROLE_WEIGHT, err);
    if (!status && q->has_bias) {
        site.target = EF_TARGET_BIASES;
        site.count = q->shape.channels;
        site.bits = 32;
        status = add_parameter(wide, &site, EF_ROLE_BIAS, err);
    }
    status = status ? status : add_weight_scales(wide, site, err);
    if (status) {
        return status;
    }
    site.target = EF_TARGET_ACCUMULATORS;
    site.count = ef_shape_elements(q->shape);
    site.bits = wide->qnet->accumulator_bits;
    site.n_moments = n_products + 1;
    site.name = ef_topology_node(wide->qnet->net->topology, q->head)->name;
    return add(wide, &site, err);
}

/* Whether no step before it that is stored has the scale. */
static int is_first_of_scale(const ef_qnet *qnet, size_t index)
{
    uint32_t root = qnet->steps[index].scale_step;
    int is_first = 1;
    for (size_t i = root; i < index; i++) {
        is_first &= !(qnet->steps[i].is_stored && qnet->steps[i].scale_step == root);
    }
    return is_first;
}

/* Integers in memory, and right behind them their scale; see ef_qscale_of. */
static ef_status add_values(ef_wide *wide, uint32_t index, ef_error *err)
{
    const ef_qstep *q = &wide->qnet->steps[index];
    const char *node = ef_topology_node(wide->qnet->net->topology, q->node)->name;
    char name[EF_NAME_SIZE + 8];
    ef_site site = {.target = index == 0 ? EF_TARGET_INPUTS : EF_TARGET_ACTIVATIONS,
                    .step = index,
                    .node = q->node,
                    .name = node,
                    .count = ef_shape_elements(q->shape),
                    .bits = q->code.format.bits,
                    .n_moments = 1};
    ef_status status = add(wide, &site, err);
    if (status || !is_first_of_scale(wide->qnet, index)) {
        return status;
    }
    snprintf(name, sizeof name, "%s.scale", node);
    site.target = EF_TARGET_SCALES;
    site.name = name;
    site.count = 1;
    site.bits = 32;
    return add(wide, &site, err);
}

ef_status ef_wide_add_sites(ef_wide *wide, ef_error *err)
{
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < wide->n_steps && !status; i++) {
        const ef_qstep *q = &wide->qnet->steps[i];
        status = q->kind == EF_Q_CONV ? add_conv(wide, i, err) : EF_OK;
        if (!status && q->is_stored && i + 1 < wide->n_steps) {
            status = add_values(wide, i, err);
        }
    }
    return status;
}
