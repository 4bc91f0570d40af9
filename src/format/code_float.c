/* Codes of sign, exponent and mantissa: floats, and pow2 as a float without mantissa.
 */
#include <float.h>
#include <math.h>

#include "format/code_priv.h"

#define NAN_BITS 0x7fc00000U /* of the one NaN that codes stand for */
#define SIGN_BIT ((uint32_t)1 << 31)

static float with_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Where things lie in the magnitude of a code, the bits below its sign.  Magnitudes are
 * in the order of what they stand for, up to most, then infinity, then NaN. */
typedef struct layout {
    int mantissa_bits;
    int least_exponent; /* of the least normal number */
    uint32_t most;      /* the largest finite number */
    uint32_t infinity;  /* 0: there is none */
    uint32_t nan;       /* the one that is stored; 0: there is none */
} layout;

/* Formats of OCP that keep no exponent for infinities and NaN ([1] table 2;
 * [2] section 5.3). */
static const struct {
    uint8_t exponent_bits, mantissa_bits;
    uint8_t most, nan;
} ocp_rows[] = {
    {4, 3, 0x7e, 0x7f},
    {3, 2, 0x1f, 0},
    {2, 3, 0x1f, 0},
    {2, 1, 0x07, 0},
};
#define N_OCP (sizeof ocp_rows / sizeof ocp_rows[0])

static layout lay_out(const ef_format *format)
{
    if (format->kind == EF_FORMAT_POW2) {
        layout of = {.most = ((uint32_t)1 << (format->bits - 1)) - 1};
        return of;
    }
    int exponent_bits = format->exponent_bits, mantissa_bits = format->mantissa_bits;
    layout of = {.mantissa_bits = mantissa_bits,
                 .least_exponent = 2 - (1 << (exponent_bits - 1))};
    for (size_t i = 0; i < N_OCP; i++) {
        if (ocp_rows[i].exponent_bits == exponent_bits &&
            ocp_rows[i].mantissa_bits == mantissa_bits) {
            of.most = ocp_rows[i].most;
            of.nan = ocp_rows[i].nan;
            return of;
        }
    }
    of.infinity = (((uint32_t)1 << exponent_bits) - 1) << mantissa_bits;
    of.nan = of.infinity | (uint32_t)1 << (mantissa_bits - 1);
    of.most = of.infinity - 1;
    return of;
}

/* Scale. */

/* What a finite magnitude stands for before the scale. */
static double finite_value(const layout *of, uint32_t magnitude)
{
    uint32_t field = magnitude >> of->mantissa_bits;
    uint32_t one = (uint32_t)1 << of->mantissa_bits;
    uint32_t significand = (magnitude & (one - 1)) | (field ? one : 0);
    int exponent =
        of->least_exponent - of->mantissa_bits + (field ? (int)field - 1 : 0);
    return significand * ef_code_power(exponent);
}

/* 2^exponent, or the nearest scale by which every code stands for a float32. */
static double bounded_scale(const layout *of, int exponent)
{
    int below = of->least_exponent - of->mantissa_bits;
    int above = of->least_exponent + (int)(of->most >> of->mantissa_bits) - 1;
    return ef_code_bounded_power(exponent, EF_CODE_LEAST_EXPONENT - below, 127 - above);
}

/* The exponent of the largest power of two that is at most 4/3 of the magnitude [4]. */
static int exponent_of_top(double magnitude)
{
    int exponent;
    double part = frexp(magnitude, &exponent);
    return part >= 0.75 ? exponent : exponent - 1;
}

void ef_code_bind_float(ef_code *code, double low, double high)
{
    double magnitude = high > -low ? high : -low;
    if (magnitude == 0) {
        return;
    }
    layout of = lay_out(&code->format);
    if (code->format.kind == EF_FORMAT_POW2) {
        int below_top = (int)of.most - 1;
        code->scale = bounded_scale(&of, exponent_of_top(magnitude) - below_top);
    } else if (code->format.scaled) {
        double most = finite_value(&of, of.most);
        code->scale = bounded_scale(&of, ef_code_exponent_to_hold(most, magnitude));
    }
}

/* Values. */

/* floor(log2(value)) of a normal double. */
static int exponent_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (int)(bits >> 52 & 0x7ff) - 1023;
}

/* Where a positive number stands among the magnitudes, which are one apart: the
 * exponent counts full rows of 2^mantissa_bits codes.  Exact: 24 bits of a significand
 * beside 8 of an exponent. */
static double place(const layout *of, double number)
{
    int exponent = exponent_of(number);
    int row = exponent > of->least_exponent ? exponent - of->least_exponent : 0;
    int step = of->least_exponent + row - of->mantissa_bits;
    double rows = (double)row * ef_code_power(of->mantissa_bits);
    return rows + number * ef_code_power(-step);
}

static uint32_t magnitude_of(const ef_code *code, const layout *of, float value,
                             const uint64_t *draw)
{
    int overflows = of->infinity && code->format.bits > 8;
    uint32_t last = overflows ? of->infinity : of->most;
    if (isnan(value)) {
        return of->nan ? of->nan : of->most;
    }
    if (isinf(value)) {
        return last;
    }
    double number = fabs((double)value) * (1 / code->scale);
    return (uint32_t)ef_code_round(ef_code_clamp(place(of, number), 0, last), draw);
}

uint32_t ef_code_of_float(const ef_code *code, float value, const uint64_t *draw)
{
    layout of = lay_out(&code->format);
    uint32_t magnitude = value != 0 ? magnitude_of(code, &of, value, draw) : 0;
    int negative = signbit(value) && !(isnan(value) && of.nan);
    return magnitude | (uint32_t)negative << (code->format.bits - 1);
}

float ef_code_value_float(const ef_code *code, uint32_t bits)
{
    layout of = lay_out(&code->format);
    uint32_t sign = (uint32_t)1 << (code->format.bits - 1);
    uint32_t magnitude = bits & (sign - 1);
    if (magnitude > of.most && magnitude != of.infinity) {
        return with_bits(NAN_BITS);
    }
    double value = magnitude == of.infinity && of.infinity
                       ? HUGE_VAL
                       : finite_value(&of, magnitude) * code->scale;
    return (float)(bits & sign ? -value : value);
}

/* Storing: to a code and back, many values at a time. */

/* A fixed count of values, of which compilers make vectors. */
#define BLOCK 16

/* A format and its scale as a rounding of float32, whose bits all these are. */
typedef struct rounding {
    unsigned dropped;      /* how many low bits of the mantissa the format has not */
    uint32_t odd;          /* 1, or 0 where none are dropped */
    uint32_t half_less;    /* half of the lowest bit kept, less one */
    uint32_t least_normal; /* magnitudes below have the steps of subnormals, */
    float shift;           /* which are those of float32 from here on */
    uint32_t most;         /* larger ones become */
    uint32_t beyond;
    uint32_t nan; /* NaN become this, and keep the bits of their */
    uint32_t nan_sign;
} rounding;

/* Whether there is one: of floats only (in pow2 ties go by the exponent), and not where
 * the least normal number, or shift, is none of float32's. */
static int find_rounding(const ef_code *code, rounding *found)
{
    if (code->format.kind != EF_FORMAT_FLOAT) {
        return 0;
    }
    layout of = lay_out(&code->format);
    unsigned dropped = 23 - code->format.mantissa_bits;
    float least = ef_code_value_float(code, (uint32_t)1 << of.mantissa_bits);
    double shift = (double)least * ef_code_power((int)dropped);
    if (least < FLT_MIN || shift > (double)FLT_MAX) {
        return 0;
    }
    float nan = ef_code_value(code, of.nan ? of.nan : of.most);
    float beyond = ef_code_value(code, ef_code_of(code, INFINITY));
    *found = (rounding){.dropped = dropped,
                        .odd = dropped > 0,
                        .half_less = dropped ? ((uint32_t)1 << (dropped - 1)) - 1 : 0,
                        .least_normal = bits_of(least),
                        .shift = (float)shift,
                        .most = bits_of(ef_code_value(code, of.most)),
                        .beyond = bits_of(beyond),
                        .nan = bits_of(nan),
                        .nan_sign = of.nan ? 0 : SIGN_BIT};
    return 1;
}

/* In float32 a carry out of the mantissa is the next exponent, and so right. */
static inline float store_one(const rounding *by, float value)
{
    uint32_t bits = bits_of(value);
    uint32_t sign = bits & SIGN_BIT, magnitude = bits ^ sign;
    uint32_t odd = magnitude >> by->dropped & by->odd;
    uint32_t normal = (magnitude + by->half_less + odd) >> by->dropped << by->dropped;
    uint32_t subnormal = bits_of(with_bits(magnitude) + by->shift - by->shift);
    /* no branch: a compiler would not compute both sides in vectors, one having floats
     */
    uint32_t is_subnormal = 0 - (uint32_t)(magnitude < by->least_normal);
    uint32_t stored = normal ^ ((normal ^ subnormal) & is_subnormal);
    stored = stored > by->most ? by->beyond : stored;
    uint32_t of_nan = by->nan | (sign & by->nan_sign);
    return with_bits(magnitude > 0x7f800000 ? of_nan : stored | sign);
}

static void store_block(rounding by, float values[BLOCK])
{
    for (size_t i = 0; i < BLOCK; i++) {
        values[i] = store_one(&by, values[i]);
    }
}

size_t ef_code_store_blocks(const ef_code *code, size_t n, float *values)
{
    rounding by;
    if (!find_rounding(code, &by)) {
        return 0;
    }
    size_t done = 0;
    for (; n - done >= BLOCK; done += BLOCK) {
        store_block(by, values + done);
    }
    return done;
}
