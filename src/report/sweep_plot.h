/* A sweep over bit error rates as a picture: classes that change on the left, accuracy
 * on the right, both over the rate on a logarithmic axis. */
#ifndef EF_REPORT_SWEEP_PLOT_H
#define EF_REPORT_SWEEP_PLOT_H

#include <stddef.h>

#include "base/status.h"
#include "faultsim/spread.h"

/* The rates of one line, ascending; a rate of 0 has no place on the axis. */
typedef struct ef_sweep_line {
    const char *name;
    size_t n;
    const double *rates;        /* (n) */
    const ef_spread *ccr;       /* (n) */
    const ef_spread *nonfinite; /* (n) */
    const ef_spread *accuracy;  /* (n) */
} ef_sweep_line;

typedef struct ef_sweep_plot {
    const char *title;
    const char *rate_label;     /* of the abscissa */
    const ef_sweep_line *lines; /* (n_lines) */
    size_t n_lines;
    double accuracy; /* without a fault */
} ef_sweep_plot;

/* Has gnuplot make path, which ends in .svg, from a script .gp and data .dat of the
 * same name beside it; replaces what is there.  Lines are means, bands hold nine trials
 * of ten, bars are the intervals of mean CCR.  EF_ERR_USAGE: path does not end so, or
 * no rate is above 0.  EF_ERR_IO, and those of ef_gnuplot_run, after which script and
 * data are there all the same. */
EF_NODISCARD ef_status ef_sweep_plot_draw(const ef_sweep_plot *plot, const char *path,
                                          ef_error *err);

#endif
