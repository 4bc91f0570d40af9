/* The images that set the ranges of activations. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "cmd/inject_priv.h"

#define MOST_IMAGES 1000000

/* A number of them, or else a data set. */
ef_status ef_inject_choose_calibration(ef_inject_job *job, ef_error *err)
{
    ef_error why = {EF_OK, ""};
    const char *text = job->set->calibrate;
    ef_status status =
        ef_parse_count(text, 1, MOST_IMAGES, &job->calibration.wanted, &why);
    if (status && strspn(text, "-0123456789") == strlen(text)) {
        return ef_error_set(err, EF_ERR_USAGE, "--calibrate: %s", why.text);
    }
    job->calibration.is_file = status != EF_OK;
    return EF_OK;
}

static int has_parts(const ef_dataset *set)
{
    return set->is_named || set->first_test < set->n;
}

/* Spread evenly, since files may be sorted by class. */
static ef_status take(ef_inject_calibration *to, ef_part part, size_t n, ef_error *err)
{
    to->indices = ef_calloc(n, sizeof *to->indices);
    if (!to->indices) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        to->indices[i] = part.indices[(size_t)((double)i * (double)part.n / (double)n)];
    }
    to->n = n;
    return EF_OK;
}

/* --- of the data that faults strike ------------------------------------------ */

/* The training part where the data have one that these images are not of. */
static ef_part training_part(const ef_inject_job *job)
{
    const ef_dataset *set = &job->bed.set;
    ef_part part = ef_parts_get(job->subject.parts, EF_SPLIT_TRAIN, 0);
    if ((has_parts(set) || job->bed.split != EF_SPLIT_ALL) && part.n > 0) {
        return part;
    }
    if (ef_injector_needs_ranges(&job->formats.activations)) {
        ef_call_note(job->call,
                     "%s has no training part; the images that faults strike set the "
                     "ranges of activations too",
                     set->name);
    }
    return job->subject.part;
}

/* --- of a file --------------------------------------------------------------- */

static ef_status load_set(ef_inject_job *job, ef_error *err)
{
    ef_inject_calibration *to = &job->calibration;
    ef_common common = job->set->common;
    common.data = job->set->calibrate;
    ef_status status = ef_common_load_data(&common, &to->set, err);
    if (status) {
        return status;
    }
    ef_model_data_hash(&to->set, to->hash);
    return ef_model_check_images(job->subject.net->topology, &to->set,
                                 job->subject.path, err);
}

/* Its training part where it has parts, else all of it. */
static ef_status take_file(ef_inject_job *job, ef_error *err)
{
    ef_inject_calibration *to = &job->calibration;
    ef_parts *parts = NULL;
    ef_split_options split = EF_SPLIT_DEFAULT;
    split.seed = job->subject.seed;
    ef_status status = load_set(job, err);
    status = status ? status : ef_parts_create(&parts, &to->set, &split, err);
    if (!status) {
        ef_part part =
            ef_parts_get(parts, has_parts(&to->set) ? EF_SPLIT_TRAIN : EF_SPLIT_ALL, 0);
        status = take(to, part, part.n, err);
    }
    ef_parts_destroy(parts);
    return status;
}

ef_status ef_inject_load_calibration(ef_inject_job *job, ef_error *err)
{
    if (job->calibration.is_file) {
        return take_file(job, err);
    }
    ef_part part = training_part(job);
    uint64_t wanted = job->calibration.wanted;
    return take(&job->calibration, part, wanted < part.n ? (size_t)wanted : part.n,
                err);
}

/* A file by what is in it, not by where it is. */
void ef_inject_write_calibration(const ef_inject_job *job, ef_text *text)
{
    if (job->calibration.is_file) {
        ef_text_add(text, " calibrate=%s", job->calibration.hash);
    } else {
        ef_text_add(text, " calibrate=%" PRIu64, job->calibration.wanted);
    }
}

void ef_inject_calibration_clear(ef_inject_calibration *calibration)
{
    ef_dataset_clear(&calibration->set);
    ef_free(calibration->indices);
}
