#include "net/topology.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "graph_help.h"

static ef_error err;

/* --- shapes and costs ------------------------------------------------------- */

#define CONV(...)                                                                      \
    {                                                                                  \
        .op = EF_OP_CONV, .u.conv = { __VA_ARGS__ }                                    \
    }
#define MAXPOOL(...)                                                                   \
    {                                                                                  \
        .op = EF_OP_MAXPOOL, .u.pool = { __VA_ARGS__ }                                 \
    }
#define AVGPOOL(...)                                                                   \
    {                                                                                  \
        .op = EF_OP_AVGPOOL, .u.pool = { __VA_ARGS__ }                                 \
    }

/* One node on an input; expected numbers by PyTorch's documented formulas,
 * floor((n + pads - dilation (kernel - 1) - 1) / stride) + 1 and its like. */
static const struct {
    const char *name;
    ef_shape in;
    ef_node node;
    ef_shape out;
    uint64_t params, macs;
} shapes[] = {
    {"conv",
     {3, 9, 8, 4},
     CONV(8, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, 1),
     {8, 9, 8, 4},
     8 * 27 + 8,
     8 * 27 * 72},
    {"conv with stride",
     {3, 9, 8, 4},
     CONV(8, {3, 2}, {2, 3}, {1, 1}, {0, 1, 0, 0}, 1, 0),
     {8, 4, 3, 4},
     8 * 18,
     8 * 18 * 12},
    {"dilated conv",
     {3, 9, 8, 4},
     CONV(4, {3, 3}, {1, 1}, {3, 2}, {0, 0, 0, 0}, 1, 0),
     {4, 3, 4, 4},
     4 * 27,
     4 * 27 * 12},
    {"grouped conv",
     {6, 4, 4, 4},
     CONV(9, {1, 1}, {1, 1}, {1, 1}, {0}, 3, 0),
     {9, 4, 4, 4},
     9 * 2,
     9 * 2 * 16},
    {"depthwise conv",
     {6, 4, 4, 4},
     CONV(6, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 6, 0),
     {6, 4, 4, 4},
     54,
     54 * 16},
    {"dense",
     {24, 1, 1, 2},
     {.op = EF_OP_DENSE, .u.dense = {10, 1}},
     {10, 1, 1, 2},
     250,
     240},
    {"maxpool",
     {3, 9, 8, 4},
     MAXPOOL({2, 2}, {2, 2}, {1, 1}, {0}, 0, 0),
     {3, 4, 4, 4},
     0,
     0},
    {"maxpool, ceil",
     {3, 9, 8, 4},
     MAXPOOL({2, 2}, {2, 2}, {1, 1}, {0}, 1, 0),
     {3, 5, 4, 4},
     0,
     0},
    /* ceil((4 + 2 - 2) / 3) + 1 = 3, but window 3 would start in the padding behind */
    {"maxpool, ceil, not behind the input",
     {1, 4, 4, 4},
     MAXPOOL({2, 2}, {3, 3}, {1, 1}, {1, 1, 1, 1}, 1, 0),
     {1, 2, 2, 4},
     0,
     0},
    {"dilated maxpool",
     {3, 9, 8, 4},
     MAXPOOL({3, 3}, {1, 1}, {2, 3}, {0}, 0, 0),
     {3, 5, 2, 4},
     0,
     0},
    {"avgpool",
     {3, 9, 8, 4},
     AVGPOOL({3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, 0, 1),
     {3, 5, 4, 4},
     0,
     0},
    {"globalavg", {3, 9, 8, 4}, {.op = EF_OP_GLOBALAVG}, {3, 1, 1, 4}, 0, 0},
    {"globalmax", {3, 9, 8, 4}, {.op = EF_OP_GLOBALMAX}, {3, 1, 1, 4}, 0, 0},
    {"batchnorm",
     {3, 9, 8, 4},
     {.op = EF_OP_BATCHNORM, .u.batchnorm = {1e-5F}},
     {3, 9, 8, 4},
     6,
     0},
    {"flat batchnorm",
     {24, 1, 1, 2},
     {.op = EF_OP_BATCHNORM, .u.batchnorm = {0}},
     {24, 1, 1, 2},
     48,
     0},
    {"relu", {24, 1, 1, 2}, {.op = EF_OP_ACTIVATION}, {24, 1, 1, 2}, 0, 0},
    {"prelu",
     {3, 9, 8, 4},
     {.op = EF_OP_ACTIVATION, .u.activation = {EF_ACTIVATION_PRELU, 0, 0}},
     {3, 9, 8, 4},
     3,
     0},
    {"scale", {3, 9, 8, 4}, {.op = EF_OP_SCALE}, {3, 9, 8, 4}, 0, 0},
    {"pad",
     {3, 9, 8, 4},
     {.op = EF_OP_PAD, .u.pad = {{1, 2, 0}, {4, 0, 3}, -1}},
     {8, 11, 11, 4},
     0,
     0},
    {"slice",
     {3, 9, 8, 4},
     {.op = EF_OP_SLICE, .u.slice = {{1, 0, 3}, {3, EF_TO_END, 4}, {1, 2, 1}}},
     {2, 5, 1, 4},
     0,
     0},
    {"flat slice",
     {24, 1, 1, 2},
     {.op = EF_OP_SLICE, .u.slice = {{4, 0, 0}, {20, 1, 1}, {3, 1, 1}}},
     {6, 1, 1, 2},
     0,
     0},
    {"transpose",
     {3, 9, 8, 4},
     {.op = EF_OP_TRANSPOSE, .u.transpose = {{1, 2, 0}}},
     {9, 8, 3, 4},
     0,
     0},
    {"flatten", {3, 9, 8, 4}, {.op = EF_OP_FLATTEN}, {216, 1, 1, 2}, 0, 0},
    {"flatten what is flat", {24, 1, 1, 2}, {.op = EF_OP_FLATTEN}, {24, 1, 1, 2}, 0, 0},
    {"upsample",
     {3, 9, 8, 4},
     {.op = EF_OP_UPSAMPLE, .u.upsample = {{2, 3}}},
     {3, 18, 24, 4},
     0,
     0},
    {"reshape",
     {3, 9, 8, 4},
     {.op = EF_OP_RESHAPE, .u.reshape = {6, 4, 9, 4}},
     {6, 4, 9, 4},
     0,
     0},
    {"reshape to flat",
     {3, 9, 8, 4},
     {.op = EF_OP_RESHAPE, .u.reshape = {216, 1, 1, 2}},
     {216, 1, 1, 2},
     0,
     0},
    {"reshape from flat",
     {24, 1, 1, 2},
     {.op = EF_OP_RESHAPE, .u.reshape = {2, 3, 4, 4}},
     {2, 3, 4, 4},
     0,
     0},
    {"softmax",
     {3, 9, 8, 4},
     {.op = EF_OP_SOFTMAX, .u.softmax = {2}},
     {3, 9, 8, 4},
     0,
     0},
    {"flat softmax", {24, 1, 1, 2}, {.op = EF_OP_SOFTMAX}, {24, 1, 1, 2}, 0, 0},
    {"clip without bounds",
     {24, 1, 1, 2},
     {.op = EF_OP_ACTIVATION,
      .u.activation = {EF_ACTIVATION_CLIP, -INFINITY, INFINITY}},
     {24, 1, 1, 2},
     0,
     0},
};

Test(topology_create, infers_shapes_and_costs_of_every_operation)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        ef_graph graph;
        begin(&graph, shapes[i].in);
        append(&graph, shapes[i].node, 1, 0, 0);
        ef_topology *topology = build(&graph);
        ef_shape out = ef_topology_shape(topology, ef_topology_output(topology));
        cr_expect(ef_shape_equal(out, shapes[i].out), "%s: %u x %u x %u, rank %u",
                  shapes[i].name, out.channels, out.height, out.width, out.rank);
        cr_expect_eq(ef_topology_params(topology), shapes[i].params, "%s",
                     shapes[i].name);
        cr_expect_eq(ef_topology_macs(topology), shapes[i].macs, "%s", shapes[i].name);
        ef_topology_destroy(topology);
        ef_graph_clear(&graph);
    }
}

Test(topology_create, joins_branches)
{
    static const struct {
        ef_op op;
        size_t pooled; /* the second branch ends in a global pooling */
        ef_shape out;
    } joins[] = {
        {EF_OP_ADD, 0, {3, 9, 8, 4}},    {EF_OP_MUL, 0, {3, 9, 8, 4}},
        {EF_OP_MUL, 1, {3, 9, 8, 4}}, /* a gate per channel */
        {EF_OP_CONCAT, 0, {6, 9, 8, 4}}, {EF_OP_DIV, 0, {3, 9, 8, 4}},
    };
    for (size_t i = 0; i < sizeof joins / sizeof joins[0]; i++) {
        for (size_t swapped = 0; swapped < 2; swapped++) {
            ef_graph graph;
            begin(&graph, image);
            size_t branch = append_plain(
                &graph, joins[i].pooled ? EF_OP_GLOBALAVG : EF_OP_BATCHNORM, 0);
            append(&graph, ef_node_default(joins[i].op), 2, swapped ? branch : 0,
                   swapped ? 0 : branch);
            ef_topology *topology = build(&graph);
            ef_shape out = ef_topology_shape(topology, ef_topology_output(topology));
            cr_expect(ef_shape_equal(out, joins[i].out), "%s", ef_op_name(joins[i].op));
            ef_topology_destroy(topology);
            ef_graph_clear(&graph);
        }
    }
}

Test(topology_create, divides_by_one_value_per_channel_and_not_the_other_way)
{
    ef_graph graph;
    begin(&graph, image);
    size_t pooled = append_plain(&graph, EF_OP_GLOBALAVG, 0);
    append(&graph, ef_node_default(EF_OP_DIV), 2, 0, pooled);
    ef_topology *topology = build(&graph);
    ef_shape out = ef_topology_shape(topology, ef_topology_output(topology));
    cr_expect(ef_shape_equal(out, image));
    ef_topology_destroy(topology);
    graph.nodes[2].inputs[0] = (uint32_t)pooled;
    graph.nodes[2].inputs[1] = 0;
    cr_expect_eq(ef_topology_create(&topology, &graph, &err), EF_ERR_TOPOLOGY);
    cr_expect(strstr(err.text, "its inputs differ: 3 x 1 x 1 and 3 x 9 x 8"), "%s",
              err.text);
    ef_graph_clear(&graph);
}

Test(node_shape, gives_what_the_topology_would_and_leaves_the_node_alone)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        ef_node node = shapes[i].node, before;
        node.n_inputs = 1;
        before = node;
        ef_shape out;
        cr_assert_eq(ef_node_shape(&node, &shapes[i].in, &out, &err), EF_OK, "%s: %s",
                     shapes[i].name, err.text);
        cr_expect(ef_shape_equal(out, shapes[i].out), "%s", shapes[i].name);
        cr_expect_arr_eq(&node, &before, sizeof node);
    }
    ef_node input = {.op = EF_OP_INPUT, .u.input = image};
    ef_shape out;
    cr_expect_eq(ef_node_shape(&input, NULL, &out, &err), EF_OK);
    cr_expect(ef_shape_equal(out, image));
}

/* --- refusals --------------------------------------------------------------- */

#define LARGE EF_MAX_ELEMENTS

/* One node on an input, and words of the reason. */
static const struct {
    ef_shape in;
    ef_node node;
    const char *reason;
} refusals[] = {
    {{3, 9, 8, 3}, {.op = EF_OP_FLATTEN}, "not of rank 3"},
    {{0, 9, 8, 4}, {.op = EF_OP_FLATTEN}, "each side of the input must be from 1"},
    {{3, LARGE + 1, 1, 4}, {.op = EF_OP_FLATTEN}, "each side of the input"},
    {{3, 2, 1, 2}, {.op = EF_OP_FLATTEN}, "flat input has height and width 1"},
    {{3, 1 << 14, 1 << 14, 4}, {.op = EF_OP_FLATTEN}, "its output has more than"},
    {{24, 1, 1, 2}, CONV(8, {1, 1}, {1, 1}, {1, 1}, {0}, 1, 0), "its input is flat"},
    {{3, 9, 8, 4}, CONV(0, {1, 1}, {1, 1}, {1, 1}, {0}, 1, 0), "channels must be"},
    {{3, 9, 8, 4}, CONV(8, {0, 1}, {1, 1}, {1, 1}, {0}, 1, 0), "kernel must be"},
    {{3, 9, 8, 4}, CONV(8, {1, LARGE + 1}, {1, 1}, {1, 1}, {0}, 1, 0), "kernel must"},
    {{3, 9, 8, 4}, CONV(8, {1, 1}, {1, 0}, {1, 1}, {0}, 1, 0), "stride must be"},
    {{3, 9, 8, 4}, CONV(8, {1, 1}, {1, 1}, {0, 1}, {0}, 1, 0), "dilation must be"},
    {{3, 9, 8, 4},
     CONV(8, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, LARGE + 1}, 1, 0),
     "pad must be"},
    {{3, 9, 8, 4},
     CONV(8, {10, 1}, {1, 1}, {1, 1}, {0}, 1, 0),
     "reaches over 10 in height, its padded input has only 9"},
    {{3, 9, 8, 4},
     CONV(8, {1, 5}, {1, 1}, {1, 3}, {0, 2, 0, 2}, 1, 0),
     "reaches over 13 in width, its padded input has only 12"},
    {{3, 9, 8, 4}, CONV(8, {1, 1}, {1, 1}, {1, 1}, {0}, 0, 0), "groups must be"},
    {{3, 9, 8, 4}, CONV(8, {1, 1}, {1, 1}, {1, 1}, {0}, 3, 0), "3 groups divide not"},
    {{3, 9, 8, 4}, CONV(9, {1, 1}, {1, 1}, {1, 1}, {0}, 9, 0), "9 groups divide not"},
    {{3, 9, 8, 4}, CONV(8, {1, 1}, {1, 1}, {1, 1}, {0}, 1, 2), "bias must be 0 or 1"},
    {{3, 9, 8, 4}, CONV(LARGE, {1, 1}, {1, 1}, {1, 1}, {0}, 1, 0), "its output has"},
    {{3, 9, 8, 4},
     CONV(8, {1, 1}, {1, 1}, {1, 1}, {LARGE, LARGE, LARGE, LARGE}, 1, 0),
     "its output has more than"},
    {{1 << 14, 1, 1, 4},
     CONV((1 << 14) + 1, {1, 1}, {1, 1}, {1, 1}, {0}, 1, 0),
     "its weights have more than"},
    {{3, 9, 8, 4}, {.op = EF_OP_DENSE, .u.dense = {10, 1}}, "flatten it first"},
    {{24, 1, 1, 2}, {.op = EF_OP_DENSE, .u.dense = {0, 1}}, "channels must be"},
    {{24, 1, 1, 2}, {.op = EF_OP_DENSE, .u.dense = {10, 3}}, "bias must be"},
    {{24, 1, 1, 2}, {.op = EF_OP_DENSE, .u.dense = {LARGE, 0}}, "its weights have"},
    {{24, 1, 1, 2}, MAXPOOL({2, 2}, {2, 2}, {1, 1}, {0}, 0, 0), "its input is flat"},
    {{3, 9, 8, 4}, MAXPOOL({2, 2}, {2, 2}, {1, 1}, {0}, 2, 0), "ceil must be"},
    {{3, 9, 8, 4}, AVGPOOL({2, 2}, {2, 2}, {1, 1}, {0}, 0, 2), "count-pad must be"},
    {{3, 9, 8, 4}, AVGPOOL({2, 2}, {2, 2}, {2, 1}, {0}, 0, 0), "has no dilation"},
    {{3, 9, 8, 4},
     MAXPOOL({2, 2}, {2, 2}, {1, 1}, {2, 0, 0, 0}, 0, 0),
     "would see padding only"},
    {{3, 9, 8, 4},
     MAXPOOL({2, 2}, {1, 1}, {1, 1}, {0, 0, 0, 2}, 0, 0),
     "would see padding only"},
    {{3, 1, 1, 4},
     MAXPOOL({2, 1}, {1, 1}, {3, 1}, {2, 0, 2, 0}, 0, 0),
     "would see padding only"},
    {{3, 9, 8, 4}, AVGPOOL({2, 9}, {2, 2}, {1, 1}, {0}, 0, 0), "reaches over 9"},
    {{24, 1, 1, 2}, {.op = EF_OP_GLOBALAVG}, "its input is flat"},
    {{3, 9, 8, 4}, {.op = EF_OP_BATCHNORM, .u.batchnorm = {-1e-5F}}, "epsilon must be"},
    {{3, 9, 8, 4}, {.op = EF_OP_BATCHNORM, .u.batchnorm = {NAN}}, "epsilon must be"},
    {{3, 9, 8, 4}, {.op = EF_OP_BATCHNORM, .u.batchnorm = {2}}, "epsilon must be"},
    {{3, 9, 8, 4},
     {.op = EF_OP_ACTIVATION, .u.activation = {EF_ACTIVATION_COUNT, 0, 0}},
     "no activation has the number"},
    {{3, 9, 8, 4},
     {.op = EF_OP_ACTIVATION, .u.activation = {EF_ACTIVATION_CLIP, 1, 1}},
     "it clips to [1, 1], which is empty"},
    {{3, 9, 8, 4},
     {.op = EF_OP_ACTIVATION, .u.activation = {EF_ACTIVATION_CLIP, INFINITY, INFINITY}},
     "it clips to [inf, inf], which is empty"},
    {{3, 9, 8, 4},
     {.op = EF_OP_ACTIVATION, .u.activation = {EF_ACTIVATION_CLIP, 0, NAN}},
     "is not a number"},
    {{3, 9, 8, 4},
     {.op = EF_OP_ACTIVATION, .u.activation = {EF_ACTIVATION_HARDSIGMOID, 0, INFINITY}},
     "second parameter must be a finite"},
    {{3, 9, 8, 4},
     {.op = EF_OP_ACTIVATION, .u.activation = {EF_ACTIVATION_LEAKY, NAN, 0}},
     "first parameter must be a finite"},
    {{3, 9, 8, 4},
     {.op = EF_OP_PAD, .u.pad = {{0, LARGE + 1, 0}, {0}, 0}},
     "it pads height by more"},
    {{3, 9, 8, 4},
     {.op = EF_OP_PAD, .u.pad = {{0}, {0, 0, LARGE + 1}, 0}},
     "it pads width by more"},
    {{3, 9, 8, 4}, {.op = EF_OP_PAD, .u.pad = {{LARGE}, {LARGE}, 0}}, "its output has"},
    {{24, 1, 1, 2},
     {.op = EF_OP_PAD, .u.pad = {{0, 1, 0}, {0}, 0}},
     "cannot pad height"},
    {{3, 9, 8, 4}, {.op = EF_OP_PAD, .u.pad = {{1}, {0}, NAN}}, "value must be"},
    {{3, 9, 8, 4},
     {.op = EF_OP_SLICE, .u.slice = {{2, 0, 0}, {2, 9, 8}, {1, 1, 1}}},
     "it takes channels 2 to 2 of an input that has 3"},
    {{3, 9, 8, 4},
     {.op = EF_OP_SLICE, .u.slice = {{0, 0, 0}, {3, 9, 9}, {1, 1, 1}}},
     "it takes width 0 to 9 of an input that has 8"},
    {{3, 9, 8, 4},
     {.op = EF_OP_SLICE, .u.slice = {{0, 0, 0}, {3, 9, 8}, {1, 0, 1}}},
     "its step in height is 0"},
    {{3, 9, 8, 4},
     {.op = EF_OP_TRANSPOSE, .u.transpose = {{0, 0, 1}}},
     "its order [0, 0, 1]"},
    {{3, 9, 8, 4}, {.op = EF_OP_TRANSPOSE, .u.transpose = {{0, 1, 3}}}, "its order"},
    {{24, 1, 1, 2},
     {.op = EF_OP_TRANSPOSE, .u.transpose = {{0, 2, 1}}},
     "its input is flat"},
    {{3, 9, 8, 4}, {.op = EF_OP_UPSAMPLE, .u.upsample = {{0, 1}}}, "factor must be"},
    {{3, 9, 8, 4}, {.op = EF_OP_UPSAMPLE, .u.upsample = {{1, LARGE}}}, "its output is"},
    {{3, 9, 8, 4},
     {.op = EF_OP_UPSAMPLE, .u.upsample = {{1, 65536}}},
     "factor is more than 65535"},
    {{24, 1, 1, 2},
     {.op = EF_OP_UPSAMPLE, .u.upsample = {{2, 2}}},
     "its input is flat"},
    {{3, 9, 8, 4},
     {.op = EF_OP_RESHAPE, .u.reshape = {3, 9, 8, 3}},
     "an output is flat (rank 2) or an image (rank 4), not of rank 3"},
    {{3, 9, 8, 4},
     {.op = EF_OP_RESHAPE, .u.reshape = {3, 72, 1, 2}},
     "a flat output has height and width 1"},
    {{3, 9, 8, 4},
     {.op = EF_OP_RESHAPE, .u.reshape = {3, 0, 8, 4}},
     "each side of the output must be from 1"},
    {{3, 9, 8, 4},
     {.op = EF_OP_RESHAPE, .u.reshape = {3, 9, 9, 4}},
     "it makes 3 x 9 x 9 out of 3 x 9 x 8, another number of elements"},
    {{1 << 8, 1, 1, 4}, /* 2^72 elements, 0 in 64 bits */
     {.op = EF_OP_RESHAPE, .u.reshape = {1 << 16, LARGE, LARGE, 4}},
     "another number of elements"},
    {{3, 9, 8, 4},
     {.op = EF_OP_SOFTMAX, .u.softmax = {3}},
     "its axis must be 0, 1 or 2"},
    {{24, 1, 1, 2},
     {.op = EF_OP_SOFTMAX, .u.softmax = {1}},
     "its input is flat, so its axis is channels"},
    {{3, 9, 8, 4},
     {.op = EF_OP_FLATTEN, .activation_format = {EF_FORMAT_INT, 8, .per_channel = 1}},
     "activations cannot have a scale per channel"},
    {{3, 9, 8, 4}, {.op = EF_OP_COUNT}, "no operation has the number"},
    {{3, 9, 8, 4}, {.op = EF_OP_ADD}, "add takes at least 2 inputs, not 1"},
    {{3, 9, 8, 4}, {.op = EF_OP_MUL}, "mul takes 2 inputs, not 1"},
    {{3, 9, 8, 4}, {.op = EF_OP_DIV}, "div takes 2 inputs, not 1"},
    {{3, 9, 8, 4},
     {.op = EF_OP_INPUT, .u.input = {3, 9, 8, 4}},
     "input takes 0 inputs, not 1"},
};

static void expect_refusal(const ef_graph *graph, const char *reason)
{
    ef_topology *topology = NULL;
    ef_error_clear(&err);
    cr_expect_eq(ef_topology_create(&topology, graph, &err), EF_ERR_TOPOLOGY, "%s",
                 reason);
    cr_expect(strstr(err.text, reason), "expected \"%s\", found \"%s\"", reason,
              err.text);
    cr_expect_null(topology);
    cr_expect_eq(ef_topology_create(&topology, graph, NULL), EF_ERR_TOPOLOGY);
}

Test(topology_create, refuses_a_node_with_the_reason)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        ef_graph graph;
        begin(&graph, refusals[i].in);
        ef_node node = refusals[i].node;
        strcpy(node.name, "it");
        append(&graph, node, 1, 0, 0);
        expect_refusal(&graph, refusals[i].reason);
        ef_graph_clear(&graph);
    }
}

Test(node_shape, refuses_what_the_topology_would)
{
    const size_t n_of_inputs = 4; /* the first rows: the input is refused */
    for (size_t i = n_of_inputs; i < sizeof refusals / sizeof refusals[0]; i++) {
        ef_shape in = refusals[i].in, out = {7, 7, 7, 7};
        ef_node node = refusals[i].node;
        node.n_inputs = 1;
        ef_error_clear(&err);
        cr_expect_eq(ef_node_shape(&node, &in, &out, &err), EF_ERR_TOPOLOGY, "%s",
                     refusals[i].reason);
        cr_expect_eq(out.rank, 7);
        cr_expect_neq(err.text[0], 0);
    }
}

Test(topology_create, names_the_node_to_blame)
{
    ef_graph graph;
    begin(&graph, image);
    append_plain(&graph, EF_OP_DENSE, append_plain(&graph, EF_OP_ACTIVATION, 0));
    expect_refusal(&graph, "node dense1: ");
    ef_graph_clear(&graph);
}

Test(topology_create, refuses_branches_that_do_not_fit)
{
    static const struct {
        ef_op op;
        const char *reason;
    } rows[] = {
        {EF_OP_ADD, "its inputs differ: 3 x 9 x 8 and 3 x 4 x 4"},
        {EF_OP_MUL, "its inputs differ: 3 x 9 x 8 and 3 x 4 x 4"},
        {EF_OP_CONCAT, "differ in more than channels: 3 x 9 x 8 and 3 x 4 x 4"},
    };
    for (size_t i = 0; i < 3; i++) {
        ef_graph graph;
        begin(&graph, image);
        size_t pooled = append_plain(&graph, EF_OP_MAXPOOL, 0);
        append(&graph, ef_node_default(rows[i].op), 2, 0, pooled);
        expect_refusal(&graph, rows[i].reason);
        ef_graph_clear(&graph);
    }
}

Test(topology_create, refuses_to_concatenate_an_image_and_what_is_flat)
{
    ef_graph graph;
    begin(&graph, (ef_shape){3, 1, 1, 4});
    size_t flattened = append_plain(&graph, EF_OP_FLATTEN, 0);
    append(&graph, ef_node_default(EF_OP_CONCAT), 2, 0, flattened);
    expect_refusal(&graph, "differ in more than channels");
    ef_graph_clear(&graph);
}

Test(topology_create, refuses_more_channels_than_fit_from_a_concat)
{
    ef_graph graph;
    begin(&graph, (ef_shape){LARGE, 1, 1, 2});
    ef_node node = ef_node_default(EF_OP_CONCAT);
    for (size_t i = 0; i < EF_MAX_INPUTS; i++) {
        node.inputs[i] = 0;
    }
    node.n_inputs = EF_MAX_INPUTS;
    cr_assert_eq(ef_graph_add(&graph, &node, NULL), EF_OK);
    expect_refusal(&graph, "its output has more than");
    graph.nodes[1].n_inputs = EF_MAX_INPUTS + 1;
    expect_refusal(&graph, "concat takes at least 32 inputs, not 33");
    ef_graph_clear(&graph);
}

Test(topology_create, refuses_names_that_would_not_be_read_back)
{
    static const char *const names[] = {"", "two words", "a,b", "\xc3\xa9", "a\nb"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ef_graph graph;
        begin(&graph, image);
        append_plain(&graph, EF_OP_FLATTEN, 0);
        strcpy(graph.nodes[1].name, names[i]);
        expect_refusal(&graph, "is not 1 to 255 letters, digits and");
        ef_graph_clear(&graph);
    }
    ef_graph graph;
    begin(&graph, image);
    append_plain(&graph, EF_OP_FLATTEN, 0);
    memset(graph.nodes[1].name, 'x', EF_NAME_SIZE);
    expect_refusal(&graph, "is not 1 to 255 letters");
    graph.nodes[1].name[EF_NAME_SIZE - 1] = '\0';
    ef_topology_destroy(build(&graph));
    ef_graph_clear(&graph);
}

Test(topology_create, refuses_two_nodes_of_one_name)
{
    ef_graph graph;
    begin(&graph, image);
    append_plain(&graph, EF_OP_FLATTEN, append_plain(&graph, EF_OP_ACTIVATION, 0));
    strcpy(graph.nodes[2].name, graph.nodes[1].name);
    expect_refusal(&graph, "node act1: another node has this name");
    ef_graph_clear(&graph);
}

Test(topology_create, refuses_an_input_that_is_no_node)
{
    ef_graph graph;
    begin(&graph, image);
    append_plain(&graph, EF_OP_FLATTEN, 2);
    expect_refusal(&graph, "its input is number 2 of only 2 nodes");
    ef_graph_clear(&graph);
}

Test(topology_create, refuses_too_few_and_too_many_nodes)
{
    ef_graph graph;
    ef_graph_init(&graph);
    expect_refusal(&graph, "this has 0");
    begin(&graph, image);
    expect_refusal(&graph, "at least one node more");
    for (size_t i = 0; i < EF_MAX_NODES; i++) {
        ef_node node = ef_node_default(EF_OP_ACTIVATION);
        snprintf(node.name, sizeof node.name, "n%zu", i);
        append(&graph, node, 1, i, 0);
    }
    expect_refusal(&graph, "4096 in all at most; this has 4097");
    graph.n_nodes--;
    ef_topology *topology = build(&graph);
    cr_expect_eq(ef_topology_n_nodes(topology), EF_MAX_NODES);
    ef_topology_destroy(topology);
    ef_graph_clear(&graph);
}

Test(topology_create, refuses_no_input_and_two_inputs)
{
    ef_graph graph;
    begin(&graph, image);
    append_plain(&graph, EF_OP_ACTIVATION, 0);
    ef_node node = ef_node_default(EF_OP_INPUT);
    node.u.input = image;
    append_add(&graph, 1, append(&graph, node, 0, 0, 0));
    expect_refusal(&graph, "node input2: a second input, beside input");
    graph.nodes[0].op = EF_OP_ACTIVATION;
    graph.nodes[0].n_inputs = 1;
    graph.nodes[2] = graph.nodes[0];
    expect_refusal(&graph, "there is no input");
    ef_graph_clear(&graph);
}

Test(topology_create, refuses_cycles)
{
    ef_graph graph;
    begin(&graph, image);
    size_t add = append_add(&graph, 0, 0);
    size_t relu = append_plain(&graph, EF_OP_ACTIVATION, add);
    append_plain(&graph, EF_OP_FLATTEN, relu);
    graph.nodes[add].inputs[1] = (uint32_t)relu;
    expect_refusal(&graph, ": it depends on its own output");
    cr_expect_null(strstr(err.text, "flatten"), "%s lies behind the cycle", err.text);
    graph.nodes[relu].inputs[0] = (uint32_t)relu;
    expect_refusal(&graph, "node act1: it depends on its own output");
    ef_graph_clear(&graph);
}

Test(topology_create, refuses_two_outputs)
{
    ef_graph graph;
    begin(&graph, image);
    append_plain(&graph, EF_OP_ACTIVATION, 0);
    append_plain(&graph, EF_OP_FLATTEN, 0);
    expect_refusal(&graph, "node act1: nobody reads it, nor flatten1");
    ef_graph_clear(&graph);
}

Test(topology_create, refuses_more_macs_than_a_double_counts)
{
    ef_graph graph;
    begin(&graph, (ef_shape){1, 1 << 14, (1 << 14) - 1, 4});
    /* 2^14 x 2^14 positions of 2^26 weights: 2^54 */
    ef_node node = ef_node_default(EF_OP_CONV);
    node.u.conv = (ef_conv){1,
                            {1 << 13, 1 << 13},
                            {1, 1},
                            {1, 1},
                            {1 << 12, 1 << 12, (1 << 12) - 1, (1 << 12) - 1},
                            1,
                            0};
    append(&graph, node, 1, 0, 0);
    expect_refusal(&graph, "more than 2^53 MACs");
    graph.nodes[1].u.conv.kernel[0] = 1 << 12;
    graph.nodes[1].u.conv.pad[0] = 1 << 11;
    graph.nodes[1].u.conv.pad[2] = (1 << 11) - 1;
    ef_topology_destroy(build(&graph));
    ef_graph_clear(&graph);
}

/* --- failing allocation ----------------------------------------------------- */

Test(topology_create, gives_up_cleanly_at_every_allocation)
{
    ef_graph graph;
    make_rings(&graph, 6, 3);
    ef_topology *topology = NULL;
    long n = 0;
    for (;; n++) {
        ef_error_clear(&err);
        ef_mem_fail_after(n);
        ef_status status = ef_topology_create(&topology, &graph, &err);
        ef_mem_fail_after(-1);
        if (status == EF_OK) {
            break;
        }
        cr_expect_eq(status, EF_ERR_MEMORY);
        cr_expect_eq(err.status, EF_ERR_MEMORY);
        cr_expect_null(topology);
    }
    cr_expect_gt(n, 0);
    ef_topology *copy = NULL;
    ef_mem_fail_after(0);
    cr_expect_eq(ef_topology_dup(&copy, topology), EF_ERR_MEMORY);
    ef_mem_fail_after(-1);
    cr_expect_null(copy);
    ef_topology_destroy(topology);
    ef_graph_clear(&graph);
}
