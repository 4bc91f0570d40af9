/* What can be asked of a topology. */
#include "net/topology.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "net/topology_priv.h"

void ef_topology_lay_out(ef_topology *topology, size_t n_nodes)
{
    topology->graph.nodes = (ef_node *)(topology + 1);
    topology->shapes = (ef_shape *)(topology->graph.nodes + n_nodes);
    topology->reader_offsets = (uint32_t *)(topology->shapes + n_nodes);
    topology->readers = topology->reader_offsets + n_nodes + 1;
    topology->slots = topology->readers + topology->n_edges;
}

size_t ef_topology_slot(const ef_topology *topology, const char *name)
{
    size_t mask = topology->n_slots - 1;
    size_t slot = (size_t)ef_hash_bytes(0, name, strlen(name)) & mask;
    while (topology->slots[slot] &&
           strcmp(topology->graph.nodes[topology->slots[slot] - 1].name, name) != 0) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

ef_status ef_topology_dup(ef_topology **copy, const ef_topology *topology)
{
    ef_topology *made = ef_memdup(topology, topology->size);
    if (!made) {
        return EF_ERR_MEMORY;
    }
    ef_topology_lay_out(made, made->graph.n_nodes);
    *copy = made;
    return EF_OK;
}

void ef_topology_destroy(ef_topology *topology)
{
    ef_free(topology);
}

const ef_graph *ef_topology_graph(const ef_topology *topology)
{
    return &topology->graph;
}

size_t ef_topology_n_nodes(const ef_topology *topology)
{
    return topology->graph.n_nodes;
}

const ef_node *ef_topology_node(const ef_topology *topology, size_t index)
{
    return &topology->graph.nodes[index];
}

ef_shape ef_topology_shape(const ef_topology *topology, size_t index)
{
    return topology->shapes[index];
}

const uint32_t *ef_topology_readers(const ef_topology *topology, size_t index,
                                    size_t *n_readers)
{
    uint32_t first = topology->reader_offsets[index];
    *n_readers = topology->reader_offsets[index + 1] - first;
    return topology->readers + first;
}

size_t ef_topology_input(const ef_topology *topology)
{
    (void)topology;
    return 0; /* everything else depends on it */
}

size_t ef_topology_output(const ef_topology *topology)
{
    return topology->graph.n_nodes - 1; /* it depends on everything else */
}

size_t ef_topology_find(const ef_topology *topology, const char *name)
{
    uint32_t found = topology->slots[ef_topology_slot(topology, name)];
    return found ? found - 1 : SIZE_MAX;
}

uint64_t ef_topology_hash(const ef_topology *topology)
{
    return topology->hash;
}

size_t ef_shape_elements(ef_shape shape)
{
    return (size_t)shape.channels * shape.height * shape.width;
}

int ef_shape_equal(ef_shape a, ef_shape b)
{
    return a.channels == b.channels && a.height == b.height && a.width == b.width &&
           a.rank == b.rank;
}

static size_t list_params(const ef_topology *topology, size_t index,
                          ef_param_shape shapes[EF_MAX_PARAMS])
{
    const ef_node *node = &topology->graph.nodes[index];
    size_t from = node->n_inputs ? node->inputs[0] : index;
    return ef_node_params(node, topology->shapes[from], shapes);
}

uint64_t ef_topology_node_macs(const ef_topology *topology, size_t index)
{
    const ef_op_row *row = ef_op_row_of(topology->graph.nodes[index].op);
    ef_param_shape shapes[EF_MAX_PARAMS];
    if (!row->has_weights) {
        return 0;
    }
    /* Every position of the output plane uses every weight once. */
    list_params(topology, index, shapes);
    ef_shape out = topology->shapes[index];
    return (uint64_t)ef_param_count(&shapes[0]) * out.height * out.width;
}

uint64_t ef_topology_node_params(const ef_topology *topology, size_t index)
{
    ef_param_shape shapes[EF_MAX_PARAMS];
    size_t n = list_params(topology, index, shapes);
    uint64_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += ef_role_is_trained(shapes[i].role) ? ef_param_count(&shapes[i]) : 0;
    }
    return count;
}

uint64_t ef_topology_macs(const ef_topology *topology)
{
    return topology->macs;
}

uint64_t ef_topology_params(const ef_topology *topology)
{
    return topology->params;
}
