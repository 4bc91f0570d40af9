#include "faultsim/int_kernels.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static size_t place_of(const ef_int_conv *conv, size_t block, size_t tap,
                       size_t channel, size_t out, size_t group)
{
    size_t n = conv->n_groups * EF_INT_GROUP / group;
    return (((block * conv->n_taps + tap) * n + channel / group) * EF_INT_BLOCK + out) *
               group +
           channel % group;
}

/* --- plain C ---------------------------------------------------------------------- */

/* Weights as int16, two channels together. */
static size_t packed_pairs(size_t n_values)
{
    return n_values * sizeof(int16_t);
}

static void pack_pair(void *weights, const ef_int_conv *conv, size_t block, size_t tap,
                      size_t channel, size_t out, int32_t value)
{
    ((int16_t *)weights)[place_of(conv, block, tap, channel, out, 2)] = (int16_t)value;
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

static void round_portable(const int32_t *acc, const double *factors, size_t n,
                           int32_t zero, int32_t least, int32_t most, uint8_t *out)
{
    const double low = least - zero, high = most - zero;
    for (size_t i = 0; i < n; i++) {
        double value = acc[i] * factors[i];
        value = value < low ? low : value;
        value = value > high ? high : value;
        out[i] = (uint8_t)((int32_t)nearbyint(value) + zero);
    }
}

static void add_portable(const uint8_t *a, const uint8_t *b, int32_t zero_a,
                         int32_t zero_b, const double *factors, size_t n, int32_t zero,
                         int32_t least, int32_t most, uint8_t *out)
{
    const double low = least - zero, high = most - zero;
    for (size_t i = 0; i < n; i++) {
        double value = (a[i] - zero_a) * factors[0] + (b[i] - zero_b) * factors[1];
        value = value < low ? low : value;
        value = value > high ? high : value;
        out[i] = (uint8_t)((int32_t)nearbyint(value) + zero);
    }
}

static const ef_int_kernels portable = {"portable",    packed_pairs,   pack_pair,
                                        conv_portable, round_portable, add_portable};

#if defined(__x86_64__)

/* --- AVX2 ------------------------------------------------------------------------- */

#define AVX2 __attribute__((target("avx2")))

AVX2 static __m256i two_channels(const uint8_t *x)
{
    return _mm256_set1_epi32((int)(x[0] | (uint32_t)x[1] << 16));
}

/* Two windows and one block of output channels: four accumulators. */
AVX2 static void conv_avx2_two(const ef_int_conv *conv, const uint8_t *a,
                               const uint8_t *b, const int16_t *w, const int32_t *start,
                               int32_t *acc_a, int32_t *acc_b)
{
    size_t n_pairs = conv->n_groups * EF_INT_GROUP / 2;
    __m256i a0 = _mm256_loadu_si256((const __m256i *)start);
    __m256i a1 = _mm256_loadu_si256((const __m256i *)(start + 8));
    __m256i b0 = a0, b1 = a1;
    for (size_t t = 0; t < conv->n_taps; t++) {
        const uint8_t *x = a + conv->taps[t], *y = b + conv->taps[t];
        for (size_t i = 0; i < n_pairs; i++, w += EF_INT_BLOCK * 2) {
            __m256i w0 = _mm256_loadu_si256((const __m256i *)w);
            __m256i w1 = _mm256_loadu_si256((const __m256i *)(w + 16));
            __m256i xa = two_channels(x + 2 * i), xb = two_channels(y + 2 * i);
            a0 = _mm256_add_epi32(a0, _mm256_madd_epi16(xa, w0));
            a1 = _mm256_add_epi32(a1, _mm256_madd_epi16(xa, w1));
            b0 = _mm256_add_epi32(b0, _mm256_madd_epi16(xb, w0));
            b1 = _mm256_add_epi32(b1, _mm256_madd_epi16(xb, w1));
        }
    }
    _mm256_storeu_si256((__m256i *)acc_b, b0);
    _mm256_storeu_si256((__m256i *)(acc_b + 8), b1);
    _mm256_storeu_si256((__m256i *)acc_a, a0);
    _mm256_storeu_si256((__m256i *)(acc_a + 8), a1);
}

AVX2 static void conv_avx2(const ef_int_conv *conv, const uint8_t *const *windows,
                           size_t n, int32_t *acc)
{
    size_t n_out = conv->n_blocks * EF_INT_BLOCK;
    size_t w_block = conv->n_taps * conv->n_groups * EF_INT_GROUP * EF_INT_BLOCK;
    for (size_t p = 0; p < n; p += 2) {
        size_t q = p + 1 < n ? p + 1 : p;
        for (size_t b = 0; b < conv->n_blocks; b++) {
            size_t o = b * EF_INT_BLOCK;
            conv_avx2_two(conv, windows[p], windows[q],
                          (const int16_t *)conv->weights + b * w_block, conv->start + o,
                          acc + p * n_out + o, acc + q * n_out + o);
        }
    }
}

AVX2 static void round_avx2(const int32_t *acc, const double *factors, size_t n,
                            int32_t zero, int32_t least, int32_t most, uint8_t *out)
{
    const __m256d low = _mm256_set1_pd(least - zero),
                  high = _mm256_set1_pd(most - zero);
    for (size_t i = 0; i < n; i += 4) {
        __m256d value = _mm256_mul_pd(
            _mm256_cvtepi32_pd(_mm_loadu_si128((const __m128i *)(acc + i))),
            _mm256_loadu_pd(factors + i));
        value = _mm256_min_pd(_mm256_max_pd(value, low), high);
        int32_t rounded[4];
        _mm_storeu_si128((__m128i *)rounded, _mm_add_epi32(_mm256_cvtpd_epi32(value),
                                                           _mm_set1_epi32(zero)));
        for (size_t k = 0; k < 4; k++) {
            out[i + k] = (uint8_t)rounded[k];
        }
    }
}

static const ef_int_kernels avx2 = {"avx2",    packed_pairs, pack_pair,
                                    conv_avx2, round_avx2,   add_portable};

/* --- AVX-512 with VNNI ------------------------------------------------------------ */

/* The sums of a tile stay in registers only where its loops are unrolled. */
#define UNROLL _Pragma("GCC unroll 8")
#define VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

/* Weights as int8, four channels together. */
static size_t packed_fours(size_t n_values)
{
    return n_values;
}

static void pack_four(void *weights, const ef_int_conv *conv, size_t block, size_t tap,
                      size_t channel, size_t out, int32_t value)
{
    ((int8_t *)weights)[place_of(conv, block, tap, channel, out, 4)] = (int8_t)value;
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

VNNI static void round_vnni(const int32_t *acc, const double *factors, size_t n,
                            int32_t zero, int32_t least, int32_t most, uint8_t *out)
{
    const __m512d low = _mm512_set1_pd(least - zero),
                  high = _mm512_set1_pd(most - zero);
    for (size_t i = 0; i < n; i += EF_INT_BLOCK) {
        __m512i sums = _mm512_loadu_si512(acc + i);
        __m512d a = _mm512_cvtepi32_pd(_mm512_castsi512_si256(sums));
        __m512d b = _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(sums, 1));
        a = _mm512_mul_pd(a, _mm512_loadu_pd(factors + i));
        b = _mm512_mul_pd(b, _mm512_loadu_pd(factors + i + 8));
        a = _mm512_min_pd(_mm512_max_pd(a, low), high);
        b = _mm512_min_pd(_mm512_max_pd(b, low), high);
        __m512i all = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtpd_epi32(a)),
                                         _mm512_cvtpd_epi32(b), 1);
        all = _mm512_add_epi32(all, _mm512_set1_epi32(zero));
        _mm_storeu_si128((__m128i *)(out + i), _mm512_cvtepi32_epi8(all));
    }
}

VNNI static inline __m512d from_bytes(const uint8_t *bytes, __m512i zero)
{
    __m256i whole = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)bytes));
    return _mm512_cvtepi32_pd(_mm256_sub_epi32(whole, _mm512_castsi512_si256(zero)));
}

VNNI static void add_vnni(const uint8_t *a, const uint8_t *b, int32_t zero_a,
                          int32_t zero_b, const double *factors, size_t n, int32_t zero,
                          int32_t least, int32_t most, uint8_t *out)
{
    const __m512d low = _mm512_set1_pd(least - zero),
                  high = _mm512_set1_pd(most - zero);
    const __m512d fa = _mm512_set1_pd(factors[0]), fb = _mm512_set1_pd(factors[1]);
    const __m512i za = _mm512_set1_epi32(zero_a), zb = _mm512_set1_epi32(zero_b);
    for (size_t i = 0; i < n; i += 8) {
        __m512d x = _mm512_mul_pd(from_bytes(a + i, za), fa);
        __m512d y = _mm512_mul_pd(from_bytes(b + i, zb), fb);
        __m512d value = _mm512_add_pd(x, y);
        value = _mm512_min_pd(_mm512_max_pd(value, low), high);
        __m256i rounded =
            _mm256_add_epi32(_mm512_cvtpd_epi32(value), _mm256_set1_epi32(zero));
        _mm_storel_epi64((__m128i *)(out + i), _mm256_cvtepi32_epi8(rounded));
    }
}

static const ef_int_kernels vnni = {"avx512-vnni", packed_fours, pack_four,
                                    conv_vnni,     round_vnni,   add_vnni};

static const ef_int_kernels *const tables[] = {&vnni, &avx2, &portable};

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

static const ef_int_kernels *const tables[] = {&portable};

const ef_int_kernels *const *ef_int_kernels_available(size_t *n)
{
    *n = 1;
    return tables;
}

#endif
