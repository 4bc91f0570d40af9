/* The bytes of a model and what is unpacked of them: weights are there once, where they
 * lie in their file, until they are copied into a network.
 *
 * Beside what is mapped, a source of n bytes takes at most 12 n and 256 MiB of memory:
 * packed integers become 8 bytes for one, and ef_wire_check bounds the rest. */
#ifndef EF_ONNX_SOURCE_H
#define EF_ONNX_SOURCE_H

#include <stddef.h>

#include "base/status.h"
#include "onnx/onnx.pb-c.h"

typedef struct ef_onnx_source ef_onnx_source;

/* A file: mapped where it is regular, else read, at most 2^31 - 1 bytes.
 * EF_ERR_IO: it, or a file with data of its tensors, is missing or unreadable.
 * EF_ERR_INPUT: no ONNX model, damaged, nested or split beyond reason, tensors whose
 * data lie outside the model's folder or are not what their dimensions say.
 * EF_ERR_UNSUPPORTED: data in too many files.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_onnx_source_open(ef_onnx_source **source, const char *path,
                                           ef_error *err);

/* The same of bytes that are borrowed until the source is closed; name stands in for
 * the path in errors.  EF_ERR_UNSUPPORTED: tensors with data in files. */
EF_NODISCARD ef_status ef_onnx_source_memory(ef_onnx_source **source, const char *name,
                                             const void *bytes, size_t size,
                                             ef_error *err);

/* Good until the source is closed.  The raw data of initialisers and of tensors that
 * are attributes of the graph's nodes are the file's, at any alignment, and external
 * ones look like all others.  Tensors elsewhere (of graphs inside nodes) are as they
 * were unpacked, external ones without data. */
const Onnx__ModelProto *ef_onnx_source_model(const ef_onnx_source *source);

void ef_onnx_source_close(ef_onnx_source *source);

#endif
