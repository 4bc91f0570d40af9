/* The engine: what it promises about bytes, duplicates, limits and failures. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "evolve/nsga2.h"

/* Pairs of whole numbers 0..99; minimise (a - 20)^2 + b^2 and (a - 60)^2 + b^2.  The
 * front is b = 0, 20 <= a <= 60: 41 points, all of which a run must find. */
typedef struct pair {
    int a, b;
} pair;

typedef struct toy {
    int forbid_below; /* a below it breaks a limit */
    int fail_at;      /* evaluations until evaluate fails; < 0: never */
    size_t n_evaluated;
    atomic_int n_living;  /* genomes that were made and not cleared */
    uint64_t adopted;     /* hash of all that was adopted, in order */
    size_t calls_left[3]; /* of sample, vary and score until one fails; 0: never */
} toy;

/* Counts a call; the last one fails. */
static ef_status count_call(toy *t, size_t which, ef_error *err)
{
    if (t->calls_left[which] > 0 && --t->calls_left[which] == 0) {
        return ef_error_set(err, EF_STOPPED, "stopped by the test");
    }
    return EF_OK;
}

static ef_status sample(void *context, ef_rng *rng, uint64_t number, void *genome,
                        ef_error *err)
{
    (void)number;
    if (count_call(context, 0, err)) {
        return EF_STOPPED;
    }
    ((toy *)context)->n_living++;
    pair p = {(int)ef_rng_below(rng, 100), (int)ef_rng_below(rng, 100)};
    memcpy(genome, &p, sizeof p);
    return EF_OK;
}

static int clamp(int x)
{
    return x < 0 ? 0 : x > 99 ? 99 : x;
}

static ef_status vary(void *context, ef_rng *rng, const void *parent_a,
                      const void *parent_b, void *first, void *second, ef_error *err)
{
    if (count_call(context, 1, err)) {
        return EF_STOPPED;
    }
    pair a, b;
    memcpy(&a, parent_a, sizeof a);
    memcpy(&b, parent_b, sizeof b);
    pair one = {clamp(a.a + (int)ef_rng_below(rng, 7) - 3),
                clamp(b.b + (int)ef_rng_below(rng, 7) - 3)};
    pair two = {clamp(b.a + (int)ef_rng_below(rng, 7) - 3),
                clamp(a.b + (int)ef_rng_below(rng, 7) - 3)};
    memcpy(first, &one, sizeof one);
    memcpy(second, &two, sizeof two);
    ((toy *)context)->n_living += 2;
    return EF_OK;
}

static double objective(pair p, int k)
{
    double away = p.a - (k ? 60 : 20);
    return away * away + (double)p.b * p.b;
}

static ef_status score(void *context, const void *genome, double *objectives,
                       double *violation, ef_error *err)
{
    if (count_call(context, 2, err)) {
        return EF_STOPPED;
    }
    const toy *t = context;
    pair p;
    memcpy(&p, genome, sizeof p);
    objectives[0] = objective(p, 0);
    *violation = p.a < t->forbid_below ? t->forbid_below - p.a : 0;
    return EF_OK;
}

static ef_status evaluate(void *context, void *genomes, size_t n, double *objectives,
                          double *violations, ef_error *err)
{
    toy *t = context;
    if (t->fail_at >= 0 && t->n_evaluated + n > (size_t)t->fail_at) {
        return ef_error_set(err, EF_STOPPED, "stopped by the test");
    }
    t->n_evaluated += n;
    for (size_t i = 0; i < n; i++) {
        pair p;
        memcpy(&p, (pair *)genomes + i, sizeof p);
        objectives[2 * i] = objective(p, 0);
        objectives[2 * i + 1] = objective(p, 1);
        violations[i] = p.a < t->forbid_below ? t->forbid_below - p.a : 0;
    }
    return EF_OK;
}

static uint64_t key(void *context, const void *genome)
{
    (void)context;
    return ef_hash_bytes(0, genome, sizeof(pair));
}

static void clear(void *context, void *genome)
{
    (void)genome;
    ((toy *)context)->n_living--;
}

static ef_status copy(void *context, const void *from, void *to, ef_error *err)
{
    (void)err;
    ((toy *)context)->n_living++;
    memcpy(to, from, sizeof(pair));
    return EF_OK;
}

static ef_status adopt(void *context, void *genome, ef_error *err)
{
    (void)err;
    toy *t = context;
    t->adopted = ef_hash_bytes(t->adopted, genome, sizeof(pair));
    return EF_OK;
}

static ef_problem make_problem(toy *t, int n_cheap)
{
    return (ef_problem){.name = "toy",
                        .context = t,
                        .genome_size = sizeof(pair),
                        .n_objectives = 2,
                        .n_cheap = (size_t)n_cheap,
                        .sample = sample,
                        .vary = vary,
                        .score = score,
                        .evaluate = evaluate,
                        .key = key,
                        .copy = copy,
                        .clear = clear};
}

static const ef_nsga2_config config = {
    .population = 60, .children = 40, .proposals = 3, .seed = 7};

static ef_nsga2 *create(const ef_problem *problem)
{
    ef_error err = {0};
    ef_nsga2 *engine = NULL;
    cr_assert_eq(ef_nsga2_create(&engine, problem, &config, &err), EF_OK, "%s",
                 err.text);
    return engine;
}

static void step(ef_nsga2 *engine, size_t n)
{
    ef_error err = {0};
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(ef_nsga2_step(engine, 0, &err), EF_OK, "%s", err.text);
    }
}

static void start(ef_nsga2 *engine)
{
    ef_error err = {0};
    cr_assert_eq(ef_nsga2_start(engine, 0, &err), EF_OK, "%s", err.text);
}

static pair genome(const ef_nsga2 *engine, size_t i)
{
    pair p;
    memcpy(&p, ef_nsga2_genome(engine, i), sizeof p);
    return p;
}

static int n_on_front(const ef_nsga2 *engine)
{
    int n = 0;
    for (size_t i = 0; i < ef_nsga2_size(engine); i++) {
        pair p = genome(engine, i);
        n += p.b == 0 && p.a >= 20 && p.a <= 60;
    }
    return n;
}

Test(nsga2_step, finds_a_whole_front_of_41_points)
{
    toy t = {.fail_at = -1};
    ef_problem problem = make_problem(&t, 0);
    ef_nsga2 *engine = create(&problem);
    start(engine);
    step(engine, 60);
    cr_expect_eq(n_on_front(engine), 41);
    cr_expect_eq(ef_nsga2_evaluations(engine), 60 + 60 * 40);
    ef_nsga2_destroy(engine);
    cr_expect_eq(t.n_living, 0, "every genome is cleared once");
}

Test(nsga2_step, evaluates_nothing_twice)
{
    toy t = {.fail_at = -1};
    ef_problem problem = make_problem(&t, 1);
    ef_nsga2 *engine = create(&problem);
    start(engine);
    step(engine, 20);
    for (size_t i = 0; i < ef_nsga2_size(engine); i++) {
        for (size_t j = 0; j < i; j++) {
            pair p = genome(engine, i);
            pair q = genome(engine, j);
            cr_assert(p.a != q.a || p.b != q.b);
        }
    }
    ef_nsga2_destroy(engine);
    cr_expect_eq(t.n_living, 0);
}

Test(nsga2_step, takes_no_more_than_it_may)
{
    toy t = {.fail_at = -1};
    ef_problem problem = make_problem(&t, 1);
    ef_nsga2 *engine = create(&problem);
    ef_error err = {0};
    cr_assert_eq(ef_nsga2_start(engine, 10, &err), EF_OK);
    cr_expect_eq(ef_nsga2_size(engine), 10);
    cr_assert_eq(ef_nsga2_step(engine, 7, &err), EF_OK);
    cr_expect_eq(t.n_evaluated, 17);
    ef_nsga2_destroy(engine);
}

/* What is drawn, and in which order it is adopted. */
Test(nsga2_use_threads, threads_change_nothing)
{
    uint64_t adopted = 0;
    for (size_t n_threads = 1; n_threads <= 7; n_threads += n_threads == 1 ? 1 : 5) {
        toy t = {.fail_at = -1, .forbid_below = 30};
        ef_problem problem = make_problem(&t, 1);
        problem.adopt = adopt;
        problem.is_reentrant = 1;
        ef_nsga2 *engine = create(&problem);
        ef_nsga2_use_threads(engine, n_threads);
        start(engine);
        step(engine, 20);
        uint64_t all = t.adopted;
        for (size_t i = 0; i < ef_nsga2_size(engine); i++) {
            pair p = genome(engine, i);
            all = ef_hash_bytes(all, &p, sizeof p);
        }
        adopted = n_threads == 1 ? all : adopted;
        cr_expect_eq(all, adopted, "%zu threads", n_threads);
        ef_nsga2_destroy(engine);
        cr_expect_eq(t.n_living, 0, "what was one too many is cleared too");
    }
}

/* Every proposal keeps the limit once anything does: a >= 40 leaves 21 of the 41. */
Test(nsga2_step, evaluates_what_keeps_the_limits)
{
    toy t = {.fail_at = -1, .forbid_below = 40};
    ef_problem problem = make_problem(&t, 1);
    ef_nsga2 *engine = create(&problem);
    start(engine);
    step(engine, 40);
    int n = 0;
    for (size_t i = 0; i < ef_nsga2_size(engine); i++) {
        pair p = genome(engine, i);
        cr_expect_eq(ef_nsga2_violation(engine, i), 0);
        n += p.b == 0 && p.a >= 40 && p.a <= 60;
    }
    cr_expect_eq(n, 21);
    ef_nsga2_destroy(engine);
    cr_expect_eq(t.n_living, 0);
}

Test(nsga2_step, moves_towards_limits_that_nothing_keeps_yet)
{
    toy t = {.fail_at = -1, .forbid_below = 200};
    ef_problem problem = make_problem(&t, 1);
    ef_nsga2 *engine = create(&problem);
    start(engine);
    step(engine, 30);
    cr_expect_eq(ef_nsga2_violation(engine, 0), 200 - 99);
    ef_nsga2_destroy(engine);
    cr_expect_eq(t.n_living, 0);
}

/* The keys of all that was evaluated, as a driver keeps them. */
typedef struct keys {
    uint64_t all[10000];
    size_t n;
} keys;

static keys seen;

static ef_status evaluate_and_note(void *context, void *genomes, size_t n,
                                   double *objectives, double *violations,
                                   ef_error *err)
{
    for (size_t i = 0; i < n; i++) {
        seen.all[seen.n++] = key(context, (pair *)genomes + i);
    }
    return evaluate(context, genomes, n, objectives, violations, err);
}

static void restore(ef_nsga2 *to, const ef_nsga2 *from)
{
    size_t n = ef_nsga2_size(from);
    pair genomes[60];
    double objectives[120];
    double violations[60];
    for (size_t i = 0; i < n; i++) {
        genomes[i] = genome(from, i);
        memcpy(objectives + 2 * i, ef_nsga2_objectives(from, i),
               2 * sizeof *objectives);
        violations[i] = ef_nsga2_violation(from, i);
    }
    ef_nsga2_state state = {.n = n,
                            .genomes = genomes,
                            .objectives = objectives,
                            .violations = violations,
                            .keys = seen.all,
                            .n_keys = seen.n,
                            .generation = ef_nsga2_generation(from),
                            .evaluations = ef_nsga2_evaluations(from)};
    ef_error err = {0};
    cr_assert_eq(ef_nsga2_restore(to, &state, &err), EF_OK, "%s", err.text);
}

static void expect_equal(const ef_nsga2 *a, const ef_nsga2 *b)
{
    cr_assert_eq(ef_nsga2_size(a), ef_nsga2_size(b));
    for (size_t i = 0; i < ef_nsga2_size(a); i++) {
        pair p = genome(a, i);
        pair q = genome(b, i);
        cr_assert(p.a == q.a && p.b == q.b, "individual %zu", i);
        cr_assert_eq(ef_nsga2_rank(a, i), ef_nsga2_rank(b, i));
    }
}

Test(nsga2_restore, goes_on_to_the_same_individuals_from_every_generation)
{
    toy t = {.fail_at = -1};
    ef_problem problem = make_problem(&t, 1);
    problem.evaluate = evaluate_and_note;
    ef_nsga2 *whole = create(&problem);
    start(whole);
    for (size_t generation = 1; generation < 12; generation++) {
        ef_nsga2 *resumed = create(&problem);
        restore(resumed, whole);
        expect_equal(whole, resumed);
        size_t n_seen = seen.n;
        step(resumed, 2);
        seen.n = n_seen;
        ef_nsga2 *went_on = create(&problem);
        restore(went_on, whole);
        step(went_on, 1);
        step(whole, 1);
        expect_equal(whole, went_on);
        ef_nsga2 *twice = create(&problem);
        restore(twice, whole);
        n_seen = seen.n;
        step(twice, 1);
        expect_equal(twice, resumed);
        seen.n = n_seen;
        ef_nsga2_destroy(twice);
        ef_nsga2_destroy(went_on);
        ef_nsga2_destroy(resumed);
    }
    ef_nsga2_destroy(whole);
    cr_expect_eq(t.n_living, 0);
}

Test(nsga2_step, what_evaluate_returns_comes_back_and_nothing_leaks)
{
    toy t = {.fail_at = 100};
    ef_problem problem = make_problem(&t, 1);
    ef_nsga2 *engine = create(&problem);
    start(engine);
    step(engine, 1);
    ef_error err = {0};
    cr_expect_eq(ef_nsga2_step(engine, 0, &err), EF_STOPPED);
    cr_expect_str_eq(err.text, "stopped by the test");
    cr_expect_eq(ef_nsga2_generation(engine), 1);
    ef_nsga2_destroy(engine);
    cr_expect_eq(t.n_living, 0);
}

/* Whatever fails, and whenever: nothing leaks, and the next attempt ends where a run
 * ends in which nothing failed. */
Test(nsga2_step, goes_on_as_before_after_a_failure)
{
    toy calm = {.fail_at = -1};
    ef_problem calm_problem = make_problem(&calm, 1);
    ef_nsga2 *expected = create(&calm_problem);
    start(expected);
    step(expected, 2);
    for (size_t which = 0; which < 4; which++) {
        for (size_t call = 1; call < 60; call += 7) {
            toy t = {.fail_at = which == 3 ? 60 + (int)call % 40 : -1};
            ef_problem problem = make_problem(&t, 1);
            ef_nsga2 *engine = create(&problem);
            ef_error err = {0};
            if (which == 0) {
                t.calls_left[0] = call;
                cr_assert_eq(ef_nsga2_start(engine, 0, &err), EF_STOPPED);
                cr_assert_eq(t.n_living, 0);
            }
            start(engine);
            if (which > 0) {
                t.calls_left[which % 3] = which < 3 ? call : 0;
                cr_assert_eq(ef_nsga2_step(engine, 0, &err), EF_STOPPED, "%zu", which);
                cr_assert_eq(t.n_living, 60);
                t.fail_at = -1;
            }
            step(engine, 2);
            expect_equal(engine, expected);
            ef_nsga2_destroy(engine);
            cr_assert_eq(t.n_living, 0);
        }
    }
    ef_nsga2_destroy(expected);
}

Test(nsga2_step, without_a_new_individual_it_fails_and_says_so)
{
    toy t = {.fail_at = -1};
    ef_problem problem = make_problem(&t, 0);
    ef_nsga2 *engine = create(&problem);
    start(engine);
    ef_error err = {0};
    ef_status status = EF_OK;
    for (int i = 0; i < 1000 && !status; i++) { /* there are 10,000 pairs */
        status = ef_nsga2_step(engine, 0, &err);
    }
    cr_expect_eq(status, EF_ERR_FAILED);
    cr_expect(strstr(err.text, "no new individual"), "%s", err.text);
    ef_nsga2_destroy(engine);
}

Test(nsga2_create, refuses_numbers_out_of_range)
{
    toy t = {.fail_at = -1};
    ef_problem problem = make_problem(&t, 0);
    static const ef_nsga2_config wrong[] = {
        {.population = 1, .children = 1, .proposals = 1},
        {.population = 2, .children = 0, .proposals = 1},
        {.population = 2, .children = 1, .proposals = 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ef_nsga2 *engine = NULL;
        ef_error err = {0};
        cr_expect_eq(ef_nsga2_create(&engine, &problem, &wrong[i], &err), EF_ERR_USAGE);
        cr_expect_null(engine);
    }
}

Test(nsga2_memory, every_failing_allocation_is_reported)
{
    toy t = {.fail_at = -1};
    ef_problem problem = make_problem(&t, 1);
    int n_failed = 0;
    for (long n = 0;; n++) {
        ef_nsga2 *engine = NULL;
        ef_error err = {0};
        ef_mem_fail_after(n);
        ef_status status = ef_nsga2_create(&engine, &problem, &config, &err);
        if (!status) {
            status = ef_nsga2_start(engine, 0, &err);
        }
        if (!status) {
            status = ef_nsga2_step(engine, 0, &err);
        }
        ef_mem_fail_after(-1);
        ef_nsga2_destroy(engine);
        cr_assert_eq(t.n_living, 0, "allocation %ld", n);
        if (status == EF_OK) {
            break;
        }
        cr_assert_eq(status, EF_ERR_MEMORY, "allocation %ld: %s", n, err.text);
        n_failed++;
    }
    cr_expect_gt(n_failed, 20);
}
