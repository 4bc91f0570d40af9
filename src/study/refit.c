#include "study/refit.h"

#include <math.h>
#include <nlopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/correlation.h"
#include "base/mathfn.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/sum.h"

#define KNEE 1.0          /* of h: a factor of e */
#define FLOOR_SHARE 0.1   /* e, of the measure's median */
#define PULL_RANGE 8.0    /* parts of a range: one of them away costs 1 / (2 n) */
#define WIDE 100.0        /* ratio of bounds that are searched by logarithm */
#define EVALUATIONS 3000  /* the loss is flat long before */
#define FIRST_STEP 0.05   /* of a range */
#define LEAST_CHANGE 1e-7 /* of the loss, relative */
#define FOLDS_STREAM 1    /* evoflip calibrate draws from 0 */
enum { TARGETS = 2 };

size_t ef_refit_fewest(void)
{
    return 2 * ef_constants_n();
}

/* --- constants as places in their ranges, 0 to 1 ----------------------------- */

static int is_wide(const ef_constant_row *row)
{
    return row->low > 0 && row->high / row->low > WIDE;
}

static double place_of(const ef_constant_row *row, double value)
{
    return is_wide(row) ? ef_log(value / row->low) / ef_log(row->high / row->low)
                        : (value - row->low) / (row->high - row->low);
}

static double value_at(const ef_constant_row *row, double place)
{
    double value = is_wide(row)
                       ? row->low * ef_exp(place * ef_log(row->high / row->low))
                       : row->low + place * (row->high - row->low);
    return value < row->low ? row->low : value > row->high ? row->high : value;
}

/* No fit tells more digits, and people read them. */
static double four_digits(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.4g", value);
    return strtod(text, NULL);
}

/* --- the loss ---------------------------------------------------------------- */

/* One fit: of a target, to the topologies outside a fold. */
typedef struct fit {
    const ef_refit_data *data;
    size_t target;
    size_t *chosen; /* (n) */
    size_t n;
    double *floors; /* (n_measures) e; 0: not of this target, or nothing changed */
    double start[EF_CONSTANTS_MAX];     /* places */
    double constants[EF_CONSTANTS_MAX]; /* that were found */
} fit;

static double log_ratio(double predicted, double measured, double floor)
{
    return ef_log((predicted + floor) / (measured + floor));
}

static double huber(double r)
{
    double size = fabs(r);
    return size <= KNEE ? r * r / 2 : KNEE * (size - KNEE / 2);
}

static double misfit(const fit *f, const ef_constants *constants)
{
    const ef_refit_data *d = f->data;
    double sum = 0;
    size_t n = 0;
    for (size_t m = 0; m < d->n_measures; m++) {
        for (size_t k = 0; f->floors[m] > 0 && k < f->n; k++) {
            size_t at = m * d->n + f->chosen[k];
            double p = ef_prediction_ccr(d->predictions[at], &d->faults[m], constants);
            sum += huber(log_ratio(p, d->measured[at], f->floors[m]));
            n++;
        }
    }
    return n > 0 ? sum / (double)n : 0;
}

/* NLopt's function of n places. */
static double loss(unsigned n, const double *places, double *gradient, void *context)
{
    const fit *f = context;
    ef_constants constants = {0};
    double pull = 0;
    (void)gradient; /* none is asked for */
    for (unsigned i = 0; i < n; i++) {
        double away = PULL_RANGE * (places[i] - f->start[i]);
        pull += away * away;
        constants.values[f->target][i] = value_at(&ef_constant_rows[i], places[i]);
    }
    return misfit(f, &constants) + pull / 2 / (double)f->n;
}

/* e of rates, (n); a median of 0 tells none, the mean then does.  scratch: (n). */
static double floor_of(const double *rates, size_t n, double *scratch)
{
    double middle = ef_median(rates, n, scratch);
    return FLOOR_SHARE * (middle > 0 ? middle : ef_mean(rates, n));
}

static ef_status find_floors(fit *f, ef_error *err)
{
    const ef_refit_data *d = f->data;
    double *scratch = ef_calloc(d->n, 2 * sizeof *scratch);
    if (!scratch) {
        return ef_error_memory(err);
    }
    for (size_t m = 0; m < d->n_measures; m++) {
        double *rates = scratch + d->n;
        for (size_t k = 0; k < f->n; k++) {
            rates[k] = d->measured[m * d->n + f->chosen[k]];
        }
        f->floors[m] = (size_t)d->faults[m].target == f->target
                           ? floor_of(rates, f->n, scratch)
                           : 0;
    }
    ef_free(scratch);
    return EF_OK;
}

/* --- one fit ----------------------------------------------------------------- */

static ef_status minimise(fit *f, double places[EF_CONSTANTS_MAX], ef_error *err)
{
    nlopt_opt search = nlopt_create(NLOPT_LN_SBPLX, (unsigned)ef_constants_n());
    double least = 0;
    if (!search) {
        return ef_error_memory(err);
    }
    nlopt_set_lower_bounds1(search, 0);
    nlopt_set_upper_bounds1(search, 1);
    nlopt_set_min_objective(search, loss, f);
    nlopt_set_initial_step1(search, FIRST_STEP);
    nlopt_set_ftol_rel(search, LEAST_CHANGE);
    nlopt_set_maxeval(search, EVALUATIONS);
    nlopt_result result = nlopt_optimize(search, places, &least);
    nlopt_destroy(search);
    if (result == NLOPT_OUT_OF_MEMORY) {
        return ef_error_memory(err);
    }
    /* Where rounding ends it, the best place is as good as any. */
    return result > 0 || result == NLOPT_ROUNDOFF_LIMITED
               ? EF_OK
               : ef_error_set(err, EF_ERR_FAILED, "the fit fails: %s",
                              nlopt_result_to_string(result));
}

/* Of the target, to the topologies that are not in `fold`. */
static ef_status fit_without(fit *f, const ef_constants *start, const size_t *folds,
                             size_t fold, ef_error *err)
{
    double places[EF_CONSTANTS_MAX] = {0};
    size_t n = ef_constants_n();
    for (size_t i = 0; i < f->data->n; i++) {
        if (folds[i] != fold) {
            f->chosen[f->n++] = i;
        }
    }
    for (size_t i = 0; i < n; i++) {
        places[i] = place_of(&ef_constant_rows[i], start->values[f->target][i]);
        f->start[i] = places[i];
    }
    ef_status status = find_floors(f, err);
    status = status ? status : minimise(f, places, err);
    for (size_t i = 0; i < n && !status; i++) {
        f->constants[i] = four_digits(value_at(&ef_constant_rows[i], places[i]));
    }
    return status;
}

static int has_measures(const ef_refit_data *data, size_t target)
{
    for (size_t m = 0; m < data->n_measures; m++) {
        if ((size_t)data->faults[m].target == target) {
            return 1;
        }
    }
    return 0;
}

/* --- all of them ------------------------------------------------------------- */

/* Fold data->folds is the fit to all. */
typedef struct room {
    const ef_refit_data *data;
    const size_t *folds; /* (n) */
    ef_constants start;
    ef_constants *found; /* (folds + 1) */
} room;

/* One fold and target. */
static ef_status fit_one(void *context, size_t index, ef_error *err)
{
    const room *r = context;
    const ef_refit_data *data = r->data;
    size_t fold = index / TARGETS, target = index % TARGETS;
    if (!has_measures(data, target)) {
        return EF_OK;
    }
    fit f = {.data = data,
             .target = target,
             .chosen = ef_calloc(data->n, sizeof *f.chosen),
             .floors = ef_calloc(data->n_measures, sizeof *f.floors)};
    ef_status status = f.chosen && f.floors
                           ? fit_without(&f, &r->start, r->folds, fold, err)
                           : ef_error_memory(err);
    if (!status) {
        memcpy(r->found[fold].values[target], f.constants, sizeof f.constants);
    }
    ef_free(f.chosen);
    ef_free(f.floors);
    return status;
}

static ef_status make_room(room *r, const ef_refit_data *data, ef_error *err)
{
    r->data = data;
    r->found = ef_calloc(data->folds + 1, sizeof *r->found);
    if (!r->found) {
        return ef_error_memory(err);
    }
    ef_constants_init(&r->start);
    r->start = data->start ? *data->start : r->start;
    for (size_t i = 0; i <= data->folds; i++) {
        r->found[i] = r->start;
    }
    return EF_OK;
}

/* --- what comes of it -------------------------------------------------------- */

static double *predicted_by(const ef_refit *refit, ef_refit_by by, size_t measure)
{
    return refit->predicted + ((size_t)by * refit->n_measures + measure) * refit->n;
}

static void predict(ef_refit *refit, const ef_refit_data *data, const room *r)
{
    for (size_t m = 0; m < data->n_measures; m++) {
        for (size_t i = 0; i < data->n; i++) {
            const ef_constants *const by[EF_REFIT_COUNT] = {
                [EF_REFIT_START] = &r->start,
                [EF_REFIT_FITTED] = &refit->constants,
                [EF_REFIT_HELD_OUT] = &r->found[refit->fold[i]]};
            for (ef_refit_by b = EF_REFIT_START; b < EF_REFIT_COUNT; b++) {
                predicted_by(refit, b, m)[i] = ef_prediction_ccr(
                    data->predictions[m * data->n + i], &data->faults[m], by[b]);
            }
        }
    }
}

/* exp of the median |r|; scratch: (2, n). */
static double factor_of(const double *predicted, const double *measured, size_t n,
                        double *scratch)
{
    double *sizes = scratch + n, floor = floor_of(measured, n, scratch);
    for (size_t i = 0; i < n && floor > 0; i++) {
        sizes[i] = fabs(log_ratio(predicted[i], measured[i], floor));
    }
    return floor > 0 ? ef_exp(ef_median(sizes, n, scratch)) : NAN;
}

static ef_status judge(ef_refit *refit, const ef_refit_data *data, ef_error *err)
{
    double *scratch = ef_calloc(data->n, 2 * sizeof *scratch);
    ef_status status = scratch ? EF_OK : ef_error_memory(err);
    for (size_t k = 0; k < data->n_measures * EF_REFIT_COUNT && !status; k++) {
        size_t m = k / EF_REFIT_COUNT;
        ef_refit_quality *to = &refit->judged[k];
        const double *measured = data->measured + m * data->n;
        const double *predicted =
            predicted_by(refit, (ef_refit_by)(k % EF_REFIT_COUNT), m);
        to->factor = factor_of(predicted, measured, data->n, scratch);
        status =
            ef_correlation_spearman(predicted, measured, data->n, &to->spearman, err);
    }
    ef_free(scratch);
    return status;
}

static ef_status draw_folds(ef_refit *refit, const ef_refit_data *data, ef_error *err)
{
    size_t *order = ef_calloc(data->n, sizeof *order);
    if (!order) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < data->n; i++) {
        order[i] = i;
    }
    ef_rng rng =
        ef_rng_stream(data->seed, EF_PURPOSE_SPLIT, data->n, data->folds, FOLDS_STREAM);
    ef_rng_shuffle(&rng, order, data->n);
    for (size_t i = 0; i < data->n; i++) {
        refit->fold[order[i]] = i % data->folds;
    }
    ef_free(order);
    return EF_OK;
}

static ef_status make_results(ef_refit *refit, const ef_refit_data *data, ef_error *err)
{
    size_t cells = data->n_measures * EF_REFIT_COUNT;
    refit->n = data->n;
    refit->n_measures = data->n_measures;
    refit->fold = ef_calloc(data->n, sizeof *refit->fold);
    refit->predicted = ef_calloc(cells, data->n * sizeof *refit->predicted);
    refit->judged = ef_calloc(cells, sizeof *refit->judged);
    return refit->fold && refit->predicted && refit->judged ? EF_OK
                                                            : ef_error_memory(err);
}

ef_status ef_refit_run(ef_refit *refit, const ef_refit_data *data, ef_error *err)
{
    ef_refit made = {0};
    room r = {.found = NULL};
    if (data->n < ef_refit_fewest()) {
        return ef_error_set(err, EF_ERR_FAILED,
                            "%zu topologies are too few to fit constants to: %zu are "
                            "needed",
                            data->n, ef_refit_fewest());
    }
    ef_status status = make_results(&made, data, err);
    status = status ? status : make_room(&r, data, err);
    status = status ? status : draw_folds(&made, data, err);
    if (!status) {
        r.folds = made.fold;
        status = ef_parallel_for((data->folds + 1) * TARGETS, data->n_threads, fit_one,
                                 &r, err);
    }
    if (!status) {
        made.constants = r.found[data->folds];
        predict(&made, data, &r);
        status = judge(&made, data, err);
    }
    ef_free(r.found);
    if (status) {
        ef_refit_clear(&made);
        return status;
    }
    *refit = made;
    return EF_OK;
}

void ef_refit_clear(ef_refit *refit)
{
    ef_free(refit->fold);
    ef_free(refit->predicted);
    ef_free(refit->judged);
    *refit = (ef_refit){0};
}

/* --- of a validation --------------------------------------------------------- */

/* A prediction for each measure and topology that learnt; those of measures in one
 * format are one. */
static ef_status prepare(const ef_validation_data *d, ef_prediction **own,
                         const ef_prediction **predictions, ef_fault_model *faults,
                         ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t m = 0; m < d->n_measures && !status; m++) {
        size_t format = ef_validation_measure_at(d->validation, m)->format;
        faults[m] = ef_validation_fault_model(d->validation, m);
        for (size_t i = 0; i < d->n && !status; i++) {
            ef_prediction **one = &own[format * d->n + i];
            if (!*one) {
                status = ef_validation_predict(one, d->validation, d->kept[i], m, err);
            }
            predictions[m * d->n + i] = *one;
        }
    }
    return status;
}

ef_status ef_refit_validation(ef_refit *refit, const ef_validation_data *data,
                              const ef_constants *start, size_t folds, uint64_t seed,
                              size_t n_threads, ef_error *err)
{
    size_t n = data->n, n_own = EF_VALIDATION_FORMATS_MAX * n;
    ef_prediction **own = ef_calloc(n_own, sizeof *own);
    const ef_prediction **predictions =
        ef_calloc(data->n_measures, n * sizeof *predictions);
    ef_fault_model *faults = ef_calloc(data->n_measures, sizeof *faults);
    ef_status status = own && predictions && faults
                           ? prepare(data, own, predictions, faults, err)
                           : ef_error_memory(err);
    if (!status) {
        const ef_refit_data d = {.n = n,
                                 .n_measures = data->n_measures,
                                 .predictions = predictions,
                                 .faults = faults,
                                 .measured = data->ccr,
                                 .start = start,
                                 .folds = folds < n ? folds : n,
                                 .seed = seed,
                                 .n_threads = n_threads};
        status = ef_refit_run(refit, &d, err);
    }
    for (size_t i = 0; own && i < n_own; i++) {
        ef_prediction_destroy(own[i]);
    }
    ef_free(own);
    ef_free(predictions);
    ef_free(faults);
    return status;
}
