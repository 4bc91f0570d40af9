#include "base/hash.h"

/* The finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014,
 * doi:10.1145/2660193.2660195): bijective, every input bit reaches every output. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t ef_hash_word(uint64_t hash, uint64_t word)
{
    /* 2^64 / golden ratio: without it, hash 0 and word 0 would stay 0. */
    return mix(hash * UINT64_C(0x9e3779b97f4a7c15) +
               mix(word + UINT64_C(0x9e3779b97f4a7c15)));
}

uint64_t ef_hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    hash = ef_hash_word(hash, size);
    while (size > 0) {
        uint64_t word = 0;
        size_t n = size < 8 ? size : 8;
        for (size_t i = 0; i < n; i++) {
            word |= (uint64_t)p[i] << (8 * i);
        }
        hash = ef_hash_word(hash, word);
        p += n;
        size -= n;
    }
    return hash;
}
