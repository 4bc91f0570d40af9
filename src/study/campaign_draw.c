/* Which faults a campaign strikes. */
#include "base/mem.h"
#include "study/campaign_priv.h"

/* --- strata ------------------------------------------------------------------ */

/* The last segment that begins at k or before. */
static const segment *segment_of(const ef_campaign *c, uint64_t k)
{
    size_t low = 0, high = c->n_segments;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (c->segments[middle].first <= k) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &c->segments[low];
}

static uint64_t stratified_number(const ef_campaign *c, uint64_t k)
{
    const segment *s = segment_of(c, k);
    uint64_t j =
        ef_permutation_at(&c->strata[s->stratum].order, s->begin + k - s->first);
    return ef_population_in_stratum(c->population, s->stratum, j);
}

size_t campaign_stratum_of(const ef_campaign *c, uint64_t k, uint64_t number,
                           int *is_rest)
{
    *is_rest = 0;
    if (c->list) {
        return 0;
    }
    if (c->design == EF_DESIGN_STRATIFIED) {
        const segment *s = segment_of(c, k);
        *is_rest = s->is_rest;
        return s->stratum;
    }
    return ef_population_stratum_of(c->population, number);
}

size_t campaign_stratum_of_image(const ef_campaign *c, uint64_t k, size_t image)
{
    return ef_population_stratum_of(c->population,
                                    ef_permutation_at(&c->orders[image], k));
}

/* --- the plan of a stratified design ----------------------------------------- */

static ef_status add_segment(ef_campaign *c, size_t at, uint64_t n, int is_rest,
                             ef_error *err)
{
    stratum *s = &c->strata[at];
    if (c->n_segments == c->segments_capacity) {
        size_t capacity = 2 * c->segments_capacity + c->n_strata;
        segment *grown = ef_realloc(c->segments, capacity, sizeof *grown);
        if (!grown) {
            return ef_error_memory(err);
        }
        c->segments = grown;
        c->segments_capacity = capacity;
    }
    c->segments[c->n_segments++] =
        (segment){c->planned, at, s->planned[0] + s->planned[1], is_rest};
    s->planned[is_rest] += n;
    c->planned += n;
    return EF_OK;
}

uint64_t campaign_next_look(const ef_campaign *c, uint64_t n)
{
    uint64_t look = ef_next_look(&c->rule, n, ef_campaign_population(c));
    return c->design == EF_DESIGN_STRATIFIED && n < c->pilot ? c->pilot : look;
}

/* The plan's strata as the statistics take them: sizes of what is planned, and what the
 * pilot found. */
static ef_stratum *list_strata(const ef_campaign *c)
{
    ef_stratum *list = ef_calloc(c->n_strata, sizeof *list);
    for (size_t i = 0; list && i < c->n_strata; i++) {
        const stratum *s = &c->strata[i];
        list[i] = (ef_stratum){.population = s->place.size,
                               .group = s->place.bit,
                               .pilot = s->counts[0].tally,
                               .rest = {.n = s->planned[1]}};
    }
    return list;
}

ef_status campaign_plan(ef_campaign *c, ef_error *err)
{
    int is_rest = c->planned > 0;
    uint64_t look = campaign_next_look(c, c->planned);
    ef_stratum *list = list_strata(c);
    uint64_t *more = ef_calloc(c->n_strata, sizeof *more);
    ef_status status = list && more ? EF_OK : ef_error_memory(err);
    if (!status) {
        status = is_rest
                     ? ef_allocate_rest(list, c->n_strata, look - c->planned, more, err)
                     : ef_allocate_pilot(list, c->n_strata, look, more, err);
    }
    for (size_t i = 0; !status && i < c->n_strata; i++) {
        status = more[i] > 0 ? add_segment(c, i, more[i], is_rest, err) : EF_OK;
    }
    if (!is_rest) {
        c->pilot = c->planned; /* each stratum has one at least */
    }
    ef_free(more);
    ef_free(list);
    return status;
}

/* --- drawing ----------------------------------------------------------------- */

static ef_flip *draw_per_image(const ef_campaign *c, uint64_t k, ef_flip *flips)
{
    for (size_t i = 0; i < c->n_images; i++) {
        *flips = ef_population_flip(c->population, ef_permutation_at(&c->orders[i], k));
        flips->image = (int64_t)i;
        flips++;
    }
    return flips;
}

void campaign_draw(const ef_campaign *c, uint64_t first, size_t n, ef_flip *flips,
                   ef_fault *faults, uint64_t *numbers)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t k = first + i;
        if (c->list) {
            numbers[i] = c->list->numbers[k];
            faults[i] = c->list->faults[k];
            continue;
        }
        ef_flip *begin = flips;
        if (c->is_per_image) {
            numbers[i] = k;
            flips = draw_per_image(c, k, flips);
        } else {
            numbers[i] = c->design == EF_DESIGN_STRATIFIED
                             ? stratified_number(c, k)
                             : ef_permutation_at(&c->orders[0], k);
            *flips++ = ef_population_flip(c->population, numbers[i]);
        }
        faults[i] = (ef_fault){begin, (size_t)(flips - begin)};
    }
}
