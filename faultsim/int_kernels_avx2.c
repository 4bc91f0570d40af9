/* The inner loops with AVX2: products of int16 in pairs. */
#include "faultsim/int_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static __m256i two_channels(const uint8_t *x)
{
    return _mm256_set1_epi32((int)(x[0] | (uint32_t)x[1] << 16));
}

/* Two windows and one block of output channels: four accumulators. */
AVX2 static void conv_two(const ef_int_conv *conv, const uint8_t *a, const uint8_t *b,
                          const int16_t *w, const int32_t *start, int32_t *acc_a,
                          int32_t *acc_b)
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
            conv_two(conv, windows[p], windows[q],
                     (const int16_t *)conv->weights + b * w_block, conv->start + o,
                     acc + p * n_out + o, acc + q * n_out + o);
        }
    }
}

/* What a rounding says, in every lane. */
typedef struct bounds {
    __m256d low, high;
    __m128i zero, unused;
} bounds;

AVX2 static bounds bounds_of(const ef_int_rounding *r)
{
    return (bounds){_mm256_set1_pd(r->least - r->zero),
                    _mm256_set1_pd(r->most - r->zero), _mm_set1_epi32(r->zero),
                    _mm_cvtsi32_si128((int)r->unused)};
}

AVX2 static __m128i narrow(__m128i sum, const bounds *b)
{
    return _mm_sra_epi32(_mm_sll_epi32(sum, b->unused), b->unused);
}

/* Four values, rounded and within bounds. */
AVX2 static void store_four(__m256d value, const bounds *b, uint8_t *out)
{
    value = _mm256_min_pd(_mm256_max_pd(value, b->low), b->high);
    __m128i whole = _mm_add_epi32(_mm256_cvtpd_epi32(value), b->zero);
    whole = _mm_packus_epi16(_mm_packus_epi32(whole, whole), whole);
    int32_t bytes = _mm_cvtsi128_si32(whole);
    memcpy(out, &bytes, sizeof bytes);
}

/* Sixteen sums into `left` bytes, or all. */
AVX2 static void store_block(const int32_t *sums, const double *factors, size_t left,
                             const bounds *b, uint8_t *out)
{
    uint8_t bytes[EF_INT_BLOCK];
    uint8_t *to = left < EF_INT_BLOCK ? bytes : out;
    for (size_t i = 0; i < EF_INT_BLOCK; i += 4) {
        __m128i sum = narrow(_mm_loadu_si128((const __m128i *)(sums + i)), b);
        store_four(_mm256_mul_pd(_mm256_cvtepi32_pd(sum), _mm256_loadu_pd(factors + i)),
                   b, to + i);
    }
    if (left < EF_INT_BLOCK) {
        memcpy(out, bytes, left);
    }
}

AVX2 static void round_avx2(const int32_t *acc, size_t n_pixels, size_t stride,
                            ef_int_factors factors, size_t n_out,
                            const ef_int_rounding *rounding, uint8_t *const *out)
{
    const bounds b = bounds_of(rounding);
    for (size_t p = 0; p < n_pixels; p++, acc += stride) {
        for (size_t i = 0; i < n_out; i += EF_INT_BLOCK) {
            store_block(acc + i, factors.exact + i, n_out - i, &b, out[p] + i);
        }
    }
}

/* Two halves of a block of sums. */
typedef struct halves {
    __m256i low, high;
} halves;

#define GROUP_SIZE (EF_INT_GROUP * EF_INT_BLOCK * sizeof(int16_t))

/* Adds what changes [begin, end) bring to a block whose weights begin here. */
AVX2 static halves add_changes(halves sum, const unsigned char *block,
                               const ef_int_change *changes, uint32_t begin,
                               uint32_t end, uint32_t base)
{
    for (uint32_t i = begin; i < end; i++) {
        uint32_t at = changes[i].at + base;
        const __m256i *w = (const __m256i *)(const void *)(block + at);
        __m128i four = _mm_cvtepu8_epi16(_mm_cvtsi32_si128((int)changes[i].deltas));
        __m256i first = _mm256_broadcastd_epi32(four);
        __m256i second = _mm256_broadcastd_epi32(_mm_srli_si128(four, 4));
        sum.low = _mm256_add_epi32(
            sum.low,
            _mm256_add_epi32(_mm256_madd_epi16(first, _mm256_loadu_si256(w)),
                             _mm256_madd_epi16(second, _mm256_loadu_si256(w + 2))));
        sum.high = _mm256_add_epi32(
            sum.high,
            _mm256_add_epi32(_mm256_madd_epi16(first, _mm256_loadu_si256(w + 1)),
                             _mm256_madd_epi16(second, _mm256_loadu_si256(w + 3))));
    }
    return sum;
}

/* The sums of a block of a pixel. */
AVX2 static void sum_block(const ef_int_window *w, uint32_t corner, const int32_t *acc,
                           const unsigned char *block, int32_t *sums)
{
    const ef_int_tensor *t = w->tensor;
    const uint32_t tap_size = (uint32_t)(t->pixel / EF_INT_GROUP * GROUP_SIZE);
    halves more = {_mm256_loadu_si256((const __m256i *)acc),
                   _mm256_loadu_si256((const __m256i *)(acc + 8))};
    halves less = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (size_t r = 0; r < w->n_runs; r++) {
        ef_int_seen seen = ef_int_see(t, &w->runs[r], corner, tap_size);
        more = add_changes(more, block, t->more, seen.begin.more, seen.end.more,
                           seen.base);
        less = add_changes(less, block, t->less, seen.begin.less, seen.end.less,
                           seen.base);
    }
    _mm256_storeu_si256((__m256i *)sums, _mm256_sub_epi32(more.low, less.low));
    _mm256_storeu_si256((__m256i *)(sums + 8), _mm256_sub_epi32(more.high, less.high));
}

AVX2 static size_t update_avx2(const ef_int_window *w, const uint32_t *pixels, size_t n,
                               uint32_t *dense, size_t *n_dense)
{
    const bounds bound = bounds_of(w->rounding);
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
        const unsigned char *block = w->conv->weights;
        for (size_t b = 0; b < w->n_out && seen > 0; b += EF_INT_BLOCK) {
            int32_t sums[EF_INT_BLOCK];
            sum_block(w, corner, acc + b, block, sums);
            store_block(sums, w->factors.exact + b, w->n_out - b, &bound, out + b);
            block += block_size;
        }
    }
    return sum_n;
}

AVX2 static void shift_avx2(const int32_t *acc, const uint8_t *x, size_t n,
                            int32_t delta, int32_t zero_x, double factor,
                            const ef_int_rounding *rounding, uint8_t *out)
{
    const bounds b = bounds_of(rounding);
    const __m256d factors = _mm256_set1_pd(factor);
    for (size_t i = 0; i < n; i += 4) {
        int32_t bytes;
        memcpy(&bytes, x + i, sizeof bytes);
        __m128i centred = _mm_sub_epi32(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes)),
                                        _mm_set1_epi32(zero_x));
        __m128i sum = _mm_add_epi32(_mm_loadu_si128((const __m128i *)(acc + i)),
                                    _mm_mullo_epi32(centred, _mm_set1_epi32(delta)));
        store_four(_mm256_mul_pd(_mm256_cvtepi32_pd(narrow(sum, &b)), factors), &b,
                   out + i);
    }
}

AVX2 static __m256d from_bytes(const uint8_t *bytes, int32_t zero)
{
    int32_t four;
    memcpy(&four, bytes, sizeof four);
    return _mm256_cvtepi32_pd(_mm_sub_epi32(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four)),
                                            _mm_set1_epi32(zero)));
}

AVX2 static void add_avx2(const uint8_t *x, const uint8_t *y, int32_t zero_x,
                          int32_t zero_y, const double *factors, size_t n,
                          const ef_int_rounding *rounding, uint8_t *out)
{
    const bounds b = bounds_of(rounding);
    const __m256d fx = _mm256_set1_pd(factors[0]), fy = _mm256_set1_pd(factors[1]);
    for (size_t i = 0; i < n; i += 4) {
        __m256d sum = _mm256_add_pd(_mm256_mul_pd(from_bytes(x + i, zero_x), fx),
                                    _mm256_mul_pd(from_bytes(y + i, zero_y), fy));
        store_four(sum, &b, out + i);
    }
}

const ef_int_kernels ef_int_kernels_avx2 = {
    .name = "avx2",
    .group_size = GROUP_SIZE,
    .packed_size = ef_int_packed_pairs,
    .pack = ef_int_pack_pair,
    .conv = conv_avx2,
    .round = round_avx2,
    .update = update_avx2,
    .shift = shift_avx2,
    .add = add_avx2,
    .differ = ef_int_differ_pairs,
};

#else
typedef int ef_int_kernels_avx2_is_for_x86;
#endif
