/* CIFAR-10 and CIFAR-100 in their binary version: records of one label byte (two in
 * CIFAR-100, of which the second, the fine one, counts) and 3072 bytes of an image,
 * 32 rows of red, of green, of blue.
 *
 * [1] A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009;
 *     "Binary version" of its page. */
#include <sys/stat.h>
#include <string.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/stream.h"
#include "net/dataset_priv.h"

#define IMAGE 3072

typedef struct kind {
    const char *name;
    size_t n_labels; /* bytes before an image; the last one counts */
    size_t n_classes;
    const char *names; /* the file of class names, one a line */
} kind;

static const kind kinds[] = {{"CIFAR-10", 1, 10, "batches.meta.txt"},
                             {"CIFAR-100", 2, 100, "fine_label_names.txt"}};

static size_t record_size(const kind *k)
{
    return k->n_labels + IMAGE;
}

/* By the size; where that fits both or none, by the names that CIFAR-100 uses. */
static const kind *find_kind(const char *name, uint64_t size)
{
    int fits[2];
    for (size_t i = 0; i < 2; i++) {
        fits[i] = size > 0 && size % record_size(&kinds[i]) == 0;
    }
    int says_100 = strcmp(name, "train.bin") == 0 || strcmp(name, "test.bin") == 0;
    return &kinds[fits[0] == fits[1] ? says_100 : fits[1]];
}

static ef_status check_labels(const unsigned char *labels, const kind *k,
                              const char *path, uint64_t offset, ef_error *err)
{
    static const unsigned n_coarse = 20;
    for (size_t i = 0; i < k->n_labels; i++) {
        unsigned limit = i + 1 < k->n_labels ? n_coarse : (unsigned)k->n_classes;
        if (labels[i] >= limit) {
            return ef_error_at(err, EF_ERR_INPUT, (ef_place){.file = path},
                               "byte %llu: expected a %s label from 0 to %u, found %u",
                               (unsigned long long)(offset + i), k->name, limit - 1,
                               labels[i]);
        }
    }
    return EF_OK;
}

static ef_status read_records(ef_dataset *set, ef_stream *stream, const char *path,
                              const kind *k, size_t n, ef_error *err)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char labels[2] = {0, 0};
        uint64_t offset = ef_stream_offset(stream);
        ef_status status = ef_stream_need(stream, labels, k->n_labels, "a label", err);
        if (!status) {
            status = check_labels(labels, k, path, offset, err);
        }
        if (!status) {
            status = ef_stream_need(stream, set->bytes + set->n * IMAGE, IMAGE,
                                    "an image", err);
        }
        if (status) {
            return status;
        }
        set->labels[set->n++] = labels[k->n_labels - 1];
    }
    return ef_stream_end(stream, err);
}

static ef_status file_size(const char *path, uint64_t *size, ef_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return ef_error_io(err, path, "cannot be opened");
    }
    *size = (uint64_t)info.st_size;
    return EF_OK;
}

/* Appends the records of a file; *used is its kind, and where it is set already,
 * the one that is expected. */
static ef_status add_file(ef_dataset *set, const char *path, const kind **used,
                          ef_error *err)
{
    uint64_t size = 0;
    ef_status status = file_size(path, &size, err);
    if (status) {
        return status;
    }
    const kind *k = *used ? *used : find_kind(ef_path_name(path), size);
    if (size == 0 || size % record_size(k) != 0) {
        return ef_error_at(err, EF_ERR_INPUT, (ef_place){.file = path},
                           "expected whole records of %zu bytes (%s), found %llu bytes "
                           "behind the last",
                           record_size(k), k->name,
                           (unsigned long long)(size % record_size(k)));
    }
    size_t n = (size_t)(size / record_size(k));
    ef_stream *stream = NULL;
    *used = k;
    set->n_classes = k->n_classes;
    status = ef_dataset_grow(set, set->n + n, err);
    if (!status) {
        status = ef_stream_create(&stream, path, err);
    }
    if (!status) {
        status = read_records(set, stream, path, k, n, err);
    }
    ef_stream_destroy(stream);
    return status;
}

/* --- folders ---------------------------------------------------------------- */

static int is_training(const char *name)
{
    return (ef_name_starts(name, "data_batch_") && ef_name_ends(name, ".bin")) ||
           strcmp(name, "train.bin") == 0;
}

static int is_test(const char *name)
{
    return strcmp(name, "test_batch.bin") == 0 || strcmp(name, "test.bin") == 0;
}

static ef_status add_named(ef_dataset *set, const char *path, const ef_folder *folder,
                           int (*is_wanted)(const char *), const kind **used,
                           ef_error *err)
{
    for (size_t i = 0; i < folder->n; i++) {
        if (!is_wanted(folder->names[i])) {
            continue;
        }
        char *file = ef_file_join(path, folder->names[i]);
        ef_status status = file ? add_file(set, file, used, err) : ef_error_memory(err);
        ef_free(file);
        if (status) {
            return status;
        }
    }
    return EF_OK;
}

static ef_status load_folder(ef_dataset *set, const char *path, const kind **used,
                             ef_error *err)
{
    ef_folder folder = {0};
    ef_status status = ef_folder_read(&folder, path, err);
    if (!status) {
        status = add_named(set, path, &folder, is_training, used, err);
    }
    if (!status && set->n == 0) {
        status =
            ef_error_set(err, EF_ERR_INPUT,
                         "%s: has CIFAR's test images, but no training images", path);
    }
    set->first_test = set->n;
    if (!status) {
        status = add_named(set, path, &folder, is_test, used, err);
    }
    ef_folder_clear(&folder);
    return status;
}

/* --- class names ------------------------------------------------------------ */

typedef struct name_list {
    const char *names[100];
    char *texts[100];
    size_t n;
} name_list;

static ef_status take_name(void *context, const ef_csv_row *row, ef_error *err)
{
    name_list *list = context;
    if (list->n == 100) {
        return ef_error_at(err, EF_ERR_INPUT, row->place, "more than 100 class names");
    }
    char *text = ef_strdup(row->fields[0]);
    if (!text) {
        return ef_error_memory(err);
    }
    list->texts[list->n] = text;
    list->names[list->n++] = text;
    return EF_OK;
}

/* From the file beside the records, where it is there. */
static ef_status name_classes(ef_dataset *set, const char *folder, const kind *k,
                              ef_error *err)
{
    name_list list = {.n = 0};
    ef_csv_handler handler = {0, take_name, NULL, &list};
    char *path = ef_file_join(folder, k->names);
    if (!path) {
        return ef_error_memory(err);
    }
    ef_status status = EF_OK;
    if (ef_file_exists(path)) {
        status = ef_csv_read(path, &handler, err);
        if (!status) {
            status = ef_dataset_name_classes(set, list.names, list.n, err);
        }
    }
    for (size_t i = 0; i < list.n; i++) {
        ef_free(list.texts[i]);
    }
    ef_free(path);
    return status;
}

/* --- the reader ------------------------------------------------------------- */

static ef_status load_cifar(ef_dataset *set, const char *path,
                            const ef_dataset_options *options, ef_error *err)
{
    (void)options;
    const kind *used = NULL;
    set->channels = 3;
    set->height = set->width = 32;
    set->low = 0;
    set->high = 255;
    if (ef_file_is_directory(path)) {
        ef_status status = load_folder(set, path, &used, err);
        return status ? status : name_classes(set, path, used, err);
    }
    ef_status status = add_file(set, path, &used, err);
    set->first_test = set->n;
    return status;
}

static ef_status probe_cifar(const ef_dataset_probe *probe, int *fits, ef_error *err)
{
    (void)err;
    *fits = !probe->is_folder && ef_name_ends(probe->name, ".bin");
    for (size_t i = 0; i < probe->folder.n; i++) {
        const char *name = probe->folder.names[i];
        *fits |= is_training(name) || is_test(name);
    }
    return EF_OK;
}

const ef_dataset_reader ef_dataset_cifar = {
    .format = "CIFAR",
    .probe = probe_cifar,
    .load = load_cifar,
};
