#include "store/validations.h"

#include <math.h>
#include <string.h>

#include "store/store_priv.h"

static void bind_text(sqlite3_stmt *statement, int position, const char *text)
{
    sqlite3_bind_text(statement, position, text, -1, SQLITE_TRANSIENT);
}

static void bind_whole(sqlite3_stmt *statement, int position, uint64_t value)
{
    sqlite3_bind_int64(statement, position, (sqlite3_int64)value);
}

/* NaN is stored as NULL. */
static void bind_real(sqlite3_stmt *statement, int position, double value)
{
    if (!isnan(value)) {
        sqlite3_bind_double(statement, position, value);
    }
}

static const char *read_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}

static uint64_t read_whole(sqlite3_stmt *statement, int column)
{
    return (uint64_t)sqlite3_column_int64(statement, column);
}

static double read_real(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_type(statement, column) == SQLITE_NULL
               ? NAN
               : sqlite3_column_double(statement, column);
}

/* --- writing ----------------------------------------------------------------- */

ef_status ef_store_put_measure(ef_store *store, const ef_store_measure *measure,
                               ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(
        store, "INSERT OR REPLACE INTO measure VALUES(?, ?, ?, ?, ?)", &statement, err);
    if (status) {
        return status;
    }
    bind_whole(statement, 1, measure->number);
    bind_text(statement, 2, measure->format);
    bind_text(statement, 3, measure->target);
    bind_real(statement, 4, measure->ber);
    bind_whole(statement, 5, measure->trials);
    return store_run(store, statement, err);
}

ef_status ef_store_put_training(ef_store *store, const ef_store_training *training,
                                ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status =
        store_prepare(store, "INSERT OR REPLACE INTO training VALUES(?, ?, ?, ?, ?, ?)",
                      &statement, err);
    if (status) {
        return status;
    }
    bind_whole(statement, 1, training->individual);
    bind_whole(statement, 2, training->seed);
    bind_text(statement, 3, ef_record_status_name(training->status));
    bind_real(statement, 4, training->error);
    bind_real(statement, 5, training->loss);
    bind_text(statement, 6, training->message);
    return store_run(store, statement, err);
}

static int bind_share(sqlite3_stmt *statement, int position, const ef_store_share *s)
{
    bind_real(statement, position, s->share);
    bind_real(statement, position + 1, s->low);
    bind_real(statement, position + 2, s->high);
    return position + 3;
}

ef_status ef_store_put_measured(ef_store *store, const ef_store_measured *measured,
                                ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(store,
                                     "INSERT OR REPLACE INTO measured VALUES(?, ?, ?, "
                                     "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                     &statement, err);
    if (status) {
        return status;
    }
    bind_whole(statement, 1, measured->individual);
    bind_whole(statement, 2, measured->seed);
    bind_whole(statement, 3, measured->measure);
    int next = bind_share(statement, 4, &measured->ccr);
    next = bind_share(statement, next, &measured->nonfinite);
    next = bind_share(statement, next, &measured->failed);
    next = bind_share(statement, next, &measured->accuracy);
    bind_real(statement, next, measured->fault_free);
    return store_run(store, statement, err);
}

/* --- reading ----------------------------------------------------------------- */

/* Calls a visitor of some kind with the row that the statement is at. */
typedef ef_status take_row(sqlite3_stmt *statement, const void *visitor, void *context,
                           ef_error *err);

static ef_status each_row(ef_store *store, const char *sql, take_row *take,
                          const void *visitor, void *context, ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(store, sql, &statement, err);
    int code = SQLITE_DONE;
    while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        status = take(statement, visitor, context, err);
    }
    if (!status && code != SQLITE_DONE) {
        status = store_error(store, err);
    }
    sqlite3_finalize(statement);
    return status;
}

static ef_status take_measure(sqlite3_stmt *statement, const void *visitor,
                              void *context, ef_error *err)
{
    const ef_store_measure row = {.number = read_whole(statement, 0),
                                  .format = read_text(statement, 1),
                                  .target = read_text(statement, 2),
                                  .ber = read_real(statement, 3),
                                  .trials = read_whole(statement, 4)};
    return (*(ef_measure_visitor *const *)visitor)(context, &row, err);
}

ef_status ef_store_each_measure(ef_store *store, ef_measure_visitor *visitor,
                                void *context, ef_error *err)
{
    return each_row(store, "SELECT * FROM measure ORDER BY number", take_measure,
                    &visitor, context, err);
}

static ef_status take_training(sqlite3_stmt *statement, const void *visitor,
                               void *context, ef_error *err)
{
    const char *trained = ef_record_status_name(EF_RECORD_TRAINED);
    const ef_store_training row = {.individual = read_whole(statement, 0),
                                   .seed = read_whole(statement, 1),
                                   .status = strcmp(read_text(statement, 2), trained)
                                                 ? EF_RECORD_FAILED
                                                 : EF_RECORD_TRAINED,
                                   .error = read_real(statement, 3),
                                   .loss = read_real(statement, 4),
                                   .message = read_text(statement, 5)};
    return (*(ef_training_visitor *const *)visitor)(context, &row, err);
}

ef_status ef_store_each_training(ef_store *store, ef_training_visitor *visitor,
                                 void *context, ef_error *err)
{
    return each_row(store, "SELECT * FROM training ORDER BY individual, seed",
                    take_training, &visitor, context, err);
}

static ef_store_share read_share(sqlite3_stmt *statement, int column)
{
    return (ef_store_share){read_real(statement, column),
                            read_real(statement, column + 1),
                            read_real(statement, column + 2)};
}

static ef_status take_measured(sqlite3_stmt *statement, const void *visitor,
                               void *context, ef_error *err)
{
    const ef_store_measured row = {.individual = read_whole(statement, 0),
                                   .seed = read_whole(statement, 1),
                                   .measure = read_whole(statement, 2),
                                   .ccr = read_share(statement, 3),
                                   .nonfinite = read_share(statement, 6),
                                   .failed = read_share(statement, 9),
                                   .accuracy = read_share(statement, 12),
                                   .fault_free = read_real(statement, 15)};
    return (*(ef_measured_visitor *const *)visitor)(context, &row, err);
}

ef_status ef_store_each_measured(ef_store *store, ef_measured_visitor *visitor,
                                 void *context, ef_error *err)
{
    return each_row(store, "SELECT * FROM measured ORDER BY individual, seed, measure",
                    take_measured, &visitor, context, err);
}

ef_status ef_store_check_validations(const ef_store *store, ef_error *err)
{
    return store->version >= EF_SCHEMA_VALIDATIONS
               ? EF_OK
               : ef_error_set(err, EF_ERR_INPUT, "%s: a run file without validations",
                              store->path);
}
