/* One image through a network with a fault. */
#ifndef EF_FAULTSIM_RERUN_RUN_H
#define EF_FAULTSIM_RERUN_RUN_H

#include "faultsim/rerun_priv.h"

#define EF_RERUN_CHUNK 40 /* pixels whose sums are made together */

static inline ef_rstep *ef_rstep_of(const ef_rerun_worker *w, size_t index)
{
    return &w->rerun->steps[index];
}

/* n channels of a pixel of a step, from channel first on, as they are now computed. */
void ef_rerun_write(ef_rerun_worker *worker, size_t step, uint32_t pixel, size_t first,
                    const uint8_t *bytes, size_t n);
/* The pixels of a step that its inputs' differences reach, in todo. */
void ef_rerun_find_todo(ef_rerun_worker *worker, size_t step);
void ef_rerun_clear_todo(ef_rerun_worker *worker);

/* The logits of one image with the worker's fault. */
void ef_rerun_image(ef_rerun_worker *worker, size_t image, double *logits);

#endif
