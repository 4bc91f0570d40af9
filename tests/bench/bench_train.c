/* Figures of src/train: images per second while training, on one core.  The peer is
 * timed by bench_train_torch.py on the same shapes. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/progress.h"
#include "bench.h"
#include "net/topology_yaml.h"
#include "train/isa.h"
#include "train/train.h"

#define BATCH 64
#define N_IMAGES 512
#define N_CLASSES 10

/* When each batch ended. */
typedef struct stopwatch {
    double times_s[4096];
    size_t n, wanted;
} stopwatch;

static int note_time(void *context, const ef_train_report *so_far)
{
    stopwatch *c = context;
    (void)so_far;
    c->times_s[c->n++] = ef_clock_s();
    return c->n == c->wanted;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of the times between batches, the first of which prepare caches. */
static double median_batch_s(const stopwatch *c)
{
    double steps[4096];
    size_t n = 0;
    for (size_t i = 3; i < c->n; i++) {
        steps[n++] = c->times_s[i] - c->times_s[i - 1];
    }
    qsort(steps, n, sizeof steps[0], compare);
    return steps[n / 2];
}

/* Random images of the network's input. */
static ef_dataset make_images(ef_shape shape)
{
    static char name[] = "random";
    ef_dataset set = {.name = name,
                      .n = N_IMAGES,
                      .channels = shape.channels,
                      .height = shape.height,
                      .width = shape.width,
                      .n_classes = N_CLASSES};
    size_t size = N_IMAGES * ef_shape_elements(shape);
    set.values = ef_calloc(size, sizeof *set.values);
    set.labels = ef_calloc(N_IMAGES, sizeof *set.labels);
    bench_need(set.values && set.labels, "out of memory");
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    for (size_t i = 0; i < size; i++) {
        set.values[i] = (float)ef_rng_normal(&rng);
    }
    for (size_t i = 0; i < N_IMAGES; i++) {
        set.labels[i] = (uint16_t)ef_rng_below(&rng, N_CLASSES);
    }
    return set;
}

static void bench_network(const char *figure, const char *file, size_t n_batches,
                          double least, double goal)
{
    ef_error err = {0};
    ef_topology *topology;
    ef_net *net;
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", EF_TOPOLOGIES, file);
    bench_need(ef_topology_load(&topology, path, &err) == EF_OK, err.text);
    bench_need(ef_net_create(&net, topology, &err) == EF_OK, err.text);
    ef_net_initialise(net, 1, 0, 0);
    ef_dataset set =
        make_images(ef_topology_shape(topology, ef_topology_input(topology)));
    size_t indices[N_IMAGES];
    for (size_t i = 0; i < N_IMAGES; i++) {
        indices[i] = i;
    }
    static stopwatch c;
    c = (stopwatch){.wanted = n_batches};
    ef_train_data data = {&set, {indices, N_IMAGES}};
    ef_train_options options = EF_TRAIN_OPTIONS_DEFAULT;
    options.epochs = n_batches;
    options.batch = BATCH;
    options.rate = 0.01;
    options.n_threads = 1;
    ef_status status = ef_train(net, &data, &options, note_time, &c, NULL, &err);
    bench_need(status == EF_STOPPED, err.text);
    bench_print(figure, "ours", "images/s", BATCH / median_batch_s(&c));
    bench_print(figure, "least", "x", least);
    bench_print(figure, "goal", "x", goal);
    ef_free(set.values);
    ef_free(set.labels);
    ef_net_destroy(net);
    ef_topology_destroy(topology);
}

int main(void)
{
    printf("# training: batches of %d on one thread, instruction set %s\n", BATCH,
           ef_isa_name());
    bench_network("training, ResNet-8, 3 x 32 x 32", "resnet8.yaml", 60, 1.5, 2);
    bench_network("training, LeNet-5, 1 x 28 x 28", "lenet5.yaml", 600, 2, 4);
    return 0;
}
