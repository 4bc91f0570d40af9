/* What tests of codes share. */
#ifndef EF_TESTS_CODE_HELP_H
#define EF_TESTS_CODE_HELP_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/rng.h"
#include "format/code.h"

/* The format of that name bound to a range; fails the test where it cannot be. */
ef_code bound(const char *name, double low, double high);

/* Of formats with codes of up to 16 bits those to try all of: fewer under valgrind. */
unsigned widest_tried(void);

static inline uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
