/* Batches of inputs from a data set. */
#ifndef EF_NET_BATCH_H
#define EF_NET_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "net/dataset.h"
#include "net/normalisation.h"

/* Random changes of a training image. */
typedef struct ef_augment {
    size_t shift; /* up to so many pixels up or down, and left or right; 0: none */
    int flip;     /* mirror left and right, every second image */
} ef_augment;

/* The images named by indices, shape (n), as inputs, shape (n, channels, height,
 * width); norm NULL: raw values as float32.  Indices are below set->n. */
void ef_batch_fill(const ef_dataset *set, const ef_normalisation *norm,
                   const size_t *indices, size_t n, float *restrict inputs);

/* The same with each image shifted and flipped at random.  Pixels that come in from
 * outside have the raw value 0.  Draws per image: vertical and horizontal shift
 * (where shift > 0), flip (where flip is set). */
void ef_batch_fill_augmented(ef_rng *rng, const ef_dataset *set,
                             const ef_normalisation *norm, const ef_augment *augment,
                             const size_t *indices, size_t n, float *restrict inputs);

/* Their labels, shape (n). */
void ef_batch_labels(const ef_dataset *set, const size_t *indices, size_t n,
                     uint16_t *restrict labels);

#endif
