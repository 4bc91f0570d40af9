#include "study/injector.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "net/batch.h"

#define BATCH_IMAGES 100
#define BATCH_BYTES 200e6
#define BYTES_PER_ELEMENT 7.0 /* of a fault-free run: faultsim/rerun.h */

struct ef_injector {
    ef_injector_options options;
    ef_qnet *qnet;
    size_t batch, n_batches; /* images of one, and how many there are */
    float *images;           /* (batch, channels, height, width) */
    uint16_t *labels;        /* (batch) */
    size_t current;          /* batch that rerun is of; n_batches: none */
    ef_rerun *rerun;
    size_t n_errors;
};

/* --- making ------------------------------------------------------------------ */

/* Integers from the ranges that the calibration images have in float32. */
static ef_status quantize(ef_injector *in, const ef_net *net, ef_error *err)
{
    const ef_injector_options *o = &in->options;
    ef_ranges *ranges = NULL;
    float *images =
        ef_calloc(o->calibration.n, ef_dataset_image_size(o->set) * sizeof *images);
    if (!images) {
        return ef_error_memory(err);
    }
    ef_batch_fill(o->set, o->normalisation, o->calibration.indices, o->calibration.n,
                  images);
    ef_status status =
        ef_ranges_create(&ranges, net, images, o->calibration.n, o->n_threads, err);
    if (!status) {
        status = ef_qnet_create(&in->qnet, net, ranges, &o->formats, err);
    }
    ef_ranges_destroy(ranges);
    ef_free(images);
    return status;
}

static double image_bytes(const ef_injector *in)
{
    double elements = 0;
    for (size_t i = 0; i < in->qnet->n_steps; i++) {
        elements += (double)ef_shape_elements(in->qnet->steps[i].shape);
    }
    return BYTES_PER_ELEMENT * elements;
}

/* Batches of equal size as far as that goes. */
static ef_status make_room(ef_injector *in, ef_error *err)
{
    size_t n = in->options.images.n, most = BATCH_IMAGES;
    double fit = BATCH_BYTES / image_bytes(in);
    most = fit < (double)most ? (size_t)fit : most;
    most = most > 0 ? most : 1;
    in->n_batches = (n + most - 1) / most;
    in->batch = (n + in->n_batches - 1) / in->n_batches;
    in->n_batches = (n + in->batch - 1) / in->batch;
    in->current = in->n_batches;
    in->images = ef_calloc(in->batch,
                           ef_dataset_image_size(in->options.set) * sizeof *in->images);
    in->labels = ef_calloc(in->batch, sizeof *in->labels);
    return in->images && in->labels ? EF_OK : ef_error_memory(err);
}

static size_t batch_images(const ef_injector *in, size_t batch)
{
    size_t rest = in->options.images.n - batch * in->batch;
    return rest < in->batch ? rest : in->batch;
}

static ef_status take_batch(ef_injector *in, size_t batch, ef_error *err)
{
    const ef_injector_options *o = &in->options;
    if (in->current == batch) {
        return EF_OK;
    }
    const size_t *indices = o->images.indices + batch * in->batch;
    size_t n = batch_images(in, batch);
    ef_rerun_destroy(in->rerun);
    in->rerun = NULL;
    in->current = in->n_batches;
    ef_batch_fill(o->set, o->normalisation, indices, n, in->images);
    ef_batch_labels(o->set, indices, n, in->labels);
    const ef_rerun_images images = {.images = in->images,
                                    .labels = in->labels,
                                    .n = n,
                                    .first = batch * in->batch,
                                    .n_threads = o->n_threads};
    ef_status status = ef_rerun_create(&in->rerun, in->qnet, &images, err);
    in->current = status ? in->n_batches : batch;
    return status;
}

static ef_status count_errors(ef_injector *in, ef_error *err)
{
    for (size_t batch = 0; batch < in->n_batches; batch++) {
        ef_status status = take_batch(in, batch, err);
        if (status) {
            return status;
        }
        const uint16_t *classes = ef_rerun_classes(in->rerun);
        for (size_t i = 0; i < batch_images(in, batch); i++) {
            in->n_errors += classes[i] != in->labels[i];
        }
    }
    return EF_OK;
}

ef_status ef_injector_create(ef_injector **injector, const ef_net *net,
                             const ef_injector_options *options, ef_error *err)
{
    ef_injector *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->options = *options;
    ef_status status = quantize(made, net, err);
    status = status ? status : make_room(made, err);
    status = status ? status : count_errors(made, err);
    if (status) {
        ef_injector_destroy(made);
        return status;
    }
    *injector = made;
    return EF_OK;
}

void ef_injector_destroy(ef_injector *injector)
{
    if (injector) {
        ef_rerun_destroy(injector->rerun);
        ef_qnet_destroy(injector->qnet);
        ef_free(injector->images);
        ef_free(injector->labels);
        ef_free(injector);
    }
}

const ef_site *ef_injector_sites(const ef_injector *injector, size_t *n)
{
    return ef_rerun_sites(injector->rerun, n);
}

const ef_topology *ef_injector_topology(const ef_injector *injector)
{
    return injector->qnet->net->topology;
}

size_t ef_injector_n_images(const ef_injector *injector)
{
    return injector->options.images.n;
}

size_t ef_injector_n_errors(const ef_injector *injector)
{
    return injector->n_errors;
}

double ef_injector_memory_bytes(const ef_injector *injector)
{
    return image_bytes(injector) * (double)injector->batch;
}

/* --- striking ---------------------------------------------------------------- */

/* What the threads share; each fault's outcomes belong to the one that took it. */
typedef struct round {
    const ef_rerun *rerun;
    const ef_flip *flips;
    size_t n;
    ef_outcomes *outcomes;
    atomic_size_t next, done;
    atomic_flag is_watching;
    ef_injector_watch *watch;
    void *context;
    double before, total; /* of all batches */
} round;

static void add(ef_outcomes *to, const ef_outcomes *counts)
{
    to->images += counts->images;
    to->masked += counts->masked;
    to->benign += counts->benign;
    to->sdc += counts->sdc;
    to->nonfinite += counts->nonfinite;
    to->corrected += counts->corrected;
}

static void tell(round *r)
{
    size_t done = atomic_fetch_add(&r->done, 1) + 1;
    if (r->watch && !atomic_flag_test_and_set(&r->is_watching)) {
        r->watch(r->context, r->before + (double)done, r->total);
        atomic_flag_clear(&r->is_watching);
    }
}

/* One thread takes faults until none is left. */
static ef_status strike_some(void *context, size_t index, ef_error *err)
{
    (void)index;
    round *r = context;
    ef_rerun_worker *worker = NULL;
    ef_status status = ef_rerun_worker_create(&worker, r->rerun, err);
    for (size_t i; !status && (i = atomic_fetch_add(&r->next, 1)) < r->n;) {
        const ef_fault fault = {&r->flips[i], 1};
        ef_outcomes counts;
        status = ef_rerun_strike(worker, &fault, 1, &(ef_struck){.counts = &counts});
        if (!status) {
            add(&r->outcomes[i], &counts);
            tell(r);
        }
    }
    ef_rerun_worker_destroy(worker);
    return status;
}

static ef_status strike_batch(ef_injector *in, round *r, ef_error *err)
{
    size_t n_threads = in->options.n_threads;
    n_threads = n_threads > 0 ? n_threads : ef_parallel_cores();
    n_threads = n_threads < r->n ? n_threads : r->n;
    r->rerun = in->rerun;
    atomic_init(&r->next, 0);
    atomic_init(&r->done, 0);
    return ef_parallel_for(n_threads, n_threads, strike_some, r, err);
}

ef_status ef_injector_strike(ef_injector *injector, const ef_flip *flips, size_t n,
                             ef_outcomes *outcomes, ef_injector_watch *watch,
                             void *context, ef_error *err)
{
    round r = {.flips = flips,
               .n = n,
               .outcomes = outcomes,
               .is_watching = ATOMIC_FLAG_INIT,
               .watch = watch,
               .context = context,
               .total = (double)n * (double)injector->n_batches};
    for (size_t i = 0; i < n; i++) {
        outcomes[i] = (ef_outcomes){0};
    }
    for (size_t batch = 0; batch < injector->n_batches; batch++) {
        ef_status status = take_batch(injector, batch, err);
        status = status ? status : strike_batch(injector, &r, err);
        if (status) {
            return status;
        }
        r.before += (double)n;
    }
    return EF_OK;
}
