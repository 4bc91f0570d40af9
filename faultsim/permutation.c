#include "faultsim/permutation.h"

#include "base/hash.h"

ef_permutation ef_permutation_keyed(uint64_t seed, ef_purpose purpose, uint64_t a,
                                    uint64_t b, uint64_t c, uint64_t n)
{
    ef_permutation permutation = {.n = n, .half = 1};
    while (UINT64_C(1) << 2 * permutation.half < n) {
        permutation.half++;
    }
    ef_rng rng = ef_rng_stream(seed, purpose, a, b, c);
    for (unsigned r = 0; r < EF_PERMUTATION_ROUNDS; r++) {
        permutation.keys[r] = ef_rng_u64(&rng);
    }
    return permutation;
}

static uint64_t encipher(const ef_permutation *permutation, uint64_t word)
{
    uint64_t mask = (UINT64_C(1) << permutation->half) - 1;
    uint64_t left = word >> permutation->half, right = word & mask;
    for (unsigned r = 0; r < EF_PERMUTATION_ROUNDS; r++) {
        uint64_t mixed = left ^ (ef_hash_word(permutation->keys[r], right) & mask);
        left = right;
        right = mixed;
    }
    return left << permutation->half | right;
}

uint64_t ef_permutation_at(const ef_permutation *permutation, uint64_t k)
{
    do {
        k = encipher(permutation, k);
    } while (k >= permutation->n);
    return k;
}
