/* The tensors of an integer network that faults can strike. */
#include "faultsim/wide_priv.h"

static ef_status add_output(ef_wide *wide, const ef_site *site, ef_error *err)
{
    size_t index;
    return ef_rerun_add_output(&wide->base, site, wide->qnet->net, &index, err);
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
    const ef_qstep *q = &wide->qnet->steps[site.step];
    site.target = EF_TARGET_SCALES;
    site.count = q->weight_codes[0].format.per_channel ? q->shape.channels : 1;
    site.bits = 32;
    return add_parameter(wide, &site, EF_ROLE_WEIGHT, err);
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
        site.bits = wide->qnet->bias_bits;
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
    return add_output(wide, &site, err);
}

/* The statistics of a node, in a row; see ef_qnorm_of. */
static ef_status add_norm(ef_wide *wide, uint32_t index, uint32_t node, ef_error *err)
{
    const ef_net *net = wide->qnet->net;
    ef_site site = {.target = EF_TARGET_NORM,
                    .step = index,
                    .node = node,
                    .bits = 32,
                    .n_moments = 1};
    ef_status status = EF_OK;
    int is_norm = ef_topology_node(net->topology, node)->op == EF_OP_BATCHNORM;
    for (size_t i = 0; i < EF_QNORM_ROLES && is_norm && !status; i++) {
        ef_role role = ef_qnorm_role(i);
        site.count = ef_net_param(net, node, role)->count;
        status = add_parameter(wide, &site, role, err);
    }
    return status;
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
    ef_site site = {.target = index == 0 ? EF_TARGET_INPUTS : EF_TARGET_ACTIVATIONS,
                    .step = index,
                    .node = q->node,
                    .count = ef_shape_elements(q->shape),
                    .bits = q->code.format.bits,
                    .n_moments = 1};
    ef_status status = add_output(wide, &site, err);
    if (status || !is_first_of_scale(wide->qnet, index)) {
        return status;
    }
    site.target = EF_TARGET_SCALES;
    site.count = 1;
    site.bits = 32;
    return add_output(wide, &site, err);
}

ef_status ef_wide_add_sites(ef_wide *wide, ef_error *err)
{
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < wide->n_steps && !status; i++) {
        const ef_qstep *q = &wide->qnet->steps[i];
        status = q->kind == EF_Q_CONV   ? add_conv(wide, i, err)
                 : q->kind == EF_Q_NORM ? add_norm(wide, i, q->head, err)
                                        : EF_OK;
        if (!status && q->is_stored && i + 1 < wide->n_steps) {
            status = add_values(wide, i, err);
        }
    }
    for (size_t i = 0; i < wide->qnet->n_tail && !status; i++) {
        status =
            add_norm(wide, (uint32_t)wide->n_steps - 1, wide->qnet->tail[i].node, err);
    }
    return status;
}
