/* The faults that do most, the images that bear least, and what classes become. */
#include "base/mem.h"
#include "cmd/inject_priv.h"
#include "report/confusion.h"
#include "report/worst.h"

static void end_table(ef_inject_job *job, ef_table *table)
{
    if (ef_table_n_rows(table) > 0) {
        ef_table_print(table, &job->text);
    }
    job->text.failed |= table->failed;
    ef_table_clear(table);
    ef_text_add(&job->text, "\n");
}

/* --- classes ----------------------------------------------------------------- */

void ef_inject_print_changes(ef_inject_job *job, size_t campaign)
{
    const ef_campaign *c = job->campaigns[campaign];
    ef_text_add(&job->text,
                "%s: classes without a fault, and how often faults changed them to "
                "others\n",
                ef_campaign_name(c));
    ef_confusion_print_changes(ef_campaign_changes(c),
                               ef_injector_n_classes(job->injector),
                               ef_inject_class_names(job), &job->text);
    ef_text_add(&job->text, "\n");
}

static void add_class(const ef_inject_job *job, ef_table *table, size_t class)
{
    char *const *names = ef_inject_class_names(job);
    if (names) {
        ef_table_add_text(table, names[class]);
    } else {
        ef_table_add_number(table, (double)class);
    }
}

/* --- faults ------------------------------------------------------------------ */

static unsigned lowest_bit(uint64_t mask)
{
    unsigned bit = 0;
    while (!(mask >> bit & 1)) {
        bit++;
    }
    return bit;
}

static void add_flip(const ef_inject_job *job, ef_table *table, const ef_flip *flip)
{
    size_t n_sites;
    const ef_site *sites = ef_injector_sites(job->injector, &n_sites);
    ef_table_add_text(table, sites[flip->site].name);
    ef_table_add_number(table, (double)flip->index);
    ef_table_add_number(table, lowest_bit(flip->mask));
}

static void add_fault(const ef_inject_job *job, const ef_campaign *c, size_t at,
                      ef_flip *flips, ef_table *table)
{
    const ef_fault_outcome o = ef_campaign_outcome(c, at);
    double images = (double)o.counts.images;
    size_t n;
    ef_campaign_fault(c, at, flips, &n);
    if (job->set->replay) {
        ef_table_add_number(table, (double)o.number);
        ef_table_add_number(table, (double)n);
    }
    if (n > 0) {
        add_flip(job, table, &flips[0]);
    } else {
        ef_table_add_text(table, "-");
        ef_table_add_text(table, "-");
        ef_table_add_text(table, "-");
    }
    ef_table_add_number(table, (double)o.counts.sdc);
    ef_table_add_number(table, (double)o.counts.nonfinite);
    ef_table_add_number(
        table, ef_inject_percent((double)(o.counts.sdc + o.counts.nonfinite) / images));
}

static void add_fault_columns(const ef_inject_job *job, ef_table *table)
{
    static const char *const names[] = {"fault", "flips",         "tensor",    "index",
                                        "bit",   "class changed", "not finite"};
    for (size_t i = job->set->replay ? 0 : 2; i < sizeof names / sizeof *names; i++) {
        ef_table_add_column(table, names[i], "");
    }
    ef_table_add_column(table, "of images", "%");
}

static ef_status print_faults(ef_inject_job *job, const ef_campaign *c,
                              uint64_t *counts, size_t *places, ef_error *err)
{
    size_t n = ef_campaign_n_outcomes(c), most = (size_t)job->set->worst;
    ef_flip *flips = ef_calloc(ef_campaign_n_flips(c), sizeof *flips);
    ef_table table;
    if (!flips) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        const ef_outcomes o = ef_campaign_outcome(c, i).counts;
        counts[i] = o.sdc + o.nonfinite;
    }
    size_t n_worst = ef_worst_find(counts, n, most, places);
    ef_text_add(&job->text, "%s: faults that fail on most images%s\n",
                ef_campaign_name(c), n_worst > 0 ? "" : ": none fails");
    ef_table_init(&table);
    add_fault_columns(job, &table);
    for (size_t i = 0; i < n_worst; i++) {
        add_fault(job, c, places[i], flips, &table);
    }
    end_table(job, &table);
    ef_free(flips);
    return EF_OK;
}

/* --- images ------------------------------------------------------------------ */

static void add_image(const ef_inject_job *job, const ef_campaign *c, size_t image,
                      ef_table *table)
{
    const ef_injector *in = job->injector;
    const ef_image_failures *f = &ef_campaign_image_failures(c)[image];
    double faults = (double)ef_campaign_n_outcomes(c);
    ef_table_add_number(table, (double)ef_injector_indices(in)[image]);
    add_class(job, table, ef_injector_labels(in)[image]);
    add_class(job, table, ef_injector_classes(in)[image]);
    ef_table_add_number(table, ef_injector_margins(in)[image]);
    ef_table_add_number(table, (double)f->sdc);
    ef_table_add_number(table, (double)f->nonfinite);
    ef_table_add_number(table,
                        ef_inject_percent((double)(f->sdc + f->nonfinite) / faults));
}

static void print_images(ef_inject_job *job, const ef_campaign *c, uint64_t *counts,
                         size_t *places)
{
    static const char *const names[] = {
        "image",  "label",         "class without a fault",
        "margin", "class changed", "not finite"};
    size_t n = ef_injector_n_images(job->injector);
    ef_table table;
    for (size_t i = 0; i < n; i++) {
        const ef_image_failures *f = &ef_campaign_image_failures(c)[i];
        counts[i] = f->sdc + f->nonfinite;
    }
    size_t n_worst = ef_worst_find(counts, n, (size_t)job->set->worst, places);
    ef_text_add(&job->text, "%s: images that most of the struck faults fail on%s\n",
                ef_campaign_name(c), n_worst > 0 ? "" : ": there is none");
    ef_table_init(&table);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ef_table_add_column(&table, names[i], "");
    }
    ef_table_add_column(&table, "of faults", "%");
    for (size_t i = 0; i < n_worst; i++) {
        add_image(job, c, places[i], &table);
    }
    end_table(job, &table);
}

ef_status ef_inject_print_worst(ef_inject_job *job, size_t campaign, ef_error *err)
{
    const ef_campaign *c = job->campaigns[campaign];
    size_t n_faults = ef_campaign_n_outcomes(c);
    size_t n_images = ef_injector_n_images(job->injector);
    size_t n = n_faults > n_images ? n_faults : n_images;
    uint64_t *counts = ef_calloc(n, sizeof *counts);
    size_t *places = ef_calloc((size_t)job->set->worst, sizeof *places);
    ef_status status = counts && places ? EF_OK : ef_error_memory(err);
    /* per image a fault fails on one at most */
    if (!status && !job->set->per_image) {
        status = print_faults(job, c, counts, places, err);
    }
    if (!status) {
        print_images(job, c, counts, places);
    }
    ef_free(places);
    ef_free(counts);
    return status;
}
