/* The number formats of weights and activations, and what runs them. */
#include "cmd/inject_priv.h"

static ef_status refuse(const ef_format *format, const char *option, const char *why,
                        ef_error *err)
{
    char name[EF_FORMAT_NAME];
    ef_format_name(format, name);
    return ef_error_set(err, EF_ERR_USAGE, "--%s %s: %s", option, name, why);
}

static ef_status check_format(const ef_format *format, const char *option,
                              ef_error *err)
{
    if (format->stochastic) {
        return refuse(format, option, "faults are run with rounding to the nearest",
                      err);
    }
    return EF_OK;
}

static int is_integer(const ef_format *format)
{
    return ef_injector_is_integer(format);
}

/* Integers, floats, or weights in integers that are read as floats. */
static ef_status check_pair(const ef_inject_job *job, const char *weights,
                            const char *activations, ef_error *err)
{
    const ef_qnet_options *f = &job->formats;
    int is_code = f->weights.kind == EF_FORMAT_TERN || f->weights.kind == EF_FORMAT_BIN;
    if (f->weights.kind == EF_FORMAT_UINT) {
        return refuse(&f->weights, weights, "only activations have a zero point", err);
    }
    if (is_integer(&f->activations) && !is_integer(&f->weights) && !is_code) {
        return refuse(
            &f->weights, weights,
            "with activations in integers weights are int, fixed, tern or bin", err);
    }
    if (f->activations.kind == EF_FORMAT_TERN || f->activations.kind == EF_FORMAT_BIN) {
        return refuse(&f->activations, activations,
                      "activations are int, uint, fixed, floats or pow2", err);
    }
    return EF_OK;
}

static ef_status choose_accumulator(ef_inject_job *job, ef_error *err)
{
    ef_error why = {EF_OK, ""};
    ef_accumulator chosen;
    if (!job->set->accumulator) {
        return EF_OK;
    }
    if (!is_integer(&job->formats.activations)) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--accumulator: sums of activations in floats are float32");
    }
    ef_status status = ef_accumulator_parse(&chosen, job->set->accumulator, &why);
    if (status) {
        return ef_error_set(err, status, "--%s", why.text);
    }
    job->formats.accumulator_bits = chosen.bits;
    job->formats.saturates = chosen.saturates;
    return EF_OK;
}

static ef_status choose_ranges(ef_inject_job *job, ef_error *err)
{
    ef_error why = {EF_OK, ""};
    ef_status status = ef_range_rule_parse(&job->ranges, job->set->ranges, &why);
    return status ? ef_error_set(err, status, "--%s", why.text) : EF_OK;
}

ef_status ef_inject_choose_formats(ef_inject_job *job, ef_error *err)
{
    const ef_inject_settings *set = job->set;
    ef_qnet_options *to = &job->formats;
    ef_format format = set->common.format;
    int has_weights = ef_format_is_stated(&set->weights);
    int has_activations = ef_format_is_stated(&set->activations);
    to->weights = has_weights ? set->weights : format;
    to->activations = has_activations ? set->activations : format;
    if (!has_weights && format.kind == EF_FORMAT_INT) {
        to->weights.per_channel = 1;
    }
    if (!has_activations && format.kind == EF_FORMAT_INT) {
        to->activations.per_channel = 0;
        /* the other encodings are of signed codes only */
        to->fits_activations =
            format.encoding == EF_ENCODING_PLAIN || format.encoding == EF_ENCODING_GRAY;
    }
    const char *weights = has_weights ? "weights" : "format";
    const char *activations = has_activations ? "activations" : "format";
    ef_status status = check_format(&to->weights, weights, err);
    status = status ? status : check_format(&to->activations, activations, err);
    status = status ? status : check_pair(job, weights, activations, err);
    status = status ? status : choose_accumulator(job, err);
    status = status ? status : choose_ranges(job, err);
    return status ? status : ef_inject_choose_calibration(job, err);
}
