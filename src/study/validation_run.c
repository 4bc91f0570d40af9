/* Every topology is trained with every seed, and each network measured. */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "net/adapt.h"
#include "study/validation_priv.h"

/* --- one network ------------------------------------------------------------- */

ef_status validation_train(const ef_validation *v, size_t item, size_t seed,
                           ef_net **net, ef_measured *measured, ef_error *err)
{
    ef_measure measure = v->config.measure;
    uint64_t key = v->config.seed + seed;
    ef_net *made = NULL;
    measure.training.seed = key;
    ef_status status =
        ef_adapt_create(&made, v->items[item].topology, v->config.norm, key, err);
    if (!status) {
        status = ef_measure_train(&measure, made, 0, v->config.epochs, measured, err);
    }
    if (status) {
        ef_net_destroy(made);
        return status;
    }
    *net = made;
    return EF_OK;
}

void validation_bench(const ef_validation *v, size_t format, ef_fault_bench *bench)
{
    *bench = (ef_fault_bench){.set = v->config.measure.set,
                              .images = v->config.images,
                              .calibration = v->config.calibration,
                              .n_threads = 1};
    ef_fault_bench_set_format(bench, &v->config.formats[format]);
}

ef_fault_measure validation_measure_of(const ef_validation *v, ef_exposed target,
                                       double ber, uint64_t trials, size_t seed)
{
    ef_target struck =
        target == EF_EXPOSED_WEIGHTS ? EF_TARGET_WEIGHTS : EF_TARGET_ACTIVATIONS;
    return (ef_fault_measure){.targets = 1U << struck,
                              .ber = ber,
                              .trials = trials,
                              .seed = v->config.seed + seed};
}

/* The measures in one format, one injector for all of them. */
static ef_status measure_format(const ef_validation *v, const ef_net *net,
                                size_t format, size_t seed, ef_faults_measured *results,
                                ef_error *err)
{
    ef_fault_bench bench;
    ef_fault_measure measures[EF_VALIDATION_MEASURES_MAX];
    ef_faults_measured found[EF_VALIDATION_MEASURES_MAX];
    size_t places[EF_VALIDATION_MEASURES_MAX], n = 0;
    for (size_t i = 0; i < v->n_measures; i++) {
        const ef_validation_measure *m = &v->measures[i];
        if (m->format == format) {
            measures[n] = validation_measure_of(v, m->target, m->ber, m->trials, seed);
            places[n++] = i;
        }
    }
    validation_bench(v, format, &bench);
    ef_status status =
        ef_measure_faults(net, &bench, measures, n, NULL, NULL, found, err);
    for (size_t i = 0; i < n && !status; i++) {
        results[places[i]] = found[i];
    }
    return status;
}

static ef_status measure_network(const ef_validation *v, size_t item, size_t seed,
                                 ef_validation_trial *trial,
                                 ef_faults_measured *results, ef_error *err)
{
    ef_net *net = NULL;
    ef_measured measured;
    ef_status status = validation_train(v, item, seed, &net, &measured, err);
    for (size_t f = 0; f < v->config.n_formats && !status; f++) {
        status = measure_format(v, net, f, seed, results, err);
    }
    ef_net_destroy(net);
    if (!status) {
        trial->status = EF_RECORD_TRAINED;
        trial->error = measured.error;
        trial->loss = measured.loss;
    }
    return status;
}

/* --- all of them ------------------------------------------------------------- */

typedef struct stint {
    ef_validation *v;
    const ef_validation_watch *watch;
    size_t *left; /* (n) trials that are not done */
    size_t n, done, total;
    atomic_flag is_saving;
} stint;

static ef_status save(stint *r, size_t index, ef_error *err)
{
    size_t n_seeds = r->v->config.n_seeds;
    while (atomic_flag_test_and_set_explicit(&r->is_saving, memory_order_acquire)) {
    }
    ef_status status =
        validation_save_trial(r->v, index / n_seeds, index % n_seeds, err);
    r->done++;
    if (r->watch->progress) {
        r->watch->progress(r->watch->context, "validate", r->done, r->total);
    }
    atomic_flag_clear_explicit(&r->is_saving, memory_order_release);
    return status;
}

/* A topology that cannot be trained or measured fails alone. */
static ef_status take_unit(void *context, size_t index, ef_error *err)
{
    stint *r = context;
    ef_validation *v = r->v;
    size_t at = r->left[index], n_seeds = v->config.n_seeds;
    ef_validation_trial *trial = &v->trials[at];
    ef_error why = {0};
    if (r->watch->stop && r->watch->stop(r->watch->context)) {
        return EF_STOPPED;
    }
    ef_status status = measure_network(v, at / n_seeds, at % n_seeds, trial,
                                       v->results + at * v->n_measures, &why);
    if (status == EF_ERR_MEMORY) {
        return ef_error_set(err, status, "%s", why.text);
    }
    if (status) {
        trial->status = EF_RECORD_FAILED;
        trial->error = trial->loss = NAN;
        snprintf(trial->message, sizeof trial->message, "%.*s",
                 (int)sizeof trial->message - 1, why.text);
    }
    trial->is_done = 1;
    return save(r, at, err);
}

static ef_status run_left(ef_validation *v, const ef_validation_watch *watch,
                          ef_error *err)
{
    size_t total = v->n * v->config.n_seeds;
    stint r = {.v = v, .watch = watch, .total = total};
    atomic_flag_clear(&r.is_saving);
    r.left = ef_calloc(total, sizeof *r.left);
    if (!r.left) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < total; i++) {
        if (!v->trials[i].is_done) {
            r.left[r.n++] = i;
        }
    }
    r.done = total - r.n;
    ef_status status = ef_parallel_for(r.n, v->config.n_threads, take_unit, &r, err);
    ef_free(r.left);
    return status;
}

ef_status ef_validation_run(ef_validation *validation, const ef_validation_watch *watch,
                            ef_error *err)
{
    static const ef_validation_watch nobody = {NULL, NULL, NULL};
    ef_status status = EF_OK;
    watch = watch ? watch : &nobody;
    if (!validation->trials) {
        status = validation_make_trials(validation, err);
    }
    if (!status && validation->n_measures == 0) {
        status = validation_pilot(validation, watch, err);
        status = status ? status : validation_make_results(validation, err);
        status = status ? status : validation_save_measures(validation, err);
    }
    return status ? status : run_left(validation, watch, err);
}
