#include "objectives/tiling.h"

#include <math.h>

enum { SUM_BITS = 32 };

/* Smaller tiles have to save this share of the time: without it a layer falls into
 * thousands of them where transfers cost nothing to set up. */
#define LEAST_GAIN (1.0 / 256)

double ef_whole_ps(double time_s)
{
    return ceil(time_s * EF_PS_PER_S * (1 - 0x1p-48));
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* --- one tile --- */

double ef_tile_rows(const ef_layer *layer, uint32_t begin, uint32_t end)
{
    if (layer->stride[0] > layer->kernel_extent[0] && end - begin > 1) {
        double rows = 0;
        for (uint32_t i = begin; i < end; i++) {
            rows += ef_tile_rows(layer, i, i + 1);
        }
        return rows;
    }
    int64_t first = (int64_t)begin * layer->stride[0] - layer->pad[0];
    int64_t last =
        (int64_t)(end - 1) * layer->stride[0] - layer->pad[0] + layer->kernel_extent[0];
    int64_t height = layer->input_extent[0];
    first = first > 0 ? first : 0;
    last = last < height ? last : height;
    return last > first ? (double)(last - first) : 0;
}

double ef_tile_rows_fetched(const ef_layer *layer, uint32_t r)
{
    double rows = 0;
    uint32_t height = layer->loops[EF_LOOP_OUTPUT_ROW];
    for (uint32_t begin = 0; begin < height; begin += r) {
        rows += ef_tile_rows(layer, begin, height - begin < r ? height : begin + r);
    }
    return rows;
}

static void set_extents(const ef_layer *layer, const ef_tile *tile, uint32_t *extents)
{
    for (size_t i = 0; i < EF_LOOP_COUNT; i++) {
        extents[i] = layer->loops[i];
    }
    extents[EF_LOOP_GROUP] = tile->groups;
    extents[EF_LOOP_OUTPUT_CHANNEL] = tile->outputs;
    extents[EF_LOOP_INPUT_CHANNEL] = tile->inputs;
    extents[EF_LOOP_OUTPUT_ROW] = tile->rows;
}

double ef_tile_cycles(const ef_accelerator *accelerator, const ef_layer *layer,
                      const ef_tile *tile)
{
    uint32_t extents[EF_LOOP_COUNT], rows[EF_LOOP_COUNT], columns[EF_LOOP_COUNT];
    set_extents(layer, tile, extents);
    ef_array_spread(&accelerator->rows, extents, rows);
    ef_array_spread(&accelerator->columns, extents, columns);
    double cycles = 1;
    for (size_t i = 0; i < EF_LOOP_COUNT; i++) {
        uint64_t at_once = (uint64_t)rows[i] * columns[i];
        cycles *= (double)((extents[i] + at_once - 1) / at_once);
    }
    return cycles;
}

/* Of the layer's work. */
static double share_of(const ef_layer *layer, const ef_tile *tile)
{
    const uint32_t *loops = layer->loops;
    return (double)tile->groups * tile->outputs * tile->inputs * tile->rows /
           ((double)loops[EF_LOOP_GROUP] * loops[EF_LOOP_OUTPUT_CHANNEL] *
            loops[EF_LOOP_INPUT_CHANNEL] * loops[EF_LOOP_OUTPUT_ROW]);
}

static double cycles_to_ps(const ef_accelerator *accelerator, double cycles)
{
    return ef_whole_ps(cycles / accelerator->clock_hz);
}

double ef_tile_unit_ps(const ef_tiling *tiling, const ef_tile *tile)
{
    const ef_layer *layer = tiling->layer;
    double cycles = layer->macs > 0
                        ? ef_tile_cycles(tiling->accelerator, layer, tile)
                        : ceil((double)layer->operations * share_of(layer, tile) /
                               tiling->accelerator->lanes);
    return cycles_to_ps(tiling->accelerator, cycles);
}

double ef_tile_buffer_ps(const ef_tiling *tiling, const ef_tile *tile)
{
    double bytes = tiling->operand_bits * share_of(tiling->layer, tile) / 8;
    return cycles_to_ps(tiling->accelerator,
                        bytes / tiling->accelerator->buffer_bytes_per_cycle);
}

ef_transfer_ps ef_transfer_time(const ef_accelerator *accelerator, double n,
                                double bits)
{
    double bytes = bits / 8;
    return (ef_transfer_ps){
        .setup = ef_whole_ps(n * accelerator->dma_setup_s),
        .dram = ef_whole_ps(n * accelerator->dram_latency_s +
                            bytes / accelerator->dram_bytes_per_s),
        .bus = ef_whole_ps(bytes / accelerator->bus_bytes_per_s),
    };
}

/* --- all tiles of a layer --- */

static double parts(uint32_t extent, uint32_t size)
{
    return (double)((extent + size - 1) / size);
}

/* How many tiles there are along each loop. */
typedef struct counts {
    double groups, outputs, inputs, rows;
} counts;

static counts count(const ef_layer *layer, const ef_tile *tile)
{
    const uint32_t *loops = layer->loops;
    return (counts){parts(loops[EF_LOOP_GROUP], tile->groups),
                    parts(loops[EF_LOOP_OUTPUT_CHANNEL], tile->outputs),
                    parts(loops[EF_LOOP_INPUT_CHANNEL], tile->inputs),
                    parts(loops[EF_LOOP_OUTPUT_ROW], tile->rows)};
}

/* Rows of the input in the largest band of r output rows. */
static double most_rows(const ef_layer *layer, uint32_t r)
{
    uint32_t stride = layer->stride[0], extent = layer->kernel_extent[0];
    double rows = (double)(r - 1) * (stride < extent ? stride : extent) + extent;
    return rows < layer->input_extent[0] ? rows : layer->input_extent[0];
}

static double channels_of(const ef_layer *layer)
{
    return (double)layer->loops[EF_LOOP_GROUP] * layer->loops[EF_LOOP_INPUT_CHANNEL];
}

double ef_tiling_needs(const ef_tiling *t, const ef_tile *tile)
{
    const ef_layer *layer = t->layer;
    counts n = count(layer, tile);
    double channels = (double)tile->groups * tile->inputs;
    double input = ceil(t->input_bits * most_rows(layer, tile->rows) * channels /
                        ((double)layer->input_extent[0] * channels_of(layer)));
    double weights = ceil((double)layer->weight_bits * channels * tile->outputs /
                          (channels_of(layer) * layer->loops[EF_LOOP_OUTPUT_CHANNEL]));
    double width = n.inputs > 1 ? SUM_BITS : t->output_width;
    double output = (double)tile->groups * tile->outputs * tile->rows *
                    layer->loops[EF_LOOP_OUTPUT_COLUMN] * width;
    double n_weights = n.groups * n.outputs * n.inputs;
    double n_inputs = n.groups * n.rows * n.inputs;
    double n_outputs = t->output_width ? n.groups * n.outputs * n.rows : 1;
    return input * (n_inputs > 1 ? 2 : 1) + weights * (n_weights > 1 ? 2 : 1) +
           output * (n_outputs > 1 ? 2 : 1);
}

/* --- the estimate --- */

/* Time of the computing unit for all tiles: the full ones and the ragged ends. */
static double unit_time(const ef_tiling *t, const ef_tile *tile)
{
    enum { LOOPS = 4 };
    const uint32_t *loops = t->layer->loops;
    const uint32_t extents[LOOPS] = {
        loops[EF_LOOP_GROUP], loops[EF_LOOP_OUTPUT_CHANNEL],
        loops[EF_LOOP_INPUT_CHANNEL], loops[EF_LOOP_OUTPUT_ROW]};
    const uint32_t sizes[LOOPS] = {tile->groups, tile->outputs, tile->inputs,
                                   tile->rows};
    uint32_t rests[LOOPS];
    unsigned ragged = 0; /* a bit for each loop */
    for (unsigned i = 0; i < LOOPS; i++) {
        rests[i] = extents[i] % sizes[i];
        ragged |= (unsigned)(rests[i] > 0) << i;
    }
    double sum = 0;
    for (unsigned ends = 0; ends < 1U << LOOPS; ends++) {
        if ((ends & ragged) != ends) {
            continue;
        }
        uint32_t made[LOOPS];
        double n = 1;
        for (unsigned i = 0; i < LOOPS; i++) {
            int is_end = (ends >> i & 1) != 0;
            made[i] = is_end ? rests[i] : sizes[i];
            n *= is_end ? 1 : extents[i] / sizes[i];
        }
        const ef_tile of = {made[0], made[1], made[2], made[3], 0};
        sum += n * larger(ef_tile_unit_ps(t, &of), ef_tile_buffer_ps(t, &of));
    }
    return sum;
}

static double transfer_ps(const ef_tiling *t, double n, double bits)
{
    ef_transfer_ps ps = ef_transfer_time(t->accelerator, n, bits);
    return n > 0 ? ps.setup + larger(ps.dram, ps.bus) : 0;
}

/* Tiles of weights and inputs that are loaded, by the order of the loops. */
static void count_loads(const counts *n, int rows_inside, double *weights,
                        double *inputs)
{
    double weight_tiles = n->groups * n->outputs * n->inputs;
    double input_tiles = n->groups * n->rows * n->inputs;
    int stays = n->inputs == 1;
    *weights = stays && (rows_inside || n->outputs == 1) ? weight_tiles
                                                         : weight_tiles * n->rows;
    *inputs = stays && (!rows_inside || n->rows == 1) ? input_tiles
                                                      : input_tiles * n->outputs;
}

/* What a layer's time is made of, but for the computing unit's own. */
typedef struct moving {
    double first, last; /* ps, not hidden: the first load, the last store */
    double hidden;      /* ps of the DMA engine in between */
    double waits;       /* ps of synchronisations of the computing unit */
    double bits;
} moving;

static double output_bits(const ef_tiling *t)
{
    const uint32_t *loops = t->layer->loops;
    return (double)loops[EF_LOOP_GROUP] * loops[EF_LOOP_OUTPUT_CHANNEL] *
           loops[EF_LOOP_OUTPUT_ROW] * loops[EF_LOOP_OUTPUT_COLUMN] * t->output_width;
}

static moving move(const ef_tiling *t, const ef_tile *tile, double fetched)
{
    counts n = count(t->layer, tile);
    double weight_tiles = n.groups * n.outputs * n.inputs;
    double input_tiles = n.groups * n.rows * n.inputs;
    double weight_loads, input_loads;
    count_loads(&n, tile->rows_inside, &weight_loads, &input_loads);
    double inputs =
        t->input_bits * fetched / t->layer->input_extent[0] * input_loads / input_tiles;
    double weights = (double)t->layer->weight_bits * weight_loads / weight_tiles;
    double stores = t->output_width ? n.groups * n.outputs * n.rows : 0;
    double outputs = output_bits(t);
    double n_inputs = t->n_loads * input_loads;
    double n_weights = t->layer->weight_bits > 0 ? weight_loads : 0;
    double sync = ef_whole_ps(t->accelerator->sync_s);
    moving m = {.bits = inputs + weights + outputs};
    m.first = transfer_ps(t, t->n_loads, inputs / input_loads) +
              transfer_ps(t, n_weights > 0, weights / weight_loads);
    m.last = transfer_ps(t, stores > 0, stores > 0 ? outputs / stores : 0);
    double all = transfer_ps(t, n_inputs + n_weights + stores, m.bits) + sync * stores;
    m.hidden = larger(all - m.first - m.last, 0);
    double tiles = weight_tiles * n.rows, loads = larger(n_inputs, n_weights);
    m.waits = sync * (loads < tiles ? loads : tiles);
    return m;
}

/* The computing unit and the DMA engine run side by side. */
static double time_of(const moving *m, double unit_ps)
{
    return m->first + larger(unit_ps + m->waits, m->hidden) + m->last;
}

/* --- the search --- */

typedef struct search {
    const ef_tiling *tiling;
    ef_tile best;
    ef_tile_cost cost;
    int found;
    double least_unit_ps; /* with nothing idle */
} search;

static void try_order(search *s, const ef_tile *tile, double fetched, double *unit_ps)
{
    moving m = move(s->tiling, tile, fetched);
    if (s->found && time_of(&m, s->least_unit_ps) > s->cost.time_ps) {
        return;
    }
    *unit_ps = *unit_ps >= 0 ? *unit_ps : unit_time(s->tiling, tile);
    double time_ps = time_of(&m, *unit_ps), gain = s->cost.time_ps - time_ps;
    if (!s->found || gain > s->cost.time_ps * LEAST_GAIN ||
        (gain >= 0 && m.bits < s->cost.bits)) {
        s->best = *tile;
        s->cost = (ef_tile_cost){time_ps, m.bits};
        s->found = 1;
    }
}

static void try_tile(search *s, ef_tile tile, double fetched)
{
    if (ef_tiling_needs(s->tiling, &tile) > s->tiling->room) {
        return;
    }
    double unit_ps = -1; /* not known yet, the same in both orders */
    tile.rows_inside = 1;
    try_order(s, &tile, fetched, &unit_ps);
    tile.rows_inside = 0;
    try_order(s, &tile, fetched, &unit_ps);
}

/* The next n of 1, 2, 3, 4, 6, 8, 12, 16 ... */
static uint32_t next_count(uint32_t n)
{
    int is_power = (n & (n - 1)) == 0;
    return n == 1 ? 2 : is_power ? n + n / 2 : n + n / 3;
}

/* The next smaller of ceil(extent / n), with these n; 0 behind 1. */
static uint32_t next_size(uint32_t extent, uint32_t *n)
{
    uint32_t size = (extent + *n - 1) / *n, next = size;
    while (size > 1 && next == size) {
        *n = next_count(*n);
        next = (extent + *n - 1) / *n;
    }
    return size > 1 ? next : 0;
}

static void try_channels(search *s, uint32_t inputs, uint32_t rows)
{
    const uint32_t *loops = s->tiling->layer->loops;
    uint32_t groups = loops[EF_LOOP_GROUP], outputs = loops[EF_LOOP_OUTPUT_CHANNEL];
    double fetched = ef_tile_rows_fetched(s->tiling->layer, rows);
    uint32_t n = 1;
    uint32_t all = inputs < loops[EF_LOOP_INPUT_CHANNEL] ? 1 : groups;
    for (uint32_t g = all; g >= 1; g = next_size(all, &n)) {
        try_tile(s, (ef_tile){g, outputs, inputs, rows, 0}, fetched);
    }
    n = 1;
    for (uint32_t k = next_size(outputs, &n); k >= 1; k = next_size(outputs, &n)) {
        try_tile(s, (ef_tile){1, k, inputs, rows, 0}, fetched);
    }
}

/* The computing unit's with all of it at work, rounding let go. */
static double least_unit_time(const ef_tiling *t)
{
    const ef_accelerator *a = t->accelerator;
    double macs = (double)a->rows.size * a->columns.size;
    return ((double)t->layer->macs / macs + (double)t->layer->operations / a->lanes) *
           (EF_PS_PER_S / a->clock_hz) * (1 - 1e-9);
}

int ef_tiling_choose(const ef_tiling *tiling, ef_tile *tile, ef_tile_cost *cost)
{
    search s = {.tiling = tiling, .least_unit_ps = least_unit_time(tiling)};
    uint32_t height = tiling->layer->loops[EF_LOOP_OUTPUT_ROW];
    uint32_t inputs = tiling->layer->loops[EF_LOOP_INPUT_CHANNEL];
    for (;;) {
        uint32_t n = 1;
        for (uint32_t r = height; r >= 1; r = next_size(height, &n)) {
            try_channels(&s, inputs, r);
        }
        if (s.found || inputs == 1) {
            break;
        }
        inputs = (inputs + 1) / 2;
    }
    *tile = s.found ? s.best : *tile;
    *cost = s.found ? s.cost : *cost;
    return s.found;
}
