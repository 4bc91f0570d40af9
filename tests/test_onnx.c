/* Models as files: what was written comes back as it was, and no bytes do harm. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/forward.h"
#include "onnx_help.h"
#include "random_net.h"
#include "scratch.h"

/* The same network with formats on some of its nodes. */
static ef_net *with_formats(ef_net *net, uint64_t seed)
{
    static const char *const names[] = {"int8c", "uint8", "fixed8.5+gray", "e4m3s",
                                        "bin+stochastic"};
    ef_error err = {0};
    ef_graph graph;
    ef_topology *topology = NULL;
    ef_net *other = NULL;
    ef_graph_init(&graph);
    must(ef_graph_copy(&graph, ef_topology_graph(net->topology)), &err);
    for (size_t i = 0; i < graph.n_nodes; i++) {
        ef_node *node = &graph.nodes[i];
        if (node->op == EF_OP_CONV || node->op == EF_OP_DENSE) {
            must(ef_format_parse(names[(seed + i) % 5], &node->weight_format, &err),
                 &err);
        }
        if ((seed + i) % 3 == 0) {
            must(ef_format_parse(names[(seed + i) % 4 + 1], &node->activation_format,
                                 &err),
                 &err);
        }
    }
    must(ef_topology_create(&topology, &graph, &err), &err);
    must(ef_net_create(&other, topology, &err), &err);
    for (size_t p = 0; p < net->n_params; p++) { /* formats may change the order */
        const ef_param *param = &net->params[p];
        const char *name = ef_topology_node(net->topology, param->node)->name;
        size_t node = ef_topology_find(other->topology, name);
        memcpy(ef_net_values(other, node, (ef_role)param->role),
               net->values + param->offset, param->count * sizeof *net->values);
    }
    ef_topology_destroy(topology);
    ef_graph_clear(&graph);
    ef_net_destroy(net);
    return other;
}

static void expect_equal_nets(const ef_net *a, const ef_net *b, uint64_t seed)
{
    cr_assert_eq(ef_topology_hash(a->topology), ef_topology_hash(b->topology),
                 "seed %llu", (unsigned long long)seed);
    cr_assert_eq(ef_topology_n_nodes(a->topology), ef_topology_n_nodes(b->topology));
    for (size_t i = 0; i < ef_topology_n_nodes(a->topology); i++) {
        const ef_node *x = ef_topology_node(a->topology, i);
        const ef_node *y = ef_topology_node(b->topology, i);
        cr_assert_str_eq(x->name, y->name, "seed %llu", (unsigned long long)seed);
        cr_assert_eq(memcmp(&x->u, &y->u, sizeof x->u), 0, "seed %llu, %s",
                     (unsigned long long)seed, x->name);
        cr_assert(ef_format_equal(&x->weight_format, &y->weight_format));
        cr_assert(ef_format_equal(&x->activation_format, &y->activation_format));
    }
    cr_assert_eq(a->n_values, b->n_values);
    cr_assert_eq(memcmp(a->values, b->values, a->n_values * sizeof *a->values), 0);
}

static void expect_equal_logits(const ef_net *a, const ef_net *b, uint64_t seed)
{
    ef_error err = {0};
    const size_t n = 3;
    size_t size = n * random_net_outputs(a) * sizeof(float);
    float *images = random_images(a, seed, n);
    float *x = ef_calloc(size, 1), *y = ef_calloc(size, 1);
    cr_assert(x && y);
    must(ef_forward_naive(a, images, n, x, &err), &err);
    must(ef_forward_naive(b, images, n, y, &err), &err);
    cr_assert_eq(memcmp(x, y, size), 0, "seed %llu", (unsigned long long)seed);
    ef_free(images);
    ef_free(x);
    ef_free(y);
}

TestSuite(onnx_read, .timeout = 120);

Test(onnx_read, brings_back_what_was_written)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        ef_net *net = random_net(seed, 1 + seed % 16, seed % 8 == 7);
        if (seed % 2) {
            net = with_formats(net, seed);
        }
        packed first = write_net(net, NULL);
        ef_net *back = read_net(first, NULL);
        expect_equal_nets(net, back, seed);
        expect_equal_logits(net, back, seed);
        packed second = write_net(back, NULL);
        cr_assert_eq(first.size, second.size);
        cr_assert_eq(memcmp(first.bytes, second.bytes, first.size), 0);
        ef_free(first.bytes);
        ef_free(second.bytes);
        ef_net_destroy(back);
        ef_net_destroy(net);
    }
}

static ef_net *net_of(const ef_node *nodes, size_t n)
{
    ef_error err = {0};
    ef_graph graph;
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    ef_graph_init(&graph);
    for (size_t i = 0; i < n; i++) {
        must(ef_graph_add(&graph, &nodes[i], NULL), &err);
    }
    must(ef_topology_create(&topology, &graph, &err), &err);
    must(ef_net_create(&net, topology, &err), &err);
    ef_topology_destroy(topology);
    ef_graph_clear(&graph);
    return net;
}

static ef_node input_node(uint32_t channels, uint32_t height, uint32_t width)
{
    ef_node node = ef_node_default(EF_OP_INPUT);
    node.u.input = (ef_shape){channels, height, width, 4};
    return node;
}

static void round_trip(ef_net *net)
{
    packed m = write_net(net, NULL);
    ef_net *back = read_net(m, NULL);
    expect_equal_nets(net, back, 0);
    expect_equal_logits(net, back, 0);
    ef_free(m.bytes);
    ef_net_destroy(back);
    ef_net_destroy(net);
}

Test(onnx_read, brings_back_names_that_look_like_values)
{
    ef_node nodes[3] = {input_node(2, 3, 3), ef_node_default(EF_OP_CONV),
                        ef_node_default(EF_OP_SCALE)};
    nodes[1].u.conv.channels = 2;
    nodes[1].u.conv.bias = 1;
    for (uint32_t i = 1; i < 3; i++) {
        nodes[i].n_inputs = 1;
        nodes[i].inputs[0] = i - 1;
    }
    snprintf(nodes[0].name, sizeof nodes[0].name, "logits");
    snprintf(nodes[1].name, sizeof nodes[1].name, "input");
    snprintf(nodes[2].name, sizeof nodes[2].name, "input.weight");
    round_trip(net_of(nodes, 3));
}

/* Ceil mode in all its relations to ONNX's: windows that hang over the padded input,
 * that ONNX adds and a topology does not, and both at once. */
Test(onnx_read, brings_back_pools_in_ceil_mode)
{
    for (uint32_t code = 0; code < 2 * 2 * 6 * 6 * 3 * 3; code++) {
        uint32_t c = code;
        ef_node nodes[2] = {input_node(1, 4 + c % 6, 4 + c / 6 % 6),
                            ef_node_default(EF_OP_MAXPOOL)};
        c /= 36;
        ef_pool *pool = &nodes[1].u.pool;
        nodes[1].op = c % 2 ? EF_OP_AVGPOOL : EF_OP_MAXPOOL;
        pool->count_include_pad = c % 2 && c / 2 % 2;
        c /= 4;
        *pool = (ef_pool){.kernel = {2 + c % 3, 3},
                          .stride = {2 + c / 3, 3},
                          .dilation = {1, 1},
                          .pad = {c % 2, 1, 0, 1},
                          .ceil_mode = 1,
                          .count_include_pad = pool->count_include_pad};
        nodes[1].n_inputs = 1;
        ef_graph graph;
        ef_topology *topology = NULL;
        ef_error err = {0};
        ef_graph_init(&graph);
        must(ef_graph_add(&graph, &nodes[0], NULL), &err);
        must(ef_graph_add(&graph, &nodes[1], NULL), &err);
        if (ef_topology_create(&topology, &graph, &err) == EF_OK) {
            ef_topology_destroy(topology);
            round_trip(net_of(nodes, 2));
        }
        ef_graph_clear(&graph);
    }
}

Test(onnx_read, gives_the_metadata_of_others_back)
{
    ef_error err = {0};
    ef_net *net = random_net(3, 6, 0);
    ef_onnx_metadata given, found;
    ef_onnx_metadata_init(&given);
    ef_onnx_metadata_init(&found);
    must(ef_onnx_metadata_set(&given, "seed", "7", &err), &err);
    must(ef_onnx_metadata_set(&given, "config", "a: b\n", &err), &err);
    must(ef_onnx_metadata_set(&given, "seed", "8", &err), &err);
    packed m = write_net(net, &given);
    ef_net *back = read_net(m, &found);
    cr_expect_eq(found.n, 2);
    cr_expect_str_eq(ef_onnx_metadata_get(&found, "seed"), "8");
    cr_expect_str_eq(ef_onnx_metadata_get(&found, "config"), "a: b\n");
    cr_expect_null(ef_onnx_metadata_get(&found, "evoflip.version"));
    ef_onnx_metadata_clear(&given);
    ef_onnx_metadata_clear(&found);
    ef_free(m.bytes);
    ef_net_destroy(back);
    ef_net_destroy(net);
}

Test(onnx_write, keeps_its_own_keys_to_itself)
{
    ef_error err = {0};
    ef_net *net = random_net(3, 6, 0);
    ef_onnx_metadata given;
    packed m = {NULL, 0};
    ef_onnx_metadata_init(&given);
    must(ef_onnx_metadata_set(&given, "evoflip.version", "0", &err), &err);
    cr_expect_eq(ef_onnx_write(net, &given, &m.bytes, &m.size, &err), EF_ERR_USAGE);
    cr_expect_null(m.bytes);
    ef_onnx_metadata_clear(&given);
    ef_net_destroy(net);
}

/* --- files -------------------------------------------------------------------------
 */

TestSuite(onnx_load, .init = scratch_make, .fini = scratch_remove);

Test(onnx_load, reads_what_was_saved_and_no_output_is_overwritten_unasked)
{
    ef_error err = {0};
    ef_net *net = random_net(11, 9, 0), *back = NULL;
    const char *path = scratch_path("a.onnx");
    must(ef_onnx_save(net, NULL, path, 0, &err), &err);
    must(ef_onnx_load(&back, NULL, path, &err), &err);
    expect_equal_nets(net, back, 11);
    cr_expect_eq(ef_onnx_save(net, NULL, path, 0, &err), EF_ERR_EXISTS);
    ef_net_destroy(back);
    ef_net_destroy(net);
}

Test(onnx_load, names_a_file_that_is_missing)
{
    ef_error err = {0};
    ef_net *net = NULL;
    cr_expect_eq(ef_onnx_load(&net, NULL, scratch_path("none.onnx"), &err), EF_ERR_IO);
    cr_expect(strstr(err.text, "none.onnx"));
}

Test(onnx_load, refuses_what_is_no_model)
{
    ef_error err = {0};
    ef_net *net = NULL;
    cr_expect_eq(ef_onnx_load(&net, NULL, scratch_write_text("e.onnx", ""), &err),
                 EF_ERR_INPUT);
    cr_expect(strstr(err.text, "the file is empty"));
    ef_error_clear(&err);
    cr_expect_eq(
        ef_onnx_load(&net, NULL, scratch_write_text("t.onnx", "label,pixel\n"), &err),
        EF_ERR_INPUT);
    cr_expect(strstr(err.text, "t.onnx: not a"), "%s", err.text);
}

/* --- damage ------------------------------------------------------------------------
 */

Test(onnx_read, refuses_every_beginning_of_a_model)
{
    ef_error err;
    ef_net *net = random_net(17, 10, 0);
    packed m = write_net(net, NULL);
    for (size_t size = 0; size < m.size; size += 1 + size / 97) {
        unsigned char *part = ef_memdup(m.bytes, size); /* ends where it ends */
        ef_net *back = NULL;
        memset(&err, 0, sizeof err);
        ef_status status = ef_onnx_read(&back, NULL, "m.onnx", part, size, &err);
        cr_assert(status == EF_ERR_INPUT || status == EF_OK, "%zu: %s", size, err.text);
        if (status == EF_OK) { /* only metadata and opset may follow the graph */
            expect_equal_logits(net, back, 17);
        }
        ef_net_destroy(back);
        ef_free(part);
    }
    ef_free(m.bytes);
    ef_net_destroy(net);
}

Test(onnx_read, survives_mutations)
{
    for (uint64_t seed = 0; seed < 4000; seed++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 9, 0, 0);
        ef_net *net = random_net(seed % 40, 6, seed % 9 == 0), *back = NULL;
        ef_error err = {0};
        packed m = write_net(net, NULL);
        for (size_t k = 0; k < 1 + ef_rng_below(&rng, 6); k++) {
            size_t at = ef_rng_below(&rng, m.size);
            m.bytes[at] = (unsigned char)ef_rng_below(&rng, 256);
        }
        ef_status status = ef_onnx_read(&back, NULL, "m.onnx", m.bytes, m.size, &err);
        cr_assert_eq(status == EF_OK, err.text[0] == '\0');
        ef_net_destroy(back);
        ef_net_destroy(net);
        ef_free(m.bytes);
    }
}

Test(onnx_read, refuses_messages_nested_beyond_reason)
{
    /* graph, node, attribute, graph, node ...: keys of length-delimited fields 7, 1,
     * 5, 6; built from the inside out. */
    static const unsigned char keys[3] = {1 << 3 | 2, 5 << 3 | 2, 6 << 3 | 2};
    const size_t room = 1 << 16;
    unsigned char *bytes = ef_calloc(room, 1);
    ef_error err;
    cr_assert_not_null(bytes);
    size_t begin = room;
    for (size_t depth = 0; depth <= 3 * 3000; depth++) {
        size_t length = room - begin;
        unsigned char prefix[8];
        size_t n = 0;
        prefix[n++] = keys[2 - depth % 3];
        for (; length >= 128; length >>= 7) {
            prefix[n++] = (unsigned char)(length & 127) | 128;
        }
        prefix[n++] = (unsigned char)length;
        begin -= n;
        memcpy(bytes + begin, prefix, n);
    }
    bytes[begin] = 7 << 3 | 2; /* the outermost is the model's graph */
    cr_expect_eq(refuse(bytes + begin, room - begin, &err), EF_ERR_INPUT);
    cr_expect(strstr(err.text, "nested too deep"), "%s", err.text);
    ef_free(bytes);
}

Test(onnx_read, refuses_ten_megabytes_of_empty_nodes)
{
    const size_t size = 10 * 1000 * 1000;
    unsigned char *bytes = ef_calloc(size + 8, 1);
    ef_error err;
    cr_assert_not_null(bytes);
    size_t n = 0, length = size;
    bytes[n++] = 7 << 3 | 2;
    for (; length >= 128; length >>= 7) {
        bytes[n++] = (unsigned char)(length & 127) | 128;
    }
    bytes[n++] = (unsigned char)length;
    for (size_t i = 0; i < size; i += 2) {
        bytes[n + i] = 1 << 3 | 2;
    }
    cr_expect_eq(refuse(bytes, n + size, &err), EF_ERR_INPUT);
    cr_expect(strstr(err.text, "too many messages"), "%s", err.text);
    ef_free(bytes);
}

Test(onnx_read, refuses_a_graph_that_comes_twice)
{
    const unsigned char bytes[] = {7 << 3 | 2, 0, 7 << 3 | 2, 0};
    ef_error err;
    cr_expect_eq(refuse(bytes, sizeof bytes, &err), EF_ERR_INPUT);
    cr_expect(strstr(err.text, "comes again at byte 3"), "%s", err.text);
}

Test(onnx_read, says_so_when_memory_is_short)
{
    ef_net *net = random_net(17, 8, 0);
    packed m = write_net(net, NULL);
    long n = 0;
    for (ef_status status = EF_ERR_MEMORY; status != EF_OK; n++) {
        ef_error err = {0};
        ef_net *back = NULL;
        ef_mem_fail_after(n);
        status = ef_onnx_read(&back, NULL, "m.onnx", m.bytes, m.size, &err);
        ef_mem_fail_after(-1);
        cr_assert(status == EF_OK || (back == NULL && err.text[0] != '\0'));
        cr_assert(status == EF_OK || status == EF_ERR_MEMORY, "%ld: %s", n, err.text);
        ef_net_destroy(back);
    }
    cr_expect_gt(n, 20);
    ef_free(m.bytes);
    ef_net_destroy(net);
}

Test(onnx_write, says_so_when_memory_is_short)
{
    ef_net *net = random_net(17, 8, 0);
    long n = 0;
    for (ef_status status = EF_ERR_MEMORY; status != EF_OK; n++) {
        ef_error err = {0};
        packed m = {NULL, 0};
        ef_mem_fail_after(n);
        status = ef_onnx_write(net, NULL, &m.bytes, &m.size, &err);
        ef_mem_fail_after(-1);
        cr_assert(status == EF_OK || (status == EF_ERR_MEMORY && m.bytes == NULL));
        ef_free(m.bytes);
    }
    cr_expect_gt(n, 1);
    ef_net_destroy(net);
}
