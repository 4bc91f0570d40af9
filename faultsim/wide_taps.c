/* One tap of a kernel over all input channels: sums of 64 bits stay in registers
 * meanwhile. */
#include "faultsim/wide_priv.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

void ef_wide_add_tap_portable(uint64_t *sums, size_t n, const ef_wide_tap *t)
{
    for (size_t c = 0; c < t->n_channels; c++) {
        const int64_t weight = t->weights[c * t->weight_pitch];
        const int32_t *x = t->x + c * t->x_pitch;
        for (size_t i = 0; i < n; i++) {
            sums[i] += (uint64_t)(weight * x[i]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        sums[i] -= t->less;
    }
}

#if defined(__x86_64__)

#define AVX2 __attribute__((target("avx2")))

/* Products of even and of odd elements, each apart, as the multiplication has them. */
typedef struct products {
    __m256i even, odd;
} products;

AVX2 static inline void add_products(products *to, __m256i x, __m256i weight)
{
    __m256i odd = _mm256_srli_epi64(x, 32);
    to->even = _mm256_add_epi64(to->even, _mm256_mul_epi32(x, weight));
    to->odd = _mm256_add_epi64(to->odd, _mm256_mul_epi32(odd, weight));
}

/* Eight sums in their order. */
AVX2 static inline void put(uint64_t *to, const products *from)
{
    __m256i low = _mm256_unpacklo_epi64(from->even, from->odd);
    __m256i high = _mm256_unpackhi_epi64(from->even, from->odd);
    _mm256_storeu_si256((__m256i *)to, _mm256_permute2x128_si256(low, high, 0x20));
    _mm256_storeu_si256((__m256i *)(to + 4),
                        _mm256_permute2x128_si256(low, high, 0x31));
}

AVX2 static void add_16(uint64_t *sums, const ef_wide_tap *t, const int32_t *x)
{
    const __m256i none = _mm256_setzero_si256();
    const int32_t *weights = t->weights;
    products first = {none, none}, second = {none, none};
    uint64_t found[16];
    for (size_t c = 0; c < t->n_channels; c++) {
        const __m256i *from = (const __m256i *)(x + c * t->x_pitch);
        __m256i weight = _mm256_set1_epi32(weights[c * t->weight_pitch]);
        add_products(&first, _mm256_loadu_si256(from), weight);
        add_products(&second, _mm256_loadu_si256(from + 1), weight);
    }
    put(found, &first);
    put(found + 8, &second);
    for (size_t i = 0; i < 16; i++) {
        sums[i] += found[i] - t->less;
    }
}

/* At most 8. */
AVX2 static void add_few(uint64_t *sums, size_t n, const ef_wide_tap *t,
                         const int32_t *x)
{
    static const int32_t masks[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    const __m256i none = _mm256_setzero_si256();
    __m256i mask = _mm256_loadu_si256((const __m256i *)(masks + 8 - n));
    products all = {none, none};
    uint64_t found[8];
    for (size_t c = 0; c < t->n_channels; c++) {
        __m256i weight = _mm256_set1_epi32(t->weights[c * t->weight_pitch]);
        add_products(&all, _mm256_maskload_epi32(x + c * t->x_pitch, mask), weight);
    }
    put(found, &all);
    for (size_t i = 0; i < n; i++) {
        sums[i] += found[i] - t->less;
    }
}

AVX2 static void add_avx2(uint64_t *sums, size_t n, const ef_wide_tap *t)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        add_16(sums + i, t, t->x + i);
    }
    for (; i < n; i += 8) {
        add_few(sums + i, n - i < 8 ? n - i : 8, t, t->x + i);
    }
}

#endif

void ef_wide_add_tap(uint64_t *sums, size_t n, const ef_wide_tap *tap)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        add_avx2(sums, n, tap);
        return;
    }
#endif
    ef_wide_add_tap_portable(sums, n, tap);
}
