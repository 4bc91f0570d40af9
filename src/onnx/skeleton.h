/* A model without the bytes of its weights: what protobuf-c unpacks in their place. */
#ifndef EF_ONNX_SKELETON_H
#define EF_ONNX_SKELETON_H

#include <stddef.h>

#include "base/text.h"
#include "onnx/onnx.pb-c.h"

/* Raw data shorter than this stay in the skeleton; longer ones leave there so many
 * bytes that say where they lie. */
#define EF_SKELETON_MARK 8

/* The message of a model of size bytes, below 4 GiB, in which the raw data of
 * initialisers and of tensors that are attributes of the graph's nodes are replaced by
 * marks.  Never longer than the model.  The model has passed ef_wire_check.
 * EF_ERR_INPUT: it is damaged all the same.  EF_ERR_MEMORY.  Linear in the number of
 * fields. */
EF_NODISCARD ef_status ef_skeleton_make(ef_text *skeleton, const unsigned char *bytes,
                                        size_t size);

/* Where the raw data lie that a tensor's mark stands for; 0 where it has no mark. */
int ef_skeleton_find(const Onnx__TensorProto *tensor, size_t *offset, size_t *length);

#endif
