/* Editing graphs, and what can be asked of a topology. */
#include "net/topology.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "graph_help.h"
#include "random_net.h"

/* --- editing ---------------------------------------------------------------- */

Test(graph_add, finds_a_free_name)
{
    ef_graph graph;
    begin(&graph, image);
    cr_expect_str_eq(graph.nodes[0].name, "input");
    size_t a = append_conv(&graph, 4, 3, 0);
    cr_expect_str_eq(graph.nodes[a].name, "conv1");
    strcpy(graph.nodes[a].name, "conv2");
    cr_expect_str_eq(graph.nodes[append_conv(&graph, 4, 3, 0)].name, "conv3");
    cr_expect_str_eq(graph.nodes[append_plain(&graph, EF_OP_ACTIVATION, 0)].name,
                     "act1");
    ef_graph_clear(&graph);
}

Test(graph_add, leaves_the_graph_when_memory_is_short)
{
    ef_graph graph;
    ef_graph_init(&graph);
    ef_node node = ef_node_default(EF_OP_INPUT);
    ef_mem_fail_after(0);
    cr_expect_eq(ef_graph_add(&graph, &node, NULL), EF_ERR_MEMORY);
    ef_mem_fail_after(-1);
    cr_expect_eq(graph.n_nodes, 0);
    cr_expect_eq(ef_graph_add(&graph, &node, NULL), EF_OK);
    ef_graph copy = {0};
    ef_mem_fail_after(0);
    cr_expect_eq(ef_graph_copy(&copy, &graph), EF_ERR_MEMORY);
    ef_mem_fail_after(-1);
    cr_expect_null(copy.nodes);
    ef_graph_clear(&graph);
}

Test(graph_copy, copies_an_empty_graph_too)
{
    ef_graph graph, copy;
    ef_graph_init(&graph);
    cr_assert_eq(ef_graph_copy(&copy, &graph), EF_OK);
    ef_node node = ef_node_default(EF_OP_INPUT);
    cr_expect_eq(ef_graph_add(&copy, &node, NULL), EF_OK);
    cr_expect_eq(graph.n_nodes, 0);
    ef_graph_clear(&copy);
}

Test(graph_bypass, lets_readers_read_its_first_input)
{
    ef_graph graph;
    begin(&graph, image);
    size_t a = append_conv(&graph, 3, 3, 0);
    size_t b = append_plain(&graph, EF_OP_ACTIVATION, a);
    size_t c = append_add(&graph, b, 0);
    append_add(&graph, c, b);
    ef_graph_bypass(&graph, b);
    cr_expect_eq(graph.n_nodes, 4);
    cr_expect_eq(graph.nodes[2].inputs[0], a);
    cr_expect_eq(graph.nodes[2].inputs[1], 0);
    cr_expect_eq(graph.nodes[3].inputs[0], 2);
    cr_expect_eq(graph.nodes[3].inputs[1], a);
    ef_topology_destroy(build(&graph));
    ef_graph_clear(&graph);
}

Test(graph_prune, drops_what_does_not_reach_the_output)
{
    ef_graph graph;
    begin(&graph, image);
    size_t dead = append_conv(&graph, 3, 3, 0);
    size_t kept = append_conv(&graph, 5, 3, 0);
    append_plain(&graph, EF_OP_ACTIVATION, dead);
    size_t output = append_plain(&graph, EF_OP_FLATTEN, kept);
    append_plain(&graph, EF_OP_FLATTEN, output);
    ef_graph_prune(&graph, &output);
    cr_assert_eq(graph.n_nodes, 3);
    cr_expect_eq(output, 2);
    cr_expect_eq(graph.nodes[output].op, EF_OP_FLATTEN);
    cr_expect_eq(graph.nodes[output].n_inputs, 1);
    cr_expect_eq(graph.nodes[1].u.conv.channels, 5);
    ef_topology_destroy(build(&graph));
    ef_graph_clear(&graph);
}

Test(graph_prune, works_on_nodes_in_any_order)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        ef_graph graph, shuffled;
        grow(&graph, seed, 30);
        uint64_t hash = hash_of(&graph);
        size_t output = graph.n_nodes - 1;
        append_conv(&graph, 2, 3, append_conv(&graph, 2, 3, output));
        append_plain(&graph, EF_OP_ACTIVATION, 0);
        char name[EF_NAME_SIZE];
        strcpy(name, graph.nodes[output].name);
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 1, 1, 1);
        shuffle(&shuffled, &graph, &rng);
        /* a node's place after the shuffle: the sum that only the dead parts read */
        for (output = 0; output < shuffled.n_nodes; output++) {
            ef_graph trial;
            cr_assert_eq(ef_graph_copy(&trial, &shuffled), EF_OK);
            size_t at = output;
            ef_graph_prune(&trial, &at);
            int fits = trial.n_nodes == graph.n_nodes - 3;
            int is_it = fits && hash_of(&trial) == hash;
            ef_graph_clear(&trial);
            if (is_it) {
                break;
            }
        }
        cr_expect_lt(output, shuffled.n_nodes);
        ef_graph_clear(&shuffled);
        ef_graph_clear(&graph);
    }
}

Test(topology_create, puts_inputs_first_and_branches_behind_one_another)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        ef_graph graph;
        grow(&graph, seed, 40);
        ef_topology *topology = build(&graph);
        cr_expect_eq(ef_topology_input(topology), 0);
        cr_expect_eq(ef_topology_output(topology), ef_topology_n_nodes(topology) - 1);
        for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
            const ef_node *node = ef_topology_node(topology, i);
            for (uint32_t k = 0; k < node->n_inputs; k++) {
                cr_expect_lt(node->inputs[k], i);
                cr_expect(node->op != EF_OP_ADD || k == 0 ||
                          node->inputs[k - 1] <= node->inputs[k]);
            }
        }
        ef_topology_destroy(topology);
        ef_graph_clear(&graph);
    }
}

/* --- what can be asked ------------------------------------------------------ */

Test(topology_readers, names_every_reader_once_for_each_reading)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        ef_graph graph;
        grow(&graph, seed, 30);
        ef_topology *topology = build(&graph);
        size_t n_edges = 0, n_named = 0;
        for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
            size_t n;
            const uint32_t *readers = ef_topology_readers(topology, i, &n);
            n_named += n;
            for (size_t r = 0; r < n; r++) {
                const ef_node *reader = ef_topology_node(topology, readers[r]);
                size_t readings = 0, names = 0;
                for (uint32_t k = 0; k < reader->n_inputs; k++) {
                    readings += reader->inputs[k] == i;
                }
                for (size_t s = 0; s < n; s++) {
                    names += readers[s] == readers[r];
                }
                cr_expect_eq(names, readings);
                cr_expect(r == 0 || readers[r - 1] <= readers[r]);
            }
            n_edges += ef_topology_node(topology, i)->n_inputs;
        }
        cr_expect_eq(n_named, n_edges);
        ef_topology_destroy(topology);
        ef_graph_clear(&graph);
    }
}

Test(topology_find, finds_every_name_and_no_other)
{
    ef_graph graph;
    grow(&graph, 3, 100);
    ef_topology *topology = build(&graph);
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        cr_expect_eq(ef_topology_find(topology, ef_topology_node(topology, i)->name),
                     i);
    }
    cr_expect_eq(ef_topology_find(topology, "nobody"), SIZE_MAX);
    cr_expect_eq(ef_topology_find(topology, ""), SIZE_MAX);
    ef_topology_destroy(topology);
    ef_graph_clear(&graph);
}

Test(topology_dup, makes_a_copy_that_outlives_the_original)
{
    ef_graph graph;
    grow(&graph, 4, 20);
    ef_topology *topology = build(&graph), *copy = NULL;
    cr_assert_eq(ef_topology_dup(&copy, topology), EF_OK);
    ef_topology_destroy(topology);
    topology = build(&graph);
    cr_expect(are_same(copy, topology));
    cr_expect_eq(ef_topology_hash(copy), ef_topology_hash(topology));
    cr_expect_eq(ef_topology_find(copy, "input"), 0);
    ef_topology_destroy(copy);
    ef_topology_destroy(topology);
    ef_topology_destroy(NULL);
    ef_graph_clear(&graph);
}

Test(topology_macs, sums_those_of_the_nodes)
{
    ef_net *net = random_net(11, 15, 0);
    uint64_t macs = 0, params = 0;
    for (size_t i = 0; i < ef_topology_n_nodes(net->topology); i++) {
        macs += ef_topology_node_macs(net->topology, i);
        params += ef_topology_node_params(net->topology, i);
    }
    cr_expect_eq(ef_topology_macs(net->topology), macs);
    cr_expect_eq(ef_topology_params(net->topology), params);
    ef_net_destroy(net);
}

/* --- the print-out ---------------------------------------------------------- */

Test(topology_print, aligns_a_table_of_nodes_shapes_and_costs)
{
    ef_graph graph;
    begin(&graph, image);
    size_t conv = append_conv(&graph, 1000, 3, 0);
    size_t pool = append_plain(&graph, EF_OP_MAXPOOL, conv);
    size_t relu = append_plain(&graph, EF_OP_ACTIVATION, pool);
    append_plain(&graph, EF_OP_FLATTEN, append_add(&graph, relu, pool));
    graph.nodes[conv].weight_format = (ef_format){EF_FORMAT_INT, .bits = 8};
    ef_topology *topology = build(&graph);
    ef_text text;
    ef_text_init(&text);
    ef_topology_print(topology, &text);
    cr_expect_str_eq(
        text.bytes,
        "node      operation             from, if not above  output    parameters      "
        " "
        "MACs  formats\n"
        "input     input                                     3x9x8\n"
        "conv1     conv 3x3 pad 1                            1000x9x8      27,000  "
        "1,944,000  weights int8\n"
        "maxpool1  maxpool 2x2 stride 2                      1000x4x4\n"
        "act1      relu                                      1000x4x4\n"
        "add1      add                   maxpool1 act1       1000x4x4\n"
        "flatten1  flatten                                   16000\n"
        "total     6 nodes                                                 27,000  "
        "1,944,000\n");
    ef_text_clear(&text);
    ef_topology_destroy(topology);
    ef_graph_clear(&graph);
}

/* How each operation is put into words. */
static const struct {
    ef_node node;
    const char *words;
} printed[] = {
    {{.op = EF_OP_CONV, .u.conv = {6, {3, 2}, {1, 2}, {2, 1}, {0, 1, 0, 1}, 3, 1}},
     "conv 3x2 stride 1x2 dilation 2x1 pad 0x1 groups 3"},
    {{.op = EF_OP_AVGPOOL, .u.pool = {{3, 3}, {2, 2}, {1, 1}, {0, 1, 1, 0}, 1, 1}},
     "avgpool 3x3 stride 2 pad 0,1,1,0 ceil count-pad"},
    {{.op = EF_OP_ACTIVATION, .u.activation = {EF_ACTIVATION_CLIP, 0, 6}}, "relu6"},
    {{.op = EF_OP_ACTIVATION, .u.activation = {EF_ACTIVATION_CLIP, -1, 0}},
     "clip -1 0"},
    {{.op = EF_OP_ACTIVATION, .u.activation = {EF_ACTIVATION_LEAKY, 0.25F, 0}},
     "leaky 0.25"},
    {{.op = EF_OP_PAD, .u.pad = {{1, 0, 2}, {0, 0, 3}, 0}}, "pad c 1+0 w 2+3"},
    {{.op = EF_OP_SLICE, .u.slice = {{0, 1, 0}, {EF_TO_END, EF_TO_END, 3}, {1, 1, 2}}},
     "slice h 1:9 w 0:3:2"},
    {{.op = EF_OP_TRANSPOSE, .u.transpose = {{2, 0, 1}}}, "transpose 2,0,1"},
    {{.op = EF_OP_UPSAMPLE, .u.upsample = {{2, 1}}}, "upsample by 2x1"},
    {{.op = EF_OP_RESHAPE, .u.reshape = {8, 3, 9, 4}}, "reshape"},
    {{.op = EF_OP_SOFTMAX}, "softmax"},
    {{.op = EF_OP_SOFTMAX, .u.softmax = {2}}, "softmax over width"},
    {{.op = EF_OP_ACTIVATION, .u.activation = {EF_ACTIVATION_CLIP, -INFINITY, 1}},
     "clip -inf 1"},
};

Test(topology_print, puts_every_operation_into_words)
{
    for (size_t i = 0; i < sizeof printed / sizeof printed[0]; i++) {
        ef_graph graph;
        begin(&graph, image);
        append(&graph, printed[i].node, 1, 0, 0);
        ef_topology *topology = build(&graph);
        ef_text text;
        ef_text_init(&text);
        ef_topology_print(topology, &text);
        char words[80];
        snprintf(words, sizeof words, "  %s  ", printed[i].words);
        cr_expect(strstr(text.bytes, words), "expected \"%s\" in\n%s", words,
                  text.bytes);
        ef_text_clear(&text);
        ef_topology_destroy(topology);
        ef_graph_clear(&graph);
    }
}

Test(topology_print, survives_short_memory)
{
    ef_graph graph;
    grow(&graph, 1, 20);
    ef_topology *topology = build(&graph);
    ef_text text;
    ef_text_init(&text);
    ef_mem_fail_after(0);
    ef_topology_print(topology, &text);
    ef_mem_fail_after(-1);
    cr_expect(text.failed);
    ef_text_clear(&text);
    ef_topology_destroy(topology);
    ef_graph_clear(&graph);
}
