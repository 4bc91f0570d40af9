/* write_models FOLDER [TOPOLOGY.yaml ...]: networks with every operation, and those of
 * the topologies, as models for other runtimes, with images and the logits that they
 * should give.  For each NAME there are NAME.onnx, NAME.images and NAME.logits, the two
 * in float32 of this machine; lines of `list` have name, images, rank, channels,
 * height, width, outputs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "faultsim/forward.h"
#include "net/topology_yaml.h"
#include "onnx/onnx.h"
#include "random_net.h"

#define N_MODELS 120
#define N_MORE 60 /* with operations that are only run, and names of parameters */
#define N_IMAGES 3

static void stop(const char *what)
{
    fprintf(stderr, "write_models: %s\n", what);
    exit(1);
}

static void must(ef_status status, const ef_error *err)
{
    if (status) {
        stop(err->text);
    }
}

static void write_file(const char *folder, const char *name, const char *suffix,
                       const void *bytes, size_t size)
{
    char path[4096];
    ef_error err = {0};
    snprintf(path, sizeof path, "%s/%s.%s", folder, name, suffix);
    must(ef_file_write(path, 1, bytes, size, &err), &err);
}

static void write_one(FILE *list, const char *folder, const char *name,
                      const ef_net *net, size_t n)
{
    ef_error err = {0};
    unsigned char *bytes = NULL;
    size_t size = 0, outputs = random_net_outputs(net);
    ef_forward *forward = NULL;
    float *images = random_images(net, 1, n);
    float *logits = ef_calloc(n, outputs * sizeof *logits);
    if (!images || !logits) {
        stop("out of memory");
    }
    must(ef_forward_create(&forward, net, n, &err), &err);
    ef_forward_run(forward, images, n, logits);
    must(ef_onnx_write(net, NULL, &bytes, &size, &err), &err);
    write_file(folder, name, "onnx", bytes, size);
    write_file(folder, name, "images", images,
               n * random_net_inputs(net) * sizeof *images);
    write_file(folder, name, "logits", logits, n * outputs * sizeof *logits);
    ef_shape in = ef_topology_shape(net->topology, ef_topology_input(net->topology));
    fprintf(list, "%s %zu %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %zu\n", name,
            n, in.rank, in.channels, in.height, in.width, outputs);
    ef_forward_destroy(forward);
    ef_free(bytes);
    ef_free(images);
    ef_free(logits);
}

static void write_random(FILE *list, const char *folder, uint64_t seed)
{
    char name[32];
    ef_net *net = random_net(seed, 3 + seed % 14, seed % 8 == 7);
    snprintf(name, sizeof name, "model%03" PRIu64, seed);
    write_one(list, folder, name, net, N_IMAGES);
    ef_net_destroy(net);
}

static void write_more(FILE *list, const char *folder, uint64_t seed)
{
    char name[48];
    ef_net *net = random_net_with(seed, 3 + seed % 14, seed % 8 == 7,
                                  RANDOM_RESHAPE | RANDOM_INFERENCE);
    for (size_t i = 0; i < net->n_params; i++) {
        snprintf(name, sizeof name, "onnx::Tensor_%zu", i / 2);
        if (ef_net_set_param_name(net, i, name)) {
            stop("out of memory");
        }
    }
    snprintf(name, sizeof name, "more%03" PRIu64, seed);
    write_one(list, folder, name, net, N_IMAGES);
    ef_net_destroy(net);
}

static void write_topology(FILE *list, const char *folder, const char *path)
{
    ef_error err = {0};
    char name[256];
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    const char *slash = strrchr(path, '/');
    snprintf(name, sizeof name, "%s", slash ? slash + 1 : path);
    name[strcspn(name, ".")] = '\0';
    must(ef_topology_load(&topology, path, &err), &err);
    must(ef_net_create(&net, topology, &err), &err);
    ef_net_initialise(net, 1, 0, 0);
    write_one(list, folder, name, net, 1);
    ef_net_destroy(net);
    ef_topology_destroy(topology);
}

int main(int argc, char **argv)
{
    char path[4096];
    if (argc < 2) {
        stop("usage: write_models FOLDER [TOPOLOGY.yaml ...]");
    }
    snprintf(path, sizeof path, "%s/list", argv[1]);
    FILE *list = fopen(path, "w");
    if (!list) {
        stop("the folder cannot be written");
    }
    for (uint64_t seed = 0; seed < N_MODELS; seed++) {
        write_random(list, argv[1], seed);
    }
    for (uint64_t seed = 0; seed < N_MORE; seed++) {
        write_more(list, argv[1], seed);
    }
    for (int i = 2; i < argc; i++) {
        write_topology(list, argv[1], argv[i]);
    }
    if (fclose(list)) {
        stop("the list cannot be written");
    }
    return 0;
}
