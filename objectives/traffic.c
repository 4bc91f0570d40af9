#include "objectives/traffic.h"

#include <math.h>

#include "base/mem.h"
#include "objectives/tiling.h"
#include "objectives/hardware.h"

enum { SUM_BITS = 32 };

/* A layer as the tiling sees it, once it is known what is kept. */
typedef struct problem {
    const ef_layer *layer;
    double input_bits; /* of inputs that are not kept */
    double weight_bits;
    double output_bits; /* 0: kept */
    double row;         /* elements of a row of one output channel */
    double width;       /* bits of an element of the tile; 0: kept */
    double room;        /* bits */
} problem;

typedef struct plan {
    const ef_workload *workload;
    double capacity;    /* bits */
    double *layer_bits; /* (n_layers) */
    double *resident;   /* (n_layers) bits of kept tensors that live at a layer */
    double *tried;      /* (n_layers) layer_bits if one more were kept */
    uint8_t *kept;      /* (n_tensors) */
} plan;

/* --- one layer --- */

/* Rows of the input in a tile of r output rows. */
static double tile_rows(const ef_layer *layer, double r)
{
    uint32_t stride = layer->stride[0], extent = layer->kernel_extent[0];
    double rows = (r - 1) * (stride < extent ? stride : extent) + extent;
    return rows < layer->input_extent[0] ? rows : layer->input_extent[0];
}

static double tile_bits(const problem *p, double k, double c, double r)
{
    const uint32_t *loops = p->layer->loops;
    double height = p->layer->input_extent[0];
    double rows = tile_rows(p->layer, r);
    double channels = (double)loops[EF_LOOP_GROUP] * loops[EF_LOOP_INPUT_CHANNEL];
    double width = c < loops[EF_LOOP_INPUT_CHANNEL] ? SUM_BITS : p->width;
    return p->input_bits * c * rows / (channels * height) +
           p->weight_bits * k * c / (channels * loops[EF_LOOP_OUTPUT_CHANNEL]) +
           k * r * p->row * width;
}

/* The most output channels of which a tile fits, with c and r as they are. */
static double most_channels(const problem *p, double c, double r)
{
    double all = p->layer->loops[EF_LOOP_OUTPUT_CHANNEL];
    double none = tile_bits(p, 0, c, r), each = tile_bits(p, 1, c, r) - none;
    if (tile_bits(p, all, c, r) <= p->room) {
        return all;
    }
    double k = floor((p->room - none) / each);
    k = k < 0 ? 0 : k > all ? all : k;
    /* The division is rounded. */
    while (k > 0 && tile_bits(p, k, c, r) > p->room) {
        k--;
    }
    while (k < all && tile_bits(p, k + 1, c, r) <= p->room) {
        k++;
    }
    return k;
}

/* The least traffic of inputs and weights in bands of r rows; infinite where no tile
 * fits.  Fewer channels of a kind only save room, so that the ends are enough. */
static double cost_of_bands(const problem *p, uint32_t r)
{
    const uint32_t *loops = p->layer->loops;
    double outputs = loops[EF_LOOP_OUTPUT_CHANNEL];
    double inputs = loops[EF_LOOP_INPUT_CHANNEL];
    double bands = ceil((double)loops[EF_LOOP_OUTPUT_ROW] / r);
    double in =
        p->input_bits * ef_tile_rows_fetched(p->layer, r) / p->layer->input_extent[0];
    double best = INFINITY, k = most_channels(p, inputs, r);
    if (k >= 1) {
        double passes = ceil(outputs / k);
        double weights_stay = (bands > 1 ? in * passes : in) + p->weight_bits;
        double inputs_stay = in + p->weight_bits * (passes > 1 ? bands : 1);
        best = fmin(weights_stay, inputs_stay);
    }
    k = inputs > 1 ? most_channels(p, 1, r) : 0;
    if (k >= 1) {
        best = fmin(best, in * ceil(outputs / k) + p->weight_bits * bands);
    }
    return best;
}

static double cost_of_layer(const problem *p)
{
    uint32_t height = p->layer->loops[EF_LOOP_OUTPUT_ROW];
    double least = p->input_bits * ef_tile_rows_fetched(p->layer, height) /
                       p->layer->input_extent[0] +
                   p->weight_bits;
    double best = INFINITY;
    for (uint32_t r = height; r >= 1 && best > least; r--) {
        best = fmin(best, cost_of_bands(p, r));
    }
    return best + p->output_bits;
}

/* Layer i, with tensor `extra` kept too where it is not SIZE_MAX. */
static double cost_at(const plan *a, size_t i, size_t extra)
{
    const ef_layer *layer = &a->workload->layers[i];
    const ef_stored_tensor *tensors = a->workload->tensors;
    const ef_stored_tensor *output = &tensors[layer->output];
    problem p = {.layer = layer, .weight_bits = (double)layer->weight_bits};
    p.room = a->capacity - a->resident[i];
    if (extra != SIZE_MAX) {
        p.room -= (double)tensors[extra].elements * tensors[extra].width;
    }
    for (uint32_t k = 0; k < layer->n_inputs; k++) {
        uint32_t input = layer->inputs[k];
        if (!a->kept[input] && input != extra) {
            p.input_bits += (double)layer->input_elements[k] * tensors[input].width;
        }
    }
    p.row = (double)output->elements /
            ((double)layer->loops[EF_LOOP_GROUP] *
             layer->loops[EF_LOOP_OUTPUT_CHANNEL] * layer->loops[EF_LOOP_OUTPUT_ROW]);
    if (!a->kept[layer->output] && layer->output != extra) {
        p.width = output->width;
        p.output_bits = (double)output->elements * output->width;
    }
    return cost_of_layer(&p);
}

/* --- what is kept --- */

static void try_to_keep(plan *a, size_t index)
{
    const ef_stored_tensor *tensor = &a->workload->tensors[index];
    double before = 0, after = 0;
    for (size_t i = tensor->first_use; i <= tensor->last_use; i++) {
        a->tried[i] = cost_at(a, i, index);
        before += a->layer_bits[i];
        after += a->tried[i];
    }
    if (after >= before) {
        return;
    }
    a->kept[index] = 1;
    for (size_t i = tensor->first_use; i <= tensor->last_use; i++) {
        a->layer_bits[i] = a->tried[i];
        a->resident[i] += (double)tensor->elements * tensor->width;
    }
}

static ef_status make_plan(plan *a, const ef_accelerator *accelerator,
                           const ef_topology *topology, ef_error *err)
{
    const ef_workload *w = a->workload;
    for (size_t i = 0; i < w->n_layers; i++) {
        a->layer_bits[i] = cost_at(a, i, SIZE_MAX);
        if (isinf(a->layer_bits[i])) {
            return ef_error_set(
                err, EF_ERR_INPUT,
                "node %s: not even its smallest tile fits the buffer of %s (%.0f B)",
                ef_topology_node(topology, w->layers[i].node)->name, accelerator->name,
                accelerator->buffer_bytes);
        }
    }
    for (size_t i = 1; i < w->n_tensors; i++) {
        if (w->tensors[i].last_use < w->n_layers) {
            try_to_keep(a, i);
        }
    }
    return EF_OK;
}

ef_status ef_traffic_plan(const ef_workload *workload,
                          const ef_accelerator *accelerator,
                          const ef_topology *topology, double *layer_bits,
                          uint8_t *kept, ef_error *err)
{
    enum { BYTE = 8 };
    double *memory = ef_calloc(2 * workload->n_layers, sizeof *memory);
    if (!memory) {
        return ef_error_memory(err);
    }
    plan a = {.workload = workload,
              .capacity = accelerator->buffer_bytes * BYTE,
              .layer_bits = layer_bits,
              .resident = memory,
              .tried = memory + workload->n_layers,
              .kept = kept};
    for (size_t i = 0; i < workload->n_tensors; i++) {
        kept[i] = 0;
    }
    ef_status status = make_plan(&a, accelerator, topology, err);
    ef_free(memory);
    return status;
}

/* --- objective --- */

static ef_status score(const ef_workload *workload, const ef_accelerator *accelerator,
                       const ef_topology *topology, double *value, ef_error *err)
{
    double *bits = ef_calloc(workload->n_layers, sizeof *bits);
    uint8_t *kept = ef_calloc(workload->n_tensors, sizeof *kept);
    ef_status status =
        bits && kept ? ef_traffic_plan(workload, accelerator, topology, bits, kept, err)
                     : ef_error_memory(err);
    double sum = 0;
    for (size_t i = 0; !status && i < workload->n_layers; i++) {
        sum += bits[i];
    }
    *value = status ? *value : sum / 8;
    ef_free(bits);
    ef_free(kept);
    return status;
}

ef_status ef_score_traffic(EF_OBJECTIVE_ARGS)
{
    ef_workload *workload = NULL;
    ef_status status = ef_objective_lower(&workload, topology, objective, context, err);
    if (!status) {
        status = score(workload, context->accelerator, topology, value, err);
    }
    ef_workload_destroy(workload);
    return status;
}
