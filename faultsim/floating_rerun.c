/* The engine that runs faults in float networks: what is kept of the fault-free run. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "faultsim/floating_priv.h"

/* --- sums that are kept ----------------------------------------------------------- */

#define STOP_STRIDE 8   /* input channels, at least */
#define SHARE_OF_SUMS 2 /* sums take at most 1/2 of what tensors take */

/* What stops so far apart take, in pixels. */
static size_t stops_size(const ef_step *step, size_t stride)
{
    return (step->in_end - 1) / stride * ef_shape_elements(step->out.shape);
}

static int has_stops(const ef_step *step)
{
    ef_op op = step->node->op;
    return (op == EF_OP_CONV || op == EF_OP_DENSE) && step->groups == 1;
}

/* Small images first: there most weights are, and sums take least. */
static ef_status choose_stops(ef_floating *rerun, ef_error *err)
{
    const ef_forward_plan *plan = rerun->plan;
    rerun->stops = ef_calloc(plan->n_steps, sizeof *rerun->stops);
    if (!rerun->stops) {
        return ef_error_memory(err);
    }
    size_t room = 0;
    for (size_t i = 0; i < plan->n_steps; i++) {
        room += ef_shape_elements(plan->steps[i].out.shape) / SHARE_OF_SUMS;
    }
    for (size_t i = plan->n_steps; i-- > 0;) {
        const ef_step *step = &plan->steps[i];
        ef_fstops *stops = &rerun->stops[i];
        size_t stride = STOP_STRIDE;
        while (has_stops(step) && stops_size(step, stride) > room) {
            stride *= 2;
        }
        stops->stride = stride;
        stops->n = has_stops(step) ? (step->in_end - 1) / stride : 0;
        stops->at = rerun->n_sums;
        rerun->n_sums += has_stops(step) ? stops_size(step, stride) : 0;
        room -= has_stops(step) ? stops_size(step, stride) : 0;
    }
    return EF_OK;
}

/* --- blocks ----------------------------------------------------------------------- */

static ef_status make_block(const ef_floating *rerun, ef_fblock *block)
{
    const ef_forward_plan *plan = rerun->plan;
    size_t size = 0;
    for (size_t i = 0; i < plan->n_steps; i++) {
        ef_shape shape = plan->steps[i].out.shape;
        size += shape.channels * ef_forward_plane(shape, block->lanes);
    }
    block->memory = ef_calloc_aligned(size, sizeof *block->memory);
    block->channels = ef_calloc(plan->n_channels, sizeof *block->channels);
    block->sums = ef_calloc_aligned(rerun->n_sums * block->lanes, sizeof *block->sums);
    if (!block->memory || !block->channels || !block->sums) {
        return EF_ERR_MEMORY;
    }
    float *at = block->memory;
    for (size_t i = 0, to = 0; i < plan->n_steps; i++) {
        ef_shape shape = plan->steps[i].out.shape;
        for (size_t c = 0; c < shape.channels; c++) {
            block->channels[to++] = at;
            at += ef_forward_plane(shape, block->lanes);
        }
    }
    return EF_OK;
}

/* Vectors shared out evenly. */
static ef_status make_blocks(ef_floating *rerun, size_t most_vectors, ef_error *err)
{
    size_t width = rerun->plan->kernels->width, n = rerun->base.n;
    size_t n_vectors = (n + width - 1) / width;
    rerun->n_blocks = (n_vectors + most_vectors - 1) / most_vectors;
    rerun->blocks = ef_calloc(rerun->n_blocks, sizeof *rerun->blocks);
    if (!rerun->blocks) {
        return ef_error_memory(err);
    }
    for (size_t b = 0; b < rerun->n_blocks; b++) {
        size_t begin = b * n_vectors / rerun->n_blocks * width;
        size_t end = (b + 1) * n_vectors / rerun->n_blocks * width;
        ef_fblock *block = &rerun->blocks[b];
        block->first = begin;
        block->lanes = end - begin;
        block->n = end < n ? end - begin : n - begin;
        if (make_block(rerun, block)) {
            return ef_error_memory(err);
        }
    }
    return EF_OK;
}

/* --- the fault-free run ----------------------------------------------------------- */

static int is_finite(const ef_fblock *block, const ef_step *step)
{
    size_t n = (size_t)step->out.shape.height * step->out.shape.width;
    int finite = 1;
    for (size_t c = 0; c < step->out.shape.channels; c++) {
        const float *from = block->channels[step->out.first + c];
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < block->n; k++) {
                finite &= isfinite(from[i * block->lanes + k]) != 0;
            }
        }
    }
    return finite;
}

static void keep_sums(const ef_floating *rerun, const ef_fblock *block, size_t index,
                      size_t stop)
{
    const ef_step *step = &rerun->plan->steps[index];
    size_t n = (size_t)step->out.shape.height * step->out.shape.width * block->lanes;
    for (size_t c = 0; c < step->out.shape.channels; c++) {
        memcpy(ef_fstop_sums(block, &rerun->stops[index], step, stop, c),
               block->channels[step->out.first + c], n * sizeof(float));
    }
}

/* From stop to stop, and then to the end. */
static void run_step(const ef_floating *rerun, const ef_fblock *block,
                     const ef_forward *forward, size_t index)
{
    const ef_fstops *stops = &rerun->stops[index];
    ef_step last = rerun->plan->steps[index], step = last;
    ef_area area = whole_area(step.out.shape);
    step.n_spans = 0;
    step.code = NULL;
    for (size_t i = 0; i < stops->n; i++) {
        step.in_end = (uint32_t)((i + 1) * stops->stride);
        step.run(forward, &step, &area);
        keep_sums(rerun, block, index, i);
        step.in_begin = last.in_begin = step.in_end;
    }
    last.run(forward, &last, &area);
}

static ef_status run_steps(const ef_floating *rerun, const ef_fblock *block,
                           const ef_forward *forward, ef_error *err)
{
    for (size_t i = 0; i < rerun->plan->n_steps; i++) {
        const ef_step *step = &rerun->plan->steps[i];
        run_step(rerun, block, forward, i);
        if (!is_finite(block, step)) {
            return ef_error_set(
                err, EF_ERR_INPUT,
                "node %s: a value is not finite in the fault-free run",
                ef_topology_node(rerun->fnet->net->topology, step->tail)->name);
        }
    }
    return EF_OK;
}

static ef_status run_block(void *context, size_t index, ef_error *err)
{
    ef_floating *rerun = context;
    const ef_fblock *block = &rerun->blocks[index];
    size_t classes = rerun->base.classes;
    ef_forward forward = {.plan = rerun->plan,
                          .channels = block->channels,
                          .lanes = block->lanes,
                          .images = rerun->images + block->first * rerun->image_size,
                          .n_images = block->n};
    float *logits = ef_calloc(block->n * classes, sizeof *logits);
    if (!logits) {
        return ef_error_memory(err);
    }
    ef_status status = run_steps(rerun, block, &forward, err);
    ef_forward_read_logits(&forward, logits);
    for (size_t i = 0; i < block->n && !status; i++) {
        size_t image = block->first + i;
        for (size_t c = 0; c < classes; c++) {
            rerun->base.logits[image * classes + c] = (double)logits[i * classes + c];
        }
        status = ef_rerun_set_class(&rerun->base, image, err);
    }
    ef_free(logits);
    return status;
}

/* --- creating --------------------------------------------------------------------- */

static ef_status make_plan(ef_floating *rerun, const ef_kernels *kernels,
                           size_t most_vectors, ef_error *err)
{
    const ef_fnet *fnet = rerun->fnet;
    const ef_forward_options options = {.max_batch = most_vectors * kernels->width,
                                        .kernels = kernels,
                                        .stored = fnet->stored,
                                        .codes = fnet->codes};
    ef_status status =
        ef_forward_plan_create(&rerun->plan, fnet->decoded, &options, err);
    size_t n_nodes = ef_topology_n_nodes(fnet->net->topology);
    rerun->step_of = ef_calloc(n_nodes, sizeof *rerun->step_of);
    if (status || !rerun->step_of) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < rerun->plan->n_steps; i++) {
        /* from the last node of a step, each is the only one that reads another */
        const ef_step *step = &rerun->plan->steps[i];
        size_t node = step->tail;
        rerun->step_of[node] = (uint32_t)i;
        while (node != step->head) {
            node = ef_topology_node(fnet->net->topology, node)->inputs[0];
            rerun->step_of[node] = (uint32_t)i;
        }
    }
    return EF_OK;
}

static ef_status add_sites(ef_floating *rerun, ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < rerun->fnet->n_sites && !status; i++) {
        size_t index;
        status =
            ef_rerun_add_site(&rerun->base, &rerun->fnet->sites[i].site, &index, err);
    }
    return status;
}

static void destroy(ef_rerun *base)
{
    ef_floating *rerun = (ef_floating *)base;
    for (size_t b = 0; rerun->blocks && b < rerun->n_blocks; b++) {
        ef_free(rerun->blocks[b].memory);
        ef_free(rerun->blocks[b].channels);
        ef_free(rerun->blocks[b].sums);
    }
    ef_free(rerun->blocks);
    ef_free(rerun->images);
    ef_free(rerun->step_of);
    ef_free(rerun->stops);
    ef_forward_plan_destroy(rerun->plan);
    ef_rerun_clear(base);
    ef_free(rerun);
}

static const ef_rerun_engine engine = {
    .name = "floating",
    .destroy = destroy,
    .worker_create = ef_floating_worker_create,
    .worker_destroy = ef_floating_worker_destroy,
    .strike = ef_floating_strike,
};

static ef_status fill(ef_floating *rerun, const ef_rerun_images *images,
                      const ef_kernels *kernels, size_t most_vectors, ef_error *err)
{
    const ef_topology *topology = rerun->fnet->net->topology;
    size_t classes =
        ef_shape_elements(ef_topology_shape(topology, ef_topology_output(topology)));
    rerun->image_size =
        ef_shape_elements(ef_topology_shape(topology, ef_topology_input(topology)));
    ef_status status = ef_rerun_init(&rerun->base, &engine, images, classes, err);
    if (status) {
        return status;
    }
    size_t size = images->n * rerun->image_size * sizeof *rerun->images;
    rerun->images = ef_memdup(images->images, size);
    status = rerun->images ? EF_OK : ef_error_memory(err);
    status = status ? status : make_plan(rerun, kernels, most_vectors, err);
    status = status ? status : add_sites(rerun, err);
    status = status ? status : choose_stops(rerun, err);
    status = status ? status : make_blocks(rerun, most_vectors, err);
    return status ? status
                  : ef_parallel_for(rerun->n_blocks, images->n_threads, run_block,
                                    rerun, err);
}

ef_status ef_floating_create(ef_rerun **rerun, const ef_fnet *fnet,
                             const ef_rerun_images *images, const ef_kernels *kernels,
                             size_t most_vectors, ef_error *err)
{
    ef_floating *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->fnet = fnet;
    made->base.engine = &engine;
    ef_status status = fill(made, images, kernels, most_vectors, err);
    if (status) {
        destroy(&made->base);
        return status;
    }
    *rerun = &made->base;
    return EF_OK;
}

/* One vector: few images keep their tensors in the cache, and a fault that changes
 * nothing in any of them is done with. */
ef_status ef_rerun_create_float(ef_rerun **rerun, const ef_fnet *fnet,
                                const ef_rerun_images *images, ef_error *err)
{
    size_t n;
    return ef_floating_create(rerun, fnet, images, ef_kernels_available(&n)[0], 1, err);
}
