#include "onnx/onnx.h"

#include <string.h>

#include "base/mem.h"

void ef_onnx_metadata_init(ef_onnx_metadata *metadata)
{
    *metadata = (ef_onnx_metadata){NULL, 0};
}

void ef_onnx_metadata_clear(ef_onnx_metadata *metadata)
{
    for (size_t i = 0; i < metadata->n; i++) {
        ef_free(metadata->entries[i].key);
        ef_free(metadata->entries[i].value);
    }
    ef_free(metadata->entries);
    ef_onnx_metadata_init(metadata);
}

static ef_onnx_entry *find(const ef_onnx_metadata *metadata, const char *key)
{
    for (size_t i = 0; i < metadata->n; i++) {
        if (strcmp(metadata->entries[i].key, key) == 0) {
            return &metadata->entries[i];
        }
    }
    return NULL;
}

static ef_status append(ef_onnx_metadata *metadata, const char *key, char *value)
{
    char *own_key = ef_strdup(key);
    ef_onnx_entry *entries =
        own_key ? ef_realloc(metadata->entries, metadata->n + 1, sizeof *entries)
                : NULL;
    if (!entries) {
        ef_free(own_key);
        return EF_ERR_MEMORY;
    }
    metadata->entries = entries;
    entries[metadata->n++] = (ef_onnx_entry){own_key, value};
    return EF_OK;
}

ef_status ef_onnx_metadata_set(ef_onnx_metadata *metadata, const char *key,
                               const char *value, ef_error *err)
{
    char *copy = ef_strdup(value);
    if (!copy) {
        return ef_error_memory(err);
    }
    ef_onnx_entry *there = find(metadata, key);
    if (there) {
        ef_free(there->value);
        there->value = copy;
        return EF_OK;
    }
    if (append(metadata, key, copy)) {
        ef_free(copy);
        return ef_error_memory(err);
    }
    return EF_OK;
}

const char *ef_onnx_metadata_get(const ef_onnx_metadata *metadata, const char *key)
{
    const ef_onnx_entry *there = find(metadata, key);
    return there ? there->value : NULL;
}
