#include "study/network_problem.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "net/morph.h"

#define MOST_STEPS 6 /* from a seed to a mutant of the first population */

/* --- genomes ------------------------------------------------------------------- */

ef_candidate *ef_network_problem_candidate(const void *genome)
{
    ef_candidate *candidate;
    memcpy(&candidate, genome, sizeof candidate);
    return candidate;
}

static void set_genome(void *genome, ef_candidate *candidate)
{
    memcpy(genome, &candidate, sizeof candidate);
}

static ef_status copy(void *context, const void *from, void *to, ef_error *err)
{
    (void)context;
    (void)err;
    set_genome(to, ef_candidate_ref(ef_network_problem_candidate(from)));
    return EF_OK;
}

static void clear(void *context, void *genome)
{
    (void)context;
    ef_candidate_unref(ef_network_problem_candidate(genome));
    set_genome(genome, NULL);
}

static uint64_t key(void *context, const void *genome)
{
    (void)context;
    return ef_network_problem_candidate(genome)->hash;
}

static ef_status remember(ef_network_problem *p, ef_candidate *candidate)
{
    if (p->n_proposed == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 64;
        ef_candidate **grown = ef_realloc(p->proposed, capacity, sizeof *grown);
        if (!grown) {
            return EF_ERR_MEMORY;
        }
        p->proposed = grown;
        p->capacity = capacity;
    }
    p->proposed[p->n_proposed++] = ef_candidate_ref(candidate);
    return EF_OK;
}

/* The cheap objectives and limits: every candidate knows them from the start. */
static ef_status score_candidate(const ef_network_problem *p, ef_candidate *candidate,
                                 ef_error *err)
{
    const ef_topology *topology = candidate->net->topology;
    ef_status status = ef_objective_score(topology, &p->objective_context,
                                          &p->objectives, candidate->objectives, err);
    return status ? status
                  : ef_limit_score(topology, &p->objective_context, p->limits,
                                   p->n_limits, &candidate->violation, err);
}

static double sign_of(const ef_network_problem *p, size_t position)
{
    return p->objectives.items[position].row->direction == EF_MAXIMISE ? -1 : 1;
}

void ef_network_problem_turn(const ef_network_problem *p, const double *engine,
                             double *run)
{
    for (size_t k = 0; k < p->objectives.n; k++) {
        run[p->order[k]] = sign_of(p, p->order[k]) * engine[k];
    }
}

void ef_network_problem_turn_back(const ef_network_problem *p, const double *run,
                                  double *engine)
{
    for (size_t k = 0; k < p->objectives.n; k++) {
        engine[k] = sign_of(p, p->order[k]) * run[p->order[k]];
    }
}

void ef_network_problem_objectives(const ef_network_problem *p,
                                   const ef_candidate *candidate, double *objectives)
{
    ef_network_problem_turn_back(p, candidate->objectives, objectives);
}

void ef_network_problem_point(const ef_network_problem *p,
                              const ef_candidate *candidate, double *objectives,
                              double *violation)
{
    int failed = candidate->status == EF_RECORD_FAILED;
    ef_network_problem_objectives(p, candidate, objectives);
    for (size_t k = 0; k < p->objectives.n && failed; k++) {
        objectives[k] = INFINITY;
    }
    *violation = failed ? INFINITY : candidate->violation;
}

static ef_status score(void *context, const void *genome, double *objectives,
                       double *violation, ef_error *err)
{
    (void)err;
    const ef_network_problem *p = context;
    const ef_candidate *candidate = ef_network_problem_candidate(genome);
    double all[EF_OBJECTIVES_MAX];
    ef_network_problem_objectives(p, candidate, all);
    memcpy(objectives, all, p->n_cheap * sizeof *objectives);
    *violation = candidate->violation;
    return EF_OK;
}

/* Where a candidate comes from. */
typedef struct origin {
    const char *operator_name;
    uint64_t parent_a, parent_b;
    int is_fresh;
} origin;

/* Takes net and gives it its cheap objectives and a genome. */
static ef_status make_genome(const ef_network_problem *p, ef_net *net, origin from,
                             void *genome, ef_error *err)
{
    ef_candidate *candidate = ef_candidate_create(net);
    if (!candidate) {
        ef_net_destroy(net);
        return ef_error_memory(err);
    }
    candidate->generation = p->generation;
    snprintf(candidate->operator_name, sizeof candidate->operator_name, "%s",
             from.operator_name);
    candidate->parent_a = from.parent_a;
    candidate->parent_b = from.parent_b;
    candidate->is_fresh = from.is_fresh;
    ef_status status = score_candidate(p, candidate, err);
    if (status) {
        ef_candidate_unref(candidate);
        return status;
    }
    set_genome(genome, candidate);
    return EF_OK;
}

/* Gives the candidate its number. */
static ef_status adopt(void *context, void *genome, ef_error *err)
{
    ef_network_problem *p = context;
    ef_candidate *candidate = ef_network_problem_candidate(genome);
    candidate->id = p->next_id++;
    ef_candidate_hold_parents(candidate);
    return remember(p, candidate) ? ef_error_memory(err) : EF_OK;
}

/* --- drawing and varying --------------------------------------------------------- */

/* Up to n_steps operators, one after the other, as far as they find a place; *name is
 * what led to *net, which is replaced. */
static ef_status mutate(const ef_network_problem *p, ef_rng *rng, size_t n_steps,
                        ef_net **net, const char **name, ef_error *err)
{
    for (size_t i = 0; i < n_steps; i++) {
        ef_net *child = NULL;
        const char *last = NULL;
        ef_status status = ef_morph_mutate(rng, p->space, *net, &child, &last, NULL);
        if (status) {
            return status == EF_ERR_TOPOLOGY ? EF_OK : ef_error_memory(err);
        }
        *name = i == 0 ? last : "mutate";
        ef_net_destroy(*net);
        *net = child;
    }
    return EF_OK;
}

/* Seed `index` as it is, or some operators away. */
static ef_status sample_seed(const ef_network_problem *p, ef_rng *rng, size_t index,
                             size_t n_steps, void *genome, ef_error *err)
{
    const ef_seed *seed = &p->seeds->items[index];
    origin from = {.operator_name = "seed", .is_fresh = !seed->has_weights};
    ef_net *net = NULL;
    if (ef_net_dup(&net, seed->net)) {
        return ef_error_memory(err);
    }
    ef_status status = mutate(p, rng, n_steps, &net, &from.operator_name, err);
    if (status) {
        ef_net_destroy(net);
        return status;
    }
    /* The first candidates of a run are its seeds. */
    from.parent_a = n_steps ? index + 1 : 0;
    return make_genome(p, net, from, genome, err);
}

/* The seeds first, then mutants of theirs: half of them one operator away, a quarter
 * two, and so on. */
static ef_status sample_around_seeds(const ef_network_problem *p, ef_rng *rng,
                                     uint64_t number, void *genome, ef_error *err)
{
    if (number < p->seeds->n) {
        return sample_seed(p, rng, (size_t)number, 0, genome, err);
    }
    size_t index = (size_t)ef_rng_below(rng, p->seeds->n), n_steps = 1;
    while (n_steps < MOST_STEPS && ef_rng_below(rng, 2) == 0) {
        n_steps++;
    }
    return sample_seed(p, rng, index, n_steps, genome, err);
}

static ef_status sample(void *context, ef_rng *rng, uint64_t number, void *genome,
                        ef_error *err)
{
    const ef_network_problem *p = context;
    if (p->seeds && p->seeds->n) {
        return sample_around_seeds(p, rng, number, genome, err);
    }
    ef_net *net = NULL;
    int whole = p->whole_space && p->generation > 0;
    origin from = {.operator_name = whole ? "random" : "sample", .is_fresh = 1};
    ef_status status =
        (whole ? ef_space_random : ef_space_sample)(rng, p->space, &p->task, &net, err);
    return status ? status : make_genome(p, net, from, genome, err);
}

/* A child of a, or of both; *from says how.  EF_ERR_TOPOLOGY: this line has come to
 * its end. */
static ef_status breed(const ef_space *space, ef_rng *rng, const ef_candidate *a,
                       const ef_candidate *b, ef_net **net, origin *from, ef_error *err)
{
    if (b && a != b && ef_rng_unit(rng) < space->crossover) {
        ef_status status = ef_morph_crossover(rng, space, a->net, b->net, net, NULL);
        if (status != EF_ERR_TOPOLOGY) {
            *from = (origin){"crossover", a->id, b->id, 0};
            return status ? ef_error_memory(err) : EF_OK;
        }
    }
    *from = (origin){.parent_a = a->id};
    return ef_morph_mutate(rng, space, a->net, net, &from->operator_name, err);
}

/* Most children are dropped as soon as they are scored: they are plans until
 * ef_network_problem_finish. */
static ef_status vary_one(ef_network_problem *p, ef_rng *rng, ef_candidate *a,
                          ef_candidate *b, void *genome, ef_error *err)
{
    ef_net *net = NULL;
    origin from;
    ef_space plans = *p->space;
    plans.plans = 1;
    ef_rng start = *rng;
    ef_status status = breed(&plans, rng, a, b, &net, &from, err);
    if (status == EF_ERR_TOPOLOGY) {
        return sample(p, rng, EF_SAMPLE_LATER, genome, err);
    }
    if (!status) {
        status = make_genome(p, net, from, genome, err);
    }
    if (!status) {
        ef_candidate *candidate = ef_network_problem_candidate(genome);
        candidate->rng = start;
        candidate->parents[0] = a;
        candidate->parents[1] = b;
    }
    return status;
}

ef_status ef_network_problem_finish(const ef_network_problem *p,
                                    ef_candidate *candidate, ef_error *err)
{
    if (candidate->net->values) {
        return EF_OK;
    }
    ef_rng rng = candidate->rng;
    ef_net *net = NULL;
    origin from;
    ef_status status = breed(p->space, &rng, candidate->parents[0],
                             candidate->parents[1], &net, &from, err);
    if (!status) {
        ef_net_destroy(candidate->net);
        candidate->net = net;
    }
    return status;
}

static ef_status vary(void *context, ef_rng *rng, const void *parent_a,
                      const void *parent_b, void *first, void *second, ef_error *err)
{
    ef_network_problem *p = context;
    ef_candidate *a = ef_network_problem_candidate(parent_a);
    ef_candidate *b = parent_b ? ef_network_problem_candidate(parent_b) : NULL;
    ef_status status = vary_one(p, rng, a, b, first, err);
    if (!status && second) {
        status = vary_one(p, rng, b ? b : a, a, second, err);
        if (status) {
            clear(p, first);
        }
    }
    return status;
}

/* --- training ------------------------------------------------------------------- */

/* The value of an objective that is measured on the trained network. */
static double measured_value(const ef_network_problem *p, const ef_objective *objective,
                             const ef_measured *measured)
{
    if (objective->row->cost == EF_COST_INJECTED) {
        return ef_fault_plan_value(p->measure.faults, measured->faults, objective);
    }
    return strcmp(objective->row->name, "error") == 0 ? measured->error : NAN;
}

static void take_measured(const ef_network_problem *p, ef_candidate *candidate,
                          const ef_measured *measured)
{
    for (size_t k = 0; k < p->objectives.n; k++) {
        if (p->objectives.items[k].row->cost != EF_COST_TOPOLOGY) {
            candidate->objectives[k] =
                measured_value(p, &p->objectives.items[k], measured);
        }
    }
    for (size_t i = 0; i < p->n_limits; i++) {
        const ef_limit *limit = &p->limits[i];
        if (limit->objective.row->cost != EF_COST_TOPOLOGY) {
            candidate->violation += ef_limit_violation(
                limit, measured_value(p, &limit->objective, measured));
        }
    }
    candidate->error = measured->error;
    candidate->test_error = measured->test_error;
    candidate->loss = measured->loss;
    candidate->status = EF_RECORD_TRAINED;
}

static const ef_candidate *find_pending(const ef_network_problem *p, uint64_t id)
{
    for (size_t i = 0; i < p->n_pending; i++) {
        if (p->pending[i]->id == id) {
            return p->pending[i];
        }
    }
    return NULL;
}

/* What an interrupted generation had trained is not trained again. */
static int take_pending(const ef_network_problem *p, ef_candidate *candidate)
{
    const ef_candidate *done = find_pending(p, candidate->id);
    if (!done || done->hash != candidate->hash ||
        done->net->n_values != candidate->net->n_values) {
        return 0;
    }
    memcpy(candidate->net->values, done->net->values,
           done->net->n_values * sizeof *done->net->values);
    memcpy(candidate->objectives, done->objectives, sizeof done->objectives);
    candidate->violation = done->violation;
    candidate->error = done->error;
    candidate->test_error = done->test_error;
    candidate->loss = done->loss;
    candidate->status = EF_RECORD_TRAINED;
    return 1;
}

typedef struct batch {
    ef_network_problem *p;
    const unsigned char *genomes;
    atomic_flag watched;
} batch;

static void tell(batch *b, const ef_candidate *candidate)
{
    if (!b->p->trained) {
        return;
    }
    while (atomic_flag_test_and_set_explicit(&b->watched, memory_order_acquire)) {
    }
    b->p->trained(b->p->watch_context, candidate);
    atomic_flag_clear_explicit(&b->watched, memory_order_release);
}

static int fails_the_run(ef_status status)
{
    return status == EF_ERR_MEMORY;
}

/* Trains and measures the candidate, or notes why that was not possible. */
static ef_status train(const ef_network_problem *p, ef_candidate *candidate,
                       ef_error *err)
{
    const ef_fault_plan *faults = p->measure.faults;
    size_t epochs = candidate->is_fresh ? p->start_epochs : p->epochs;
    ef_measured measured = {.faults = NULL};
    if (faults) {
        measured.faults = ef_calloc(ef_fault_plan_n(faults), sizeof *measured.faults);
        if (!measured.faults) {
            return ef_error_memory(err);
        }
    }
    ef_error why = {0};
    ef_status status = ef_measure_train(&p->measure, candidate->net, candidate->id,
                                        epochs, &measured, &why);
    if (fails_the_run(status)) {
        ef_error_set(err, status, "%s", why.text);
    } else if (status) {
        candidate->status = EF_RECORD_FAILED;
        snprintf(candidate->message, sizeof candidate->message, "%.*s",
                 EF_CANDIDATE_MESSAGE - 1, why.text);
    } else {
        take_measured(p, candidate, &measured);
    }
    ef_free(measured.faults);
    return fails_the_run(status) ? status : EF_OK;
}

static ef_status train_unit(void *context, size_t index, ef_error *err)
{
    batch *b = context;
    ef_network_problem *p = b->p;
    ef_candidate *candidate =
        ef_network_problem_candidate(b->genomes + index * sizeof(ef_candidate *));
    ef_status status = ef_network_problem_finish(p, candidate, err);
    if (status) {
        return status;
    }
    if (take_pending(p, candidate)) {
        tell(b, candidate);
        return EF_OK;
    }
    if (p->stop && p->stop(p->watch_context)) {
        return EF_STOPPED;
    }
    status = train(p, candidate, err);
    if (!status) {
        tell(b, candidate);
    }
    return status;
}

static ef_status evaluate(void *context, void *genomes, size_t n, double *objectives,
                          double *violations, ef_error *err)
{
    ef_network_problem *p = context;
    batch b = {.p = p, .genomes = genomes};
    atomic_flag_clear(&b.watched);
    ef_status status = ef_parallel_for(n, p->n_threads, train_unit, &b, err);
    if (status) {
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        ef_candidate *candidate =
            ef_network_problem_candidate(b.genomes + i * sizeof(ef_candidate *));
        ef_candidate_drop_parents(candidate);
        ef_network_problem_point(p, candidate, objectives + i * p->objectives.n,
                                 &violations[i]);
    }
    return EF_OK;
}

/* --- the problem ----------------------------------------------------------------- */

void ef_network_problem_init(ef_network_problem *p, ef_problem *problem)
{
    p->n_cheap = 0;
    for (size_t k = 0; k < p->objectives.n; k++) {
        if (p->objectives.items[k].row->cost == EF_COST_TOPOLOGY) {
            p->order[p->n_cheap++] = k;
        }
    }
    size_t n = p->n_cheap;
    for (size_t k = 0; k < p->objectives.n; k++) {
        if (p->objectives.items[k].row->cost != EF_COST_TOPOLOGY) {
            p->order[n++] = k;
        }
    }
    p->next_id = 1;
    *problem = (ef_problem){.name = "networks",
                            .context = p,
                            .genome_size = sizeof(ef_candidate *),
                            .n_objectives = p->objectives.n,
                            .n_cheap = p->n_cheap,
                            .sample = sample,
                            .is_reentrant = 1,
                            .adopt = adopt,
                            .vary = vary,
                            .score = score,
                            .evaluate = evaluate,
                            .key = key,
                            .copy = copy,
                            .clear = clear};
}

void ef_network_problem_forget(ef_network_problem *p)
{
    for (size_t i = 0; i < p->n_proposed; i++) {
        ef_candidate_unref(p->proposed[i]);
    }
    p->n_proposed = 0;
}

void ef_network_problem_clear(ef_network_problem *p)
{
    ef_network_problem_forget(p);
    ef_free(p->proposed);
    p->proposed = NULL;
    p->capacity = 0;
}
