#include "objectives/tasks.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "objectives/hardware.h"

const char *ef_resource_name(ef_resource resource)
{
    static const char *const names[EF_RESOURCE_COUNT] = {
#define X(resource, name) name,
        EF_RESOURCE_LIST(X)
#undef X
    };
    return names[resource];
}

/* --- what is kept --- */

typedef struct planning {
    const ef_workload *workload;
    const ef_accelerator *accelerator;
    ef_tasks *made;
    double *operand_bits; /* (n_layers) */
    double *resident;     /* (n_layers) bits of kept tensors that live at a layer */
    ef_tile_cost *cost;   /* (n_layers) */
    ef_tile_cost *tried;  /* (n_layers) if one more were kept */
    ef_tile *tiles;       /* (n_layers) likewise */
} planning;

static double bits_of(const ef_stored_tensor *tensor)
{
    return (double)tensor->elements * tensor->width;
}

/* Layer i, with tensor `extra` kept too where it is not SIZE_MAX. */
static ef_tiling tiling_of(const planning *p, size_t i, size_t extra)
{
    const ef_layer *layer = &p->workload->layers[i];
    const ef_stored_tensor *tensors = p->workload->tensors;
    ef_tiling t = {.accelerator = p->accelerator, .layer = layer};
    t.operand_bits = p->operand_bits[i];
    t.room = p->accelerator->buffer_bytes * 8 - p->resident[i];
    t.room -= extra != SIZE_MAX ? bits_of(&tensors[extra]) : 0;
    for (uint32_t k = 0; k < layer->n_inputs; k++) {
        uint32_t input = layer->inputs[k];
        if (!p->made->kept[input] && input != extra) {
            t.n_loads++;
            t.input_bits += (double)layer->input_elements[k] * tensors[input].width;
        }
    }
    if (!p->made->kept[layer->output] && layer->output != extra) {
        t.output_width = tensors[layer->output].width;
    }
    return t;
}

static int uses(const ef_layer *layer, size_t tensor)
{
    for (uint32_t k = 0; k < layer->n_inputs; k++) {
        if (layer->inputs[k] == tensor) {
            return 1;
        }
    }
    return layer->output == tensor;
}

/* 0: no tile of layer i would fit any more. */
static int try_layer(planning *p, size_t i, size_t extra)
{
    ef_tiling t = tiling_of(p, i, extra);
    const ef_tile *now = &p->made->tiles[i];
    /* Less room for the same work: what was best and still fits is still best. */
    if (!uses(t.layer, extra) && ef_tiling_needs(&t, now) <= t.room) {
        p->tiles[i] = *now;
        p->tried[i] = p->cost[i];
        return 1;
    }
    return t.room >= 0 && ef_tiling_choose(&t, &p->tiles[i], &p->tried[i]);
}

static void try_to_keep(planning *p, size_t index)
{
    const ef_stored_tensor *tensor = &p->workload->tensors[index];
    ef_tile_cost before = {0, 0}, after = {0, 0};
    for (size_t i = tensor->first_use; i <= tensor->last_use; i++) {
        if (!try_layer(p, i, index)) {
            return;
        }
        before.time_ps += p->cost[i].time_ps;
        before.bits += p->cost[i].bits;
        after.time_ps += p->tried[i].time_ps;
        after.bits += p->tried[i].bits;
    }
    if (after.time_ps > before.time_ps ||
        (after.time_ps == before.time_ps && after.bits >= before.bits)) {
        return;
    }
    p->made->kept[index] = 1;
    for (size_t i = tensor->first_use; i <= tensor->last_use; i++) {
        p->cost[i] = p->tried[i];
        p->made->tiles[i] = p->tiles[i];
        p->resident[i] += bits_of(tensor);
    }
}

static ef_status choose_tiles(planning *p, const ef_topology *topology, ef_error *err)
{
    const ef_workload *w = p->workload;
    for (size_t i = 0; i < w->n_layers; i++) {
        p->operand_bits[i] = ef_operand_bits(p->accelerator, &w->layers[i]);
        ef_tiling t = tiling_of(p, i, SIZE_MAX);
        if (!ef_tiling_choose(&t, &p->made->tiles[i], &p->cost[i])) {
            return ef_error_set(
                err, EF_ERR_INPUT,
                "node %s: not even its smallest tiles, two of a kind, fit the buffer "
                "of %s (%.0f B)",
                ef_topology_node(topology, w->layers[i].node)->name,
                p->accelerator->name, p->accelerator->buffer_bytes);
        }
    }
    for (size_t i = 1; i < w->n_tensors; i++) {
        if (w->tensors[i].last_use < w->n_layers) {
            try_to_keep(p, i);
        }
    }
    return EF_OK;
}

/* --- tasks --- */

/* Which tile of each loop. */
typedef struct place {
    uint32_t group, output, input, row;
} place;

typedef struct pending {
    size_t compute; /* the task whose output waits for its store; NONE */
    uint32_t tile;
    uint64_t bits;
} pending;

typedef struct emission {
    planning *p;
    ef_tasks *made;
    size_t index; /* of the layer */
    ef_tiling tiling;
    ef_tile tile;
    uint32_t n; /* tiles so far */
    size_t barrier;
    size_t computed[2]; /* tasks of tiles n - 1, n - 2 */
    pending stores[2];  /* of those tiles, likewise */
    size_t stored;      /* the last store of this layer */
    place last;         /* tile of each kind that was loaded last */
    int failed, is_full;
} emission;

static size_t push(emission *e, ef_task task)
{
    ef_tasks *made = e->made;
    if (e->failed || e->is_full || made->n == EF_TASKS_MAX) {
        e->is_full |= !e->failed;
        return EF_TASK_NONE;
    }
    if (made->n == made->capacity) {
        size_t capacity = made->capacity ? 2 * made->capacity : 1024;
        ef_task *grown = ef_realloc(made->tasks, capacity, sizeof *grown);
        if (!grown) {
            e->failed = 1;
            return EF_TASK_NONE;
        }
        made->tasks = grown;
        made->capacity = capacity;
    }
    task.layer = (uint32_t)e->index;
    made->tasks[made->n] = task;
    return made->n++;
}

static unsigned unit_of(const ef_layer *layer)
{
    return 1U << (layer->macs > 0 ? EF_RESOURCE_ARRAY : EF_RESOURCE_VECTOR);
}

static size_t push_transfer(emission *e, ef_task_kind kind, uint32_t tile,
                            uint32_t tensor, double bits, size_t after)
{
    ef_transfer_ps ps = ef_transfer_time(e->p->accelerator, 1, bits);
    ef_task task = {.kind = kind,
                    .resources = 1U << EF_RESOURCE_DMA | 1U << EF_RESOURCE_BUS |
                                 1U << EF_RESOURCE_DRAM,
                    .tile = tile,
                    .tensor = tensor,
                    .bits = (uint64_t)bits,
                    .setup_ps = (uint64_t)ps.setup,
                    .dram_ps = (uint64_t)ps.dram,
                    .bus_ps = (uint64_t)ps.bus,
                    .after = {after, EF_TASK_NONE}};
    task.time_ps =
        task.setup_ps + (task.dram_ps > task.bus_ps ? task.dram_ps : task.bus_ps);
    return push(e, task);
}

static size_t push_sync(emission *e, unsigned resource, uint32_t tile, size_t after)
{
    return push(e,
                (ef_task){.kind = EF_TASK_SYNC,
                          .resources = resource,
                          .tile = tile,
                          .time_ps = (uint64_t)ef_whole_ps(e->p->accelerator->sync_s),
                          .after = {after, EF_TASK_NONE}});
}

/* What of an extent lies in tile number `at`. */
static uint32_t extent_of(uint32_t extent, uint32_t size, uint32_t at)
{
    uint32_t left = extent - at * size;
    return left < size ? left : size;
}

static ef_tile tile_at(const emission *e, const place *at)
{
    const uint32_t *loops = e->tiling.layer->loops;
    const ef_tile *t = &e->tile;
    return (ef_tile){
        extent_of(loops[EF_LOOP_GROUP], t->groups, at->group),
        extent_of(loops[EF_LOOP_OUTPUT_CHANNEL], t->outputs, at->output),
        extent_of(loops[EF_LOOP_INPUT_CHANNEL], t->inputs, at->input),
        extent_of(loops[EF_LOOP_OUTPUT_ROW], t->rows, at->row),
        t->rows_inside,
    };
}

static int is_new_weight(const emission *e, const place *at)
{
    return e->n == 0 || at->group != e->last.group || at->output != e->last.output ||
           at->input != e->last.input;
}

static int is_new_input(const emission *e, const place *at)
{
    return e->n == 0 || at->group != e->last.group || at->row != e->last.row ||
           at->input != e->last.input;
}

/* The last load of the tile, or NONE. */
static size_t push_loads(emission *e, const place *at, const ef_tile *tile)
{
    const ef_layer *layer = e->tiling.layer;
    const uint32_t *loops = layer->loops;
    size_t last = EF_TASK_NONE, after = e->n < 2 ? e->barrier : e->computed[1];
    double channels = (double)tile->groups * tile->inputs;
    double all = (double)loops[EF_LOOP_GROUP] * loops[EF_LOOP_INPUT_CHANNEL];
    if (layer->weight_bits > 0 && is_new_weight(e, at)) {
        double bits = ceil((double)layer->weight_bits * channels * tile->outputs /
                           (all * loops[EF_LOOP_OUTPUT_CHANNEL]));
        last = push_transfer(e, EF_TASK_LOAD_WEIGHTS, e->n, 0, bits, after);
    }
    uint32_t begin = at->row * e->tile.rows;
    double rows = ef_tile_rows(layer, begin, begin + tile->rows);
    for (uint32_t k = 0; k < layer->n_inputs && is_new_input(e, at); k++) {
        const ef_stored_tensor *input = &e->p->workload->tensors[layer->inputs[k]];
        double bits = ceil((double)layer->input_elements[k] * input->width * rows *
                           channels / (layer->input_extent[0] * all));
        if (!e->made->kept[layer->inputs[k]] && bits > 0) {
            last = push_transfer(e, EF_TASK_LOAD_INPUT, e->n, layer->inputs[k], bits,
                                 after);
        }
    }
    return last;
}

/* The store of the tile two before, if one is due. */
static void push_store(emission *e)
{
    pending *due = &e->stores[1];
    if (due->compute != EF_TASK_NONE) {
        uint32_t output = e->tiling.layer->output;
        size_t sync = push_sync(e, 1U << EF_RESOURCE_DMA, due->tile, due->compute);
        e->stored =
            push_transfer(e, EF_TASK_STORE, due->tile, output, (double)due->bits, sync);
    }
    due->compute = EF_TASK_NONE;
}

static void push_compute(emission *e, const place *at, const ef_tile *tile, size_t load)
{
    const ef_layer *layer = e->tiling.layer;
    const ef_stored_tensor *output = &e->p->workload->tensors[layer->output];
    int is_first = at->input == 0;
    int is_last = (at->input + 1) * (uint64_t)e->tile.inputs >=
                  layer->loops[EF_LOOP_INPUT_CHANNEL];
    size_t ready = e->n == 0 ? e->barrier : EF_TASK_NONE;
    if (load != EF_TASK_NONE) {
        ready = push_sync(e, unit_of(layer), e->n, load);
    }
    ef_task task = {.kind = EF_TASK_COMPUTE,
                    .resources = unit_of(layer),
                    .tile = e->n,
                    .tensor = layer->output,
                    .unit_ps = (uint64_t)ef_tile_unit_ps(&e->tiling, tile),
                    .buffer_ps = (uint64_t)ef_tile_buffer_ps(&e->tiling, tile),
                    .after = {ready, is_first ? e->stored : EF_TASK_NONE}};
    task.time_ps = task.unit_ps > task.buffer_ps ? task.unit_ps : task.buffer_ps;
    if (is_last) {
        task.bits = (uint64_t)tile->groups * tile->outputs * tile->rows *
                    layer->loops[EF_LOOP_OUTPUT_COLUMN] * output->width;
    }
    size_t compute = push(e, task);
    e->computed[1] = e->computed[0];
    e->computed[0] = compute;
    e->stores[1] = e->stores[0];
    e->stores[0] = (pending){is_last && e->tiling.output_width ? compute : EF_TASK_NONE,
                             e->n, task.bits};
}

static void push_tile(emission *e, const place *at)
{
    ef_tile tile = tile_at(e, at);
    size_t load = push_loads(e, at, &tile);
    push_store(e);
    push_compute(e, at, &tile, load);
    e->last = *at;
    e->n++;
}

/* The output channels and rows of one group tile, in the order of the tile. */
static void push_group(emission *e, uint32_t group, const place *n)
{
    uint32_t outer = e->tile.rows_inside ? n->output : n->row;
    uint32_t inner = e->tile.rows_inside ? n->row : n->output;
    for (uint32_t a = 0; a < outer; a++) {
        for (uint32_t b = 0; b < inner; b++) {
            for (uint32_t c = 0; c < n->input && !e->failed && !e->is_full; c++) {
                place at = {group, e->tile.rows_inside ? a : b, c,
                            e->tile.rows_inside ? b : a};
                push_tile(e, &at);
            }
        }
    }
}

static uint32_t parts(uint32_t extent, uint32_t size)
{
    return (extent + size - 1) / size;
}

static void push_layer(emission *e)
{
    const uint32_t *loops = e->tiling.layer->loops;
    const place n = {parts(loops[EF_LOOP_GROUP], e->tile.groups),
                     parts(loops[EF_LOOP_OUTPUT_CHANNEL], e->tile.outputs),
                     parts(loops[EF_LOOP_INPUT_CHANNEL], e->tile.inputs),
                     parts(loops[EF_LOOP_OUTPUT_ROW], e->tile.rows)};
    e->n = 0;
    e->stored = EF_TASK_NONE;
    e->stores[0].compute = e->stores[1].compute = EF_TASK_NONE;
    for (uint32_t group = 0; group < n.group; group++) {
        push_group(e, group, &n);
    }
    push_store(e);
    e->stores[1] = e->stores[0];
    push_store(e);
    e->barrier = e->stored != EF_TASK_NONE ? e->stored : e->computed[0];
}

static ef_status push_all(planning *p, ef_error *err)
{
    emission e = {.p = p, .made = p->made, .barrier = EF_TASK_NONE};
    for (size_t i = 0; i < p->workload->n_layers; i++) {
        p->made->first[i] = p->made->n;
        e.index = i;
        e.tiling = tiling_of(p, i, SIZE_MAX);
        e.tile = p->made->tiles[i];
        push_layer(&e);
    }
    p->made->first[p->workload->n_layers] = p->made->n;
    if (e.is_full) {
        return ef_error_set(err, EF_ERR_UNSUPPORTED,
                            "more than %d tasks: the buffer of %s (%.0f B) is small "
                            "for this topology",
                            EF_TASKS_MAX, p->accelerator->name,
                            p->accelerator->buffer_bytes);
    }
    return e.failed ? ef_error_memory(err) : EF_OK;
}

/* --- all --- */

static ef_status plan_and_push(planning *p, const ef_topology *topology, ef_error *err)
{
    size_t n = p->workload->n_layers;
    ef_tasks *made = p->made;
    made->first = ef_calloc(n + 1, sizeof *made->first);
    made->tiles = ef_calloc(n, sizeof *made->tiles);
    made->kept = ef_calloc(p->workload->n_tensors, sizeof *made->kept);
    p->operand_bits = ef_calloc(2 * n, sizeof *p->operand_bits);
    p->cost = ef_calloc(2 * n, sizeof *p->cost);
    p->tiles = ef_calloc(n, sizeof *p->tiles);
    if (!made->first || !made->tiles || !made->kept || !p->operand_bits || !p->cost ||
        !p->tiles) {
        return ef_error_memory(err);
    }
    p->resident = p->operand_bits + n;
    p->tried = p->cost + n;
    ef_status status = choose_tiles(p, topology, err);
    return status ? status : push_all(p, err);
}

ef_status ef_tasks_create(ef_tasks **tasks, const ef_workload *workload,
                          const ef_accelerator *accelerator,
                          const ef_topology *topology, ef_error *err)
{
    planning p = {.workload = workload, .accelerator = accelerator};
    p.made = ef_calloc(1, sizeof *p.made);
    ef_status status = p.made ? plan_and_push(&p, topology, err) : ef_error_memory(err);
    ef_free(p.operand_bits);
    ef_free(p.cost);
    ef_free(p.tiles);
    if (status) {
        ef_tasks_destroy(p.made);
    } else {
        *tasks = p.made;
    }
    return status;
}

void ef_tasks_destroy(ef_tasks *tasks)
{
    if (tasks) {
        ef_free(tasks->tasks);
        ef_free(tasks->first);
        ef_free(tasks->tiles);
        ef_free(tasks->kept);
        ef_free(tasks);
    }
}
