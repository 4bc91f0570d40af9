/* The number formats of weights and activations, and what runs them. */
#include "cmd/inject_priv.h"
#include "faultsim/formats.h"

static ef_status choose_accumulator(ef_inject_job *job, ef_error *err)
{
    ef_error why = {EF_OK, ""};
    ef_accumulator chosen;
    if (!job->set->accumulator) {
        return EF_OK;
    }
    if (!ef_formats_is_integer(&job->formats.activations)) {
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
    ef_formats_set_weights(to, &format);
    ef_formats_set_activations(to, &format);
    if (has_weights) {
        to->weights = set->weights;
    }
    if (has_activations) {
        to->activations = set->activations;
        to->fits_activations = 0;
    }
    ef_status status =
        ef_formats_check(to, has_weights ? "--weights" : "--format",
                         has_activations ? "--activations" : "--format", err);
    status = status ? status : choose_accumulator(job, err);
    status = status ? status : choose_ranges(job, err);
    return status ? status : ef_inject_choose_calibration(job, err);
}
