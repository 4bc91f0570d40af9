/* Networks as a problem for the engine: how to draw, vary, score and train them.
 *
 * A genome is a pointer to a candidate, with a reference of its own.  Of the engine's
 * objectives the cheap ones come first, all minimised; a candidate holds them in the
 * order and with the sign of the run. */
#ifndef EF_STUDY_NETWORK_PROBLEM_H
#define EF_STUDY_NETWORK_PROBLEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/problem.h"
#include "net/space.h"
#include "objectives/objective.h"
#include "study/candidate.h"
#include "study/measure.h"
#include "study/seeds.h"

/* Called after each training, by one thread at a time. */
typedef void ef_trained_watch(void *context, const ef_candidate *candidate);

typedef struct ef_network_problem {
    /* What the run is about; set by the driver and borrowed. */
    const ef_space *space;
    ef_task task;
    ef_objective_list objectives;
    ef_objective_context objective_context;
    const ef_limit *limits; /* (n_limits) */
    size_t n_limits;
    ef_measure measure;
    size_t start_epochs, epochs;
    int whole_space; /* sample over the whole space, not small starts */
    const ef_seeds
        *seeds; /* where there are any, samples are these and their mutants */
    size_t n_threads;
    ef_trained_watch *trained;
    int (*stop)(void *context); /* may be NULL */
    void *watch_context;
    /* Trained already, in a generation that was stopped half-way, by ascending id. */
    ef_candidate *const *pending; /* (n_pending) */
    size_t n_pending;

    /* State: what the next commit has to hold. */
    uint64_t generation;
    uint64_t next_id;                /* from 1 */
    size_t order[EF_OBJECTIVES_MAX]; /* the run's position of the engine's objective */
    size_t n_cheap;
    ef_candidate **proposed; /* (n_proposed), a reference each, by id */
    size_t n_proposed, capacity;
} ef_network_problem;

/* Fills problem's callbacks for p, whose first part is set; p must outlive it. */
void ef_network_problem_init(ef_network_problem *p, ef_problem *problem);
/* Gives back what was proposed. */
void ef_network_problem_forget(ef_network_problem *p);
void ef_network_problem_clear(ef_network_problem *p);

/* Gives a candidate that is a plan the values that its operator makes; same ones
 * whenever it is called.  Threads may do it at once for several.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_network_problem_finish(const ef_network_problem *p,
                                                 ef_candidate *candidate,
                                                 ef_error *err);
/* The candidate that a genome stands for. */
ef_candidate *ef_network_problem_candidate(const void *genome);
/* Values of all objectives, shape (objectives.n), from the engine's order and sign to
 * the run's, and back. */
void ef_network_problem_turn(const ef_network_problem *p, const double *engine,
                             double *run);
void ef_network_problem_turn_back(const ef_network_problem *p, const double *run,
                                  double *engine);
/* Its objectives as the engine sees them, shape (objectives.n). */
void ef_network_problem_objectives(const ef_network_problem *p,
                                   const ef_candidate *candidate, double *objectives);
/* The same, and its violation; one that could not be trained is worst in all. */
void ef_network_problem_point(const ef_network_problem *p,
                              const ef_candidate *candidate, double *objectives,
                              double *violation);

#endif
