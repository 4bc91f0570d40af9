/* What campaigns found, for people and for programs. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cmd/inject_priv.h"
#include "faultsim/formats.h"

/* --- rows: the whole network, a node, a bit position ------------------------- */

static ef_status add(const ef_inject_job *job, size_t campaign, ef_table *table,
                     const ef_inject_part *p, ef_inject_add_part *add_row,
                     ef_error *err)
{
    const ef_campaign *c = job->campaigns[campaign];
    ef_campaign_result result;
    if (ef_campaign_counts(c, p->site, p->bit).population == 0) {
        return EF_OK;
    }
    ef_status status = ef_campaign_estimate(c, p->site, p->bit, &result, err);
    return status ? status : add_row(job, campaign, table, p, &result, err);
}

const char *ef_inject_site_name(const ef_injector *injector, size_t site)
{
    size_t n;
    const ef_site *sites = ef_injector_sites(injector, &n);
    const ef_topology *topology = ef_injector_topology(injector);
    for (size_t i = 0; i < n; i++) {
        if (i != site && sites[i].node == sites[site].node &&
            sites[i].target == sites[site].target) {
            return sites[site].name;
        }
    }
    return ef_topology_node(topology, sites[site].node)->name;
}

ef_status ef_inject_each_part(const ef_inject_job *job, size_t at, ef_table *table,
                              ef_inject_add_part *add_row, ef_error *err)
{
    const ef_campaign *campaign = job->campaigns[at];
    const ef_inject_part whole = {"network", "", EF_CAMPAIGN_ALL, EF_CAMPAIGN_ALL};
    const ef_injector *injector = ef_campaign_injector(campaign);
    size_t n_sites;
    ef_status status = add(job, at, table, &whole, add_row, err);
    status = status ? status : ef_inject_each_memory(job, at, table, add_row, err);
    ef_injector_sites(injector, &n_sites);
    if (!ef_campaign_faults(campaign)) {
        return status;
    }
    for (size_t i = 0; i < n_sites && !status; i++) {
        const ef_inject_part p = {"node", ef_inject_site_name(injector, i), (int64_t)i,
                                  EF_CAMPAIGN_ALL};
        status = add(job, at, table, &p, add_row, err);
    }
    for (int64_t bit = 63; bit >= 0 && !status; bit--) {
        char name[16];
        snprintf(name, sizeof name, "%d", (int)bit);
        const ef_inject_part p = {"bit", name, EF_CAMPAIGN_ALL, bit};
        status = add(job, at, table, &p, add_row, err);
    }
    return status;
}

/* Share and interval. */
static void add_estimate(ef_table *table, const ef_estimate *e)
{
    ef_table_add_number(table, e->share);
    ef_table_add_number(table, e->interval.low);
    ef_table_add_number(table, e->interval.high);
}

/* --- for programs ------------------------------------------------------------ */

static void add_csv_columns(ef_table *table)
{
    static const char *const names[] = {
        "target",    "part",          "name",          "faults",        "population",
        "images",    "changed",       "ccr",           "ccr_low",       "ccr_high",
        "hit",       "critical",      "critical_low",  "critical_high", "corrected",
        "nonfinite", "nonfinite_low", "nonfinite_high"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ef_table_add_column(table, names[i], "");
    }
}

static ef_status add_csv_row(const ef_inject_job *job, size_t at, ef_table *table,
                             const ef_inject_part *p, const ef_campaign_result *r,
                             ef_error *err)
{
    const ef_campaign *campaign = job->campaigns[at];
    ef_table_add_text(table, ef_campaign_name(campaign));
    ef_table_add_text(table, p->kind);
    ef_table_add_text(table, p->name);
    ef_table_add_number(table, (double)r->count.tally.n);
    ef_table_add_number(table, (double)r->count.population);
    ef_table_add_number(table, (double)ef_campaign_images(campaign));
    ef_table_add_number(table, (double)r->count.tally.failures);
    add_estimate(table, &r->ccr);
    ef_table_add_number(table, (double)r->count.critical);
    add_estimate(table, &r->critical);
    ef_table_add_number(table, r->corrected);
    add_estimate(table, &r->nonfinite);
    return ef_inject_add_safety_cells(job, at, table, p->site, p->bit, r, err);
}

/* --- for people -------------------------------------------------------------- */

double ef_inject_percent(double share)
{
    double percent = 100 * share;
    if (!(percent > 0)) {
        return percent;
    }
    double digit = floor(log10(percent)) - 2;
    double unit = pow(10, digit > -4 ? digit : -4);
    return round(percent / unit) * unit;
}

static void add_percents(ef_table *table, const ef_estimate *e)
{
    ef_table_add_number(table, ef_inject_percent(e->share));
    ef_table_add_number(table, ef_inject_percent(e->interval.low));
    ef_table_add_number(table, ef_inject_percent(e->interval.high));
}

/* Integers are finite, and a column of zeros would say so at length. */
static int can_be_nonfinite(const ef_inject_job *job)
{
    return !ef_formats_is_integer(&job->formats.activations);
}

static void add_columns(const ef_inject_job *job, ef_table *table)
{
    static const char *const counts[] = {"part", "faults", "of"};
    static const char *const shares[] = {"CCR", "low",  "high",      "critical",
                                         "low", "high", "corrected", "nonfinite"};
    size_t n = sizeof shares / sizeof *shares;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        ef_table_add_column(table, counts[i], "");
    }
    for (size_t i = 0; i < n - !can_be_nonfinite(job); i++) {
        ef_table_add_column(table, shares[i], "%");
    }
}

static ef_status add_row(const ef_inject_job *job, size_t at, ef_table *table,
                         const ef_inject_part *p, const ef_campaign_result *r,
                         ef_error *err)
{
    char words[EF_NAME_SIZE + 16];
    (void)at;
    (void)err;
    snprintf(words, sizeof words, "%s%s%s", p->kind, p->name[0] ? " " : "", p->name);
    ef_table_add_text(table, words);
    ef_table_add_number(table, (double)r->count.tally.n);
    ef_table_add_number(table, (double)r->count.population);
    add_percents(table, &r->ccr);
    add_percents(table, &r->critical);
    ef_table_add_number(table, ef_inject_percent(r->corrected));
    if (can_be_nonfinite(job)) {
        ef_table_add_number(table, ef_inject_percent(r->nonfinite.share));
    }
    return EF_OK;
}

static void add_reason(ef_text *text, const ef_campaign *campaign,
                       const ef_stop_rule *rule)
{
    switch (ef_campaign_reason(campaign)) {
    case EF_END_ALL:
        ef_text_add(text, "all there are");
        break;
    case EF_END_PRECISE:
        ef_text_add(text, "until the CCR was known to within %g %% of it",
                    100 * rule->precision);
        break;
    case EF_END_NEGLIGIBLE:
        ef_text_add(text, "until the CCR was below %g %%", 100 * rule->negligible);
        break;
    default:
        ef_text_add(text, "the most that were asked for");
    }
}

/* "bit flips", "flips of 2 adjacent bits", "bits stuck at 0" */
static void add_kind(ef_text *text, const ef_strike *strike)
{
    if (strike->kind != EF_FAULT_FLIP) {
        ef_text_add(text, "bits stuck at %d", strike->kind == EF_FAULT_STUCK1);
    } else if (strike->adjacent > 1) {
        ef_text_add(text, "flips of %u adjacent bits", strike->adjacent);
    } else {
        ef_text_add(text, "bit flips");
    }
}

static void add_title(ef_inject_job *job, const ef_campaign *campaign)
{
    ef_text_add(&job->text, "%s: %zu ", ef_campaign_name(campaign),
                ef_campaign_n_outcomes(campaign));
    if (job->set->replay) {
        ef_text_add(&job->text, "faults");
    } else {
        add_kind(&job->text, &job->strikes.strikes[EF_TARGET_WEIGHTS]);
    }
    ef_text_add(&job->text, " struck%s, ", job->set->per_image ? " in each image" : "");
    add_reason(&job->text, campaign, &job->rule);
    ef_text_add(&job->text, "\n");
}

static ef_status print(ef_inject_job *job, size_t at, ef_error *err)
{
    ef_table table;
    add_title(job, job->campaigns[at]);
    ef_table_init(&table);
    add_columns(job, &table);
    ef_status status = ef_inject_each_part(job, at, &table, add_row, err);
    ef_table_print(&table, &job->text);
    job->text.failed |= table.failed;
    ef_table_clear(&table);
    if (!job->set->replay) {
        ef_text_add(&job->text,
                    "Leveugle et al. ask for %" PRIu64
                    " faults to know a share of faults to +-%g %%\n",
                    ef_inject_leveugle(job->campaigns[at]),
                    100 * EF_INJECT_LEVEUGLE_MARGIN);
    }
    ef_text_add(&job->text, "\n");
    return status;
}

void ef_inject_print_head(ef_inject_job *job)
{
    char weights[EF_FORMAT_NAME], activations[EF_FORMAT_NAME];
    double n = (double)job->subject.part.n;
    ef_format_name(&job->formats.weights, weights);
    ef_format_name(&job->formats.activations, activations);
    const char *fitted = job->formats.fits_activations ? " or u" : "";
    ef_text_add(&job->text, "%s on ", job->subject.path);
    ef_subject_describe(&job->subject, &job->bed, &job->text);
    ef_text_add(&job->text,
                ": %zu images\nwrong without a fault: %.2f %% in float32, %.2f %% with "
                "weights in %s and activations in %s%s%s\n\n",
                job->subject.part.n, 100 * (double)job->n_float_errors / n,
                100 * (double)ef_injector_n_errors(job->injector) / n, weights,
                activations, fitted, fitted[0] ? activations : "");
}

static int has_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

ef_status ef_inject_report(ef_inject_job *job, ef_error *err)
{
    ef_inject_print_head(job);
    ef_inject_print_exposure(job);
    add_csv_columns(&job->table);
    ef_inject_add_safety_columns(job, &job->table);
    ef_status status = ef_inject_describe(job, &job->table, err);
    for (size_t i = 0; i < job->n_campaigns && !status; i++) {
        status = print(job, i, err);
        status = status ? status : ef_inject_print_safety(job, i, err);
        if (!status) {
            status = ef_inject_each_part(job, i, &job->table, add_csv_row, err);
        }
    }
    status = status ? status : ef_inject_print_fit_sum(job, err);
    ef_text_add(&job->text,
                "CCR: share of (fault, image) pairs whose class changed; corrected: of "
                "those to the\nlabel's class; %s.\n"
                "low, high: intervals of 95 %%, wide where few of the faults changed a "
                "class.\n",
                can_be_nonfinite(job)
                    ? "nonfinite: share of pairs with a NaN or infinity instead of a "
                      "class;\ncritical: share of faults with a pair of either kind"
                    : "critical: share of faults with such a pair");
    if (has_stdout(job->set->outcomes) || has_stdout(job->set->save_faults)) {
        ef_text_clear(&job->text);
    }
    return status ? status
                  : ef_call_print_report(job->call, &job->table, &job->text, err);
}
