/* Number formats of weights and activations that one name means, and which of them go
 * together. */
#ifndef EF_FAULTSIM_FORMATS_H
#define EF_FAULTSIM_FORMATS_H

#include "base/status.h"
#include "faultsim/quantized.h"

/* Whether tensors of this format are run in integers. */
int ef_formats_is_integer(const ef_format *format);

/* What `--format F` says of both: of `int`, weights with a scale for each output
 * channel and activations with one scale, those without a negative value as `uint`
 * (encodings other than plain and Gray code are of signed codes only); of any other
 * format the same for both. */
void ef_formats_set_weights(ef_qnet_options *options, const ef_format *format);
void ef_formats_set_activations(ef_qnet_options *options, const ef_format *format);

/* Integers, floats, or weights in integers that are read as floats; no stochastic
 * rounding.  EF_ERR_USAGE: "WHAT FORMAT: why", with what is said in front of the name
 * of the weights' format, or of that of the activations. */
EF_NODISCARD ef_status ef_formats_check(const ef_qnet_options *options,
                                        const char *weights, const char *activations,
                                        ef_error *err);

#endif
