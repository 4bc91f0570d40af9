/* Run files: everything a run decided and measured, in one SQLite database.
 *
 * Changes are made between ef_store_begin and ef_store_commit.  What is committed
 * survives `kill -9` and a power cut (rollback journal, synchronous FULL); what is not
 * is gone at the next open, and nothing else with it.  The tables are described in
 * evoflip-run(5); this room alone knows their SQL. */
#ifndef EF_STORE_STORE_H
#define EF_STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

typedef struct ef_store ef_store;

/* name in the file, meaning */
#define EF_RECORD_LIST(X)                                                              \
    X(SCORED, "scored")   /* cheap objectives only: proposed, not trained */           \
    X(TRAINED, "trained") /* every objective measured */                               \
    X(FAILED, "failed")   /* training failed; message says why */                      \
    X(PENDING, "pending") /* trained in a generation that was stopped half-way */

typedef enum ef_record_status {
#define X(status, name) EF_RECORD_##status,
    EF_RECORD_LIST(X)
#undef X
        EF_RECORD_STATUS_COUNT
} ef_record_status;

/* One topology that a run has scored. */
typedef struct ef_record {
    uint64_t id; /* from 1 */
    uint64_t generation;
    uint64_t parent_a, parent_b; /* 0: none */
    const char *operator_name;   /* what made it of its parents */
    uint64_t hash;               /* ef_topology_hash */
    ef_record_status status;
    double violation;         /* of the limits; 0: feasible */
    const double *objectives; /* (number of objectives); NaN: not measured */
    double error;             /* share of the validation part; NaN: not measured */
    double test_error;        /* of the test part; NaN likewise */
    double loss;              /* cross-entropy on the validation part; NaN likewise */
    const char *topology;     /* YAML */
    const char *message;      /* "" or why it failed */
} ef_record;

/* One generation's summary. */
typedef struct ef_generation {
    uint64_t number;
    uint64_t trained; /* candidates trained up to its end */
    uint64_t next_id;
    double best_error;
    double hypervolume; /* share of the reference box */
} ef_generation;

/* Makes the file with the schema.  EF_ERR_EXISTS: path is there and force is 0;
 * EF_ERR_IO.  With force the old file is replaced when the first commit is made. */
EF_NODISCARD ef_status ef_store_create(ef_store **store, const char *path, int force,
                                       ef_error *err);
/* Opens a run file, to read and, when writable, to go on.  EF_ERR_IO: absent or
 * unreadable; EF_ERR_INPUT: not a run file, damaged, or of another schema version. */
EF_NODISCARD ef_status ef_store_open(ef_store **store, const char *path, int writable,
                                     ef_error *err);
/* Rolls back what was not committed.  Takes NULL. */
void ef_store_close(ef_store *store);
const char *ef_store_path(const ef_store *store);

EF_NODISCARD ef_status ef_store_begin(ef_store *store, ef_error *err);
EF_NODISCARD ef_status ef_store_commit(ef_store *store, ef_error *err);
void ef_store_rollback(ef_store *store);

/* Configuration: text by key.  Getting a key that is absent leaves value empty. */
EF_NODISCARD ef_status ef_store_set(ef_store *store, const char *key, const char *value,
                                    ef_error *err);
EF_NODISCARD ef_status ef_store_get(ef_store *store, const char *key, ef_text *value,
                                    ef_error *err);

/* The objectives of the run in order; written once, before the first record. */
EF_NODISCARD ef_status ef_store_add_objective(ef_store *store, const char *name,
                                              const char *unit, int maximised,
                                              ef_error *err);
size_t ef_store_n_objectives(const ef_store *store);
const char *ef_store_objective_name(const ef_store *store, size_t index);
const char *ef_store_objective_unit(const ef_store *store, size_t index);
int ef_store_objective_maximised(const ef_store *store, size_t index);

/* Adds a record, or replaces the one of the same id. */
EF_NODISCARD ef_status ef_store_put_record(ef_store *store, const ef_record *record,
                                           ef_error *err);
/* Visits the records in order of id; what the record points to lives for the call.
 * A visitor that does not return EF_OK ends the walk with its status. */
typedef ef_status ef_record_visitor(void *context, const ef_record *record,
                                    ef_error *err);
EF_NODISCARD ef_status ef_store_each_record(ef_store *store, ef_record_visitor *visitor,
                                            void *context, ef_error *err);
/* The one with this id; EF_ERR_USAGE when there is none. */
EF_NODISCARD ef_status ef_store_get_record(ef_store *store, uint64_t id,
                                           ef_record_visitor *visitor, void *context,
                                           ef_error *err);
/* Removes the records of a status, and their models. */
EF_NODISCARD ef_status ef_store_drop_records(ef_store *store, ef_record_status status,
                                             ef_error *err);

/* The living population by slot, ids (n). */
EF_NODISCARD ef_status ef_store_set_population(ef_store *store, const uint64_t *ids,
                                               size_t n, ef_error *err);
/* *ids (n) belongs to the caller. */
EF_NODISCARD ef_status ef_store_get_population(ef_store *store, uint64_t **ids,
                                               size_t *n, ef_error *err);

EF_NODISCARD ef_status ef_store_put_generation(ef_store *store,
                                               const ef_generation *generation,
                                               ef_error *err);
/* The last one; *found is 0 when no generation was committed yet. */
EF_NODISCARD ef_status ef_store_last_generation(ef_store *store,
                                                ef_generation *generation, int *found,
                                                ef_error *err);

/* The models that the run began with. */
typedef struct ef_store_seed {
    const char *name;
    uint64_t hash;   /* of topology and parameters */
    int has_weights; /* else its weights are drawn by seed */
    const void *onnx;
    size_t size; /* bytes */
} ef_store_seed;

/* Adds one behind those that are there. */
EF_NODISCARD ef_status ef_store_add_seed(ef_store *store, const ef_store_seed *seed,
                                         ef_error *err);
/* Visits them in order, as ef_store_each_record does. */
typedef ef_status ef_seed_visitor(void *context, const ef_store_seed *seed,
                                  ef_error *err);
EF_NODISCARD ef_status ef_store_each_seed(ef_store *store, ef_seed_visitor *visitor,
                                          void *context, ef_error *err);

/* Models as ONNX bytes. */
EF_NODISCARD ef_status ef_store_put_model(ef_store *store, uint64_t id,
                                          const void *bytes, size_t size,
                                          ef_error *err);
/* *bytes belongs to the caller.  EF_ERR_USAGE: the run keeps no model of this id. */
EF_NODISCARD ef_status ef_store_get_model(ef_store *store, uint64_t id,
                                          unsigned char **bytes, size_t *size,
                                          ef_error *err);
int ef_store_has_model(ef_store *store, uint64_t id);
/* Removes every model whose id is not among ids (n). */
EF_NODISCARD ef_status ef_store_keep_models(ef_store *store, const uint64_t *ids,
                                            size_t n, ef_error *err);

const char *ef_record_status_name(ef_record_status status);

#endif
