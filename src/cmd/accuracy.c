#include "cmd/accuracy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/interval.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cmd/model.h"
#include "config.h"
#include "faultsim/classify.h"
#include "net/adapt.h"
#include "report/confusion.h"

/* One call: the data, and what was found so far. */
typedef struct job {
    const ef_call *call;
    const ef_common *common;
    ef_dataset set;
    char hash[EF_MODEL_HASH_SIZE];
    ef_split split;
    ef_normalisation norm; /* where the call says one */
    ef_text text;          /* for people */
    ef_table shares;       /* for programs */
    ef_table percent;      /* for people, where there are several models */
} job;

/* One model on its part of the data. */
typedef struct subject {
    const char *path;
    ef_net *net;
    ef_onnx_metadata metadata;
    uint64_t seed; /* of the parts */
    ef_parts *parts;
    ef_part part;
    uint16_t *truth;     /* (part.n) */
    ef_classified found; /* without losses */
} subject;

static void clear_subject(subject *s)
{
    ef_net_destroy(s->net);
    ef_onnx_metadata_clear(&s->metadata);
    ef_parts_destroy(s->parts);
    ef_free(s->truth);
    ef_free(s->found.predicted);
}

/* --- the images -------------------------------------------------------------- */

/* True where evoflip trained the model on these very data; *seed is that of the parts
 * then. */
static int is_trained_here(const job *j, const subject *s, uint64_t *seed)
{
    const char *hash = ef_onnx_metadata_get(&s->metadata, EF_ONNX_DATA_HASH_KEY);
    const char *text = ef_onnx_metadata_get(&s->metadata, EF_ONNX_SEED_KEY);
    return hash && text && strcmp(hash, j->hash) == 0 &&
           ef_parse_u64(text, 0, UINT64_MAX, seed, NULL) == EF_OK;
}

/* True where it depends on the seed which images the part has. */
static int is_drawn(const job *j)
{
    return j->split != EF_SPLIT_ALL &&
           !(j->split == EF_SPLIT_TEST && j->set.first_test < j->set.n);
}

static void choose_seed(const job *j, subject *s)
{
    uint64_t trained = 0;
    int is_here = is_trained_here(j, s, &trained);
    s->seed = is_here && !ef_call_given(j->call, "seed") ? trained : j->common->seed;
    if (is_here && !j->common->split && j->split == EF_SPLIT_ALL) {
        ef_call_note(j->call,
                     "%s was trained on part of these images; --split test takes "
                     "others",
                     s->path);
    }
    if (is_here && s->seed != trained && is_drawn(j) && j->split != EF_SPLIT_TRAIN) {
        ef_call_note(j->call,
                     "%s was trained with the parts of seed %" PRIu64
                     ", on some of these images",
                     s->path, trained);
    }
}

static ef_status take_part(const job *j, subject *s, ef_error *err)
{
    choose_seed(j, s);
    ef_split_options split = EF_SPLIT_DEFAULT;
    split.seed = s->seed;
    ef_status status = ef_parts_create(&s->parts, &j->set, &split, err);
    if (status) {
        return status;
    }
    s->part = ef_parts_get(s->parts, j->split, (size_t)j->common->images);
    if (s->part.n == 0) {
        return ef_error_set(err, EF_ERR_INPUT, "%s: the %s part has no images",
                            j->set.name, ef_split_names[j->split]);
    }
    s->truth = ef_calloc(s->part.n, sizeof *s->truth);
    s->found.predicted = ef_calloc(s->part.n, sizeof *s->found.predicted);
    if (!s->truth || !s->found.predicted) {
        return ef_error_memory(err);
    }
    ef_batch_labels(&j->set, s->part.indices, s->part.n, s->truth);
    return EF_OK;
}

/* --- the model --------------------------------------------------------------- */

static ef_status load(const job *j, subject *s, ef_error *err)
{
    if (!ef_path_is_onnx(s->path)) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "%s: --accuracy needs a model (*.onnx); evoflip train "
                            "makes one of a topology",
                            s->path);
    }
    ef_status status = ef_onnx_load(&s->net, &s->metadata, s->path, err);
    return status ? status
                  : ef_model_check_data(s->net->topology, &j->set, s->path, err);
}

/* What evoflip trained takes raw values; NULL stands for them. */
static const ef_normalisation *choose_normalisation(const job *j, const subject *s)
{
    int is_said = ef_common_says_normalisation(j->common);
    if (ef_onnx_metadata_get(&s->metadata, EF_ONNX_DATA_HASH_KEY)) {
        if (is_said) {
            ef_call_note(j->call,
                         "%s holds its normalisation; --range, --mean and --std are "
                         "for models that do not",
                         s->path);
        }
        return NULL;
    }
    if (!is_said && !ef_adapt_is_normalised(s->net->topology)) {
        ef_call_note(j->call,
                     "%s holds no normalisation and gets raw values, %g..%g; --range, "
                     "--mean and --std make others of them",
                     s->path, j->set.low, j->set.high);
    }
    return is_said ? &j->norm : NULL;
}

/* --- what came out ----------------------------------------------------------- */

static ef_interval interval_of(const subject *s)
{
    double n = (double)s->part.n;
    return ef_interval_wilson((double)s->found.n_errors / n, n, EF_INTERVAL_Z95);
}

static void add_block(job *j, const subject *s)
{
    ef_interval interval = interval_of(s);
    ef_text_add(&j->text, "%s%s on %s, ", j->text.size ? "\n" : "", s->path,
                j->set.name);
    if (j->split == EF_SPLIT_ALL) {
        ef_text_add(&j->text, "all images");
    } else if (is_drawn(j)) {
        ef_text_add(&j->text, "%s part of seed %" PRIu64, ef_split_names[j->split],
                    s->seed);
    } else {
        ef_text_add(&j->text, "%s part", ef_split_names[j->split]);
    }
    ef_text_add(&j->text,
                ": %zu of %zu images wrong\n"
                "error %.2f %%, 95 %% interval %.2f to %.2f %%\n\n",
                s->found.n_errors, s->part.n,
                100.0 * (double)s->found.n_errors / (double)s->part.n,
                100 * interval.low, 100 * interval.high);
    ef_confusion_print(s->truth, s->found.predicted, s->part.n, j->set.n_classes,
                       j->set.class_names, &j->text);
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
static void add_row(const job *j, const subject *s, ef_table *table, double one)
{
    char seed[24] = "-";
    ef_interval interval = interval_of(s);
    if (is_drawn(j)) {
        snprintf(seed, sizeof seed, "%" PRIu64, s->seed);
    }
    ef_table_add_text(table, s->path);
    ef_table_add_text(table, ef_split_names[j->split]);
    ef_table_add_text(table, seed);
    ef_table_add_number(table, (double)s->part.n);
    ef_table_add_number(table, (double)s->found.n_errors);
    ef_table_add_number(table, one * (double)s->found.n_errors / (double)s->part.n);
    ef_table_add_number(table, one * interval.low);
    ef_table_add_number(table, one * interval.high);
}

static ef_status judge(job *j, const char *path, ef_error *err)
{
    subject s = {.path = path};
    ef_status status = load(j, &s, err);
    if (status == EF_OK) {
        status = take_part(j, &s, err);
    }
    if (status == EF_OK) {
        ef_classify_options how = {choose_normalisation(j, &s),
                                   (size_t)j->common->threads};
        status = ef_classify(s.net, &j->set, s.part, &how, &s.found, err);
    }
    if (status == EF_OK) {
        add_block(j, &s);
        add_row(j, &s, &j->shares, 1);
        add_row(j, &s, &j->percent, 100);
    }
    clear_subject(&s);
    return status;
}

/* --- the call ---------------------------------------------------------------- */

static ef_status load_data(job *j, ef_error *err)
{
    ef_common common = *j->common;
    common.data = common.data ? common.data : "digits";
    ef_status status = ef_common_load_data(&common, &j->set, err);
    if (status == EF_OK) {
        ef_model_data_hash(&j->set, j->hash);
    }
    if (status == EF_OK) {
        status = ef_common_split(j->common, &j->set, &j->split, err);
    }
    if (status == EF_OK && ef_common_says_normalisation(j->common)) {
        status = ef_normalisation_parse(&j->norm, &j->set, common.mean, common.std,
                                        common.range, err);
    }
    return status;
}

static ef_status describe(job *j, ef_error *err)
{
    ef_text configuration = {0};
    ef_options_write(j->call->command->options, "Data", j->common, &configuration);
    ef_table_add_note(&j->shares, "evoflip", PACKAGE_VERSION);
    ef_table_add_note(&j->shares, "command", "score --accuracy");
    ef_table_add_note(&j->shares, EF_ONNX_DATA_HASH_KEY, j->hash);
    ef_table_add_note(&j->shares, "configuration",
                      configuration.bytes ? configuration.bytes : "");
    int failed = configuration.failed;
    ef_text_clear(&configuration);
    return failed ? ef_error_memory(err) : EF_OK;
}

ef_status ef_accuracy_print(const ef_call *call, ef_error *err)
{
    job j = {.call = call, .common = ef_call_common(call)};
    ef_table_init(&j.shares);
    ef_table_init(&j.percent);
    add_columns(&j.shares, "");
    add_columns(&j.percent, "%");
    ef_status status =
        j.common->csv ? ef_call_check_output(call, j.common->csv, err) : EF_OK;
    if (status == EF_OK) {
        status = load_data(&j, err);
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
    ef_dataset_clear(&j.set);
    return status;
}
