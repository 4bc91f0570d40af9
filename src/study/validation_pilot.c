/* Bit error rates at which the first topologies show a wanted class change rate. */
#include <stdatomic.h>
#include <stdlib.h>
#include <stdio.h>

#include "base/mathfn.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/sum.h"
#include "study/validation_priv.h"

/* Rates of the pilot: from 1e-6 in steps of the square root of 10. */
#define N_RATES 11
#define LEAST_RATE 1e-6
#define STEP 3.1622776601683795
#define TRIALS 12
/* Rates of formats that differ by no more than this become one. */
#define ALIKE 3.0

typedef struct pilot {
    ef_validation *v;
    const ef_validation_watch *watch;
    double rates[N_RATES];
    /* (formats, targets, rates, topologies) */
    double *found;
    unsigned char *failed; /* (topologies) */
    size_t n, done;
    atomic_flag is_telling;
} pilot;

static double *found_at(const pilot *p, size_t format, size_t target, size_t rate)
{
    return p->found +
           ((format * EF_VALIDATION_TARGETS + target) * N_RATES + rate) * p->n;
}

/* Up to the rate where half of the images fail: beyond, no median that is wanted lies,
 * and what strikes most costs most. */
static ef_status try_target(const pilot *p, const ef_net *net, size_t item,
                            size_t format, size_t target, ef_error *err)
{
    ef_fault_bench bench;
    double last = 0;
    ef_status status = EF_OK;
    validation_bench(p->v, format, &bench);
    for (size_t r = 0; r < N_RATES && !status; r++) {
        const ef_fault_measure measure =
            validation_measure_of(p->v, (ef_exposed)target, p->rates[r], TRIALS, 0);
        ef_faults_measured found;
        if (last < 0.5) {
            status =
                ef_measure_faults(net, &bench, &measure, 1, NULL, NULL, &found, err);
            last = status ? last : found.failed.share;
        }
        found_at(p, format, target, r)[item] = last;
    }
    return status;
}

static ef_status try_format(const pilot *p, const ef_net *net, size_t item,
                            size_t format, ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t t = 0; t < EF_VALIDATION_TARGETS && !status; t++) {
        if (!(p->v->config.ber[t] > 0)) {
            status = try_target(p, net, item, format, t, err);
        }
    }
    return status;
}

static void tell(pilot *p)
{
    while (atomic_flag_test_and_set_explicit(&p->is_telling, memory_order_acquire)) {
    }
    p->done++;
    if (p->watch->progress) {
        p->watch->progress(p->watch->context, "pilot", p->done, p->n);
    }
    atomic_flag_clear_explicit(&p->is_telling, memory_order_release);
}

static ef_status try_topology(void *context, size_t item, ef_error *err)
{
    pilot *p = context;
    ef_net *net = NULL;
    ef_measured measured;
    ef_error why = {0};
    if (p->watch->stop && p->watch->stop(p->watch->context)) {
        return EF_STOPPED;
    }
    ef_status status = validation_train(p->v, item, 0, &net, &measured, &why);
    for (size_t f = 0; f < p->v->config.n_formats && !status; f++) {
        status = try_format(p, net, item, f, &why);
    }
    ef_net_destroy(net);
    if (status == EF_ERR_MEMORY) {
        return ef_error_set(err, status, "%s", why.text);
    }
    p->failed[item] = status != EF_OK;
    tell(p);
    return EF_OK;
}

/* --- from curves to rates ---------------------------------------------------- */

/* Of the topologies that did not fail; scratch: (2 n). */
static double median_at(const pilot *p, size_t format, size_t target, size_t rate,
                        double *scratch)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (!p->failed[i]) {
            scratch[n++] = found_at(p, format, target, rate)[i];
        }
    }
    return ef_median(scratch, n, scratch + p->n);
}

static double round_to_two_digits(double rate)
{
    char text[32];
    snprintf(text, sizeof text, "%.1e", rate);
    return strtod(text, NULL);
}

/* Where the median crosses what is wanted, on straight lines between logarithms; the
 * last rate where it does not. */
static double find_rate(const pilot *p, size_t format, size_t target, double *scratch)
{
    double wanted = p->v->config.wanted_ccr, before = 0;
    for (size_t r = 0; r < N_RATES; r++) {
        double median = median_at(p, format, target, r, scratch);
        if (median >= wanted && before > 0) {
            double part =
                (ef_log(wanted) - ef_log(before)) / (ef_log(median) - ef_log(before));
            return p->rates[r - 1] * ef_exp(part * ef_log(STEP));
        }
        if (median >= wanted) {
            return p->rates[r];
        }
        before = median;
    }
    return p->rates[N_RATES - 1];
}

/* --- measures ---------------------------------------------------------------- */

static void add_measures(ef_validation *v, size_t target, double ber, uint64_t trials)
{
    for (size_t f = 0; f < v->config.n_formats; f++) {
        v->measures[v->n_measures++] =
            (ef_validation_measure){f, (ef_exposed)target, ber, trials};
    }
}

/* One rate where it suits all formats; else each format's, at which the others are
 * measured too. */
static void add_found(ef_validation *v, size_t target, const double *rates)
{
    size_t n = v->config.n_formats;
    double least = rates[0], most = rates[0], logs = 0;
    for (size_t f = 0; f < n; f++) {
        least = rates[f] < least ? rates[f] : least;
        most = rates[f] > most ? rates[f] : most;
        logs += ef_log(rates[f]);
    }
    if (most <= ALIKE * least) {
        double rate = round_to_two_digits(ef_exp(logs / (double)n));
        add_measures(v, target, rate, v->config.trials[target]);
        return;
    }
    for (size_t f = 0; f < n; f++) {
        add_measures(v, target, round_to_two_digits(rates[f]),
                     v->config.trials[target]);
    }
}

static ef_status settle(const pilot *p, ef_error *err)
{
    ef_validation *v = p->v;
    size_t n_failed = 0;
    for (size_t i = 0; i < p->n; i++) {
        n_failed += p->failed[i];
    }
    if (p->n > 0 && n_failed == p->n) {
        return ef_error_set(err, EF_ERR_FAILED,
                            "none of the first %zu topologies can be trained and "
                            "measured",
                            p->n);
    }
    double *scratch = ef_calloc(2, p->n * sizeof *scratch);
    if (!scratch) {
        return ef_error_memory(err);
    }
    for (size_t t = 0; t < EF_VALIDATION_TARGETS; t++) {
        double rates[EF_VALIDATION_FORMATS_MAX] = {0};
        for (size_t f = 0; f < v->config.n_formats; f++) {
            rates[f] =
                v->config.ber[t] > 0 ? v->config.ber[t] : find_rate(p, f, t, scratch);
        }
        if (v->config.ber[t] > 0) {
            add_measures(v, t, v->config.ber[t], v->config.trials[t]);
        } else {
            add_found(v, t, rates);
        }
        add_measures(v, t, 0, v->config.flips[t]);
    }
    ef_free(scratch);
    return EF_OK;
}

ef_status validation_pilot(ef_validation *v, const ef_validation_watch *watch,
                           ef_error *err)
{
    const ef_validation_config *config = &v->config;
    int has_all = config->ber[0] > 0 && config->ber[1] > 0;
    pilot p = {.v = v, .watch = watch};
    atomic_flag_clear(&p.is_telling);
    p.n = has_all ? 0 : config->n_pilot < v->n ? config->n_pilot : v->n;
    p.rates[0] = LEAST_RATE;
    for (size_t r = 1; r < N_RATES; r++) {
        p.rates[r] = p.rates[r - 1] * STEP;
    }
    p.found = ef_calloc(config->n_formats * EF_VALIDATION_TARGETS * N_RATES,
                        p.n * sizeof *p.found);
    p.failed = ef_calloc(p.n, 1);
    ef_status status = p.found && p.failed ? EF_OK : ef_error_memory(err);
    if (!status) {
        status = ef_parallel_for(p.n, config->n_threads, try_topology, &p, err);
    }
    status = status ? status : settle(&p, err);
    ef_free(p.failed);
    ef_free(p.found);
    return status;
}
