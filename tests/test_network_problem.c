/* Networks as the problem of a search: children that get their weights late. */
#include "study/network_problem.h"

#include <criterion/criterion.h>
#include <string.h>

#include "net/morph.h"

static ef_error err;

static void must(ef_status status)
{
    cr_assert_eq(status, EF_OK, "%s: %s", ef_status_name(status), err.text);
}

static ef_network_problem problem_of(ef_space **space)
{
    must(ef_space_default(space, &err));
    ef_network_problem p = {.space = *space,
                            .task = {.input = {1, 8, 8, 4}, .n_classes = 10}};
    must(ef_format_parse("int8", &p.objective_context.format, &err));
    must(ef_objective_parse_list(&p.objectives, "error,size", &err));
    return p;
}

/* The naive twin makes the child at once, with its weights, from the same draws. */
static ef_net *twin_of(const ef_space *space, ef_rng *rng, const ef_net *a,
                       const ef_net *b)
{
    ef_net *net = NULL;
    if (ef_rng_unit(rng) >= space->crossover ||
        ef_morph_crossover(rng, space, a, b, &net, NULL)) {
        must(ef_morph_mutate(rng, space, a, &net, NULL, &err));
    }
    return net;
}

static void expect_twin(const ef_network_problem *p, ef_candidate *candidate,
                        ef_net *twin)
{
    cr_assert_null(candidate->net->values);
    must(ef_network_problem_finish(p, candidate, &err));
    cr_assert_eq(ef_topology_hash(candidate->net->topology), candidate->hash);
    cr_assert_eq(ef_topology_hash(twin->topology), candidate->hash);
    cr_assert_eq(candidate->net->n_values, twin->n_values);
    cr_assert_arr_eq(candidate->net->values, twin->values,
                     twin->n_values * sizeof *twin->values);
    ef_net_destroy(twin);
}

Test(network_problem, weights_made_late_are_those_made_at_once)
{
    ef_space *space = NULL;
    ef_network_problem p = problem_of(&space);
    ef_problem problem;
    ef_network_problem_init(&p, &problem);
    for (uint64_t seed = 0; seed < 300; seed++) {
        ef_candidate *parents[2], *children[2];
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 0, 0, 0);
        for (size_t i = 0; i < 2; i++) {
            must(problem.sample(&p, &rng, i, &parents[i], &err));
            must(problem.adopt(&p, &parents[i], &err));
        }
        ef_rng other = rng;
        must(problem.vary(&p, &rng, &parents[0], &parents[1], &children[0],
                          &children[1], &err));
        const ef_net *a = parents[0]->net, *b = parents[1]->net;
        ef_net *first = twin_of(space, &other, a, b);
        ef_net *second = twin_of(space, &other, b, a);
        must(problem.adopt(&p, &children[0], &err));
        expect_twin(&p, children[0], first);
        expect_twin(&p, children[1], second);
        cr_assert(rng.state == other.state);
        for (size_t i = 0; i < 2; i++) {
            problem.clear(&p, &parents[i]);
            problem.clear(&p, &children[i]);
        }
        ef_network_problem_forget(&p);
    }
    ef_network_problem_clear(&p);
    ef_space_destroy(space);
}
