/* The fast execution against the definition, bit for bit, and the definition against
 * numbers that others give. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/forward.h"
#include "faultsim/forward_priv.h"
#include "faultsim/functions.h"
#include "random_net.h"

extern const ef_kernels kernels_wide; /* kernels_wide.c */

static void must(ef_status status, const ef_error *err)
{
    cr_assert_eq(status, EF_OK, "%s: %s", ef_status_name(status), err->text);
}

static float *make_logits(const ef_net *net, size_t n)
{
    float *logits = ef_calloc(n * random_net_outputs(net), sizeof *logits);
    cr_assert_not_null(logits);
    return logits;
}

static float *naive(const ef_net *net, const float *images, size_t n)
{
    ef_error err = {0};
    float *logits = make_logits(net, n);
    must(ef_forward_naive(net, images, n, logits, &err), &err);
    return logits;
}

/* Holds one table of kernels equal to the definition, whatever the batch. */
static void compare(const ef_net *net, const float *images, size_t n, size_t max_batch,
                    const ef_kernels *kernels, const float *expected, uint64_t seed)
{
    ef_error err = {0};
    ef_forward *forward = NULL;
    must(ef_forward_create_with(&forward, net, max_batch, kernels, &err), &err);
    float *logits = make_logits(net, n);
    ef_forward_run(forward, images, n, logits);
    size_t size = n * random_net_outputs(net) * sizeof *logits;
    cr_assert_eq(memcmp(logits, expected, size), 0, "seed %llu, %zu images, %s",
                 (unsigned long long)seed, n, kernels->name);
    ef_free(logits);
    ef_forward_destroy(forward);
}

static void compare_all(const ef_net *net, const float *images, size_t n, uint64_t seed)
{
    size_t n_kernels;
    const ef_kernels *const *kernels = ef_kernels_available(&n_kernels);
    float *expected = naive(net, images, n);
    for (size_t k = 0; k < n_kernels; k++) {
        compare(net, images, n, n, kernels[k], expected, seed);
        compare(net, images, n, 1, kernels[k], expected, seed);
        compare(net, images, 1, 0, kernels[k], expected, seed);
    }
    compare(net, images, n, n, &kernels_wide, expected, seed);
    compare(net, images, n, 0, &kernels_wide, expected, seed);
    ef_free(expected);
}

TestSuite(forward_run, .timeout = 120);

/* Values that a flipped bit leaves behind, in places keyed by the seed. */
static void poison(float *values, size_t n, ef_rng *rng)
{
    static const uint32_t bits[] = {0x7fc00000, 0xffc00001, 0x7f800001, 0x7f800000,
                                    0xff800000, 0x80000000, 0x00000001, 0x807fffff,
                                    0x7f7fffff, 0x0d000000};
    for (size_t k = 0; k < 1 + n / 40; k++) {
        uint32_t value = bits[ef_rng_below(rng, sizeof bits / sizeof bits[0])];
        values[ef_rng_below(rng, n)] = float_of_bits(value);
    }
}

Test(forward_run, equals_the_definition_on_random_networks)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        ef_net *net = random_net(seed, 4 + seed % 14, seed % 8 == 7);
        size_t n = 1 + seed % 27;
        float *images = random_images(net, seed, n);
        compare_all(net, images, n, seed);
        ef_free(images);
        ef_net_destroy(net);
    }
}

Test(forward_run, equals_the_definition_on_networks_that_cannot_be_trained)
{
    for (uint64_t seed = 2000; seed < 2200; seed++) {
        ef_net *net = random_net_with(seed, 3 + seed % 11, seed % 8 == 7,
                                      RANDOM_RESHAPE | RANDOM_INFERENCE);
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 2, 1, 0);
        size_t n = 1 + seed % 27;
        float *images = random_images(net, seed, n);
        if (seed % 3 == 0) {
            poison(images, n * random_net_inputs(net), &rng);
        }
        compare_all(net, images, n, seed);
        ef_free(images);
        ef_net_destroy(net);
    }
}

Test(forward_run, equals_the_definition_with_nan_infinity_and_subnormals)
{
    for (uint64_t seed = 1000; seed < 1150; seed++) {
        ef_net *net = random_net(seed, 3 + seed % 8, seed % 8 == 7);
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 2, 0, 0);
        size_t n = 1 + seed % 11;
        float *images = random_images(net, seed, n);
        poison(images, n * random_net_inputs(net), &rng);
        if (seed % 2 && net->n_params > 0) {
            poison(net->values, net->n_values, &rng);
        }
        compare_all(net, images, n, seed);
        ef_free(images);
        ef_net_destroy(net);
    }
}

Test(forward_run, gives_an_image_the_same_bits_in_every_batch)
{
    ef_error err = {0};
    ef_net *net = random_net(5, 12, 0);
    float *images = random_images(net, 5, 60);
    size_t inputs = random_net_inputs(net), outputs = random_net_outputs(net);
    ef_forward *forward = NULL, *other = NULL;
    must(ef_forward_create(&forward, net, 0, &err), &err);
    must(ef_forward_share(&other, forward, &err), &err);
    cr_assert_eq(ef_forward_image_size(forward), inputs);
    cr_assert_eq(ef_forward_classes(forward), outputs);
    float *whole = make_logits(net, 60), *parts = make_logits(net, 60);
    ef_forward_run(forward, images, 60, whole);
    for (size_t at = 0, n = 1; at < 60; at += n, n = n % 7 + 1) {
        n = n < 60 - at ? n : 60 - at;
        ef_forward_run(other, images + at * inputs, n, parts + at * outputs);
    }
    cr_assert_eq(memcmp(whole, parts, 60 * outputs * sizeof *whole), 0);
    ef_forward_destroy(other);
    ef_forward_destroy(forward);
    ef_free(images);
    ef_free(whole);
    ef_free(parts);
    ef_net_destroy(net);
}

Test(forward_run, takes_no_images_at_all)
{
    ef_error err = {0};
    ef_net *net = random_net(6, 5, 0);
    ef_forward *forward = NULL;
    must(ef_forward_create(&forward, net, 0, &err), &err);
    ef_forward_run(forward, NULL, 0, NULL);
    ef_forward_destroy(forward);
    ef_net_destroy(net);
}

Test(forward_create, says_so_when_memory_is_short)
{
    ef_net *net = random_net(7, 12, 0);
    for (long n = 0;; n++) {
        ef_error err = {0};
        ef_forward *forward = NULL;
        ef_mem_fail_after(n);
        ef_status status = ef_forward_create(&forward, net, 0, &err);
        ef_mem_fail_after(-1);
        if (status == EF_OK) {
            cr_assert_gt(n, 5);
            ef_forward_destroy(forward);
            break;
        }
        cr_assert_eq(status, EF_ERR_MEMORY);
        cr_assert_null(forward);
        cr_assert_neq(err.text[0], '\0');
    }
    ef_net_destroy(net);
}

Test(forward_naive, says_so_when_memory_is_short)
{
    ef_error err = {0};
    ef_net *net = random_net(7, 12, 0);
    float *images = random_images(net, 7, 1), *logits = make_logits(net, 1);
    ef_mem_fail_after(3);
    ef_status status = ef_forward_naive(net, images, 1, logits, &err);
    ef_mem_fail_after(-1);
    cr_assert_eq(status, EF_ERR_MEMORY);
    ef_free(images);
    ef_free(logits);
    ef_net_destroy(net);
}

/* --- the definition against closed forms --------------------------------------- */

/* input (shape) -> node; parameters as ef_net_create leaves them. */
static ef_net *net_of(ef_shape shape, ef_node node)
{
    ef_error err = {0};
    ef_graph graph;
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    ef_graph_init(&graph);
    ef_node input = ef_node_default(EF_OP_INPUT);
    input.u.input = shape;
    must(ef_graph_add(&graph, &input, NULL), &err);
    node.n_inputs = 1;
    node.inputs[0] = 0;
    must(ef_graph_add(&graph, &node, NULL), &err);
    must(ef_topology_create(&topology, &graph, &err), &err);
    must(ef_net_create(&net, topology, &err), &err);
    ef_topology_destroy(topology);
    ef_graph_clear(&graph);
    return net;
}

static void expect(ef_net *net, const float *image, const float *expected, size_t n)
{
    float *logits = naive(net, image, 1);
    cr_assert_eq(random_net_outputs(net), n);
    for (size_t i = 0; i < n; i++) {
        cr_expect_eq(bits_of_float(logits[i]), bits_of_float(expected[i]),
                     "element %zu: %a, expected %a", i, (double)logits[i],
                     (double)expected[i]);
    }
    compare_all(net, image, 1, 0);
    ef_free(logits);
    ef_net_destroy(net);
}

Test(forward_naive, skips_padding_and_not_zeros)
{
    /* 0 * infinity is NaN where the zero is a value, nothing where it is padding. */
    ef_node node = ef_node_default(EF_OP_CONV);
    node.u.conv.channels = 1;
    node.u.conv.kernel[0] = 1;
    node.u.conv.kernel[1] = 2;
    node.u.conv.pad[3] = 1;
    ef_net *net = net_of((ef_shape){1, 1, 2, 4}, node);
    float *weights = ef_net_values(net, 1, EF_ROLE_WEIGHT);
    weights[0] = 2.0f;
    weights[1] = INFINITY;
    expect(net, (const float[]){3.0f, 0.0f}, (const float[]){NAN, 0.0f}, 2);
}

Test(forward_naive, fuses_each_product_into_its_sum)
{
    /* (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24: rounded, its last term is lost, and so is
     * the difference that remains when the product is fused. */
    ef_node node = ef_node_default(EF_OP_DENSE);
    node.u.dense.channels = 1;
    node.u.dense.bias = 0;
    ef_net *net = net_of((ef_shape){2, 1, 1, 2}, node);
    float *weights = ef_net_values(net, 1, EF_ROLE_WEIGHT);
    weights[0] = -(1.0f + 0x1p-11f);
    weights[1] = 1.0f + 0x1p-12f;
    expect(net, (const float[]){1.0f, 1.0f + 0x1p-12f}, (const float[]){0x1p-24f}, 1);
}

Test(forward_naive, does_not_fuse_the_shift_of_a_batch_norm)
{
    ef_node node = ef_node_default(EF_OP_BATCHNORM);
    node.u.batchnorm.epsilon = 0;
    ef_net *net = net_of((ef_shape){1, 1, 1, 4}, node);
    *ef_net_values(net, 1, EF_ROLE_GAMMA) = 1.0f + 0x1p-12f;
    *ef_net_values(net, 1, EF_ROLE_BETA) = -(1.0f + 0x1p-11f);
    expect(net, (const float[]){1.0f + 0x1p-12f}, (const float[]){0.0f}, 1);
}

Test(forward_naive, keeps_subnormals)
{
    ef_node node = ef_node_default(EF_OP_DENSE);
    node.u.dense.channels = 1;
    node.u.dense.bias = 0;
    ef_net *net = net_of((ef_shape){1, 1, 1, 2}, node);
    *ef_net_values(net, 1, EF_ROLE_WEIGHT) = 0.5f;
    expect(net, (const float[]){0x1p-148f}, (const float[]){0x1p-149f}, 1);
}

Test(forward_naive, counts_padding_in_an_average_only_on_the_padded_input)
{
    /* Ceil mode lets the last window hang over the padded input; PyTorch's AvgPool1d
     * (kernel 3, stride 2, padding 1, ceil_mode, count_include_pad) of [3, 6, 9, 12]
     * is [3, 9, 6]: 9 / 3, 27 / 3, 12 / 2. */
    ef_node node = ef_node_default(EF_OP_AVGPOOL);
    node.u.pool = (ef_pool){.kernel = {1, 3},
                            .stride = {1, 2},
                            .dilation = {1, 1},
                            .pad = {0, 1, 0, 1},
                            .ceil_mode = 1,
                            .count_include_pad = 1};
    const float image[] = {3, 6, 9, 12};
    expect(net_of((ef_shape){1, 1, 4, 4}, node), image, (const float[]){3, 9, 6}, 3);
    node.u.pool.count_include_pad = 0; /* 9 / 2, 27 / 3, 12 / 1 */
    expect(net_of((ef_shape){1, 1, 4, 4}, node), image, (const float[]){4.5f, 9, 12},
           3);
}

Test(forward_naive, passes_nan_on_and_stores_it_in_one_way)
{
    static const ef_op ops[] = {EF_OP_MAXPOOL, EF_OP_AVGPOOL, EF_OP_GLOBALMAX};
    const float image[] = {1.0f, float_of_bits(0xff812345), 2.0f, -1.0f};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        ef_node node = ef_node_default(ops[i]);
        if (ops[i] != EF_OP_GLOBALMAX) {
            node.u.pool.kernel[0] = node.u.pool.kernel[1] = 2;
        }
        expect(net_of((ef_shape){1, 2, 2, 4}, node), image,
               (const float[]){float_of_bits(0x7fc00000)}, 1);
    }
    for (uint32_t kind = 0; kind < EF_ACTIVATION_COUNT; kind++) {
        ef_node node = ef_node_default(EF_OP_ACTIVATION);
        node.u.activation = (ef_activation){kind, 0, 6};
        expect(net_of((ef_shape){1, 1, 1, 4}, node), image + 1,
               (const float[]){float_of_bits(0x7fc00000)}, 1);
    }
}

static ef_node softmax_over(uint32_t axis)
{
    ef_node node = ef_node_default(EF_OP_SOFTMAX);
    node.u.softmax.axis = axis;
    return node;
}

Test(forward_naive, gives_equal_shares_along_the_axis_of_a_softmax)
{
    /* exp(0) = 1 and exp(-200) = 0 in binary32, so the shares are exact; the largest
     * element is taken off first, else exp(200) would be infinite. */
    const float image[] = {200, 200, 0, 200, 200, 200, 200, 0, 0, 0, 0, 0};
    const ef_shape shape = {2, 2, 3, 4};
    expect(net_of(shape, softmax_over(0)), image,
           (const float[]){0.5f, 1, 0.5f, 1, 1, 1, 0.5f, 0, 0.5f, 0, 0, 0}, 12);
    expect(net_of(shape, softmax_over(1)), image,
           (const float[]){0.5f, 0.5f, 0, 0.5f, 0.5f, 1, 1, 0.5f, 0.5f, 0, 0.5f, 0.5f},
           12);
    const float third = 1.0f / 3.0f;
    expect(net_of(shape, softmax_over(2)), image,
           (const float[]){0.5f, 0.5f, 0, third, third, third, 1, 0, 0, third, third,
                           third},
           12);
    expect(net_of((ef_shape){4, 1, 1, 2}, softmax_over(0)), image,
           (const float[]){third, third, 0, third}, 4);
}

Test(forward_naive, keeps_a_softmax_near_its_exact_value)
{
    const float image[] = {-1.5f, 0.25f, 3, 0};
    ef_net *net = net_of((ef_shape){4, 1, 1, 2}, softmax_over(0));
    float *found = naive(net, image, 1);
    double sum = 0;
    for (size_t i = 0; i < 4; i++) {
        sum += exp((double)image[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        cr_expect_float_eq(found[i], exp((double)image[i]) / sum, 2e-7);
    }
    ef_free(found);
    ef_net_destroy(net);
}

Test(forward_naive, spreads_what_is_not_finite_over_a_softmax)
{
    const ef_shape shape = {3, 1, 1, 2};
    const float nan = float_of_bits(0x7fc00000);
    expect(net_of(shape, softmax_over(0)), (const float[]){0, -NAN, 5},
           (const float[]){nan, nan, nan}, 3);
    expect(net_of(shape, softmax_over(0)), (const float[]){0, INFINITY, 5},
           (const float[]){nan, nan, nan}, 3);
    expect(net_of(shape, softmax_over(0)),
           (const float[]){-INFINITY, -INFINITY, -INFINITY},
           (const float[]){nan, nan, nan}, 3);
    expect(net_of(shape, softmax_over(0)), (const float[]){2, -INFINITY, 2},
           (const float[]){0.5f, 0, 0.5f}, 3);
}

Test(forward_naive, keeps_the_order_of_elements_in_a_reshape)
{
    ef_node node = ef_node_default(EF_OP_RESHAPE);
    node.u.reshape = (ef_shape){3, 1, 2, 4};
    const float image[] = {1, 2, 3, 4, 5, 6};
    expect(net_of((ef_shape){1, 2, 3, 4}, node), image, image, 6);
}

/* input (shape) -> divisor; the input by that. */
static ef_net *quotient_of(ef_shape shape, ef_node divisor)
{
    ef_error err = {0};
    ef_graph graph;
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    ef_node nodes[3] = {ef_node_default(EF_OP_INPUT), divisor,
                        ef_node_default(EF_OP_DIV)};
    nodes[0].u.input = shape;
    nodes[1].n_inputs = 1;
    nodes[2].n_inputs = 2;
    nodes[2].inputs[1] = 1;
    ef_graph_init(&graph);
    for (size_t i = 0; i < 3; i++) {
        must(ef_graph_add(&graph, &nodes[i], NULL), &err);
    }
    must(ef_topology_create(&topology, &graph, &err), &err);
    must(ef_net_create(&net, topology, &err), &err);
    ef_topology_destroy(topology);
    ef_graph_clear(&graph);
    return net;
}

Test(forward_naive, divides_the_first_input_by_the_second)
{
    const ef_shape shape = {2, 1, 2, 4};
    expect(quotient_of(shape, ef_node_default(EF_OP_GLOBALMAX)),
           (const float[]){1, 3, -8, -2}, (const float[]){1.0f / 3.0f, 1, 4, 1}, 4);
    /* by relu(x): 0 / 0 is NaN, a negative over 0 is -infinity */
    expect(quotient_of(shape, ef_node_default(EF_OP_ACTIVATION)),
           (const float[]){7, 0, -3, INFINITY},
           (const float[]){1, float_of_bits(0x7fc00000), -INFINITY,
                           float_of_bits(0x7fc00000)},
           4);
}

/* --- elementary functions -------------------------------------------------------- */

static double ulps(float value, double exact)
{
    float near = (float)exact;
    double ulp = (double)(nextafterf(fabsf(near), INFINITY) - fabsf(near));
    return fabs((double)value - exact) / ulp;
}

Test(functions, are_as_near_the_exact_value_as_they_say)
{
    double worst[3] = {0, 0, 0};
    for (double x = -103; x < 88.7; x += 0.00173) {
        float f = (float)x;
        double e = ulps(exact_exp(f), exp((double)f));
        double s = ulps(exact_sigmoid(f), 1 / (1 + exp(-(double)f)));
        double t = ulps(exact_tanh(f), tanh((double)f));
        worst[0] = e > worst[0] ? e : worst[0];
        worst[1] = s > worst[1] ? s : worst[1];
        worst[2] = t > worst[2] ? t : worst[2];
    }
    cr_expect_leq(worst[0], 1.0, "exp: %g", worst[0]);
    cr_expect_leq(worst[1], 3.0, "sigmoid: %g", worst[1]);
    cr_expect_leq(worst[2], 2.0, "tanh: %g", worst[2]);
}

Test(functions, end_where_they_should)
{
    cr_expect_eq(exact_exp(0), 1.0f);
    cr_expect_eq(exact_exp(89), INFINITY);
    cr_expect_eq(exact_exp(INFINITY), INFINITY);
    cr_expect_eq(exact_exp(-104), 0.0f);
    cr_expect_eq(exact_exp(-INFINITY), 0.0f);
    cr_expect_eq(exact_sigmoid(INFINITY), 1.0f);
    cr_expect_eq(exact_sigmoid(-INFINITY), 0.0f);
    cr_expect_eq(exact_sigmoid(0), 0.5f);
    cr_expect_eq(exact_tanh(INFINITY), 1.0f);
    cr_expect_eq(exact_tanh(-INFINITY), -1.0f);
    cr_expect_eq(bits_of_float(exact_tanh(-0.0f)), 0x80000000);
    cr_expect_eq(exact_tanh(FLT_TRUE_MIN), FLT_TRUE_MIN);
}

/* --- answers ---------------------------------------------------------------------- */

Test(forward_argmax, takes_the_lowest_of_equals_and_never_a_nan)
{
    cr_expect_eq(ef_forward_argmax((const float[]){1, 3, 3, 2}, 4), 1);
    cr_expect_eq(ef_forward_argmax((const float[]){NAN, 3, NAN, 4}, 4), 3);
    cr_expect_eq(ef_forward_argmax((const float[]){NAN, NAN}, 2), 0);
    cr_expect_eq(ef_forward_argmax((const float[]){-INFINITY, -INFINITY}, 2), 0);
    cr_expect_eq(ef_forward_argmax((const float[]){-0.0f, 0.0f}, 2), 0);
}
