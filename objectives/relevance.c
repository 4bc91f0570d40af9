#include "objectives/relevance.h"

/* Of its node's relevance, the share that input k is handed. */
static double share(const ef_topology *topology, const ef_node *node, size_t index,
                    size_t k)
{
    if (node->op == EF_OP_CONCAT) {
        return (double)ef_topology_shape(topology, node->inputs[k]).channels /
               ef_topology_shape(topology, index).channels;
    }
    return 1.0 / node->n_inputs;
}

void ef_relevance(const ef_topology *topology, double *rho)
{
    size_t n = ef_topology_n_nodes(topology);
    for (size_t i = 0; i < n; i++) {
        rho[i] = 0;
    }
    rho[ef_topology_output(topology)] = 1;
    for (size_t i = n; i-- > 0;) {
        const ef_node *node = ef_topology_node(topology, i);
        for (size_t k = 0; k < node->n_inputs; k++) {
            rho[node->inputs[k]] += rho[i] * share(topology, node, i, k);
        }
    }
}
