/* What the files of a search share: its state, and the steps that each file does. */
#ifndef EF_STUDY_SEARCH_PRIV_H
#define EF_STUDY_SEARCH_PRIV_H

#include "evolve/nsga2.h"
#include "net/normalisation.h"
#include "objectives/scoring.h"
#include "study/network_problem.h"
#include "study/search.h"

struct ef_search {
    const ef_search_config *config;
    const ef_dataset *set;
    ef_seeds *seeds;
    ef_space *space;
    ef_parts *parts;
    ef_normalisation norm;
    ef_limit *limits;
    ef_scoring *scoring;
    ef_fault_plan *faults; /* NULL: no faults are measured */
    ef_network_problem networks;
    ef_problem problem;
    ef_nsga2 *engine;
    ef_store *store;
    const ef_search_watch *watch;
    ef_search_state state;
    double
        reference[EF_OBJECTIVES_MAX]; /* in the engine's order, as the engine sees it */
    int has_reference;
    int is_started; /* the first population is committed */
    /* The front so far: ids (n_front) and points (n_front, objectives). */
    uint64_t *front_ids;
    double *front_points;
    size_t n_front;
    /* Trained in a generation that was stopped half-way. */
    ef_candidate **pending;
    size_t n_pending;
};

/* search_setup.c */
void search_drop_pending(ef_search *search);

/* search_front.c: whether a candidate can be on the front; room for more members; what
 * is dominated leaves; those proposed in this generation join.  EF_ERR_MEMORY. */
int search_joins_front(const ef_candidate *candidate);
EF_NODISCARD ef_status search_reserve_front(ef_search *search, size_t more);
EF_NODISCARD ef_status search_thin_front(ef_search *search);
EF_NODISCARD ef_status search_grow_front(ef_search *search, ef_error *err);
void search_set_reference(ef_search *search);
EF_NODISCARD ef_status search_store_reference(ef_search *search, ef_error *err);
EF_NODISCARD ef_status search_load_reference(ef_search *search, ef_error *err);
EF_NODISCARD ef_status search_measure_hypervolume(ef_search *search, ef_error *err);

/* search_commit.c: what write does, all of it or nothing; the generation in hand; what
 * was trained of one that is not complete. */
EF_NODISCARD ef_status search_transact(ef_search *search,
                                       ef_status (*write)(ef_search *, ef_error *),
                                       ef_error *err);
EF_NODISCARD ef_status search_commit_generation(ef_search *search, ef_error *err);
EF_NODISCARD ef_status search_commit_pending(ef_search *search, ef_error *err);

#endif
