/* How raw values become inputs of a network:
 *
 *     input = raw * scale[c] + shift[c]
 *
 * in float32, the product rounded and then the sum (never fused), which is what an
 * ONNX `Mul` followed by an `Add` computes, bit for bit.  A saved model carries both
 * as a `scale` node in front, so it takes raw values. */
#ifndef EF_NET_NORMALISATION_H
#define EF_NET_NORMALISATION_H

#include <stddef.h>

#include "base/status.h"
#include "net/dataset.h"
#include "net/split.h"

typedef struct ef_normalisation {
    size_t channels;
    float scale[EF_DATASET_CHANNELS_MAX]; /* (channels) */
    float shift[EF_DATASET_CHANNELS_MAX]; /* (channels) */
} ef_normalisation;

/* Mean 0 and standard deviation 1 over the images of part, channel by channel; a
 * channel of one value only is shifted to 0 and not scaled.  part is not empty. */
void ef_normalisation_fit(ef_normalisation *norm, const ef_dataset *set, ef_part part);

/* From --mean, --std, --range as typed, NULL where not given [0, 1, 0..1]: raw values
 * are mapped linearly from [set->low, set->high] to the range, then the mean is
 * subtracted and the result divided by the standard deviation, both in units of the
 * range.  One number for all channels or one per channel, separated by commas.
 * `--range raw` leaves raw values as they are.  EF_ERR_USAGE. */
EF_NODISCARD ef_status ef_normalisation_parse(ef_normalisation *norm,
                                              const ef_dataset *set, const char *mean,
                                              const char *std, const char *range,
                                              ef_error *err);

#endif
