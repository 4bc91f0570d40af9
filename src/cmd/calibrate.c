/* evoflip calibrate: what a device's layers cost, fitted to measurements. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cmd/calibrate_priv.h"
#include "cmd/command.h"
#include "config.h"
#include "report/table.h"
#include "study/calibration.h"

typedef struct settings {
    ef_common common;
    const char *base;
    size_t quantity;
    const char *terms;
    uint64_t folds;
} settings;

static const ef_option options[] = {
    {.name = "base",
     .argument = "FILE",
     .type = EF_OPTION_PATH,
     .offset = offsetof(settings, base),
     .group = "What to fit",
     .help = "accelerator that the model goes into, and is compared with; see evoflip "
             "help hardware"},
    {.name = "quantity",
     .argument = "latency|energy",
     .type = EF_OPTION_CHOICE,
     .offset = offsetof(settings, quantity),
     .names = ef_quantity_names,
     .shown = "what the file has",
     .help = "column that is fitted"},
    {.name = "terms",
     .argument = "LIST",
     .type = EF_OPTION_TEXT,
     .offset = offsetof(settings, terms),
     .fallback = "mac,byte,launch",
     .help = "what each class of layers costs for; fewer need fewer topologies"},
    {.name = "folds",
     .argument = "N",
     .type = EF_OPTION_U64,
     .offset = offsetof(settings, folds),
     .min = 2,
     .max = 1e6,
     .shown = "10; below 20 topologies as many as there are",
     .help = "parts of the cross-validation"},
    EF_COMMON_FORMAT("int8"),
    EF_COMMON_SEED,
    EF_COMMON_OUTPUT("FILE", NULL, "write the base with the fitted model as YAML"),
    EF_COMMON_CSV,
    EF_COMMON_JSON,
    EF_COMMON_FORCE,
    {.name = NULL},
};

/* How a prediction fares: name, and what it predicts with. */
typedef enum predictor { HELD_OUT, FITTED, MACS, BASE, N_PREDICTORS } predictor;

static const char *const predictor_names[] = {
    "fitted, held out",
    "fitted, on what it was fitted to",
    "MACs alone, held out",
    "base as it is",
};

typedef struct calibrating {
    const ef_call *call;
    const settings *set;
    ef_accelerator base; /* where one is given */
    ef_measurements measurements;
    double *work, *measured, *by_base; /* by_base: NULL where it is not known */
    ef_calibration_data data;
    ef_calibration calibration;
    ef_accuracy accuracy[N_PREDICTORS]; /* of BASE only where by_base is */
} calibrating;

/* --- what to fit --- */

static ef_status read_terms(const char *text, unsigned *terms, ef_error *err)
{
    const char *names[EF_TERM_COUNT];
    for (size_t i = 0; i < EF_TERM_COUNT; i++) {
        names[i] = ef_term_name(i);
    }
    for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        char word[16];
        size_t n = strcspn(at, ","), index = 0;
        ef_error inner = {0};
        snprintf(word, sizeof word, "%.*s", (int)(n < 15 ? n : 15), at);
        if (ef_parse_choice(word, names, EF_TERM_COUNT, &index, &inner)) {
            return ef_error_set(err, EF_ERR_USAGE, "--terms: %s", inner.text);
        }
        if (*terms >> index & 1U) {
            return ef_error_set(err, EF_ERR_USAGE, "--terms: %s stands there twice",
                                word);
        }
        *terms |= 1U << index;
    }
    return EF_OK;
}

static ef_status set_work(calibrating *c, ef_error *err)
{
    const ef_measurements *m = &c->measurements;
    c->work = ef_calloc(m->n, EF_CALIBRATION_SIZE * sizeof *c->work);
    c->measured = ef_calloc(m->n, sizeof *c->measured);
    ef_status status = c->work && c->measured ? EF_OK : ef_error_memory(err);
    for (size_t i = 0; i < m->n && !status; i++) {
        ef_workload *workload = NULL;
        status = ef_workload_create(&workload, m->items[i].topology,
                                    &m->items[i].format, err);
        if (!status) {
            ef_calibration_work(workload, c->work + i * EF_CALIBRATION_SIZE);
            c->measured[i] = m->items[i].value;
        }
        ef_workload_destroy(workload);
    }
    return status;
}

static int base_has_model(const calibrating *c)
{
    return c->measurements.quantity == EF_QUANTITY_LATENCY ? c->base.has_latency_model
                                                           : c->base.has_energy_model;
}

static void set_data(calibrating *c)
{
    size_t n = c->measurements.n, folds = n < 20 ? n : 10;
    if (c->set->folds) {
        folds = c->set->folds < n ? (size_t)c->set->folds : n;
    }
    c->data.work = c->work;
    c->data.measured = c->measured;
    c->data.n = n;
    c->data.folds = folds;
    c->data.seed = c->set->common.seed;
    if (base_has_model(c)) {
        c->data.base = c->measurements.quantity == EF_QUANTITY_LATENCY
                           ? c->base.latency_model
                           : c->base.energy_model;
    }
}

/* --- how well --- */

/* What the base says by itself.  by_base stays NULL where the objective is not there,
 * or cannot be computed for one of the topologies, which is noted. */
static ef_status predict_by_base(calibrating *c, ef_error *err)
{
    ef_objective objective;
    const ef_measurements *m = &c->measurements;
    if (!c->set->base ||
        ef_objective_parse(&objective, ef_quantity_names[m->quantity], NULL)) {
        return EF_OK;
    }
    ef_objective_list list = {.items = {objective}, .n = 1};
    c->by_base = ef_calloc(m->n, sizeof *c->by_base);
    if (!c->by_base) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < m->n; i++) {
        ef_error inner = {0};
        ef_objective_context context = {.format = m->items[i].format,
                                        .accelerator = &c->base};
        ef_status status = ef_objective_score(m->items[i].topology, &context, &list,
                                              &c->by_base[i], &inner);
        if (status == EF_ERR_MEMORY) {
            return ef_error_memory(err);
        }
        if (status) {
            ef_call_note(c->call, "the base is left out, since it cannot run %s: %s",
                         m->items[i].name, inner.text);
            ef_free(c->by_base);
            c->by_base = NULL;
            return EF_OK;
        }
    }
    return EF_OK;
}

static ef_status judge(calibrating *c, ef_error *err)
{
    const double *predictions[] = {c->calibration.held_out, c->calibration.fitted,
                                   c->calibration.macs, c->by_base};
    ef_status status = EF_OK;
    for (size_t i = 0; i < N_PREDICTORS && !status; i++) {
        if (predictions[i]) {
            status = ef_accuracy_of(&c->accuracy[i], predictions[i], c->measured,
                                    c->data.n, err);
        }
    }
    return status;
}

/* --- the tables --- */

static void add_note(ef_table *table, const char *key, double value)
{
    char text[64];
    snprintf(text, sizeof text, "%.6g", value);
    ef_table_add_note(table, key, text);
}

static void fill_table(const calibrating *c, ef_table *table)
{
    static const char *const columns[] = {"topology", "measured", "held_out", "fitted",
                                          "macs",     "base",     "fold"};
    const char *unit = ef_quantity_units[c->measurements.quantity];
    char seed[32];
    snprintf(seed, sizeof seed, "%" PRIu64, c->data.seed);
    ef_table_add_note(table, "evoflip", PACKAGE_VERSION);
    ef_table_add_note(table, "command", "calibrate");
    ef_table_add_note(table, "quantity", ef_quantity_names[c->measurements.quantity]);
    ef_table_add_note(table, "unit", unit);
    ef_table_add_note(table, "terms", c->set->terms);
    ef_table_add_note(table, "seed", seed);
    add_note(table, "folds", (double)c->data.folds);
    add_note(table, "held_out_spearman", c->accuracy[HELD_OUT].spearman);
    add_note(table, "held_out_within_10_percent", c->accuracy[HELD_OUT].within);
    add_note(table, "held_out_median_error", c->accuracy[HELD_OUT].median_error);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        ef_table_add_column(table, columns[i], i > 0 && i < 6 ? unit : "");
    }
    for (size_t i = 0; i < c->data.n; i++) {
        ef_table_add_text(table, c->measurements.items[i].name);
        ef_table_add_number(table, c->measured[i]);
        ef_table_add_number(table, c->calibration.held_out[i]);
        ef_table_add_number(table, c->calibration.fitted[i]);
        ef_table_add_number(table, c->calibration.macs[i]);
        ef_table_add_number(table, c->by_base ? c->by_base[i] : NAN);
        ef_table_add_number(table, (double)c->calibration.fold[i]);
    }
}

static void print_model(const calibrating *c, ef_text *text)
{
    static const char *const words[] = {"", "left", "absent", "alike"};
    static const char *const per[] = {"/MAC", "/B", ""};
    ef_table table;
    ef_table_init(&table);
    ef_table_add_column(&table, "class", "");
    for (size_t i = 0; i < EF_TERM_COUNT; i++) {
        char unit[16];
        snprintf(unit, sizeof unit, "%s%s", ef_quantity_units[c->measurements.quantity],
                 per[i]);
        ef_table_add_column(&table, ef_term_name(i), unit);
    }
    for (size_t i = 0; i < EF_CALIBRATION_SIZE; i++) {
        if (i % EF_TERM_COUNT == 0) {
            ef_table_add_text(&table, ef_layer_class_name(i / EF_TERM_COUNT));
        }
        if (c->calibration.states[i] == EF_CALIBRATION_FITTED) {
            ef_table_add_number(&table, ef_calibration_number(c->calibration.model, i));
        } else {
            ef_table_add_text(&table, words[c->calibration.states[i]]);
        }
    }
    ef_table_print(&table, text);
    text->failed |= table.failed;
    ef_table_clear(&table);
}

/* What the words in the table mean, of those that stand in it. */
static void explain_states(const calibrating *c, ef_text *text)
{
    static const char *const meanings[] = {
        NULL, "left: not among --terms", "absent: no topology has such work",
        "alike: no topology tells it apart from the others"};
    int any = 0;
    for (size_t s = 0; s < sizeof meanings / sizeof *meanings; s++) {
        int is_there = 0;
        for (size_t i = 0; i < EF_CALIBRATION_SIZE; i++) {
            is_there |= c->calibration.states[i] == s;
        }
        if (is_there && meanings[s]) {
            ef_text_add(text, "%s%s", any ? "; " : "", meanings[s]);
            any = 1;
        }
    }
    if (any) {
        ef_text_add(text, ".  Such numbers %s.\n",
                    base_has_model(c) ? "stay as the base has them" : "are 0");
    }
}

static void print_accuracy(const calibrating *c, ef_text *text)
{
    ef_table table;
    ef_table_init(&table);
    ef_table_add_column(&table, "prediction", "");
    ef_table_add_column(&table, "Spearman", "");
    ef_table_add_column(&table, "within 10 %", "%");
    ef_table_add_column(&table, "median error", "%");
    for (size_t i = 0; i < N_PREDICTORS; i++) {
        if (i != BASE || c->by_base) {
            const ef_accuracy *a = &c->accuracy[i];
            ef_table_add_text(&table, predictor_names[i]);
            ef_table_add_number(&table, a->spearman);
            ef_table_add_number(&table, 100 * a->within);
            ef_table_add_number(&table, 100 * a->median_error);
        }
    }
    ef_table_print(&table, text);
    text->failed |= table.failed;
    ef_table_clear(&table);
}

static ef_status print(const calibrating *c, ef_error *err)
{
    ef_table table;
    ef_text text;
    ef_table_init(&table);
    ef_text_init(&text);
    fill_table(c, &table);
    ef_text_add(&text,
                "%s of %zu topologies, measured %zu times; %zu numbers fitted\n\n",
                ef_quantity_names[c->measurements.quantity], c->data.n,
                c->measurements.n_rows, c->calibration.n_fitted);
    print_model(c, &text);
    explain_states(c, &text);
    ef_text_add(&text, "\n%zu-fold cross-validation:\n\n", c->data.folds);
    print_accuracy(c, &text);
    ef_status status = ef_call_print_report(c->call, &table, &text, err);
    ef_table_clear(&table);
    return status;
}

/* --- the file --- */

static void write_unfitted(const calibrating *c, ef_text *text)
{
    size_t n = 0;
    for (size_t i = 0; i < EF_CALIBRATION_SIZE; i++) {
        if (c->calibration.states[i] != EF_CALIBRATION_FITTED) {
            const char *before = n == 0       ? "# Not fitted: "
                                 : n % 4 == 0 ? ",\n#   "
                                              : ", ";
            ef_text_add(text, "%s%s.%s", before, ef_layer_class_name(i / EF_TERM_COUNT),
                        ef_term_name(i % EF_TERM_COUNT));
            n++;
        }
    }
    ef_text_add(text, "%s", n ? ".\n" : "");
}

static void write_provenance(const calibrating *c, ef_text *text)
{
    const char *name = ef_quantity_names[c->measurements.quantity];
    const ef_accuracy *a = &c->accuracy[HELD_OUT];
    ef_text_add(
        text,
        "# %s_model: fitted by evoflip " PACKAGE_VERSION " calibrate to the "
        "%s of %zu\n# topologies, measured %zu times; terms %s, seed %" PRIu64 ".\n",
        name, name, c->data.n, c->measurements.n_rows, c->set->terms, c->data.seed);
    ef_text_add(text,
                "# Held out in %zu folds: Spearman %.3f, %.0f %% within 10 %%, median "
                "error %.2g %%.\n",
                c->data.folds, a->spearman, 100 * a->within, 100 * a->median_error);
    write_unfitted(c, text);
    ef_text_add(text, "# All else is the base's.\n");
}

static ef_status write(const calibrating *c, ef_error *err)
{
    ef_accelerator made = c->base;
    int is_latency = c->measurements.quantity == EF_QUANTITY_LATENCY;
    made.has_latency_model |= is_latency;
    made.has_energy_model |= !is_latency;
    memcpy(is_latency ? made.latency_model : made.energy_model, c->calibration.model,
           sizeof c->calibration.model);
    ef_text text;
    ef_text_init(&text);
    write_provenance(c, &text);
    ef_accelerator_write(&made, &text);
    ef_status status = text.failed ? ef_error_memory(err) : EF_OK;
    if (!status) {
        status = ef_file_write(c->set->common.output, c->set->common.force, text.bytes,
                               text.size, err);
    }
    ef_text_clear(&text);
    return status;
}

/* --- the call --- */

static ef_status prepare(calibrating *c, ef_error *err)
{
    const settings *set = c->set;
    const char *output = set->common.output;
    ef_quantity quantity = ef_call_given(c->call, "quantity")
                               ? (ef_quantity)set->quantity
                               : EF_QUANTITY_COUNT;
    if (output && !set->base) {
        return ef_error_set(
            err, EF_ERR_USAGE,
            "-o needs --base: the accelerator that the model goes into");
    }
    ef_status status = output ? ef_call_check_output(c->call, output, err) : EF_OK;
    status = status ? status : read_terms(set->terms, &c->data.terms, err);
    if (!status && set->base) {
        status = ef_accelerator_load(&c->base, set->base, err);
    }
    if (!status) {
        status = ef_measurements_load(&c->measurements, c->call->operands[0], quantity,
                                      &set->common.format, err);
    }
    return status ? status : set_work(c, err);
}

static ef_status fit(calibrating *c, ef_error *err)
{
    ef_error inner = {0};
    set_data(c);
    ef_status status = ef_calibration_fit(&c->calibration, &c->data, &inner);
    if (status == EF_ERR_INPUT) {
        return ef_error_set(err, status, "%s: %s (--terms)", c->call->operands[0],
                            inner.text);
    }
    return status ? ef_error_set(err, status, "%s", inner.text) : EF_OK;
}

static ef_status run(const ef_call *call, ef_error *err)
{
    calibrating c = {.call = call, .set = call->settings};
    ef_status status = prepare(&c, err);
    status = status ? status : fit(&c, err);
    status = status ? status : predict_by_base(&c, err);
    status = status ? status : judge(&c, err);
    if (!status && c.set->common.output) {
        status = write(&c, err);
    }
    status = status ? status : print(&c, err);
    ef_calibration_clear(&c.calibration);
    ef_measurements_clear(&c.measurements);
    ef_free(c.work);
    ef_free(c.measured);
    ef_free(c.by_base);
    return status;
}

const ef_command ef_command_calibrate = {
    .name = "calibrate",
    .help = "fit an accelerator's costs to what was measured on a device",
    .operands = "MEASURED.csv",
    .least = 1,
    .most = 1,
    .options = options,
    .settings_size = sizeof(settings),
    .run = run,
};
