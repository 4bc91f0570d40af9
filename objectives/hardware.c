#include "objectives/hardware.h"

#include "base/mem.h"
#include "net/stored.h"

enum { BIAS_BITS = 32 };

ef_status ef_score_params(EF_OBJECTIVE_ARGS)
{
    (void)objective;
    (void)context;
    (void)err;
    *value = (double)ef_topology_params(topology);
    return EF_OK;
}

ef_status ef_score_macs(EF_OBJECTIVE_ARGS)
{
    (void)objective;
    (void)context;
    (void)err;
    *value = (double)ef_topology_macs(topology);
    return EF_OK;
}

/* --- size --- */

static int has_weights(ef_op op)
{
    return op == EF_OP_CONV || op == EF_OP_DENSE;
}

static int has_bias(const ef_node *node)
{
    return node->op == EF_OP_CONV ? node->u.conv.bias != 0 : node->u.dense.bias != 0;
}

/* A batch norm whose producer only feeds it, and has weights to take it. */
static int is_folded(const ef_topology *topology, size_t index)
{
    const ef_node *node = ef_topology_node(topology, index);
    if (node->op != EF_OP_BATCHNORM) {
        return 0;
    }
    size_t from = node->inputs[0], n_readers;
    ef_topology_readers(topology, from, &n_readers);
    return n_readers == 1 && has_weights(ef_topology_node(topology, from)->op);
}

/* The bits of one weight of a node: its own format, the objective's, the run's. */
static unsigned weight_bits(const ef_node *node, const ef_objective *objective,
                            const ef_objective_context *context)
{
    enum { INT8_BITS = 8 };
    const ef_format *formats[] = {&node->weight_format, &objective->format,
                                  &context->format};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (ef_format_is_stated(formats[i])) {
            return formats[i]->bits;
        }
    }
    return INT8_BITS;
}

ef_status ef_score_size(EF_OBJECTIVE_ARGS)
{
    (void)err;
    double bits = 0;
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        const ef_node *node = ef_topology_node(topology, i);
        double channels = ef_topology_shape(topology, i).channels;
        double params = (double)ef_topology_node_params(topology, i);
        if (has_weights(node->op)) {
            double biases = has_bias(node) ? channels : 0;
            bits += (params - biases) * weight_bits(node, objective, context);
            bits += biases * BIAS_BITS;
        } else if (is_folded(topology, i)) {
            const ef_node *conv = ef_topology_node(topology, node->inputs[0]);
            bits += has_bias(conv) ? 0 : channels * BIAS_BITS;
        } else {
            bits += params * BIAS_BITS;
        }
    }
    *value = bits;
    return EF_OK;
}

ef_status ef_score_activations(EF_OBJECTIVE_ARGS)
{
    (void)objective;
    (void)context;
    size_t n = ef_topology_n_nodes(topology);
    uint8_t *stored = ef_calloc(n, sizeof *stored);
    if (!stored) {
        return ef_error_memory(err);
    }
    ef_topology_stored(topology, stored);
    double elements = 0;
    for (size_t i = 0; i < n; i++) {
        if (stored[i] == EF_STORED_ACTIVATION) {
            elements += (double)ef_shape_elements(ef_topology_shape(topology, i));
        }
    }
    ef_free(stored);
    *value = elements;
    return EF_OK;
}

ef_status ef_score_depth(EF_OBJECTIVE_ARGS)
{
    (void)objective;
    (void)context;
    size_t n = ef_topology_n_nodes(topology);
    uint32_t *depth = ef_calloc(n, sizeof *depth);
    if (!depth) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        const ef_node *node = ef_topology_node(topology, i);
        for (size_t k = 0; k < node->n_inputs; k++) {
            uint32_t before = depth[node->inputs[k]];
            depth[i] = before > depth[i] ? before : depth[i];
        }
        depth[i] += (uint32_t)has_weights(node->op);
    }
    *value = depth[ef_topology_output(topology)];
    ef_free(depth);
    return EF_OK;
}

/* --- lowered --- */

ef_status ef_objective_lower(ef_workload **workload, const ef_topology *topology,
                             const ef_objective *objective,
                             const ef_objective_context *context, ef_error *err)
{
    const ef_format *format =
        ef_format_is_stated(&objective->format) ? &objective->format : &context->format;
    return ef_workload_create(workload, topology, format, err);
}

/* What one layer adds. */
typedef double layer_share(const ef_workload *workload, const ef_layer *layer);

static ef_status sum_layers(EF_OBJECTIVE_ARGS, layer_share *share_of)
{
    ef_workload *workload = NULL;
    ef_status status = ef_objective_lower(&workload, topology, objective, context, err);
    if (status) {
        return status;
    }
    double sum = 0;
    for (size_t i = 0; i < workload->n_layers; i++) {
        sum += share_of(workload, &workload->layers[i]);
    }
    *value = sum;
    ef_workload_destroy(workload);
    return EF_OK;
}

static double bit_operations(const ef_workload *workload, const ef_layer *layer)
{
    (void)workload;
    return (double)layer->macs * layer->weight_width * layer->input_width;
}

static double bytes_per_mac(const ef_workload *workload, const ef_layer *layer)
{
    return layer->macs > 0 ? ef_workload_bytes(workload, layer) / (double)layer->macs
                           : 0;
}

ef_status ef_score_bitops(EF_OBJECTIVE_ARGS)
{
    return sum_layers(topology, objective, context, value, err, bit_operations);
}

ef_status ef_score_adcr(EF_OBJECTIVE_ARGS)
{
    return sum_layers(topology, objective, context, value, err, bytes_per_mac);
}
