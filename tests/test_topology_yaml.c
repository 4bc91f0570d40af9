#include "net/topology_yaml.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "graph_help.h"
#include "random_net.h"
#include "scratch.h"

static ef_error err;

static ef_status parse(ef_topology **topology, const char *text)
{
    ef_error_clear(&err);
    return ef_topology_parse(topology, "t.yaml", text, strlen(text), &err);
}

static ef_topology *read_text(const char *text)
{
    ef_topology *topology = NULL;
    cr_assert_eq(parse(&topology, text), EF_OK, "%s", err.text);
    return topology;
}

/* --- reading ---------------------------------------------------------------- */

/* A line of nodes behind `input: [8, 12, 12]`, and how it is written back. */
static const struct {
    const char *line;
    const char *written;
} lines[] = {
    {"{conv: 4, kernel: 3}", "{conv: 4, kernel: 3, name: conv1}"},
    {"{conv: 4, kernel: [3, 5], stride: [1, 2], dilation: [2, 1], pad: [0, 1, 2, 3], "
     "groups: 4, bias: yes, name: x, weights: int8c, activations: uint8}",
     "{conv: 4, kernel: [3, 5], stride: [1, 2], dilation: [2, 1], pad: [0, 1, 2, 3], "
     "groups: 4, bias: yes, name: x, weights: int8c, activations: uint8}"},
    {"{conv: 4, kernel: [3, 3], stride: [2, 2], pad: [1, 1, 1, 1], bias: no}",
     "{conv: 4, kernel: 3, stride: 2, pad: 1, name: conv1}"},
    {"{kernel: 3, conv: 4}", NULL}, /* the operation comes first */
    {"{conv: 4, kernel: 3, pad: [1, 2]}",
     "{conv: 4, kernel: 3, pad: [1, 2], name: conv1}"},
    {"{conv: 4, kernel: 3, pad: same}", "{conv: 4, kernel: 3, pad: 1, name: conv1}"},
    /* TensorFlow's and ONNX's rule: 12 / 2 = 6 windows need 13, the one goes behind */
    {"{conv: 4, kernel: 3, stride: 2, pad: same}",
     "{conv: 4, kernel: 3, stride: 2, pad: [0, 0, 1, 1], name: conv1}"},
    {"{conv: 4, kernel: [2, 5], dilation: 2, pad: same}",
     "{conv: 4, kernel: [2, 5], dilation: 2, pad: [1, 4], name: conv1}"},
    {"{conv: 4, kernel: 1, stride: 5, pad: same}",
     "{conv: 4, kernel: 1, stride: 5, name: conv1}"},
    {"{maxpool: 2}", "{maxpool: 2, name: maxpool1}"},
    {"{maxpool: [3, 2], stride: 2, dilation: [1, 2], pad: 1, ceil: yes}",
     "{maxpool: [3, 2], stride: 2, dilation: [1, 2], pad: 1, ceil: yes, name: "
     "maxpool1}"},
    {"{maxpool: 3, stride: 3}", "{maxpool: 3, name: maxpool1}"},
    {"{avgpool: 3, stride: 1, pad: same, count-pad: yes}",
     "{avgpool: 3, stride: 1, pad: 1, count-pad: yes, name: avgpool1}"},
    {"globalavg", "{globalavg, name: globalavg1}"},
    {"{globalmax: }", "{globalmax, name: globalmax1}"},
    {"batchnorm", "{batchnorm, name: batchnorm1}"},
    {"{batchnorm, epsilon: 1e-3}", "{batchnorm, epsilon: 0.001, name: batchnorm1}"},
    {"{batchnorm, epsilon: 0.1}", "{batchnorm, epsilon: 0.1, name: batchnorm1}"},
    {"{batchnorm, epsilon: 0.333333343}",
     "{batchnorm, epsilon: 0.33333334, name: batchnorm1}"},
    {"relu", "{relu, name: act1}"},
    {"'relu'", "{relu, name: act1}"},
    {"{clip: [0, 6]}", "{relu6, name: act1}"},
    {"{relu6: , name: a}", "{relu6, name: a}"},
    {"{clip: [-1, 1]}", "{clip: [-1, 1], name: act1}"},
    {"{clip: [-.inf, 0.5]}", "{clip: [-.inf, 0.5], name: act1}"},
    {"{clip: [0, +.inf]}", "{clip: [0, .inf], name: act1}"},
    {"{leaky: 0.01}", "{leaky: 0.01, name: act1}"},
    {"prelu", "{prelu, name: act1}"},
    {"sigmoid", "{sigmoid, name: act1}"},
    {"{hardsigmoid: [0.2, 0.5]}", "{hardsigmoid: [0.2, 0.5], name: act1}"},
    {"hardswish", "{hardswish, name: act1}"},
    {"tanh", "{tanh, name: act1}"},
    {"{add: [input, input]}", "{add: [input, input], name: add1}"},
    {"{add: input}", "{add: [input, input], name: add1}"},
    {"{mul: [input, input]}", "{mul: [input, input], name: mul1}"},
    {"{div: [input, input]}", "{div: [input, input], name: div1}"},
    {"{div: input}", "{div: [input, input], name: div1}"},
    {"{concat: [input, input, input]}",
     "{concat: [input, input, input], name: concat1}"},
    {"scale", "{scale, name: scale1}"},
    {"{pad: 1}", "{pad: 1, name: pad1}"},
    {"{pad: 0, channels: 2}", "{pad: 0, channels: 2, name: pad1}"},
    {"{pad: [1, 2, 3, 4], channels: [0, 5], value: -1.5}",
     "{pad: [1, 2, 3, 4], channels: [0, 5], value: -1.5, name: pad1}"},
    {"{slice, channels: [0, 8]}", "{slice, name: slice1}"},
    {"{slice, height: [0, 12, 2], width: [1, 12, 2]}",
     "{slice, height: [0, 12, 2], width: [1, 12, 2], name: slice1}"},
    {"{slice, channels: [2, 6]}", "{slice, channels: [2, 6], name: slice1}"},
    {"{transpose: [0, 2, 1]}", "{transpose: [0, 2, 1], name: transpose1}"},
    {"flatten", "{flatten, name: flatten1}"},
    {"{reshape: [4, 24, 12]}", "{reshape: [4, 24, 12], name: reshape1}"},
    {"{reshape: [1152, 1, 1]}", "{reshape: [1152, 1, 1], name: reshape1}"},
    {"{reshape: [1152]}", "{reshape: 1152, name: reshape1}"},
    {"{reshape: 1152}", "{reshape: 1152, name: reshape1}"},
    {"softmax", "{softmax, name: softmax1}"},
    {"{softmax, axis: 0}", "{softmax, name: softmax1}"},
    {"{softmax, axis: 2}", "{softmax, axis: 2, name: softmax1}"},
    {"{upsample: [2, 3]}", "{upsample: [2, 3], name: upsample1}"},
    {"{upsample: 2, from: input}", "{upsample: 2, name: upsample1}"},
};

Test(topology_parse, reads_every_word_and_key_and_writes_it_back)
{
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[512], expected[512];
        ef_topology *topology = NULL;
        snprintf(text, sizeof text, "input: [8, 12, 12]\nnodes:\n  - %s\n",
                 lines[i].line);
        if (!lines[i].written) {
            cr_expect_eq(parse(&topology, text), EF_ERR_INPUT, "%s", lines[i].line);
            continue;
        }
        topology = read_text(text);
        snprintf(expected, sizeof expected, "input: [8, 12, 12]\nnodes:\n  - %s\n",
                 lines[i].written);
        ef_text written;
        ef_text_init(&written);
        ef_topology_write(topology, &written);
        cr_expect_str_eq(written.bytes, expected);
        ef_text_clear(&written);
        ef_topology_destroy(topology);
    }
}

Test(topology_parse, reads_a_flat_input_and_dense_layers)
{
    ef_topology *topology =
        read_text("input: 64\nnodes: [{dense: 8, bias: yes, weights: tern}, relu]");
    const ef_node *dense = ef_topology_node(topology, 1);
    cr_expect_eq(ef_topology_shape(topology, 0).rank, 2);
    cr_expect_eq(dense->u.dense.channels, 8);
    cr_expect_eq(dense->u.dense.bias, 1);
    cr_expect_eq(dense->weight_format.kind, EF_FORMAT_TERN);
    ef_topology_destroy(topology);
}

Test(topology_parse, reads_the_name_and_the_format_of_the_input)
{
    ef_topology *topology = read_text(
        "name: any text, even this one\n"
        "input: {shape: [1, 8, 8], name: image, activations: uint8}\nnodes: [relu]");
    const ef_node *input = ef_topology_node(topology, 0);
    cr_expect_str_eq(input->name, "image");
    cr_expect_eq(input->activation_format.kind, EF_FORMAT_UINT);
    cr_expect_eq(input->u.input.height, 8);
    ef_topology_destroy(topology);
}

Test(topology_parse, reads_from_the_node_before_unless_told)
{
    ef_topology *topology = read_text("input: [4, 8, 8]\n"
                                      "nodes:\n"
                                      "  - {conv: 4, kernel: 1, name: a}\n"
                                      "  - {relu, name: b}\n"
                                      "  - {conv: 4, kernel: 1, from: a, name: c}\n"
                                      "  - {tanh, name: d}\n"
                                      "  - {add: b, name: e}\n" /* d and b */
                                      "  - {mul: [e, a], name: f}\n");
    static const char *const edges[][3] = {
        {"a", "input", ""}, {"b", "a", ""},  {"c", "a", ""},
        {"d", "c", ""},     {"e", "b", "d"}, {"f", "a", "e"},
    };
    for (size_t i = 0; i < 6; i++) {
        const ef_node *node =
            ef_topology_node(topology, ef_topology_find(topology, edges[i][0]));
        cr_assert_eq(node->n_inputs, edges[i][2][0] ? 2 : 1);
        for (size_t k = 0; k < node->n_inputs; k++) {
            /* either order: the inputs of add and mul ascend in canonical order */
            const char *name = ef_topology_node(topology, node->inputs[k])->name;
            cr_expect(strcmp(name, edges[i][1]) == 0 || strcmp(name, edges[i][2]) == 0,
                      "%s reads %s", node->name, name);
        }
    }
    ef_topology_destroy(topology);
}

/* --- refusals --------------------------------------------------------------- */

#define HEAD "input: [3, 8, 8]\nnodes:\n"

static const struct {
    const char *text;
    ef_status status;
    const char *reason; /* the beginning of the sentence */
} refusals[] = {
    {"", EF_ERR_INPUT, "t.yaml"},
    {"# nothing\n", EF_ERR_INPUT, "t.yaml"},
    {"nodes", EF_ERR_INPUT, "t.yaml:1:1: expected the keys of a topology"},
    {"nodes: [relu]", EF_ERR_INPUT, "t.yaml:1:1: a topology lacks the key 'input'"},
    {"input: [3, 8, 8]", EF_ERR_INPUT, "t.yaml:1:1: a topology lacks the key 'nodes'"},
    {HEAD "  - relu\ncolour: red", EF_ERR_INPUT, "t.yaml:4:1: unknown key 'colour'"},
    {"input: [3, 8]\nnodes: [relu]", EF_ERR_INPUT, "t.yaml:1:8: input: expected [ch"},
    {"input: [3, 8, 8, 1]\nnodes: [relu]", EF_ERR_INPUT,
     "t.yaml:1:8: input: at most 3"},
    {"input: []\nnodes: [relu]", EF_ERR_INPUT, "t.yaml:1:8: input: expected [channels"},
    {"input: [3, 8x, 8]\nnodes: [relu]", EF_ERR_INPUT,
     "t.yaml:1:12: input: expected a"},
    {"input: [3, 0, 8]\nnodes: [relu]", EF_ERR_INPUT, "t.yaml:1:12: input: expected a"},
    {"input: {name: a}\nnodes: [relu]", EF_ERR_INPUT,
     "t.yaml:1:8: input lacks the key"},
    {"input: {shape: [1], colour: 1}\nnodes: [relu]", EF_ERR_INPUT,
     "t.yaml:1:21: unknown key 'colour' in input"},
    {"input: {shape: [1], name: a b}\nnodes: [relu]", EF_ERR_INPUT,
     "t.yaml:1:8: a name is 1 to 255 letters"},
    {"input: {shape: [1], activations: int8c}\nnodes: [relu]", EF_ERR_TOPOLOGY,
     "t.yaml:1:8: node input: activations cannot have a scale per channel"},
    {"input: [16384, 16384, 2]\nnodes: [relu]", EF_ERR_TOPOLOGY,
     "t.yaml:1:8: node input: its output has more than"},
    {"input: [1]\nnodes: []", EF_ERR_INPUT, "t.yaml:2:8: nodes: expected a list of 1"},
    {"input: [1]\nnodes: relu", EF_ERR_INPUT, "t.yaml:2:8: nodes: expected a list"},
    {HEAD "  - []", EF_ERR_INPUT, "t.yaml:3:5: expected a node, such as"},
    {HEAD "  - {}", EF_ERR_INPUT, "t.yaml:3:5: expected a node, such as"},
    {HEAD "  -", EF_ERR_INPUT, "t.yaml:3:4: expected a node, such as"},
    {HEAD "  - cnov", EF_ERR_INPUT, "t.yaml:3:5: no operation 'cnov'; a node begins"},
    {HEAD "  - input", EF_ERR_INPUT, "t.yaml:3:5: no operation 'input'"},
    {HEAD "  - {from: input, relu: }", EF_ERR_INPUT, "t.yaml:3:5: no operation 'from'"},
    {HEAD "  - {conv: 8, kernel: 3, kernel: 3}", EF_ERR_INPUT, "t.yaml:3:26:"},
    {HEAD "  - {conv: 8, kernle: 3}", EF_ERR_INPUT,
     "t.yaml:3:15: unknown key 'kernle' in conv; known are conv, kernel, stride"},
    {HEAD "  - {relu, epsilon: 1}", EF_ERR_INPUT, "t.yaml:3:12: unknown key 'epsilon'"},
    {HEAD "  - {relu, weights: int8}", EF_ERR_INPUT, "t.yaml:3:12: unknown key 'weigh"},
    {HEAD "  - {add: input, from: input}", EF_ERR_INPUT,
     "t.yaml:3:18: unknown key 'fr"},
    {HEAD "  - conv", EF_ERR_INPUT, "t.yaml:3:5: conv: expected a number"},
    {HEAD "  - {conv: , kernel: 3}", EF_ERR_INPUT,
     "t.yaml:3:12: conv: expected a numb"},
    {HEAD "  - {conv: 8}", EF_ERR_INPUT, "t.yaml:3:5: conv lacks the key 'kernel'"},
    {HEAD "  - {conv: 3x, kernel: 3}", EF_ERR_INPUT,
     "t.yaml:3:12: conv: expected a whole number from 1 to 268435456, found '3x'"},
    {HEAD "  - {conv: 8, kernel: 0}", EF_ERR_INPUT, "t.yaml:3:23: kernel: expected a"},
    {HEAD "  - {conv: 8, kernel: [1, 2, 3]}", EF_ERR_INPUT,
     "t.yaml:3:23: kernel: expected a number or [height, width]"},
    {HEAD "  - {conv: 8, kernel: {}}", EF_ERR_INPUT,
     "t.yaml:3:23: kernel: expected a nu"},
    {HEAD "  - {conv: 8, kernel: [1, [2]]}", EF_ERR_INPUT,
     "t.yaml:3:27: kernel: expec"},
    {HEAD "  - {conv: 8, kernel: 3, pad: sam}", EF_ERR_INPUT,
     "t.yaml:3:31: pad: expect"},
    {HEAD "  - {conv: 8, kernel: 3, pad: [1, 2, 3]}", EF_ERR_INPUT,
     "t.yaml:3:31: pad: expected a number, [height, width], [top, left, bottom, right] "
     "or same"},
    {HEAD "  - {conv: 8, kernel: 3, bias: maybe}", EF_ERR_INPUT,
     "t.yaml:3:32: bias: ex"},
    {HEAD "  - {conv: 8, kernel: 3, weights: int99}", EF_ERR_INPUT,
     "t.yaml:3:35: weights: no number format \"int99\""},
    {HEAD "  - {conv: 8, kernel: 3, weights: [int8]}", EF_ERR_INPUT,
     "t.yaml:3:35: weights: expected the name"},
    {HEAD "  - {relu, activations: int}", EF_ERR_INPUT,
     "t.yaml:3:25: activations: no nu"},
    {HEAD "  - {relu: 6}", EF_ERR_INPUT, "t.yaml:3:12: relu takes no value"},
    {HEAD "  - {relu: [6]}", EF_ERR_INPUT, "t.yaml:3:12: relu takes no value"},
    {HEAD "  - clip", EF_ERR_INPUT, "t.yaml:3:5: clip: expected two numbers"},
    {HEAD "  - {clip: 6}", EF_ERR_INPUT, "t.yaml:3:12: clip: expected two numbers"},
    {HEAD "  - {clip: [0, inf]}", EF_ERR_INPUT, "t.yaml:3:16: clip: expected a"},
    {HEAD "  - {leaky: .inf}", EF_ERR_INPUT, "t.yaml:3:13: leaky: expected a"},
    {HEAD "  - {clip: [0, .nan]}", EF_ERR_INPUT, "t.yaml:3:16: clip: expected a"},
    {HEAD "  - {reshape: [4, 24]}", EF_ERR_INPUT,
     "t.yaml:3:15: reshape: expected [channels, height, width] or [values]"},
    {HEAD "  - reshape", EF_ERR_INPUT, "t.yaml:3:5: reshape: expected [channels,"},
    {HEAD "  - {reshape: [4, 0, 24]}", EF_ERR_INPUT, "t.yaml:3:19: reshape: expected"},
    {HEAD "  - {reshape: [4, 24, 12]}", EF_ERR_TOPOLOGY,
     "t.yaml:3:5: node reshape1: it makes 4 x 24 x 12 out of 3 x 8 x 8"},
    {HEAD "  - {softmax, axis: 3}", EF_ERR_TOPOLOGY,
     "t.yaml:3:5: node softmax1: its axis must be 0, 1 or 2"},
    {HEAD "  - {div: [input, input, input]}", EF_ERR_INPUT, "t.yaml:3:11: div takes 2"},
    {HEAD "  - {clip: [0, 1e39]}", EF_ERR_INPUT, "t.yaml:3:16: clip: expected a"},
    {HEAD "  - {clip: [1, 0]}", EF_ERR_TOPOLOGY, "t.yaml:3:5: node act1: it clips to"},
    {HEAD "  - {slice, width: [0]}", EF_ERR_INPUT,
     "t.yaml:3:20: width: expected [begin"},
    {HEAD "  - {slice, width: [0, 9]}", EF_ERR_TOPOLOGY,
     "t.yaml:3:5: node slice1: it takes width 0 to 9"},
    {HEAD "  - {transpose: [0, 1]}", EF_ERR_INPUT,
     "t.yaml:3:17: transpose: expected th"},
    {HEAD "  - {relu, from: later}\n  - {relu, name: later}", EF_ERR_INPUT,
     "t.yaml:3:18: no node above has the name 'later'"},
    {HEAD "  - {relu, from: [input]}", EF_ERR_INPUT,
     "t.yaml:3:18: expected the name of"},
    {HEAD "  - add", EF_ERR_INPUT, "t.yaml:3:5: add needs its inputs"},
    {HEAD "  - {add: [input]}", EF_ERR_INPUT, "t.yaml:3:11: add takes at least 2 inpu"},
    {HEAD "  - {mul: [input, input, input]}", EF_ERR_INPUT, "t.yaml:3:11: mul takes 2"},
    {HEAD "  - {relu, name: a}\n  - {relu, name: a}", EF_ERR_INPUT,
     "t.yaml:4:18: the name a is taken by the node in line 3"},
    {HEAD "  - {relu, name: input}", EF_ERR_INPUT,
     "t.yaml:3:18: the name input is take"},
    {HEAD "  - {relu, name: \"\"}", EF_ERR_INPUT, "t.yaml:3:18: a name is 1 to 255"},
    {HEAD "  - {relu, name: [a]}", EF_ERR_INPUT, "t.yaml:3:18: name: expected a value"},
    {HEAD "  - {dense: 10}", EF_ERR_TOPOLOGY,
     "t.yaml:3:5: node dense1: its input is an"},
    {HEAD "  - {conv: 8, kernel: 9, name: big}", EF_ERR_TOPOLOGY,
     "t.yaml:3:5: node big: its kernel reaches over 9"},
    {HEAD "  - {conv: 8, kernel: 268435456, dilation: 9, pad: same}", EF_ERR_TOPOLOGY,
     "t.yaml:3:5: node conv1: pad must be at most"},
    {HEAD "  - relu\n  - {tanh, from: input}", EF_ERR_TOPOLOGY,
     "t.yaml:3:5: node act1: nobody reads it, nor act2"},
};

Test(topology_parse, refuses_with_the_place_and_the_reason)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        ef_topology *topology = NULL;
        ef_status status = parse(&topology, refusals[i].text);
        cr_expect_eq(status, refusals[i].status, "%s: %s", refusals[i].text, err.text);
        cr_expect_eq(strncmp(err.text, refusals[i].reason, strlen(refusals[i].reason)),
                     0, "\"%s\": expected \"%s\", found \"%s\"", refusals[i].text,
                     refusals[i].reason, err.text);
        cr_expect_null(topology);
    }
}

Test(topology_parse, refuses_more_inputs_than_a_node_may_have)
{
    ef_text text;
    ef_text_init(&text);
    ef_text_add(&text, HEAD "  - {add: [input");
    for (size_t i = 0; i < EF_MAX_INPUTS; i++) {
        ef_text_add(&text, ", input");
    }
    ef_text_add(&text, "]}\n");
    ef_topology *topology = NULL;
    cr_expect_eq(parse(&topology, text.bytes), EF_ERR_INPUT);
    cr_expect(strstr(err.text, "a node has at most 32 inputs"), "%s", err.text);
    ef_text_clear(&text);
}

Test(topology_parse, refuses_more_nodes_than_a_topology_may_have)
{
    ef_text text;
    ef_text_init(&text);
    ef_text_add(&text, "input: [3, 8, 8]\nnodes: [relu");
    for (size_t i = 1; i < EF_MAX_NODES; i++) {
        ef_text_add(&text, ",relu");
    }
    ef_text_add(&text, "]\n");
    ef_topology *topology = NULL;
    cr_expect_eq(parse(&topology, text.bytes), EF_ERR_INPUT);
    cr_expect(strstr(err.text, "1 to 4095 nodes, found 4096"), "%s", err.text);
    ef_text_clear(&text);
}

/* --- writing ---------------------------------------------------------------- */

/* Reading what was written gives the same list of nodes under the same names. */
static void expect_back(const ef_topology *topology)
{
    ef_text text, again;
    ef_text_init(&text);
    ef_text_init(&again);
    ef_topology_write(topology, &text);
    cr_assert_not(text.failed);
    ef_topology *back = read_text(text.bytes);
    cr_expect_eq(ef_topology_hash(back), ef_topology_hash(topology));
    cr_expect(are_same(back, topology));
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        const char *name = ef_topology_node(topology, i)->name;
        cr_expect_neq(ef_topology_find(back, name), SIZE_MAX, "%s", name);
    }
    ef_topology_write(back, &again);
    cr_expect_str_eq(again.bytes, text.bytes);
    ef_text_clear(&text);
    ef_text_clear(&again);
    ef_topology_destroy(back);
}

Test(topology_write, gives_back_random_networks)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        ef_net *net = random_net_with(seed, 12, seed % 7 == 0,
                                      seed % 2 ? RANDOM_RESHAPE | RANDOM_INFERENCE : 0);
        expect_back(net->topology);
        ef_net_destroy(net);
    }
}

Test(topology_write, gives_back_names_that_need_quotes_and_formats)
{
    static const char *const names[] = {
        "-",   "--",  "- ",   ":a",  "a:",   "...", "a:b",     "null",
        "yes", "1.0", "0x1F", "---", "true", "~",   "/a/b.c-d"};
    static const char *const formats[] = {"int8", "fixed8.5+gray", "e4m3s", "bin"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ef_graph graph;
        begin(&graph, image);
        size_t conv = append_conv(&graph, 3, 3, 0);
        size_t relu = append_plain(&graph, EF_OP_ACTIVATION, 0);
        append_add(&graph, conv, relu);
        strcpy(graph.nodes[i % 3].name, names[i]);
        ef_format *format = &graph.nodes[i % 4].activation_format;
        cr_assert_eq(ef_format_parse(formats[i % 4], format, NULL), EF_OK);
        graph.nodes[conv].weight_format = *format;
        ef_topology *topology = NULL;
        if (ef_topology_create(&topology, &graph, NULL) == EF_OK) {
            expect_back(topology);
            ef_topology_destroy(topology);
        } else {
            cr_expect(strpbrk(names[i], " ~"), "%s", names[i]);
        }
        ef_graph_clear(&graph);
    }
}

Test(topology_write, survives_short_memory)
{
    ef_topology *topology = read_text(HEAD "  - relu");
    ef_text text;
    ef_text_init(&text);
    ef_mem_fail_after(0);
    ef_topology_write(topology, &text);
    ef_mem_fail_after(-1);
    cr_expect(text.failed);
    ef_text_clear(&text);
    ef_topology_destroy(topology);
}

/* --- files and memory ------------------------------------------------------- */

TestSuite(topology_load, .init = scratch_make, .fini = scratch_remove);

Test(topology_load, reads_a_file_and_names_it_in_errors)
{
    ef_topology *topology = NULL;
    const char *path = scratch_write_text("good.yaml", HEAD "  - relu\n");
    cr_expect_eq(ef_topology_load(&topology, path, &err), EF_OK, "%s", err.text);
    ef_topology_destroy(topology);
    topology = NULL;
    path = scratch_write_text("bad.yaml", HEAD "  - rellu\n");
    cr_expect_eq(ef_topology_load(&topology, path, &err), EF_ERR_INPUT);
    cr_expect(strstr(err.text, "bad.yaml:3:5: no operation 'rellu'"), "%s", err.text);
    cr_expect_null(topology);
}

Test(topology_load, refuses_a_file_that_is_missing_or_empty)
{
    ef_topology *topology = NULL;
    cr_expect_eq(ef_topology_load(&topology, scratch_path("none.yaml"), &err),
                 EF_ERR_IO);
    cr_expect(strstr(err.text, "none.yaml"), "%s", err.text);
    ef_error_clear(&err);
    const char *path = scratch_write_text("empty.yaml", "");
    cr_expect_eq(ef_topology_load(&topology, path, &err), EF_ERR_INPUT);
    cr_expect(strstr(err.text, "empty.yaml"), "%s", err.text);
    cr_expect_null(topology);
}

Test(topology_parse, gives_up_cleanly_at_every_allocation)
{
    static const char text[] = HEAD "  - {conv: 4, kernel: 3, name: a}\n  - relu\n"
                                    "  - {add: a}\n  - flatten\n";
    ef_topology *topology = NULL;
    long n = 0;
    for (;; n++) {
        ef_mem_fail_after(n);
        ef_status status = parse(&topology, text);
        ef_mem_fail_after(-1);
        if (status == EF_OK) {
            break;
        }
        cr_expect_eq(status, EF_ERR_MEMORY, "allocation %ld: %s", n, err.text);
        cr_expect_eq(err.status, EF_ERR_MEMORY);
        cr_expect_null(topology);
    }
    cr_expect_gt(n, 5);
    ef_topology_destroy(topology);
}
