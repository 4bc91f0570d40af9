#include "faultsim/classify.h"

#include "base/mathfn.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "faultsim/forward.h"

#define BATCH 96 /* images; whole blocks of every instruction set */

/* What the units share; unit u takes every n_units-th batch from the u-th on. */
typedef struct work {
    const ef_forward *forward;
    const ef_dataset *set;
    const ef_normalisation *normalisation;
    ef_part part;
    size_t n_units;
    const ef_classified *found;
    size_t *n_errors; /* (n_units) */
} work;

/* One unit's own. */
typedef struct room {
    ef_forward *forward;
    float *images; /* (BATCH, image) */
    float *logits; /* (BATCH, classes) */
} room;

static void room_clear(room *r)
{
    ef_forward_destroy(r->forward);
    ef_free(r->images);
    ef_free(r->logits);
}

static ef_status room_init(room *r, const ef_forward *forward, ef_error *err)
{
    *r = (room){NULL, NULL, NULL};
    ef_status status = ef_forward_share(&r->forward, forward, err);
    if (status) {
        return status;
    }
    r->images = ef_calloc(BATCH, ef_forward_image_size(forward) * sizeof(float));
    r->logits = ef_calloc(BATCH, ef_forward_classes(forward) * sizeof(float));
    return r->images && r->logits ? EF_OK : ef_error_memory(err);
}

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

/* Returns the number of errors among images [begin, end) of the part. */
static size_t classify_batch(const work *all, room *r, size_t begin, size_t end)
{
    size_t classes = ef_forward_classes(all->forward), wrong = 0;
    const size_t *indices = all->part.indices + begin;
    ef_batch_fill(all->set, all->normalisation, indices, end - begin, r->images);
    ef_forward_run(r->forward, r->images, end - begin, r->logits);
    for (size_t i = 0; i < end - begin; i++) {
        const float *logits = r->logits + i * classes;
        size_t class = ef_forward_argmax(logits, classes);
        size_t label = all->set->labels[indices[i]];
        wrong += class != label;
        if (all->found->predicted) {
            all->found->predicted[begin + i] = (uint16_t) class;
        }
        if (all->found->losses) {
            all->found->losses[begin + i] = cross_entropy(logits, classes, label);
        }
    }
    return wrong;
}

static ef_status run_unit(void *context, size_t unit, ef_error *err)
{
    const work *all = context;
    room own;
    ef_status status = room_init(&own, all->forward, err);
    size_t step = all->n_units * BATCH;
    for (size_t at = unit * BATCH; at < all->part.n && !status; at += step) {
        size_t rest = all->part.n - at;
        all->n_errors[unit] +=
            classify_batch(all, &own, at, at + (rest < BATCH ? rest : BATCH));
    }
    room_clear(&own);
    return status;
}

static ef_status check_shape(const ef_net *net, const ef_dataset *set, int has_losses,
                             ef_error *err)
{
    const ef_topology *topology = net->topology;
    ef_shape in = ef_topology_shape(topology, ef_topology_input(topology));
    ef_shape out = ef_topology_shape(topology, ef_topology_output(topology));
    int is_same = in.channels == set->channels && in.height == set->height &&
                  in.width == set->width;
    int is_flat = in.rank == 2 && in.channels == ef_dataset_image_size(set);
    if (!is_same && !is_flat) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "%s has images of %zu x %zu x %zu, the network takes "
                            "%u x %u x %u",
                            set->name, set->channels, set->height, set->width,
                            in.channels, in.height, in.width);
    }
    if (ef_shape_elements(out) > EF_DATASET_CLASSES_MAX) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "the network has %zu outputs, more than the %d classes "
                            "that a data set can have",
                            ef_shape_elements(out), EF_DATASET_CLASSES_MAX);
    }
    if (has_losses && ef_shape_elements(out) < set->n_classes) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "the network has %zu outputs, fewer than the %zu classes "
                            "of %s",
                            ef_shape_elements(out), set->n_classes, set->name);
    }
    return EF_OK;
}

static ef_status run_units(work *all, size_t n_threads, size_t *n_errors, ef_error *err)
{
    size_t n_batches = (all->part.n + BATCH - 1) / BATCH;
    all->n_units = n_threads > 0 ? n_threads : ef_parallel_cores();
    all->n_units = all->n_units < n_batches ? all->n_units : n_batches;
    all->n_errors = ef_calloc(all->n_units, sizeof *all->n_errors);
    if (!all->n_errors) {
        return ef_error_memory(err);
    }
    ef_status status = ef_parallel_for(all->n_units, n_threads, run_unit, all, err);
    size_t sum = 0;
    for (size_t u = 0; u < all->n_units; u++) {
        sum += all->n_errors[u];
    }
    ef_free(all->n_errors);
    if (!status) {
        *n_errors = sum;
    }
    return status;
}

ef_status ef_classify(const ef_net *net, const ef_dataset *set, ef_part part,
                      const ef_classify_options *options, ef_classified *found,
                      ef_error *err)
{
    ef_status status = check_shape(net, set, found->losses != NULL, err);
    ef_forward *forward = NULL;
    if (!status) {
        status = ef_forward_create(&forward, net, part.n, err);
    }
    if (!status) {
        work all = {.forward = forward,
                    .set = set,
                    .normalisation = options->normalisation,
                    .part = part,
                    .found = found};
        status = run_units(&all, options->n_threads, &found->n_errors, err);
    }
    ef_forward_destroy(forward);
    return status;
}
