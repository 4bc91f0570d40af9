#include "study/calibration.h"

#include <math.h>
#include <string.h>

#include "base/correlation.h"
#include "base/mem.h"
#include "base/nnls.h"
#include "base/rng.h"
#include "base/sum.h"
#include "base/text.h"

#define ALIKE 1e-4
#define WITHIN 0.1

static const char *const term_names[] = {
#define X(term, name, field) name,
    EF_TERM_LIST(X)
#undef X
};

static const size_t term_offsets[] = {
#define X(term, name, field) offsetof(ef_layer_cost, field),
    EF_TERM_LIST(X)
#undef X
};

const char *ef_term_name(ef_term term)
{
    return term_names[term];
}

double ef_calibration_number(const ef_layer_cost *model, size_t index)
{
    double value;
    const char *of = (const char *)&model[index / EF_TERM_COUNT];
    memcpy(&value, of + term_offsets[index % EF_TERM_COUNT], sizeof value);
    return value;
}

static void set_number(ef_layer_cost *model, size_t index, double value)
{
    char *of = (char *)&model[index / EF_TERM_COUNT];
    memcpy(of + term_offsets[index % EF_TERM_COUNT], &value, sizeof value);
}

void ef_calibration_work(const ef_workload *workload, double *work)
{
    memset(work, 0, EF_CALIBRATION_SIZE * sizeof *work);
    for (size_t i = 0; i < workload->n_layers; i++) {
        const ef_layer *layer = &workload->layers[i];
        double *of = work + (size_t)layer->layer_class * EF_TERM_COUNT;
        of[EF_TERM_MAC] += (double)(layer->macs + layer->operations);
        of[EF_TERM_BYTE] += ef_workload_bytes(workload, layer);
        of[EF_TERM_LAUNCH] += 1;
    }
}

/* --- what can be fitted --- */

static ef_status check_count(const ef_calibration *c, size_t n, ef_error *err)
{
    ef_text names;
    ef_text_init(&names);
    size_t wanted = 0;
    for (size_t i = 0; i < EF_CALIBRATION_SIZE; i++) {
        if (c->states[i] == EF_CALIBRATION_FITTED) {
            ef_text_add(&names, "%s%s.%s", wanted ? ", " : "",
                        ef_layer_class_name(i / EF_TERM_COUNT),
                        term_names[i % EF_TERM_COUNT]);
            wanted++;
        }
    }
    ef_status status = names.failed ? ef_error_memory(err) : EF_OK;
    if (!status && wanted == 0) {
        status = ef_error_set(err, EF_ERR_INPUT,
                              "no topology has any work that is to be fitted");
    } else if (!status && n < wanted) {
        status = ef_error_set(err, EF_ERR_INPUT,
                              "%zu different topologies are too few for %zu numbers "
                              "(%s): measure more topologies, or fit fewer terms",
                              n, wanted, names.bytes);
    }
    ef_text_clear(&names);
    return status;
}

/* MACs of every class first, then bytes, then launches: of what cannot be told apart,
 * the first is fitted. */
static ef_status find_alike(ef_calibration *c, const ef_calibration_data *data,
                            ef_error *err)
{
    size_t order[EF_CALIBRATION_SIZE];
    unsigned char independent[EF_CALIBRATION_SIZE];
    double *work = ef_calloc(data->n, EF_CALIBRATION_SIZE * sizeof *work);
    if (!work) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < EF_CALIBRATION_SIZE; i++) {
        order[i] = i % EF_CLASS_COUNT * EF_TERM_COUNT + i / EF_CLASS_COUNT;
        for (size_t t = 0; t < data->n; t++) {
            size_t at = t * EF_CALIBRATION_SIZE + i;
            work[at] = c->states[i] == EF_CALIBRATION_FITTED
                           ? data->work[at] / data->measured[t]
                           : 0;
        }
    }
    ef_status status = ef_nnls_independent(work, data->n, EF_CALIBRATION_SIZE, order,
                                           ALIKE, independent, err);
    ef_free(work);
    c->n_fitted = 0;
    for (size_t i = 0; i < EF_CALIBRATION_SIZE && !status; i++) {
        if (c->states[i] == EF_CALIBRATION_FITTED && !independent[i]) {
            c->states[i] = EF_CALIBRATION_ALIKE;
        }
        c->n_fitted += c->states[i] == EF_CALIBRATION_FITTED;
    }
    return status;
}

static ef_status find_states(ef_calibration *c, const ef_calibration_data *data,
                             ef_error *err)
{
    for (size_t i = 0; i < EF_CALIBRATION_SIZE; i++) {
        int asked = data->terms >> i % EF_TERM_COUNT & 1U;
        c->states[i] = asked ? EF_CALIBRATION_ABSENT : EF_CALIBRATION_LEFT;
        for (size_t t = 0; t < data->n && asked; t++) {
            if (data->work[t * EF_CALIBRATION_SIZE + i] > 0) {
                c->states[i] = EF_CALIBRATION_FITTED;
            }
        }
    }
    ef_status status = check_count(c, data->n, err);
    return status ? status : find_alike(c, data, err);
}

/* --- one fit --- */

static double predict(const double *work, const ef_layer_cost *model)
{
    double sum = 0;
    for (size_t i = 0; i < EF_CALIBRATION_SIZE; i++) {
        sum += work[i] * ef_calibration_number(model, i);
    }
    return sum;
}

/* Room for one fit to n topologies. */
typedef struct room {
    double *a; /* (n, n_fitted) */
    double *b; /* (n) */
    double *x; /* (n_fitted) */
} room;

/* Of the topologies outside a fold; model holds what is not fitted, and gets what is.
 */
static ef_status fit_without(const ef_calibration *c, const ef_calibration_data *data,
                             size_t fold, room *r, ef_layer_cost *model, ef_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < EF_CALIBRATION_SIZE; i++) {
        if (c->states[i] == EF_CALIBRATION_FITTED) {
            set_number(model, i, 0);
        }
    }
    for (size_t t = 0; t < data->n; t++) {
        if (c->fold[t] == fold) {
            continue;
        }
        const double *work = data->work + t * EF_CALIBRATION_SIZE;
        double *row = r->a + n * c->n_fitted;
        for (size_t i = 0; i < EF_CALIBRATION_SIZE; i++) {
            if (c->states[i] == EF_CALIBRATION_FITTED) {
                *row++ = work[i] / data->measured[t];
            }
        }
        r->b[n++] = 1 - predict(work, model) / data->measured[t];
    }
    ef_status status = ef_nnls(r->a, r->b, n, c->n_fitted, r->x, err);
    const double *x = r->x;
    for (size_t i = 0; i < EF_CALIBRATION_SIZE && !status; i++) {
        if (c->states[i] == EF_CALIBRATION_FITTED) {
            set_number(model, i, *x++);
        }
    }
    return status;
}

static double count_macs(const double *work)
{
    return work[EF_CLASS_CONV * EF_TERM_COUNT + EF_TERM_MAC] +
           work[EF_CLASS_DEPTHWISE * EF_TERM_COUNT + EF_TERM_MAC] +
           work[EF_CLASS_DENSE * EF_TERM_COUNT + EF_TERM_MAC];
}

/* The one number, in closed form: sum u / sum u^2 with u = macs / measured. */
static double fit_macs(const ef_calibration *c, const ef_calibration_data *data,
                       size_t fold)
{
    double sum = 0, squares = 0;
    for (size_t t = 0; t < data->n; t++) {
        if (c->fold[t] != fold) {
            double u =
                count_macs(data->work + t * EF_CALIBRATION_SIZE) / data->measured[t];
            sum += u;
            squares += u * u;
        }
    }
    return squares > 0 ? sum / squares : 0;
}

/* --- cross-validation --- */

static ef_status draw_folds(ef_calibration *c, const ef_calibration_data *data,
                            ef_error *err)
{
    size_t *order = ef_calloc(data->n, sizeof *order);
    if (!order) {
        return ef_error_memory(err);
    }
    for (size_t t = 0; t < data->n; t++) {
        order[t] = t;
    }
    ef_rng rng = ef_rng_stream(data->seed, EF_PURPOSE_SPLIT, data->n, data->folds, 0);
    ef_rng_shuffle(&rng, order, data->n);
    for (size_t i = 0; i < data->n; i++) {
        c->fold[order[i]] = i % data->folds;
    }
    ef_free(order);
    return EF_OK;
}

static void start_model(const ef_calibration_data *data, ef_layer_cost *model)
{
    memset(model, 0, EF_CLASS_COUNT * sizeof *model);
    if (data->base) {
        memcpy(model, data->base, EF_CLASS_COUNT * sizeof *model);
    }
}

static ef_status hold_out(ef_calibration *c, const ef_calibration_data *data, room *r,
                          ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t fold = 0; fold < data->folds && !status; fold++) {
        ef_layer_cost model[EF_CLASS_COUNT];
        start_model(data, model);
        status = fit_without(c, data, fold, r, model, err);
        double per_mac = fit_macs(c, data, fold);
        for (size_t t = 0; t < data->n && !status; t++) {
            const double *work = data->work + t * EF_CALIBRATION_SIZE;
            if (c->fold[t] == fold) {
                c->held_out[t] = predict(work, model);
                c->macs[t] = count_macs(work) * per_mac;
            }
        }
    }
    return status;
}

static ef_status fit_all(ef_calibration *c, const ef_calibration_data *data, room *r,
                         ef_error *err)
{
    start_model(data, c->model);
    ef_status status = fit_without(c, data, data->folds, r, c->model, err);
    for (size_t t = 0; t < data->n && !status; t++) {
        c->fitted[t] = predict(data->work + t * EF_CALIBRATION_SIZE, c->model);
    }
    return status;
}

ef_status ef_calibration_fit(ef_calibration *calibration,
                             const ef_calibration_data *data, ef_error *err)
{
    ef_calibration *c = calibration;
    size_t n = data->n;
    c->fitted = ef_calloc(n, sizeof *c->fitted);
    c->held_out = ef_calloc(n, sizeof *c->held_out);
    c->macs = ef_calloc(n, sizeof *c->macs);
    c->fold = ef_calloc(n, sizeof *c->fold);
    room r = {.a = ef_calloc(n, EF_CALIBRATION_SIZE * sizeof *r.a),
              .b = ef_calloc(n, sizeof *r.b),
              .x = ef_calloc(EF_CALIBRATION_SIZE, sizeof *r.x)};
    int ready = c->fitted && c->held_out && c->macs && c->fold && r.a && r.b && r.x;
    ef_status status = ready ? find_states(c, data, err) : ef_error_memory(err);
    status = status ? status : draw_folds(c, data, err);
    status = status ? status : fit_all(c, data, &r, err);
    status = status ? status : hold_out(c, data, &r, err);
    ef_free(r.a);
    ef_free(r.b);
    ef_free(r.x);
    return status;
}

void ef_calibration_clear(ef_calibration *calibration)
{
    ef_free(calibration->fitted);
    ef_free(calibration->held_out);
    ef_free(calibration->macs);
    ef_free(calibration->fold);
    memset(calibration, 0, sizeof *calibration);
}

/* --- accuracy --- */

ef_status ef_accuracy_of(ef_accuracy *accuracy, const double *predicted,
                         const double *measured, size_t n, ef_error *err)
{
    double *errors = ef_calloc(n, 2 * sizeof *errors);
    double spearman = NAN;
    size_t within = 0;
    ef_status status =
        errors ? ef_correlation_spearman(predicted, measured, n, &spearman, err)
               : ef_error_memory(err);
    for (size_t t = 0; t < n && !status; t++) {
        errors[t] = fabs(predicted[t] - measured[t]) / measured[t];
        within += errors[t] <= WITHIN;
    }
    if (!status) {
        *accuracy = (ef_accuracy){spearman, (double)within / (double)n,
                                  ef_median(errors, n, errors + n)};
    }
    ef_free(errors);
    return status;
}
