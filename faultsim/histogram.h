/* How often values come, in bins of the real line whose width is at most 1/128 of the
 * value: fine enough for 8 bits at whatever magnitude a range ends, without a look at
 * the values before. */
#ifndef EF_FAULTSIM_HISTOGRAM_H
#define EF_FAULTSIM_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define EF_HISTOGRAM_OCTAVES 24
#define EF_HISTOGRAM_SIDE (EF_HISTOGRAM_OCTAVES * 128) /* bins of one sign */
#define EF_HISTOGRAM_BINS (2 * EF_HISTOGRAM_SIDE + 1)

/* Bins ascend.  The one in the middle is of values that count as 0: below 2^-24 of the
 * largest magnitude. */
typedef struct ef_histogram {
    uint32_t first; /* upper half of the float32 with which the first bin begins */
    atomic_ullong counts[EF_HISTOGRAM_BINS];
} ef_histogram;

/* What one thread has counted for a histogram. */
typedef struct ef_histogram_part {
    uint32_t counts[EF_HISTOGRAM_BINS];
} ef_histogram_part;

/* An empty one of finite values up to this magnitude, at least 0. */
void ef_histogram_init(ef_histogram *histogram, float most);

/* Counts finite values, shape (n), into a part whose sum stays below 2^32; larger
 * magnitudes than most count as most. */
void ef_histogram_count(const ef_histogram *histogram, ef_histogram_part *part,
                        size_t n, const float *values);
/* Adds a part, which is empty afterwards; safe from many threads. */
void ef_histogram_take(ef_histogram *histogram, ef_histogram_part *part);
/* Adds a histogram of values whose most is no greater. */
void ef_histogram_add(ef_histogram *histogram, const ef_histogram *other);

/* The values of bin i lie in [*low, *high]; those of the middle one are 0. */
void ef_histogram_bin(const ef_histogram *histogram, size_t i, double *low,
                      double *high);

#endif
