/* The single faults that a campaign may strike, numbered. */
#ifndef EF_FAULTSIM_POPULATION_H
#define EF_FAULTSIM_POPULATION_H

#include <stddef.h>
#include <stdint.h>

#include "faultsim/fault.h"
#include "faultsim/selection.h"

typedef struct ef_population ef_population;

/* The faults of one stored tensor at one place of bits. */
typedef struct ef_stratum_place {
    uint32_t site;
    uint64_t mask; /* of the bits that change together */
    unsigned bit;  /* the lowest of them */
    uint64_t size; /* faults: the elements chosen */
} ef_stratum_place;

/* The faults at the chosen elements of sites, shape (n_sites), borrowed for the call:
 * for k adjacent bits of a width w there are w - k + 1 places, those whose bits are all
 * chosen.  A site's elements are divided evenly and in order among the channels of its
 * node's output.
 * EF_ERR_USAGE: nothing is chosen, or a part of the selection does not exist; the error
 * names the option.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_population_create(ef_population **population,
                                            const ef_topology *topology,
                                            const ef_site *sites, size_t n_sites,
                                            const ef_selection *selection,
                                            const ef_strike *strike, ef_error *err);
void ef_population_destroy(ef_population *population);

/* At least 1, at most EF_PERMUTATION_MAX. */
uint64_t ef_population_size(const ef_population *population);

/* Fault k < size, of every image.  O(log n_sites). */
ef_flip ef_population_flip(const ef_population *population, uint64_t k);
/* The number of a flip, whatever its image, into *k; 0 where it is not among them. */
int ef_population_find(const ef_population *population, const ef_flip *flip,
                       uint64_t *k);
/* Whether one bit of an element of a site is chosen. */
int ef_population_has_bit(const ef_population *population, uint32_t site,
                          uint64_t index, unsigned bit);

/* Strata by site and place of bits, in this order; their sizes sum to the population's.
 * Fault j of a stratum, j < size, is fault ef_population_in_stratum(.) of all. */
size_t ef_population_n_strata(const ef_population *population);
ef_stratum_place ef_population_stratum(const ef_population *population, size_t stratum);
uint64_t ef_population_in_stratum(const ef_population *population, size_t stratum,
                                  uint64_t j);
size_t ef_population_stratum_of(const ef_population *population, uint64_t k);

#endif
