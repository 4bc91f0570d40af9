#include "cmd/subject.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "net/adapt.h"
#include "net/batch.h"

/* --- the data ---------------------------------------------------------------- */

ef_status ef_testbed_load(ef_testbed *bed, const ef_call *call, ef_error *err)
{
    bed->call = call;
    bed->common = ef_call_common(call);
    ef_common common = *bed->common;
    common.data = common.data ? common.data : "digits";
    ef_status status = ef_common_load_data(&common, &bed->set, err);
    if (status == EF_OK) {
        ef_model_data_hash(&bed->set, bed->hash);
        status = ef_common_split(bed->common, &bed->set, &bed->split, err);
    }
    if (status == EF_OK && ef_common_says_normalisation(bed->common)) {
        status = ef_normalisation_parse(&bed->norm, &bed->set, common.mean, common.std,
                                        common.range, err);
    }
    return status;
}

void ef_testbed_clear(ef_testbed *bed)
{
    ef_dataset_clear(&bed->set);
}

int ef_testbed_is_drawn(const ef_testbed *bed)
{
    return bed->split != EF_SPLIT_ALL &&
           !(bed->split == EF_SPLIT_TEST && bed->set.first_test < bed->set.n);
}

/* --- the images -------------------------------------------------------------- */

/* True where evoflip trained the model on these very data; *seed is that of the parts
 * then. */
static int is_trained_here(const ef_testbed *bed, const ef_subject *s, uint64_t *seed)
{
    const char *hash = ef_onnx_metadata_get(&s->metadata, EF_ONNX_DATA_HASH_KEY);
    const char *text = ef_onnx_metadata_get(&s->metadata, EF_ONNX_SEED_KEY);
    return hash && text && strcmp(hash, bed->hash) == 0 &&
           ef_parse_u64(text, 0, UINT64_MAX, seed, NULL) == EF_OK;
}

static void choose_seed(const ef_testbed *bed, ef_subject *s)
{
    uint64_t trained = 0;
    int is_here = is_trained_here(bed, s, &trained);
    s->seed =
        is_here && !ef_call_given(bed->call, "seed") ? trained : bed->common->seed;
    if (is_here && !bed->common->split && bed->split == EF_SPLIT_ALL) {
        ef_call_note(bed->call,
                     "%s was trained on part of these images; --split test takes "
                     "others",
                     s->path);
    }
    if (is_here && s->seed != trained && ef_testbed_is_drawn(bed) &&
        bed->split != EF_SPLIT_TRAIN) {
        ef_call_note(bed->call,
                     "%s was trained with the parts of seed %" PRIu64
                     ", on some of these images",
                     s->path, trained);
    }
}

static ef_status take_part(const ef_testbed *bed, ef_subject *s, ef_error *err)
{
    choose_seed(bed, s);
    ef_split_options split = EF_SPLIT_DEFAULT;
    split.seed = s->seed;
    ef_status status = ef_parts_create(&s->parts, &bed->set, &split, err);
    if (status) {
        return status;
    }
    s->part = ef_parts_get(s->parts, bed->split, (size_t)bed->common->images);
    if (s->part.n == 0) {
        return ef_error_set(err, EF_ERR_INPUT, "%s: the %s part has no images",
                            bed->set.name, ef_split_names[bed->split]);
    }
    s->truth = ef_calloc(s->part.n, sizeof *s->truth);
    if (!s->truth) {
        return ef_error_memory(err);
    }
    ef_batch_labels(&bed->set, s->part.indices, s->part.n, s->truth);
    return EF_OK;
}

/* --- the model --------------------------------------------------------------- */

static ef_status load(const ef_testbed *bed, ef_subject *s, const char *purpose,
                      ef_error *err)
{
    if (!ef_path_is_onnx(s->path)) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "%s: %s needs a model (*.onnx); evoflip train makes one of "
                            "a topology",
                            s->path, purpose);
    }
    ef_status status = ef_onnx_load(&s->net, &s->metadata, s->path, err);
    return status ? status
                  : ef_model_check_data(s->net->topology, &bed->set, s->path, err);
}

/* What evoflip trained takes raw values; NULL stands for them. */
static const ef_normalisation *choose_normalisation(const ef_testbed *bed,
                                                    const ef_subject *s)
{
    int is_said = ef_common_says_normalisation(bed->common);
    if (ef_onnx_metadata_get(&s->metadata, EF_ONNX_DATA_HASH_KEY)) {
        if (is_said) {
            ef_call_note(bed->call,
                         "%s holds its normalisation; --range, --mean and --std are "
                         "for models that do not",
                         s->path);
        }
        return NULL;
    }
    if (!is_said && !ef_adapt_is_normalised(s->net->topology)) {
        ef_call_note(bed->call,
                     "%s holds no normalisation and gets raw values, %g..%g; --range, "
                     "--mean and --std make others of them",
                     s->path, bed->set.low, bed->set.high);
    }
    return is_said ? &bed->norm : NULL;
}

ef_status ef_subject_load(ef_subject *subject, const ef_testbed *bed, const char *path,
                          const char *purpose, ef_error *err)
{
    subject->path = path;
    ef_status status = load(bed, subject, purpose, err);
    if (status == EF_OK) {
        status = take_part(bed, subject, err);
    }
    if (status == EF_OK) {
        subject->norm = choose_normalisation(bed, subject);
    }
    return status;
}

void ef_subject_clear(ef_subject *subject)
{
    ef_net_destroy(subject->net);
    ef_onnx_metadata_clear(&subject->metadata);
    ef_parts_destroy(subject->parts);
    ef_free(subject->truth);
}

void ef_subject_describe(const ef_subject *subject, const ef_testbed *bed,
                         ef_text *text)
{
    ef_text_add(text, "%s, ", bed->set.name);
    if (bed->split == EF_SPLIT_ALL) {
        ef_text_add(text, "all images");
    } else if (ef_testbed_is_drawn(bed)) {
        ef_text_add(text, "%s part of seed %" PRIu64, ef_split_names[bed->split],
                    subject->seed);
    } else {
        ef_text_add(text, "%s part", ef_split_names[bed->split]);
    }
}
