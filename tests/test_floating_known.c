/* Float formats and faults in them, against closed forms: IEEE 754 for fp16, fp32 and
 * the like, OCP's tables for the formats of 8 bits and fewer. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/floating.h"

static void must(ef_status status, const ef_error *err)
{
    cr_assert_eq(status, EF_OK, "%s", err->text);
}

/* input (channels, 1, 1) -> pool -> dense with one output and, where norm is set, a
 * batch norm behind it.  The pool gives a stored tensor of the input's values. */
static ef_net *small_net(uint32_t channels, int bias, int norm)
{
    ef_error err = {0};
    ef_graph graph;
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    ef_graph_init(&graph);
    ef_node nodes[] = {ef_node_default(EF_OP_INPUT), ef_node_default(EF_OP_GLOBALMAX),
                       ef_node_default(EF_OP_CONV), ef_node_default(EF_OP_BATCHNORM)};
    static const char *const names[] = {"image", "pool", "layer", "norm"};
    nodes[0].u.input = (ef_shape){channels, 1, 1, 4};
    nodes[2].u.conv.channels = 1;
    nodes[2].u.conv.kernel[0] = nodes[2].u.conv.kernel[1] = 1;
    nodes[2].u.conv.bias = (uint32_t)bias;
    nodes[3].u.batchnorm.epsilon = 0;
    for (uint32_t i = 0; i < (norm ? 4 : 3); i++) {
        strcpy(nodes[i].name, names[i]);
        nodes[i].n_inputs = i > 0;
        nodes[i].inputs[0] = i - 1;
        must(ef_graph_add(&graph, &nodes[i], NULL), &err);
    }
    must(ef_topology_create(&topology, &graph, &err), &err);
    must(ef_net_create(&net, topology, &err), &err);
    ef_topology_destroy(topology);
    ef_graph_clear(&graph);
    return net;
}

static ef_format format_of(const char *name)
{
    ef_error err = {0};
    ef_format format;
    must(ef_format_parse(name, &format, &err), &err);
    return format;
}

/* A network in its formats, and one image. */
typedef struct setup {
    ef_net *net;
    ef_fnet *fnet;
    ef_rerun *rerun;
    ef_rerun_worker *worker;
} setup;

static ef_status try(setup *s, ef_net *net, const char *weights,
                     const char *activations, const float *image, ef_error *err)
{
    *s = (setup){.net = net};
    const ef_fnet_options options = {format_of(weights), format_of(activations)};
    ef_ranges *ranges = NULL;
    const ef_rerun_images images = {.images = image, .n = 1, .n_threads = 1};
    ef_status status = ef_ranges_create(&ranges, net, image, 1, 1, err);
    status = status ? status : ef_fnet_create(&s->fnet, net, ranges, &options, err);
    status = status ? status : ef_rerun_create_float(&s->rerun, s->fnet, &images, err);
    status = status ? status : ef_rerun_worker_create(&s->worker, s->rerun, err);
    ef_ranges_destroy(ranges);
    return status;
}

static setup begin(ef_net *net, const char *weights, const char *activations,
                   const float *image)
{
    setup s;
    ef_error err = {0};
    must(try(&s, net, weights, activations, image, &err), &err);
    return s;
}

static void end(setup *s)
{
    ef_rerun_worker_destroy(s->worker);
    ef_rerun_destroy(s->rerun);
    ef_fnet_destroy(s->fnet);
    ef_net_destroy(s->net);
}

/* By its name, or that of its node. */
static uint32_t site_of(const setup *s, ef_target target, const char *name)
{
    size_t n;
    const ef_site *sites = ef_rerun_sites(s->rerun, &n);
    for (uint32_t i = 0; i < n; i++) {
        const char *node = ef_topology_node(s->net->topology, sites[i].node)->name;
        if (sites[i].target == target &&
            (strcmp(sites[i].name, name) == 0 || strcmp(node, name) == 0)) {
            return i;
        }
    }
    cr_assert_fail("no site %s", name);
    return 0;
}

/* The only logit after a flip; its outcome. */
static double strike(const setup *s, ef_target target, const char *name, uint64_t index,
                     unsigned bit, uint64_t moment, ef_outcome *outcome)
{
    const ef_flip flip = {.site = site_of(s, target, name),
                          .index = index,
                          .mask = UINT64_C(1) << bit,
                          .image = -1,
                          .moment = moment};
    const ef_fault faults[2] = {{&flip, 1}, {NULL, 0}};
    ef_outcomes counts[2];
    uint8_t outcomes[2];
    double logits[2];
    const ef_struck to = {counts, outcomes, NULL, logits};
    cr_assert_eq(ef_rerun_strike(s->worker, faults, 2, &to), EF_OK);
    /* nothing stays faulty */
    cr_assert_eq(logits[1], *ef_rerun_logits(s->rerun));
    cr_assert_eq(outcomes[1], EF_OUTCOME_MASKED);
    if (outcome) {
        *outcome = (ef_outcome)outcomes[0];
    }
    return logits[0];
}

/* --- formats ---------------------------------------------------------------------- */

static const struct {
    const char *name;
    int least_exponent; /* of the least subnormal */
    unsigned n;         /* of subnormals */
} subnormals[] = {
    {"fp16", -24, 1023}, {"bf16", -133, 127}, {"e4m3", -9, 7},
    {"e5m2", -16, 3},    {"e3m2", -4, 3},     {"e2m3", -3, 7},
    {"e2m1", -1, 1},     {"e6m9", -39, 511},  {"fp32", -149, 1000},
};

Test(floating_formats, keep_every_subnormal)
{
    for (size_t f = 0; f < sizeof subnormals / sizeof subnormals[0]; f++) {
        const char *name = subnormals[f].name;
        for (unsigned k = 1; k <= subnormals[f].n; k += 1 + k / 32) {
            float value = ldexpf((float)k, subnormals[f].least_exponent), one = 1;
            ef_net *net = small_net(1, 0, 0);
            *ef_net_values(net, 2, EF_ROLE_WEIGHT) = 1;
            setup s = begin(net, name, name, &value);
            cr_assert_eq(*ef_rerun_logits(s.rerun), (double)value, "%s, %u", name, k);
            end(&s);
            net = small_net(1, 0, 0);
            *ef_net_values(net, 2, EF_ROLE_WEIGHT) = value;
            s = begin(net, name, name, &one);
            cr_assert_eq(*ef_rerun_logits(s.rerun), (double)value, "%s, %u", name, k);
            end(&s);
        }
    }
}

static const struct {
    const char *name;
    float value, stored; /* the largest finite number, and what lies beyond */
} beyond[] = {
    {"e4m3", 448, 448},     {"e4m3", 1e30f, 448},
    {"e5m2", 60000, 57344}, {"e5m2", -1e9f, -57344},
    {"e2m1", 7, 6},         {"fp16", 65504, 65504},
    {"fp16", 65519, 65504}, {"bf16", 0x1.fep127f, 0x1.fep127f},
};

Test(floating_formats, saturate_at_the_end_of_their_range)
{
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        ef_net *net = small_net(1, 0, 0);
        *ef_net_values(net, 2, EF_ROLE_WEIGHT) = 1;
        setup s = begin(net, "fp32", beyond[i].name, &beyond[i].value);
        cr_assert_eq(*ef_rerun_logits(s.rerun), (double)beyond[i].stored, "%s, %g",
                     beyond[i].name, (double)beyond[i].value);
        end(&s);
    }
}

static void expect_refusal(const char *weights, const char *activations, float weight,
                           float image, ef_status expected, const char *text)
{
    setup s;
    ef_error err = {0};
    ef_net *net = small_net(1, 0, 0);
    *ef_net_values(net, 2, EF_ROLE_WEIGHT) = weight;
    ef_status status = try(&s, net, weights, activations, &image, &err);
    cr_assert_eq(status, expected, "%s", err.text);
    cr_assert(strstr(err.text, text), "%s", err.text);
    s.worker = NULL;
    end(&s);
}

Test(floating_formats, refuse_what_they_cannot_run)
{
    /* 65520 is half way to the first power of two that fp16 has not: infinite */
    expect_refusal("fp32", "fp16", 1, 65520, EF_ERR_INPUT, "node image");
    expect_refusal("fp16", "fp32", 1e6f, 1, EF_ERR_INPUT, "node layer");
    expect_refusal("fp32", "int8", 1, 1, EF_ERR_UNSUPPORTED, "node image");
    expect_refusal("fp32", "fp16+stochastic", 1, 1, EF_ERR_UNSUPPORTED, "node image");
    expect_refusal("int8+stochastic", "fp32", 1, 1, EF_ERR_UNSUPPORTED, "node layer");
}

Test(floating_formats, refuse_parameters_that_are_not_finite)
{
    ef_error err = {0};
    ef_fnet *fnet = NULL;
    ef_net *net = small_net(1, 0, 0);
    *ef_net_values(net, 2, EF_ROLE_WEIGHT) = NAN;
    ef_status status = ef_fnet_create(&fnet, net, NULL, &EF_FNET_OPTIONS_FP32, &err);
    cr_assert_eq(status, EF_ERR_INPUT);
    cr_assert(strstr(err.text, "node layer"), "%s", err.text);
    cr_assert_null(fnet);
    ef_net_destroy(net);
}

/* --- faults ----------------------------------------------------------------------- */

Test(floating_faults, strike_running_sums_after_so_many_products)
{
    static const float image[] = {1, 1};
    ef_net *net = small_net(2, 1, 0);
    memcpy(ef_net_values(net, 2, EF_ROLE_WEIGHT), (const float[]){1, 2},
           2 * sizeof(float));
    *ef_net_values(net, 2, EF_ROLE_BIAS) = 0.5f;
    setup s = begin(net, "fp32", "fp32", image);
    const ef_target target = EF_TARGET_ACCUMULATORS;
    size_t n;
    cr_assert_eq(*ef_rerun_logits(s.rerun), 3.5);
    cr_assert_eq(ef_rerun_sites(s.rerun, &n)[site_of(&s, target, "layer")].n_moments,
                 3);
    /* +0 becomes 2; 1 becomes 0.5; 3 becomes 2 */
    cr_assert_eq(strike(&s, target, "layer", 0, 30, 0, NULL), 5.5);
    cr_assert_eq(strike(&s, target, "layer", 0, 23, 1, NULL), 3.0);
    cr_assert_eq(strike(&s, target, "layer", 0, 22, 2, NULL), 2.5);
    end(&s);
}

Test(floating_faults, strike_parameters_and_tensors)
{
    static const float image[] = {3};
    ef_net *net = small_net(1, 1, 1);
    *ef_net_values(net, 2, EF_ROLE_WEIGHT) = 2;
    *ef_net_values(net, 2, EF_ROLE_BIAS) = 1;
    *ef_net_values(net, 3, EF_ROLE_VARIANCE) = 4;
    *ef_net_values(net, 3, EF_ROLE_MEAN) = 1;
    *ef_net_values(net, 3, EF_ROLE_BETA) = 2;
    setup s = begin(net, "fp32", "fp16", image);
    cr_assert_eq(*ef_rerun_logits(s.rerun), 5.0); /* (3 * 2 + 1 - 1) / 2 + 2 */
    cr_assert_eq(strike(&s, EF_TARGET_WEIGHTS, "layer.weight", 0, 31, 0, NULL), -1.0);
    cr_assert_eq(strike(&s, EF_TARGET_BIASES, "layer.bias", 0, 31, 0, NULL), 4.0);
    cr_assert_eq(strike(&s, EF_TARGET_NORM, "norm.beta", 0, 31, 0, NULL), 1.0);
    cr_assert_eq(strike(&s, EF_TARGET_NORM, "norm.mean", 0, 31, 0, NULL), 6.0);
    cr_assert_eq(strike(&s, EF_TARGET_NORM, "norm.gamma", 0, 31, 0, NULL), -1.0);
    /* 4 becomes 16 */
    cr_assert_eq(strike(&s, EF_TARGET_NORM, "norm.variance", 0, 24, 0, NULL), 3.5);
    /* 3 is 0x4200 in fp16; bit 9 makes it 2, bit 15 -3 */
    cr_assert_eq(strike(&s, EF_TARGET_INPUTS, "image", 0, 9, 0, NULL), 4.0);
    cr_assert_eq(strike(&s, EF_TARGET_ACTIVATIONS, "pool", 0, 15, 0, NULL), -1.0);
    end(&s);
}

Test(floating_faults, strike_scales_of_weights_and_tensors)
{
    static const float image[] = {448};
    ef_net *net = small_net(1, 0, 0);
    *ef_net_values(net, 2, EF_ROLE_WEIGHT) = 127;
    setup s = begin(net, "int8", "e4m3s", image);
    cr_assert_eq(*ef_rerun_logits(s.rerun), 448.0 * 127);
    /* scales of 1, whose bit 23 makes them 0.5: the same codes, half the weight */
    cr_assert_eq(strike(&s, EF_TARGET_SCALES, "layer.weight.scale", 0, 23, 0, NULL),
                 224.0 * 127);
    /* the pool stores 448 by 0.5, and that saturates; so does the image */
    cr_assert_eq(strike(&s, EF_TARGET_SCALES, "pool", 0, 23, 0, NULL), 224.0 * 127);
    cr_assert_eq(strike(&s, EF_TARGET_SCALES, "image", 0, 23, 0, NULL), 224.0 * 127);
    end(&s);
}

Test(floating_faults, tell_what_is_not_finite_from_what_is_wrong)
{
    static const float image[] = {1};
    ef_outcome outcome;
    ef_net *net = small_net(1, 0, 0);
    *ef_net_values(net, 2, EF_ROLE_WEIGHT) = 1.5f;
    setup s = begin(net, "fp32", "fp32", image);
    double logit = strike(&s, EF_TARGET_WEIGHTS, "layer.weight", 0, 30, 0, &outcome);
    cr_assert(isnan(logit)); /* 0x3fc00000 becomes 0x7fc00000 */
    cr_assert_eq(outcome, EF_OUTCOME_NONFINITE);
    logit = strike(&s, EF_TARGET_INPUTS, "image", 0, 30, 0, &outcome);
    cr_assert(isinf(logit)); /* 0x3f800000 becomes 0x7f800000 */
    cr_assert_eq(outcome, EF_OUTCOME_NONFINITE);
    strike(&s, EF_TARGET_WEIGHTS, "layer.weight", 0, 0, 0, &outcome);
    cr_assert_eq(outcome, EF_OUTCOME_BENIGN);
    end(&s);
}

/* --- memory ----------------------------------------------------------------------- */

Test(floating_memory, says_so_when_it_is_short)
{
    static const float image[] = {1};
    for (long n = 0;; n++) {
        setup s;
        ef_error err = {0};
        ef_net *net = small_net(1, 1, 1);
        ef_fnet *fnet = NULL;
        ef_rerun *rerun = NULL;
        ef_rerun_worker *worker = NULL;
        const ef_rerun_images images = {.images = image, .n = 1, .n_threads = 1};
        ef_mem_fail_after(n);
        ef_status status =
            ef_fnet_create(&fnet, net, NULL, &EF_FNET_OPTIONS_FP32, &err);
        status = status ? status : ef_rerun_create_float(&rerun, fnet, &images, &err);
        status = status ? status : ef_rerun_worker_create(&worker, rerun, &err);
        ef_mem_fail_after(-1);
        s = (setup){net, fnet, rerun, worker};
        end(&s);
        if (!status) {
            cr_assert_gt(n, 20);
            break;
        }
        cr_assert_eq(status, EF_ERR_MEMORY);
        cr_assert_neq(err.text[0], '\0');
    }
}
