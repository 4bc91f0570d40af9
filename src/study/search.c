/* A search runs: generation after generation, until an end that the configuration
 * names. */
#include "study/search.h"

#include "base/progress.h"
#include "study/search_priv.h"

static void on_trained(void *context, const ef_candidate *candidate)
{
    ef_search *search = context;
    ef_search_state *state = &search->state;
    state->trained++;
    state->failed += candidate->status == EF_RECORD_FAILED;
    double error = candidate->error;
    if (search_joins_front(candidate) && !(state->best_error <= error)) {
        state->best_error = error;
    }
    if (search->watch->trained) {
        search->watch->trained(search->watch->context, state);
    }
}

static int wants_stop(void *context)
{
    const ef_search_watch *watch = ((ef_search *)context)->watch;
    return watch->stop && watch->stop(watch->context);
}

static int is_over(const ef_search *search)
{
    const ef_search_config *config = search->config;
    return (config->evaluations && search->state.trained >= config->evaluations) ||
           (config->generations && search->state.generation >= config->generations);
}

/* 0: as many as there are. */
static size_t trainings_left(const ef_search *search)
{
    uint64_t all = search->config->evaluations;
    return all ? (size_t)(all - search->state.trained) : 0;
}

static ef_status one_generation(ef_search *search, ef_error *err)
{
    ef_status status;
    if (search->is_started) {
        search->networks.generation++;
        status = ef_nsga2_step(search->engine, trainings_left(search), err);
    } else {
        status = ef_nsga2_start(search->engine, trainings_left(search), err);
    }
    search->state.generation = search->networks.generation;
    if (status == EF_STOPPED) {
        ef_error why = {0};
        ef_status saved = search_commit_pending(search, &why);
        return saved ? ef_error_set(err, saved, "%s", why.text) : status;
    }
    if (!status) {
        search->is_started = 1;
        status = search_commit_generation(search, err);
    }
    if (!status && search->watch->committed) {
        search->watch->committed(search->watch->context, &search->state);
    }
    return status;
}

ef_status ef_search_run(ef_search *search, size_t n_threads, double time_s,
                        const ef_search_watch *watch, ef_error *err)
{
    double start_s = ef_clock_s();
    search->watch = watch;
    search->networks.n_threads = n_threads;
    ef_nsga2_use_threads(search->engine, n_threads);
    search->networks.trained = on_trained;
    search->networks.stop = wants_stop;
    search->networks.watch_context = search;
    while (!(search->is_started && is_over(search))) {
        if (wants_stop(search)) {
            return ef_error_set(err, EF_STOPPED, "%s", ef_status_text(EF_STOPPED));
        }
        ef_error why = {0};
        ef_status status = one_generation(search, &why);
        if (status == EF_ERR_FAILED && search->is_started) {
            search->state.is_exhausted = 1;
            break;
        }
        if (status) {
            return ef_error_set(err, status, "%s", why.text);
        }
        if (time_s > 0 && ef_clock_s() - start_s >= time_s) {
            break;
        }
    }
    return EF_OK;
}

ef_search_state ef_search_progress(const ef_search *search)
{
    return search->state;
}
