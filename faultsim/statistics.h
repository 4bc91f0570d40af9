/* Rates over (fault, image) pairs, what is known of them, and when that is enough.
 *
 * Every fault strikes the same images, so that the pairs of one fault hang together:
 * the fault is the unit that is drawn, and its share of failing images the value.
 *
 * [1] W. G. Cochran, Sampling Techniques, 3rd ed., Wiley 1977: (2.20) the variance of a
 *     mean in a finite population, (5.6) of a stratified one, (5.26) Neyman's
 * allocation. [2] J. Neyman, On the Two Different Aspects of the Representative Method,
 * Journal of the Royal Statistical Society 97, 1934, doi:10.2307/2342192. [3] R.
 * Leveugle, A. Calvez, P. Maistri, P. Vanhauwaert, Statistical Fault Injection:
 *     Quantified Error and Confidence, DATE 2009, doi:10.1109/DATE.2009.5090716.
 * [4] M. P. Fay, E. J. Feuer, Confidence intervals for directly standardized rates,
 *     Statistics in Medicine 16, 1997,
 *     doi:10.1002/(SICI)1097-0258(19970415)16:7<791::AID-SIM500>3.0.CO;2-#.
 * We differ from Wilson's interval in: its size is the number of independent draws that
 * would have the variance found; while fewer than EF_FEW faults failed, it is no more
 * than the number of faults, since the heavy ones may not have been met. */
#ifndef EF_FAULTSIM_STATISTICS_H
#define EF_FAULTSIM_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/interval.h"
#include "base/rng.h"
#include "base/status.h"

#define EF_FEW 20

/* What faults did, in whole numbers: equal in any order of adding. */
typedef struct ef_tally {
    uint64_t n;        /* faults */
    uint64_t failures; /* (fault, image) pairs that failed, or units that these count */
    ef_u128 squares;   /* sum over faults of the square of failures */
    uint64_t hit;      /* faults with a failure */
} ef_tally;

/* A fault that failed on so many images, or by so many units on all of them. */
void ef_tally_add(ef_tally *tally, uint64_t failures);
void ef_tally_merge(ef_tally *tally, const ef_tally *other);

typedef struct ef_estimate {
    double share;
    ef_interval interval; /* 95 % */
    double n_effective;   /* infinite where all faults were struck */
    uint64_t n, population;
} ef_estimate;

/* The share of failing pairs, of faults drawn uniformly without replacement from a
 * population that all strike as many images: Wilson's interval at p (1 - p) / v, v the
 * variance of p by [1] (2.20); at n where no fault failed, or none was spared.  n = 0:
 * share NaN, interval [0, 1]. */
ef_estimate ef_estimate_rate(const ef_tally *tally, uint64_t images,
                             uint64_t population);

/* The same where a failing pair counts a whole number of units, `most` at most and at
 * least 1: the share of the n * images * most that all could count.  With most = 1 it
 * is ef_estimate_rate. */
ef_estimate ef_estimate_units(const ef_tally *tally, uint64_t images, uint64_t most,
                              uint64_t population);

/* The share of faults that failed on at least one image. */
ef_estimate ef_estimate_critical(const ef_tally *tally, uint64_t population);

/* Faults to strike so that the share p is known to +-margin at the normal quantile z,
 * [3] eq. (1): N / (1 + margin^2 (N - 1) / (z^2 p (1 - p))), rounded up.  It knows
 * nothing of images; 0 < share < 1, margin > 0. */
uint64_t ef_leveugle_faults(uint64_t population, double share, double margin, double z);

/* --- strata ------------------------------------------------------------------ */

/* A part of the population.  First a pilot is drawn from each; by what it shows the
 * rest is allocated, drawn from what the pilot left. */
typedef struct ef_stratum {
    uint64_t population;
    uint32_t group; /* strata of one group (a bit position) are thought alike */
    ef_tally pilot, rest;
} ef_stratum;

/* The share of failing pairs in the whole population.  What the pilot struck is known;
 * what it left is estimated from the rest alone, so that the allocation, which depends
 * on the pilot, does not bias it; from the pilot in strata without a rest.  Variances
 * are those of strata, drawn together by one fault's weight with those of the group's
 * pilots, these with that of all: a stratum without failures is not certain.  To the
 * variance comes that of z^2 / 2 further failing faults of the greatest weight there
 * is: Wilson's interval adds as many to a uniform sample, and Fay and Feuer [4] such a
 * one to a weighted sum.
 * Every stratum has a pilot.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_estimate_strata(const ef_stratum *strata, size_t n,
                                          uint64_t images, ef_estimate *estimate,
                                          ef_error *err);
/* The same in units, as ef_estimate_units. */
EF_NODISCARD ef_status ef_estimate_strata_units(const ef_stratum *strata, size_t n,
                                                uint64_t images, uint64_t most,
                                                ef_estimate *estimate, ef_error *err);

/* The same where the faults of a stratum are not as likely as those of others, with
 * weights, shape (n), each at least 0 and some above: the chance that a strike, which
 * meets faults in proportion to their weights, fails. */
EF_NODISCARD ef_status ef_estimate_strata_weighted(const ef_stratum *strata,
                                                   const double *weights, size_t n,
                                                   uint64_t images,
                                                   ef_estimate *estimate,
                                                   ef_error *err);

/* A pilot of `faults` in proportion to populations, shape of more (n), at least one of
 * each stratum, even where that makes it larger.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_allocate_pilot(const ef_stratum *strata, size_t n,
                                         uint64_t faults, uint64_t *more,
                                         ef_error *err);

/* `faults` further ones, no more than a stratum has left: half in proportion to
 * populations, since pilots miss what is rare, and half by Neyman's allocation [2],
 * population times standard deviation as the pilots show it.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_allocate_rest(const ef_stratum *strata, size_t n,
                                        uint64_t faults, uint64_t *more, ef_error *err);

/* --- when to stop ------------------------------------------------------------ */

typedef struct ef_stop_rule {
    double precision;  /* half-width of the interval as a share of the rate */
    double negligible; /* upper bound */
    uint64_t faults;   /* at most */
} ef_stop_rule;

#define EF_STOP_RULE_DEFAULT ((ef_stop_rule){0.2, 1e-4, 100000})

/* The number of faults at which to look next after n: 1000 * 2^k, the most that the
 * rule allows, or the population, whichever comes first. */
uint64_t ef_next_look(const ef_stop_rule *rule, uint64_t n, uint64_t population);

/* Whether an estimate at a look ends the campaign. */
int ef_is_enough(const ef_stop_rule *rule, const ef_estimate *estimate);

#endif
