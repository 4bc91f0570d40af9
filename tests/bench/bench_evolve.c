/* Figures of src/evolve. */
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "bench.h"
#include "evolve/hypervolume.h"
#include "evolve/nsga2.h"
#include "evolve/problems.h"
#include "evolve/sort.h"
#include "evolve/variation.h"

/* --- hypervolume ---------------------------------------------------------------- */

typedef struct cloud {
    double *points; /* (n, n_objectives) */
    double *reference;
    size_t n, n_objectives;
    double volume;
} cloud;

/* A random front: points on the simplex, none of which dominates another. */
static cloud make_front(size_t n, size_t m)
{
    cloud front = {calloc(n * m, sizeof(double)), calloc(m, sizeof(double)), n, m, 0};
    bench_need(front.points != NULL && front.reference != NULL, "out of memory");
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, n, m, 0);
    for (size_t i = 0; i < n; i++) {
        double *row = front.points + i * m, sum = 0;
        for (size_t k = 0; k < m; k++) {
            row[k] = -log(1 - ef_rng_unit(&rng));
            sum += row[k];
        }
        for (size_t k = 0; k < m; k++) {
            row[k] /= sum;
        }
    }
    for (size_t k = 0; k < m; k++) {
        front.reference[k] = 1.1;
    }
    return front;
}

static void clear_cloud(cloud *all)
{
    free(all->points);
    free(all->reference);
}

static void measure_volume(void *context)
{
    cloud *front = context;
    bench_need(ef_hypervolume(front->points, front->n, front->n_objectives,
                              front->reference, &front->volume, NULL) == EF_OK,
               "the hypervolume failed");
}

static void bench_hypervolume(const char *figure, size_t n, size_t m)
{
    cloud front = make_front(n, m);
    bench_print(figure, "ours", "ms", 1e3 * bench_shortest(5, measure_volume, &front));
    clear_cloud(&front);
}

/* --- sorting -------------------------------------------------------------------- */

typedef struct sorting {
    ef_sort *sort;
    double *points;
    uint32_t *ranks;
    size_t n;
} sorting;

static void sort_points(void *context)
{
    sorting *all = context;
    bench_need(ef_sort_run(all->sort, all->points, NULL, all->n, all->ranks) > 0,
               "sorting failed");
}

static void bench_sorting(const char *figure, size_t n, size_t m)
{
    sorting all = {NULL, calloc(n * m, sizeof(double)), calloc(n, sizeof(uint32_t)), n};
    bench_need(all.points != NULL && all.ranks != NULL &&
                   ef_sort_create(&all.sort, n, m, NULL) == EF_OK,
               "out of memory");
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, m, 1, 0);
    for (size_t i = 0; i < n * m; i++) {
        all.points[i] = ef_rng_unit(&rng);
    }
    bench_print(figure, "ours", "ms", 1e3 * bench_shortest(3, sort_points, &all));
    ef_sort_destroy(all.sort);
    free(all.points);
    free(all.ranks);
}

/* The points of the figures that are held against moocore. */
static void bench_sorting_many(const char *figure, size_t m)
{
    bench_sorting(figure, 100000, m);
    bench_print(figure, "least", "x", 0.7);
    bench_print(figure, "goal", "x", 1.5);
}

/* --- NSGA-II -------------------------------------------------------------------- */

static void evolve(void *context)
{
    ef_nsga2_config config = EF_NSGA2_DEFAULT;
    ef_nsga2 *engine = NULL;
    config.population = config.children = 1000;
    ef_status status = ef_nsga2_create(&engine, context, &config, NULL);
    status = status == EF_OK ? ef_nsga2_start(engine, 0, NULL) : status;
    for (size_t i = 0; status == EF_OK && i < 250; i++) {
        status = ef_nsga2_step(engine, 0, NULL);
    }
    bench_need(status == EF_OK, ef_status_text(status));
    ef_nsga2_destroy(engine);
}

static void vary(void *context)
{
    enum { N = 30 };
    double lower[N] = {0}, upper[N], parents[2][N], children[2][N];
    ef_variation variation = ef_variation_default(N);
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 2, 0, 0);
    for (size_t i = 0; i < N; i++) {
        upper[i] = 1;
    }
    ef_variation_sample_real(&rng, N, lower, upper, parents[0]);
    ef_variation_sample_real(&rng, N, lower, upper, parents[1]);
    for (size_t i = 0; i < *(size_t *)context; i++) {
        ef_variation_vary_real(&rng, &variation, N, lower, upper, parents[0],
                               parents[1], children[0], children[1]);
    }
}

static void bench_evolution(void)
{
    const char *figure = "NSGA-II, ZDT1, 1000 x 250 generations";
    ef_problem *problem = NULL;
    size_t n_pairs = 50000;
    bench_need(ef_problems_create(&problem, "zdt1", NULL) == EF_OK, "out of memory");
    bench_print(figure, "ours", "s", bench_shortest(3, evolve, problem));
    bench_print(figure, "least", "x", 20);
    bench_print(figure, "goal", "x", 40);
#ifdef EF_WITHOUT_PAGMO
    printf("# pagmo is missing: Debian package libpagmo-dev, then configure again\n");
#endif
    bench_print("a child of 30 real genes", "ours", "ns",
                1e9 * bench_shortest(5, vary, &n_pairs) / (double)(2 * n_pairs));
    ef_problems_destroy(problem);
}

int main(void)
{
    bench_evolution();
    bench_sorting_many("sorting 100,000 points, 2 objectives", 2);
    bench_sorting_many("sorting 100,000 points, 3 objectives", 3);
    bench_sorting_many("sorting 100,000 points, 4 objectives", 4);
    bench_sorting_many("sorting 100,000 points, 6 objectives", 6);
    bench_sorting("sorting 5,000 points, 2 objectives", 5000, 2);
    bench_sorting("sorting 5,000 points, 4 objectives", 5000, 4);
    bench_hypervolume("hypervolume, 100,000 points, 3 objectives", 100000, 3);
    bench_hypervolume("hypervolume, 400 points, 4 objectives", 400, 4);
    /* after every generation of a search, without being felt */
    bench_print("hypervolume, 400 points, 4 objectives", "most", "ms", 20);
    bench_hypervolume("hypervolume, 100 points, 6 objectives", 100, 6);
    return 0;
}
