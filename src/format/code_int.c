/* Codes that stand for integers times a scale: int, uint, fixed, tern and bin. */
#include <assert.h>
#include <float.h>
#include <math.h>

#include "format/code_priv.h"

static uint32_t ones(unsigned bits)
{
    return ((uint32_t)1 << bits) - 1;
}

void ef_code_limits(const ef_code *code, int32_t *least, int32_t *most)
{
    assert(ef_code_is_integer(code));
    unsigned bits = code->format.bits;
    unsigned has_sign = code->format.kind != EF_FORMAT_UINT;
    *most = code->format.kind == EF_FORMAT_BIN ? 1 : (int32_t)ones(bits - has_sign);
    *least = has_sign ? -*most : 0;
}

/* Scales. */

/* Of the greatest scale by which every code, also a faulty one, is a finite number. */
static int greatest_exponent(const ef_code *code)
{
    return 128 - code->format.bits;
}

/* range: the largest magnitude; of uint from the lowest to the highest value. */
static double free_scale(const ef_code *code, double range, int32_t most)
{
    /* What share of the range the largest integer stands for. */
    static const double shares[] = {[EF_FORMAT_INT] = 1,
                                    [EF_FORMAT_UINT] = 1,
                                    [EF_FORMAT_TERN] = 2.0 / 3,
                                    [EF_FORMAT_BIN] = 0.5};
    double scale = (double)(float)(range * shares[code->format.kind] / most);
    return ef_code_clamp(scale, (double)FLT_MIN,
                         ef_code_power(greatest_exponent(code)));
}

static double fixed_scale(const ef_code *code, double magnitude, int32_t most)
{
    return ef_code_bounded_power(ef_code_exponent_to_hold(most, magnitude),
                                 EF_CODE_LEAST_EXPONENT, greatest_exponent(code));
}

void ef_code_bind_integer(ef_code *code, double low, double high)
{
    int32_t least, most;
    ef_code_limits(code, &least, &most);
    double magnitude = high > -low ? high : -low;
    if (code->format.has_fraction) {
        code->scale = ef_code_power(-code->format.fraction_bits);
    } else if (low == 0 && high == 0) {
        code->scale = 1;
    } else if (code->format.kind == EF_FORMAT_FIXED) {
        code->scale = fixed_scale(code, magnitude, most);
    } else if (code->format.kind == EF_FORMAT_UINT) {
        code->scale = free_scale(code, high - low, most);
        double zero = ef_code_round(-low / code->scale, NULL);
        code->zero = (int32_t)ef_code_clamp(zero, 0, most);
    } else {
        code->scale = free_scale(code, magnitude, most);
    }
}

/* Encodings: which bits stand for a number in two's complement, and back. */

static uint32_t keep(uint32_t bits, unsigned width)
{
    (void)width;
    return bits;
}

static uint32_t flip_sign(uint32_t bits, unsigned width)
{
    return bits ^ (uint32_t)1 << (width - 1);
}

/* The negative of the magnitude where the sign is set: both directions, but for the
 * most negative number, which has no sign and magnitude. */
static uint32_t negate_magnitude(uint32_t bits, unsigned width)
{
    uint32_t sign = (uint32_t)1 << (width - 1);
    uint32_t magnitude = bits & (sign - 1);
    return bits & sign ? (0 - magnitude) & ones(width) : bits;
}

static uint32_t to_sign_magnitude(uint32_t bits, unsigned width)
{
    uint32_t sign = (uint32_t)1 << (width - 1);
    return bits == sign ? ones(width) : negate_magnitude(bits, width) | (bits & sign);
}

static uint32_t to_gray(uint32_t bits, unsigned width)
{
    (void)width;
    return bits ^ bits >> 1;
}

static uint32_t from_gray(uint32_t bits, unsigned width)
{
    for (unsigned shift = 1; shift < width; shift *= 2) {
        bits ^= bits >> shift;
    }
    return bits;
}

static const struct {
    uint32_t (*encode)(uint32_t bits, unsigned width);
    uint32_t (*decode)(uint32_t bits, unsigned width);
} encodings[] = {
    [EF_ENCODING_PLAIN] = {keep, keep},
    [EF_ENCODING_SIGNMAG] = {to_sign_magnitude, negate_magnitude},
    [EF_ENCODING_OFFSET] = {flip_sign, flip_sign},
    [EF_ENCODING_GRAY] = {to_gray, from_gray},
};

/* Integers. */

int32_t ef_code_integer(const ef_code *code, uint32_t bits)
{
    assert(ef_code_is_integer(code));
    unsigned width = code->format.bits;
    uint32_t plain = encodings[code->format.encoding].decode(bits & ones(width), width);
    uint32_t sign = (uint32_t)1 << (width - 1);
    switch (code->format.kind) {
    case EF_FORMAT_UINT:
        return (int32_t)plain;
    case EF_FORMAT_BIN:
        return plain ? 1 : -1;
    case EF_FORMAT_TERN:
        plain = plain == sign ? 0 : plain;
        break;
    default:
        break;
    }
    return (int32_t)(plain ^ sign) - (int32_t)sign;
}

uint32_t ef_code_of_integer(const ef_code *code, int32_t integer)
{
    int32_t least, most;
    ef_code_limits(code, &least, &most);
    unsigned width = code->format.bits;
    if (code->format.kind == EF_FORMAT_BIN) {
        return integer >= 0;
    }
    if (code->format.kind == EF_FORMAT_INT || code->format.kind == EF_FORMAT_FIXED) {
        least--;
    }
    integer = integer < least ? least : integer > most ? most : integer;
    return encodings[code->format.encoding].encode((uint32_t)integer & ones(width),
                                                   width);
}

/* Values. */

/* -1 and 1: the nearest by sign, 0 being positive [5]. */
static double round_to_sign(double steps, const uint64_t *draw)
{
    if (draw) {
        return 2 * ef_code_round((steps + 1) / 2, draw) - 1;
    }
    return steps >= 0 ? 1 : -1;
}

/* No tie is made by rounding the quotient: that of two float32, if not halfway between
 * integers of 17 bits, is at least 2^-26 from there. */
uint32_t ef_code_of_integral(const ef_code *code, float value, const uint64_t *draw)
{
    int32_t least, most;
    ef_code_limits(code, &least, &most);
    if (isnan(value)) {
        return ef_code_of_integer(code, signbit(value) ? least : most);
    }
    double steps = (double)value / code->scale;
    double bounded = ef_code_clamp(steps, least - code->zero, most - code->zero);
    double rounded = code->format.kind == EF_FORMAT_BIN ? round_to_sign(bounded, draw)
                                                        : ef_code_round(bounded, draw);
    return ef_code_of_integer(code, (int32_t)rounded + code->zero);
}

float ef_code_value_integral(const ef_code *code, uint32_t bits)
{
    return (float)((ef_code_integer(code, bits) - code->zero) * code->scale);
}
