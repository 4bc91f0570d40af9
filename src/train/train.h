/* Gradient training of a network: stochastic gradient descent with momentum, weight
 * decay and a cosine schedule, on softmax cross-entropy.
 *
 * The same bytes come out for every number of threads: each batch is cut into a fixed
 * number of shards, batch norm takes its statistics per shard, and gradients are added
 * in shard order.  They are the same on every CPU of one instruction set
 * (train/isa.h).  In a search, many networks train at once, one thread each. */
#ifndef EF_TRAIN_TRAIN_H
#define EF_TRAIN_TRAIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "net/batch.h"
#include "net/dataset.h"
#include "net/net.h"
#include "net/split.h"

/* What batch norm keeps of its running statistics at each batch. */
#define EF_TRAIN_NORM_MOMENTUM 0.9

typedef struct ef_train_options {
    size_t epochs;
    /* Images per update; made a multiple of the shards by rounding down, and no more
     * than there are.  What is left over at an epoch's end waits for the next. */
    size_t batch;
    double rate;     /* of learning, at its peak */
    double momentum; /* in [0, 1) */
    double decay;    /* of the weights of conv and dense; not of biases or batch norm */
    int is_constant; /* the rate stays; else it falls by half a cosine to 0 */
    double warmup;   /* epochs over which the rate first rises from 0, may be 0.5 */
    double smoothing;   /* of labels, in [0, 1) */
    ef_augment augment; /* of every training image, anew in each epoch */
    uint64_t seed;
    uint64_t a, b;    /* rest of the key of its streams: generation, individual */
    size_t n_shards;  /* of a batch; part of what determines the result */
    size_t n_threads; /* 0: all cores; more than shards are of no use */
    /* Training has diverged when a loss or a weight is not finite, or when the mean
     * loss over the second half of an epoch exceeds this many times ln(classes), the
     * loss of a guess.  0: only when not finite. */
    double diverged;
} ef_train_options;

/* For one network from its first weights.  On the digits (10 seeds) data/topologies'
 * cnn-digits and resnet8-digits then miss 0.8 % of the test images, mlp 1.8 %. */
#define EF_TRAIN_OPTIONS_DEFAULT                                                       \
    ((ef_train_options){.epochs = 30,                                                  \
                        .batch = 32,                                                   \
                        .rate = 0.1,                                                   \
                        .momentum = 0.9,                                               \
                        .decay = 1e-3,                                                 \
                        .warmup = 1,                                                   \
                        .smoothing = 0.1,                                              \
                        .seed = 1,                                                     \
                        .n_shards = 4,                                                 \
                        .diverged = 3})

/* For one of many candidates of a search, on one thread.  On the digits (20 seeds)
 * 4 epochs of cnn-digits miss 1.3 % of the test images, 8 epochs 1.1 %. */
#define EF_TRAIN_OPTIONS_SHORT                                                         \
    ((ef_train_options){.epochs = 4,                                                   \
                        .batch = 16,                                                   \
                        .rate = 0.1,                                                   \
                        .momentum = 0.9,                                               \
                        .decay = 2e-3,                                                 \
                        .warmup = 1,                                                   \
                        .smoothing = 0.1,                                              \
                        .seed = 1,                                                     \
                        .n_shards = 1,                                                 \
                        .n_threads = 1,                                                \
                        .diverged = 3})

/* For a network that has its weights, of which it shall keep what it knows.  ResNet-20
 * for CIFAR-10, its batch norms folded, diverges at a rate of 0.01 on 600 images, and
 * with label smoothing loses more of what it knew. */
#define EF_TRAIN_OPTIONS_TUNE                                                          \
    ((ef_train_options){.epochs = 10,                                                  \
                        .batch = 32,                                                   \
                        .rate = 0.001,                                                 \
                        .momentum = 0.9,                                               \
                        .decay = 1e-3,                                                 \
                        .seed = 1,                                                     \
                        .n_shards = 4,                                                 \
                        .diverged = 3})
/* The rate where its last layer is new: at 0.001, 10 epochs on the digits leave three
 * times the errors of 0.01. */
#define EF_TRAIN_RATE_HEAD 0.01

/* The rate of EF_TRAIN_OPTIONS_SHORT where a search starts from trained models: at 0.1,
 * two epochs on 300 images leave ResNet-20 for CIFAR-10 no better than a guess (86 %
 * errors, 23 % at 0.01). */
#define EF_TRAIN_RATE_SEED 0.01

/* By how many pixels training images are shifted where nobody says: 1 where they are 24
 * or more wide and high, else 0.  (On the digits, 8 pixels wide, a shift by 1 raises
 * the error from 1.1 to 1.6 % of the test images.) */
size_t ef_train_default_shift(const ef_dataset *set);

typedef struct ef_train_data {
    const ef_dataset *set;
    ef_part part; /* its images to train on */
} ef_train_data;

/* EF_ERR_UNSUPPORTED: an operation that cannot be trained, by node and name.  A softmax
 * over the classes at the very end can: the loss has it. */
EF_NODISCARD ef_status ef_train_check_topology(const ef_topology *topology,
                                               ef_error *err);

typedef struct ef_train_report {
    size_t epochs;  /* finished */
    size_t batches; /* finished, of n_batches in all */
    size_t n_batches;
    double loss;  /* mean over the epoch in hand or just finished, in nats */
    double error; /* share of its images, as augmented, that were wrong */
    double time_s;
} ef_train_report;

/* Called after every batch; anything but 0 ends the training. */
typedef int ef_train_watch(void *context, const ef_train_report *so_far);

/* Trains net in place.  watch and report may be NULL.  On failure net is untouched,
 * and report says how far it came.
 * EF_ERR_USAGE: an option out of range.
 * EF_ERR_INPUT: images or classes do not fit the network.
 * EF_ERR_UNSUPPORTED: as ef_train_check_topology, or no weights to train.
 * EF_ERR_DIVERGED.  EF_STOPPED: watch said so.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_train(ef_net *net, const ef_train_data *data,
                                const ef_train_options *options, ef_train_watch *watch,
                                void *context, ef_train_report *report, ef_error *err);

typedef struct ef_train_score {
    double loss;  /* mean, in nats */
    double error; /* share of images classified wrongly */
} ef_train_score;

/* Loss and error of net on the images of data, in float32 through oneDNN: quick, and
 * equal to exact execution (faultsim/forward.h) up to rounding.  n_threads 0: all.
 * Errors as ef_train. */
EF_NODISCARD ef_status ef_train_evaluate(const ef_net *net, const ef_train_data *data,
                                         size_t n_threads, ef_train_score *score,
                                         ef_error *err);

#endif
