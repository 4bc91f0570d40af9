/* Figures of objectives: what scoring a topology costs, and how many a search proposes
 * and scores in a minute. */
#include <math.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "bench.h"
#include "evolve/keyset.h"
#include "evolve/nsga2.h"
#include "net/topology_yaml.h"
#include "study/network_problem.h"

/* --- one topology --------------------------------------------------------------- */

typedef struct scoring {
    ef_topology *topology;
    ef_objective_list list;
    ef_objective_context context;
    size_t n;
} scoring;

static void score(void *context)
{
    scoring *s = context;
    double values[EF_OBJECTIVES_MAX];
    for (size_t i = 0; i < s->n; i++) {
        bench_need(ef_objective_score(s->topology, &s->context, &s->list, values,
                                      NULL) == EF_OK,
                   "scoring failed");
    }
}

/* In ms, at most `most`. */
static void bench_score(const char *figure, const char *names, size_t n, double most)
{
    scoring s = {.n = n};
    ef_error err = {0};
    bench_need(ef_format_parse("int8", &s.context.format, &err) == EF_OK, err.text);
    ef_accelerator accelerator;
    bench_need(ef_accelerator_load(&accelerator, EF_HARDWARE "/edge-systolic.yaml",
                                   &err) == EF_OK,
               err.text);
    s.context.accelerator = &accelerator;
    bench_need(ef_objective_parse_list(&s.list, names, &err) == EF_OK, err.text);
    bench_need(ef_topology_load(&s.topology, EF_TOPOLOGIES "/resnet20.yaml", &err) ==
                   EF_OK,
               err.text);
    bench_print(figure, "ours", "ms", 1e3 * bench_shortest(5, score, &s) / (double)n);
    bench_print(figure, "most", "ms", most);
    ef_topology_destroy(s.topology);
}

/* --- a search ------------------------------------------------------------------- */

/* Training is left out: its objective is a number that no two topologies share. */
static ef_status evaluate(void *context, void *genomes, size_t n, double *objectives,
                          double *violations, ef_error *err)
{
    ef_network_problem *p = context;
    const unsigned char *records = genomes;
    for (size_t i = 0; i < n; i++) {
        ef_candidate *candidate =
            ef_network_problem_candidate(records + i * sizeof(ef_candidate *));
        bench_need(ef_network_problem_finish(p, candidate, err) == EF_OK, "no memory");
        ef_candidate_drop_parents(candidate);
        candidate->error = (double)(candidate->hash >> 11) * 0x1p-53;
        candidate->objectives[0] = candidate->error;
        candidate->status = EF_RECORD_TRAINED;
        ef_network_problem_point(p, candidate, objectives + i * p->objectives.n,
                                 &violations[i]);
    }
    return EF_OK;
}

typedef struct search {
    ef_space *space;
    ef_network_problem networks;
    ef_problem problem;
    size_t generations;
    size_t n_draws;
    size_t n_distinct; /* topologies, by their hashes */
} search;

/* What a generation drew; no topology that was drawn before counts as distinct. */
static void count(search *s, ef_keyset *seen)
{
    for (size_t i = 0; i < s->networks.n_proposed; i++) {
        uint64_t hash = s->networks.proposed[i]->hash;
        s->n_draws++;
        if (!ef_keyset_has(seen, hash)) {
            bench_need(ef_keyset_add(seen, hash) == EF_OK, "no memory");
            s->n_distinct++;
        }
    }
}

static void run_search(void *context)
{
    search *s = context;
    ef_nsga2_config config = EF_NSGA2_DEFAULT;
    ef_nsga2 *engine = NULL;
    ef_keyset seen = {0};
    ef_error err = {0};
    config.proposals = 10;
    ef_network_problem_init(&s->networks, &s->problem);
    s->problem.evaluate = evaluate;
    s->n_draws = s->n_distinct = 0;
    s->networks.generation = 0;
    bench_need(ef_nsga2_create(&engine, &s->problem, &config, &err) == EF_OK, err.text);
    ef_nsga2_use_threads(engine, 2);
    for (size_t i = 0; i < s->generations; i++) {
        ef_status status =
            i ? ef_nsga2_step(engine, 0, &err) : ef_nsga2_start(engine, 0, &err);
        bench_need(status == EF_OK, err.text);
        s->networks.generation++;
        count(s, &seen);
        ef_network_problem_forget(&s->networks);
    }
    ef_nsga2_destroy(engine);
    ef_keyset_clear(&seen);
    ef_network_problem_clear(&s->networks);
}

/* Topologies of the built-in space, for images of the digits, in a million a minute. */
static void bench_search(const char *search_of, const char *names)
{
    search s = {.generations = 20};
    ef_error err = {0};
    bench_need(ef_space_default(&s.space, &err) == EF_OK, err.text);
    ef_network_problem *p = &s.networks;
    p->space = s.space;
    const float scale = 0.1F, shift = -0.5F;
    p->task = (ef_task){
        .input = {1, 8, 8, 4}, .n_classes = 10, .scale = &scale, .shift = &shift};
    p->n_threads = 2;
    bench_need(ef_format_parse("int8", &p->objective_context.format, &err) == EF_OK,
               err.text);
    bench_need(ef_objective_parse_list(&p->objectives, names, &err) == EF_OK, err.text);
    double minutes = bench_shortest_by(bench_now, 3, run_search, &s) / 60;
    const double counts[] = {(double)s.n_draws, (double)s.n_distinct};
    const char *const what[] = {"draws, each scored", "distinct topologies scored"};
    for (size_t i = 0; i < 2; i++) {
        char figure[128];
        snprintf(figure, sizeof figure, "%s: %s", search_of, what[i]);
        bench_print(figure, "ours", "1/min", counts[i] / minutes);
        bench_print(figure, "least", "1/min", 1e6);
    }
    ef_space_destroy(s.space);
}

int main(void)
{
    bench_score("scoring ResNet-20 by all cheap objectives but latency",
                "size,params,macs,activations,memory,bitops,adcr,traffic,energy,depth,"
                "asi,predicted_ccr:ber=1e-3",
                100, 1);
    bench_score("scoring ResNet-20 by latency", "latency", 10, 20);
    bench_search("a search on two threads", "error,size,macs,predicted_ccr:ber=1e-3");
    return 0;
}
