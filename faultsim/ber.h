/* Bit error rates: every stored bit is struck by itself, with patterns that nest.
 *
 * Each stored bit has one u, uniform in (0, 1]; at rate p those with u <= p are struck,
 * so that the pattern at a lower rate is a part of that at a higher one.  The u are
 * drawn by bands: band k has those with 2^-(k+1) < u <= 2^-k, found by geometric skips
 * with probability 2^-(k+1) / (1 - 2^-(k+1)); a bit found in several bands has its
 * smallest u.  So no more is drawn than some 2 p of the bits.
 *
 * [1] L. Devroye, Non-Uniform Random Variate Generation, Springer 1986,
 *     doi:10.1007/978-1-4613-8643-8, X.2 (geometric variates by inversion). */
#ifndef EF_FAULTSIM_BER_H
#define EF_FAULTSIM_BER_H

#include <stddef.h>
#include <stdint.h>

#include "faultsim/fault.h"
#include "faultsim/population.h"

/* Which draw of the u. */
typedef struct ef_ber_key {
    uint64_t seed;
    uint64_t trial;
    uint32_t site;
    int64_t image; /* -1: of every image; below 2^56 */
} ef_ber_key;

/* A stored bit that is struck: element * bits of an element + bit. */
typedef struct ef_ber_bit {
    uint64_t bit;
    double u; /* struck at this rate and above */
} ef_ber_bit;

typedef struct ef_ber_bits {
    ef_ber_bit *items; /* (n), ascending by bit; owned */
    size_t n, capacity;
} ef_ber_bits;

/* Appends the bits of [begin, end) that are struck at rate, 0 to 1; end below 2^52.
 * The same whatever range they are asked for in.  EF_ERR_MEMORY: bits is as before. */
EF_NODISCARD ef_status ef_ber_draw(const ef_ber_key *key, uint64_t begin, uint64_t end,
                                   double rate, ef_ber_bits *bits, ef_error *err);
void ef_ber_bits_clear(ef_ber_bits *bits);

typedef struct ef_ber_flips {
    ef_flip *items; /* (n), of a pattern ascending by element, one of each; owned */
    size_t n, capacity;
} ef_ber_flips;

/* Appends what is struck of a site, of the bits that the population (flips of single
 * bits) has; a smaller population strikes the rest of the same pattern.
 * EF_ERR_MEMORY: flips is as before. */
EF_NODISCARD ef_status ef_ber_strike(const ef_ber_key *key, const ef_site *site,
                                     const ef_population *population, double rate,
                                     ef_ber_flips *flips, ef_error *err);
/* The same at several rates, shape (n_rates), onto flips, (n_rates): the u are drawn
 * once. */
EF_NODISCARD ef_status ef_ber_strike_rates(const ef_ber_key *key, const ef_site *site,
                                           const ef_population *population,
                                           const double *rates, size_t n_rates,
                                           ef_ber_flips *flips, ef_error *err);
/* Appends one.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_ber_flips_add(ef_ber_flips *flips, const ef_flip *flip,
                                        ef_error *err);
void ef_ber_flips_clear(ef_ber_flips *flips);

#endif
