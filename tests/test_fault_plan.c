/* What a search measures under faults: each measurement once, in the formats that a
 * name means, keyed by the candidate. */
#include "study/fault_plan.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "random_net.h"
#include "study/injector.h"

#define N_IMAGES 24
#define NETWORK 10 /* seed of a random one with some thousand weights */

static ef_error err;

static void must(ef_status status)
{
    cr_assert_eq(status, EF_OK, "%s", err.text);
}

typedef struct setup {
    random_bed bed;
    ef_fault_plan *plan;
} setup;

/* *s stays where it is: the plan borrows from it. */
static void begin(setup *s, size_t n_images)
{
    random_bed_init(&s->bed, NETWORK, 12, N_IMAGES);
    ef_fault_plan_options options = {.set = &s->bed.set,
                                     .images = random_bed_images(&s->bed),
                                     .calibration = random_bed_images(&s->bed),
                                     .n_images = n_images,
                                     .count = 5,
                                     .seed = 1};
    must(ef_format_parse("int8", &options.format, &err));
    must(ef_fault_plan_create(&s->plan, &options, &err));
}

static void end(setup *s)
{
    ef_fault_plan_destroy(s->plan);
    random_bed_clear(&s->bed);
}

static ef_objective parse(const char *text)
{
    ef_objective objective;
    must(ef_objective_parse(&objective, text, &err));
    return objective;
}

static void add(setup *s, const char *text)
{
    ef_objective objective = parse(text);
    must(ef_fault_plan_add(s->plan, &objective, &err));
}

static double value(const setup *s, const char *text, uint64_t id)
{
    ef_faults_measured measured[8];
    ef_objective objective = parse(text);
    cr_assert(ef_fault_plan_n(s->plan) <= 8);
    must(ef_fault_plan_run(s->plan, s->bed.net, id, measured, &err));
    return ef_fault_plan_value(s->plan, measured, &objective);
}

Test(fault_plan_add, what_is_asked_for_twice_is_measured_once)
{
    setup s;
    begin(&s, N_IMAGES);
    add(&s, "ccr:ber=1e-3");
    add(&s, "fault_accuracy:ber=1e-3");
    add(&s, "ccr:format=int8:ber=1e-3");
    cr_expect_eq(ef_fault_plan_n(s.plan), 1);
    add(&s, "ccr:ber=1e-3:target=weights");
    add(&s, "ccr:ber=1e-2");
    add(&s, "ccr:ber=1e-2:format=e4m3");
    cr_expect_eq(ef_fault_plan_n(s.plan), 4);
    end(&s);
}

Test(fault_plan_check, formats_in_which_no_faults_are_run_are_refused)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"ccr:format=uint8", "format uint8: only activations have a zero point"},
        {"ccr:format=int8+stochastic", "rounding to the nearest"},
        {"fault_accuracy:format=tern", "format tern: activations are int"},
        {"ccr:format=e4m3", NULL},
        {"ccr", NULL},
        {"params", NULL},
    };
    ef_format format;
    must(ef_format_parse("int8", &format, &err));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_error why = {0};
        ef_objective objective = parse(rows[i].text);
        ef_status status = ef_fault_plan_check(&objective, &format, &why);
        cr_expect_eq(status, rows[i].words ? EF_ERR_USAGE : EF_OK, "%s", rows[i].text);
        cr_expect(!rows[i].words || strstr(why.text, rows[i].words), "%s: %s",
                  rows[i].text, why.text);
    }
}

/* At a rate of 1e-15 nothing is struck, and what is right is what the network in these
 * formats gets right: weights int8 with a scale per channel, activations int8 or uint8,
 * as `--format int8` means them. */
Test(fault_plan_run, without_a_struck_bit_the_quantized_network_is_as_it_is)
{
    setup s;
    begin(&s, N_IMAGES);
    const ef_injector_options o = {.set = &s.bed.set,
                                   .images = {s.bed.indices, N_IMAGES},
                                   .calibration = {s.bed.indices, N_IMAGES},
                                   .formats = EF_QNET_OPTIONS_INT8,
                                   .n_threads = 1};
    ef_injector *injector = NULL;
    must(ef_injector_create(&injector, s.bed.net, &o, &err));
    double right = N_IMAGES - (double)ef_injector_n_errors(injector);
    add(&s, "ccr:ber=1e-15");
    cr_expect_eq(value(&s, "ccr:ber=1e-15", 3), 0);
    cr_expect_float_eq(value(&s, "fault_accuracy:ber=1e-15", 3), right / N_IMAGES,
                       1e-12);
    cr_expect(isnan(value(&s, "ccr:ber=1e-3", 3)), "not asked for");
    ef_injector_destroy(injector);
    end(&s);
}

/* At a rate of 1 every bit is flipped, whatever the draw: all trials are one. */
Test(fault_plan_run, with_every_bit_struck_no_draw_matters)
{
    setup s;
    begin(&s, 8);
    add(&s, "ccr:ber=1:target=weights");
    double share = value(&s, "ccr:ber=1:target=weights", 1);
    cr_expect_float_eq(share * 8, round(share * 8), 1e-9, "of 8 images: %g", share);
    cr_expect_eq(value(&s, "ccr:ber=1:target=weights", 2), share);
    end(&s);
}

Test(fault_plan_run, draws_are_those_of_the_candidate)
{
    static const char *const text = "ccr:ber=0.01";
    setup s;
    begin(&s, N_IMAGES);
    add(&s, "ccr:ber=0.01");
    add(&s, "ccr:target=activations");
    double first = value(&s, text, 1);
    cr_expect(first > 0 && first < 1, "%g", first);
    cr_expect_eq(value(&s, text, 1), first);
    size_t n_other = 0;
    for (uint64_t id = 2; id < 8; id++) {
        n_other += value(&s, text, id) != first;
    }
    cr_expect(n_other > 0, "every candidate has the same draws");
    end(&s);
}
