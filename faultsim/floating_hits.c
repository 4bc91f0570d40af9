/* Faults put in the order in which steps meet them. */
#include <stdlib.h>

#include "base/mem.h"
#include "faultsim/floating_priv.h"
#include "faultsim/functions.h"

/* --- lists ------------------------------------------------------------------------ */

static ef_status reserve(void **list, size_t *capacity, size_t n, size_t size)
{
    if (n <= *capacity) {
        return EF_OK;
    }
    size_t more = 2 * *capacity > n ? 2 * *capacity : n + 16;
    void *grown = ef_realloc(*list, more, size);
    if (!grown) {
        return EF_ERR_MEMORY;
    }
    *list = grown;
    *capacity = more;
    return EF_OK;
}

#define RESERVE(list, capacity, n)                                                     \
    reserve((void **)&(list), &(capacity), n, sizeof *(list))

void ef_fhits_clear(ef_fhits *hits)
{
    hits->n_units = hits->n_hits = hits->n_apart = 0;
}

void ef_fhits_free(ef_fhits *hits)
{
    ef_free(hits->units);
    ef_free(hits->hits);
    ef_free(hits->apart);
}

/* --- parameters ------------------------------------------------------------------- */

static int is_parameter(ef_fpart part)
{
    return part <= EF_F_VALUE_SCALE;
}

/* Bits of a parameter without a fault. */
static uint32_t bits_of(const ef_fnet *fnet, const ef_fsite *site, size_t index)
{
    size_t node = site->site.node;
    const ef_code *codes = fnet->weight_codes[node];
    switch (site->part) {
    case EF_F_WEIGHT_SCALE:
        return bits_of_float((float)codes[index].scale);
    case EF_F_VALUE_SCALE:
        return bits_of_float((float)fnet->codes[node].scale);
    case EF_F_WEIGHT:
        return ef_code_of(
            &codes[index / (site->site.count / fnet->n_weight_codes[node])],
            ef_net_values(fnet->net, node, site->role)[index]);
    default:
        return bits_of_float(ef_net_values(fnet->net, node, site->role)[index]);
    }
}

/* --- units ------------------------------------------------------------------------ */

#define COMPARE(a, b)                                                                  \
    if ((a) != (b)) {                                                                  \
        return (a) < (b) ? -1 : 1;                                                     \
    }

static int compare_hits(const void *x, const void *y)
{
    const ef_fhit *a = x, *b = y;
    COMPARE(a->step, b->step)
    COMPARE(a->part, b->part)
    COMPARE(a->role, b->role)
    COMPARE(a->index, b->index)
    COMPARE(a->moment, b->moment)
    COMPARE(a->order, b->order)
    return 0;
}

static int compare_images(const void *x, const void *y)
{
    const uint32_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

/* The number of a flip's image in the rerun; -1: all, -2: none of these. */
static int64_t image_of(const ef_rerun *rerun, const ef_flip *flip)
{
    if (flip->image < 0) {
        return -1;
    }
    uint64_t image = (uint64_t)flip->image - rerun->first;
    return (uint64_t)flip->image >= rerun->first && image < rerun->n ? (int64_t)image
                                                                     : -2;
}

/* Struck parameters become one hit each, with the bits that they have at last. */
static void merge(ef_fhits *to, const ef_fnet *fnet, const ef_fault *fault,
                  ef_funit *unit)
{
    ef_fhit *hits = to->hits + unit->first_hit;
    size_t kept = 0;
    for (size_t i = 0; i < unit->n_hits; i++) {
        const ef_flip *flip = &fault->flips[hits[i].order];
        ef_fhit *last = kept > 0 ? &hits[kept - 1] : NULL;
        int is_same = last && is_parameter(hits[i].part) &&
                      last->step == hits[i].step && last->part == hits[i].part &&
                      last->role == hits[i].role && last->index == hits[i].index;
        if (!is_same) {
            hits[kept] = hits[i];
            last = &hits[kept++];
            last->bits = is_parameter(last->part)
                             ? bits_of(fnet, &fnet->sites[flip->site], last->index)
                             : 0;
        }
        last->bits = (uint32_t)ef_fault_bits(flip->kind, last->bits, flip->mask);
    }
    unit->n_hits = kept;
    to->n_hits = unit->first_hit + kept;
}

static ef_status add_unit(ef_fhits *to, const ef_floating *rerun, const ef_fault *fault,
                          ef_funit unit)
{
    unit.first_hit = to->n_hits;
    if (RESERVE(to->units, to->units_capacity, to->n_units + 1) ||
        RESERVE(to->hits, to->hits_capacity, to->n_hits + fault->n)) {
        return EF_ERR_MEMORY;
    }
    for (size_t i = 0; i < fault->n; i++) {
        const ef_flip *flip = &fault->flips[i];
        const ef_fsite *site = &rerun->fnet->sites[flip->site];
        int64_t image = image_of(&rerun->base, flip);
        int is_here = image == -1 || image == unit.image ||
                      (!is_parameter(site->part) && image >= 0 && unit.image < 0);
        if (is_here) {
            to->hits[to->n_hits++] = (ef_fhit){.step = rerun->step_of[site->site.node],
                                               .part = site->part,
                                               .role = site->role,
                                               .index = flip->index,
                                               .moment = flip->moment,
                                               .mask = flip->mask,
                                               .kind = flip->kind,
                                               .image = image,
                                               .order = i};
        }
    }
    unit.n_hits = to->n_hits - unit.first_hit;
    qsort(to->hits + unit.first_hit, unit.n_hits, sizeof *to->hits, compare_hits);
    merge(to, rerun->fnet, fault, &unit);
    to->units[to->n_units++] = unit;
    return EF_OK;
}

/* Images that have parameters of their own, in order and once each. */
static ef_status find_apart(ef_fhits *to, const ef_floating *rerun,
                            const ef_fault *fault, size_t first)
{
    for (size_t i = 0; i < fault->n; i++) {
        const ef_flip *flip = &fault->flips[i];
        int64_t image = image_of(&rerun->base, flip);
        if (is_parameter(rerun->fnet->sites[flip->site].part) && image >= 0) {
            if (RESERVE(to->apart, to->apart_capacity, to->n_apart + 1)) {
                return EF_ERR_MEMORY;
            }
            to->apart[to->n_apart++] = (uint32_t)image;
        }
    }
    size_t n = to->n_apart - first, kept = 0;
    if (n > 0) {
        qsort(to->apart + first, n, sizeof *to->apart, compare_images);
    }
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || to->apart[first + i] != to->apart[first + kept - 1]) {
            to->apart[first + kept++] = to->apart[first + i];
        }
    }
    to->n_apart = first + kept;
    return EF_OK;
}

ef_status ef_fhits_add(ef_fhits *hits, const ef_floating *rerun, const ef_fault *fault,
                       size_t number)
{
    ef_funit unit = {.fault = number, .image = -1, .first_apart = hits->n_apart};
    ef_status status = find_apart(hits, rerun, fault, unit.first_apart);
    unit.n_apart = hits->n_apart - unit.first_apart;
    status = status ? status : add_unit(hits, rerun, fault, unit);
    for (size_t i = 0; i < unit.n_apart && !status; i++) {
        ef_funit own = {.fault = number, .image = hits->apart[unit.first_apart + i]};
        status = add_unit(hits, rerun, fault, own);
    }
    return status;
}
