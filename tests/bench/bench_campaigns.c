/* Figures of whole campaigns on ResNet-20, which take many minutes: every fault there
 * is in int8 weights, and how many faults the stratified design needs where the
 * uniform one needs as many as it does.
 *
 *   bench_campaigns [FIGURE...] [--seeds N]
 *
 *   FIGURE      those of the table below [all]
 *   --seeds N   over which designs are compared [5] */
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/parse.h"
#include "bench.h"
#include "faults.h"
#include "faultsim/permutation.h"
#include "faultsim/statistics.h"

#define TOGETHER 64

static uint64_t n_seeds = 5;

typedef struct figure {
    const char *name;
    void (*run)(const struct figure *figure);
    const char *title;
    bed_numbers numbers;
} figure;

/* --- every fault --------------------------------------------------------------- */

#define CHUNK 65536
#define GOAL_S 900 /* a quarter of an hour */

static void run_exhaustive(const figure *f)
{
    strike how = {.n_threads = ef_parallel_cores(), .together = TOGETHER};
    bed b = bed_open(f->numbers, how.n_threads);
    ef_population *population = bed_population(&b, EF_TARGET_WEIGHTS);
    uint64_t size = ef_population_size(population);
    ef_flip *flips = ef_calloc(CHUNK, sizeof *flips);
    ef_outcomes *counts = ef_calloc(CHUNK, sizeof *counts);
    ef_tally tally = {0};
    bench_need(flips && counts, "out of memory");
    while (tally.n < size) {
        size_t n = size - tally.n < CHUNK ? (size_t)(size - tally.n) : CHUNK;
        for (size_t i = 0; i < n; i++) {
            flips[i] = ef_population_flip(population, tally.n + i);
        }
        bed_strike(&b, flips, n, counts, &how);
        for (size_t i = 0; i < n; i++) {
            ef_tally_add(&tally, counts[i].sdc);
        }
        fprintf(stderr, "%.0f of %.0f faults in %.0f s\n", (double)tally.n,
                (double)size, how.time_s);
    }
    bench_print(f->title, "ours", "s", how.time_s);
    bench_print(f->title, "goal", "s", GOAL_S);
    printf("# %s: %.0f, %.0f a second on %zu threads; exactly %.0f of %.0f (fault, "
           "image) pairs change class, CCR %.5f %%\n",
           f->title, (double)size, (double)size / how.time_s, how.n_threads,
           (double)tally.failures, (double)size * BED_IMAGES,
           100 * (double)tally.failures / ((double)size * BED_IMAGES));
    ef_free(flips);
    ef_free(counts);
    ef_population_destroy(population);
    bed_close(&b);
}

/* --- designs ------------------------------------------------------------------- */

#define MOST_FAULTS 100000
#define PILOT 1000
#define LEAST_GAIN 3 /* a third of the faults at most */

/* What both designs need. */
typedef struct draw {
    const bed *bed;
    const ef_population *population;
    uint64_t seed;
    strike how;
    ef_flip *flips; /* (MOST_FAULTS) */
    ef_outcomes *counts;
} draw;

/* Where a campaign ends that wants +-20 % of the rate. */
static const ef_stop_rule rule = {0.2, -1, MOST_FAULTS};

static int is_enough(const draw *d, ef_estimate estimate, uint64_t n)
{
    double half = (estimate.interval.high - estimate.interval.low) / 2;
    estimate.n = n;
    estimate.population = ef_population_size(d->population);
    fprintf(stderr, "seed %.0f: %.0f faults, CCR %.3g %%, +-%.3g %% of it\n",
            (double)d->seed, (double)n, 100 * estimate.share,
            100 * half / estimate.share);
    return n >= rule.faults || ef_is_enough(&rule, &estimate);
}

/* Faults that are enough, drawn uniformly; their rate into *rate. */
static uint64_t run_uniform(draw *d, double *rate)
{
    uint64_t size = ef_population_size(d->population);
    ef_permutation order =
        ef_permutation_keyed(d->seed, EF_PURPOSE_FAULT, EF_TARGET_WEIGHTS, 0, 0, size);
    ef_tally tally = {0};
    ef_estimate found;
    do {
        size_t n = (size_t)(ef_next_look(&rule, tally.n, size) - tally.n);
        for (size_t i = 0; i < n; i++) {
            d->flips[i] = ef_population_flip(d->population,
                                             ef_permutation_at(&order, tally.n + i));
        }
        bed_strike(d->bed, d->flips, n, d->counts, &d->how);
        for (size_t i = 0; i < n; i++) {
            ef_tally_add(&tally, d->counts[i].sdc);
        }
        found = ef_estimate_rate(&tally, BED_IMAGES, size);
    } while (!is_enough(d, found, tally.n));
    *rate = found.share;
    return tally.n;
}

/* Strikes more[s] further faults of each stratum s; how many these are. */
static uint64_t strike_strata(draw *d, ef_stratum *strata, size_t n_strata,
                              const uint64_t *more, int is_pilot)
{
    size_t n = 0;
    for (size_t s = 0; s < n_strata; s++) {
        ef_permutation order =
            ef_permutation_keyed(d->seed, EF_PURPOSE_FAULT, EF_TARGET_WEIGHTS, 0, 1 + s,
                                 strata[s].population);
        uint64_t begin = strata[s].pilot.n + strata[s].rest.n;
        for (uint64_t k = 0; k < more[s]; k++) {
            uint64_t j = ef_permutation_at(&order, begin + k);
            d->flips[n++] = ef_population_flip(
                d->population, ef_population_in_stratum(d->population, s, j));
        }
    }
    bed_strike(d->bed, d->flips, n, d->counts, &d->how);
    const ef_outcomes *counts = d->counts;
    for (size_t s = 0; s < n_strata; s++) {
        ef_tally *tally = is_pilot ? &strata[s].pilot : &strata[s].rest;
        for (uint64_t k = 0; k < more[s]; k++) {
            ef_tally_add(tally, (counts++)->sdc);
        }
    }
    return n;
}

static ef_stratum *list_strata(const ef_population *population, size_t *n)
{
    *n = ef_population_n_strata(population);
    ef_stratum *strata = ef_calloc(*n, sizeof *strata);
    bench_need(strata != NULL, "out of memory");
    for (size_t s = 0; s < *n; s++) {
        ef_stratum_place place = ef_population_stratum(population, s);
        strata[s].population = place.size;
        strata[s].group = place.bit;
    }
    return strata;
}

/* The same in strata of tensor and bit, pilot included. */
static uint64_t run_stratified(draw *d, double *rate)
{
    size_t n_strata;
    ef_stratum *strata = list_strata(d->population, &n_strata);
    uint64_t *more = ef_calloc(n_strata, sizeof *more), n = 0;
    uint64_t size = ef_population_size(d->population);
    ef_estimate found;
    ef_error err = {0};
    bench_need(more != NULL, "out of memory");
    bench_need(ef_allocate_pilot(strata, n_strata, PILOT, more, &err) == EF_OK,
               err.text);
    do {
        uint64_t look = ef_next_look(&rule, n, size);
        bench_need(n == 0 || ef_allocate_rest(strata, n_strata, look - n, more, &err) ==
                                 EF_OK,
                   err.text);
        n += strike_strata(d, strata, n_strata, more, n == 0);
        bench_need(ef_estimate_strata(strata, n_strata, BED_IMAGES, &found, &err) ==
                       EF_OK,
                   err.text);
    } while (!is_enough(d, found, n));
    *rate = found.share;
    ef_free(more);
    ef_free(strata);
    return n;
}

/* How many uniform faults one stratified fault is worth, over some seeds. */
static void run_designs(const figure *f)
{
    strike how = {.n_threads = ef_parallel_cores(), .together = TOGETHER};
    bed b = bed_open(f->numbers, how.n_threads);
    ef_population *population = bed_population(&b, EF_TARGET_WEIGHTS);
    draw d = {.bed = &b, .population = population, .how = how};
    double uniform = 0, stratified = 0;
    d.flips = ef_calloc(MOST_FAULTS, sizeof *d.flips);
    d.counts = ef_calloc(MOST_FAULTS, sizeof *d.counts);
    bench_need(d.flips && d.counts, "out of memory");
    for (d.seed = 1; d.seed <= n_seeds; d.seed++) {
        double rates[2];
        uint64_t a = run_uniform(&d, &rates[0]), c = run_stratified(&d, &rates[1]);
        uniform += (double)a;
        stratified += (double)c;
        printf("# %s, seed %d: uniform %.0f faults, CCR %.3g %%, stratified %.0f, "
               "%.3g %%\n",
               f->title, (int)d.seed, (double)a, 100 * rates[0], (double)c,
               100 * rates[1]);
        fflush(stdout);
    }
    bench_print(f->title, "ours", "times", uniform / stratified);
    bench_print(f->title, "least", "times", LEAST_GAIN);
    ef_free(d.flips);
    ef_free(d.counts);
    ef_population_destroy(population);
    bed_close(&b);
}

/* --- the call ------------------------------------------------------------------ */

static const figure figures[] = {
    {"exhaustive", run_exhaustive, "all faults in int8 weights", BED_INT8},
    {"float32-designs", run_designs, "faults saved by strata, float32 weights",
     BED_FLOAT32},
};
#define N_FIGURES (sizeof figures / sizeof figures[0])

static unsigned choose(int argc, char **argv)
{
    unsigned chosen = 0;
    for (int k = 1; k < argc; k++) {
        size_t i = 0;
        if (strcmp(argv[k], "--seeds") == 0) {
            ef_error err = {0};
            bench_need(++k < argc &&
                           ef_parse_count(argv[k], 1, 1000, &n_seeds, &err) == EF_OK,
                       "--seeds takes a number from 1 on");
            continue;
        }
        while (i < N_FIGURES && strcmp(argv[k], figures[i].name) != 0) {
            i++;
        }
        bench_need(i < N_FIGURES, "no such figure or option");
        chosen |= 1U << i;
    }
    return chosen > 0 ? chosen : (1U << N_FIGURES) - 1;
}

int main(int argc, char **argv)
{
    unsigned chosen = choose(argc, argv);
    if (!bed_can_open()) {
        return 0;
    }
    for (size_t i = 0; i < N_FIGURES; i++) {
        if (chosen >> i & 1) {
            figures[i].run(&figures[i]);
        }
    }
    return 0;
}
