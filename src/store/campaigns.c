#include "store/campaigns.h"

#include <stdio.h>

#include "store/store_priv.h"

#define MOST_COLUMNS EF_STORE_STRATUM_COLUMNS

static const struct {
    const char *name;
    size_t n_columns;
} tables[EF_STORE_TABLE_COUNT] = {
    [EF_STORE_STRATUM] = {"stratum", EF_STORE_STRATUM_COLUMNS},
    [EF_STORE_OUTCOME] = {"outcome", EF_STORE_OUTCOME_COLUMNS},
    [EF_STORE_IMAGE] = {"image", EF_STORE_IMAGE_COLUMNS},
    [EF_STORE_CHANGE] = {"change", EF_STORE_CHANGE_COLUMNS},
    [EF_STORE_TRIAL] = {"trial", EF_STORE_TRIAL_COLUMNS},
};

size_t ef_store_n_columns(ef_store_table table)
{
    return tables[table].n_columns;
}

static ef_status prepare_put(ef_store *store, ef_store_table table,
                             sqlite3_stmt **statement, ef_error *err)
{
    char sql[160];
    int used = snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO %s VALUES(?",
                        tables[table].name);
    for (size_t i = 0; i < tables[table].n_columns; i++) {
        used += snprintf(sql + used, sizeof sql - (size_t)used, ",?");
    }
    snprintf(sql + used, sizeof sql - (size_t)used, ")");
    return store_prepare(store, sql, statement, err);
}

ef_status ef_store_put_rows(ef_store *store, ef_store_table table, uint64_t campaign,
                            const uint64_t *rows, size_t n, ef_error *err)
{
    size_t n_columns = tables[table].n_columns;
    sqlite3_stmt *statement = NULL;
    ef_status status = prepare_put(store, table, &statement, err);
    for (size_t i = 0; !status && i < n; i++) {
        sqlite3_reset(statement);
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)campaign);
        for (size_t k = 0; k < n_columns; k++) {
            sqlite3_bind_int64(statement, (int)k + 2,
                               (sqlite3_int64)rows[i * n_columns + k]);
        }
        if (sqlite3_step(statement) != SQLITE_DONE) {
            status = store_error(store, err);
        }
    }
    sqlite3_finalize(statement);
    return status;
}

ef_status ef_store_each_row(ef_store *store, ef_store_table table, uint64_t campaign,
                            ef_row_visitor *visitor, void *context, ef_error *err)
{
    char sql[80];
    uint64_t row[MOST_COLUMNS];
    sqlite3_stmt *statement = NULL;
    snprintf(sql, sizeof sql, "SELECT * FROM %s WHERE campaign = ? ORDER BY 1, 2, 3",
             tables[table].name);
    ef_status status = store_prepare(store, sql, &statement, err);
    if (status) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)campaign);
    int code = SQLITE_DONE;
    while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        for (size_t k = 0; k < tables[table].n_columns; k++) {
            row[k] = (uint64_t)sqlite3_column_int64(statement, (int)k + 1);
        }
        status = visitor(context, row, err);
    }
    if (!status && code != SQLITE_DONE) {
        status = store_error(store, err);
    }
    sqlite3_finalize(statement);
    return status;
}

ef_status ef_store_put_campaign(ef_store *store, const ef_store_campaign *campaign,
                                ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status =
        store_prepare(store, "INSERT OR REPLACE INTO campaign VALUES(?, ?, ?, ?, ?)",
                      &statement, err);
    if (status) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)campaign->id);
    sqlite3_bind_text(statement, 2, campaign->target, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement, 3, campaign->design, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)campaign->population);
    sqlite3_bind_int64(statement, 5, (sqlite3_int64)campaign->images);
    return store_run(store, statement, err);
}

ef_status ef_store_put_site(ef_store *store, const ef_store_site *site, ef_error *err)
{
    sqlite3_stmt *statement = NULL;
    ef_status status = store_prepare(
        store, "INSERT OR REPLACE INTO site VALUES(?, ?, ?, ?, ?, ?)", &statement, err);
    if (status) {
        return status;
    }
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)site->number);
    sqlite3_bind_text(statement, 2, site->target, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement, 3, site->tensor, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement, 4, site->node, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(statement, 5, (sqlite3_int64)site->elements);
    sqlite3_bind_int64(statement, 6, (sqlite3_int64)site->bits);
    return store_run(store, statement, err);
}

ef_status ef_store_check_campaigns(const ef_store *store, ef_error *err)
{
    return store->version >= EF_SCHEMA_CAMPAIGNS
               ? EF_OK
               : ef_error_set(err, EF_ERR_INPUT, "%s: a run file without campaigns",
                              store->path);
}
