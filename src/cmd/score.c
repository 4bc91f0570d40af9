/* evoflip score: what topologies cost, and what models get wrong. */
#include <stdio.h>
#include <string.h>

#include "cmd/accuracy.h"
#include "cmd/command.h"
#include "cmd/model.h"
#include "cmd/schedule.h"
#include "cmd/summary.h"
#include "config.h"
#include "report/table.h"

typedef struct settings {
    ef_common common;
    int accuracy;
    int summary;
    int schedule;
    int list;
} settings;

static const ef_option options[] = {
    {.name = "accuracy",
     .type = EF_OPTION_FLAG,
     .offset = offsetof(settings, accuracy),
     .group = "What to print",
     .help = "what each model gets wrong on --data, or the digits: error, confusion "
             "table"},
    {.name = "summary",
     .type = EF_OPTION_FLAG,
     .offset = offsetof(settings, summary),
     .help = "what is in each model and topology: nodes, shapes, parameters, MACs; "
             "images, classes and parts of --data"},
    {.name = "schedule",
     .type = EF_OPTION_FLAG,
     .offset = offsetof(settings, schedule),
     .help = "what --hardware does when, layer by layer, for one topology"},
    {.name = "list",
     .type = EF_OPTION_FLAG,
     .offset = offsetof(settings, list),
     .help = "every objective there is, with its meaning"},
    EF_COMMON_OBJECTIVES("size,params,macs,depth,predicted_ccr:ber=1e-3"),
    EF_COMMON_LIMIT,
    EF_COMMON_FORMAT("int8"),
    EF_COMMON_HARDWARE,
    EF_COMMON_CONSTANTS,
    EF_COMMON_DATA(NULL),
    EF_COMMON_SPLIT,
    EF_COMMON_IMAGES,
    EF_COMMON_RAW_NORMALISATION,
    EF_COMMON_CSV,
    EF_COMMON_JSON,
    {EF_COMMON_ROW("svg", EF_OPTION_PATH, "Output", svg, "FILE", "draw the schedule")},
    EF_COMMON_FORCE,
    EF_COMMON_SEED,
    EF_COMMON_THREADS,
    {.name = NULL},
};

/* --- --list --- */

/* The whole table; people are shown the sources below it. */
static void fill_list(ef_table *table, int with_source)
{
    static const char *const columns[] = {"objective", "unit",    "direction", "needs",
                                          "keys",      "meaning", "source"};
    ef_text needs = {0};
    for (size_t i = 0; i < sizeof columns / sizeof *columns - !with_source; i++) {
        ef_table_add_column(table, columns[i], "");
    }
    for (const ef_objective_row *row = ef_objective_rows; row->name; row++) {
        ef_text_clear(&needs);
        ef_objective_write_needs(row, &needs);
        ef_table_add_text(table, row->name);
        ef_table_add_text(table, row->unit);
        ef_table_add_text(table, ef_direction_name(row->direction));
        ef_table_add_text(table, needs.failed ? "" : needs.bytes);
        ef_table_add_text(table, row->keys);
        ef_table_add_text(table, row->meaning);
        if (with_source) {
            ef_table_add_text(table, row->source);
        }
        table->failed = table->failed || needs.failed;
    }
    ef_text_clear(&needs);
}

static ef_status print_list(const ef_call *call, ef_error *err)
{
    ef_table table, shown;
    ef_text text = {0};
    ef_table_init(&table);
    ef_table_init(&shown);
    ef_table_add_note(&table, "evoflip", PACKAGE_VERSION);
    fill_list(&table, 1);
    fill_list(&shown, 0);
    ef_table_print(&shown, &text);
    for (const ef_objective_row *row = ef_objective_rows; row->name; row++) {
        if (row->source[0]) {
            ef_text_add(&text, "%s: %s\n", row->name, row->source);
        }
    }
    ef_status status = ef_call_print_report(call, &table, &text, err);
    ef_table_clear(&table);
    ef_table_clear(&shown);
    return status;
}

/* --- the table of values --- */

typedef struct scoring {
    ef_objective_list list;
    ef_scoring given;
    ef_limit limits[EF_LIMITS_MAX];
    size_t n_limits;
    ef_table table;
} scoring;

/* What would be measured is another command's. */
static ef_status check_cost(const char *option, const ef_objective *objective,
                            ef_error *err)
{
    static const char *const words[EF_COST_COUNT] = {
        [EF_COST_TRAINED] = "a trained network and data: evoflip score --accuracy",
        [EF_COST_INJECTED] =
            "a trained network, data and faults: evoflip inject, evoflip search",
    };
    ef_cost cost = objective->row->cost;
    return words[cost] ? ef_error_set(err, EF_ERR_USAGE,
                                      "--%s: %s is not known from the topology alone; "
                                      "it takes %s",
                                      option, objective->row->name, words[cost])
                       : EF_OK;
}

static ef_status start(scoring *s, const settings *set, ef_error *err)
{
    memset(s, 0, sizeof *s);
    const ef_objective_context *context = &s->given.context;
    ef_status status = ef_common_scoring(&set->common, &s->given, err);
    if (status == EF_OK) {
        status = ef_common_objectives(&set->common, context, &s->list, err);
    }
    if (status == EF_OK) {
        status = ef_common_limits(&set->common, context, s->limits, &s->n_limits, err);
    }
    for (size_t i = 0; i < s->list.n && status == EF_OK; i++) {
        status = check_cost("objectives", &s->list.items[i], err);
    }
    for (size_t i = 0; i < s->n_limits && status == EF_OK; i++) {
        status = check_cost("limit", &s->limits[i].objective, err);
    }
    return status;
}

static void add_columns(scoring *s)
{
    char format[EF_FORMAT_NAME];
    ef_format_name(&s->given.context.format, format);
    ef_table_add_note(&s->table, "evoflip", PACKAGE_VERSION);
    ef_table_add_note(&s->table, "command", "score");
    ef_table_add_note(&s->table, "format", format);
    ef_table_add_column(&s->table, "topology", "");
    for (size_t i = 0; i < s->list.n; i++) {
        ef_table_add_column(&s->table, s->list.items[i].name,
                            s->list.items[i].row->unit);
    }
    if (s->n_limits > 0) {
        ef_table_add_column(&s->table, "violation", "share");
    }
}

static ef_status add_row(scoring *s, const char *path, ef_error *err)
{
    ef_topology *topology = NULL;
    double values[EF_OBJECTIVES_MAX], violation = 0;
    ef_status status = ef_model_load_topology(&topology, path, err);
    if (status == EF_OK) {
        status = ef_objective_score(topology, &s->given.context, &s->list, values, err);
    }
    if (status == EF_OK) {
        status = ef_limit_score(topology, &s->given.context, s->limits, s->n_limits,
                                &violation, err);
    }
    ef_topology_destroy(topology);
    if (status != EF_OK) {
        return status;
    }
    ef_table_add_text(&s->table, path);
    for (size_t i = 0; i < s->list.n; i++) {
        ef_table_add_number(&s->table, values[i]);
    }
    if (s->n_limits > 0) {
        ef_table_add_number(&s->table, violation);
    }
    return EF_OK;
}

static ef_status print_values(const ef_call *call, ef_error *err)
{
    const settings *set = call->settings;
    scoring s;
    ef_status status = start(&s, set, err);
    if (status != EF_OK) {
        return status;
    }
    add_columns(&s);
    for (size_t i = 0; i < call->n_operands && status == EF_OK; i++) {
        status = add_row(&s, call->operands[i], err);
    }
    if (status == EF_OK) {
        status = ef_call_print_table(call, &s.table, err);
    }
    ef_table_clear(&s.table);
    return status;
}

/* --- the call --- */

enum { VALUES = 1, ACCURACY = 2, SUMMARY = 4, LIST = 8, SCHEDULE = 16 };

/* What can be printed, by the option that asks for it; the first is the usual. */
static const struct {
    const char *option;
    unsigned flag;
    ef_status (*print)(const ef_call *call, ef_error *err);
} prints[] = {{NULL, VALUES, print_values},
              {"accuracy", ACCURACY, ef_accuracy_print},
              {"summary", SUMMARY, ef_summary_print},
              {"schedule", SCHEDULE, ef_schedule_print},
              {"list", LIST, print_list}};

#define EITHER "--accuracy and --summary"
#define TABLES "objectives, --accuracy, --schedule and --list"
#define TIMES "objectives and --schedule"

/* What an option is for; what is not named is for all. */
static const struct {
    const char *option;
    unsigned flags;
    const char *words;
} uses[] = {
    {"objectives", VALUES, "objectives"},
    {"limit", VALUES, "objectives"},
    {"format", VALUES | SCHEDULE, TIMES},
    {"hardware", VALUES | SCHEDULE, TIMES},
    {"constants", VALUES, "objectives"},
    {"data", ACCURACY | SUMMARY, EITHER},
    {"shape", ACCURACY | SUMMARY, EITHER},
    {"label", ACCURACY | SUMMARY, EITHER},
    {"group", ACCURACY | SUMMARY, EITHER},
    {"crop", ACCURACY | SUMMARY, EITHER},
    {"split", ACCURACY, "--accuracy"},
    {"images", ACCURACY, "--accuracy"},
    {"range", ACCURACY, "--accuracy"},
    {"mean", ACCURACY, "--accuracy"},
    {"std", ACCURACY, "--accuracy"},
    {"csv", VALUES | ACCURACY | SCHEDULE | LIST, TABLES},
    {"json", VALUES | ACCURACY | SCHEDULE | LIST, TABLES},
    {"svg", SCHEDULE, "--schedule"},
};

static ef_status check_uses(const ef_call *call, unsigned flag, ef_error *err)
{
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        if (!(uses[i].flags & flag) && ef_call_given(call, uses[i].option)) {
            return ef_error_set(err, EF_ERR_USAGE,
                                "--%s is for %s only (see evoflip score --help)",
                                uses[i].option, uses[i].words);
        }
    }
    return EF_OK;
}

/* *chosen: index into prints. */
static ef_status choose_print(const ef_call *call, size_t *chosen, ef_error *err)
{
    *chosen = 0;
    for (size_t i = 1; i < sizeof prints / sizeof *prints; i++) {
        if (ef_call_given(call, prints[i].option) && *chosen) {
            return ef_error_set(err, EF_ERR_USAGE, "--%s and --%s exclude each other",
                                prints[*chosen].option, prints[i].option);
        }
        *chosen = ef_call_given(call, prints[i].option) ? i : *chosen;
    }
    return check_uses(call, prints[*chosen].flag, err);
}

static ef_status run(const ef_call *call, ef_error *err)
{
    size_t chosen;
    ef_status status = choose_print(call, &chosen, err);
    if (status != EF_OK) {
        return status;
    }
    unsigned flag = prints[chosen].flag;
    int has_data = flag == SUMMARY && ef_call_common(call)->data;
    if (call->n_operands == 0 && flag != LIST && !has_data) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "FILE is missing (see evoflip score --help)");
    }
    return prints[chosen].print(call, err);
}

const ef_command ef_command_score = {
    .name = "score",
    .help = "print what topologies cost and what models get wrong",
    .operands = "FILE...",
    .most = SIZE_MAX,
    .options = options,
    .settings_size = sizeof(settings),
    .run = run,
};
