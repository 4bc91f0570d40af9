/* Milliseconds to read ResNet-20 as PyTorch exports it, from a file to a network that
 * is ready: with batch norm folded, and with batch norm and the exporter's debris.
 * bench_onnxruntime.sh times the peer on the same files. */
#include "base/file.h"
#include "bench.h"
#include "onnx/onnx.h"

#define MOST_MS 50

static void load(void *context)
{
    const char *path = context;
    ef_error err = {0};
    ef_net *net = NULL;
    bench_need(ef_onnx_load(&net, NULL, path, &err) == EF_OK, err.text);
    ef_net_destroy(net);
}

int main(void)
{
    static const char *const names[] = {"resnet20-cifar10", "resnet20-cifar10-bn"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[4096], figure[64];
        snprintf(path, sizeof path, "%s/models/%s.onnx", EF_TEST_MODELS, names[i]);
        snprintf(figure, sizeof figure, "import of %s.onnx", names[i]);
        if (!ef_file_exists(path)) {
            printf("# import: %s.onnx is not there (configure --with-test-models)\n",
                   names[i]);
            continue;
        }
        bench_print(figure, "ours", "ms", 1e3 * bench_shortest(20, load, path));
        bench_print(figure, "most", "ms", MOST_MS);
    }
    return 0;
}
