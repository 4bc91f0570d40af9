/* Batch norms folded into the weights before them: the same function. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/forward.h"
#include "net/fold_norm.h"
#include "net/topology_yaml.h"
#include "random_net.h"

#define N_IMAGES 5

static ef_net *make(const char *yaml)
{
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_topology_parse(&topology, "test", yaml, strlen(yaml), &err), EF_OK,
                 "%s", err.text);
    cr_assert_eq(ef_net_create(&net, topology, &err), EF_OK, "%s", err.text);
    ef_topology_destroy(topology);
    return net;
}

static ef_net *fold(const ef_net *net, size_t expected)
{
    ef_net *folded = NULL;
    ef_error err = {0};
    size_t n = 99;
    cr_assert_eq(ef_net_fold_norms(&folded, net, &n, &err), EF_OK, "%s", err.text);
    if (expected != SIZE_MAX) {
        cr_expect_eq(n, expected, "%zu folded", n);
    }
    cr_expect_eq(ef_topology_n_nodes(folded->topology) + n,
                 ef_topology_n_nodes(net->topology));
    return folded;
}

static void set(ef_net *net, const char *node, ef_role role, const float *values)
{
    size_t index = ef_topology_find(net->topology, node);
    cr_assert_neq(index, SIZE_MAX);
    const ef_param *param = ef_net_param(net, index, role);
    memcpy(net->values + param->offset, values, param->count * sizeof *values);
}

static void expect(const ef_net *net, const char *node, ef_role role, size_t n,
                   const float *values)
{
    size_t index = ef_topology_find(net->topology, node);
    cr_assert_neq(index, SIZE_MAX);
    const ef_param *param = ef_net_param(net, index, role);
    cr_assert(param && param->count == n);
    for (size_t i = 0; i < n; i++) {
        cr_expect_eq(net->values[param->offset + i], values[i], "%s %s %zu: %g", node,
                     ef_role_name(role), i, (double)net->values[param->offset + i]);
    }
}

static float *run(const ef_net *net, const float *images, size_t n)
{
    ef_error err = {0};
    float *logits = ef_calloc(n * random_net_outputs(net), sizeof *logits);
    cr_assert_not_null(logits);
    cr_assert_eq(ef_forward_naive(net, images, n, logits, &err), EF_OK);
    return logits;
}

/* Largest difference of logits as a share of the largest logit. */
static double distance(const ef_net *a, const ef_net *b, const float *images, size_t n)
{
    float *of_a = run(a, images, n), *of_b = run(b, images, n);
    double largest = 0, difference = 0;
    for (size_t i = 0; i < n * random_net_outputs(a); i++) {
        largest = fmax(largest, fabs((double)of_a[i]));
        difference = fmax(difference, fabs((double)of_a[i] - (double)of_b[i]));
    }
    ef_free(of_a);
    ef_free(of_b);
    return largest > 0 ? difference / largest : difference;
}

/* g is a power of two, so that every step is exact. */
Test(net_fold_norms, powers_of_two_are_folded_to_the_bit)
{
    ef_net *net = make("name: exact\n"
                       "input: [1, 1, 2]\n"
                       "nodes:\n"
                       "  - {conv: 2, kernel: 1, bias: yes, name: c}\n"
                       "  - {batchnorm, epsilon: 0.25, name: b}\n"
                       "  - {flatten, name: f}\n");
    set(net, "c", EF_ROLE_WEIGHT, (float[]){3, -5});
    set(net, "c", EF_ROLE_BIAS, (float[]){1, 2});
    set(net, "b", EF_ROLE_GAMMA, (float[]){4, -1});
    set(net, "b", EF_ROLE_VARIANCE, (float[]){3.75F, 0});
    set(net, "b", EF_ROLE_MEAN, (float[]){0.5F, -1});
    set(net, "b", EF_ROLE_BETA, (float[]){10, 0.25F});
    ef_net *folded = fold(net, 1);
    /* g = 4/2 and -1/0.5; biases 2 (1 - 0.5) + 10 and -2 (2 + 1) + 0.25 */
    expect(folded, "c", EF_ROLE_WEIGHT, 2, (float[]){6, 10});
    expect(folded, "c", EF_ROLE_BIAS, 2, (float[]){11, -5.75F});
    static const float image[] = {7, -0.125F};
    cr_expect_eq(distance(net, folded, image, 1), 0);
    ef_net_destroy(folded);
    ef_net_destroy(net);
}

Test(net_fold_norms, a_chain_is_rounded_once)
{
    ef_net *net = make("name: chain\n"
                       "input: [2]\n"
                       "nodes:\n"
                       "  - {dense: 1, name: d}\n"
                       "  - {batchnorm, epsilon: 0, name: a}\n"
                       "  - {batchnorm, epsilon: 0, name: b, activations: fixed8}\n");
    set(net, "d", EF_ROLE_WEIGHT, (float[]){1, 0.1F});
    set(net, "a", EF_ROLE_GAMMA, (float[]){1});
    set(net, "a", EF_ROLE_VARIANCE, (float[]){9});
    set(net, "b", EF_ROLE_GAMMA, (float[]){3});
    set(net, "a", EF_ROLE_BETA, (float[]){2});
    set(net, "b", EF_ROLE_MEAN, (float[]){1});
    ef_net *folded = fold(net, 2);
    /* 0.1F / 3 rounded to float32 and then times 3 is not 0.1F */
    expect(folded, "d", EF_ROLE_WEIGHT, 2, (float[]){1, 0.1F});
    expect(folded, "d", EF_ROLE_BIAS, 1, (float[]){3});
    char name[EF_FORMAT_NAME];
    size_t d = ef_topology_find(folded->topology, "d");
    ef_format_name(&ef_topology_node(folded->topology, d)->activation_format, name);
    cr_expect_str_eq(name, "fixed8");
    ef_net_destroy(folded);
    ef_net_destroy(net);
}

Test(net_fold_norms, what_others_read_and_what_follows_no_weights_stays)
{
    ef_net *net = make("name: stays\n"
                       "input: [4, 4, 4]\n"
                       "nodes:\n"
                       "  - {batchnorm, name: first}\n"
                       "  - {conv: 4, kernel: 1, name: shared}\n"
                       "  - {batchnorm, name: second}\n"
                       "  - {add: [shared, second], name: sum}\n"
                       "  - {conv: 4, kernel: 1, name: single}\n"
                       "  - {relu, name: r}\n"
                       "  - {batchnorm, name: third}\n");
    ef_net *folded = fold(net, 0);
    cr_expect_eq(ef_topology_hash(folded->topology), ef_topology_hash(net->topology));
    cr_expect_eq(folded->n_values, net->n_values);
    cr_expect_arr_eq(folded->values, net->values, net->n_values * sizeof(float));
    ef_net_destroy(folded);
    ef_net_destroy(net);
}

Test(net_fold_norms, a_negative_variance_stays_a_nan)
{
    ef_net *net = make("name: nan\n"
                       "input: [1]\n"
                       "nodes:\n"
                       "  - {dense: 1, name: d}\n"
                       "  - {batchnorm, name: b}\n");
    set(net, "d", EF_ROLE_WEIGHT, (float[]){1});
    set(net, "b", EF_ROLE_VARIANCE, (float[]){-1});
    ef_net *folded = fold(net, 1);
    float *logits = run(folded, (float[]){1}, 1);
    cr_expect(isnan(logits[0]));
    ef_free(logits);
    ef_net_destroy(folded);
    ef_net_destroy(net);
}

Test(net_fold_norms, given_names_of_parameters_stay)
{
    ef_net *net = make("name: names\n"
                       "input: [1]\n"
                       "nodes:\n"
                       "  - {dense: 1, name: d}\n"
                       "  - {batchnorm, name: b}\n");
    char name[EF_PARAM_NAME_SIZE];
    cr_assert_eq(ef_net_set_param_name(net, 0, "onnx::Gemm_17"), EF_OK);
    ef_net *folded = fold(net, 1);
    cr_assert_eq(folded->n_params, 2);
    ef_net_param_name(folded, &folded->params[0], name);
    cr_expect_str_eq(name, "onnx::Gemm_17");
    ef_net_param_name(folded, &folded->params[1], name);
    cr_expect_str_eq(name, "d.bias");
    ef_net_destroy(folded);
    ef_net_destroy(net);
}

TestSuite(net_fold_norms, .timeout = 60);

/* Batch norms that can be folded are gone, and the logits are within TOLERANCE of the
 * largest: some rounding errors of 2^-24 per layer, amplified where sums cancel. */
#define TOLERANCE 1e-5

Test(net_fold_norms, random_networks_compute_the_same)
{
    size_t n_nets = 0;
    double worst = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        ef_net *net = random_net(seed, 4 + seed % 16, seed % 8 == 7);
        float *images = random_images(net, seed, N_IMAGES);
        ef_net *folded = fold(net, SIZE_MAX);
        n_nets += folded->topology && ef_topology_n_nodes(folded->topology) <
                                          ef_topology_n_nodes(net->topology);
        double found = distance(net, folded, images, N_IMAGES);
        worst = fmax(worst, found);
        cr_expect_lt(found, TOLERANCE, "seed %llu: %g", (unsigned long long)seed,
                     found);
        ef_net *again = fold(folded, 0);
        ef_net_destroy(again);
        ef_net_destroy(folded);
        ef_net_destroy(net);
        ef_free(images);
    }
    cr_log_info("%zu networks, worst %g", n_nets, worst);
    cr_expect_gt(n_nets, 30, "%zu", n_nets);
}

Test(net_fold_norms, short_memory_is_an_error_and_leaves_nothing)
{
    ef_net *net = make("name: short\n"
                       "input: [1]\n"
                       "nodes:\n"
                       "  - {dense: 1, name: d}\n"
                       "  - {batchnorm, name: b}\n");
    cr_assert_eq(ef_net_set_param_name(net, 0, "onnx::Gemm_17"), EF_OK);
    int failures = 0;
    for (long n = 0; n < 100; n++) {
        ef_net *folded = NULL;
        ef_error err = {0};
        size_t n_folded = 99;
        ef_mem_fail_after(n);
        ef_status status = ef_net_fold_norms(&folded, net, &n_folded, &err);
        ef_mem_fail_after(-1);
        failures += status == EF_ERR_MEMORY;
        cr_expect(status == EF_OK ||
                  (status == EF_ERR_MEMORY && !folded && n_folded == 99));
        ef_net_destroy(folded);
    }
    cr_expect(failures > 5 && failures < 100, "%d", failures);
    ef_net_destroy(net);
}
