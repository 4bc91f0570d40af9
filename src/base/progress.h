/* Progress of long work on stderr: a bar on a terminal, quiet lines in a log.
 *
 * On a terminal one line is redrawn at most ten times a second; elsewhere a line is
 * written when a tenth of the work is done or a minute has passed.  Time left is
 * estimated from the share done. */
#ifndef EF_BASE_PROGRESS_H
#define EF_BASE_PROGRESS_H

#include <stddef.h>
#include <stdio.h>

#include "base/status.h"

typedef struct ef_progress ef_progress;

/* what: "search".  total: units of work, 0 when unknown.  stream: stderr; NULL: no
 * output at all (--quiet).  NULL is returned only when memory is short, and every
 * function takes NULL. */
ef_progress *ef_progress_create(FILE *stream, const char *what, size_t total);
/* So many units were done before: the time left is estimated from what follows. */
void ef_progress_start(ef_progress *progress, size_t done);
/* done units so far, and a free text (generation 7, best error 1.4 %). */
void ef_progress_show(ef_progress *progress, size_t done, const char *format, ...)
    EF_PRINTF(3, 4);
/* Ends the line; the last state stays to be read. */
void ef_progress_destroy(ef_progress *progress);

/* Seconds on the monotonic clock. */
double ef_clock_s(void);

#endif
