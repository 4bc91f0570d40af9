/* Training, validation and test parts of a data set.
 *
 * Parts are drawn by seed: the images of each class, in an order shuffled by a stream
 * of their own, go one by one to the part that lacks most of its share.  So each
 * class, and the whole, follow the shares to within 2 images.  Where the set has
 * groups (the frames of one track), a whole group goes at once, as the class of its
 * first image; then the shares are met to within about one group.  The first image
 * or group of every class goes to training.  Same seed, same parts, on any machine. */
#ifndef EF_NET_SPLIT_H
#define EF_NET_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "net/dataset.h"

typedef enum ef_split {
    EF_SPLIT_TRAIN,
    EF_SPLIT_VAL,
    EF_SPLIT_TEST,
    EF_SPLIT_ALL,
    EF_SPLIT_COUNT
} ef_split;

/* "train", "val", "test", "all": for ef_parse_choice on --split. */
extern const char *const ef_split_names[EF_SPLIT_COUNT];

/* Images of a data set, as indices in file order; borrowed from ef_parts. */
typedef struct ef_part {
    const size_t *indices; /* (n) */
    size_t n;
} ef_part;

typedef struct ef_split_options {
    uint64_t seed;
    double val_share;  /* of the images that are split; below 0: the default */
    double test_share; /* the same; unused where the source has its own test part */
} ef_split_options;

/* Seed 1 and default shares: 0.2 for validation and 0.2 for test; where the source
 * has its own test part, 0.1 of its training images for validation. */
#define EF_SPLIT_DEFAULT ((ef_split_options){1, -1.0, -1.0})

typedef struct ef_parts ef_parts;

/* EF_ERR_USAGE: shares outside [0, 1) or summing to 1 and more.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_parts_create(ef_parts **parts, const ef_dataset *set,
                                       const ef_split_options *options, ef_error *err);
void ef_parts_destroy(ef_parts *parts);

/* The first limit images of a part (--images); limit 0: all of it. */
ef_part ef_parts_get(const ef_parts *parts, ef_split split, size_t limit);

/* What --split means where it was not said: `test` for named sets and sources with
 * their own test part, `all` for files without parts. */
ef_split ef_split_default(const ef_dataset *set);

/* Training needs images of at least two classes in the training part and at least
 * one image in the validation part; EF_ERR_INPUT where not.  Loading and scoring do
 * without. */
EF_NODISCARD ef_status ef_parts_check_training(const ef_parts *parts,
                                               const ef_dataset *set, ef_error *err);

/* A few lines for people: images, shape, value range, classes, and a table of how
 * many images of each class are in each part.  Parts may be NULL. */
void ef_dataset_summary(const ef_dataset *set, const ef_parts *parts, ef_text *text);

#endif
