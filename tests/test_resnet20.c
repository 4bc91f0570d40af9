/* The two exports of ResNet-20 that the test models hold, one with its batch norms
 * folded by PyTorch's exporter: classes as onnxruntime gives them, folding as PyTorch
 * does it, and writing that changes no bit. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "faultsim/classify.h"
#include "faultsim/forward.h"
#include "faultsim/rerun.h"
#include "net/fold_norm.h"
#include "onnx/onnx.h"

#define N 1000          /* images */
#define N_RUN 8         /* of them where logits are compared */
#define N_CALIBRATE 256 /* of them that set ranges */
#define N_BATCH 100
#define N_CLASSES 10
#define IMAGE_SIZE (3 * 32 * 32)

static const char expected_classes[] =
#include "known/resnet20.inc"
    ;

static const char *path_of(const char *file)
{
    static char path[1024];
    const char *models = getenv("EF_TEST_MODELS");
    snprintf(path, sizeof path, "%s/%s", models ? models : "", file);
    if (!ef_file_exists(path)) {
        cr_skip_test("%s is not there", file);
    }
    return path;
}

static ef_net *load(const char *file)
{
    ef_net *net = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_onnx_load(&net, NULL, path_of(file), &err), EF_OK, "%s", err.text);
    return net;
}

static ef_net *load_folded(void)
{
    return load("models/resnet20-cifar10.onnx");
}

static ef_net *load_unfolded(void)
{
    return load("models/resnet20-cifar10-bn.onnx");
}

/* What our folding makes of the one that is not folded. */
static ef_net *fold(const ef_net *net)
{
    ef_net *folded = NULL;
    ef_error err = {0};
    size_t n = 0;
    cr_assert_eq(ef_net_fold_norms(&folded, net, &n, &err), EF_OK, "%s", err.text);
    cr_assert_eq(n, 19);
    return folded;
}

static ef_dataset load_images(void)
{
    ef_dataset set;
    ef_error err = {0};
    ef_dataset_options options = {.data = path_of("data/cifar10-test-1000.bin")};
    cr_assert_eq(ef_dataset_load(&set, &options, &err), EF_OK, "%s", err.text);
    cr_assert_eq(set.n, N);
    return set;
}

TestSuite(resnet20, .timeout = 300);

static void expect_classes(const ef_net *net, const ef_dataset *set)
{
    static size_t indices[N];
    static uint16_t predicted[N];
    ef_error err = {0};
    ef_classify_options options = {NULL, 0};
    ef_classified found = {predicted, NULL, 0};
    size_t n = getenv("EF_UNDER_VALGRIND") ? 4 : N, n_errors = 0;
    for (size_t i = 0; i < n; i++) {
        indices[i] = i;
        n_errors += expected_classes[i] - '0' != set->labels[i];
    }
    cr_assert_eq(ef_classify(net, set, (ef_part){indices, n}, &options, &found, &err),
                 EF_OK, "%s", err.text);
    for (size_t i = 0; i < n; i++) {
        cr_expect_eq(predicted[i], expected_classes[i] - '0', "image %zu: %u", i,
                     predicted[i]);
    }
    cr_expect_eq(found.n_errors, n_errors);
}

Test(resnet20, gives_the_classes_that_onnxruntime_gives)
{
    ef_dataset set = load_images();
    ef_net *nets[] = {load_folded(), load_unfolded()};
    cr_assert_eq(sizeof expected_classes, N + 1);
    for (size_t i = 0; i < 2; i++) {
        expect_classes(nets[i], &set);
        ef_net_destroy(nets[i]);
    }
    ef_dataset_clear(&set);
}

/* Classes in integers with ranges of the first images, as evoflip inject has them where
 * the data have no training part. */
static void classify(const ef_net *net, const ef_dataset *set, unsigned bits, size_t n,
                     uint16_t *classes)
{
    static float images[N * IMAGE_SIZE];
    static size_t indices[N];
    ef_ranges *ranges = NULL;
    ef_qnet *qnet = NULL;
    ef_error err = {0};
    ef_qnet_options options = EF_QNET_OPTIONS_INT8;
    options.weights.bits = options.activations.bits = bits;
    for (size_t i = 0; i < n; i++) {
        indices[i] = i;
    }
    ef_batch_fill(set, NULL, indices, n, images);
    size_t n_ranges = n < N_CALIBRATE ? n : N_CALIBRATE;
    cr_assert_eq(ef_ranges_create(&ranges, net, images, n_ranges, 0, &err), EF_OK, "%s",
                 err.text);
    cr_assert_eq(ef_qnet_create(&qnet, net, ranges, &options, &err), EF_OK, "%s",
                 err.text);
    for (size_t first = 0; first < n; first += N_BATCH) {
        ef_rerun *rerun = NULL;
        size_t n_batch = n - first < N_BATCH ? n - first : N_BATCH;
        ef_rerun_images batch = {.images = images + first * IMAGE_SIZE, .n = n_batch};
        cr_assert_eq(ef_rerun_create(&rerun, qnet, &batch, &err), EF_OK, "%s",
                     err.text);
        memcpy(classes + first, ef_rerun_classes(rerun), n_batch * sizeof *classes);
        ef_rerun_destroy(rerun);
    }
    ef_qnet_destroy(qnet);
    ef_ranges_destroy(ranges);
}

/* Errors beside those of float32, of whose classes onnxruntime's are taken. */
Test(resnet20, int8_costs_at_most_five_images)
{
    static uint16_t classes[N];
    ef_dataset set = load_images();
    ef_net *nets[] = {load_folded(), load_unfolded()};
    size_t n = getenv("EF_UNDER_VALGRIND") ? 4 : N;
    for (size_t k = 0; k < 2; k++) {
        int more = 0, n_other = 0;
        classify(nets[k], &set, 8, n, classes);
        for (size_t i = 0; i < n; i++) {
            int expected = expected_classes[i] - '0';
            more += (classes[i] != set.labels[i]) - (expected != set.labels[i]);
            n_other += classes[i] != expected;
        }
        cr_expect_leq(more, 5, "%d more errors, %d other classes", more, n_other);
        cr_expect_leq(n_other, 15, "%d other classes", n_other);
        ef_net_destroy(nets[k]);
    }
    ef_dataset_clear(&set);
}

/* Some of its biases take more than 32 bits in the scale of 16-bit operands. */
Test(resnet20, int16_gives_the_classes_of_float32)
{
    uint16_t classes[N_CALIBRATE];
    ef_dataset set = load_images();
    ef_net *net = load_unfolded();
    size_t n = getenv("EF_UNDER_VALGRIND") ? 2 : 100;
    classify(net, &set, 16, n, classes);
    for (size_t i = 0; i < n; i++) {
        cr_expect_eq(classes[i], expected_classes[i] - '0', "image %zu: %u", i,
                     classes[i]);
    }
    ef_net_destroy(net);
    ef_dataset_clear(&set);
}

/* Each in binary32, so that weights differ by some 2^-24 of themselves, and biases,
 * which are differences, by as much of the largest. */
static void expect_near(const ef_net *a, const ef_net *b, const ef_param *param)
{
    const float *of_a = a->values + param->offset, *of_b = b->values + param->offset;
    double largest = 0;
    for (size_t i = 0; i < param->count; i++) {
        largest = fmax(largest, fabs((double)of_a[i]));
    }
    for (size_t i = 0; i < param->count; i++) {
        double size = param->role == EF_ROLE_BIAS ? largest : fabs((double)of_a[i]);
        double difference = fabs((double)of_a[i] - (double)of_b[i]);
        cr_expect_leq(difference, 4 * 0x1p-24 * size, "%s %zu: %g and %g",
                      ef_topology_node(a->topology, param->node)->name, i,
                      (double)of_a[i], (double)of_b[i]);
    }
}

Test(resnet20, is_folded_to_what_the_exporter_of_pytorch_folds_it_to)
{
    ef_net *expected = load_folded(), *net = load_unfolded(), *folded = fold(net);
    cr_assert_eq(ef_topology_hash(folded->topology),
                 ef_topology_hash(expected->topology));
    cr_assert_eq(folded->n_params, expected->n_params);
    for (size_t i = 0; i < expected->n_params; i++) {
        expect_near(expected, folded, &expected->params[i]);
    }
    ef_net_destroy(folded);
    ef_net_destroy(net);
    ef_net_destroy(expected);
}

/* Names and values of all parameters. */
static void check_same_params(const ef_net *a, const ef_net *b)
{
    cr_assert_eq(a->n_params, b->n_params);
    for (size_t i = 0; i < a->n_params; i++) {
        const ef_param *p = &a->params[i], *q = &b->params[i];
        char names[2][EF_PARAM_NAME_SIZE];
        ef_net_param_name(a, p, names[0]);
        ef_net_param_name(b, q, names[1]);
        cr_expect_str_eq(names[0], names[1]);
        cr_assert_eq(p->count, q->count);
        cr_expect_eq(memcmp(a->values + p->offset, b->values + q->offset,
                            p->count * sizeof *a->values),
                     0, "%s", names[0]);
    }
}

static void check_same_nodes(const ef_topology *a, const ef_topology *b)
{
    cr_expect_eq(ef_topology_hash(a), ef_topology_hash(b));
    cr_assert_eq(ef_topology_n_nodes(a), ef_topology_n_nodes(b));
    for (size_t i = 0; i < ef_topology_n_nodes(a); i++) {
        cr_expect_str_eq(ef_topology_node(a, i)->name, ef_topology_node(b, i)->name);
    }
}

/* Bit for bit, on some of the images. */
static void check_same_logits(const ef_net *a, const ef_net *b)
{
    static float images[N_RUN * IMAGE_SIZE], logits[2][N_RUN * N_CLASSES];
    static const size_t indices[N_RUN] = {0, 1, 2, 3, 4, 5, 6, 7};
    ef_dataset set = load_images();
    ef_batch_fill(&set, NULL, indices, N_RUN, images);
    for (int i = 0; i < 2; i++) {
        ef_error err = {0};
        ef_forward *forward = NULL;
        cr_assert_eq(ef_forward_create(&forward, i == 0 ? a : b, N_RUN, &err), EF_OK,
                     "%s", err.text);
        cr_assert_eq(ef_forward_classes(forward), N_CLASSES);
        ef_forward_run(forward, images, N_RUN, logits[i]);
        ef_forward_destroy(forward);
    }
    cr_expect_eq(memcmp(logits[0], logits[1], sizeof logits[0]), 0);
    ef_dataset_clear(&set);
}

Test(resnet20, comes_back_from_a_file_as_it_went)
{
    ef_net *nets[] = {load_folded(), load_unfolded()};
    for (size_t i = 0; i < 2; i++) {
        ef_net *back = NULL;
        ef_error err = {0};
        unsigned char *bytes = NULL;
        size_t size = 0;
        cr_assert_eq(ef_onnx_write(nets[i], NULL, &bytes, &size, &err), EF_OK, "%s",
                     err.text);
        cr_assert_eq(ef_onnx_read(&back, NULL, "back", bytes, size, &err), EF_OK, "%s",
                     err.text);
        check_same_nodes(back->topology, nets[i]->topology);
        check_same_params(back, nets[i]);
        check_same_logits(back, nets[i]);
        ef_free(bytes);
        ef_net_destroy(back);
        ef_net_destroy(nets[i]);
    }
}

/* The network has a node of this name, and it a parameter with the file's name. */
static void expect_names(const ef_net *net, const char *node, ef_role role,
                         const char *initialiser)
{
    char name[EF_PARAM_NAME_SIZE];
    size_t index = ef_topology_find(net->topology, node);
    cr_assert_neq(index, SIZE_MAX, "%s", node);
    const ef_param *param = ef_net_param(net, index, role);
    cr_assert_not_null(param, "%s", node);
    ef_net_param_name(net, param, name);
    cr_expect_str_eq(name, initialiser);
}

/* onnx.load of ONNX 1.12 lists the names. */
Test(resnet20, folded_keeps_its_names)
{
    ef_net *net = load_folded();
    expect_names(net, "/Conv", EF_ROLE_WEIGHT, "onnx::Conv_238");
    expect_names(net, "/Conv", EF_ROLE_BIAS, "onnx::Conv_239");
    for (int i = 1; i < 19; i++) {
        char node[32], weight[32];
        snprintf(node, sizeof node, "/Conv_%d", i);
        snprintf(weight, sizeof weight, "onnx::Conv_%d", 238 + 3 * i);
        expect_names(net, node, EF_ROLE_WEIGHT, weight);
    }
    expect_names(net, "/Gemm", EF_ROLE_WEIGHT, "linear_weight");
    expect_names(net, "/Gemm", EF_ROLE_BIAS, "linear_bias");
    ef_net_destroy(net);
}

/* A convolution of a block, 1 or 2, and the batch norm behind it. */
static void expect_half_block(const ef_net *net, int layer, int block, int half)
{
    static const struct {
        const char *module, *op_type, *initialiser;
        ef_role role;
    } rows[] = {
        {"conv", "Conv", "weight", EF_ROLE_WEIGHT},
        {"bn", "BatchNormalization", "weight", EF_ROLE_GAMMA},
        {"bn", "BatchNormalization", "bias", EF_ROLE_BETA},
        {"bn", "BatchNormalization", "running_mean", EF_ROLE_MEAN},
        {"bn", "BatchNormalization", "running_var", EF_ROLE_VARIANCE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char node[128], initialiser[128];
        snprintf(node, sizeof node, "/net/layer%d/layer%d.%d/%s%d/%s", layer, layer,
                 block, rows[i].module, half, rows[i].op_type);
        snprintf(initialiser, sizeof initialiser, "net.layer%d.%d.%s%d.%s", layer,
                 block, rows[i].module, half, rows[i].initialiser);
        expect_names(net, node, rows[i].role, initialiser);
    }
}

Test(resnet20, unfolded_keeps_its_names)
{
    ef_net *net = load_unfolded();
    expect_names(net, "/net/conv1/Conv", EF_ROLE_WEIGHT, "net.conv1.weight");
    for (int i = 0; i < 18; i++) {
        expect_half_block(net, 1 + i / 6, i / 2 % 3, 1 + i % 2);
    }
    expect_names(net, "/net/linear/Gemm", EF_ROLE_WEIGHT, "net.linear.weight");
    expect_names(net, "/net/linear/Gemm", EF_ROLE_BIAS, "net.linear.bias");
    ef_net_destroy(net);
}

static size_t count(const ef_topology *topology, ef_op op)
{
    size_t n = 0;
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        n += ef_topology_node(topology, i)->op == op;
    }
    return n;
}

/* The exporter's two padded shortcuts, of 23 nodes each, are slices and a pad. */
static void check_nodes(ef_net *net, size_t n_batchnorms)
{
    const ef_topology *t = net->topology;
    cr_expect_eq(count(t, EF_OP_CONV), 19);
    cr_expect_eq(count(t, EF_OP_BATCHNORM), n_batchnorms);
    cr_expect_eq(count(t, EF_OP_ACTIVATION), 19);
    cr_expect_eq(count(t, EF_OP_ADD), 9);
    cr_expect_eq(count(t, EF_OP_GLOBALAVG), 1);
    cr_expect_eq(count(t, EF_OP_DENSE), 1);
    cr_expect_eq(count(t, EF_OP_PAD), 2);
    cr_expect_leq(count(t, EF_OP_SLICE), 4);
    cr_expect_leq(count(t, EF_OP_SCALE), 2, "two of the normalisation at most");
    cr_expect_eq(count(t, EF_OP_TRANSPOSE) + count(t, EF_OP_CONCAT), 0);
    /* 40.55 million by the README of the models */
    cr_expect_eq(ef_topology_macs(t), 40551040);
    ef_net_destroy(net);
}

Test(resnet20, shortcuts_become_slices_and_a_pad)
{
    check_nodes(load_folded(), 0);
    check_nodes(load_unfolded(), 19);
}
