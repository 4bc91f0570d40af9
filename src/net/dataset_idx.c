/* IDX files as of MNIST and Fashion-MNIST, plain or gzip: images in a file
 * `*images*idx3*` and labels in the one that has `labels` and `idx1` in their place.
 *
 * [1] Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits,
 *     "File formats". */
#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/stream.h"
#include "net/dataset_priv.h"

/* Two zeros, the type of unsigned bytes, the number of dimensions [1]. */
#define MAGIC_IMAGES 0x00000803u
#define MAGIC_LABELS 0x00000801u
#define SIDE_MAX 65535

static uint32_t big_endian(const unsigned char bytes[4])
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
           (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The numbers behind the magic, shape (n). */
static ef_status read_header(ef_stream *stream, const char *path, uint32_t magic,
                             uint32_t *numbers, size_t n, ef_error *err)
{
    unsigned char bytes[16];
    ef_status status = ef_stream_need(stream, bytes, 4 + 4 * n, "the header", err);
    if (status) {
        return status;
    }
    if (big_endian(bytes) != magic) {
        return ef_error_at(err, EF_ERR_INPUT, (ef_place){.file = path},
                           "byte 0: expected the IDX magic 0x%08x of %s, found 0x%08x",
                           magic, magic == MAGIC_IMAGES ? "images" : "labels",
                           big_endian(bytes));
    }
    for (size_t i = 0; i < n; i++) {
        numbers[i] = big_endian(bytes + 4 + 4 * i);
    }
    return EF_OK;
}

/* Takes the shape from the first file, and holds the others to it. */
static ef_status check_shape(ef_dataset *set, const char *path,
                             const uint32_t numbers[3], ef_error *err)
{
    ef_place place = {.file = path};
    if (numbers[0] == 0) {
        return ef_error_at(err, EF_ERR_INPUT, place, "byte 4: holds no images");
    }
    if (numbers[1] == 0 || numbers[1] > SIDE_MAX || numbers[2] == 0 ||
        numbers[2] > SIDE_MAX) {
        return ef_error_at(err, EF_ERR_INPUT, place,
                           "byte 8: expected sides from 1 to %d, found %ux%u", SIDE_MAX,
                           numbers[1], numbers[2]);
    }
    if (set->n > 0 && (set->height != numbers[1] || set->width != numbers[2])) {
        return ef_error_at(err, EF_ERR_INPUT, place,
                           "byte 8: images of %ux%u, where the training images are "
                           "%zux%zu",
                           numbers[1], numbers[2], set->height, set->width);
    }
    set->channels = 1;
    set->height = numbers[1];
    set->width = numbers[2];
    return EF_OK;
}

static ef_status read_images(ef_dataset *set, ef_stream *stream, const char *path,
                             size_t *n, ef_error *err)
{
    uint32_t numbers[3] = {0};
    ef_status status = read_header(stream, path, MAGIC_IMAGES, numbers, 3, err);
    if (!status) {
        status = check_shape(set, path, numbers, err);
    }
    if (status) {
        return status;
    }
    uint64_t image = (uint64_t)numbers[1] * numbers[2]; /* below 2^32 */
    uint64_t room = ef_stream_bound(stream);
    if (numbers[0] > (room - ef_stream_offset(stream)) / image) {
        return ef_error_at(err, EF_ERR_INPUT, (ef_place){.file = path},
                           "byte 4: the header speaks of %u images of %ux%u, more "
                           "than the file can hold",
                           numbers[0], numbers[1], numbers[2]);
    }
    status = ef_dataset_grow(set, set->n + numbers[0], err);
    if (!status) {
        status = ef_stream_need(stream, set->bytes + set->n * image,
                                (size_t)(numbers[0] * image), "the images", err);
    }
    *n = numbers[0];
    return status ? status : ef_stream_end(stream, err);
}

static ef_status read_labels(ef_dataset *set, ef_stream *stream, const char *path,
                             size_t n, ef_error *err)
{
    uint32_t count = 0;
    ef_status status = read_header(stream, path, MAGIC_LABELS, &count, 1, err);
    if (status) {
        return status;
    }
    if (count != n) {
        return ef_error_at(err, EF_ERR_INPUT, (ef_place){.file = path},
                           "byte 4: %u labels, where there are %zu images", count, n);
    }
    unsigned char *bytes = ef_calloc(n, 1);
    if (!bytes) {
        return ef_error_memory(err);
    }
    status = ef_stream_need(stream, bytes, n, "the labels", err);
    for (size_t i = 0; !status && i < n; i++) {
        set->labels[set->n + i] = bytes[i];
    }
    ef_free(bytes);
    return status ? status : ef_stream_end(stream, err);
}

/* Writes `with`, of the same length as what, over its last occurrence. */
static int replace_last(char *name, const char *what, const char *with)
{
    char *found = NULL;
    for (char *at = name; (at = strstr(at, what)); at++) {
        found = at;
    }
    if (found) {
        memcpy(found, with, strlen(with));
    }
    return found != NULL;
}

/* The labels' path beside the images', gzip or not as it is there; the caller owns
 * it.  EF_ERR_USAGE for images with a name that does not tell. */
static ef_status find_labels(char **labels, const char *images, ef_error *err)
{
    size_t size = strlen(images) + 4;
    char *path = ef_calloc(size, 1);
    if (!path) {
        return ef_error_memory(err);
    }
    memcpy(path, images, strlen(images));
    char *name = path + (ef_path_name(images) - images);
    int is_told = replace_last(name, "images", "labels");
    replace_last(name, "idx3", "idx1");
    if (!is_told) {
        ef_free(path);
        return ef_error_set(err, EF_ERR_USAGE,
                            "%s: name the file of the images, as train-images-idx3-"
                            "ubyte: the labels are found by its name",
                            images);
    }
    if (!ef_file_exists(path)) {
        size_t length = strlen(path);
        if (ef_name_ends(path, ".gz")) {
            path[length - 3] = '\0';
        } else {
            memcpy(path + length, ".gz", 4);
        }
        if (!ef_file_exists(path)) {
            path[length - (ef_name_ends(images, ".gz") ? 3 : 0)] = '\0';
            ef_status status =
                ef_error_set(err, EF_ERR_IO, "%s: its labels, %s or %s.gz, are missing",
                             images, path, path);
            ef_free(path);
            return status;
        }
    }
    *labels = path;
    return EF_OK;
}

/* Appends the images of one file, and their labels. */
static ef_status add_file(ef_dataset *set, const char *images, ef_error *err)
{
    char *labels = NULL;
    ef_stream *stream = NULL;
    size_t n = 0;
    ef_status status = find_labels(&labels, images, err);
    if (!status) {
        status = ef_stream_create(&stream, images, err);
    }
    if (!status) {
        status = read_images(set, stream, images, &n, err);
    }
    ef_stream_destroy(stream);
    stream = NULL;
    if (!status) {
        status = ef_stream_create(&stream, labels, err);
    }
    if (!status) {
        status = read_labels(set, stream, labels, n, err);
    }
    ef_stream_destroy(stream);
    ef_free(labels);
    set->n += status ? 0 : n;
    return status;
}

/* --- folders ---------------------------------------------------------------- */

static int is_images(const char *name)
{
    return strstr(name, "images") != NULL && strstr(name, "idx3") != NULL;
}

/* The one name of images that holds a or b; NULL in *found where there is none. */
static ef_status find_images(const ef_folder *folder, const char *path, const char *a,
                             const char *b, const char **found, ef_error *err)
{
    *found = NULL;
    for (size_t i = 0; i < folder->n; i++) {
        const char *name = folder->names[i];
        if (!is_images(name) || !(strstr(name, a) || strstr(name, b))) {
            continue;
        }
        if (*found) {
            return ef_error_set(err, EF_ERR_INPUT,
                                "%s: holds both %s and %s: name the file that is meant",
                                path, *found, name);
        }
        *found = name;
    }
    return EF_OK;
}

static ef_status add_part(ef_dataset *set, const char *path, const char *name,
                          ef_error *err)
{
    if (!name) {
        return EF_OK;
    }
    char *file = ef_file_join(path, name);
    ef_status status = file ? add_file(set, file, err) : ef_error_memory(err);
    ef_free(file);
    return status;
}

static ef_status load_folder(ef_dataset *set, const char *path, ef_error *err)
{
    ef_folder folder = {0};
    const char *train = NULL, *test = NULL;
    ef_status status = ef_folder_read(&folder, path, err);
    if (!status) {
        status = find_images(&folder, path, "train", "train", &train, err);
    }
    if (!status) {
        status = find_images(&folder, path, "t10k", "test", &test, err);
    }
    if (!status && !train) {
        status =
            ef_error_set(err, EF_ERR_INPUT,
                         "%s: has IDX images, but no train-images-idx3-ubyte", path);
    }
    if (!status) {
        status = add_part(set, path, train, err);
    }
    set->first_test = set->n;
    if (!status) {
        status = add_part(set, path, test, err);
    }
    ef_folder_clear(&folder);
    return status;
}

/* --- the reader ------------------------------------------------------------- */

static ef_status load_idx(ef_dataset *set, const char *path,
                          const ef_dataset_options *options, ef_error *err)
{
    (void)options;
    int is_folder = ef_file_is_directory(path);
    ef_status status =
        is_folder ? load_folder(set, path, err) : add_file(set, path, err);
    if (status) {
        return status;
    }
    set->first_test = is_folder ? set->first_test : set->n;
    set->low = 0;
    set->high = 255;
    ef_dataset_count_classes(set);
    return EF_OK;
}

/* By its name also where the magic is wrong, so that the magic is what is reported. */
static ef_status probe_idx(const ef_dataset_probe *probe, int *fits, ef_error *err)
{
    static const unsigned char start[3] = {0, 0, 8};
    (void)err;
    *fits = !probe->is_folder &&
            (is_images(probe->name) ||
             (probe->n_head >= 4 && memcmp(probe->head, start, 3) == 0));
    for (size_t i = 0; i < probe->folder.n; i++) {
        *fits |= is_images(probe->folder.names[i]);
    }
    return EF_OK;
}

const ef_dataset_reader ef_dataset_idx = {
    .format = "IDX",
    .probe = probe_idx,
    .load = load_idx,
};
