/* What a call of evoflip inject would take. */
#include <math.h>

#include "cmd/inject_priv.h"

#define TRIED_FAULTS 256

uint64_t ef_inject_leveugle(const ef_campaign *campaign)
{
    return ef_leveugle_faults(ef_campaign_population(campaign), 0.5,
                              EF_INJECT_LEVEUGLE_MARGIN, EF_INTERVAL_Z95);
}

static void add_columns(ef_table *table)
{
    static const char *const columns[][2] = {
        {"target", ""},         {"faults there are", ""}, {"struck at most", ""},
        {"Leveugle +-1 %", ""}, {"for precision", ""},    {"one fault", "ms"},
        {"at most", "s"}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        ef_table_add_column(table, columns[i][0], columns[i][1]);
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

static ef_status add_row(const ef_inject_job *job, ef_table *table,
                         ef_campaign *campaign, ef_error *err)
{
    ef_campaign_probe probe = {0};
    uint64_t population = ef_campaign_population(campaign);
    uint64_t most = ef_campaign_most(campaign);
    ef_status status = ef_campaign_try(campaign, TRIED_FAULTS, &probe, err);
    ef_table_add_text(table, ef_campaign_name(campaign));
    ef_table_add_number(table, (double)population);
    ef_table_add_number(table, (double)most);
    ef_table_add_number(table, (double)ef_inject_leveugle(campaign));
    ef_table_add_number(table, faults_needed(campaign, &probe, job->rule.precision));
    ef_table_add_number(table, 1000 * probe.time_s);
    ef_table_add_number(table, (double)most * probe.time_s);
    return status;
}

ef_status ef_inject_print_plan(ef_inject_job *job, ef_error *err)
{
    ef_table table;
    ef_status status = EF_OK;
    ef_table_init(&table);
    add_columns(&table);
    ef_inject_print_head(job);
    for (size_t i = 0; i < job->n_campaigns && !status; i++) {
        status = add_row(job, &table, job->campaigns[i], err);
    }
    ef_table_print(&table, &job->text);
    if (job->rule.precision > 0) {
        ef_text_add(&job->text,
                    "for precision: half-width of %g %% of the CCR, by the first %d "
                    "faults; -: none of them changed a class\n",
                    100 * job->rule.precision, TRIED_FAULTS);
    }
    ef_text_add(&job->text, "\nmemory for the fault-free run: %.0f MB\n",
                ef_injector_memory_bytes(job->injector) / 1e6);
    ef_table_clear(&table);
    return status ? status : ef_print_text(&job->text, err);
}
