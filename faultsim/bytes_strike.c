/* Faults on all images: those of one site image by image, many at once, so that what an
 * image needs stays near; others fault by fault. */
#include <string.h>

#include "base/mem.h"
#include "faultsim/bytes_priv.h"

#define FEW 64 /* flips of a fault that is run together with others */

/* --- flips by site ---------------------------------------------------------------- */

static ef_status reserve_order(ef_bytes_worker *w, size_t n)
{
    if (n > w->order_capacity) {
        uint32_t *order = ef_realloc(w->order, n, sizeof *order);
        w->order = order ? order : w->order;
        uint32_t *hitting = ef_realloc(w->hitting, n, sizeof *hitting);
        w->hitting = hitting ? hitting : w->hitting;
        ef_bflip *flips = ef_realloc(w->flips, n, sizeof *flips);
        w->flips = flips ? flips : w->flips;
        if (!order || !hitting || !flips) {
            return EF_ERR_MEMORY;
        }
        w->order_capacity = n;
    }
    return EF_OK;
}

static ef_status reserve_hits(ef_bytes_worker *w, size_t n)
{
    if (n > w->hits_capacity) {
        ef_bhit *hits = ef_realloc(w->hits, n, sizeof *hits);
        if (!hits) {
            return EF_ERR_MEMORY;
        }
        w->hits = hits;
        w->hits_capacity = n;
    }
    return EF_OK;
}

/* Takes a fault in hand: counts its flips by site, and keeps their order in each. */
static void take(ef_bytes_worker *w, const ef_fault *fault, const ef_bhit *hits)
{
    size_t n_sites = w->rerun->base.n_sites, *first = w->site_first;
    w->fault = fault;
    w->fault_hits = hits;
    w->only_site = SIZE_MAX;
    memset(first, 0, (n_sites + 1) * sizeof *first);
    for (size_t i = 0; i < fault->n; i++) {
        first[fault->flips[i].site + 1]++;
    }
    for (size_t s = 0; s < n_sites; s++) {
        first[s + 1] += first[s];
    }
    for (size_t i = 0; i < fault->n; i++) {
        w->order[first[fault->flips[i].site]++] = (uint32_t)i;
    }
    memmove(first + 1, first, n_sites * sizeof *first);
    first[0] = 0;
}

/* --- faults of one site ----------------------------------------------------------- */

static int strikes_parameter(const ef_bytes_worker *w, const ef_flip *flip)
{
    ef_target target = w->rerun->base.sites[flip->site].target;
    return target == EF_TARGET_WEIGHTS || target == EF_TARGET_BIASES;
}

/* Parameters that change in one image only are the affair of the others. */
static int is_simple(const ef_bytes_worker *w, const ef_fault *fault)
{
    int simple = fault->n > 0 && fault->n <= FEW;
    for (size_t i = 0; i < fault->n && simple; i++) {
        const ef_flip *flip = &fault->flips[i];
        simple = flip->site == fault->flips[0].site &&
                 (flip->image < 0 || !strikes_parameter(w, flip));
    }
    return simple;
}

static void run_simple(ef_bytes_worker *w, const ef_fault *fault, const ef_bhit *hits,
                       size_t number)
{
    size_t step = w->rerun->base.sites[fault->flips[0].site].step;
    int is_last = step + 1 == w->rerun->n_steps;
    w->fault = fault;
    w->fault_hits = hits;
    w->only_site = fault->flips[0].site;
    if (is_last) {
        ef_bytes_change_weights(w, 1);
    }
    if (ef_bytes_run_image(w, step, w->logits)) {
        ef_rerun_judge(&w->base, number, w->image, w->logits);
    } else {
        ef_rerun_masked(&w->base, number, w->image);
    }
    if (is_last) {
        ef_bytes_change_weights(w, -1);
    }
}

static void strike_simple(ef_bytes_worker *w, const ef_fault *faults, size_t n_faults)
{
    ef_bhit *hits = w->hits;
    for (size_t k = 0; k < n_faults; k++) {
        if (is_simple(w, &faults[k])) {
            ef_bytes_find_hits(w, &faults[k], hits);
        }
        hits += faults[k].n;
    }
    for (size_t image = 0; image < w->rerun->base.n; image++) {
        ef_bytes_enter(w, image);
        hits = w->hits;
        for (size_t k = 0; k < n_faults; k++) {
            if (is_simple(w, &faults[k])) {
                run_simple(w, &faults[k], hits, k);
            }
            hits += faults[k].n;
        }
    }
}

/* --- others ----------------------------------------------------------------------- */

/* Whether a parameter changes in one image only. */
static int changes_by_image(const ef_bytes_worker *w, const ef_fault *fault)
{
    int changes = 0;
    for (size_t i = 0; i < fault->n && !changes; i++) {
        changes = fault->flips[i].image >= 0 && strikes_parameter(w, &fault->flips[i]);
    }
    return changes;
}

static void begin_weights(ef_bytes_worker *w, const ef_fault *fault)
{
    ef_bytes_find_hits(w, fault, w->hits);
    ef_bytes_change_weights(w, 1);
}

static void strike_other(ef_bytes_worker *w, const ef_fault *fault, size_t number)
{
    int by_image = changes_by_image(w, fault);
    take(w, fault, w->hits);
    if (!by_image) {
        begin_weights(w, fault);
    }
    for (size_t image = 0; image < w->rerun->base.n; image++) {
        ef_bytes_enter(w, image);
        if (by_image) {
            begin_weights(w, fault);
        }
        if (ef_bytes_run_image(w, 0, w->logits)) {
            ef_rerun_judge(&w->base, number, image, w->logits);
        } else {
            ef_rerun_masked(&w->base, number, image);
        }
        if (by_image) {
            ef_bytes_change_weights(w, -1);
        }
    }
    if (!by_image) {
        ef_bytes_change_weights(w, -1);
    }
}

ef_status ef_bytes_strike(ef_rerun_worker *worker, const ef_fault *faults,
                          size_t n_faults, int is_whole)
{
    ef_bytes_worker *w = (ef_bytes_worker *)worker;
    size_t most = FEW, sum = 0;
    for (size_t k = 0; k < n_faults; k++) {
        most = faults[k].n > most ? faults[k].n : most;
        sum += faults[k].n;
    }
    if (reserve_order(w, most) || reserve_hits(w, sum)) {
        return EF_ERR_MEMORY;
    }
    w->is_whole = is_whole;
    if (!is_whole) {
        strike_simple(w, faults, n_faults);
    }
    for (size_t k = 0; k < n_faults; k++) {
        if (is_whole || !is_simple(w, &faults[k])) {
            strike_other(w, &faults[k], k);
        }
    }
    return EF_OK;
}
