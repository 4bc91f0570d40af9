/* One step of a faulty run: what its inputs and its own struck bits reach is computed
 * again. */
#include <string.h>

#include "faultsim/floating_step.h"

/* --- sums that are kept ----------------------------------------------------------- */

/* The first channel of the step's only input that differs. */
static size_t first_change(const ef_fwork *k)
{
    const ef_step *from = &k->w->rerun->plan->steps[k->step->inputs[0]];
    size_t c = 0;
    while (c < from->out.shape.channels && !ef_fis_own(k->w, from, c)) {
        c++;
    }
    return c;
}

/* A convolution goes on from the sums of the channels before the first that differs. */
static void resume(ef_fwork *k)
{
    const ef_fstops *stops = &k->w->rerun->stops[k->index];
    const ef_tensor *out = &k->step->out;
    size_t lanes = k->w->forward->lanes;
    if (stops->n == 0 || k->w->is_whole || k->struck.weights != k->step->weights) {
        return;
    }
    size_t stop = first_change(k) / stops->stride;
    stop = stop < stops->n ? stop : stops->n;
    if (stop == 0) {
        return;
    }
    ef_area_runs runs = ef_area_runs_of(out->shape, lanes, &k->area);
    for (size_t c = 0; c < out->shape.channels; c++) {
        const float *from =
            ef_fstop_sums(k->w->block, stops, k->step, stop - 1, c) + runs.at;
        float *to = ef_fown_channel(k->w, k->step, c) + runs.at;
        for (size_t i = 0; k->w->wanted[c] && i < runs.n; i++) {
            memcpy(to + i * runs.stride, from + i * runs.stride,
                   runs.size * sizeof *to);
        }
    }
    k->struck.in_begin = (uint32_t)(stop * stops->stride);
}

/* --- all -------------------------------------------------------------------------- */

static void count_macs(const ef_fwork *k)
{
    const ef_topology *topology = k->w->rerun->fnet->net->topology;
    size_t n = 0, elements = ef_shape_elements(k->step->out.shape);
    for (size_t c = 0; c < k->step->out.shape.channels; c++) {
        n += k->w->wanted[c];
    }
    n *= (size_t)(k->area.bottom - k->area.top) * (k->area.right - k->area.left);
    uint64_t each = ef_topology_node_macs(topology, k->step->head) / elements;
    if (k->struck.in_begin > 0) {
        each -= each / k->step->in_end * k->struck.in_begin;
    }
    k->w->base.macs += each * n * k->w->block->n;
}

static void compute(ef_fwork *k)
{
    ef_floating_worker *w = k->w;
    size_t channels = k->step->out.shape.channels;
    k->area.channels = w->wanted;
    ef_fwork_ensure_inputs(k, k->area);
    k->state->valid = k->state->changed = k->area;
    for (size_t c = 0; c < channels; c++) {
        if (w->wanted[c]) {
            w->forward->channels[k->step->out.first + c] =
                ef_fown_channel(w, k->step, c);
            k->state->n_own++;
        }
    }
    resume(k);
    k->struck.run(w->forward, &k->struck, &k->area);
    count_macs(k);
}

void ef_fstep_run(ef_floating_worker *w, size_t index, const ef_fhit *hits, size_t n)
{
    const ef_step *step = &w->rerun->plan->steps[index];
    ef_fwork k = {.w = w,
                  .index = index,
                  .step = step,
                  .state = &w->states[index],
                  .hits = hits,
                  .n = n};
    memset(w->wanted, 0, step->out.shape.channels);
    ef_fwork_want_inputs(&k);
    ef_fwork_want_struck(&k);
    if (w->is_whole) {
        ef_fwork_want_all(&k);
    }
    ef_fwork_complete(&k);
    ef_fwork_strike_parameters(&k);
    if (!ef_area_is_empty(&k.area)) {
        compute(&k);
    }
    ef_fwork_strike_sums(&k);
    if (k.is_unstored) {
        ef_fwork_store_values(&k);
    } else {
        ef_fwork_strike_values(&k);
    }
    if (!w->is_whole && k.state->n_own > 0) {
        ef_fwork_compare(&k);
    }
}
