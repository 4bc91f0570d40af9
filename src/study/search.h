/* A search: from a data set and a space to a front, committed generation by
 * generation, resumed to the same end. */
#ifndef EF_STUDY_SEARCH_H
#define EF_STUDY_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "net/dataset.h"
#include "store/store.h"
#include "study/search_config.h"
#include "study/seeds.h"

typedef struct ef_search ef_search;

typedef struct ef_search_state {
    uint64_t generation; /* in hand, or the last one committed */
    uint64_t trained;    /* candidates trained so far, the failed ones too */
    uint64_t failed;
    uint64_t total;     /* candidates to train; 0 where no count ends the run */
    double best_error;  /* least first measured objective so far; NaN: none */
    double hypervolume; /* share of the reference box; NaN before the first commit */
    size_t n_front;
    int is_exhausted; /* no network was found that was not trained before */
} ef_search_state;

typedef struct ef_search_watch {
    void *context;
    /* After each training, by one thread at a time; may be NULL. */
    void (*trained)(void *context, const ef_search_state *state);
    /* After each commit; may be NULL. */
    void (*committed)(void *context, const ef_search_state *state);
    /* True when the search shall stop; may be NULL.  Asked by any thread. */
    int (*stop)(void *context);
} ef_search_watch;

/* Checks everything that can be checked before the first training: space, objectives,
 * limits, parts of the data set, seeds, which may be empty and are made ready.  config,
 * set and seeds are borrowed until the end.  EF_ERR_UNSUPPORTED: a seed that cannot be
 * trained.
 * EF_ERR_INPUT, EF_ERR_USAGE, EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_search_create(ef_search **search,
                                        const ef_search_config *config,
                                        const ef_dataset *set, ef_seeds *seeds,
                                        ef_error *err);
void ef_search_destroy(ef_search *search);

/* Writes configuration and objectives into a fresh run file, which is borrowed. */
EF_NODISCARD ef_status ef_search_start(ef_search *search, ef_store *store,
                                       ef_error *err);
/* Takes up a run file where it was left.  EF_ERR_INPUT: it was made with another data
 * set; EF_ERR_UNSUPPORTED: on an instruction set that this machine does not have. */
EF_NODISCARD ef_status ef_search_resume(ef_search *search, ef_store *store,
                                        ef_error *err);

/* Goes on until the configuration's end, or until nothing new is found in the space, or
 * time_s seconds (0: no bound) have passed and the generation is complete.  EF_STOPPED:
 * watch asked for it; what was trained is in the run file. */
EF_NODISCARD ef_status ef_search_run(ef_search *search, size_t n_threads, double time_s,
                                     const ef_search_watch *watch, ef_error *err);

ef_search_state ef_search_progress(const ef_search *search);

#endif
