/* Crossover and mutation of vectors of reals, of integers, and of bits.
 *
 * Parents are borrowed and overlap no child.  second may be NULL where one child is
 * wanted; the draws are then the same, so that first is too.  Genes of the parents are
 * within their bounds (for reals: no NaN); genes of the children then are as well. */
#ifndef EF_EVOLVE_VARIATION_H
#define EF_EVOLVE_VARIATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

typedef enum ef_crossover {
    EF_CROSSOVER_UNIFORM,  /* each bit from either parent */
    EF_CROSSOVER_TWO_POINT /* the bits between two places change sides */
} ef_crossover;

typedef struct ef_variation {
    double crossover_rate; /* of a pair of parents, in [0, 1] */
    double mutation_rate;  /* of a gene, in [0, 1] */
    double crossover_eta;  /* >= 0; reals: larger means children nearer their parents */
    double mutation_eta;
    ef_crossover crossover; /* of bits */
} ef_variation;

/* What evoflip uses where nothing else is said: crossover 0.9 with eta 15, mutation
 * 1 / n_genes with eta 20, uniform crossover. */
ef_variation ef_variation_default(size_t n_genes);

/* n genes drawn uniformly from [lower, upper]; lower and upper of shape (n). */
void ef_variation_sample_real(ef_rng *rng, size_t n, const double *lower,
                              const double *upper, double *genes);
void ef_variation_sample_integer(ef_rng *rng, size_t n, const int64_t *lower,
                                 const int64_t *upper, int64_t *genes);
/* n bits in (n + 63) / 64 words, bit i in bit i % 64 of word i / 64; the bits beyond n
 * are 0. */
void ef_variation_sample_bits(ef_rng *rng, size_t n, uint64_t *genes);

/* Simulated binary crossover within bounds and polynomial mutation. */
void ef_variation_vary_real(ef_rng *rng, const ef_variation *variation, size_t n,
                            const double *lower, const double *upper,
                            const double *parent_a, const double *parent_b,
                            double *first, double *second);

/* Uniform crossover; a mutated gene moves up or down by a step with the geometric
 * distribution of mean 2 (at a bound inwards, and to a bound at most), or, one time in
 * four, to any of its other values.  It changes unless its bounds are equal. */
void ef_variation_vary_integer(ef_rng *rng, const ef_variation *variation, size_t n,
                               const int64_t *lower, const int64_t *upper,
                               const int64_t *parent_a, const int64_t *parent_b,
                               int64_t *first, int64_t *second);

/* Crossover as variation says, then bits flipped. */
void ef_variation_vary_bits(ef_rng *rng, const ef_variation *variation, size_t n,
                            const uint64_t *parent_a, const uint64_t *parent_b,
                            uint64_t *first, uint64_t *second);

#endif
