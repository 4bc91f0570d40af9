/* Files: read whole, written beside and renamed. */
#ifndef EF_BASE_FILE_H
#define EF_BASE_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "base/status.h"

/* The whole of path, gunzipped when it starts with gzip's magic, into *bytes (*size
 * bytes and a NUL behind them); the caller owns it (ef_free).  At most max bytes.
 * EF_ERR_IO: cannot be opened or read.  EF_ERR_INPUT: longer than max, damaged gzip. */
EF_NODISCARD ef_status ef_file_read(const char *path, size_t max, unsigned char **bytes,
                                    size_t *size, ef_error *err);

int ef_file_exists(const char *path);
int ef_file_is_directory(const char *path);

/* Makes path and its parents; fine where they exist.  EF_ERR_IO. */
EF_NODISCARD ef_status ef_file_make_directories(const char *path, ef_error *err);

/* dir/name, the caller owns it; NULL when memory is short. */
char *ef_file_join(const char *dir, const char *name);

/* An output that appears under its name only when it is whole. */
typedef struct ef_output {
    FILE *stream; /* write here */
    char *path;
    char *temporary; /* NULL for stdout */
} ef_output;

/* path "-" is stdout.  EF_ERR_EXISTS when path exists and force is 0; EF_ERR_IO. */
EF_NODISCARD ef_status ef_output_open(ef_output *output, const char *path, int force,
                                      ef_error *err);
/* Flushes, checks, syncs and renames.  EF_ERR_IO: nothing appears under path, and
 * what stood there before stands there still.  Ends the output either way. */
EF_NODISCARD ef_status ef_output_commit(ef_output *output, ef_error *err);
/* Removes what was written; fine on a zeroed or ended output. */
void ef_output_abandon(ef_output *output);

/* The three in one for bytes that are ready. */
EF_NODISCARD ef_status ef_file_write(const char *path, int force, const void *bytes,
                                     size_t size, ef_error *err);

#endif
