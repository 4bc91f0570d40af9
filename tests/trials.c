#include "trials.h"

#include <criterion/criterion.h>
#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "faultsim/spread.h"

static uint64_t images_of(const trials_case *row, double u)
{
    if (u < row->nothing) {
        return 0;
    }
    double rest = (u - row->nothing) / (1 - row->nothing);
    return (uint64_t)(TRIALS_IMAGES * pow(rest, row->power) + 0.5);
}

static double true_mean(const trials_case *row)
{
    enum { GRID = 1000000 };
    double sum = 0;
    for (size_t i = 0; i < GRID; i++) {
        sum += (double)images_of(row, ((double)i + 0.5) / GRID);
    }
    return sum / GRID / TRIALS_IMAGES;
}

double trials_coverage(const trials_case *row, size_t n_sweeps)
{
    uint64_t *failures = ef_calloc(row->trials, sizeof *failures);
    double mean = true_mean(row), held = 0;
    cr_assert(failures);
    for (size_t k = 0; k < n_sweeps; k++) {
        ef_rng rng = ef_rng_stream(4, EF_PURPOSE_TEST, k, 0, 0);
        ef_error err = {EF_OK, ""};
        ef_spread s;
        for (size_t i = 0; i < row->trials; i++) {
            failures[i] = images_of(row, ef_rng_unit(&rng));
        }
        cr_assert_eq(ef_spread_find(&s, failures, row->trials, TRIALS_IMAGES, &err),
                     EF_OK);
        held += s.interval.low <= mean && mean <= s.interval.high;
    }
    ef_free(failures);
    return held / (double)n_sweeps;
}
