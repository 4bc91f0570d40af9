/* Figures of the fault injector: faults per second, each judged on 100 images through
 * ResNet-20.  bench_inject_torch.py times the peer on the same model and images.
 *
 *   bench_inject [FIGURE...] [--faults N] [--threads N] [--together N]
 *
 *   FIGURE        those of the table below [all]
 *   --faults N    how many are struck [as many as take some seconds]
 *   --threads N   [2]
 *   --together N  faults that a thread takes at a time [64] */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "bench.h"
#include "faults.h"
#include "faultsim/permutation.h"
#include "peak.h"

/* Faults per second on two 2.5 GHz Cascade Lake cores. */
#define PYTORCHFI 8.2

#define MEMORY_MOST_MB 300

static struct {
    uint64_t faults, threads, together;
} options = {0, 2, 64};

typedef struct figure {
    const char *name;
    void (*run)(const struct figure *figure);
    const char *title;
    bed_numbers numbers;
    ef_target target;
    uint64_t faults;
    double least, goal; /* times the peer, or ours; 0: none */
} figure;

/* --- campaigns ----------------------------------------------------------------- */

/* Faults drawn uniformly, and what they did. */
typedef struct campaign {
    bed bed;
    size_t n;
    ef_flip *flips;      /* (n) */
    ef_outcomes *counts; /* (n) */
} campaign;

static campaign open_campaign(const figure *f)
{
    campaign c = {.bed = bed_open(f->numbers, (size_t)options.threads)};
    ef_population *population = bed_population(&c.bed, f->target);
    uint64_t size = ef_population_size(population);
    uint64_t wanted = options.faults > 0 ? options.faults : f->faults;
    ef_permutation order =
        ef_permutation_keyed(1, EF_PURPOSE_FAULT, (uint64_t)f->target, 0, 0, size);
    c.n = (size_t)(wanted < size ? wanted : size);
    c.flips = ef_calloc(c.n, sizeof *c.flips);
    c.counts = ef_calloc(c.n, sizeof *c.counts);
    bench_need(c.flips && c.counts, "out of memory");
    for (size_t i = 0; i < c.n; i++) {
        c.flips[i] = ef_population_flip(population, ef_permutation_at(&order, i));
    }
    ef_population_destroy(population);
    return c;
}

static void close_campaign(campaign *c)
{
    bed_close(&c->bed);
    ef_free(c->flips);
    ef_free(c->counts);
}

static strike run_campaign(campaign *c, size_t n_threads)
{
    strike how = {.n_threads = n_threads, .together = (size_t)options.together};
    bed_strike(&c->bed, c->flips, c->n, c->counts, &how);
    return how;
}

/* --- faults per second --------------------------------------------------------- */

/* `TITLE, WHAT` */
static const char *titled(const figure *f, const char *what)
{
    static char text[128];
    snprintf(text, sizeof text, "%s, %s", f->title, what);
    return text;
}

static void print_bounds(const figure *f, const char *unit)
{
    if (f->least > 0) {
        bench_print(f->title, "least", unit, f->least);
    }
    if (f->goal > 0) {
        bench_print(f->title, "goal", unit, f->goal);
    }
}

/* What rerunning the whole network as fast as the machine multiplies would allow. */
static void print_beside_peak(const figure *f, const campaign *c, double rate)
{
    const char *beside = titled(f, "float32 peak");
    bench_print(beside, "ours", "faults/s", rate);
    bench_print(beside, "whole runs at the peak", "faults/s",
                peak_flops((size_t)options.threads) / (2 * bed_macs(&c->bed)));
}

static void print_notes(const figure *f, const campaign *c, const strike *took)
{
    uint64_t changed = 0;
    for (size_t i = 0; i < c->n; i++) {
        changed += c->counts[i].sdc;
    }
    printf("# %s: %zu in ResNet-20, judged on %d images on %zu threads: CCR %.3g %%; "
           "the peak is one of %s\n",
           f->title, c->n, BED_IMAGES, took->n_threads,
           100 * (double)changed / (double)(c->n * BED_IMAGES), peak_name());
    fprintf(stderr, "%s: %.3g s, of processor time %.3g s\n", f->title, took->time_s,
            took->cpu_s);
}

static void run_rate(const figure *f)
{
    campaign c = open_campaign(f);
    strike took = run_campaign(&c, (size_t)options.threads);
    double rate = (double)c.n / took.time_s;
    bench_print(f->title, "ours", "faults/s", rate);
    bench_print(f->title, "(PyTorchFI)", "faults/s", PYTORCHFI);
    print_bounds(f, "x");
    bench_print(titled(f, "MACs left"), "ours", "%",
                100 * took.macs / bed_macs(&c.bed) / (double)c.n);
    print_beside_peak(f, &c, rate);
    print_notes(f, &c, &took);
    close_campaign(&c);
}

/* --- what else there is to say ------------------------------------------------- */

/* What two threads gain over one. */
static void run_threads(const figure *f)
{
    campaign c = open_campaign(f);
    double one_s = run_campaign(&c, 1).time_s, two_s = run_campaign(&c, 2).time_s;
    bench_print(f->title, "ours", "times", one_s / two_s);
    print_bounds(f, "times");
    close_campaign(&c);
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
static void run_memory(const figure *f)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    bench_need(child >= 0, "no further process");
    if (child == 0) {
        campaign c = open_campaign(f);
        run_campaign(&c, (size_t)options.threads);
        bench_print(f->title, "ours", "MB", peak_memory_mb());
        _exit(0);
    }
    bench_need(waitpid(child, &status, 0) == child && status == 0, f->title);
    bench_print(f->title, "most", "MB", MEMORY_MOST_MB);
}

/* What forks stands first: before there are threads. */
static const figure figures[] = {
    {"int8-memory", run_memory, "faults in int8, peak memory", BED_INT8,
     EF_TARGET_WEIGHTS, 500, 0, 0},
    {"float32-memory", run_memory, "faults in float32, peak memory", BED_FLOAT32,
     EF_TARGET_WEIGHTS, 100, 0, 0},
    {"int8-weights", run_rate, "faults in int8 weights", BED_INT8, EF_TARGET_WEIGHTS,
     4000, 60, 300},
    {"int8-activations", run_rate, "faults in int8 activations", BED_INT8,
     EF_TARGET_ACTIVATIONS, 4000, 60, 0},
    {"float32-weights", run_rate, "faults in float32 weights", BED_FLOAT32,
     EF_TARGET_WEIGHTS, 500, 8, 20},
    {"int8-threads", run_threads, "faults in int8 weights, threads 2 over 1", BED_INT8,
     EF_TARGET_WEIGHTS, 2000, 1.8, 0},
};
#define N_FIGURES (sizeof figures / sizeof figures[0])

/* --- the call ------------------------------------------------------------------ */

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
    if (!bed_can_open()) {
        return 0;
    }
    for (size_t i = 0; i < N_FIGURES; i++) {
        if (chosen >> i & 1) {
            figures[i].run(&figures[i]);
        }
    }
    return 0;
}
