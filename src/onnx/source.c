#include "onnx/source.h"

#include <stdint.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "onnx/external.h"
#include "onnx/skeleton.h"
#include "onnx/wire.h"

#define MOST_BYTES ((size_t)INT32_MAX) /* of one protocol buffer */

struct ef_onnx_source {
    char *name;
    ef_file_map file; /* closed where the bytes are the caller's */
    const unsigned char *bytes;
    size_t size;
    ef_external external;
    int is_short; /* of memory, which protobuf-c reports like damage */
    ProtobufCAllocator allocator;
    Onnx__ModelProto *model;
};

static void *allocate(void *source, size_t size)
{
    void *memory = ef_calloc(size, 1);
    if (!memory) {
        ((ef_onnx_source *)source)->is_short = 1;
    }
    return memory;
}

static void release(void *source, void *memory)
{
    (void)source;
    ef_free(memory);
}

/* --- tensors ---------------------------------------------------------------- */

typedef ef_status tensor_function(ef_onnx_source *source, Onnx__TensorProto *tensor,
                                  ef_error *err);

/* Those whose raw data the skeleton leaves out: function of each, until one fails. */
static ef_status each_tensor(ef_onnx_source *source, tensor_function *function,
                             ef_error *err)
{
    Onnx__GraphProto *graph = source->model->graph;
    ef_status status = EF_OK;
    for (size_t i = 0; graph && i < graph->n_initializer && !status; i++) {
        status = function(source, graph->initializer[i], err);
    }
    for (size_t i = 0; graph && i < graph->n_node && !status; i++) {
        Onnx__NodeProto *node = graph->node[i];
        for (size_t k = 0; k < node->n_attribute && !status; k++) {
            if (node->attribute[k]->t) {
                status = function(source, node->attribute[k]->t, err);
            }
        }
    }
    return status;
}

/* The bytes of a mark give way to those that it stands for.  So a tensor of at least
 * as many bytes borrows them, and a shorter one owns them. */
static ef_status lend(ef_onnx_source *source, Onnx__TensorProto *tensor, ef_error *err)
{
    size_t offset, length;
    (void)err;
    if (ef_skeleton_find(tensor, &offset, &length)) {
        release(source, tensor->raw_data.data);
        tensor->raw_data.data = (uint8_t *)(uintptr_t)(source->bytes + offset);
        tensor->raw_data.len = length;
    }
    return EF_OK;
}

static ef_status take_back(ef_onnx_source *source, Onnx__TensorProto *tensor,
                           ef_error *err)
{
    (void)source;
    (void)err;
    if (tensor->raw_data.len >= EF_SKELETON_MARK) {
        tensor->raw_data.data = NULL;
    }
    return EF_OK;
}

/* Data in another file, as if they had been here. */
static ef_status lend_external(ef_onnx_source *source, Onnx__TensorProto *tensor,
                               ef_error *err)
{
    const unsigned char *bytes;
    size_t size;
    if (!ef_external_has(tensor)) {
        return EF_OK;
    }
    ef_status status = ef_external_find(&source->external, tensor, &bytes, &size, err);
    if (status) {
        return status;
    }
    uint8_t *data = (uint8_t *)(uintptr_t)bytes;
    if (size < EF_SKELETON_MARK && !(data = ef_memdup(bytes, size))) {
        return ef_error_memory(err);
    }
    take_back(source, tensor, err);
    release(source, tensor->raw_data.data);
    tensor->has_raw_data = 1;
    tensor->raw_data = (ProtobufCBinaryData){size, data};
    tensor->has_data_location = 0;
    return EF_OK;
}

/* --- the whole -------------------------------------------------------------- */

static ef_status refuse(const ef_onnx_source *source, const char *why, ef_error *err)
{
    return ef_error_at(err, EF_ERR_INPUT, (ef_place){source->name, 0, 0}, "%s", why);
}

static ef_status unpack_skeleton(ef_onnx_source *source, ef_error *err)
{
    ef_text skeleton;
    ef_text_init(&skeleton);
    ef_status status = ef_skeleton_make(&skeleton, source->bytes, source->size);
    if (!status) {
        source->model = onnx__model_proto__unpack(&source->allocator, skeleton.size,
                                                  (const uint8_t *)skeleton.bytes);
    }
    ef_text_clear(&skeleton);
    if (status == EF_ERR_MEMORY || source->is_short) {
        return ef_error_memory(err);
    }
    return source->model ? EF_OK : refuse(source, "not a readable ONNX model", err);
}

static ef_status unpack(ef_onnx_source *source, ef_error *err)
{
    if (source->size == 0) {
        return refuse(source, "the file is empty", err);
    }
    if (source->size > MOST_BYTES) {
        return refuse(source, "a model has less than 2 GiB", err);
    }
    ef_status status = ef_wire_check(&onnx__model_proto__descriptor, source->name,
                                     source->bytes, source->size, err);
    status = status ? status : unpack_skeleton(source, err);
    status = status ? status : each_tensor(source, lend, err);
    return status ? status : each_tensor(source, lend_external, err);
}

/* Takes the file over. */
static ef_status create(ef_onnx_source **source, const char *name, ef_file_map *file,
                        const void *bytes, size_t size, ef_error *err)
{
    ef_onnx_source *made = ef_calloc(1, sizeof *made);
    if (!made || !(made->name = ef_strdup(name)) ||
        ef_external_init(&made->external, made->name, file != NULL)) {
        ef_onnx_source_close(made);
        if (file) {
            ef_file_map_close(file);
        }
        return ef_error_memory(err);
    }
    if (file) {
        made->file = *file;
    }
    made->bytes = bytes;
    made->size = size;
    made->allocator = (ProtobufCAllocator){allocate, release, made};
    ef_status status = unpack(made, err);
    if (status) {
        ef_onnx_source_close(made);
        return status;
    }
    *source = made;
    return EF_OK;
}

ef_status ef_onnx_source_open(ef_onnx_source **source, const char *path, ef_error *err)
{
    ef_file_map file;
    ef_status status = ef_file_map_open(&file, path, MOST_BYTES, err);
    return status ? status : create(source, path, &file, file.bytes, file.size, err);
}

ef_status ef_onnx_source_memory(ef_onnx_source **source, const char *name,
                                const void *bytes, size_t size, ef_error *err)
{
    return create(source, name, NULL, bytes, size, err);
}

const Onnx__ModelProto *ef_onnx_source_model(const ef_onnx_source *source)
{
    return source->model;
}

void ef_onnx_source_close(ef_onnx_source *source)
{
    if (source) {
        if (source->model) {
            each_tensor(source, take_back, NULL);
            onnx__model_proto__free_unpacked(source->model, &source->allocator);
        }
        ef_external_clear(&source->external);
        ef_file_map_close(&source->file);
        ef_free(source->name);
        ef_free(source);
    }
}
