/* The models that a run began with. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/store_priv.h"

ef_status ef_store_add_seed(ef_store *store, const ef_store_seed *seed, ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    char hash[17];
    ef_status status = store_prepare(
        store, "INSERT INTO seed_model(name, hash, trained, onnx) VALUES(?, ?, ?, ?)",
        &statement, err);
    if (status) {
        return status;
    }
    snprintf(hash, sizeof hash, "%016" PRIx64, seed->hash);
    sqlite3_bind_text(statement, 1, seed->name, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement, 2, hash, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int(statement, 3, seed->has_weights);
    sqlite3_bind_blob64(statement, 4, seed->onnx, seed->size, SQLITE_TRANSIENT);
    return store_run(store, statement, err);
}

static ef_store_seed read_seed(sqlite3_stmt *statement)
{
    const char *name = (const char *)sqlite3_column_text(statement, 0);
    const char *hash = (const char *)sqlite3_column_text(statement, 1);
    return (ef_store_seed){.name = name ? name : "",
                           .hash = hash ? strtoull(hash, NULL, 16) : 0,
                           .has_weights = sqlite3_column_int(statement, 2),
                           .onnx = sqlite3_column_blob(statement, 3),
                           .size = (size_t)sqlite3_column_bytes(statement, 3)};
}

ef_status ef_store_each_seed(ef_store *store, ef_seed_visitor *visitor, void *context,
                             ef_error *err)
{
    if (store->version < EF_SCHEMA_SEEDS) {
        return EF_OK;
    }
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(
        store, "SELECT name, hash, trained, onnx FROM seed_model ORDER BY position",
        &statement, err);
    int code = SQLITE_ROW;
    while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        ef_store_seed seed = read_seed(statement);
        status = visitor(context, &seed, err);
    }
    if (!status && code != SQLITE_DONE) {
        status = store_error(store, err);
    }
    sqlite3_finalize(statement);
    return status;
}
