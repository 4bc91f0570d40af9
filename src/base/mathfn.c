/* Elementary functions from additions, multiplications and one division, each rounded
 * once as IEEE 754 says: the same bits on every machine.
 *
 * [1] J.-M. Muller et al., Handbook of Floating-Point Arithmetic, 2nd ed., 2018,
 *     doi:10.1007/978-3-319-76526-6 (ch. 4: exact products and sums in two doubles;
 *     ch. 10: argument reduction).
 * [2] FDLIBM 5.3, Sun Microsystems, 1993: the forms of log and of pow's logarithm.
 *
 * We differ in: no tables; polynomials by Estrin's scheme; pow works in base 2
 * throughout.  The coefficients are printed by tests/known/coefficients.py. */
#include "base/mathfn.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define ONE_BITS UINT64_C(0x3ff0000000000000)
#define SQRT_HALF_BITS UINT64_C(0x3fe6a09e667f3bcd)
/* Added and taken away, it rounds to the nearest whole number, which then stands in
 * the low bits of the sum. */
#define ROUNDER 0x1.8p52

static const double ln2 = 0x1.62e42fefa39efp-1;
static const double ln2_high = 0x1.62e42fee00000p-1; /* 32 bits: exact times k */
static const double ln2_low = 0x1.a39ef35793c76p-33;
static const double inverse_ln2 = 0x1.71547652b82fep+0;

/* (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2 */
static const double exp_terms[10] = {0x1.0000000000001p-1,  0x1.5555555555556p-3,
                                     0x1.5555555553d68p-5,  0x1.11111111109b5p-7,
                                     0x1.6c16c17889f3cp-10, 0x1.a01a01a7c2f2cp-13,
                                     0x1.a019b914881bap-16, 0x1.71de0db2eb873p-19,
                                     0x1.28917c9f3a495p-22, 0x1.af389eea54156p-26};
/* (2 atanh(s) / s - 2) / z in z = s^2, for s = (m - 1) / (m + 1) */
static const double log_terms[7] = {0x1.5555555555558p-1, 0x1.99999999952e2p-2,
                                    0x1.2492492df14bcp-2, 0x1.c71c62e57c3c4p-3,
                                    0x1.7462b4ac441afp-3, 0x1.39fe604146b74p-3,
                                    0x1.2b584c6b42d60p-3};
/* 3 (atanh(s) / s - 1 - z / 3) / z^2 in z = s^2 */
static const double pow_terms[8] = {0x1.3333333333333p-1, 0x1.b6db6db6db7b2p-2,
                                    0x1.555555552ffe9p-2, 0x1.1745d19beb64ap-2,
                                    0x1.d89d60bf6c4efp-3, 0x1.99a52aee72b2fp-3,
                                    0x1.679daf0115816p-3, 0x1.6821d59028313p-3};
/* (2^r - 1 - r ln 2) / r^2 for |r| <= 1/2 */
static const double exp2_terms[10] = {0x1.ebfbdff82c590p-3,  0x1.c6b08d704a0c0p-5,
                                      0x1.3b2ab6fba385fp-7,  0x1.5d87fe78a5dc5p-10,
                                      0x1.43091303784e4p-13, 0x1.ffcbfc61f6fb8p-17,
                                      0x1.62bfe460f8521p-20, 0x1.b525087862018p-24,
                                      0x1.e5e9f58fa1da7p-28, 0x1.e9bbddc59f1a6p-32};
/* erf(x) / x in z = x^2, for |x| <= 1 */
static const double erf_terms[12] = {
    0x1.20dd750429b6dp+0,   -0x1.812746b0379c1p-2,  0x1.ce2f21a040f66p-4,
    -0x1.b82ce31203772p-6,  0x1.565bccfa44156p-8,   -0x1.c02db0665e53dp-11,
    0x1.f9a2be4f731a1p-14,  -0x1.f4ca838adb73bp-17, 0x1.b981d78881a5dp-20,
    -0x1.5c131500d3f88p-23, 0x1.d76af6ca49787p-27,  -0x1.ac9585a44fe29p-31};
/* e^(x^2) erfc(x) in t = 1 / (x + 3), for 1 <= x <= 6 */
static const double erfc_terms[16] = {
    0x1.8bc9e4d99c45bp-22,  0x1.20d8e3d6fd854p-1,   0x1.b1b074df40165p+0,
    0x1.30454884cf117p+2,   0x1.aee02b9b5410fp+3,   0x1.46f30dd4bd6e5p+4,
    0x1.5bc77238a4908p+7,   -0x1.60b1e571fa9dap+9,  0x1.406d25cdcce33p+12,
    -0x1.5ec0bdd38191bp+14, 0x1.28e559d75eb53p+16,  -0x1.6e5a51746df8fp+17,
    0x1.20a4255e99493p+18,  -0x1.01fbaf4e5b813p+18, 0x1.95fe90a211edcp+16,
    -0x1.8d7731cff93c6p+10};

static inline uint64_t to_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The first 26 bits of x: products of two such are exact. */
static inline double head(double x)
{
    return from_bits(to_bits(x) & ~UINT64_C(0x7ffffff));
}

static inline double poly4(double x, double x2, const double *c)
{
    return (c[0] + c[1] * x) + x2 * (c[2] + c[3] * x);
}

static inline double poly8(double x, double x2, double x4, const double *c)
{
    return poly4(x, x2, c) + x4 * poly4(x, x2, c + 4);
}

/* 1 + linear + r^2 (c[0] + ... + c[9] r^9), smallest parts first */
static inline double one_plus(double linear, double r, const double *c)
{
    double r2 = r * r, r4 = r2 * r2;
    double q = poly8(r, r2, r4, c) + (r4 * r4) * (c[8] + c[9] * r);
    return 1 + (linear + r2 * q);
}

/* y 2^k in two steps, so that what becomes subnormal is rounded once. */
static double scale(double y, int k)
{
    int half = k / 2;
    double first = from_bits((uint64_t)(1023 + half) << 52);
    double second = from_bits((uint64_t)(1023 + k - half) << 52);
    return y * first * second;
}

/* x = 2^k m with m in [sqrt(1/2), sqrt(2)); x normal and positive. */
static inline double split(double x, double *k)
{
    uint64_t bits = to_bits(x);
    uint64_t shifted = bits + (ONE_BITS - SQRT_HALF_BITS);
    int exponent = (int)(shifted >> 52) - 1023;
    *k = exponent;
    return from_bits(bits - ((uint64_t)exponent << 52));
}

double ef_exp(double x)
{
    if (!(fabs(x) < 800)) {
        return isnan(x) ? x : x > 0 ? INFINITY : 0;
    }
    double shifted = x * inverse_ln2 + ROUNDER;
    double k = shifted - ROUNDER;
    double r = (x - k * ln2_high) - k * ln2_low;
    double y = one_plus(r, r, exp_terms);
    if (fabs(x) < 708) {
        return y * from_bits((to_bits(shifted) + 1023) << 52);
    }
    return scale(y, (int)k);
}

static inline double log_normal(double x, double offset)
{
    double k;
    double f = split(x, &k) - 1;
    k += offset;
    double s = f / (2 + f);
    double z = s * s, z2 = z * z;
    double p = poly4(z, z2, log_terms) +
               (z2 * z2) * ((log_terms[4] + log_terms[5] * z) + z2 * log_terms[6]);
    double half = 0.5 * f * f;
    return k * ln2_high + (f - (half - (s * (half + z * p) + k * ln2_low)));
}

double ef_log(double x)
{
    if (x >= DBL_MIN && x <= DBL_MAX) {
        return log_normal(x, 0);
    }
    if (x > 0 && x < 1) {
        return log_normal(x * 0x1p54, -54);
    }
    return x == 0 ? -INFINITY : x < 0 ? NAN : x;
}

/* log2(x) as a sum, high of 26 bits and low, with a relative error below 2^-64. */
static inline double log2_pair(double x, double offset, double *low)
{
    static const double c = 0x1.ec709dc3a03fdp-1; /* 2 / (3 ln 2) */
    static const double c_high = 0x1.ec709d8000000p-1, c_low = 0x1.0e80ff5d27f05p-27;
    double k;
    double m = split(x, &k);
    k += offset;
    /* s = f / d, its first 26 bits and the rest from the remainder */
    double f = m - 1, d = m + 1, d_low = m - (d - 1);
    double inverse = 1 / d;
    double s = f * inverse;
    double s_high = head(s), d_high = head(d);
    double s_low = ((f - s_high * d_high) - s_high * ((d - d_high) + d_low)) * inverse;
    /* w = 3 atanh(s) / s = 3 + z + z^2 (...), z = s^2 */
    double z_high = s_high * s_high, z_low = s_low * (s_high + s);
    double z = s * s, z2 = z * z; /* enough where it is small against 3 */
    double more = z_low + z2 * poly8(z, z2, z2 * z2, pow_terms);
    double w_high = head(3 + z_high + more);
    double w_low = more - ((w_high - 3) - z_high);
    /* log2(m) = 2 / (3 ln 2) s w */
    double u = s_high * w_high, v = s_low * w_high + w_low * s;
    double p_high = head(u + v), p_low = v - (p_high - u);
    double t_high = c_high * p_high, t_low = c_low * p_high + c * p_low;
    double high = head(k + t_high + t_low);
    *low = t_low - ((high - k) - t_high);
    return high;
}

/* 2^(high + low), |high| < 2^12 */
static inline double exp2_pair(double high, double low)
{
    double p = high + low;
    double shifted = p + ROUNDER;
    double n = shifted - ROUNDER;
    double r = (high - n) + low;
    double y = one_plus(r * ln2, r, exp2_terms);
    if (fabs(p) < 1020) {
        return y * from_bits((to_bits(shifted) + 1023) << 52);
    }
    return scale(y, (int)n);
}

static inline double pow_normal(double x, double y, double offset)
{
    double log_low;
    double log_high = log2_pair(x, offset, &log_low);
    double y_high = head(y);
    double high = y_high * log_high;
    double low = (y - y_high) * log_high + y * log_low;
    if (fabs(high) < 1100) {
        return exp2_pair(high, low);
    }
    return high > 0 ? INFINITY : 0;
}

/* Where y log x is small, so is what a plain logarithm leaves out: less than a unit in
 * the last place of the result.  Roots of random numbers, as evolution draws them,
 * nearly all end here, in less than half the time. */
double ef_pow(double x, double y)
{
    static const double huge = 0x1p100; /* as good as infinity as an exponent */
    if (x >= DBL_MIN && x <= DBL_MAX && fabs(y) <= huge) {
        double p = y * log_normal(x, 0);
        return fabs(p) < 0.34 ? one_plus(p, p, exp_terms) : pow_normal(x, y, 0);
    }
    if (y == 0 || x == 1) {
        return 1;
    }
    if (isnan(x) || isnan(y) || x < 0) {
        return NAN;
    }
    if (x == 0 || x > DBL_MAX) {
        return (x == 0) == (y > 0) ? 0 : INFINITY;
    }
    y = y > huge ? huge : y < -huge ? -huge : y;
    return x < DBL_MIN ? pow_normal(x * 0x1p54, y, -54) : pow_normal(x, y, 0);
}

double ef_erf(double x)
{
    double size = fabs(x);
    if (size < 1) {
        double z = x * x, z2 = z * z, z4 = z2 * z2;
        return x *
               (poly8(z, z2, z4, erf_terms) + (z4 * z4) * poly4(z, z2, erf_terms + 8));
    }
    if (!(size < 6)) {
        return isnan(x) ? x : x > 0 ? 1 : -1;
    }
    double t = 1 / (size + 3), t2 = t * t, t4 = t2 * t2;
    double q =
        poly8(t, t2, t4, erfc_terms) + (t4 * t4) * poly8(t, t2, t4, erfc_terms + 8);
    double y = 1 - ef_exp(-x * x) * q;
    return x > 0 ? y : -y;
}
