/* The inner loops with AVX-512 and its dot products of bytes and of int16 (VNNI). */
#include "faultsim/int_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

/* The sums of a tile stay in registers only where its loops are unrolled. */
#define UNROLL _Pragma("GCC unroll 8")
#define VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

/* Weights as int8, four channels together. */
static size_t packed_fours(size_t n_values)
{
    return n_values;
}

static void pack_four(void *weights, const ef_int_conv *conv, size_t block, size_t tap,
                      size_t channel, size_t out, int32_t value)
{
    ((int8_t *)weights)[ef_int_place(conv, block, tap, channel, out, 4)] =
        (int8_t)value;
}

VNNI static inline __m512i four_channels(const uint8_t *x)
{
    int32_t bytes;
    memcpy(&bytes, x, sizeof bytes);
    return _mm512_set1_epi32(bytes);
}

/* PIXELS windows and BLOCKS blocks of output channels at once. */
#define DEFINE_TILE(PIXELS, BLOCKS)                                                    \
    VNNI static void tile_##PIXELS##_##BLOCKS(const ef_int_conv *conv,                 \
                                              const uint8_t *const *windows,           \
                                              size_t block, int32_t *acc)              \
    {                                                                                  \
        size_t n_out = conv->n_blocks * EF_INT_BLOCK;                                  \
        size_t w_block = conv->n_taps * conv->n_groups * EF_INT_GROUP * EF_INT_BLOCK;  \
        const int8_t *w = (const int8_t *)conv->weights + block * w_block;             \
        __m512i sum[PIXELS][BLOCKS];                                                   \
        UNROLL for (size_t p = 0; p < PIXELS; p++)                                     \
        {                                                                              \
            UNROLL for (size_t b = 0; b < BLOCKS; b++)                                 \
            {                                                                          \
                sum[p][b] =                                                            \
                    _mm512_loadu_si512(conv->start + (block + b) * EF_INT_BLOCK);      \
            }                                                                          \
        }                                                                              \
        for (size_t t = 0; t < conv->n_taps; t++) {                                    \
            ptrdiff_t tap = conv->taps[t];                                             \
            for (size_t i = 0; i < conv->n_groups; i++, w += 64) {                     \
                __m512i weights[BLOCKS];                                               \
                UNROLL for (size_t b = 0; b < BLOCKS; b++)                             \
                {                                                                      \
                    weights[b] = _mm512_loadu_si512(w + b * w_block);                  \
                }                                                                      \
                UNROLL for (size_t p = 0; p < PIXELS; p++)                             \
                {                                                                      \
                    __m512i x = four_channels(windows[p] + tap + 4 * i);               \
                    UNROLL for (size_t b = 0; b < BLOCKS; b++)                         \
                    {                                                                  \
                        sum[p][b] = _mm512_dpbusd_epi32(sum[p][b], x, weights[b]);     \
                    }                                                                  \
                }                                                                      \
            }                                                                          \
        }                                                                              \
        UNROLL for (size_t p = 0; p < PIXELS; p++)                                     \
        {                                                                              \
            UNROLL for (size_t b = 0; b < BLOCKS; b++)                                 \
            {                                                                          \
                _mm512_storeu_si512(acc + p * n_out + (block + b) * EF_INT_BLOCK,      \
                                    sum[p][b]);                                        \
            }                                                                          \
        }                                                                              \
    }

DEFINE_TILE(8, 1)
DEFINE_TILE(1, 1)
DEFINE_TILE(8, 2)
DEFINE_TILE(1, 2)
DEFINE_TILE(5, 4)
DEFINE_TILE(1, 4)

typedef void tile_function(const ef_int_conv *conv, const uint8_t *const *windows,
                           size_t block, int32_t *acc);

VNNI static void conv_vnni(const ef_int_conv *conv, const uint8_t *const *windows,
                           size_t n, int32_t *acc)
{
    size_t n_out = conv->n_blocks * EF_INT_BLOCK;
    for (size_t block = 0; block < conv->n_blocks;) {
        size_t left = conv->n_blocks - block;
        size_t blocks = left >= 4 ? 4 : left >= 2 ? 2 : 1;
        size_t pixels = blocks == 4 ? 5 : 8, p = 0;
        tile_function *many = blocks == 4   ? tile_5_4
                              : blocks == 2 ? tile_8_2
                                            : tile_8_1;
        tile_function *one = blocks == 4 ? tile_1_4 : blocks == 2 ? tile_1_2 : tile_1_1;
        for (; p + pixels <= n; p += pixels) {
            many(conv, windows + p, block, acc + p * n_out);
        }
        for (; p < n; p++) {
            one(conv, windows + p, block, acc + p * n_out);
        }
        block += blocks;
    }
}

/* --- sums into bytes -------------------------------------------------------------- */

/* What a rounding says, in every lane. */
typedef struct bounds {
    __m512 low, high; /* of a value before the zero point is added */
    __m512i zero;
    __m128i unused;
    int is_narrow;
    const ef_int_rounding *all;
} bounds;

VNNI static inline bounds bounds_of(const ef_int_rounding *r)
{
    return (bounds){_mm512_set1_ps((float)(r->least - r->zero)),
                    _mm512_set1_ps((float)(r->most - r->zero)),
                    _mm512_set1_epi32(r->zero),
                    _mm_cvtsi32_si128((int)r->unused),
                    r->unused > 0,
                    r};
}

VNNI static inline __m512i narrow(__m512i sum, const bounds *b)
{
    return !b->is_narrow
               ? sum
               : _mm512_sra_epi32(_mm512_sll_epi32(sum, b->unused), b->unused);
}

/* A value of float32, within bounds, is within 3 units of 2^-24 of the exact one: of
 * the sum, the factor and the product a rounding each.  So what lies this far from a
 * tie is rounded as that is; bounds reach to 255 and an exact value beyond them is not
 * within half of one. */
#define FAR_FROM_TIES 0.4998f

/* Of the lanes, those that may be rounded otherwise; NaN is among them. */
VNNI static inline __mmask16 near_ties(__m512 value, __m512 far)
{
    __m512 rest = _mm512_reduce_ps(value, _MM_FROUND_TO_NEAREST_INT); /* of rounding */
    return _mm512_cmp_ps_mask(_mm512_abs_ps(rest), far, _CMP_NLE_UQ);
}

VNNI static inline __m512 clamped(__m512 value, const bounds *b)
{
    return _mm512_min_ps(_mm512_max_ps(value, b->low), b->high);
}

VNNI static inline __m128i bytes_of(__m512 value, const bounds *b)
{
    return _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(value), b->zero));
}

VNNI static inline __m256i whole_of(__m512d value, const ef_int_rounding *r)
{
    return _mm512_cvtpd_epi32(
        _mm512_min_pd(_mm512_max_pd(value, _mm512_set1_pd(r->least - r->zero)),
                      _mm512_set1_pd(r->most - r->zero)));
}

VNNI static __m128i bytes_of_halves(__m512d low, __m512d high, const bounds *b)
{
    __m512i all = _mm512_inserti64x4(_mm512_castsi256_si512(whole_of(low, b->all)),
                                     whole_of(high, b->all), 1);
    return _mm512_cvtepi32_epi8(_mm512_add_epi32(all, b->zero));
}

/* Sixteen sums into bytes in binary64. */
VNNI static __attribute__((noinline)) __m128i
rounded_exactly(__m512i sums, __m512d low, __m512d high, const bounds *b)
{
    __m512d x = _mm512_cvtepi32_pd(_mm512_castsi512_si256(sums));
    __m512d y = _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(sums, 1));
    return bytes_of_halves(_mm512_mul_pd(x, low), _mm512_mul_pd(y, high), b);
}

/* Sixteen sums into bytes: exact[0..16) are what quick is of. */
VNNI static inline __m128i rounded(__m512i sums, __m512 quick, const double *exact,
                                   const bounds *b)
{
    __m512 value = clamped(_mm512_mul_ps(_mm512_cvtepi32_ps(sums), quick), b);
    if (__builtin_expect(near_ties(value, _mm512_set1_ps(FAR_FROM_TIES)) != 0, 0)) {
        return rounded_exactly(sums, _mm512_loadu_pd(exact), _mm512_loadu_pd(exact + 8),
                               b);
    }
    return bytes_of(value, b);
}

/* The bytes of a block that are wanted. */
VNNI static inline __mmask16 block_mask(size_t left)
{
    return left < EF_INT_BLOCK ? (__mmask16)((1U << left) - 1) : (__mmask16)0xffff;
}

VNNI static void round_vnni(const int32_t *acc, size_t n_pixels, size_t stride,
                            ef_int_factors factors, size_t n_out,
                            const ef_int_rounding *rounding, uint8_t *const *out)
{
    const bounds b = bounds_of(rounding);
    for (size_t i = 0; i < n_out; i += EF_INT_BLOCK) {
        __m512 quick = _mm512_loadu_ps(factors.quick + i);
        __mmask16 mask = block_mask(n_out - i);
        for (size_t p = 0; p < n_pixels; p++) {
            __m512i sums = narrow(_mm512_loadu_si512(acc + p * stride + i), &b);
            _mm_mask_storeu_epi8(out[p] + i, mask,
                                 rounded(sums, quick, factors.exact + i, &b));
        }
    }
}

/* --- changes ---------------------------------------------------------------------- */

#define GROUP_SIZE (EF_INT_GROUP * EF_INT_BLOCK)

/* BLOCKS blocks of a pixel that sees changes; weights begin with the first of them. */
#define DEFINE_UPDATE(BLOCKS)                                                          \
    VNNI static inline void add_changes_##BLOCKS(                                      \
        __m512i sum[BLOCKS], const unsigned char *weights, size_t w_block,             \
        const ef_int_change *changes, uint32_t begin, uint32_t end, uint32_t base)     \
    {                                                                                  \
        for (uint32_t i = begin; i < end; i++) {                                       \
            uint32_t at = changes[i].at + base;                                        \
            const unsigned char *w = weights + at;                                     \
            __m512i deltas = _mm512_set1_epi32((int32_t)changes[i].deltas);            \
            UNROLL for (size_t k = 0; k < BLOCKS; k++)                                 \
            {                                                                          \
                sum[k] = _mm512_dpbusd_epi32(sum[k], deltas,                           \
                                             _mm512_loadu_si512(w + w_block * k));     \
            }                                                                          \
        }                                                                              \
    }                                                                                  \
    VNNI static inline void update_##BLOCKS(                                           \
        const ef_int_window *w, uint32_t corner, uint32_t tap_size, size_t first,      \
        const int32_t *acc, const bounds *b, uint8_t *out)                             \
    {                                                                                  \
        const ef_int_tensor *t = w->tensor;                                            \
        size_t w_block = w->conv->n_taps * w->conv->n_groups * GROUP_SIZE;             \
        const unsigned char *weights =                                                 \
            (const unsigned char *)w->conv->weights + first / EF_INT_BLOCK * w_block;  \
        __m512i more[BLOCKS], less[BLOCKS];                                            \
        UNROLL for (size_t k = 0; k < BLOCKS; k++)                                     \
        {                                                                              \
            more[k] = _mm512_loadu_si512(acc + first + k * EF_INT_BLOCK);              \
            less[k] = _mm512_setzero_si512();                                          \
        }                                                                              \
        for (size_t r = 0; r < w->n_runs; r++) {                                       \
            ef_int_seen seen = ef_int_see(t, &w->runs[r], corner, tap_size);           \
            add_changes_##BLOCKS(more, weights, w_block, t->more, seen.begin.more,     \
                                 seen.end.more, seen.base);                            \
            add_changes_##BLOCKS(less, weights, w_block, t->less, seen.begin.less,     \
                                 seen.end.less, seen.base);                            \
        }                                                                              \
        UNROLL for (size_t k = 0; k < BLOCKS; k++)                                     \
        {                                                                              \
            size_t at = first + k * EF_INT_BLOCK;                                      \
            __m512i sum = narrow(_mm512_sub_epi32(more[k], less[k]), b);               \
            _mm_mask_storeu_epi8(out + at, block_mask(w->n_out - at),                  \
                                 rounded(sum, _mm512_loadu_ps(w->factors.quick + at),  \
                                         w->factors.exact + at, b));                   \
        }                                                                              \
    }

DEFINE_UPDATE(1)
DEFINE_UPDATE(2)
DEFINE_UPDATE(4)

VNNI static size_t update_vnni(const ef_int_window *window, const uint32_t *pixels,
                               size_t n, uint32_t *dense, size_t *n_dense)
{
    const ef_int_window w = *window;
    const bounds b = bounds_of(w.rounding);
    const uint32_t tap_size = (uint32_t)(w.tensor->pixel / EF_INT_GROUP * GROUP_SIZE);
    size_t all = 0, many = 0;
    for (size_t p = 0; p < n; p++) {
        uint32_t corner = w.corners[pixels[p]];
        size_t seen = ef_int_count(&w, corner);
        if (seen > w.most) {
            dense[many++] = pixels[p];
            continue;
        }
        if (seen == 0) {
            continue;
        }
        const int32_t *acc = w.acc + pixels[p] * w.acc_pixel;
        uint8_t *out = w.out + w.places[pixels[p]] * w.out_pixel;
        size_t at = 0;
        all += seen;
        for (; w.n_out > at + 3 * EF_INT_BLOCK; at += 4 * EF_INT_BLOCK) {
            update_4(&w, corner, tap_size, at, acc, &b, out);
        }
        for (; w.n_out > at + EF_INT_BLOCK; at += 2 * EF_INT_BLOCK) {
            update_2(&w, corner, tap_size, at, acc, &b, out);
        }
        if (w.n_out > at) {
            update_1(&w, corner, tap_size, at, acc, &b, out);
        }
    }
    *n_dense = many;
    return all;
}

/* The groups of `above` that are not 0; the first of them is at `first`. */
VNNI static inline size_t list_groups(__m512i above, uint32_t first,
                                      ef_int_change *changes)
{
    const __m512i order = _mm512_mullo_epi32(
        _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
        _mm512_set1_epi32(GROUP_SIZE));
    /* unpacking works within lanes of 128 bits: 0 1 | 4 5 | 8 9 | 12 13 */
    const __m512i early = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    const __m512i late = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    __mmask16 is_above = _mm512_test_epi32_mask(above, above);
    size_t n = (size_t)__builtin_popcount(is_above);
    __m512i places = _mm512_maskz_compress_epi32(
        is_above, _mm512_add_epi32(order, _mm512_set1_epi32((int)first)));
    __m512i deltas = _mm512_maskz_compress_epi32(is_above, above);
    __m512i low = _mm512_unpacklo_epi32(places, deltas);
    __m512i high = _mm512_unpackhi_epi32(places, deltas);
    _mm512_storeu_si512(changes, _mm512_permutex2var_epi64(low, early, high));
    if (n > 8) {
        _mm512_storeu_si512(changes + 8, _mm512_permutex2var_epi64(low, late, high));
    }
    return n;
}

VNNI static void differ_vnni(const uint8_t *now, const uint8_t *was,
                             const uint32_t *places, size_t n, ef_int_tensor *tensor)
{
    const size_t size = tensor->pixel;
    const uint32_t tap_size = (uint32_t)(size / EF_INT_GROUP * GROUP_SIZE);
    size_t n_more = 0, n_less = 0, next = 0;
    for (size_t p = 0; p < n; p++) {
        const uint8_t *x = now + places[p] * size, *y = was + places[p] * size;
        ef_int_start_at(tensor->starts, next, places[p] + 1, n_more, n_less);
        next = places[p] + 1;
        for (size_t i = 0; i < size; i += 64) { /* bytes at once */
            __mmask64 valid =
                size - i < 64 ? (UINT64_C(1) << (size - i)) - 1 : UINT64_MAX;
            __m512i a = _mm512_maskz_loadu_epi8(valid, x + i);
            __m512i b = _mm512_maskz_loadu_epi8(valid, y + i);
            uint32_t at =
                places[p] * tap_size + (uint32_t)(i / EF_INT_GROUP * GROUP_SIZE);
            n_more += list_groups(_mm512_subs_epu8(a, b), at, tensor->more + n_more);
            n_less += list_groups(_mm512_subs_epu8(b, a), at, tensor->less + n_less);
        }
    }
    ef_int_start_at(tensor->starts, next, tensor->n_places + 1, n_more, n_less);
}

/* --- one plane, two images -------------------------------------------------------- */

VNNI static void shift_vnni(const int32_t *acc, const uint8_t *x, size_t n,
                            int32_t delta, int32_t zero_x, double factor,
                            const ef_int_rounding *rounding, uint8_t *out)
{
    const bounds b = bounds_of(rounding);
    const __m512 quick = _mm512_set1_ps((float)factor);
    double exact[EF_INT_BLOCK];
    /* delta fits the low half of a lane, and so does a byte */
    const __m512i deltas = _mm512_set1_epi32(delta & 0xffff);
    const __m512i offset = _mm512_set1_epi32(delta * zero_x);
    _mm512_storeu_pd(exact, _mm512_set1_pd(factor));
    _mm512_storeu_pd(exact + 8, _mm512_set1_pd(factor));
    for (size_t i = 0; i < n; i += EF_INT_BLOCK) {
        __m512i bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(x + i)));
        __m512i sum = _mm512_sub_epi32(_mm512_loadu_si512(acc + i), offset);
        sum = narrow(_mm512_dpwssd_epi32(sum, bytes, deltas), &b);
        _mm_storeu_si128((__m128i *)(out + i), rounded(sum, quick, exact, &b));
    }
}

/* (bytes - zero) * factor of eight. */
VNNI static inline __m512d term_of(const uint8_t *bytes, int32_t zero, double factor)
{
    __m256i whole = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)bytes));
    return _mm512_mul_pd(
        _mm512_cvtepi32_pd(_mm256_sub_epi32(whole, _mm256_set1_epi32(zero))),
        _mm512_set1_pd(factor));
}

VNNI static __attribute__((noinline)) __m128i
add_exactly(const uint8_t *x, const uint8_t *y, int32_t zero_x, int32_t zero_y,
            const double *factors, const bounds *b)
{
    __m512d low =
        _mm512_add_pd(term_of(x, zero_x, factors[0]), term_of(y, zero_y, factors[1]));
    __m512d high = _mm512_add_pd(term_of(x + 8, zero_x, factors[0]),
                                 term_of(y + 8, zero_y, factors[1]));
    return bytes_of_halves(low, high, b);
}

VNNI static inline __m512 floats_of(const uint8_t *bytes)
{
    return _mm512_cvtepi32_ps(
        _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)bytes)));
}

/* In float32 as x * f + (y * g + c), c for both zero points.  Each term is at most 255
 * times its factor, and so few roundings err by less than 2^-20 of that. */
VNNI static void add_vnni(const uint8_t *x, const uint8_t *y, int32_t zero_x,
                          int32_t zero_y, const double *factors, size_t n,
                          const ef_int_rounding *rounding, uint8_t *out)
{
    const bounds b = bounds_of(rounding);
    const double size = 255 * (fabs(factors[0]) + fabs(factors[1]));
    const __m512 far = _mm512_set1_ps((float)(0.4999 - size * 0x1p-20));
    const __m512 f = _mm512_set1_ps((float)factors[0]);
    const __m512 g = _mm512_set1_ps((float)factors[1]);
    const __m512 c =
        _mm512_set1_ps((float)(-zero_x * factors[0] - zero_y * factors[1]));
    for (size_t i = 0; i < n; i += EF_INT_BLOCK) {
        __m512 value = _mm512_fmadd_ps(floats_of(x + i), f,
                                       _mm512_fmadd_ps(floats_of(y + i), g, c));
        value = clamped(value, &b);
        __m128i bytes = __builtin_expect(near_ties(value, far) != 0, 0)
                            ? add_exactly(x + i, y + i, zero_x, zero_y, factors, &b)
                            : bytes_of(value, &b);
        _mm_storeu_si128((__m128i *)(out + i), bytes);
    }
}

const ef_int_kernels ef_int_kernels_vnni = {
    .name = "avx512-vnni",
    .group_size = GROUP_SIZE,
    .packed_size = packed_fours,
    .pack = pack_four,
    .conv = conv_vnni,
    .round = round_vnni,
    .update = update_vnni,
    .shift = shift_vnni,
    .add = add_vnni,
    .differ = differ_vnni,
};

#else
typedef int ef_int_kernels_vnni_is_for_x86;
#endif
