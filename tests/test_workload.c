/* Workloads against layers and tensors drawn by hand. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "objectives/objective.h"
#include "objectives/workload.h"
#include "topology_help.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static ef_workload *lower(const ef_topology *topology, const char *format)
{
    ef_workload *workload = NULL;
    ef_format read = {0};
    ef_error err = {0};
    if (format) {
        cr_assert_eq(ef_format_parse(format, &read, &err), EF_OK);
    }
    cr_assert_eq(ef_workload_create(&workload, topology, &read, &err), EF_OK, "%s",
                 err.text);
    return workload;
}

static const ef_layer *find(const ef_topology *topology, const ef_workload *workload,
                            const char *name)
{
    size_t node = ef_topology_find(topology, name);
    for (size_t i = 0; i < workload->n_layers; i++) {
        if (workload->layers[i].node == node) {
            return &workload->layers[i];
        }
    }
    cr_assert_fail("no layer %s", name);
    return NULL;
}

static const ef_stored_tensor *tensor_of(const ef_topology *topology,
                                         const ef_workload *workload, const char *name)
{
    size_t node = ef_topology_find(topology, name);
    for (size_t i = 0; i < workload->n_tensors; i++) {
        if (workload->tensors[i].node == node) {
            return &workload->tensors[i];
        }
    }
    cr_assert_fail("no tensor %s", name);
    return NULL;
}

static void expect_loops(const ef_layer *layer, const uint32_t *expected)
{
    for (size_t i = 0; i < EF_LOOP_COUNT; i++) {
        cr_expect_eq(layer->loops[i], expected[i], "%s: %u, not %u",
                     ef_loop_name((ef_loop)i), layer->loops[i], expected[i]);
    }
}

/* --- a chain --- */

/* LeNet-5 (data/topologies/lenet5.yaml), its activations fused; columns: output
 * channel, input channel, group, rows, columns, kernel rows, kernel columns. */
typedef struct chain_row {
    const char *root;
    ef_layer_class layer_class;
    uint32_t loops[EF_LOOP_COUNT];
    uint64_t macs, operations, weights, biases;
    uint32_t elements; /* of its output */
} chain_row;

static const chain_row lenet5[] = {
    {"c1", EF_CLASS_CONV, {6, 1, 1, 28, 28, 5, 5}, 117600, 0, 150, 6, 4704},
    {"s2", EF_CLASS_POOL, {1, 1, 6, 14, 14, 2, 2}, 0, 4704, 0, 0, 1176},
    {"c3", EF_CLASS_CONV, {16, 6, 1, 10, 10, 5, 5}, 240000, 0, 2400, 16, 1600},
    {"s4", EF_CLASS_POOL, {1, 1, 16, 5, 5, 2, 2}, 0, 1600, 0, 0, 400},
    {"c5", EF_CLASS_DENSE, {120, 400, 1, 1, 1, 1, 1}, 48000, 0, 48000, 120, 120},
    {"f6", EF_CLASS_DENSE, {84, 120, 1, 1, 1, 1, 1}, 10080, 0, 10080, 84, 84},
    {"classes", EF_CLASS_DENSE, {10, 84, 1, 1, 1, 1, 1}, 840, 0, 840, 10, 10},
};

Test(workload_create, a_chain_becomes_one_layer_for_each_fused_group)
{
    ef_topology *topology = load_topology("lenet5");
    ef_workload *w = lower(topology, NULL);
    cr_assert_eq(w->n_layers, COUNT(lenet5));
    cr_assert_eq(w->n_tensors, COUNT(lenet5) + 1);
    cr_expect_eq(w->tensors[0].elements, 784);
    cr_expect_eq(w->tensors[0].last_use, 0);
    for (size_t i = 0; i < COUNT(lenet5); i++) {
        const chain_row *row = &lenet5[i];
        const ef_layer *layer = &w->layers[i];
        cr_expect_eq(layer->node, ef_topology_find(topology, row->root));
        cr_expect_eq(layer->layer_class, row->layer_class, "%s", row->root);
        expect_loops(layer, row->loops);
        cr_expect_eq(layer->macs, row->macs, "%s", row->root);
        cr_expect_eq(layer->operations, row->operations, "%s", row->root);
        cr_expect_eq(layer->weights, row->weights, "%s", row->root);
        cr_expect_eq(layer->biases, row->biases, "%s", row->root);
        cr_expect_eq(layer->weight_bits, row->weights * 8 + row->biases * 32);
        cr_expect_eq(layer->n_inputs, 1);
        cr_expect_eq(layer->inputs[0], i);
        cr_expect_eq(layer->input_elements[0], w->tensors[i].elements);
        cr_expect_eq(layer->input_width, 8);
        cr_expect_eq(layer->is_float, 0);
        cr_expect_eq(layer->output, i + 1);
        cr_expect_eq(w->tensors[i + 1].elements, row->elements, "%s", row->root);
        cr_expect_eq(w->tensors[i + 1].first_use, i);
        cr_expect_eq(w->tensors[i + 1].last_use, i + 1);
        cr_expect_eq(w->tensors[i + 1].width, i + 1 < COUNT(lenet5) ? 8 : 32);
    }
    ef_workload_destroy(w);
    ef_topology_destroy(topology);
}

/* --- branches, views, kinds of layers --- */

static const char branches[] = "input: [4, 8, 8]\n"
                               "nodes:\n"
                               "  - {conv: 8, kernel: 3, pad: 1, name: stem}\n"
                               "  - {batchnorm}\n"
                               "  - {prelu, name: a}\n"
                               "  - {slice, channels: [0, 2], name: half}\n"
                               "  - {conv: 6, kernel: [3, 1], groups: 2, pad: same,\n"
                               "     dilation: 2, bias: yes, name: grouped}\n"
                               "  - {batchnorm, name: n}\n"
                               "  - {conv: 16, kernel: 3, stride: 2, groups: 8,\n"
                               "     pad: 1, from: a, name: depthwise}\n"
                               "  - {upsample: 2, name: up}\n"
                               "  - {concat: [n, up, a], name: all}\n"
                               "  - {globalavg, name: mean}\n"
                               "  - {sigmoid, name: gate}\n"
                               "  - {mul: [all, gate], name: gated}\n"
                               "  - {avgpool: 3, stride: 2, name: pool}\n"
                               "  - flatten\n";

Test(workload_create, kinds_of_layers_have_their_loops_and_parameters)
{
    ef_topology *topology = parse_topology(branches);
    ef_workload *w = lower(topology, NULL);
    const ef_layer *stem = find(topology, w, "stem");
    expect_loops(stem, (const uint32_t[]){8, 4, 1, 8, 8, 3, 3});
    cr_expect_eq(stem->weights, 8 * 4 * 9);
    /* One for each channel where the norm is folded, and the slopes of prelu. */
    cr_expect_eq(stem->biases, 8 + 8);
    const ef_layer *grouped = find(topology, w, "grouped");
    cr_expect_eq(grouped->layer_class, EF_CLASS_DEPTHWISE);
    expect_loops(grouped, (const uint32_t[]){3, 1, 2, 8, 8, 3, 1});
    cr_expect_eq(grouped->biases, 6, "the norm takes the place of the bias");
    cr_expect_eq(grouped->weights, 6 * 3);
    cr_expect_eq(grouped->macs, 6 * 3 * 64);
    cr_expect_eq(grouped->kernel_extent[0], 5);
    cr_expect_eq(grouped->kernel_extent[1], 1);
    cr_expect_eq(grouped->pad[0], 2, "same: 5 rows around a place");
    cr_expect_eq(grouped->pad[1], 0);
    cr_expect_eq(grouped->input_extent[0], 8);
    cr_expect_eq(grouped->input_elements[0], 2 * 64, "the slice lets 2 of 8 through");
    const ef_layer *depthwise = find(topology, w, "depthwise");
    cr_expect_eq(depthwise->layer_class, EF_CLASS_DEPTHWISE);
    expect_loops(depthwise, (const uint32_t[]){2, 1, 8, 4, 4, 3, 3});
    cr_expect_eq(depthwise->stride[0], 2);
    cr_expect_eq(depthwise->stride[1], 2);
    cr_expect_eq(depthwise->biases, 0);
    const ef_layer *mean = find(topology, w, "mean");
    cr_expect_eq(mean->layer_class, EF_CLASS_POOL);
    expect_loops(mean, (const uint32_t[]){1, 1, 30, 1, 1, 8, 8});
    cr_expect_eq(mean->operations, 30 * 64);
    const ef_layer *gate = find(topology, w, "gate");
    cr_expect_eq(gate->layer_class, EF_CLASS_ELEMENTWISE);
    cr_expect_eq(gate->operations, 30);
    const ef_layer *gated = find(topology, w, "gated");
    expect_loops(gated, (const uint32_t[]){1, 1, 30, 8, 8, 1, 1});
    cr_expect_eq(gated->operations, 30 * 64 + 30);
    const ef_layer *pool = find(topology, w, "pool");
    expect_loops(pool, (const uint32_t[]){1, 1, 30, 3, 3, 3, 3});
    cr_expect_eq(pool->operations, 30 * 9 * 9);
    ef_workload_destroy(w);
    ef_topology_destroy(topology);
}

Test(workload_create, views_are_looked_through_and_tensors_live_to_their_last_reader)
{
    ef_topology *topology = parse_topology(branches);
    ef_workload *w = lower(topology, NULL);
    cr_expect_eq(w->n_layers, 7);
    cr_expect_eq(w->n_tensors, 8);
    const ef_layer *mean = find(topology, w, "mean");
    const ef_layer *gated = find(topology, w, "gated");
    const ef_layer *pool = find(topology, w, "pool");
    /* The concat: n 6 x 64, depthwise 16 x 16 that upsample repeats, a 8 x 64. */
    cr_expect_eq(mean->n_inputs, 3);
    cr_expect_eq(gated->n_inputs, 4);
    uint32_t elements = 0;
    for (uint32_t i = 0; i < mean->n_inputs; i++) {
        elements += mean->input_elements[i];
    }
    cr_expect_eq(elements, 384 + 256 + 512);
    const ef_stored_tensor *a = tensor_of(topology, w, "a");
    cr_expect_eq(a->elements, 512);
    cr_expect_eq(&w->layers[a->first_use], find(topology, w, "stem"));
    cr_expect_eq(&w->layers[a->last_use], gated, "through the concat");
    cr_expect_eq(tensor_of(topology, w, "pool")->last_use, w->n_layers);
    cr_expect_eq(tensor_of(topology, w, "pool")->width, 32, "logits behind a view");
    cr_expect_eq(pool->output + 1, w->n_tensors);
    ef_workload_destroy(w);
    ef_topology_destroy(topology);
}

Test(workload_create, the_scale_that_normalises_the_image_is_no_layer)
{
    ef_topology *topology =
        parse_topology("input: [1, 2, 2]\nnodes:\n  - {scale, name: s}\n"
                       "  - flatten\n  - {dense: 3, name: d}\n  - relu\n");
    ef_workload *w = lower(topology, NULL);
    cr_expect_eq(w->n_layers, 1);
    cr_expect_eq(w->n_tensors, 2);
    cr_expect_eq(w->tensors[0].node, ef_topology_find(topology, "s"));
    ef_workload_destroy(w);
    ef_topology_destroy(topology);
}

Test(workload_create, without_an_operation_there_is_no_layer)
{
    ef_topology *topology = parse_topology("input: [1, 2, 2]\nnodes: [flatten]\n");
    ef_workload *w = lower(topology, NULL);
    cr_expect_eq(w->n_layers, 0);
    cr_expect_eq(w->n_tensors, 1);
    cr_expect_eq(w->tensors[0].last_use, 0);
    ef_workload_destroy(w);
    ef_topology_destroy(topology);
}

/* --- formats --- */

Test(workload_create, nodes_have_their_own_formats_and_else_the_given_one)
{
    ef_topology *topology =
        parse_topology("input: {shape: [2, 4, 4], activations: fixed12}\n"
                       "nodes:\n"
                       "  - {conv: 2, kernel: 1, weights: tern, name: c}\n"
                       "  - {relu, activations: fp16, name: r}\n"
                       "  - {conv: 2, kernel: 1, from: input, name: d}\n"
                       "  - {add: [r, d], name: sum}\n"
                       "  - {conv: 2, kernel: 1, weights: e4m3, name: e}\n");
    ef_workload *w = lower(topology, "int4");
    const ef_layer *c = find(topology, w, "c"), *d = find(topology, w, "d");
    const ef_layer *sum = find(topology, w, "sum"), *e = find(topology, w, "e");
    cr_expect_eq(c->weight_width, 2);
    cr_expect_eq(c->input_width, 12);
    cr_expect_eq(c->weight_bits, 2 * 2 * 2);
    cr_expect_eq(c->is_float, 0);
    cr_expect_eq(w->tensors[c->output].width, 16);
    cr_expect_eq(d->weight_width, 4);
    cr_expect_eq(w->tensors[d->output].width, 4);
    cr_expect_eq(sum->weight_width, 0);
    cr_expect_eq(sum->input_width, 16, "the wider of 16 and 4");
    cr_expect_eq(sum->is_float, 1);
    cr_expect_eq(e->input_width, 4);
    cr_expect_eq(e->weight_width, 8);
    cr_expect_eq(e->is_float, 1);
    ef_workload_destroy(w);
    ef_topology_destroy(topology);
}

/* Counted node by node in hardware.c. */
Test(workload_create, all_parameters_together_are_those_of_the_objective_size)
{
    static const char *const names[] = {"cnn-digits",  "dilatedvgg", "lenet5",
                                        "mlp",         "resnet20",   "resnet8-digits",
                                        "mobilenetv2", "nasnet-a",   "nasnet-a-5m"};
    for (size_t i = 0; i < COUNT(names); i++) {
        ef_topology *topology = load_topology(names[i]);
        ef_workload *w = lower(topology, "int4");
        ef_objective_list list;
        ef_objective_context context = {.format = {0}};
        double size = 0, bits = 0, macs = 0;
        cr_assert_eq(ef_objective_parse_list(&list, "size:format=int4", NULL), EF_OK);
        cr_assert_eq(ef_objective_score(topology, &context, &list, &size, NULL), EF_OK);
        for (size_t k = 0; k < w->n_layers; k++) {
            bits += (double)w->layers[k].weight_bits;
            macs += (double)w->layers[k].macs;
        }
        cr_expect_eq(bits, size, "%s", names[i]);
        cr_expect_eq(macs, (double)ef_topology_macs(topology), "%s", names[i]);
        ef_workload_destroy(w);
        ef_topology_destroy(topology);
    }
}

/* --- sums --- */

/* c reads 32 numbers of 12 bits and 4 weights of 2, and writes 32 of 16:
 * (384 + 8 + 512) / 8 = 113 bytes.  pool reads those and writes 2 of 32 bits: 64 + 8 =
 * 72 bytes, 32 operations.  64 MACs. */
Test(workload_cost, layers_are_weighed_by_their_class)
{
    ef_topology *topology =
        parse_topology("input: {shape: [2, 4, 4], activations: fixed12}\n"
                       "nodes:\n"
                       "  - {conv: 2, kernel: 1, weights: tern, name: c}\n"
                       "  - {relu, activations: fp16}\n"
                       "  - {globalavg, name: pool}\n");
    ef_workload *w = lower(topology, "int4");
    cr_expect_eq(ef_workload_bytes(w, find(topology, w, "c")), 113);
    cr_expect_eq(ef_workload_bytes(w, find(topology, w, "pool")), 72);
    const ef_layer_cost model[EF_CLASS_COUNT] = {
        [EF_CLASS_CONV] = {2, 0.5, 1000}, [EF_CLASS_POOL] = {0.25, 1, 5}};
    cr_expect_eq(ef_workload_cost(w, model),
                 64 * 2 + 113 * 0.5 + 1000 + 32 * 0.25 + 72 + 5);
    ef_workload_destroy(w);
    ef_topology_destroy(topology);
}

/* --- limits --- */

/* n convolutions of the image, all concatenated by two concats and then read at once.
 */
static ef_topology *wide(unsigned n)
{
    ef_text text;
    ef_text_init(&text);
    ef_text_add(&text, "input: [1, 2, 2]\nnodes:\n");
    for (unsigned i = 0; i < n; i++) {
        ef_text_add(&text, "  - {conv: %u, kernel: 1, from: input, name: c%u}\n", i + 1,
                    i);
    }
    for (unsigned half = 0; half < 2; half++) {
        ef_text_add(&text, "  - {concat: [");
        for (unsigned i = half; i < n; i += 2) {
            ef_text_add(&text, "%sc%u", i == half ? "" : ", ", i);
        }
        ef_text_add(&text, "], name: half%u}\n", half);
    }
    ef_text_add(&text, "  - {concat: [half0, half1], name: all}\n"
                       "  - {conv: 1, kernel: 1, name: reader}\n");
    ef_topology *topology = parse_topology(text.bytes);
    ef_text_clear(&text);
    return topology;
}

Test(workload_create, a_layer_reads_thirty_two_tensors_at_most)
{
    ef_topology *topology = wide(32);
    ef_workload *w = lower(topology, NULL);
    cr_expect_eq(find(topology, w, "reader")->n_inputs, 32);
    ef_workload_destroy(w);
    ef_topology_destroy(topology);
    topology = wide(33);
    ef_error err = {0};
    const ef_format format = {0};
    w = NULL;
    cr_expect_eq(ef_workload_create(&w, topology, &format, &err), EF_ERR_UNSUPPORTED);
    cr_expect_str_eq(err.text, "node reader reads more than 32 stored tensors at once");
    cr_expect_null(w);
    ef_topology_destroy(topology);
}

Test(workload_create, short_memory_is_an_error_and_leaves_nothing)
{
    ef_topology *topology = parse_topology(branches);
    const ef_format format = {0};
    for (long n = 0; n < 5; n++) {
        ef_workload *w = NULL;
        ef_error err = {0};
        ef_mem_fail_after(n);
        ef_status status = ef_workload_create(&w, topology, &format, &err);
        ef_mem_fail_after(-1);
        cr_expect_eq(status, EF_ERR_MEMORY, "allocation %ld", n);
        cr_expect_null(w);
    }
    ef_topology_destroy(topology);
}
