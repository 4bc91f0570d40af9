/* The number formats of weights and activations, and what runs them. */
#include "cmd/inject_priv.h"

static int is_integer(const ef_format *format)
{
    return format->kind == EF_FORMAT_INT || format->kind == EF_FORMAT_FIXED ||
           format->kind == EF_FORMAT_UINT;
}

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

/* Integers, floats, or weights in integers that are read as floats. */
static ef_status check_pair(const ef_inject_job *job, const char *weights,
                            const char *activations, ef_error *err)
{
    const ef_qnet_options *f = &job->formats;
    if (f->weights.kind == EF_FORMAT_UINT) {
        return refuse(&f->weights, weights, "only activations have a zero point", err);
    }
    if (is_integer(&f->activations) && !is_integer(&f->weights)) {
        return refuse(&f->weights, weights,
                      "with activations in integers weights are integers too", err);
    }
    if (!is_integer(&f->activations)) {
        return refuse(&f->activations, activations,
                      "faults are run in integer formats: int8, int4, fixed8 ...; for "
                      "activations uint8 too",
                      err);
    }
    if (f->weights.bits > 8 || f->activations.bits > 8) {
        int is_weights = f->weights.bits > 8;
        return refuse(is_weights ? &f->weights : &f->activations,
                      is_weights ? weights : activations,
                      "faults are run in integer formats of at most 8 bits", err);
    }
    return EF_OK;
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
    return status ? status : check_pair(job, weights, activations, err);
}
