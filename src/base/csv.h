/* CSV files row by row, through libcsv; gzip is read as well. */
#ifndef EF_BASE_CSV_H
#define EF_BASE_CSV_H

#include <stddef.h>

#include "base/status.h"

/* Fields are NUL-terminated and valid during the call only. */
typedef struct ef_csv_row {
    const char *const *fields; /* (n) */
    size_t n;                  /* at least 1 */
    ef_place place;            /* file and line */
} ef_csv_row;

/* A status other than EF_OK ends the reading and is passed on. */
typedef ef_status ef_csv_on_row(void *context, const ef_csv_row *row, ef_error *err);
/* A comment: the line without its `#` and its end. */
typedef ef_status ef_csv_on_comment(void *context, const char *text, ef_place place,
                                    ef_error *err);

typedef struct ef_csv_handler {
    char delimiter;                /* 0: comma */
    ef_csv_on_row *on_row;         /* every row that is not empty */
    ef_csv_on_comment *on_comment; /* NULL: comments are skipped */
    void *context;
} ef_csv_handler;

/* Reads path.  Lines that start with `#` are comments until the first row.  Space
 * around unquoted fields, empty lines, a byte-order mark and CR before LF are
 * dropped; quotes follow RFC 4180.
 * EF_ERR_IO: cannot be opened or read.
 * EF_ERR_INPUT: stray or open quotes, a NUL byte, damaged gzip. */
EF_NODISCARD ef_status ef_csv_read(const char *path, const ef_csv_handler *handler,
                                   ef_error *err);

#endif
