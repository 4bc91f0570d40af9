/* Simulated sweeps: how often the interval of 95 % holds the mean of the distribution
 * that trials are drawn from.  A share of the trials does nothing, the others change
 * u^power of the images, u uniform: as BER patterns, many change little and few much.
 */
#ifndef EF_TESTS_TRIALS_H
#define EF_TESTS_TRIALS_H

#include <stddef.h>

#define TRIALS_IMAGES 100

typedef struct trials_case {
    const char *name;
    double nothing; /* share of trials */
    double power;
    size_t trials;
} trials_case;

/* Of n_sweeps. */
double trials_coverage(const trials_case *row, size_t n_sweeps);

#endif
