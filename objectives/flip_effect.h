/* What the flip of a stored bit does to a value, on average over the values that a
 * tensor takes: read off the codes of the format, the same way for every format. */
#ifndef EF_OBJECTIVES_FLIP_EFFECT_H
#define EF_OBJECTIVES_FLIP_EFFECT_H

#include <stddef.h>

#include "base/status.h"
#include "format/format.h"

/* The law that a tensor's values follow. */
typedef enum ef_value_law {
    EF_VALUES_NORMAL,   /* N(0, deviation^2) */
    EF_VALUES_RECTIFIED /* max(0, N(0, deviation^2)) */
} ef_value_law;

typedef struct ef_value_spread {
    ef_value_law law;
    double deviation; /* > 0; matters to formats without a scale of their own */
    double cut;       /* the greatest magnitude in deviations, > 0: what the format's
                         scale is set by */
} ef_value_spread;

/* The flips of an element's bits by what they do: (delta / rms)^2, delta the change of
 * the value, rms the root of the mean square of the tensor's values as stored. */
typedef struct ef_flip_effect {
    double *squares; /* (n) to three digits, finite, in no order */
    double *bits;    /* (n) expected number of an element's bits with this effect */
    size_t n;
    double boundless; /* expected number of bits whose flip makes a NaN or infinity */
    double without;   /* of those whose flip changes nothing */
    unsigned width;   /* bits of an element: the sum of these three */
} ef_flip_effect;

/* The mean over 64 values at the midpoints of equal shares of the law; their magnitudes
 * end at the cut.  A scale that is a power of two, which lies anywhere within an octave
 * of what the range asks for, is taken at four places of it in turn.
 * EF_ERR_INPUT: no such format.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_flip_effect_init(ef_flip_effect *effect,
                                           const ef_format *format,
                                           const ef_value_spread *spread,
                                           ef_error *err);
/* Takes a zeroed one. */
void ef_flip_effect_clear(ef_flip_effect *effect);

/* The sum over an element's bits of u / (1 + u), u = gain (delta / rms)^2: how many of
 * its bits are critical.  gain >= 0; of 0 none are, else those are whose flip makes a
 * NaN or infinity.  Takes about 1 ns for each of the n. */
double ef_flip_effect_sum(const ef_flip_effect *effect, double gain);

#endif
