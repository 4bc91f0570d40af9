/* What network operators make: always networks of the space, from parents that stay as
 * they are, the same for the same stream. */
#include "net/morph.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "net/morph_priv.h"
#include "net/topology_yaml.h"

static const float scale[] = {0.5F, 1, 2}, shift[] = {0.25F, 0, -1};
static const ef_task tasks[] = {{{1, 8, 8, 4}, 10, scale, shift},
                                {{1, 28, 28, 4}, 10, NULL, NULL},
                                {{3, 32, 32, 4}, 43, scale, shift}};
#define N_TASKS (sizeof tasks / sizeof tasks[0])

static ef_error err;

static void must(ef_status status)
{
    cr_assert_eq(status, EF_OK, "%s: %s", ef_status_name(status), err.text);
}

static ef_space *default_space(void)
{
    ef_space *space = NULL;
    must(ef_space_default(&space, &err));
    return space;
}

static ef_net *random_from(const ef_space *space, uint64_t seed)
{
    ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 0, 0, 0);
    ef_net *net = NULL;
    must(ef_space_random(&rng, space, &tasks[seed % N_TASKS], &net, &err));
    return net;
}

/* Topology, names and values: equal for equal bytes. */
static uint64_t digest(const ef_net *net)
{
    uint64_t hash = ef_topology_hash(net->topology);
    for (size_t i = 0; i < ef_topology_n_nodes(net->topology); i++) {
        const char *name = ef_topology_node(net->topology, i)->name;
        hash = ef_hash_bytes(hash, name, strlen(name));
    }
    return ef_hash_bytes(hash, net->values, net->n_values * sizeof net->values[0]);
}

static int is_finite(const ef_net *net)
{
    int finite = 1;
    for (size_t i = 0; i < net->n_values; i++) {
        finite &= isfinite(net->values[i]) != 0;
    }
    return finite;
}

static int is_scale_kept(const ef_net *net, const ef_task *task)
{
    for (size_t i = 0; i < ef_topology_n_nodes(net->topology); i++) {
        if (ef_topology_node(net->topology, i)->op == EF_OP_SCALE) {
            return memcmp(ef_net_values(net, i, EF_ROLE_SHIFT), task->shift,
                          task->input.channels * sizeof(float)) == 0;
        }
    }
    return task->scale == NULL;
}

TestSuite(morph_mutate, .timeout = 120);

Test(morph_mutate, long_chains_stay_in_the_space_and_leave_parents_alone)
{
    ef_space *space = default_space();
    size_t used[EF_OPERATOR_COUNT] = {0};
    for (uint64_t seed = 0; seed < 90; seed++) {
        const ef_task *task = &tasks[seed % N_TASKS];
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 1, 0, 0);
        ef_net *net = NULL;
        must(ef_space_sample(&rng, space, task, &net, &err));
        for (size_t step = 0; step < 40; step++) {
            ef_net *child = NULL;
            const char *name = NULL;
            uint64_t before = digest(net);
            must(ef_morph_mutate(&rng, space, net, &child, &name, &err));
            must(ef_space_allows(space, child->topology, &err));
            cr_assert_eq(digest(net), before, "%s changed its parent", name);
            cr_assert(is_finite(child), "%s", name);
            cr_assert(is_scale_kept(child, task), "%s", name);
            cr_assert_neq(ef_topology_hash(child->topology),
                          ef_topology_hash(net->topology), "%s changed nothing", name);
            for (size_t i = 0; i < EF_OPERATOR_COUNT; i++) {
                used[i] += strcmp(ef_operators[i].name, name) == 0;
            }
            ef_net_destroy(net);
            net = child;
        }
        ef_net_destroy(net);
    }
    for (size_t i = 0; i < EF_OPERATOR_COUNT; i++) {
        cr_assert_gt(used[i], 10, "%s found %zu places", ef_operators[i].name, used[i]);
    }
    ef_space_destroy(space);
}

Test(morph_mutate, the_same_stream_gives_the_same_child)
{
    ef_space *space = default_space();
    for (uint64_t seed = 0; seed < 100; seed++) {
        uint64_t digests[2];
        for (size_t i = 0; i < 2; i++) {
            ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 2, 0, 0);
            ef_net *net = random_from(space, seed), *child = NULL;
            must(ef_morph_mutate(&rng, space, net, &child, NULL, &err));
            digests[i] = digest(child);
            ef_net_destroy(net);
            ef_net_destroy(child);
        }
        cr_assert_eq(digests[0], digests[1]);
    }
    ef_space_destroy(space);
}

/* The naive twin of a plan is the child that the same draws make with its values. */
static void expect_plan(const ef_net *plan, const ef_net *twin, ef_rng after_plan,
                        ef_rng after_twin)
{
    cr_assert_null(plan->values);
    cr_assert_eq(ef_topology_hash(plan->topology), ef_topology_hash(twin->topology));
    cr_assert_eq(plan->n_values, twin->n_values);
    cr_assert_eq(plan->n_params, twin->n_params);
    cr_assert(after_plan.state == after_twin.state);
}

Test(morph_mutate, plans_have_the_topology_of_children_and_draw_as_much)
{
    ef_space *space = default_space();
    ef_space plans = *space;
    plans.plans = 1;
    size_t n_crossed = 0;
    for (uint64_t seed = 0; seed < 1500; seed++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 9, 0, 0), other = rng;
        ef_net *a = random_from(space, seed), *b = random_from(space, seed + N_TASKS);
        ef_net *plan = NULL, *twin = NULL;
        must(ef_morph_mutate(&rng, &plans, a, &plan, NULL, &err));
        must(ef_morph_mutate(&other, space, a, &twin, NULL, &err));
        expect_plan(plan, twin, rng, other);
        ef_net_destroy(plan);
        ef_net_destroy(twin);
        plan = twin = NULL;
        ef_status status = ef_morph_crossover(&rng, &plans, a, b, &plan, NULL);
        cr_assert_eq(ef_morph_crossover(&other, space, a, b, &twin, NULL), status);
        if (!status) {
            expect_plan(plan, twin, rng, other);
            n_crossed++;
        }
        ef_net_destroy(plan);
        ef_net_destroy(twin);
        ef_net_destroy(a);
        ef_net_destroy(b);
    }
    cr_assert_gt(n_crossed, 100);
    ef_space_destroy(space);
}

Test(morph_mutate, only_operators_with_a_weight_are_drawn)
{
    ef_space *space = default_space();
    memset(space->weights, 0, sizeof space->weights);
    space->weights[EF_OPERATOR_WIDEN] = 0.25;
    space->weights[EF_OPERATOR_PRUNE] = 0.75;
    ef_net *net = random_from(space, 3);
    size_t n_prune = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 3, 0, 0);
        const char *name = NULL;
        ef_net *child = NULL;
        must(ef_morph_mutate(&rng, space, net, &child, &name, &err));
        cr_assert(strcmp(name, "widen") == 0 || strcmp(name, "prune") == 0);
        n_prune += strcmp(name, "prune") == 0;
        ef_net_destroy(child);
    }
    /* Binomial(400, 3/4): 5 standard deviations of 8.7 */
    cr_assert(n_prune > 256 && n_prune < 344, "%zu", n_prune);
    ef_net_destroy(net);
    ef_space_destroy(space);
}

Test(morph_mutate, says_so_when_no_operator_fits)
{
    ef_space *space = default_space();
    ef_net *net = random_from(space, 4), *child = NULL;
    space->max_nodes = 1;
    ef_rng rng = ef_rng_stream(4, EF_PURPOSE_TEST, 0, 0, 0);
    cr_assert_eq(ef_morph_mutate(&rng, space, net, &child, NULL, &err),
                 EF_ERR_TOPOLOGY);
    cr_assert_str_eq(err.text, "no operator finds a place in the network that the "
                               "search space built-in allows");
    cr_assert_null(child);
    ef_net_destroy(net);
    ef_space_destroy(space);
}

Test(morph_operators, memory_may_run_out_at_any_moment)
{
    ef_space *space = default_space();
    for (size_t i = 0; i < EF_OPERATOR_COUNT; i++) {
        ef_net *net = NULL, *child = NULL;
        uint64_t seed = 0;
        ef_status status = EF_ERR_TOPOLOGY;
        while (status == EF_ERR_TOPOLOGY) {
            ef_rng rng = ef_rng_stream(5, EF_PURPOSE_TEST, 0, 0, 0);
            ef_net_destroy(net);
            net = random_from(space, ++seed);
            status = ef_operators[i].apply(&rng, space, net, &child, NULL);
        }
        must(status);
        uint64_t expected = digest(child);
        ef_net_destroy(child);
        status = EF_ERR_MEMORY;
        for (long k = 0; status == EF_ERR_MEMORY; k++) {
            ef_rng rng = ef_rng_stream(5, EF_PURPOSE_TEST, 0, 0, 0);
            child = NULL;
            ef_mem_fail_after(k);
            status = ef_operators[i].apply(&rng, space, net, &child, NULL);
            ef_mem_fail_after(-1);
            cr_assert(status == EF_ERR_MEMORY || status == EF_OK, "%s: %s",
                      ef_operators[i].name, ef_status_name(status));
            cr_assert(status == EF_OK || child == NULL);
        }
        cr_assert_eq(digest(child), expected, "%s", ef_operators[i].name);
        ef_net_destroy(child);
        ef_net_destroy(net);
    }
    ef_space_destroy(space);
}

/* --- what single operators do ------------------------------------------------ */

/* A chain: input, two blocks of conv, batch norm and activation, average, dense. */
static ef_net *chain_of(uint32_t first, uint32_t second, ef_activation activation)
{
    ef_graph graph;
    ef_graph_init(&graph);
    ef_node nodes[10] = {
        ef_node_default(EF_OP_INPUT),      ef_node_default(EF_OP_CONV),
        ef_node_default(EF_OP_BATCHNORM),  ef_node_default(EF_OP_ACTIVATION),
        ef_node_default(EF_OP_CONV),       ef_node_default(EF_OP_BATCHNORM),
        ef_node_default(EF_OP_ACTIVATION), ef_node_default(EF_OP_GLOBALAVG),
        ef_node_default(EF_OP_FLATTEN),    ef_node_default(EF_OP_DENSE)};
    nodes[0].u.input = (ef_shape){1, 8, 8, 4};
    for (size_t i = 1; i <= 4; i += 3) {
        ef_conv *conv = &nodes[i].u.conv;
        conv->channels = i == 1 ? first : second;
        conv->kernel[0] = conv->kernel[1] = 3;
        conv->pad[0] = conv->pad[1] = conv->pad[2] = conv->pad[3] = 1;
    }
    nodes[3].u.activation = nodes[6].u.activation = activation;
    nodes[9].u.dense = (ef_dense){10, 1};
    for (uint32_t i = 0; i < 10; i++) {
        nodes[i].n_inputs = i > 0;
        nodes[i].inputs[0] = i - (i > 0);
        must(ef_graph_add(&graph, &nodes[i], NULL));
    }
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    must(ef_topology_create(&topology, &graph, &err));
    must(ef_net_create(&net, topology, &err));
    ef_net_initialise(net, 1, 0, 0);
    ef_topology_destroy(topology);
    ef_graph_clear(&graph);
    return net;
}

static ef_net *chain(uint32_t first, uint32_t second)
{
    return chain_of(first, second, (ef_activation){EF_ACTIVATION_RELU, 0, 0});
}

static uint32_t width_of(const ef_net *net, const char *name)
{
    size_t at = ef_topology_find(net->topology, name);
    cr_assert_neq(at, SIZE_MAX, "%s", name);
    return ef_topology_shape(net->topology, at).channels;
}

Test(morph_widen, copies_filters_and_shares_out_what_readers_weigh)
{
    ef_space *space = default_space();
    ef_net *net = chain(16, 64), *child = NULL; /* the second is as wide as can be */
    ef_rng rng = ef_rng_stream(6, EF_PURPOSE_TEST, 0, 0, 0);
    must(ef_morph_widen(&rng, space, net, &child, &err));
    uint32_t n = width_of(child, "conv1");
    cr_assert(n == 24 || n == 32, "%u", n);
    const float *was = ef_net_values(net, 1, EF_ROLE_WEIGHT);
    const float *now = ef_net_values(child, 1, EF_ROLE_WEIGHT);
    cr_assert_eq(memcmp(was, now, 16 * 9 * sizeof *was), 0);
    const float *out = ef_net_values(net, 4, EF_ROLE_WEIGHT);
    const float *shared = ef_net_values(child, 4, EF_ROLE_WEIGHT);
    for (uint32_t i = 0; i < 16; i++) {
        double sum = 0;
        for (uint32_t j = 0; j < n; j++) {
            int copy = memcmp(now + j * 9, now + i * 9, 9 * sizeof *now) == 0;
            cr_assert(!copy || shared[j * 9] / out[i * 9] > 0);
            sum += copy ? shared[j * 9] : 0;
        }
        cr_assert_float_eq(sum, out[i * 9], 1e-6);
    }
    ef_net_destroy(net);
    ef_net_destroy(child);
    ef_space_destroy(space);
}

Test(morph_prune, drops_the_filters_that_do_least)
{
    ef_space *space = default_space();
    ef_net *net = chain(16, 8), *child = NULL; /* the second is as narrow as can be */
    float *gamma = ef_net_values(net, 2, EF_ROLE_GAMMA);
    for (size_t i = 0; i < 16; i++) {
        gamma[i] = i % 2 ? 1e-3F : 1;
    }
    ef_rng rng = ef_rng_stream(7, EF_PURPOSE_TEST, 0, 0, 0);
    must(ef_morph_prune(&rng, space, net, &child, &err));
    cr_assert_eq(width_of(child, "conv1"), 8);
    const float *was = ef_net_values(net, 1, EF_ROLE_WEIGHT);
    const float *now = ef_net_values(child, 1, EF_ROLE_WEIGHT);
    for (size_t i = 0; i < 8; i++) {
        cr_assert_eq(memcmp(was + 2 * i * 9, now + i * 9, 9 * sizeof *was), 0);
    }
    ef_net_destroy(net);
    ef_net_destroy(child);
    ef_space_destroy(space);
}

/* relu of N(0.5, 1), by numerical integration; see below. */
Test(morph_insert, batch_norm_starts_from_the_moments_of_relu)
{
    ef_space *space = default_space();
    ef_net *net = chain(8, 8), *child = NULL;
    for (size_t i = 0; i < 8; i++) {
        ef_net_values(net, 2, EF_ROLE_BETA)[i] = 0.5F;
        ef_net_values(net, 5, EF_ROLE_BETA)[i] = 0.5F;
    }
    ef_rng rng = ef_rng_stream(8, EF_PURPOSE_TEST, 0, 0, 0);
    must(ef_morph_insert(&rng, space, net, &child, &err));
    size_t at = ef_topology_find(child->topology, "batchnorm3");
    cr_assert_neq(at, SIZE_MAX);
    for (size_t i = 0; i < 8; i++) {
        cr_assert_float_eq(ef_net_values(child, at, EF_ROLE_MEAN)[i], 0.6977966, 2e-5);
        cr_assert_float_eq(ef_net_values(child, at, EF_ROLE_VARIANCE)[i], 0.5534407,
                           2e-5);
    }
    ef_net_destroy(net);
    ef_net_destroy(child);
    ef_space_destroy(space);
}

/* --- moments ------------------------------------------------------------------ */

/* Means and variances by the midpoint rule over 400,000 cells of 24 deviations. */
Test(morph_insert, goes_behind_a_relu_that_repeats_another)
{
    static const char text[] = "name: repeated\n"
                               "input: [1, 8, 8]\n"
                               "nodes:\n"
                               "  - {scale, name: s}\n"
                               "  - {conv: 8, kernel: 3, pad: 1, name: c}\n"
                               "  - {batchnorm, name: b}\n"
                               "  - {relu, name: r1}\n"
                               "  - {relu, name: r2}\n"
                               "  - {globalavg, name: g}\n"
                               "  - {flatten, name: f}\n"
                               "  - {dense: 10, bias: yes, name: d}\n";
    ef_space *space = default_space();
    ef_topology *topology = NULL;
    ef_net *parent = NULL;
    must(ef_topology_parse(&topology, "repeated", text, sizeof text - 1, &err));
    must(ef_net_create(&parent, topology, &err));
    ef_net_initialise(parent, 1, 0, 0);
    size_t n_made = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 2, 0, 0);
        ef_net *child = NULL;
        ef_error why = {0};
        ef_status status = ef_morph_insert(&rng, space, parent, &child, &why);
        cr_assert(status == EF_OK || status == EF_ERR_TOPOLOGY, "%s", why.text);
        n_made += status == EF_OK;
        ef_net_destroy(child);
    }
    cr_assert_gt(n_made, 10);
    ef_net_destroy(parent);
    ef_topology_destroy(topology);
    ef_space_destroy(space);
}

Test(morph_moments, closed_forms_equal_numerical_integration)
{
    static const struct {
        float beta, gamma;
        ef_activation activation;
        double mean, variance;
    } rows[] = {
        {0.5F, 1, {EF_ACTIVATION_RELU, 0, 0}, 0.6977966, 0.5534407},
        {0.5F, 2, {EF_ACTIVATION_RELU, 0, 0}, 1.0726894, 1.7805075},
        {4, 3, {EF_ACTIVATION_CLIP, 0, 6}, 3.6738264, 4.3848177},
        {4, 3, {EF_ACTIVATION_CLIP, -1, 5}, 3.2967713, 3.6902776},
        {-1, 0.5F, {EF_ACTIVATION_LEAKY, 0.1F, 0}, -0.0961792, 0.0046773},
        {2, 0, {EF_ACTIVATION_RELU, 0, 0}, 2, 0},
        {4, 3, {EF_ACTIVATION_CLIP, -INFINITY, 5}, 3.2372917, 4.3305956},
        {4, 3, {EF_ACTIVATION_CLIP, -1, INFINITY}, 4.0594797, 8.2689507},
        {4, 3, {EF_ACTIVATION_CLIP, -INFINITY, INFINITY}, 4, 9},
        {-2, 0.5F, {EF_ACTIVATION_CLIP, 1, INFINITY}, 1, 0},
        {2, 0, {EF_ACTIVATION_CLIP, -INFINITY, 1}, 1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ef_net *net = chain_of(8, 8, rows[i].activation);
        ef_net_values(net, 2, EF_ROLE_BETA)[5] = rows[i].beta;
        ef_net_values(net, 2, EF_ROLE_GAMMA)[5] = rows[i].gamma;
        ef_moments moments;
        const float *mean, *variance;
        must(ef_moments_init(&moments, net, &err));
        mean = ef_moments_of(&moments, 3, &variance);
        /* 1 + epsilon, 1e-5, divides the variance of what a batch norm gives */
        cr_assert_float_eq(mean[5], rows[i].mean, 5e-5, "row %zu: %g", i, mean[5]);
        cr_assert_float_eq(variance[5], rows[i].variance, 1e-4, "row %zu", i);
        ef_moments_clear(&moments);
        ef_net_destroy(net);
    }
}

static ef_net *parse_net(const char *text)
{
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    must(ef_topology_parse(&topology, "net", text, strlen(text), &err));
    must(ef_net_create(&net, topology, &err));
    ef_net_initialise(net, 1, 0, 0);
    ef_topology_destroy(topology);
    return net;
}

Test(morph_moments, know_softmax_div_and_reshape)
{
    ef_net *net = parse_net("input: [4, 1, 3]\n"
                            "nodes:\n"
                            "  - {batchnorm, name: n}\n"
                            "  - {reshape: [2, 2, 3], name: r}\n"
                            "  - {reshape: [6, 2, 1], name: l}\n"
                            "  - {softmax, name: s}\n"
                            "  - {reshape: [4, 1, 3], name: t}\n"
                            "  - {div: [t, n], name: d}\n");
    float *beta = ef_net_values(net, 1, EF_ROLE_BETA);
    float *gamma = ef_net_values(net, 1, EF_ROLE_GAMMA);
    for (size_t i = 0; i < 4; i++) {
        beta[i] = (float)i;
        gamma[i] = 0.5F;
    }
    ef_moments moments;
    must(ef_moments_init(&moments, net, &err));
    const float *v, *m = ef_moments_of(&moments, 2, &v);
    cr_expect(m[0] == 0 && m[1] == 0 && v[0] == 1 && v[1] == 1, "channels are mixed");
    /* Dirichlet, K = 6 ones: mean 1 / K, variance (K - 1) / (K^2 (K + 1)) */
    m = ef_moments_of(&moments, ef_topology_find(net->topology, "s"), &v);
    cr_expect_float_eq(m[5], 1.0 / 6, 1e-7);
    cr_expect_float_eq(v[5], 5.0 / (36 * 7), 1e-7);
    /* delta method: m = a / b, v = (va + m^2 vb) / b^2; channel 0 may divide by 0 */
    m = ef_moments_of(&moments, ef_topology_find(net->topology, "d"), &v);
    cr_expect(m[0] == 0 && v[0] == 1);
    cr_expect_float_eq(m[2], 0, 1e-6);
    cr_expect_float_eq(v[2], 0.25, 1e-4);
    ef_moments_clear(&moments);
    ef_net_destroy(net);
}

Test(morph_operators, leave_networks_with_other_operations_alone)
{
    ef_space *space = default_space();
    ef_net *net = parse_net("input: [1, 8, 8]\n"
                            "nodes:\n"
                            "  - {conv: 8, kernel: 3, pad: 1, name: a}\n"
                            "  - batchnorm\n"
                            "  - {relu, name: r}\n"
                            "  - {conv: 8, kernel: 3, pad: 1, name: b}\n"
                            "  - {softmax, axis: 1, name: s}\n"
                            "  - {div: [r, s]}\n"
                            "  - {reshape: [8, 4, 16]}\n"
                            "  - {clip: [-.inf, 3]}\n"
                            "  - {conv: 8, kernel: 3, pad: 1}\n"
                            "  - batchnorm\n"
                            "  - relu\n"
                            "  - {maxpool: 2}\n"
                            "  - globalavg\n"
                            "  - flatten\n"
                            "  - {dense: 10, bias: yes}\n");
    uint64_t before = digest(net);
    for (uint64_t seed = 0; seed < 20 * EF_OPERATOR_COUNT; seed++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 5, 0, 0);
        const ef_operator_row *row = &ef_operators[seed % EF_OPERATOR_COUNT];
        ef_net *child = NULL;
        cr_expect_eq(row->apply(&rng, space, net, &child, NULL), EF_ERR_TOPOLOGY, "%s",
                     row->name);
        cr_expect_null(child);
    }
    cr_expect_eq(digest(net), before);
    ef_net_destroy(net);
    ef_space_destroy(space);
}

static void expect_name(const ef_net *net, const char *node, const char *name)
{
    size_t at = ef_topology_find(net->topology, node);
    cr_assert_neq(at, SIZE_MAX, "%s", node);
    char found[EF_PARAM_NAME_SIZE];
    ef_net_param_name(net, ef_net_param(net, at, EF_ROLE_WEIGHT), found);
    cr_expect_str_eq(found, name);
}

Test(morph_operators, keep_the_names_of_parameters)
{
    ef_space *space = default_space();
    for (uint64_t seed = 0; seed < 5; seed++) {
        ef_net *net = chain(16, 64), *child = NULL;
        must(ef_net_set_param_name(net, 0, "first"));
        must(ef_net_set_param_name(net, net->n_params - 2, "last"));
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 6, 0, 0);
        must(ef_morph_widen(&rng, space, net, &child, &err));
        expect_name(child, "conv1", "first");
        expect_name(child, "conv2", "conv2.weight");
        expect_name(child, "dense1", "last");
        ef_net_destroy(child);
        ef_net_destroy(net);
    }
    ef_space_destroy(space);
}

/* --- crossover ------------------------------------------------------------------ */

/* Whether some node of the parent has these very parameters. */
static int comes_from(const ef_net *child, const ef_param *param, const ef_net *parent)
{
    for (size_t i = 0; i < parent->n_params; i++) {
        const ef_param *other = &parent->params[i];
        if (other->role == param->role && other->count == param->count &&
            memcmp(parent->values + other->offset, child->values + param->offset,
                   param->count * sizeof(float)) == 0) {
            return 1;
        }
    }
    return 0;
}

Test(morph_crossover, joins_the_front_of_one_and_the_back_of_the_other)
{
    ef_space *space = default_space();
    size_t n_children = 0, n_mixed = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 4, 0, 0);
        ef_net *nets[2] = {NULL, NULL}, *child = NULL;
        const ef_task *task = &tasks[seed % N_TASKS];
        for (size_t i = 0; i < 2; i++) {
            must(ef_space_sample(&rng, space, task, &nets[i], &err));
        }
        uint64_t before[2] = {digest(nets[0]), digest(nets[1])};
        ef_status status =
            ef_morph_crossover(&rng, space, nets[0], nets[1], &child, NULL);
        cr_assert(status == EF_OK || status == EF_ERR_TOPOLOGY);
        cr_assert_eq(digest(nets[0]), before[0]);
        cr_assert_eq(digest(nets[1]), before[1]);
        int from[2] = {0, 0};
        for (size_t i = 0; !status && i < child->n_params; i++) {
            const ef_param *param = &child->params[i];
            int a = comes_from(child, param, nets[0]);
            int b = comes_from(child, param, nets[1]);
            cr_assert(a || b);
            from[0] |= a && !b;
            from[1] |= b && !a;
        }
        if (!status) {
            must(ef_space_allows(space, child->topology, &err));
            cr_assert(is_scale_kept(child, task));
            n_children++;
            n_mixed += from[0] && from[1];
        }
        ef_net_destroy(child);
        ef_net_destroy(nets[0]);
        ef_net_destroy(nets[1]);
    }
    cr_assert_gt(n_children, 60, "%zu", n_children);
    cr_assert_eq(n_mixed, n_children);
    ef_space_destroy(space);
}

/* No name stands twice: what was named anew takes the name of its node. */
Test(morph_crossover, keeps_names_of_parameters_apart)
{
    ef_space *space = default_space();
    size_t n_children = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 7, 0, 0);
        ef_net *parents[2] = {chain(16, 16), chain(16, 16)}, *child = NULL;
        for (size_t i = 0; i < 2; i++) {
            must(ef_net_set_param_name(parents[i], 0, "one"));
            must(ef_net_set_param_name(parents[i], 5, "two"));
        }
        ef_status status =
            ef_morph_crossover(&rng, space, parents[0], parents[1], &child, NULL);
        char names[64][EF_PARAM_NAME_SIZE];
        for (size_t i = 0; !status && i < child->n_params; i++) {
            ef_net_param_name(child, &child->params[i], names[i]);
            for (size_t k = 0; k < i; k++) {
                cr_expect_str_neq(names[i], names[k]);
            }
        }
        n_children += status == EF_OK;
        ef_net_destroy(child);
        ef_net_destroy(parents[0]);
        ef_net_destroy(parents[1]);
    }
    cr_assert_gt(n_children, 10);
    ef_space_destroy(space);
}

Test(morph_crossover, says_so_when_no_shapes_are_equal)
{
    ef_space *space = default_space();
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    ef_net *a = chain(8, 16), *b = chain(24, 32), *child = NULL;
    cr_assert_eq(ef_morph_crossover(&rng, space, a, b, &child, &err), EF_ERR_TOPOLOGY);
    cr_assert_null(child);
    ef_net_destroy(a);
    ef_net_destroy(b);
    ef_space_destroy(space);
}

/* Behind the first relu of one, which is 16 wide, comes what the other has behind its
 * second: one convolution in all. */
Test(morph_crossover, children_may_be_shorter_than_both)
{
    ef_space *space = default_space();
    ef_net *a = chain(16, 8), *b = chain(24, 16);
    size_t depths[8] = {0};
    for (uint64_t seed = 0; seed < 20; seed++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 0, 0, 0);
        ef_net *child = NULL;
        must(ef_morph_crossover(&rng, space, a, b, &child, &err));
        size_t depth = ef_topology_depth(child->topology);
        cr_assert_lt(depth, 8);
        depths[depth]++;
        ef_net_destroy(child);
    }
    cr_assert_eq(depths[2], 20);
    ef_net_destroy(a);
    ef_net_destroy(b);
    ef_space_destroy(space);
}

Test(morph_crossover, memory_may_run_out_at_any_moment)
{
    ef_space *space = default_space();
    ef_net *a = chain(16, 8), *b = chain(16, 16);
    ef_status status = EF_ERR_MEMORY;
    for (long k = 0; status == EF_ERR_MEMORY; k++) {
        ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
        ef_net *child = NULL;
        ef_mem_fail_after(k);
        status = ef_morph_crossover(&rng, space, a, b, &child, NULL);
        ef_mem_fail_after(-1);
        cr_assert(status == EF_OK || (status == EF_ERR_MEMORY && !child));
        ef_net_destroy(child);
    }
    must(status);
    ef_net_destroy(a);
    ef_net_destroy(b);
    ef_space_destroy(space);
}
