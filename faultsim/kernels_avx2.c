#include "faultsim/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define NAME(x) x##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 8
#define BLOCK 4

typedef __m256 vec;
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, x) _mm256_storeu_ps(p, x)
#define SPLAT(x) _mm256_set1_ps(x)
#define FMA(x, y, z) _mm256_fmadd_ps(x, y, z)
#define ADD(x, y) _mm256_add_ps(x, y)
#define SUB(x, y) _mm256_sub_ps(x, y)
#define MUL(x, y) _mm256_mul_ps(x, y)
#define DIV(x, y) _mm256_div_ps(x, y)
/* The instructions return their second operand for NaN and for two zeros. */
#define MAXOF(a, x) _mm256_max_ps(a, x)
#define MINOF(a, x) _mm256_min_ps(a, x)
#define CANON(x)                                                                       \
    _mm256_blendv_ps(x, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000)),            \
                     _mm256_cmp_ps(x, x, _CMP_UNORD_Q))
/* not (x <= m), but m where m is NaN */
#define GREATER_OR_NAN(x, m)                                                           \
    _mm256_blendv_ps(m, x,                                                             \
                     _mm256_andnot_ps(_mm256_cmp_ps(m, m, _CMP_UNORD_Q),               \
                                      _mm256_cmp_ps(x, m, _CMP_NLE_UQ)))
#define SLOPED(x, a)                                                                   \
    _mm256_blendv_ps(MUL(a, x), x, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GE_OQ))

#include "faultsim/kernels_body.h"

const ef_kernels ef_kernels_avx2 = {.name = "avx2", TABLE};
#else
typedef int ef_kernels_avx2_is_for_x86;
#endif
