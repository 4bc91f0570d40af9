/* gnuplot as a child process: every picture keeps its script and data beside it. */
#ifndef EF_REPORT_GNUPLOT_H
#define EF_REPORT_GNUPLOT_H

#include "base/status.h"
#include "base/text.h"

/* Runs `gnuplot SCRIPT` in dir.  EF_ERR_UNSUPPORTED: there is no gnuplot; the text
 * names its Debian package.  EF_ERR_FAILED: gnuplot refused the script. */
EF_NODISCARD ef_status ef_gnuplot_run(const char *dir, const char *script,
                                      ef_error *err);

/* Writes STEM.dat and STEM.gp, replacing what is there, and runs the script in their
 * folder, where it finds its data as ef_gnuplot_name(stem).dat.  EF_ERR_MEMORY also
 * where a text could not be made; EF_ERR_IO; those of ef_gnuplot_run, after which
 * script and data are there all the same. */
EF_NODISCARD ef_status ef_gnuplot_draw(const char *stem, const ef_text *data,
                                       const ef_text *script, ef_error *err);
/* The part of a path behind its folder. */
const char *ef_gnuplot_name(const char *path);

/* Adds text in the quotes that gnuplot reads as it stands. */
void ef_gnuplot_quote(ef_text *script, const char *text);

#endif
