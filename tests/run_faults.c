/* run_faults MODEL INPUT LIST OUTPUT [TARGETS COUNT SEED]: strikes faults in a model in
 * float32.
 *
 * INPUT holds the images, float32 of this machine without a header; how many there are
 * follows from its size.  LIST is a list of faults, evoflip-faults(5): with TARGETS,
 * COUNT and SEED that many single flips are drawn first, without replacement, and
 * written there.  OUTPUT gets a line for each fault and each image: the fault's
 * number, the image, the class, whether all logits are finite (0 or 1), how much the
 * largest logit is above the next, and the largest size of one, separated by tabs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parse.h"
#include "faultsim/fault_list.h"
#include "faultsim/floating.h"
#include "faultsim/permutation.h"
#include "faultsim/population.h"
#include "onnx/onnx.h"

#define MAX_INPUT ((size_t)1 << 30) /* bytes */
#define AT_ONCE 16                  /* faults */

typedef struct job {
    const char *model, *input, *list, *output;
    unsigned targets; /* what is drawn: 1u << ef_target; 0: the list is there */
    uint64_t count, seed;
} job;

typedef struct work {
    ef_net *net;
    unsigned char *images;
    size_t n; /* images */
    ef_fnet *fnet;
    ef_rerun *rerun;
    ef_rerun_worker *worker;
    const ef_site *sites;
    size_t n_sites;
    ef_fault_list list;
    ef_outcomes counts[AT_ONCE];
    double *logits; /* (AT_ONCE, n, classes) */
} work;

static void clear(work *w)
{
    ef_rerun_worker_destroy(w->worker);
    ef_rerun_destroy(w->rerun);
    ef_fnet_destroy(w->fnet);
    ef_net_destroy(w->net);
    ef_fault_list_clear(&w->list);
    ef_free(w->images);
    ef_free(w->logits);
}

static ef_status load(work *w, const job *j, ef_error *err)
{
    size_t size = 0;
    ef_status status = ef_onnx_load(&w->net, NULL, j->model, err);
    status =
        status ? status : ef_file_read(j->input, MAX_INPUT, &w->images, &size, err);
    if (status) {
        return status;
    }
    const ef_topology *topology = w->net->topology;
    size_t image_size =
        ef_shape_elements(ef_topology_shape(topology, ef_topology_input(topology))) *
        sizeof(float);
    w->n = size / image_size;
    if (w->n == 0 || size % image_size) {
        return ef_error_set(err, EF_ERR_FAILED,
                            "%zu bytes of input are no whole images of %zu bytes", size,
                            image_size);
    }
    return EF_OK;
}

static ef_status prepare(work *w, ef_error *err)
{
    ef_fnet_options options = EF_FNET_OPTIONS_FP32;
    ef_rerun_images images = {.images = (const float *)(const void *)w->images,
                              .n = w->n};
    ef_status status = ef_fnet_create(&w->fnet, w->net, NULL, &options, err);
    status = status ? status : ef_rerun_create_float(&w->rerun, w->fnet, &images, err);
    status = status ? status : ef_rerun_worker_create(&w->worker, w->rerun, err);
    if (status) {
        return status;
    }
    w->sites = ef_rerun_sites(w->rerun, &w->n_sites);
    w->logits =
        ef_calloc(AT_ONCE * w->n, ef_rerun_n_classes(w->rerun) * sizeof *w->logits);
    return w->logits ? EF_OK : ef_error_memory(err);
}

static ef_status draw(const work *w, const job *j, ef_error *err)
{
    ef_population *population = NULL;
    ef_selection selection = {.targets = j->targets};
    ef_strike strike = {EF_FAULT_FLIP, 1, 0, 0};
    ef_status status = ef_population_create(&population, w->net->topology, w->sites,
                                            w->n_sites, &selection, &strike, err);
    if (status) {
        return status;
    }
    ef_permutation order = ef_permutation_keyed(j->seed, EF_PURPOSE_FAULT, 0, 0, 0,
                                                ef_population_size(population));
    ef_text text;
    ef_text_init(&text);
    ef_fault_list_write_head(&text);
    for (uint64_t k = 0; k < j->count; k++) {
        ef_flip flip =
            ef_population_flip(population, ef_permutation_at(&order, k % order.n));
        ef_fault_list_write(&text, k, &(ef_fault){&flip, 1}, w->sites);
    }
    status = text.failed ? ef_error_memory(err)
                         : ef_file_write(j->list, 1, text.bytes, text.size, err);
    ef_text_clear(&text);
    ef_population_destroy(population);
    return status;
}

static void tell(const work *w, FILE *to, uint64_t number, size_t image,
                 const double *logits)
{
    size_t n = ef_rerun_n_classes(w->rerun), best = 0;
    double next = -INFINITY, largest = 0;
    int is_finite = 1;
    for (size_t i = 0; i < n; i++) {
        best = logits[i] > logits[best] ? i : best;
        is_finite &= isfinite(logits[i]) != 0;
        largest = fmax(largest, fabs(logits[i]));
    }
    for (size_t i = 0; i < n; i++) {
        next = i != best && logits[i] > next ? logits[i] : next;
    }
    fprintf(to, "%llu\t%zu\t%zu\t%d\t%.9g\t%.9g\n", (unsigned long long)number, image,
            best, is_finite, logits[best] - next, largest);
}

static ef_status strike(work *w, FILE *to, ef_error *err)
{
    ef_struck struck = {.counts = w->counts, .logits = w->logits};
    size_t n_classes = ef_rerun_n_classes(w->rerun);
    for (size_t first = 0; first < w->list.n; first += AT_ONCE) {
        size_t left = w->list.n - first, n = left < AT_ONCE ? left : AT_ONCE;
        if (ef_rerun_strike(w->worker, w->list.faults + first, n, &struck)) {
            return ef_error_memory(err);
        }
        for (size_t k = 0; k < n; k++) {
            for (size_t i = 0; i < w->n; i++) {
                tell(w, to, w->list.numbers[first + k], i,
                     w->logits + (k * w->n + i) * n_classes);
            }
        }
    }
    return EF_OK;
}

static ef_status write_output(work *w, const char *path, ef_error *err)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        return ef_error_io(err, path, "cannot be written");
    }
    ef_status status = strike(w, file, err);
    int is_bad = ferror(file);
    is_bad |= fclose(file);
    return status   ? status
           : is_bad ? ef_error_io(err, path, "cannot be written")
                    : EF_OK;
}

static ef_status run(work *w, const job *j, ef_error *err)
{
    ef_status status = load(w, j, err);
    status = status ? status : prepare(w, err);
    if (!status && j->targets) {
        status = draw(w, j, err);
    }
    if (!status) {
        status = ef_fault_list_read(&w->list, j->list, w->sites, w->n_sites, w->n, err);
    }
    return status ? status : write_output(w, j->output, err);
}

int main(int argc, char **argv)
{
    ef_error err = {0};
    work w = {0};
    job j = {0};
    if (argc != 5 && argc != 8) {
        fprintf(stderr,
                "usage: run_faults MODEL INPUT LIST OUTPUT [TARGETS COUNT SEED]\n");
        return 2;
    }
    j = (job){argv[1], argv[2], argv[3], argv[4], 0, 0, 0};
    ef_status status = EF_OK;
    if (argc == 8) {
        status = ef_targets_parse(&j.targets, argv[5], &err);
        status = status ? status : ef_parse_u64(argv[6], 1, 1000000, &j.count, &err);
        status = status ? status : ef_parse_u64(argv[7], 0, UINT64_MAX, &j.seed, &err);
    }
    status = status ? status : run(&w, &j, &err);
    if (status) {
        fprintf(stderr, "run_faults: %s\n", err.text);
    }
    clear(&w);
    return ef_status_exit(status);
}
