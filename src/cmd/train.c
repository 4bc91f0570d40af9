/* evoflip train: one topology, trained, as a model. */
#include "train/train.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/model.h"
#include "faultsim/classify.h"
#include "net/split.h"
#include "net/topology_yaml.h"
#include "report/table.h"
#include "train/isa.h"

typedef struct settings {
    ef_common common;
    uint64_t epochs;
    uint64_t batch;
    double rate;
    double momentum;
    double decay;
    size_t schedule;
    double warmup;
    double smoothing;
    uint64_t shift;
    int flip;
} settings;

static const char *const schedules[] = {"cosine", "constant", NULL};

#define TRAINING(option, kind, field, value, sentence)                                 \
    .name = option, .type = kind, .group = "Training", .argument = value,              \
    .offset = offsetof(settings, field), .help = sentence

static const ef_option options[] = {
    {TRAINING("epochs", EF_OPTION_U64, epochs, "N", "passes over the training part"),
     .fallback = "30", .min = 1, .max = 100000},
    {TRAINING("batch", EF_OPTION_U64, batch, "N", "images for one step"),
     .fallback = "64", .min = 1, .max = 65536},
    {TRAINING("rate", EF_OPTION_F64, rate, "R", "learning rate at its peak"),
     .fallback = "0.1", .min = 0, .max = 100},
    {TRAINING("schedule", EF_OPTION_CHOICE, schedule, "NAME",
              "how the rate goes on: down to 0 along half a cosine, or constant"),
     .fallback = "cosine", .names = schedules},
    {TRAINING("warmup", EF_OPTION_F64, warmup, "E",
              "epochs in which the rate first rises from 0"),
     .fallback = "1", .min = 0, .max = 1000},
    {TRAINING("momentum", EF_OPTION_F64, momentum, "M", "of the descent"),
     .fallback = "0.9", .min = 0, .max = 0.9999},
    {TRAINING("decay", EF_OPTION_F64, decay, "D", "weight decay"), .fallback = "0.0005",
     .min = 0, .max = 1},
    {TRAINING("smoothing", EF_OPTION_F64, smoothing, "S", "label smoothing"),
     .fallback = "0", .min = 0, .max = 0.9},
    {TRAINING("shift", EF_OPTION_U64, shift, "N",
              "move each image by up to N pixels at random"),
     .fallback = "1", .min = 0, .max = 64},
    {TRAINING("flip", EF_OPTION_FLAG, flip, NULL, "mirror every second image")},
    EF_COMMON_DATA("digits"),
    EF_COMMON_IMAGES,
    EF_COMMON_NORMALISATION,
    EF_COMMON_OUTPUT("FILE", "model.onnx", "the trained model"),
    EF_COMMON_FORCE,
    EF_COMMON_SEED,
    EF_COMMON_THREADS,
    EF_COMMON_ISA,
    EF_COMMON_QUIET,
    EF_COMMON_VERBOSE,
    {.name = NULL},
};

/* All that a training works on. */
typedef struct job {
    const ef_call *call;
    const settings *set;
    ef_dataset data;
    ef_parts *parts;
    ef_net *net;
    ef_train_options options;
    ef_train_report report; /* the last one */
    ef_onnx_metadata metadata;
    ef_progress *progress;
} job;

/* --- what there is to train --- */

static ef_status load_data(job *j, ef_error *err)
{
    ef_status status = ef_common_load_data(&j->set->common, &j->data, err);
    if (status != EF_OK) {
        return status;
    }
    ef_split_options split = EF_SPLIT_DEFAULT;
    split.seed = j->set->common.seed;
    status = ef_parts_create(&j->parts, &j->data, &split, err);
    return status == EF_OK ? ef_parts_check_training(j->parts, &j->data, err) : status;
}

static ef_part training_part(const job *j)
{
    return ef_parts_get(j->parts, EF_SPLIT_TRAIN, (size_t)j->set->common.images);
}

/* Initial weights on a topology, or those of a model, which go on being trained. */
static ef_status load_network(job *j, const char *path, ef_error *err)
{
    const ef_common *common = &j->set->common;
    ef_topology *topology = NULL;
    ef_normalisation norm;
    int is_onnx = ef_path_is_onnx(path);
    ef_status status = is_onnx ? ef_onnx_load(&j->net, NULL, path, err)
                               : ef_topology_load(&topology, path, err);
    if (status == EF_OK) {
        status = ef_model_check_data(is_onnx ? j->net->topology : topology, &j->data,
                                     path, err);
    }
    if (status == EF_OK) {
        status =
            ef_common_normalisation(common, &j->data, training_part(j), &norm, err);
    }
    if (status == EF_OK && !is_onnx) {
        status = ef_model_create(&j->net, topology, &norm, common->seed, err);
    } else if (status == EF_OK && ef_common_says_normalisation(common)) {
        status = ef_model_normalise(&j->net, &norm, err);
    }
    ef_topology_destroy(topology);
    return status;
}

/* --- training --- */

static void set_options(job *j)
{
    const settings *set = j->set;
    j->options = EF_TRAIN_OPTIONS_DEFAULT;
    j->options.epochs = (size_t)set->epochs;
    j->options.batch = (size_t)set->batch;
    j->options.rate = set->rate;
    j->options.momentum = set->momentum;
    j->options.decay = set->decay;
    j->options.is_constant = set->schedule == 1;
    j->options.warmup = set->warmup;
    j->options.smoothing = set->smoothing;
    j->options.augment = (ef_augment){(size_t)set->shift, set->flip};
    j->options.seed = set->common.seed;
    j->options.n_threads = (size_t)set->common.threads;
}

/* A line for an epoch that is over. */
static void tell_epoch(const job *j, const ef_train_report *last, size_t epoch)
{
    if (j->set->common.verbose) {
        ef_call_note(j->call, "epoch %zu: loss %.4f, error %.2f %%", epoch, last->loss,
                     100 * last->error);
    }
}

/* so_far is about the epoch in hand. */
static int watch(void *context, const ef_train_report *so_far)
{
    job *j = context;
    if (!j->progress) {
        j->progress = ef_call_progress(j->call, "train", so_far->n_batches);
    }
    if (so_far->epochs > j->report.epochs) {
        tell_epoch(j, &j->report, so_far->epochs);
    }
    ef_progress_show(j->progress, so_far->batches,
                     "epoch %zu/%zu, loss %.3f, error %.1f %%", so_far->epochs + 1,
                     j->options.epochs, so_far->loss, 100 * so_far->error);
    j->report = *so_far;
    return 0;
}

static ef_status train(job *j, ef_error *err)
{
    ef_train_data data = {&j->data, training_part(j)};
    ef_train_report report = {0};
    ef_status status = ef_train(j->net, &data, &j->options, watch, j, &report, err);
    j->report = report;
    ef_progress_destroy(j->progress);
    if (status == EF_OK) {
        tell_epoch(j, &report, report.epochs);
    }
    return status;
}

/* --- what came out --- */

/* What determined the bytes: no threads, no paths, no times. */
static ef_status describe(job *j, ef_error *err)
{
    ef_text configuration = {0};
    char seed[24], data_hash[EF_MODEL_HASH_SIZE];
    ef_options_write(options, "Training", j->set, &configuration);
    ef_options_write(options, "Data", j->set, &configuration);
    if (configuration.failed) {
        ef_text_clear(&configuration);
        return ef_error_memory(err);
    }
    snprintf(seed, sizeof seed, "%" PRIu64, j->set->common.seed);
    ef_model_data_hash(&j->data, data_hash);
    const struct {
        const char *key, *value;
    } notes[] = {
        {"command", "train"},
        {EF_ONNX_SEED_KEY, seed},
        {EF_ONNX_DATA_HASH_KEY, data_hash},
        {"configuration", configuration.bytes},
        {"isa", ef_isa_name()},
    };
    ef_status status = EF_OK;
    for (size_t i = 0; i < sizeof notes / sizeof *notes && status == EF_OK; i++) {
        status = ef_onnx_metadata_set(&j->metadata, notes[i].key, notes[i].value, err);
    }
    ef_text_clear(&configuration);
    return status;
}

static ef_status add_part(const job *j, ef_split split, ef_table *table, ef_error *err)
{
    ef_part part =
        split == EF_SPLIT_TRAIN ? training_part(j) : ef_parts_get(j->parts, split, 0);
    ef_classify_options how = {NULL, (size_t)j->set->common.threads};
    size_t n_errors = 0;
    ef_status status =
        part.n ? ef_classify(j->net, &j->data, part, &how, NULL, &n_errors, err)
               : EF_OK;
    ef_table_add_text(table, ef_split_names[split]);
    ef_table_add_number(table, (double)part.n);
    ef_table_add_number(table, (double)n_errors);
    ef_table_add_number(table,
                        part.n ? 100.0 * (double)n_errors / (double)part.n : NAN);
    return status;
}

static ef_status print_result(job *j, ef_error *err)
{
    ef_table table;
    ef_text text = {0};
    ef_status status = EF_OK;
    ef_table_init(&table);
    ef_table_add_column(&table, "part", "");
    ef_table_add_column(&table, "images", "");
    ef_table_add_column(&table, "errors", "");
    ef_table_add_column(&table, "error", "%");
    for (size_t i = EF_SPLIT_TRAIN; i <= EF_SPLIT_TEST && status == EF_OK; i++) {
        status = add_part(j, (ef_split)i, &table, err);
    }
    ef_table_print(&table, &text);
    ef_table_clear(&table);
    ef_text_add(&text, "%s: %" PRIu64 " parameters, %zu epochs in %.1f s\n",
                j->set->common.output, ef_topology_params(j->net->topology),
                j->report.epochs, j->report.time_s);
    if (status != EF_OK) {
        ef_text_clear(&text);
        return status;
    }
    return ef_print_text(&text, err);
}

static void clear(job *j)
{
    ef_onnx_metadata_clear(&j->metadata);
    ef_net_destroy(j->net);
    ef_parts_destroy(j->parts);
    ef_dataset_clear(&j->data);
}

static ef_status run(const ef_call *call, ef_error *err)
{
    const settings *set = call->settings;
    const ef_common *common = &set->common;
    job j = {.call = call, .set = set};
    ef_status status = ef_call_check_output(call, common->output, err);
    if (status == EF_OK) {
        status = ef_common_isa(common, err);
    }
    if (status == EF_OK) {
        status = load_data(&j, err);
    }
    if (status == EF_OK) {
        status = load_network(&j, call->operands[0], err);
    }
    if (status == EF_OK) {
        set_options(&j);
        status = train(&j, err);
    }
    if (status == EF_OK) {
        status = describe(&j, err);
    }
    if (status == EF_OK) {
        status = ef_onnx_save(j.net, &j.metadata, common->output, common->force, err);
    }
    if (status == EF_OK) {
        status = print_result(&j, err);
    }
    clear(&j);
    return status;
}

const ef_command ef_command_train = {
    .name = "train",
    .help = "train one topology and write the model",
    .operands = "FILE",
    .least = 1,
    .most = 1,
    .options = options,
    .settings_size = sizeof(settings),
    .run = run,
};
