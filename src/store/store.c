#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/schema.h"
#include "store/store_priv.h"

ef_status store_error(const ef_store *store, ef_error *err)
{
    int code = sqlite3_errcode(store->db);
    if (code == SQLITE_NOMEM) {
        return ef_error_memory(err);
    }
    int damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    return ef_error_set(err, damaged ? EF_ERR_INPUT : EF_ERR_IO, "%s: %s", store->path,
                        damaged ? "not a run file, or damaged"
                                : sqlite3_errmsg(store->db));
}

ef_status store_exec(ef_store *store, const char *sql, ef_error *err)
{
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? EF_OK : store_error(store, err);
}

ef_status store_prepare(ef_store *store, const char *sql, sqlite3_stmt **statement,
                        ef_error *err)
{
    int code = sqlite3_prepare_v2(store->db, sql, -1, statement, NULL);
    return code == SQLITE_OK ? EF_OK : store_error(store, err);
}

ef_status store_run(ef_store *store, sqlite3_stmt *statement, ef_error *err)
{
    int code = sqlite3_step(statement);
    ef_status status = code == SQLITE_DONE ? EF_OK : store_error(store, err);
    sqlite3_finalize(statement);
    return status;
}

static ef_status open_database(ef_store *store, const char *file, int flags,
                               ef_error *err)
{
    int code = sqlite3_open_v2(file, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        return ef_error_set(err, EF_ERR_IO, "%s: %s", store->path,
                            store->db ? sqlite3_errmsg(store->db)
                                      : ef_status_text(EF_ERR_MEMORY));
    }
    sqlite3_busy_timeout(store->db, 1000);
    return EF_OK;
}

static ef_status make_schema(ef_store *store, ef_error *err)
{
    char pragmas[128];
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA application_id=%d; PRAGMA user_version=%d;", EF_SCHEMA_APPLICATION,
             EF_SCHEMA_VERSION);
    ef_status status = store_exec(store, "PRAGMA journal_mode=DELETE;", err);
    if (!status) {
        status = store_exec(store, "BEGIN IMMEDIATE;", err);
    }
    if (!status) {
        status = store_exec(store, pragmas, err);
    }
    if (!status) {
        status = store_exec(store, EF_SCHEMA_SQL, err);
    }
    return status ? status : store_exec(store, "COMMIT;", err);
}

static ef_store *new_store(const char *path)
{
    ef_store *store = ef_calloc(1, sizeof *store);
    if (store && !(store->path = ef_strdup(path))) {
        ef_free(store);
        return NULL;
    }
    if (store) {
        store->version = EF_SCHEMA_VERSION;
    }
    return store;
}

/* The file is made beside its name and takes it with the first commit: until then what
 * stood there still stands. */
static char *building_name(const char *path)
{
    char *name = ef_calloc(strlen(path) + 32, 1);
    if (name) {
        sprintf(name, "%s.%ld.new", path, (long)getpid());
    }
    return name;
}

ef_status ef_store_create(ef_store **store, const char *path, int force, ef_error *err)
{
    if (!force && ef_file_exists(path)) {
        return ef_error_set(err, EF_ERR_EXISTS,
                            "%s exists: --resume goes on with it, --force replaces it",
                            path);
    }
    ef_store *fresh = new_store(path);
    if (!fresh || !(fresh->building = building_name(path))) {
        ef_store_close(fresh);
        return ef_error_memory(err);
    }
    ef_status status = open_database(fresh, fresh->building,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (!status) {
        status = make_schema(fresh, err);
    }
    if (status) {
        ef_store_close(fresh);
        return status;
    }
    *store = fresh;
    return EF_OK;
}

static ef_status read_pragma(ef_store *store, const char *sql, int *value,
                             ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(store, sql, &statement, err);
    if (status) {
        return status;
    }
    int code = sqlite3_step(statement);
    *value = code == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
    status = code == SQLITE_ROW ? EF_OK : store_error(store, err);
    sqlite3_finalize(statement);
    return status;
}

static ef_status check_schema(ef_store *store, ef_error *err)
{
    int application = 0;
    int version = 0;
    ef_status status = read_pragma(store, "PRAGMA application_id", &application, err);
    if (!status) {
        status = read_pragma(store, "PRAGMA user_version", &version, err);
    }
    if (status) {
        return status;
    }
    if (application != EF_SCHEMA_APPLICATION) {
        return ef_error_set(err, EF_ERR_INPUT, "%s: not a run file of evoflip",
                            store->path);
    }
    if (version < EF_SCHEMA_OLDEST || version > EF_SCHEMA_VERSION) {
        return ef_error_set(
            err, EF_ERR_INPUT,
            "%s: its schema has version %d, this evoflip reads %d to %d", store->path,
            version, EF_SCHEMA_OLDEST, EF_SCHEMA_VERSION);
    }
    store->version = version;
    return EF_OK;
}

ef_status ef_store_open(ef_store **store, const char *path, int writable, ef_error *err)
{
    FILE *probe = fopen(path, "rb");
    if (!probe) {
        return ef_error_io(err, path, "cannot open");
    }
    fclose(probe);
    ef_store *opened = new_store(path);
    if (!opened) {
        return ef_error_memory(err);
    }
    /* Also a reader may have to roll an interrupted transaction back. */
    int flags = writable || access(path, W_OK) == 0 ? SQLITE_OPEN_READWRITE
                                                    : SQLITE_OPEN_READONLY;
    ef_status status = open_database(opened, path, flags, err);
    if (!status) {
        status = check_schema(opened, err);
    }
    if (!status) {
        status = store_load_objectives(opened, err);
    }
    if (status) {
        ef_store_close(opened);
        return status;
    }
    *store = opened;
    return EF_OK;
}

void ef_store_close(ef_store *store)
{
    if (!store) {
        return;
    }
    sqlite3_close(store->db);
    if (store->building) {
        remove(store->building);
        ef_free(store->building);
    }
    store_forget_objectives(store);
    ef_free(store->path);
    ef_free(store);
}

const char *ef_store_path(const ef_store *store)
{
    return store->path;
}

ef_status ef_store_begin(ef_store *store, ef_error *err)
{
    return store_exec(store, "BEGIN IMMEDIATE;", err);
}

/* SQLite keeps the name under which it opened the file for its journal, so the
 * connection is closed, the file renamed, and opened again. */
static ef_status take_name(ef_store *store, ef_error *err)
{
    /* The journal of a killed run would be played back into the file that takes the
     * name, so it goes first. */
    char *journal = ef_calloc(strlen(store->path) + sizeof "-journal", 1);
    if (!journal) {
        return ef_error_memory(err);
    }
    sprintf(journal, "%s-journal", store->path);
    remove(journal);
    ef_free(journal);
    sqlite3_close(store->db);
    store->db = NULL;
    if (rename(store->building, store->path) != 0) {
        return ef_error_io(err, store->path, "cannot write");
    }
    ef_free(store->building);
    store->building = NULL;
    return open_database(store, store->path, SQLITE_OPEN_READWRITE, err);
}

ef_status ef_store_commit(ef_store *store, ef_error *err)
{
    ef_status status = store_exec(store, "COMMIT;", err);
    if (status) {
        ef_store_rollback(store);
        return status;
    }
    return store->building ? take_name(store, err) : EF_OK;
}

void ef_store_rollback(ef_store *store)
{
    if (store->db && !sqlite3_get_autocommit(store->db)) {
        sqlite3_exec(store->db, "ROLLBACK;", NULL, NULL, NULL);
    }
}
