/* Which bits to protect, and what share of failures that removes. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cmd/inject_priv.h"
#include "report/gnuplot.h"
#include "report/protection.h"
#include "report/protection_plot.h"

#define NAMED 5 /* positions that are named for people */

/* The curve of one campaign. */
typedef struct curve {
    const ef_campaign *campaign;
    ef_protection *protection;
    uint64_t *histogram; /* (images + 1), where every fault was struck, else NULL */
    uint64_t images;
} curve;

static void clear_curve(curve *c)
{
    ef_protection_destroy(c->protection);
    ef_free(c->histogram);
}

/* --- making ------------------------------------------------------------------ */

static void fill_strata(const ef_campaign *c, const ef_population *faults,
                        ef_protection_stratum *strata, size_t n)
{
    size_t n_struck = ef_campaign_n_outcomes(c);
    for (size_t h = 0; h < n; h++) {
        ef_stratum_place place = ef_population_stratum(faults, h);
        strata[h] = (ef_protection_stratum){.bits = place.size, .group = place.bit};
    }
    for (size_t i = 0; i < n_struck; i++) {
        const ef_fault_outcome o = ef_campaign_outcome(c, i);
        size_t h = ef_population_stratum_of(faults, o.number);
        ef_tally_add(&strata[h].halves[i % 2], o.counts.sdc + o.counts.nonfinite);
    }
    double alike = (double)ef_population_size(faults) / (double)n_struck;
    for (size_t h = 0; h < n; h++) {
        double own = (double)(strata[h].halves[0].n + strata[h].halves[1].n);
        strata[h].weight = ef_campaign_design(c) == EF_DESIGN_STRATIFIED
                               ? (double)strata[h].bits / fmax(1, own)
                               : alike;
    }
}

static ef_status make_histogram(curve *to, ef_error *err)
{
    if (!ef_protection_is_exact(to->protection)) {
        return EF_OK;
    }
    to->histogram = ef_calloc((size_t)to->images + 1, sizeof *to->histogram);
    if (!to->histogram) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < ef_campaign_n_outcomes(to->campaign); i++) {
        const ef_outcomes o = ef_campaign_outcome(to->campaign, i).counts;
        to->histogram[o.sdc + o.nonfinite]++;
    }
    return EF_OK;
}

static ef_status make_curve(const ef_inject_job *job, size_t at, curve *to,
                            ef_error *err)
{
    const ef_population *faults = ef_campaign_faults(job->campaigns[at]);
    size_t n = ef_population_n_strata(faults);
    ef_protection_stratum *strata = ef_calloc(n, sizeof *strata);
    *to = (curve){.campaign = job->campaigns[at],
                  .images = ef_injector_n_images(job->injector)};
    ef_status status = strata ? EF_OK : ef_error_memory(err);
    if (!status) {
        fill_strata(to->campaign, faults, strata, n);
        status = ef_protection_create(&to->protection, strata, n, err);
    }
    ef_free(strata);
    return status ? status : make_histogram(to, err);
}

static double single(const curve *c, double bits)
{
    return c->histogram ? ef_protection_single(c->histogram, c->images, bits) : NAN;
}

static ef_stratum_place place_of(const curve *c, size_t rank)
{
    return ef_population_stratum(ef_campaign_faults(c->campaign),
                                 ef_protection_order(c->protection)[rank]);
}

/* --- for people -------------------------------------------------------------- */

static void name_first(ef_inject_job *job, const curve *c)
{
    size_t n_sites;
    const ef_site *sites = ef_injector_sites(job->injector, &n_sites);
    size_t n = ef_population_n_strata(ef_campaign_faults(c->campaign));
    ef_text_add(&job->text, "most critical:");
    for (size_t i = 0; i < n && i < NAMED; i++) {
        ef_stratum_place place = place_of(c, i);
        ef_text_add(&job->text, "%s %s bit %u", i ? "," : "", sites[place.site].name,
                    place.bit);
    }
    ef_text_add(&job->text, "\n");
}

static void print_points(ef_inject_job *job, const curve *c)
{
    static const double percent[] = {1, 2, 5, 10, 20, 50};
    static const char *const names[] = {"failures removed", "low", "high",
                                        "by the worst single bits"};
    double all = (double)ef_protection_bits(c->protection);
    ef_table table;
    ef_table_init(&table);
    ef_table_add_column(&table, "bits protected", "%");
    ef_table_add_column(&table, "bits", "");
    for (size_t i = 0; i < (c->histogram ? 4U : 3U); i++) {
        ef_table_add_column(&table, names[i], "%");
    }
    for (size_t i = 0; i < sizeof percent / sizeof *percent; i++) {
        double bits = floor(all * percent[i] / 100);
        ef_protection_point p = ef_protection_at(c->protection, bits);
        ef_table_add_number(&table, percent[i]);
        ef_table_add_number(&table, bits);
        ef_table_add_number(&table, ef_inject_percent(p.removed));
        ef_table_add_number(&table, ef_inject_percent(p.interval.low));
        ef_table_add_number(&table, ef_inject_percent(p.interval.high));
        if (c->histogram) {
            ef_table_add_number(&table, ef_inject_percent(single(c, bits)));
        }
    }
    ef_table_print(&table, &job->text);
    ef_table_clear(&table);
}

static void print_curve(ef_inject_job *job, const curve *c)
{
    const char *name = ef_campaign_name(c->campaign);
    if (isnan(ef_protection_at(c->protection, 0).removed)) {
        ef_text_add(&job->text,
                    "%s: no fault failed, which says nothing of bits to protect\n\n",
                    name);
        return;
    }
    ef_text_add(&job->text,
                "%s: failures removed by protecting the most critical bits%s\n", name,
                c->histogram
                    ? ""
                    : ", which half of the faults\nchose and the other half measured");
    print_points(job, c);
    name_first(job, c);
    ef_text_add(&job->text, "\n");
}

ef_status ef_inject_print_protection(ef_inject_job *job, size_t campaign, ef_error *err)
{
    curve c = {0};
    if (job->set->replay || job->set->per_image) {
        return EF_OK;
    }
    ef_status status = make_curve(job, campaign, &c, err);
    if (!status) {
        print_curve(job, &c);
    }
    clear_curve(&c);
    return status;
}

/* --- files ------------------------------------------------------------------- */

static void add_columns(ef_table *table)
{
    static const char *const names[] = {
        "target", "rank",    "tensor",      "bit",          "bits",  "bits_so_far",
        "share",  "removed", "removed_low", "removed_high", "single"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ef_table_add_column(table, names[i], "");
    }
}

static void add_rows(const ef_inject_job *job, const curve *c, ef_table *table)
{
    size_t n_sites, n = ef_population_n_strata(ef_campaign_faults(c->campaign));
    const ef_site *sites = ef_injector_sites(job->injector, &n_sites);
    double all = (double)ef_protection_bits(c->protection), bits = 0;
    for (size_t i = 0; i < n; i++) {
        ef_stratum_place place = place_of(c, i);
        bits += (double)place.size;
        ef_protection_point p = ef_protection_at(c->protection, bits);
        ef_table_add_text(table, ef_campaign_name(c->campaign));
        ef_table_add_number(table, (double)(i + 1));
        ef_table_add_text(table, sites[place.site].name);
        ef_table_add_number(table, place.bit);
        ef_table_add_number(table, (double)place.size);
        ef_table_add_number(table, bits);
        ef_table_add_number(table, bits / all);
        ef_table_add_number(table, p.removed);
        ef_table_add_number(table, p.interval.low);
        ef_table_add_number(table, p.interval.high);
        ef_table_add_number(table, single(c, bits));
    }
}

static ef_status write_csv(const ef_inject_job *job, const curve *curves, ef_error *err)
{
    ef_table table;
    ef_text text = {0};
    ef_table_init(&table);
    add_columns(&table);
    ef_status status = ef_inject_describe(job, &table, err);
    for (size_t i = 0; i < job->n_campaigns; i++) {
        add_rows(job, &curves[i], &table);
    }
    ef_table_write_csv(&table, &text);
    if (!status) {
        status = text.failed ? ef_error_memory(err)
                             : ef_file_write(job->set->protect, job->set->common.force,
                                             text.bytes, text.size, err);
    }
    ef_text_clear(&text);
    ef_table_clear(&table);
    return status;
}

static ef_status draw(const ef_inject_job *job, const curve *curves, const char *stem,
                      ef_error *err)
{
    ef_protection_curve shown[EF_TARGET_COUNT];
    ef_text title = {0};
    for (size_t i = 0; i < job->n_campaigns; i++) {
        shown[i] = (ef_protection_curve){ef_campaign_name(curves[i].campaign),
                                         curves[i].protection, curves[i].histogram,
                                         curves[i].images};
    }
    ef_text_add(&title, "%s, %zu images", ef_gnuplot_name(job->call->operands[0]),
                ef_injector_n_images(job->injector));
    const ef_protection_plot plot = {title.bytes, shown, job->n_campaigns};
    ef_status status =
        title.failed ? ef_error_memory(err) : ef_protection_plot_draw(&plot, stem, err);
    ef_text_clear(&title);
    return status;
}

/* A picture that cannot be drawn, for want of gnuplot, is worth a note. */
static ef_status draw_beside(const ef_inject_job *job, const curve *curves,
                             ef_error *err)
{
    ef_error why = {EF_OK, ""};
    char *stem = ef_strdup(job->set->protect);
    if (!stem) {
        return ef_error_memory(err);
    }
    stem[strlen(stem) - strlen(".csv")] = '\0';
    ef_status status = draw(job, curves, stem, &why);
    ef_free(stem);
    if (status == EF_ERR_UNSUPPORTED) {
        ef_call_note(job->call, "%s", why.text);
        return EF_OK;
    }
    return status ? ef_error_set(err, status, "%s", why.text) : EF_OK;
}

ef_status ef_inject_write_protection(const ef_inject_job *job, ef_error *err)
{
    curve curves[EF_TARGET_COUNT] = {{0}};
    ef_status status = EF_OK;
    if (!job->set->protect) {
        return EF_OK;
    }
    for (size_t i = 0; i < job->n_campaigns && !status; i++) {
        status = make_curve(job, i, &curves[i], err);
    }
    status = status ? status : write_csv(job, curves, err);
    status = status ? status : draw_beside(job, curves, err);
    for (size_t i = 0; i < job->n_campaigns; i++) {
        clear_curve(&curves[i]);
    }
    return status;
}
