/* Simulated campaigns: how often the interval of 95 % holds the rate of a population
 * that is known whole.  Most faults never fail, some fail heavily. */
#ifndef EF_TESTS_COVERAGE_H
#define EF_TESTS_COVERAGE_H

#include <stddef.h>
#include <stdint.h>

#define COVERAGE_IMAGES 100

typedef struct coverage_case {
    const char *name;
    double failing;  /* share of faults that fail at all */
    uint64_t faults; /* struck, pilot included */
    int is_stratified;
} coverage_case;

typedef struct coverage {
    double held; /* share of campaigns whose interval holds the rate */
    double mean; /* of the estimates, as a multiple of the rate */
    double half; /* mean half-width, likewise */
} coverage;

coverage coverage_simulate(const coverage_case *row, size_t n_campaigns);

#endif
