/* evoflip score --schedule. */
#include "cmd/schedule.h"

#include <string.h>

#include "base/mem.h"
#include "cmd/model.h"
#include "config.h"
#include "objectives/exposure.h"
#include "objectives/latency.h"
#include "report/gantt.h"
#include "report/table.h"

typedef struct shown {
    const ef_call *call;
    ef_scoring given;
    ef_topology *topology;
    ef_workload *workload;
    ef_tasks *tasks;
    ef_schedule *schedule;
    ef_exposure_list *exposure;
    ef_table table;
} shown;

static const char *name_of(const shown *s, size_t layer)
{
    return ef_topology_node(s->topology, s->workload->layers[layer].node)->name;
}

/* --- before any time is spent --- */

static ef_status check_call(const ef_call *call, ef_error *err)
{
    const ef_common *common = ef_call_common(call);
    if (!common->hardware) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--schedule needs an accelerator, which "
                            "--hardware FILE gives");
    }
    if (call->n_operands > 1) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--schedule is of one FILE, found %zu of them",
                            call->n_operands);
    }
    return common->svg ? ef_call_check_picture(call, "svg", common->svg, ".svg", err)
                       : EF_OK;
}

static ef_status make_all(shown *s, ef_error *err)
{
    const ef_accelerator *a = &s->given.accelerator;
    const ef_format *format = &s->given.context.format;
    ef_status status = ef_common_scoring(ef_call_common(s->call), &s->given, err);
    status = status ? status
                    : ef_model_load_topology(&s->topology, s->call->operands[0], err);
    status =
        status ? status : ef_workload_create(&s->workload, s->topology, format, err);
    status =
        status ? status : ef_tasks_create(&s->tasks, s->workload, a, s->topology, err);
    status = status ? status
                    : ef_schedule_create(&s->schedule, s->workload, a, s->tasks, err);
    return status
               ? status
               : ef_exposure_of(&s->exposure, s->workload, s->tasks, s->schedule, err);
}

/* --- the table --- */

static void add_note(shown *s, const char *key, double value)
{
    ef_text text = {0};
    ef_text_add_double(&text, value);
    s->table.failed |= text.failed;
    ef_table_add_note(&s->table, key, text.failed ? "" : text.bytes);
    ef_text_clear(&text);
}

static double roofline_of(const shown *s)
{
    return ef_latency_roofline(s->workload, &s->given.accelerator);
}

static void add_head(shown *s)
{
    static const char *const columns[][2] = {
        {"node", ""},   {"class", ""},        {"macs", "MAC"},      {"start", "s"},
        {"time", "s"},  {"bound", ""},        {"utilisation", ""},  {"traffic", "B"},
        {"output", ""}, {"weight_time", "s"}, {"output_time", "s"},
    };
    char format[EF_FORMAT_NAME];
    ef_format_name(&s->given.context.format, format);
    ef_table_add_note(&s->table, "evoflip", PACKAGE_VERSION);
    ef_table_add_note(&s->table, "command", "score");
    ef_table_add_note(&s->table, "format", format);
    ef_table_add_note(&s->table, "accelerator", s->given.accelerator.name);
    add_note(s, "latency", (double)s->schedule->time_ps / EF_PS_PER_S);
    add_note(s, "roofline", roofline_of(s));
    add_note(s, "weight_share", s->exposure->weight_share);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        ef_table_add_column(&s->table, columns[i][0], columns[i][1]);
    }
}

/* *of_weights: the next of the exposed weights. */
static void add_row(shown *s, size_t index, size_t *of_weights)
{
    const ef_layer *layer = &s->workload->layers[index];
    const ef_layer_time *time = &s->schedule->layers[index];
    double weight_time = 0;
    if (layer->weight_bits > 0) {
        weight_time = s->exposure->tensors[(*of_weights)++].time_s;
    }
    ef_table_add_text(&s->table, name_of(s, index));
    ef_table_add_text(&s->table, ef_layer_class_name(layer->layer_class));
    ef_table_add_number(&s->table, (double)layer->macs);
    ef_table_add_number(&s->table, (double)time->start_ps / EF_PS_PER_S);
    ef_table_add_number(&s->table,
                        (double)(time->end_ps - time->start_ps) / EF_PS_PER_S);
    ef_table_add_text(&s->table, ef_bound_name(time->bound));
    ef_table_add_number(&s->table, time->utilisation);
    ef_table_add_number(&s->table, (double)time->bits / 8);
    ef_table_add_text(&s->table, s->tasks->kept[layer->output] ? "kept" : "moved");
    ef_table_add_number(&s->table, weight_time);
    ef_table_add_number(&s->table, s->exposure->tensors[layer->output].time_s);
}

static void add_words(const shown *s, ef_text *text)
{
    double latency = (double)s->schedule->time_ps / EF_PS_PER_S;
    double roofline = roofline_of(s), work = 0;
    const ef_accelerator *a = &s->given.accelerator;
    for (size_t i = 0; i < s->workload->n_layers; i++) {
        work += (double)s->workload->layers[i].macs;
    }
    double most = (double)a->rows.size * a->columns.size * a->clock_hz * latency;
    ef_text_add(text, "latency %.4g s, roofline %.4g s; %.3g %% of the array at work\n",
                latency, roofline, 100 * work / most);
    ef_text_add(text, "weights hold %.3g %% of the bit-seconds on chip\n",
                100 * s->exposure->weight_share);
}

static ef_status print_table(shown *s, ef_error *err)
{
    ef_text text = {0};
    size_t of_weights = s->workload->n_tensors;
    add_head(s);
    for (size_t i = 0; i < s->workload->n_layers; i++) {
        add_row(s, i, &of_weights);
    }
    ef_table_print(&s->table, &text);
    add_words(s, &text);
    return ef_call_print_report(s->call, &s->table, &text, err);
}

/* --- the picture --- */

static void fill_bars(const shown *s, ef_gantt_bar *bars, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < s->tasks->n; i++) {
        const ef_task *task = &s->tasks->tasks[i];
        for (size_t k = 0; k < EF_RESOURCE_COUNT; k++) {
            if (task->resources >> k & 1) {
                bars[(*n)++] = (ef_gantt_bar){
                    k, task->layer, (double)s->schedule->start_ps[i] / EF_PS_PER_S,
                    (double)s->schedule->end_ps[i] / EF_PS_PER_S};
            }
        }
    }
}

static ef_status draw_gantt(const shown *s, ef_gantt_bar *bars, ef_gantt_span *spans,
                            ef_error *err)
{
    const char *rows[EF_RESOURCE_COUNT];
    ef_text title = {0};
    ef_gantt gantt = {.rows = rows, .n_rows = EF_RESOURCE_COUNT, .bars = bars};
    fill_bars(s, bars, &gantt.n_bars);
    for (unsigned i = 0; i < EF_RESOURCE_COUNT; i++) {
        rows[i] = ef_resource_name((ef_resource)i);
    }
    for (size_t i = 0; i < s->workload->n_layers; i++) {
        const ef_layer_time *time = &s->schedule->layers[i];
        spans[i] = (ef_gantt_span){name_of(s, i), (double)time->start_ps / EF_PS_PER_S,
                                   (double)time->end_ps / EF_PS_PER_S};
    }
    gantt.spans = spans;
    gantt.n_spans = s->workload->n_layers;
    gantt.end_s = (double)s->schedule->time_ps / EF_PS_PER_S;
    const char *path = s->call->operands[0], *slash = strrchr(path, '/');
    ef_text_add(&title, "%s on %s", slash ? slash + 1 : path,
                s->given.accelerator.name);
    gantt.title = title.bytes;
    ef_error why = {EF_OK, ""};
    ef_status status = title.failed
                           ? ef_error_memory(&why)
                           : ef_gantt_draw(&gantt, ef_call_common(s->call)->svg, &why);
    ef_text_clear(&title);
    /* A picture that gnuplot does not make is no reason to lose the table. */
    if (status == EF_ERR_UNSUPPORTED || status == EF_ERR_FAILED) {
        ef_call_note(s->call, "%s", why.text);
        return EF_OK;
    }
    return status ? ef_error_set(err, status, "%s", why.text) : EF_OK;
}

static ef_status draw(const shown *s, ef_error *err)
{
    enum { MOST_ROWS = 3 }; /* of one task */
    ef_gantt_bar *bars = ef_calloc(MOST_ROWS * s->tasks->n, sizeof *bars);
    ef_gantt_span *spans = ef_calloc(s->workload->n_layers, sizeof *spans);
    ef_status status =
        bars && spans ? draw_gantt(s, bars, spans, err) : ef_error_memory(err);
    ef_free(bars);
    ef_free(spans);
    return status;
}

/* --- all --- */

ef_status ef_schedule_print(const ef_call *call, ef_error *err)
{
    shown s = {.call = call};
    ef_table_init(&s.table);
    ef_status status = check_call(call, err);
    status = status ? status : make_all(&s, err);
    if (!status && ef_call_common(call)->svg) {
        status = draw(&s, err);
    }
    status = status ? status : print_table(&s, err);
    ef_table_clear(&s.table);
    ef_exposure_destroy(s.exposure);
    ef_schedule_destroy(s.schedule);
    ef_tasks_destroy(s.tasks);
    ef_workload_destroy(s.workload);
    ef_topology_destroy(s.topology);
    return status;
}
