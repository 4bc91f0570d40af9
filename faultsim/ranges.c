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
    ef_histogram *histograms; /* (n_nodes) of all blocks, when values are counted */
    ef_histogram_part *part;
} view;

typedef struct job {
    const ef_net *net;
    const float *images;
    size_t n_images, n_nodes;
    ef_range *ranges;         /* (blocks, n_nodes) */
    ef_histogram *histograms; /* (n_nodes) */
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

static void count(void *context, const ef_node *node, ef_shape shape,
                  const float *values, size_t lanes, size_t n_images)
{
    view *v = context;
    ef_histogram *to = &v->histograms[node - ef_topology_node(v->topology, 0)];
    size_t plane = (size_t)shape.height * shape.width;
    for (size_t c = 0; c < shape.channels; c++) {
        const float *channel = values + c * ef_forward_plane(shape, lanes);
        for (size_t i = 0; i < plane; i++) {
            ef_histogram_count(to, v->part, n_images, channel + i * lanes);
        }
    }
    ef_histogram_take(to, v->part);
}

/* Runs the images of a block before an observer's eyes. */
static ef_status show(const job *j, size_t block, ef_forward_observer *observer,
                      view *v, ef_error *err)
{
    ef_forward *forward = NULL;
    size_t begin = block * BLOCK, rest = j->n_images - begin;
    ef_status status = ef_forward_create_observed(&forward, j->net, observer, v, err);
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
    return logits ? EF_OK : ef_error_memory(err);
}

static ef_status observe_block(void *context, size_t block, ef_error *err)
{
    job *j = context;
    view v = {.topology = j->net->topology, .nodes = j->ranges + block * j->n_nodes};
    ef_status status = show(j, block, observe, &v, err);
    if (status || !v.bad) {
        return status;
    }
    return ef_error_set(err, EF_ERR_INPUT,
                        "node %s: a value is not finite in the fault-free run",
                        v.bad->name);
}

static ef_status count_block(void *context, size_t block, ef_error *err)
{
    job *j = context;
    view v = {.topology = j->net->topology, .histograms = j->histograms};
    v.part = ef_calloc(1, sizeof *v.part);
    ef_status status = v.part ? show(j, block, count, &v, err) : ef_error_memory(err);
    ef_free(v.part);
    return status;
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
    job j = {net, images, n, ef_topology_n_nodes(net->topology), NULL, NULL};
    j.ranges = ef_calloc(n_blocks * j.n_nodes, sizeof *j.ranges);
    if (!j.ranges) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n_blocks * j.n_nodes; i++) {
        j.ranges[i] = (ef_range){INFINITY, -INFINITY};
    }
    ef_status status = ef_parallel_for(n_blocks, n_threads, observe_block, &j, err);
    gather(&j, n_blocks, to);
    ef_free(j.ranges);
    return status;
}

static ef_status fill(ef_ranges *ranges, const ef_net *net, const float *images,
                      size_t n, size_t n_threads, ef_error *err)
{
    job j = {net, images, n, ranges->n, NULL, NULL};
    ranges->histograms = ef_calloc(ranges->n, sizeof *ranges->histograms);
    if (!ranges->histograms) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < ranges->n; i++) {
        const ef_range *range = &ranges->nodes[i];
        ef_histogram_init(&ranges->histograms[i],
                          fmaxf(0, fmaxf(-range->low, range->high)));
    }
    j.histograms = ranges->histograms;
    return ef_parallel_for((n + BLOCK - 1) / BLOCK, n_threads, count_block, &j, err);
}

ef_status ef_ranges_create_by(ef_ranges **ranges, const ef_net *net,
                              const float *images, size_t n, const ef_range_rule *rule,
                              size_t n_threads, ef_error *err)
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
    made->rule = *rule;
    ef_status status = find(net, images, n, n_threads, made->nodes, err);
    if (!status && rule->kind != EF_RANGE_MAX) {
        status = fill(made, net, images, n, n_threads, err);
    }
    if (status) {
        ef_ranges_destroy(made);
        return status;
    }
    *ranges = made;
    return EF_OK;
}

ef_status ef_ranges_create(ef_ranges **ranges, const ef_net *net, const float *images,
                           size_t n, size_t n_threads, ef_error *err)
{
    const ef_range_rule all = {.kind = EF_RANGE_MAX};
    return ef_ranges_create_by(ranges, net, images, n, &all, n_threads, err);
}

void ef_ranges_destroy(ef_ranges *ranges)
{
    if (ranges) {
        ef_free(ranges->histograms);
        ef_free(ranges);
    }
}
