/* Faults on images: parameters changed, the image run, parameters changed back. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/functions.h"
#include "faultsim/wide_priv.h"

/* --- order of flips --------------------------------------------------------------- */

/* By site, element and moment, then as they stand in the fault. */
static int compare(const void *left, const void *right)
{
    const ef_flip *a = *(const ef_flip *const *)left;
    const ef_flip *b = *(const ef_flip *const *)right;
    if (a->site != b->site) {
        return a->site < b->site ? -1 : 1;
    }
    if (a->index != b->index) {
        return a->index < b->index ? -1 : 1;
    }
    if (a->moment != b->moment) {
        return a->moment < b->moment ? -1 : 1;
    }
    return (a > b) - (a < b);
}

static ef_status sort_flips(ef_wide_worker *w, const ef_fault *faults, size_t n_faults)
{
    size_t n = 0;
    for (size_t i = 0; i < n_faults; i++) {
        n += faults[i].n;
    }
    if (n > w->flips_capacity) {
        const ef_flip **flips = ef_realloc(w->flips, n, sizeof *flips);
        w->flips = flips ? flips : w->flips;
        const ef_flip **hitting = ef_realloc(w->hitting, n, sizeof *hitting);
        w->hitting = hitting ? hitting : w->hitting;
        if (!flips || !hitting) {
            return EF_ERR_MEMORY;
        }
        w->flips_capacity = n;
    }
    n = 0;
    for (size_t i = 0; i < n_faults; i++) {
        for (size_t k = 0; k < faults[i].n; k++) {
            w->flips[n + k] = &faults[i].flips[k];
        }
        if (faults[i].n > 1) {
            qsort(w->flips + n, faults[i].n, sizeof *w->flips, compare);
        }
        n += faults[i].n;
    }
    return EF_OK;
}

/* Flips of the element that the first of n flips strikes. */
static size_t of_element(const ef_flip *const *flips, size_t n)
{
    size_t same = 1;
    while (same < n && flips[same]->site == flips[0]->site &&
           flips[same]->index == flips[0]->index) {
        same++;
    }
    return same;
}

/* --- parameters ------------------------------------------------------------------- */

/* Bits with the flips of one element that are of the image; 0: there is none. */
static int strike_bits(const ef_wide_worker *w, const ef_flip *const *flips, size_t n,
                       uint64_t *bits)
{
    int any = 0;
    for (size_t i = 0; i < n; i++) {
        if (ef_rerun_hits(&w->wide->base, flips[i], w->image)) {
            *bits = ef_fault_bits(flips[i]->kind, *bits, flips[i]->mask);
            any = 1;
        }
    }
    return any;
}

static void mark(ef_wide_worker *w, size_t index, size_t channel)
{
    w->is_struck[w->wide->channel_at[index] + channel] = 1;
    w->n_struck[index]++;
}

static void strike_weight(ef_wide_worker *w, const ef_site *site,
                          const ef_flip *const *flips, size_t n)
{
    ef_qstep *step = &w->qnet.steps[site->step];
    int32_t *weight = &step->weights[flips[0]->index];
    size_t channel = flips[0]->index / ef_qproducts(&w->qnet, step);
    const ef_code *code = ef_qweight_code(step, channel);
    uint64_t bits = ef_code_of_integer(code, *weight);
    if (strike_bits(w, flips, n, &bits)) {
        *weight = ef_code_integer(code, (uint32_t)bits);
        mark(w, site->step, channel);
    }
}

static void strike_bias(ef_wide_worker *w, const ef_site *site,
                        const ef_flip *const *flips, size_t n)
{
    size_t channel = flips[0]->index;
    int64_t *bias = &w->qnet.steps[site->step].bias[channel];
    uint64_t bits = (uint64_t)*bias;
    if (strike_bits(w, flips, n, &bits)) {
        *bias = ef_qbias_of(&w->qnet, bits);
        mark(w, site->step, channel);
    }
}

static void strike_scale(ef_wide_worker *w, const ef_site *site,
                         const ef_flip *const *flips, size_t n)
{
    ef_qscale scale = ef_qscale_of(w->wide->base.sites, flips[0]);
    uint64_t bits = bits_of_float(ef_qscale_get(&w->qnet, &scale));
    (void)site;
    if (strike_bits(w, flips, n, &bits)) {
        ef_qscale_set(&w->qnet, &scale, float_of_bits((uint32_t)bits), w->is_dirty);
    }
}

static void strike_norm(ef_wide_worker *w, const ef_site *site,
                        const ef_flip *const *flips, size_t n)
{
    float *value = ef_qnorm_of(&w->qnet, w->wide->base.sites, flips[0]);
    uint64_t bits = bits_of_float(*value);
    if (strike_bits(w, flips, n, &bits)) {
        *value = float_of_bits((uint32_t)bits);
        ef_qstep_rescale(&w->qnet, &w->qnet.steps[site->step]);
        w->is_dirty[site->step] = 1;
    }
}

static void mend_weight(ef_wide_worker *w, const ef_site *site, const ef_flip *flip)
{
    size_t index = flip->index, step = site->step;
    w->qnet.steps[step].weights[index] = w->wide->qnet->steps[step].weights[index];
}

static void mend_bias(ef_wide_worker *w, const ef_site *site, const ef_flip *flip)
{
    size_t index = flip->index, step = site->step;
    w->qnet.steps[step].bias[index] = w->wide->qnet->steps[step].bias[index];
}

static void mend_scale(ef_wide_worker *w, const ef_site *site, const ef_flip *flip)
{
    ef_qscale scale = ef_qscale_of(w->wide->base.sites, flip);
    (void)site;
    ef_qscale_set(&w->qnet, &scale, ef_qscale_get(w->wide->qnet, &scale), w->is_dirty);
}

static void mend_norm(ef_wide_worker *w, const ef_site *site, const ef_flip *flip)
{
    const ef_site *sites = w->wide->base.sites;
    *ef_qnorm_of(&w->qnet, sites, flip) = *ef_qnorm_of(w->wide->qnet, sites, flip);
    ef_qstep_rescale(&w->qnet, &w->qnet.steps[site->step]);
}

static const struct {
    void (*strike)(ef_wide_worker *w, const ef_site *site, const ef_flip *const *flips,
                   size_t n);
    void (*mend)(ef_wide_worker *w, const ef_site *site, const ef_flip *flip);
} parameters[EF_TARGET_COUNT] = {
    [EF_TARGET_WEIGHTS] = {strike_weight, mend_weight},
    [EF_TARGET_BIASES] = {strike_bias, mend_bias},
    [EF_TARGET_SCALES] = {strike_scale, mend_scale},
    [EF_TARGET_NORM] = {strike_norm, mend_norm},
};

static void strike_parameters(ef_wide_worker *w, const ef_flip *const *flips, size_t n)
{
    for (size_t i = 0, same; i < n; i += same) {
        const ef_site *site = &w->wide->base.sites[flips[i]->site];
        same = of_element(flips + i, n - i);
        if (parameters[site->target].strike) {
            parameters[site->target].strike(w, site, flips + i, same);
        }
    }
}

static void mend_parameters(ef_wide_worker *w, const ef_flip *const *flips, size_t n)
{
    for (size_t i = 0, same; i < n; i += same) {
        const ef_site *site = &w->wide->base.sites[flips[i]->site];
        same = of_element(flips + i, n - i);
        if (parameters[site->target].mend) {
            parameters[site->target].mend(w, site, flips[i]);
        }
    }
    for (size_t i = 0; i < w->wide->n_steps; i++) {
        if (w->n_struck[i] > 0) {
            memset(w->is_struck + w->wide->channel_at[i], 0,
                   w->qnet.steps[i].shape.channels);
        }
        w->n_struck[i] = 0;
        w->is_dirty[i] = 0;
    }
}

/* --- striking --------------------------------------------------------------------- */

static void strike_one(ef_wide_worker *w, const ef_flip *const *flips, size_t n,
                       size_t fault)
{
    strike_parameters(w, flips, n);
    if (ef_wide_run(w, flips, n, w->logits)) {
        ef_rerun_judge(&w->base, fault, w->image, w->logits);
    } else {
        ef_rerun_masked(&w->base, fault, w->image);
    }
    ef_wide_mend(w);
    mend_parameters(w, flips, n);
}

ef_status ef_wide_strike(ef_rerun_worker *worker, const ef_fault *faults,
                         size_t n_faults, int is_whole)
{
    ef_wide_worker *w = (ef_wide_worker *)worker;
    ef_status status = sort_flips(w, faults, n_faults);
    w->is_whole = is_whole;
    for (size_t image = 0; image < w->wide->base.n && !status; image++) {
        const ef_flip *const *flips = w->flips;
        ef_wide_load(w, image);
        for (size_t i = 0; i < n_faults; i++) {
            strike_one(w, flips, faults[i].n, i);
            flips += faults[i].n;
        }
    }
    return status;
}
