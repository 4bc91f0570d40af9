/* A search begins: in a fresh run file, or where one was left. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

#include "base/mem.h"
#include "study/search_priv.h"
#include "train/isa.h"

static void print_hash(const ef_search *search, char text[17])
{
    snprintf(text, 17, "%016" PRIx64, ef_dataset_hash(search->set));
}

static ef_status write_start(ef_search *search, ef_error *err)
{
    ef_store *store = search->store;
    char hash[17];
    print_hash(search, hash);
    ef_status status = ef_store_set(store, "version", PACKAGE_VERSION, err);
    if (!status) {
        status = ef_search_config_store(search->config, store, err);
    }
    if (!status) {
        status = ef_store_set(store, "data_hash", hash, err);
    }
    if (!status) {
        status = ef_store_set(store, "isa", ef_isa_name(), err);
    }
    if (!status) {
        status = ef_seeds_store(search->seeds, store, err);
    }
    const ef_objective_list *list = &search->networks.objectives;
    for (size_t k = 0; !status && k < list->n; k++) {
        const ef_objective *objective = &list->items[k];
        status = ef_store_add_objective(store, objective->name, objective->row->unit,
                                        objective->row->direction == EF_MAXIMISE, err);
    }
    return status;
}

ef_status ef_search_start(ef_search *search, ef_store *store, ef_error *err)
{
    search->store = store;
    return search_transact(search, write_start, err);
}

static ef_status check_data(ef_search *search, ef_error *err)
{
    char now[17];
    print_hash(search, now);
    ef_text then;
    ef_text_init(&then);
    ef_status status = ef_store_get(search->store, "data_hash", &then, err);
    if (!status && (!then.bytes || strcmp(then.bytes, now) != 0)) {
        status = ef_error_set(err, EF_ERR_INPUT,
                              "%s: made with other images or labels than %s holds now",
                              ef_store_path(search->store), search->config->data);
    }
    ef_text_clear(&then);
    return status;
}

/* The rest of the run has to use the instructions that its beginning used. */
static ef_status check_isa(ef_search *search, ef_error *err)
{
    ef_text then;
    ef_text_init(&then);
    ef_status status = ef_store_get(search->store, "isa", &then, err);
    if (!status && then.bytes) {
        status = ef_isa_cap(then.bytes, err);
    }
    if (!status && then.bytes && strcmp(then.bytes, ef_isa_name()) != 0) {
        status =
            ef_error_set(err, EF_ERR_UNSUPPORTED,
                         "%s: its networks were trained with %s instructions, this "
                         "machine offers %s: the run would end differently",
                         ef_store_path(search->store), then.bytes, ef_isa_name());
    }
    ef_text_clear(&then);
    return status;
}

typedef struct words {
    uint64_t *items;
    size_t n, capacity;
} words;

static ef_status add_word(words *list, uint64_t word)
{
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 256;
        uint64_t *grown = ef_realloc(list->items, capacity, sizeof *grown);
        if (!grown) {
            return EF_ERR_MEMORY;
        }
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->n++] = word;
    return EF_OK;
}

/* What a run file says of the candidates that were trained. */
typedef struct found_records {
    ef_search *search;
    words pending; /* ids */
    words trained; /* hashes of all that was trained, the failed ones too */
    size_t n_failed;
} found_records;

static ef_status take_member(ef_search *search, const ef_record *record)
{
    if (search_reserve_front(search, 1)) {
        return EF_ERR_MEMORY;
    }
    double *point =
        search->front_points + search->n_front * search->problem.n_objectives;
    search->front_ids[search->n_front++] = record->id;
    ef_network_problem_turn_back(&search->networks, record->objectives, point);
    return EF_OK;
}

static ef_status take_record(void *context, const ef_record *record, ef_error *err)
{
    found_records *found = context;
    ef_status status = EF_OK;
    if (record->status == EF_RECORD_PENDING) {
        status = add_word(&found->pending, record->id);
    } else if (record->status != EF_RECORD_SCORED) {
        found->n_failed += record->status == EF_RECORD_FAILED;
        status = add_word(&found->trained, record->hash);
    }
    if (!status && record->status == EF_RECORD_TRAINED && record->violation == 0) {
        status = take_member(found->search, record);
    }
    return status ? ef_error_memory(err) : EF_OK;
}

static ef_status load_pending(ef_search *search, const words *ids, ef_error *err)
{
    search->pending = ef_calloc(ids->n, sizeof *search->pending);
    ef_status status = search->pending ? EF_OK : ef_error_memory(err);
    for (size_t i = 0; !status && i < ids->n; i++) {
        status =
            ef_candidate_load(&search->pending[i], search->store, ids->items[i], err);
        search->n_pending += status == EF_OK;
    }
    search->networks.pending = search->pending;
    search->networks.n_pending = search->n_pending;
    return status;
}

static ef_status load_records(ef_search *search, found_records *found, ef_error *err)
{
    ef_status status = ef_store_each_record(search->store, take_record, found, err);
    if (!status) {
        status = search_thin_front(search) ? ef_error_memory(err) : EF_OK;
    }
    if (!status) {
        status = load_pending(search, &found->pending, err);
    }
    search->state.failed = found->n_failed;
    search->state.n_front = search->n_front;
    return status;
}

static ef_status restore_engine(ef_search *search, const ef_generation *last,
                                const found_records *found, ef_candidate **living,
                                size_t n, ef_error *err)
{
    size_t m = search->problem.n_objectives;
    double *objectives = ef_calloc(n, m * sizeof *objectives);
    double *violations = ef_calloc(n, sizeof *violations);
    ef_status status = objectives && violations ? EF_OK : ef_error_memory(err);
    for (size_t i = 0; !status && i < n; i++) {
        ef_network_problem_point(&search->networks, living[i], objectives + i * m,
                                 &violations[i]);
    }
    if (!status) {
        ef_nsga2_state state = {.n = n,
                                .genomes = living,
                                .objectives = objectives,
                                .violations = violations,
                                .keys = found->trained.items,
                                .n_keys = found->trained.n,
                                .generation = last->number,
                                .evaluations = last->trained};
        status = ef_nsga2_restore(search->engine, &state, err);
    }
    ef_free(violations);
    ef_free(objectives);
    return status;
}

static ef_status load_population(ef_search *search, const ef_generation *last,
                                 const found_records *found, ef_error *err)
{
    uint64_t *ids = NULL;
    size_t n = 0;
    ef_status status = ef_store_get_population(search->store, &ids, &n, err);
    ef_candidate **living = status ? NULL : ef_calloc(n, sizeof *living);
    if (!status && !living) {
        status = ef_error_memory(err);
    }
    for (size_t i = 0; !status && i < n; i++) {
        status = ef_candidate_load(&living[i], search->store, ids[i], err);
    }
    if (!status) {
        status = restore_engine(search, last, found, living, n, err);
    }
    for (size_t i = 0; living && i < n; i++) {
        ef_candidate_unref(living[i]);
    }
    ef_free(living);
    ef_free(ids);
    return status;
}

/* With no generation committed yet, the run begins anew. */
static ef_status take_up(ef_search *search, const found_records *found, ef_error *err)
{
    ef_generation last = {0};
    int is_there = 0;
    ef_status status = search_load_reference(search, err);
    if (!status) {
        status = ef_store_last_generation(search->store, &last, &is_there, err);
    }
    if (status || !is_there) {
        return status;
    }
    search->is_started = 1;
    search->networks.generation = last.number;
    search->networks.next_id = last.next_id;
    search->state.generation = last.number;
    search->state.trained = last.trained;
    search->state.best_error = last.best_error;
    search->state.hypervolume = last.hypervolume;
    return load_population(search, &last, found, err);
}

ef_status ef_search_resume(ef_search *search, ef_store *store, ef_error *err)
{
    search->store = store;
    found_records found = {.search = search};
    ef_status status = check_data(search, err);
    if (!status) {
        status = check_isa(search, err);
    }
    if (!status) {
        status = load_records(search, &found, err);
    }
    if (!status) {
        status = take_up(search, &found, err);
    }
    ef_free(found.pending.items);
    ef_free(found.trained.items);
    return status;
}
