/* Crossover: the front of one network and the back of another, joined at a tensor
 * through which everything passes. */
#include <string.h>

#include "base/mem.h"
#include "net/morph_priv.h"

/* Marks the nodes through which every path from the input to the output leads, n_nodes
 * flags: in an order with inputs first, those that no edge leads past. */
static void mark_cuts(const ef_topology *topology, uint8_t *cut)
{
    size_t farthest = 0;
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        size_t n_readers;
        const uint32_t *readers = ef_topology_readers(topology, i, &n_readers);
        cut[i] = farthest <= i;
        if (n_readers > 0 && readers[n_readers - 1] > farthest) {
            farthest = readers[n_readers - 1];
        }
    }
}

/* Whether nodes first .. last - 1 include a convolution or a dense layer. */
static int has_layer(const ef_topology *topology, size_t first, size_t last)
{
    for (size_t i = first; i < last; i++) {
        ef_op op = ef_topology_node(topology, i)->op;
        if (op == EF_OP_CONV || op == EF_OP_DENSE) {
            return 1;
        }
    }
    return 0;
}

/* Draws a pair of cuts with equal shapes, layers of a before its own and layers of b
 * behind its own. */
static int pick_cuts(ef_rng *rng, const ef_topology *a, const ef_topology *b,
                     const uint8_t *cut_a, const uint8_t *cut_b, size_t cuts[2])
{
    uint32_t n_seen = 0;
    size_t n_a = ef_topology_n_nodes(a), n_b = ef_topology_n_nodes(b);
    for (size_t i = 0; i < n_a; i++) {
        if (!cut_a[i] || !has_layer(a, 0, i + 1)) {
            continue;
        }
        for (size_t j = 0; j < n_b; j++) {
            if (cut_b[j] && has_layer(b, j + 1, n_b) &&
                ef_shape_equal(ef_topology_shape(a, i), ef_topology_shape(b, j)) &&
                ef_morph_keep(rng, &n_seen)) {
                cuts[0] = i;
                cuts[1] = j;
            }
        }
    }
    return n_seen > 0;
}

static int name_is_taken(const ef_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (strcmp(graph->nodes[i].name, name) == 0) {
            return 1;
        }
    }
    return 0;
}

/* The first cuts[0] + 1 nodes of a, then those of b behind cuts[1]. */
static ef_status join(ef_graph *graph, const ef_topology *a, const ef_topology *b,
                      const size_t cuts[2])
{
    size_t n = cuts[0] + 1;
    ef_status status = EF_OK;
    for (size_t i = 0; i < n && !status; i++) {
        status = ef_graph_add(graph, ef_topology_node(a, i), NULL);
    }
    for (size_t j = cuts[1] + 1; j < ef_topology_n_nodes(b) && !status; j++) {
        ef_node node = *ef_topology_node(b, j);
        for (uint32_t k = 0; k < node.n_inputs; k++) {
            node.inputs[k] = (uint32_t)(node.inputs[k] - cuts[1] + cuts[0]);
        }
        if (name_is_taken(graph, node.name)) {
            node.name[0] = '\0';
        }
        status = ef_graph_add(graph, &node, NULL);
    }
    return status;
}

static ef_status build(const ef_space *space, const ef_graph *graph, ef_net **child,
                       ef_error *err)
{
    ef_topology *topology = NULL;
    ef_status status = ef_topology_create(&topology, graph, err);
    if (!status) {
        status = ef_space_allows(space, topology, err);
    }
    if (!status) {
        status =
            (space->plans ? ef_net_create_plan : ef_net_create)(child, topology, err);
    }
    ef_topology_destroy(topology);
    return status;
}

/* With the names of its parameters, unless it was itself named anew: a node of the
 * other parent may have been the same once, and its parameters are named so too. */
static ef_status copy_node(ef_net *to, size_t to_node, const ef_net *from,
                           size_t from_node)
{
    for (ef_role role = 0; role < EF_ROLE_COUNT; role++) {
        const ef_param *param = ef_net_param(from, from_node, role);
        if (param) {
            memcpy(ef_net_values(to, to_node, role), from->values + param->offset,
                   param->count * sizeof to->values[0]);
        }
    }
    int is_renamed = strcmp(ef_topology_node(to->topology, to_node)->name,
                            ef_topology_node(from->topology, from_node)->name) != 0;
    return is_renamed ? EF_OK : ef_net_copy_names(to, to_node, from, from_node);
}

static ef_status cross(const ef_space *space, const ef_net *a, const ef_net *b,
                       const size_t cuts[2], ef_net **child, ef_error *err)
{
    ef_graph graph;
    ef_graph_init(&graph);
    ef_net *made = NULL;
    ef_status status = join(&graph, a->topology, b->topology, cuts);
    if (status) {
        ef_error_memory(err);
    } else {
        status = build(space, &graph, &made, err);
    }
    for (size_t i = 0; !status && made->values && i < graph.n_nodes; i++) {
        size_t at = ef_topology_find(made->topology, graph.nodes[i].name);
        int front = i <= cuts[0];
        if (copy_node(made, at, front ? a : b, front ? i : i - cuts[0] + cuts[1])) {
            status = ef_error_memory(err);
        }
    }
    ef_graph_clear(&graph);
    if (!status) {
        *child = made;
    } else {
        ef_net_destroy(made);
    }
    return status;
}

ef_status ef_morph_crossover(ef_rng *rng, const ef_space *space, const ef_net *a,
                             const ef_net *b, ef_net **child, ef_error *err)
{
    size_t n_a = ef_topology_n_nodes(a->topology);
    size_t n_b = ef_topology_n_nodes(b->topology), cuts[2];
    uint8_t *cut = ef_calloc(n_a + n_b, 1);
    if (!cut) {
        return ef_error_memory(err);
    }
    mark_cuts(a->topology, cut);
    mark_cuts(b->topology, cut + n_a);
    int found = pick_cuts(rng, a->topology, b->topology, cut, cut + n_a, cuts);
    ef_free(cut);
    if (!found) {
        return ef_error_set(err, EF_ERR_TOPOLOGY,
                            "the parents have no equal shapes to be joined at");
    }
    return cross(space, a, b, cuts, child, err);
}
