/* PCG64 (PCG XSL-RR 128/64) and the one place where streams get their keys.
 *
 * [1] M. E. O'Neill, PCG: A Family of Simple Fast Space-Efficient Statistically
 *     Good Algorithms for Random Number Generation, HMC-CS-2014-0905, 2014.
 * [2] F. B. Brown, Random Number Generation with Arbitrary Strides, Trans. Am.
 *     Nucl. Soc. 71, 1994 (jump-ahead).
 *
 * Every draw comes from a stream that is keyed by what it is for, never by the
 * thread that draws it: same key, same numbers. */
#ifndef EF_BASE_RNG_H
#define EF_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 ef_u128;

typedef struct ef_rng {
    ef_u128 state;
    ef_u128 increment; /* odd */
} ef_rng;

/* What a stream is for.  Append only: the position is part of the key, and so of
 * every result that was ever published with a seed. */
typedef enum ef_purpose {
    EF_PURPOSE_TEST,
    EF_PURPOSE_SPLIT,   /* parts of a data set */
    EF_PURPOSE_INIT,    /* initial weights of a network */
    EF_PURPOSE_SHUFFLE, /* order of the training images */
    EF_PURPOSE_AUGMENT, /* shifts and flips */
    EF_PURPOSE_SAMPLE,  /* first individuals of a population */
    EF_PURPOSE_VARY,    /* crossover and mutation */
    EF_PURPOSE_SELECT,  /* tournaments, preselection */
    EF_PURPOSE_DROPOUT,
    EF_PURPOSE_FAULT,   /* order of a population of faults */
    EF_PURPOSE_BER,     /* bits struck at a bit error rate */
    EF_PURPOSE_RESAMPLE /* bootstrap samples */
} ef_purpose;

/* The stream keyed by (seed, purpose, a, b, c), hashed to state and increment. */
ef_rng ef_rng_stream(uint64_t seed, ef_purpose purpose, uint64_t a, uint64_t b,
                     uint64_t c);

/* State and sequence as the C++ library's pcg64(state, stream) takes them [1]. */
ef_rng ef_rng_pcg64(ef_u128 state, ef_u128 sequence);

uint64_t ef_rng_u64(ef_rng *rng);

/* Moves the stream ahead by delta draws of ef_rng_u64 in O(log delta) [2]. */
void ef_rng_advance(ef_rng *rng, ef_u128 delta);

/* Uniform in [0, n), n > 0, without bias (Lemire's multiplication with rejection). */
uint64_t ef_rng_below(ef_rng *rng, uint64_t n);

/* Uniform in [0, 1), a multiple of 2^-53. */
double ef_rng_unit(ef_rng *rng);

/* Standard normal, by Marsaglia's polar method on ef_log: equal on every CPU. */
double ef_rng_normal(ef_rng *rng);

/* Moves the stream to where n draws of ef_rng_normal would leave it, without logarithms
 * and roots. */
void ef_rng_skip_normals(ef_rng *rng, size_t n);

/* Fisher-Yates on an array of indices, shape (n). */
void ef_rng_shuffle(ef_rng *rng, size_t *indices, size_t n);

#endif
