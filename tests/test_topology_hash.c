/* The canonical order and the hash. */
#include "net/topology.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "graph_help.h"
#include "random_net.h"

static void expect_canonical(const ef_graph *graph, uint64_t seed, size_t n_shuffles)
{
    ef_topology *topology = build(graph);
    for (size_t i = 0; i < n_shuffles; i++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, i, 0, 0);
        ef_graph shuffled;
        shuffle(&shuffled, graph, &rng);
        ef_topology *other = build(&shuffled);
        cr_expect_eq(ef_topology_hash(other), ef_topology_hash(topology),
                     "seed %llu, shuffle %zu", (unsigned long long)seed, i);
        cr_expect(are_same(other, topology), "seed %llu, shuffle %zu",
                  (unsigned long long)seed, i);
        ef_topology_destroy(other);
        ef_graph_clear(&shuffled);
    }
    ef_topology_destroy(topology);
}

Test(topology_hash, is_one_for_all_orders_and_names_of_a_graph)
{
    for (uint64_t seed = 0; seed < 400; seed++) {
        ef_graph graph;
        grow(&graph, seed, 2 + seed % 30);
        expect_canonical(&graph, seed, 5);
        ef_graph_clear(&graph);
    }
}

Test(topology_hash, is_one_for_all_orders_of_networks_with_every_operation)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        ef_net *net = random_net_with(seed, 12, 0,
                                      seed % 2 ? RANDOM_RESHAPE | RANDOM_INFERENCE : 0);
        expect_canonical(ef_topology_graph(net->topology), seed, 3);
        ef_net_destroy(net);
    }
}

typedef struct entry {
    uint64_t hash;
    ef_topology *topology;
} entry;

static int compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

Test(topology_hash, differs_for_thousands_of_different_graphs)
{
    enum { N = 6000 };
    static entry entries[N];
    for (size_t i = 0; i < N; i++) {
        ef_graph graph;
        grow(&graph, 1000 + i, 3 + i % 12);
        entries[i].topology = build(&graph);
        entries[i].hash = ef_topology_hash(entries[i].topology);
        ef_graph_clear(&graph);
    }
    qsort(entries, N, sizeof entries[0], compare_entries);
    size_t n_different = 1;
    for (size_t i = 1; i < N; i++) {
        if (entries[i].hash != entries[i - 1].hash) {
            n_different++;
        } else {
            cr_expect(are_same(entries[i].topology, entries[i - 1].topology));
        }
    }
    cr_expect_gt(n_different, N / 2);
    for (size_t i = 0; i < N; i++) {
        ef_topology_destroy(entries[i].topology);
    }
}

Test(topology_hash, tells_a_shared_node_from_two_equal_ones)
{
    ef_graph shared, twice;
    begin(&shared, image);
    size_t conv = append_conv(&shared, 4, 3, 0);
    append_add(&shared, append_plain(&shared, EF_OP_ACTIVATION, conv),
               append_plain(&shared, EF_OP_BATCHNORM, conv));
    begin(&twice, image);
    append_add(&twice,
               append_plain(&twice, EF_OP_ACTIVATION, append_conv(&twice, 4, 3, 0)),
               append_plain(&twice, EF_OP_BATCHNORM, append_conv(&twice, 4, 3, 0)));
    cr_expect_neq(hash_of(&shared), hash_of(&twice));
    ef_graph_clear(&shared);
    ef_graph_clear(&twice);
}

Test(topology_hash, tells_one_ring_from_two)
{
    static const size_t lengths[] = {12, 6, 4, 3, 2, 1};
    uint64_t hashes[6];
    for (size_t i = 0; i < 6; i++) {
        ef_graph graph;
        make_rings(&graph, 12, lengths[i]);
        hashes[i] = hash_of(&graph);
        expect_canonical(&graph, i, 20);
        for (size_t k = 0; k < i; k++) {
            cr_expect_neq(hashes[i], hashes[k]);
        }
        ef_graph_clear(&graph);
    }
}

/* add(block, block), each block two blocks of the next lower depth and a convolution
 * read by both of its halves' sums: symmetric at every depth. */
static size_t nest(ef_graph *graph, size_t input, size_t depth)
{
    if (depth == 0) {
        return append_conv(graph, 3, 3, input);
    }
    size_t shared = append_conv(graph, 3, 1, input);
    size_t a = append_add(graph, nest(graph, input, depth - 1), shared);
    size_t b = append_add(graph, nest(graph, input, depth - 1), shared);
    return append_add(graph, a, b);
}

Test(topology_hash, is_one_for_all_orders_of_nested_symmetric_blocks)
{
    ef_graph graph;
    begin(&graph, image);
    nest(&graph, 0, 4);
    expect_canonical(&graph, 1, 20);
    ef_graph_clear(&graph);
}

Test(topology_hash, changes_with_each_parameter_and_format)
{
    ef_net *net = random_net(5, 14, 0);
    const ef_topology *topology = net->topology;
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        ef_graph graph;
        cr_assert_eq(ef_graph_copy(&graph, ef_topology_graph(topology)), EF_OK);
        graph.nodes[i].activation_format = (ef_format){EF_FORMAT_INT, .bits = 8};
        cr_expect_neq(hash_of(&graph), ef_topology_hash(topology));
        graph.nodes[i].activation_format = (ef_format){0};
        if (graph.nodes[i].op == EF_OP_CONV) {
            graph.nodes[i].weight_format = (ef_format){EF_FORMAT_INT, .bits = 8};
            cr_expect_neq(hash_of(&graph), ef_topology_hash(topology));
            graph.nodes[i].weight_format = (ef_format){0};
            graph.nodes[i].u.conv.bias ^= 1;
            cr_expect_neq(hash_of(&graph), ef_topology_hash(topology));
        }
        ef_graph_clear(&graph);
    }
    ef_net_destroy(net);
}

Test(topology_hash, depends_on_the_order_of_what_is_concatenated_not_added)
{
    static const ef_op ops[] = {EF_OP_ADD, EF_OP_MUL, EF_OP_CONCAT, EF_OP_DIV};
    for (size_t i = 0; i < 4; i++) {
        ef_graph ab, ba;
        uint64_t hash[2];
        ef_graph *graphs[2] = {&ab, &ba};
        for (size_t k = 0; k < 2; k++) {
            begin(graphs[k], image);
            append_plain(graphs[k], EF_OP_ACTIVATION, 0);
            append(graphs[k], ef_node_default(ops[i]), 2, k, 1 - k);
            hash[k] = hash_of(graphs[k]);
            ef_graph_clear(graphs[k]);
        }
        cr_expect_eq(hash[0] == hash[1], i < 2, "%s", ef_op_name(ops[i]));
    }
}

Test(topology_hash, ignores_fields_that_a_node_does_not_use)
{
    ef_graph graph;
    begin(&graph, image);
    size_t relu = append_plain(&graph, EF_OP_ACTIVATION, 0);
    size_t pool = append_plain(&graph, EF_OP_MAXPOOL, relu);
    append_plain(&graph, EF_OP_GLOBALAVG, pool);
    uint64_t hash = hash_of(&graph);
    graph.nodes[relu].u.activation.high = 5;
    graph.nodes[relu].weight_format = (ef_format){EF_FORMAT_BIN, .bits = 1};
    graph.nodes[pool].u.pool.count_include_pad = 1;
    graph.nodes[pool + 1].u.conv.channels = 9;
    cr_expect_eq(hash_of(&graph), hash);
    ef_graph_clear(&graph);
}

Test(topology_hash, takes_minus_zero_for_zero)
{
    uint64_t hash[2];
    for (size_t i = 0; i < 2; i++) {
        ef_graph graph;
        begin(&graph, image);
        ef_node pad = ef_node_default(EF_OP_PAD);
        pad.u.pad.before[0] = 1;
        pad.u.pad.value = i ? -0.0F : 0.0F;
        append(&graph, pad, 1, 0, 0);
        hash[i] = hash_of(&graph);
        ef_graph_clear(&graph);
    }
    cr_expect_eq(hash[0], hash[1]);
}

/* 17 x 32 sums that are images of each other within each layer: more candidates for
 * marks than are tried. */
Test(topology_hash, is_one_for_all_orders_of_what_exceeds_the_trials)
{
    ef_graph graph;
    begin(&graph, image);
    size_t at = 0;
    for (size_t layer = 0; layer < 17; layer++) {
        ef_node all = ef_node_default(EF_OP_ADD);
        all.n_inputs = EF_MAX_INPUTS;
        for (size_t i = 0; i < EF_MAX_INPUTS; i++) {
            all.inputs[i] = (uint32_t)append_add(&graph, at, at);
        }
        cr_assert_eq(ef_graph_add(&graph, &all, &at), EF_OK);
    }
    expect_canonical(&graph, 1, 2);
    ef_graph_clear(&graph);
}

Test(topology_hash, tells_shapes_of_reshapes_and_axes_of_softmaxes_apart)
{
    const ef_node nodes[] = {
        {.op = EF_OP_RESHAPE, .u.reshape = {3, 9, 8, 4}},
        {.op = EF_OP_RESHAPE, .u.reshape = {3, 8, 9, 4}},
        {.op = EF_OP_RESHAPE, .u.reshape = {216, 1, 1, 4}},
        {.op = EF_OP_RESHAPE, .u.reshape = {216, 1, 1, 2}},
        {.op = EF_OP_SOFTMAX, .u.softmax = {0}},
        {.op = EF_OP_SOFTMAX, .u.softmax = {1}},
        {.op = EF_OP_SOFTMAX, .u.softmax = {2}},
    };
    uint64_t hashes[sizeof nodes / sizeof nodes[0]];
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
        ef_graph graph;
        begin(&graph, image);
        append(&graph, nodes[i], 1, 0, 0);
        hashes[i] = hash_of(&graph);
        ef_graph_clear(&graph);
        for (size_t k = 0; k < i; k++) {
            cr_expect_neq(hashes[i], hashes[k], "%zu, %zu", i, k);
        }
    }
}
