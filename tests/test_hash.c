#include "base/hash.h"

#include <criterion/criterion.h>

/* hash 0, word 0 is the finalizer of SplitMix64 applied to that generator's first
 * number from seed 0, 0xe220a8397b1dcdaf (known answer of Vigna's splitmix64.c). */
Test(hash_word, the_finalizer_is_that_of_splitmix64)
{
    uint64_t x = UINT64_C(0xe220a8397b1dcdaf);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    cr_assert_eq(ef_hash_word(0, 0), x ^ x >> 31);
}

Test(hash_word, the_order_of_words_matters)
{
    cr_assert_neq(ef_hash_word(ef_hash_word(0, 1), 2),
                  ef_hash_word(ef_hash_word(0, 2), 1));
    cr_assert_neq(ef_hash_word(0, 0), ef_hash_word(ef_hash_word(0, 0), 0));
}

/* Over 64,000 flips of one bit, 32 bits change on average; the standard deviation of
 * the mean is 4 / sqrt(64000) = 0.016.  False alarm beyond 0.08: below 1e-6. */
Test(hash_word, every_bit_reaches_every_other)
{
    double sum = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            uint64_t x =
                ef_hash_word(i, i * i) ^ ef_hash_word(i, (i * i) ^ (uint64_t)1 << bit);
            for (; x; x &= x - 1) {
                sum++;
            }
        }
    }
    cr_assert_float_eq(sum / 64000, 32, 0.08, "%g", sum / 64000);
}

Test(hash_bytes, bytes_are_words_with_the_lowest_byte_first)
{
    const unsigned char bytes[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    uint64_t hash = ef_hash_word(5, 9);
    hash = ef_hash_word(hash, UINT64_C(0x0807060504030201));
    hash = ef_hash_word(hash, 9);
    cr_assert_eq(ef_hash_bytes(5, bytes, 9), hash);
}

Test(hash_bytes, the_length_counts)
{
    const unsigned char zeros[16] = {0};
    for (size_t n = 0; n < 16; n++) {
        cr_assert_neq(ef_hash_bytes(0, zeros, n), ef_hash_bytes(0, zeros, n + 1));
    }
}
