#include "net/adapt.h"

/* The scale node that alone reads a node; SIZE_MAX where there is none. */
static size_t find_scale(const ef_topology *topology, size_t node)
{
    size_t n;
    const uint32_t *readers = ef_topology_readers(topology, node, &n);
    return n == 1 && ef_topology_node(topology, readers[0])->op == EF_OP_SCALE
               ? readers[0]
               : SIZE_MAX;
}

static size_t find_normalisation(const ef_topology *topology)
{
    return find_scale(topology, ef_topology_input(topology));
}

int ef_adapt_is_normalised(const ef_topology *topology)
{
    size_t n;
    const uint32_t *readers =
        ef_topology_readers(topology, ef_topology_input(topology), &n);
    ef_op op = n == 1 ? ef_topology_node(topology, readers[0])->op : EF_OP_INPUT;
    return op == EF_OP_SCALE || op == EF_OP_BATCHNORM;
}

/* --- the normalisation --- */

/* A scale node between the input and all that read it. */
static ef_status insert_scale(ef_graph *graph, uint32_t input)
{
    ef_node scale = ef_node_default(EF_OP_SCALE);
    size_t index = 0;
    scale.n_inputs = 1;
    scale.inputs[0] = input;
    ef_status status = ef_graph_add(graph, &scale, &index);
    for (size_t i = 0; i < index && !status; i++) {
        for (uint32_t k = 0; k < graph->nodes[i].n_inputs; k++) {
            if (graph->nodes[i].inputs[k] == input) {
                graph->nodes[i].inputs[k] = (uint32_t)index;
            }
        }
    }
    return status;
}

/* Scale nodes in a row behind the first go, the last one first, so that positions of
 * those before it hold. */
static void drop_further(ef_graph *graph, const ef_topology *from, size_t scale)
{
    size_t next = find_scale(from, scale);
    if (next != SIZE_MAX) {
        drop_further(graph, from, next);
        ef_graph_bypass(graph, next);
    }
}

/* The same graph with one scale node behind the input. */
static ef_status make_scaled(ef_topology **to, const ef_topology *from, ef_error *err)
{
    ef_graph graph = {0};
    size_t scale = find_normalisation(from);
    ef_status status = ef_graph_copy(&graph, ef_topology_graph(from));
    if (!status && scale != SIZE_MAX) {
        drop_further(&graph, from, scale);
    } else if (!status) {
        status = insert_scale(&graph, (uint32_t)ef_topology_input(from));
    }
    status = status ? ef_error_memory(err) : ef_topology_create(to, &graph, err);
    ef_graph_clear(&graph);
    return status;
}

static void fill_scale(ef_net *net, const ef_normalisation *norm)
{
    size_t node = find_normalisation(net->topology);
    size_t n = ef_net_param(net, node, EF_ROLE_SCALE)->count;
    float *scale = ef_net_values(net, node, EF_ROLE_SCALE);
    float *shift = ef_net_values(net, node, EF_ROLE_SHIFT);
    size_t span = n / norm->channels; /* more than 1 where the input is flat */
    for (size_t i = 0; i < n; i++) {
        scale[i] = norm->scale[i / span];
        shift[i] = norm->shift[i / span];
    }
}

static ef_status create_scaled(ef_net **net, const ef_topology *topology,
                               const ef_normalisation *norm, ef_error *err)
{
    ef_topology *scaled = NULL;
    ef_status status = make_scaled(&scaled, topology, err);
    if (!status) {
        status = ef_net_create(net, scaled, err);
    }
    if (!status) {
        fill_scale(*net, norm);
    }
    ef_topology_destroy(scaled);
    return status;
}

ef_status ef_adapt_create(ef_net **net, const ef_topology *topology,
                          const ef_normalisation *norm, uint64_t seed, ef_error *err)
{
    ef_status status = create_scaled(net, topology, norm, err);
    if (!status) {
        ef_adapt_restart(*net, seed);
    }
    return status;
}

void ef_adapt_restart(ef_net *net, uint64_t seed)
{
    for (size_t i = 0; i < ef_topology_n_nodes(net->topology); i++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_INIT, 0, 0, i);
        if (ef_topology_node(net->topology, i)->op != EF_OP_SCALE) {
            ef_net_initialise_node(net, i, &rng);
        }
    }
}

/* --- what stays --- */

/* `made` takes the place of *net and inherits from it all but the values of node
 * `fresh`. */
static ef_status replace(ef_net **net, ef_net *made, size_t fresh, ef_error *err)
{
    if (ef_net_copy_params(made, *net, fresh)) {
        ef_net_destroy(made);
        return ef_error_memory(err);
    }
    ef_net_destroy(*net);
    *net = made;
    return EF_OK;
}

ef_status ef_adapt_normalise(ef_net **net, const ef_normalisation *norm, ef_error *err)
{
    ef_net *scaled = NULL;
    ef_status status = create_scaled(&scaled, (*net)->topology, norm, err);
    return status ? status
                  : replace(net, scaled, find_normalisation(scaled->topology), err);
}

/* --- the last layer --- */

/* From the output back over nodes without weights. */
static size_t find_head(const ef_topology *topology)
{
    size_t at = ef_topology_output(topology);
    const ef_node *node = ef_topology_node(topology, at);
    while (node->n_inputs == 1 && node->op != EF_OP_CONV && node->op != EF_OP_DENSE &&
           node->op != EF_OP_BATCHNORM && node->op != EF_OP_SCALE) {
        at = node->inputs[0];
        node = ef_topology_node(topology, at);
    }
    return at;
}

static ef_status create_with_head(ef_net **net, const ef_topology *from, size_t head,
                                  uint32_t n_units, ef_error *err)
{
    ef_graph graph = {0};
    ef_topology *topology = NULL;
    ef_status status = ef_graph_copy(&graph, ef_topology_graph(from));
    if (status) {
        return ef_error_memory(err);
    }
    ef_node *node = &graph.nodes[head];
    if (node->op == EF_OP_CONV) {
        node->u.conv.channels = n_units;
    } else {
        node->u.dense.channels = n_units;
    }
    status = ef_topology_create(&topology, &graph, err);
    if (!status) {
        status = ef_net_create(net, topology, err);
    }
    ef_topology_destroy(topology);
    ef_graph_clear(&graph);
    return status;
}

ef_status ef_adapt_head(ef_net **net, uint32_t n_units, uint64_t seed, ef_error *err)
{
    const ef_topology *topology = (*net)->topology;
    size_t head = find_head(topology);
    const ef_node *node = ef_topology_node(topology, head);
    if (node->op != EF_OP_DENSE && node->op != EF_OP_CONV) {
        return ef_error_set(err, EF_ERR_UNSUPPORTED,
                            "node '%s': the last layer is %s, neither dense nor conv, "
                            "and cannot be exchanged",
                            node->name, ef_op_name(node->op));
    }
    ef_net *made = NULL;
    ef_status status = create_with_head(&made, topology, head, n_units, err);
    if (status) {
        return status;
    }
    size_t at = ef_topology_find(made->topology, node->name);
    ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_INIT, 0, 0, at);
    ef_net_initialise_node(made, at, &rng);
    return replace(net, made, at, err);
}
