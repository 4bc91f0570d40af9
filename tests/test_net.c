#include "net/net.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/topology_yaml.h"
#include "random_net.h"

static ef_error err;

static ef_net *make(const char *yaml)
{
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    ef_status status = ef_topology_parse(&topology, "net", yaml, strlen(yaml), &err);
    cr_assert_eq(status, EF_OK, "%s", err.text);
    cr_assert_eq(ef_net_create(&net, topology, &err), EF_OK, "%s", err.text);
    ef_topology_destroy(topology);
    return net;
}

static const char all[] = "input: [4, 8, 8]\n"
                          "nodes:\n"
                          "  - {conv: 6, kernel: [3, 2], groups: 2, bias: yes}\n"
                          "  - batchnorm\n"
                          "  - prelu\n"
                          "  - scale\n"
                          "  - flatten\n"
                          "  - {dense: 10}\n";

Test(net_create, lists_the_parameters_of_every_node)
{
    static const struct {
        const char *name;
        size_t n_dims;
        uint32_t dims[4];
        float first;
    } rows[] = {
        {"conv1.weight", 4, {6, 2, 3, 2}, 0},
        {"conv1.bias", 1, {6, 1, 1, 1}, 0},
        {"batchnorm1.gamma", 1, {6, 1, 1, 1}, 1},
        {"batchnorm1.beta", 1, {6, 1, 1, 1}, 0},
        {"batchnorm1.mean", 1, {6, 1, 1, 1}, 0},
        {"batchnorm1.variance", 1, {6, 1, 1, 1}, 1},
        {"act1.slope", 1, {6, 1, 1, 1}, 0.25F},
        {"scale1.scale", 1, {6, 1, 1, 1}, 1},
        {"scale1.shift", 1, {6, 1, 1, 1}, 0},
        {"dense1.weight", 2, {10, 252, 1, 1}, 0},
    };
    size_t n_rows = sizeof rows / sizeof rows[0], end = 0;
    ef_net *net = make(all);
    cr_assert_eq(net->n_params, n_rows);
    for (size_t i = 0; i < n_rows; i++) {
        const ef_param *param = &net->params[i];
        char name[EF_PARAM_NAME_SIZE];
        ef_net_param_name(net, param, name);
        cr_expect_str_eq(name, rows[i].name);
        cr_expect_eq(param->n_dims, rows[i].n_dims);
        cr_expect_arr_eq(param->dims, rows[i].dims, sizeof rows[i].dims);
        cr_expect_eq(param->count, (size_t)param->dims[0] * param->dims[1] *
                                       param->dims[2] * param->dims[3]);
        cr_expect_eq(param->offset % 16, 0);
        cr_expect_geq(param->offset, end, "%s overlaps", name);
        end = param->offset + param->count;
        for (size_t k = 0; k < param->count; k++) {
            cr_expect_eq(net->values[param->offset + k], rows[i].first);
        }
    }
    cr_expect_leq(end, net->n_values);
    cr_expect_eq((uintptr_t)net->values % 64, 0);
    ef_net_destroy(net);
}

Test(net_create, makes_a_network_without_parameters)
{
    ef_net *net = make("input: [1, 8, 8]\nnodes: [relu]\n");
    cr_expect_eq(net->n_params, 0);
    cr_expect_eq(net->n_values, 0);
    ef_net_initialise(net, 1, 2, 3);
    ef_net_destroy(net);
    ef_net_destroy(NULL);
}

Test(net_create, refuses_more_than_two_to_the_31_parameters)
{
    /* nine times 2^28 weights */
    ef_text text;
    ef_text_init(&text);
    ef_text_add(&text, "input: [16384]\nnodes:\n");
    for (size_t i = 0; i < 9; i++) {
        ef_text_add(&text, "  - {dense: 16384}\n");
    }
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    cr_assert_eq(ef_topology_parse(&topology, "net", text.bytes, text.size, &err),
                 EF_OK, "%s", err.text);
    cr_expect_eq(ef_net_create(&net, topology, &err), EF_ERR_TOPOLOGY);
    cr_expect(strstr(err.text, "more than 2^31"), "%s", err.text);
    cr_expect_null(net);
    ef_topology_destroy(topology);
    ef_text_clear(&text);
}

Test(net_create, counts_the_trained_parameters_of_the_topology)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        ef_net *net = random_net(seed, 12, seed % 5 == 0);
        for (size_t i = 0; i < ef_topology_n_nodes(net->topology); i++) {
            uint64_t trained = 0;
            for (size_t k = 0; k < net->n_params; k++) {
                const ef_param *param = &net->params[k];
                if (param->node == i && ef_role_is_trained((ef_role)param->role)) {
                    trained += param->count;
                }
            }
            cr_expect_eq(trained, ef_topology_node_params(net->topology, i));
        }
        ef_net_destroy(net);
    }
}

Test(net_param, finds_what_a_node_has_and_nothing_else)
{
    ef_net *net = make(all);
    size_t conv = ef_topology_find(net->topology, "conv1");
    size_t flatten = ef_topology_find(net->topology, "flatten1");
    size_t dense = ef_topology_find(net->topology, "dense1");
    cr_expect_eq(ef_net_param(net, conv, EF_ROLE_BIAS), &net->params[1]);
    cr_expect_eq(ef_net_values(net, conv, EF_ROLE_BIAS),
                 net->values + net->params[1].offset);
    cr_expect_null(ef_net_param(net, conv, EF_ROLE_GAMMA));
    cr_expect_null(ef_net_param(net, flatten, EF_ROLE_WEIGHT));
    cr_expect_null(ef_net_values(net, 0, EF_ROLE_WEIGHT));
    cr_expect_null(ef_net_values(net, dense, EF_ROLE_BIAS));
    ef_net_destroy(net);
}

static void mean_and_variance(const ef_net *net, const char *node, double *mean,
                              double *variance)
{
    size_t at = ef_topology_find(net->topology, node);
    const ef_param *param = ef_net_param(net, at, EF_ROLE_WEIGHT);
    const float *values = net->values + param->offset;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < param->count; i++) {
        sum += (double)values[i];
        squares += (double)values[i] * (double)values[i];
    }
    *mean = sum / (double)param->count;
    *variance = squares / (double)param->count;
}

/* Variance 2 / fan-in [1] eq. (10), 1 / fan-in in the output layer.  With n weights
 * the estimate has a standard error of sqrt(2 / n) of itself, the mean one of
 * sqrt(variance / n); five of them: false alarm below 1e-5, and the seed is fixed. */
Test(net_initialise, draws_weights_with_the_variance_of_he)
{
    ef_net *net = make("input: [16, 4, 4]\n"
                       "nodes:\n"
                       "  - {conv: 64, kernel: 3, pad: 1, name: conv}\n"
                       "  - relu\n"
                       "  - {conv: 64, kernel: 3, pad: 1, groups: 64, name: depth}\n"
                       "  - relu\n"
                       "  - flatten\n"
                       "  - {dense: 100, name: hidden}\n"
                       "  - tanh\n"
                       "  - {dense: 100, name: last}\n"
                       "  - {slice, channels: [0, 50]}\n");
    static const struct {
        const char *name;
        double variance, n;
    } rows[] = {{"conv", 2.0 / 144, 9216},
                {"depth", 2.0 / 9, 576},
                {"hidden", 2.0 / 1024, 102400},
                {"last", 1.0 / 100, 10000}};
    ef_net_initialise(net, 1, 0, 0);
    for (size_t i = 0; i < 4; i++) {
        double mean, variance;
        mean_and_variance(net, rows[i].name, &mean, &variance);
        cr_expect_float_eq(variance / rows[i].variance, 1, 5 * sqrt(2 / rows[i].n),
                           "%s: %g", rows[i].name, variance);
        cr_expect_float_eq(mean, 0, 5 * sqrt(rows[i].variance / rows[i].n), "%s: %g",
                           rows[i].name, mean);
    }
    ef_net_destroy(net);
}

Test(net_initialise, depends_on_its_keys_and_on_nothing_else)
{
    ef_net *a = make(all), *b = make(all);
    size_t bytes = a->n_values * sizeof a->values[0];
    ef_net_initialise(a, 1, 2, 3);
    memset(b->values, 0x55, bytes);
    ef_net_initialise(b, 1, 2, 3);
    for (size_t i = 0; i < a->n_params; i++) { /* the gaps between keep the 0x55 */
        cr_expect_arr_eq(a->values + a->params[i].offset,
                         b->values + b->params[i].offset,
                         a->params[i].count * sizeof a->values[0]);
    }
    static const uint64_t keys[][3] = {{2, 2, 3}, {1, 3, 3}, {1, 2, 4}};
    for (size_t i = 0; i < 3; i++) {
        ef_net_initialise(b, keys[i][0], keys[i][1], keys[i][2]);
        cr_expect_neq(a->values[0], b->values[0]);
    }
    ef_net_destroy(a);
    ef_net_destroy(b);
}

Test(net_dup, copies_topology_and_values)
{
    ef_net *net = make(all), *copy = NULL;
    ef_net_initialise(net, 1, 0, 0);
    cr_assert_eq(ef_net_dup(&copy, net), EF_OK);
    cr_expect_eq(copy->n_params, net->n_params);
    cr_expect_arr_eq(copy->values, net->values, net->n_values * sizeof net->values[0]);
    cr_expect_arr_eq(copy->params, net->params, net->n_params * sizeof net->params[0]);
    cr_expect_neq(copy->topology, net->topology);
    ef_net_destroy(net);
    cr_expect_eq(ef_topology_find(copy->topology, "dense1"), 6);
    ef_net_destroy(copy);
}

static void expect_name(const ef_net *net, size_t param, const char *name)
{
    char found[EF_PARAM_NAME_SIZE];
    ef_net_param_name(net, &net->params[param], found);
    cr_expect_str_eq(found, name);
}

Test(net_param_name, is_the_one_that_was_given)
{
    ef_net *net = make(all), *copy = NULL;
    cr_assert_eq(ef_net_set_param_name(net, 0, "onnx::Conv_193"), EF_OK);
    cr_assert_eq(ef_net_set_param_name(net, 9, "fc.weight"), EF_OK);
    cr_assert_eq(ef_net_set_param_name(net, 9, "fc/kernel:0"), EF_OK);
    cr_assert_eq(ef_net_set_param_name(net, 2, "gone"), EF_OK);
    cr_assert_eq(ef_net_set_param_name(net, 2, ""), EF_OK);
    cr_assert_eq(ef_net_set_param_name(net, 3, "gone"), EF_OK);
    cr_assert_eq(ef_net_set_param_name(net, 3, NULL), EF_OK);
    cr_assert_eq(ef_net_dup(&copy, net), EF_OK);
    ef_net_destroy(net);
    expect_name(copy, 0, "onnx::Conv_193");
    expect_name(copy, 1, "conv1.bias");
    expect_name(copy, 2, "batchnorm1.gamma");
    expect_name(copy, 3, "batchnorm1.beta");
    expect_name(copy, 9, "fc/kernel:0");
    ef_net_destroy(copy);
}

Test(net_param_name, is_cut_between_characters)
{
    ef_net *net = make(all);
    char given[EF_PARAM_NAME_SIZE + 8];
    memset(given, 'x', sizeof given);
    given[sizeof given - 1] = '\0';
    cr_assert_eq(ef_net_set_param_name(net, 0, given), EF_OK);
    given[EF_PARAM_NAME_SIZE - 1] = '\0';
    expect_name(net, 0, given);
    /* the euro sign, three bytes of which two would fit */
    memcpy(given + EF_PARAM_NAME_SIZE - 3, "\xe2\x82\xac", 4);
    cr_assert_eq(ef_net_set_param_name(net, 0, given), EF_OK);
    given[EF_PARAM_NAME_SIZE - 3] = '\0';
    expect_name(net, 0, given);
    ef_net_destroy(net);
}

Test(net_copy_names, takes_those_that_were_given)
{
    ef_net *net = make(all), *other = make(all);
    cr_assert_eq(ef_net_set_param_name(other, 0, "w"), EF_OK);
    cr_assert_eq(ef_net_set_param_name(other, 9, "v"), EF_OK);
    cr_assert_eq(ef_net_copy_names(net, 1, other, 1), EF_OK);
    expect_name(net, 0, "w");
    expect_name(net, 1, "conv1.bias");
    expect_name(net, 9, "dense1.weight");
    cr_assert_eq(ef_net_copy_names(net, 6, other, 1), EF_OK);
    expect_name(net, 9, "w");
    ef_net_destroy(net);
    ef_net_destroy(other);
}

Test(net_set_param_name, leaves_the_name_when_memory_is_short)
{
    ef_net *net = make(all);
    for (long n = 0; n < 2; n++) {
        ef_mem_fail_after(n);
        cr_expect_eq(ef_net_set_param_name(net, 0, "w"), EF_ERR_MEMORY);
        ef_mem_fail_after(-1);
        expect_name(net, 0, "conv1.weight");
    }
    ef_net_destroy(net);
}

Test(net_create, gives_up_cleanly_at_every_allocation)
{
    ef_net *model = make(all), *net = NULL;
    cr_assert_eq(ef_net_set_param_name(model, 0, "w"), EF_OK);
    for (int is_dup = 0; is_dup < 2; is_dup++) {
        long n = 0;
        for (;; n++) {
            ef_error_clear(&err);
            ef_mem_fail_after(n);
            ef_status status = is_dup ? ef_net_dup(&net, model)
                                      : ef_net_create(&net, model->topology, &err);
            ef_mem_fail_after(-1);
            if (status == EF_OK) {
                break;
            }
            cr_expect_eq(status, EF_ERR_MEMORY);
            cr_expect_null(net);
        }
        cr_expect_geq(n, 4);
        ef_net_destroy(net);
        net = NULL;
    }
    ef_net_destroy(model);
}

Test(role_name, is_the_suffix_of_initialisers)
{
    cr_expect_str_eq(ef_role_name(EF_ROLE_VARIANCE), "variance");
    cr_expect(ef_role_is_trained(EF_ROLE_GAMMA));
    cr_expect_not(ef_role_is_trained(EF_ROLE_MEAN));
}
