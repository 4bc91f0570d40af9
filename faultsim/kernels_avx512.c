#include "faultsim/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define NAME(x) x##_avx512
#define TARGET __attribute__((target("avx2,fma,avx512f")))
#define WIDTH 16
#define BLOCK 8

typedef __m512 vec;
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, x) _mm512_storeu_ps(p, x)
#define SPLAT(x) _mm512_set1_ps(x)
#define FMA(x, y, z) _mm512_fmadd_ps(x, y, z)
#define ADD(x, y) _mm512_add_ps(x, y)
#define SUB(x, y) _mm512_sub_ps(x, y)
#define MUL(x, y) _mm512_mul_ps(x, y)
#define DIV(x, y) _mm512_div_ps(x, y)
/* The instructions return their second operand for NaN and for two zeros. */
#define MAXOF(a, x) _mm512_max_ps(a, x)
#define MINOF(a, x) _mm512_min_ps(a, x)
#define CANON(x)                                                                       \
    _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), x,                    \
                         _mm512_castsi512_ps(_mm512_set1_epi32(0x7fc00000)))
/* not (x <= m), but m where m is NaN */
#define GREATER_OR_NAN(x, m)                                                           \
    _mm512_mask_blend_ps((__mmask16)(_mm512_cmp_ps_mask(x, m, _CMP_NLE_UQ) &           \
                                     _mm512_cmp_ps_mask(m, m, _CMP_ORD_Q)),            \
                         m, x)
#define SLOPED(x, a)                                                                   \
    _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GE_OQ),       \
                         MUL(a, x), x)

#include "faultsim/kernels_body.h"

const ef_kernels ef_kernels_avx512 = {.name = "avx512", TABLE};
#else
typedef int ef_kernels_avx512_is_for_x86;
#endif
