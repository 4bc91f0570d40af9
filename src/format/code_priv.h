/* Shared by the files that make codes. */
#ifndef EF_FORMAT_CODE_PRIV_H
#define EF_FORMAT_CODE_PRIV_H

#include <stdint.h>
#include <string.h>

#include "format/code.h"

/* To the nearest integer, ties to even, where draw is NULL; else down, or up with the
 * probability of the fraction.  Exact for |value| < 2^51. */
static inline double ef_code_round(double value, const uint64_t *draw)
{
    /* Beyond 2^52 doubles are integers: the sum is rounded as wanted. */
    const double shift = 0x1.8p52;
    double nearest = value + shift - shift;
    if (!draw) {
        return nearest;
    }
    double down = nearest > value ? nearest - 1 : nearest;
    return down + ((double)(*draw >> 11) * 0x1p-53 < value - down);
}

/* Every multiple of 2^-149 that float32 has the bits for is a float32. */
#define EF_CODE_LEAST_EXPONENT (-149)

static inline double ef_code_clamp(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

/* 2^exponent, -1022 <= exponent <= 1023. */
static inline double ef_code_power(int exponent)
{
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* 2^exponent, or the nearest power within 2^least to 2^greatest. */
static inline double ef_code_bounded_power(int exponent, int least, int greatest)
{
    int bounded = exponent < least ? least : exponent > greatest ? greatest : exponent;
    return ef_code_power(bounded);
}

/* The least exponent e with most * 2^e >= magnitude; both positive. */
int ef_code_exponent_to_hold(double most, double magnitude);

/* Scale and zero of a range that contains 0 and is not all zeros. */
void ef_code_bind_integer(ef_code *code, double low, double high);
void ef_code_bind_float(ef_code *code, double low, double high);

/* draw: NULL for the nearest. */
uint32_t ef_code_of_integral(const ef_code *code, float value, const uint64_t *draw);
uint32_t ef_code_of_float(const ef_code *code, float value, const uint64_t *draw);

float ef_code_value_integral(const ef_code *code, uint32_t bits);
float ef_code_value_float(const ef_code *code, uint32_t bits);

/* Stores as many of the first values as come in full blocks, 0 where the format cannot;
 * returns how many. */
size_t ef_code_store_blocks(const ef_code *code, size_t n, float *values);

#endif
