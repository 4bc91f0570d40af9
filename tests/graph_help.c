#include "graph_help.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

const ef_shape image = {3, 9, 8, 4};

size_t append(ef_graph *graph, ef_node node, size_t n_inputs, size_t a, size_t b)
{
    size_t index = 0;
    node.n_inputs = (uint32_t)n_inputs;
    node.inputs[0] = (uint32_t)a;
    node.inputs[1] = (uint32_t)b;
    cr_assert_eq(ef_graph_add(graph, &node, &index), EF_OK);
    return index;
}

size_t append_plain(ef_graph *graph, ef_op op, size_t input)
{
    return append(graph, ef_node_default(op), 1, input, 0);
}

size_t append_conv(ef_graph *graph, uint32_t channels, uint32_t kernel, size_t input)
{
    ef_node node = ef_node_default(EF_OP_CONV);
    node.u.conv.channels = channels;
    node.u.conv.kernel[0] = node.u.conv.kernel[1] = kernel;
    for (size_t i = 0; i < 4; i++) {
        node.u.conv.pad[i] = kernel / 2;
    }
    return append(graph, node, 1, input, 0);
}

size_t append_add(ef_graph *graph, size_t a, size_t b)
{
    return append(graph, ef_node_default(EF_OP_ADD), 2, a, b);
}

void begin(ef_graph *graph, ef_shape shape)
{
    ef_graph_init(graph);
    ef_node node = ef_node_default(EF_OP_INPUT);
    node.u.input = shape;
    append(graph, node, 0, 0, 0);
}

ef_topology *build(const ef_graph *graph)
{
    ef_topology *topology = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_topology_create(&topology, graph, &err), EF_OK, "%s", err.text);
    return topology;
}

uint64_t hash_of(const ef_graph *graph)
{
    ef_topology *topology = build(graph);
    uint64_t hash = ef_topology_hash(topology);
    ef_topology_destroy(topology);
    return hash;
}

void shuffle(ef_graph *to, const ef_graph *from, ef_rng *rng)
{
    size_t n = from->n_nodes, order[EF_MAX_NODES], place[EF_MAX_NODES];
    for (size_t i = 0; i < n; i++) {
        order[i] = i;
    }
    ef_rng_shuffle(rng, order, n);
    for (size_t i = 0; i < n; i++) {
        place[order[i]] = i;
    }
    cr_assert_eq(ef_graph_copy(to, from), EF_OK);
    for (size_t i = 0; i < n; i++) {
        ef_node *node = &to->nodes[i];
        *node = from->nodes[order[i]];
        snprintf(node->name, sizeof node->name, "m%zu", i);
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            node->inputs[k] = (uint32_t)place[node->inputs[k]];
        }
        if (node->op == EF_OP_ADD || node->op == EF_OP_MUL) {
            for (uint32_t k = 1; k < node->n_inputs; k++) {
                uint32_t other = (uint32_t)ef_rng_below(rng, k + 1);
                uint32_t input = node->inputs[k];
                node->inputs[k] = node->inputs[other];
                node->inputs[other] = input;
            }
        }
    }
}

int are_same(const ef_topology *a, const ef_topology *b)
{
    if (ef_topology_n_nodes(a) != ef_topology_n_nodes(b)) {
        return 0;
    }
    for (size_t i = 0; i < ef_topology_n_nodes(a); i++) {
        ef_node x = *ef_topology_node(a, i), y = *ef_topology_node(b, i);
        if (x.op != y.op || memcmp(&x.u, &y.u, sizeof x.u) != 0 ||
            !ef_format_equal(&x.weight_format, &y.weight_format) ||
            !ef_format_equal(&x.activation_format, &y.activation_format) ||
            x.n_inputs != y.n_inputs ||
            memcmp(x.inputs, y.inputs, x.n_inputs * sizeof x.inputs[0]) != 0) {
            return 0;
        }
    }
    return 1;
}

void grow(ef_graph *graph, uint64_t seed, size_t n)
{
    ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 7, 7, 7);
    begin(graph, (ef_shape){2, 4, 4, 4});
    unsigned char is_read[256] = {0};
    for (size_t i = 1; i <= n; i++) {
        size_t back = i < 5 ? i : 5;
        size_t a = i - 1 - ef_rng_below(&rng, back),
               b = i - 1 - ef_rng_below(&rng, back);
        size_t kind = ef_rng_below(&rng, 5);
        if (kind == 0) {
            append_plain(graph, EF_OP_ACTIVATION, a);
        } else if (kind < 3) {
            append_conv(graph, 2, kind == 1 ? 1 : 3, a);
        } else {
            append_add(graph, a, b);
            is_read[b] = 1;
        }
        is_read[a] = 1;
    }
    size_t sum = n;
    for (size_t i = n; i-- > 0;) {
        if (!is_read[i]) {
            sum = append_add(graph, sum, i);
        }
    }
}

void make_rings(ef_graph *graph, size_t n, size_t length)
{
    size_t sums[32];
    begin(graph, image);
    for (size_t i = 0; i < n; i++) {
        append_conv(graph, 4, 3, 0);
    }
    for (size_t i = 0; i < n; i++) {
        size_t ring = i / length * length;
        sums[i] = append_add(graph, 1 + i, 1 + ring + (i + 1 - ring) % length);
    }
    ef_node all = ef_node_default(EF_OP_ADD);
    all.n_inputs = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        all.inputs[i] = (uint32_t)sums[i];
    }
    cr_assert_eq(ef_graph_add(graph, &all, NULL), EF_OK);
}
