/* Random networks for tests that hold two executions equal: small, and with every
 * operation of the topology in its less usual forms (groups, dilation, uneven padding,
 * ceil mode, padding that counts, slices with steps, gates, sums of three). */
#ifndef EF_TESTS_RANDOM_NET_H
#define EF_TESTS_RANDOM_NET_H

#include "base/rng.h"
#include "net/dataset.h"
#include "net/net.h"
#include "net/split.h"

/* A network of some `length` operations, flat (an MLP) where flat is set; weights
 * N(0, 2 / fan-in), and every other parameter at random too.  It asserts by itself;
 * released with ef_net_destroy. */
ef_net *random_net(uint64_t seed, size_t length, int flat);

/* The same with open clips and further operations among the others: a set of these. */
enum {
    RANDOM_RESHAPE = 1,
    RANDOM_INFERENCE = 2 /* softmax and div, which have no backward pass */
};
ef_net *random_net_with(uint64_t seed, size_t length, int flat, unsigned more);

/* n images for it, N(0, 1), released with ef_free. */
float *random_images(const ef_net *net, uint64_t seed, size_t n);

/* Elements of an image, and of a row of logits. */
size_t random_net_inputs(const ef_net *net);
size_t random_net_outputs(const ef_net *net);

/* A random network, not flat, with n images, whose labels go round the classes. */
typedef struct random_bed {
    ef_net *net;
    ef_dataset set;
    size_t *indices; /* (n) of all images */
} random_bed;

/* *bed stays where it is while something borrows from it. */
void random_bed_init(random_bed *bed, uint64_t seed, size_t length, size_t n);
void random_bed_clear(random_bed *bed);
ef_part random_bed_images(const random_bed *bed);

#endif
