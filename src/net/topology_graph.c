/* Editing a list of nodes. */
#include "net/topology.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/topology_priv.h"

void ef_graph_init(ef_graph *graph)
{
    memset(graph, 0, sizeof *graph);
}

void ef_graph_clear(ef_graph *graph)
{
    ef_free(graph->nodes);
    ef_graph_init(graph);
}

ef_status ef_graph_copy(ef_graph *to, const ef_graph *from)
{
    size_t n = from->n_nodes;
    ef_node *nodes = ef_memdup(from->nodes, n * sizeof *nodes);
    if (!nodes) {
        return EF_ERR_MEMORY;
    }
    *to = (ef_graph){nodes, n, n};
    return EF_OK;
}

static const ef_node defaults[EF_OP_COUNT] = {
    [EF_OP_INPUT] = {.u.input = {1, 1, 1, 4}},
    [EF_OP_CONV] = {.u.conv = {.kernel = {1, 1},
                               .stride = {1, 1},
                               .dilation = {1, 1},
                               .groups = 1}},
    [EF_OP_MAXPOOL] = {.u.pool = {{2, 2}, {2, 2}, {1, 1}, {0}, 0, 0}},
    [EF_OP_AVGPOOL] = {.u.pool = {{2, 2}, {2, 2}, {1, 1}, {0}, 0, 0}},
    [EF_OP_BATCHNORM] = {.u.batchnorm = {1e-5F}},
    [EF_OP_SLICE] = {.u.slice = {.end = {EF_TO_END, EF_TO_END, EF_TO_END},
                                 .step = {1, 1, 1}}},
    [EF_OP_TRANSPOSE] = {.u.transpose = {{0, 1, 2}}},
    [EF_OP_UPSAMPLE] = {.u.upsample = {{2, 2}}},
    [EF_OP_RESHAPE] = {.u.reshape = {1, 1, 1, 4}},
};

ef_node ef_node_default(ef_op op)
{
    ef_node node = defaults[op];
    node.op = op;
    return node;
}

static int has_name(const ef_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (strcmp(graph->nodes[i].name, name) == 0) {
            return 1;
        }
    }
    return 0;
}

static const char *stem_of(const ef_node *node)
{
    /* "relu6" would be the sixth relu and another activation */
    return node->op == EF_OP_ACTIVATION ? "act" : ef_op_name(node->op);
}

/* The operation's name and its number among its like; a plain "input". */
static void name_node(const ef_graph *graph, ef_node *node)
{
    const char *stem = stem_of(node);
    if (node->op == EF_OP_INPUT && !has_name(graph, stem)) {
        strcpy(node->name, stem);
        return;
    }
    size_t number = 1;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        number += graph->nodes[i].op == node->op;
    }
    do {
        snprintf(node->name, sizeof node->name, "%s%zu", stem, number++);
    } while (has_name(graph, node->name));
}

ef_status ef_graph_add(ef_graph *graph, const ef_node *node, size_t *index)
{
    if (graph->n_nodes == graph->capacity) {
        size_t capacity = graph->capacity ? 2 * graph->capacity : 32;
        ef_node *nodes = ef_realloc(graph->nodes, capacity, sizeof *nodes);
        if (!nodes) {
            return EF_ERR_MEMORY;
        }
        graph->nodes = nodes;
        graph->capacity = capacity;
    }
    ef_node *added = &graph->nodes[graph->n_nodes];
    *added = *node;
    if (added->name[0] == '\0') {
        name_node(graph, added);
    }
    if (index) {
        *index = graph->n_nodes;
    }
    graph->n_nodes++;
    return EF_OK;
}

/* While ef_graph_prune runs, this bit of n_inputs marks a node that stays. */
#define STAYS (UINT32_C(1) << 31)

/* Takes the place of node `index` out; whoever still read it reads `instead`. */
static void take_out(ef_graph *graph, size_t index, uint32_t instead)
{
    graph->n_nodes--;
    memmove(&graph->nodes[index], &graph->nodes[index + 1],
            (graph->n_nodes - index) * sizeof graph->nodes[0]);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        ef_node *node = &graph->nodes[i];
        for (uint32_t k = 0; k < (node->n_inputs & ~STAYS); k++) {
            uint32_t input = node->inputs[k] == index ? instead : node->inputs[k];
            node->inputs[k] = input > index ? input - 1 : input;
        }
    }
}

void ef_graph_bypass(ef_graph *graph, size_t index)
{
    take_out(graph, index, graph->nodes[index].inputs[0]);
}

/* Marks the inputs of marked nodes; whether any of them was new. */
static int mark_inputs(ef_graph *graph)
{
    int changed = 0;
    for (size_t i = graph->n_nodes; i-- > 0;) {
        const ef_node *node = &graph->nodes[i];
        if (!(node->n_inputs & STAYS)) {
            continue;
        }
        for (uint32_t k = 0; k < (node->n_inputs & ~STAYS); k++) {
            ef_node *input = &graph->nodes[node->inputs[k]];
            changed |= !(input->n_inputs & STAYS);
            input->n_inputs |= STAYS;
        }
    }
    return changed;
}

void ef_graph_prune(ef_graph *graph, size_t *output)
{
    graph->nodes[*output].n_inputs |= STAYS;
    while (mark_inputs(graph)) {
        /* once where inputs stand before their readers */
    }
    for (size_t i = graph->n_nodes; i-- > 0;) {
        if (graph->nodes[i].n_inputs & STAYS) {
            graph->nodes[i].n_inputs &= ~STAYS;
        } else {
            *output -= i < *output;
            take_out(graph, i, 0);
        }
    }
}
