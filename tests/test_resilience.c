/* Resilience objectives against values worked out by hand. */
#include "objectives/resilience.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "format/code.h"
#include "objectives/exposure.h"
#include "objectives/objective.h"
#include "objectives/prediction.h"
#include "objectives/relevance.h"
#include "topology_help.h"

/* A shortcut around a convolution, an average over all 16 places. */
static const char residual[] = "input: [2, 4, 4]\n"
                               "nodes:\n"
                               "  - {conv: 4, kernel: 3, pad: 1, name: c1}\n"
                               "  - {batchnorm, name: n1}\n"
                               "  - {relu, name: a1}\n"
                               "  - {conv: 4, kernel: 3, pad: 1, name: c2}\n"
                               "  - {batchnorm, name: n2}\n"
                               "  - {add: [n2, a1], name: sum}\n"
                               "  - {globalavg, name: pool}\n"
                               "  - {flatten, name: flat}\n"
                               "  - {dense: 3, bias: yes, name: logits}\n";

/* Branches of 1 and 3 channels, only the second with an activation. */
static const char branches[] = "input: [1, 2, 2]\n"
                               "nodes:\n"
                               "  - {conv: 1, kernel: 1, from: input, name: one}\n"
                               "  - {conv: 3, kernel: 1, from: input, name: three}\n"
                               "  - {relu, name: a3}\n"
                               "  - {concat: [one, a3], name: both}\n"
                               "  - {flatten, name: flat}\n"
                               "  - {dense: 2, name: logits}\n";

/* One convolution: 2 x 3 x 3 x 3 = 54 weights, 2 x 4 x 4 = 32 activations. */
static const char plain[] = "input: [3, 4, 4]\n"
                            "nodes:\n"
                            "  - {conv: 2, kernel: 3, pad: 1, name: c1}\n"
                            "  - {relu, name: a1}\n"
                            "  - {flatten, name: flat}\n"
                            "  - {dense: 5, name: logits}\n";

static double at(const ef_topology *topology, const double *values, const char *name)
{
    size_t index = ef_topology_find(topology, name);
    cr_assert_neq(index, SIZE_MAX, "%s", name);
    return values[index];
}

/* --- relevance and what goes with it ------------------------------------------- */

Test(relevance, weighs_the_branches_of_an_add_by_energy)
{
    ef_topology *t = parse_topology(residual);
    double energy[16], rho[16], layers[16], places[16];
    ef_relevance_weighted(t, energy, rho);
    ef_layers_before(t, energy, layers);
    ef_places_averaged(t, places);
    /* n2 has 1 and a1, a relu behind a norm, 1/2: the sum 3/2, of which n2 is 2/3 */
    cr_expect_float_eq(at(t, energy, "sum"), 1.5, 1e-12);
    cr_expect_float_eq(at(t, rho, "n2"), 2.0 / 3, 1e-12);
    /* a1 carries the shortcut's third and what c2 reads */
    cr_expect_float_eq(at(t, rho, "a1"), 1, 1e-12);
    cr_expect_float_eq(at(t, rho, "c1"), 1, 1e-12);
    /* two layers on two thirds of it, one on a third */
    cr_expect_float_eq(at(t, layers, "sum"), 5.0 / 3, 1e-12);
    cr_expect_float_eq(at(t, layers, "logits"), 8.0 / 3, 1e-12);
    cr_expect_float_eq(at(t, places, "c1"), 16, 1e-12);
    cr_expect_float_eq(at(t, places, "pool"), 1, 1e-12);
    ef_topology_destroy(t);
}

Test(relevance, weighs_the_branches_of_a_concat_by_channels_times_energy)
{
    ef_topology *t = parse_topology(branches);
    double energy[16], rho[16], layers[16];
    ef_relevance_weighted(t, energy, rho);
    ef_layers_before(t, energy, layers);
    /* 1 channel of energy 1 beside 3 of 1/2: 1 and 3/2 of 5/2, a mean of 5/8 */
    cr_expect_float_eq(at(t, energy, "both"), 5.0 / 8, 1e-12);
    cr_expect_float_eq(at(t, rho, "one"), 2.0 / 5, 1e-12);
    cr_expect_float_eq(at(t, rho, "a3"), 3.0 / 5, 1e-12);
    cr_expect_float_eq(at(t, rho, "three"), 3.0 / 5, 1e-12);
    cr_expect_float_eq(at(t, layers, "both"), 1, 1e-12);
    ef_topology_destroy(t);
}

/* A mean over 2 x 2 places, then over the 4 that are left: 16 in all; the branch beside
 * it has the global average of 16 alone. */
Test(relevance, counts_the_places_that_poolings_average)
{
    ef_topology *t = parse_topology("input: [1, 4, 4]\n"
                                    "nodes:\n"
                                    "  - {conv: 2, kernel: 1, name: c1}\n"
                                    "  - {maxpool: 2, name: most}\n"
                                    "  - {avgpool: 2, name: mean}\n"
                                    "  - {flatten, name: flat}\n"
                                    "  - {dense: 2, name: logits}\n");
    double places[16];
    ef_places_averaged(t, places);
    cr_expect_float_eq(at(t, places, "c1"), 4, 1e-12);
    cr_expect_float_eq(at(t, places, "most"), 4, 1e-12);
    cr_expect_float_eq(at(t, places, "mean"), 1, 1e-12);
    ef_topology_destroy(t);
}

/* --- objectives ------------------------------------------------------------------ */

static ef_status try_score(const ef_topology *topology, const char *text,
                           const ef_constants *constants, double *value, ef_error *err)
{
    ef_objective_list list;
    ef_objective_context context = {.constants = constants};
    cr_assert_eq(ef_objective_parse_list(&list, text, err), EF_OK, "%s", err->text);
    return ef_objective_score(topology, &context, &list, value, err);
}

static double score(const ef_topology *topology, const char *text)
{
    double value = NAN;
    ef_error err = {0};
    cr_assert_eq(try_score(topology, text, NULL, &value, &err), EF_OK, "%s", err.text);
    return value;
}

/* The residual stores a1, n2, sum (64 elements each) and pool (4), of plain relevance 1
 * (half of the sum's by the shortcut, half by c2), 1/2, 1 and 1. */
Test(asi, has_five_forms)
{
    ef_topology *t = parse_topology(residual);
    double elements = 3 * 64 + 4;
    cr_expect_float_eq(score(t, "asi"), (1 + 0.25 + 1) / 64 + 1.0 / 4, 1e-12);
    cr_expect_float_eq(score(t, "asi:form=squares"), score(t, "asi"), 0);
    cr_expect_float_eq(score(t, "asi:form=relevance"), 3.5, 1e-12);
    cr_expect_float_eq(score(t, "asi:form=density"), 3.5 / elements, 1e-12);
    cr_expect_float_eq(score(t, "asi:form=greatest"), 1.0 / 4, 1e-12);
    cr_expect_float_eq(score(t, "asi:form=mean"), (3.0 / 64 + 1.0 / 4) / 4, 1e-12);
    ef_topology_destroy(t);
}

/* --- the predicted class change rate --------------------------------------------- */

/* Every power 0 but that of size, 1, and the margin: u = (delta / rms)^2 rho / N. */
static ef_constants simple(double margin)
{
    ef_constants constants = {{{0}}};
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < ef_constants_n(); i++) {
            const char *name = ef_constant_rows[i].name;
            constants.values[t][i] = strcmp(name, "margin") == 0 ? margin
                                     : strcmp(name, "size") == 0 ? 1
                                                                 : 0;
        }
    }
    return constants;
}

/* Bit b of a uint16 moves the value by 2^b steps of 4.3 / 65535 deviations, so that the
 * sum over bits of delta^2 is (4^16 - 1) / 3 steps squared, over a mean square of 1/2
 * less the tails (4 % at most).  A margin so wide leaves u / (1 + u) = u, and U is that
 * sum times rho, 1, of the one stored tensor. */
Test(predicted_ccr, of_one_tensor_is_the_sum_of_its_bits_effects)
{
    ef_topology *t = parse_topology(plain);
    ef_constants constants = simple(1e4);
    ef_error err = {0};
    double step = 4.3 / 65535, sum = step * step * (pow(4, 16) - 1) / 3 / 0.5, value;
    cr_assert_eq(try_score(t, "predicted_ccr:format=uint16:target=activations:ber=1e-6",
                           &constants, &value, &err),
                 EF_OK, "%s", err.text);
    cr_expect_float_eq(value / (1e-6 * sum / 1e4), 1, 0.04);
    ef_topology_destroy(t);
}

Test(predicted_ccr, of_a_flip_is_that_of_a_small_rate_over_its_bits)
{
    ef_topology *t = parse_topology(residual);
    /* 72 + 144 + 12 weights, 196 activations, of 8 bits */
    const double weights = 228 * 8, activations = 196 * 8, p = 1e-9;
    double flip_w = score(t, "predicted_ccr:target=weights");
    double flip_a = score(t, "predicted_ccr:target=activations");
    cr_expect_float_eq(score(t, "predicted_ccr:target=weights:ber=1e-9") / p / weights /
                           flip_w,
                       1, 1e-6);
    cr_expect_float_eq(score(t, "predicted_ccr:target=activations:ber=1e-9") / p /
                           activations / flip_a,
                       1, 1e-6);
    /* both at a rate: the critical bits add up; of one flip by their share */
    double both = score(t, "predicted_ccr:ber=1e-9") / p;
    cr_expect_float_eq(both / (weights * flip_w + activations * flip_a), 1, 1e-6);
    cr_expect_float_eq(score(t, "predicted_ccr:exposure=0.25"),
                       flip_w / 4 + 3 * flip_a / 4, 1e-15);
    ef_topology_destroy(t);
}

Test(predicted_ccr, of_one_flip_anywhere_needs_to_know_where_flips_strike)
{
    ef_topology *t = parse_topology(residual);
    double value = 7;
    ef_error err = {0};
    cr_expect_eq(try_score(t, "predicted_ccr", NULL, &value, &err), EF_ERR_INPUT);
    cr_expect_not_null(strstr(err.text, "exposure="), "%s", err.text);
    ef_topology_destroy(t);
}

/* The bit-seconds of exposure.h, summed here, share the two rates. */
Test(predicted_ccr, of_one_flip_anywhere_follows_the_schedule_of_an_accelerator)
{
    char path[4096];
    ef_topology *t = parse_topology(residual);
    ef_accelerator accelerator;
    ef_exposure_list *list = NULL;
    ef_objective objective;
    ef_error err = {0};
    double value = NAN, weights = 0, all = 0;
    const char *sources = getenv("EF_SRCDIR");
    snprintf(path, sizeof path, "%s/data/hardware/eyeriss-like.yaml",
             sources ? sources : ".");
    cr_assert_eq(ef_accelerator_load(&accelerator, path, &err), EF_OK, "%s", err.text);
    const ef_objective_context context = {.accelerator = &accelerator};
    cr_assert_eq(ef_exposure_create(&list, t, &context.format, &accelerator, &err),
                 EF_OK);
    for (size_t i = 0; i < list->n; i++) {
        weights += list->tensors[i].is_weights ? list->tensors[i].bit_seconds : 0;
        all += list->tensors[i].bit_seconds;
    }
    cr_assert(weights > 0 && weights < all);
    double share = weights / all;
    cr_assert_eq(ef_objective_parse(&objective, "predicted_ccr", &err), EF_OK);
    cr_assert_eq(objective.row->score(t, &objective, &context, &value, &err), EF_OK);
    double flip_w = score(t, "predicted_ccr:target=weights");
    double flip_a = score(t, "predicted_ccr:target=activations");
    cr_expect_float_eq(value, share * flip_w + (1 - share) * flip_a, 1e-12);
    ef_exposure_destroy(list);
    ef_topology_destroy(t);
}

Test(predicted_ccr, grows_with_the_rate_and_falls_with_the_margin)
{
    ef_topology *t = parse_topology(residual);
    double before = 0, value = NAN;
    static const char *const rates[] = {"1e-9", "1e-6", "1e-4", "1e-3", "1e-2", "0.5"};
    for (size_t i = 0; i < 6; i++) {
        char text[64];
        snprintf(text, sizeof text, "predicted_ccr:ber=%s", rates[i]);
        value = score(t, text);
        cr_expect(value > before && value <= 1, "%s: %g", text, value);
        before = value;
    }
    ef_error err = {0};
    for (double margin = 1e-3; margin < 1e3; margin *= 10) {
        ef_constants constants = simple(margin);
        cr_assert_eq(try_score(t, "predicted_ccr:ber=1e-3", &constants, &value, &err),
                     EF_OK);
        cr_expect_lt(value, before);
        before = value;
    }
    ef_topology_destroy(t);
}

/* Known from [OCP] and the injector: a power-of-two scale is worse than a free one, and
 * floats that do not fit their tensor are far worse. */
Test(predicted_ccr, knows_formats)
{
    ef_topology *t = parse_topology(residual);
    double int8 = score(t, "predicted_ccr:format=int8:ber=1e-5");
    cr_expect_gt(score(t, "predicted_ccr:format=fixed8:ber=1e-5"), int8);
    cr_expect_gt(score(t, "predicted_ccr:format=e4m3:ber=1e-5"),
                 score(t, "predicted_ccr:format=fixed8:ber=1e-5"));
    cr_expect_eq(score(t, "predicted_ccr:ber=1e-5"), int8, "int8 is the default");
    ef_topology_destroy(t);
}

Test(predicted_ccr, formats_of_nodes_go_before_that_of_the_run)
{
    ef_topology *mixed =
        parse_topology("input: [3, 4, 4]\n"
                       "nodes:\n"
                       "  - {conv: 2, kernel: 3, pad: 1, weights: fp16}\n"
                       "  - {relu, activations: fp16}\n"
                       "  - {flatten}\n"
                       "  - {dense: 5, weights: fp16}\n");
    ef_topology *bare = parse_topology(plain);
    cr_expect_eq(score(mixed, "predicted_ccr:format=int4:ber=1e-6"),
                 score(bare, "predicted_ccr:format=fp16:ber=1e-6"));
    ef_topology_destroy(mixed);
    ef_topology_destroy(bare);
}

/* Every format gives a share, of every target. */
Test(predicted_ccr, is_a_share_in_every_format)
{
    static const char *const formats[] = {
        "int2", "int8",   "int8c", "uint8", "fixed8",    "bin",
        "tern", "e4m3",   "e4m3s", "e5m2",  "fp16",      "bf16",
        "fp32", "pow2_4", "e2m1",  "int16", "fixed8.20", "e6m5"};
    static const char *const rest[] = {"ber=1e-4", "target=weights",
                                       "target=activations", "exposure=0.5"};
    ef_topology *t = parse_topology(branches);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        for (size_t k = 0; k < 4; k++) {
            char text[96];
            snprintf(text, sizeof text, "predicted_ccr:format=%s:%s", formats[i],
                     rest[k]);
            double value = score(t, text);
            cr_expect(value > 0 && value <= 1, "%s: %g", text, value);
        }
    }
    ef_topology_destroy(t);
}

Test(predicted_ccr, short_memory_is_an_error_and_leaves_nothing)
{
    ef_topology *t = parse_topology(residual);
    ef_status status = EF_ERR_MEMORY;
    ef_error err = {0};
    double value;
    ef_objective objective;
    ef_objective_context context = {.constants = NULL};
    cr_assert_eq(ef_objective_parse(&objective, "predicted_ccr:ber=1e-3", &err), EF_OK);
    for (long n = 0; status != EF_OK; n++) {
        ef_mem_fail_after(n);
        status = ef_score_predicted_ccr(t, &objective, &context, &value, &err);
        ef_mem_fail_after(-1);
        cr_assert(status == EF_OK || status == EF_ERR_MEMORY);
        ef_error_clear(&err);
        cr_assert_lt(n, 50);
    }
    ef_topology_destroy(t);
}
