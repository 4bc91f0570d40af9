/* Figures of src/evolve. */
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "bench.h"
#include "evolve/hypervolume.h"

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

int main(void)
{
    bench_hypervolume("hypervolume, 100,000 points, 3 objectives", 100000, 3);
    bench_hypervolume("hypervolume, 400 points, 4 objectives", 400, 4);
    /* after every generation of a search, without being felt */
    bench_print("hypervolume, 400 points, 4 objectives", "most", "ms", 20);
    bench_hypervolume("hypervolume, 100 points, 6 objectives", 100, 6);
    return 0;
}
