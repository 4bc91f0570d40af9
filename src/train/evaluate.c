/* Loss and error of a network as it is. */
#include "base/mem.h"
#include "base/parallel.h"
#include "train/shard_priv.h"

#define CHUNK 64 /* images at a time */

typedef struct evaluation {
    const ef_net *net;
    const ef_train_data *data;
    ef_train_plan *plan;
    ef_shard *shards; /* (n_workers) */
    size_t n_workers, n_chunks;
    ef_loss *losses; /* (n_chunks) */
} evaluation;

/* Chunk `chunk`; where images are missing in the last, its first ones stand in. */
static void run_chunk(evaluation *e, ef_shard *shard, size_t chunk)
{
    const ef_part *part = &e->data->part;
    size_t first = chunk * e->plan->n_images, indices[CHUNK];
    size_t n =
        part->n - first < e->plan->n_images ? part->n - first : e->plan->n_images;
    for (size_t i = 0; i < e->plan->n_images; i++) {
        indices[i] = part->indices[first + (i < n ? i : 0)];
    }
    ef_shard_load(shard, e->data->set, indices, NULL, NULL);
    ef_train_forward(shard->worker);
    e->losses[chunk] =
        ef_loss_softmax(n, e->plan->n_outputs, ef_train_output_of(shard->worker),
                        shard->labels, 0, n, NULL);
}

static ef_status run_worker(void *context, size_t index, ef_error *err)
{
    evaluation *e = context;
    for (size_t chunk = index; chunk < e->n_chunks; chunk += e->n_workers) {
        run_chunk(e, &e->shards[index], chunk);
    }
    return e->shards[index].worker->failed
               ? ef_error_set(err, EF_ERR_FAILED, "oneDNN failed while running")
               : EF_OK;
}

static ef_status allocate(evaluation *e, ef_error *err)
{
    size_t n = e->data->part.n < CHUNK ? e->data->part.n : CHUNK;
    e->n_chunks = (e->data->part.n + n - 1) / n;
    e->n_workers = e->n_workers < e->n_chunks ? e->n_workers : e->n_chunks;
    ef_status status = ef_train_plan_create(&e->plan, e->net, n, 0, err);
    if (status) {
        return status;
    }
    e->shards = ef_calloc(e->n_workers, sizeof *e->shards);
    e->losses = ef_calloc(e->n_chunks, sizeof *e->losses);
    if (!e->shards || !e->losses) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < e->n_workers && !status; i++) {
        status = ef_shard_init(&e->shards[i], e->plan, err);
    }
    status = status ? status : ef_train_plan_load(e->plan, e->net, err);
    if (!status) {
        ef_train_refresh(e->shards[0].worker);
    }
    return status;
}

/* The whole of it as one unit, so that primitives are made with one thread in force.
 */
static ef_status run(void *context, size_t index, ef_error *err)
{
    (void)index;
    evaluation *e = context;
    ef_status status = allocate(e, err);
    if (!status) {
        status = e->n_workers == 1
                     ? run_worker(e, 0, err)
                     : ef_parallel_for(e->n_workers, e->n_workers, run_worker, e, err);
    }
    for (size_t i = 0; e->shards && i < e->n_workers; i++) {
        ef_shard_clear(&e->shards[i]);
    }
    ef_free(e->shards);
    ef_train_plan_destroy(e->plan);
    return status;
}

ef_status ef_train_evaluate(const ef_net *net, const ef_train_data *data,
                            size_t n_threads, ef_train_score *score, ef_error *err)
{
    evaluation e = {.net = net,
                    .data = data,
                    .n_workers = n_threads ? n_threads : ef_parallel_cores()};
    ef_status status = ef_shard_check(net, data->set, err);
    if (!status && data->part.n == 0) {
        status = ef_error_set(err, EF_ERR_INPUT, "%s has no image to classify",
                              data->set->name);
    }
    status = status ? status : ef_parallel_for(1, 1, run, &e, err);
    if (!status) {
        ef_loss all = {0, 0};
        for (size_t i = 0; i < e.n_chunks; i++) {
            all.sum += e.losses[i].sum;
            all.wrong += e.losses[i].wrong;
        }
        score->loss = all.sum / (double)data->part.n;
        score->error = (double)all.wrong / (double)data->part.n;
    }
    ef_free(e.losses);
    return status;
}
