/* The curves of protection as a picture: failures removed against bits protected. */
#ifndef EF_REPORT_PROTECTION_PLOT_H
#define EF_REPORT_PROTECTION_PLOT_H

#include <stddef.h>

#include "base/status.h"
#include "report/protection.h"

typedef struct ef_protection_curve {
    const char *name;
    const ef_protection *protection;
    /* Of a campaign that struck every fault, else NULL: ef_protection_single. */
    const uint64_t *histogram;
    uint64_t images;
} ef_protection_curve;

typedef struct ef_protection_plot {
    const char *title;
    const ef_protection_curve *curves; /* (n), one panel each */
    size_t n;
} ef_protection_plot;

/* Writes STEM.dat and STEM.gp, replacing what is there, and has gnuplot make STEM.svg.
 * What ef_gnuplot_draw fails with. */
EF_NODISCARD ef_status ef_protection_plot_draw(const ef_protection_plot *plot,
                                               const char *stem, ef_error *err);

#endif
