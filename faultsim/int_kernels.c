/* The inner loops in plain C, and the choice among all. */
#include "faultsim/int_kernels.h"

#include <math.h>
#include <string.h>

/* --- weights as int16, two channels together -------------------------------------- */

size_t ef_int_packed_pairs(size_t n_values)
{
    return n_values * sizeof(int16_t);
}

void ef_int_pack_pair(void *weights, const ef_int_conv *conv, size_t block, size_t tap,
                      size_t channel, size_t out, int32_t value)
{
    ((int16_t *)weights)[ef_int_place(conv, block, tap, channel, out, 2)] =
        (int16_t)value;
}

static void conv_portable(const ef_int_conv *conv, const uint8_t *const *windows,
                          size_t n, int32_t *acc)
{
    size_t n_pairs = conv->n_groups * EF_INT_GROUP / 2;
    for (size_t p = 0; p < n; p++) {
        const int16_t *w = conv->weights;
        for (size_t b = 0; b < conv->n_blocks; b++, acc += EF_INT_BLOCK) {
            uint32_t sum[EF_INT_BLOCK];
            memcpy(sum, conv->start + b * EF_INT_BLOCK, sizeof sum);
            for (size_t t = 0; t < conv->n_taps; t++) {
                const uint8_t *x = windows[p] + conv->taps[t];
                for (size_t i = 0; i < n_pairs; i++, w += EF_INT_BLOCK * 2) {
                    for (size_t o = 0; o < EF_INT_BLOCK; o++) {
                        sum[o] += (uint32_t)(x[2 * i] * w[2 * o] +
                                             x[2 * i + 1] * w[2 * o + 1]);
                    }
                }
            }
            memcpy(acc, sum, sizeof sum);
        }
    }
}

/* --- sums into bytes -------------------------------------------------------------- */

static uint8_t byte_of(double value, const ef_int_rounding *r)
{
    const double low = r->least - r->zero, high = r->most - r->zero;
    value = value < low ? low : value;
    value = value > high ? high : value;
    return (uint8_t)((int32_t)nearbyint(value) + r->zero);
}

static double narrow(uint32_t sum, const ef_int_rounding *r)
{
    return (int32_t)(sum << r->unused) >> r->unused;
}

void ef_int_round_portable(const int32_t *acc, const double *factors, size_t n,
                           const ef_int_rounding *rounding, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = byte_of(narrow((uint32_t)acc[i], rounding) * factors[i], rounding);
    }
}

static void update_portable(const unsigned char *weights, const ef_int_item *items,
                            size_t n_items, const int32_t *acc, const double *factors,
                            size_t n, const ef_int_rounding *rounding, uint8_t *out)
{
    for (size_t b = 0; b < n; b += EF_INT_BLOCK) {
        uint32_t sum[EF_INT_BLOCK];
        memcpy(sum, acc + b, sizeof sum);
        for (size_t i = 0; i < n_items; i++) {
            const int16_t *w =
                (const int16_t *)(const void *)(weights + items[i].at) + 2 * b;
            int32_t low = (int16_t)items[i].delta, high = items[i].delta >> 16;
            for (size_t o = 0; o < EF_INT_BLOCK; o++) {
                sum[o] += (uint32_t)(low * w[2 * o] + high * w[2 * o + 1]);
            }
        }
        ef_int_round_portable((const int32_t *)sum, factors + b, EF_INT_BLOCK, rounding,
                              out + b);
    }
}

void ef_int_shift_portable(const int32_t *acc, const uint8_t *x, size_t n,
                           int32_t delta, int32_t zero_x, double factor,
                           const ef_int_rounding *rounding, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t sum = (uint32_t)acc[i] + (uint32_t)(delta * (x[i] - zero_x));
        out[i] = byte_of(narrow(sum, rounding) * factor, rounding);
    }
}

void ef_int_add_portable(const uint8_t *a, const uint8_t *b, int32_t zero_a,
                         int32_t zero_b, const double *factors, size_t n,
                         const ef_int_rounding *rounding, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        double value = (a[i] - zero_a) * factors[0] + (b[i] - zero_b) * factors[1];
        out[i] = byte_of(value, rounding);
    }
}

size_t ef_int_differ_portable(const uint8_t *now, const uint8_t *was, size_t n,
                              ef_int_change *changes)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i += 2) {
        int32_t low = now[i] - was[i], high = now[i + 1] - was[i + 1];
        if (low | high) {
            changes[found++] =
                (ef_int_change){(uint32_t)(i / 2), (int32_t)(((uint32_t)high << 16) |
                                                             ((uint32_t)low & 0xffff))};
        }
    }
    return found;
}

const ef_int_kernels ef_int_kernels_portable = {
    .name = "portable",
    .packed_size = ef_int_packed_pairs,
    .pack = ef_int_pack_pair,
    .conv = conv_portable,
    .round = ef_int_round_portable,
    .update = update_portable,
    .shift = ef_int_shift_portable,
    .add = ef_int_add_portable,
    .differ = ef_int_differ_portable,
};

/* --- all -------------------------------------------------------------------------- */

#if defined(__x86_64__)

static const ef_int_kernels *const tables[] = {
    &ef_int_kernels_vnni, &ef_int_kernels_avx2, &ef_int_kernels_portable};

const ef_int_kernels *const *ef_int_kernels_available(size_t *n)
{
    size_t skip = 2;
    if (__builtin_cpu_supports("avx2")) {
        int has_vnni = __builtin_cpu_supports("avx512vnni") &&
                       __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512vl");
        skip = has_vnni ? 0 : 1;
    }
    *n = sizeof tables / sizeof tables[0] - skip;
    return tables + skip;
}

#else

static const ef_int_kernels *const tables[] = {&ef_int_kernels_portable};

const ef_int_kernels *const *ef_int_kernels_available(size_t *n)
{
    *n = 1;
    return tables;
}

#endif
