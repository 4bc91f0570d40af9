/* What faults do to a network, against a sweep driven by hand. */
#include "study/measure_faults.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "net/fold_norm.h"
#include "random_net.h"
#include "study/injector.h"
#include "study/sweep.h"

enum { N_IMAGES = 12, TRIALS = 24 };
enum {
    WEIGHTS = 1 << EF_TARGET_WEIGHTS,
    ACTIVATIONS = 1 << EF_TARGET_ACTIVATIONS,
    ACCUMULATORS = 1 << EF_TARGET_ACCUMULATORS
};

static ef_error err;

static void must(ef_status status)
{
    cr_assert_eq(status, EF_OK, "%s", err.text);
}

typedef struct setup {
    random_bed bed;
    ef_fault_bench bench;
} setup;

static void begin(setup *s, const char *format, size_t n_threads)
{
    ef_format read;
    random_bed_init(&s->bed, 3, 6, N_IMAGES);
    s->bench = (ef_fault_bench){.set = &s->bed.set,
                                .images = random_bed_images(&s->bed),
                                .calibration = random_bed_images(&s->bed),
                                .n_threads = n_threads};
    must(ef_format_parse(format, &read, &err));
    ef_fault_bench_set_format(&s->bench, &read);
}

static void end(setup *s)
{
    random_bed_clear(&s->bed);
}

static ef_faults_measured measure(const setup *s, unsigned targets, double ber)
{
    const ef_fault_measure m = {targets, ber, TRIALS, 5};
    ef_faults_measured found;
    must(ef_measure_faults(s->bed.net, &s->bench, &m, 1, NULL, NULL, &found, &err));
    return found;
}

/* The same by hand, shares of (trial, image) pairs: changed classes, logits that are
 * not finite, right classes, and right classes without a fault. */
static void drive(const setup *s, const char *fault, unsigned targets, double shares[4])
{
    ef_net *folded = NULL;
    size_t n_folded;
    ef_injector *injector = NULL;
    ef_sweep *sweep = NULL;
    ef_strikes strikes;
    static const ef_selection everything = {0};
    must(ef_net_fold_norms(&folded, s->bed.net, &n_folded, &err));
    const ef_injector_options o = {
        .set = &s->bed.set,
        .images = s->bench.images,
        .calibration = s->bench.calibration,
        .formats = {.weights = s->bench.weights, .activations = s->bench.activations},
        .n_threads = 1};
    must(ef_injector_create(&injector, folded, &o, &err));
    must(ef_strikes_parse(&strikes, fault, &err));
    const ef_sweep_options options = {.strikes = &strikes,
                                      .targets =
                                          strikes.together ? strikes.together : targets,
                                      .selection = &everything,
                                      .only_site = SIZE_MAX,
                                      .per_image = 1,
                                      .trials = TRIALS,
                                      .seed = 5,
                                      .n_threads = 1};
    must(ef_sweep_create(&sweep, injector, &options, &err));
    must(ef_sweep_run(sweep, NULL, &err));
    memset(shares, 0, 4 * sizeof *shares);
    for (uint64_t t = 0; t < TRIALS; t++) {
        const ef_trial *trial = ef_sweep_trial(sweep, t, 0);
        shares[0] += (double)trial->outcomes.sdc / (TRIALS * N_IMAGES);
        shares[1] += (double)trial->outcomes.nonfinite / (TRIALS * N_IMAGES);
        shares[2] += (double)trial->right / (TRIALS * N_IMAGES);
    }
    shares[3] = 1 - (double)ef_injector_n_errors(injector) / N_IMAGES;
    ef_sweep_destroy(sweep);
    ef_injector_destroy(injector);
    ef_net_destroy(folded);
}

static void compare(const char *format, const char *fault, unsigned targets, double ber)
{
    setup s;
    double shares[4];
    begin(&s, format, 1);
    ef_faults_measured found = measure(&s, targets, ber);
    drive(&s, fault, targets, shares);
    cr_expect_float_eq(found.ccr.share, shares[0], 1e-12, "%s %s", format, fault);
    cr_expect_float_eq(found.nonfinite.share, shares[1], 1e-12, "%s %s", format, fault);
    cr_expect_float_eq(found.failed.share, shares[0] + shares[1], 1e-12);
    cr_expect_float_eq(found.accuracy.share, shares[2], 1e-12, "%s %s", format, fault);
    cr_expect_float_eq(found.fault_free, shares[3], 1e-12);
    cr_expect(found.failed.interval.low <= found.failed.share &&
              found.failed.share <= found.failed.interval.high);
    end(&s);
}

Test(measure_faults, rates_are_those_of_a_sweep_driven_by_hand)
{
    compare("int8", "ber:0.003", WEIGHTS, 0.003);
    compare("int8", "ber:0.003", ACTIVATIONS, 0.003);
    compare("e4m3s", "ber:0.01", WEIGHTS, 0.01);
    compare("int8", "flip", WEIGHTS, 0);
    compare("int8", "flip", ACTIVATIONS, 0);
}

Test(measure_faults, two_targets_are_struck_together)
{
    compare("int8", "weights=ber:0.002,activations=ber:0.002", WEIGHTS | ACTIVATIONS,
            0.002);
    compare("e4m3s", "weights=ber:0.01,activations=ber:0.01", WEIGHTS | ACTIVATIONS,
            0.01);
}

/* At a rate of 1 every bit is flipped in every trial, so that trials are alike. */
Test(measure_faults, all_bits_flipped_change_the_same_images_each_time)
{
    setup s;
    begin(&s, "int8", 1);
    ef_faults_measured found = measure(&s, WEIGHTS, 1);
    double images = found.failed.share * N_IMAGES;
    cr_expect_float_eq(images, (double)(int)(images + 0.5), 1e-9, "%g", images);
    end(&s);
}

Test(measure_faults, threads_change_nothing)
{
    setup one, many;
    begin(&one, "int8", 1);
    begin(&many, "int8", 7);
    ef_faults_measured a = measure(&one, WEIGHTS | ACTIVATIONS, 0.003);
    ef_faults_measured b = measure(&many, WEIGHTS | ACTIVATIONS, 0.003);
    cr_expect_eq(memcmp(&a, &b, sizeof a), 0);
    end(&one);
    end(&many);
}

Test(measure_faults, a_refusal_leaves_what_was_there)
{
    setup s;
    begin(&s, "int8", 1);
    ef_faults_measured found = {.fault_free = 7};
    const ef_fault_measure bad = {ACCUMULATORS, 0.01, TRIALS, 5};
    cr_expect_eq(
        ef_measure_faults(s.bed.net, &s.bench, &bad, 1, NULL, NULL, &found, &err),
        EF_ERR_USAGE);
    cr_expect_eq(found.fault_free, 7);
    end(&s);
}
