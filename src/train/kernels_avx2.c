/* The kernels for x86 with AVX2 and FMA, whatever the rest is compiled for. */
#include "train/kernels_priv.h"

#ifdef EF_HAVE_AVX2
#include <immintrin.h>
#include <math.h>
#include <string.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#define LANES 8
#define FMA(a, b, c) ((vec)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
/* Of a NaN and a number both return the second operand. */
#define VMAX(a, b) ((vec)_mm256_max_ps((__m256)(a), (__m256)(b)))
#define VMIN(a, b) ((vec)_mm256_min_ps((__m256)(a), (__m256)(b)))
#define KERNELS ef_train_kernels_avx2
#define KERNELS_NAME "avx2"
#define HAS_CONV 1

#include "train/kernels_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
