/* evoflip validate --fit: constants of predicted_ccr for the user's own task. */
#include <inttypes.h>
#include <math.h>

#include "base/file.h"
#include "cmd/model.h"
#include "cmd/validate_priv.h"
#include "config.h"
#include "report/table.h"
#include "study/refit.h"

static const char *const target_names[] = {
#define X(exposed, name) name,
    EF_EXPOSED_LIST(X)
#undef X
};

static const ef_validation_measure *measure_at(const ef_validate_job *job,
                                               size_t measure)
{
    return ef_validation_measure_at(job->validation, measure);
}

void ef_validate_name_measure(const ef_validate_job *job, size_t measure, ef_text *text)
{
    const ef_validation_measure *m = measure_at(job, measure);
    char format[EF_FORMAT_NAME];
    ef_format_name(&ef_validation_settings(job->validation)->formats[m->format],
                   format);
    ef_text_add(text, "%s, %s, ", format, target_names[m->target]);
    if (m->ber > 0) {
        ef_text_add(text, "BER ");
        ef_text_add_double(text, m->ber);
    } else {
        ef_text_add(text, "one flip");
    }
}

static const ef_refit_quality *quality_of(const ef_refit *refit, size_t measure,
                                          ef_refit_by by)
{
    return &refit->judged[measure * EF_REFIT_COUNT + by];
}

/* What the constants at the start are. */
static const char *start_name(const ef_validate_job *job)
{
    return job->context.constants ? "given" : "built in";
}

/* --- the verdict ------------------------------------------------------------- */

/* Mean Spearman over the measures of a target; NaN where it has none. */
static double mean_of(const ef_validate_job *job, const ef_refit *refit,
                      ef_exposed target, ef_refit_by by)
{
    double sum = 0, n = 0;
    for (size_t m = 0; m < refit->n_measures; m++) {
        double r = quality_of(refit, m, by)->spearman;
        if (measure_at(job, m)->target == target && isfinite(r)) {
            sum += r;
            n++;
        }
    }
    return n > 0 ? sum / n : NAN;
}

/* "weights: ..."; one line for a target. */
static void tell_verdict(const ef_validate_job *job, const ef_refit *refit,
                         ef_exposed target, ef_text *text)
{
    double start = mean_of(job, refit, target, EF_REFIT_START);
    double held_out = mean_of(job, refit, target, EF_REFIT_HELD_OUT);
    if (isnan(start) || isnan(held_out)) {
        return;
    }
    ef_text_add(text, "%s: mean Spearman %.3f %s, %.3f cross-validated: ",
                target_names[target], start, start_name(job), held_out);
    if (held_out > start) {
        ef_text_add(text, "the fit ranks better topologies that it has not seen\n");
    } else {
        ef_text_add(text, "the constants %s are better than the fit\n",
                    start_name(job));
    }
}

static void tell_verdicts(const ef_validate_job *job, const ef_refit *refit,
                          ef_text *text)
{
    tell_verdict(job, refit, EF_EXPOSED_WEIGHTS, text);
    tell_verdict(job, refit, EF_EXPOSED_ACTIVATIONS, text);
}

/* --- for people -------------------------------------------------------------- */

static void add_measure(const ef_validate_job *job, const ef_refit *refit,
                        size_t measure, ef_table *table)
{
    ef_text name = {0};
    ef_validate_name_measure(job, measure, &name);
    ef_table_add_text(table, name.bytes ? name.bytes : "");
    table->failed |= name.failed;
    ef_text_clear(&name);
    for (ef_refit_by by = EF_REFIT_START; by < EF_REFIT_COUNT; by++) {
        double r = quality_of(refit, measure, by)->spearman;
        ef_table_add_number(table, isfinite(r) ? round(1e3 * r) / 1e3 : r);
    }
    for (ef_refit_by by = EF_REFIT_START; by < EF_REFIT_COUNT; by++) {
        double factor = quality_of(refit, measure, by)->factor;
        ef_table_add_number(table,
                            isfinite(factor) ? round(1e2 * factor) / 1e2 : factor);
    }
}

static void tell(const ef_validate_job *job, const ef_refit *refit, size_t folds,
                 ef_text *text)
{
    const char *const columns[] = {"measure",        start_name(job), "fitted",
                                   "held out",       "off by",        "off by fitted",
                                   "off by held out"};
    ef_table table;
    ef_table_init(&table);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        ef_table_add_column(&table, columns[i], "");
    }
    for (size_t m = 0; m < refit->n_measures; m++) {
        add_measure(job, refit, m, &table);
    }
    ef_text_add(text,
                "\nconstants fitted to %zu topologies: Spearman, and the factor that "
                "half of the predictions are off by; held out: each topology predicted "
                "by a fit to the other %zu of %zu folds\n",
                refit->n, folds - 1, folds);
    ef_table_print(&table, text);
    text->failed |= table.failed;
    ef_table_clear(&table);
    tell_verdicts(job, refit, text);
}

/* --- the file ---------------------------------------------------------------- */

static void write_note(const ef_validate_job *job, const ef_refit *refit, size_t folds,
                       ef_text *note)
{
    char hash[EF_MODEL_HASH_SIZE];
    size_t n_seeds = ef_validation_settings(job->validation)->n_seeds;
    ef_model_data_hash(&job->data, hash);
    ef_text_add(note,
                "Constants of predicted_ccr, fitted by evoflip " PACKAGE_VERSION
                " validate.\n"
                "Data %s, seed %" PRIu64 ", %zu topologies of %zu, %zu training%s "
                "each.\n"
                "Spearman of predicted with measured CCR; held out: in %zu folds.\n",
                hash, job->set.common.seed, refit->n,
                ef_validation_n_topologies(job->validation), n_seeds,
                n_seeds == 1 ? "" : "s", folds);
    for (size_t m = 0; m < refit->n_measures; m++) {
        ef_validate_name_measure(job, m, note);
        ef_text_add(note, ": %.3f %s, %.3f fitted, %.3f held out\n",
                    quality_of(refit, m, EF_REFIT_START)->spearman, start_name(job),
                    quality_of(refit, m, EF_REFIT_FITTED)->spearman,
                    quality_of(refit, m, EF_REFIT_HELD_OUT)->spearman);
    }
    tell_verdicts(job, refit, note);
}

static ef_status write(const ef_validate_job *job, const ef_refit *refit, size_t folds,
                       ef_error *err)
{
    ef_text note = {0}, yaml = {0};
    write_note(job, refit, folds, &note);
    ef_constants_write(&refit->constants, note.bytes, &yaml);
    ef_status status = note.failed || yaml.failed
                           ? ef_error_memory(err)
                           : ef_file_write(job->set.fit, job->set.common.force,
                                           yaml.bytes, yaml.size, err);
    ef_text_clear(&note);
    ef_text_clear(&yaml);
    return status;
}

ef_status ef_validate_fit(const ef_validate_job *job, const ef_validation_data *data,
                          ef_text *text, ef_error *err)
{
    const ef_validate_settings *set = &job->set;
    size_t folds = set->folds < data->n ? (size_t)set->folds : data->n;
    ef_refit refit = {0};
    ef_status status =
        ef_refit_validation(&refit, data, job->context.constants, folds,
                            set->common.seed, (size_t)set->common.threads, err);
    if (status) {
        return status;
    }
    tell(job, &refit, folds, text);
    status = text->failed ? ef_error_memory(err) : write(job, &refit, folds, err);
    ef_refit_clear(&refit);
    return status;
}
