/* The rows of a run file: records, population, generations, models, configuration. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/store.h"
#include "store/store_priv.h"

static const char *const status_names[EF_RECORD_STATUS_COUNT] = {
#define X(status, name) name,
    EF_RECORD_LIST(X)
#undef X
};

const char *ef_record_status_name(ef_record_status status)
{
    return status_names[status];
}

/* --- binding and reading ------------------------------------------------------- */

static void bind_id(sqlite3_stmt *statement, int position, uint64_t id)
{
    if (id) {
        sqlite3_bind_int64(statement, position, (sqlite3_int64)id);
    }
}

/* SQLite has no NaN: it would store NULL, which reads back as NaN here. */
static void bind_real(sqlite3_stmt *statement, int position, double value)
{
    if (!isnan(value)) {
        sqlite3_bind_double(statement, position, value);
    }
}

static void bind_text(sqlite3_stmt *statement, int position, const char *text)
{
    sqlite3_bind_text(statement, position, text, -1, SQLITE_TRANSIENT);
}

static double read_real(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_type(statement, column) == SQLITE_NULL
               ? NAN
               : sqlite3_column_double(statement, column);
}

static const char *read_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}

/* --- configuration ------------------------------------------------------------- */

ef_status ef_store_set(ef_store *store, const char *key, const char *value,
                       ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(
        store, "INSERT OR REPLACE INTO config VALUES(?1, ?2)", &statement, err);
    if (status) {
        return status;
    }
    bind_text(statement, 1, key);
    bind_text(statement, 2, value);
    return store_run(store, statement, err);
}

ef_status ef_store_get(ef_store *store, const char *key, ef_text *value, ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(store, "SELECT value FROM config WHERE key = ?1",
                                     &statement, err);
    if (status) {
        return status;
    }
    bind_text(statement, 1, key);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        ef_text_add(value, "%s", read_text(statement, 0));
    } else if (code != SQLITE_DONE) {
        status = store_error(store, err);
    }
    sqlite3_finalize(statement);
    return status ? status : value->failed ? ef_error_memory(err) : EF_OK;
}

/* --- objectives ---------------------------------------------------------------- */

void store_forget_objectives(ef_store *store)
{
    for (size_t i = 0; i < store->n_objectives; i++) {
        ef_free(store->objectives[i].name);
        ef_free(store->objectives[i].unit);
    }
    ef_free(store->objectives);
    store->objectives = NULL;
    store->n_objectives = 0;
}

static ef_status remember_objective(ef_store *store, const char *name, const char *unit,
                                    int maximised)
{
    size_t n = store->n_objectives;
    store_objective *grown = ef_realloc(store->objectives, n + 1, sizeof *grown);
    if (!grown) {
        return EF_ERR_MEMORY;
    }
    store->objectives = grown;
    grown[n] = (store_objective){ef_strdup(name), ef_strdup(unit), maximised};
    if (!grown[n].name || !grown[n].unit) {
        ef_free(grown[n].name);
        ef_free(grown[n].unit);
        return EF_ERR_MEMORY;
    }
    store->n_objectives = n + 1;
    return EF_OK;
}

ef_status store_load_objectives(ef_store *store, ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(
        store, "SELECT name, unit, direction = 'max' FROM objective ORDER BY position",
        &statement, err);
    int code = SQLITE_DONE;
    while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (remember_objective(store, read_text(statement, 0), read_text(statement, 1),
                               sqlite3_column_int(statement, 2))) {
            status = ef_error_memory(err);
        }
    }
    if (!status && code != SQLITE_DONE) {
        status = store_error(store, err);
    }
    sqlite3_finalize(statement);
    return status;
}

ef_status ef_store_add_objective(ef_store *store, const char *name, const char *unit,
                                 int maximised, ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(
        store, "INSERT INTO objective VALUES(?1, ?2, ?3, ?4)", &statement, err);
    if (status) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)store->n_objectives);
    bind_text(statement, 2, name);
    bind_text(statement, 3, unit);
    bind_text(statement, 4, maximised ? "max" : "min");
    status = store_run(store, statement, err);
    if (!status && remember_objective(store, name, unit, maximised)) {
        status = ef_error_memory(err);
    }
    return status;
}

size_t ef_store_n_objectives(const ef_store *store)
{
    return store->n_objectives;
}

const char *ef_store_objective_name(const ef_store *store, size_t index)
{
    return store->objectives[index].name;
}

const char *ef_store_objective_unit(const ef_store *store, size_t index)
{
    return store->objectives[index].unit;
}

int ef_store_objective_maximised(const ef_store *store, size_t index)
{
    return store->objectives[index].maximised;
}

/* --- records ------------------------------------------------------------------- */

static ef_status put_values(ef_store *store, const ef_record *record, ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(
        store, "INSERT OR REPLACE INTO value VALUES(?1, ?2, ?3)", &statement, err);
    for (size_t i = 0; !status && i < store->n_objectives; i++) {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
        bind_id(statement, 1, record->id);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)i);
        bind_real(statement, 3, record->objectives[i]);
        if (sqlite3_step(statement) != SQLITE_DONE) {
            status = store_error(store, err);
        }
    }
    sqlite3_finalize(statement);
    return status;
}

ef_status ef_store_put_record(ef_store *store, const ef_record *record, ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status =
        store_prepare(store,
                      "INSERT OR REPLACE INTO individual VALUES"
                      "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                      &statement, err);
    if (status) {
        return status;
    }
    char hash[17];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)record->hash);
    bind_id(statement, 1, record->id);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)record->generation);
    bind_id(statement, 3, record->parent_a);
    bind_id(statement, 4, record->parent_b);
    bind_text(statement, 5, record->operator_name);
    bind_text(statement, 6, hash);
    bind_text(statement, 7, status_names[record->status]);
    bind_real(statement, 8, record->violation);
    bind_real(statement, 9, record->error);
    bind_real(statement, 10, record->test_error);
    bind_real(statement, 11, record->loss);
    bind_text(statement, 12, record->topology);
    bind_text(statement, 13, record->message);
    status = store_run(store, statement, err);
    return status ? status : put_values(store, record, err);
}

static ef_record_status status_of(const char *name)
{
    for (size_t i = 0; i < EF_RECORD_STATUS_COUNT; i++) {
        if (strcmp(name, status_names[i]) == 0) {
            return (ef_record_status)i;
        }
    }
    return EF_RECORD_FAILED;
}

/* Columns of the SELECT below, in order. */
static void read_record(sqlite3_stmt *statement, const double *values,
                        ef_record *record)
{
    *record = (ef_record){
        .id = (uint64_t)sqlite3_column_int64(statement, 0),
        .generation = (uint64_t)sqlite3_column_int64(statement, 1),
        .parent_a = (uint64_t)sqlite3_column_int64(statement, 2),
        .parent_b = (uint64_t)sqlite3_column_int64(statement, 3),
        .operator_name = read_text(statement, 4),
        .hash = strtoull(read_text(statement, 5), NULL, 16),
        .status = status_of(read_text(statement, 6)),
        .violation = read_real(statement, 7),
        .objectives = values,
        .error = read_real(statement, 8),
        .test_error = read_real(statement, 9),
        .loss = read_real(statement, 10),
        .topology = read_text(statement, 11),
        .message = read_text(statement, 12),
    };
}

static ef_status read_values(ef_store *store, sqlite3_stmt *statement, uint64_t id,
                             double *values, ef_error *err)
{
    for (size_t i = 0; i < store->n_objectives; i++) {
        values[i] = NAN;
    }
    sqlite3_reset(statement);
    bind_id(statement, 1, id);
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        sqlite3_int64 position = sqlite3_column_int64(statement, 0);
        if (position >= 0 && (size_t)position < store->n_objectives) {
            values[position] = read_real(statement, 1);
        }
    }
    return code == SQLITE_DONE ? EF_OK : store_error(store, err);
}

static ef_status walk(ef_store *store, sqlite3_stmt *records, sqlite3_stmt *per_record,
                      double *values, ef_record_visitor *visitor, void *context,
                      size_t *n_visited, ef_error *err)
{
    int code;
    while ((code = sqlite3_step(records)) == SQLITE_ROW) {
        ef_record record;
        read_record(records, values, &record);
        ef_status status = read_values(store, per_record, record.id, values, err);
        if (!status) {
            status = visitor(context, &record, err);
        }
        if (status) {
            return status;
        }
        ++*n_visited;
    }
    return code == SQLITE_DONE ? EF_OK : store_error(store, err);
}

/* id 0: every record. */
static ef_status visit(ef_store *store, uint64_t id, ef_record_visitor *visitor,
                       void *context, size_t *n_visited, ef_error *err)
{
    sqlite3_stmt *records = NULL;
    sqlite3_stmt *per_record = NULL;
    double *values = ef_calloc(store->n_objectives, sizeof *values);
    ef_status status = values ? EF_OK : ef_error_memory(err);
    if (!status) {
        status = store_prepare(store,
                               "SELECT * FROM individual WHERE ?1 IS NULL OR id = ?1"
                               " ORDER BY id",
                               &records, err);
    }
    if (!status) {
        status = store_prepare(
            store, "SELECT objective, value FROM value WHERE individual = ?1",
            &per_record, err);
    }
    if (!status) {
        bind_id(records, 1, id);
        status =
            walk(store, records, per_record, values, visitor, context, n_visited, err);
    }
    sqlite3_finalize(per_record);
    sqlite3_finalize(records);
    ef_free(values);
    return status;
}

ef_status ef_store_each_record(ef_store *store, ef_record_visitor *visitor,
                               void *context, ef_error *err)
{
    size_t n_visited = 0;
    return visit(store, 0, visitor, context, &n_visited, err);
}

static ef_status no_such(const ef_store *store, const char *what, uint64_t id,
                         ef_error *err)
{
    return ef_error_set(err, EF_ERR_USAGE, "%s: holds no %s %llu", store->path, what,
                        (unsigned long long)id);
}

ef_status ef_store_get_record(ef_store *store, uint64_t id, ef_record_visitor *visitor,
                              void *context, ef_error *err)
{
    size_t n_visited = 0;
    ef_status status = id ? visit(store, id, visitor, context, &n_visited, err) : EF_OK;
    return status || n_visited ? status : no_such(store, "individual", id, err);
}

ef_status ef_store_drop_records(ef_store *store, ef_record_status record_status,
                                ef_error *err)
{
    static const char *const statements[] = {
        "DELETE FROM model WHERE individual IN"
        " (SELECT id FROM individual WHERE status = ?1)",
        "DELETE FROM value WHERE individual IN"
        " (SELECT id FROM individual WHERE status = ?1)",
        "DELETE FROM individual WHERE status = ?1",
    };
    ef_status status = EF_OK;
    for (size_t i = 0; !status && i < sizeof statements / sizeof *statements; i++) {
        sqlite3_stmt *statement = NULL;
        status = store_prepare(store, statements[i], &statement, err);
        if (!status) {
            bind_text(statement, 1, status_names[record_status]);
            status = store_run(store, statement, err);
        }
    }
    return status;
}

/* --- population and generations -------------------------------------------------- */

ef_status ef_store_set_population(ef_store *store, const uint64_t *ids, size_t n,
                                  ef_error *err)
{
    ef_status status = store_exec(store, "DELETE FROM population;", err);
    sqlite3_stmt *statement = NULL;
    if (!status) {
        status = store_prepare(store, "INSERT INTO population VALUES(?1, ?2)",
                               &statement, err);
    }
    for (size_t i = 0; !status && i < n; i++) {
        sqlite3_reset(statement);
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)i);
        bind_id(statement, 2, ids[i]);
        if (sqlite3_step(statement) != SQLITE_DONE) {
            status = store_error(store, err);
        }
    }
    sqlite3_finalize(statement);
    return status;
}

static ef_status count_rows(ef_store *store, const char *sql, size_t *n, ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(store, sql, &statement, err);
    if (status) {
        return status;
    }
    int code = sqlite3_step(statement);
    *n = code == SQLITE_ROW ? (size_t)sqlite3_column_int64(statement, 0) : 0;
    status = code == SQLITE_ROW ? EF_OK : store_error(store, err);
    sqlite3_finalize(statement);
    return status;
}

ef_status ef_store_get_population(ef_store *store, uint64_t **ids, size_t *n,
                                  ef_error *err)
{
    size_t count = 0;
    ef_status status =
        count_rows(store, "SELECT count(*) FROM population", &count, err);
    uint64_t *list = status ? NULL : ef_calloc(count, sizeof *list);
    sqlite3_stmt *statement = NULL;
    if (!status) {
        status = list ? store_prepare(store,
                                      "SELECT individual FROM population ORDER BY slot",
                                      &statement, err)
                      : ef_error_memory(err);
    }
    size_t filled = 0;
    int code = SQLITE_DONE;
    while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW &&
           filled < count) {
        list[filled++] = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    if (!status && code != SQLITE_DONE) {
        status = store_error(store, err);
    }
    sqlite3_finalize(statement);
    if (status) {
        ef_free(list);
        return status;
    }
    *ids = list;
    *n = filled;
    return EF_OK;
}

ef_status ef_store_put_generation(ef_store *store, const ef_generation *generation,
                                  ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(
        store, "INSERT OR REPLACE INTO generation VALUES(?1, ?2, ?3, ?4, ?5)",
        &statement, err);
    if (status) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)generation->number);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)generation->trained);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)generation->next_id);
    bind_real(statement, 4, generation->best_error);
    bind_real(statement, 5, generation->hypervolume);
    return store_run(store, statement, err);
}

ef_status ef_store_last_generation(ef_store *store, ef_generation *generation,
                                   int *found, ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status =
        store_prepare(store, "SELECT * FROM generation ORDER BY number DESC LIMIT 1",
                      &statement, err);
    if (status) {
        return status;
    }
    int code = sqlite3_step(statement);
    *found = code == SQLITE_ROW;
    if (code == SQLITE_ROW) {
        *generation = (ef_generation){
            .number = (uint64_t)sqlite3_column_int64(statement, 0),
            .trained = (uint64_t)sqlite3_column_int64(statement, 1),
            .next_id = (uint64_t)sqlite3_column_int64(statement, 2),
            .best_error = read_real(statement, 3),
            .hypervolume = read_real(statement, 4),
        };
    } else if (code != SQLITE_DONE) {
        status = store_error(store, err);
    }
    sqlite3_finalize(statement);
    return status;
}

/* --- models ---------------------------------------------------------------------- */

ef_status ef_store_put_model(ef_store *store, uint64_t id, const void *bytes,
                             size_t size, ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(
        store, "INSERT OR REPLACE INTO model VALUES(?1, ?2)", &statement, err);
    if (status) {
        return status;
    }
    bind_id(statement, 1, id);
    sqlite3_bind_blob64(statement, 2, bytes, size, SQLITE_STATIC);
    return store_run(store, statement, err);
}

ef_status ef_store_get_model(ef_store *store, uint64_t id, unsigned char **bytes,
                             size_t *size, ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(
        store, "SELECT onnx FROM model WHERE individual = ?1", &statement, err);
    if (status) {
        return status;
    }
    bind_id(statement, 1, id);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        const void *blob = sqlite3_column_blob(statement, 0);
        size_t n = (size_t)sqlite3_column_bytes(statement, 0);
        unsigned char *copy = ef_memdup(blob, n);
        if (copy) {
            *bytes = copy;
            *size = n;
        } else {
            status = ef_error_memory(err);
        }
    } else {
        status = code == SQLITE_DONE ? no_such(store, "model of individual", id, err)
                                     : store_error(store, err);
    }
    sqlite3_finalize(statement);
    return status;
}

int ef_store_has_model(ef_store *store, uint64_t id)
{
    sqlite3_stmt *statement = NULL;
    if (store_prepare(store, "SELECT 1 FROM model WHERE individual = ?1", &statement,
                      NULL)) {
        return 0;
    }
    bind_id(statement, 1, id);
    int found = sqlite3_step(statement) == SQLITE_ROW;
    sqlite3_finalize(statement);
    return found;
}

ef_status ef_store_keep_models(ef_store *store, const uint64_t *ids, size_t n,
                               ef_error *err)
{
    ef_status status =
        store_exec(store,
                   "CREATE TEMP TABLE IF NOT EXISTS kept(id INTEGER PRIMARY KEY);"
                   "DELETE FROM kept;",
                   err);
    sqlite3_stmt *statement = NULL;
    if (!status) {
        status = store_prepare(store, "INSERT OR IGNORE INTO kept VALUES(?1)",
                               &statement, err);
    }
    for (size_t i = 0; !status && i < n; i++) {
        sqlite3_reset(statement);
        bind_id(statement, 1, ids[i]);
        if (sqlite3_step(statement) != SQLITE_DONE) {
            status = store_error(store, err);
        }
    }
    sqlite3_finalize(statement);
    return status ? status
                  : store_exec(store,
                               "DELETE FROM model WHERE individual NOT IN"
                               " (SELECT id FROM kept);",
                               err);
}
