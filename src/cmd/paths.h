/* Where the program's own files are: data sets, manual pages. */
#ifndef EF_CMD_PATHS_H
#define EF_CMD_PATHS_H

#include "base/status.h"

/* The folder with the data sets that come with evoflip: $EVOFLIP_DATA, else data/ of
 * the sources when the program stands in its build tree, else where `make install`
 * put it.  The caller owns it (ef_free).  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_path_data(char **folder, ef_error *err);

/* The manual page evoflip-TOPIC (evoflip itself for "evoflip") in one of the sections
 * 1, 5 and 7; NULL in *page where there is none.  The caller owns it.  EF_ERR_MEMORY.
 */
EF_NODISCARD ef_status ef_path_page(const char *topic, char **page, ef_error *err);

#endif
