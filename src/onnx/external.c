#include "onnx/external.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "onnx/constant.h"

/* What external_data says of a tensor. */
typedef struct extent {
    const char *location;
    uint64_t offset, length;
} extent;

/* --- the object ------------------------------------------------------------- */

/* The folder of a path. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    char *folder = slash == path ? ef_strdup("/")
                   : slash       ? ef_strdup(path)
                                 : ef_strdup(".");
    if (folder && length > 0) {
        folder[length] = '\0';
    }
    return folder;
}

ef_status ef_external_init(ef_external *external, const char *model, int is_file)
{
    *external = (ef_external){.model = model};
    if (is_file) {
        external->folder = folder_of(model);
        return external->folder ? EF_OK : EF_ERR_MEMORY;
    }
    return EF_OK;
}

void ef_external_clear(ef_external *external)
{
    for (size_t i = 0; i < external->n_maps; i++) {
        ef_file_map_close(&external->maps[i]);
    }
    ef_free(external->maps);
    ef_names_clear(&external->names);
    ef_free(external->folder);
    memset(external, 0, sizeof *external);
}

/* --- what a tensor asks for ------------------------------------------------- */

int ef_external_has(const Onnx__TensorProto *tensor)
{
    return tensor->has_data_location &&
           tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

/* Bytes of a tensor by its dimensions; 0 returned where these make no sense. */
static int tensor_size(const Onnx__TensorProto *tensor, uint64_t *size)
{
    int is_good = 1;
    *size = ef_constant_type_bits(tensor->data_type) / 8;
    for (size_t i = 0; i < tensor->n_dims && is_good; i++) {
        uint64_t dim = (uint64_t)tensor->dims[i];
        is_good =
            tensor->dims[i] >= 0 && (dim == 0 || *size <= (uint64_t)INT64_MAX / dim);
        *size *= dim;
    }
    return is_good;
}

static ef_status refuse(const ef_external *external, ef_status status,
                        const Onnx__TensorProto *tensor, const char *why, ef_error *err)
{
    return ef_error_at(err, status, (ef_place){external->model, 0, 0},
                       "constant %.200s: %s", tensor->name ? tensor->name : "", why);
}

/* The entries of external_data; a checksum, which may be absent, is not looked at. */
static ef_status read_entries(const Onnx__TensorProto *tensor, extent *e, ef_error *why)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < tensor->n_external_data && !status; i++) {
        const Onnx__StringStringEntryProto *entry = tensor->external_data[i];
        const char *key = entry->key ? entry->key : "";
        const char *value = entry->value ? entry->value : "";
        if (strcmp(key, "location") == 0) {
            e->location = value;
        } else if (strcmp(key, "offset") == 0) {
            status = ef_parse_u64(value, 0, INT64_MAX, &e->offset, why);
        } else if (strcmp(key, "length") == 0) {
            status = ef_parse_u64(value, 0, INT64_MAX, &e->length, why);
        }
    }
    if (!status && (!e->location || e->location[0] == '\0')) {
        status = ef_error_set(why, EF_ERR_INPUT, "its external data have no location");
    }
    return status;
}

static ef_status read_extent(const ef_external *external,
                             const Onnx__TensorProto *tensor, extent *e, ef_error *err)
{
    ef_error why = {0};
    uint64_t size;
    if (!external->folder) {
        return refuse(external, EF_ERR_UNSUPPORTED, tensor,
                      "it lies in a file of its own, and the model in none", err);
    }
    if (ef_constant_type_bits(tensor->data_type) == 0) {
        return refuse(external, EF_ERR_UNSUPPORTED, tensor,
                      "it lies in a file of its own, and its data type is unknown here",
                      err);
    }
    if (!tensor_size(tensor, &size)) {
        return refuse(external, EF_ERR_INPUT, tensor, "its dimensions make no sense",
                      err);
    }
    *e = (extent){.length = size};
    ef_status status = read_entries(tensor, e, &why);
    if (!status && e->length != size) {
        status = ef_error_set(&why, EF_ERR_INPUT,
                              "its external data have %llu bytes, it has %llu",
                              (unsigned long long)e->length, (unsigned long long)size);
    }
    return status ? refuse(external, status, tensor, why.text, err) : EF_OK;
}

/* --- files ------------------------------------------------------------------ */

/* Room for one more map; the names come with the first. */
static ef_status make_room(ef_external *external, ef_error *why)
{
    if (external->n_maps == EF_EXTERNAL_MAX_FILES) {
        return ef_error_set(why, EF_ERR_UNSUPPORTED, "there are more than %d files",
                            EF_EXTERNAL_MAX_FILES);
    }
    if (!external->names.keys &&
        ef_names_init(&external->names, EF_EXTERNAL_MAX_FILES)) {
        return ef_error_memory(why);
    }
    if (external->n_maps == external->capacity) {
        size_t wanted = 2 * external->capacity + 4;
        ef_file_map *maps = ef_realloc(external->maps, wanted, sizeof *maps);
        if (!maps) {
            return ef_error_memory(why);
        }
        external->maps = maps;
        external->capacity = wanted;
    }
    return EF_OK;
}

static ef_status open_file(ef_external *external, const char *location,
                           const ef_file_map **map, ef_error *why)
{
    uint32_t index;
    if (external->n_maps > 0 && ef_names_find(&external->names, location, &index)) {
        *map = &external->maps[index];
        return EF_OK;
    }
    ef_status status = make_room(external, why);
    if (!status) {
        status = ef_file_map_below(&external->maps[external->n_maps], external->folder,
                                   location, why);
    }
    if (!status) {
        ef_names_put(&external->names, location, (uint32_t)external->n_maps);
        *map = &external->maps[external->n_maps++];
    }
    return status;
}

ef_status ef_external_find(ef_external *external, const Onnx__TensorProto *tensor,
                           const unsigned char **bytes, size_t *size, ef_error *err)
{
    extent e;
    ef_error why = {0};
    const ef_file_map *map = NULL;
    ef_status status = read_extent(external, tensor, &e, err);
    if (status) {
        return status;
    }
    status = open_file(external, e.location, &map, &why);
    if (!status && (e.offset > map->size || e.length > map->size - e.offset)) {
        status = ef_error_set(&why, EF_ERR_INPUT,
                              "%.300s: ends at byte %zu, it needs %llu bytes from byte "
                              "%llu on",
                              e.location, map->size, (unsigned long long)e.length,
                              (unsigned long long)e.offset);
    }
    if (status) {
        return status == EF_ERR_MEMORY
                   ? ef_error_memory(err)
                   : refuse(external, status, tensor, why.text, err);
    }
    *bytes = map->bytes + e.offset;
    *size = (size_t)e.length;
    return EF_OK;
}
