/* Exposure: how long each stored bit sits where faults strike while one image is
 * worked through, from the schedule of objectives/simulation.h.
 *
 * On chip, in the buffer, a tile of weights or of a feature map stays from the end of
 * its load to the end of the last compute task that uses it; a tile that is computed
 * from the end of its task to the end of its store, or, where the map is kept, to the
 * end of the last layer that reads the map.  The image arrives by its loads.  Off chip,
 * in external memory: weights and image from the beginning, the weights to the end
 * (they live there all the time), the image and a map that was stored to their last
 * load, the logits to the end.  A bit that is in both places counts in both. */
#ifndef EF_OBJECTIVES_EXPOSURE_H
#define EF_OBJECTIVES_EXPOSURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "format/format.h"
#include "net/topology.h"
#include "objectives/accelerator.h"
#include "objectives/simulation.h"

typedef struct ef_exposed_tensor {
    uint32_t node;  /* of weights: the first of its layer; else whose output it is */
    int is_weights; /* weights and biases of a layer, together */
    uint64_t bits;
    double time_s;          /* bit_seconds of a bit, on average */
    double bit_seconds;     /* on chip */
    double off_bit_seconds; /* in external memory */
} ef_exposed_tensor;

typedef struct ef_exposure_list {
    ef_exposed_tensor *tensors; /* (n): stored tensors, the image first, then weights of
                                   the layers that have any */
    size_t n;
    double time_s;           /* of one image */
    double weight_share;     /* of bit-seconds on chip, in weights: 0..1 */
    double weight_share_all; /* the same, on and off chip together */
} ef_exposure_list;

/* Lowers, schedules, sums.  format as for ef_workload_create.  A fitted latency model
 * plays no part.  Errors as ef_workload_create and ef_tasks_create. */
EF_NODISCARD ef_status ef_exposure_create(ef_exposure_list **list,
                                          const ef_topology *topology,
                                          const ef_format *format,
                                          const ef_accelerator *accelerator,
                                          ef_error *err);
/* The same of a schedule that is there already.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_exposure_of(ef_exposure_list **list,
                                      const ef_workload *workload,
                                      const ef_tasks *tasks,
                                      const ef_schedule *schedule, ef_error *err);
void ef_exposure_destroy(ef_exposure_list *list);

#endif
