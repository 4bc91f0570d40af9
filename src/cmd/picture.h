/* The picture of a run's front. */
#ifndef EF_CMD_PICTURE_H
#define EF_CMD_PICTURE_H

#include "base/status.h"
#include "store/store.h"
#include "study/front.h"

/* front.dat, front.gp and front.svg in dir.  EF_ERR_UNSUPPORTED: there is no gnuplot;
 * the first two are there all the same. */
EF_NODISCARD ef_status ef_picture_draw_front(const ef_front *front, ef_store *store,
                                             const char *dir, ef_error *err);

#endif
