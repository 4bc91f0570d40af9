#include "onnx/skeleton.h"

#include <stdint.h>

typedef struct copy {
    const unsigned char *from;
    size_t at;
    ef_text *to;
} copy;

/* The way to the raw data: a field of a message, and what it holds. */
typedef struct door {
    const ProtobufCMessageDescriptor *type;
    unsigned field;
    const ProtobufCMessageDescriptor *inside; /* NULL: raw data */
} door;

static const door doors[] = {
    {&onnx__model_proto__descriptor, 7, &onnx__graph_proto__descriptor},
    {&onnx__graph_proto__descriptor, 1, &onnx__node_proto__descriptor},
    {&onnx__graph_proto__descriptor, 5, &onnx__tensor_proto__descriptor},
    {&onnx__node_proto__descriptor, 5, &onnx__attribute_proto__descriptor},
    {&onnx__attribute_proto__descriptor, 5, &onnx__tensor_proto__descriptor},
    {&onnx__tensor_proto__descriptor, 9, NULL},
};

static const door *find_door(const ProtobufCMessageDescriptor *type, uint64_t key)
{
    for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++) {
        uint64_t wanted = doors[i].field << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
        if (doors[i].type == type && wanted == key) {
            return &doors[i];
        }
    }
    return NULL;
}

static int read_varint(copy *c, size_t end, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && c->at < end; shift += 7) {
        unsigned char byte = c->from[c->at++];
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return 1;
        }
    }
    return 0;
}

static int skip(copy *c, size_t end, uint64_t length)
{
    if (length > end - c->at) {
        return 0;
    }
    c->at += (size_t)length;
    return 1;
}

static int skip_value(copy *c, size_t end, unsigned wire_type)
{
    uint64_t value;
    switch (wire_type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return read_varint(c, end, &value);
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        return skip(c, end, 8);
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        return skip(c, end, 4);
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        return read_varint(c, end, &value) && skip(c, end, value);
    default:
        return 0;
    }
}

/* A length in as many bytes as there were, though fewer would do: so that nothing
 * moves, and the lengths around it stay as wide as they are. */
static void write_length(copy *c, size_t place, size_t n_bytes, size_t length)
{
    for (size_t i = 0; i < n_bytes && !c->to->failed; i++, length >>= 7) {
        unsigned more = i + 1 < n_bytes ? 0x80 : 0;
        c->to->bytes[place + i] = (char)((length & 0x7f) | more);
    }
}

static void write_mark(copy *c, size_t offset, size_t length)
{
    unsigned char mark[EF_SKELETON_MARK];
    for (size_t i = 0; i < 4; i++) {
        mark[i] = (unsigned char)(offset >> 8 * i);
        mark[4 + i] = (unsigned char)(length >> 8 * i);
    }
    ef_text_add_bytes(c->to, mark, sizeof mark);
}

static int copy_message(copy *c, const ProtobufCMessageDescriptor *type, size_t end);

/* The value of a field that leads to raw data, or is some. */
static int copy_inside(copy *c, const door *through, size_t end)
{
    uint64_t length;
    size_t start = c->at, place = c->to->size;
    if (!read_varint(c, end, &length) || length > end - c->at) {
        return 0;
    }
    size_t n_bytes = c->at - start, last = c->at + (size_t)length;
    ef_text_add_bytes(c->to, c->from + start, n_bytes);
    if (through->inside) {
        if (!copy_message(c, through->inside, last)) {
            return 0;
        }
    } else if (length < EF_SKELETON_MARK) {
        ef_text_add_bytes(c->to, c->from + c->at, (size_t)length);
    } else {
        write_mark(c, c->at, (size_t)length);
    }
    c->at = last;
    write_length(c, place, n_bytes, c->to->size - place - n_bytes);
    return 1;
}

/* No deeper than the doors lead. */
static int copy_message(copy *c, const ProtobufCMessageDescriptor *type, size_t end)
{
    int is_good = 1;
    while (c->at < end && is_good && !c->to->failed) {
        uint64_t key;
        size_t start = c->at;
        if (!read_varint(c, end, &key)) {
            return 0;
        }
        const door *through = find_door(type, key);
        if (!through) {
            is_good = skip_value(c, end, key & 7);
        }
        ef_text_add_bytes(c->to, c->from + start, c->at - start);
        if (through) {
            is_good = copy_inside(c, through, end);
        }
    }
    return is_good;
}

ef_status ef_skeleton_make(ef_text *skeleton, const unsigned char *bytes, size_t size)
{
    copy c = {.from = bytes, .to = skeleton};
    int is_good = copy_message(&c, &onnx__model_proto__descriptor, size);
    if (skeleton->failed) {
        return EF_ERR_MEMORY;
    }
    return is_good ? EF_OK : EF_ERR_INPUT;
}

int ef_skeleton_find(const Onnx__TensorProto *tensor, size_t *offset, size_t *length)
{
    const unsigned char *mark = tensor->raw_data.data;
    if (!tensor->has_raw_data || tensor->raw_data.len != EF_SKELETON_MARK) {
        return 0;
    }
    *offset = *length = 0;
    for (size_t i = 0; i < 4; i++) {
        *offset |= (size_t)mark[i] << 8 * i;
        *length |= (size_t)mark[4 + i] << 8 * i;
    }
    return 1;
}
