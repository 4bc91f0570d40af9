/* Models as others see them: operations and names in the protobuf that is written. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/topology_yaml.h"
#include "onnx/onnx.h"
#include "onnx/onnx.pb-c.h"
#include "random_net.h"

static ef_net *net_of(const char *yaml)
{
    ef_error err = {0};
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    cr_assert_eq(ef_topology_parse(&topology, "net", yaml, strlen(yaml), &err), EF_OK,
                 "%s", err.text);
    cr_assert_eq(ef_net_create(&net, topology, &err), EF_OK, "%s", err.text);
    ef_topology_destroy(topology);
    return net;
}

static Onnx__ModelProto *write_and_unpack(const ef_net *net)
{
    ef_error err = {0};
    unsigned char *bytes = NULL;
    size_t size = 0;
    cr_assert_eq(ef_onnx_write(net, NULL, &bytes, &size, &err), EF_OK, "%s", err.text);
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, bytes);
    cr_assert_not_null(model);
    ef_free(bytes);
    return model;
}

static const Onnx__NodeProto *node_of(const Onnx__ModelProto *model, const char *name)
{
    for (size_t i = 0; i < model->graph->n_node; i++) {
        if (strcmp(model->graph->node[i]->name, name) == 0) {
            return model->graph->node[i];
        }
    }
    cr_assert_fail("no node %s", name);
    return NULL;
}

static const Onnx__TensorProto *initializer_of(const Onnx__ModelProto *model,
                                               const char *name)
{
    for (size_t i = 0; i < model->graph->n_initializer; i++) {
        if (strcmp(model->graph->initializer[i]->name, name) == 0) {
            return model->graph->initializer[i];
        }
    }
    cr_assert_fail("no initializer %s", name);
    return NULL;
}

/* --- operations: ONNX's operator reference, operator set 13 ----------------------- */

static void expect_shape(const Onnx__ModelProto *model, const char *name,
                         const int64_t *sizes, size_t n)
{
    const Onnx__NodeProto *node = node_of(model, name);
    cr_assert_str_eq(node->op_type, "Reshape");
    cr_assert_eq(node->n_input, 2);
    const Onnx__TensorProto *shape = initializer_of(model, node->input[1]);
    cr_expect_eq(shape->data_type, ONNX__TENSOR_PROTO__DATA_TYPE__INT64);
    cr_assert_eq(shape->n_dims, 1);
    cr_assert_eq(shape->dims[0], (int64_t)n);
    cr_assert_eq(shape->raw_data.len, 8 * n);
    for (size_t i = 0; i < n; i++) {
        int64_t found = 0;
        for (size_t b = 8; b-- > 0;) {
            found = found << 8 | shape->raw_data.data[8 * i + b];
        }
        cr_expect_eq(found, sizes[i], "%s, %zu: %lld", name, i, (long long)found);
    }
}

Test(onnx_write, reshapes_and_keeps_the_batch)
{
    ef_net *net = net_of("input: [2, 3, 4]\n"
                         "nodes:\n"
                         "  - {reshape: [4, 6, 1], name: a}\n"
                         "  - {reshape: 24, name: b}\n"
                         "  - {reshape: [1, 1, 24], name: c}\n");
    Onnx__ModelProto *model = write_and_unpack(net);
    expect_shape(model, "a", (const int64_t[]){0, 4, 6, 1}, 4);
    expect_shape(model, "b", (const int64_t[]){0, 24}, 2);
    expect_shape(model, "c", (const int64_t[]){0, 1, 1, 24}, 4);
    onnx__model_proto__free_unpacked(model, NULL);
    ef_net_destroy(net);
}

Test(onnx_write, counts_the_batch_among_the_axes_of_a_softmax)
{
    ef_net *net = net_of("input: [2, 3, 4]\n"
                         "nodes:\n"
                         "  - {softmax, name: s1}\n"
                         "  - {softmax, axis: 1, name: s2}\n"
                         "  - {softmax, axis: 2, name: s3}\n");
    Onnx__ModelProto *model = write_and_unpack(net);
    for (int64_t axis = 1; axis <= 3; axis++) {
        char name[8];
        snprintf(name, sizeof name, "s%d", (int)axis);
        const Onnx__NodeProto *node = node_of(model, name);
        cr_expect_str_eq(node->op_type, "Softmax");
        cr_assert_eq(node->n_attribute, 1);
        cr_expect_str_eq(node->attribute[0]->name, "axis");
        cr_expect_eq(node->attribute[0]->i, axis);
    }
    onnx__model_proto__free_unpacked(model, NULL);
    ef_net_destroy(net);
}

Test(onnx_write, divides_the_first_by_the_second)
{
    ef_net *net = net_of("input: [2, 3, 4]\n"
                         "nodes:\n"
                         "  - {tanh, name: a}\n"
                         "  - {globalmax, name: b}\n"
                         "  - {div: [a, b], name: d}\n");
    Onnx__ModelProto *model = write_and_unpack(net);
    const Onnx__NodeProto *node = node_of(model, "d");
    cr_expect_str_eq(node->op_type, "Div");
    cr_assert_eq(node->n_input, 2);
    cr_expect_str_eq(node->input[0], "a_output");
    cr_expect_str_eq(node->input[1], "b_output");
    onnx__model_proto__free_unpacked(model, NULL);
    ef_net_destroy(net);
}

Test(onnx_write, keeps_infinite_bounds_of_a_clip)
{
    ef_net *net =
        net_of("input: [2, 3, 4]\nnodes:\n  - {clip: [-.inf, .inf], name: c}");
    Onnx__ModelProto *model = write_and_unpack(net);
    const Onnx__NodeProto *node = node_of(model, "c");
    for (size_t i = 0; i < 2; i++) {
        const Onnx__TensorProto *bound = initializer_of(model, node->input[1 + i]);
        cr_assert_eq(bound->raw_data.len, 4);
        /* little-endian binary32 */
        cr_expect_eq(bound->raw_data.data[3], i ? 0x7f : 0xff);
        cr_expect_eq(bound->raw_data.data[2], 0x80);
    }
    onnx__model_proto__free_unpacked(model, NULL);
    ef_net_destroy(net);
}

/* --- names of parameters ---------------------------------------------------------- */

static void give(ef_net *net, const char *node, ef_role role, const char *name)
{
    size_t at = ef_topology_find(net->topology, node);
    cr_assert_neq(at, SIZE_MAX);
    const ef_param *param = ef_net_param(net, at, role);
    cr_assert_not_null(param);
    cr_assert_eq(ef_net_set_param_name(net, (size_t)(param - net->params), name),
                 EF_OK);
}

static void expect_input(const Onnx__ModelProto *model, const char *node, size_t input,
                         const char *name)
{
    cr_expect_str_eq(node_of(model, node)->input[input], name);
    initializer_of(model, name);
}

static const char two_layers[] = "input: [4]\n"
                                 "nodes:\n"
                                 "  - {dense: 4, bias: yes, name: a}\n"
                                 "  - {clip: [0, 6], name: c}\n"
                                 "  - {dense: 4, bias: yes, name: b}\n";

Test(onnx_write, gives_parameters_their_names)
{
    ef_net *net = net_of(two_layers);
    give(net, "a", EF_ROLE_WEIGHT, "fc1/kernel:0");
    give(net, "b", EF_ROLE_BIAS, "onnx::Gemm_7");
    Onnx__ModelProto *model = write_and_unpack(net);
    expect_input(model, "a", 1, "fc1/kernel:0");
    expect_input(model, "a", 2, "a.bias");
    expect_input(model, "b", 1, "b.weight");
    expect_input(model, "b", 2, "onnx::Gemm_7");
    onnx__model_proto__free_unpacked(model, NULL);
    ef_net_destroy(net);
}

Test(onnx_write, gives_a_name_once)
{
    ef_net *net = net_of(two_layers);
    give(net, "a", EF_ROLE_WEIGHT, "shared");
    give(net, "a", EF_ROLE_BIAS, "b.weight"); /* that is b's own */
    give(net, "b", EF_ROLE_BIAS, "shared");
    Onnx__ModelProto *model = write_and_unpack(net);
    expect_input(model, "a", 1, "shared");
    expect_input(model, "a", 2, "a.bias");
    expect_input(model, "b", 1, "b.weight");
    expect_input(model, "b", 2, "b.bias");
    onnx__model_proto__free_unpacked(model, NULL);
    ef_net_destroy(net);
}

Test(onnx_write, lets_parameters_swap_names)
{
    ef_net *net = net_of(two_layers);
    give(net, "a", EF_ROLE_WEIGHT, "b.weight");
    give(net, "b", EF_ROLE_WEIGHT, "a.weight");
    give(net, "a", EF_ROLE_BIAS, "b.bias");
    give(net, "b", EF_ROLE_BIAS, "b.weight"); /* taken, and so is its default */
    Onnx__ModelProto *model = write_and_unpack(net);
    expect_input(model, "a", 1, "b.weight");
    expect_input(model, "b", 1, "a.weight");
    expect_input(model, "a", 2, "b.bias");
    expect_input(model, "b", 2, "b.bias_2");
    onnx__model_proto__free_unpacked(model, NULL);
    ef_net_destroy(net);
}

Test(onnx_write, keeps_names_of_parameters_apart_from_all_others)
{
    static const char *const names[] = {"input",    "logits", "a_output",
                                        "c_output", "c.low",  "c.high"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ef_net *net = net_of(two_layers);
        give(net, "b", EF_ROLE_WEIGHT, names[i]);
        Onnx__ModelProto *model = write_and_unpack(net);
        expect_input(model, "b", 1, "b.weight");
        onnx__model_proto__free_unpacked(model, NULL);
        ef_net_destroy(net);
    }
}

Test(onnx_write, gives_up_cleanly_at_every_allocation)
{
    ef_net *net = random_net_with(4, 6, 0, RANDOM_RESHAPE | RANDOM_INFERENCE);
    for (size_t i = 0; i < net->n_params; i++) {
        cr_assert_eq(ef_net_set_param_name(net, i, i % 3 ? "same" : "other"), EF_OK);
    }
    for (long n = 0;; n++) {
        ef_error err = {0};
        unsigned char *bytes = NULL;
        size_t size = 0;
        ef_mem_fail_after(n);
        ef_status status = ef_onnx_write(net, NULL, &bytes, &size, &err);
        ef_mem_fail_after(-1);
        ef_free(bytes);
        if (status == EF_OK) {
            cr_assert_gt(n, 2);
            break;
        }
        cr_assert_eq(status, EF_ERR_MEMORY);
    }
    ef_net_destroy(net);
}
