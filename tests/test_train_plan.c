/* Steps of training: values against the exact execution, gradients against central
 * differences. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "faultsim/forward.h"
#include "net/topology_yaml.h"
#include "random_net.h"
#include "train/plan_priv.h"

/* A network with a plan, n images, and a linear function of the logits. */
typedef struct rig {
    ef_net *net;
    ef_train_plan *plan;
    ef_train_worker *worker;
    size_t n;
    float *images; /* (n, channels, height, width) */
    float *slopes; /* (n, outputs) */
} rig;

static void must(ef_status status, const ef_error *err)
{
    cr_assert_eq(status, EF_OK, "%s: %s", ef_status_name(status), err->text);
}

typedef struct rig_request {
    rig *r;
    int trains;
} rig_request;

/* oneDNN's primitives are made where one thread is in force. */
static ef_status make_plan(void *context, size_t index, ef_error *err)
{
    (void)index;
    rig_request *q = context;
    ef_status status =
        ef_train_plan_create(&q->r->plan, q->r->net, q->r->n, q->trains, err);
    return status ? status : ef_train_worker_create(&q->r->worker, q->r->plan, err);
}

/* Takes net. */
static rig make_rig(ef_net *net, size_t n, int trains, uint64_t seed)
{
    rig r = {.net = net, .n = n};
    rig_request q = {&r, trains};
    ef_error err = {0};
    must(ef_parallel_for(1, 1, make_plan, &q, &err), &err);
    size_t outputs = n * random_net_outputs(net);
    r.images = random_images(net, seed, n);
    r.slopes = ef_calloc(outputs, sizeof *r.slopes);
    ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 2, n, 0);
    for (size_t i = 0; i < outputs; i++) {
        r.slopes[i] = (float)ef_rng_normal(&rng);
    }
    return r;
}

static void clear_rig(rig *r)
{
    ef_train_worker_destroy(r->worker);
    ef_train_plan_destroy(r->plan);
    ef_net_destroy(r->net);
    ef_free(r->images);
    ef_free(r->slopes);
}

/* Runs the images through the worker, which wants channels last. */
static const float *run(rig *r)
{
    ef_error err = {0};
    const ef_topology *t = r->net->topology;
    ef_shape s = ef_topology_shape(t, ef_topology_input(t));
    size_t area = (size_t)s.height * s.width;
    float *to = ef_train_input_of(r->worker);
    for (size_t i = 0; i < r->n * area; i++) {
        for (size_t c = 0; c < s.channels; c++) {
            to[i * s.channels + c] =
                r->images[(i / area * s.channels + c) * area + i % area];
        }
    }
    must(ef_train_plan_load(r->plan, r->net, &err), &err);
    ef_train_refresh(r->worker);
    ef_train_forward(r->worker);
    cr_assert_not(r->worker->failed);
    return ef_train_output_of(r->worker);
}

/* Logits may come as an image, channels last; exact execution has channels first. */
static size_t exact_index(const rig *r, size_t i)
{
    const ef_topology *t = r->net->topology;
    ef_shape s = ef_topology_shape(t, ef_topology_output(t));
    size_t area = (size_t)s.height * s.width, size = area * s.channels;
    size_t in_image = i % size;
    return i / size * size + in_image % s.channels * area + in_image / s.channels;
}

TestSuite(train_plan, .timeout = 600);

Test(train_plan, gives_the_values_of_exact_execution_on_random_networks)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        ef_error err = {0};
        rig r = make_rig(random_net_with(seed, 4 + seed % 14, seed % 8 == 7,
                                         seed % 2 ? RANDOM_RESHAPE : 0),
                         1 + seed % 5, 0, seed);
        size_t outputs = r.n * random_net_outputs(r.net);
        float *exact = ef_calloc(outputs, sizeof *exact);
        must(ef_forward_naive(r.net, r.images, r.n, exact, &err), &err);
        const float *logits = run(&r);
        double scale = 1;
        for (size_t i = 0; i < outputs; i++) {
            scale = fmax(scale, fabs((double)exact[i]));
        }
        for (size_t i = 0; i < outputs; i++) {
            double e = (double)exact[exact_index(&r, i)];
            cr_assert_float_eq((double)logits[i], e, 1e-4 * scale,
                               "seed %llu, logit %zu: %g, exact %g",
                               (unsigned long long)seed, i, (double)logits[i], e);
        }
        ef_free(exact);
        clear_rig(&r);
    }
}

static double value(rig *r)
{
    const float *logits = run(r);
    size_t outputs = r->n * random_net_outputs(r->net);
    double sum = 0;
    for (size_t i = 0; i < outputs; i++) {
        sum += (double)r->slopes[i] * (double)logits[i];
    }
    return sum;
}

/* The gradient of value(), in the network's layout. */
static ef_net *gradient(rig *r)
{
    ef_error err = {0};
    ef_net *g = NULL;
    size_t outputs = r->n * random_net_outputs(r->net);
    must(ef_net_dup(&g, r->net), &err);
    value(r);
    memcpy(ef_train_output_grad_of(r->worker), r->slopes, outputs * sizeof(float));
    ef_train_backward(r->worker);
    cr_assert_not(r->worker->failed);
    memcpy(r->plan->weights, r->worker->grads,
           r->plan->sizes[EF_SPACE_WEIGHTS] * sizeof(float));
    must(ef_train_plan_save(r->plan, g, &err), &err);
    return g;
}

/* The derivative of value() along a direction, by a central difference of step h. */
static double difference(rig *r, const ef_param *p, const float *direction, double h)
{
    float *w = r->net->values + p->offset;
    float *saved = ef_memdup(w, p->count * sizeof *w);
    double values[2];
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < p->count; i++) {
            double step = (side ? h : -h) * (double)direction[i];
            w[i] = (float)((double)saved[i] + step);
        }
        values[side] = value(r);
    }
    memcpy(w, saved, p->count * sizeof *w);
    ef_free(saved);
    return (values[1] - values[0]) / (2 * h);
}

/* Whether the gradient of a parameter agrees, along a random direction of length 1,
 * with a difference of one of several steps: large ones drown rounding, small ones the
 * kinks of relu and of maxima. */
static int agrees(rig *r, const ef_param *p, const float *g, ef_rng *rng,
                  double tolerance, double *found, double *expected)
{
    float *direction = ef_calloc(p->count, sizeof *direction);
    double length = 0, product = 0, size = 0;
    for (size_t i = 0; i < p->count; i++) {
        direction[i] = (float)ef_rng_normal(rng);
        length += (double)direction[i] * (double)direction[i];
    }
    for (size_t i = 0; i < p->count; i++) {
        direction[i] = (float)((double)direction[i] / sqrt(length));
        product += (double)direction[i] * (double)g[i];
        size += (double)g[i] * (double)g[i];
    }
    int good = 0;
    *found = product;
    for (double h = 0.03; h > 1e-4 && !good; h /= 4) {
        *expected = difference(r, p, direction, h);
        double scale = fmax(fabs(*expected), 0.1 * sqrt(size));
        good = fabs(*expected - product) <= tolerance * fmax(scale, 0.3);
    }
    ef_free(direction);
    return good;
}

static void check_gradients(rig *r, uint64_t seed, double tolerance, const char *name)
{
    ef_net *g = gradient(r);
    ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 3, 0, 0);
    for (size_t k = 0; k < r->net->n_params; k++) {
        const ef_param *p = &r->net->params[k];
        double found, expected;
        if (!ef_role_is_trained((ef_role)p->role)) {
            continue;
        }
        cr_assert(
            agrees(r, p, g->values + p->offset, &rng, tolerance, &found, &expected),
            "%s, seed %llu: %s of %s: gradient %g, difference %g", name,
            (unsigned long long)seed, ef_role_name((ef_role)p->role),
            ef_topology_node(r->net->topology, p->node)->name, found, expected);
    }
    ef_net_destroy(g);
}

static int has_weights(const ef_net *net)
{
    for (size_t k = 0; k < net->n_params; k++) {
        if (ef_role_is_trained((ef_role)net->params[k].role)) {
            return 1;
        }
    }
    return 0;
}

Test(train_plan, gives_the_gradients_that_central_differences_have_on_random_networks)
{
    for (uint64_t seed = 0; seed < 30; seed++) {
        ef_net *net = random_net(seed, 3 + seed % 9, seed % 8 == 7);
        if (!has_weights(net)) {
            ef_net_destroy(net);
            continue;
        }
        rig r = make_rig(net, 3 + seed % 3, 1, seed);
        check_gradients(&r, seed, 0.03, "random");
        clear_rig(&r);
    }
}

/* Small networks, one for each operation and each way in which it is computed; smooth
 * where they can be, so that the tolerance is tight. */
typedef struct example {
    const char name[40];
    const char yaml[480];
    double tolerance;
} example;

#define SMOOTH 0.004
#define KINKS 0.02
#define NODES(input, ...) "name: x\ninput: " input "\nnodes:\n" __VA_ARGS__
#define TAIL "  - {globalavg}\n  - {flatten}\n  - {dense: 3, bias: yes}\n"

ParameterizedTestParameters(train_plan, gives_exact_gradients_of)
{
    static example rows[] = {
        {"dense", NODES("[7]", "  - {dense: 5, bias: yes}\n  - {dense: 4}\n"), SMOOTH},
        {"dense of many weights",
         NODES("[400]", "  - {dense: 400, bias: yes}\n  - {relu}\n"
                        "  - {dense: 400, bias: yes, name: a}\n  - {sigmoid, name: b}\n"
                        "  - {add: [a, b]}\n  - {dense: 3}\n"),
         KINKS},
        {"dense and relu",
         NODES("[7]", "  - {dense: 16, bias: yes}\n  - {relu}\n  - {dense: 4}\n"),
         KINKS},
        {"conv", NODES("[3, 7, 6]", "  - {conv: 5, kernel: 3, bias: yes}\n" TAIL),
         SMOOTH},
        {"conv and clip",
         NODES("[3, 7, 6]",
               "  - {conv: 5, kernel: 3, bias: yes}\n  - {clip: [-0.5, 1]}\n" TAIL),
         KINKS},
        {"conv and clips open on one side",
         NODES("[3, 7, 6]",
               "  - {conv: 5, kernel: 3, bias: yes}\n  - {clip: [-.inf, 0.25]}\n"
               "  - {conv: 5, kernel: 3, bias: yes}\n  - {clip: [-0.25, .inf]}\n" TAIL),
         KINKS},
        {"clips that stand alone",
         NODES("[9]", "  - {dense: 16, name: a}\n  - {clip: [-.inf, .inf]}\n"
                      "  - {clip: [-.inf, 0.5]}\n  - {add: a}\n  - {dense: 3}\n"),
         KINKS},
        {"conv strided and dilated",
         NODES("[4, 9, 9]",
               "  - {conv: 6, kernel: [3, 2], stride: 2, dilation: [2, 3], "
               "pad: [1, 2, 0, 1]}\n" TAIL),
         SMOOTH},
        {"conv in groups",
         NODES("[6, 6, 6]",
               "  - {conv: 9, kernel: 3, pad: same, groups: 3, bias: yes}\n" TAIL),
         SMOOTH},
        {"conv depthwise 5x5, strided",
         NODES("[4, 7, 6]", "  - {conv: 11, kernel: 1}\n  - {conv: 11, kernel: [5, 3], "
                            "stride: 2, pad: [2, 1, 1, 2], groups: 11, bias: yes}\n"
                            "  - {clip: [-1, 1]}\n" TAIL),
         KINKS},
        {"conv depthwise on a small image",
         NODES("[4, 2, 2]", "  - {conv: 16, kernel: 1}\n"
                            "  - {conv: 16, kernel: 3, pad: same, groups: 16}\n" TAIL),
         SMOOTH},
        {"conv depthwise",
         NODES("[4, 6, 6]", "  - {conv: 8, kernel: 1}\n"
                            "  - {conv: 8, kernel: 3, pad: same, groups: 8}\n" TAIL),
         SMOOTH},
        {"conv 3x3 of even widths",
         NODES("[2, 7, 9]", "  - {conv: 8, kernel: 1}\n"
                            "  - {conv: 16, kernel: 3, pad: same, bias: yes}\n"
                            "  - {conv: 24, kernel: 3, pad: [2, 0, 1, 2]}\n" TAIL),
         SMOOTH},
        {"conv 3x3 and relu",
         NODES("[8, 6, 6]", "  - {conv: 8, kernel: 3, pad: same, bias: yes}\n"
                            "  - {relu}\n  - {conv: 8, kernel: 3}\n" TAIL),
         KINKS},
        {"average pool",
         NODES("[2, 7, 7]",
               "  - {conv: 4, kernel: 1}\n"
               "  - {avgpool: 3, stride: 2, pad: 1, count-pad: yes}\n"
               "  - {avgpool: 2, stride: 2, pad: [0, 0, 1, 1], ceil: yes}\n" TAIL),
         SMOOTH},
        {"max pool",
         NODES("[2, 7, 7]",
               "  - {conv: 9, kernel: 1}\n"
               "  - {maxpool: 2, stride: 1, dilation: 2}\n"
               "  - {maxpool: 3, stride: 2, pad: 1}\n  - {globalmax}\n  - {flatten}\n"),
         KINKS},
        {"batch norm",
         NODES("[3, 5, 5]", "  - {conv: 9, kernel: 3}\n  - {batchnorm}\n"
                            "  - {conv: 8, kernel: 1}\n  - {batchnorm}\n" TAIL),
         SMOOTH},
        {"batch norm and relu6",
         NODES("[3, 6, 6]", "  - {conv: 16, kernel: 3}\n  - {batchnorm}\n"
                            "  - {relu6}\n" TAIL),
         KINKS},
        {"relu before and after",
         NODES("[3, 6, 6]", "  - {conv: 8, kernel: 1, name: a}\n  - {relu, name: r}\n"
                            "  - {conv: 8, kernel: 3, pad: same, from: r, name: b}\n"
                            "  - {add: [a, b], name: c}\n  - {relu, from: c, name: d}\n"
                            "  - {add: [c, d]}\n  - {relu6}\n  - {relu}\n" TAIL),
         KINKS},
        {"leaky", NODES("[9]", "  - {dense: 16}\n  - {leaky: 0.2}\n  - {dense: 3}\n"),
         KINKS},
        {"prelu", NODES("[3, 4, 4]", "  - {conv: 6, kernel: 1}\n  - {prelu}\n" TAIL),
         KINKS},
        {"sigmoid", NODES("[9]", "  - {dense: 16}\n  - {sigmoid}\n  - {dense: 3}\n"),
         SMOOTH},
        {"tanh", NODES("[9]", "  - {dense: 16}\n  - {tanh}\n  - {dense: 3}\n"), SMOOTH},
        {"hardsigmoid",
         NODES("[9]",
               "  - {dense: 16}\n  - {hardsigmoid: [0.2, 0.5]}\n  - {dense: 3}\n"),
         KINKS},
        {"hardswish",
         NODES("[9]", "  - {dense: 16}\n  - {hardswish}\n  - {dense: 3}\n"), KINKS},
        {"add, read thrice",
         NODES("[2, 5, 5]", "  - {conv: 8, kernel: 1, name: a}\n"
                            "  - {conv: 8, kernel: 3, pad: same, name: b}\n"
                            "  - {add: [a, b, a], name: c}\n"
                            "  - {conv: 8, kernel: 3, pad: same, from: c, name: d}\n"
                            "  - {add: [c, d]}\n" TAIL),
         SMOOTH},
        {"mul and gate",
         NODES("[2, 4, 4]", "  - {conv: 5, kernel: 1, name: a}\n"
                            "  - {globalavg}\n  - {sigmoid, name: g}\n"
                            "  - {mul: [a, g], name: m}\n"
                            "  - {mul: [a, m]}\n" TAIL),
         SMOOTH},
        {"concat",
         NODES("[2, 4, 4]", "  - {conv: 3, kernel: 1, name: a}\n"
                            "  - {conv: 6, kernel: 1, from: a, name: b}\n"
                            "  - {concat: [a, b, a]}\n"
                            "  - {conv: 4, kernel: 3}\n" TAIL),
         SMOOTH},
        {"slice and pad, a shortcut",
         NODES("[2, 6, 6]",
               "  - {conv: 4, kernel: 1, name: a}\n"
               "  - {conv: 8, kernel: 3, stride: 2, pad: 1, name: b}\n"
               "  - {slice, height: [0, 6, 2], width: [1, 6, 2], from: a}\n"
               "  - {pad: 0, channels: [2, 2], name: s}\n"
               "  - {add: [b, s]}\n" TAIL),
         SMOOTH},
        {"scale",
         NODES("[2, 4, 4]", "  - {scale}\n  - {conv: 3, kernel: 3}\n"
                            "  - {scale}\n" TAIL),
         SMOOTH},
        {"transpose and flatten",
         NODES("[2, 3, 4]", "  - {conv: 5, kernel: 1}\n"
                            "  - {transpose: [1, 2, 0]}\n  - {flatten}\n"
                            "  - {dense: 4}\n"),
         SMOOTH},
        {"reshape",
         NODES("[2, 3, 4]", "  - {conv: 6, kernel: 1, name: a}\n"
                            "  - {reshape: [4, 6, 3]}\n"
                            "  - {conv: 5, kernel: 3, pad: same}\n"
                            "  - {reshape: 90}\n  - {reshape: [6, 5, 3]}\n"
                            "  - {conv: 6, kernel: [3, 1]}\n"
                            "  - {reshape: [6, 9, 1], name: r}\n"
                            "  - {conv: 6, kernel: 1, from: r, name: s}\n"
                            "  - {add: [r, s]}\n" TAIL),
         SMOOTH},
        {"upsample",
         NODES("[2, 3, 3]", "  - {conv: 5, kernel: 1}\n"
                            "  - {upsample: [2, 3]}\n  - {conv: 4, kernel: 3}\n" TAIL),
         SMOOTH},
    };
    return cr_make_param_array(example, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(example *row, train_plan, gives_exact_gradients_of)
{
    ef_error err = {0};
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    must(ef_topology_parse(&topology, row->name, row->yaml, strlen(row->yaml), &err),
         &err);
    must(ef_net_create(&net, topology, &err), &err);
    ef_net_initialise(net, 1, 0, 0);
    for (size_t k = 0; k < net->n_params; k++) {
        ef_rng rng = ef_rng_stream(2, EF_PURPOSE_TEST, k, 0, 0);
        for (size_t i = 0;
             net->params[k].role != EF_ROLE_WEIGHT &&
             net->params[k].role != EF_ROLE_VARIANCE && i < net->params[k].count;
             i++) {
            net->values[net->params[k].offset + i] += 0.2F * (float)ef_rng_normal(&rng);
        }
    }
    rig r = make_rig(net, 5, 1, 3);
    for (uint64_t seed = 0; seed < 2; seed++) {
        check_gradients(&r, seed, row->tolerance, row->name);
    }
    clear_rig(&r);
    ef_topology_destroy(topology);
}

Test(train_plan, refuses_by_name_what_has_no_backward_pass)
{
    static const char *const rows[][2] = {
        {NODES("[4, 3, 3]", "  - {conv: 4, kernel: 1}\n  - {softmax, name: shares}\n"),
         "node shares: softmax has no backward pass"},
        {NODES("[4, 3, 3]", "  - {conv: 4, kernel: 1}\n  - {div: input, name: part}\n"),
         "node part: div has no backward pass"},
    };
    for (size_t i = 0; i < 2; i++) {
        ef_error err = {0};
        ef_topology *topology = NULL;
        ef_net *net = NULL;
        ef_train_plan *plan = NULL;
        must(ef_topology_parse(&topology, "x", rows[i][0], strlen(rows[i][0]), &err),
             &err);
        must(ef_net_create(&net, topology, &err), &err);
        cr_expect_eq(ef_train_plan_create(&plan, net, 1, 1, &err), EF_ERR_UNSUPPORTED);
        cr_expect_eq(strncmp(err.text, rows[i][1], strlen(rows[i][1])), 0, "%s",
                     err.text);
        cr_expect_null(plan);
        ef_net_destroy(net);
        ef_topology_destroy(topology);
    }
}
