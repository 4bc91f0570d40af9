/* What a validation shows, for people and for programs. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/sum.h"
#include "cmd/model.h"
#include "cmd/validate_priv.h"
#include "config.h"
#include "report/scatter.h"

#define COMPARISONS_MAX EF_VALIDATION_MEASURES_MAX

static const char *const target_names[] = {
#define X(exposed, name) name,
    EF_EXPOSED_LIST(X)
#undef X
};

typedef struct report {
    ef_validate_job *job;
    ef_validation_data data;
    ef_correlations_options options;
    ef_measure_result *results; /* (n_measures) */
    ef_format_result formats[COMPARISONS_MAX];
    size_t n_formats;
    ef_text text; /* for people */
} report;

static void format_name(const report *r, size_t measure, char name[EF_FORMAT_NAME])
{
    const ef_validation *v = r->job->validation;
    const ef_validation_measure *m = ef_validation_measure_at(v, measure);
    ef_format_name(&ef_validation_settings(v)->formats[m->format], name);
}

/* "weights, BER 1e-4" */
static void name_faults(const report *r, size_t measure, ef_text *text)
{
    const ef_validation_measure *m =
        ef_validation_measure_at(r->job->validation, measure);
    if (m->ber > 0) {
        ef_text_add(text, "%s, BER ", target_names[m->target]);
        ef_text_add_double(text, m->ber);
    } else {
        ef_text_add(text, "%s, one flip", target_names[m->target]);
    }
}

/* --- for people -------------------------------------------------------------- */

static void print_errors(report *r)
{
    const ef_validation_data *d = &r->data;
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < d->n; i++) {
        least = d->errors[i] < least ? d->errors[i] : least;
        most = d->errors[i] > most ? d->errors[i] : most;
    }
    ef_text_add(&r->text,
                "%zu topologies, %zu seed%s each: validation error %.2f to %.2f %%, "
                "mean %.2f %%\n",
                d->n, d->n_seeds, d->n_seeds == 1 ? "" : "s", 100 * least, 100 * most,
                100 * ef_mean(d->errors, d->n));
    if (d->n_unlearnt) {
        ef_text_add(&r->text, "left out: %zu with an error above %g %%\n",
                    d->n_unlearnt, 100 * r->job->set.max_error);
    }
    if (d->n_failed) {
        ef_text_add(&r->text, "left out: %zu that could not be trained or measured\n",
                    d->n_failed);
    }
}

static double rounded(double value)
{
    char text[32];
    double read = value;
    if (isfinite(value)) {
        snprintf(text, sizeof text, "%.3f", value);
        sscanf(text, "%lf", &read);
    }
    return read;
}

static void add_estimated(ef_table *table, const ef_estimated *estimated)
{
    ef_table_add_number(table, rounded(estimated->value));
    ef_table_add_number(table, rounded(estimated->interval.low));
    ef_table_add_number(table, rounded(estimated->interval.high));
}

static void print_table(report *r, const ef_measure_result *result)
{
    static const char *const columns[] = {
        "proxy",   "Pearson", "low",  "high", "Spearman", "low", "high",
        "Kendall", "low",     "high", "lead", "low",      "high"};
    ef_table table;
    ef_table_init(&table);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        ef_table_add_column(&table, columns[i], "");
    }
    for (size_t p = 0; p < r->data.n_proxies; p++) {
        ef_table_add_text(&table, ef_proxies[p].name);
        for (size_t k = 0; k < EF_COEFFICIENT_COUNT; k++) {
            add_estimated(&table, &result->proxies[p].coefficients[k]);
        }
        if (ef_proxies[p].is_trivial) {
            for (size_t k = 0; k < 3; k++) {
                ef_table_add_text(&table, "");
            }
        } else {
            add_estimated(&table, &result->proxies[p].lead);
        }
    }
    ef_table_print(&table, &r->text);
    ef_table_clear(&table);
}

static void print_measure(report *r, size_t measure)
{
    const ef_measure_result *result = &r->results[measure];
    ef_text_add(&r->text, "\n");
    ef_validate_name_measure(r->job, measure, &r->text);
    ef_text_add(&r->text, ": median CCR %.3g %%", 100 * result->median);
    if (result->nonfinite > 0) {
        ef_text_add(&r->text, ", not finite %.3g %%", 100 * result->nonfinite);
    }
    if (r->data.n_seeds > 1) {
        ef_text_add(&r->text,
                    "\nSpearman of one seed with another %.3f, of means of %zu with "
                    "others %.3f: at most %.3f can be reached",
                    result->between_seeds, r->data.n_seeds, result->between_means,
                    result->ceiling);
    }
    ef_text_add(&r->text, "\n");
    print_table(r, result);
}

static void print_formats(report *r)
{
    char a[EF_FORMAT_NAME], b[EF_FORMAT_NAME];
    if (r->n_formats > 0) {
        ef_text_add(&r->text, "\nformats under the same faults\n");
    }
    for (size_t i = 0; i < r->n_formats; i++) {
        const ef_format_result *f = &r->formats[i];
        format_name(r, f->a, a);
        format_name(r, f->b, b);
        name_faults(r, f->a, &r->text);
        ef_text_add(
            &r->text,
            ": mean CCR of %s is %.2f times that of %s (%.2f to %.2f), lower on "
            "%.0f %% of topologies; the two orders agree at %.3f (%.3f to "
            "%.3f)\n",
            b, f->ratio.value, a, f->ratio.interval.low, f->ratio.interval.high,
            100 * f->share_b, f->agreement.value, f->agreement.interval.low,
            f->agreement.interval.high);
    }
}

/* --- for programs ------------------------------------------------------------ */

/* The values, not the file's name. */
static void note_constants(const ef_constants *constants, ef_table *table)
{
    ef_text text = {0};
    for (size_t i = 0; i < 2 * ef_constants_n(); i++) {
        size_t target = i % 2;
        ef_text_add(&text, "%s%s.%s=", i ? " " : "", target_names[target],
                    ef_constant_rows[i / 2].name);
        ef_text_add_double(&text, constants->values[target][i / 2]);
    }
    table->failed |= text.failed;
    ef_table_add_note(table, "constants", text.bytes ? text.bytes : "");
    ef_text_clear(&text);
}

static ef_status add_notes(const report *r, ef_table *table, ef_error *err)
{
    static const char *const groups[] = {"Data", "Topologies", "Training", "Faults",
                                         "Intervals"};
    char seed[24], hash[EF_MODEL_HASH_SIZE];
    ef_text configuration = {0};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        ef_options_write(ef_validate_options, groups[i], &r->job->set, &configuration);
    }
    if (configuration.failed) {
        ef_text_clear(&configuration);
        return ef_error_memory(err);
    }
    snprintf(seed, sizeof seed, "%" PRIu64, r->job->set.common.seed);
    ef_model_data_hash(&r->job->data, hash);
    ef_table_add_note(table, "evoflip", PACKAGE_VERSION);
    ef_table_add_note(table, "command", "validate");
    ef_table_add_note(table, "seed", seed);
    ef_table_add_note(table, "data_hash", hash);
    ef_table_add_note(table, "configuration", configuration.bytes);
    if (r->job->context.constants) {
        note_constants(r->job->context.constants, table);
    }
    ef_text_clear(&configuration);
    return EF_OK;
}

/* "int8_weights_1e-4", "int8_weights_flip" */
static void add_measure_column(const report *r, size_t measure, const char *suffix,
                               ef_table *table)
{
    const ef_validation_measure *m =
        ef_validation_measure_at(r->job->validation, measure);
    char format[EF_FORMAT_NAME];
    ef_text name = {0};
    format_name(r, measure, format);
    ef_text_add(&name, "%s_%s_", format, target_names[m->target]);
    if (m->ber > 0) {
        ef_text_add_double(&name, m->ber);
    } else {
        ef_text_add(&name, "flip");
    }
    ef_text_add(&name, "%s", suffix);
    if (name.failed) {
        table->failed = 1;
    } else {
        ef_table_add_column(table, name.bytes, "");
    }
    ef_text_clear(&name);
}

static void add_topology_columns(const report *r, ef_table *table)
{
    const ef_validation_data *d = &r->data;
    static const char *const first[] = {"topology", "hash", "error"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        ef_table_add_column(table, first[i], "");
    }
    for (size_t p = 0; p < d->n_proxies; p++) {
        if (!ef_proxies[p].takes_measure) {
            ef_table_add_column(table, ef_proxies[p].name, "");
        }
    }
    for (size_t m = 0; m < d->n_measures; m++) {
        for (size_t p = 0; p < d->n_proxies; p++) {
            if (ef_proxies[p].takes_measure) {
                ef_text suffix = {0};
                ef_text_add(&suffix, "_%s", ef_proxies[p].name);
                add_measure_column(r, m, suffix.bytes ? suffix.bytes : "", table);
                ef_text_clear(&suffix);
            }
        }
        add_measure_column(r, m, "_ccr", table);
        add_measure_column(r, m, "_low", table);
        add_measure_column(r, m, "_high", table);
    }
}

static double proxy_at(const ef_validation_data *d, size_t measure, size_t p, size_t i)
{
    return d->proxies[(measure * d->n_proxies + p) * d->n + i];
}

static void add_topology(const report *r, size_t i, ef_table *table)
{
    const ef_validation_data *d = &r->data;
    char hash[17];
    snprintf(hash, sizeof hash, "%016" PRIx64,
             ef_validation_hash(d->validation, d->kept[i]));
    ef_table_add_text(table, ef_validation_name(d->validation, d->kept[i]));
    ef_table_add_text(table, hash);
    ef_table_add_number(table, d->errors[i]);
    for (size_t p = 0; p < d->n_proxies; p++) {
        if (!ef_proxies[p].takes_measure) {
            ef_table_add_number(table, proxy_at(d, 0, p, i));
        }
    }
    for (size_t m = 0; m < d->n_measures; m++) {
        for (size_t p = 0; p < d->n_proxies; p++) {
            if (ef_proxies[p].takes_measure) {
                ef_table_add_number(table, proxy_at(d, m, p, i));
            }
        }
        ef_table_add_number(table, d->ccr[m * d->n + i]);
        ef_table_add_number(table, d->low[m * d->n + i]);
        ef_table_add_number(table, d->high[m * d->n + i]);
    }
}

static ef_status make_topology_table(const report *r, ef_table *table, ef_error *err)
{
    ef_status status = add_notes(r, table, err);
    add_topology_columns(r, table);
    for (size_t i = 0; i < r->data.n; i++) {
        add_topology(r, i, table);
    }
    return status;
}

/* --- the table of correlations ----------------------------------------------- */

static void add_correlation_columns(ef_table *table)
{
    static const char *const columns[] = {
        "format",        "target",        "ber",          "topologies",
        "seeds",         "median_ccr",    "nonfinite",    "between_seeds",
        "between_means", "ceiling",       "proxy",        "is_trivial",
        "pearson",       "pearson_low",   "pearson_high", "spearman",
        "spearman_low",  "spearman_high", "kendall",      "kendall_low",
        "kendall_high",  "lead",          "lead_low",     "lead_high",
        "best_trivial"};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        ef_table_add_column(table, columns[i], "");
    }
}

static void add_interval(ef_table *table, const ef_estimated *e)
{
    ef_table_add_number(table, e->value);
    ef_table_add_number(table, e->interval.low);
    ef_table_add_number(table, e->interval.high);
}

static void add_correlation(const report *r, size_t measure, size_t p, ef_table *table)
{
    const ef_validation_measure *m =
        ef_validation_measure_at(r->job->validation, measure);
    const ef_measure_result *result = &r->results[measure];
    const ef_proxy_result *found = &result->proxies[p];
    char format[EF_FORMAT_NAME];
    format_name(r, measure, format);
    ef_table_add_text(table, format);
    ef_table_add_text(table, target_names[m->target]);
    ef_table_add_number(table, m->ber);
    ef_table_add_number(table, (double)r->data.n);
    ef_table_add_number(table, (double)r->data.n_seeds);
    ef_table_add_number(table, result->median);
    ef_table_add_number(table, result->nonfinite);
    ef_table_add_number(table, result->between_seeds);
    ef_table_add_number(table, result->between_means);
    ef_table_add_number(table, result->ceiling);
    ef_table_add_text(table, ef_proxies[p].name);
    ef_table_add_number(table, ef_proxies[p].is_trivial);
    for (size_t k = 0; k < EF_COEFFICIENT_COUNT; k++) {
        add_interval(table, &found->coefficients[k]);
    }
    add_interval(table, &found->lead);
    ef_table_add_text(table, result->best_trivial < r->data.n_proxies
                                 ? ef_proxies[result->best_trivial].name
                                 : "");
}

static ef_status write_correlations(const report *r, ef_error *err)
{
    const char *path = r->job->set.correlations;
    ef_table table;
    ef_text csv = {0};
    ef_table_init(&table);
    ef_status status = add_notes(r, &table, err);
    add_correlation_columns(&table);
    for (size_t m = 0; m < r->data.n_measures; m++) {
        for (size_t p = 0; p < r->data.n_proxies; p++) {
            add_correlation(r, m, p, &table);
        }
    }
    ef_table_write_csv(&table, &csv);
    ef_table_clear(&table);
    if (!status) {
        status = csv.failed ? ef_error_memory(err)
                            : ef_file_write(path, r->job->set.common.force, csv.bytes,
                                            csv.size, err);
    }
    ef_text_clear(&csv);
    return status;
}

/* --- the picture ------------------------------------------------------------- */

static ef_status make_titles(const report *r, ef_text *titles, ef_error *err)
{
    int failed = 0;
    for (size_t m = 0; m < r->data.n_measures; m++) {
        ef_validate_name_measure(r->job, m, &titles[m]);
        ef_text_add(
            &titles[m], ": Spearman %.2f",
            r->results[m].proxies[0].coefficients[EF_COEFFICIENT_SPEARMAN].value);
        failed |= titles[m].failed;
    }
    return failed ? ef_error_memory(err) : EF_OK;
}

/* Without gnuplot the rest is done all the same. */
static ef_status draw_panels(const report *r, const ef_scatter_panel *panels,
                             ef_error *err)
{
    char title[64];
    ef_error why = {0};
    snprintf(title, sizeof title, "evoflip %s, seed %" PRIu64, PACKAGE_VERSION,
             r->job->set.common.seed);
    const ef_scatter scatter = {.title = title,
                                .x_label = ef_proxies[0].name,
                                .y_label = "measured CCR [%]",
                                .panels = panels,
                                .n_panels = r->data.n_measures,
                                .n_columns =
                                    r->data.n_measures < 4 ? r->data.n_measures : 4};
    ef_status status = ef_scatter_draw(&scatter, r->job->set.common.svg, &why);
    if (status == EF_ERR_UNSUPPORTED) {
        ef_call_note(r->job->call, "%s", why.text);
        return EF_OK;
    }
    return status ? ef_error_set(err, status, "%s", why.text) : EF_OK;
}

static ef_status draw(const report *r, ef_error *err)
{
    size_t n = r->data.n_measures, size = r->data.n;
    ef_text *titles = ef_calloc(n, sizeof *titles);
    ef_scatter_panel *panels = ef_calloc(n, sizeof *panels);
    ef_status status =
        titles && panels ? make_titles(r, titles, err) : ef_error_memory(err);
    for (size_t m = 0; m < n && !status; m++) {
        panels[m] =
            (ef_scatter_panel){.title = titles[m].bytes,
                               .n = size,
                               .x = r->data.proxies + m * r->data.n_proxies * size,
                               .y = r->data.ccr + m * size,
                               .low = r->data.low + m * size,
                               .high = r->data.high + m * size};
    }
    status = status ? status : draw_panels(r, panels, err);
    for (size_t m = 0; titles && m < n; m++) {
        ef_text_clear(&titles[m]);
    }
    ef_free(titles);
    ef_free(panels);
    return status;
}

/* --- all of it --------------------------------------------------------------- */

static ef_status analyse(report *r, ef_error *err)
{
    const ef_validate_settings *set = &r->job->set;
    r->options = (ef_correlations_options){.n_resamples = (size_t)set->resamples,
                                           .seed = set->common.seed,
                                           .n_threads = (size_t)set->common.threads};
    ef_status status = ef_validation_gather(&r->data, r->job->validation,
                                            set->max_error, &r->job->context, err);
    if (status) {
        return status;
    }
    r->results = ef_calloc(r->data.n_measures, sizeof *r->results);
    status = r->results ? EF_OK : ef_error_memory(err);
    for (size_t m = 0; m < r->data.n_measures && !status; m++) {
        status = ef_validation_correlate(&r->data, m, &r->options, &r->results[m], err);
    }
    return status ? status
                  : ef_validation_compare(&r->data, &r->options, r->formats,
                                          COMPARISONS_MAX, &r->n_formats, err);
}

static ef_status print(report *r, ef_error *err)
{
    ef_table table;
    ef_table_init(&table);
    print_errors(r);
    for (size_t m = 0; m < r->data.n_measures; m++) {
        print_measure(r, m);
    }
    print_formats(r);
    ef_status status =
        r->job->set.fit ? ef_validate_fit(r->job, &r->data, &r->text, err) : EF_OK;
    status = status ? status : make_topology_table(r, &table, err);
    status =
        status ? status : ef_call_print_report(r->job->call, &table, &r->text, err);
    ef_table_clear(&table);
    return status;
}

ef_status ef_validate_report(ef_validate_job *job, ef_error *err)
{
    report r = {.job = job};
    ef_status status = analyse(&r, err);
    if (!status && job->set.correlations) {
        status = write_correlations(&r, err);
    }
    if (!status && job->set.common.svg) {
        status = draw(&r, err);
    }
    status = status ? status : print(&r, err);
    ef_text_clear(&r.text);
    ef_free(r.results);
    ef_validation_data_clear(&r.data);
    return status;
}
