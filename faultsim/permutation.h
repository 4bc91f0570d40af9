/* Permutations of [0, n) that are computed, not stored: sampling without replacement
 * from a population of any size, any draw without the others.
 *
 * A Feistel network permutes the next even power of two, and walks its cycle until it
 * is back below n [1].  Ten rounds, as NIST's FF1 has for small domains [2].
 *
 * [1] J. Black, P. Rogaway, Ciphers with Arbitrary Finite Domains, CT-RSA 2002,
 *     doi:10.1007/3-540-45760-7_9 (cycle walking, generalized Feistel).
 * [2] NIST SP 800-38G, 2016, doi:10.6028/NIST.SP.800-38G.
 * We differ in: the round function is a hash, not a cipher; nobody attacks it. */
#ifndef EF_FAULTSIM_PERMUTATION_H
#define EF_FAULTSIM_PERMUTATION_H

#include <stdint.h>

#include "base/rng.h"

#define EF_PERMUTATION_ROUNDS 10
#define EF_PERMUTATION_MAX (UINT64_C(1) << 62)

typedef struct ef_permutation {
    uint64_t n;
    unsigned half; /* bits of one half of the network's words */
    uint64_t keys[EF_PERMUTATION_ROUNDS];
} ef_permutation;

/* The permutation of [0, n), n from 1 to EF_PERMUTATION_MAX, of the stream keyed by
 * (seed, purpose, a, b, c). */
ef_permutation ef_permutation_keyed(uint64_t seed, ef_purpose purpose, uint64_t a,
                                    uint64_t b, uint64_t c, uint64_t n);

/* The k-th of n, k < n; in four steps of the walk or fewer on average. */
uint64_t ef_permutation_at(const ef_permutation *permutation, uint64_t k);

#endif
