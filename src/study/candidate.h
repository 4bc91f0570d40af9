/* One individual of a search: a network, where it comes from, what is known of it. */
#ifndef EF_STUDY_CANDIDATE_H
#define EF_STUDY_CANDIDATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "net/net.h"
#include "objectives/objective.h"
#include "store/store.h"

#define EF_CANDIDATE_MESSAGE 256
#define EF_CANDIDATE_OPERATOR 32

/* Counted references; only one thread counts.
 *
 * While net is a plan, without values, what they are made of is kept: the stream as it
 * was and the parents, which are borrowed until the candidate has an id and held from
 * then on. */
typedef struct ef_candidate {
    size_t references;
    uint64_t id, generation, parent_a, parent_b;
    char operator_name[EF_CANDIDATE_OPERATOR];
    ef_net *net; /* owned */
    ef_rng rng;
    struct ef_candidate *parents[2]; /* NULL: none */
    uint64_t hash;
    int is_fresh; /* its weights are no trained ones, not even of its parents */
    ef_record_status status;
    double objectives[EF_OBJECTIVES_MAX]; /* in the order of the run; NaN: unknown */
    double violation;
    double error, test_error, loss; /* NaN: unknown */
    char message[EF_CANDIDATE_MESSAGE];
} ef_candidate;

/* Takes net; one reference, status scored, everything unknown.  NULL: no memory, and
 * net is still the caller's. */
ef_candidate *ef_candidate_create(ef_net *net);
ef_candidate *ef_candidate_ref(ef_candidate *candidate);
/* Gives a reference back; takes NULL. */
void ef_candidate_unref(ef_candidate *candidate);
/* Takes references to its parents, when it is given its id; gives them back. */
void ef_candidate_hold_parents(ef_candidate *candidate);
void ef_candidate_drop_parents(ef_candidate *candidate);

/* Its record, with its topology as YAML; its model too where with_model is set. */
EF_NODISCARD ef_status ef_candidate_store(const ef_candidate *candidate, int with_model,
                                          ef_store *store, ef_error *err);
/* A candidate as it was stored, with its model.  EF_ERR_USAGE: the run file keeps no
 * model of this id; what reading the model fails with. */
EF_NODISCARD ef_status ef_candidate_load(ef_candidate **candidate, ef_store *store,
                                         uint64_t id, ef_error *err);

#endif
