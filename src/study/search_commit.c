/* What a search writes into its run file. */
#include <string.h>

#include "base/mem.h"
#include "study/search_priv.h"

static int is_living(const ef_search *search, const ef_candidate *candidate)
{
    size_t n = ef_nsga2_size(search->engine);
    for (size_t i = 0; i < n; i++) {
        if (ef_network_problem_candidate(ef_nsga2_genome(search->engine, i)) ==
            candidate) {
            return 1;
        }
    }
    return 0;
}

static int is_on_front(const ef_search *search, uint64_t id)
{
    for (size_t i = 0; i < search->n_front; i++) {
        if (search->front_ids[i] == id) {
            return 1;
        }
    }
    return 0;
}

static ef_status store_proposed(ef_search *search, ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t i = 0; !status && i < search->networks.n_proposed; i++) {
        const ef_candidate *candidate = search->networks.proposed[i];
        int kept = is_living(search, candidate) || is_on_front(search, candidate->id);
        status = ef_candidate_store(candidate, kept, search->store, err);
    }
    return status;
}

/* The living population, and of the models those that live or are on the front. */
static ef_status store_living(ef_search *search, ef_error *err)
{
    size_t n_living = ef_nsga2_size(search->engine);
    uint64_t *ids = ef_calloc(n_living + search->n_front, sizeof *ids);
    if (!ids) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n_living; i++) {
        ids[i] = ef_network_problem_candidate(ef_nsga2_genome(search->engine, i))->id;
    }
    ef_status status = ef_store_set_population(search->store, ids, n_living, err);
    if (search->n_front) {
        memcpy(ids + n_living, search->front_ids, search->n_front * sizeof *ids);
    }
    if (!status) {
        status =
            ef_store_keep_models(search->store, ids, n_living + search->n_front, err);
    }
    ef_free(ids);
    return status;
}

static ef_status write_generation(ef_search *search, ef_error *err)
{
    ef_store *store = search->store;
    ef_status status = ef_store_drop_records(store, EF_RECORD_PENDING, err);
    if (!status) {
        status = store_proposed(search, err);
    }
    if (!status) {
        status = store_living(search, err);
    }
    if (!status && search->has_reference) {
        status = search_store_reference(search, err);
    }
    ef_generation row = {.number = search->networks.generation,
                         .trained = search->state.trained,
                         .next_id = search->networks.next_id,
                         .best_error = search->state.best_error,
                         .hypervolume = search->state.hypervolume};
    return status ? status : ef_store_put_generation(store, &row, err);
}

ef_status search_transact(ef_search *search,
                          ef_status (*write)(ef_search *, ef_error *), ef_error *err)
{
    ef_status status = ef_store_begin(search->store, err);
    if (status) {
        return status;
    }
    status = write(search, err);
    if (status) {
        ef_store_rollback(search->store);
        return status;
    }
    return ef_store_commit(search->store, err);
}

ef_status search_commit_generation(ef_search *search, ef_error *err)
{
    ef_status status = search_grow_front(search, err);
    if (!status && !search->has_reference) {
        search_set_reference(search);
    }
    if (!status) {
        status = search_measure_hypervolume(search, err);
    }
    if (!status) {
        status = search_transact(search, write_generation, err);
    }
    if (!status) {
        ef_network_problem_forget(&search->networks);
        search_drop_pending(search);
        search->state.n_front = search->n_front;
    }
    return status;
}

/* What was trained before the stop is kept for the resumed run, which proposes the same
 * candidates again. */
static ef_status write_pending(ef_search *search, ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t i = 0; !status && i < search->networks.n_proposed; i++) {
        ef_candidate *candidate = search->networks.proposed[i];
        if (candidate->status == EF_RECORD_TRAINED) {
            candidate->status = EF_RECORD_PENDING;
            status = ef_candidate_store(candidate, 1, search->store, err);
        }
    }
    return status;
}

ef_status search_commit_pending(ef_search *search, ef_error *err)
{
    return search_transact(search, write_pending, err);
}
