/* Generation after generation, to an end. */
#include <string.h>

#include "base/mem.h"
#include "evolve/hypervolume.h"
#include "evolve/nsga2_priv.h"

/* Watches the hypervolume: the value of stall_generations ago is what it has to beat.
 */
typedef struct stall {
    double before;
    uint64_t since;
} stall;

/* The volume that the feasible individuals cover. */
static ef_status measure(const ef_nsga2 *engine, const double *reference,
                         double *volume, ef_error *err)
{
    size_t m = engine->problem->n_objectives;
    double *points = ef_calloc(engine->n, m * sizeof *points);
    if (!points) {
        return ef_error_memory(err);
    }
    size_t n = 0;
    for (size_t i = 0; i < engine->n; i++) {
        if (!(engine->living.violations[i] > 0)) {
            memcpy(points + n++ * m, engine->living.objectives + i * m,
                   m * sizeof *points);
        }
    }
    ef_status status = ef_hypervolume(points, n, m, reference, volume, err);
    ef_free(points);
    return status;
}

static ef_status has_stalled(const ef_nsga2 *engine, const ef_nsga2_end *end, stall *s,
                             int *stalled, ef_error *err)
{
    if (!end->stall_generations ||
        engine->generation < s->since + end->stall_generations) {
        return EF_OK;
    }
    double volume = 0;
    ef_status status = measure(engine, end->reference, &volume, err);
    if (!status) {
        *stalled = volume - s->before < end->stall_tolerance * s->before;
        *s = (stall){volume, engine->generation};
    }
    return status;
}

static int is_over(const ef_nsga2 *engine, const ef_nsga2_end *end)
{
    return (end->generations && engine->generation >= end->generations) ||
           (end->evaluations && engine->evaluations >= end->evaluations);
}

ef_status ef_nsga2_run(ef_nsga2 *engine, const ef_nsga2_end *end, ef_error *err)
{
    if (!end->generations && !end->evaluations && !end->stall_generations) {
        return ef_error_set(err, EF_ERR_USAGE, "nothing says when the run ends");
    }
    ef_status status = EF_OK;
    if (!engine->is_started) {
        status = ef_nsga2_start(engine, (size_t)end->evaluations, err);
    }
    stall s = {.before = 0, .since = engine->generation};
    if (!status && end->stall_generations) {
        status = measure(engine, end->reference, &s.before, err);
    }
    int stalled = 0;
    while (!status && !stalled && !is_over(engine, end)) {
        uint64_t left = end->evaluations ? end->evaluations - engine->evaluations : 0;
        status = ef_nsga2_step(engine, (size_t)left, err);
        if (!status) {
            status = has_stalled(engine, end, &s, &stalled, err);
        }
    }
    return status;
}
