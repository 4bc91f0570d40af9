#include "evolve/nsga2.h"

#include <string.h>

#include "base/mem.h"
#include "evolve/nsga2_priv.h"

/* --- making --------------------------------------------------------------------------
 */

static size_t most_evaluated(const ef_nsga2_config *config)
{
    return config->children > config->population ? config->children
                                                 : config->population;
}

int engine_preselects(const ef_nsga2 *engine)
{
    return engine->problem->n_cheap > 0 && engine->config.proposals > 1 &&
           engine->config.algorithm == EF_ALGORITHM_NSGA2;
}

int engine_drops_duplicates(const ef_nsga2 *engine)
{
    return engine->problem->key && !engine->config.keeps_duplicates;
}

unsigned char *engine_record(const ef_nsga2 *engine, unsigned char *genomes, size_t i)
{
    return genomes + i * engine->problem->genome_size;
}

static ef_status make_flock(const ef_nsga2 *engine, flock *f)
{
    size_t m = engine->problem->n_objectives;
    f->genomes = ef_calloc(engine->room, engine->problem->genome_size);
    f->objectives = ef_calloc(engine->room, m * sizeof *f->objectives);
    f->violations = ef_calloc(engine->room, sizeof *f->violations);
    f->ranks = ef_calloc(engine->room, sizeof *f->ranks);
    f->crowding = ef_calloc(engine->room, sizeof *f->crowding);
    return f->genomes && f->objectives && f->violations && f->ranks && f->crowding
               ? EF_OK
               : EF_ERR_MEMORY;
}

static void clear_flock(flock *f)
{
    ef_free(f->genomes);
    ef_free(f->objectives);
    ef_free(f->violations);
    ef_free(f->ranks);
    ef_free(f->crowding);
}

/* One more than is asked for: vary makes two at a time. */
static ef_status make_pool(const ef_nsga2 *engine, pool *p, size_t room)
{
    p->room = room + 1;
    p->genomes = ef_calloc(p->room, engine->problem->genome_size);
    p->cheap = ef_calloc(p->room, (engine->problem->n_cheap + 1) * sizeof *p->cheap);
    p->violations = ef_calloc(p->room, sizeof *p->violations);
    p->keys = ef_calloc(p->room, sizeof *p->keys);
    return p->genomes && p->cheap && p->violations && p->keys ? EF_OK : EF_ERR_MEMORY;
}

static void clear_pool(pool *p)
{
    ef_free(p->genomes);
    ef_free(p->cheap);
    ef_free(p->violations);
    ef_free(p->keys);
}

static ef_status allocate(ef_nsga2 *engine)
{
    const ef_nsga2_config *config = &engine->config;
    size_t most = most_evaluated(config);
    size_t n_proposals = engine_preselects(engine) ? most * config->proposals : most;
    size_t n_cheap = engine->problem->n_cheap;
    engine->room = config->population + most;
    engine->places =
        ef_calloc(config->population + n_proposals, (n_cheap + 1) * sizeof(double));
    engine->n_threads = 1;
    engine->draws = ef_calloc(DRAWS, sizeof *engine->draws);
    engine->drawn = ef_calloc((size_t)2 * DRAWS, engine->problem->genome_size);
    engine->chosen = ef_calloc(most, sizeof *engine->chosen);
    engine->child_keys = ef_calloc(most, sizeof *engine->child_keys);
    engine->lots = ef_calloc(config->population, sizeof *engine->lots);
    if (!engine->places || !engine->draws || !engine->drawn || !engine->chosen ||
        !engine->child_keys || !engine->lots || make_flock(engine, &engine->living) ||
        make_flock(engine, &engine->other) ||
        make_pool(engine, &engine->proposals, n_proposals) ||
        make_pool(engine, &engine->aside, most)) {
        return EF_ERR_MEMORY;
    }
    return ef_survival_init(&engine->survival, engine->room,
                            engine->problem->n_objectives);
}

ef_status ef_nsga2_create(ef_nsga2 **engine, const ef_problem *problem,
                          const ef_nsga2_config *config, ef_error *err)
{
    if (config->population < 2 || config->children < 1 || config->proposals < 1) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "expected a population of 2 or more, and children and "
                            "proposals of 1 or more, found %zu, %zu and %zu",
                            config->population, config->children, config->proposals);
    }
    ef_nsga2 *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->problem = problem;
    made->config = *config;
    if (allocate(made)) {
        ef_nsga2_destroy(made);
        return ef_error_memory(err);
    }
    *engine = made;
    return EF_OK;
}

void engine_clear_genome(const ef_nsga2 *engine, unsigned char *genome)
{
    if (engine->problem->clear) {
        engine->problem->clear(engine->problem->context, genome);
    }
}

static void empty_pool(const ef_nsga2 *engine, pool *p)
{
    for (size_t i = 0; i < p->n; i++) {
        engine_clear_genome(engine, engine_record(engine, p->genomes, i));
    }
    p->n = 0;
}

void engine_empty_pools(ef_nsga2 *engine)
{
    empty_pool(engine, &engine->proposals);
    empty_pool(engine, &engine->aside);
}

void ef_nsga2_destroy(ef_nsga2 *engine)
{
    if (!engine) {
        return;
    }
    engine_empty_pools(engine);
    for (size_t i = 0; i < engine->n; i++) {
        engine_clear_genome(engine, engine_record(engine, engine->living.genomes, i));
    }
    clear_pool(&engine->proposals);
    clear_pool(&engine->aside);
    clear_flock(&engine->living);
    clear_flock(&engine->other);
    ef_survival_clear(&engine->survival);
    ef_keyset_clear(&engine->seen);
    ef_keyset_clear(&engine->proposed);
    ef_free(engine->places);
    ef_free(engine->draws);
    ef_free(engine->drawn);
    ef_free(engine->child_keys);
    ef_free(engine->chosen);
    ef_free(engine->lots);
    ef_free(engine);
}

void ef_nsga2_use_threads(ef_nsga2 *engine, size_t n_threads)
{
    engine->n_threads = n_threads;
}

/* --- evaluating and surviving
 * ------------------------------------------------------------ */

static void copy_individual(const ef_nsga2 *engine, flock *to, size_t i, size_t from)
{
    const ef_problem *problem = engine->problem;
    size_t m = problem->n_objectives;
    const flock *living = &engine->living;
    memcpy(engine_record(engine, to->genomes, i),
           engine_record(engine, living->genomes, from), problem->genome_size);
    memcpy(to->objectives + i * m, living->objectives + from * m,
           m * sizeof *to->objectives);
    to->violations[i] = living->violations[from];
    to->ranks[i] = engine->survival.ranks[from];
    to->crowding[i] = engine->survival.crowding[from];
}

/* Of the first n_all the best live on. */
static void survive(ef_nsga2 *engine, size_t n_all)
{
    const ef_nsga2_config *config = &engine->config;
    size_t n_kept = n_all < config->population ? n_all : config->population;
    ef_survival_select(&engine->survival, engine->living.objectives,
                       engine->problem->n_objectives, engine->living.violations, n_all,
                       n_kept);
    for (size_t i = 0; i < n_all; i++) {
        size_t from = engine->survival.order[i];
        if (i < n_kept) {
            copy_individual(engine, &engine->other, i, from);
        } else {
            engine_clear_genome(engine,
                                engine_record(engine, engine->living.genomes, from));
        }
    }
    flock swap = engine->living;
    engine->living = engine->other;
    engine->other = swap;
    engine->n = n_kept;
}

/* Evaluates the n children, and notes their keys as seen when that went well: on
 * failure another attempt meets the engine as this one did. */
static ef_status evaluate(ef_nsga2 *engine, size_t n, ef_error *err)
{
    const ef_problem *problem = engine->problem;
    int keeps_keys = engine_drops_duplicates(engine);
    if (keeps_keys && ef_keyset_reserve(&engine->seen, n)) {
        return ef_error_memory(err);
    }
    ef_status status = problem->evaluate(
        problem->context, engine_record(engine, engine->living.genomes, engine->n), n,
        engine->living.objectives + engine->n * problem->n_objectives,
        engine->living.violations + engine->n, err);
    for (size_t i = 0; i < n && keeps_keys && !status; i++) {
        status = ef_keyset_add(&engine->seen, engine->child_keys[i]);
    }
    return status;
}

/* Proposes, chooses and evaluates n genomes; the best of them and the living live on.
 */
static ef_status make_generation(ef_nsga2 *engine, uint64_t generation, size_t n,
                                 ef_error *err)
{
    ef_status status = engine_propose(engine, generation, &n, err);
    if (status) {
        return status;
    }
    status = evaluate(engine, n, err);
    if (status) {
        for (size_t i = 0; i < n; i++) {
            engine_clear_genome(
                engine, engine_record(engine, engine->living.genomes, engine->n + i));
        }
        return status;
    }
    survive(engine, engine->n + n);
    engine->generation = generation;
    engine->evaluations += n;
    return EF_OK;
}

ef_status ef_nsga2_start(ef_nsga2 *engine, size_t most, ef_error *err)
{
    size_t n = engine->config.population;
    ef_status status = make_generation(engine, 0, most && most < n ? most : n, err);
    engine->is_started = status == EF_OK;
    return status;
}

ef_status ef_nsga2_step(ef_nsga2 *engine, size_t most, ef_error *err)
{
    size_t n = engine->config.children;
    return make_generation(engine, engine->generation + 1, most && most < n ? most : n,
                           err);
}

/* --- restoring
 * --------------------------------------------------------------------------- */

static ef_status copy_genome(const ef_nsga2 *engine, const void *from, void *to,
                             ef_error *err)
{
    const ef_problem *problem = engine->problem;
    if (problem->copy) {
        return problem->copy(problem->context, from, to, err);
    }
    memcpy(to, from, problem->genome_size);
    return EF_OK;
}

ef_status ef_nsga2_restore(ef_nsga2 *engine, const ef_nsga2_state *state, ef_error *err)
{
    const ef_problem *problem = engine->problem;
    if (state->n > engine->config.population) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "expected at most %zu individuals, found %zu",
                            engine->config.population, state->n);
    }
    const unsigned char *genomes = state->genomes;
    for (engine->n = 0; engine->n < state->n; engine->n++) {
        ef_status status =
            copy_genome(engine, genomes + engine->n * problem->genome_size,
                        engine_record(engine, engine->living.genomes, engine->n), err);
        if (status) {
            return status;
        }
    }
    memcpy(engine->living.objectives, state->objectives,
           state->n * problem->n_objectives * sizeof *state->objectives);
    memcpy(engine->living.violations, state->violations,
           state->n * sizeof *state->violations);
    for (size_t i = 0; i < state->n_keys; i++) {
        if (ef_keyset_add(&engine->seen, state->keys[i])) {
            return ef_error_memory(err);
        }
    }
    survive(engine, state->n);
    engine->generation = state->generation;
    engine->evaluations = state->evaluations;
    engine->is_started = 1;
    return EF_OK;
}

/* --- looking in
 * ---------------------------------------------------------------------------- */

size_t ef_nsga2_size(const ef_nsga2 *engine)
{
    return engine->n;
}

const void *ef_nsga2_genome(const ef_nsga2 *engine, size_t index)
{
    return engine_record(engine, engine->living.genomes, index);
}

const double *ef_nsga2_objectives(const ef_nsga2 *engine, size_t index)
{
    return engine->living.objectives + index * engine->problem->n_objectives;
}

double ef_nsga2_violation(const ef_nsga2 *engine, size_t index)
{
    return engine->living.violations[index];
}

uint32_t ef_nsga2_rank(const ef_nsga2 *engine, size_t index)
{
    return engine->living.ranks[index];
}

uint64_t ef_nsga2_generation(const ef_nsga2 *engine)
{
    return engine->generation;
}

uint64_t ef_nsga2_evaluations(const ef_nsga2 *engine)
{
    return engine->evaluations;
}
