#include "cmd/accuracy.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/interval.h"
#include "base/mem.h"
#include "cmd/subject.h"
#include "config.h"
#include "faultsim/classify.h"
#include "report/confusion.h"

/* One call: the data, and what was found so far. */
typedef struct job {
    ef_testbed bed;
    ef_text text;     /* for people */
    ef_table shares;  /* for programs */
    ef_table percent; /* for people, where there are several models */
} job;

/* One model, and what it found. */
typedef struct trial {
    ef_subject subject;
    ef_classified found; /* without losses */
} trial;

/* --- what came out ----------------------------------------------------------- */

static ef_interval interval_of(const trial *t)
{
    double n = (double)t->subject.part.n;
    return ef_interval_wilson((double)t->found.n_errors / n, n, EF_INTERVAL_Z95);
}

static void add_block(job *j, const trial *t)
{
    ef_interval interval = interval_of(t);
    size_t n = t->subject.part.n;
    ef_text_add(&j->text, "%s%s on ", j->text.size ? "\n" : "", t->subject.path);
    ef_subject_describe(&t->subject, &j->bed, &j->text);
    ef_text_add(&j->text,
                ": %zu of %zu images wrong\n"
                "error %.2f %%, 95 %% interval %.2f to %.2f %%\n\n",
                t->found.n_errors, n, 100.0 * (double)t->found.n_errors / (double)n,
                100 * interval.low, 100 * interval.high);
    ef_confusion_print(t->subject.truth, t->found.predicted, n, j->bed.set.n_classes,
                       j->bed.set.class_names, &j->text);
}

static void add_columns(ef_table *table, const char *unit)
{
    static const char *const words[] = {"model", "part", "seed", "images", "errors"};
    static const char *const shares[] = {"error", "low", "high"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        ef_table_add_column(table, words[i], "");
    }
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        ef_table_add_column(table, shares[i], unit);
    }
}

/* one: what the whole counts, 1 or 100 %. */
static void add_row(const job *j, const trial *t, ef_table *table, double one)
{
    const ef_subject *s = &t->subject;
    char seed[24] = "-";
    ef_interval interval = interval_of(t);
    if (ef_testbed_is_drawn(&j->bed)) {
        snprintf(seed, sizeof seed, "%" PRIu64, s->seed);
    }
    ef_table_add_text(table, s->path);
    ef_table_add_text(table, ef_split_names[j->bed.split]);
    ef_table_add_text(table, seed);
    ef_table_add_number(table, (double)s->part.n);
    ef_table_add_number(table, (double)t->found.n_errors);
    ef_table_add_number(table, one * (double)t->found.n_errors / (double)s->part.n);
    ef_table_add_number(table, one * interval.low);
    ef_table_add_number(table, one * interval.high);
}

static ef_status classify(const job *j, trial *t, ef_error *err)
{
    t->found.predicted = ef_calloc(t->subject.part.n, sizeof *t->found.predicted);
    if (!t->found.predicted) {
        return ef_error_memory(err);
    }
    ef_classify_options how = {t->subject.norm, (size_t)j->bed.common->threads};
    return ef_classify(t->subject.net, &j->bed.set, t->subject.part, &how, &t->found,
                       err);
}

static ef_status judge(job *j, const char *path, ef_error *err)
{
    trial t = {0};
    ef_status status = ef_subject_load(&t.subject, &j->bed, path, "--accuracy", err);
    if (status == EF_OK) {
        status = classify(j, &t, err);
    }
    if (status == EF_OK) {
        add_block(j, &t);
        add_row(j, &t, &j->shares, 1);
        add_row(j, &t, &j->percent, 100);
    }
    ef_subject_clear(&t.subject);
    ef_free(t.found.predicted);
    return status;
}

/* --- the call ---------------------------------------------------------------- */

static ef_status describe(job *j, ef_error *err)
{
    ef_text configuration = {0};
    ef_options_write(j->bed.call->command->options, "Data", j->bed.common,
                     &configuration);
    ef_table_add_note(&j->shares, "evoflip", PACKAGE_VERSION);
    ef_table_add_note(&j->shares, "command", "score --accuracy");
    ef_table_add_note(&j->shares, EF_ONNX_DATA_HASH_KEY, j->bed.hash);
    ef_table_add_note(&j->shares, "configuration",
                      configuration.bytes ? configuration.bytes : "");
    int failed = configuration.failed;
    ef_text_clear(&configuration);
    return failed ? ef_error_memory(err) : EF_OK;
}

ef_status ef_accuracy_print(const ef_call *call, ef_error *err)
{
    const char *csv = ef_call_common(call)->csv;
    job j = {0};
    ef_table_init(&j.shares);
    ef_table_init(&j.percent);
    add_columns(&j.shares, "");
    add_columns(&j.percent, "%");
    ef_status status = csv ? ef_call_check_output(call, csv, err) : EF_OK;
    if (status == EF_OK) {
        status = ef_testbed_load(&j.bed, call, err);
    }
    for (size_t i = 0; i < call->n_operands && status == EF_OK; i++) {
        status = judge(&j, call->operands[i], err);
    }
    if (status == EF_OK && call->n_operands > 1) {
        ef_text_add(&j.text, "\n");
        ef_table_print(&j.percent, &j.text);
    }
    if (status == EF_OK) {
        status = describe(&j, err);
    }
    if (status == EF_OK) {
        status = ef_call_print_report(call, &j.shares, &j.text, err);
    }
    ef_text_clear(&j.text);
    ef_table_clear(&j.percent);
    ef_table_clear(&j.shares);
    ef_testbed_clear(&j.bed);
    return status;
}
