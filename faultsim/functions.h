/* Elementary functions in float32 that give the same bits everywhere: additions,
 * multiplications, divisions and fused multiply-adds in a fixed order, nothing of
 * libm's.  Written without branches, so that a compiler may vectorise them.
 *
 * [1] W. J. Cody and W. Waite, Software Manual for the Elementary Functions,
 *     Prentice-Hall, 1980: argument reduction with ln 2 in two parts.
 *
 * The polynomials are our own fits on Chebyshev nodes, rounded to binary32.  */
#ifndef EF_FAULTSIM_FUNCTIONS_H
#define EF_FAULTSIM_FUNCTIONS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define EF_INLINE static inline __attribute__((always_inline, unused))

EF_INLINE float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

EF_INLINE uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Every NaN is stored as this one. */
EF_INLINE float canonical(float x)
{
    return x != x ? float_of_bits(UINT32_C(0x7fc00000)) : x;
}

/* e^x within 1 unit in the last place; overflow gives +infinity, underflow rounds
 * through the subnormals to 0; NaN gives NaN. */
EF_INLINE float exact_exp(float x)
{
    const float log2e = 0x1.715476p+0f;
    const float ln2_high = 0x1.62e400p-1f; /* 15 bits: n * ln2_high is exact */
    const float ln2_low = 0x1.7f7d1cp-20f;
    const float to_integer = 0x1.8p+23f; /* adding it leaves an integer's bits */
    float bounded = x > 100.0f ? 100.0f : x;
    bounded = bounded < -110.0f ? -110.0f : bounded;
    float shifted = fmaf(bounded, log2e, to_integer);
    float n = shifted - to_integer;
    float r = fmaf(-n, ln2_low, fmaf(-n, ln2_high, bounded));
    float q = 0x1.6a23f0p-10f;
    q = fmaf(q, r, 0x1.123a0ap-7f);
    q = fmaf(q, r, 0x1.5558f2p-5f);
    q = fmaf(q, r, 0x1.555492p-3f);
    q = fmaf(q, r, 0x1.fffffcp-2f);
    float y = fmaf(r * r, q, r) + 1.0f;
    /* 2^n in two factors, each a normal number: n lies in [-159, 144]. */
    uint32_t whole = bits_of_float(shifted) - bits_of_float(to_integer) + 256;
    uint32_t half = whole / 2;
    float first = float_of_bits((half - 128 + 127) << 23);
    float second = float_of_bits((whole - half - 128 + 127) << 23);
    float value = y * first * second;
    return x != x ? x : value;
}

/* 1 / (1 + e^-x) within 3 units in the last place, by e^-|x| so that nothing
 * overflows. */
EF_INLINE float exact_sigmoid(float x)
{
    float e = exact_exp(x < 0 ? x : -x);
    float above = x < 0 ? e : 1.0f;
    return canonical(above / (1.0f + e));
}

/* Within 2 units in the last place; odd, -0 included. */
EF_INLINE float exact_tanh(float x)
{
    uint32_t sign = bits_of_float(x) & UINT32_C(0x80000000);
    float magnitude = float_of_bits(bits_of_float(x) ^ sign);
    float z = magnitude * magnitude;
    float p = -0x1.76ac18p-8f;
    p = fmaf(p, z, 0x1.5256d6p-6f);
    p = fmaf(p, z, -0x1.b84448p-5f);
    p = fmaf(p, z, 0x1.110768p-3f);
    p = fmaf(p, z, -0x1.555534p-2f);
    float near = fmaf(magnitude * z, p, magnitude);
    float far = 1.0f - 2.0f / (exact_exp(2.0f * magnitude) + 1.0f);
    float value = magnitude < 0.625f ? near : far;
    return canonical(float_of_bits(bits_of_float(value) | sign));
}

#endif
