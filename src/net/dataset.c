#include "net/dataset.h"

#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/stream.h"
#include "net/dataset_priv.h"

#define SYSTEM_DIR "/usr/share/datasets"

/* The first one that knows a path reads it; CSV takes every file that is left. */
static const ef_dataset_reader *const readers[] = {&ef_dataset_idx, &ef_dataset_cifar,
                                                   &ef_dataset_ppm, &ef_dataset_csv};

/* Xiao, Rasul, Vollgraf, arXiv:1708.07747, table 2. */
static const char *const fashion_classes[] = {
    "T-shirt/top", "trouser", "pullover", "dress", "coat",
    "sandal",      "shirt",   "sneaker",  "bag",   "ankle boot"};

static const struct named {
    const char *name;
    int is_ours; /* below data_dir, else below system_dir */
    const char *path;
    const char *const *classes;
    size_t n_classes;
    const char *remedy;
} named_sets[] = {
    {"digits", 1, "digits.csv", NULL, 0,
     "it comes with evoflip; EVOFLIP_DATA can name its folder"},
    {"fashion", 0, "fashion-mnist", fashion_classes, 10,
     "it comes with the Debian package dataset-fashion-mnist"},
};

static const struct named *find_named(const char *name)
{
    for (size_t i = 0; i < sizeof named_sets / sizeof *named_sets; i++) {
        if (strcmp(name, named_sets[i].name) == 0) {
            return &named_sets[i];
        }
    }
    return NULL;
}

/* Where the data are; the caller owns *path. */
static ef_status locate(const struct named *named, const ef_dataset_options *options,
                        char **path, ef_error *err)
{
    if (!named) {
        *path = ef_strdup(options->data);
        return *path ? EF_OK : ef_error_memory(err);
    }
    const char *ours = options->data_dir ? options->data_dir : EF_DATA_DIR;
    const char *system = options->system_dir ? options->system_dir : SYSTEM_DIR;
    *path = ef_file_join(named->is_ours ? ours : system, named->path);
    if (!*path) {
        return ef_error_memory(err);
    }
    if (!ef_file_exists(*path)) {
        return ef_error_set(err, EF_ERR_IO, "%s: %s is missing: %s", named->name, *path,
                            named->remedy);
    }
    return EF_OK;
}

static ef_status look_at(ef_dataset_probe *probe, const char *path, ef_error *err)
{
    *probe = (ef_dataset_probe){.path = path, .name = ef_path_name(path)};
    probe->is_folder = ef_file_is_directory(path);
    if (probe->is_folder) {
        return ef_folder_read(&probe->folder, path, err);
    }
    ef_stream *stream = NULL;
    ef_status status = ef_stream_create(&stream, path, err);
    if (!status) {
        status = ef_stream_read(stream, probe->head, sizeof probe->head, &probe->n_head,
                                err);
    }
    if (!status && probe->n_head == 0) {
        status = ef_error_set(err, EF_ERR_INPUT, "%s: is empty", path);
    }
    ef_stream_destroy(stream);
    return status;
}

static ef_status choose(const ef_dataset_reader **reader, const char *path,
                        ef_error *err)
{
    ef_dataset_probe probe = {0};
    int fits = 0;
    ef_status status = look_at(&probe, path, err);
    for (size_t i = 0; !status && !fits && i < sizeof readers / sizeof *readers; i++) {
        status = readers[i]->probe(&probe, &fits, err);
        *reader = readers[i];
    }
    ef_folder_clear(&probe.folder);
    if (status || fits) {
        return status;
    }
    return ef_error_set(err, EF_ERR_INPUT,
                        "%s: holds no data set: expected IDX files, CIFAR's .bin "
                        "files, or PPM images with an index",
                        path);
}

static ef_status check_options(const ef_dataset_reader *reader,
                               const ef_dataset_options *options, ef_error *err)
{
    const struct {
        const char *name;
        int is_given, is_taken;
    } rows[] = {
        {"--label", options->label != NULL, reader->takes_columns},
        {"--group", options->group != NULL, reader->takes_columns},
        {"--shape", options->shape != NULL, reader->takes_shape},
        {"--crop", options->crop, reader->takes_crop},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].is_given && !rows[i].is_taken) {
            return ef_error_set(err, EF_ERR_USAGE,
                                "%s means nothing to %s, which is %s", rows[i].name,
                                options->data, reader->format);
        }
    }
    return EF_OK;
}

static ef_status load_path(ef_dataset *set, const char *path, const struct named *named,
                           const ef_dataset_options *options, ef_error *err)
{
    const ef_dataset_reader *reader = NULL;
    ef_status status = choose(&reader, path, err);
    if (!status) {
        status = check_options(reader, options, err);
    }
    if (!status) {
        set->format = reader->format;
        set->is_named = named != NULL;
        status = reader->load(set, path, options, err);
    }
    if (!status && named && named->classes) {
        status = ef_dataset_name_classes(set, named->classes, named->n_classes, err);
    }
    if (!status) {
        set->name = ef_strdup(options->data);
        status = set->name ? EF_OK : ef_error_memory(err);
    }
    return status;
}

ef_status ef_dataset_load(ef_dataset *set, const ef_dataset_options *options,
                          ef_error *err)
{
    const struct named *named = find_named(options->data);
    ef_dataset made = {0};
    char *path = NULL;
    ef_status status = locate(named, options, &path, err);
    if (!status) {
        status = load_path(&made, path, named, options, err);
    }
    ef_free(path);
    if (status) {
        ef_dataset_clear(&made);
        return status;
    }
    *set = made;
    return EF_OK;
}

void ef_dataset_clear(ef_dataset *set)
{
    for (size_t i = 0; set->class_names && i < set->n_classes; i++) {
        ef_free(set->class_names[i]);
    }
    ef_free(set->class_names);
    ef_free(set->name);
    ef_free(set->bytes);
    ef_free(set->values);
    ef_free(set->labels);
    ef_free(set->groups);
    memset(set, 0, sizeof *set);
}

size_t ef_dataset_image_size(const ef_dataset *set)
{
    return set->channels * set->height * set->width;
}

static uint64_t hash_double(uint64_t hash, double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return ef_hash_word(hash, bits);
}

static uint64_t hash_values(uint64_t hash, const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = 0;
        memcpy(&bits, &values[i], sizeof bits);
        hash = ef_hash_word(hash, bits);
    }
    return hash;
}

uint64_t ef_dataset_hash(const ef_dataset *set)
{
    const size_t counts[] = {set->n,     set->channels,  set->height,
                             set->width, set->n_classes, set->first_test};
    size_t n_values = set->n * ef_dataset_image_size(set);
    uint64_t hash = 0;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        hash = ef_hash_word(hash, counts[i]);
    }
    hash = hash_double(hash_double(hash, set->low), set->high);
    hash = set->bytes ? ef_hash_bytes(hash, set->bytes, n_values)
                      : hash_values(hash, set->values, n_values);
    for (size_t i = 0; i < set->n; i++) {
        uint64_t group = set->groups ? set->groups[i] + UINT64_C(1) : 0;
        hash = ef_hash_word(hash, group << 16 | set->labels[i]);
    }
    return hash;
}

/* --- for the readers -------------------------------------------------------- */

ef_status ef_dataset_grow(ef_dataset *set, size_t n, ef_error *err)
{
    unsigned char *bytes = ef_realloc(set->bytes, n, ef_dataset_image_size(set));
    if (!bytes) {
        return ef_error_memory(err);
    }
    set->bytes = bytes;
    uint16_t *labels = ef_realloc(set->labels, n, sizeof *labels);
    if (!labels) {
        return ef_error_memory(err);
    }
    set->labels = labels;
    return EF_OK;
}

void ef_dataset_count_classes(ef_dataset *set)
{
    size_t greatest = 0;
    for (size_t i = 0; i < set->n; i++) {
        greatest = set->labels[i] > greatest ? set->labels[i] : greatest;
    }
    set->n_classes = greatest + 1;
}

ef_status ef_dataset_name_classes(ef_dataset *set, const char *const *names, size_t n,
                                  ef_error *err)
{
    if (n != set->n_classes) {
        return ef_error_set(err, EF_ERR_INPUT, "%zu classes, but names for %zu",
                            set->n_classes, n);
    }
    set->class_names = ef_calloc(n, sizeof *set->class_names);
    if (!set->class_names) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        set->class_names[i] = ef_strdup(names[i]);
        if (!set->class_names[i]) {
            return ef_error_memory(err);
        }
    }
    return EF_OK;
}
