/* Ranges that formats are fitted to: rules by name, percentiles as a sort gives them,
 * and the clipping that tables and closed forms give. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "faultsim/floating.h"
#include "faultsim/ranges.h"
#include "faultsim/rerun.h"
#include "net/batch.h"
#include "onnx/onnx.h"
#include "random_net.h"

TestSuite(ranges, .timeout = 300);

static void must(ef_status status, const ef_error *err)
{
    cr_assert_eq(status, EF_OK, "%s", err->text);
}

static ef_range_rule rule_of(const char *text)
{
    ef_range_rule rule;
    ef_error err = {0};
    must(ef_range_rule_parse(&rule, text, &err), &err);
    return rule;
}

/* --- rules ------------------------------------------------------------------- */

Test(ranges_rule_parse, reads_back_the_names_that_it_gives)
{
    static const char *const names[] = {"max", "mse", "percentile:99.9",
                                        "percentile:100", "percentile:99.99999"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[EF_RANGE_RULE_NAME];
        ef_range_rule rule = rule_of(names[i]);
        ef_range_rule_name(&rule, name);
        cr_expect_str_eq(name, names[i]);
    }
    cr_expect_eq(rule_of("percentile:99.9").percentile, 99.9);
}

Test(ranges_rule_parse, refuses_what_is_no_rule)
{
    static const char *const texts[] = {"",
                                        "most",
                                        "percentile",
                                        "percentile:",
                                        "percentile:50",
                                        "percentile:-1",
                                        "percentile:100.1",
                                        "percentile:nan",
                                        "percentile:99 ",
                                        "mse:1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ef_range_rule rule = {.percentile = 7};
        ef_error err = {0};
        cr_expect_eq(ef_range_rule_parse(&rule, texts[i], &err), EF_ERR_USAGE, "%s",
                     texts[i]);
        cr_expect(strstr(err.text, "ranges: expected"), "%s", err.text);
        cr_expect_null(strchr(err.text, '\n'));
        cr_expect_eq(rule.percentile, 7);
    }
}

/* --- ranges of made-up tensors ----------------------------------------------- */

/* Ranges of some tensors, their values yet to be counted. */
static ef_ranges *make(const char *rule, size_t n, const ef_range *all)
{
    ef_ranges *ranges = ef_calloc(1, sizeof *ranges);
    cr_assert(ranges);
    ranges->rule = rule_of(rule);
    ranges->n = n;
    ranges->nodes = ef_memdup(all, n * sizeof *all);
    ranges->histograms = ef_calloc(n, sizeof *ranges->histograms);
    cr_assert(ranges->nodes && ranges->histograms);
    for (size_t i = 0; i < n; i++) {
        ef_histogram_init(&ranges->histograms[i],
                          fmaxf(0, fmaxf(-all[i].low, all[i].high)));
    }
    return ranges;
}

static void clear(ef_ranges *ranges)
{
    ef_free(ranges->nodes);
    ef_free(ranges->histograms);
    ef_free(ranges);
}

static void count(ef_ranges *ranges, size_t node, size_t n, const float *values)
{
    ef_histogram_part *part = ef_calloc(1, sizeof *part);
    cr_assert(part);
    ef_histogram_count(&ranges->histograms[node], part, n, values);
    ef_histogram_take(&ranges->histograms[node], part);
    ef_free(part);
}

/* Of one tensor's values. */
static ef_ranges *of_values(const char *rule, size_t n, const float *values)
{
    ef_range all = {INFINITY, -INFINITY};
    for (size_t i = 0; i < n; i++) {
        all.low = fminf(all.low, values[i]);
        all.high = fmaxf(all.high, values[i]);
    }
    ef_ranges *ranges = make(rule, 1, &all);
    count(ranges, 0, n, values);
    return ranges;
}

static ef_range fit_all(const ef_ranges *ranges, const char *format)
{
    static const size_t nodes[] = {0, 1, 2, 3};
    ef_format parsed;
    ef_range range = {0, 0};
    ef_error err = {0};
    must(ef_format_parse(format, &parsed, &err), &err);
    must(ef_ranges_fit(ranges, nodes, ranges->n, &parsed, &range, &err), &err);
    return range;
}

static float uniform(ef_rng *rng)
{
    return (float)ef_rng_below(rng, 1 << 24) * 0x1p-24f;
}

/* --- percentiles ------------------------------------------------------------- */

#define N_VALUES 20000

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Kinds: evenly spread, spread over many magnitudes, half of it zeros, one sign. */
static void fill_values(int kind, float *values)
{
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, (uint64_t)kind, 0, 0);
    for (size_t i = 0; i < N_VALUES; i++) {
        float u = uniform(&rng), v = uniform(&rng);
        values[i] = kind == 0   ? 3 * u - 1
                    : kind == 1 ? (v < 0.3f ? -1 : 1) * expf(10 * u - 5)
                    : kind == 2 ? (v < 0.5f ? 0 : u * u)
                                : -u;
    }
}

Test(ranges_fit, clips_to_the_percentile_that_a_sort_gives)
{
    static const char *const rules[] = {"percentile:60", "percentile:99",
                                        "percentile:99.9", "percentile:99.995"};
    static float values[N_VALUES], sorted[N_VALUES];
    for (int kind = 0; kind < 4; kind++) {
        fill_values(kind, values);
        for (size_t i = 0; i < N_VALUES; i++) {
            sorted[i] = fabsf(values[i]);
        }
        qsort(sorted, N_VALUES, sizeof *sorted, compare);
        for (size_t r = 0; r < 4; r++) {
            ef_ranges *ranges = of_values(rules[r], N_VALUES, values);
            ef_range all = ranges->nodes[0], range = fit_all(ranges, "int8");
            size_t rank = (size_t)ceil(ranges->rule.percentile / 100 * N_VALUES);
            float expected = sorted[rank - 1];
            cr_expect_float_eq(range.high, fminf(expected, all.high), expected / 128,
                               "%d, %s: %g for %g", kind, rules[r], (double)range.high,
                               (double)expected);
            cr_expect_float_eq(range.low, fmaxf(-expected, all.low), expected / 128);
            clear(ranges);
        }
    }
}

Test(ranges_fit, leaves_all_values_where_a_percentile_is_the_largest_or_zero)
{
    float values[1000] = {0};
    values[17] = 0.75f;
    values[18] = -0.3f;
    static const char *const rules[] = {"percentile:100", "percentile:99", "max"};
    for (size_t i = 0; i < 3; i++) {
        ef_ranges *ranges = of_values(rules[i], 1000, values);
        ef_range range = fit_all(ranges, "int8");
        cr_expect_eq(range.low, -0.3f, "%s", rules[i]);
        cr_expect_eq(range.high, 0.75f, "%s", rules[i]);
        clear(ranges);
    }
}

/* --- least squares ----------------------------------------------------------- */

/* Counts in proportion to what lies between magnitudes by a distribution function. */
static ef_ranges *of_distribution(double (*below)(double x), float low, float high)
{
    const ef_range all = {low, high};
    ef_ranges *ranges = make("mse", 1, &all);
    for (size_t i = 0; i < EF_HISTOGRAM_BINS; i++) {
        double from, to;
        ef_histogram_bin(&ranges->histograms[0], i, &from, &to);
        from = fmin(fmax(from, (double)low), (double)high);
        to = fmin(fmax(to, (double)low), (double)high);
        ranges->histograms[0].counts[i] =
            (unsigned long long)rint(0x1p60 * (below(to) - below(from)));
    }
    return ranges;
}

static double below_uniform(double x)
{
    return (x + 1) / 2;
}

static double below_gaussian(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

static double below_laplace(double x)
{
    return x < 0 ? 0.5 * exp(x) : 1 - 0.5 * exp(-x);
}

/* Evenly spread over [-1, 1], with q levels above 0, c the last: inside, errors are
 * those of cells of width c / q, c^3 / (12 q^2) in all, beyond (1 - c)^3 / 3; the
 * derivative of the sum is 0 at c = 1 / (1 + 1 / (2 q)). */
Test(ranges_fit, clips_evenly_spread_values_by_half_a_step)
{
    static const char *const formats[] = {"int2", "int3", "int4", "int6", "int8"};
    static const double q[] = {1, 3, 7, 31, 127};
    ef_ranges *ranges = of_distribution(below_uniform, -1, 1);
    for (size_t i = 0; i < 5; i++) {
        ef_range range = fit_all(ranges, formats[i]);
        double c = 1 / (1 + 1 / (2 * q[i]));
        cr_expect_float_eq((double)range.high, c, 1.0 / 128, "%s: %g for %g",
                           formats[i], (double)range.high, c);
        cr_expect_eq(range.low, -range.high);
    }
    clear(ranges);
}

/* J. Max, Quantizing for minimum distortion, IRE Transactions on Information Theory 6,
 * 1960, doi:10.1109/TIT.1960.1057548, table II: the step of N = 3, 7 and 15 evenly
 * spaced levels for N(0, 1).  8 bits, where a level more or less does not matter, and
 * the Laplace distribution: the clipping of Banner et al. (faultsim/ranges.h, [1]), as
 * their code has it, to the middle of its last cell. */
Test(ranges_fit, clips_as_tables_of_the_best_quantizers_do)
{
    static const struct {
        double (*below)(double x);
        const char *format;
        double most;
    } rows[] = {
        {below_gaussian, "int2", 1 * 1.2240},
        {below_gaussian, "int3", 3 * 0.6508},
        {below_gaussian, "int4", 7 * 0.3534},
        {below_gaussian, "int8", 3.92 * 255 / 256},
        {below_laplace, "int8", 9.89 * 255 / 256},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_ranges *ranges = of_distribution(rows[i].below, -30, 30);
        double most = (double)fit_all(ranges, rows[i].format).high;
        cr_expect_float_eq(most, rows[i].most, 0.02 * rows[i].most, "row %zu: %g", i,
                           most);
        clear(ranges);
    }
}

/* A million of 1 and one of 1024 in int8: with c = 127 (1 + d) the many are off by d
 * each and the one by 897 - 127 d, so that d = 897 127 / (10^6 + 127^2). */
Test(ranges_fit, clips_an_outlier_as_far_as_the_many_gain)
{
    const ef_range all = {0, 1024};
    const float outlier = 1024, one = 1;
    ef_ranges *ranges = make("mse", 1, &all);
    count(ranges, 0, 1, &one);
    for (size_t i = 0; i < EF_HISTOGRAM_BINS; i++) {
        ranges->histograms[0].counts[i] *= 1000000;
    }
    count(ranges, 0, 1, &outlier);
    double c = 127 * (1 + 897.0 * 127 / (1e6 + 127.0 * 127));
    cr_expect_float_eq((double)fit_all(ranges, "int8").high, c, 3, "%g",
                       (double)fit_all(ranges, "int8").high);
    clear(ranges);
}

Test(ranges_fit, leaves_what_a_format_stores_without_error)
{
    static const float values[] = {0, 1, -1, 1, 0, 0};
    static const char *const formats[] = {"int2", "int8", "fixed8", "e4m3s",
                                          "int8+gray"};
    ef_ranges *ranges = of_values("mse", 6, values);
    for (size_t i = 0; i < 5; i++) {
        ef_range range = fit_all(ranges, formats[i]);
        cr_expect_eq(range.low, -1, "%s", formats[i]);
        cr_expect_eq(range.high, 1, "%s", formats[i]);
    }
    clear(ranges);
}

/* The mean squared error of values in a format bound to a range. */
static double error_of(const char *format, ef_range range, const float *values)
{
    ef_format parsed;
    ef_code code;
    ef_error err = {0};
    double sum = 0;
    must(ef_format_parse(format, &parsed, &err), &err);
    must(ef_code_bind(&code, &parsed, (double)range.low, (double)range.high, &err),
         &err);
    for (size_t i = 0; i < N_VALUES; i++) {
        double off = (double)ef_code_value(&code, ef_code_of(&code, values[i])) -
                     (double)values[i];
        sum += off * off;
    }
    return sum / N_VALUES;
}

/* Held to a search over ranges that stores every value. */
Test(ranges_fit, finds_the_least_error_in_every_kind_of_format)
{
    static const char *const formats[] = {"int4",  "uint4",  "fixed6", "fixed8.5",
                                          "e4m3s", "pow2_4", "tern",   "bin",
                                          "int12", "e2m1s"};
    static float values[N_VALUES];
    int n_kinds = getenv("EF_UNDER_VALGRIND") ? 1 : 4;
    for (int kind = 0; kind < n_kinds; kind++) {
        fill_values(kind, values);
        ef_ranges *ranges = of_values("mse", N_VALUES, values);
        ef_range all = ranges->nodes[0];
        float most = fmaxf(-all.low, all.high);
        for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
            double least = INFINITY;
            double found = error_of(formats[i], fit_all(ranges, formats[i]), values);
            for (float c = most; c > most / 300; c *= 0.98f) {
                ef_range range = {fmaxf(all.low, -c), fminf(all.high, c)};
                least = fmin(least, error_of(formats[i], range, values));
            }
            cr_expect_leq(found, 1.02 * least, "%d, %s: %g, not %g", kind, formats[i],
                          found, least);
        }
        clear(ranges);
    }
}

Test(ranges_fit, leaves_formats_whose_codes_no_range_changes)
{
    static const char *const formats[] = {"fp32", "bf16",     "fp16",
                                          "e5m2", "fixed8.5", "e5m10s"};
    ef_ranges *ranges = of_distribution(below_gaussian, -30, 30);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        cr_expect_eq(fit_all(ranges, formats[i]).high, 30, "%s", formats[i]);
    }
    clear(ranges);
}

Test(ranges_fit, takes_tensors_that_share_a_scale_together)
{
    static float values[N_VALUES];
    static const char *const rules[] = {"percentile:90", "mse", "max"};
    fill_values(1, values);
    for (size_t r = 0; r < 3; r++) {
        ef_range all[3] = {{0, 0}, {0, 0}, {INFINITY, -INFINITY}};
        for (size_t i = 0; i < N_VALUES; i++) {
            ef_range *own = &all[i < N_VALUES / 3];
            own->low = fminf(own->low, values[i] / (i < N_VALUES / 3 ? 64 : 1));
            own->high = fmaxf(own->high, values[i] / (i < N_VALUES / 3 ? 64 : 1));
        }
        for (size_t i = 0; i < N_VALUES / 3; i++) {
            values[i] /= 64;
        }
        ef_ranges *apart = make(rules[r], 3, all);
        count(apart, 1, N_VALUES / 3, values);
        count(apart, 0, N_VALUES - N_VALUES / 3, values + N_VALUES / 3);
        ef_ranges *together = of_values(rules[r], N_VALUES, values);
        ef_range a = fit_all(apart, "int5"), b = fit_all(together, "int5");
        cr_expect_eq(a.low, b.low, "%s: %g and %g", rules[r], (double)a.low,
                     (double)b.low);
        cr_expect_eq(a.high, b.high);
        clear(apart);
        clear(together);
        fill_values(1, values);
    }
}

Test(ranges_fit, gives_nothing_where_nothing_was_seen)
{
    const ef_range none = {INFINITY, -INFINITY};
    ef_ranges *ranges = make("mse", 1, &none);
    ef_range range = fit_all(ranges, "int8");
    cr_expect_gt(range.low, range.high);
    clear(ranges);
}

/* --- ranges of networks ------------------------------------------------------ */

#define N_IMAGES 130

Test(ranges_create_by, counts_every_value_once_on_any_number_of_threads)
{
    static const size_t n_threads[] = {1, 2, 7};
    const ef_range_rule mse = rule_of("mse");
    for (uint64_t seed = 0; seed < 6; seed++) {
        ef_net *net = random_net(seed, 5, seed % 3 == 2);
        float *images = random_images(net, seed, N_IMAGES);
        ef_ranges *found[3];
        ef_error err = {0};
        for (size_t i = 0; i < 3; i++) {
            must(ef_ranges_create_by(&found[i], net, images, N_IMAGES, &mse,
                                     n_threads[i], &err),
                 &err);
            cr_expect_eq(memcmp(found[i]->nodes, found[0]->nodes,
                                found[0]->n * sizeof *found[0]->nodes),
                         0);
            cr_expect_eq(memcmp(found[i]->histograms, found[0]->histograms,
                                found[0]->n * sizeof *found[0]->histograms),
                         0);
        }
        for (size_t k = 0; k < found[0]->n; k++) {
            uint64_t n = 0;
            for (size_t i = 0; i < EF_HISTOGRAM_BINS; i++) {
                n += found[0]->histograms[k].counts[i];
            }
            cr_expect_eq(
                n, N_IMAGES * ef_shape_elements(ef_topology_shape(net->topology, k)),
                "seed %llu, node %zu", (unsigned long long)seed, k);
        }
        for (size_t i = 0; i < 3; i++) {
            ef_ranges_destroy(found[i]);
        }
        ef_free(images);
        ef_net_destroy(net);
    }
}

/* Each stored tensor has the scale of its own fitted range, in floats as in integers.
 */
Test(ranges_fit, sets_the_scales_of_networks)
{
    static const char *const rules[] = {"percentile:75", "mse"};
    size_t n_narrower = 0;
    for (size_t r = 0; r < 2; r++) {
        const ef_range_rule rule = rule_of(rules[r]);
        ef_net *net = random_net(3, 8, 0);
        float *images = random_images(net, 3, N_IMAGES);
        ef_fnet_options floats = EF_FNET_OPTIONS_FP32;
        ef_qnet_options integers = EF_QNET_OPTIONS_INT8;
        ef_ranges *ranges;
        ef_fnet *fnet;
        ef_qnet *qnet;
        ef_error err = {0};
        must(ef_format_parse("e2m1s", &floats.activations, &err), &err);
        must(ef_format_parse("int4", &integers.activations, &err), &err);
        integers.fits_activations = 0;
        must(ef_ranges_create_by(&ranges, net, images, N_IMAGES, &rule, 1, &err), &err);
        must(ef_fnet_create(&fnet, net, ranges, &floats, &err), &err);
        must(ef_qnet_create(&qnet, net, ranges, &integers, &err), &err);
        size_t nodes[] = {0, 0}; /* the input, in both */
        const ef_code *codes[] = {&fnet->codes[0], &qnet->steps[0].code};
        for (size_t i = 0; i < 2; i++) {
            ef_range range;
            ef_code code;
            must(ef_ranges_fit(ranges, &nodes[i], 1, &codes[i]->format, &range, &err),
                 &err);
            must(ef_code_bind(&code, &codes[i]->format, (double)range.low,
                              (double)range.high, &err),
                 &err);
            cr_expect_eq(codes[i]->scale, code.scale, "%s", rules[r]);
            n_narrower += range.high < ranges->nodes[0].high;
        }
        ef_qnet_destroy(qnet);
        ef_fnet_destroy(fnet);
        ef_ranges_destroy(ranges);
        ef_free(images);
        ef_net_destroy(net);
    }
    cr_expect_eq(n_narrower, 4);
}

/* --- ResNet-20 --------------------------------------------------------------- */

#define N_CIFAR 1000
#define N_CALIBRATION 250
#define BATCH 100
#define IMAGE_SIZE (3 * 32 * 32)

static const char expected_classes[] =
#include "known/resnet20.inc"
    ;

typedef struct cifar {
    ef_net *net;
    ef_dataset set;
    float *images, *calibration; /* every image, and every fourth */
} cifar;

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

static cifar load_cifar(void)
{
    static size_t indices[N_CIFAR];
    cifar c;
    ef_error err = {0};
    if (getenv("EF_UNDER_VALGRIND")) {
        cr_skip_test("takes too long under valgrind");
    }
    ef_dataset_options how = {.data = path_of("data/cifar10-test-1000.bin")};
    must(ef_dataset_load(&c.set, &how, &err), &err);
    must(ef_onnx_load(&c.net, NULL, path_of("models/resnet20-cifar10-bn.onnx"), &err),
         &err);
    c.images = ef_calloc(N_CIFAR * IMAGE_SIZE, sizeof *c.images);
    c.calibration = ef_calloc(N_CALIBRATION * IMAGE_SIZE, sizeof *c.images);
    cr_assert(c.images && c.calibration);
    for (size_t i = 0; i < N_CIFAR; i++) {
        indices[i] = i;
    }
    ef_batch_fill(&c.set, NULL, indices, N_CIFAR, c.images);
    for (size_t i = 0; i < N_CALIBRATION; i++) {
        memcpy(c.calibration + i * IMAGE_SIZE, c.images + 4 * i * IMAGE_SIZE,
               IMAGE_SIZE * sizeof *c.images);
    }
    return c;
}

static void clear_cifar(cifar *c)
{
    ef_net_destroy(c->net);
    ef_dataset_clear(&c->set);
    ef_free(c->images);
    ef_free(c->calibration);
}

/* Images whose class is not the label. */
static size_t errors_of(const cifar *c, const char *rule, const char *activations)
{
    const ef_range_rule by = rule_of(rule);
    ef_qnet_options options = EF_QNET_OPTIONS_INT8;
    ef_ranges *ranges;
    ef_qnet *qnet;
    ef_error err = {0};
    size_t n_errors = 0;
    must(ef_format_parse(activations, &options.activations, &err), &err);
    must(ef_ranges_create_by(&ranges, c->net, c->calibration, N_CALIBRATION, &by, 0,
                             &err),
         &err);
    must(ef_qnet_create(&qnet, c->net, ranges, &options, &err), &err);
    for (size_t begin = 0; begin < N_CIFAR; begin += BATCH) {
        const ef_rerun_images batch = {.images = c->images + begin * IMAGE_SIZE,
                                       .n = BATCH};
        ef_rerun *rerun;
        must(ef_rerun_create(&rerun, qnet, &batch, &err), &err);
        for (size_t i = 0; i < BATCH; i++) {
            n_errors += ef_rerun_classes(rerun)[i] != c->set.labels[begin + i];
        }
        ef_rerun_destroy(rerun);
    }
    ef_qnet_destroy(qnet);
    ef_ranges_destroy(ranges);
    return n_errors;
}

Test(ranges, cost_resnet20_in_int8_five_images_at_most_by_each_rule)
{
    static const char *const rules[] = {"max", "percentile:99.99", "mse"};
    cifar c = load_cifar();
    size_t in_float = 0;
    for (size_t i = 0; i < N_CIFAR; i++) {
        in_float += expected_classes[i] - '0' != c.set.labels[i];
    }
    for (size_t i = 0; i < 3; i++) {
        size_t n_errors = errors_of(&c, rules[i], "int8");
        cr_expect_leq(n_errors, in_float + 5, "%s: %zu, %zu in float32", rules[i],
                      n_errors, in_float);
    }
    clear_cifar(&c);
}

Test(ranges, of_least_squares_are_better_than_the_largest_in_four_bits)
{
    cifar c = load_cifar();
    size_t by_mse = errors_of(&c, "mse", "int4"), by_max = errors_of(&c, "max", "int4");
    cr_expect_lt(by_mse, by_max, "%zu against %zu", by_mse, by_max);
    clear_cifar(&c);
}
