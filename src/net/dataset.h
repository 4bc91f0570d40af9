/* Labelled images for classification, read from the formats in which they come. */
#ifndef EF_NET_DATASET_H
#define EF_NET_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

#define EF_DATASET_CHANNELS_MAX 256
#define EF_DATASET_CLASSES_MAX 65535

/* Raw values stay as the source has them; ef_normalisation turns them into inputs.
 * Images are in file order, a source's training images before its test images. */
typedef struct ef_dataset {
    char *name;         /* as --data said */
    const char *format; /* "CSV", "IDX", "CIFAR", "PPM" */
    size_t n;           /* images, at least 1 */
    size_t channels, height, width;
    unsigned char *bytes; /* raw values (n, channels, height, width), or NULL: */
    float *values;        /* the same, where they are not whole numbers in 0..255 */
    uint16_t *labels;     /* (n), each below n_classes */
    size_t n_classes;
    char **class_names; /* (n_classes), or NULL */
    uint32_t *groups; /* (n), each below n_groups: images that stay together; or NULL */
    size_t n_groups;
    double low, high;  /* the range that raw values can have */
    size_t first_test; /* images from here on are the source's own test part; n: none */
    int is_named;      /* one of the sets known by name, always taken in parts */
} ef_dataset;

/* What the user may say; texts as typed, NULL where nothing was said. */
typedef struct ef_dataset_options {
    const char *data;       /* --data: a name or a path; required */
    const char *data_dir;   /* where the project's own data lie; NULL: EF_DATA_DIR */
    const char *system_dir; /* where Debian puts data sets; NULL: /usr/share/datasets */
    const char *shape; /* "3x32x32": of a CSV row; what PPM images are resized to */
    const char *label; /* CSV: column "first", "last", a number from 1, a name */
    const char *group; /* CSV: column, as above, or "none" */
    int crop;          /* PPM: keep the region of interest only */
    size_t n_threads;  /* for PPM; 0: all */
} ef_dataset_options;

/* Reads options->data into *set, which ef_dataset_clear releases.
 * EF_ERR_USAGE: an option that does not parse or does not fit the format.
 * EF_ERR_IO: missing or unreadable.  EF_ERR_INPUT: malformed; the sentence names
 * file and line, or file and byte.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_dataset_load(ef_dataset *set,
                                       const ef_dataset_options *options,
                                       ef_error *err);
void ef_dataset_clear(ef_dataset *set);

/* Raw values per image: channels * height * width. */
size_t ef_dataset_image_size(const ef_dataset *set);

/* Of all that a result can depend on: shape, range, raw values, labels, groups and the
 * source's own test part; not of names and paths.  Equal on every machine. */
uint64_t ef_dataset_hash(const ef_dataset *set);

#endif
