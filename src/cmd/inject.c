/* evoflip inject: what single bit flips do to a model in integers. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/command.h"
#include "cmd/inject_report.h"
#include "cmd/inject_sweep.h"
#include "cmd/subject.h"
#include "config.h"
#include "faultsim/classify.h"
#include "faultsim/permutation.h"
#include "study/campaign.h"

typedef struct settings {
    ef_common common;
    const char *target;
    const char *fault;
    int per_image;
    int by_node;
    const char *nodes;
    const char *channels;
    const char *bits;
    uint64_t count;
    int exhaustive;
    int plan;
    ef_format weights;
    ef_format activations;
    uint64_t calibrate;
} settings;

#define ROW(option, kind, heading, field, value, sentence)                             \
    .name = option, .type = kind, .group = heading, .argument = value,                 \
    .offset = offsetof(settings, field), .help = sentence

static const ef_option options[] = {
    {ROW("target", EF_OPTION_TEXT, "Faults", target, "LIST",
         "what bits are flipped in, each a campaign of its own: weights, biases, "
         "activations, inputs"),
     .shown = "weights,activations"},
    {ROW("fault", EF_OPTION_TEXT, "Faults", fault, "KIND",
         "flip; ber:P flips every stored bit with chance P, ber:P1:P2:... is a sweep; "
         "weights=ber:P,activations=ber:Q strikes these together"),
     .shown = "flip"},
    {ROW("per-image", EF_OPTION_FLAG, "Faults", per_image, NULL,
         "strike activations and inputs of each image in places of its own")},
    {ROW("by-node", EF_OPTION_FLAG, "Faults", by_node, NULL,
         "bit error rates in one node at a time too")},
    {ROW("nodes", EF_OPTION_TEXT, "Faults", nodes, "LIST",
         "only of these nodes; patterns as the shell's: 'conv*'"),
     .shown = "all"},
    {ROW("channels", EF_OPTION_TEXT, "Faults", channels, "LIST",
         "only of these channels of their outputs: 0-3,7"),
     .shown = "all"},
    {ROW("bits", EF_OPTION_TEXT, "Faults", bits, "LIST",
         "only these bits, 0 the least significant"),
     .shown = "all"},
    {ROW("count", EF_OPTION_COUNT, "How many", count, "N",
         "strike N faults of each target"),
     .min = 1, .max = 1e15,
     .shown = "until the CCR is known to within 20 % of it or is below 0.01 %, at most "
              "100k"},
    {ROW("exhaustive", EF_OPTION_FLAG, "How many", exhaustive, NULL,
         "strike every fault there is")},
    {ROW("plan", EF_OPTION_FLAG, "How many", plan, NULL,
         "print how many faults there are, and what striking them takes")},
    {ROW("format", EF_OPTION_FORMAT, "Numbers", common.format, "F",
         "integer format of weights and activations, of at most 8 bits: int8, int4, "
         "fixed8 ..."),
     .fallback = "int8"},
    {ROW("weights", EF_OPTION_FORMAT, "Numbers", weights, "F",
         "format of weights; int8c has a scale for each output channel"),
     .shown = "of --format; of int8 int8c"},
    {ROW("activations", EF_OPTION_FORMAT, "Numbers", activations, "F",
         "format of activations"),
     .shown = "of --format; of int8 uint8 where none is negative"},
    {ROW("calibrate", EF_OPTION_COUNT, "Numbers", calibrate, "N",
         "images of the training part that set the ranges of activations"),
     .fallback = "256", .min = 1, .max = 1e6},
    EF_COMMON_DATA("digits"),
    EF_COMMON_SPLIT,
    EF_COMMON_IMAGES,
    EF_COMMON_RAW_NORMALISATION,
    EF_COMMON_CSV,
    EF_COMMON_JSON,
    {EF_COMMON_ROW("svg", EF_OPTION_PATH, "Output", svg, "FILE",
                   "draw CCR and accuracy over the bit error rate")},
    EF_COMMON_FORCE,
    EF_COMMON_SEED,
    EF_COMMON_THREADS,
    EF_COMMON_QUIET,
    {.name = NULL},
};

typedef struct job {
    const ef_call *call;
    const settings *set;
    ef_selection selection;
    unsigned targets; /* set of 1u << ef_target */
    ef_strikes strikes;
    ef_inject_sweeps sweeps; /* where the strikes are for them */
    ef_stop_rule rule;
    ef_qnet_options formats;
    ef_testbed bed;
    ef_subject subject;
    size_t *calibration; /* (n_calibration) */
    size_t n_calibration;
    size_t n_float_errors;
    ef_injector *injector;
    ef_campaign *campaigns[EF_TARGET_COUNT];
    size_t n_campaigns;
    ef_text text;   /* for people */
    ef_table table; /* for programs */
} job;

/* --- what was asked for ------------------------------------------------------ */

static ef_status parse_numbers(ef_numbers *numbers, const char *option,
                               const char *text, ef_error *err)
{
    return text ? ef_numbers_parse(numbers, option, text, err) : EF_OK;
}

static ef_status choose_faults(job *j, ef_error *err)
{
    const settings *set = j->set;
    j->targets = 1U << EF_TARGET_WEIGHTS | 1U << EF_TARGET_ACTIVATIONS;
    j->selection.nodes = set->nodes;
    ef_status status = EF_OK;
    if (set->target) {
        ef_error why = {EF_OK, ""};
        status = ef_targets_parse(&j->targets, set->target, &why);
        status = status ? ef_error_set(err, status, "--%s", why.text) : EF_OK;
    }
    if (!status) {
        ef_error why = {EF_OK, ""};
        status = ef_strikes_parse(&j->strikes, set->fault ? set->fault : "flip", &why);
        status = status ? ef_error_set(err, status, "--%s", why.text) : EF_OK;
    }
    if (!status) {
        status =
            parse_numbers(&j->selection.channels, "--channels", set->channels, err);
    }
    return status ? status
                  : parse_numbers(&j->selection.bits, "--bits", set->bits, err);
}

static ef_status choose_rule(job *j, ef_error *err)
{
    int is_counted = ef_call_given(j->call, "count");
    if (is_counted && j->set->exhaustive) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--count and --exhaustive exclude each other");
    }
    j->rule = EF_STOP_RULE_DEFAULT;
    if (is_counted || j->set->exhaustive) {
        j->rule =
            (ef_stop_rule){-1, -1, is_counted ? j->set->count : EF_PERMUTATION_MAX};
    }
    return EF_OK;
}

static ef_status check_format(const ef_format *format, const char *option,
                              int is_weights, ef_error *err)
{
    int is_known = format->kind == EF_FORMAT_INT || format->kind == EF_FORMAT_FIXED ||
                   (format->kind == EF_FORMAT_UINT && !is_weights);
    if (is_known && format->bits <= 8 && !format->stochastic) {
        return EF_OK;
    }
    char name[EF_FORMAT_NAME];
    ef_format_name(format, name);
    return ef_error_set(err, EF_ERR_USAGE,
                        "--%s %s: faults are run in integer formats of at most 8 bits: "
                        "int8, int4, fixed8 ...%s",
                        option, name, is_weights ? "" : "; for activations uint8 too");
}

static ef_status choose_formats(job *j, ef_error *err)
{
    const settings *set = j->set;
    ef_format format = set->common.format;
    int has_weights = ef_format_is_stated(&set->weights);
    int has_activations = ef_format_is_stated(&set->activations);
    j->formats.weights = has_weights ? set->weights : format;
    j->formats.activations = has_activations ? set->activations : format;
    if (!has_weights && format.kind == EF_FORMAT_INT) {
        j->formats.weights.per_channel = 1;
    }
    if (!has_activations && format.kind == EF_FORMAT_INT) {
        j->formats.activations.per_channel = 0;
        /* the other encodings are of signed codes only */
        j->formats.fits_activations =
            format.encoding == EF_ENCODING_PLAIN || format.encoding == EF_ENCODING_GRAY;
    }
    ef_status status =
        check_format(&j->formats.weights, has_weights ? "weights" : "format", 1, err);
    return status ? status
                  : check_format(&j->formats.activations,
                                 has_activations ? "activations" : "format", 0, err);
}

/* --- the network in integers ------------------------------------------------- */

/* The training part where the data have one that these images are not of. */
static ef_part calibration_part(const job *j)
{
    const ef_dataset *set = &j->bed.set;
    int has_parts =
        set->is_named || set->first_test < set->n || j->bed.split != EF_SPLIT_ALL;
    ef_part part = ef_parts_get(j->subject.parts, EF_SPLIT_TRAIN, 0);
    if (has_parts && part.n > 0) {
        return part;
    }
    ef_call_note(j->call,
                 "%s has no training part; the images that faults strike set the "
                 "ranges of activations too",
                 set->name);
    return j->subject.part;
}

/* Spread evenly, since files may be sorted by class. */
static ef_status choose_calibration(job *j, ef_error *err)
{
    ef_part part = calibration_part(j);
    uint64_t wanted = j->set->calibrate;
    size_t n = wanted < part.n ? (size_t)wanted : part.n;
    j->calibration = ef_calloc(n, sizeof *j->calibration);
    if (!j->calibration) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        j->calibration[i] =
            part.indices[(size_t)((double)i * (double)part.n / (double)n)];
    }
    j->n_calibration = n;
    return EF_OK;
}

static ef_status classify_in_float(job *j, ef_error *err)
{
    const ef_classify_options how = {j->subject.norm, (size_t)j->set->common.threads};
    ef_classified found = {0};
    ef_status status =
        ef_classify(j->subject.net, &j->bed.set, j->subject.part, &how, &found, err);
    j->n_float_errors = found.n_errors;
    return status;
}

static ef_status make_injector(job *j, ef_error *err)
{
    ef_error why = {EF_OK, ""};
    const ef_injector_options o = {
        .set = &j->bed.set,
        .normalisation = j->subject.norm,
        .images = j->subject.part,
        .calibration = {j->calibration, j->n_calibration},
        .formats = j->formats,
        .n_threads = (size_t)j->set->common.threads,
    };
    ef_status status = ef_injector_create(&j->injector, j->subject.net, &o, &why);
    return status ? ef_error_set(err, status, "%s: %s", j->subject.path, why.text)
                  : EF_OK;
}

static ef_status prepare(job *j, ef_error *err)
{
    ef_status status = ef_testbed_load(&j->bed, j->call, err);
    if (!status) {
        status =
            ef_subject_load(&j->subject, &j->bed, j->call->operands[0], "inject", err);
    }
    status = status ? status : choose_calibration(j, err);
    status = status ? status : make_injector(j, err);
    return status ? status : classify_in_float(j, err);
}

/* --- campaigns --------------------------------------------------------------- */

/* A target that was not asked for by name may have nothing that is chosen, as long as
 * another has. */
static ef_status make_campaigns(job *j, ef_error *err)
{
    ef_error first = {EF_OK, ""};
    for (unsigned t = 0; t < EF_TARGET_COUNT; t++) {
        ef_error why = {EF_OK, ""};
        if (!(j->targets >> t & 1)) {
            continue;
        }
        ef_status status =
            ef_campaign_create(&j->campaigns[j->n_campaigns], j->injector, (ef_target)t,
                               &j->selection, j->set->common.seed, &why);
        if (status && (status != EF_ERR_USAGE || j->set->target)) {
            return ef_error_set(err, status, "%s", why.text);
        }
        j->n_campaigns += !status;
        first = status && !first.status ? why : first;
    }
    return j->n_campaigns > 0 ? EF_OK
                              : ef_error_set(err, first.status, "%s", first.text);
}

static void show(void *context, uint64_t done, uint64_t most, const ef_estimate *rate)
{
    (void)most;
    ef_progress *progress = context;
    if (rate->n > 0) {
        ef_progress_show(progress, (size_t)done, "CCR %.3g %%, %.3g to %.3g %%",
                         100 * rate->share, 100 * rate->interval.low,
                         100 * rate->interval.high);
    } else {
        ef_progress_show(progress, (size_t)done, "%s", "");
    }
}

static ef_status run_campaign(job *j, ef_campaign *campaign, ef_error *err)
{
    char what[32];
    uint64_t population = ef_campaign_population(campaign);
    uint64_t most = j->rule.faults < population ? j->rule.faults : population;
    snprintf(what, sizeof what, "inject %s",
             ef_target_names[ef_campaign_target(campaign)]);
    ef_progress *progress = ef_call_progress(j->call, what, (size_t)most);
    ef_status status = ef_campaign_run(campaign, &j->rule, show, progress, err);
    ef_progress_destroy(progress);
    if (!status) {
        ef_inject_print(&j->text, campaign, j->injector, &j->rule);
        ef_inject_csv_rows(&j->table, campaign, j->injector);
    }
    return status;
}

static void print_head(job *j)
{
    char weights[EF_FORMAT_NAME], activations[EF_FORMAT_NAME];
    double n = (double)j->subject.part.n;
    ef_format_name(&j->formats.weights, weights);
    ef_format_name(&j->formats.activations, activations);
    const char *fitted = j->formats.fits_activations ? " or u" : "";
    ef_text_add(&j->text, "%s on ", j->subject.path);
    ef_subject_describe(&j->subject, &j->bed, &j->text);
    ef_text_add(&j->text,
                ": %zu images\nwrong without a fault: %.2f %% in float32, %.2f %% with "
                "weights in %s and activations in %s%s%s\n\n",
                j->subject.part.n, 100 * (double)j->n_float_errors / n,
                100 * (double)ef_injector_n_errors(j->injector) / n, weights,
                activations, fitted, fitted[0] ? activations : "");
}

static ef_status describe(job *j, ef_error *err)
{
    static const char *const groups[] = {"Numbers", "Data", "Faults"};
    ef_text configuration = {0};
    char number[24];
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        ef_options_write(options, groups[i], j->set, &configuration);
    }
    if (ef_call_given(j->call, "count")) {
        ef_options_write(options, "How many", j->set, &configuration);
    } else if (j->set->exhaustive) {
        ef_text_add(&configuration, " exhaustive=yes");
    }
    ef_table_add_note(&j->table, "evoflip", PACKAGE_VERSION);
    ef_table_add_note(&j->table, "command", "inject");
    snprintf(number, sizeof number, "%" PRIu64, j->set->common.seed);
    ef_table_add_note(&j->table, "seed", number);
    ef_table_add_note(&j->table, EF_ONNX_DATA_HASH_KEY, j->bed.hash);
    ef_table_add_note(&j->table, "configuration",
                      configuration.bytes ? configuration.bytes : "");
    snprintf(number, sizeof number, "%zu", j->n_float_errors);
    ef_table_add_note(&j->table, "errors_float32", number);
    snprintf(number, sizeof number, "%zu", ef_injector_n_errors(j->injector));
    ef_table_add_note(&j->table, "errors_quantized", number);
    int failed = configuration.failed;
    ef_text_clear(&configuration);
    return failed ? ef_error_memory(err) : EF_OK;
}

static ef_status run_campaigns(job *j, ef_error *err)
{
    print_head(j);
    ef_inject_csv_columns(&j->table);
    ef_status status = describe(j, err);
    for (size_t i = 0; i < j->n_campaigns && !status; i++) {
        status = run_campaign(j, j->campaigns[i], err);
    }
    ef_text_add(&j->text,
                "CCR: share of (fault, image) pairs whose class changed; corrected: of "
                "those to the\nlabel's class; critical: share of faults that change "
                "the class of an image.\nIntervals of 95 %%.\n");
    return status ? status : ef_call_print_report(j->call, &j->table, &j->text, err);
}

/* --- the plan ---------------------------------------------------------------- */

#define TIMED_FAULTS 32
#define LEVEUGLE_MARGIN 0.01

static void add_plan_columns(ef_table *table)
{
    static const char *const columns[][2] = {
        {"target", ""},         {"faults there are", ""}, {"struck at most", ""},
        {"Leveugle +-1 %", ""}, {"one fault", "ms"},      {"at most", "s"}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        ef_table_add_column(table, columns[i][0], columns[i][1]);
    }
}

static ef_status add_plan(const job *j, ef_table *table, const ef_campaign *campaign,
                          ef_error *err)
{
    double time_s = 0;
    uint64_t population = ef_campaign_population(campaign);
    uint64_t most = j->rule.faults < population ? j->rule.faults : population;
    uint64_t leveugle =
        ef_leveugle_faults(population, 0.5, LEVEUGLE_MARGIN, EF_INTERVAL_Z95);
    ef_status status = ef_campaign_time(campaign, TIMED_FAULTS, &time_s, err);
    ef_table_add_text(table, ef_target_names[ef_campaign_target(campaign)]);
    ef_table_add_number(table, (double)population);
    ef_table_add_number(table, (double)most);
    ef_table_add_number(table, (double)leveugle);
    ef_table_add_number(table, 1000 * time_s);
    ef_table_add_number(table, (double)most * time_s);
    return status;
}

static ef_status print_plan(job *j, ef_error *err)
{
    ef_table table;
    ef_status status = EF_OK;
    ef_table_init(&table);
    add_plan_columns(&table);
    print_head(j);
    for (size_t i = 0; i < j->n_campaigns && !status; i++) {
        status = add_plan(j, &table, j->campaigns[i], err);
    }
    ef_table_print(&table, &j->text);
    ef_text_add(&j->text, "\nmemory for the fault-free run: %.0f MB\n",
                ef_injector_memory_bytes(j->injector) / 1e6);
    ef_table_clear(&table);
    return status ? status : ef_print_text(&j->text, err);
}

/* --- bit error rates --------------------------------------------------------- */

static ef_status check_sweeps(job *j, ef_error *err)
{
    const settings *set = j->set;
    j->sweeps = (ef_inject_sweeps){
        .call = j->call,
        .strikes = &j->strikes,
        .selection = &j->selection,
        .targets = j->targets,
        .are_named = set->target != NULL,
        .per_image = set->per_image,
        .by_node = set->by_node,
        .trials = ef_call_given(j->call, "count") ? set->count : 0,
        .svg = set->common.svg,
    };
    return ef_inject_check_sweeps(&j->sweeps, err);
}

static ef_status run_sweeps(job *j, ef_error *err)
{
    j->sweeps.injector = j->injector;
    print_head(j);
    if (j->set->plan) {
        ef_status status = ef_inject_plan_sweeps(&j->sweeps, &j->text, err);
        return status ? status : ef_print_text(&j->text, err);
    }
    ef_status status = describe(j, err);
    status =
        status ? status : ef_inject_run_sweeps(&j->sweeps, &j->text, &j->table, err);
    return status ? status : ef_call_print_report(j->call, &j->table, &j->text, err);
}

/* --- the call ---------------------------------------------------------------- */

static ef_status check_call(const job *j, ef_error *err)
{
    const ef_common *common = &j->set->common;
    if (j->set->plan && (common->csv || common->json)) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--plan excludes --csv and --json: it strikes nothing");
    }
    return common->csv ? ef_call_check_output(j->call, common->csv, err) : EF_OK;
}

static void clear_job(job *j)
{
    for (size_t i = 0; i < j->n_campaigns; i++) {
        ef_campaign_destroy(j->campaigns[i]);
    }
    ef_injector_destroy(j->injector);
    ef_free(j->calibration);
    ef_subject_clear(&j->subject);
    ef_testbed_clear(&j->bed);
    ef_numbers_clear(&j->selection.channels);
    ef_numbers_clear(&j->selection.bits);
    ef_text_clear(&j->text);
    ef_table_clear(&j->table);
}

static ef_status run(const ef_call *call, ef_error *err)
{
    job j = {.call = call, .set = call->settings};
    ef_table_init(&j.table);
    ef_status status = choose_faults(&j, err);
    status = status ? status : choose_rule(&j, err);
    status = status ? status : choose_formats(&j, err);
    status = status ? status : check_call(&j, err);
    int is_sweep = !status && ef_inject_is_sweep(&j.strikes);
    status = !is_sweep ? status : check_sweeps(&j, err);
    status = status ? status : prepare(&j, err);
    status = status || is_sweep ? status : make_campaigns(&j, err);
    if (!status && is_sweep) {
        status = run_sweeps(&j, err);
    } else if (!status) {
        status = j.set->plan ? print_plan(&j, err) : run_campaigns(&j, err);
    }
    clear_job(&j);
    return status;
}

const ef_command ef_command_inject = {
    .name = "inject",
    .help = "flip bits of a model in integers, and count the classes that change",
    .operands = "MODEL.onnx",
    .least = 1,
    .most = 1,
    .options = options,
    .settings_size = sizeof(settings),
    .run = run,
};
