/* evoflip validate: do objectives rank topologies as faults do? */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/stop.h"
#include "cmd/model.h"
#include "cmd/validate_priv.h"
#include "net/topology_yaml.h"
#include "report/gnuplot.h"
#include "faultsim/formats.h"
#include "study/refit.h"
#include "train/train.h"

/* Trials in activations strike anew in every image and tell more: so many times fewer
 * single flips, and trials at a bit error rate. */
#define FLIPS_PER_ACTIVATION_TRIAL 20
#define ACTIVATION_SHARE 4
#define WANTED_CCR 0.07

#define ROW(option, kind, heading, field, value, sentence)                             \
    .name = option, .type = kind, .group = heading, .argument = value,                 \
    .offset = offsetof(ef_validate_settings, field), .help = sentence

/* clang-format off */
const ef_option ef_validate_options[] = {
    EF_COMMON_DATA("digits"),
    {EF_COMMON_ROW("images", EF_OPTION_COUNT, "Data", images, "N",
                   "judge faults on the first N images of the test part"),
     .min = 1, .max = 1e9, .fallback = "100"},
    {ROW("calibrate", EF_OPTION_U64, "Data", calibrate, "N",
         "images of the training part that set the ranges of activations"),
     .min = 1, .max = 1e9, .fallback = "256"},
    EF_COMMON_NORMALISATION,
    {ROW("topologies", EF_OPTION_COUNT, "Topologies", topologies, "N",
         "random topologies of the search space, where no FILE is given"),
     .min = 4, .max = 1e6, .shown = "100"},
    {ROW("space", EF_OPTION_PATH, "Topologies", space, "FILE",
         "search space, see evoflip help space"),
     .shown = "built in"},
    {ROW("seeds", EF_OPTION_U64, "Training", seeds, "K",
         "trainings of each topology, with seeds S, S+1 ..., which are averaged"),
     .min = 1, .max = 100, .fallback = "3"},
    {ROW("epochs", EF_OPTION_U64, "Training", epochs, "N", "passes over the training "
         "part"),
     .min = 1, .max = 100000, .fallback = "8"},
    EF_COMMON_TRAINING(.fallback = "16", .fallback = "0.1"),
    {ROW("max-error", EF_OPTION_F64, "Training", max_error, "SHARE",
         "leave topologies out that miss more of the validation part"),
     .min = 0, .max = 1, .fallback = "0.1"},
    {ROW("formats", EF_OPTION_TEXT, "Faults", formats, "LIST",
         "number formats, each for weights and activations alike"),
     .fallback = "int8,e4m3s"},
    {ROW("ber-weights", EF_OPTION_F64, "Faults", ber_weights, "P",
         "bit error rate of weights"),
     .min = 1e-12, .max = 1, .shown = "found, so that the median CCR is near 7 %"},
    {ROW("ber-activations", EF_OPTION_F64, "Faults", ber_activations, "P",
         "bit error rate of activations"),
     .min = 1e-12, .max = 1, .shown = "found likewise"},
    {ROW("pilot", EF_OPTION_U64, "Faults", pilot, "N",
         "topologies that rates are found on"),
     .min = 1, .max = 1e6, .fallback = "12"},
    {ROW("trials", EF_OPTION_COUNT, "Faults", trials, "N",
         "patterns in weights at the bit error rate, for each network"),
     .min = 1, .max = 1e9, .fallback = "60"},
    {ROW("count", EF_OPTION_COUNT, "Faults", count, "N",
         "single flips in weights, for each network"),
     .min = 1, .max = 1e9, .fallback = "1000"},
    EF_COMMON_CONSTANTS,
    {ROW("fit", EF_OPTION_PATH, "Objectives", fit, "FILE",
         "fit these constants to what was measured, and write them")},
    {ROW("folds", EF_OPTION_U64, "Objectives", folds, "N",
         "parts of the topologies that a fit is tested on"),
     .min = 2, .max = 1000, .fallback = "10"},
    {ROW("resamples", EF_OPTION_COUNT, "Intervals", resamples, "N",
         "bootstrap samples of the topologies"),
     .min = 100, .max = 1e7, .fallback = "2000"},
    {ROW("run", EF_OPTION_PATH, "Output", run, "FILE",
         "run file: what is measured is kept, and can be gone on with")},
    {ROW("resume", EF_OPTION_FLAG, "Output", resume, NULL,
         "go on with the run file; its configuration holds")},
    EF_COMMON_CSV,
    {ROW("correlations", EF_OPTION_PATH, "Output", correlations, "FILE",
         "write the correlations as CSV")},
    {EF_COMMON_ROW("svg", EF_OPTION_PATH, "Output", svg, "FILE",
                   "draw measured over predicted CCR; script and data beside it")},
    EF_COMMON_JSON,
    EF_COMMON_FORCE,
    EF_COMMON_SEED,
    EF_COMMON_ISA,
    EF_COMMON_THREADS,
    EF_COMMON_QUIET,
    EF_COMMON_VERBOSE,
    {.name = NULL},
};
/* clang-format on */

/* --- data -------------------------------------------------------------------- */

static ef_status load_data(ef_validate_job *j, ef_error *err)
{
    const ef_common *common = &j->set.common;
    ef_split_options split = EF_SPLIT_DEFAULT;
    split.seed = common->seed;
    ef_status status = ef_common_load_data(common, &j->data, err);
    status = status ? status : ef_parts_create(&j->parts, &j->data, &split, err);
    status = status ? status : ef_parts_check_training(j->parts, &j->data, err);
    if (!status && ef_parts_get(j->parts, EF_SPLIT_TEST, 0).n == 0) {
        status = ef_error_set(err, EF_ERR_INPUT, "%s: its test part has no image",
                              common->data);
    }
    ef_part train =
        status ? (ef_part){NULL, 0} : ef_parts_get(j->parts, EF_SPLIT_TRAIN, 0);
    return status ? status
                  : ef_common_normalisation(common, &j->data, train, &j->norm, err);
}

/* --- configuration ----------------------------------------------------------- */

static ef_status parse_format(const char *name, ef_format *format, ef_error *err)
{
    ef_error why = {0};
    if (ef_format_parse(name, format, &why)) {
        return ef_error_set(err, EF_ERR_USAGE, "formats: %s", why.text);
    }
    const ef_qnet_options both = {.weights = *format, .activations = *format};
    return ef_formats_check(&both, "formats", "formats", err);
}

static ef_status parse_formats(const ef_validate_job *j, ef_validation_config *config,
                               ef_error *err)
{
    char *copy = ef_strdup(j->set.formats), *rest = NULL;
    ef_status status = copy ? EF_OK : ef_error_memory(err);
    for (char *name = copy ? strtok_r(copy, ",", &rest) : NULL; name && !status;
         name = strtok_r(NULL, ",", &rest)) {
        ef_error why = {0};
        ef_format format;
        if (config->n_formats == EF_VALIDATION_FORMATS_MAX) {
            status = ef_error_set(err, EF_ERR_USAGE, "--formats: more than %d",
                                  EF_VALIDATION_FORMATS_MAX);
            break;
        }
        status = parse_format(name, &format, &why);
        if (status) {
            ef_error_set(err, status, "--%s", why.text);
        }
        for (size_t i = 0; i < config->n_formats && !status; i++) {
            if (ef_format_equal(&format, &config->formats[i])) {
                status = ef_error_set(err, EF_ERR_USAGE, "--formats: %s twice", name);
            }
        }
        config->formats[config->n_formats++] = format;
    }
    if (!status && config->n_formats == 0) {
        status = ef_error_set(err, EF_ERR_USAGE, "--formats: names none");
    }
    ef_free(copy);
    return status;
}

static uint64_t share_of(uint64_t n, uint64_t parts)
{
    return (n + parts - 1) / parts;
}

static ef_train_options training(const ef_validate_job *j)
{
    ef_train_options o = EF_TRAIN_OPTIONS_SHORT;
    o.batch = (size_t)j->set.common.batch;
    o.rate = j->set.common.rate;
    o.augment =
        (ef_augment){.shift = (size_t)j->set.common.shift, .flip = j->set.common.flip};
    return o;
}

static ef_status configure(ef_validate_job *j, ef_error *err)
{
    const ef_validate_settings *set = &j->set;
    ef_part train = ef_parts_get(j->parts, EF_SPLIT_TRAIN, 0);
    size_t calibrate = (size_t)set->calibrate;
    ef_validation_config config = {
        .measure = {.set = &j->data,
                    .train = train,
                    .validation = ef_parts_get(j->parts, EF_SPLIT_VAL, 0),
                    .training = training(j)},
        .epochs = (size_t)set->epochs,
        .norm = &j->norm,
        .images = ef_parts_get(j->parts, EF_SPLIT_TEST, (size_t)set->common.images),
        .calibration = {train.indices, calibrate < train.n ? calibrate : train.n},
        .seed = set->common.seed,
        .n_seeds = (size_t)set->seeds,
        .ber = {set->ber_weights, set->ber_activations},
        .wanted_ccr = WANTED_CCR,
        .n_pilot = (size_t)set->pilot,
        .trials = {set->trials, share_of(set->trials, ACTIVATION_SHARE)},
        .flips = {set->count, share_of(set->count, FLIPS_PER_ACTIVATION_TRIAL)},
        .n_threads = (size_t)set->common.threads};
    ef_status status = parse_formats(j, &config, err);
    return status ? status : ef_validation_create(&j->validation, &config, err);
}

/* --- topologies -------------------------------------------------------------- */

static ef_status add_file(ef_validate_job *j, const char *path, ef_error *err)
{
    ef_topology *topology = NULL;
    ef_error why = {0};
    ef_status status = ef_topology_load(&topology, path, err);
    status = status ? status : ef_model_check_images(topology, &j->data, path, err);
    status = status ? status : ef_model_check_data(topology, &j->data, path, err);
    if (!status && (status = ef_train_check_topology(topology, &why))) {
        status = ef_error_set(err, status, "%s: %s", path, why.text);
    }
    if (status) {
        ef_topology_destroy(topology);
        return status;
    }
    return ef_validation_add(j->validation, ef_gnuplot_name(path), topology, err);
}

static ef_status draw(ef_validate_job *j, ef_error *err)
{
    ef_space *space = NULL;
    size_t n = j->set.topologies ? (size_t)j->set.topologies : 100;
    ef_status status = j->set.space ? ef_space_load(&space, j->set.space, err)
                                    : ef_space_default(&space, err);
    status = status ? status : ef_validation_draw(j->validation, space, n, err);
    ef_space_destroy(space);
    return status;
}

static ef_status gather_topologies(ef_validate_job *j, ef_error *err)
{
    const ef_call *call = j->call;
    ef_status status = EF_OK;
    if (call->n_operands == 0) {
        return draw(j, err);
    }
    if (ef_call_given(call, "topologies") || ef_call_given(call, "space")) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--topologies and --space draw topologies: leave them out, "
                            "or the files");
    }
    for (size_t i = 0; i < call->n_operands && !status; i++) {
        status = add_file(j, call->operands[i], err);
    }
    return status;
}

/* --- the call ---------------------------------------------------------------- */

static ef_status check_outputs(const ef_validate_job *j, ef_error *err)
{
    const ef_validate_settings *set = &j->set;
    const char *const paths[] = {set->common.csv, set->correlations, set->fit,
                                 set->resume ? NULL : set->run};
    ef_status status =
        set->common.svg
            ? ef_call_check_picture(j->call, "svg", set->common.svg, ".svg", err)
            : EF_OK;
    for (size_t i = 0; i < sizeof paths / sizeof *paths && !status; i++) {
        status = paths[i] ? ef_call_check_output(j->call, paths[i], err) : EF_OK;
    }
    if (!status && set->resume && !set->run) {
        status = ef_error_set(err, EF_ERR_USAGE, "--resume needs --run=FILE");
    }
    if (!status && set->resume && j->call->n_operands > 0) {
        status = ef_error_set(err, EF_ERR_USAGE,
                              "--resume goes on with the topologies of %s: leave out "
                              "the files",
                              set->run);
    }
    return status;
}

static ef_status load_constants(ef_validate_job *j, ef_error *err)
{
    const char *path = j->set.common.constants;
    ef_status status = path ? ef_constants_load(&j->constants, path, err) : EF_OK;
    if (path && !status) {
        j->context.constants = &j->constants;
    }
    return status;
}

/* Before hours of training. */
static ef_status check_fit(const ef_validate_job *j, ef_error *err)
{
    size_t n = ef_validation_n_topologies(j->validation);
    if (j->set.fit && n < ef_refit_fewest()) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--fit needs at least %zu topologies, not %zu",
                            ef_refit_fewest(), n);
    }
    return EF_OK;
}

static ef_status prepare(ef_validate_job *j, ef_error *err)
{
    ef_status status = check_outputs(j, err);
    status = status ? status : load_constants(j, err);
    status = status ? status : ef_common_isa(&j->set.common, err);
    if (!status && j->set.resume) {
        status = ef_validate_reopen(j, err);
    }
    status = status ? status : load_data(j, err);
    if (!status && !j->set.resume && !ef_call_given(j->call, "shift")) {
        j->set.common.shift = ef_train_default_shift(&j->data);
    }
    status = status ? status : configure(j, err);
    if (status || j->set.resume) {
        status = status ? status : ef_validation_resume(j->validation, j->store, err);
        return status ? status : check_fit(j, err);
    }
    status = gather_topologies(j, err);
    status = status ? status : check_fit(j, err);
    return status ? status : ef_validate_begin(j, err);
}

static void clear(ef_validate_job *j)
{
    ef_validation_destroy(j->validation);
    ef_store_close(j->store);
    ef_parts_destroy(j->parts);
    ef_dataset_clear(&j->data);
    if (j->set.resume) {
        ef_options_clear(ef_validate_options, &j->parsed, &j->set);
    }
    ef_text_clear(&j->stored);
}

static ef_status run(const ef_call *call, ef_error *err)
{
    ef_validate_job j = {.call = call};
    memcpy(&j.set, call->settings, sizeof j.set);
    ef_status status = prepare(&j, err);
    status = status ? status : ef_validate_run(&j, err);
    status = status ? status : ef_validate_report(&j, err);
    clear(&j);
    return status;
}

const ef_command ef_command_validate = {
    .name = "validate",
    .help = "hold objectives against measured faults",
    .operands = "[FILE...]",
    .most = SIZE_MAX,
    .options = ef_validate_options,
    .settings_size = sizeof(ef_validate_settings),
    .run = run,
};
