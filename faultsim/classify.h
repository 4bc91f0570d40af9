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

/* Runs net in float32 over the images of part.  predicted: shape (part.n), the class
 * of each in the order of the part, NULL where not wanted; *n_errors: how many of them
 * differ from the label.  The same for every number of threads.
 * EF_ERR_INPUT: the images have another shape than the network's input, or the network
 * has more than 65535 classes.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_classify(const ef_net *net, const ef_dataset *set,
                                   ef_part part, const ef_classify_options *options,
                                   uint16_t *predicted, size_t *n_errors,
                                   ef_error *err);

#endif
