#include "fuzz_onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/forward.h"
#include "onnx/onnx.h"

#define NAME "fuzz.onnx"
#define MOST_WORK 200000 /* multiply-adds and elements of a network that is run */

size_t n_read_models;

static void demand(int is_so, const char *what, const ef_error *err)
{
    if (!is_so) {
        fprintf(stderr, "%s: %s\n", what, err ? err->text : "");
        abort();
    }
}

static int is_control(char c)
{
    return (unsigned char)c < ' ' || c == 127;
}

static void demand_refusal(ef_status status, const ef_net *net, const ef_error *err)
{
    int is_known = status == EF_ERR_INPUT || status == EF_ERR_UNSUPPORTED ||
                   status == EF_ERR_TOPOLOGY;
    demand(is_known && !net, ef_status_name(status), err);
    demand(strncmp(err->text, NAME ": ", sizeof NAME + 1) == 0, "no file named", err);
    for (const char *at = err->text; *at; at++) {
        demand(!is_control(*at), "more than one line", err);
    }
}

static void demand_equal(const ef_net *a, const ef_net *b)
{
    demand(ef_topology_hash(a->topology) == ef_topology_hash(b->topology),
           "another topology came back", NULL);
    demand(a->n_values == b->n_values &&
               memcmp(a->values, b->values, a->n_values * sizeof *a->values) == 0,
           "other values came back", NULL);
}

/* Written, read and written again. */
static void go_round(const ef_net *net)
{
    ef_error err = {0};
    unsigned char *bytes = NULL, *again = NULL;
    size_t size, size_again;
    ef_net *back = NULL;
    demand(!ef_onnx_write(net, NULL, &bytes, &size, &err), "cannot be written", &err);
    demand(!ef_onnx_read(&back, NULL, NAME, bytes, size, &err), "what was written",
           &err);
    demand_equal(net, back);
    demand(!ef_onnx_write(back, NULL, &again, &size_again, &err), "a second time",
           &err);
    demand(size == size_again && memcmp(bytes, again, size) == 0,
           "other bytes the second time", NULL);
    ef_net_destroy(back);
    ef_free(bytes);
    ef_free(again);
}

/* Steps of the execution by the definition, about. */
static double work_of(const ef_net *net)
{
    const ef_topology *topology = net->topology;
    double work = (double)ef_topology_macs(topology);
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        const ef_node *node = ef_topology_node(topology, i);
        ef_shape shape = ef_topology_shape(topology, i);
        double elements = (double)shape.channels * shape.height * shape.width;
        int is_pool = node->op == EF_OP_MAXPOOL || node->op == EF_OP_AVGPOOL;
        work += elements *
                (is_pool ? (double)node->u.pool.kernel[0] * node->u.pool.kernel[1]
                         : 1 + node->n_inputs);
    }
    return work;
}

/* One image through both executions, which agree to the bit. */
static void run(const ef_net *net)
{
    ef_error err = {0};
    ef_forward *forward = NULL;
    demand(!ef_forward_create(&forward, net, 1, &err), "no execution", &err);
    size_t n = ef_forward_image_size(forward), classes = ef_forward_classes(forward);
    float *image = ef_calloc(n, sizeof *image);
    float *logits = ef_calloc(2 * classes, sizeof *logits);
    demand(image && logits, "out of memory", NULL);
    for (size_t i = 0; i < n; i++) {
        image[i] = (float)((int)(i * 7 % 23) - 11) / 8.0f;
    }
    ef_forward_run(forward, image, 1, logits);
    demand(!ef_forward_naive(net, image, 1, logits + classes, &err), "naive", &err);
    demand(memcmp(logits, logits + classes, classes * sizeof *logits) == 0,
           "two executions differ", NULL);
    ef_forward_destroy(forward);
    ef_free(image);
    ef_free(logits);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    ef_error err = {0};
    ef_net *net = NULL;
    ef_status status = ef_onnx_read(&net, NULL, NAME, bytes, size, &err);
    if (status) {
        demand_refusal(status, net, &err);
        return 0;
    }
    go_round(net);
    if (work_of(net) <= MOST_WORK) {
        run(net);
    }
    ef_net_destroy(net);
    n_read_models++;
    return 0;
}
