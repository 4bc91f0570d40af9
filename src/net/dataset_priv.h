/* What the readers of data sets share: one file and one row of a table per format. */
#ifndef EF_NET_DATASET_PRIV_H
#define EF_NET_DATASET_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "net/dataset.h"

/* A list of names. */
typedef struct ef_folder {
    char **names; /* (n) */
    size_t n, capacity;
} ef_folder;

/* What a reader sees of a path before it is chosen. */
typedef struct ef_dataset_probe {
    const char *path;
    const char *name; /* the last part of path */
    int is_folder;
    ef_folder folder;        /* what is in it */
    unsigned char head[256]; /* first bytes of a file, gunzipped */
    size_t n_head;
} ef_dataset_probe;

typedef struct ef_dataset_reader {
    const char *format;
    int takes_columns; /* --label and --group mean something */
    int takes_shape;   /* --shape */
    int takes_crop;    /* --crop */
    /* Whether the path is this reader's; fails only where a disk or memory does. */
    ef_status (*probe)(const ef_dataset_probe *probe, int *fits, ef_error *err);
    /* Fills a zeroed set; on failure the caller clears what is there. */
    ef_status (*load)(ef_dataset *set, const char *path,
                      const ef_dataset_options *options, ef_error *err);
} ef_dataset_reader;

extern const ef_dataset_reader ef_dataset_csv, ef_dataset_idx, ef_dataset_cifar,
    ef_dataset_ppm;

/* Room for n images of bytes in all, with the shape that set has; what was there
 * stays.  EF_ERR_MEMORY, also where the size overflows. */
EF_NODISCARD ef_status ef_dataset_grow(ef_dataset *set, size_t n, ef_error *err);

/* n_classes by the greatest label. */
void ef_dataset_count_classes(ef_dataset *set);

/* Copies of n names that go with the classes. */
EF_NODISCARD ef_status ef_dataset_name_classes(ef_dataset *set,
                                               const char *const *names, size_t n,
                                               ef_error *err);

/* Groups from one key per image, shape (n), equal for images of one group; numbered
 * by first appearance. */
EF_NODISCARD ef_status ef_dataset_group(ef_dataset *set, const uint64_t *keys,
                                        ef_error *err);

/* A setting as the user typed it, with the option or the place where it stands. */
typedef struct ef_setting {
    const char *text;   /* NULL: not given */
    const char *option; /* "--shape"; NULL: from the file, at place */
    ef_place place;
} ef_setting;

/* EF_ERR_USAGE for an option, EF_ERR_INPUT for a file. */
ef_status ef_setting_error(const ef_setting *setting, ef_error *err, const char *format,
                           ...) EF_PRINTF(3, 4);

/* "3x32x32", or "8x8" for one channel. */
EF_NODISCARD ef_status ef_setting_shape(const ef_setting *setting, size_t *channels,
                                        size_t *height, size_t *width, ef_error *err);

/* "0..16", low below high. */
EF_NODISCARD ef_status ef_setting_range(const ef_setting *setting, double *low,
                                        double *high, ef_error *err);

/* The names in a folder, sorted by their bytes; hidden ones left out.  EF_ERR_IO. */
EF_NODISCARD ef_status ef_folder_read(ef_folder *folder, const char *path,
                                      ef_error *err);
EF_NODISCARD ef_status ef_folder_add(ef_folder *folder, const char *name,
                                     ef_error *err);
void ef_folder_clear(ef_folder *folder);

/* The last part of a path. */
const char *ef_path_name(const char *path);
int ef_name_starts(const char *name, const char *start);
int ef_name_ends(const char *name, const char *end);

#endif
