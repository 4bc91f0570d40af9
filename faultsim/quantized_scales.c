/* Which tensors share a scale, the scales, and the clamps. */
#include "faultsim/quantized_priv.h"

#include <math.h>

#include "base/mem.h"

static uint32_t root_of(const ef_qbuild *b, uint32_t step)
{
    while (b->class_of[step] != step) {
        step = b->class_of[step];
    }
    return step;
}

/* Of two classes the one that begins first goes on. */
static void unite(ef_qbuild *b, uint32_t x, uint32_t y)
{
    uint32_t a = root_of(b, x), c = root_of(b, y);
    b->class_of[a > c ? a : c] = a < c ? a : c;
}

static void find_classes(ef_qbuild *b)
{
    for (uint32_t i = 0; i < b->qnet->n_steps; i++) {
        const ef_qstep *step = &b->qnet->steps[i];
        b->class_of[i] = i;
        for (uint32_t k = 0; k < step->n_inputs && ef_qkind_moves(step->kind); k++) {
            unite(b, i, step->inputs[k]);
        }
    }
    for (uint32_t i = 0; i < b->qnet->n_steps; i++) {
        b->class_of[i] = root_of(b, i);
    }
}

static void widen(ef_range *range, float value)
{
    range->low = value < range->low ? value : range->low;
    range->high = value > range->high ? value : range->high;
}

/* What the tensors of a class hold, and the format that one of them states. */
static ef_range range_of(const ef_qbuild *b, uint32_t root, ef_format *format)
{
    const ef_qnet *qnet = b->qnet;
    ef_range range = {INFINITY, -INFINITY};
    int is_stated = 0;
    for (uint32_t i = root; i < qnet->n_steps; i++) {
        if (b->class_of[i] != root) {
            continue;
        }
        const ef_qstep *step = &qnet->steps[i];
        const ef_node *node = ef_topology_node(b->topology, step->node);
        const ef_range *own = &b->ranges->nodes[b->range_of[i]];
        widen(&range, own->low);
        widen(&range, own->high);
        if (!is_stated && ef_format_is_stated(&node->activation_format)) {
            *format = node->activation_format;
            is_stated = 1;
        }
    }
    if (!is_stated) {
        *format = b->options->activations;
        int has_unsigned = format->encoding == EF_ENCODING_PLAIN ||
                           format->encoding == EF_ENCODING_GRAY;
        if (b->options->fits_activations && format->kind == EF_FORMAT_INT &&
            has_unsigned && range.low >= 0) {
            format->kind = EF_FORMAT_UINT;
        }
    }
    return range;
}

/* The same by the rule of the ranges, now that the format is known. */
static ef_status fit(const ef_qbuild *b, uint32_t root, const ef_format *format,
                     ef_range *range)
{
    size_t n = 0, *nodes = ef_calloc(b->qnet->n_steps, sizeof *nodes);
    if (!nodes) {
        return ef_error_memory(b->err);
    }
    for (uint32_t i = root; i < b->qnet->n_steps; i++) {
        if (b->class_of[i] == root) {
            nodes[n++] = b->range_of[i];
        }
    }
    ef_status status = ef_ranges_fit(b->ranges, nodes, n, format, range, b->err);
    ef_free(nodes);
    return status;
}

static int is_known(const ef_format *format)
{
    return (format->kind == EF_FORMAT_INT || format->kind == EF_FORMAT_UINT ||
            format->kind == EF_FORMAT_FIXED) &&
           format->bits <= 16 && !format->stochastic;
}

static ef_status bind(ef_qbuild *b, uint32_t root, ef_code *code)
{
    ef_format format;
    ef_range range = range_of(b, root, &format);
    const char *name = ef_topology_node(b->topology, b->qnet->steps[root].node)->name;
    if (!is_known(&format)) {
        char text[EF_FORMAT_NAME];
        ef_format_name(&format, text);
        return ef_error_set(
            b->err, EF_ERR_UNSUPPORTED,
            "node %s: activations in %s; supported in integer execution "
            "are int, uint and fixed of at most 16 bits",
            name, text);
    }
    if (!isfinite(range.low) || !isfinite(range.high)) {
        return ef_error_set(b->err, EF_ERR_INPUT, "node %s: its range is not finite",
                            name);
    }
    ef_status status = fit(b, root, &format, &range);
    return status ? status : ef_code_bind(code, &format, range.low, range.high, b->err);
}

/* A bound of clip as an integer; infinite ones are none. */
static int32_t bound_of(const ef_qstep *step, float bound)
{
    if (!isfinite(bound)) {
        return bound < 0 ? step->least : step->most;
    }
    return ef_qround((double)bound / step->code.scale, step->code.zero, step->least,
                     step->most);
}

void ef_qstep_clamp(const ef_qnet *qnet, ef_qstep *step)
{
    const ef_node *node = ef_topology_node(qnet->net->topology, step->node);
    const ef_activation *activation = &node->u.activation;
    ef_code_limits(&step->code, &step->least, &step->most);
    if (node->op != EF_OP_ACTIVATION || step->kind == EF_Q_TABLE) {
        return;
    }
    int32_t least =
        bound_of(step, activation->kind == EF_ACTIVATION_RELU ? 0 : activation->low);
    int32_t most = activation->kind == EF_ACTIVATION_RELU
                       ? step->most
                       : bound_of(step, activation->high);
    step->least = least;
    step->most = most;
}

ef_status ef_qbuild_scales(ef_qbuild *b)
{
    ef_qnet *qnet = b->qnet;
    find_classes(b);
    for (uint32_t i = 0; i <= qnet->output; i++) {
        ef_qstep *step = &qnet->steps[i];
        uint32_t root = b->class_of[i];
        step->scale_step = root;
        if (i == qnet->output && !ef_qkind_moves(step->kind)) {
            break; /* never stored */
        }
        ef_status status = EF_OK;
        if (root == i) {
            status = bind(b, i, &step->code);
        } else {
            step->code = qnet->steps[root].code;
        }
        if (status) {
            return status;
        }
        ef_qstep_clamp(qnet, step);
    }
    return EF_OK;
}
