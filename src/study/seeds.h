/* The networks that a search starts from: models with their weights, or topologies. */
#ifndef EF_STUDY_SEEDS_H
#define EF_STUDY_SEEDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "net/net.h"
#include "net/normalisation.h"
#include "objectives/objective.h"
#include "store/store.h"

typedef struct ef_seed {
    char *name;      /* of its file, without the folder */
    ef_net *net;     /* owned */
    uint64_t hash;   /* of topology and parameters, as they were read */
    int has_weights; /* else a topology: weights are drawn by seed */
} ef_seed;

/* Zeroed to begin with. */
typedef struct ef_seeds {
    ef_seed *items; /* (n) */
    size_t n;
    const ef_topology **topologies; /* (n), after ef_seeds_prepare */
} ef_seeds;

/* Takes net, also on failure.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_seeds_add(ef_seeds *seeds, const char *name, ef_net *net,
                                    int has_weights, ef_error *err);
void ef_seeds_clear(ef_seeds *seeds);

/* Makes them ready for training: a normalisation where there is none, or where is_said
 * is set; weights by seed where there are none.  EF_ERR_UNSUPPORTED: a node that cannot
 * be trained, by name.  EF_ERR_USAGE: two of one topology.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_seeds_prepare(ef_seeds *seeds, const ef_normalisation *norm,
                                        int is_said, uint64_t seed, ef_error *err);

/* EF_ERR_USAGE, with the values and what would make room, where one breaks a limit that
 * the topology alone decides. */
EF_NODISCARD ef_status ef_seeds_check_limits(const ef_seeds *seeds,
                                             const ef_limit *limits, size_t n_limits,
                                             const ef_objective_context *context,
                                             ef_error *err);

/* "NAME HASH; NAME HASH": one line. */
void ef_seeds_write(const ef_seeds *seeds, ef_text *text);

/* Into a run file, and out of it; what reading a model fails with. */
EF_NODISCARD ef_status ef_seeds_store(const ef_seeds *seeds, ef_store *store,
                                      ef_error *err);
EF_NODISCARD ef_status ef_seeds_load(ef_seeds *seeds, ef_store *store, ef_error *err);

#endif
