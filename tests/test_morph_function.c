/* What network operators keep of the function: logits of children against those of
 * their parents, by the exact execution and with statistics of the batch. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch_mode.h"
#include "faultsim/forward.h"
#include "net/morph.h"
#include "net/topology_yaml.h"
#include "random_net.h"

#define CLASSES 10
#define IMAGES 24
#define LOGITS (IMAGES * CLASSES)

static const float scale[] = {0.5F, 2}, shift[] = {0.25F, -1};
static const ef_task task = {{2, 7, 7, 4}, CLASSES, scale, shift};
static ef_error err;

static void must(ef_status status)
{
    cr_assert_eq(status, EF_OK, "%s: %s", ef_status_name(status), err.text);
}

static float *make_images(ef_rng *rng)
{
    float *images = ef_calloc(IMAGES * ef_shape_elements(task.input), sizeof *images);
    cr_assert_not_null(images);
    for (size_t i = 0; i < IMAGES * ef_shape_elements(task.input); i++) {
        images[i] = (float)ef_rng_normal(rng);
    }
    return images;
}

/* Gammas, betas, biases and slopes at random. */
static void shake(ef_rng *rng, ef_net *net)
{
    for (size_t i = 0; i < net->n_params; i++) {
        const ef_param *param = &net->params[i];
        float *values = net->values + param->offset;
        for (size_t k = 0; k < param->count; k++) {
            double u = ef_rng_unit(rng), z = ef_rng_normal(rng);
            if (param->role == EF_ROLE_GAMMA) {
                values[k] = (float)(0.3 + u);
            } else if (param->role == EF_ROLE_BETA || param->role == EF_ROLE_BIAS) {
                values[k] = (float)(0.4 * z);
            } else if (param->role == EF_ROLE_MEAN) {
                values[k] = (float)z;
            } else if (param->role == EF_ROLE_VARIANCE) {
                values[k] = (float)(0.2 + 3 * u);
            }
        }
    }
}

/* A network from all over the space some random operators on, its batch norms at
 * random, with the statistics of the images where they are given. */
static ef_net *make_net(ef_rng *rng, const ef_space *space, const float *images)
{
    ef_net *net = NULL;
    float logits[LOGITS];
    must(ef_space_random(rng, space, &task, &net, &err));
    shake(rng, net);
    if (images) {
        batch_mode_run(net, images, IMAGES, logits, 1);
    }
    return net;
}

static void run(const ef_net *net, const float *images, float *logits)
{
    ef_forward *forward = NULL;
    must(ef_forward_create(&forward, net, IMAGES, &err));
    ef_forward_run(forward, images, IMAGES, logits);
    ef_forward_destroy(forward);
}

/* The largest difference, in units of the logits' standard deviation. */
static double distance(const float *a, const float *b)
{
    double most = 0, sum = 0, squares = 0;
    for (size_t i = 0; i < LOGITS; i++) {
        double difference = fabs((double)a[i] - b[i]);
        most = difference > most ? difference : most;
        sum += a[i];
        squares += (double)a[i] * a[i];
    }
    double variance = squares / LOGITS - sum / LOGITS * (sum / LOGITS);
    return most / sqrt(variance > 1e-12 ? variance : 1e-12);
}

/* Pearson's correlation over all logits, each class around its own mean. */
static double correlation(const float *a, const float *b)
{
    double saa = 0, sbb = 0, sab = 0;
    for (size_t c = 0; c < CLASSES; c++) {
        double ma = 0, mb = 0;
        for (size_t i = c; i < LOGITS; i += CLASSES) {
            ma += a[i] / (double)IMAGES;
            mb += b[i] / (double)IMAGES;
        }
        for (size_t i = c; i < LOGITS; i += CLASSES) {
            saa += (a[i] - ma) * (a[i] - ma);
            sbb += (b[i] - mb) * (b[i] - mb);
            sab += (a[i] - ma) * (b[i] - mb);
        }
    }
    return saa > 0 && sbb > 0 ? sab / sqrt(saa * sbb) : 0;
}

/* What one operator does to many networks. */
typedef struct effect {
    size_t n;
    double farthest;       /* largest distance with running statistics, ... */
    double farthest_batch; /* ... with the batch's */
    double correlation;    /* mean over networks, running statistics, ... */
    double batch;          /* ... the batch's */
} effect;

static void compare(ef_net *parent, ef_net *child, const float *images, effect *e)
{
    float a[LOGITS], b[LOGITS];
    run(parent, images, a);
    run(child, images, b);
    e->farthest = fmax(e->farthest, distance(a, b));
    e->correlation += correlation(a, b);
    batch_mode_run(parent, images, IMAGES, a, 0);
    batch_mode_run(child, images, IMAGES, b, 0);
    e->farthest_batch = fmax(e->farthest_batch, distance(a, b));
    e->batch += correlation(a, b);
    e->n++;
}

/* Networks with the statistics of the images, or with any (calibrated 0). */
static effect measure(const ef_space *space, const ef_operator_row *row, size_t n_nets,
                      int calibrated)
{
    effect e = {0};
    for (uint64_t i = 0; e.n < n_nets && i < 100 * n_nets; i++) {
        ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, i, 0, 0);
        float *images = make_images(&rng);
        ef_net *net = make_net(&rng, space, calibrated ? images : NULL), *child = NULL;
        ef_status status = row->apply(&rng, space, net, &child, NULL);
        cr_assert(status == EF_OK || status == EF_ERR_TOPOLOGY);
        if (!status) {
            compare(net, child, images, &e);
        }
        ef_net_destroy(net);
        ef_net_destroy(child);
        ef_free(images);
    }
    cr_assert_eq(e.n, n_nets, "%s found only %zu places", row->name, e.n);
    e.correlation /= (double)e.n;
    e.batch /= (double)e.n;
    cr_log_info("%s: farthest %g, %g, correlations %.4f, %.4f\n", row->name, e.farthest,
                e.farthest_batch, e.correlation, e.batch);
    return e;
}

/* Narrow and shallow, so that the plain execution is quick. */
static ef_space *make_space(const char *more)
{
    char text[512];
    ef_space *space = NULL;
    int size = snprintf(text, sizeof text,
                        "depth: {max: 7}\nwidth: {min: 4, max: 12, step: 4}\n%s", more);
    must(ef_space_parse(&space, "test", text, (size_t)size, &err));
    return space;
}

/* float32 sums of another grouping differ by some 1e-6 of their size. */
#define TOLERANCE 1e-4

static void hold_exact(const ef_space *space, int calibrated)
{
    for (size_t i = 0; i < EF_OPERATOR_COUNT; i++) {
        if (ef_operators[i].keeps == EF_KEEPS_EXACT) {
            effect e = measure(space, &ef_operators[i], 12, calibrated);
            cr_assert_lt(e.farthest, TOLERANCE, "%s", ef_operators[i].name);
        }
    }
}

TestSuite(morph_function, .timeout = 120);

Test(morph_function, exact_operators_keep_logits_whatever_the_statistics)
{
    ef_space *space = make_space("");
    hold_exact(space, 0);
    ef_space_destroy(space);
}

Test(morph_function, exact_operators_keep_logits_with_relu6)
{
    ef_space *space = make_space("activation: relu6\n");
    hold_exact(space, 1);
    ef_space_destroy(space);
}

Test(morph_function, operators_without_new_statistics_keep_logits_in_training)
{
    static const ef_operator exact[] = {EF_OPERATOR_RESIDUAL, EF_OPERATOR_HIDDEN,
                                        EF_OPERATOR_WIDEN,    EF_OPERATOR_CONCAT,
                                        EF_OPERATOR_GROW,     EF_OPERATOR_FLATTEN};
    ef_space *space = make_space("");
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        effect e = measure(space, &ef_operators[exact[i]], 8, 1);
        cr_assert_lt(e.farthest_batch, 10 * TOLERANCE, "%s",
                     ef_operators[exact[i]].name);
    }
    ef_space_destroy(space);
}

/* The moments of an inserted batch norm are those of normal variables, which sums of a
 * few products are nearly. */
Test(morph_function, inserted_batch_norms_nearly_keep_logits_in_training)
{
    ef_space *space = make_space("");
    cr_assert_gt(measure(space, &ef_operators[EF_OPERATOR_INSERT], 20, 1).batch, 0.98);
    cr_assert_gt(measure(space, &ef_operators[EF_OPERATOR_ADD], 20, 1).batch, 0.98);
    ef_space_destroy(space);
}

/* Untrained weights are independent, which is the worst case for leaving some out. */
Test(morph_function, near_operators_give_logits_that_go_with_the_parents)
{
    static const struct {
        ef_operator op;
        double least; /* mean correlation */
    } rows[] = {{EF_OPERATOR_PRUNE, 0.75},   {EF_OPERATOR_UNSKIP, 0.5},
                {EF_OPERATOR_SEPARATE, 0.4}, {EF_OPERATOR_SHRINK, 0.3},
                {EF_OPERATOR_REMOVE, 0.2},   {EF_OPERATOR_AVERAGE, 0.1}};
    ef_space *space = make_space("");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        effect e = measure(space, &ef_operators[rows[i].op], 25, 1);
        cr_assert_gt(e.correlation, rows[i].least, "%s: %g",
                     ef_operators[rows[i].op].name, e.correlation);
    }
    ef_space_destroy(space);
}

/* A network of the reference topologies, parameters at random. */
static ef_net *load_net(const char *name)
{
    char path[4096];
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    ef_rng rng = ef_rng_stream(3, EF_PURPOSE_TEST, 0, 0, 0);
    snprintf(path, sizeof path, "%s/data/topologies/%s.yaml", getenv("EF_SRCDIR"),
             name);
    must(ef_topology_load(&topology, path, &err));
    must(ef_net_create(&net, topology, &err));
    ef_net_initialise(net, 1, 0, 0);
    shake(&rng, net);
    ef_topology_destroy(topology);
    return net;
}

/* Logits of two images. */
static void run_two(const ef_net *net, float *logits)
{
    ef_shape shape = ef_topology_shape(net->topology, ef_topology_input(net->topology));
    ef_rng rng = ef_rng_stream(4, EF_PURPOSE_TEST, 0, 0, 0);
    size_t n = 2 * ef_shape_elements(shape);
    float *images = ef_calloc(n, sizeof *images);
    ef_forward *forward = NULL;
    cr_assert_not_null(images);
    for (size_t i = 0; i < n; i++) {
        images[i] = (float)ef_rng_normal(&rng);
    }
    must(ef_forward_create(&forward, net, 2, &err));
    ef_forward_run(forward, images, 2, logits);
    ef_forward_destroy(forward);
    ef_free(images);
}

static size_t hold_reference(const char *name, const ef_space *space)
{
    size_t n_children = 0;
    ef_net *net = load_net(name);
    float a[2 * CLASSES], b[2 * CLASSES], most = 0;
    run_two(net, a);
    for (size_t i = 0; i < 2 * CLASSES; i++) {
        most = fmaxf(most, fabsf(a[i]));
    }
    for (uint64_t i = 0; i < 5 * EF_OPERATOR_COUNT; i++) {
        const ef_operator_row *row = &ef_operators[i % EF_OPERATOR_COUNT];
        ef_rng rng = ef_rng_stream(5, EF_PURPOSE_TEST, i, 0, 0);
        ef_net *child = NULL;
        ef_status status = row->apply(&rng, space, net, &child, NULL);
        if (!status && row->keeps == EF_KEEPS_EXACT) {
            run_two(child, b);
            for (size_t k = 0; k < 2 * CLASSES; k++) {
                cr_assert_float_eq(a[k], b[k], TOLERANCE * most, "%s of %s: %g, %g",
                                   row->name, name, a[k], b[k]);
            }
            n_children++;
        }
        ef_net_destroy(child);
    }
    ef_net_destroy(net);
    return n_children;
}

/* Biases before batch norms, shortcuts of three kinds, depthwise convolutions that tie
 * their readers to their makers, networks without batch norm. */
Test(morph_function, exact_operators_keep_logits_of_reference_topologies)
{
    static const char all[] = "depth: {max: 500}\nwidth: {min: 1, max: 4000, step: 1}\n"
                              "nodes: 4000\nkernels: [1, 3, 5, 7]\n";
    static const struct {
        const char *name, *more;
        size_t least; /* children found */
    } rows[] = {{"cnn-digits", "", 20},
                {"lenet5", "", 20},
                {"mlp", "", 5},
                {"resnet8-digits", "", 20},
                {"mobilenetv2-5m", "activation: relu6\n", 20}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256];
        ef_space *space = NULL;
        int size = snprintf(text, sizeof text, "%s%s", all, rows[i].more);
        must(ef_space_parse(&space, "test", text, (size_t)size, &err));
        size_t n = hold_reference(rows[i].name, space);
        cr_assert_geq(n, rows[i].least, "%s: %zu", rows[i].name, n);
        ef_space_destroy(space);
    }
}

/* Images of a network of any kind. */
#define FEW 4

/* Logits of a network on its images; the largest magnitude, NaN where one is not
 * finite. */
static float run_any(const ef_net *net, const float *images, float *logits)
{
    float most = 0;
    ef_forward *forward = NULL;
    must(ef_forward_create(&forward, net, FEW, &err));
    ef_forward_run(forward, images, FEW, logits);
    ef_forward_destroy(forward);
    for (size_t i = 0; i < FEW * random_net_outputs(net); i++) {
        most = fabsf(logits[i]) <= most ? most : fabsf(logits[i]);
    }
    return isinf(most) ? NAN : most;
}

/* Applies every operator to a network that the space keeps; the number of children
 * whose logits were compared. */
static size_t hold_kept(ef_space *space, const ef_net *net, uint64_t seed)
{
    size_t n_compared = 0, n = FEW * random_net_outputs(net);
    const ef_topology *kept[] = {net->topology};
    float *images = random_images(net, seed, FEW);
    float *a = ef_calloc(2 * n, sizeof *a), *b = a + n;
    float most = run_any(net, images, a);
    ef_space_keep(space, kept, 1);
    must(ef_space_allows(space, net->topology, &err));
    for (size_t i = 0; i < EF_OPERATOR_COUNT; i++) {
        ef_rng rng = ef_rng_stream(6, EF_PURPOSE_TEST, seed, i, 0);
        ef_net *child = NULL;
        ef_status status = ef_operators[i].apply(&rng, space, net, &child, &err);
        cr_assert(status == EF_OK || status == EF_ERR_TOPOLOGY, "%s", err.text);
        float farthest = 0, of_child = status ? 0 : run_any(child, images, b);
        int is_held = !status && ef_operators[i].keeps == EF_KEEPS_EXACT &&
                      isfinite(most) && isfinite(of_child);
        for (size_t k = 0; k < n && is_held; k++) {
            farthest = fmaxf(farthest, fabsf(a[k] - b[k]));
        }
        cr_expect(farthest <= 1e-3F * fmaxf(most, 1), "seed %llu, %s: %g of %g",
                  (unsigned long long)seed, ef_operators[i].name, farthest, most);
        n_compared += (size_t)is_held;
        ef_net_destroy(child);
    }
    ef_free(a);
    ef_free(images);
    return n_compared;
}

/* Nodes that no search space makes: groups, dilation, gates, pad, slice, transpose,
 * upsample, reshape, softmax, div.  Operators work around them. */
Test(morph_function, exact_operators_keep_logits_of_networks_from_elsewhere)
{
    size_t n_compared = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        ef_space *space = NULL;
        must(ef_space_parse(&space, "test", "width: {min: 1, max: 20, step: 1}\n", 34,
                            &err));
        ef_net *net = random_net_with(seed, 4 + seed % 14, seed % 8 == 7,
                                      RANDOM_RESHAPE | RANDOM_INFERENCE);
        n_compared += hold_kept(space, net, seed);
        ef_space_destroy(space);
        ef_net_destroy(net);
    }
    cr_assert_gt(n_compared, 400, "%zu", n_compared);
}

Test(morph_function, ten_exact_operators_in_a_row_keep_logits)
{
    ef_space *space = make_space("");
    space->depth_max = 12;
    for (size_t i = 0; i < EF_OPERATOR_COUNT; i++) {
        space->weights[i] = ef_operators[i].keeps == EF_KEEPS_EXACT;
    }
    for (uint64_t seed = 0; seed < 10; seed++) {
        ef_rng rng = ef_rng_stream(2, EF_PURPOSE_TEST, seed, 0, 0);
        float *images = make_images(&rng), a[LOGITS], b[LOGITS];
        ef_net *net = NULL, *child;
        must(ef_space_sample(&rng, space, &task, &net, &err));
        shake(&rng, net);
        run(net, images, a);
        for (size_t i = 0; i < 10; i++) {
            must(ef_morph_mutate(&rng, space, net, &child, NULL, &err));
            ef_net_destroy(net);
            net = child;
        }
        run(net, images, b);
        cr_assert_lt(distance(a, b), 10 * TOLERANCE);
        ef_net_destroy(net);
        ef_free(images);
    }
    ef_space_destroy(space);
}

Test(morph_function, noise_on_widened_filters_changes_logits_by_its_share)
{
    ef_space *space = make_space("noise: 0.01\n");
    effect e = measure(space, &ef_operators[EF_OPERATOR_WIDEN], 12, 1);
    cr_assert_gt(e.farthest, 1e-4);
    cr_assert_gt(e.correlation, 0.999);
    ef_space_destroy(space);
}
