/* Attributes of the node in hand. */
#include <string.h>

#include "onnx/reader.h"

static const Onnx__AttributeProto *find(const ef_reader *reader, const char *name)
{
    const Onnx__NodeProto *node = reader->node;
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (node->attribute[i]->name && strcmp(node->attribute[i]->name, name) == 0) {
            return node->attribute[i];
        }
    }
    return NULL;
}

static void refuse(ef_reader *reader, const char *name)
{
    ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                     "attribute %s has a value that is not supported", name);
}

int ef_reader_has(const ef_reader *reader, const char *name)
{
    return find(reader, name) != NULL;
}

int64_t ef_reader_int(ef_reader *reader, const char *name, int64_t otherwise)
{
    const Onnx__AttributeProto *attribute = find(reader, name);
    if (attribute && !attribute->has_i) {
        refuse(reader, name);
    }
    return attribute && attribute->has_i ? attribute->i : otherwise;
}

uint32_t ef_reader_uint(ef_reader *reader, const char *name, uint32_t otherwise,
                        uint32_t least, uint32_t most)
{
    int64_t value = ef_reader_int(reader, name, otherwise);
    if (value < least || value > most) {
        refuse(reader, name);
        return otherwise;
    }
    return (uint32_t)value;
}

float ef_reader_float(ef_reader *reader, const char *name, float otherwise)
{
    const Onnx__AttributeProto *attribute = find(reader, name);
    if (attribute && !attribute->has_f) {
        refuse(reader, name);
    }
    return attribute && attribute->has_f ? attribute->f : otherwise;
}

size_t ef_reader_ints(ef_reader *reader, const char *name, int64_t *values, size_t most)
{
    const Onnx__AttributeProto *attribute = find(reader, name);
    if (!attribute) {
        return 0;
    }
    if (attribute->n_ints > most) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "attribute %s has %zu values, supported are %zu", name,
                         attribute->n_ints, most);
        return 0;
    }
    for (size_t i = 0; i < attribute->n_ints; i++) {
        values[i] = attribute->ints[i];
    }
    return attribute->n_ints;
}

size_t ef_reader_float_list(ef_reader *reader, const char *name, float *values,
                            size_t most)
{
    const Onnx__AttributeProto *attribute = find(reader, name);
    size_t n = attribute ? attribute->n_floats : 0;
    if (n > most) {
        refuse(reader, name);
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = attribute->floats[i];
    }
    return n;
}

void ef_reader_uints(ef_reader *reader, const char *name, uint32_t *values, size_t n)
{
    const Onnx__AttributeProto *attribute = find(reader, name);
    if (!attribute) {
        return;
    }
    if (attribute->n_ints != n) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "attribute %s has %zu values instead of %zu", name,
                         attribute->n_ints, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (attribute->ints[i] < 0 || attribute->ints[i] > EF_MAX_ELEMENTS) {
            refuse(reader, name);
            return;
        }
        values[i] = (uint32_t)attribute->ints[i];
    }
}

size_t ef_reader_word(ef_reader *reader, const char *name, const char *const *words)
{
    const Onnx__AttributeProto *attribute = find(reader, name);
    if (!attribute) {
        return 0;
    }
    for (size_t i = 0; attribute->has_s && words[i]; i++) {
        if (attribute->s.len == strlen(words[i]) &&
            memcmp(attribute->s.data, words[i], attribute->s.len) == 0) {
            return i;
        }
    }
    ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                     "%s '%.*s' is not supported, '%s' would be", name,
                     (int)(attribute->s.len < 40 ? attribute->s.len : 40),
                     attribute->has_s ? (const char *)attribute->s.data : "", words[0]);
    return 0;
}
