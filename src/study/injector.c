#include "study/injector.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "faultsim/formats.h"
#include "net/batch.h"

#define BATCH_IMAGES 100
#define BATCH_BYTES 200e6
/* What engines keep of a fault-free run for each element, at most. */
#define BYTES_IN_BYTES 10.0 /* integers twice; sums of convolutions twice */
#define BYTES_IN_WIDE 12.0
#define BYTES_IN_FLOATS 6.0 /* float32; half as many partial sums */
#define BLOCK                                                                          \
    256 /* faults that a thread strikes at once: together they take less time */

/* What a thread keeps from strike to strike of a batch. */
typedef struct hand {
    ef_rerun_worker *worker;
    ef_outcomes *counts; /* (BLOCK) */
    uint8_t *outcomes;   /* (BLOCK, batch), made when they are asked for */
    uint16_t *classes;   /* likewise */
} hand;

struct ef_injector {
    ef_injector_options options;
    ef_qnet *qnet;           /* in integers, or NULL */
    ef_fnet *fnet;           /* in floats, or NULL */
    size_t batch, n_batches; /* images of one, and how many there are */
    float *images;           /* (batch, channels, height, width) */
    size_t current;          /* batch that rerun is of; n_batches: none */
    ef_rerun *rerun;
    hand *hands; /* (n_hands), one for each thread; of rerun */
    size_t n_hands;
    ef_site *sites; /* (n_sites) */
    char **names;   /* (n_sites), owned: what sites have */
    size_t n_sites, n_classes;
    uint16_t *classes, *labels; /* (n images) */
    double *margins;            /* (n images) */
    size_t n_errors;
};

/* --- making ------------------------------------------------------------------ */

/* Floats without a scale of their own take whatever comes. */
int ef_injector_needs_ranges(const ef_format *activations)
{
    return activations->kind != EF_FORMAT_FLOAT || activations->scaled;
}

/* Those that the calibration images have in float32. */
static ef_status find_ranges(const ef_injector *in, const ef_net *net,
                             ef_ranges **ranges, ef_error *err)
{
    const ef_injector_options *o = &in->options;
    const ef_dataset *set = o->calibration_set ? o->calibration_set : o->set;
    float *images =
        ef_calloc(o->calibration.n, ef_dataset_image_size(set) * sizeof *images);
    if (!images) {
        return ef_error_memory(err);
    }
    ef_batch_fill(set, o->normalisation, o->calibration.indices, o->calibration.n,
                  images);
    ef_status status = ef_ranges_create_by(ranges, net, images, o->calibration.n,
                                           &o->ranges, o->n_threads, err);
    ef_free(images);
    return status;
}

static ef_status make_network(ef_injector *in, const ef_net *net, ef_error *err)
{
    const ef_qnet_options *formats = &in->options.formats;
    const ef_fnet_options floats = {formats->weights, formats->activations};
    ef_ranges *ranges = NULL;
    ef_status status = ef_injector_needs_ranges(&formats->activations)
                           ? find_ranges(in, net, &ranges, err)
                           : EF_OK;
    if (!status) {
        status = ef_formats_is_integer(&formats->activations)
                     ? ef_qnet_create(&in->qnet, net, ranges, formats, err)
                     : ef_fnet_create(&in->fnet, net, ranges, &floats, err);
    }
    ef_ranges_destroy(ranges);
    return status;
}

static const ef_topology *executed(const ef_injector *in)
{
    return (in->qnet ? in->qnet->net : in->fnet->net)->topology;
}

static double image_bytes(const ef_injector *in)
{
    const ef_topology *topology = executed(in);
    double elements = 0, each = BYTES_IN_FLOATS;
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        elements += (double)ef_shape_elements(ef_topology_shape(topology, i));
    }
    if (in->qnet) {
        const ef_qnet_options *o = &in->options.formats;
        int is_wide = in->options.is_wide || o->weights.bits > 8 ||
                      o->activations.bits > 8 || in->qnet->saturates ||
                      in->qnet->accumulator_bits != 32;
        each = is_wide ? BYTES_IN_WIDE : BYTES_IN_BYTES;
    }
    return each * elements;
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
    in->labels = ef_calloc(n, sizeof *in->labels);
    in->classes = ef_calloc(n, sizeof *in->classes);
    in->margins = ef_calloc(n, sizeof *in->margins);
    in->n_hands =
        in->options.n_threads > 0 ? in->options.n_threads : ef_parallel_cores();
    in->hands = ef_calloc(in->n_hands, sizeof *in->hands);
    return in->images && in->labels && in->classes && in->margins && in->hands
               ? EF_OK
               : ef_error_memory(err);
}

static size_t batch_images(const ef_injector *in, size_t batch)
{
    size_t rest = in->options.images.n - batch * in->batch;
    return rest < in->batch ? rest : in->batch;
}

/* Workers are of one batch; their buffers stay. */
static void drop_batch(ef_injector *in)
{
    for (size_t i = 0; in->hands && i < in->n_hands; i++) {
        ef_rerun_worker_destroy(in->hands[i].worker);
        in->hands[i].worker = NULL;
    }
    ef_rerun_destroy(in->rerun);
    in->rerun = NULL;
    in->current = in->n_batches;
}

static ef_status create_rerun(ef_injector *in, const ef_rerun_images *images,
                              ef_error *err)
{
    if (in->fnet) {
        return ef_rerun_create_float(&in->rerun, in->fnet, images, err);
    }
    return in->options.is_wide ? ef_rerun_create_wide(&in->rerun, in->qnet, images, err)
                               : ef_rerun_create(&in->rerun, in->qnet, images, err);
}

static ef_status take_batch(ef_injector *in, size_t batch, ef_error *err)
{
    const ef_injector_options *o = &in->options;
    if (in->current == batch) {
        return EF_OK;
    }
    const size_t *indices = o->images.indices + batch * in->batch;
    size_t n = batch_images(in, batch);
    uint16_t *labels = in->labels + batch * in->batch;
    drop_batch(in);
    ef_batch_fill(o->set, o->normalisation, indices, n, in->images);
    ef_batch_labels(o->set, indices, n, labels);
    const ef_rerun_images images = {.images = in->images,
                                    .labels = labels,
                                    .n = n,
                                    .first = batch * in->batch,
                                    .n_threads = o->n_threads};
    ef_status status = create_rerun(in, &images, err);
    in->current = status ? in->n_batches : batch;
    return status;
}

static ef_status copy_sites(ef_injector *in, ef_error *err)
{
    const ef_site *sites = ef_rerun_sites(in->rerun, &in->n_sites);
    in->sites = ef_calloc(in->n_sites, sizeof *in->sites);
    in->names = ef_calloc(in->n_sites, sizeof *in->names);
    int has_all = in->sites && in->names;
    for (size_t i = 0; has_all && i < in->n_sites; i++) {
        in->names[i] = ef_strdup(sites[i].name);
        in->sites[i] = sites[i];
        in->sites[i].name = in->names[i];
        has_all = in->names[i] != NULL;
    }
    in->n_classes = ef_rerun_n_classes(in->rerun);
    return has_all ? EF_OK : ef_error_memory(err);
}

static double margin_of(const double *logits, size_t n, size_t class)
{
    double margin = n > 1 ? logits[class] - logits[class == 0] : 0;
    for (size_t i = 0; i < n; i++) {
        double distance = logits[class] - logits[i];
        margin = i != class && distance < margin ? distance : margin;
    }
    return margin;
}

/* Every batch once without a fault. */
static ef_status classify(ef_injector *in, ef_error *err)
{
    for (size_t batch = 0; batch < in->n_batches; batch++) {
        ef_status status = take_batch(in, batch, err);
        if (status) {
            return status;
        }
        const uint16_t *classes = ef_rerun_classes(in->rerun);
        const double *logits = ef_rerun_logits(in->rerun);
        size_t first = batch * in->batch, n_classes = ef_rerun_n_classes(in->rerun);
        for (size_t i = 0; i < batch_images(in, batch); i++) {
            in->classes[first + i] = classes[i];
            in->margins[first + i] =
                margin_of(logits + i * n_classes, n_classes, classes[i]);
            in->n_errors += classes[i] != in->labels[first + i];
        }
    }
    return copy_sites(in, err);
}

ef_status ef_injector_create(ef_injector **injector, const ef_net *net,
                             const ef_injector_options *options, ef_error *err)
{
    ef_injector *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->options = *options;
    ef_status status = make_network(made, net, err);
    status = status ? status : make_room(made, err);
    status = status ? status : classify(made, err);
    if (status) {
        ef_injector_destroy(made);
        return status;
    }
    *injector = made;
    return EF_OK;
}

void ef_injector_destroy(ef_injector *injector)
{
    if (!injector) {
        return;
    }
    drop_batch(injector);
    for (size_t i = 0; injector->hands && i < injector->n_hands; i++) {
        ef_free(injector->hands[i].counts);
        ef_free(injector->hands[i].outcomes);
        ef_free(injector->hands[i].classes);
    }
    for (size_t i = 0; injector->names && i < injector->n_sites; i++) {
        ef_free(injector->names[i]);
    }
    ef_free(injector->names);
    ef_free(injector->hands);
    ef_free(injector->sites);
    ef_free(injector->classes);
    ef_free(injector->margins);
    ef_free(injector->labels);
    ef_free(injector->images);
    ef_qnet_destroy(injector->qnet);
    ef_fnet_destroy(injector->fnet);
    ef_free(injector);
}

const ef_site *ef_injector_sites(const ef_injector *injector, size_t *n)
{
    *n = injector->n_sites;
    return injector->sites;
}

const ef_topology *ef_injector_topology(const ef_injector *injector)
{
    return executed(injector);
}

size_t ef_injector_n_images(const ef_injector *injector)
{
    return injector->options.images.n;
}

size_t ef_injector_n_classes(const ef_injector *injector)
{
    return injector->n_classes;
}

const uint16_t *ef_injector_classes(const ef_injector *injector)
{
    return injector->classes;
}

const uint16_t *ef_injector_labels(const ef_injector *injector)
{
    return injector->labels;
}

const double *ef_injector_margins(const ef_injector *injector)
{
    return injector->margins;
}

const size_t *ef_injector_indices(const ef_injector *injector)
{
    return injector->options.images.indices;
}

size_t ef_injector_n_errors(const ef_injector *injector)
{
    return injector->n_errors;
}

double ef_injector_memory_bytes(const ef_injector *injector)
{
    return image_bytes(injector) * (double)injector->batch;
}

size_t ef_injector_n_batches(const ef_injector *injector)
{
    return injector->n_batches;
}

const char *ef_injector_engine_name(const ef_injector *injector)
{
    return ef_rerun_engine_name(injector->rerun);
}

/* --- striking ---------------------------------------------------------------- */

/* What the threads share; each fault's results belong to the one that took it. */
typedef struct round {
    ef_injector *injector;
    const ef_fault *faults;
    size_t n;
    const ef_struck *to;
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

static void tell(round *r, size_t n)
{
    size_t done = atomic_fetch_add(&r->done, n) + n;
    if (r->watch && !atomic_flag_test_and_set(&r->is_watching)) {
        r->watch(r->context, r->before + (double)done, r->total);
        atomic_flag_clear(&r->is_watching);
    }
}

/* Fewer at a time towards the end, so that no thread waits long for another; 0: none is
 * left. */
static size_t take_faults(round *r, size_t *first)
{
    size_t at = atomic_load(&r->next), n;
    do {
        size_t left = r->n - at;
        n = left / (2 * r->injector->n_hands);
        n = n < BLOCK ? n : BLOCK;
        n = n > 0 ? n : left > 0;
    } while (n > 0 && !atomic_compare_exchange_weak(&r->next, &at, at + n));
    *first = at;
    return n;
}

static ef_status prepare_hand(const round *r, hand *h, ef_error *err)
{
    const ef_injector *in = r->injector;
    if (!h->worker) {
        ef_status status = ef_rerun_worker_create(&h->worker, in->rerun, err);
        if (status) {
            return status;
        }
    }
    if (!h->counts) {
        h->counts = ef_calloc(BLOCK, sizeof *h->counts);
    }
    if (r->to->outcomes && !h->outcomes) {
        h->outcomes = ef_calloc(BLOCK * in->batch, sizeof *h->outcomes);
    }
    if (r->to->classes && !h->classes) {
        h->classes = ef_calloc(BLOCK * in->batch, sizeof *h->classes);
    }
    int has_all = h->counts && (h->outcomes || !r->to->outcomes) &&
                  (h->classes || !r->to->classes);
    return has_all ? EF_OK : ef_error_memory(err);
}

/* The rows of a batch into those of all images. */
static void spread(const round *r, const hand *h, size_t first, size_t n)
{
    const ef_injector *in = r->injector;
    size_t wide = in->options.images.n, narrow = ef_rerun_n_images(in->rerun);
    size_t start = in->current * in->batch;
    for (size_t i = 0; i < n; i++) {
        size_t at = (first + i) * wide + start;
        add(&r->to->counts[first + i], &h->counts[i]);
        if (r->to->outcomes) {
            memcpy(&r->to->outcomes[at], &h->outcomes[i * narrow], narrow);
        }
        if (r->to->classes) {
            memcpy(&r->to->classes[at], &h->classes[i * narrow],
                   narrow * sizeof *h->classes);
        }
    }
}

/* One thread takes faults until none is left. */
static ef_status strike_some(void *context, size_t index, ef_error *err)
{
    round *r = context;
    hand *h = &r->injector->hands[index];
    ef_status status = prepare_hand(r, h, err);
    const ef_struck own = {.counts = h->counts,
                           .outcomes = r->to->outcomes ? h->outcomes : NULL,
                           .classes = r->to->classes ? h->classes : NULL};
    size_t first, n;
    while (!status && (n = take_faults(r, &first)) > 0) {
        status = (r->injector->options.runs_whole
                      ? ef_rerun_strike_all
                      : ef_rerun_strike)(h->worker, &r->faults[first], n, &own);
        if (!status) {
            spread(r, h, first, n);
            tell(r, n);
        }
    }
    return status ? ef_error_set(err, status, "%s", ef_status_text(status)) : EF_OK;
}

static ef_status strike_batch(round *r, ef_error *err)
{
    size_t n_threads = r->injector->n_hands;
    n_threads = n_threads < r->n ? n_threads : r->n;
    atomic_init(&r->next, 0);
    atomic_init(&r->done, 0);
    return ef_parallel_for(n_threads, n_threads, strike_some, r, err);
}

/* Begins with the batch that is there. */
ef_status ef_injector_strike(ef_injector *injector, const ef_fault *faults, size_t n,
                             const ef_struck *to, ef_injector_watch *watch,
                             void *context, ef_error *err)
{
    size_t n_batches = injector->n_batches;
    round r = {.injector = injector,
               .faults = faults,
               .n = n,
               .to = to,
               .is_watching = ATOMIC_FLAG_INIT,
               .watch = watch,
               .context = context,
               .total = (double)n * (double)n_batches};
    for (size_t i = 0; i < n; i++) {
        to->counts[i] = (ef_outcomes){0};
    }
    size_t start = injector->current < n_batches ? injector->current : 0;
    for (size_t i = 0; i < n_batches; i++) {
        ef_status status = take_batch(injector, (start + i) % n_batches, err);
        status = status ? status : strike_batch(&r, err);
        if (status) {
            return status;
        }
        r.before += (double)n;
    }
    return EF_OK;
}
