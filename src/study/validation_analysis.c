#include "study/validation_analysis.h"

#include <math.h>
#include <string.h>

#include "base/mathfn.h"
#include "base/mem.h"
#include "base/sum.h"

#define FEWEST 4 /* topologies that an interval needs */

/* Own ones. */
#define PREDICTED "predicted_ccr"
#define DEPTH_BY_PARAMS "depth*params^(-1/3)"

/* An architecture sensitivity index rises with the rate; the more parameters, the wider
 * the margins. */
const ef_proxy ef_proxies[] = {
    {PREDICTED, NULL, 1, 0, 1},
    {"asi", "asi", 1, 0, 0},
    {"asi:form=relevance", "asi:form=relevance", 1, 0, 0},
    {"asi:form=density", "asi:form=density", 1, 0, 0},
    {"asi:form=greatest", "asi:form=greatest", 1, 0, 0},
    {"asi:form=mean", "asi:form=mean", 1, 0, 0},
    {"depth", "depth", 1, 1, 0},
    {"-params", "params", -1, 1, 0},
    {"-activations", "activations", -1, 1, 0},
    {"-macs", "macs", -1, 1, 0},
    {DEPTH_BY_PARAMS, NULL, 1, 1, 0},
};

size_t ef_proxies_n(void)
{
    return sizeof ef_proxies / sizeof *ef_proxies;
}

/* --- who learnt -------------------------------------------------------------- */

typedef enum fate { KEPT, FAILED, UNLEARNT } fate;

static fate fate_of(const ef_validation *v, size_t topology, double max_error)
{
    size_t n_seeds = ef_validation_settings(v)->n_seeds;
    fate found = KEPT;
    for (size_t k = 0; k < n_seeds && found != FAILED; k++) {
        const ef_validation_trial *trial = ef_validation_trial_at(v, topology, k);
        found = !trial->is_done || trial->status != EF_RECORD_TRAINED ? FAILED
                : trial->error > max_error                            ? UNLEARNT
                                                                      : found;
    }
    return found;
}

static ef_status choose(ef_validation_data *d, double max_error, ef_error *err)
{
    size_t n = ef_validation_n_topologies(d->validation);
    d->kept = ef_calloc(n, sizeof *d->kept);
    if (!d->kept) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        fate found = fate_of(d->validation, i, max_error);
        d->n_failed += found == FAILED;
        d->n_unlearnt += found == UNLEARNT;
        if (found == KEPT) {
            d->kept[d->n++] = i;
        }
    }
    return d->n >= FEWEST
               ? EF_OK
               : ef_error_set(err, EF_ERR_FAILED,
                              "%zu of %zu topologies learnt (an error of at most %g %% "
                              "with every seed): too few to correlate",
                              d->n, n, 100 * max_error);
}

/* --- what was measured ------------------------------------------------------- */

static ef_status make_room(ef_validation_data *d, ef_error *err)
{
    size_t cells = d->n_measures * d->n;
    d->errors = ef_calloc(d->n, sizeof(double));
    d->ccr = ef_calloc(cells, sizeof(double));
    d->low = ef_calloc(cells, sizeof(double));
    d->high = ef_calloc(cells, sizeof(double));
    d->nonfinite = ef_calloc(cells, sizeof(double));
    d->seeds = ef_calloc(cells, d->n_seeds * sizeof(double));
    d->proxies = ef_calloc(cells, d->n_proxies * sizeof(double));
    return d->errors && d->ccr && d->low && d->high && d->nonfinite && d->seeds &&
                   d->proxies
               ? EF_OK
               : ef_error_memory(err);
}

/* Means over seeds; the ends of independent intervals add in squares. */
static void average(ef_validation_data *d, size_t measure, size_t i)
{
    double k = (double)d->n_seeds, sum = 0, below = 0, above = 0, nonfinite = 0;
    for (size_t s = 0; s < d->n_seeds; s++) {
        const ef_faults_measured *found =
            &ef_validation_trial_at(d->validation, d->kept[i], s)->results[measure];
        const ef_fault_rate *ccr = &found->failed;
        d->seeds[(measure * d->n_seeds + s) * d->n + i] = ccr->share;
        sum += ccr->share;
        nonfinite += found->nonfinite.share;
        below += (ccr->share - ccr->interval.low) * (ccr->share - ccr->interval.low);
        above += (ccr->interval.high - ccr->share) * (ccr->interval.high - ccr->share);
    }
    size_t at = measure * d->n + i;
    d->ccr[at] = sum / k;
    d->nonfinite[at] = nonfinite / k;
    d->low[at] = (sum - sqrt(below)) / k;
    d->low[at] = d->low[at] > 0 ? d->low[at] : 0;
    d->high[at] = (sum + sqrt(above)) / k;
}

static void take_measured(ef_validation_data *d)
{
    for (size_t i = 0; i < d->n; i++) {
        for (size_t s = 0; s < d->n_seeds; s++) {
            d->errors[i] +=
                ef_validation_trial_at(d->validation, d->kept[i], s)->error /
                (double)d->n_seeds;
        }
        for (size_t m = 0; m < d->n_measures; m++) {
            average(d, m, i);
        }
    }
}

/* --- what is predicted ------------------------------------------------------- */

static ef_status score_objectives(const ef_topology *topology,
                                  const ef_objective_context *context, const char *text,
                                  double *values, ef_error *err)
{
    ef_objective_list list;
    ef_status status = ef_objective_parse_list(&list, text, err);
    return status ? status : ef_objective_score(topology, context, &list, values, err);
}

static ef_status score_depth_by_params(const ef_topology *topology,
                                       const ef_objective_context *context,
                                       double *value, ef_error *err)
{
    double values[EF_OBJECTIVES_MAX];
    ef_status status = score_objectives(topology, context, "depth,params", values, err);
    if (!status) {
        *value = values[0] * ef_pow(values[1], -1.0 / 3.0);
    }
    return status;
}

ef_fault_model ef_validation_fault_model(const ef_validation *validation,
                                         size_t measure)
{
    const ef_validation_measure *m = ef_validation_measure_at(validation, measure);
    return (ef_fault_model){.target = m->target, .ber = m->ber, .share = 0.5};
}

ef_status ef_validation_predict(ef_prediction **prediction,
                                const ef_validation *validation, size_t topology,
                                size_t measure, ef_error *err)
{
    const ef_validation_measure *m = ef_validation_measure_at(validation, measure);
    const ef_format *format = &ef_validation_settings(validation)->formats[m->format];
    const ef_prediction_formats formats = {.weights = *format, .activations = *format};
    return ef_prediction_create(
        prediction, ef_validation_topology(validation, topology), &formats, err);
}

static ef_status score_predicted(const ef_validation_data *d,
                                 const ef_objective_context *context, size_t measure,
                                 size_t topology, double *value, ef_error *err)
{
    const ef_fault_model fault = ef_validation_fault_model(d->validation, measure);
    ef_prediction *prediction = NULL;
    ef_status status =
        ef_validation_predict(&prediction, d->validation, topology, measure, err);
    if (!status) {
        *value = ef_prediction_ccr(prediction, &fault, context->constants);
    }
    ef_prediction_destroy(prediction);
    return status;
}

static ef_status predict_one(const ef_validation_data *d,
                             const ef_objective_context *context, size_t measure,
                             const ef_proxy *proxy, size_t topology, double *value,
                             ef_error *err)
{
    const ef_topology *of = ef_validation_topology(d->validation, topology);
    return proxy->objective
               ? score_objectives(of, context, proxy->objective, value, err)
           : proxy->takes_measure
               ? score_predicted(d, context, measure, topology, value, err)
               : score_depth_by_params(of, context, value, err);
}

static ef_status predict(ef_validation_data *d, const ef_objective_context *context,
                         size_t measure, size_t p, ef_error *err)
{
    double *to = d->proxies + (measure * d->n_proxies + p) * d->n;
    ef_status status = EF_OK;
    for (size_t i = 0; i < d->n && !status; i++) {
        double value = NAN;
        status =
            predict_one(d, context, measure, &ef_proxies[p], d->kept[i], &value, err);
        to[i] = ef_proxies[p].sign * value;
    }
    return status;
}

ef_status ef_validation_gather(ef_validation_data *data,
                               const ef_validation *validation, double max_error,
                               const ef_objective_context *context, ef_error *err)
{
    ef_validation_data d = {.validation = validation,
                            .n_measures = ef_validation_n_measures(validation),
                            .n_seeds = ef_validation_settings(validation)->n_seeds,
                            .n_proxies = ef_proxies_n()};
    ef_status status = choose(&d, max_error, err);
    status = status ? status : make_room(&d, err);
    if (!status) {
        take_measured(&d);
    }
    for (size_t m = 0; m < d.n_measures && !status; m++) {
        for (size_t p = 0; p < d.n_proxies && !status; p++) {
            status = predict(&d, context, m, p, err);
        }
    }
    if (status) {
        ef_validation_data_clear(&d);
        return status;
    }
    *data = d;
    return EF_OK;
}

void ef_validation_data_clear(ef_validation_data *data)
{
    ef_free(data->kept);
    ef_free(data->errors);
    ef_free(data->ccr);
    ef_free(data->low);
    ef_free(data->high);
    ef_free(data->seeds);
    ef_free(data->nonfinite);
    ef_free(data->proxies);
    memset(data, 0, sizeof *data);
}

/* --- correlations ------------------------------------------------------------ */

static size_t find_best_trivial(const ef_correlations *c, size_t n)
{
    size_t best = n;
    double most = -1;
    for (size_t p = 0; p < n; p++) {
        double r = ef_proxies[p].is_trivial
                       ? fabs(ef_correlations_get(c, p, EF_COEFFICIENT_SPEARMAN).value)
                       : NAN;
        if (r > most) {
            most = r;
            best = p;
        }
    }
    return best;
}

static void read_results(const ef_correlations *c, size_t n, ef_measure_result *result)
{
    const ef_estimated nothing = {NAN, {NAN, NAN}};
    size_t best = find_best_trivial(c, n);
    double sign = 1;
    if (best < n) {
        sign = ef_correlations_get(c, best, EF_COEFFICIENT_SPEARMAN).value < 0 ? -1 : 1;
    }
    for (size_t p = 0; p < n; p++) {
        ef_proxy_result *to = &result->proxies[p];
        for (size_t k = 0; k < EF_COEFFICIENT_COUNT; k++) {
            to->coefficients[k] = ef_correlations_get(c, p, (ef_coefficient)k);
        }
        to->lead = ef_proxies[p].is_trivial || best == n
                       ? nothing
                       : ef_correlations_difference(c, p, 1, best, sign,
                                                    EF_COEFFICIENT_SPEARMAN);
    }
    result->best_trivial = best;
}

static ef_status find_ceiling(const ef_validation_data *d, size_t measure,
                              ef_measure_result *result, ef_error *err)
{
    const double *seeds = d->seeds + measure * d->n_seeds * d->n;
    double sum = 0, pairs = 0, k = (double)d->n_seeds;
    ef_status status = EF_OK;
    for (size_t a = 0; a < d->n_seeds && !status; a++) {
        for (size_t b = a + 1; b < d->n_seeds && !status; b++) {
            double r = 0;
            status = ef_correlation_spearman(seeds + a * d->n, seeds + b * d->n, d->n,
                                             &r, err);
            sum += r;
            pairs++;
        }
    }
    double r = pairs > 0 ? sum / pairs : NAN;
    result->between_seeds = r;
    result->between_means = k * r / (1 + (k - 1) * r);
    result->ceiling = r > 0 ? sqrt(result->between_means) : NAN;
    return status;
}

static ef_status find_medians(const ef_validation_data *d, size_t measure,
                              ef_measure_result *result, ef_error *err)
{
    double *scratch = ef_calloc(d->n, sizeof *scratch);
    if (!scratch) {
        return ef_error_memory(err);
    }
    result->median = ef_median(d->ccr + measure * d->n, d->n, scratch);
    result->nonfinite = ef_median(d->nonfinite + measure * d->n, d->n, scratch);
    ef_free(scratch);
    return EF_OK;
}

ef_status ef_validation_correlate(const ef_validation_data *data, size_t measure,
                                  const ef_correlations_options *options,
                                  ef_measure_result *result, ef_error *err)
{
    const double *predictors = data->proxies + measure * data->n_proxies * data->n;
    ef_correlations_options own = *options;
    ef_correlations *c = NULL;
    ef_measure_result found = {0};
    own.key = measure;
    ef_status status =
        ef_correlations_create(&c, predictors, data->n_proxies,
                               data->ccr + measure * data->n, data->n, &own, err);
    if (!status) {
        read_results(c, data->n_proxies, &found);
        status = find_ceiling(data, measure, &found, err);
    }
    ef_correlations_destroy(c);
    status = status ? status : find_medians(data, measure, &found, err);
    if (!status) {
        *result = found;
    }
    return status;
}

/* --- formats ----------------------------------------------------------------- */

static double mean_of(const double *x, const size_t *chosen, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[chosen[i]];
    }
    return sum / (double)n;
}

/* Ratio and difference of means over resamples, then without each: (resamples + n)
 * each. */
static void resample_means(const double *a, const double *b, size_t n,
                           const ef_correlations_options *o, size_t *chosen,
                           double *ratios, double *gaps)
{
    for (size_t r = 0; r < o->n_resamples + n; r++) {
        size_t m = 0;
        if (r < o->n_resamples) {
            ef_rng rng = ef_rng_stream(o->seed, EF_PURPOSE_RESAMPLE, o->key, r, 0);
            for (; m < n; m++) {
                chosen[m] = (size_t)ef_rng_below(&rng, n);
            }
        } else {
            for (size_t i = 0; i < n; i++) {
                chosen[m] = i;
                m += i != r - o->n_resamples;
            }
        }
        double mean_a = mean_of(a, chosen, m), mean_b = mean_of(b, chosen, m);
        ratios[r] = mean_b / mean_a;
        gaps[r] = mean_b - mean_a;
    }
}

static ef_status compare_means(const double *a, const double *b, size_t n,
                               const ef_correlations_options *o,
                               ef_format_result *result, ef_error *err)
{
    size_t rows = o->n_resamples + n;
    size_t *chosen = ef_calloc(n, sizeof *chosen);
    double *values = ef_calloc(rows, 2 * sizeof *values);
    ef_status status = chosen && values ? EF_OK : ef_error_memory(err);
    if (!status) {
        double *gaps = values + rows, mean_a = ef_mean(a, n), mean_b = ef_mean(b, n);
        resample_means(a, b, n, o, chosen, values, gaps);
        result->ratio = ef_estimated_bca(mean_b / mean_a, values, o->n_resamples,
                                         values + o->n_resamples, n);
        result->gap = ef_estimated_bca(mean_b - mean_a, gaps, o->n_resamples,
                                       gaps + o->n_resamples, n);
    }
    ef_free(values);
    ef_free(chosen);
    return status;
}

static ef_status compare(const ef_validation_data *d, size_t a, size_t b,
                         const ef_correlations_options *options,
                         ef_format_result *result, ef_error *err)
{
    const double *x = d->ccr + a * d->n, *y = d->ccr + b * d->n;
    ef_correlations_options own = *options;
    ef_correlations *c = NULL;
    double lower = 0;
    own.key = d->n_measures + a * d->n_measures + b;
    for (size_t i = 0; i < d->n; i++) {
        lower += y[i] < x[i] ? 1 : y[i] == x[i] ? 0.5 : 0;
    }
    *result = (ef_format_result){.a = a, .b = b, .share_b = lower / (double)d->n};
    ef_status status = ef_correlations_create(&c, x, 1, y, d->n, &own, err);
    if (!status) {
        result->agreement = ef_correlations_get(c, 0, EF_COEFFICIENT_SPEARMAN);
        status = compare_means(x, y, d->n, &own, result, err);
    }
    ef_correlations_destroy(c);
    return status;
}

ef_status ef_validation_compare(const ef_validation_data *data,
                                const ef_correlations_options *options,
                                ef_format_result *results, size_t room, size_t *n,
                                ef_error *err)
{
    ef_status status = EF_OK;
    size_t found = 0;
    for (size_t a = 0; a < data->n_measures; a++) {
        const ef_validation_measure *x = ef_validation_measure_at(data->validation, a);
        for (size_t b = 0; x->format == 0 && b < data->n_measures && !status; b++) {
            const ef_validation_measure *y =
                ef_validation_measure_at(data->validation, b);
            if (y->format > 0 && y->target == x->target && y->ber == x->ber &&
                found < room) {
                status = compare(data, a, b, options, &results[found++], err);
            }
        }
    }
    *n = found;
    return status;
}
