/* Training as a whole: it learns, it gives the same bytes on every number of threads
 * and beside others, and it fails with a sentence and nothing touched. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "faultsim/forward.h"
#include "net/topology_yaml.h"
#include "train/isa.h"
#include "train/loss.h"
#include "train/train.h"

static void must(ef_status status, const ef_error *err)
{
    cr_assert_eq(status, EF_OK, "%s: %s", ef_status_name(status), err->text);
}

/* A bit of everything that the threads could disturb. */
static const char small_yaml[] =
    "name: small\ninput: [1, 8, 8]\nnodes:\n"
    "  - {scale, name: normal}\n"
    "  - {conv: 8, kernel: 3, pad: same}\n  - {batchnorm}\n  - {relu, name: a}\n"
    "  - {conv: 8, kernel: 3, pad: same}\n  - {batchnorm, name: b}\n"
    "  - {add: [a, b]}\n  - {relu}\n"
    "  - {conv: 16, kernel: 3, stride: 2, pad: 1, bias: yes}\n  - {relu6}\n"
    "  - {conv: 16, kernel: 3, pad: 1, groups: 16}\n  - {maxpool: 2}\n"
    "  - {flatten}\n  - {dense: 10, bias: yes}\n";

static ef_net *make_net(const char *yaml)
{
    ef_error err = {0};
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    must(ef_topology_parse(&topology, "test", yaml, strlen(yaml), &err), &err);
    must(ef_net_create(&net, topology, &err), &err);
    ef_net_initialise(net, 1, 0, 0);
    ef_topology_destroy(topology);
    return net;
}

static ef_dataset digits;
static ef_parts *parts;

static void load_digits(void)
{
    ef_error err = {0};
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/data", getenv("EF_SRCDIR"));
    ef_dataset_options options = {.data = "digits", .data_dir = folder};
    ef_split_options split = EF_SPLIT_DEFAULT;
    must(ef_dataset_load(&digits, &options, &err), &err);
    must(ef_parts_create(&parts, &digits, &split, &err), &err);
}

static void forget_digits(void)
{
    ef_parts_destroy(parts);
    ef_dataset_clear(&digits);
}

/* What a plain network for the digits looks like. */
static const char plain_yaml[] =
    "name: plain\ninput: [1, 8, 8]\nnodes:\n"
    "  - {scale, name: normal}\n"
    "  - {conv: 16, kernel: 3, pad: same}\n  - {batchnorm}\n  - {relu}\n"
    "  - {conv: 16, kernel: 3, pad: same}\n  - {batchnorm}\n  - {relu}\n"
    "  - {maxpool: 2}\n"
    "  - {conv: 32, kernel: 3, pad: same}\n  - {batchnorm}\n  - {relu}\n"
    "  - {flatten}\n  - {dense: 10, bias: yes}\n";

/* The normalisation of the digits, 0..16 to about -1..1. */
static void set_scale(ef_net *net)
{
    size_t node = ef_topology_find(net->topology, "normal");
    ef_net_values(net, node, EF_ROLE_SCALE)[0] = 0.125F;
    ef_net_values(net, node, EF_ROLE_SHIFT)[0] = -1.0F;
}

static ef_train_data training_part(size_t limit)
{
    return (ef_train_data){&digits, ef_parts_get(parts, EF_SPLIT_TRAIN, limit)};
}

TestSuite(train_run, .init = load_digits, .fini = forget_digits, .timeout = 600);

/* scikit-learn's example of a support vector machine on these digits misses 3 %. */
Test(train_run, learns_the_digits_to_less_than_3_percent_of_test_errors)
{
    ef_error err = {0};
    ef_net *net = make_net(plain_yaml);
    ef_train_options options = EF_TRAIN_OPTIONS_DEFAULT;
    ef_train_report report;
    ef_train_data data = training_part(0);
    options.epochs = 8;
    options.n_threads = 1;
    set_scale(net);
    must(ef_train(net, &data, &options, NULL, NULL, &report, &err), &err);
    cr_assert_eq(report.epochs, 8);
    cr_assert_eq(report.batches, report.n_batches);
    cr_assert_lt(report.error, 0.05);
    ef_train_score score;
    ef_train_data test = {&digits, ef_parts_get(parts, EF_SPLIT_TEST, 0)};
    must(ef_train_evaluate(net, &test, 2, &score, &err), &err);
    cr_assert_lt(score.error, 0.03, "test error %g", score.error);
    ef_net_destroy(net);
}

static ef_net *train_small(size_t n_shards, size_t n_threads, uint64_t b)
{
    ef_error err = {0};
    ef_net *net = make_net(small_yaml);
    ef_train_options options = EF_TRAIN_OPTIONS_DEFAULT;
    ef_train_data data = training_part(200);
    options.epochs = 2;
    options.batch = 50;
    options.n_shards = n_shards;
    options.n_threads = n_threads;
    options.b = b;
    options.augment.flip = 1;
    set_scale(net);
    must(ef_train(net, &data, &options, NULL, NULL, NULL, &err), &err);
    return net;
}

static void assert_equal(const ef_net *a, const ef_net *b, const char *what)
{
    cr_assert_eq(memcmp(a->values, b->values, a->n_values * sizeof(float)), 0,
                 "%s: the bytes differ", what);
}

Test(train_run, gives_the_same_bytes_at_1_2_and_7_threads)
{
    static const size_t threads[] = {2, 7};
    for (size_t n_shards = 1; n_shards <= 7; n_shards += 3) {
        ef_net *one = train_small(n_shards, 1, 0);
        for (size_t i = 0; i < 2; i++) {
            ef_net *many = train_small(n_shards, threads[i], 0);
            assert_equal(one, many, "more threads");
            ef_net_destroy(many);
        }
        ef_net_destroy(one);
    }
}

Test(train_run, works_with_fewer_images_than_a_batch_has)
{
    for (size_t n = 1; n <= 5; n += 2) {
        ef_error err = {0};
        ef_net *net = make_net(small_yaml);
        ef_train_options options = EF_TRAIN_OPTIONS_DEFAULT;
        ef_train_data data = training_part(n);
        ef_train_report report;
        options.epochs = 3;
        set_scale(net);
        must(ef_train(net, &data, &options, NULL, NULL, &report, &err), &err);
        cr_assert_eq(report.n_batches, 3);
        ef_train_score score;
        must(ef_train_evaluate(net, &data, 0, &score, &err), &err);
        ef_net_destroy(net);
    }
}

static ef_status train_one(void *context, size_t index, ef_error *err)
{
    (void)err;
    ((ef_net **)context)[index] = train_small(2, 1, index);
    return EF_OK;
}

Test(train_run, gives_the_same_bytes_alone_and_beside_others)
{
    ef_error err = {0};
    ef_net *together[6] = {NULL};
    must(ef_parallel_for(6, 3, train_one, together, &err), &err);
    for (size_t i = 0; i < 6; i++) {
        ef_net *alone = train_small(2, 1, i);
        assert_equal(alone, together[i], "beside others");
        cr_assert(i == 0 || memcmp(alone->values, together[0]->values,
                                   alone->n_values * sizeof(float)),
                  "networks of different keys must differ");
        ef_net_destroy(alone);
    }
    for (size_t i = 0; i < 6; i++) {
        ef_net_destroy(together[i]);
    }
}

Test(train_run, evaluates_as_exact_execution_does)
{
    ef_error err = {0};
    ef_net *net = train_small(2, 1, 0);
    ef_train_data data = training_part(150);
    ef_train_score score, threaded;
    must(ef_train_evaluate(net, &data, 1, &score, &err), &err);
    must(ef_train_evaluate(net, &data, 3, &threaded, &err), &err);
    cr_assert_eq(memcmp(&score, &threaded, sizeof score), 0);
    ef_forward *forward = NULL;
    must(ef_forward_create(&forward, net, 1, &err), &err);
    size_t wrong = 0;
    for (size_t i = 0; i < data.part.n; i++) {
        float image[64], logits[10];
        ef_batch_fill(&digits, NULL, &data.part.indices[i], 1, image);
        ef_forward_run(forward, image, 1, logits);
        wrong += ef_forward_argmax(logits, 10) != digits.labels[data.part.indices[i]];
    }
    cr_assert_float_eq(score.error, (double)wrong / 150, 1e-12);
    ef_forward_destroy(forward);
    ef_net_destroy(net);
}

/* Trains, expects a failure, and that net is as it was. */
static ef_error expect_failure(ef_net *net, const ef_train_options *options,
                               ef_train_watch *watch, ef_train_report *report,
                               ef_status expected)
{
    ef_error err = {0};
    ef_net *before = NULL;
    ef_train_data data = training_part(200);
    cr_assert_eq(ef_net_dup(&before, net), EF_OK);
    ef_status status = ef_train(net, &data, options, watch, NULL, report, &err);
    cr_assert_eq(status, expected, "%s: %s", ef_status_name(status), err.text);
    cr_assert_eq(err.status, expected);
    cr_assert_neq(err.text[0], '\0');
    assert_equal(net, before, "after a failure");
    ef_net_destroy(before);
    return err;
}

Test(train_run, says_when_it_diverges_and_leaves_the_network_alone)
{
    ef_net *net = make_net(small_yaml);
    ef_train_options options = EF_TRAIN_OPTIONS_DEFAULT;
    ef_train_report report;
    options.rate = 1e6;
    options.momentum = 0.99;
    ef_error err = expect_failure(net, &options, NULL, &report, EF_ERR_DIVERGED);
    cr_assert_not_null(strstr(err.text, "diverged in epoch"), "%s", err.text);
    cr_assert_lt(report.epochs, options.epochs);
    ef_net_destroy(net);
}

Test(train_run, finds_a_weight_that_is_not_finite)
{
    ef_net *net = make_net(small_yaml);
    ef_train_options options = EF_TRAIN_OPTIONS_DEFAULT;
    ef_net_values(net, 2, EF_ROLE_WEIGHT)[0] = NAN;
    expect_failure(net, &options, NULL, NULL, EF_ERR_DIVERGED);
    ef_net_destroy(net);
}

static int stop_at_third(void *context, const ef_train_report *so_far)
{
    (void)context;
    return so_far->batches >= 3;
}

Test(train_run, stops_where_it_is_told_to)
{
    ef_net *net = make_net(small_yaml);
    ef_train_options options = EF_TRAIN_OPTIONS_DEFAULT;
    ef_train_report report;
    expect_failure(net, &options, stop_at_third, &report, EF_STOPPED);
    cr_assert_eq(report.batches, 3);
    ef_net_destroy(net);
}

/* The loss has a softmax of its own: one at the end changes nothing. */
Test(train_run, trains_past_a_softmax_at_the_end)
{
    char text[sizeof small_yaml + 32];
    snprintf(text, sizeof text, "%s  - {softmax, name: shares}\n", small_yaml);
    ef_net *plain = make_net(small_yaml), *shares = make_net(text);
    ef_train_data data = training_part(200);
    ef_train_options options = EF_TRAIN_OPTIONS_SHORT;
    ef_train_score with, without;
    ef_error err = {0};
    cr_assert_eq(plain->n_values, shares->n_values);
    cr_assert_eq(ef_train(plain, &data, &options, NULL, NULL, NULL, &err), EF_OK);
    cr_assert_eq(ef_train(shares, &data, &options, NULL, NULL, NULL, &err), EF_OK, "%s",
                 err.text);
    cr_expect_arr_eq(plain->values, shares->values, plain->n_values * sizeof(float));
    cr_assert_eq(ef_train_evaluate(plain, &data, 1, &without, &err), EF_OK);
    cr_assert_eq(ef_train_evaluate(shares, &data, 1, &with, &err), EF_OK);
    cr_expect(with.loss == without.loss && with.error == without.error);
    ef_net_destroy(plain);
    ef_net_destroy(shares);
}

Test(train_run, refuses_what_does_not_fit)
{
    ef_train_options options = EF_TRAIN_OPTIONS_DEFAULT;
    ef_net *net = make_net("name: x\ninput: [1, 9, 8]\nnodes:\n  - {flatten}\n"
                           "  - {dense: 10}\n");
    ef_error err = expect_failure(net, &options, NULL, NULL, EF_ERR_INPUT);
    cr_assert_not_null(strstr(err.text, "1 x 9 x 8"), "%s", err.text);
    ef_net_destroy(net);
    net =
        make_net("name: x\ninput: [1, 8, 8]\nnodes:\n  - {flatten}\n  - {dense: 9}\n");
    expect_failure(net, &options, NULL, NULL, EF_ERR_INPUT);
    ef_net_destroy(net);
    net = make_net("name: x\ninput: [1, 8, 8]\nnodes:\n  - {flatten}\n  - {relu}\n");
    expect_failure(net, &options, NULL, NULL, EF_ERR_UNSUPPORTED);
    ef_net_destroy(net);
    net = make_net(small_yaml);
    options.momentum = 1;
    expect_failure(net, &options, NULL, NULL, EF_ERR_USAGE);
    options.momentum = NAN;
    expect_failure(net, &options, NULL, NULL, EF_ERR_USAGE);
    options.momentum = 0.9;
    options.batch = 0;
    expect_failure(net, &options, NULL, NULL, EF_ERR_USAGE);
    ef_net_destroy(net);
}

Test(train_run, survives_every_allocation_that_fails)
{
    ef_train_options options = EF_TRAIN_OPTIONS_DEFAULT;
    ef_train_data data = training_part(60);
    options.epochs = 1;
    options.n_threads = 1;
    ef_net *net = make_net(small_yaml), *before = NULL;
    cr_assert_eq(ef_net_dup(&before, net), EF_OK);
    for (long n = 0;; n++) {
        ef_error err = {0};
        ef_mem_fail_after(n);
        ef_status status = ef_train(net, &data, &options, NULL, NULL, NULL, &err);
        ef_mem_fail_after(-1);
        if (status == EF_OK) {
            cr_assert_gt(n, 20);
            break;
        }
        cr_assert_eq(status, EF_ERR_MEMORY, "allocation %ld: %s", n, err.text);
        assert_equal(net, before, "after a failed allocation");
    }
    ef_net_destroy(before);
    ef_net_destroy(net);
}

Test(train_isa, names_the_instruction_set_and_refuses_unknown_ones)
{
    ef_error err = {0};
    cr_assert_eq(ef_isa_cap("mmx", &err), EF_ERR_USAGE);
    cr_assert_not_null(strstr(err.text, "avx2"));
    cr_assert_eq(ef_isa_cap("sse41", NULL), EF_OK);
    cr_assert_str_eq(ef_isa_name(), "sse41");
    ef_error_clear(&err);
    cr_assert_eq(ef_isa_cap("avx2", &err), EF_ERR_USAGE, "too late");
}

/* Caps the instruction set, so that the plain kernels run. */
Test(train_isa, learns_with_the_plain_kernels_too)
{
    cr_assert_eq(ef_isa_cap("sse41", NULL), EF_OK);
    load_digits();
    ef_error err = {0};
    ef_net *net = make_net(small_yaml);
    ef_train_options options = EF_TRAIN_OPTIONS_DEFAULT;
    ef_train_report report;
    ef_train_data data = training_part(0);
    options.epochs = 4;
    set_scale(net);
    must(ef_train(net, &data, &options, NULL, NULL, &report, &err), &err);
    cr_assert_lt(report.error, 0.3);
    ef_net_destroy(net);
    forget_digits();
}

/* Closed forms: equal logits give ln(classes); two logits d apart ln(1 + e^-d). */
Test(train_loss, has_the_values_and_gradients_of_its_formula)
{
    const float logits[] = {2, 2, 2, 2, -1, 1, -50, -60};
    const uint16_t labels[] = {3, 1};
    float gradient[8];
    ef_loss loss = ef_loss_softmax(2, 4, logits, labels, 0, 2, gradient);
    double tail = 1 + exp(-2.0) + exp(-51.0) + exp(-61.0);
    cr_assert_float_eq(loss.sum, log(4.0) + log(tail), 1e-12);
    cr_assert_eq(loss.wrong, 1, "the lowest index of equals counts");
    cr_assert_float_eq((double)gradient[0], 0.25 / 2, 1e-7);
    cr_assert_float_eq((double)gradient[3], (0.25 - 1) / 2, 1e-7);
    cr_assert_float_eq((double)gradient[4], exp(-2.0) / tail / 2, 1e-7);
    cr_assert_float_eq((double)gradient[5], (1 / tail - 1) / 2, 1e-7);
}

Test(train_loss, spreads_a_share_of_the_target_over_all_classes)
{
    const float logits[] = {0, 0};
    const uint16_t label = 0;
    float gradient[2];
    ef_loss loss = ef_loss_softmax(1, 2, logits, &label, 0.1, 1, gradient);
    cr_assert_float_eq(loss.sum, log(2.0), 1e-12);
    cr_assert_float_eq((double)gradient[0], 0.5 - 0.95, 1e-7);
    cr_assert_float_eq((double)gradient[1], 0.5 - 0.05, 1e-7);
}

Test(train_loss, is_not_finite_where_a_logit_is_not)
{
    const float logits[] = {0, NAN, 1, INFINITY};
    const uint16_t labels[] = {0, 0};
    ef_loss loss = ef_loss_softmax(1, 2, logits, labels, 0, 1, NULL);
    cr_assert(isnan(loss.sum));
    cr_assert_eq(loss.wrong, 1);
    loss = ef_loss_softmax(1, 2, logits + 2, labels + 1, 0, 1, NULL);
    cr_assert_not(isfinite(loss.sum));
}
