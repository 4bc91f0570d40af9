#include "cmd/inject_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"

/* A row: the whole network, a node, a bit position. */
typedef struct part {
    const char *kind, *name;
    ef_campaign_count count;
} part;

typedef void add_part(void *context, const ef_campaign *campaign, const part *p);

static void each_site(const ef_campaign *campaign, const ef_injector *injector,
                      add_part *add, void *context)
{
    size_t n;
    const ef_site *sites = ef_injector_sites(injector, &n);
    const ef_topology *topology = ef_injector_topology(injector);
    for (size_t i = 0; i < n; i++) {
        part p = {"node", ef_topology_node(topology, sites[i].node)->name,
                  ef_campaign_site(campaign, i)};
        if (p.count.population > 0) {
            add(context, campaign, &p);
        }
    }
}

static void each_bit(const ef_campaign *campaign, add_part *add, void *context)
{
    for (unsigned bit = 64; bit-- > 0;) {
        char name[16];
        snprintf(name, sizeof name, "%u", bit);
        part p = {"bit", name, ef_campaign_bit(campaign, bit)};
        if (p.count.population > 0) {
            add(context, campaign, &p);
        }
    }
}

static void each_part(const ef_campaign *campaign, const ef_injector *injector,
                      add_part *add, void *context)
{
    const part whole = {"network", "", ef_campaign_whole(campaign)};
    add(context, campaign, &whole);
    each_site(campaign, injector, add, context);
    each_bit(campaign, add, context);
}

/* Share and interval; one: what the whole counts, 1 or 100 %. */
static void add_estimate(ef_table *table, const ef_estimate *e, double one)
{
    ef_table_add_number(table, one * e->share);
    ef_table_add_number(table, one * e->interval.low);
    ef_table_add_number(table, one * e->interval.high);
}

static double corrected_share(const ef_campaign_count *count, size_t images)
{
    return (double)count->corrected / ((double)count->tally.n * (double)images);
}

static void add_rates(ef_table *table, const ef_campaign *campaign, const part *p,
                      size_t images, double one)
{
    ef_estimate ccr = ef_campaign_ccr(campaign, &p->count);
    ef_estimate critical = ef_campaign_critical(&p->count);
    add_estimate(table, &ccr, one);
    add_estimate(table, &critical, one);
    ef_table_add_number(table, one * corrected_share(&p->count, images));
}

/* --- for programs ------------------------------------------------------------ */

typedef struct destination {
    ef_table *table;
    size_t images;
} destination;

void ef_inject_csv_columns(ef_table *table)
{
    static const char *const names[] = {
        "target", "part",     "name",         "faults",        "population",
        "images", "changed",  "ccr",          "ccr_low",       "ccr_high",
        "hit",    "critical", "critical_low", "critical_high", "corrected"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ef_table_add_column(table, names[i], "");
    }
}

static void add_csv(void *context, const ef_campaign *campaign, const part *p)
{
    const destination *to = context;
    ef_table *table = to->table;
    ef_estimate ccr = ef_campaign_ccr(campaign, &p->count);
    ef_estimate critical = ef_campaign_critical(&p->count);
    ef_table_add_text(table, ef_target_names[ef_campaign_target(campaign)]);
    ef_table_add_text(table, p->kind);
    ef_table_add_text(table, p->name);
    ef_table_add_number(table, (double)p->count.tally.n);
    ef_table_add_number(table, (double)p->count.population);
    ef_table_add_number(table, (double)to->images);
    ef_table_add_number(table, (double)p->count.tally.failures);
    add_estimate(table, &ccr, 1);
    ef_table_add_number(table, (double)p->count.tally.hit);
    add_estimate(table, &critical, 1);
    ef_table_add_number(table, corrected_share(&p->count, to->images));
}

void ef_inject_csv_rows(ef_table *table, const ef_campaign *campaign,
                        const ef_injector *injector)
{
    destination to = {table, ef_injector_n_images(injector)};
    each_part(campaign, injector, add_csv, &to);
}

/* --- for people -------------------------------------------------------------- */

static void add_columns(ef_table *table)
{
    static const char *const counts[] = {"part", "faults", "of"};
    static const char *const shares[] = {"CCR", "low",  "high",     "critical",
                                         "low", "high", "corrected"};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        ef_table_add_column(table, counts[i], "");
    }
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        ef_table_add_column(table, shares[i], "%");
    }
}

static void add_row(void *context, const ef_campaign *campaign, const part *p)
{
    const destination *to = context;
    char words[EF_NAME_SIZE + 16];
    snprintf(words, sizeof words, "%s%s%s", p->kind, p->name[0] ? " " : "", p->name);
    ef_table_add_text(to->table, words);
    ef_table_add_number(to->table, (double)p->count.tally.n);
    ef_table_add_number(to->table, (double)p->count.population);
    add_rates(to->table, campaign, p, to->images, 100);
}

static void add_reason(ef_text *text, const ef_estimate *rate, const ef_stop_rule *rule)
{
    double half = (rate->interval.high - rate->interval.low) / 2;
    if (rate->n >= rate->population) {
        ef_text_add(text, "all there are");
    } else if (rate->n >= rule->faults) {
        ef_text_add(text, "the most that were asked for");
    } else if (half <= rule->precision * rate->share) {
        ef_text_add(text, "the CCR is known to within %g %% of it",
                    100 * rule->precision);
    } else {
        ef_text_add(text, "the CCR is below %g %%", 100 * rule->negligible);
    }
}

void ef_inject_print(ef_text *text, const ef_campaign *campaign,
                     const ef_injector *injector, const ef_stop_rule *rule)
{
    ef_table table;
    destination to = {&table, ef_injector_n_images(injector)};
    ef_campaign_count whole = ef_campaign_whole(campaign);
    ef_estimate rate = ef_campaign_ccr(campaign, &whole);
    ef_text_add(text, "%s: %" PRIu64 " bit flips struck: ",
                ef_target_names[ef_campaign_target(campaign)], rate.n);
    add_reason(text, &rate, rule);
    ef_text_add(text, "\n");
    ef_table_init(&table);
    add_columns(&table);
    each_part(campaign, injector, add_row, &to);
    ef_table_print(&table, text);
    text->failed |= table.failed;
    ef_table_clear(&table);
    ef_text_add(text, "\n");
}
