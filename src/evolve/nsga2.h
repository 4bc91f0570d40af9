/* NSGA-II on the problem interface, one generation at a time.
 *
 * [1] K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, A fast and elitist multiobjective
 *     genetic algorithm: NSGA-II, IEEE Trans. Evol. Comput. 6(2), 2002,
 *     doi:10.1109/4235.996017.
 * [2] T. Elsken, J. H. Metzen, F. Hutter, Efficient multi-objective neural architecture
 *     search via Lamarckian evolution, ICLR 2019, arXiv:1804.09081.
 * We differ in: children that equal anything evaluated before are dropped and drawn
 * again; where a problem has cheap objectives, more children are proposed than
 * evaluated, as in [2] (preselect.h), and those that break a limit are not evaluated
 * unless nothing else is found; the number of children is free; a front that is cut is
 * thinned one member after the other (thinning.h), which spreads what is left evenly.
 *
 * Every draw comes from a stream keyed by (seed, generation, number of the draw), so
 * population, generation and the keys seen are the whole state: an engine that is
 * restored from them goes on to the same bytes. */
#ifndef EF_EVOLVE_NSGA2_H
#define EF_EVOLVE_NSGA2_H

#include <stddef.h>
#include <stdint.h>

#include "base/problem.h"
#include "base/status.h"

typedef enum ef_algorithm {
    EF_ALGORITHM_NSGA2,
    EF_ALGORITHM_RANDOM /* children are samples; selection is the same */
} ef_algorithm;

typedef struct ef_nsga2_config {
    size_t population; /* at least 2 */
    size_t children;   /* evaluated in each generation, at least 1 */
    size_t proposals;  /* proposed for each child evaluated; 1: no preselection */
    uint64_t seed;
    ef_algorithm algorithm;
    int keeps_duplicates; /* also children whose key was seen before are evaluated */
} ef_nsga2_config;

#define EF_NSGA2_DEFAULT                                                               \
    ((ef_nsga2_config){.population = 100, .children = 100, .proposals = 1, .seed = 1})

typedef struct ef_nsga2 ef_nsga2;

/* problem is borrowed until the end.  EF_ERR_USAGE: a number out of range.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_nsga2_create(ef_nsga2 **engine, const ef_problem *problem,
                                       const ef_nsga2_config *config, ef_error *err);
void ef_nsga2_destroy(ef_nsga2 *engine);

/* Threads to draw on where the problem is reentrant [1]; 0: all.  No result depends on
 * it. */
void ef_nsga2_use_threads(ef_nsga2 *engine, size_t n_threads);

/* Samples and evaluates generation 0: at most `most` genomes, 0: the population.
 * What a callback returns comes back; the engine is then as it was. */
EF_NODISCARD ef_status ef_nsga2_start(ef_nsga2 *engine, size_t most, ef_error *err);

/* The next generation, with at most `most` children evaluated, 0: as configured.
 * EF_ERR_FAILED: no new child was found in many tries.  What a callback returns comes
 * back; the engine is then as it was, but for what the problem did. */
EF_NODISCARD ef_status ef_nsga2_step(ef_nsga2 *engine, size_t most, ef_error *err);

/* Everything that decides how a run goes on. */
typedef struct ef_nsga2_state {
    size_t n;                 /* individuals, at most the population */
    const void *genomes;      /* (n) records; copied with the problem's copy */
    const double *objectives; /* (n, n_objectives) */
    const double *violations; /* (n) */
    const uint64_t *keys;     /* (n_keys): of every genome evaluated so far */
    size_t n_keys;
    uint64_t generation; /* the last complete one */
    uint64_t evaluations;
} ef_nsga2_state;

/* Takes up a run in the place of ef_nsga2_start; the individuals in the order in which
 * they stood.  EF_ERR_USAGE: more than the population.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_nsga2_restore(ef_nsga2 *engine, const ef_nsga2_state *state,
                                        ef_error *err);

/* The living population. */
size_t ef_nsga2_size(const ef_nsga2 *engine);
const void *ef_nsga2_genome(const ef_nsga2 *engine, size_t index);
const double *ef_nsga2_objectives(const ef_nsga2 *engine, size_t index);
double ef_nsga2_violation(const ef_nsga2 *engine, size_t index);
uint32_t ef_nsga2_rank(const ef_nsga2 *engine, size_t index);
uint64_t ef_nsga2_generation(const ef_nsga2 *engine);
uint64_t ef_nsga2_evaluations(const ef_nsga2 *engine);

/* When ef_nsga2_run ends; 0 leaves a bound out. */
typedef struct ef_nsga2_end {
    uint64_t generations;
    uint64_t evaluations;
    /* Stalled: over so many generations the hypervolume of the population against
     * reference, shape (n_objectives), has grown by less than the share tolerance. */
    uint64_t stall_generations;
    double stall_tolerance;
    const double *reference;
} ef_nsga2_end;

/* Starts where nothing was started, and steps to the end.  EF_ERR_USAGE: no bound. */
EF_NODISCARD ef_status ef_nsga2_run(ef_nsga2 *engine, const ef_nsga2_end *end,
                                    ef_error *err);

#endif
