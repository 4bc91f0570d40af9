/* What a safety case takes from a campaign: failures in time, and the rate with every
 * change of classes weighed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "cmd/inject_priv.h"
#include "report/fit.h"

static int has_fit(const ef_inject_job *job)
{
    return job->set->fit_per_mbit > 0;
}

static int has_weights(const ef_inject_job *job)
{
    return job->set->severity != NULL;
}

/* --- what was asked for ------------------------------------------------------ */

/* A soft error flips what memory holds. */
ef_status ef_inject_check_safety(const ef_inject_job *job, ef_error *err)
{
    if (!has_fit(job)) {
        return EF_OK;
    }
    if (job->strikes.strikes[EF_TARGET_WEIGHTS].kind != EF_FAULT_FLIP) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--fit-per-mbit is of flips: bits that are stuck are no "
                            "soft errors");
    }
    return job->targets >> EF_TARGET_ACCUMULATORS & 1
               ? ef_error_set(err, EF_ERR_USAGE,
                              "--fit-per-mbit is of stored bits: accumulators are not "
                              "in memory")
               : EF_OK;
}

ef_status ef_inject_load_severity(ef_inject_job *job, ef_error *err)
{
    size_t n = ef_injector_n_classes(job->injector);
    return has_weights(job) ? ef_severity_load(&job->severity, job->set->severity, n,
                                               ef_inject_class_names(job), err)
                            : EF_OK;
}

char *const *ef_inject_class_names(const ef_inject_job *job)
{
    const ef_dataset *set = &job->bed.set;
    return set->n_classes >= ef_injector_n_classes(job->injector) ? set->class_names
                                                                  : NULL;
}

/* --- weights ----------------------------------------------------------------- */

static void show(void *context, double done, double total)
{
    ef_progress_show(context, (size_t)(100 * done / total), "%s", "");
}

ef_status ef_inject_weigh(ef_inject_job *job, ef_error *err)
{
    const ef_weights weights = {job->severity.units, job->severity.greatest};
    ef_status status = EF_OK;
    for (size_t i = 0; has_weights(job) && i < job->n_campaigns && !status; i++) {
        char what[32];
        snprintf(what, sizeof what, "weigh %s", ef_campaign_name(job->campaigns[i]));
        ef_progress *progress = ef_call_progress(job->call, what, 100);
        status = ef_weighing_create(&job->weighings[i], job->campaigns[i], &weights,
                                    show, progress, err);
        ef_progress_destroy(progress);
    }
    return status;
}

/* What a pair weighs on average. */
static ef_status find_weight(const ef_inject_job *job, size_t at, int64_t site,
                             int64_t bit, ef_estimate *e, ef_error *err)
{
    double one = job->severity.unit * job->severity.greatest;
    ef_status status = ef_weighing_estimate(job->weighings[at], site, bit, e, err);
    e->share *= one;
    e->interval.low *= one;
    e->interval.high *= one;
    return status;
}

static ef_status print_weight(ef_inject_job *job, size_t at, ef_error *err)
{
    ef_estimate e = {0};
    ef_campaign_result r = {.corrected = 0};
    ef_status status = find_weight(job, at, EF_CAMPAIGN_ALL, EF_CAMPAIGN_ALL, &e, err);
    if (!status) {
        status = ef_campaign_estimate(job->campaigns[at], EF_CAMPAIGN_ALL,
                                      EF_CAMPAIGN_ALL, &r, err);
    }
    ef_text_add(&job->text,
                "weighted by %s: %.4g %%, %.4g to %.4g %%; each change counting 1: "
                "%.4g %%, %.4g to %.4g %%\n\n",
                job->set->severity, 100 * e.share, 100 * e.interval.low,
                100 * e.interval.high, 100 * r.ccr.share, 100 * r.ccr.interval.low,
                100 * r.ccr.interval.high);
    return status;
}

/* --- failures in time -------------------------------------------------------- */

/* Bits that hold the faults of a part.  Per image a site counts once for each. */
static uint64_t bits_of(const ef_inject_job *job, size_t at,
                        const ef_campaign_result *r)
{
    const ef_campaign *c = job->campaigns[at];
    uint64_t each = ef_injector_n_images(job->injector) / ef_campaign_images(c);
    return r->count.population / each;
}

/* Integers are always finite: there is nothing to estimate. */
static int is_floating(const ef_inject_job *job)
{
    return strcmp(ef_injector_engine_name(job->injector), "floating") == 0;
}

static ef_fit changed_fit(const ef_inject_job *job, size_t at,
                          const ef_campaign_result *r)
{
    return ef_fit_of(job->set->fit_per_mbit, bits_of(job, at, r), r->ccr.share,
                     r->ccr.interval);
}

static ef_fit nonfinite_fit(const ef_inject_job *job, size_t at,
                            const ef_campaign_result *r)
{
    return is_floating(job) ? ef_fit_of(job->set->fit_per_mbit, bits_of(job, at, r),
                                        r->nonfinite.share, r->nonfinite.interval)
                            : (ef_fit){0, {0, 0}};
}

static double raw_fit(const ef_inject_job *job, uint64_t bits)
{
    return ef_fit_of(job->set->fit_per_mbit, bits, 1, (ef_interval){1, 1}).value;
}

static void add_fit(ef_table *table, ef_fit fit)
{
    ef_table_add_number(table, fit.value);
    ef_table_add_number(table, fit.interval.low);
    ef_table_add_number(table, fit.interval.high);
}

static void add_fit_columns(const ef_inject_job *job, ef_table *table,
                            const char *first)
{
    static const char *const names[] = {"bits", "raw FIT", "FIT class changed",
                                        "low",  "high",    "FIT not finite",
                                        "low",  "high"};
    ef_table_add_column(table, first, "");
    for (size_t i = 0; i < (is_floating(job) ? 8U : 5U); i++) {
        ef_table_add_column(table, names[i], "");
    }
}

static void add_fit_cells(const ef_inject_job *job, ef_table *table, uint64_t bits,
                          ef_fit changed, ef_fit nonfinite)
{
    ef_table_add_number(table, (double)bits);
    ef_table_add_number(table, raw_fit(job, bits));
    add_fit(table, changed);
    if (is_floating(job)) {
        add_fit(table, nonfinite);
    }
}

static ef_status add_fit_row(const ef_inject_job *job, size_t at, ef_table *table,
                             const ef_inject_part *p, const ef_campaign_result *r,
                             ef_error *err)
{
    char words[EF_NAME_SIZE + 16];
    (void)err;
    snprintf(words, sizeof words, "%s%s%s", p->kind, p->name[0] ? " " : "", p->name);
    ef_table_add_text(table, words);
    add_fit_cells(job, table, bits_of(job, at, r), changed_fit(job, at, r),
                  nonfinite_fit(job, at, r));
    return EF_OK;
}

static void end_table(ef_inject_job *job, ef_table *table)
{
    ef_table_print(table, &job->text);
    ef_table_clear(table);
    ef_text_add(&job->text, "\n");
}

static ef_status print_fit(ef_inject_job *job, size_t at, ef_error *err)
{
    ef_table table;
    ef_text_add(&job->text, "%s: failures in 10^9 hours, at %g FIT per Mbit\n",
                ef_campaign_name(job->campaigns[at]), job->set->fit_per_mbit);
    ef_table_init(&table);
    add_fit_columns(job, &table, "part");
    ef_status status = ef_inject_each_part(job, at, &table, add_fit_row, err);
    end_table(job, &table);
    return status;
}

static ef_status add_target(const ef_inject_job *job, size_t at, ef_table *table,
                            ef_fit *changed, ef_fit *nonfinite, uint64_t *bits,
                            ef_error *err)
{
    ef_campaign_result r;
    ef_status status = ef_campaign_estimate(job->campaigns[at], EF_CAMPAIGN_ALL,
                                            EF_CAMPAIGN_ALL, &r, err);
    if (!status) {
        *changed = changed_fit(job, at, &r);
        *nonfinite = nonfinite_fit(job, at, &r);
        *bits += bits_of(job, at, &r);
        ef_table_add_text(table, ef_campaign_name(job->campaigns[at]));
        add_fit_cells(job, table, bits_of(job, at, &r), *changed, *nonfinite);
    }
    return status;
}

ef_status ef_inject_print_fit_sum(ef_inject_job *job, ef_error *err)
{
    ef_fit changed[EF_TARGET_COUNT], nonfinite[EF_TARGET_COUNT];
    ef_status status = EF_OK;
    ef_table table;
    uint64_t bits = 0;
    if (!has_fit(job)) {
        return EF_OK;
    }
    ef_table_init(&table);
    add_fit_columns(job, &table, "target");
    for (size_t i = 0; i < job->n_campaigns && !status; i++) {
        status = add_target(job, i, &table, &changed[i], &nonfinite[i], &bits, err);
    }
    if (!status && job->n_campaigns > 1) {
        ef_table_add_text(&table, "sum");
        add_fit_cells(job, &table, bits, ef_fit_sum(changed, job->n_campaigns),
                      ef_fit_sum(nonfinite, job->n_campaigns));
    }
    ef_text_add(&job->text, "FIT of the network, at %g FIT per Mbit\n",
                job->set->fit_per_mbit);
    end_table(job, &table);
    ef_text_add(&job->text,
                "FIT: raw rate of a bit times bits times the share of images whose "
                "class a flip changes,\nas if the flip were there whenever an image "
                "is classified, and every tensor had\nmemory of its own.  1 Mbit is "
                "2^20 bits.\n\n");
    return status;
}

/* --- for programs ------------------------------------------------------------ */

void ef_inject_add_safety_columns(const ef_inject_job *job, ef_table *table)
{
    static const char *const fits[] = {"fit_raw",           "fit",
                                       "fit_low",           "fit_high",
                                       "fit_nonfinite",     "fit_nonfinite_low",
                                       "fit_nonfinite_high"};
    static const char *const weights[] = {"weighted", "weighted_low", "weighted_high"};
    char number[32];
    for (size_t i = 0; has_fit(job) && i < sizeof fits / sizeof *fits; i++) {
        ef_table_add_column(table, fits[i], "");
    }
    for (size_t i = 0; has_weights(job) && i < 3; i++) {
        ef_table_add_column(table, weights[i], "");
    }
    if (has_fit(job)) {
        snprintf(number, sizeof number, "%.17g", job->set->fit_per_mbit);
        ef_table_add_note(table, "fit_per_mbit", number);
    }
    if (has_weights(job)) {
        const ef_severity *s = &job->severity;
        size_t size = s->n_classes * s->n_classes * sizeof *s->units;
        uint64_t unit = (uint64_t)(1000 * s->unit + 0.5);
        snprintf(number, sizeof number, "%016" PRIx64,
                 ef_hash_bytes(unit, s->units, size));
        ef_table_add_note(table, "severity_hash", number);
    }
}

ef_status ef_inject_add_safety_cells(const ef_inject_job *job, size_t campaign,
                                     ef_table *table, int64_t site, int64_t bit,
                                     const ef_campaign_result *result, ef_error *err)
{
    ef_status status = EF_OK;
    if (has_fit(job)) {
        ef_table_add_number(table, raw_fit(job, bits_of(job, campaign, result)));
        add_fit(table, changed_fit(job, campaign, result));
        add_fit(table, nonfinite_fit(job, campaign, result));
    }
    if (has_weights(job)) {
        ef_estimate e = {0};
        status = find_weight(job, campaign, site, bit, &e, err);
        ef_table_add_number(table, e.share);
        ef_table_add_number(table, e.interval.low);
        ef_table_add_number(table, e.interval.high);
    }
    return status;
}

/* --- for people -------------------------------------------------------------- */

ef_status ef_inject_print_safety(ef_inject_job *job, size_t campaign, ef_error *err)
{
    const ef_inject_settings *set = job->set;
    ef_status status = has_fit(job) ? print_fit(job, campaign, err) : EF_OK;
    if (set->safety || has_weights(job)) {
        ef_inject_print_changes(job, campaign);
    }
    if (!status && has_weights(job)) {
        status = print_weight(job, campaign, err);
    }
    if (set->design == EF_DESIGN_STRATIFIED && (set->safety || has_weights(job))) {
        ef_text_add(&job->text,
                    "counts of changes and images are of the faults struck: more of "
                    "them where rates vary\n\n");
    }
    if (!status && (set->safety || ef_call_given(job->call, "worst"))) {
        status = ef_inject_print_worst(job, campaign, err);
    }
    if (!status && (set->safety || set->protect)) {
        status = ef_inject_print_protection(job, campaign, err);
    }
    return status;
}
