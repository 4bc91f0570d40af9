/* A front as a picture: one panel for each objective but the first, which is the
 * ordinate of all. */
#ifndef EF_REPORT_FRONT_PLOT_H
#define EF_REPORT_FRONT_PLOT_H

#include <stddef.h>

#include "base/status.h"

typedef struct ef_front_plot {
    const char *title;
    size_t n_points;
    size_t n_objectives;            /* at least 2 */
    const char *const *names;       /* (n_objectives) */
    const char *const *units;       /* (n_objectives) */
    const unsigned char *maximised; /* (n_objectives); 0: minimised */
    const double *values;           /* (n_points, n_objectives), finite */
    const unsigned char *in_front;  /* (n_points) */
    size_t knee;                    /* a point, or n_points for none */
} ef_front_plot;

/* Writes NAME.dat and NAME.gp into dir, replacing what is there, and has gnuplot make
 * NAME.svg.  An axis whose values are all positive is logarithmic.  EF_ERR_IO, and
 * those of ef_gnuplot_run, after which script and data are there all the same. */
EF_NODISCARD ef_status ef_front_plot_draw(const ef_front_plot *plot, const char *dir,
                                          const char *name, ef_error *err);

#endif
