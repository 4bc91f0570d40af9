#include "evolve/survival.h"

#include <string.h>

#include "base/mem.h"
#include "evolve/crowding.h"
#include "evolve/sort.h"
#include "evolve/thinning.h"

ef_status ef_survival_init(ef_survival *survival, size_t room, size_t m)
{
    ef_survival made = {.room = room,
                        .ranks = ef_calloc(room, sizeof *made.ranks),
                        .crowding = ef_calloc(room, sizeof *made.crowding),
                        .order = ef_calloc(room, sizeof *made.order),
                        .members = ef_calloc(room, sizeof *made.members),
                        .starts = ef_calloc(room + 2, sizeof *made.starts),
                        .distances = ef_calloc(room, sizeof *made.distances),
                        .crowding_scratch = ef_calloc(ef_crowding_scratch(room), 1),
                        .thinning_scratch = ef_calloc(ef_thinning_scratch(room, m), 1)};
    if (!made.ranks || !made.crowding || !made.order || !made.members || !made.starts ||
        !made.distances || !made.crowding_scratch || !made.thinning_scratch ||
        ef_sort_create(&made.sort, room, m, NULL)) {
        ef_survival_clear(&made);
        return EF_ERR_MEMORY;
    }
    *survival = made;
    return EF_OK;
}

void ef_survival_clear(ef_survival *survival)
{
    ef_free(survival->ranks);
    ef_free(survival->crowding);
    ef_free(survival->order);
    ef_free(survival->members);
    ef_free(survival->starts);
    ef_free(survival->distances);
    ef_sort_destroy(survival->sort);
    ef_free(survival->crowding_scratch);
    ef_free(survival->thinning_scratch);
    memset(survival, 0, sizeof *survival);
}

/* --- order ---------------------------------------------------------------------------
 */

/* Members of rank r stand in order at starts[r] .. starts[r + 1] - 1. */
static void bucket_by_rank(ef_survival *s, size_t n, size_t n_ranks)
{
    memset(s->starts, 0, (n + 2) * sizeof *s->starts);
    for (size_t i = 0; i < n; i++) {
        s->starts[s->ranks[i] + 1]++;
    }
    for (size_t r = 0; r < n_ranks; r++) {
        s->starts[r + 1] += s->starts[r];
    }
    memcpy(s->members, s->starts, (n_ranks + 1) * sizeof *s->starts);
    for (size_t i = 0; i < n; i++) {
        s->order[s->members[s->ranks[i]]++] = i;
    }
}

void ef_survival_select(ef_survival *survival, const double *objectives, size_t m,
                        const double *violations, size_t n, size_t n_kept)
{
    ef_survival *s = survival;
    size_t n_ranks = ef_sort_run(s->sort, objectives, violations, n, s->ranks);
    bucket_by_rank(s, n, n_ranks);
    for (size_t r = 0; r < n_ranks && s->starts[r] < n_kept; r++) {
        size_t *front = s->order + s->starts[r];
        size_t size = s->starts[r + 1] - s->starts[r];
        size_t room = n_kept - s->starts[r];
        if (size > room) {
            ef_thinning_run(objectives, m, front, size, room, s->distances,
                            s->thinning_scratch);
        } else {
            ef_crowding(objectives, m, front, size, s->distances, s->crowding_scratch);
        }
        for (size_t i = 0; i < size && i < room; i++) {
            s->crowding[front[i]] = s->distances[i];
        }
    }
}
