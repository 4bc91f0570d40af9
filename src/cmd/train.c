/* evoflip train: a topology trained, or a model trained on, as a model. */
#include "train/train.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/model.h"
#include "faultsim/classify.h"
#include "net/adapt.h"
#include "net/split.h"
#include "net/topology_yaml.h"
#include "report/table.h"
#include "train/isa.h"

typedef struct settings {
    ef_common common;
    uint64_t epochs;
    double momentum;
    double decay;
    size_t schedule;
    double warmup;
    double smoothing;
    int from_scratch;
    int new_head;
} settings;

static const char *const schedules[] = {"cosine", "constant", NULL};

#define ROW(option, kind, heading, field, value, sentence)                             \
    .name = option, .type = kind, .group = heading, .argument = value,                 \
    .offset = offsetof(settings, field), .help = sentence
#define TRAINING(option, kind, field, value, sentence)                                 \
    ROW(option, kind, "Training", field, value, sentence)

/* What is shown as defaults are those of train/train.h: from initial weights, and where
 * they differ from those of a model. */
static const ef_option options[] = {
    {ROW("from-scratch", EF_OPTION_FLAG, "Model", from_scratch, NULL,
         "take the topology of a model, and draw its weights anew")},
    {ROW("new-head", EF_OPTION_FLAG, "Model", new_head, NULL,
         "give the last layer as many units as there are classes, with new weights")},
    {TRAINING("epochs", EF_OPTION_U64, epochs, "N", "passes over the training part"),
     .min = 1, .max = 100000, .shown = "30; of a model 10"},
    EF_COMMON_TRAINING(.shown = "32",
                       .shown = "0.1; of a model 0.001, with a new head 0.01"),
    {TRAINING("schedule", EF_OPTION_CHOICE, schedule, "NAME",
              "how the rate goes on: down to 0 along half a cosine, or constant"),
     .fallback = "cosine", .names = schedules},
    {TRAINING("warmup", EF_OPTION_F64, warmup, "E",
              "epochs in which the rate first rises from 0"),
     .min = 0, .max = 1000, .shown = "1; of a model 0"},
    {TRAINING("momentum", EF_OPTION_F64, momentum, "M", "of the descent"), .min = 0,
     .max = 0.9999, .shown = "0.9"},
    {TRAINING("decay", EF_OPTION_F64, decay, "D", "weight decay"), .min = 0, .max = 1,
     .shown = "0.001"},
    {TRAINING("smoothing", EF_OPTION_F64, smoothing, "S", "label smoothing"), .min = 0,
     .max = 0.9, .shown = "0.1; of a model 0"},
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
    settings set; /* defaults filled in */
    const char *path;
    ef_dataset data;
    ef_parts *parts;
    ef_net *net;
    int is_fresh;                     /* its weights are not those of a model */
    size_t before[EF_SPLIT_TEST + 1]; /* wrong images of each part, as it was loaded */
    ef_train_options options;
    ef_train_report report; /* the last one */
    ef_onnx_metadata metadata;
    ef_progress *progress;
} job;

/* --- what there is to train --- */

/* An error that does not say which file it is about. */
static ef_status blame(const job *j, ef_status status, const ef_error *why,
                       ef_error *err)
{
    return status ? ef_error_set(err, status, "%s: %s", j->path, why->text) : EF_OK;
}

static ef_status load_model(job *j, ef_error *err)
{
    ef_error why = {0};
    ef_status status;
    j->is_fresh = j->set.from_scratch || !ef_path_is_onnx(j->path);
    if (ef_path_is_onnx(j->path)) {
        status = ef_onnx_load(&j->net, &j->metadata, j->path, err);
    } else {
        ef_topology *topology = NULL;
        status = ef_topology_load(&topology, j->path, err);
        status = status ? status : ef_net_create(&j->net, topology, err);
        ef_topology_destroy(topology);
    }
    if (status) {
        return status;
    }
    return blame(j, ef_train_check_topology(j->net->topology, &why), &why, err);
}

static ef_status load_data(job *j, ef_error *err)
{
    ef_status status = ef_common_load_data(&j->set.common, &j->data, err);
    if (status != EF_OK) {
        return status;
    }
    ef_split_options split = EF_SPLIT_DEFAULT;
    split.seed = j->set.common.seed;
    status = ef_parts_create(&j->parts, &j->data, &split, err);
    return status == EF_OK ? ef_parts_check_training(j->parts, &j->data, err) : status;
}

static ef_part training_part(const job *j)
{
    return ef_parts_get(j->parts, EF_SPLIT_TRAIN, (size_t)j->set.common.images);
}

/* Its own normalisation stays with a model that has one and its weights, unless the
 * command line has another. */
static ef_status normalise(job *j, ef_error *err)
{
    const ef_common *common = &j->set.common;
    int is_said = ef_common_says_normalisation(common);
    if (!j->is_fresh && !is_said) {
        if (ef_adapt_is_normalised(j->net->topology)) {
            return EF_OK;
        }
        ef_call_note(j->call,
                     "%s holds no normalisation and gets that of the training part; "
                     "--range, --mean and --std say otherwise",
                     j->path);
    }
    ef_normalisation norm;
    ef_status status =
        ef_common_normalisation(common, &j->data, training_part(j), &norm, err);
    return status ? status : ef_adapt_normalise(&j->net, &norm, err);
}

static ef_status check_fit(const job *j, ef_error *err)
{
    ef_error why = {0};
    ef_status status = ef_model_check_images(j->net->topology, &j->data, j->path, err);
    if (!status && ef_model_check_data(j->net->topology, &j->data, j->path, &why)) {
        status = ef_error_set(err, EF_ERR_INPUT,
                              "%s; --new-head exchanges the last layer", why.text);
    }
    return status;
}

/* Makes what was loaded fit the data. */
static ef_status adapt(job *j, ef_error *err)
{
    uint64_t seed = j->set.common.seed;
    ef_error why = {0};
    ef_status status = EF_OK;
    if (j->set.new_head) {
        status = ef_adapt_head(&j->net, (uint32_t)j->data.n_classes, seed, &why);
        status = blame(j, status, &why, err);
    }
    status = status ? status : check_fit(j, err);
    status = status ? status : normalise(j, err);
    if (!status && j->is_fresh) {
        ef_adapt_restart(j->net, seed);
    }
    return status;
}

/* --- training --- */

/* What the command line leaves open. */
static void fill_defaults(job *j)
{
    const ef_train_options o =
        j->is_fresh ? EF_TRAIN_OPTIONS_DEFAULT : EF_TRAIN_OPTIONS_TUNE;
    settings *set = &j->set;
    double rate = !j->is_fresh && set->new_head ? EF_TRAIN_RATE_HEAD : o.rate;
    const struct {
        const char *option;
        uint64_t *field, value;
    } counts[] = {{"epochs", &set->epochs, o.epochs},
                  {"batch", &set->common.batch, o.batch},
                  {"shift", &set->common.shift, ef_train_default_shift(&j->data)}};
    const struct {
        const char *option;
        double *field, value;
    } reals[] = {{"rate", &set->common.rate, rate},
                 {"momentum", &set->momentum, o.momentum},
                 {"decay", &set->decay, o.decay},
                 {"warmup", &set->warmup, o.warmup},
                 {"smoothing", &set->smoothing, o.smoothing}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (!ef_call_given(j->call, counts[i].option)) {
            *counts[i].field = counts[i].value;
        }
    }
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        if (!ef_call_given(j->call, reals[i].option)) {
            *reals[i].field = reals[i].value;
        }
    }
}

static void set_options(job *j)
{
    fill_defaults(j);
    const settings *set = &j->set;
    j->options = EF_TRAIN_OPTIONS_DEFAULT;
    j->options.epochs = (size_t)set->epochs;
    j->options.batch = (size_t)set->common.batch;
    j->options.rate = set->common.rate;
    j->options.momentum = set->momentum;
    j->options.decay = set->decay;
    j->options.is_constant = set->schedule == 1;
    j->options.warmup = set->warmup;
    j->options.smoothing = set->smoothing;
    j->options.augment = (ef_augment){(size_t)set->common.shift, set->common.flip};
    j->options.seed = set->common.seed;
    j->options.n_threads = (size_t)set->common.threads;
}

/* A line for an epoch that is over. */
static void tell_epoch(const job *j, const ef_train_report *last, size_t epoch)
{
    if (j->set.common.verbose) {
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
    ef_error why = {0};
    ef_status status = ef_train(j->net, &data, &j->options, watch, j, &report, &why);
    j->report = report;
    ef_progress_destroy(j->progress);
    if (status == EF_OK) {
        tell_epoch(j, &report, report.epochs);
    }
    if (status == EF_ERR_DIVERGED) {
        return ef_error_set(err, status, "%s; a lower --rate helps", why.text);
    }
    return status ? ef_error_set(err, status, "%s", why.text) : EF_OK;
}

/* --- what came out --- */

/* What determined the bytes: no threads, no paths, no times. */
static ef_status describe(job *j, ef_error *err)
{
    ef_text configuration = {0};
    char seed[24], data_hash[EF_MODEL_HASH_SIZE];
    ef_options_write(options, "Model", &j->set, &configuration);
    ef_options_write(options, "Training", &j->set, &configuration);
    ef_options_write(options, "Data", &j->set, &configuration);
    if (configuration.failed) {
        ef_text_clear(&configuration);
        return ef_error_memory(err);
    }
    snprintf(seed, sizeof seed, "%" PRIu64, j->set.common.seed);
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

static ef_part part_of(const job *j, ef_split split)
{
    return split == EF_SPLIT_TRAIN ? training_part(j)
                                   : ef_parts_get(j->parts, split, 0);
}

/* Wrong images of each part. */
static ef_status count_errors(const job *j, size_t errors[EF_SPLIT_TEST + 1],
                              ef_error *err)
{
    ef_classify_options how = {NULL, (size_t)j->set.common.threads};
    ef_status status = EF_OK;
    for (size_t i = EF_SPLIT_TRAIN; i <= EF_SPLIT_TEST && !status; i++) {
        ef_part part = part_of(j, (ef_split)i);
        if (part.n) {
            ef_classified found = {NULL, NULL, 0};
            status = ef_classify(j->net, &j->data, part, &how, &found, err);
            errors[i] = found.n_errors;
        }
    }
    return status;
}

static double percent(size_t n_errors, size_t n)
{
    return n ? 100.0 * (double)n_errors / (double)n : NAN;
}

static void add_part(const job *j, ef_split split, const size_t *errors,
                     ef_table *table)
{
    size_t n = part_of(j, split).n;
    ef_table_add_text(table, ef_split_names[split]);
    ef_table_add_number(table, (double)n);
    ef_table_add_number(table, (double)errors[split]);
    ef_table_add_number(table, percent(errors[split], n));
    if (!j->is_fresh) {
        ef_table_add_number(table, percent(j->before[split], n));
    }
}

static ef_status print_result(job *j, ef_error *err)
{
    static const char *const columns[][2] = {
        {"part", ""}, {"images", ""}, {"errors", ""}, {"error", "%"}, {"before", "%"}};
    size_t errors[EF_SPLIT_TEST + 1] = {0};
    ef_table table;
    ef_text text = {0};
    ef_status status = count_errors(j, errors, err);
    if (status != EF_OK) {
        return status;
    }
    ef_table_init(&table);
    for (size_t i = 0; i < (j->is_fresh ? 4 : 5); i++) {
        ef_table_add_column(&table, columns[i][0], columns[i][1]);
    }
    for (size_t i = EF_SPLIT_TRAIN; i <= EF_SPLIT_TEST; i++) {
        add_part(j, (ef_split)i, errors, &table);
    }
    ef_table_print(&table, &text);
    ef_table_clear(&table);
    ef_text_add(&text, "%s: %" PRIu64 " parameters, %zu epochs in %.1f s\n",
                j->set.common.output, ef_topology_params(j->net->topology),
                j->report.epochs, j->report.time_s);
    return ef_print_text(&text, err);
}

static void clear(job *j)
{
    ef_onnx_metadata_clear(&j->metadata);
    ef_net_destroy(j->net);
    ef_parts_destroy(j->parts);
    ef_dataset_clear(&j->data);
}

static ef_status prepare(job *j, ef_error *err)
{
    ef_status status = ef_call_check_output(j->call, j->set.common.output, err);
    status = status ? status : ef_common_isa(&j->set.common, err);
    status = status ? status : load_model(j, err);
    status = status ? status : load_data(j, err);
    return status ? status : adapt(j, err);
}

static ef_status run(const ef_call *call, ef_error *err)
{
    job j = {.call = call, .path = call->operands[0]};
    memcpy(&j.set, call->settings, sizeof j.set);
    ef_status status = prepare(&j, err);
    if (!status && !j.is_fresh) {
        status = count_errors(&j, j.before, err);
    }
    if (!status) {
        set_options(&j);
        status = train(&j, err);
    }
    if (!status) {
        status = describe(&j, err);
    }
    if (!status) {
        status = ef_onnx_save(j.net, &j.metadata, j.set.common.output,
                              j.set.common.force, err);
    }
    if (!status) {
        status = print_result(&j, err);
    }
    clear(&j);
    return status;
}

const ef_command ef_command_train = {
    .name = "train",
    .help = "train a topology, or a model further, and write the model",
    .operands = "FILE",
    .least = 1,
    .most = 1,
    .options = options,
    .settings_size = sizeof(settings),
    .run = run,
};
