/* Points in panels, each with its own axes: what was measured over what was predicted.
 */
#ifndef EF_REPORT_SCATTER_H
#define EF_REPORT_SCATTER_H

#include <stddef.h>

#include "base/status.h"

typedef struct ef_scatter_panel {
    const char *title;
    size_t n;
    const double *x, *y;      /* (n) finite */
    const double *low, *high; /* (n) ends of the bars of y */
} ef_scatter_panel;

typedef struct ef_scatter {
    const char *title, *x_label, *y_label;
    const ef_scatter_panel *panels; /* (n_panels), at least 1 */
    size_t n_panels, n_columns;     /* of the layout */
} ef_scatter;

/* Has gnuplot make path, which ends in .svg, from a script .gp and data .dat of the
 * same name beside it; replaces what is there.  Both axes are logarithmic; points with
 * an x or y that is not above 0 are left out of the picture, not of the data, and a
 * panel in which none is left is empty.  EF_ERR_USAGE: path does not end so. EF_ERR_IO,
 * and those of ef_gnuplot_run, after which script and data are there all the same. */
EF_NODISCARD ef_status ef_scatter_draw(const ef_scatter *scatter, const char *path,
                                       ef_error *err);

#endif
