/* Folders of PPM images with an index, as the German Traffic Sign Recognition
 * Benchmark [1] has them: a CSV with `;` between its columns, which are found by
 * their names:
 *
 *     Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId
 *
 * [1] J. Stallkamp, M. Schlipsing, J. Salmen, C. Igel, Man vs. computer, Neural
 *     Networks 32, 2012, doi:10.1016/j.neunet.2012.02.016. */
#include <string.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/parse.h"
#include "net/dataset_priv.h"
#include "net/image_priv.h"

#define DEPTH_MAX 4 /* folders below the one that is named */
#define SIDE_DEFAULT 32

#define COLUMN_LIST(X)                                                                 \
    X(FILENAME, "Filename")                                                            \
    X(CLASS, "ClassId")                                                                \
    X(WIDTH, "Width")                                                                  \
    X(HEIGHT, "Height")                                                                \
    X(X1, "Roi.X1")                                                                    \
    X(Y1, "Roi.Y1")                                                                    \
    X(X2, "Roi.X2")                                                                    \
    X(Y2, "Roi.Y2")

enum {
#define X(column, name) COLUMN_##column,
    COLUMN_LIST(X)
#undef X
        COLUMN_COUNT
};
#define NO_NUMBER UINT32_MAX
#define N_REQUIRED                                                                     \
    2 /* the others may be missing, the last four without --crop only                  \
       */

static const char *const column_names[COLUMN_COUNT] = {
#define X(column, name) name,
    COLUMN_LIST(X)
#undef X
};

/* A row of an index. */
typedef struct entry {
    char *path;
    ef_place place;                 /* in the index */
    uint32_t numbers[COLUMN_COUNT]; /* NO_NUMBER where the column is missing */
    uint64_t group_key;
} entry;

typedef struct loader {
    ef_dataset *set;
    const ef_dataset_options *options;
    ef_folder indexes; /* paths of all that were read */
    entry *entries;
    size_t n, capacity;
    int has_tracks;
    /* of the index in hand */
    char *folder;
    size_t columns[COLUMN_COUNT]; /* position, SIZE_MAX: not there */
    size_t n_columns;             /* 0 before the row of names */
} loader;

/* --- rows of an index ------------------------------------------------------- */

static ef_status take_names(loader *load, const ef_csv_row *row, ef_error *err)
{
    load->n_columns = row->n;
    size_t n_required = load->options->crop ? COLUMN_COUNT : N_REQUIRED;
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        load->columns[c] = SIZE_MAX;
        for (size_t i = 0; i < row->n; i++) {
            if (strcmp(row->fields[i], column_names[c]) == 0) {
                load->columns[c] = i;
            }
        }
        if (load->columns[c] == SIZE_MAX && c < n_required) {
            return ef_error_at(err, EF_ERR_INPUT, row->place,
                               "expected a column %s among names separated by `;`",
                               column_names[c]);
        }
    }
    return EF_OK;
}

static ef_status take_numbers(const loader *load, entry *e, const ef_csv_row *row,
                              ef_error *err)
{
    for (size_t c = COLUMN_CLASS; c < COLUMN_COUNT; c++) {
        if (load->columns[c] == SIZE_MAX) {
            e->numbers[c] = NO_NUMBER;
            continue;
        }
        uint64_t most =
            c == COLUMN_CLASS ? EF_DATASET_CLASSES_MAX - 1 : EF_IMAGE_SIDE_MAX;
        uint64_t number = 0;
        ef_error cause = {0};
        if (ef_parse_u64(row->fields[load->columns[c]], 0, most, &number, &cause)) {
            return ef_error_at(err, EF_ERR_INPUT, row->place, "%s: %s", column_names[c],
                               cause.text);
        }
        e->numbers[c] = (uint32_t)number;
    }
    return EF_OK;
}

/* GTSRB's names are TRACK_FRAME.ppm, both of digits; the length of TRACK, else 0. */
static size_t track_length(const char *name)
{
    size_t track = strspn(name, "0123456789");
    if (track == 0 || name[track] != '_') {
        return 0;
    }
    size_t frame = strspn(name + track + 1, "0123456789");
    return frame > 0 && strcmp(name + track + 1 + frame, ".ppm") == 0 ? track : 0;
}

/* Tracks are numbered within their folder.  An image of no track is a group of one. */
static void find_track(loader *load, entry *e, const char *name)
{
    size_t length = track_length(name);
    load->has_tracks |= length > 0;
    e->group_key = ef_hash_bytes(0, load->folder, strlen(load->folder));
    e->group_key = ef_hash_bytes(e->group_key, name, length ? length : strlen(name));
}

static ef_status fill_entry(loader *load, entry *e, const ef_csv_row *row,
                            ef_error *err)
{
    const char *name = row->fields[load->columns[COLUMN_FILENAME]];
    /* The row's place borrows its file name, which ends with the reading. */
    e->place = row->place;
    e->place.file = load->indexes.names[load->indexes.n - 1];
    find_track(load, e, name);
    ef_status status = take_numbers(load, e, row, err);
    if (status) {
        return status;
    }
    e->path = ef_file_join(load->folder, name);
    if (!e->path) {
        return ef_error_memory(err);
    }
    if (!*name || !ef_file_exists(e->path)) {
        return ef_error_at(err, EF_ERR_IO, e->place,
                           "names the image %s, which is "
                           "missing",
                           e->path);
    }
    return EF_OK;
}

static ef_status on_row(void *context, const ef_csv_row *row, ef_error *err)
{
    loader *load = context;
    if (load->n_columns == 0) {
        return take_names(load, row, err);
    }
    if (row->n != load->n_columns) {
        return ef_error_at(err, EF_ERR_INPUT, row->place,
                           "%zu columns, where the names are %zu", row->n,
                           load->n_columns);
    }
    if (load->n == load->capacity) {
        size_t capacity = load->capacity ? 2 * load->capacity : 64;
        entry *entries = ef_realloc(load->entries, capacity, sizeof *entries);
        if (!entries) {
            return ef_error_memory(err);
        }
        load->entries = entries;
        load->capacity = capacity;
    }
    entry *e = &load->entries[load->n++];
    memset(e, 0, sizeof *e);
    return fill_entry(load, e, row, err);
}

static ef_status read_index(loader *load, const char *path, ef_error *err)
{
    ef_csv_handler handler = {';', on_row, NULL, load};
    ef_status status = ef_folder_add(&load->indexes, path, err);
    if (status) {
        return status;
    }
    load->n_columns = 0;
    load->folder = ef_strdup(path);
    if (!load->folder) {
        return ef_error_memory(err);
    }
    const char *name = ef_path_name(path);
    if (name == path) {
        memcpy(load->folder, ".", 2); /* a path of one letter has room for it */
    } else {
        load->folder[name - path - 1] = '\0';
    }
    status = ef_csv_read(path, &handler, err);
    ef_free(load->folder);
    load->folder = NULL;
    return status;
}

/* --- folders ---------------------------------------------------------------- */

/* GTSRB brings an index of its test images without their classes. */
static int is_index(const char *name)
{
    return ef_name_ends(name, ".csv") && !ef_name_ends(name, ".test.csv");
}

/* Indexes in path, or where it has none, in the folders below it, in sorted order:
 * read, or with load NULL only *found. */
static ef_status walk(loader *load, const char *path, size_t depth, int *found,
                      ef_error *err)
{
    ef_folder folder = {0};
    ef_status status = ef_folder_read(&folder, path, err);
    int has_index = 0;
    for (size_t i = 0; i < folder.n; i++) {
        has_index |= is_index(folder.names[i]);
    }
    *found |= has_index;
    for (size_t i = 0; !status && i < folder.n && (load || !*found); i++) {
        char *below = ef_file_join(path, folder.names[i]);
        if (!below) {
            status = ef_error_memory(err);
        } else if (has_index && is_index(folder.names[i])) {
            status = read_index(load, below, err);
        } else if (!has_index && depth < DEPTH_MAX && ef_file_is_directory(below)) {
            status = walk(load, below, depth + 1, found, err);
        }
        ef_free(below);
    }
    ef_folder_clear(&folder);
    return status;
}

/* path/name, where that is a folder; the caller owns it. */
static ef_status find_below(char **below, const char *path, const char *name,
                            ef_error *err)
{
    *below = ef_file_join(path, name);
    if (!*below) {
        return ef_error_memory(err);
    }
    if (!ef_file_is_directory(*below)) {
        ef_free(*below);
        *below = NULL;
    }
    return EF_OK;
}

static ef_status read_indexes(loader *load, const char *path, ef_error *err)
{
    char *train = NULL, *test = NULL;
    int found = 0;
    load->set->first_test = SIZE_MAX;
    if (!ef_file_is_directory(path)) {
        return read_index(load, path, err);
    }
    ef_status status = find_below(&train, path, "Final_Training", err);
    if (!status) {
        status = find_below(&test, path, "Final_Test", err);
    }
    if (!status && train && test) {
        status = walk(load, train, 1, &found, err);
        load->set->first_test = load->n;
        if (!status) {
            status = walk(load, test, 1, &found, err);
        }
    } else if (!status) {
        status = walk(load, path, 0, &found, err);
    }
    ef_free(train);
    ef_free(test);
    return status;
}

/* --- images ----------------------------------------------------------------- */

static ef_status check_entry(const loader *load, const entry *e, const ef_image *image,
                             ef_error *err)
{
    const uint32_t *n = e->numbers;
    int is_sized = n[COLUMN_WIDTH] != NO_NUMBER && n[COLUMN_HEIGHT] != NO_NUMBER;
    if (is_sized &&
        (n[COLUMN_WIDTH] != image->width || n[COLUMN_HEIGHT] != image->height)) {
        return ef_error_at(err, EF_ERR_INPUT, e->place,
                           "%ux%u pixels, where %s has %zux%zu", n[COLUMN_WIDTH],
                           n[COLUMN_HEIGHT], e->path, image->width, image->height);
    }
    if (load->options->crop &&
        (n[COLUMN_X1] >= n[COLUMN_X2] || n[COLUMN_X2] > image->width ||
         n[COLUMN_Y1] >= n[COLUMN_Y2] || n[COLUMN_Y2] > image->height)) {
        return ef_error_at(err, EF_ERR_INPUT, e->place,
                           "the region of interest %u,%u to %u,%u lies outside the "
                           "image or is empty",
                           n[COLUMN_X1], n[COLUMN_Y1], n[COLUMN_X2], n[COLUMN_Y2]);
    }
    return EF_OK;
}

static ef_status load_image(void *context, size_t index, ef_error *err)
{
    loader *load = context;
    const entry *e = &load->entries[index];
    ef_dataset *set = load->set;
    ef_image image = {0};
    ef_status status = ef_image_read_ppm(&image, e->path, err);
    if (status) {
        return status;
    }
    status = check_entry(load, e, &image, err);
    if (!status && load->options->crop) {
        ef_image_crop(&image, e->numbers[COLUMN_Y1], e->numbers[COLUMN_X1],
                      e->numbers[COLUMN_Y2], e->numbers[COLUMN_X2]);
    }
    if (!status) {
        unsigned char *planes = set->bytes + index * ef_dataset_image_size(set);
        status = ef_image_resize(&image, set->height, set->width, planes, err);
    }
    set->labels[index] = (uint16_t)e->numbers[COLUMN_CLASS];
    ef_image_clear(&image);
    return status;
}

static ef_status group_tracks(loader *load, ef_error *err)
{
    uint64_t *keys = ef_calloc(load->n, sizeof *keys);
    if (!keys) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < load->n; i++) {
        keys[i] = load->entries[i].group_key;
    }
    ef_status status = ef_dataset_group(load->set, keys, err);
    ef_free(keys);
    return status;
}

static ef_status find_shape(ef_dataset *set, const ef_dataset_options *options,
                            ef_error *err)
{
    set->channels = 3;
    set->height = set->width = SIDE_DEFAULT;
    ef_setting shape = {.text = options->shape, .option = "--shape"};
    if (!shape.text) {
        return EF_OK;
    }
    ef_status status =
        ef_setting_shape(&shape, &set->channels, &set->height, &set->width, err);
    if (!status && set->channels != 3) {
        status = ef_setting_error(&shape, err, "PPM images have 3 channels");
    }
    return status;
}

static ef_status load_all(loader *load, const char *path, ef_error *err)
{
    ef_dataset *set = load->set;
    if (load->n == 0) {
        return ef_error_set(err, EF_ERR_INPUT, "%s: holds no images", path);
    }
    ef_status status = ef_dataset_grow(set, load->n, err);
    if (!status) {
        status =
            ef_parallel_for(load->n, load->options->n_threads, load_image, load, err);
    }
    if (status) {
        return status;
    }
    set->n = load->n;
    set->first_test = set->first_test < set->n ? set->first_test : set->n;
    set->low = 0;
    set->high = 255;
    ef_dataset_count_classes(set);
    return load->has_tracks ? group_tracks(load, err) : EF_OK;
}

static ef_status load_ppm(ef_dataset *set, const char *path,
                          const ef_dataset_options *options, ef_error *err)
{
    loader load = {.set = set, .options = options};
    ef_status status = find_shape(set, options, err);
    if (!status) {
        status = read_indexes(&load, path, err);
    }
    if (!status) {
        status = load_all(&load, path, err);
    }
    for (size_t i = 0; i < load.n; i++) {
        ef_free(load.entries[i].path);
    }
    ef_free(load.entries);
    ef_folder_clear(&load.indexes);
    return status;
}

/* A file is an index when its first line says so. */
static ef_status probe_ppm(const ef_dataset_probe *probe, int *fits, ef_error *err)
{
    char line[sizeof probe->head + 1] = "";
    if (probe->is_folder) {
        return walk(NULL, probe->path, 0, fits, err);
    }
    memcpy(line, probe->head, probe->n_head);
    line[strcspn(line, "\r\n")] = '\0';
    *fits = strstr(line, column_names[COLUMN_FILENAME]) && strchr(line, ';');
    return EF_OK;
}

const ef_dataset_reader ef_dataset_ppm = {
    .format = "PPM",
    .takes_shape = 1,
    .takes_crop = 1,
    .probe = probe_ppm,
    .load = load_ppm,
};
