#include "objectives/simulation.h"

#include "base/mem.h"

const char *ef_bound_name(ef_bound bound)
{
    static const char *const names[EF_BOUND_COUNT] = {
#define X(bound, name) name,
        EF_BOUND_LIST(X)
#undef X
    };
    return names[bound];
}

/* --- events --- */

/* What a resource works through. */
typedef struct queue {
    size_t next; /* the first task that needs it and has not begun; n: none */
    size_t now;  /* the task that holds it, or EF_TASK_NONE */
} queue;

typedef struct simulation {
    const ef_tasks *tasks;
    ef_schedule *made;
    queue queues[EF_RESOURCE_COUNT];
    uint8_t *ended; /* (n tasks) */
    size_t n_ended;
    uint64_t now_ps;
} simulation;

/* From task `from` on, the first that needs the resource. */
static size_t find_next(const simulation *s, unsigned resource, size_t from)
{
    while (from < s->tasks->n && !(s->tasks->tasks[from].resources >> resource & 1)) {
        from++;
    }
    return from;
}

static int is_ready(const simulation *s, size_t task)
{
    const ef_task *t = &s->tasks->tasks[task];
    for (unsigned i = 0; i < EF_RESOURCE_COUNT; i++) {
        if ((t->resources >> i & 1) &&
            (s->queues[i].next != task || s->queues[i].now != EF_TASK_NONE)) {
            return 0;
        }
    }
    for (size_t i = 0; i < EF_TASK_AFTER; i++) {
        if (t->after[i] != EF_TASK_NONE && !s->ended[t->after[i]]) {
            return 0;
        }
    }
    return 1;
}

static void begin(simulation *s, size_t task)
{
    const ef_task *t = &s->tasks->tasks[task];
    s->made->start_ps[task] = s->now_ps;
    s->made->end_ps[task] = s->now_ps + t->time_ps;
    for (unsigned i = 0; i < EF_RESOURCE_COUNT; i++) {
        if (t->resources >> i & 1) {
            s->queues[i].now = task;
            s->queues[i].next = find_next(s, i, task + 1);
        }
    }
}

/* Begins what can begin now; the number of tasks. */
static size_t begin_all(simulation *s)
{
    size_t n = 0;
    for (unsigned i = 0; i < EF_RESOURCE_COUNT; i++) {
        size_t task = s->queues[i].next;
        if (task < s->tasks->n && is_ready(s, task)) {
            begin(s, task);
            n++;
        }
    }
    return n;
}

/* Goes to the next end of a task, and ends all that end there; 0 where none runs. */
static int go_on(simulation *s)
{
    uint64_t next_ps = UINT64_MAX;
    for (unsigned i = 0; i < EF_RESOURCE_COUNT; i++) {
        size_t task = s->queues[i].now;
        if (task != EF_TASK_NONE && s->made->end_ps[task] < next_ps) {
            next_ps = s->made->end_ps[task];
        }
    }
    if (next_ps == UINT64_MAX) {
        return 0;
    }
    s->now_ps = next_ps;
    for (unsigned i = 0; i < EF_RESOURCE_COUNT; i++) {
        size_t task = s->queues[i].now;
        if (task != EF_TASK_NONE && s->made->end_ps[task] == next_ps) {
            s->queues[i].now = EF_TASK_NONE;
            s->n_ended += !s->ended[task];
            s->ended[task] = 1;
        }
    }
    return 1;
}

static ef_status run(simulation *s, ef_error *err)
{
    for (unsigned i = 0; i < EF_RESOURCE_COUNT; i++) {
        s->queues[i] = (queue){find_next(s, i, 0), EF_TASK_NONE};
    }
    do {
        while (begin_all(s) > 0) {
        }
    } while (go_on(s));
    if (s->n_ended < s->tasks->n) {
        return ef_error_set(err, EF_ERR_FAILED, "tasks wait for each other");
    }
    s->made->time_ps = s->now_ps;
    return EF_OK;
}

/* --- layers --- */

static void add_wait(ef_layer_time *layer, const ef_task *task)
{
    int is_transfer = (task->resources >> EF_RESOURCE_DRAM & 1) != 0;
    if (task->kind == EF_TASK_SYNC) {
        layer->waits_ps[EF_BOUND_SYNC] += task->time_ps;
    } else if (is_transfer) {
        ef_bound slower = task->bus_ps > task->dram_ps ? EF_BOUND_BUS : EF_BOUND_DRAM;
        layer->waits_ps[EF_BOUND_DMA] += task->setup_ps;
        layer->waits_ps[slower] += task->time_ps - task->setup_ps;
        layer->bits += task->bits;
    } else {
        ef_bound slower =
            task->buffer_ps > task->unit_ps ? EF_BOUND_BUFFER : EF_BOUND_COMPUTE;
        layer->waits_ps[slower] += task->time_ps;
    }
}

static ef_bound most(const ef_layer_time *layer, ef_bound first, ef_bound last)
{
    ef_bound found = first;
    for (unsigned i = first; i <= last; i++) {
        if (layer->waits_ps[i] > layer->waits_ps[found]) {
            found = (ef_bound)i;
        }
    }
    return found;
}

/* dma_ps: how long the layer's tasks hold the DMA engine. */
static ef_bound find_bound(const ef_layer_time *layer, uint64_t dma_ps)
{
    uint64_t all_ps = 0;
    for (size_t i = 0; i < EF_BOUND_COUNT; i++) {
        all_ps += layer->waits_ps[i];
    }
    return dma_ps > all_ps - dma_ps ? most(layer, EF_BOUND_SYNC, EF_BOUND_DMA)
                                    : most(layer, EF_BOUND_COMPUTE, EF_BOUND_SYNC);
}

static double utilisation(const ef_accelerator *a, const ef_layer *layer,
                          uint64_t time_ps)
{
    double cycles = (double)time_ps / EF_PS_PER_S * a->clock_hz;
    double work = (double)(layer->macs > 0 ? layer->macs : layer->operations);
    double width = layer->macs > 0 ? (double)a->rows.size * a->columns.size : a->lanes;
    return time_ps > 0 ? work / (width * cycles) : 0;
}

static void sum_layer(const ef_workload *workload, const ef_accelerator *accelerator,
                      const ef_tasks *tasks, ef_schedule *made, size_t index)
{
    ef_layer_time *layer = &made->layers[index];
    uint64_t dma_ps = 0;
    layer->start_ps = UINT64_MAX;
    for (size_t i = tasks->first[index]; i < tasks->first[index + 1]; i++) {
        const ef_task *task = &tasks->tasks[i];
        uint64_t start = made->start_ps[i], end = made->end_ps[i];
        layer->start_ps = start < layer->start_ps ? start : layer->start_ps;
        layer->end_ps = end > layer->end_ps ? end : layer->end_ps;
        dma_ps += task->resources >> EF_RESOURCE_DMA & 1 ? task->time_ps : 0;
        add_wait(layer, task);
    }
    layer->bound = find_bound(layer, dma_ps);
    layer->utilisation = utilisation(accelerator, &workload->layers[index],
                                     layer->end_ps - layer->start_ps);
}

/* --- all --- */

static ef_status make(ef_schedule *made, const ef_workload *workload,
                      const ef_accelerator *accelerator, const ef_tasks *tasks,
                      ef_error *err)
{
    simulation s = {.tasks = tasks, .made = made};
    made->n_layers = workload->n_layers;
    made->start_ps = ef_calloc(tasks->n, sizeof *made->start_ps);
    made->end_ps = ef_calloc(tasks->n, sizeof *made->end_ps);
    made->layers = ef_calloc(workload->n_layers, sizeof *made->layers);
    s.ended = ef_calloc(tasks->n, sizeof *s.ended);
    int is_whole = made->start_ps && made->end_ps && made->layers && s.ended;
    ef_status status = is_whole ? run(&s, err) : ef_error_memory(err);
    ef_free(s.ended);
    for (size_t i = 0; !status && i < workload->n_layers; i++) {
        sum_layer(workload, accelerator, tasks, made, i);
    }
    return status;
}

ef_status ef_schedule_create(ef_schedule **schedule, const ef_workload *workload,
                             const ef_accelerator *accelerator, const ef_tasks *tasks,
                             ef_error *err)
{
    ef_schedule *made = ef_calloc(1, sizeof *made);
    ef_status status =
        made ? make(made, workload, accelerator, tasks, err) : ef_error_memory(err);
    if (status) {
        ef_schedule_destroy(made);
    } else {
        *schedule = made;
    }
    return status;
}

void ef_schedule_destroy(ef_schedule *schedule)
{
    if (schedule) {
        ef_free(schedule->start_ps);
        ef_free(schedule->end_ps);
        ef_free(schedule->layers);
        ef_free(schedule);
    }
}
