#include "onnx/reader.h"

#include <stdarg.h>
#include <stdio.h>

const char *ef_reader_label(const ef_reader *reader)
{
    const Onnx__NodeProto *node = reader->node;
    if (node->name && node->name[0]) {
        return node->name;
    }
    return node->n_output > 0 ? node->output[0] : "without a name";
}

void ef_reader_refuse(ef_reader *reader, ef_status status, const char *format, ...)
{
    char text[EF_ERROR_TEXT];
    va_list arguments;
    if (reader->status) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    reader->status = ef_error_at(reader->err, status, (ef_place){reader->file, 0, 0},
                                 "node %.200s (%.40s): %s", ef_reader_label(reader),
                                 reader->node->op_type, text);
}

void ef_reader_refuse_mixing(ef_reader *reader)
{
    reader->mixes_images |= reader->status == EF_OK;
    ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                     "it does not keep the images of a batch apart");
}

void ef_reader_refuse_memory(ef_reader *reader)
{
    if (!reader->status) {
        reader->status = ef_error_memory(reader->err);
    }
}

const char *ef_reader_metadata(const ef_reader *reader, const char *key,
                               const char *name)
{
    char full[2 * EF_NAME_SIZE];
    uint32_t at;
    snprintf(full, sizeof full, "%s%s", key, name);
    if (!ef_names_find(&reader->keys, full, &at)) {
        return NULL;
    }
    const char *value = reader->model->metadata_props[at]->value;
    return value ? value : "";
}
