/* What --fault says. */
#include "faultsim/strikes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static ef_error err;

static ef_strikes parse(const char *text)
{
    ef_strikes s;
    cr_assert_eq(ef_strikes_parse(&s, text, &err), EF_OK, "%s: %s", text, err.text);
    return s;
}

Test(strikes_parse, a_fault_without_targets_is_of_each_by_itself)
{
    ef_strikes s = parse("flip:2");
    cr_expect(s.together == 0 && s.n_rates == 0);
    for (size_t t = 0; t < EF_TARGET_COUNT; t++) {
        cr_expect(s.strikes[t].adjacent == 2 && !s.strikes[t].is_ber);
    }
    s = parse("stuck1");
    cr_expect_eq(s.strikes[EF_TARGET_INPUTS].kind, EF_FAULT_STUCK1);
    s = parse("ber:0.25");
    cr_expect(s.together == 0 && s.n_rates == 1);
    cr_expect(s.strikes[3].is_ber && s.strikes[3].rate == 0.25);
}

Test(strikes_parse, the_rates_of_a_sweep_ascend)
{
    static const double rates[] = {0, 1e-6, 1e-4, 0.5, 1};
    ef_strikes s = parse("ber:1e-4:1:0:.5:1e-6");
    cr_assert_eq(s.n_rates, 5);
    for (size_t i = 0; i < 5; i++) {
        for (size_t t = 0; t < EF_TARGET_COUNT; t++) {
            cr_expect_eq(s.rates[i][t], rates[i]);
        }
    }
}

Test(strikes_parse, targets_with_faults_of_their_own_are_struck_together)
{
    ef_strikes s = parse("activations=ber:1e-3:1e-4,weights=ber:1e-5:1e-6");
    cr_expect_eq(s.together, 1U << EF_TARGET_WEIGHTS | 1U << EF_TARGET_ACTIVATIONS);
    cr_assert_eq(s.n_rates, 2);
    cr_expect(s.rates[0][EF_TARGET_WEIGHTS] == 1e-6 &&
              s.rates[0][EF_TARGET_ACTIVATIONS] == 1e-4);
    cr_expect(s.rates[1][EF_TARGET_WEIGHTS] == 1e-5 &&
              s.rates[1][EF_TARGET_ACTIVATIONS] == 1e-3);
    cr_expect_eq(s.rates[1][EF_TARGET_BIASES], 0);
    s = parse("weights=ber:1e-5,activations=ber:1e-3:1e-4,biases=flip:3");
    cr_assert_eq(s.n_rates, 2);
    cr_expect(s.rates[0][EF_TARGET_WEIGHTS] == 1e-5 &&
              s.rates[1][EF_TARGET_WEIGHTS] == 1e-5);
    cr_expect_eq(s.rates[0][EF_TARGET_ACTIVATIONS], 1e-4);
    cr_expect(!s.strikes[EF_TARGET_BIASES].is_ber &&
              s.strikes[EF_TARGET_BIASES].adjacent == 3);
    s = parse("weights=flip,activations=stuck0");
    cr_expect(s.n_rates == 0 && s.strikes[EF_TARGET_WEIGHTS].kind == EF_FAULT_FLIP &&
              s.strikes[EF_TARGET_ACTIVATIONS].kind == EF_FAULT_STUCK0);
}

Test(strikes_parse, others_are_refused)
{
    static const char *const rows[][2] = {
        {"", "fault: expected flip, flip:K, stuck0, stuck1 or ber:P"},
        {"ber:1.5", "fault: bit error rate: expected a number from 0 to 1, found"},
        {"ber:-1", "fault: bit error rate: expected a number from 0 to 1, found"},
        {"ber:nan", "fault: bit error rate: expected"},
        {"ber:", "fault: bit error rate: expected"},
        {"ber:1e-5:", "fault: bit error rate: expected"},
        {"ber:1e-5:2", "fault: bit error rate: expected"},
        {"ber:1e-5:1e-4:0.00001", "fault: a bit error rate stands there twice"},
        {"ber:1e-5,activations=flip", "fault: expected TARGET=FAULT, found 'ber:1e-5'"},
        {"weights=flip,", "fault: expected TARGET=FAULT, found ''"},
        {"weight=flip", "fault: target: expected one of"},
        {"weights=", "fault: expected flip"},
        {"weights=flip,weights=ber:1e-5", "fault: weights stands there twice"},
        {"weights=ber:.1:.2,activations=ber:.1:.2:.3",
         "fault: weights has 2 rates, another target 3"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_strikes s;
        ef_error_clear(&err);
        cr_expect_eq(ef_strikes_parse(&s, rows[i][0], &err), EF_ERR_USAGE, "%s",
                     rows[i][0]);
        cr_expect(strncmp(err.text, rows[i][1], strlen(rows[i][1])) == 0, "%s: %s",
                  rows[i][0], err.text);
    }
}

Test(strikes_parse, no_more_rates_than_there_is_room_for)
{
    char text[1024] = "ber";
    for (size_t i = 0; i <= EF_RATES_MAX; i++) {
        snprintf(text + strlen(text), 16, ":%zue-4", i);
        ef_strikes s;
        ef_error_clear(&err);
        cr_expect_eq(ef_strikes_parse(&s, text, &err),
                     i < EF_RATES_MAX ? EF_OK : EF_ERR_USAGE);
    }
    cr_expect_str_eq(err.text, "fault: more than 64 rates");
}

Test(strikes_parse, failing_allocations_are_told)
{
    ef_status status = EF_ERR_MEMORY;
    for (long n = 0; status == EF_ERR_MEMORY && n < 10; n++) {
        ef_strikes s;
        ef_mem_fail_after(n);
        status = ef_strikes_parse(&s, "ber:1", &err);
        ef_mem_fail_after(-1);
    }
    cr_expect_eq(status, EF_OK);
}
