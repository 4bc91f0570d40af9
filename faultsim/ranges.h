/* The values that every tensor of a network takes over images, in float32 execution:
 * what formats of activations are fitted to.
 *
 * [1] R. Banner, Y. Nahshan, D. Soudry, Post training 4-bit quantization of
 *     convolutional networks for rapid-deployment, NeurIPS 2019, arXiv:1810.05723:
 *     clipping for the least squared error. */
#ifndef EF_FAULTSIM_RANGES_H
#define EF_FAULTSIM_RANGES_H

#include <stddef.h>

#include "base/status.h"
#include "faultsim/histogram.h"
#include "format/format.h"
#include "net/net.h"

typedef struct ef_range {
    float low, high; /* low > high: nothing was seen */
} ef_range;

typedef enum ef_range_kind {
    EF_RANGE_MAX,        /* all values */
    EF_RANGE_PERCENTILE, /* but for the largest magnitudes */
    EF_RANGE_MSE         /* what leaves the least squared error in the format */
} ef_range_kind;

/* How ranges are set; zeroed it means all values. */
typedef struct ef_range_rule {
    ef_range_kind kind;
    double percentile; /* above 50, at most 100 */
} ef_range_rule;

#define EF_RANGE_RULE_NAME 40

/* "max", "percentile:99.9", "mse".  EF_ERR_USAGE. */
EF_NODISCARD ef_status ef_range_rule_parse(ef_range_rule *rule, const char *text,
                                           ef_error *err);
/* Parsing it gives the rule back. */
void ef_range_rule_name(const ef_range_rule *rule, char name[EF_RANGE_RULE_NAME]);

/* By node of the topology. */
typedef struct ef_ranges {
    ef_range *nodes; /* (n) all values */
    size_t n;
    ef_range_rule rule;
    ef_histogram *histograms; /* (n), or NULL where the rule is of all values */
} ef_ranges;

/* images: (n, channels, height, width), as ef_forward_run takes them; run once for all
 * values, and a second time to count them.
 * EF_ERR_INPUT: a value on the way is not finite, with the node's name; no image.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_ranges_create_by(ef_ranges **ranges, const ef_net *net,
                                           const float *images, size_t n,
                                           const ef_range_rule *rule, size_t n_threads,
                                           ef_error *err);
/* Of all values. */
EF_NODISCARD ef_status ef_ranges_create(ef_ranges **ranges, const ef_net *net,
                                        const float *images, size_t n, size_t n_threads,
                                        ef_error *err);
void ef_ranges_destroy(ef_ranges *ranges);

/* The range by the rule for tensors in one format and at one scale: those of nodes,
 * shape (n).  All their values, [low, high], are clipped to [-c, c]:
 * max          c is the largest magnitude, M
 * percentile   c is the magnitude that P % of them do not exceed, zeros included, to
 *              within 1/128 of itself; M where that is 0, since a range of zeros has
 *              no use.  Of tensors without negative values it is the percentile of
 *              the values, of others that of magnitudes
 * mse          c leaves the least mean of the squared differences of values from what
 *              they are stored as [1]: of M k / 16, k from 9 to 16, and these halved up
 *              to 15 times, then of what lies around the best in eighths of this
 *              distance; values are spread evenly within bins of 1/128 of themselves.
 *              M in formats that do not depend on a range, and
 *              in floats of more than 8 bits, which do not saturate.
 * low > high: nothing was seen.  EF_ERR_MEMORY, EF_ERR_INPUT: no such format. */
EF_NODISCARD ef_status ef_ranges_fit(const ef_ranges *ranges, const size_t *nodes,
                                     size_t n, const ef_format *format, ef_range *range,
                                     ef_error *err);

#endif
