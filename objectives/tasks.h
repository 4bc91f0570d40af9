/* A workload as the tasks of an accelerator: DMA transfers, computations of tiles, and
 * the synchronisations between them.
 *
 * Layers run one after the other: no task of a layer begins before all of the layer
 * before have ended.  A layer runs in tiles of g groups, k output channels of each (k
 * is all where g is more than 1), c input channels of each, and r output rows, whole
 * rows. Input channels are the innermost loop, so that sums never leave the chip;
 * around it either the rows run inside the channels (weights stay) or the other way
 * round (inputs stay).  What is loaded is loaded when it is another tile than the last
 * of its kind.
 *
 * Tile n waits for its loads of weights and of each input, which come after the
 * computation of tile n - 2, whose place in the buffer they take.  Where there was a
 * load, a synchronisation holds the computing unit after the last of them.  Then comes
 * the computation; before it the store of the output two tiles back has to end.  After
 * it, and after the loads of tile n + 2, a synchronisation holds the DMA engine, and
 * the store follows.  A tile of partial sums (c is not all) is stored with its last
 * part only.
 *
 * A tile takes room in the buffer, beside the maps that are kept: twice for the input,
 * weights and output that are not kept, once where the layer has one tile of that kind
 * alone; partial sums have 32 bits, kept or not.  c is all, or the largest of a half, a
 * quarter ... (rounded up) with which anything fits, and g is 1 then; r and g, or k,
 * are ceil(extent / n), n of 1, 2, 3, 4, 6, 8, 12, 16 ...  From large r, then large g,
 * then large k, then staying weights on, one is taken that estimates 1/256 less time
 * than the best before it, or no more time and less traffic.  The estimate is first
 * load + max(unit, DMA - first load - last store) + last store, where unit and DMA are
 * the sums of what these two do.
 *
 * A feature map is kept in the buffer, and neither stored nor loaded, from the layer
 * that writes it to the last that reads it, where this makes the estimates of these
 * layers and those between them less in all: time, or traffic at equal time.  That is
 * decided one after the other as they are written.  The image, the logits and all
 * weights lie in external memory.
 *
 * The array takes as many cycles for a tile as its loops have iterations in time: each
 * loop's extent over what ef_array_spread lays out in space, rounded up; or as many as
 * the buffer needs for the operands (ef_operand_bits, the tile's share), if that is
 * more.  The vector unit takes operations / lanes, likewise. */
#ifndef EF_OBJECTIVES_TASKS_H
#define EF_OBJECTIVES_TASKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "net/topology.h"
#include "objectives/accelerator.h"
#include "objectives/tiling.h"
#include "objectives/workload.h"

/* What serves tasks, each one at a time, in their order: name. */
#define EF_RESOURCE_LIST(X)                                                            \
    X(ARRAY, "array")                                                                  \
    X(VECTOR, "vector")                                                                \
    X(DMA, "dma")                                                                      \
    X(BUS, "bus")                                                                      \
    X(DRAM, "dram")

typedef enum ef_resource {
#define X(resource, name) EF_RESOURCE_##resource,
    EF_RESOURCE_LIST(X)
#undef X
        EF_RESOURCE_COUNT
} ef_resource;

typedef enum ef_task_kind {
    EF_TASK_LOAD_WEIGHTS,
    EF_TASK_LOAD_INPUT,
    EF_TASK_COMPUTE,
    EF_TASK_STORE,
    EF_TASK_SYNC
} ef_task_kind;

#define EF_TASK_NONE SIZE_MAX
#define EF_TASK_AFTER 2

typedef struct ef_task {
    ef_task_kind kind;
    unsigned resources; /* bits 1 << ef_resource: held from start to end, all at once */
    uint32_t layer;
    uint32_t tile;   /* of the layer, from 0 */
    uint32_t tensor; /* of feature maps: index of the stored tensor */
    uint64_t bits;   /* that a transfer moves, that a computation completes */
    uint64_t time_ps;
    /* What it is made of, 0 where it has no such part.  A transfer takes setup and the
     * greater of dram and bus; a computation the greater of unit and buffer. */
    uint64_t setup_ps, dram_ps, bus_ps;
    uint64_t unit_ps, buffer_ps;
    size_t after[EF_TASK_AFTER]; /* earlier tasks that must have ended, or NONE */
} ef_task;

typedef struct ef_tasks {
    ef_task *tasks; /* (n), layer by layer */
    size_t n, capacity;
    size_t *first;  /* (n_layers + 1) the first task of each layer; n */
    ef_tile *tiles; /* (n_layers) */
    uint8_t *kept;  /* (n_tensors) */
} ef_tasks;

#define EF_TASKS_MAX 1000000

/* topology: for the names in errors.  EF_ERR_INPUT: not even the smallest tiles of a
 * layer fit the buffer.  EF_ERR_UNSUPPORTED: more than EF_TASKS_MAX tasks.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_tasks_create(ef_tasks **tasks, const ef_workload *workload,
                                       const ef_accelerator *accelerator,
                                       const ef_topology *topology, ef_error *err);
void ef_tasks_destroy(ef_tasks *tasks);

const char *ef_resource_name(ef_resource resource);

#endif
