#include "study/measure.h"

#include <math.h>

#include "base/mathfn.h"
#include "base/mem.h"
#include "faultsim/forward.h"
#include "net/batch.h"

/* Images that are classified at a time. */
#define BATCH 64

/* -log of the softmax of logits, shape (n), at label. */
static double cross_entropy(const float *logits, size_t n, size_t label)
{
    double largest = logits[ef_forward_argmax(logits, n)];
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += ef_exp(logits[i] - largest);
    }
    return ef_log(sum) - (logits[label] - largest);
}

typedef struct count {
    size_t n_wrong;
    double loss; /* sum over images */
} count;

static void classify(ef_forward *forward, const ef_dataset *set, ef_part part,
                     float *images, float *logits, count *total)
{
    size_t n_classes = ef_forward_classes(forward);
    uint16_t labels[BATCH];
    for (size_t first = 0; first < part.n; first += BATCH) {
        size_t n = part.n - first < BATCH ? part.n - first : BATCH;
        ef_batch_fill(set, NULL, part.indices + first, n, images);
        ef_batch_labels(set, part.indices + first, n, labels);
        ef_forward_run(forward, images, n, logits);
        for (size_t i = 0; i < n; i++) {
            const float *row = logits + i * n_classes;
            total->n_wrong += ef_forward_argmax(row, n_classes) != labels[i];
            total->loss += cross_entropy(row, n_classes, labels[i]);
        }
    }
}

static ef_status measure_parts(const ef_measure *measure, const ef_net *net,
                               ef_measured *measured, ef_error *err)
{
    ef_forward *forward = NULL;
    ef_status status = ef_forward_create(&forward, net, BATCH, err);
    if (status) {
        return status;
    }
    float *images =
        ef_calloc_aligned(BATCH * ef_forward_image_size(forward), sizeof *images);
    float *logits =
        ef_calloc_aligned(BATCH * ef_forward_classes(forward), sizeof *logits);
    if (images && logits) {
        count validation = {0};
        count test = {0};
        classify(forward, measure->set, measure->validation, images, logits,
                 &validation);
        classify(forward, measure->set, measure->test, images, logits, &test);
        double n = (double)measure->validation.n;
        measured->error = (double)validation.n_wrong / n;
        measured->loss = validation.loss / n;
        measured->test_error =
            measure->test.n ? (double)test.n_wrong / (double)measure->test.n : NAN;
    } else {
        status = ef_error_memory(err);
    }
    ef_free(logits);
    ef_free(images);
    ef_forward_destroy(forward);
    return status;
}

ef_status ef_measure_train(const ef_measure *measure, ef_net *net, uint64_t id,
                           size_t epochs, ef_measured *measured, ef_error *err)
{
    ef_train_data data = {.set = measure->set, .part = measure->train};
    ef_train_options options = measure->training;
    options.epochs = epochs;
    options.a = id;
    ef_status status = ef_train(net, &data, &options, NULL, NULL, NULL, err);
    return status ? status : measure_parts(measure, net, measured, err);
}
