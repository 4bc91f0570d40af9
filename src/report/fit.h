/* Failures in time: what a rate of failures says of memory that radiation strikes.
 *
 * 1 FIT is one failure in 10^9 hours of a device.  Soft error rates of memories are
 * stated in FIT per Mbit [1], whose Mbit are 2^20 bits [2].
 *
 * [1] JEDEC JESD89, Measurement and Reporting of Alpha Particle and Terrestrial Cosmic
 *     Ray-Induced Soft Errors in Semiconductor Devices.
 * [2] JEDEC Standard 100B.01, 2002: mega (M), as a prefix to units of semiconductor
 *     storage capacity, a multiplier equal to 1 048 576.
 * [3] G. Y. Zou, A. Donner, Construction of confidence limits about effect measures: a
 *     general approach, Statistics in Medicine 27, 2008, doi:10.1002/sim.3095. */
#ifndef EF_REPORT_FIT_H
#define EF_REPORT_FIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/interval.h"

#define EF_FIT_MBIT 1048576.0

/* Failures per 10^9 hours. */
typedef struct ef_fit {
    double value;
    ef_interval interval; /* of the confidence that the rate's had */
} ef_fit;

/* Of so many bits, each struck at the raw rate, where the share of strikes that fail
 * is known as share and interval say: raw / 2^20 * bits * share. */
ef_fit ef_fit_of(double raw_per_mbit, uint64_t bits, double share,
                 ef_interval interval);

/* Of parts that were estimated apart, shape (n): values add, and so do the squares of
 * the distances to the bounds [3]. */
ef_fit ef_fit_sum(const ef_fit *parts, size_t n);

#endif
