#include "net/stored.h"

/* What a node is to the group it stands in. */
typedef enum part { ROOT, NORM, ACTIVATION, ALONE, VIEW, IMAGE } part;

static const uint8_t parts[EF_OP_COUNT] = {
    [EF_OP_INPUT] = IMAGE,
    [EF_OP_CONV] = ROOT,
    [EF_OP_DENSE] = ROOT,
    [EF_OP_MAXPOOL] = ALONE,
    [EF_OP_AVGPOOL] = ALONE,
    [EF_OP_GLOBALAVG] = ALONE,
    [EF_OP_GLOBALMAX] = ALONE,
    [EF_OP_BATCHNORM] = NORM,
    [EF_OP_ACTIVATION] = ACTIVATION,
    [EF_OP_ADD] = ROOT,
    [EF_OP_MUL] = ROOT,
    [EF_OP_SCALE] = NORM,
    [EF_OP_CONCAT] = VIEW,
    [EF_OP_PAD] = VIEW,
    [EF_OP_SLICE] = VIEW,
    [EF_OP_TRANSPOSE] = VIEW,
    [EF_OP_FLATTEN] = VIEW,
    [EF_OP_UPSAMPLE] = VIEW,
    [EF_OP_RESHAPE] = VIEW,
    [EF_OP_SOFTMAX] = ALONE,
    [EF_OP_DIV] = ROOT,
};

/* fuses[a][b]: a node of part b may join a group that ends in part a. */
static const uint8_t fuses[][6] = {
    [ROOT] = {[NORM] = 1, [ACTIVATION] = 1},
    [NORM] = {[ACTIVATION] = 1},
    [ACTIVATION] = {0},
    [ALONE] = {0},
    [VIEW] = {0},
    [IMAGE] = {0},
};

int ef_op_is_view(ef_op op)
{
    return parts[op] == VIEW;
}

/* The image, or what scale nodes, each alone in reading, make of it. */
static int is_image(const ef_topology *topology, size_t index)
{
    const ef_node *node = ef_topology_node(topology, index);
    size_t n_readers;
    while (node->op == EF_OP_SCALE) {
        index = node->inputs[0];
        node = ef_topology_node(topology, index);
        ef_topology_readers(topology, index, &n_readers);
        if (n_readers != 1) {
            return 0;
        }
    }
    return node->op == EF_OP_INPUT;
}

static int is_fused(const ef_topology *topology, size_t index)
{
    const ef_node *node = ef_topology_node(topology, index);
    if (node->n_inputs != 1) {
        return 0;
    }
    size_t from = node->inputs[0], n_readers;
    const ef_node *before = ef_topology_node(topology, from);
    ef_topology_readers(topology, from, &n_readers);
    if (n_readers != 1) {
        return 0;
    }
    if (is_image(topology, from)) {
        return node->op == EF_OP_SCALE;
    }
    /* A norm that stands alone opens no group. */
    if (parts[before->op] == NORM && !is_fused(topology, from)) {
        return 0;
    }
    return fuses[parts[before->op]][parts[node->op]];
}

void ef_topology_stored(const ef_topology *topology, uint8_t *stored)
{
    size_t n = ef_topology_n_nodes(topology);
    for (size_t i = 0; i < n; i++) {
        const ef_node *node = ef_topology_node(topology, i);
        if (is_fused(topology, i)) {
            stored[node->inputs[0]] = EF_STORED_NOT;
        }
        stored[i] = parts[node->op] == VIEW ? EF_STORED_NOT
                    : is_image(topology, i) ? EF_STORED_INPUT
                                            : EF_STORED_ACTIVATION;
    }
    size_t output = ef_topology_output(topology);
    while (parts[ef_topology_node(topology, output)->op] == VIEW &&
           ef_topology_node(topology, output)->n_inputs == 1) {
        output = ef_topology_node(topology, output)->inputs[0];
    }
    if (stored[output] == EF_STORED_ACTIVATION) {
        stored[output] = EF_STORED_OUTPUT;
    }
}
