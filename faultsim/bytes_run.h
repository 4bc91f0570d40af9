/* One image through a network with a fault. */
#ifndef EF_FAULTSIM_BYTES_RUN_H
#define EF_FAULTSIM_BYTES_RUN_H

#include "faultsim/bytes_priv.h"

#define EF_BYTES_CHUNK 40 /* pixels whose sums are made together */

static inline ef_rstep *ef_rstep_of(const ef_bytes_worker *w, size_t index)
{
    return &w->rerun->steps[index];
}

/* n channels of a pixel of a step, from channel first on, as they are now computed. */
void ef_bytes_write(ef_bytes_worker *worker, size_t step, uint32_t pixel, size_t first,
                    const uint8_t *bytes, size_t n);
/* The pixels of a step that its inputs' differences reach, in todo. */
void ef_bytes_find_todo(ef_bytes_worker *worker, size_t step);
void ef_bytes_clear_todo(ef_bytes_worker *worker);

/* The logits of one image with the worker's fault. */
void ef_bytes_image(ef_bytes_worker *worker, size_t image, double *logits);

#endif
