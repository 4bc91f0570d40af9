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

static void round_portable(const int32_t *acc, size_t n_pixels, size_t stride,
                           ef_int_factors factors, size_t n_out,
                           const ef_int_rounding *rounding, uint8_t *const *out)
{
    for (size_t p = 0; p < n_pixels; p++) {
        for (size_t i = 0; i < n_out; i++) {
            uint32_t sum = (uint32_t)acc[p * stride + i];
            out[p][i] = byte_of(narrow(sum, rounding) * factors.exact[i], rounding);
        }
    }
}

/* --- changes ---------------------------------------------------------------------- */

#define GROUP_SIZE (EF_INT_GROUP * EF_INT_BLOCK * sizeof(int16_t))

/* Adds (sign 1) or takes off (-1) what a change brings to a block. */
static void add_change(uint32_t *sum, const unsigned char *weights, uint32_t deltas,
                       int32_t sign)
{
    const int16_t *w = (const int16_t *)(const void *)weights;
    for (size_t c = 0; c < EF_INT_GROUP; c++) {
        int32_t delta = sign * (int32_t)(deltas >> 8 * c & 0xff);
        const int16_t *own = w + c / 2 * 2 * EF_INT_BLOCK + c % 2;
        for (size_t o = 0; o < EF_INT_BLOCK; o++) {
            sum[o] += (uint32_t)(delta * own[2 * o]);
        }
    }
}

static void add_changes(uint32_t *sum, const ef_int_window *w, uint32_t corner,
                        const unsigned char *block)
{
    const ef_int_tensor *t = w->tensor;
    const uint32_t tap_size = (uint32_t)(t->pixel / EF_INT_GROUP * GROUP_SIZE);
    for (size_t r = 0; r < w->n_runs; r++) {
        ef_int_seen seen = ef_int_see(t, &w->runs[r], corner, tap_size);
        for (uint32_t i = seen.begin.more; i < seen.end.more; i++) {
            uint32_t at = t->more[i].at + seen.base;
            add_change(sum, block + at, t->more[i].deltas, 1);
        }
        for (uint32_t i = seen.begin.less; i < seen.end.less; i++) {
            uint32_t at = t->less[i].at + seen.base;
            add_change(sum, block + at, t->less[i].deltas, -1);
        }
    }
}

static size_t update_portable(const ef_int_window *w, const uint32_t *pixels, size_t n,
                              uint32_t *dense, size_t *n_dense)
{
    size_t block_size = w->conv->n_taps * w->conv->n_groups * GROUP_SIZE, sum_n = 0;
    *n_dense = 0;
    for (size_t p = 0; p < n; p++) {
        uint32_t corner = w->corners[pixels[p]];
        const int32_t *acc = w->acc + pixels[p] * w->acc_pixel;
        uint8_t *out = w->out + w->places[pixels[p]] * w->out_pixel;
        size_t seen = ef_int_count(w, corner);
        if (seen > w->most) {
            dense[(*n_dense)++] = pixels[p];
            continue;
        }
        sum_n += seen;
        for (size_t b = 0; b < w->n_out && seen > 0; b += EF_INT_BLOCK) {
            uint32_t sum[EF_INT_BLOCK];
            memcpy(sum, acc + b, sizeof sum);
            add_changes(sum, w, corner,
                        (const unsigned char *)w->conv->weights +
                            b / EF_INT_BLOCK * block_size);
            for (size_t o = 0; o < EF_INT_BLOCK && b + o < w->n_out; o++) {
                out[b + o] = byte_of(
                    narrow(sum[o], w->rounding) * w->factors.exact[b + o], w->rounding);
            }
        }
    }
    return sum_n;
}

/* The groups of x that lie above y, as changes; returns how many. */
static size_t list_above(const uint8_t *x, const uint8_t *y, size_t size, uint32_t at,
                         ef_int_change *changes)
{
    size_t found = 0;
    for (size_t i = 0; i < size; i += EF_INT_GROUP, at += GROUP_SIZE) {
        uint32_t deltas = 0;
        for (size_t c = 0; c < EF_INT_GROUP; c++) {
            uint32_t delta = x[i + c] > y[i + c] ? x[i + c] - y[i + c] : 0;
            deltas |= delta << 8 * c;
        }
        if (deltas) {
            changes[found++] = (ef_int_change){at, deltas};
        }
    }
    return found;
}

void ef_int_differ_pairs(const uint8_t *now, const uint8_t *was, const uint32_t *places,
                         size_t n, ef_int_tensor *tensor)
{
    const size_t size = tensor->pixel;
    const uint32_t tap_size = (uint32_t)(size / EF_INT_GROUP * GROUP_SIZE);
    size_t n_more = 0, n_less = 0, next = 0;
    for (size_t p = 0; p < n; p++) {
        const uint8_t *x = now + places[p] * size, *y = was + places[p] * size;
        uint32_t at = places[p] * tap_size;
        ef_int_start_at(tensor->starts, next, places[p] + 1, n_more, n_less);
        next = places[p] + 1;
        n_more += list_above(x, y, size, at, tensor->more + n_more);
        n_less += list_above(y, x, size, at, tensor->less + n_less);
    }
    ef_int_start_at(tensor->starts, next, tensor->n_places + 1, n_more, n_less);
}

/* --- one plane, two images -------------------------------------------------------- */

static void shift_portable(const int32_t *acc, const uint8_t *x, size_t n,
                           int32_t delta, int32_t zero_x, double factor,
                           const ef_int_rounding *rounding, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t sum = (uint32_t)acc[i] + (uint32_t)(delta * (x[i] - zero_x));
        out[i] = byte_of(narrow(sum, rounding) * factor, rounding);
    }
}

static void add_portable(const uint8_t *a, const uint8_t *b, int32_t zero_a,
                         int32_t zero_b, const double *factors, size_t n,
                         const ef_int_rounding *rounding, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        double value = (a[i] - zero_a) * factors[0] + (b[i] - zero_b) * factors[1];
        out[i] = byte_of(value, rounding);
    }
}

const ef_int_kernels ef_int_kernels_portable = {
    .name = "portable",
    .group_size = GROUP_SIZE,
    .packed_size = ef_int_packed_pairs,
    .pack = ef_int_pack_pair,
    .conv = conv_portable,
    .round = round_portable,
    .update = update_portable,
    .shift = shift_portable,
    .add = add_portable,
    .differ = ef_int_differ_pairs,
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
                       __builtin_cpu_supports("avx512dq") &&
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
