/* Sweeps as tables, for people and for programs. */
#include <stdio.h>

#include "cmd/inject_sweep_priv.h"

size_t inject_sweep_axis(const ef_strikes *strikes, unsigned targets)
{
    size_t t = 0;
    while (t + 1 < EF_TARGET_COUNT &&
           !((targets >> t & 1) && strikes->strikes[t].is_ber)) {
        t++;
    }
    return t;
}

/* Further targets with rates, behind the first. */
static int has_own_rate(const ef_strikes *strikes, size_t target)
{
    return (strikes->together >> target & 1) && strikes->strikes[target].is_ber &&
           target != inject_sweep_axis(strikes, strikes->together);
}

static void add_rate_columns(const ef_strikes *strikes, const char *first,
                             const char *between, ef_table *table)
{
    char name[32];
    if (strikes->n_rates > 0) {
        ef_table_add_column(table, first, "");
    }
    for (size_t t = 0; t < EF_TARGET_COUNT; t++) {
        snprintf(name, sizeof name, "rate%s%s", between, ef_target_names[t]);
        if (has_own_rate(strikes, t)) {
            ef_table_add_column(table, name, "");
        }
    }
}

static void add_rates(const ef_sweep_view *view, size_t rate, ef_table *table)
{
    const double *rates = view->rates[rate].rates;
    if (view->strikes->n_rates > 0) {
        ef_table_add_number(table,
                            rates[inject_sweep_axis(view->strikes, view->targets)]);
    }
    for (size_t t = 0; t < EF_TARGET_COUNT; t++) {
        if (has_own_rate(view->strikes, t)) {
            ef_table_add_number(table, rates[t]);
        }
    }
}

/* --- for programs ------------------------------------------------------------ */

static void add_columns(const char *const *names, size_t n, const char *unit,
                        ef_table *table)
{
    for (size_t i = 0; i < n; i++) {
        ef_table_add_column(table, names[i], unit);
    }
}

void inject_sweep_columns(const ef_strikes *strikes, ef_table *table)
{
    static const char *const before[] = {"target", "part", "name"};
    static const char *const behind[] = {"trials",
                                         "images",
                                         "bits",
                                         "bits_expected",
                                         "ccr",
                                         "ccr_low",
                                         "ccr_high",
                                         "ccr_deviation",
                                         "ccr_least",
                                         "ccr_5",
                                         "ccr_median",
                                         "ccr_95",
                                         "ccr_most",
                                         "nonfinite",
                                         "corrected",
                                         "accuracy",
                                         "accuracy_deviation",
                                         "accuracy_least",
                                         "accuracy_5",
                                         "accuracy_median",
                                         "accuracy_95",
                                         "accuracy_most"};
    add_columns(before, sizeof before / sizeof *before, "", table);
    add_rate_columns(strikes, "rate", "_", table);
    add_columns(behind, sizeof behind / sizeof *behind, "", table);
}

static void add_numbers(const double *numbers, size_t n, ef_table *table)
{
    for (size_t i = 0; i < n; i++) {
        ef_table_add_number(table, numbers[i]);
    }
}

static void add_row(const ef_sweep_view *view, size_t rate, ef_table *table)
{
    const ef_sweep_rate *r = &view->rates[rate];
    const ef_spread *c = &r->ccr, *a = &r->accuracy;
    const double numbers[] = {(double)c->n,     (double)view->images,
                              r->bits,          r->expected_bits,
                              c->mean,          c->interval.low,
                              c->interval.high, c->deviation,
                              c->least,         c->low,
                              c->median,        c->high,
                              c->most,          r->nonfinite.mean,
                              r->corrected,     a->mean,
                              a->deviation,     a->least,
                              a->low,           a->median,
                              a->high,          a->most};
    ef_text name = {0};
    ef_targets_write(view->targets, &name);
    table->failed |= name.failed;
    ef_table_add_text(table, name.bytes ? name.bytes : "");
    ef_table_add_text(table, view->node ? "node" : "network");
    ef_table_add_text(table, view->node ? view->node : "");
    add_rates(view, rate, table);
    add_numbers(numbers, sizeof numbers / sizeof *numbers, table);
    ef_text_clear(&name);
}

void inject_sweep_rows(const ef_sweep_view *view, ef_table *table)
{
    for (size_t i = 0; i < view->n; i++) {
        add_row(view, i, table);
    }
}

/* --- for people -------------------------------------------------------------- */

void inject_sweep_people_columns(const ef_strikes *strikes, int by_node,
                                 ef_table *table)
{
    static const char *const counts[] = {"bits struck", "expected"};
    static const char *const shares[] = {
        "CCR", "low", "high", "deviation", "nonfinite", "accuracy", "deviation"};
    char first[32];
    if (by_node) {
        ef_table_add_column(table, "part", "");
    }
    snprintf(first, sizeof first, "rate%s%s", strikes->together ? " " : "",
             strikes->together
                 ? ef_target_names[inject_sweep_axis(strikes, strikes->together)]
                 : "");
    add_rate_columns(strikes, first, " ", table);
    add_columns(counts, sizeof counts / sizeof *counts, "", table);
    add_columns(shares, sizeof shares / sizeof *shares, "%", table);
}

void inject_sweep_people_rows(const ef_sweep_view *view, int by_node, ef_table *table)
{
    for (size_t i = 0; i < view->n; i++) {
        const ef_sweep_rate *r = &view->rates[i];
        const double numbers[] = {r->bits,
                                  r->expected_bits,
                                  ef_inject_percent(r->ccr.mean),
                                  ef_inject_percent(r->ccr.interval.low),
                                  ef_inject_percent(r->ccr.interval.high),
                                  ef_inject_percent(r->ccr.deviation),
                                  ef_inject_percent(r->nonfinite.mean),
                                  100 * r->accuracy.mean,
                                  ef_inject_percent(r->accuracy.deviation)};
        if (by_node) {
            char words[EF_NAME_SIZE + 8];
            snprintf(words, sizeof words, "%s%s", view->node ? "node " : "network",
                     view->node ? view->node : "");
            ef_table_add_text(table, words);
        }
        add_rates(view, i, table);
        add_numbers(numbers, sizeof numbers / sizeof *numbers, table);
    }
}
