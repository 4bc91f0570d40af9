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
#include "net/fold_norm.h"
#include "onnx/onnx.h"

#define N 1000 /* images */

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

TestSuite(resnet20, .timeout = 600); /* valgrind takes its time */

static void expect_classes(const ef_net *net, const ef_dataset *set)
{
    static size_t indices[N];
    static uint16_t predicted[N];
    ef_error err = {0};
    ef_classify_options options = {NULL, 0};
    ef_classified found = {predicted, NULL, 0};
    for (size_t i = 0; i < N; i++) {
        indices[i] = i;
    }
    cr_assert_eq(ef_classify(net, set, (ef_part){indices, N}, &options, &found, &err),
                 EF_OK, "%s", err.text);
    for (size_t i = 0; i < N; i++) {
        cr_expect_eq(predicted[i], expected_classes[i] - '0', "image %zu: %u", i,
                     predicted[i]);
    }
    cr_expect_eq(found.n_errors, 85);
}

Test(resnet20, gives_the_classes_that_onnxruntime_gives)
{
    ef_dataset set = load_images();
    ef_net *nets[] = {load_folded(), load_unfolded(), NULL};
    nets[2] = fold(nets[1]);
    cr_assert_eq(sizeof expected_classes, N + 1);
    for (size_t i = 0; i < 3; i++) {
        expect_classes(nets[i], &set);
        ef_net_destroy(nets[i]);
    }
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
        cr_expect_eq(ef_topology_hash(back->topology),
                     ef_topology_hash(nets[i]->topology));
        cr_assert_eq(back->n_values, nets[i]->n_values);
        cr_expect_eq(memcmp(back->values, nets[i]->values,
                            back->n_values * sizeof *back->values),
                     0);
        ef_free(bytes);
        ef_net_destroy(back);
        ef_net_destroy(nets[i]);
    }
}
