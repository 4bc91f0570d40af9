/* The network in its formats, its images, and the campaigns on them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cmd/inject_priv.h"
#include "config.h"
#include "faultsim/classify.h"

#define WIDE_TARGETS (1U << EF_TARGET_SCALES | 1U << EF_TARGET_NORM)

/* --- the network ------------------------------------------------------------- */

static ef_status classify_in_float(ef_inject_job *job, ef_error *err)
{
    const ef_classify_options how = {job->subject.norm,
                                     (size_t)job->set->common.threads};
    ef_classified found = {0};
    ef_status status = ef_classify(job->subject.net, &job->bed.set, job->subject.part,
                                   &how, &found, err);
    job->n_float_errors = found.n_errors;
    return status;
}

/* Whether a list may strike what the wide engine alone has: the words stand in it. */
static ef_status find_wide(const char *path, int *is_wide, ef_error *err)
{
    unsigned char *bytes = NULL;
    size_t size;
    ef_status status = ef_file_read(path, SIZE_MAX / 2, &bytes, &size, err);
    for (size_t i = 0; i < EF_TARGET_COUNT && !status; i++) {
        *is_wide |= (WIDE_TARGETS >> i & 1) &&
                    strstr((const char *)bytes, ef_target_names[i]) != NULL;
    }
    ef_free(bytes);
    return status;
}

static ef_status make_injector(ef_inject_job *job, ef_error *err)
{
    int is_wide = ((job->targets | job->strikes.together) & WIDE_TARGETS) != 0;
    ef_status read =
        job->set->replay ? find_wide(job->set->replay, &is_wide, err) : EF_OK;
    if (read) {
        return read;
    }
    ef_error why = {EF_OK, ""};
    const ef_injector_options o = {
        .set = &job->bed.set,
        .normalisation = job->subject.norm,
        .images = job->subject.part,
        .calibration_set = job->calibration.is_file ? &job->calibration.set : NULL,
        .calibration = {job->calibration.indices, job->calibration.n},
        .formats = job->formats,
        .ranges = job->ranges,
        .is_wide = is_wide,
        .runs_whole = job->set->recompute == 1,
        .n_threads = (size_t)job->set->common.threads,
    };
    ef_status status = ef_injector_create(&job->injector, job->subject.net, &o, &why);
    return status ? ef_error_set(err, status, "%s: %s", job->subject.path, why.text)
                  : EF_OK;
}

/* --- campaigns --------------------------------------------------------------- */

static ef_status make_list_campaign(ef_inject_job *job, ef_error *err)
{
    size_t n_sites;
    const ef_site *sites = ef_injector_sites(job->injector, &n_sites);
    ef_status status = ef_fault_list_read(&job->list, job->set->replay, sites, n_sites,
                                          ef_injector_n_images(job->injector), err);
    if (!status) {
        status =
            ef_campaign_create_list(&job->campaigns[0], job->injector, &job->list, err);
    }
    job->n_campaigns = !status;
    return status;
}

/* A target that was not asked for by name may have nothing that is chosen, as long as
 * another has. */
static ef_status make_campaigns(ef_inject_job *job, ef_error *err)
{
    ef_error first = {EF_OK, ""};
    ef_campaign_options o = {.strike = job->strikes.strikes[EF_TARGET_WEIGHTS],
                             .selection = &job->selection,
                             .design = (ef_design)job->set->design,
                             .is_per_image = job->set->per_image,
                             .seed = job->set->common.seed,
                             .rule = job->rule};
    for (unsigned t = 0; t < EF_TARGET_COUNT; t++) {
        ef_error why = {EF_OK, ""};
        if (!(job->targets >> t & 1)) {
            continue;
        }
        o.target = (ef_target)t;
        ef_status status = ef_campaign_create(&job->campaigns[job->n_campaigns],
                                              job->injector, &o, &why);
        if (status && (status != EF_ERR_USAGE || job->set->target)) {
            return ef_error_set(err, status, "%s", why.text);
        }
        job->n_campaigns += !status;
        first = status && !first.status ? why : first;
    }
    return job->n_campaigns > 0 ? EF_OK
                                : ef_error_set(err, first.status, "%s", first.text);
}

ef_status ef_inject_prepare(ef_inject_job *job, ef_error *err)
{
    const char *path = job->call->operands[0];
    ef_status status = ef_testbed_load(&job->bed, job->call, err);
    status = status ? status
                    : ef_subject_load(&job->subject, &job->bed, path, "inject", err);
    status = status ? status : ef_inject_load_calibration(job, err);
    status = status ? status : make_injector(job, err);
    status = status ? status : ef_inject_load_exposure(job, err);
    status = status ? status : ef_inject_load_severity(job, err);
    status = status ? status : classify_in_float(job, err);
    if (!status && !job->is_sweep) {
        status =
            job->set->replay ? make_list_campaign(job, err) : make_campaigns(job, err);
    }
    return status;
}

/* --- in words ---------------------------------------------------------------- */

void ef_inject_write_configuration(const ef_inject_job *job, ef_text *text)
{
    static const char *const groups[] = {"Numbers", "Data", "Faults"};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        ef_options_write(ef_inject_options, groups[i], job->set, text);
        if (i == 0) {
            ef_inject_write_calibration(job, text);
        }
    }
    if (job->set->replay) {
        return;
    }
    if (ef_call_given(job->call, "count")) {
        ef_text_add(text, " count=%" PRIu64, job->set->count);
    }
    if (job->set->precision) {
        ef_text_add(text, " precision=%s", job->set->precision);
    }
    if (job->set->exhaustive) {
        ef_text_add(text, " exhaustive=yes");
    }
    if (job->set->design == EF_DESIGN_STRATIFIED) {
        ef_text_add(text, " design=stratified");
    }
}

static void add_count(ef_table *table, const char *key, size_t count)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", count);
    ef_table_add_note(table, key, number);
}

ef_status ef_inject_describe(const ef_inject_job *job, ef_table *table, ef_error *err)
{
    ef_text configuration = {0};
    char seed[24];
    ef_inject_write_configuration(job, &configuration);
    snprintf(seed, sizeof seed, "%" PRIu64, job->set->common.seed);
    ef_table_add_note(table, "evoflip", PACKAGE_VERSION);
    ef_table_add_note(table, "command", "inject");
    ef_table_add_note(table, "seed", seed);
    ef_table_add_note(table, EF_ONNX_DATA_HASH_KEY, job->bed.hash);
    ef_table_add_note(table, "configuration",
                      configuration.bytes ? configuration.bytes : "");
    add_count(table, "errors_float32", job->n_float_errors);
    add_count(table, "errors_quantized", ef_injector_n_errors(job->injector));
    int failed = configuration.failed;
    ef_text_clear(&configuration);
    return failed ? ef_error_memory(err) : EF_OK;
}
