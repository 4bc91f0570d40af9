/* What is gained by protecting bits: the share of failures that goes, against the bits
 * that are protected, the most critical first.
 *
 * Bits are protected by strata, the bits of one position in one tensor.  Which are
 * critical is known from a sample only, and strata that were chosen for the failures
 * seen in them look worse than they are: measured on the faults that chose them, the
 * curve flatters.  So the faults at even positions of the campaign put the strata in
 * order and those at odd positions measure what goes, and the other way round [1]; the
 * curve is what both measured together.  It is that of an order known from half of the
 * faults, and all of them order no worse.
 *
 * [1] M. Stone, Cross-Validatory Choice and Assessment of Statistical Predictions,
 *     Journal of the Royal Statistical Society B 36, 1974,
 *     doi:10.1111/j.2517-6161.1974.tb00994.x.
 * [2] W. G. Cochran, Sampling Techniques, 3rd ed., Wiley 1977, (6.11): the variance of
 *     a ratio of totals. */
#ifndef EF_REPORT_PROTECTION_H
#define EF_REPORT_PROTECTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/interval.h"
#include "base/status.h"
#include "faultsim/statistics.h"

typedef struct ef_protection_stratum {
    uint64_t bits;      /* at least 1: faults of single bits */
    uint32_t group;     /* strata of one group (a bit position) are thought alike */
    double weight;      /* bits that a fault struck in it stands for, at least 1 */
    ef_tally halves[2]; /* faults at even and odd positions of the campaign */
} ef_protection_stratum;

typedef struct ef_protection ef_protection;

/* Of strata, shape (n), whose faults all struck the same images; they are copied.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_protection_create(ef_protection **protection,
                                            const ef_protection_stratum *strata,
                                            size_t n, ef_error *err);
void ef_protection_destroy(ef_protection *protection);

/* Strata in the order in which to protect them, shape (n): by the failures of a bit,
 * from all faults; each drawn to its group by one fault's weight, and this to all. */
const size_t *ef_protection_order(const ef_protection *protection);
uint64_t ef_protection_bits(const ef_protection *protection);
/* Whether every fault there is was struck: then there is nothing to estimate. */
int ef_protection_is_exact(const ef_protection *protection);

typedef struct ef_protection_point {
    double removed;       /* share of failures; NaN where none was seen */
    ef_interval interval; /* 95 %, of the order that was measured */
} ef_protection_point;

/* Where so many bits are protected, 0 to all; of a stratum that is protected in part
 * any bits.  Wilson's interval at R (1 - R) / v, v the variance of the ratio R by [2],
 * and at most at the number of equal faults that would weigh as much as those that
 * failed, the square of their sum over that of their squares.  Cost: O(n). */
ef_protection_point ef_protection_at(const ef_protection *protection, double bits);

/* The share of failures that goes with the worst `bits` single bits, where all were
 * struck: histogram[k] of them fail on k images, shape (images + 1).  NaN where none
 * fails. */
double ef_protection_single(const uint64_t *histogram, uint64_t images, double bits);

#endif
