/* What a call of evoflip inject would take. */
#include <math.h>

#include "cmd/inject_priv.h"

#define TRIED_FAULTS 256

uint64_t ef_inject_leveugle(const ef_campaign *campaign)
{
    return ef_leveugle_faults(ef_campaign_population(campaign), 0.5,
                              EF_INJECT_LEVEUGLE_MARGIN, EF_INTERVAL_Z95);
}

/* Two digits: more of a time would pretend to be known. */
double ef_inject_round(double time)
{
    double unit = time > 0 ? pow(10, floor(log10(time)) - 1) : 1;
    return isfinite(time) ? round(time / unit) * unit : time;
}

static void add_columns(int is_precise, ef_table *table)
{
    static const struct {
        const char *name, *unit;
        int is_of_precision;
    } columns[] = {{"target", "", 0},      {"faults there are", "", 0},
                   {"one fault", "ms", 0}, {"Leveugle +-1 %", "", 0},
                   {"needed", "", 1},      {"struck then", "", 1},
                   {"in", "s", 1},         {"struck at most", "", 0},
                   {"in", "s", 0}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        if (is_precise || !columns[i].is_of_precision) {
            ef_table_add_column(table, columns[i].name, columns[i].unit);
        }
    }
}

/* Faults whose share p of failing pairs has a half-width of precision * p at 95 %, of a
 * population of N, by the p and variance s^2 of those tried: n0 = (z / (precision p))^2
 * s^2, n = n0 / (1 + n0 / N).  NaN where none failed, or no precision is asked for. */
static double faults_needed(const ef_campaign *campaign, const ef_campaign_probe *probe,
                            double precision)
{
    double n = (double)probe->n, images = (double)ef_campaign_images(campaign);
    double population = (double)ef_campaign_population(campaign);
    double p = (double)probe->tally.failures / n / images;
    double squares = (double)probe->tally.squares / (images * images);
    if (precision <= 0 || probe->n < 2 || probe->tally.failures == 0) {
        return NAN;
    }
    double variance = (squares - n * p * p) / (n - 1);
    double root = EF_INTERVAL_Z95 / (precision * p);
    double needed = root * root * variance;
    return ceil(needed / (1 + needed / population));
}

/* Where a campaign ends that needs so many: at the next look, or with the last fault.
 */
static double faults_struck(const ef_inject_job *job, const ef_campaign *campaign,
                            double needed)
{
    uint64_t most = ef_campaign_most(campaign), look = 0;
    while (look < most && (double)look < needed) {
        look = ef_next_look(&job->rule, look, ef_campaign_population(campaign));
    }
    return isnan(needed) ? NAN : (double)look;
}

typedef struct plan {
    ef_table table;
    double then_s, most_s; /* of all rows */
} plan;

static ef_status add_row(const ef_inject_job *job, plan *p, ef_campaign *campaign,
                         ef_error *err)
{
    ef_table *table = &p->table;
    ef_campaign_probe probe = {0};
    uint64_t most = ef_campaign_most(campaign);
    ef_status status = ef_campaign_try(campaign, TRIED_FAULTS, &probe, err);
    ef_table_add_text(table, ef_campaign_name(campaign));
    ef_table_add_number(table, (double)ef_campaign_population(campaign));
    ef_table_add_number(table, ef_inject_round(1000 * probe.time_s));
    ef_table_add_number(table, (double)ef_inject_leveugle(campaign));
    if (job->rule.precision > 0) {
        double needed = faults_needed(campaign, &probe, job->rule.precision);
        double then = faults_struck(job, campaign, needed);
        ef_table_add_number(table, needed);
        ef_table_add_number(table, then);
        ef_table_add_number(table, ef_inject_round(then * probe.time_s));
        p->then_s += then * probe.time_s;
    }
    ef_table_add_number(table, (double)most);
    ef_table_add_number(table, ef_inject_round((double)most * probe.time_s));
    p->most_s += (double)most * probe.time_s;
    return status;
}

static void explain(const ef_inject_job *job, ef_text *text)
{
    ef_text_add(text, "Leveugle: faults that know any share to +-1 %% at 95 %%\n");
    if (job->rule.precision <= 0) {
        return;
    }
    ef_text_add(text,
                "needed: for a half-width of %g %% of the CCR, by what %d faults drawn "
                "uniformly show;\n"
                "  -: none of these changed a class%s\n"
                "struck then: a campaign looks after 1000, 2000, 4000 ... faults\n",
                100 * job->rule.precision, TRIED_FAULTS,
                job->set->design == EF_DESIGN_STRATIFIED ? "; strata often need fewer"
                                                         : "");
}

ef_status ef_inject_print_plan(ef_inject_job *job, ef_error *err)
{
    plan p = {.then_s = 0};
    ef_status status = EF_OK;
    int is_precise = job->rule.precision > 0;
    ef_table_init(&p.table);
    add_columns(is_precise, &p.table);
    ef_inject_print_head(job);
    for (size_t i = 0; i < job->n_campaigns && !status; i++) {
        status = add_row(job, &p, job->campaigns[i], err);
    }
    ef_table_print(&p.table, &job->text);
    explain(job, &job->text);
    ef_text_add(&job->text, "\ntime: ");
    if (is_precise && !isnan(p.then_s)) {
        ef_text_add(&job->text, "about %g s, ", ef_inject_round(p.then_s));
    }
    ef_text_add(&job->text, "at most %g s\nmemory for the fault-free run: %.0f MB\n",
                ef_inject_round(p.most_s),
                ef_injector_memory_bytes(job->injector) / 1e6);
    ef_table_clear(&p.table);
    return status ? status : ef_print_text(&job->text, err);
}
