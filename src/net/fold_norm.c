/* Folding as in B. Jacob et al., Quantization and Training of Neural Networks for
 * Efficient Integer-Arithmetic-Only Inference, CVPR 2018, doi:10.1109/CVPR.2018.00286,
 * equation (14). */
#include "net/fold_norm.h"

#include <math.h>

#include "net/origin.h"

#define NONE SIZE_MAX

/* The batch norm that alone reads node index; NONE where there is none. */
static size_t norm_behind(const ef_topology *topology, size_t index)
{
    size_t n;
    const uint32_t *readers = ef_topology_readers(topology, index, &n);
    return n == 1 && ef_topology_node(topology, readers[0])->op == EF_OP_BATCHNORM
               ? readers[0]
               : NONE;
}

static int has_weights(const ef_topology *topology, size_t index)
{
    ef_op op = ef_topology_node(topology, index)->op;
    return op == EF_OP_CONV || op == EF_OP_DENSE;
}

static void add_bias(ef_node *node)
{
    if (node->op == EF_OP_CONV) {
        node->u.conv.bias = 1;
    } else {
        node->u.dense.bias = 1;
    }
}

/* Gives each folded layer a bias, and takes the batch norms out of graph; their number.
 */
static size_t edit(ef_graph *graph, const ef_topology *topology)
{
    size_t n_folded = 0;
    /* From the last to the first, so that positions before a node stand. */
    for (size_t i = ef_topology_n_nodes(topology); i-- > 0;) {
        size_t root = i;
        while (ef_topology_node(topology, root)->op == EF_OP_BATCHNORM &&
               norm_behind(topology, ef_topology_node(topology, root)->inputs[0]) ==
                   root) {
            root = ef_topology_node(topology, root)->inputs[0];
        }
        if (root == i || !has_weights(topology, root)) {
            continue;
        }
        if (norm_behind(topology, i) == NONE) { /* the last of a chain */
            graph->nodes[root].activation_format = graph->nodes[i].activation_format;
        }
        add_bias(&graph->nodes[root]);
        ef_graph_bypass(graph, i);
        n_folded++;
    }
    return n_folded;
}

/* Composes y -> g (y - mean) + beta of one channel with what was there before. */
static void compose(const ef_net *net, size_t norm, size_t channel, double *factor,
                    double *addend)
{
    double epsilon = (double)ef_topology_node(net->topology, norm)->u.batchnorm.epsilon;
    double variance = (double)ef_net_values(net, norm, EF_ROLE_VARIANCE)[channel];
    double g = (double)ef_net_values(net, norm, EF_ROLE_GAMMA)[channel] /
               sqrt(variance + epsilon);
    double mean = (double)ef_net_values(net, norm, EF_ROLE_MEAN)[channel];
    *factor *= g;
    *addend =
        g * (*addend - mean) + (double)ef_net_values(net, norm, EF_ROLE_BETA)[channel];
}

/* Node `to` of the new network gets the batch norms behind node `from` of the old. */
static void fold_into(ef_net *folded, size_t to, const ef_net *net, size_t from)
{
    float *weights = ef_net_values(folded, to, EF_ROLE_WEIGHT);
    float *biases = ef_net_values(folded, to, EF_ROLE_BIAS);
    size_t channels = ef_net_param(folded, to, EF_ROLE_BIAS)->count;
    size_t count = ef_net_param(folded, to, EF_ROLE_WEIGHT)->count / channels;
    for (size_t c = 0; c < channels; c++) {
        double factor = 1, addend = (double)biases[c];
        for (size_t norm = norm_behind(net->topology, from); norm != NONE;
             norm = norm_behind(net->topology, norm)) {
            compose(net, norm, c, &factor, &addend);
        }
        for (size_t k = 0; k < count; k++) {
            float *weight = &weights[c * count + k];
            *weight = (float)(factor * (double)*weight);
        }
        biases[c] = (float)addend;
    }
}

static void fold_all(ef_net *folded, const ef_net *net)
{
    for (size_t i = 0; i < ef_topology_n_nodes(folded->topology); i++) {
        if (has_weights(folded->topology, i)) {
            const char *name = ef_topology_node(folded->topology, i)->name;
            size_t from = ef_topology_find(net->topology, name);
            if (norm_behind(net->topology, from) != NONE) {
                fold_into(folded, i, net, from);
            }
        }
    }
}

/* Layers with their batch norms give what the last of these gave. */
static ef_status copy_origin(ef_net *folded, const ef_net *net)
{
    ef_status status = ef_net_copy_origin(folded, net);
    for (size_t i = 0; i < ef_topology_n_nodes(folded->topology) && !status; i++) {
        const char *name = ef_topology_node(folded->topology, i)->name;
        size_t last = ef_topology_find(net->topology, name);
        while (has_weights(folded->topology, i) &&
               norm_behind(net->topology, last) != NONE) {
            last = norm_behind(net->topology, last);
        }
        status = ef_net_copy_output(folded, i, net, last);
    }
    return status;
}

ef_status ef_net_fold_norms(ef_net **folded, const ef_net *net, size_t *n_folded,
                            ef_error *err)
{
    ef_graph graph;
    ef_topology *topology = NULL;
    ef_net *made = NULL;
    if (ef_graph_copy(&graph, ef_topology_graph(net->topology)) != EF_OK) {
        return ef_error_memory(err);
    }
    size_t n = edit(&graph, net->topology);
    ef_status status = ef_topology_create(&topology, &graph, err);
    ef_graph_clear(&graph);
    if (status == EF_OK) {
        status = ef_net_create(&made, topology, err);
    }
    ef_topology_destroy(topology);
    if (status == EF_OK && (ef_net_copy_params(made, net, SIZE_MAX) != EF_OK ||
                            copy_origin(made, net) != EF_OK)) {
        ef_net_destroy(made);
        status = ef_error_memory(err);
    }
    if (status == EF_OK) {
        fold_all(made, net);
        *folded = made;
        *n_folded = n;
    }
    return status;
}
