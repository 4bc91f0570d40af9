/* Codes of number formats: which bits a value is stored as, and what bits stand for.
 *
 * [1] OCP 8-bit Floating Point Specification (OFP8), revision 1.0, 2023: e4m3, e5m2.
 * [2] OCP Microscaling Formats (MX) Specification, version 1.0, 2023: e3m2, e2m3, e2m1.
 * [3] IEEE 754-2019: fp16, fp32 and the rules of every other eXmY.
 * [4] A. Zhou et al., Incremental network quantization: towards lossless CNNs with
 *     low-precision weights, ICLR 2017, arXiv:1702.03044: the range of pow2.
 * [5] M. Courbariaux, Y. Bengio, Binarized neural networks, 2016, arXiv:1602.02830:
 * bin.
 *
 * Reconstructions, since no source says how: the scales of tern and bin from a range,
 * ties of pow2 (to the even code), and the limits of scales.
 *
 * Conversions are exact arithmetic with one rounding: no result depends on the math
 * library or the machine. */
#ifndef EF_FORMAT_CODE_H
#define EF_FORMAT_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "format/format.h"

/* A format bound to a tensor: what its codes stand for.  A plain value.
 *
 * The scale is a float32 in every format: a fault may strike it as one. */
typedef struct ef_code {
    ef_format format;
    double scale; /* of one step: int, uint, tern, bin; a power of two for fixed, scaled
                     floats and pow2 (its least magnitude); 1 for plain floats */
    int32_t zero; /* uint: the integer that stands for 0; else 0 */
} ef_code;

/* Scale and zero for values in [low, high], which is widened to contain 0; a range
 * of zeros has scale 1.  M is the largest magnitude, b the bits:
 * int     M / (2^(b-1) - 1), rounded to float32;
 * uint    (high - low) / (2^b - 1), rounded to float32, and zero = -low / scale;
 * fixed   the least power of two by which the largest integer reaches M, or
 * 2^-fraction; eXmYs   the least power of two by which the largest finite code reaches
 * M; pow2    the largest code stands for 2^floor(log2(4 M / 3)) [4]; tern    2/3 M, bin
 * 1/2 M: least squares for values evenly spread over the range. Scales are bounded so
 * that every code of a finite value stands for a float32 of its own: ranges near the
 * ends of float32 saturate, or leave codes unused.
 *
 * EF_ERR_INPUT: a bound that is no finite float32, low above high, no such format;
 * the code is then untouched. */
EF_NODISCARD ef_status ef_code_bind(ef_code *code, const ef_format *format, double low,
                                    double high, ef_error *err);

/* The code of a value, rounded to the nearest, ties to the even integer (floats: to the
 * even code; bin: 0 is positive).  Beyond the range it saturates in integer formats and
 * floats of up to 8 bits, infinities included, and becomes infinity in wider floats.
 * A NaN becomes the format's one quiet positive NaN, or, where there is none, the
 * largest magnitude of its sign (uint: the largest code, or 0).  -0 keeps its sign in
 * floats.  The flag format.stochastic is the caller's affair. */
uint32_t ef_code_of(const ef_code *code, float value);

/* The same, but a value between two codes becomes the upper one with the probability of
 * its distance from the lower one, within 2^-53; draw is 64 random bits.  Infinity
 * counts as the number after the largest.  What a code stands for becomes that code
 * always. */
uint32_t ef_code_of_stochastic(const ef_code *code, float value, uint64_t draw);

/* What stored bits stand for: the low format.bits bits, any pattern.  Every NaN is
 * 0x7fc00000. */
float ef_code_value(const ef_code *code, uint32_t bits);

/* What values become by being stored, in place, shape (n): ef_code_value of ef_code_of,
 * for floats several times as fast. */
void ef_code_store(const ef_code *code, size_t n, float *values);

/* The value of bits with one bit flipped; bit < format.bits, 0 the least significant.
 */
float ef_code_flip(const ef_code *code, uint32_t bits, unsigned bit);

/* The values of all codes, in their order, shape (2^bits), of a format of at most 16
 * bits: a table to decode a tensor by. */
void ef_code_table(const ef_code *code, float *values);

/* Whether codes stand for integers times the scale: int, uint, fixed, tern and bin.
 * The three functions below are for these. */
int ef_code_is_integer(const ef_code *code);

/* The integer that stored bits stand for, before scale, zero point not taken off, and
 * back: saturating at what the format can hold, which for int and fixed includes the
 * most negative code (not in sign and magnitude).  tern reads its unused code as 0; bin
 * stores integers from 0 on as 1, others as -1. */
int32_t ef_code_integer(const ef_code *code, uint32_t bits);
uint32_t ef_code_of_integer(const ef_code *code, int32_t integer);

/* The integers that arise without a fault. */
void ef_code_limits(const ef_code *code, int32_t *least, int32_t *most);

#endif
