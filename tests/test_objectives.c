/* Objectives against values worked out by hand, relevance against all its paths. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/stored.h"
#include "objectives/objective.h"
#include "objectives/relevance.h"

/* --- graphs, node by node --- */

static size_t add(ef_graph *graph, ef_node node, const char *name, size_t n,
                  const size_t *from)
{
    size_t index = 0;
    snprintf(node.name, sizeof node.name, "%s", name);
    node.n_inputs = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        node.inputs[i] = (uint32_t)from[i];
    }
    cr_assert_eq(ef_graph_add(graph, &node, &index), EF_OK);
    return index;
}

static size_t add_op(ef_graph *graph, ef_op op, const char *name, size_t from)
{
    return add(graph, ef_node_default(op), name, op != EF_OP_INPUT, &from);
}

static size_t add_pair(ef_graph *graph, ef_op op, const char *name, size_t a, size_t b)
{
    return add(graph, ef_node_default(op), name, 2, (size_t[]){a, b});
}

static size_t add_input(ef_graph *graph, uint32_t channels, uint32_t side)
{
    ef_node node = ef_node_default(EF_OP_INPUT);
    node.u.input = (ef_shape){channels, side, side, 4};
    return add(graph, node, "image", 0, NULL);
}

/* 3x3, padded to the same size. */
static size_t add_conv(ef_graph *graph, const char *name, size_t from,
                       uint32_t channels, uint32_t bias)
{
    ef_node node = ef_node_default(EF_OP_CONV);
    node.u.conv.channels = channels;
    node.u.conv.bias = bias;
    for (size_t i = 0; i < 4; i++) {
        node.u.conv.pad[i] = 1;
        node.u.conv.kernel[i % 2] = 3;
    }
    return add(graph, node, name, 1, &from);
}

static size_t add_dense(ef_graph *graph, const char *name, size_t from,
                        uint32_t channels)
{
    ef_node node = ef_node_default(EF_OP_DENSE);
    node.u.dense.channels = channels;
    node.u.dense.bias = 1;
    return add(graph, node, name, 1, &from);
}

static ef_topology *build(ef_graph *graph)
{
    ef_topology *topology = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_topology_create(&topology, graph, &err), EF_OK, "%s", err.text);
    ef_graph_clear(graph);
    return topology;
}

/* image 2x4x4 - c1 (4, no bias) - norm - relu - c2 (4, bias), added to the relu -
 * global average - flatten - 3 classes. */
static ef_topology *residual(void)
{
    ef_graph graph;
    ef_graph_init(&graph);
    size_t image = add_input(&graph, 2, 4);
    size_t c1 = add_conv(&graph, "c1", image, 4, 0);
    size_t norm = add_op(&graph, EF_OP_BATCHNORM, "norm", c1);
    size_t relu = add_op(&graph, EF_OP_ACTIVATION, "relu", norm);
    size_t c2 = add_conv(&graph, "c2", relu, 4, 1);
    size_t sum = add_pair(&graph, EF_OP_ADD, "sum", relu, c2);
    size_t pool = add_op(&graph, EF_OP_GLOBALAVG, "pool", sum);
    size_t flat = add_op(&graph, EF_OP_FLATTEN, "flat", pool);
    add_dense(&graph, "logits", flat, 3);
    return build(&graph);
}

/* Two convolutions of 1 and 3 channels side by side, 2 classes. */
static ef_topology *branches(void)
{
    ef_graph graph;
    ef_graph_init(&graph);
    size_t image = add_input(&graph, 1, 2);
    size_t one = add_conv(&graph, "one", image, 1, 0);
    size_t three = add_conv(&graph, "three", image, 3, 0);
    size_t both = add_pair(&graph, EF_OP_CONCAT, "both", one, three);
    size_t flat = add_op(&graph, EF_OP_FLATTEN, "flat", both);
    add_dense(&graph, "logits", flat, 2);
    return build(&graph);
}

static double score(const ef_topology *topology, const char *text, const char *format)
{
    ef_objective_list list;
    ef_objective_context context = {0};
    ef_error err = {0};
    double value = -1;
    if (format) {
        cr_assert_eq(ef_format_parse(format, &context.format, &err), EF_OK);
    }
    cr_assert_eq(ef_objective_parse_list(&list, text, &err), EF_OK, "%s", err.text);
    cr_assert_eq(list.n, 1);
    cr_assert_eq(ef_objective_score(topology, &context, &list, &value, &err), EF_OK);
    return value;
}

static double score_residual(const char *text, const char *format)
{
    ef_topology *topology = residual();
    double value = score(topology, text, format);
    ef_topology_destroy(topology);
    return value;
}

/* --- values --- */

Test(objectives_score, parameters_and_macs_are_those_counted_by_hand)
{
    /* c1 4*2*9, norm 2*4, c2 4*4*9 + 4, logits 3*4 + 3 */
    cr_expect_eq(score_residual("params", NULL), 72 + 8 + 148 + 15);
    /* 16 places * (72 + 144), and 12 */
    cr_expect_eq(score_residual("macs", NULL), 16 * 216 + 12);
    cr_expect_eq(score_residual("depth", NULL), 3);
}

Test(objectives_score, size_counts_weights_in_their_format_and_biases_in_32_bits)
{
    /* The norm is folded and leaves c1 four biases; c2 has 4 and the logits 3. */
    double weights = 72 + 144 + 12, biases = 4 + 4 + 3;
    cr_expect_eq(score_residual("size", NULL), weights * 8 + biases * 32);
    cr_expect_eq(score_residual("size", "fp32"), (weights + biases) * 32);
    cr_expect_eq(score_residual("size", "int4"), weights * 4 + biases * 32);
    cr_expect_eq(score_residual("size:format=bin", "fp32"), weights * 1 + biases * 32);
}

Test(objectives_score, the_format_that_a_node_states_goes_before_that_of_the_run)
{
    ef_topology *topology = residual();
    ef_graph graph;
    ef_error err = {0};
    cr_assert_eq(ef_graph_copy(&graph, ef_topology_graph(topology)), EF_OK);
    size_t c2 = ef_topology_find(topology, "c2");
    cr_assert_eq(ef_format_parse("int4", &graph.nodes[c2].weight_format, &err), EF_OK);
    ef_topology_destroy(topology);
    topology = build(&graph);
    cr_expect_eq(score(topology, "size", "int8"), 84 * 8 + 144 * 4 + 11 * 32);
    ef_topology_destroy(topology);
}

Test(objectives_score, a_norm_that_cannot_be_folded_costs_two_numbers_per_channel)
{
    ef_graph graph;
    ef_graph_init(&graph);
    size_t image = add_input(&graph, 3, 2);
    size_t norm = add_op(&graph, EF_OP_BATCHNORM, "norm", image);
    size_t flat = add_op(&graph, EF_OP_FLATTEN, "flat", norm);
    add_dense(&graph, "logits", flat, 2);
    ef_topology *topology = build(&graph);
    cr_expect_eq(score(topology, "size", "int8"), 3 * 2 * 32 + 24 * 8 + 2 * 32);
    ef_topology_destroy(topology);
}

Test(objectives_score, activations_are_the_elements_that_reach_memory)
{
    /* relu (with c1 and norm), c2, sum: 4x4x4 each; pool: 4; not image, not logits */
    cr_expect_eq(score_residual("activations", NULL), 3 * 64 + 4);
}

Test(objectives_score, asi_is_the_sum_of_squared_shares_over_elements)
{
    /* rho: relu 1/2 + 1/2, c2 1/2, sum 1, pool 1 */
    double expected = 1 / 64.0 + 0.25 / 64 + 1 / 64.0 + 1 / 4.0;
    cr_expect_float_eq(score_residual("asi", NULL), expected, 1e-15);
}

Test(objectives_score, asi_shares_a_concat_by_channels)
{
    ef_topology *topology = branches();
    double expected = 0.25 * 0.25 / 4 + 0.75 * 0.75 / 12;
    cr_expect_float_eq(score(topology, "asi", NULL), expected, 1e-15);
    ef_topology_destroy(topology);
}

Test(objectives_score, what_needs_training_is_left_as_nan)
{
    cr_expect(isnan(score_residual("error", NULL)));
}

Test(objectives_score, the_scale_node_of_a_trained_model_changes_no_value)
{
    static const char *const names[] = {"params", "macs", "size",
                                        "depth",  "asi",  "activations"};
    ef_topology *plain = residual();
    ef_graph graph;
    cr_assert_eq(ef_graph_copy(&graph, ef_topology_graph(plain)), EF_OK);
    size_t image = ef_topology_input(plain), c1 = ef_topology_find(plain, "c1");
    size_t scale = add_op(&graph, EF_OP_SCALE, "norm0", image);
    graph.nodes[c1].inputs[0] = (uint32_t)scale;
    ef_topology *scaled = build(&graph);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_expect_eq(score(plain, names[i], NULL), score(scaled, names[i], NULL), "%s",
                     names[i]);
    }
    ef_topology_destroy(plain);
    ef_topology_destroy(scaled);
}

Test(objectives_score, short_memory_is_an_error_and_leaves_nothing)
{
    ef_topology *topology = residual();
    ef_objective_list list;
    ef_objective_context context = {0};
    double values[3];
    cr_assert_eq(ef_objective_parse_list(&list, "activations,depth,asi", NULL), EF_OK);
    for (long n = 0; n < 4; n++) {
        ef_error err = {0};
        ef_mem_fail_after(n);
        ef_status status = ef_objective_score(topology, &context, &list, values, &err);
        ef_mem_fail_after(-1);
        cr_expect_eq(status, EF_ERR_MEMORY, "allocation %ld", n);
    }
    ef_topology_destroy(topology);
}

/* --- what is stored --- */

static int stored_of(const ef_topology *topology, const char *name)
{
    uint8_t stored[64];
    cr_assert(ef_topology_n_nodes(topology) <= sizeof stored);
    ef_topology_stored(topology, stored);
    return stored[ef_topology_find(topology, name)];
}

Test(stored, a_fused_group_stores_its_last_output_only)
{
    ef_topology *topology = residual();
    cr_expect_eq(stored_of(topology, "image"), EF_STORED_INPUT);
    cr_expect_eq(stored_of(topology, "c1"), EF_STORED_NOT);
    cr_expect_eq(stored_of(topology, "norm"), EF_STORED_NOT);
    cr_expect_eq(stored_of(topology, "relu"), EF_STORED_ACTIVATION);
    cr_expect_eq(stored_of(topology, "c2"), EF_STORED_ACTIVATION);
    cr_expect_eq(stored_of(topology, "flat"), EF_STORED_NOT);
    cr_expect_eq(stored_of(topology, "logits"), EF_STORED_OUTPUT);
    ef_topology_destroy(topology);
}

Test(stored, an_activation_beside_another_reader_is_stored_by_itself)
{
    ef_graph graph;
    ef_graph_init(&graph);
    size_t image = add_input(&graph, 1, 2);
    size_t conv = add_conv(&graph, "conv", image, 2, 0);
    size_t relu = add_op(&graph, EF_OP_ACTIVATION, "relu", conv);
    size_t sum = add_pair(&graph, EF_OP_ADD, "sum", conv, relu);
    add_op(&graph, EF_OP_FLATTEN, "flat", sum);
    ef_topology *topology = build(&graph);
    cr_expect_eq(stored_of(topology, "conv"), EF_STORED_ACTIVATION);
    cr_expect_eq(stored_of(topology, "relu"), EF_STORED_ACTIVATION);
    cr_expect_eq(stored_of(topology, "sum"), EF_STORED_OUTPUT, "behind a view");
    ef_topology_destroy(topology);
}

Test(stored, a_group_takes_one_norm_and_then_one_activation)
{
    ef_graph graph;
    ef_graph_init(&graph);
    size_t image = add_input(&graph, 1, 2);
    size_t scale = add_op(&graph, EF_OP_SCALE, "scale", image);
    size_t conv = add_conv(&graph, "conv", scale, 2, 0);
    size_t relu = add_op(&graph, EF_OP_ACTIVATION, "relu", conv);
    size_t norm = add_op(&graph, EF_OP_BATCHNORM, "norm", relu);
    size_t relu2 = add_op(&graph, EF_OP_ACTIVATION, "relu2", norm);
    size_t flat = add_op(&graph, EF_OP_FLATTEN, "flat", relu2);
    add_dense(&graph, "logits", flat, 2);
    ef_topology *topology = build(&graph);
    cr_expect_eq(stored_of(topology, "image"), EF_STORED_NOT);
    cr_expect_eq(stored_of(topology, "scale"), EF_STORED_INPUT);
    cr_expect_eq(stored_of(topology, "conv"), EF_STORED_NOT);
    cr_expect_eq(stored_of(topology, "relu"), EF_STORED_ACTIVATION);
    cr_expect_eq(stored_of(topology, "norm"), EF_STORED_ACTIVATION);
    cr_expect_eq(stored_of(topology, "relu2"), EF_STORED_ACTIVATION);
    ef_topology_destroy(topology);
}

Test(stored, a_reshape_is_a_view_and_softmax_and_div_are_stored)
{
    ef_graph graph;
    ef_graph_init(&graph);
    size_t image = add_input(&graph, 2, 2);
    size_t conv = add_conv(&graph, "conv", image, 2, 0);
    size_t shares = add_op(&graph, EF_OP_SOFTMAX, "shares", conv);
    size_t parts = add_pair(&graph, EF_OP_DIV, "parts", shares, conv);
    size_t relu = add_op(&graph, EF_OP_ACTIVATION, "relu", parts);
    ef_node node = ef_node_default(EF_OP_RESHAPE);
    node.u.reshape = (ef_shape){8, 1, 1, 2};
    strcpy(node.name, "view");
    node.n_inputs = 1;
    node.inputs[0] = (uint32_t)relu;
    size_t view = 0;
    cr_assert_eq(ef_graph_add(&graph, &node, &view), EF_OK);
    size_t last = add_op(&graph, EF_OP_SOFTMAX, "last", view);
    node.inputs[0] = (uint32_t)last;
    strcpy(node.name, "behind");
    node.u.reshape = (ef_shape){2, 2, 2, 4};
    cr_assert_eq(ef_graph_add(&graph, &node, NULL), EF_OK);
    ef_topology *topology = build(&graph);
    cr_expect_eq(stored_of(topology, "conv"), EF_STORED_ACTIVATION);
    cr_expect_eq(stored_of(topology, "shares"), EF_STORED_ACTIVATION);
    cr_expect_eq(stored_of(topology, "parts"), EF_STORED_NOT, "relu ends its group");
    cr_expect_eq(stored_of(topology, "relu"), EF_STORED_ACTIVATION);
    cr_expect_eq(stored_of(topology, "view"), EF_STORED_NOT);
    cr_expect_eq(stored_of(topology, "last"), EF_STORED_OUTPUT);
    cr_expect_eq(stored_of(topology, "behind"), EF_STORED_NOT);
    ef_topology_destroy(topology);
}

/* --- relevance --- */

/* Six blocks that each add, divide or concatenate two convolutions of their input. */
static ef_topology *woven(void)
{
    ef_graph graph;
    ef_graph_init(&graph);
    size_t at = add_input(&graph, 2, 2);
    for (uint32_t i = 0; i < 6; i++) {
        char names[3][16];
        snprintf(names[0], sizeof names[0], "left%u", i);
        snprintf(names[1], sizeof names[1], "right%u", i);
        snprintf(names[2], sizeof names[2], "join%u", i);
        ef_op join = i % 2 ? EF_OP_CONCAT : i % 4 ? EF_OP_DIV : EF_OP_ADD;
        size_t left = add_conv(&graph, names[0], at, 2, 0);
        size_t right = add_conv(&graph, names[1], i % 3 ? at : left,
                                join == EF_OP_CONCAT ? i + 1 : 2, 0);
        at = add_pair(&graph, join, names[2], left, right);
    }
    at = add_op(&graph, EF_OP_FLATTEN, "flat", at);
    add_dense(&graph, "logits", at, 2);
    return build(&graph);
}

/* The naive twin: every path from the output is walked by itself. */
static void walk(const ef_topology *topology, size_t at, double weight, double *rho)
{
    const ef_node *node = ef_topology_node(topology, at);
    rho[at] += weight;
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        double part = 1.0 / node->n_inputs;
        if (node->op == EF_OP_CONCAT) {
            part = (double)ef_topology_shape(topology, node->inputs[k]).channels /
                   ef_topology_shape(topology, at).channels;
        }
        walk(topology, node->inputs[k], weight * part, rho);
    }
}

Test(relevance, it_equals_the_sum_over_all_paths)
{
    double rho[64], naive[64] = {0};
    ef_topology *topology = woven();
    ef_relevance(topology, rho);
    walk(topology, ef_topology_output(topology), 1, naive);
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        cr_expect_float_eq(rho[i], naive[i], 1e-14, "%s",
                           ef_topology_node(topology, i)->name);
    }
    ef_topology_destroy(topology);
}

Test(relevance, what_crosses_any_cut_sums_to_one)
{
    double rho[64];
    ef_topology *topology = woven();
    ef_relevance(topology, rho);
    size_t n = ef_topology_n_nodes(topology);
    /* The cut before node `cut`: inputs of later nodes that stand before it. */
    for (size_t cut = 1; cut < n; cut++) {
        double crossing = 0;
        for (size_t i = cut; i < n; i++) {
            const ef_node *node = ef_topology_node(topology, i);
            for (uint32_t k = 0; k < node->n_inputs; k++) {
                double part = 1.0 / node->n_inputs;
                if (node->op == EF_OP_CONCAT) {
                    size_t from = node->inputs[k];
                    part = (double)ef_topology_shape(topology, from).channels /
                           ef_topology_shape(topology, i).channels;
                }
                crossing += node->inputs[k] < cut ? rho[i] * part : 0;
            }
        }
        cr_expect_float_eq(crossing, 1, 1e-14, "cut %zu", cut);
    }
    ef_topology_destroy(topology);
}

/* --- texts --- */

typedef struct text_row {
    const char *text;
    const char *expected; /* canonical name, or a part of the error */
    int fails;
} text_row;

static const text_row text_rows[] = {
    {"params", "params", 0},
    {"size", "size", 0},
    {"size:format=int4", "size:format=int4", 0},
    {"parms", "no objective 'parms'; there are error, ccr", 1},
    {"", "no objective ''", 1},
    {"params,", "no objective ''", 1},
    {"params,params", "stands there twice", 1},
    {"size:format=int4,size:format=int4", "stands there twice", 1},
    {"params:format=int4", "params takes no key 'format'", 1},
    {"size:bits=4", "size takes no key 'bits'; it takes format", 1},
    {"size:", "size takes no key ''", 1},
    {"size:format", "expected format=VALUE", 1},
    {"size:format=", "expected format=VALUE", 1},
    {"size:format=int99", "int99", 1},
    {"ccr", "ccr", 0},
    {"ccr:target=both", "ccr", 0},
    {"ccr:ber=1e-3:target=weights:format=int8",
     "ccr:format=int8:target=weights:ber=0.001", 0},
    {"fault_accuracy:target=activations", "fault_accuracy:target=activations", 0},
    {"ccr:target=weights,ccr:target=activations", "ccr:target=weights", 0},
    {"ccr:ber=1e-3,ccr:ber=0.001", "stands there twice", 1},
    {"ccr:target=inputs", "weights, activations", 1},
    {"ccr:ber=0", "expected a number from 1e-15 to 1", 1},
    {"ccr:ber=2", "expected a number from 1e-15 to 1", 1},
    {"ccr:form=mean", "ccr takes no key 'form'; it takes format target ber", 1},
};

Test(objectives_parse, texts_give_their_canonical_name_or_a_reason)
{
    for (size_t i = 0; i < sizeof text_rows / sizeof *text_rows; i++) {
        const text_row *row = &text_rows[i];
        ef_objective_list list = {.n = 99};
        ef_error err = {0};
        ef_status status = ef_objective_parse_list(&list, row->text, &err);
        if (row->fails) {
            cr_expect_eq(status, EF_ERR_INPUT, "%s", row->text);
            cr_expect(strstr(err.text, row->expected), "%s: %s", row->text, err.text);
            cr_expect_eq(list.n, 99, "%s changed the list", row->text);
        } else {
            cr_expect_eq(status, EF_OK, "%s: %s", row->text, err.text);
            cr_expect_str_eq(list.items[0].name, row->expected);
        }
    }
}

Test(objectives_parse, one_row_with_two_keys_makes_two_objectives)
{
    ef_objective_list list;
    ef_error err = {0};
    const char *text = "error,size,size:format=int4,macs,asi";
    cr_assert_eq(ef_objective_parse_list(&list, text, &err), EF_OK, "%s", err.text);
    cr_expect_eq(list.n, 5);
    cr_expect_eq(list.items[0].row->cost, EF_COST_TRAINED);
    cr_expect_str_eq(list.items[2].name, "size:format=int4");
}

/* --- needs --- */

typedef struct need_row {
    const char *text;
    int has_accelerator;
    const char *lacks; /* a part of the error; NULL: nothing */
} need_row;

static const need_row need_rows[] = {
    {"params", 0, NULL},
    {"ccr:ber=1e-3", 0, NULL},
    {"energy", 0, "energy needs an accelerator, which --hardware FILE gives"},
    {"traffic:format=int4", 0, "traffic:format=int4 needs an accelerator"},
    {"energy", 1, NULL},
    {"predicted_ccr", 0, "predicted_ccr of one flip needs the share of flips"},
    {"predicted_ccr", 1, NULL},
    {"predicted_ccr:target=weights", 0, NULL},
    {"predicted_ccr:exposure=0.5", 0, NULL},
    {"predicted_ccr:ber=1e-3", 0, NULL},
};

Test(objectives_check, what_an_objective_needs_is_said_before_it_is_computed)
{
    const ef_accelerator accelerator = {.clock_hz = 1};
    for (size_t i = 0; i < sizeof need_rows / sizeof *need_rows; i++) {
        const need_row *row = &need_rows[i];
        ef_objective objective;
        ef_error err = {0};
        const ef_objective_context context = {
            .accelerator = row->has_accelerator ? &accelerator : NULL};
        cr_assert_eq(ef_objective_parse(&objective, row->text, &err), EF_OK);
        ef_status status = ef_objective_check(&context, &objective, &err);
        cr_expect_eq(status, row->lacks ? EF_ERR_USAGE : EF_OK, "%s", row->text);
        cr_expect(!row->lacks || strstr(err.text, row->lacks), "%s: %s", row->text,
                  err.text);
    }
}

Test(objectives_table, rows_are_whole_and_their_names_parse)
{
    for (const ef_objective_row *row = ef_objective_rows; row->name; row++) {
        ef_objective objective;
        ef_error err = {0};
        cr_expect_eq(ef_objective_parse(&objective, row->name, &err), EF_OK, "%s",
                     err.text);
        cr_expect_eq(objective.row, row, "%s stands there once", row->name);
        cr_expect(row->meaning[0], "%s", row->name);
        cr_expect_eq(!row->score, row->cost != EF_COST_TOPOLOGY, "%s", row->name);
        cr_expect_eq(!row->forms,
                     !strstr(row->keys, "form=") && strcmp(row->keys, "form") != 0,
                     "%s", row->name);
    }
}

typedef struct limit_row {
    const char *text;
    double bound;
    int at_least;
    double value, violation;
} limit_row;

static const limit_row limit_rows[] = {
    {"params<=50k", 50000, 0, 50000, 0},
    {"params<=50k", 50000, 0, 75000, 0.5},
    {"params <= 50k", 50000, 0, 1, 0},
    {"depth>=4", 4, 1, 3, 0.25},
    {"depth>=4", 4, 1, 5, 0},
    {"size<=2KiB", 16384, 0, 32768, 1},
    {"size<=64k", 64000, 0, 64000, 0},
    {"macs<=1.5M", 1500000, 0, 3000000, 1},
    {"error<=2%", 0.02, 0, 0.03, 0.5},
    {"error<=0.02", 0.02, 0, 0.01, 0},
    {"asi<=0.5", 0.5, 0, 1, 1},
    {"params<=0", 0, 0, 7, 7},
    {"params<=9", 9, 0, NAN, INFINITY},
    {"depth>=4", 4, 1, NAN, INFINITY},
    {"size:format=int4<=1kB", 8000, 0, 1, 0},
    {"energy<=5uJ", 5e-6, 0, 10e-6, 1},
    {"energy<=5e-6", 5e-6, 0, 5e-6, 0},
    {"traffic<=64KiB", 65536, 0, 65536, 0},
    {"adcr<=2B/MAC", 2, 0, 3, 0.5},
    {"ccr:target=weights:ber=1e-3<=5%", 0.05, 0, 0.1, 1},
    {"fault_accuracy:ber=1e-4 >= 90%", 0.9, 1, 0.45, 0.5},
};

Test(limits_parse, bounds_have_suffixes_and_units_and_violations_are_shares)
{
    for (size_t i = 0; i < sizeof limit_rows / sizeof *limit_rows; i++) {
        const limit_row *row = &limit_rows[i];
        ef_limit limit;
        ef_error err = {0};
        cr_assert_eq(ef_limit_parse(&limit, row->text, &err), EF_OK, "%s: %s",
                     row->text, err.text);
        cr_expect_eq(limit.bound, row->bound, "%s", row->text);
        cr_expect_eq(limit.at_least, row->at_least, "%s", row->text);
        double violation = ef_limit_violation(&limit, row->value);
        cr_expect(violation == row->violation ||
                      fabs(violation - row->violation) < 1e-15,
                  "%s at %g: %g", row->text, row->value, violation);
    }
}

Test(limits_parse, what_is_no_limit_is_refused)
{
    static const char *const texts[] = {
        "",
        "params",
        "params<50k",
        "params=50k",
        "params<=",
        "params<=x",
        "params<=50q",
        "parms<=50k",
        "params<=50 bit",
        "params<=-1",
        "<=50k",
        "size<=3 s",
        "params<=inf",
        "params<=nan",
        "energy<=2%",
        "energy<=2ms",
        "traffic<=5uJ",
        "ccr<=5uJ",
        "ccr:ber<=5%",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ef_limit limit;
        ef_error err = {0};
        cr_expect_eq(ef_limit_parse(&limit, texts[i], &err), EF_ERR_INPUT, "'%s'",
                     texts[i]);
        cr_expect(err.text[0] != '\0', "'%s' has no reason", texts[i]);
    }
}

Test(limits_score, only_what_the_topology_decides_is_summed)
{
    ef_limit limits[3];
    double violation = -1;
    ef_error err = {0};
    ef_objective_context context = {0};
    ef_topology *topology = residual();
    cr_assert_eq(ef_limit_parse(&limits[0], "params<=100", &err), EF_OK);
    cr_assert_eq(ef_limit_parse(&limits[1], "depth<=2", &err), EF_OK);
    cr_assert_eq(ef_limit_parse(&limits[2], "error<=1%", &err), EF_OK);
    cr_assert_eq(ef_limit_score(topology, &context, limits, 3, &violation, &err),
                 EF_OK);
    cr_expect_float_eq(violation, 1.43 + 0.5, 1e-12);
    ef_topology_destroy(topology);
}
