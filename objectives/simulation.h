/* An event-driven simulation of the tasks: array, vector unit, DMA engine, bus and
 * external memory, each of which serves its tasks in order, one at a time.
 *
 * A task begins when it is next on all resources that it needs, these are idle, and
 * what it comes after has ended.  Time is whole picoseconds, so that a schedule is the
 * same on every machine. */
#ifndef EF_OBJECTIVES_SIMULATION_H
#define EF_OBJECTIVES_SIMULATION_H

#include "objectives/tasks.h"

/* What a layer waits for most: name. */
#define EF_BOUND_LIST(X)                                                               \
    X(COMPUTE, "compute") /* array or vector unit */                                   \
    X(BUFFER, "buffer")   /* operands from the buffer */                               \
    X(SYNC, "sync")                                                                    \
    X(DRAM, "dram") /* its latency included */                                         \
    X(BUS, "bus")                                                                      \
    X(DMA, "dma") /* setting up transfers */

typedef enum ef_bound {
#define X(bound, name) EF_BOUND_##bound,
    EF_BOUND_LIST(X)
#undef X
        EF_BOUND_COUNT
} ef_bound;

typedef struct ef_layer_time {
    uint64_t start_ps, end_ps; /* of its first task, of its last */
    uint64_t waits_ps[EF_BOUND_COUNT];
    /* If the DMA engine is held for longer than the computing unit: which of dram,
     * bus, dma and sync takes most; else which of compute, buffer and sync does. */
    ef_bound bound;
    /* MACs over what the array could do in the layer's time; for a layer without MACs
     * operations over what the vector unit could do. */
    double utilisation;
    uint64_t bits; /* moved to and from external memory */
} ef_layer_time;

typedef struct ef_schedule {
    uint64_t *start_ps, *end_ps; /* (n tasks) */
    ef_layer_time *layers;       /* (n_layers) */
    size_t n_layers;
    uint64_t time_ps; /* when the last task ends */
} ef_schedule;

/* Linear in the number of tasks.  EF_ERR_MEMORY; EF_ERR_FAILED: tasks that wait for
 * each other, which ef_tasks_create does not make. */
EF_NODISCARD ef_status ef_schedule_create(ef_schedule **schedule,
                                          const ef_workload *workload,
                                          const ef_accelerator *accelerator,
                                          const ef_tasks *tasks, ef_error *err);
void ef_schedule_destroy(ef_schedule *schedule);

const char *ef_bound_name(ef_bound bound);

#endif
