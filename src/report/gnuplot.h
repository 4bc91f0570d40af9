/* gnuplot as a child process: every picture keeps its script and data beside it. */
#ifndef EF_REPORT_GNUPLOT_H
#define EF_REPORT_GNUPLOT_H

#include "base/status.h"

/* Runs `gnuplot SCRIPT` in dir.  EF_ERR_UNSUPPORTED: there is no gnuplot; the text
 * names its Debian package.  EF_ERR_FAILED: gnuplot refused the script. */
EF_NODISCARD ef_status ef_gnuplot_run(const char *dir, const char *script,
                                      ef_error *err);

#endif
