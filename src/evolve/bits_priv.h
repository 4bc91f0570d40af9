/* The lowest and the highest bit that is set in a word that is not 0. */
#ifndef EF_EVOLVE_BITS_PRIV_H
#define EF_EVOLVE_BITS_PRIV_H

#include <stddef.h>
#include <stdint.h>

static inline size_t ef_lowest_bit(uint64_t word)
{
#if defined(__GNUC__)
    return (size_t)__builtin_ctzll(word);
#else
    size_t k = 0;
    for (; (word & 1) == 0; word >>= 1) {
        k++;
    }
    return k;
#endif
}

static inline size_t ef_highest_bit(uint64_t word)
{
#if defined(__GNUC__)
    return 63 - (size_t)__builtin_clzll(word);
#else
    size_t k = 63;
    for (; (word & UINT64_C(1) << 63) == 0; word <<= 1) {
        k--;
    }
    return k;
#endif
}

#endif
