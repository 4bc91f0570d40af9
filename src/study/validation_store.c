/* A validation in a run file. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

#include "base/mem.h"
#include "net/topology_yaml.h"
#include "store/validations.h"
#include "study/validation_priv.h"
#include "train/isa.h"

static const char *const target_names[] = {
#define X(exposed, name) name,
    EF_EXPOSED_LIST(X)
#undef X
};

/* --- writing ----------------------------------------------------------------- */

static ef_status transact(ef_validation *v,
                          ef_status (*write)(ef_validation *, const void *, ef_error *),
                          const void *what, ef_error *err)
{
    if (!v->store) {
        return EF_OK;
    }
    ef_status status = ef_store_begin(v->store, err);
    if (status) {
        return status;
    }
    status = write(v, what, err);
    if (status) {
        ef_store_rollback(v->store);
        return status;
    }
    return ef_store_commit(v->store, err);
}

static ef_status put_topology(ef_validation *v, size_t item, ef_error *err)
{
    const validation_item *from = &v->items[item];
    ef_text yaml = {0};
    ef_topology_write(from->topology, &yaml);
    const ef_record record = {.id = item + 1,
                              .operator_name = from->name,
                              .hash = from->hash,
                              .status = EF_RECORD_SCORED,
                              .error = NAN,
                              .test_error = NAN,
                              .loss = NAN,
                              .topology = yaml.bytes,
                              .message = ""};
    ef_status status = yaml.failed ? ef_error_memory(err)
                                   : ef_store_put_record(v->store, &record, err);
    ef_text_clear(&yaml);
    return status;
}

static void hash_of(const ef_validation *v, char text[17])
{
    snprintf(text, 17, "%016" PRIx64, ef_dataset_hash(v->config.measure.set));
}

static ef_status write_start(ef_validation *v, const void *what, ef_error *err)
{
    (void)what;
    char hash[17];
    hash_of(v, hash);
    const struct {
        const char *key, *value;
    } rows[] = {{"command", "validate"},
                {"version", PACKAGE_VERSION},
                {"data_hash", hash},
                {"isa", ef_isa_name()}};
    ef_status status = EF_OK;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && !status; i++) {
        status = ef_store_set(v->store, rows[i].key, rows[i].value, err);
    }
    for (size_t i = 0; i < v->n && !status; i++) {
        status = put_topology(v, i, err);
    }
    return status;
}

ef_status ef_validation_start(ef_validation *validation, ef_store *store, ef_error *err)
{
    validation->store = store;
    return transact(validation, write_start, NULL, err);
}

static ef_status write_measures(ef_validation *v, const void *what, ef_error *err)
{
    (void)what;
    ef_status status = EF_OK;
    for (size_t i = 0; i < v->n_measures && !status; i++) {
        const ef_validation_measure *m = &v->measures[i];
        char format[EF_FORMAT_NAME];
        ef_format_name(&v->config.formats[m->format], format);
        const ef_store_measure row = {.number = i,
                                      .format = format,
                                      .target = target_names[m->target],
                                      .ber = m->ber,
                                      .trials = m->trials};
        status = ef_store_put_measure(v->store, &row, err);
    }
    return status;
}

ef_status validation_save_measures(ef_validation *v, ef_error *err)
{
    return transact(v, write_measures, NULL, err);
}

static ef_store_share share_of(const ef_fault_rate *rate)
{
    return (ef_store_share){rate->share, rate->interval.low, rate->interval.high};
}

static ef_status write_trial(ef_validation *v, const void *what, ef_error *err)
{
    size_t at = *(const size_t *)what, n_seeds = v->config.n_seeds;
    const ef_validation_trial *trial = &v->trials[at];
    uint64_t id = at / n_seeds + 1, seed = v->config.seed + at % n_seeds;
    const ef_store_training row = {.individual = id,
                                   .seed = seed,
                                   .status = trial->status,
                                   .error = trial->error,
                                   .loss = trial->loss,
                                   .message = trial->message};
    ef_status status = ef_store_put_training(v->store, &row, err);
    size_t n = trial->status == EF_RECORD_TRAINED ? v->n_measures : 0;
    for (size_t i = 0; i < n && !status; i++) {
        const ef_faults_measured *found = &trial->results[i];
        const ef_store_measured measured = {.individual = id,
                                            .seed = seed,
                                            .measure = i,
                                            .ccr = share_of(&found->ccr),
                                            .nonfinite = share_of(&found->nonfinite),
                                            .failed = share_of(&found->failed),
                                            .accuracy = share_of(&found->accuracy),
                                            .fault_free = found->fault_free};
        status = ef_store_put_measured(v->store, &measured, err);
    }
    return status;
}

ef_status validation_save_trial(ef_validation *v, size_t item, size_t seed,
                                ef_error *err)
{
    size_t at = validation_at(v, item, seed);
    return transact(v, write_trial, &at, err);
}

/* --- reading ----------------------------------------------------------------- */

static ef_status refuse(const ef_validation *v, const char *what, ef_error *err)
{
    return ef_error_set(err, EF_ERR_INPUT, "%s: damaged: %s", ef_store_path(v->store),
                        what);
}

static ef_status take_record(void *context, const ef_record *record, ef_error *err)
{
    ef_validation *v = context;
    ef_topology *topology = NULL;
    if (record->id != v->n + 1) {
        return refuse(v, "a topology is missing", err);
    }
    ef_status status =
        ef_topology_parse(&topology, ef_store_path(v->store), record->topology,
                          strlen(record->topology), err);
    return status ? status : ef_validation_add(v, record->operator_name, topology, err);
}

static ef_status take_measure(void *context, const ef_store_measure *measure,
                              ef_error *err)
{
    ef_validation *v = context;
    ef_validation_measure *to = &v->measures[v->n_measures];
    size_t format = 0, target = 0;
    char name[EF_FORMAT_NAME];
    for (; format < v->config.n_formats; format++) {
        ef_format_name(&v->config.formats[format], name);
        if (strcmp(name, measure->format) == 0) {
            break;
        }
    }
    while (target < EF_VALIDATION_TARGETS &&
           strcmp(target_names[target], measure->target) != 0) {
        target++;
    }
    if (v->n_measures == EF_VALIDATION_MEASURES_MAX ||
        measure->number != v->n_measures || format == v->config.n_formats ||
        target == EF_VALIDATION_TARGETS || !(measure->ber >= 0 && measure->ber <= 1)) {
        return refuse(v, "its measures are not those of its configuration", err);
    }
    *to = (ef_validation_measure){format, (ef_exposed)target, measure->ber,
                                  measure->trials};
    v->n_measures++;
    return EF_OK;
}

/* Place of a trial in v->trials. */
static ef_status find_trial(const ef_validation *v, uint64_t individual, uint64_t seed,
                            size_t *at, ef_error *err)
{
    uint64_t k = seed - v->config.seed;
    if (individual == 0 || individual > v->n || k >= v->config.n_seeds) {
        return refuse(v, "a training of no topology or seed that it has", err);
    }
    *at = validation_at(v, (size_t)individual - 1, (size_t)k);
    return EF_OK;
}

static ef_status take_training(void *context, const ef_store_training *training,
                               ef_error *err)
{
    ef_validation *v = context;
    size_t at = 0;
    ef_status status = find_trial(v, training->individual, training->seed, &at, err);
    if (!status) {
        ef_validation_trial *trial = &v->trials[at];
        trial->is_done = 1;
        trial->status = training->status;
        trial->error = training->error;
        trial->loss = training->loss;
        snprintf(trial->message, sizeof trial->message, "%s", training->message);
    }
    return status;
}

static ef_fault_rate rate_of(const ef_store_share *share)
{
    return (ef_fault_rate){share->share, {share->low, share->high}};
}

static ef_status take_measured(void *context, const ef_store_measured *measured,
                               ef_error *err)
{
    ef_validation *v = context;
    size_t at = 0;
    ef_status status = find_trial(v, measured->individual, measured->seed, &at, err);
    if (!status && measured->measure >= v->n_measures) {
        status = refuse(v, "a result of no measure that it has", err);
    }
    if (!status) {
        v->results[at * v->n_measures + measured->measure] =
            (ef_faults_measured){.ccr = rate_of(&measured->ccr),
                                 .nonfinite = rate_of(&measured->nonfinite),
                                 .failed = rate_of(&measured->failed),
                                 .accuracy = rate_of(&measured->accuracy),
                                 .fault_free = measured->fault_free};
    }
    return status;
}

/* --- taking a run up --------------------------------------------------------- */

static ef_status get(const ef_validation *v, const char *key, ef_text *value,
                     ef_error *err)
{
    ef_status status = ef_store_get(v->store, key, value, err);
    if (!status && !value->bytes) {
        status = refuse(v, "its configuration is incomplete", err);
    }
    return status;
}

static ef_status check_data(const ef_validation *v, ef_error *err)
{
    char now[17];
    ef_text then = {0};
    hash_of(v, now);
    ef_status status = get(v, "data_hash", &then, err);
    if (!status && strcmp(then.bytes, now) != 0) {
        status = ef_error_set(err, EF_ERR_INPUT,
                              "%s: made with other images or labels than %s holds now",
                              ef_store_path(v->store), v->config.measure.set->name);
    }
    ef_text_clear(&then);
    return status;
}

static int is_complete(const ef_validation *v)
{
    for (size_t i = 0; i < v->n * v->config.n_seeds; i++) {
        if (!v->trials[i].is_done) {
            return 0;
        }
    }
    return v->n_measures > 0;
}

/* What is left has to be trained by the instructions that the beginning used. */
static ef_status check_isa(const ef_validation *v, ef_error *err)
{
    ef_text then = {0};
    ef_status status = get(v, "isa", &then, err);
    if (!status) {
        status = ef_isa_cap(then.bytes, err);
    }
    if (!status && strcmp(then.bytes, ef_isa_name()) != 0) {
        status =
            ef_error_set(err, EF_ERR_UNSUPPORTED,
                         "%s: its networks were trained with %s instructions, this "
                         "machine offers %s: the run would end differently",
                         ef_store_path(v->store), then.bytes, ef_isa_name());
    }
    ef_text_clear(&then);
    return status;
}

static ef_status load(ef_validation *v, ef_error *err)
{
    ef_status status = ef_store_each_record(v->store, take_record, v, err);
    status = status ? status : ef_store_each_measure(v->store, take_measure, v, err);
    status = status ? status : validation_make_trials(v, err);
    if (!status && v->n_measures > 0) {
        status = validation_make_results(v, err);
    }
    status = status ? status : ef_store_each_training(v->store, take_training, v, err);
    return status ? status : ef_store_each_measured(v->store, take_measured, v, err);
}

ef_status ef_validation_resume(ef_validation *validation, ef_store *store,
                               ef_error *err)
{
    validation->store = store;
    ef_status status = check_data(validation, err);
    status = status ? status : load(validation, err);
    return status || is_complete(validation) ? status : check_isa(validation, err);
}
