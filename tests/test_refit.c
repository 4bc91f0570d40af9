/* Constants that made rates are found again in them. */
#include "study/refit.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/topology_yaml.h"

enum { N = 36, N_MEASURES = 8 };

/* A convolutional network whose depth, widths, sizes and pooling differ with i: 3 input
 * sizes, 1 to 3 convolutions, 2 widths, with and without an average over all places. */
static ef_topology *make_topology(size_t i)
{
    size_t side = 8 + 4 * (i % 3), n_layers = 1 + i / 3 % 3,
           width = 8 + 16 * (i / 9 % 2);
    ef_text text = {0};
    ef_topology *topology = NULL;
    ef_error err = {0};
    ef_text_add(&text, "input: [1, %zu, %zu]\nnodes:\n", side, side);
    for (size_t k = 0; k < n_layers; k++) {
        ef_text_add(&text, "  - {conv: %zu, kernel: 3, pad: 1}\n  - {batchnorm}\n",
                    width + 8 * k);
        ef_text_add(&text, "  - {relu}\n");
    }
    ef_text_add(&text, "%s  - {flatten}\n  - {dense: 10, bias: yes}\n",
                i / 18 % 2 ? "  - {globalavg}\n" : "");
    cr_assert_eq(ef_topology_parse(&topology, "t.yaml", text.bytes, text.size, &err),
                 EF_OK, "%s", err.text);
    ef_text_clear(&text);
    return topology;
}

typedef struct bench {
    const ef_prediction *predictions[N_MEASURES * N];
    ef_prediction *own[2 * N]; /* int8, e4m3 */
    ef_fault_model faults[N_MEASURES];
    double measured[N_MEASURES * N];
    ef_refit_data data;
} bench;

/* Rates as constants predict them, each times a factor that `noise` sets. */
static void make_bench(bench *b, const ef_constants *truth, double noise)
{
    static const char *const formats[] = {"int8", "e4m3"};
    ef_error err = {0};
    *b = (bench){
        .data = {
            .n = N, .n_measures = N_MEASURES, .folds = 6, .seed = 3, .n_threads = 1}};
    for (size_t i = 0; i < N; i++) {
        ef_topology *topology = make_topology(i);
        for (size_t f = 0; f < 2; f++) {
            ef_format format;
            ef_prediction_formats both = {0};
            cr_assert_eq(ef_format_parse(formats[f], &format, &err), EF_OK);
            both.weights = both.activations = format;
            cr_assert_eq(
                ef_prediction_create(&b->own[f * N + i], topology, &both, &err), EF_OK,
                "%s", err.text);
        }
        ef_topology_destroy(topology);
    }
    for (size_t m = 0; m < N_MEASURES; m++) {
        b->faults[m] = (ef_fault_model){.target = m % 2 ? EF_EXPOSED_ACTIVATIONS
                                                        : EF_EXPOSED_WEIGHTS,
                                        .ber = m < 4 ? 1e-5 : 0,
                                        .share = 0.5};
        for (size_t i = 0; i < N; i++) {
            size_t at = m * N + i;
            b->predictions[at] = b->own[m / 2 % 2 * N + i];
            /* a wave that repeats in no fold */
            b->measured[at] =
                ef_prediction_ccr(b->predictions[at], &b->faults[m], truth) *
                exp(noise * sin(1.7 * (double)at));
        }
    }
    b->data.predictions = b->predictions;
    b->data.faults = b->faults;
    b->data.measured = b->measured;
}

static void clear_bench(bench *b)
{
    for (size_t i = 0; i < 2 * N; i++) {
        ef_prediction_destroy(b->own[i]);
    }
}

/* Far from the built-in ones, and within the bounds. */
static void make_truth(ef_constants *truth)
{
    static const double values[2][6] = {{1, 0.9, 0.2, 0.8, 0.1, 0.5},
                                        {0.1, 1, 0.9, 0, 0.3, -0.3}};
    ef_constants_init(truth);
    for (size_t t = 0; t < 2; t++) {
        memcpy(truth->values[t], values[t], sizeof values[t]);
    }
}

static const ef_refit_quality *judged(const ef_refit *refit, size_t m, ef_refit_by by)
{
    return &refit->judged[m * EF_REFIT_COUNT + by];
}

/* Within what the pull to the built-in ones leaves: 36 topologies of it. */
Test(refit, constants_that_made_the_rates_predict_them_again)
{
    bench b;
    ef_constants truth;
    ef_refit refit = {0};
    ef_error err = {0};
    make_truth(&truth);
    make_bench(&b, &truth, 0);
    cr_assert_eq(ef_refit_run(&refit, &b.data, &err), EF_OK, "%s", err.text);
    for (size_t m = 0; m < N_MEASURES; m++) {
        const ef_refit_quality *start = judged(&refit, m, EF_REFIT_START);
        const ef_refit_quality *fitted = judged(&refit, m, EF_REFIT_FITTED);
        const ef_refit_quality *held_out = judged(&refit, m, EF_REFIT_HELD_OUT);
        cr_expect_lt(fitted->factor, 1.2, "%zu: %g", m, fitted->factor);
        cr_expect_lt(held_out->factor, 1.25, "%zu: %g", m, held_out->factor);
        /* e4m3's exponents decide whatever the constants: little was off */
        double least = fmax(log(start->factor) / 2, log(1.1));
        cr_expect_lt(log(fitted->factor), least, "%zu: %g of %g", m, fitted->factor,
                     start->factor);
        cr_expect_geq(fitted->spearman, fmin(start->spearman, 0.95), "%zu: %g of %g", m,
                      fitted->spearman, start->spearman);
        cr_expect_geq(held_out->spearman, fmin(start->spearman, 0.93), "%zu: %g of %g",
                      m, held_out->spearman, start->spearman);
    }
    ef_refit_clear(&refit);
    clear_bench(&b);
}

Test(refit, starting_at_the_constants_that_made_the_rates_it_stays)
{
    bench b;
    ef_constants truth;
    ef_refit refit = {0};
    ef_error err = {0};
    make_truth(&truth);
    make_bench(&b, &truth, 0);
    b.data.start = &truth;
    cr_assert_eq(ef_refit_run(&refit, &b.data, &err), EF_OK, "%s", err.text);
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < ef_constants_n(); i++) {
            cr_expect_float_eq(refit.constants.values[t][i], truth.values[t][i], 2e-3,
                               "%s: %g", ef_constant_rows[i].name,
                               refit.constants.values[t][i]);
        }
    }
    cr_expect_float_eq(judged(&refit, 0, EF_REFIT_START)->factor, 1, 1e-9);
    cr_expect_float_eq(judged(&refit, 0, EF_REFIT_START)->spearman, 1, 1e-9);
    ef_refit_clear(&refit);
    clear_bench(&b);
}

Test(refit, the_number_of_threads_changes_nothing)
{
    bench b;
    ef_constants truth;
    ef_refit one = {0}, many = {0};
    ef_error err = {0};
    make_truth(&truth);
    make_bench(&b, &truth, 0.5);
    cr_assert_eq(ef_refit_run(&one, &b.data, &err), EF_OK);
    b.data.n_threads = 7;
    cr_assert_eq(ef_refit_run(&many, &b.data, &err), EF_OK);
    cr_expect_eq(memcmp(&one.constants, &many.constants, sizeof one.constants), 0);
    cr_expect_eq(memcmp(one.fold, many.fold, N * sizeof *one.fold), 0);
    cr_expect_eq(memcmp(one.predicted, many.predicted,
                        EF_REFIT_COUNT * N_MEASURES * N * sizeof(double)),
                 0);
    ef_refit_clear(&one);
    ef_refit_clear(&many);
    clear_bench(&b);
}

/* What is held out cannot know the noise: with a factor of e^(2 sin) half of all
 * predictions are off by e^sqrt(2) or more, however good the constants. */
Test(refit, noise_stays_in_what_was_held_out)
{
    bench b;
    ef_refit refit = {0};
    ef_error err = {0};
    make_bench(&b, NULL, 2);
    cr_assert_eq(ef_refit_run(&refit, &b.data, &err), EF_OK);
    for (size_t m = 0; m < N_MEASURES; m++) {
        cr_expect_gt(judged(&refit, m, EF_REFIT_HELD_OUT)->factor, 2);
    }
    ef_refit_clear(&refit);
    clear_bench(&b);
}

Test(refit, folds_are_of_equal_size_and_each_topology_is_in_one)
{
    bench b;
    ef_refit refit = {0};
    ef_error err = {0};
    size_t sizes[6] = {0};
    make_bench(&b, NULL, 0.2);
    cr_assert_eq(ef_refit_run(&refit, &b.data, &err), EF_OK);
    for (size_t i = 0; i < N; i++) {
        cr_assert_lt(refit.fold[i], 6);
        sizes[refit.fold[i]]++;
    }
    for (size_t k = 0; k < 6; k++) {
        cr_expect_eq(sizes[k], N / 6);
    }
    ef_refit_clear(&refit);
    clear_bench(&b);
}

Test(refit, constants_without_measures_are_those_of_the_start)
{
    bench b;
    ef_constants truth;
    ef_refit refit = {0};
    ef_error err = {0};
    make_truth(&truth);
    make_bench(&b, NULL, 0);
    b.data.start = &truth;
    b.data.n_measures = 1; /* of weights */
    cr_assert_eq(ef_refit_run(&refit, &b.data, &err), EF_OK);
    cr_expect_eq(memcmp(refit.constants.values[EF_EXPOSED_ACTIVATIONS],
                        truth.values[EF_EXPOSED_ACTIVATIONS],
                        sizeof truth.values[EF_EXPOSED_ACTIVATIONS]),
                 0);
    cr_expect_neq(memcmp(refit.constants.values[EF_EXPOSED_WEIGHTS],
                         truth.values[EF_EXPOSED_WEIGHTS],
                         sizeof truth.values[EF_EXPOSED_WEIGHTS]),
                  0);
    ef_refit_clear(&refit);
    clear_bench(&b);
}

/* Rates of 0 only: nothing pulls but the start. */
Test(refit, nothing_measured_leaves_the_constants)
{
    bench b;
    ef_constants built_in;
    ef_refit refit = {0};
    ef_error err = {0};
    ef_constants_init(&built_in);
    make_bench(&b, NULL, 0);
    memset(b.measured, 0, sizeof b.measured);
    cr_assert_eq(ef_refit_run(&refit, &b.data, &err), EF_OK);
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < ef_constants_n(); i++) {
            cr_expect_float_eq(refit.constants.values[t][i], built_in.values[t][i],
                               1e-3);
        }
    }
    cr_expect(isnan(judged(&refit, 0, EF_REFIT_FITTED)->spearman));
    cr_expect(isnan(judged(&refit, 0, EF_REFIT_FITTED)->factor));
    ef_refit_clear(&refit);
    clear_bench(&b);
}

Test(refit, too_few_topologies_are_refused)
{
    bench b;
    ef_refit refit = {0};
    ef_error err = {0};
    make_bench(&b, NULL, 0);
    b.data.n = ef_refit_fewest() - 1;
    cr_assert_eq(ef_refit_run(&refit, &b.data, &err), EF_ERR_FAILED);
    cr_expect(strstr(err.text, "11 topologies are too few"), "%s", err.text);
    cr_expect_null(refit.fold);
    clear_bench(&b);
}

Test(refit, what_is_fitted_is_written_and_read_back)
{
    bench b;
    ef_constants truth, back;
    ef_refit refit = {0};
    ef_error err = {0};
    ef_text text = {0};
    make_truth(&truth);
    make_bench(&b, &truth, 0.3);
    cr_assert_eq(ef_refit_run(&refit, &b.data, &err), EF_OK);
    ef_constants_write(&refit.constants, "of a test", &text);
    cr_assert_eq(ef_constants_parse(&back, "c.yaml", text.bytes, text.size, &err),
                 EF_OK, "%s", err.text);
    cr_expect_eq(memcmp(&back, &refit.constants, sizeof back), 0);
    ef_text_clear(&text);
    ef_refit_clear(&refit);
    clear_bench(&b);
}
