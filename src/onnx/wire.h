/* A look over the bytes of a protocol buffer before they are unpacked.
 *
 * protobuf-c unpacks by recursion and allocates for every message: 30 kB of nested
 * messages overflow its stack, 10 MB of empty ones become 750 MB, and many copies of
 * a message that should occur once are merged in quadratic time. */
#ifndef EF_ONNX_WIRE_H
#define EF_ONNX_WIRE_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "base/status.h"

#define EF_WIRE_MAX_DEPTH 64
#define EF_WIRE_MAX_MESSAGES (1 << 18)
#define EF_WIRE_MAX_FIELDS (1 << 20)

/* Whether size bytes are one message of this type, within the bounds above.
 * EF_ERR_INPUT, with name and the position of the byte, where not. */
EF_NODISCARD ef_status ef_wire_check(const ProtobufCMessageDescriptor *type,
                                     const char *name, const unsigned char *bytes,
                                     size_t size, ef_error *err);

#endif
