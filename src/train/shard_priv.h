/* Images of a data set through a worker. */
#ifndef EF_TRAIN_SHARD_PRIV_H
#define EF_TRAIN_SHARD_PRIV_H

#include "train/loss.h"
#include "train/plan_priv.h"
#include "train/train.h"

/* A worker with room to load images. */
typedef struct ef_shard {
    ef_train_worker *worker;
    float *images;    /* (n_images, channels, height, width), as loaded; or NULL */
    uint16_t *labels; /* (n_images) */
} ef_shard;

EF_NODISCARD ef_status ef_shard_init(ef_shard *shard, ef_train_plan *plan,
                                     ef_error *err);
void ef_shard_clear(ef_shard *shard);

/* Loads plan->n_images images; augment NULL: as they are. */
void ef_shard_load(ef_shard *shard, const ef_dataset *set, const size_t *indices,
                   const ef_augment *augment, ef_rng *rng);

/* Whether images of the set fit the network, and it can tell its classes apart.
 * EF_ERR_INPUT. */
EF_NODISCARD ef_status ef_shard_check(const ef_net *net, const ef_dataset *set,
                                      ef_error *err);

#endif
