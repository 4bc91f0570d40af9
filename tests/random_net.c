#include "random_net.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* A graph in the making; tip is the node that the next one reads. */
typedef struct growth {
    ef_rng rng;
    ef_graph graph;
    size_t tip;
    ef_shape shape; /* of the tip */
    unsigned more;  /* of the enum in random_net.h */
} growth;

static uint32_t draw(growth *g, uint32_t low, uint32_t high)
{
    return low + (uint32_t)ef_rng_below(&g->rng, high - low + 1);
}

static size_t append(growth *g, const ef_node *node)
{
    size_t index = 0;
    cr_assert_eq(ef_graph_add(&g->graph, node, &index), EF_OK);
    return index;
}

static ef_node reading(ef_op op, size_t input)
{
    ef_node node = ef_node_default(op);
    node.n_inputs = node.op == EF_OP_INPUT ? 0 : 1;
    node.inputs[0] = (uint32_t)input;
    return node;
}

/* Keeps what was added since `before` if it makes a topology, else takes it back. */
static void keep_if_valid(growth *g, size_t before, size_t tip)
{
    ef_topology *topology = NULL;
    ef_error err = {0};
    if (ef_topology_create(&topology, &g->graph, &err) == EF_OK) {
        ef_shape shape = ef_topology_shape(topology, ef_topology_output(topology));
        if (ef_shape_elements(shape) <= 3000) {
            g->tip = tip;
            g->shape = shape;
            before = g->graph.n_nodes;
        }
        ef_topology_destroy(topology);
    }
    g->graph.n_nodes = before;
}

static uint32_t divisor(growth *g, uint32_t a, uint32_t b)
{
    uint32_t d = draw(g, 1, a < b ? a : b);
    while (a % d || b % d) {
        d--;
    }
    return d;
}

static ef_node any_conv(growth *g, size_t input)
{
    ef_node node = reading(EF_OP_CONV, input);
    ef_conv *conv = &node.u.conv;
    conv->channels = draw(g, 1, 13);
    if (draw(g, 0, 3) == 0) { /* depthwise, with a multiplier */
        conv->channels = g->shape.channels * draw(g, 1, 2);
        conv->groups = g->shape.channels;
    } else {
        conv->groups = divisor(g, conv->channels, g->shape.channels);
    }
    for (size_t i = 0; i < 2; i++) {
        conv->kernel[i] = draw(g, 1, 4);
        conv->stride[i] = draw(g, 1, 5) == 1 ? draw(g, 2, 3) : 1;
        conv->dilation[i] = draw(g, 1, 3) == 1 ? draw(g, 2, 3) : 1;
        conv->pad[i] = draw(g, 0, 3);
        conv->pad[i + 2] = draw(g, 0, 3);
    }
    conv->bias = draw(g, 0, 1);
    return node;
}

static ef_node any_dense(growth *g, size_t input)
{
    ef_node node = reading(EF_OP_DENSE, input);
    node.u.dense.channels = draw(g, 1, 21);
    node.u.dense.bias = draw(g, 0, 1);
    return node;
}

static ef_node any_pool(growth *g, size_t input)
{
    static const ef_op ops[] = {EF_OP_MAXPOOL, EF_OP_AVGPOOL, EF_OP_AVGPOOL,
                                EF_OP_GLOBALAVG, EF_OP_GLOBALMAX};
    ef_node node = reading(ops[draw(g, 0, draw(g, 0, 3) ? 2 : 4)], input);
    if (node.op == EF_OP_GLOBALAVG || node.op == EF_OP_GLOBALMAX) {
        return node;
    }
    ef_pool *pool = &node.u.pool;
    for (size_t i = 0; i < 2; i++) {
        pool->kernel[i] = draw(g, 1, 3);
        pool->stride[i] = draw(g, 1, 2);
        pool->dilation[i] = node.op == EF_OP_MAXPOOL ? draw(g, 1, 2) : 1;
        pool->pad[i] = draw(g, 0, pool->kernel[i] - 1);
        pool->pad[i + 2] = draw(g, 0, pool->kernel[i] - 1);
    }
    pool->ceil_mode = draw(g, 0, 1);
    pool->count_include_pad = node.op == EF_OP_AVGPOOL ? draw(g, 0, 1) : 0;
    return node;
}

static ef_node any_activation(growth *g, size_t input)
{
    ef_node node = reading(EF_OP_ACTIVATION, input);
    ef_activation *activation = &node.u.activation;
    activation->kind = draw(g, 0, EF_ACTIVATION_COUNT - 1);
    activation->low = activation->kind == EF_ACTIVATION_CLIP ? -0.5f : 0.2f;
    activation->high = activation->kind == EF_ACTIVATION_CLIP ? 1.5f : 0.45f;
    if (g->more && activation->kind == EF_ACTIVATION_CLIP) {
        activation->low = draw(g, 0, 1) ? -INFINITY : activation->low;
        activation->high = draw(g, 0, 1) ? INFINITY : activation->high;
    }
    return node;
}

static ef_node any_move(growth *g, size_t input)
{
    static const ef_op ops[] = {EF_OP_PAD, EF_OP_SLICE, EF_OP_TRANSPOSE,
                                EF_OP_UPSAMPLE};
    static const uint32_t orders[][3] = {{0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}};
    ef_node node = reading(ops[draw(g, 0, 3)], input);
    const uint32_t sizes[3] = {g->shape.channels, g->shape.height, g->shape.width};
    switch (node.op) {
    case EF_OP_PAD:
        for (size_t i = g->shape.rank == 2 ? 3 : 0; i < 3; i++) {
            node.u.pad.before[i] = draw(g, 0, 2);
            node.u.pad.after[i] = draw(g, 0, 2);
        }
        node.u.pad.value = draw(g, 0, 1) ? 0.0f : -0.75f;
        break;
    case EF_OP_SLICE:
        for (size_t i = 0; i < 3; i++) {
            node.u.slice.begin[i] = draw(g, 0, sizes[i] / 3);
            node.u.slice.end[i] = sizes[i] - draw(g, 0, sizes[i] / 3);
            node.u.slice.step[i] = draw(g, 1, 4) == 1 ? 2 : 1;
        }
        break;
    case EF_OP_TRANSPOSE:
        memcpy(node.u.transpose.order, orders[draw(g, 0, 3)], sizeof orders[0]);
        break;
    default:
        node.u.upsample.factor[0] = draw(g, 1, 2);
        node.u.upsample.factor[1] = draw(g, 1, 3);
        break;
    }
    return node;
}

/* The tip and one or two of its convolutions or activations, joined. */
static void grow_branches(growth *g)
{
    static const ef_op ops[] = {EF_OP_ADD, EF_OP_ADD, EF_OP_MUL, EF_OP_CONCAT};
    size_t before = g->graph.n_nodes;
    ef_node join = ef_node_default(ops[draw(g, 0, 3)]);
    join.n_inputs = join.op == EF_OP_MUL ? 2 : draw(g, 2, 3);
    join.inputs[0] = (uint32_t)g->tip;
    for (uint32_t k = 1; k < join.n_inputs; k++) {
        ef_node branch = any_activation(g, g->tip);
        if (g->shape.rank == 4 && draw(g, 0, 2)) {
            branch = reading(EF_OP_CONV, g->tip);
            branch.u.conv.channels = g->shape.channels;
            branch.u.conv.kernel[0] = branch.u.conv.kernel[1] = 3;
            for (size_t i = 0; i < 4; i++) {
                branch.u.conv.pad[i] = 1;
            }
        }
        join.inputs[k] = (uint32_t)append(g, &branch);
    }
    keep_if_valid(g, before, append(g, &join));
}

/* Squeeze and excite: the tip times a gate of one element a channel. */
static void grow_gate(growth *g)
{
    size_t before = g->graph.n_nodes;
    ef_node pool = reading(EF_OP_GLOBALAVG, g->tip);
    ef_node gate = reading(EF_OP_ACTIVATION, append(g, &pool));
    gate.u.activation.kind = EF_ACTIVATION_SIGMOID;
    ef_node join = ef_node_default(EF_OP_MUL);
    size_t gated = append(g, &gate);
    uint32_t first = draw(g, 0, 1);
    join.n_inputs = 2;
    join.inputs[first] = (uint32_t)g->tip;
    join.inputs[1 - first] = (uint32_t)gated;
    keep_if_valid(g, before, append(g, &join));
}

static ef_node any_reshape(growth *g)
{
    ef_node node = reading(EF_OP_RESHAPE, g->tip);
    uint32_t n = (uint32_t)ef_shape_elements(g->shape);
    node.u.reshape = (ef_shape){n, 1, 1, 2};
    if (draw(g, 0, 4)) {
        uint32_t channels = divisor(g, n, n), height = divisor(g, n / channels, n);
        node.u.reshape = (ef_shape){channels, height, n / channels / height, 4};
    }
    return node;
}

static ef_node any_softmax(growth *g)
{
    ef_node node = reading(EF_OP_SOFTMAX, g->tip);
    node.u.softmax.axis = g->shape.rank == 4 ? draw(g, 0, 2) : 0;
    return node;
}

/* The tip by itself clipped, or by the maximum of that in each channel: not near 0,
 * where runtimes differ. */
static void grow_quotient(growth *g)
{
    size_t before = g->graph.n_nodes;
    ef_node divisor = reading(EF_OP_ACTIVATION, g->tip);
    divisor.u.activation = (ef_activation){EF_ACTIVATION_CLIP, 0.5f, 2};
    size_t at = append(g, &divisor);
    if (g->shape.rank == 4 && draw(g, 0, 1)) {
        divisor = reading(EF_OP_GLOBALMAX, at);
        at = append(g, &divisor);
    }
    ef_node node = reading(EF_OP_DIV, g->tip);
    node.n_inputs = 2;
    node.inputs[1] = (uint32_t)at;
    keep_if_valid(g, before, append(g, &node));
}

static void grow_more(growth *g)
{
    size_t before = g->graph.n_nodes;
    if (g->more & RANDOM_RESHAPE && draw(g, 0, 3) == 0) {
        ef_node node = any_reshape(g);
        keep_if_valid(g, before, append(g, &node));
    }
    before = g->graph.n_nodes;
    if (g->more & RANDOM_INFERENCE && draw(g, 0, 5) == 0) {
        ef_node node = any_softmax(g);
        keep_if_valid(g, before, append(g, &node));
    }
    if (g->more & RANDOM_INFERENCE && draw(g, 0, 5) == 0) {
        grow_quotient(g);
    }
}

static void grow(growth *g)
{
    ef_node node;
    grow_more(g);
    size_t before = g->graph.n_nodes;
    switch (draw(g, 0, 8)) {
    case 0:
    case 1:
        node = g->shape.rank == 4 ? any_conv(g, g->tip) : any_dense(g, g->tip);
        break;
    case 2:
        node = any_pool(g, g->tip);
        break;
    case 3:
        node = any_activation(g, g->tip);
        break;
    case 4:
        node = reading(EF_OP_BATCHNORM, g->tip);
        break;
    case 5:
        node = reading(EF_OP_SCALE, g->tip);
        break;
    case 6:
        node = any_move(g, g->tip);
        break;
    case 7:
        grow_gate(g);
        return;
    default:
        grow_branches(g);
        return;
    }
    keep_if_valid(g, before, append(g, &node));
}

static void fill_parameters(ef_net *net, ef_rng *rng)
{
    for (size_t p = 0; p < net->n_params; p++) {
        const ef_param *param = &net->params[p];
        float *values = net->values + param->offset;
        size_t fan_in = param->count / param->dims[0];
        for (size_t i = 0; i < param->count; i++) {
            double x = ef_rng_normal(rng);
            values[i] =
                (float)(param->role == EF_ROLE_WEIGHT ? x * sqrt(2.0 / (double)fan_in)
                        : param->role == EF_ROLE_VARIANCE ? 0.3 + x * x
                        : param->role == EF_ROLE_GAMMA    ? 1 + 0.2 * x
                                                          : 0.3 * x);
        }
    }
}

/* Most end in one row of values, and then mostly in a dense layer; none is an input
 * alone. */
static void finish(growth *g)
{
    if (g->shape.rank == 4 && (g->graph.n_nodes == 1 || draw(g, 0, 5))) {
        size_t before = g->graph.n_nodes;
        ef_node flatten = reading(EF_OP_FLATTEN, g->tip);
        keep_if_valid(g, before, append(g, &flatten));
    }
    if (g->shape.rank == 2 && (g->graph.n_nodes == 1 || draw(g, 0, 5))) {
        size_t before = g->graph.n_nodes;
        ef_node dense = any_dense(g, g->tip);
        keep_if_valid(g, before, append(g, &dense));
    }
}

ef_net *random_net(uint64_t seed, size_t length, int flat)
{
    return random_net_with(seed, length, flat, 0);
}

ef_net *random_net_with(uint64_t seed, size_t length, int flat, unsigned more)
{
    growth g = {.rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 0, length, flat != 0),
                .more = more};
    ef_graph_init(&g.graph);
    ef_node input = ef_node_default(EF_OP_INPUT);
    g.shape = (ef_shape){draw(&g, 1, 9), draw(&g, 1, 11), draw(&g, 1, 11), 4};
    if (flat) {
        g.shape = (ef_shape){draw(&g, 1, 40), 1, 1, 2};
    }
    input.u.input = g.shape;
    g.tip = append(&g, &input);
    for (size_t i = 0; i < length; i++) {
        grow(&g);
    }
    finish(&g);
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_topology_create(&topology, &g.graph, &err), EF_OK, "seed %llu: %s",
                 (unsigned long long)seed, err.text);
    cr_assert_eq(ef_net_create(&net, topology, &err), EF_OK, "%s", err.text);
    fill_parameters(net, &g.rng);
    ef_topology_destroy(topology);
    ef_graph_clear(&g.graph);
    return net;
}

size_t random_net_inputs(const ef_net *net)
{
    return ef_shape_elements(
        ef_topology_shape(net->topology, ef_topology_input(net->topology)));
}

size_t random_net_outputs(const ef_net *net)
{
    return ef_shape_elements(
        ef_topology_shape(net->topology, ef_topology_output(net->topology)));
}

float *random_images(const ef_net *net, uint64_t seed, size_t n)
{
    size_t size = n * random_net_inputs(net);
    float *images = ef_calloc(size, sizeof *images);
    ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 1, n, 0);
    cr_assert_not_null(images);
    for (size_t i = 0; i < size; i++) {
        images[i] = (float)ef_rng_normal(&rng);
    }
    return images;
}

void random_bed_init(random_bed *bed, uint64_t seed, size_t length, size_t n)
{
    static char name[] = "images";
    bed->net = random_net(seed, length, 0);
    ef_shape in = ef_topology_shape(bed->net->topology, 0);
    bed->set = (ef_dataset){.name = name,
                            .format = "CSV",
                            .n = n,
                            .channels = in.channels,
                            .height = in.height,
                            .width = in.width,
                            .values = random_images(bed->net, seed, n),
                            .labels = ef_calloc(n, sizeof *bed->set.labels),
                            .n_classes = random_net_outputs(bed->net),
                            .low = -5,
                            .high = 5,
                            .first_test = n};
    bed->indices = ef_calloc(n, sizeof *bed->indices);
    cr_assert(bed->set.labels && bed->indices);
    for (size_t i = 0; i < n; i++) {
        bed->indices[i] = i;
        bed->set.labels[i] = (uint16_t)(i % bed->set.n_classes);
    }
}

void random_bed_clear(random_bed *bed)
{
    ef_net_destroy(bed->net);
    ef_free(bed->set.values);
    ef_free(bed->set.labels);
    ef_free(bed->indices);
}

ef_part random_bed_images(const random_bed *bed)
{
    return (ef_part){bed->indices, bed->set.n};
}
