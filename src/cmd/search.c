/* evoflip search: evolve a front, or go on with a run. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/stop.h"
#include "cmd/command.h"
#include "cmd/picture.h"
#include "cmd/seeds.h"
#include "net/dataset.h"
#include "net/space.h"
#include "study/search_config.h"
#include "study/front.h"
#include "study/output.h"
#include "study/search.h"
#include "train/train.h"

/* Rows of the front that are printed at the end; the rest is in front.csv. */
#define ROWS_SHOWN 12

typedef struct settings {
    ef_common common;
    const char *space;
    uint64_t evaluations, generations, population, children, proposals;
    uint64_t start_epochs, epochs;
    uint64_t fault_count, fault_images;
    double time_s;
    size_t algorithm;
    int no_preselect;
    ef_words seed_models;
    const char *run;
    int resume;
} settings;

static const char *const algorithms[] = {"nsga2", "random", NULL};

#define ROW(option, kind, heading, field, value, sentence)                             \
    .name = option, .type = kind, .group = heading, .argument = value,                 \
    .offset = offsetof(settings, field), .help = sentence

/* clang-format off */
static const ef_option options[] = {
    EF_COMMON_DATA("digits"),
    EF_COMMON_IMAGES,
    EF_COMMON_NORMALISATION,
    {ROW("space", EF_OPTION_PATH, "Objectives", space, "FILE",
         "search space, see evoflip help space"),
     .shown = "built in"},
    {ROW("seed-model", EF_OPTION_LIST, "Search", seed_models, "FILE",
         "start from this model, *.onnx, or topology; may be repeated")},
    EF_COMMON_OBJECTIVES("error,size,macs,predicted_ccr:ber=1e-3"),
    EF_COMMON_LIMIT,
    EF_COMMON_FORMAT("int8"),
    EF_COMMON_HARDWARE,
    EF_COMMON_CONSTANTS,
    {ROW("fault-count", EF_OPTION_COUNT, "Objectives", fault_count, "N",
         "faults, or trials at a bit error rate, that measure a network"),
     .min = 1, .max = 1e6, .fallback = "100"},
    {ROW("fault-images", EF_OPTION_COUNT, "Objectives", fault_images, "N",
         "validation images that faults are judged on"),
     .min = 1, .max = 4e9, .fallback = "100"},
    {ROW("evaluations", EF_OPTION_COUNT, "Search", evaluations, "N",
         "networks trained before it ends"),
     .min = 1, .max = 4e9, .shown = "400"},
    {ROW("generations", EF_OPTION_COUNT, "Search", generations, "N",
         "end after so many generations instead"),
     .min = 1, .max = 4e9},
    {ROW("time", EF_OPTION_F64, "Search", time_s, "S",
         "end with the first generation that is complete after S seconds"),
     .min = 0.001, .max = 1e9},
    {ROW("population", EF_OPTION_U64, "Search", population, "N",
         "networks that live at a time"),
     .min = 2, .max = 100000, .fallback = "40"},
    {ROW("children", EF_OPTION_U64, "Search", children, "N",
         "networks trained in a generation"),
     .min = 1, .max = 100000, .shown = "as many as live"},
    {ROW("algorithm", EF_OPTION_CHOICE, "Search", algorithm, "nsga2|random",
         "random draws each network afresh: the baseline"),
     .names = algorithms, .fallback = "nsga2"},
    {ROW("proposals", EF_OPTION_U64, "Search", proposals, "N",
         "children proposed for each one trained"),
     .min = 1, .max = 1000, .fallback = "4"},
    {ROW("no-preselect", EF_OPTION_FLAG, "Search", no_preselect, NULL,
         "train every child that is proposed")},
    {ROW("start-epochs", EF_OPTION_U64, "Training", start_epochs, "N",
         "epochs of training for networks without parents"),
     .min = 1, .max = 100000, .shown = "8"},
    {ROW("epochs", EF_OPTION_U64, "Training", epochs, "N",
         "epochs of training for children"),
     .min = 1, .max = 100000, .shown = "4"},
    EF_COMMON_TRAINING(.shown = "16", .shown = "0.1; with a seed model's weights 0.01"),
    EF_COMMON_OUTPUT("DIR", "evoflip-search", "folder for the results"),
    {ROW("run", EF_OPTION_PATH, "Output", run, "FILE", "run file"),
     .shown = "DIR/run.evo"},
    {ROW("resume", EF_OPTION_FLAG, "Output", resume, NULL,
         "go on with the run file; its configuration holds")},
    EF_COMMON_FORCE,
    EF_COMMON_SEED,
    EF_COMMON_ISA,
    EF_COMMON_THREADS,
    EF_COMMON_QUIET,
    EF_COMMON_VERBOSE,
    {.name = NULL},
};
/* clang-format on */

/* What may be said again when a run is resumed: how far, where, how, not what. */
static const char *const resumable[] = {
    "evaluations", "generations", "time",  "output",  "run", "resume",
    "force",       "threads",     "quiet", "verbose", "isa", NULL};

/* One search from the command line to the results. */
typedef struct job {
    const ef_call *call;
    const settings *given;
    ef_search_config config;
    ef_dataset set;
    ef_seeds seeds;
    char *run_path;
    ef_store *store;
    ef_search *search;
    ef_progress *progress;
} job;

/* --- configuration --------------------------------------------------------------- */

static ef_status set_texts(job *j, ef_error *err)
{
    const settings *given = j->given;
    const struct {
        char **field;
        const char *value;
    } texts[] = {
        {&j->config.data, given->common.data},
        {&j->config.shape, given->common.shape},
        {&j->config.label, given->common.label},
        {&j->config.group, given->common.group},
        {&j->config.mean, given->common.mean},
        {&j->config.std, given->common.std},
        {&j->config.range, given->common.range},
        {&j->config.objectives, given->common.objectives},
        {&j->config.algorithm, algorithms[given->algorithm]},
    };
    ef_status status = EF_OK;
    for (size_t i = 0; !status && i < sizeof texts / sizeof *texts; i++) {
        status = ef_search_config_set_text(texts[i].field, texts[i].value, err);
    }
    char format[EF_FORMAT_NAME];
    ef_format_name(&given->common.format, format);
    return status ? status : ef_search_config_set_text(&j->config.format, format, err);
}

static ef_status set_limits(job *j, ef_error *err)
{
    ef_text lines;
    ef_text_init(&lines);
    for (size_t i = 0; i < j->given->common.limits.n; i++) {
        ef_text_add(&lines, "%s%s", i ? "\n" : "", j->given->common.limits.items[i]);
    }
    ef_status status =
        lines.failed ? ef_error_memory(err)
                     : ef_search_config_set_text(&j->config.limits, lines.bytes, err);
    ef_text_clear(&lines);
    return status;
}

/* A file whole, so that errors in it keep their lines; nothing where path is NULL. */
static ef_status set_file(char **text, char **name, const char *path, ef_error *err)
{
    if (!path) {
        return EF_OK;
    }
    char *whole = NULL;
    ef_status status = ef_common_read_text(path, &whole, err);
    if (!status) {
        ef_free(*text);
        *text = whole;
    }
    return status ? status : ef_search_config_set_text(name, path, err);
}

static ef_status set_scoring(job *j, ef_error *err)
{
    ef_search_config *config = &j->config;
    const ef_common *common = &j->given->common;
    ef_status status =
        set_file(&config->hardware, &config->hardware_name, common->hardware, err);
    return status ? status
                  : set_file(&config->constants, &config->constants_name,
                             common->constants, err);
}

static ef_status set_space(job *j, ef_error *err)
{
    if (j->given->space) {
        return set_file(&j->config.space, &j->config.space_name, j->given->space, err);
    }
    ef_space *space = NULL;
    ef_status status = ef_space_default(&space, err);
    ef_text text;
    ef_text_init(&text);
    if (!status) {
        ef_space_write(space, &text);
        status = text.failed
                     ? ef_error_memory(err)
                     : ef_search_config_set_text(&j->config.space, text.bytes, err);
    }
    ef_text_clear(&text);
    ef_space_destroy(space);
    return status ? status
                  : ef_search_config_set_text(&j->config.space_name, "built-in", err);
}

/* What the command line leaves open is as ef_search_config_init has it. */
static void set_training(job *j)
{
    const settings *given = j->given;
    const struct {
        const char *option;
        uint64_t *field, value;
    } counts[] = {{"start-epochs", &j->config.start_epochs, given->start_epochs},
                  {"epochs", &j->config.epochs, given->epochs},
                  {"batch", &j->config.batch, given->common.batch},
                  {"shift", &j->config.shift, given->common.shift}};
    j->config.shift = ef_train_default_shift(&j->set);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (ef_call_given(j->call, counts[i].option)) {
            *counts[i].field = counts[i].value;
        }
    }
    for (size_t i = 0; i < j->seeds.n; i++) {
        j->config.rate =
            j->seeds.items[i].has_weights ? EF_TRAIN_RATE_SEED : j->config.rate;
    }
    if (ef_call_given(j->call, "rate")) {
        j->config.rate = given->common.rate;
    }
}

static ef_status configure(job *j, ef_error *err)
{
    const settings *given = j->given;
    ef_search_config_init(&j->config);
    j->config.seed = given->common.seed;
    j->config.crop = (uint64_t)given->common.crop;
    j->config.images = given->common.images;
    j->config.population = given->population;
    j->config.children = given->children ? given->children : given->population;
    j->config.proposals = given->no_preselect ? 1 : given->proposals;
    j->config.flip = (uint64_t)given->common.flip;
    j->config.fault_count = given->fault_count;
    j->config.fault_images = given->fault_images;
    j->config.generations = given->generations;
    if (given->evaluations || given->generations || given->time_s > 0) {
        j->config.evaluations = given->evaluations;
    }
    ef_status status = set_texts(j, err);
    if (!status) {
        status = set_limits(j, err);
    }
    if (!status) {
        status = set_scoring(j, err);
    }
    return status ? status : set_space(j, err);
}

static int is_resumable(const char *option)
{
    for (size_t i = 0; resumable[i]; i++) {
        if (strcmp(option, resumable[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static ef_status open_run(job *j, ef_error *err)
{
    for (size_t i = 0; options[i].name; i++) {
        if (j->call->given[i] && !is_resumable(options[i].name)) {
            return ef_error_set(err, EF_ERR_USAGE,
                                "--resume goes on with the configuration of %s: leave "
                                "out --%s",
                                j->run_path, options[i].name);
        }
    }
    ef_status status = ef_store_open(&j->store, j->run_path, 1, err);
    if (!status) {
        status = ef_search_config_load(&j->config, j->store, err);
    }
    if (!status) {
        status = ef_seeds_load(&j->seeds, j->store, err);
    }
    if (!status && (j->given->evaluations || j->given->generations)) {
        j->config.evaluations = j->given->evaluations;
        j->config.generations = j->given->generations;
    }
    return status;
}

/* --- running -----------------------------------------------------------------------
 */

static void show(void *context, const ef_search_state *state)
{
    job *j = context;
    char best[32] = "-";
    char volume[32] = "-";
    if (!isnan(state->best_error)) {
        snprintf(best, sizeof best, "%.2f %%", 100 * state->best_error);
    }
    if (!isnan(state->hypervolume)) {
        snprintf(volume, sizeof volume, "%.4f", state->hypervolume);
    }
    ef_progress_show(j->progress, state->trained,
                     "generation %" PRIu64 ", %" PRIu64
                     " trained, best error %s, hypervolume %s",
                     state->generation, state->trained, best, volume);
}

static void committed(void *context, const ef_search_state *state)
{
    job *j = context;
    if (j->given->common.verbose) {
        ef_call_note(j->call,
                     "generation %" PRIu64 ": %" PRIu64 " trained, %" PRIu64
                     " failed, %zu on the front, best error %.2f %%, hypervolume %.6f",
                     state->generation, state->trained, state->failed, state->n_front,
                     100 * state->best_error, state->hypervolume);
    }
    show(context, state);
}

static int stop(void *context)
{
    (void)context;
    return ef_stop_requested();
}

/* As the configuration says, which on --resume is not the command line's. */
static ef_status load_data(job *j, ef_error *err)
{
    ef_common common = j->given->common;
    common.data = j->config.data;
    common.shape = j->config.shape;
    common.label = j->config.label;
    common.group = j->config.group;
    common.crop = (int)j->config.crop;
    return ef_common_load_data(&common, &j->set, err);
}

/* The folder is made first, so that nothing is trained for a place that cannot be
 * written. */
static ef_status open_outputs(job *j, ef_error *err)
{
    ef_status status = ef_file_make_directories(j->given->common.output, err);
    if (status) {
        return status;
    }
    if (j->given->resume) {
        return ef_search_resume(j->search, j->store, err);
    }
    status = ef_store_create(&j->store, j->run_path, j->given->common.force, err);
    return status ? status : ef_search_start(j->search, j->store, err);
}

static ef_status run_search(job *j, ef_error *err)
{
    ef_search_watch watch = {
        .context = j, .trained = show, .committed = committed, .stop = stop};
    j->progress = ef_call_progress(j->call, "search", (size_t)j->config.evaluations);
    ef_status status = ef_search_run(j->search, (size_t)j->given->common.threads,
                                     j->given->time_s, &watch, err);
    ef_progress_destroy(j->progress);
    j->progress = NULL;
    if (!status && ef_search_progress(j->search).is_exhausted) {
        ef_call_note(j->call, "ended early: nothing new was found in the search space");
    }
    if (status == EF_STOPPED) {
        ef_error_clear(err);
        ef_error_set(err, status,
                     "stopped; evoflip search --resume --run %s -o %s goes on",
                     j->run_path, j->given->common.output);
    }
    return status;
}

/* --- results -----------------------------------------------------------------------
 */

static void print_choice(const ef_front *front, const char *what, size_t row,
                         const char *dir, ef_text *text)
{
    if (row < front->n) {
        ef_text_add(text, "%s: %s/models/%" PRIu64 ".onnx", what, dir,
                    front->rows[row].id);
        if (!isnan(front->rows[row].test_error)) {
            ef_text_add(text, ", test error %.2f %%",
                        100 * front->rows[row].test_error);
        }
        ef_text_add(text, "\n");
    }
}

static ef_status print_results(const job *j, const ef_front *front, int drawn,
                               ef_error *err)
{
    const char *dir = j->given->common.output;
    ef_text text;
    ef_text_init(&text);
    if (front->n_front == 0) {
        ef_text_add(&text, "No network was trained that keeps all limits.\n");
    } else {
        ef_front_print(front, j->store, ROWS_SHOWN, &text);
        ef_text_add(&text, "\n");
        print_choice(front, "knee, recommended", front->knee, dir, &text);
        print_choice(front, "least error", ef_front_best(front), dir, &text);
    }
    ef_text_add(&text, "run file: %s\n", j->run_path);
    ef_text_add(&text, "front: %s/front.csv%s\n", dir, drawn ? ", front.svg" : "");
    if (front->n_front) {
        ef_text_add(&text, "models: %s/models/, %zu\n", dir, front->n_front);
    }
    return ef_print_text(&text, err);
}

static ef_status write_results(job *j, ef_error *err)
{
    ef_front front = {0};
    ef_status status = ef_front_load(&front, j->store, err);
    if (!status) {
        status = ef_output_front(&front, j->store, j->given->common.output, err);
    }
    int drawn = 0;
    if (!status && front.n_front) {
        ef_error why = {0};
        status = ef_picture_draw_front(&front, j->store, j->given->common.output, &why);
        drawn = status == EF_OK;
        if (status == EF_ERR_UNSUPPORTED || status == EF_ERR_FAILED) {
            ef_call_note(j->call, "%s", why.text);
            status = EF_OK;
        } else if (status) {
            ef_error_set(err, status, "%s", why.text);
        }
    }
    if (!status) {
        status = print_results(j, &front, drawn, err);
    }
    ef_front_clear(&front);
    return status;
}

/* --- the command ---------------------------------------------------------------------
 */

static ef_status prepare(job *j, ef_error *err)
{
    const settings *given = j->given;
    j->run_path = given->run ? ef_strdup(given->run)
                             : ef_file_join(given->common.output, "run.evo");
    if (!j->run_path) {
        return ef_error_memory(err);
    }
    ef_status status = ef_common_isa(&given->common, err);
    if (status) {
        return status;
    }
    status = given->resume ? open_run(j, err) : configure(j, err);
    if (!status) {
        status = load_data(j, err);
    }
    if (!status && !given->resume) {
        status = ef_seed_files_load(&j->seeds, &given->seed_models, &j->set,
                                    &j->config.seed_models, err);
        set_training(j);
    }
    return status ? status
                  : ef_search_create(&j->search, &j->config, &j->set, &j->seeds, err);
}

static ef_status run(const ef_call *call, ef_error *err)
{
    job j = {.call = call, .given = call->settings};
    ef_stop_install();
    ef_status status = prepare(&j, err);
    if (!status) {
        status = open_outputs(&j, err);
    }
    if (!status) {
        status = run_search(&j, err);
    }
    if (!status) {
        status = write_results(&j, err);
    }
    ef_search_destroy(j.search);
    ef_seeds_clear(&j.seeds);
    ef_store_close(j.store);
    ef_dataset_clear(&j.set);
    ef_search_config_clear(&j.config);
    ef_free(j.run_path);
    return status;
}

const ef_command ef_command_search = {
    .name = "search",
    .help = "evolve a Pareto front of networks",
    .operands = "",
    .options = options,
    .settings_size = sizeof(settings),
    .run = run,
};
