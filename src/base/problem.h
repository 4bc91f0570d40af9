/* The problem interface: what evolution has to know of what it evolves.
 *
 * A genome is a record of genome_size bytes that the engine moves with memcpy and
 * never looks into: a vector of doubles, a packed bit string, a pointer to a
 * network.  All objectives are minimised; a constraint violation is 0 when the
 * genome is feasible and grows with the distance from feasibility. */
#ifndef EF_BASE_PROBLEM_H
#define EF_BASE_PROBLEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/status.h"

#define EF_SAMPLE_LATER UINT64_MAX

typedef struct ef_problem {
    const char *name;
    void *context;
    size_t genome_size; /* bytes */
    size_t n_objectives;
    /* Objectives that are known before the costly evaluation: the first n_cheap of
     * the n_objectives.  0: none, and no preselection. */
    size_t n_cheap;

    /* Writes a random genome; number counts the samples of a first population, and is
     * EF_SAMPLE_LATER in other generations.  Any failure ends the run. */
    ef_status (*sample)(void *context, ef_rng *rng, uint64_t number, void *genome,
                        ef_error *err);

    /* Writes one or two children of two parents (second may be NULL: one child
     * wanted).  Crossover and mutation together; parents stay as they are. */
    ef_status (*vary)(void *context, ef_rng *rng, const void *parent_a,
                      const void *parent_b, void *first, void *second, ef_error *err);

    /* True where sample and vary may be called by several threads at a time: what they
     * write then depends on their arguments only, and some of it may be dropped. */
    int is_reentrant;

    /* Takes note of a genome that was drawn: called for each in the order of the draws
     * by one thread, before anything else is asked of it.  NULL: nothing to note. */
    ef_status (*adopt)(void *context, void *genome, ef_error *err);

    /* Cheap objectives of one genome, shape (n_cheap), and its violation (>= 0).
     * NULL when n_cheap is 0 and nothing is constrained before evaluation. */
    ef_status (*score)(void *context, const void *genome, double *objectives,
                       double *violation, ef_error *err);

    /* Evaluates n genomes, contiguous records; objectives (n, n_objectives)
     * row-major, violations (n).  May use threads; results must not depend on them.
     * May improve the genome in place (training writes its weights).  A genome that
     * cannot be evaluated gets objectives of +infinity and a violation of
     * +infinity; a returned error ends the run. */
    ef_status (*evaluate)(void *context, void *genomes, size_t n, double *objectives,
                          double *violations, ef_error *err);

    /* Equal genomes have equal keys; keys of different ones differ but for chance. */
    uint64_t (*key)(void *context, const void *genome);

    /* Copies what genome owns; NULL: memcpy is enough. */
    ef_status (*copy)(void *context, const void *from, void *to, ef_error *err);

    /* Frees what genome owns; NULL: nothing. */
    void (*clear)(void *context, void *genome);
} ef_problem;

#endif
