/* The classes that a network gives to the images of a data set. */
#ifndef EF_FAULTSIM_CLASSIFY_H
#define EF_FAULTSIM_CLASSIFY_H

#include <stddef.h>
#include <stdint.h>

#include "net/batch.h"
#include "net/net.h"

typedef struct ef_classify_options {
    const ef_normalisation *normalisation; /* NULL: the network takes raw values */
    size_t n_threads;                      /* 0: all */
} ef_classify_options;

/* What is found, in the order of the part; either array may be NULL. */
typedef struct ef_classified {
    uint16_t *predicted; /* (part.n) the class that each image is given */
    double *losses;      /* (part.n) -log of the softmax of the logits, at the label */
    size_t n_errors;     /* images that are given another class than their label */
} ef_classified;

/* Runs net in float32 over the images of part; the same for every number of threads.
 * On failure n_errors stays as it was.
 * EF_ERR_INPUT: the images have another shape than the network's input, or the network
 * has more than 65535 classes, or where losses are wanted, fewer than the data.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_classify(const ef_net *net, const ef_dataset *set,
                                   ef_part part, const ef_classify_options *options,
                                   ef_classified *found, ef_error *err);

#endif
