/* evoflip score: what the topology alone says. */
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/model.h"
#include "config.h"
#include "net/split.h"
#include "report/table.h"

typedef struct settings {
    ef_common common;
    int summary;
    int list;
} settings;

static const ef_option options[] = {
    {.name = "summary",
     .type = EF_OPTION_FLAG,
     .offset = offsetof(settings, summary),
     .group = "What to print",
     .help = "nodes, shapes, parameters and MACs of each topology; images, classes and "
             "parts of --data"},
    {.name = "list",
     .type = EF_OPTION_FLAG,
     .offset = offsetof(settings, list),
     .help = "every objective there is, with its meaning"},
    EF_COMMON_OBJECTIVES("size,params,macs,activations,depth,asi"),
    EF_COMMON_LIMIT,
    EF_COMMON_FORMAT("int8"),
    EF_COMMON_DATA(NULL),
    EF_COMMON_CSV,
    EF_COMMON_JSON,
    EF_COMMON_FORCE,
    EF_COMMON_SEED,
    {.name = NULL},
};

/* --- --list --- */

static ef_status print_list(ef_error *err)
{
    static const char *const columns[] = {"objective", "unit", "needs", "keys",
                                          "meaning"};
    ef_table table;
    ef_text text = {0};
    ef_table_init(&table);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        ef_table_add_column(&table, columns[i], "");
    }
    for (const ef_objective_row *row = ef_objective_rows; row->name; row++) {
        ef_table_add_text(&table, row->name);
        ef_table_add_text(&table, row->unit);
        ef_table_add_text(&table, ef_cost_name(row->cost));
        ef_table_add_text(&table, row->keys);
        ef_table_add_text(&table, row->meaning);
    }
    ef_table_print(&table, &text);
    ef_table_clear(&table);
    for (const ef_objective_row *row = ef_objective_rows; row->name; row++) {
        if (row->source[0]) {
            ef_text_add(&text, "%s: %s\n", row->name, row->source);
        }
    }
    return ef_print_text(&text, err);
}

/* --- --summary --- */

static ef_status add_data_summary(const settings *set, ef_text *text, ef_error *err)
{
    ef_dataset data;
    ef_parts *parts = NULL;
    ef_status status = ef_common_load_data(&set->common, &data, err);
    if (status != EF_OK) {
        return status;
    }
    ef_split_options split = EF_SPLIT_DEFAULT;
    split.seed = set->common.seed;
    status = ef_parts_create(&parts, &data, &split, err);
    if (status == EF_OK) {
        ef_dataset_summary(&data, parts, text);
    }
    ef_parts_destroy(parts);
    ef_dataset_clear(&data);
    return status;
}

static ef_status print_summary(const ef_call *call, ef_error *err)
{
    const settings *set = call->settings;
    ef_text text = {0};
    ef_status status = set->common.data ? add_data_summary(set, &text, err) : EF_OK;
    for (size_t i = 0; i < call->n_operands && status == EF_OK; i++) {
        ef_topology *topology = NULL;
        status = ef_model_load_topology(&topology, call->operands[i], err);
        if (status == EF_OK) {
            ef_text_add(&text, "%s%s\n", text.size ? "\n" : "", call->operands[i]);
            ef_topology_print(topology, &text);
        }
        ef_topology_destroy(topology);
    }
    if (status != EF_OK) {
        ef_text_clear(&text);
        return status;
    }
    return ef_print_text(&text, err);
}

/* --- the table of values --- */

typedef struct scoring {
    ef_objective_list list;
    ef_objective_context context;
    ef_limit limits[EF_LIMITS_MAX];
    size_t n_limits;
    ef_table table;
} scoring;

static ef_status start(scoring *s, const settings *set, ef_error *err)
{
    memset(s, 0, sizeof *s);
    s->context.format = set->common.format;
    ef_status status = ef_common_objectives(&set->common, &s->list, err);
    if (status == EF_OK) {
        status = ef_common_limits(&set->common, s->limits, &s->n_limits, err);
    }
    for (size_t i = 0; i < s->list.n && status == EF_OK; i++) {
        const ef_objective_row *row = s->list.items[i].row;
        if (row->cost != EF_COST_TOPOLOGY) {
            status = ef_error_set(err, EF_ERR_USAGE,
                                  "--objectives: %s is not known from the topology "
                                  "alone; it needs a %s network",
                                  row->name, ef_cost_name(row->cost));
        }
    }
    return status;
}

static void add_columns(scoring *s)
{
    char format[EF_FORMAT_NAME];
    ef_format_name(&s->context.format, format);
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
        status = ef_objective_score(topology, &s->context, &s->list, values, err);
    }
    if (status == EF_OK) {
        status = ef_limit_score(topology, &s->context, s->limits, s->n_limits,
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

static ef_status run(const ef_call *call, ef_error *err)
{
    const settings *set = call->settings;
    if (set->list) {
        return print_list(err);
    }
    if (call->n_operands == 0 && !(set->summary && set->common.data)) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "FILE is missing (see evoflip score --help)");
    }
    if (set->summary) {
        return print_summary(call, err);
    }
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

const ef_command ef_command_score = {
    .name = "score",
    .help = "print what the topology alone says: size, MACs, resilience proxies",
    .operands = "FILE...",
    .most = SIZE_MAX,
    .options = options,
    .settings_size = sizeof(settings),
    .run = run,
};
