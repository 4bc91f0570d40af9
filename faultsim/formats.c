#include "faultsim/formats.h"

int ef_formats_is_integer(const ef_format *format)
{
    return format->kind == EF_FORMAT_INT || format->kind == EF_FORMAT_UINT ||
           format->kind == EF_FORMAT_FIXED;
}

void ef_formats_set_weights(ef_qnet_options *options, const ef_format *format)
{
    options->weights = *format;
    if (format->kind == EF_FORMAT_INT) {
        options->weights.per_channel = 1;
    }
}

void ef_formats_set_activations(ef_qnet_options *options, const ef_format *format)
{
    options->activations = *format;
    options->fits_activations = 0;
    if (format->kind == EF_FORMAT_INT) {
        options->activations.per_channel = 0;
        options->fits_activations = format->encoding == EF_ENCODING_PLAIN ||
                                    format->encoding == EF_ENCODING_GRAY;
    }
}

static ef_status refuse(const ef_format *format, const char *what, const char *why,
                        ef_error *err)
{
    char name[EF_FORMAT_NAME];
    ef_format_name(format, name);
    return ef_error_set(err, EF_ERR_USAGE, "%s %s: %s", what, name, why);
}

static int is_code(const ef_format *format)
{
    return format->kind == EF_FORMAT_TERN || format->kind == EF_FORMAT_BIN;
}

ef_status ef_formats_check(const ef_qnet_options *options, const char *weights,
                           const char *activations, ef_error *err)
{
    const ef_format *w = &options->weights, *a = &options->activations;
    if (w->stochastic || a->stochastic) {
        return refuse(w->stochastic ? w : a, w->stochastic ? weights : activations,
                      "faults are run with rounding to the nearest", err);
    }
    if (w->kind == EF_FORMAT_UINT) {
        return refuse(w, weights, "only activations have a zero point", err);
    }
    if (ef_formats_is_integer(a) && !ef_formats_is_integer(w) && !is_code(w)) {
        return refuse(
            w, weights,
            "with activations in integers weights are int, fixed, tern or bin", err);
    }
    if (is_code(a)) {
        return refuse(a, activations,
                      "activations are int, uint, fixed, floats or pow2", err);
    }
    return EF_OK;
}
