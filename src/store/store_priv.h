/* What the files of this room share. */
#ifndef EF_STORE_STORE_PRIV_H
#define EF_STORE_STORE_PRIV_H

#include <sqlite3.h>

#include "store/schema.h"
#include "store/store.h"

typedef struct store_objective {
    char *name;
    char *unit;
    int maximised;
} store_objective;

struct ef_store {
    sqlite3 *db;
    int version; /* of the schema */
    char *path;
    char *building; /* where it is written until the first commit; NULL: under path */
    store_objective *objectives; /* (n_objectives) */
    size_t n_objectives;
};

/* EF_ERR_IO, or EF_ERR_INPUT for a damaged file, with path and SQLite's words. */
ef_status store_error(const ef_store *store, ef_error *err);
EF_NODISCARD ef_status store_exec(ef_store *store, const char *sql, ef_error *err);
EF_NODISCARD ef_status store_prepare(ef_store *store, const char *sql,
                                     sqlite3_stmt **statement, ef_error *err);
/* Runs a statement that returns no rows, and finalizes it. */
EF_NODISCARD ef_status store_run(ef_store *store, sqlite3_stmt *statement,
                                 ef_error *err);
EF_NODISCARD ef_status store_load_objectives(ef_store *store, ef_error *err);
void store_forget_objectives(ef_store *store);

#endif
