/* What fault campaigns found, in a run file. */
#ifndef EF_STORE_CAMPAIGNS_H
#define EF_STORE_CAMPAIGNS_H

#include "store/store.h"

/* Tables of whole numbers below 2^63, in rows of these columns behind the campaign's
 * id; the first n_keys of them tell the rows of a campaign apart. */
#define EF_STORE_STRATUM_COLUMNS 14
#define EF_STORE_OUTCOME_COLUMNS 6
#define EF_STORE_IMAGE_COLUMNS 4
#define EF_STORE_CHANGE_COLUMNS 3
#define EF_STORE_TRIAL_COLUMNS 8

typedef enum ef_store_table {
    EF_STORE_STRATUM, /* number, part, site, bit, population, faults, sdc, sdc_squares,
                         sdc_faults, nonfinite, nonfinite_squares, nonfinite_faults,
                         critical, corrected */
    EF_STORE_OUTCOME, /* draw, fault, benign, sdc, nonfinite, corrected */
    EF_STORE_IMAGE,   /* number, place, sdc, nonfinite */
    EF_STORE_CHANGE,  /* class, becomes, pairs */
    EF_STORE_TRIAL, /* trial, rate, bits, benign, sdc, nonfinite, corrected, correct */
    EF_STORE_TABLE_COUNT
} ef_store_table;

size_t ef_store_n_columns(ef_store_table table);

/* Adds rows, shape (n, n_columns), or replaces those of the same keys. */
EF_NODISCARD ef_status ef_store_put_rows(ef_store *store, ef_store_table table,
                                         uint64_t campaign, const uint64_t *rows,
                                         size_t n, ef_error *err);
/* Visits a campaign's rows, (n_columns) each, in order of their keys.  A visitor that
 * does not return EF_OK ends the walk with its status. */
typedef ef_status ef_row_visitor(void *context, const uint64_t *row, ef_error *err);
EF_NODISCARD ef_status ef_store_each_row(ef_store *store, ef_store_table table,
                                         uint64_t campaign, ef_row_visitor *visitor,
                                         void *context, ef_error *err);

/* What the numbers mean to a reader of the file. */
typedef struct ef_store_campaign {
    uint64_t id;
    const char *target, *design;
    uint64_t population, images;
} ef_store_campaign;
EF_NODISCARD ef_status ef_store_put_campaign(ef_store *store,
                                             const ef_store_campaign *campaign,
                                             ef_error *err);

typedef struct ef_store_site {
    uint64_t number;
    const char *target, *tensor, *node;
    uint64_t elements, bits;
} ef_store_site;
EF_NODISCARD ef_status ef_store_put_site(ef_store *store, const ef_store_site *site,
                                         ef_error *err);

/* EF_ERR_INPUT: the file is of a schema without campaigns. */
EF_NODISCARD ef_status ef_store_check_campaigns(const ef_store *store, ef_error *err);

#endif
