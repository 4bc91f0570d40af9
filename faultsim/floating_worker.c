/* What one thread needs to run faults in float networks, and the order in which they
 * run: block by block, so that what is kept of a block serves many faults while it is
 * in the cache. */
#include <string.h>

#include "base/mem.h"
#include "faultsim/floating_priv.h"

#define FLIPS_AT_ONCE 65536 /* that are put in order before they strike */

/* --- memory ----------------------------------------------------------------------- */

/* Floats of the packed weights of a step. */
static size_t packed_size(const ef_forward_plan *plan, const ef_step *step)
{
    if (!step->weights) {
        return 0;
    }
    size_t block = plan->kernels->block,
           n_out = step->out.shape.channels / step->groups;
    size_t n_in = plan->steps[step->inputs[0]].out.shape.channels / step->groups;
    return step->groups * ((n_out + block - 1) / block) * block * n_in *
           step->kernel[0] * step->kernel[1];
}

typedef struct extent {
    size_t channels, weights, spans, plane, codes;
} extent;

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static extent largest(const ef_floating *rerun)
{
    const ef_forward_plan *plan = rerun->plan;
    extent e = {1, 1, 1, 1, 1};
    for (size_t i = 0; i < plan->n_steps; i++) {
        const ef_step *step = &plan->steps[i];
        e.channels = larger(e.channels, step->out.shape.channels);
        e.weights = larger(e.weights, packed_size(plan, step));
        e.spans = larger(e.spans, step->n_spans);
        e.plane = larger(e.plane, ef_forward_plane(step->out.shape, plan->most_lanes));
        e.codes = larger(e.codes, rerun->fnet->n_weight_codes[step->head]);
    }
    return e;
}

static ef_status make_room(ef_floating_worker *w, ef_error *err)
{
    const ef_forward_plan *plan = w->rerun->plan;
    extent e = largest(w->rerun);
    size_t classes = w->rerun->base.classes;
    w->states = ef_calloc(plan->n_steps, sizeof *w->states);
    w->wanted = ef_calloc(e.channels, sizeof *w->wanted);
    w->weights = ef_calloc_aligned(e.weights, sizeof *w->weights);
    w->coefs = ef_calloc(e.channels, 2 * EF_SPAN_COEF * sizeof *w->coefs);
    w->spans = ef_calloc(e.spans, sizeof *w->spans);
    w->plane = ef_calloc_aligned(e.plane, sizeof *w->plane);
    w->codes = ef_calloc(e.codes, sizeof *w->codes);
    w->lane_values = ef_calloc_aligned(plan->most_lanes, sizeof *w->lane_values);
    w->lane_logits = ef_calloc(plan->most_lanes * classes, sizeof *w->lane_logits);
    w->logits = ef_calloc(classes, sizeof *w->logits);
    int has_all = w->states && w->wanted && w->weights && w->coefs && w->spans &&
                  w->plane && w->codes && w->lane_values && w->lane_logits && w->logits;
    return has_all ? EF_OK : ef_error_memory(err);
}

ef_status ef_floating_worker_create(ef_rerun_worker **worker, const ef_rerun *base,
                                    ef_error *err)
{
    const ef_floating *rerun = (const ef_floating *)base;
    ef_floating_worker *w = ef_calloc(1, sizeof *w);
    if (!w) {
        return ef_error_memory(err);
    }
    w->base.rerun = base;
    w->rerun = rerun;
    ef_status status = ef_forward_create_on(&w->forward, rerun->plan, 0, err);
    status = status ? status : make_room(w, err);
    if (status) {
        ef_floating_worker_destroy(&w->base);
        return status;
    }
    *worker = &w->base;
    return EF_OK;
}

void ef_floating_worker_destroy(ef_rerun_worker *worker)
{
    ef_floating_worker *w = (ef_floating_worker *)worker;
    ef_forward_destroy(w->forward);
    ef_fhits_free(&w->hits);
    ef_free(w->states);
    ef_free(w->wanted);
    ef_free(w->weights);
    ef_free(w->coefs);
    ef_free(w->spans);
    ef_free(w->plane);
    ef_free(w->codes);
    ef_free(w->lane_values);
    ef_free(w->lane_logits);
    ef_free(w->logits);
    ef_free(w);
}

/* --- one block -------------------------------------------------------------------- */

static void enter_block(ef_floating_worker *w, const ef_fblock *block)
{
    size_t n = w->rerun->plan->n_channels;
    w->block = block;
    w->forward->lanes = block->lanes;
    w->forward->images = w->rerun->images + block->first * w->rerun->image_size;
    w->forward->n_images = block->n;
    memcpy(w->forward->channels, block->channels, n * sizeof *block->channels);
}

/* Everything is as it was kept. */
static void reset(ef_floating_worker *w)
{
    for (size_t i = 0; i < w->rerun->plan->n_steps; i++) {
        const ef_tensor *out = &w->rerun->plan->steps[i].out;
        if (w->states[i].n_own > 0) {
            memcpy(w->forward->channels + out->first, w->block->channels + out->first,
                   out->shape.channels * sizeof *w->block->channels);
            w->states[i].n_own = 0;
        }
    }
}

/* Steps from the first that is struck on, as long as there is one to strike or one
 * that reads what differs. */
static void run_steps(ef_floating_worker *w, const ef_fhit *hits, size_t n)
{
    const ef_forward_plan *plan = w->rerun->plan;
    size_t last = w->is_whole ? plan->n_steps : 0; /* that reads what differs */
    size_t i = w->is_whole || n == 0 ? 0 : hits[0].step;
    for (size_t h = 0; i < plan->n_steps; i++) {
        if (i > last || (n == 0 && !w->is_whole)) {
            if (h == n) {
                return;
            }
            i = hits[h].step;
        }
        size_t first = h;
        while (h < n && hits[h].step == i) {
            h++;
        }
        ef_fstep_run(w, i, hits + first, h - first);
        if (w->states[i].n_own > 0) {
            last =
                plan->steps[i].last_reader > last ? plan->steps[i].last_reader : last;
        }
    }
}

static int is_apart(const ef_floating_worker *w, const ef_funit *unit, size_t image)
{
    const uint32_t *apart = w->hits.apart + unit->first_apart;
    size_t low = 0, high = unit->n_apart;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (apart[middle] < image) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < unit->n_apart && apart[low] == image;
}

static void judge(ef_floating_worker *w, const ef_funit *unit)
{
    size_t classes = w->rerun->base.classes, output = w->rerun->plan->output;
    int differs = w->states[output].n_own > 0;
    if (differs) {
        ef_fstep_ensure(w, output, whole_area(w->rerun->plan->steps[output].out.shape));
        ef_forward_read_logits(w->forward, w->lane_logits);
    }
    for (size_t lane = 0; lane < w->block->n; lane++) {
        size_t image = w->block->first + lane;
        int is_here =
            unit->image < 0 ? !is_apart(w, unit, image) : (size_t)unit->image == image;
        if (!is_here) {
            continue;
        }
        if (!differs) {
            ef_rerun_masked(&w->base, unit->fault, image);
            continue;
        }
        for (size_t c = 0; c < classes; c++) {
            w->logits[c] = (double)w->lane_logits[lane * classes + c];
        }
        ef_rerun_judge(&w->base, unit->fault, image, w->logits);
    }
}

/* --- striking --------------------------------------------------------------------- */

static void strike_block(ef_floating_worker *w, const ef_fblock *block)
{
    enter_block(w, block);
    for (size_t i = 0; i < w->hits.n_units; i++) {
        const ef_funit *unit = &w->hits.units[i];
        size_t image = (size_t)unit->image;
        if (unit->image >= 0 &&
            (image < block->first || image >= block->first + block->n)) {
            continue;
        }
        run_steps(w, w->hits.hits + unit->first_hit, unit->n_hits);
        judge(w, unit);
        reset(w);
    }
}

ef_status ef_floating_strike(ef_rerun_worker *worker, const ef_fault *faults,
                             size_t n_faults, int is_whole)
{
    ef_floating_worker *w = (ef_floating_worker *)worker;
    w->is_whole = is_whole;
    for (size_t i = 0; i < n_faults;) {
        ef_fhits_clear(&w->hits);
        do {
            if (ef_fhits_add(&w->hits, w->rerun, &faults[i], i)) {
                return EF_ERR_MEMORY;
            }
            i++;
        } while (i < n_faults && w->hits.n_hits + faults[i].n <= FLIPS_AT_ONCE);
        for (size_t b = 0; b < w->rerun->n_blocks; b++) {
            strike_block(w, &w->rerun->blocks[b]);
        }
    }
    return EF_OK;
}
