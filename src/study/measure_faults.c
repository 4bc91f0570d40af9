#include "study/measure_faults.h"

#include <string.h>

#include "base/mem.h"
#include "net/fold_norm.h"
#include "study/injector.h"
#include "study/sweep.h"

void ef_fault_bench_set_format(ef_fault_bench *bench, const ef_format *format)
{
    bench->weights = *format;
    bench->activations = *format;
    bench->fits_activations = 0;
}

static ef_fault_rate rate_of(const ef_spread *spread)
{
    return (ef_fault_rate){spread->mean, spread->interval};
}

static ef_strikes strikes_of(const ef_fault_measure *measure)
{
    ef_strikes strikes = {.together = measure->targets,
                          .n_rates = measure->ber > 0 ? 1 : 0};
    for (size_t t = 0; t < EF_TARGET_COUNT; t++) {
        strikes.strikes[t] = (ef_strike){.kind = EF_FAULT_FLIP,
                                         .adjacent = 1,
                                         .is_ber = measure->ber > 0,
                                         .rate = measure->ber};
        strikes.rates[0][t] = measure->targets >> t & 1 ? measure->ber : 0;
    }
    return strikes;
}

typedef struct asker {
    int (*stop)(void *context);
    void *context;
} asker;

static int ask(void *context)
{
    const asker *a = context;
    return a->stop(a->context);
}

/* Pairs of either kind. */
static ef_status find_failed(const ef_sweep *sweep, uint64_t images,
                             ef_fault_rate *rate, ef_error *err)
{
    size_t n = (size_t)ef_sweep_n_trials(sweep);
    uint64_t *failures = ef_calloc(n, sizeof *failures);
    ef_spread spread;
    ef_status status = failures ? EF_OK : ef_error_memory(err);
    for (size_t t = 0; t < n && !status; t++) {
        const ef_outcomes *found = &ef_sweep_trial(sweep, t, 0)->outcomes;
        failures[t] = found->sdc + found->nonfinite;
    }
    status = status ? status : ef_spread_find(&spread, failures, n, images, err);
    if (!status) {
        *rate = rate_of(&spread);
    }
    ef_free(failures);
    return status;
}

static ef_status measure_one(ef_injector *injector, const ef_fault_measure *measure,
                             size_t n_threads, asker *a, ef_faults_measured *measured,
                             ef_error *err)
{
    static const ef_selection everything = {0};
    const ef_strikes strikes = strikes_of(measure);
    const ef_sweep_options options = {.strikes = &strikes,
                                      .targets = measure->targets,
                                      .selection = &everything,
                                      .only_site = SIZE_MAX,
                                      .per_image = 1,
                                      .trials = measure->trials,
                                      .seed = measure->seed,
                                      .n_threads = n_threads};
    const ef_sweep_watch watch = {.context = a, .stop = a->stop ? ask : NULL};
    ef_sweep *sweep = NULL;
    ef_sweep_rate found;
    ef_status status = ef_sweep_create(&sweep, injector, &options, err);
    status = status ? status : ef_sweep_run(sweep, &watch, err);
    status = status ? status : ef_sweep_summarize(sweep, 0, &found, err);
    size_t images = ef_injector_n_images(injector);
    ef_fault_rate failed = {0};
    status = status ? status : find_failed(sweep, images, &failed, err);
    ef_sweep_destroy(sweep);
    if (!status) {
        double n = (double)images;
        *measured = (ef_faults_measured){
            .ccr = rate_of(&found.ccr),
            .nonfinite = rate_of(&found.nonfinite),
            .failed = failed,
            .accuracy = rate_of(&found.accuracy),
            .fault_free = 1 - (double)ef_injector_n_errors(injector) / n};
    }
    return status;
}

static ef_status make_injector(const ef_net *net, const ef_fault_bench *bench,
                               ef_injector **injector, ef_error *err)
{
    const ef_injector_options options = {
        .set = bench->set,
        .normalisation = bench->normalisation,
        .images = bench->images,
        .calibration = bench->calibration,
        .formats = {.weights = bench->weights,
                    .activations = bench->activations,
                    .fits_activations = bench->fits_activations},
        .n_threads = bench->n_threads};
    return ef_injector_create(injector, net, &options, err);
}

static ef_status measure_all(const ef_net *net, const ef_fault_bench *bench,
                             const ef_fault_measure *measures, size_t n, asker *a,
                             ef_faults_measured *results, ef_error *err)
{
    ef_injector *injector = NULL;
    ef_status status = make_injector(net, bench, &injector, err);
    for (size_t i = 0; i < n && !status; i++) {
        status =
            measure_one(injector, &measures[i], bench->n_threads, a, &results[i], err);
    }
    ef_injector_destroy(injector);
    return status;
}

ef_status ef_measure_faults(const ef_net *net, const ef_fault_bench *bench,
                            const ef_fault_measure *measures, size_t n,
                            int (*stop)(void *context), void *context,
                            ef_faults_measured *measured, ef_error *err)
{
    asker a = {stop, context};
    ef_net *folded = NULL;
    size_t n_folded;
    ef_faults_measured *results = ef_calloc(n, sizeof *results);
    ef_status status = results ? ef_net_fold_norms(&folded, net, &n_folded, err)
                               : ef_error_memory(err);
    if (!status) {
        status = measure_all(folded, bench, measures, n, &a, results, err);
    }
    if (!status) {
        memcpy(measured, results, n * sizeof *measured);
    }
    ef_net_destroy(folded);
    ef_free(results);
    return status;
}
