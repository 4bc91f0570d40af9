/* Data of tensors that lie in files of their own beside the model. */
#ifndef EF_ONNX_EXTERNAL_H
#define EF_ONNX_EXTERNAL_H

#include <stddef.h>

#include "base/map.h"
#include "onnx/names.h"
#include "onnx/onnx.pb-c.h"

#define EF_EXTERNAL_MAX_FILES 4096

typedef struct ef_external {
    const char *model; /* as errors call it */
    char *folder;      /* NULL: a model in memory, which has none */
    ef_names names;    /* location -> map */
    ef_file_map *maps;
    size_t n_maps, capacity;
} ef_external;

/* model is borrowed; is_file: it is a path.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_external_init(ef_external *external, const char *model,
                                        int is_file);
/* Closes the files; fine on a zeroed object. */
void ef_external_clear(ef_external *external);

int ef_external_has(const Onnx__TensorProto *tensor);

/* The bytes of a tensor for which ef_external_has; they stay until _clear.  Files are
 * mapped once.  The tensor and its location are borrowed until then.
 * EF_ERR_IO: the file cannot be read.  EF_ERR_INPUT: it does not lie below the model's
 * folder, does not hold what the tensor's dimensions ask for, or these make no sense.
 * EF_ERR_UNSUPPORTED: the model is in memory, too many files.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_external_find(ef_external *external,
                                        const Onnx__TensorProto *tensor,
                                        const unsigned char **bytes, size_t *size,
                                        ef_error *err);

#endif
