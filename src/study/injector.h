/* A network in number formats with the images that faults are judged on. */
#ifndef EF_STUDY_INJECTOR_H
#define EF_STUDY_INJECTOR_H

#include <stddef.h>
#include <stdint.h>

#include "faultsim/floating.h"
#include "faultsim/rerun.h"
#include "net/dataset.h"
#include "net/normalisation.h"
#include "net/split.h"

typedef struct ef_injector ef_injector;

typedef struct ef_injector_options {
    const ef_dataset *set;
    const ef_normalisation *normalisation; /* NULL: the network takes raw values */
    ef_part images;                        /* that faults strike; not empty */
    const ef_dataset *calibration_set;     /* of the same shape; NULL: set */
    ef_part calibration; /* its images that set the ranges; not empty */
    /* activations in integers are run in integers, and weights are integers too; else
       in floats, with weights of any format */
    ef_qnet_options formats;
    ef_range_rule ranges; /* how the calibration images set them */
    int is_wide; /* faults can strike scales and batch norms in integers too: slower */
    int runs_whole;   /* the whole network again for every fault: the slow twin */
    size_t n_threads; /* 0: all; no result depends on it */
} ef_injector_options;

/* Whether the calibration images matter to activations in this format. */
int ef_injector_needs_ranges(const ef_format *activations);

/* net and what options point to are borrowed until the end.  Images are kept in batches
 * that take 200 MB at most, or of one image.
 * EF_ERR_UNSUPPORTED, EF_ERR_INPUT: what ef_ranges_create_by, ef_qnet_create,
 * ef_rerun_create and their kin of floats refuse.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_injector_create(ef_injector **injector, const ef_net *net,
                                          const ef_injector_options *options,
                                          ef_error *err);
void ef_injector_destroy(ef_injector *injector);

/* The tensors that faults can strike. */
const ef_site *ef_injector_sites(const ef_injector *injector, size_t *n);
/* Of the network that is executed, which the sites' nodes are of. */
const ef_topology *ef_injector_topology(const ef_injector *injector);
size_t ef_injector_n_images(const ef_injector *injector);
size_t ef_injector_n_classes(const ef_injector *injector);
/* Without a fault, and as the data have it, shape (n_images). */
const uint16_t *ef_injector_classes(const ef_injector *injector);
const uint16_t *ef_injector_labels(const ef_injector *injector);
/* By how much the largest logit exceeds the second without a fault, shape (n_images);
 * 0 where there is one class. */
const double *ef_injector_margins(const ef_injector *injector);
/* Places of the images in the data set, shape (n_images). */
const size_t *ef_injector_indices(const ef_injector *injector);
/* Images whose class is wrong without a fault. */
size_t ef_injector_n_errors(const ef_injector *injector);
/* "bytes", "wide", "floating": what runs the faults. */
const char *ef_injector_engine_name(const ef_injector *injector);
/* Memory for the fault-free run of a batch. */
double ef_injector_memory_bytes(const ef_injector *injector);
/* Batches that the images are struck in. */
size_t ef_injector_n_batches(const ef_injector *injector);

/* Called now and then, by one thread at a time; done is at most total. */
typedef void ef_injector_watch(void *context, double done, double total);

/* Strikes each of the faults, shape (n), by itself on all images.  to: counts (n);
 * outcomes and classes (n, n_images) or NULL; its logits are not used.  A flip's image
 * is a number below n_images.  The same for every number of threads.  watch may be
 * NULL.  EF_ERR_MEMORY: nothing of `to` counts. */
EF_NODISCARD ef_status ef_injector_strike(ef_injector *injector, const ef_fault *faults,
                                          size_t n, const ef_struck *to,
                                          ef_injector_watch *watch, void *context,
                                          ef_error *err);

#endif
