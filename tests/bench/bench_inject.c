/* Figures of the fault injector: faults per second, each judged on 100 images through
 * ResNet-20.  bench_inject_torch.py times the peer on the same model and images.
 *
 *   bench_inject [FIGURE...] [--faults N] [--threads N] [--together N]
 *
 *   FIGURE        int8-weights, int8-activations, threads, memory [all]
 *   --faults N    how many are struck [as many as take some seconds]
 *   --threads N   [2]
 *   --together N  faults that a thread takes at a time [64] */
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/parse.h"
#include "bench.h"
#include "faultsim/permutation.h"
#include "faultsim/population.h"
#include "faultsim/rerun.h"
#include "net/batch.h"
#include "onnx/onnx.h"
#include "peak.h"

#define MODEL "models/resnet20-cifar10-bn.onnx"
#define DATA "data/cifar10-test-1000.bin"
#define N_IMAGES 100
#define N_CALIBRATION 256

/* Faults per second on two 2.5 GHz Cascade Lake cores. */
#define PYTORCHFI 8.2

#define MEMORY_MOST_MB 300
#define GAIN_LEAST 1.8 /* two threads over one */

static struct {
    uint64_t faults, threads, together;
} options = {0, 2, 64};

/* --- the network and its images ------------------------------------------------ */

typedef struct bed {
    ef_net *net;
    ef_dataset set;
    float *images; /* (N_IMAGES, channels, height, width) */
    ef_ranges *ranges;
    ef_qnet *qnet;
    ef_rerun *rerun;
} bed;

static const char *path_of(const char *file)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", EF_TEST_MODELS, file);
    return path;
}

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

static bed open_bed(void)
{
    bed b = {0};
    ef_error err = {0};
    ef_dataset_options how = {.data = path_of(DATA)};
    ef_qnet_options formats = EF_QNET_OPTIONS_INT8;
    bench_need(ef_dataset_load(&b.set, &how, &err) == EF_OK, err.text);
    bench_need(ef_onnx_load(&b.net, NULL, path_of(MODEL), &err) == EF_OK, err.text);
    float *images = images_of(&b.set, N_CALIBRATION, b.set.n / N_CALIBRATION);
    bench_need(ef_ranges_create(&b.ranges, b.net, images, N_CALIBRATION,
                                options.threads, &err) == EF_OK,
               err.text);
    ef_free(images);
    bench_need(ef_qnet_create(&b.qnet, b.net, b.ranges, &formats, &err) == EF_OK,
               err.text);
    b.images = images_of(&b.set, N_IMAGES, 1);
    const ef_rerun_images struck = {.images = b.images,
                                    .labels = b.set.labels,
                                    .n = N_IMAGES,
                                    .n_threads = options.threads};
    bench_need(ef_rerun_create(&b.rerun, b.qnet, &struck, &err) == EF_OK, err.text);
    return b;
}

static void close_bed(bed *b)
{
    ef_rerun_destroy(b->rerun);
    ef_qnet_destroy(b->qnet);
    ef_ranges_destroy(b->ranges);
    ef_net_destroy(b->net);
    ef_dataset_clear(&b->set);
    ef_free(b->images);
}

/* --- campaigns ----------------------------------------------------------------- */

/* Faults of one target, as a campaign draws them. */
typedef struct campaign {
    const bed *bed;
    ef_population *population;
    ef_permutation order;
    size_t n, n_threads;
    ef_outcomes *counts; /* (n) */
    atomic_size_t next;
    atomic_ullong macs;
} campaign;

static campaign *open_campaign(const bed *b, ef_target target, size_t n)
{
    const ef_strike flip = {.kind = EF_FAULT_FLIP, .adjacent = 1};
    const ef_selection all = {.targets = 1U << target};
    ef_error err = {0};
    size_t n_sites;
    const ef_site *sites = ef_rerun_sites(b->rerun, &n_sites);
    campaign *c = ef_calloc(1, sizeof *c);
    bench_need(c != NULL, "out of memory");
    bench_need(ef_population_create(&c->population, b->qnet->net->topology, sites,
                                    n_sites, &all, &flip, &err) == EF_OK,
               err.text);
    c->bed = b;
    c->order = ef_permutation_keyed(1, EF_PURPOSE_FAULT, (uint64_t)target, 0, 0,
                                    ef_population_size(c->population));
    c->n = n;
    c->counts = ef_calloc(n, sizeof *c->counts);
    bench_need(c->counts != NULL, "out of memory");
    return c;
}

static void close_campaign(campaign *c)
{
    ef_population_destroy(c->population);
    ef_free(c->counts);
    ef_free(c);
}

static ef_status strike_some(void *context, size_t index, ef_error *err)
{
    campaign *c = context;
    ef_rerun_worker *worker = NULL;
    size_t together = (size_t)options.together, begin;
    ef_flip *flips = ef_calloc(together, sizeof *flips);
    ef_fault *faults = ef_calloc(together, sizeof *faults);
    (void)index;
    bench_need(flips && faults, "out of memory");
    bench_need(ef_rerun_worker_create(&worker, c->bed->rerun, err) == EF_OK, err->text);
    while ((begin = atomic_fetch_add(&c->next, together)) < c->n) {
        size_t n = c->n - begin < together ? c->n - begin : together;
        for (size_t i = 0; i < n; i++) {
            flips[i] = ef_population_flip(c->population,
                                          ef_permutation_at(&c->order, begin + i));
            faults[i] = (ef_fault){&flips[i], 1};
        }
        bench_need(ef_rerun_strike(worker, faults, n,
                                   &(ef_struck){.counts = c->counts + begin}) == EF_OK,
                   "out of memory");
    }
    atomic_fetch_add(&c->macs, ef_rerun_macs(worker));
    ef_rerun_worker_destroy(worker);
    ef_free(faults);
    ef_free(flips);
    return EF_OK;
}

/* Strikes all of them; the seconds this takes. */
static double run_campaign(campaign *c, size_t n_threads)
{
    ef_error err = {0};
    atomic_init(&c->next, 0);
    atomic_init(&c->macs, 0);
    double start_s = bench_now();
    bench_need(ef_parallel_for(n_threads, n_threads, strike_some, c, &err) == EF_OK,
               err.text);
    return bench_now() - start_s;
}

/* --- figures ------------------------------------------------------------------- */

typedef struct figure {
    const char *name;
    void (*run)(const struct figure *figure, bed *b);
    const char *title;
    ef_target target;
    size_t faults;
    double least, goal; /* times the peer; goal 0: none */
} figure;

/* `TITLE, WHAT` */
static const char *titled(const figure *f, const char *what)
{
    static char text[128];
    snprintf(text, sizeof text, "%s, %s", f->title, what);
    return text;
}

static void print_rate(const figure *f, const campaign *c, double rate)
{
    const bed *b = c->bed;
    double whole = (double)ef_topology_macs(b->net->topology) * N_IMAGES;
    double share = (double)c->macs / whole / (double)c->n;
    uint64_t changed = 0;
    for (size_t i = 0; i < c->n; i++) {
        changed += c->counts[i].sdc;
    }
    bench_print(f->title, "ours", "faults/s", rate);
    bench_print(f->title, "(PyTorchFI)", "faults/s", PYTORCHFI);
    bench_print(f->title, "least", "x", f->least);
    if (f->goal > 0) {
        bench_print(f->title, "goal", "x", f->goal);
    }
    bench_print(titled(f, "MACs left"), "ours", "%", 100 * share);
    const char *beside = titled(f, "float32 peak");
    bench_print(beside, "ours", "faults/s", rate);
    bench_print(beside, "whole runs at the peak", "faults/s",
                peak_flops((size_t)options.threads) / (2 * whole));
    printf("# %s: %zu in ResNet-20, judged on %d images on %u threads: CCR %.3g %%; "
           "the peak is one of %s\n",
           f->title, c->n, N_IMAGES, (unsigned)options.threads,
           100 * (double)changed / (double)(c->n * N_IMAGES), peak_name());
}

static size_t faults_of(const figure *f)
{
    return options.faults > 0 ? (size_t)options.faults : f->faults;
}

static void run_rate(const figure *f, bed *b)
{
    campaign *c = open_campaign(b, f->target, faults_of(f));
    double time_s = run_campaign(c, (size_t)options.threads);
    print_rate(f, c, (double)c->n / time_s);
    close_campaign(c);
}

/* What two threads gain over one. */
static void run_threads(const figure *f, bed *b)
{
    campaign *c = open_campaign(b, f->target, faults_of(f));
    double one_s = run_campaign(c, 1), two_s = run_campaign(c, 2);
    bench_print(f->title, "ours", "times", one_s / two_s);
    bench_print(f->title, "least", "times", f->least);
    close_campaign(c);
}

/* Of this process so far, in MB. */
static double peak_memory_mb(void)
{
    char line[256];
    double kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kb = strtod(line + 6, NULL);
        }
    }
    if (file) {
        fclose(file);
    }
    return kb * 1024 / 1e6;
}

/* In a process of its own, since others leave their peaks behind. */
static void run_memory(const figure *f, bed *b)
{
    (void)b;
    fflush(stdout);
    pid_t child = fork();
    bench_need(child >= 0, "no further process");
    if (child == 0) {
        bed own = open_bed();
        campaign *c = open_campaign(&own, f->target, faults_of(f));
        run_campaign(c, (size_t)options.threads);
        bench_print(f->title, "ours", "MB", peak_memory_mb());
        _exit(0);
    }
    int status = 0;
    bench_need(waitpid(child, &status, 0) == child && status == 0, f->title);
    bench_print(f->title, "most", "MB", MEMORY_MOST_MB);
}

/* What forks stands first: before there are threads. */
static const figure figures[] = {
    {"memory", run_memory, "faults in int8, peak memory", EF_TARGET_WEIGHTS, 500, 0, 0},
    {"int8-weights", run_rate, "faults in int8 weights", EF_TARGET_WEIGHTS, 4000, 60,
     300},
    {"int8-activations", run_rate, "faults in int8 activations", EF_TARGET_ACTIVATIONS,
     4000, 60, 0},
    {"threads", run_threads, "faults in int8 weights, two threads over one",
     EF_TARGET_WEIGHTS, 2000, GAIN_LEAST, 0},
};
#define N_FIGURES (sizeof figures / sizeof figures[0])

static uint64_t number_of(const char *text)
{
    uint64_t number = 0;
    ef_error err = {0};
    bench_need(text != NULL, "an option lacks its number");
    bench_need(ef_parse_count(text, 1, 1000000000, &number, &err) == EF_OK, err.text);
    return number;
}

static uint64_t *option_of(const char *text)
{
    return strcmp(text, "--faults") == 0     ? &options.faults
           : strcmp(text, "--threads") == 0  ? &options.threads
           : strcmp(text, "--together") == 0 ? &options.together
                                             : NULL;
}

static size_t figure_of(const char *text)
{
    size_t i = 0;
    while (i < N_FIGURES && strcmp(text, figures[i].name) != 0) {
        i++;
    }
    bench_need(i < N_FIGURES, "no such figure or option");
    return i;
}

/* A set of 1u << index; all where none is named. */
static unsigned choose(int argc, char **argv)
{
    unsigned chosen = 0;
    for (int i = 1; i < argc; i++) {
        uint64_t *option = option_of(argv[i]);
        if (option) {
            *option = number_of(argv[++i]);
        } else {
            chosen |= 1U << figure_of(argv[i]);
        }
    }
    return chosen > 0 ? chosen : (1U << N_FIGURES) - 1;
}

int main(int argc, char **argv)
{
    unsigned chosen = choose(argc, argv);
    if (!ef_file_exists(path_of(MODEL)) || !ef_file_exists(path_of(DATA))) {
        printf("# faults: the test models are not there (configure "
               "--with-test-models)\n");
        return 0;
    }
    bed b = {0};
    for (size_t i = 0; i < N_FIGURES; i++) {
        if (!(chosen >> i & 1)) {
            continue;
        }
        if (!b.rerun && figures[i].run != run_memory) {
            b = open_bed();
        }
        figures[i].run(&figures[i], &b);
    }
    close_bed(&b);
    return 0;
}
