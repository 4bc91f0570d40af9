/* Who is evaluated next: draws, drops what was seen, chooses among the proposals. */
#include <string.h>

#include "base/parallel.h"
#include "evolve/nsga2_priv.h"
#include "evolve/preselect.h"

/* Draws for each genome wanted before a generation makes do with what it has. */
#define TRIES 20

/* --- proposing
 * ------------------------------------------------------------------------- */

/* Takes a fresh genome into the pool where it belongs, or drops it: what was seen
 * before, and what breaks a limit when enough such are kept. */
static ef_status consider(ef_nsga2 *engine, unsigned char *genome, ef_error *err)
{
    const ef_problem *problem = engine->problem;
    pool *to = &engine->proposals;
    double violation = 0;
    double *cheap = to->cheap + to->n * problem->n_cheap;
    uint64_t key = 0;
    ef_status status = EF_OK;
    if (problem->adopt) {
        status = problem->adopt(problem->context, genome, err);
    }
    if (!status && engine_drops_duplicates(engine)) {
        key = problem->key(problem->context, genome);
        if (ef_keyset_has(&engine->seen, key) ||
            ef_keyset_has(&engine->proposed, key)) {
            engine_clear_genome(engine, genome);
            return EF_OK;
        }
        status = ef_keyset_add(&engine->proposed, key);
    }
    if (!status && problem->score) {
        status = problem->score(problem->context, genome, cheap, &violation, err);
    }
    to = violation > 0 ? &engine->aside : to;
    if (status || to->n == to->room) {
        engine_clear_genome(engine, genome);
        return status == EF_ERR_MEMORY ? ef_error_memory(err) : status;
    }
    memcpy(engine_record(engine, to->genomes, to->n), genome, problem->genome_size);
    to->keys[to->n] = key;
    to->violations[to->n++] = violation;
    return EF_OK;
}

static int is_better(const flock *f, size_t a, size_t b)
{
    return f->ranks[a] != f->ranks[b] ? f->ranks[a] < f->ranks[b]
                                      : f->crowding[a] > f->crowding[b];
}

static size_t draw_lot(ef_nsga2 *engine)
{
    if (engine->next_lot == engine->n) {
        ef_rng rng = ef_rng_stream(engine->config.seed, EF_PURPOSE_SELECT,
                                   engine->generation + 1, engine->n_shuffles++, 0);
        for (size_t i = 0; i < engine->n; i++) {
            engine->lots[i] = i;
        }
        ef_rng_shuffle(&rng, engine->lots, engine->n);
        engine->next_lot = 0;
    }
    return engine->lots[engine->next_lot++];
}

/* The better of two; each individual stands in as many tournaments as any other. */
static const unsigned char *tournament(ef_nsga2 *engine)
{
    size_t a = draw_lot(engine);
    size_t b = draw_lot(engine);
    size_t winner = is_better(&engine->living, b, a) ? b : a;
    return engine_record(engine, engine->living.genomes, winner);
}

/* Says what the draw is: whose children, or a sample. */
static void plan_draw(ef_nsga2 *engine, draw *d, uint64_t number, int is_sample)
{
    *d = (draw){.number = number};
    for (size_t i = 0; i < 2 && !is_sample; i++) {
        d->parents[i] = tournament(engine);
    }
}

typedef struct block {
    const ef_nsga2 *engine;
    uint64_t generation;
} block;

/* Its status is told when its turn comes: it may be one too many. */
static ef_status make_draw(void *context, size_t index, ef_error *err)
{
    (void)err;
    const block *b = context;
    const ef_problem *problem = b->engine->problem;
    draw *d = &b->engine->draws[index];
    unsigned char *first = engine_record(b->engine, b->engine->drawn, 2 * index);
    int is_sample = !d->parents[0];
    ef_rng rng = ef_rng_stream(b->engine->config.seed,
                               is_sample ? EF_PURPOSE_SAMPLE : EF_PURPOSE_VARY,
                               b->generation, d->number, 0);
    if (is_sample) {
        uint64_t number = b->generation == 0 ? d->number : EF_SAMPLE_LATER;
        d->status = problem->sample(problem->context, &rng, number, first, &d->err);
    } else {
        unsigned char *second =
            engine_record(b->engine, b->engine->drawn, 2 * index + 1);
        d->status = problem->vary(problem->context, &rng, d->parents[0], d->parents[1],
                                  first, second, &d->err);
    }
    d->n = d->status ? 0 : is_sample ? 1 : 2;
    return EF_OK;
}

/* Considers what came of the draw, or clears it. */
static ef_status take_draw(ef_nsga2 *engine, size_t index, int is_wanted, ef_error *err)
{
    const draw *d = &engine->draws[index];
    ef_status status = EF_OK;
    if (is_wanted && d->status) {
        status = ef_error_set(err, d->status, "%s", d->err.text);
    }
    for (size_t i = 0; i < d->n; i++) {
        unsigned char *genome = engine_record(engine, engine->drawn, 2 * index + i);
        if (status || !is_wanted) {
            engine_clear_genome(engine, genome);
        } else {
            status = consider(engine, genome, err);
        }
    }
    return status;
}

/* So many draws together as make up what is missing: what is one too many is
 * dropped, and so the number changes nothing. */
static size_t draws_together(const ef_nsga2 *engine, size_t n_missing)
{
    size_t most = engine->n_threads != 1 && engine->problem->is_reentrant ? DRAWS : 1;
    return n_missing < most ? n_missing : most;
}

/* Fills the pools until n_proposals are found or many tries were made.  When half of
 * the tries are used up, all around the living has been seen: samples take over. */
static ef_status propose(ef_nsga2 *engine, uint64_t generation, size_t n_proposals,
                         ef_error *err)
{
    const pool *proposals = &engine->proposals;
    ef_keyset_empty(&engine->proposed);
    engine->next_lot = engine->n;
    engine->n_shuffles = 0;
    ef_status status = EF_OK;
    int samples_only =
        generation == 0 || engine->config.algorithm == EF_ALGORITHM_RANDOM;
    uint64_t most_tries = TRIES * (uint64_t)n_proposals;
    block b = {engine, generation};
    for (uint64_t t = 0; !status && proposals->n < n_proposals && t < most_tries;) {
        size_t n = draws_together(engine, n_proposals - proposals->n);
        for (size_t i = 0; i < n; i++) {
            plan_draw(engine, &engine->draws[i], t + i,
                      samples_only || t + i >= most_tries / 2);
        }
        status = ef_parallel_for(n, engine->n_threads, make_draw, &b, err);
        for (size_t i = 0; i < n; i++) {
            int is_wanted = !status && proposals->n < n_proposals && t + i < most_tries;
            ef_status taken = take_draw(engine, i, is_wanted, err);
            status = status ? status : taken;
        }
        t += n;
    }
    return status;
}

/* --- choosing
 * -------------------------------------------------------------------------- */

/* Where the living and the proposals stand in the cheap objectives. */
static void gather_places(ef_nsga2 *engine)
{
    size_t m = engine->problem->n_objectives;
    size_t d = engine->problem->n_cheap;
    for (size_t i = 0; i < engine->n; i++) {
        memcpy(engine->places + i * d, engine->living.objectives + i * m,
               d * sizeof *engine->places);
    }
    memcpy(engine->places + engine->n * d, engine->proposals.cheap,
           engine->proposals.n * d * sizeof *engine->places);
}

/* Positions of the proposals that will be evaluated, ascending. */
static ef_status choose(ef_nsga2 *engine, uint64_t generation, size_t *n)
{
    pool *proposals = &engine->proposals;
    if (!engine_preselects(engine) || proposals->n <= *n) {
        *n = proposals->n < *n ? proposals->n : *n;
        for (size_t i = 0; i < *n; i++) {
            engine->chosen[i] = i;
        }
        return EF_OK;
    }
    ef_rng rng =
        ef_rng_stream(engine->config.seed, EF_PURPOSE_SELECT, generation, 0, 1);
    gather_places(engine);
    return ef_preselect(&rng, engine->places, engine->n + proposals->n,
                        engine->problem->n_cheap, proposals->n, *n, engine->chosen);
}

/* Moves genome i of a pool behind the living. */
static void hatch(ef_nsga2 *engine, const pool *from, size_t i, size_t child)
{
    memcpy(engine_record(engine, engine->living.genomes, engine->n + child),
           engine_record(engine, from->genomes, i), engine->problem->genome_size);
    engine->child_keys[child] = from->keys[i];
}

/* The chosen become children, the rest of both pools goes; where too few keep the
 * limits, the first of those that do not fill up.  *n becomes the number of children.
 */
static void hatch_chosen(ef_nsga2 *engine, size_t n_chosen, size_t *n)
{
    pool *proposals = &engine->proposals;
    pool *aside = &engine->aside;
    size_t next = 0;
    for (size_t i = 0; i < proposals->n; i++) {
        if (next < n_chosen && engine->chosen[next] == i) {
            hatch(engine, proposals, i, next++);
        } else {
            engine_clear_genome(engine, engine_record(engine, proposals->genomes, i));
        }
    }
    for (size_t i = 0; i < aside->n; i++) {
        if (next < *n) {
            hatch(engine, aside, i, next++);
        } else {
            engine_clear_genome(engine, engine_record(engine, aside->genomes, i));
        }
    }
    proposals->n = aside->n = 0;
    *n = next;
}

ef_status engine_propose(ef_nsga2 *engine, uint64_t generation, size_t *n,
                         ef_error *err)
{
    size_t n_proposals = engine_preselects(engine) && generation > 0
                             ? *n * engine->config.proposals
                             : *n;
    size_t n_chosen = *n;
    ef_status status = propose(engine, generation, n_proposals, err);
    if (!status && choose(engine, generation, &n_chosen)) {
        status = ef_error_memory(err);
    }
    if (status) {
        engine_empty_pools(engine);
        return status;
    }
    hatch_chosen(engine, n_chosen, n);
    return *n ? EF_OK
              : ef_error_set(err, EF_ERR_FAILED,
                             "generation %llu: no new individual in %zu tries",
                             (unsigned long long)generation, TRIES * n_proposals);
}
