#include "faultsim/histogram.h"

#include <string.h>

/* Upper half of a magnitude: its exponent and 7 bits of its mantissa, so that floats
 * that lie together have keys that do. */
static uint32_t key_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7fffffff) >> 16;
}

static double edge_of(uint32_t key)
{
    uint32_t bits = key << 16;
    float edge;
    memcpy(&edge, &bits, sizeof edge);
    return (double)edge;
}

void ef_histogram_init(ef_histogram *histogram, float most)
{
    uint32_t last = key_of(most);
    histogram->first = last > EF_HISTOGRAM_SIDE ? last - EF_HISTOGRAM_SIDE + 1 : 1;
    for (size_t i = 0; i < EF_HISTOGRAM_BINS; i++) {
        atomic_init(&histogram->counts[i], 0);
    }
}

void ef_histogram_count(const ef_histogram *histogram, ef_histogram_part *part,
                        size_t n, const float *values)
{
    int32_t before = (int32_t)histogram->first - 1;
    for (size_t i = 0; i < n; i++) {
        int32_t from_0 = (int32_t)key_of(values[i]) - before;
        from_0 = from_0 > 0 ? from_0 : 0;
        from_0 = from_0 < EF_HISTOGRAM_SIDE ? from_0 : EF_HISTOGRAM_SIDE;
        part->counts[EF_HISTOGRAM_SIDE + (values[i] < 0 ? -from_0 : from_0)]++;
    }
}

void ef_histogram_take(ef_histogram *histogram, ef_histogram_part *part)
{
    for (size_t i = 0; i < EF_HISTOGRAM_BINS; i++) {
        if (part->counts[i] > 0) {
            atomic_fetch_add_explicit(&histogram->counts[i], part->counts[i],
                                      memory_order_relaxed);
            part->counts[i] = 0;
        }
    }
}

void ef_histogram_add(ef_histogram *histogram, const ef_histogram *other)
{
    ptrdiff_t shift = (ptrdiff_t)other->first - (ptrdiff_t)histogram->first;
    for (ptrdiff_t i = -EF_HISTOGRAM_SIDE; i <= EF_HISTOGRAM_SIDE; i++) {
        ptrdiff_t to = i + (i > 0 ? shift : i < 0 ? -shift : 0);
        int is_0 = i > 0 ? to < 0 : to > 0;
        histogram->counts[EF_HISTOGRAM_SIDE + (is_0 ? 0 : to)] +=
            other->counts[EF_HISTOGRAM_SIDE + i];
    }
}

void ef_histogram_bin(const ef_histogram *histogram, size_t i, double *low,
                      double *high)
{
    if (i == EF_HISTOGRAM_SIDE) {
        *low = *high = 0;
    } else if (i > EF_HISTOGRAM_SIDE) {
        uint32_t key = histogram->first + (uint32_t)(i - EF_HISTOGRAM_SIDE - 1);
        *low = edge_of(key);
        *high = edge_of(key + 1);
    } else {
        uint32_t key = histogram->first + (uint32_t)(EF_HISTOGRAM_SIDE - 1 - i);
        *low = -edge_of(key + 1);
        *high = -edge_of(key);
    }
}
