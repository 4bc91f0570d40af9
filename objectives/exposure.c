#include "objectives/exposure.h"

#include "base/mem.h"

/* A tile of weights or of an input that lies in the buffer. */
typedef struct loaded {
    double bits;
    uint64_t since_ps;
} loaded;

typedef struct summing {
    const ef_workload *workload;
    const ef_tasks *tasks;
    const ef_schedule *schedule;
    ef_exposure_list *made;
    loaded *inputs;       /* (n_tensors) */
    uint64_t *written_ps; /* (n_tensors) the last store */
    uint64_t *read_ps;    /* (n_tensors) the end of the last load */
    loaded weights;
    ef_exposed_tensor *of_weights; /* of the layer; NULL: it has none */
    uint64_t used_ps;              /* the end of the last computation of the layer */
} summing;

static double seconds(uint64_t from_ps, uint64_t to_ps)
{
    return to_ps > from_ps ? (double)(to_ps - from_ps) / EF_PS_PER_S : 0;
}

/* --- tasks --- */

/* The tile was used for the last time, and another takes its place. */
static void unload(const summing *s, loaded *tile, ef_exposed_tensor *tensor)
{
    if (tile->bits > 0) {
        tensor->bit_seconds += tile->bits * seconds(tile->since_ps, s->used_ps);
    }
    tile->bits = 0;
}

/* The end of the last layer that reads a kept tensor. */
static uint64_t end_of_use(const summing *s, uint32_t tensor)
{
    return s->schedule->layers[s->workload->tensors[tensor].last_use].end_ps;
}

static void add_load(summing *s, const ef_task *task, uint64_t end_ps)
{
    if (task->kind == EF_TASK_LOAD_WEIGHTS) {
        unload(s, &s->weights, s->of_weights);
        s->weights = (loaded){(double)task->bits, end_ps};
    } else {
        unload(s, &s->inputs[task->tensor], &s->made->tensors[task->tensor]);
        s->inputs[task->tensor] = (loaded){(double)task->bits, end_ps};
        s->read_ps[task->tensor] = end_ps;
    }
}

static void add_compute(summing *s, const ef_task *task, uint64_t end_ps)
{
    s->used_ps = end_ps;
    if (s->tasks->kept[task->tensor]) {
        s->made->tensors[task->tensor].bit_seconds +=
            (double)task->bits * seconds(end_ps, end_of_use(s, task->tensor));
    }
}

/* task `index` is the store: its tile was computed before. */
static void add_store(summing *s, size_t index)
{
    const ef_task *task = &s->tasks->tasks[index];
    const ef_task *sync = &s->tasks->tasks[task->after[0]];
    uint64_t computed_ps = s->schedule->end_ps[sync->after[0]];
    uint64_t end_ps = s->schedule->end_ps[index];
    s->made->tensors[task->tensor].bit_seconds +=
        (double)task->bits * seconds(computed_ps, end_ps);
    s->written_ps[task->tensor] = end_ps;
}

static void add_task(summing *s, size_t index)
{
    const ef_task *task = &s->tasks->tasks[index];
    uint64_t end_ps = s->schedule->end_ps[index];
    if (task->kind == EF_TASK_LOAD_WEIGHTS || task->kind == EF_TASK_LOAD_INPUT) {
        add_load(s, task, end_ps);
    } else if (task->kind == EF_TASK_COMPUTE) {
        add_compute(s, task, end_ps);
    } else if (task->kind == EF_TASK_STORE) {
        add_store(s, index);
    }
}

/* --- layers and tensors --- */

static void add_layer(summing *s, size_t index)
{
    const ef_layer *layer = &s->workload->layers[index];
    s->of_weights = NULL;
    if (layer->weight_bits > 0) {
        s->of_weights = &s->made->tensors[s->made->n++];
        *s->of_weights = (ef_exposed_tensor){
            .node = layer->node, .is_weights = 1, .bits = layer->weight_bits};
        s->of_weights->off_bit_seconds =
            (double)layer->weight_bits * seconds(0, s->schedule->time_ps);
    }
    for (size_t i = s->tasks->first[index]; i < s->tasks->first[index + 1]; i++) {
        add_task(s, i);
    }
    if (s->of_weights) {
        unload(s, &s->weights, s->of_weights);
    }
    for (uint32_t k = 0; k < layer->n_inputs; k++) {
        uint32_t input = layer->inputs[k];
        unload(s, &s->inputs[input], &s->made->tensors[input]);
    }
}

/* The image lies off chip from the beginning, a map that is not kept from its last
 * store; to the last load, or to the end. */
static void add_off_chip(summing *s)
{
    for (size_t i = 0; i < s->workload->n_tensors; i++) {
        const ef_stored_tensor *tensor = &s->workload->tensors[i];
        int is_logits = tensor->last_use == s->workload->n_layers;
        uint64_t until_ps = is_logits ? s->schedule->time_ps : s->read_ps[i];
        if (!s->tasks->kept[i]) {
            s->made->tensors[i].off_bit_seconds =
                (double)s->made->tensors[i].bits * seconds(s->written_ps[i], until_ps);
        }
    }
}

static void add_totals(ef_exposure_list *made)
{
    double on[2] = {0, 0}, off[2] = {0, 0};
    for (size_t i = 0; i < made->n; i++) {
        ef_exposed_tensor *tensor = &made->tensors[i];
        int kind = tensor->is_weights;
        tensor->time_s =
            tensor->bits > 0 ? tensor->bit_seconds / (double)tensor->bits : 0;
        on[kind] += tensor->bit_seconds;
        off[kind] += tensor->off_bit_seconds;
    }
    double all = on[0] + on[1] + off[0] + off[1];
    made->weight_share = on[0] + on[1] > 0 ? on[1] / (on[0] + on[1]) : 0;
    made->weight_share_all = all > 0 ? (on[1] + off[1]) / all : 0;
}

static void sum_all(summing *s)
{
    ef_exposure_list *made = s->made;
    made->time_s = seconds(0, s->schedule->time_ps);
    for (size_t i = 0; i < s->workload->n_tensors; i++) {
        const ef_stored_tensor *tensor = &s->workload->tensors[i];
        made->tensors[made->n++] = (ef_exposed_tensor){
            .node = tensor->node, .bits = (uint64_t)tensor->elements * tensor->width};
    }
    for (size_t i = 0; i < s->workload->n_layers; i++) {
        add_layer(s, i);
    }
    add_off_chip(s);
    add_totals(made);
}

/* --- all --- */

ef_status ef_exposure_of(ef_exposure_list **list, const ef_workload *workload,
                         const ef_tasks *tasks, const ef_schedule *schedule,
                         ef_error *err)
{
    size_t n = workload->n_tensors;
    summing s = {.workload = workload, .tasks = tasks, .schedule = schedule};
    s.made = ef_calloc(1, sizeof *s.made);
    s.inputs = ef_calloc(n, sizeof *s.inputs);
    s.written_ps = ef_calloc(2 * n, sizeof *s.written_ps);
    ef_status status = EF_ERR_MEMORY;
    if (s.made && s.inputs && s.written_ps) {
        s.read_ps = s.written_ps + n;
        s.made->tensors = ef_calloc(n + workload->n_layers, sizeof *s.made->tensors);
        status = s.made->tensors ? EF_OK : EF_ERR_MEMORY;
    }
    if (status) {
        ef_exposure_destroy(s.made);
        status = ef_error_memory(err);
    } else {
        sum_all(&s);
        *list = s.made;
    }
    ef_free(s.inputs);
    ef_free(s.written_ps);
    return status;
}

ef_status ef_exposure_create(ef_exposure_list **list, const ef_topology *topology,
                             const ef_format *format, const ef_accelerator *accelerator,
                             ef_error *err)
{
    ef_workload *workload = NULL;
    ef_tasks *tasks = NULL;
    ef_schedule *schedule = NULL;
    ef_status status = ef_workload_create(&workload, topology, format, err);
    status =
        status ? status : ef_tasks_create(&tasks, workload, accelerator, topology, err);
    status = status ? status
                    : ef_schedule_create(&schedule, workload, accelerator, tasks, err);
    status = status ? status : ef_exposure_of(list, workload, tasks, schedule, err);
    ef_schedule_destroy(schedule);
    ef_tasks_destroy(tasks);
    ef_workload_destroy(workload);
    return status;
}

void ef_exposure_destroy(ef_exposure_list *list)
{
    if (list) {
        ef_free(list->tensors);
        ef_free(list);
    }
}
