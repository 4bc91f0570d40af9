#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mathfn.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "train/descent_priv.h"
#include "train/shard_priv.h"

/* Images that are less high or wide are not shifted by default. */
#define LEAST_SHIFTED 24

size_t ef_train_default_shift(const ef_dataset *set)
{
    return set->width >= LEAST_SHIFTED && set->height >= LEAST_SHIFTED;
}

/* A training under way. */
typedef struct training {
    ef_net *net;
    const ef_train_data *data;
    const ef_train_options *options;
    ef_train_watch *watch;
    void *context;
    ef_train_report report;
    double start_s;

    size_t n_shards, n_workers, shard_size;
    size_t epoch_batches, warmup; /* in batches */
    ef_train_plan *plan;
    ef_shard *shards;   /* (n_workers), each takes every n_workers-th of a batch */
    float *sums;        /* (slots, weights): gradients of shards, then their sum */
    size_t n_slots;     /* 0: one shard; 1: one worker; else n_shards */
    float *velocity;    /* (weights) */
    ef_loss *losses;    /* (n_shards) */
    size_t *order;      /* (part.n), of the epoch */
    const size_t *next; /* first image of the batch in hand */
    double late_loss;   /* summed over the second half of the epoch */
} training;

static ef_status check_options(const ef_train_options *o, ef_error *err)
{
    const struct {
        const char *name;
        double value, low, high;
    } ranges[] = {{"learning rate", o->rate, 0, 1e6},
                  {"momentum", o->momentum, 0, 0.9999},
                  {"weight decay", o->decay, 0, 1e3},
                  {"warm-up", o->warmup, 0, 1e9},
                  {"label smoothing", o->smoothing, 0, 0.9999},
                  {"divergence factor", o->diverged, 0, 1e300}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (!(ranges[i].value >= ranges[i].low && ranges[i].value <= ranges[i].high)) {
            return ef_error_set(err, EF_ERR_USAGE, "the %s must be from %g to %g",
                                ranges[i].name, ranges[i].low, ranges[i].high);
        }
    }
    if (o->epochs == 0 || o->batch == 0 || o->n_shards == 0) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "epochs, batch size and shards must be at least 1");
    }
    return EF_OK;
}

/* Shards, their size, and workers. */
static void divide(training *t)
{
    const ef_train_options *o = t->options;
    size_t n = t->data->part.n, batch = o->batch < n ? o->batch : n;
    size_t threads = o->n_threads ? o->n_threads : ef_parallel_cores();
    t->n_shards = o->n_shards < batch ? o->n_shards : batch;
    t->shard_size = batch / t->n_shards;
    t->n_workers = threads < t->n_shards ? threads : t->n_shards;
    t->n_slots = t->n_shards == 1 ? 0 : t->n_workers == 1 ? 1 : t->n_shards;
    t->epoch_batches = n / (t->n_shards * t->shard_size);
    t->report.n_batches = o->epochs * t->epoch_batches;
    double warmup = o->warmup * (double)t->epoch_batches;
    t->warmup =
        warmup < (double)t->report.n_batches ? (size_t)warmup : t->report.n_batches;
}

static ef_status allocate(training *t, ef_error *err)
{
    ef_status status = ef_train_plan_create(&t->plan, t->net, t->shard_size, 1, err);
    if (status) {
        return status;
    }
    size_t n_weights = t->plan->sizes[EF_SPACE_WEIGHTS];
    t->shards = ef_calloc(t->n_workers, sizeof *t->shards);
    t->sums = ef_calloc_aligned(t->n_slots, n_weights * sizeof(float));
    t->velocity = ef_calloc_aligned(n_weights, sizeof(float));
    t->losses = ef_calloc(t->n_shards, sizeof *t->losses);
    t->order = ef_calloc(t->data->part.n, sizeof *t->order);
    if (!t->shards || !t->sums || !t->velocity || !t->losses || !t->order) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < t->n_workers && !status; i++) {
        status = ef_shard_init(&t->shards[i], t->plan, err);
    }
    return status ? status : ef_train_plan_load(t->plan, t->net, err);
}

static void release(training *t)
{
    for (size_t i = 0; t->shards && i < t->n_workers; i++) {
        ef_shard_clear(&t->shards[i]);
    }
    ef_free(t->shards);
    ef_free(t->sums);
    ef_free(t->velocity);
    ef_free(t->losses);
    ef_free(t->order);
    ef_train_plan_destroy(t->plan);
}

/* Forward, loss and backward of shard s of the batch in hand. */
static void run_shard(training *t, ef_shard *shard, size_t s)
{
    const ef_train_options *o = t->options;
    ef_train_worker *worker = shard->worker;
    size_t n = t->shard_size, outputs = worker->plan->n_outputs;
    ef_rng rng = ef_rng_stream(o->seed, EF_PURPOSE_AUGMENT, o->a, o->b,
                               t->report.batches * t->n_shards + s);
    int is_augmented = o->augment.shift > 0 || o->augment.flip;
    ef_shard_load(shard, t->data->set, t->next + s * n,
                  is_augmented ? &o->augment : NULL, &rng);
    ef_train_forward(worker);
    t->losses[s] =
        ef_loss_softmax(n, outputs, ef_train_output_of(worker), shard->labels,
                        o->smoothing, n * t->n_shards, ef_train_output_grad_of(worker));
    ef_train_backward(worker);
}

/* Unit `index` of a batch: the shards of one worker. */
static ef_status run_worker(void *context, size_t index, ef_error *err)
{
    training *t = context;
    ef_shard *shard = &t->shards[index];
    size_t n = t->plan->sizes[EF_SPACE_WEIGHTS];
    for (size_t s = index; s < t->n_shards; s += t->n_workers) {
        run_shard(t, shard, s);
        if (t->n_slots == 1 && s > 0) {
            t->plan->kernels->accumulate(n, shard->worker->grads, t->sums);
        } else if (t->n_slots > 0) {
            memcpy(t->sums + (t->n_slots == 1 ? 0 : s * n), shard->worker->grads,
                   n * sizeof(float));
        }
    }
    return shard->worker->failed
               ? ef_error_set(err, EF_ERR_FAILED, "oneDNN failed while training")
               : EF_OK;
}

static ef_status run_batch(training *t, ef_loss *loss, ef_error *err)
{
    const ef_train_options *o = t->options;
    size_t n = t->plan->sizes[EF_SPACE_WEIGHTS];
    ef_train_refresh(t->shards[0].worker);
    ef_status status = t->n_workers == 1 ? run_worker(t, 0, err)
                                         : ef_parallel_for(t->n_workers, t->n_workers,
                                                           run_worker, t, err);
    if (status) {
        return status;
    }
    *loss = t->losses[0];
    for (size_t s = 1; s < t->n_shards; s++) {
        loss->sum += t->losses[s].sum;
        loss->wrong += t->losses[s].wrong;
        if (t->n_slots > 1) {
            t->plan->kernels->accumulate(n, t->sums + s * n, t->sums);
        }
    }
    double rate = ef_descent_rate(o, t->report.batches, t->report.n_batches, t->warmup);
    ef_descent_update(t->plan, t->n_slots ? t->sums : t->shards[0].worker->grads,
                      t->velocity, o, rate, t->n_shards);
    return EF_OK;
}

static ef_status diverged(const training *t, ef_error *err, const char *what)
{
    return ef_error_set(
        err, EF_ERR_DIVERGED, "training diverged in epoch %zu, batch %zu of %zu: %s",
        t->report.epochs + 1, t->report.batches, t->report.n_batches, what);
}

/* Takes one batch's loss into the report; `done` batches of the epoch before it. */
static ef_status note_batch(training *t, size_t done, const ef_loss *loss,
                            ef_loss *epoch, ef_error *err)
{
    double batch = (double)(t->n_shards * t->shard_size);
    t->report.batches++;
    if (!isfinite(loss->sum)) {
        return diverged(t, err, "the loss is not finite");
    }
    epoch->sum += loss->sum;
    epoch->wrong += loss->wrong;
    if (done >= t->epoch_batches / 2) {
        t->late_loss += loss->sum;
    }
    t->report.loss = epoch->sum / (batch * (double)(done + 1));
    t->report.error = (double)epoch->wrong / (batch * (double)(done + 1));
    t->report.time_s = ef_clock_s() - t->start_s;
    if (t->watch && t->watch(t->context, &t->report)) {
        return ef_error_set(err, EF_STOPPED, "training was stopped in epoch %zu",
                            t->report.epochs + 1);
    }
    return EF_OK;
}

static ef_status end_epoch(training *t, ef_error *err)
{
    const ef_train_options *o = t->options;
    size_t late = t->epoch_batches - t->epoch_batches / 2;
    double mean = t->late_loss / (double)(late * t->n_shards * t->shard_size);
    double guess = ef_log((double)t->data->set->n_classes);
    if (!ef_descent_is_finite(t->plan)) {
        return diverged(t, err, "a weight is not finite");
    }
    if (o->diverged > 0 && mean > o->diverged * guess && guess > 0) {
        char what[96];
        snprintf(what, sizeof what, "the loss is %.3g, that of a guess %.3g", mean,
                 guess);
        return diverged(t, err, what);
    }
    t->report.epochs++;
    return EF_OK;
}

static ef_status run_epoch(training *t, ef_error *err)
{
    const ef_train_options *o = t->options;
    size_t n = t->data->part.n, batch = t->n_shards * t->shard_size;
    ef_rng rng =
        ef_rng_stream(o->seed, EF_PURPOSE_SHUFFLE, o->a, o->b, t->report.epochs);
    ef_loss epoch = {0, 0}, loss = {0, 0};
    memcpy(t->order, t->data->part.indices, n * sizeof *t->order);
    ef_rng_shuffle(&rng, t->order, n);
    t->late_loss = 0;
    for (size_t i = 0; i < t->epoch_batches; i++) {
        t->next = t->order + i * batch;
        ef_status status = run_batch(t, &loss, err);
        status = status ? status : note_batch(t, i, &loss, &epoch, err);
        if (status) {
            return status;
        }
    }
    return end_epoch(t, err);
}

/* Writes the trained values into net, all of them or none. */
static ef_status hand_over(training *t, ef_error *err)
{
    ef_net *copy = NULL;
    ef_status status = ef_net_dup(&copy, t->net);
    if (status) {
        return ef_error_memory(err);
    }
    status = ef_train_plan_save(t->plan, copy, err);
    if (!status) {
        memcpy(t->net->values, copy->values, t->net->n_values * sizeof(float));
    }
    ef_net_destroy(copy);
    return status;
}

/* The whole of it as one unit, so that primitives are made with one thread in force.
 */
static ef_status run_training(void *context, size_t index, ef_error *err)
{
    (void)index;
    training *t = context;
    ef_status status = allocate(t, err);
    for (size_t i = 0; i < t->options->epochs && !status; i++) {
        status = run_epoch(t, err);
    }
    status = status ? status : hand_over(t, err);
    t->report.time_s = ef_clock_s() - t->start_s;
    release(t);
    return status;
}

ef_status ef_train(ef_net *net, const ef_train_data *data,
                   const ef_train_options *options, ef_train_watch *watch,
                   void *context, ef_train_report *report, ef_error *err)
{
    training t = {.net = net,
                  .data = data,
                  .options = options,
                  .watch = watch,
                  .context = context,
                  .start_s = ef_clock_s()};
    ef_status status = check_options(options, err);
    status = status ? status : ef_shard_check(net, data->set, err);
    if (!status && data->part.n == 0) {
        status = ef_error_set(err, EF_ERR_INPUT, "%s has no image to train on",
                              data->set->name);
    }
    if (!status) {
        divide(&t);
        status = ef_parallel_for(1, 1, run_training, &t, err);
    }
    if (report) {
        *report = t.report;
    }
    return status;
}
