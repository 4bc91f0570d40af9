/* Networks whose parameters faults change: copies, their scales, their batch norms. */
#include "base/mem.h"
#include "faultsim/quantized_priv.h"

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

/* The same network with values of its own. */
static int copy_values(ef_qnet *copy, const ef_net *net)
{
    copy->net = ef_memdup(net, sizeof *net);
    if (!copy->net) {
        return 0;
    }
    copy->net->values = ef_memdup(net->values, net->n_values * sizeof *net->values);
    return copy->net->values != NULL;
}

ef_status ef_qcopy_init(ef_qnet *copy, const ef_qnet *qnet, ef_error *err)
{
    ef_qnet made = *qnet;
    int has_all = copy_values(&made, qnet->net);
    made.steps = ef_calloc(qnet->n_steps, sizeof *made.steps);
    for (size_t i = 0; made.steps && has_all && i < qnet->n_steps; i++) {
        has_all = copy_step(&made.steps[i], qnet, &qnet->steps[i]);
    }
    if (!made.steps || !has_all) {
        ef_qcopy_clear(&made);
        return ef_error_memory(err);
    }
    *copy = made;
    return EF_OK;
}

void ef_qcopy_clear(ef_qnet *copy)
{
    ef_qnet_clear_steps(copy);
    if (copy->net) {
        ef_free(copy->net->values);
    }
    ef_free(copy->net);
    copy->net = NULL;
    copy->steps = NULL;
}

/* --- scales ----------------------------------------------------------------------- */

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

/* --- batch norms ------------------------------------------------------------------ */

static const ef_role norm_roles[EF_QNORM_ROLES] = {EF_ROLE_GAMMA, EF_ROLE_BETA,
                                                   EF_ROLE_MEAN, EF_ROLE_VARIANCE};

ef_role ef_qnorm_role(size_t index)
{
    return norm_roles[index];
}

float *ef_qnorm_of(const ef_qnet *qnet, const ef_site *sites, const ef_flip *flip)
{
    const ef_site *site = &sites[flip->site];
    size_t index = 0;
    while (index < flip->site && index + 1 < EF_QNORM_ROLES &&
           sites[flip->site - index - 1].target == EF_TARGET_NORM &&
           sites[flip->site - index - 1].node == site->node) {
        index++;
    }
    return &ef_net_values(qnet->net, site->node, norm_roles[index])[flip->index];
}
