#include "study/search_config.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/parse.h"
#include "train/train.h"

typedef enum field_type { FIELD_TEXT, FIELD_NUMBER, FIELD_REAL } field_type;

typedef struct field {
    const char *key;
    field_type type;
    size_t offset;
    uint64_t min, max; /* of a real too */
    enum {
        SILENT,
        SAID,
        HASHED
    } described; /* in the head of tables: whole, or as a
                    hash where it is a long text */
    enum {
        KEPT,
        PASSING,
        NEWER
    } kept; /* in run files: always, never, or not in those
               of before, which had the default */
} field;

#define TEXT(name, described)                                                          \
    {                                                                                  \
#name, FIELD_TEXT, offsetof(ef_search_config, name), 0, 0, described, KEPT     \
    }
#define NUMBER(name, min, max)                                                         \
    {                                                                                  \
#name, FIELD_NUMBER, offsetof(ef_search_config, name), min, max, SAID, KEPT    \
    }

#define REAL(name, min, max)                                                           \
    {                                                                                  \
#name, FIELD_REAL, offsetof(ef_search_config, name), min, max, SAID, KEPT      \
    }

#define PASSING_NAME(name)                                                             \
    {                                                                                  \
#name, FIELD_TEXT, offsetof(ef_search_config, name), 0, 0, SILENT, PASSING     \
    }
#define NEWER_NUMBER(name, min, max)                                                   \
    {                                                                                  \
#name, FIELD_NUMBER, offsetof(ef_search_config, name), min, max, SAID, NEWER   \
    }

static const field fields[] = {
    NUMBER(seed, 0, UINT64_MAX),
    TEXT(data, SILENT),
    TEXT(shape, SAID),
    TEXT(label, SAID),
    TEXT(group, SAID),
    TEXT(mean, SAID),
    TEXT(std, SAID),
    TEXT(range, SAID),
    NUMBER(crop, 0, 1),
    NUMBER(images, 0, UINT32_MAX),
    TEXT(space, SILENT),
    PASSING_NAME(space_name),
    TEXT(hardware, HASHED),
    PASSING_NAME(hardware_name),
    TEXT(constants, HASHED),
    PASSING_NAME(constants_name),
    TEXT(objectives, SAID),
    TEXT(limits, SILENT),
    TEXT(format, SAID),
    TEXT(algorithm, SAID),
    TEXT(seed_models, SAID),
    NUMBER(population, 2, 100000),
    NUMBER(children, 1, 100000),
    NUMBER(evaluations, 0, UINT32_MAX),
    NUMBER(generations, 0, UINT32_MAX),
    NUMBER(proposals, 1, 1000),
    NUMBER(start_epochs, 1, 100000),
    NUMBER(epochs, 1, 100000),
    NUMBER(batch, 1, 65536),
    REAL(rate, 0, 100),
    REAL(momentum, 0, 1),
    REAL(decay, 0, 1),
    REAL(warmup, 0, 1000),
    REAL(smoothing, 0, 1),
    NUMBER(shift, 0, 64),
    NUMBER(flip, 0, 1),
    NEWER_NUMBER(fault_count, 1, 1000000),
    NEWER_NUMBER(fault_images, 1, UINT32_MAX),
};

#define N_FIELDS (sizeof fields / sizeof *fields)

static char **text_of(const ef_search_config *config, const field *row)
{
    return (char **)(void *)((uintptr_t)config + row->offset);
}

static uint64_t *number_of(const ef_search_config *config, const field *row)
{
    return (uint64_t *)(void *)((uintptr_t)config + row->offset);
}

static double *real_of(const ef_search_config *config, const field *row)
{
    return (double *)(void *)((uintptr_t)config + row->offset);
}

/* The field's value as text; memory that is short shows in text. */
static void write_field(const ef_search_config *config, const field *row, ef_text *text)
{
    if (row->type == FIELD_TEXT) {
        ef_text_add(text, "%s", *text_of(config, row));
    } else if (row->type == FIELD_REAL) {
        ef_text_add_double(text, *real_of(config, row));
    } else {
        ef_text_add(text, "%" PRIu64, *number_of(config, row));
    }
}

static int is_said(const ef_search_config *config, const field *row)
{
    return row->type != FIELD_TEXT || *text_of(config, row);
}

void ef_search_config_init(ef_search_config *config)
{
    memset(config, 0, sizeof *config);
    config->seed = 1;
    config->population = 40;
    config->children = 40;
    config->evaluations = 400;
    config->proposals = 4;
    const ef_train_options training = EF_TRAIN_OPTIONS_SHORT;
    config->start_epochs = 2 * training.epochs;
    config->epochs = training.epochs;
    config->batch = training.batch;
    config->rate = training.rate;
    config->momentum = training.momentum;
    config->decay = training.decay;
    config->warmup = training.warmup;
    config->smoothing = training.smoothing;
    config->fault_count = 100;
    config->fault_images = 100;
}

void ef_search_config_clear(ef_search_config *config)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        if (fields[i].type == FIELD_TEXT) {
            ef_free(*text_of(config, &fields[i]));
        }
    }
    memset(config, 0, sizeof *config);
}

ef_status ef_search_config_set_text(char **text, const char *value, ef_error *err)
{
    char *copy = value ? ef_strdup(value) : NULL;
    if (value && !copy) {
        return ef_error_memory(err);
    }
    ef_free(*text);
    *text = copy;
    return EF_OK;
}

ef_status ef_search_config_store(const ef_search_config *config, ef_store *store,
                                 ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t i = 0; !status && i < N_FIELDS; i++) {
        if (fields[i].kept == PASSING || !is_said(config, &fields[i])) {
            continue;
        }
        ef_text value;
        ef_text_init(&value);
        write_field(config, &fields[i], &value);
        status = value.failed ? ef_error_memory(err)
                              : ef_store_set(store, fields[i].key,
                                             value.bytes ? value.bytes : "", err);
        ef_text_clear(&value);
    }
    return status;
}

static ef_status parse_field(ef_search_config *config, const field *row,
                             const char *value, ef_error *err)
{
    if (row->type == FIELD_REAL) {
        return ef_parse_f64(value, (double)row->min, (double)row->max,
                            real_of(config, row), err);
    }
    return ef_parse_u64(value, row->min, row->max, number_of(config, row), err);
}

static ef_status load_field(ef_search_config *config, const field *row, ef_store *store,
                            ef_error *err)
{
    ef_text value;
    ef_text_init(&value);
    ef_status status = ef_store_get(store, row->key, &value, err);
    ef_error why = {0};
    if (!status && value.size && row->type == FIELD_TEXT) {
        status = ef_search_config_set_text(text_of(config, row), value.bytes, err);
    } else if (!status && row->type != FIELD_TEXT &&
               (value.size || row->kept != NEWER) &&
               parse_field(config, row, value.size ? value.bytes : "", &why)) {
        status = ef_error_set(err, EF_ERR_INPUT, "%s: config %s: %s",
                              ef_store_path(store), row->key, why.text);
    }
    ef_text_clear(&value);
    return status;
}

ef_status ef_search_config_load(ef_search_config *config, ef_store *store,
                                ef_error *err)
{
    ef_search_config loaded;
    ef_search_config_init(&loaded);
    ef_status status = EF_OK;
    for (size_t i = 0; !status && i < N_FIELDS; i++) {
        if (fields[i].kept != PASSING) {
            status = load_field(&loaded, &fields[i], store, err);
        }
    }
    char **const names[] = {&loaded.space_name, &loaded.hardware_name,
                            &loaded.constants_name};
    for (size_t i = 0; !status && i < sizeof names / sizeof *names; i++) {
        status = ef_search_config_set_text(names[i], ef_store_path(store), err);
    }
    if (status) {
        ef_search_config_clear(&loaded);
        return status;
    }
    *config = loaded;
    return EF_OK;
}

void ef_search_config_describe(const ef_search_config *config, ef_text *text)
{
    const char *comma = "";
    for (size_t i = 0; i < N_FIELDS; i++) {
        if (!fields[i].described || !is_said(config, &fields[i])) {
            continue;
        }
        ef_text_add(text, "%s%s ", comma, fields[i].key);
        if (fields[i].described == HASHED) {
            const char *value = *text_of(config, &fields[i]);
            ef_text_add(text, "%016" PRIx64, ef_hash_bytes(0, value, strlen(value)));
        } else {
            write_field(config, &fields[i], text);
        }
        comma = ", ";
    }
}
