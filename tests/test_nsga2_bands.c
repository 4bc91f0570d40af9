/* The engine against published programs: the hypervolume of final populations of 100
 * after 25,000 evaluations, mean over seeds 1 to 20, reference 1.1 in every objective.
 *
 * The bands hold the means that three programs reach with the same settings: the C code
 * of K. Deb et al. (NSGA-II 1.1.6), pagmo 2.18 and pymoo 0.6.2.  Above a band is
 * better.  `most` is the best that 100 points can reach on ZDT2 and ZDT6, what they
 * reach with equal steps in the second objective on the front of ZDT1 and ZDT4 (the
 * best is 0.872143, found as the others by moving one point after another until none
 * gains), and else what the exact front reaches: far above it the indicator is wrong.
 *
 * Now and then a run of NSGA-II loses the last of the five pieces of the front of ZDT3
 * for good, and 0.08 of the volume with it: ours in 27 of 1000 seeds, pagmo in 7 of
 * 200.  These 20 seeds lose none; when the draws change, the row fails with a chance of
 * 42 % for that reason alone, and then is to be judged without the seeds below 1.3. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "evolve/hypervolume.h"
#include "evolve/igd.h"
#include "evolve/nsga2.h"
#include "evolve/problems.h"

enum { POPULATION = 100, N_SEEDS = 20, MOST_OBJECTIVES = 3 };

static const ef_nsga2_end end = {.evaluations = 25000};

static ef_problem *create(const char *name)
{
    ef_problem *problem = NULL;
    cr_assert_eq(ef_problems_create(&problem, name, NULL), EF_OK);
    return problem;
}

/* Runs one seed and copies the objectives (n, n_objectives) of the population; returns
 * n. */
static size_t evolve(const ef_problem *problem, uint64_t seed, double *points)
{
    ef_nsga2_config config = EF_NSGA2_DEFAULT;
    ef_nsga2 *engine = NULL;
    ef_error err = {0};
    config.population = config.children = POPULATION;
    config.seed = seed;
    cr_assert_eq(ef_nsga2_create(&engine, problem, &config, &err), EF_OK);
    cr_assert_eq(ef_nsga2_run(engine, &end, &err), EF_OK, "%s", err.text);
    cr_assert_eq(ef_nsga2_evaluations(engine), end.evaluations);
    size_t n = ef_nsga2_size(engine), m = problem->n_objectives;
    for (size_t i = 0; i < n; i++) {
        memcpy(points + i * m, ef_nsga2_objectives(engine, i), m * sizeof *points);
    }
    ef_nsga2_destroy(engine);
    return n;
}

typedef struct band {
    char name[8];
    double low, most;
} band;

ParameterizedTestParameters(nsga2_bands, mean_volume_is_in_the_band_or_above)
{
    static band rows[] = {
        {"zdt1", 0.8690, 0.871599}, {"zdt2", 0.5355, 0.538881},
        {"zdt3", 1.3270, 1.331759}, {"zdt4", 0.862, 0.871599},
        {"zdt6", 0.4935, 0.504631}, {"dtlz2", 0.689, 0.807401},
    };
    return cr_make_param_array(band, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(band *row, nsga2_bands, mean_volume_is_in_the_band_or_above)
{
    const double reference[MOST_OBJECTIVES] = {1.1, 1.1, 1.1};
    ef_problem *problem = create(row->name);
    double sum = 0;
    for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
        double points[POPULATION * MOST_OBJECTIVES], volume = 0;
        size_t n = evolve(problem, seed, points);
        cr_assert_eq(
            ef_hypervolume(points, n, problem->n_objectives, reference, &volume, NULL),
            EF_OK);
        cr_assert_leq(volume, row->most, "%s, seed %d: %.6f", row->name, (int)seed,
                      volume);
        sum += volume;
    }
    cr_log_info("%s: mean volume %.6f", row->name, sum / N_SEEDS);
    cr_assert_geq(sum / N_SEEDS, row->low, "%s: %.6f", row->name, sum / N_SEEDS);
    ef_problems_destroy(problem);
}

/* 100 points on a front of length 1.48 lie 0.015 apart: the mean distance from the
 * front is a quarter of that at best. */
Test(nsga2_bands, the_front_of_zdt1_is_near_everywhere)
{
    enum { N_FRONT = 1000 };
    double front[2 * N_FRONT], points[2 * POPULATION];
    ef_problem *problem = create("zdt1");
    for (size_t i = 0; i < N_FRONT; i++) {
        double x = (double)i / (N_FRONT - 1);
        front[2 * i] = x;
        front[2 * i + 1] = 1 - sqrt(x);
    }
    size_t n = evolve(problem, 1, points);
    double distance = ef_igd(points, n, front, N_FRONT, 2);
    cr_assert_gt(distance, 0.0037);
    cr_assert_lt(distance, 0.006);
    ef_problems_destroy(problem);
}

/* LOTZ with 30 bits has the front (i, 30 - i), 31 points: Laumanns et al. 2004,
 * doi:10.1109/TEVC.2004.823470. */
Test(nsga2_bands, the_whole_front_of_the_binary_problem_is_found)
{
    double points[2 * POPULATION];
    char found[31] = {0};
    ef_problem *problem = create("lotz");
    size_t n = evolve(problem, 1, points), n_found = 0;
    for (size_t i = 0; i < n; i++) {
        if (points[2 * i] + points[2 * i + 1] == 30) {
            found[(size_t)points[2 * i]] = 1;
        }
    }
    for (size_t k = 0; k <= 30; k++) {
        n_found += found[k] != 0;
    }
    cr_assert_eq(n_found, 31, "%zu", n_found);
    ef_problems_destroy(problem);
}

/* Share of the exact volume that the population of seed 1 covers. */
static double covered(const char *name, const double *front, size_t n_front,
                      const double *reference)
{
    double points[2 * POPULATION], volume = 0, exact = 0;
    ef_problem *problem = create(name);
    size_t n = evolve(problem, 1, points);
    cr_assert_eq(ef_hypervolume(points, n, 2, reference, &volume, NULL), EF_OK);
    cr_assert_eq(ef_hypervolume(front, n_front, 2, reference, &exact, NULL), EF_OK);
    ef_problems_destroy(problem);
    cr_log_info("%s: %.6f of the volume", name, volume / exact);
    return volume / exact;
}

/* With sum x = t, sum x^2 is least where the ten integers differ by 1 at most, and
 * sum (20 - x)^2 = 4000 - 40 t + sum x^2; each t from 0 to 200 is a point of the front.
 */
Test(nsga2_bands, the_front_of_the_integer_problem_is_covered)
{
    const double reference[2] = {4400, 4400};
    double front[2 * 201];
    for (int t = 0; t <= 200; t++) {
        int low = t / 10, above = t % 10;
        front[2 * t] = (10 - above) * low * low + above * (low + 1) * (low + 1);
        front[2 * t + 1] = 4000 - 40 * t + front[2 * t];
    }
    double share = covered("steps", front, 201, reference);
    cr_assert_geq(share, 0.99);
    cr_assert_leq(share, 1);
}

/* Binh and Korn 1997: the front is x = y to (3, 3), then y = 3.  So densely sampled, it
 * loses 0.02 % of its volume. */
Test(nsga2_bands, the_front_of_the_constrained_problem_is_covered)
{
    enum { N_FRONT = 5001 };
    const double reference[2] = {140, 50};
    double front[2 * N_FRONT];
    for (size_t i = 0; i < N_FRONT; i++) {
        double x = 5.0 * (double)i / (N_FRONT - 1), y = x < 3 ? x : 3;
        front[2 * i] = 4 * x * x + 4 * y * y;
        front[2 * i + 1] = (x - 5) * (x - 5) + (y - 5) * (y - 5);
    }
    double share = covered("bnh", front, N_FRONT, reference);
    cr_assert_geq(share, 0.99);
    cr_assert_leq(share, 1.0002);
}
