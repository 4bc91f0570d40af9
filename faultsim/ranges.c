#include "faultsim/ranges.h"

#include <math.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "faultsim/forward_priv.h"

#define BLOCK 48 /* images of one unit of work */

/* What one block of images shows. */
typedef struct view {
    const ef_topology *topology;
    ef_range *nodes; /* (n_nodes) of this block */
    const ef_node *bad;
} view;

typedef struct job {
    const ef_net *net;
    const float *images;
    size_t n_images, n_nodes;
    ef_range *ranges; /* (blocks, n_nodes) */
} job;

static void widen(ef_range *range, float value)
{
    range->low = value < range->low ? value : range->low;
    range->high = value > range->high ? value : range->high;
}

static void observe(void *context, const ef_node *node, ef_shape shape,
                    const float *values, size_t lanes, size_t n_images)
{
    view *v = context;
    size_t index = (size_t)(node - ef_topology_node(v->topology, 0));
    ef_range range = v->nodes[index];
    size_t plane = (size_t)shape.height * shape.width;
    int is_finite = 1;
    for (size_t c = 0; c < shape.channels; c++) {
        const float *channel = values + c * ef_forward_plane(shape, lanes);
        for (size_t i = 0; i < plane; i++) {
            for (size_t k = 0; k < n_images; k++) {
                float value = channel[i * lanes + k];
                is_finite &= isfinite(value) != 0;
                widen(&range, value);
            }
        }
    }
    v->nodes[index] = range;
    v->bad = v->bad || is_finite ? v->bad : node;
}

static ef_status run_block(void *context, size_t block, ef_error *err)
{
    job *j = context;
    view v = {j->net->topology, j->ranges + block * j->n_nodes, NULL};
    ef_forward *forward = NULL;
    size_t begin = block * BLOCK, rest = j->n_images - begin;
    ef_status status = ef_forward_create_observed(&forward, j->net, observe, &v, err);
    if (status) {
        return status;
    }
    float *logits = ef_calloc(BLOCK * ef_forward_classes(forward), sizeof *logits);
    if (logits) {
        ef_forward_run(forward, j->images + begin * ef_forward_image_size(forward),
                       rest < BLOCK ? rest : BLOCK, logits);
    }
    ef_free(logits);
    ef_forward_destroy(forward);
    if (!logits) {
        return ef_error_memory(err);
    }
    return v.bad ? ef_error_set(err, EF_ERR_INPUT,
                                "node %s: a value is not finite in the fault-free run",
                                v.bad->name)
                 : EF_OK;
}

/* All blocks in one. */
static void gather(const job *j, size_t n_blocks, ef_range *to)
{
    for (size_t i = 0; i < j->n_nodes; i++) {
        to[i] = j->ranges[i];
        for (size_t b = 1; b < n_blocks; b++) {
            widen(&to[i], j->ranges[b * j->n_nodes + i].low);
            widen(&to[i], j->ranges[b * j->n_nodes + i].high);
        }
    }
}

static ef_status find(const ef_net *net, const float *images, size_t n,
                      size_t n_threads, ef_range *to, ef_error *err)
{
    size_t n_blocks = (n + BLOCK - 1) / BLOCK;
    job j = {net, images, n, ef_topology_n_nodes(net->topology), NULL};
    j.ranges = ef_calloc(n_blocks * j.n_nodes, sizeof *j.ranges);
    if (!j.ranges) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n_blocks * j.n_nodes; i++) {
        j.ranges[i] = (ef_range){INFINITY, -INFINITY};
    }
    ef_status status = ef_parallel_for(n_blocks, n_threads, run_block, &j, err);
    gather(&j, n_blocks, to);
    ef_free(j.ranges);
    return status;
}

ef_status ef_ranges_create(ef_ranges **ranges, const ef_net *net, const float *images,
                           size_t n, size_t n_threads, ef_error *err)
{
    size_t n_nodes = ef_topology_n_nodes(net->topology);
    if (n == 0) {
        return ef_error_set(err, EF_ERR_INPUT, "ranges need at least one image");
    }
    ef_ranges *made = ef_calloc(1, sizeof *made + n_nodes * sizeof *made->nodes);
    if (!made) {
        return ef_error_memory(err);
    }
    made->n = n_nodes;
    made->nodes = (ef_range *)(made + 1);
    ef_status status = find(net, images, n, n_threads, made->nodes, err);
    if (status) {
        ef_free(made);
        return status;
    }
    *ranges = made;
    return EF_OK;
}

void ef_ranges_destroy(ef_ranges *ranges)
{
    ef_free(ranges);
}
