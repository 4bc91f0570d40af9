/* A schedule as a picture: a row for each resource, a bar for each task, coloured by
 * what it belongs to. */
#ifndef EF_REPORT_GANTT_H
#define EF_REPORT_GANTT_H

#include <stddef.h>

#include "base/status.h"

typedef struct ef_gantt_bar {
    size_t row;
    size_t group; /* bars of one group have one colour */
    double start_s, end_s;
} ef_gantt_bar;

/* A name above the bars of a group, where there is room for it. */
typedef struct ef_gantt_span {
    const char *name;
    double start_s, end_s;
} ef_gantt_span;

typedef struct ef_gantt {
    const char *title;
    const char *const *rows; /* (n_rows), the first on top */
    size_t n_rows;
    const ef_gantt_bar *bars; /* (n_bars), ascending in time on each row */
    size_t n_bars;
    const ef_gantt_span *spans; /* (n_spans) */
    size_t n_spans;
    double end_s; /* of the axis, greater than 0 */
} ef_gantt;

/* Has gnuplot make path, which ends in .svg, from a script .gp and data .dat of the
 * same name beside it; replaces what is there.  Bars of a group that lie closer than
 * could be seen are drawn as one.  EF_ERR_USAGE: path does not end so.  EF_ERR_IO, and
 * those of ef_gnuplot_run, after which script and data are there all the same. */
EF_NODISCARD ef_status ef_gantt_draw(const ef_gantt *gantt, const char *path,
                                     ef_error *err);

#endif
