/* Our own program as a device for evoflip calibrate: draws topologies from the built-in
 * space, writes them to a folder, and times the exact forward run of faultsim in
 * float32 on one thread, the shortest of several runs in processor time.
 *
 *     measure_forward FOLDER [COUNT [SEED]]        for images of 1 x 28 x 28
 *
 * Writes FOLDER/000.yaml ... and FOLDER/measured.csv. */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "bench.h"
#include "faultsim/classify.h"
#include "net/space.h"
#include "net/topology_yaml.h"

enum { N_IMAGES = 20, N_RUNS = 7, SIDE = 28, N_CLASSES = 10 };

typedef struct work {
    ef_net *net;
    ef_dataset set;
    ef_part part;
} work;

static void classify(void *context)
{
    work *w = context;
    ef_error err = {0};
    ef_classify_options options = {.n_threads = 1};
    ef_classified found = {NULL, NULL, 0};
    bench_need(ef_classify(w->net, &w->set, w->part, &options, &found, &err) == EF_OK,
               err.text);
}

static void make_images(work *w)
{
    static char name[] = "random";
    static size_t indices[N_IMAGES];
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    w->set = (ef_dataset){.name = name,
                          .n = N_IMAGES,
                          .channels = 1,
                          .height = SIDE,
                          .width = SIDE,
                          .n_classes = N_CLASSES};
    w->set.bytes = ef_calloc(N_IMAGES, (size_t)SIDE * SIDE);
    w->set.labels = ef_calloc(N_IMAGES, sizeof *w->set.labels);
    bench_need(w->set.bytes && w->set.labels, "out of memory");
    for (size_t i = 0; i < (size_t)N_IMAGES * SIDE * SIDE; i++) {
        w->set.bytes[i] = (unsigned char)ef_rng_below(&rng, 256);
    }
    for (size_t i = 0; i < N_IMAGES; i++) {
        indices[i] = i;
    }
    w->part = (ef_part){indices, N_IMAGES};
}

static void write_topology(const char *folder, const char *name,
                           const ef_topology *topology)
{
    ef_error err = {0};
    ef_text text;
    ef_text_init(&text);
    ef_topology_write(topology, &text);
    char *path = ef_file_join(folder, name);
    bench_need(path && !text.failed, "out of memory");
    bench_need(ef_file_write(path, 1, text.bytes, text.size, &err) == EF_OK, err.text);
    ef_free(path);
    ef_text_clear(&text);
}

/* One topology, its file and its line of the table. */
static void measure(work *w, const ef_space *space, uint64_t seed, size_t number,
                    const char *folder, ef_text *table)
{
    ef_error err = {0};
    char name[32];
    ef_task task = {.input = {1, SIDE, SIDE, 4}, .n_classes = N_CLASSES};
    ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_SAMPLE, number, 0, 0);
    bench_need(ef_space_random(&rng, space, &task, &w->net, &err) == EF_OK, err.text);
    snprintf(name, sizeof name, "%03zu.yaml", number);
    write_topology(folder, name, w->net->topology);
    classify(w);
    double time_s = bench_shortest(N_RUNS, classify, w) / N_IMAGES;
    ef_text_add(table, "%s,%.4g us,fp32\n", name, 1e6 * time_s);
    ef_net_destroy(w->net);
    w->net = NULL;
}

int main(int argc, char **argv)
{
    ef_error err = {0};
    work w = {.net = NULL};
    ef_space *space = NULL;
    ef_text table;
    bench_need(argc >= 2, "usage: measure_forward FOLDER [COUNT [SEED]]");
    size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 40;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    bench_need(ef_file_make_directories(argv[1], &err) == EF_OK, err.text);
    bench_need(ef_space_default(&space, &err) == EF_OK, err.text);
    make_images(&w);
    ef_text_init(&table);
    ef_text_add(&table, "topology,latency,format\n");
    for (size_t i = 0; i < n; i++) {
        measure(&w, space, seed, i, argv[1], &table);
    }
    char *path = ef_file_join(argv[1], "measured.csv");
    bench_need(path && !table.failed, "out of memory");
    bench_need(ef_file_write(path, 1, table.bytes, table.size, &err) == EF_OK,
               err.text);
    ef_free(path);
    ef_text_clear(&table);
    ef_space_destroy(space);
    ef_free(w.set.bytes);
    ef_free(w.set.labels);
    return 0;
}
