#include "faults.h"

#include <stdatomic.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "bench.h"
#include "net/batch.h"
#include "onnx/onnx.h"

#define MODEL "models/resnet20-cifar10-bn.onnx"
#define DATA "data/cifar10-test-1000.bin"
#define N_CALIBRATION 256

/* --- the network and its images ------------------------------------------------ */

static const char *path_of(const char *file)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", EF_TEST_MODELS, file);
    return path;
}

int bed_can_open(void)
{
    int can = ef_file_exists(path_of(MODEL)) && ef_file_exists(path_of(DATA));
    if (!can) {
        printf("# faults: the test models are not there (configure "
               "--with-test-models)\n");
    }
    return can;
}

/* Every step-th of the set. */
static float *images_of(const ef_dataset *set, size_t n, size_t step)
{
    size_t *indices = ef_calloc(n, sizeof *indices);
    float *images = ef_calloc(n, ef_dataset_image_size(set) * sizeof *images);
    bench_need(indices && images, "out of memory");
    for (size_t i = 0; i < n; i++) {
        indices[i] = i * step;
    }
    ef_batch_fill(set, NULL, indices, n, images);
    ef_free(indices);
    return images;
}

static ef_status run_in_int8(bed *b, const ef_rerun_images *images, ef_error *err)
{
    const ef_qnet_options formats = EF_QNET_OPTIONS_INT8;
    float *seen = images_of(&b->set, N_CALIBRATION, b->set.n / N_CALIBRATION);
    ef_status status = ef_ranges_create(&b->ranges, b->net, seen, N_CALIBRATION,
                                        images->n_threads, err);
    ef_free(seen);
    if (!status) {
        status = ef_qnet_create(&b->qnet, b->net, b->ranges, &formats, err);
    }
    if (!status) {
        b->topology = b->qnet->net->topology;
        status = ef_rerun_create(&b->rerun, b->qnet, images, err);
    }
    return status;
}

static ef_status run_in_float32(bed *b, const ef_rerun_images *images, ef_error *err)
{
    const ef_fnet_options formats = EF_FNET_OPTIONS_FP32;
    ef_status status = ef_fnet_create(&b->fnet, b->net, NULL, &formats, err);
    b->topology = b->net->topology;
    return status ? status : ef_rerun_create_float(&b->rerun, b->fnet, images, err);
}

bed bed_open(bed_numbers numbers, size_t n_threads)
{
    static ef_status (*const runs[BED_COUNT])(bed *, const ef_rerun_images *,
                                              ef_error *) = {
        [BED_INT8] = run_in_int8, [BED_FLOAT32] = run_in_float32};
    bed b = {0};
    ef_error err = {0};
    ef_dataset_options how = {.data = path_of(DATA)};
    bench_need(ef_dataset_load(&b.set, &how, &err) == EF_OK, err.text);
    bench_need(ef_onnx_load(&b.net, NULL, path_of(MODEL), &err) == EF_OK, err.text);
    b.images = images_of(&b.set, BED_IMAGES, 1);
    const ef_rerun_images images = {.images = b.images,
                                    .labels = b.set.labels,
                                    .n = BED_IMAGES,
                                    .n_threads = n_threads};
    bench_need(runs[numbers](&b, &images, &err) == EF_OK, err.text);
    return b;
}

void bed_close(bed *b)
{
    ef_rerun_destroy(b->rerun);
    ef_qnet_destroy(b->qnet);
    ef_fnet_destroy(b->fnet);
    ef_ranges_destroy(b->ranges);
    ef_net_destroy(b->net);
    ef_dataset_clear(&b->set);
    ef_free(b->images);
    *b = (bed){0};
}

double bed_macs(const bed *b)
{
    return (double)ef_topology_macs(b->net->topology) * BED_IMAGES;
}

ef_population *bed_population(const bed *b, ef_target target)
{
    const ef_strike flip = {.kind = EF_FAULT_FLIP, .adjacent = 1};
    const ef_selection all = {.targets = 1U << target};
    ef_population *population = NULL;
    ef_error err = {0};
    size_t n;
    const ef_site *sites = ef_rerun_sites(b->rerun, &n);
    bench_need(ef_population_create(&population, b->topology, sites, n, &all, &flip,
                                    &err) == EF_OK,
               err.text);
    return population;
}

/* --- striking ------------------------------------------------------------------ */

typedef struct job {
    const ef_rerun *rerun;
    const ef_flip *flips;
    ef_outcomes *counts;
    size_t n, together;
    atomic_size_t next;
    atomic_ullong macs;
} job;

/* One thread takes faults until none is left. */
static ef_status strike_some(void *context, size_t index, ef_error *err)
{
    job *j = context;
    ef_rerun_worker *worker = NULL;
    ef_fault *faults = ef_calloc(j->together, sizeof *faults);
    size_t begin;
    (void)index;
    ef_status status =
        faults ? ef_rerun_worker_create(&worker, j->rerun, err) : ef_error_memory(err);
    while (!status && (begin = atomic_fetch_add(&j->next, j->together)) < j->n) {
        size_t n = j->n - begin < j->together ? j->n - begin : j->together;
        for (size_t i = 0; i < n; i++) {
            faults[i] = (ef_fault){&j->flips[begin + i], 1};
        }
        status = ef_rerun_strike(worker, faults, n,
                                 &(ef_struck){.counts = j->counts + begin});
    }
    if (worker) {
        atomic_fetch_add(&j->macs, ef_rerun_macs(worker));
    }
    ef_rerun_worker_destroy(worker);
    ef_free(faults);
    return status;
}

void bed_strike(const bed *b, const ef_flip *flips, size_t n, ef_outcomes *counts,
                strike *how)
{
    job j = {.rerun = b->rerun,
             .flips = flips,
             .counts = counts,
             .n = n,
             .together = how->together};
    ef_error err = {0};
    double start_s = bench_now(), cpu_s = bench_cpu();
    atomic_init(&j.next, 0);
    atomic_init(&j.macs, 0);
    bench_need(ef_parallel_for(how->n_threads, how->n_threads, strike_some, &j, &err) ==
                   EF_OK,
               err.text);
    how->time_s += bench_now() - start_s;
    how->cpu_s += bench_cpu() - cpu_s;
    how->macs += (double)j.macs;
}
