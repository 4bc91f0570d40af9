#include "train/shard_priv.h"

#include <string.h>

#include "base/mem.h"

static ef_shape input_shape(const ef_net *net)
{
    return ef_topology_shape(net->topology, ef_topology_input(net->topology));
}

ef_status ef_shard_init(ef_shard *shard, ef_train_plan *plan, ef_error *err)
{
    ef_shape shape = input_shape(plan->net);
    ef_shard made = {NULL, NULL, NULL};
    ef_status status = ef_train_worker_create(&made.worker, plan, err);
    if (status) {
        return status;
    }
    made.labels = ef_calloc(plan->n_images, sizeof *made.labels);
    if (shape.channels > 1 && shape.rank == 4) {
        made.images = ef_calloc(ef_train_count(plan, shape), sizeof *made.images);
    }
    if (!made.labels || (shape.channels > 1 && shape.rank == 4 && !made.images)) {
        ef_shard_clear(&made);
        return ef_error_memory(err);
    }
    *shard = made;
    return EF_OK;
}

void ef_shard_clear(ef_shard *shard)
{
    ef_train_worker_destroy(shard->worker);
    ef_free(shard->images);
    ef_free(shard->labels);
    *shard = (ef_shard){NULL, NULL, NULL};
}

/* (n, channels, area) to (n, area, channels) */
static void put_channels_last(size_t n, size_t channels, size_t area,
                              const float *restrict from, float *restrict to)
{
    for (size_t i = 0; i < n; i++, from += channels * area, to += channels * area) {
        for (size_t c = 0; c < channels; c++) {
            for (size_t a = 0; a < area; a++) {
                to[a * channels + c] = from[c * area + a];
            }
        }
    }
}

void ef_shard_load(ef_shard *shard, const ef_dataset *set, const size_t *indices,
                   const ef_augment *augment, ef_rng *rng)
{
    const ef_train_plan *plan = shard->worker->plan;
    ef_shape shape = input_shape(plan->net);
    float *input = ef_train_input_of(shard->worker);
    float *images = shard->images ? shard->images : input;
    if (augment) {
        ef_batch_fill_augmented(rng, set, NULL, augment, indices, plan->n_images,
                                images);
    } else {
        ef_batch_fill(set, NULL, indices, plan->n_images, images);
    }
    ef_batch_labels(set, indices, plan->n_images, shard->labels);
    if (shard->images) {
        put_channels_last(plan->n_images, shape.channels,
                          (size_t)shape.height * shape.width, images, input);
    }
}

ef_status ef_shard_check(const ef_net *net, const ef_dataset *set, ef_error *err)
{
    ef_shape in = input_shape(net);
    ef_shape out = ef_topology_shape(net->topology, ef_topology_output(net->topology));
    int fits = in.rank == 2 ? in.channels == ef_dataset_image_size(set)
                            : in.channels == set->channels &&
                                  in.height == set->height && in.width == set->width;
    if (!fits) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "%s has images of %zu x %zu x %zu, the network takes "
                            "%u x %u x %u",
                            set->name, set->channels, set->height, set->width,
                            in.channels, in.height, in.width);
    }
    if (ef_shape_elements(out) < set->n_classes) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "%s has %zu classes, the network tells only %zu apart",
                            set->name, set->n_classes, ef_shape_elements(out));
    }
    return EF_OK;
}
