/* The front of a search so far, and the hypervolume that it covers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evolve/hypervolume.h"
#include "evolve/sort.h"
#include "study/search_priv.h"

/* --- the front so far ---------------------------------------------------------------
 */

int search_joins_front(const ef_candidate *candidate)
{
    return candidate->status == EF_RECORD_TRAINED && candidate->violation == 0;
}

ef_status search_reserve_front(ef_search *search, size_t more)
{
    size_t n = search->n_front + more;
    uint64_t *ids = ef_realloc(search->front_ids, n, sizeof *ids);
    if (ids) {
        search->front_ids = ids;
    }
    double *points = ef_realloc(search->front_points, n,
                                search->problem.n_objectives * sizeof *points);
    if (points) {
        search->front_points = points;
    }
    return ids && points ? EF_OK : EF_ERR_MEMORY;
}

/* Keeps what nothing else dominates, in the order in which it came. */
ef_status search_thin_front(ef_search *search)
{
    size_t m = search->problem.n_objectives;
    uint32_t *ranks = ef_calloc(search->n_front, sizeof *ranks);
    if (!ranks) {
        return EF_ERR_MEMORY;
    }
    ef_sort *sort = NULL;
    ef_status status = ef_sort_create(&sort, search->n_front, m, NULL);
    if (!status) {
        ef_sort_run(sort, search->front_points, NULL, search->n_front, ranks);
    }
    ef_sort_destroy(sort);
    size_t kept = 0;
    for (size_t i = 0; !status && i < search->n_front; i++) {
        if (ranks[i] == 0) {
            search->front_ids[kept] = search->front_ids[i];
            memmove(search->front_points + kept * m, search->front_points + i * m,
                    m * sizeof *search->front_points);
            kept++;
        }
    }
    if (!status) {
        search->n_front = kept;
    }
    ef_free(ranks);
    return status;
}

static void add_to_front(ef_search *search, const ef_candidate *candidate)
{
    search->front_ids[search->n_front] = candidate->id;
    ef_network_problem_objectives(&search->networks, candidate,
                                  search->front_points +
                                      search->n_front * search->problem.n_objectives);
    search->n_front++;
}

ef_status search_grow_front(ef_search *search, ef_error *err)
{
    const ef_network_problem *networks = &search->networks;
    if (search_reserve_front(search, networks->n_proposed)) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < networks->n_proposed; i++) {
        if (search_joins_front(networks->proposed[i])) {
            add_to_front(search, networks->proposed[i]);
        }
    }
    return search_thin_front(search) ? ef_error_memory(err) : EF_OK;
}

/* By how much the reference point lies behind the worst values of the first
 * population. */
#define REFERENCE_MARGIN 0.1

/* --- the hypervolume -----------------------------------------------------------------
 */

/* Behind the worst of the first population by a tenth of their size; a first
 * population without a network that keeps the limits leaves it to the next one. */
void search_set_reference(ef_search *search)
{
    const ef_network_problem *networks = &search->networks;
    size_t m = search->problem.n_objectives;
    double point[EF_OBJECTIVES_MAX];
    for (size_t i = 0; i < networks->n_proposed; i++) {
        if (!search_joins_front(networks->proposed[i])) {
            continue;
        }
        ef_network_problem_objectives(networks, networks->proposed[i], point);
        for (size_t k = 0; k < m; k++) {
            double behind = point[k] + REFERENCE_MARGIN * fabs(point[k]);
            if (!search->has_reference || behind > search->reference[k]) {
                search->reference[k] = behind;
            }
        }
        search->has_reference = 1;
    }
}

/* In the order of the run's objectives, with their own sign. */
ef_status search_store_reference(ef_search *search, ef_error *err)
{
    const ef_network_problem *networks = &search->networks;
    double values[EF_OBJECTIVES_MAX];
    ef_network_problem_turn(networks, search->reference, values);
    ef_text text;
    ef_text_init(&text);
    for (size_t k = 0; k < search->problem.n_objectives; k++) {
        ef_text_add(&text, k ? " " : "");
        ef_text_add_double(&text, values[k]);
    }
    ef_status status = text.failed
                           ? ef_error_memory(err)
                           : ef_store_set(search->store, "reference", text.bytes, err);
    ef_text_clear(&text);
    return status;
}

ef_status search_load_reference(ef_search *search, ef_error *err)
{
    ef_text text;
    ef_text_init(&text);
    ef_status status = ef_store_get(search->store, "reference", &text, err);
    size_t m = search->problem.n_objectives;
    double values[EF_OBJECTIVES_MAX];
    size_t n = 0;
    char *end = text.bytes;
    for (char *next = end; !status && next && *next && n < m; n++, next = end) {
        values[n] = strtod(next, &end);
        if (end == next) {
            break;
        }
    }
    if (!status && text.size && (n < m || *end)) {
        status = ef_error_set(err, EF_ERR_INPUT,
                              "%s: config reference: expected %zu numbers, found '%s'",
                              ef_store_path(search->store), m, text.bytes);
    }
    search->has_reference = !status && text.size > 0;
    if (search->has_reference) {
        ef_network_problem_turn_back(&search->networks, values, search->reference);
    }
    ef_text_clear(&text);
    return status;
}

/* Points that do not reach the reference point in every objective add nothing.  As a
 * share of the box down to the origin; in its own unit where that is no box. */
ef_status search_measure_hypervolume(ef_search *search, ef_error *err)
{
    if (!search->has_reference) {
        return EF_OK;
    }
    size_t m = search->problem.n_objectives;
    double volume = 0;
    ef_status status = ef_hypervolume(search->front_points, search->n_front, m,
                                      search->reference, &volume, err);
    double box = 1;
    for (size_t k = 0; k < m; k++) {
        box *= search->reference[k] > 0 ? search->reference[k] : 1;
    }
    if (!status) {
        search->state.hypervolume = volume / box;
    }
    return status;
}
