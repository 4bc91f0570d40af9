/* Figures of faultsim: images per second through ResNet-20 in float32, on one thread
 * and on all.  bench_onnxruntime.sh times the peer on the model that
 * `bench_forward MODEL.onnx` writes. */
#include "base/mem.h"
#include "base/parallel.h"
#include "bench.h"
#include "faultsim/classify.h"
#include "net/topology_yaml.h"
#include "onnx/onnx.h"

#define N_IMAGES 1000
#define N_CLASSES 10
#define IMAGE_SIZE (3 * 32 * 32)

/* At most 1.3 times the peer's time. */
#define LEAST (1 / 1.3)

static ef_net *make_net(void)
{
    ef_error err = {0};
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    bench_need(ef_topology_load(&topology, EF_TOPOLOGIES "/resnet20.yaml", &err) ==
                   EF_OK,
               err.text);
    bench_need(ef_net_create(&net, topology, &err) == EF_OK, err.text);
    ef_net_initialise(net, 1, 0, 0);
    ef_topology_destroy(topology);
    return net;
}

typedef struct work {
    ef_net *net;
    ef_dataset set;
    ef_part part;
    ef_classify_options options;
} work;

static void classify(void *context)
{
    work *w = context;
    ef_error err = {0};
    ef_classified found = {NULL, NULL, 0};
    bench_need(ef_classify(w->net, &w->set, w->part, &w->options, &found, &err) ==
                   EF_OK,
               err.text);
}

static void bench(work *w, size_t n_threads)
{
    char figure[64];
    snprintf(figure, sizeof figure, "ResNet-20, 1000 images, float32, %zu thread%s",
             n_threads, n_threads > 1 ? "s" : "");
    w->options.n_threads = n_threads;
    classify(w);
    /* Of several threads only the time that passes says what they gain. */
    double time_s =
        bench_shortest_by(n_threads > 1 ? bench_now : bench_cpu, 3, classify, w);
    bench_print(figure, "ours", "images/s", N_IMAGES / time_s);
    bench_print(figure, "least", "x", LEAST);
}

static void make_images(work *w)
{
    static char name[] = "random";
    static size_t indices[N_IMAGES];
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    w->set = (ef_dataset){.name = name,
                          .n = N_IMAGES,
                          .channels = 3,
                          .height = 32,
                          .width = 32,
                          .n_classes = N_CLASSES};
    w->set.bytes = ef_calloc(N_IMAGES, IMAGE_SIZE);
    w->set.labels = ef_calloc(N_IMAGES, sizeof *w->set.labels);
    bench_need(w->set.bytes && w->set.labels, "out of memory");
    for (size_t i = 0; i < (size_t)N_IMAGES * IMAGE_SIZE; i++) {
        w->set.bytes[i] = (unsigned char)ef_rng_below(&rng, 256);
    }
    for (size_t i = 0; i < N_IMAGES; i++) {
        indices[i] = i;
    }
    w->part = (ef_part){indices, N_IMAGES};
}

int main(int argc, char **argv)
{
    ef_error err = {0};
    work w = {.net = make_net()};
    if (argc > 1) {
        bench_need(ef_onnx_save(w.net, NULL, argv[1], 1, &err) == EF_OK, err.text);
    } else {
        make_images(&w);
        bench(&w, 1);
        if (ef_parallel_cores() > 1) {
            bench(&w, ef_parallel_cores());
        }
        ef_free(w.set.bytes);
        ef_free(w.set.labels);
    }
    ef_net_destroy(w.net);
    return 0;
}
