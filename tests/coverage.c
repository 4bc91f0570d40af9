#include "coverage.h"

#include <criterion/criterion.h>

#include "base/mem.h"
#include "base/rng.h"
#include "faultsim/permutation.h"
#include "faultsim/statistics.h"

#define LAYERS 10
#define BITS 8
#define STRATA (LAYERS * BITS)
#define PILOT 1000

/* Failing images of every fault, by strata of layer and bit; layers of 100 to 5000
 * elements, and higher bits fail more often. */
typedef struct world {
    uint8_t *failures; /* (n) */
    uint64_t begin[STRATA + 1];
    double rate;
} world;

/* Of u in [0, 1): images of a failing fault are distributed as Beta(1/3, 1). */
static uint8_t images_of(double u)
{
    return (uint8_t)(1 + (COVERAGE_IMAGES - 1) * u * u * u + 0.5);
}

static world make_world(double failing)
{
    static const double by_bit[BITS] = {0, 0, 0.01, 0.05, 0.1, 0.5, 1.34, 6};
    world w = {.rate = 0};
    for (size_t h = 0; h < STRATA; h++) {
        uint64_t layer = h / BITS;
        w.begin[h + 1] = w.begin[h] + 100 + 49 * layer * (layer + 1);
    }
    w.failures = ef_calloc(w.begin[STRATA], 1);
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    for (size_t h = 0; h < STRATA; h++) {
        for (uint64_t i = w.begin[h]; i < w.begin[h + 1]; i++) {
            if (ef_rng_unit(&rng) < failing * by_bit[h % BITS]) {
                w.failures[i] = images_of(ef_rng_unit(&rng));
            }
            w.rate += w.failures[i];
        }
    }
    w.rate /= (double)w.begin[STRATA] * COVERAGE_IMAGES;
    return w;
}

static ef_estimate strike_uniform(const world *w, uint64_t campaign, uint64_t faults)
{
    uint64_t n = w->begin[STRATA];
    ef_permutation p = ef_permutation_keyed(2, EF_PURPOSE_TEST, campaign, 0, 0, n);
    ef_tally tally = {0, 0, 0, 0};
    for (uint64_t k = 0; k < faults; k++) {
        ef_tally_add(&tally, w->failures[ef_permutation_at(&p, k)]);
    }
    return ef_estimate_rate(&tally, COVERAGE_IMAGES, n);
}

static void strike_stratum(const world *w, uint64_t campaign, size_t h, uint64_t from,
                           uint64_t n, ef_tally *tally)
{
    uint64_t size = w->begin[h + 1] - w->begin[h];
    ef_permutation p = ef_permutation_keyed(3, EF_PURPOSE_TEST, campaign, h, 0, size);
    for (uint64_t k = from; k < from + n; k++) {
        ef_tally_add(tally, w->failures[w->begin[h] + ef_permutation_at(&p, k)]);
    }
}

static ef_estimate strike_strata(const world *w, uint64_t campaign, uint64_t faults)
{
    ef_stratum strata[STRATA] = {{0}};
    uint64_t more[STRATA];
    ef_estimate e;
    ef_error err = {EF_OK, ""};
    for (size_t h = 0; h < STRATA; h++) {
        strata[h].population = w->begin[h + 1] - w->begin[h];
        strata[h].group = h % BITS;
    }
    cr_assert_eq(ef_allocate_pilot(strata, STRATA, PILOT, more, &err), EF_OK);
    for (size_t h = 0; h < STRATA; h++) {
        strike_stratum(w, campaign, h, 0, more[h], &strata[h].pilot);
    }
    cr_assert_eq(ef_allocate_rest(strata, STRATA, faults - PILOT, more, &err), EF_OK);
    for (size_t h = 0; h < STRATA; h++) {
        strike_stratum(w, campaign, h, strata[h].pilot.n, more[h], &strata[h].rest);
    }
    cr_assert_eq(ef_estimate_strata(strata, STRATA, COVERAGE_IMAGES, &e, &err), EF_OK);
    cr_assert_eq(e.n, faults);
    return e;
}

coverage coverage_simulate(const coverage_case *row, size_t n_campaigns)
{
    world w = make_world(row->failing);
    coverage found = {0, 0, 0};
    for (uint64_t i = 0; i < n_campaigns; i++) {
        ef_estimate e = row->is_stratified ? strike_strata(&w, i, row->faults)
                                           : strike_uniform(&w, i, row->faults);
        found.held += e.interval.low <= w.rate && w.rate <= e.interval.high;
        found.mean += e.share / w.rate;
        found.half += (e.interval.high - e.interval.low) / 2 / w.rate;
    }
    ef_free(w.failures);
    found.held /= (double)n_campaigns;
    found.mean /= (double)n_campaigns;
    found.half /= (double)n_campaigns;
    return found;
}
