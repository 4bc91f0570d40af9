#include "onnx/wire.h"

#include <stdint.h>

typedef struct scan {
    const char *name;
    const unsigned char *bytes;
    size_t at;
    size_t n_messages, n_fields;
    ef_error *err;
} scan;

static ef_status refuse(const scan *s, const char *why)
{
    return ef_error_at(s->err, EF_ERR_INPUT, (ef_place){s->name, 0, 0},
                       "not a readable ONNX model: %s at byte %zu", why, s->at);
}

static ef_status read_varint(scan *s, size_t end, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (s->at >= end) {
            return refuse(s, "it ends too early");
        }
        unsigned char byte = s->bytes[s->at++];
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return EF_OK;
        }
    }
    return refuse(s, "a number is too long");
}

static ef_status skip(scan *s, size_t end, uint64_t length)
{
    if (length > end - s->at) {
        return refuse(s, "it ends too early");
    }
    s->at += (size_t)length;
    return EF_OK;
}

static ef_status scan_message(scan *s, const ProtobufCMessageDescriptor *type,
                              size_t end, unsigned depth);

/* A field with a length: bytes, packed numbers, or a message. */
static ef_status scan_delimited(scan *s, const ProtobufCFieldDescriptor *field,
                                size_t end, unsigned depth)
{
    uint64_t length;
    ef_status status = read_varint(s, end, &length);
    if (status) {
        return status;
    }
    if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE || length > end - s->at) {
        return skip(s, end, length);
    }
    return scan_message(s, field->descriptor, s->at + (size_t)length, depth + 1);
}

static ef_status scan_value(scan *s, unsigned wire_type,
                            const ProtobufCFieldDescriptor *field, size_t end,
                            unsigned depth)
{
    uint64_t value;
    switch (wire_type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return read_varint(s, end, &value);
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        return skip(s, end, 8);
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        return skip(s, end, 4);
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        return scan_delimited(s, field, end, depth);
    default:
        return refuse(s, "there is a field of an unknown kind");
    }
}

/* A message that may occur once and comes again; seen has a bit for each field. */
static int is_repeated_wrongly(const ProtobufCMessageDescriptor *type,
                               const ProtobufCFieldDescriptor *field, uint64_t *seen)
{
    if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE ||
        field->label == PROTOBUF_C_LABEL_REPEATED) {
        return 0;
    }
    uint64_t bit = UINT64_C(1) << ((field - type->fields) & 63);
    int is_again = (*seen & bit) != 0;
    *seen |= bit;
    return is_again;
}

static ef_status scan_message(scan *s, const ProtobufCMessageDescriptor *type,
                              size_t end, unsigned depth)
{
    uint64_t seen = 0;
    if (depth > EF_WIRE_MAX_DEPTH) {
        return refuse(s, "messages are nested too deep");
    }
    if (++s->n_messages > EF_WIRE_MAX_MESSAGES) {
        return refuse(s, "there are too many messages");
    }
    while (s->at < end) {
        uint64_t key;
        ef_status status = read_varint(s, end, &key);
        if (status) {
            return status;
        }
        if (++s->n_fields > EF_WIRE_MAX_FIELDS) {
            return refuse(s, "there are too many fields");
        }
        if (key >> 3 == 0 || key >> 3 > UINT32_MAX >> 3) {
            return refuse(s, "there is a field of an unknown kind");
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(type, (unsigned)(key >> 3));
        if (is_repeated_wrongly(type, field, &seen)) {
            return refuse(s, "a message that may occur once comes again");
        }
        status = scan_value(s, key & 7, field, end, depth);
        if (status) {
            return status;
        }
    }
    return EF_OK;
}

ef_status ef_wire_check(const ProtobufCMessageDescriptor *type, const char *name,
                        const unsigned char *bytes, size_t size, ef_error *err)
{
    scan s = {.name = name, .bytes = bytes, .err = err};
    return scan_message(&s, type, size, 0);
}
