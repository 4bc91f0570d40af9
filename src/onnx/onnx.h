/* Models as ONNX files, written and read.
 *
 * ONNX intermediate representation 7, operator set 13: https://onnx.ai
 * What is written: input `input` (N, C, H, W) or (N, C) with a symbolic N, output
 * `logits`; one ONNX node of the same name for each node of the topology, its output
 * called `<node>_output`, its parameters initialisers called `<node>.<role>`
 * (conv1.weight).  Three operations take two nodes, the first called `<node>#...`:
 * scale (Mul, Add), hardswish (HardSigmoid, Mul), and an average that counts padding
 * and has windows which hang over it (Pad, AveragePool).  What ONNX cannot say stands
 * in metadata_props under keys that begin with `evoflip.`; see evoflip-method(7).
 * Same network and metadata, same bytes. */
#ifndef EF_ONNX_ONNX_H
#define EF_ONNX_ONNX_H

#include <stddef.h>

#include "base/status.h"
#include "net/net.h"

/* Keys that the writer makes and the reader takes begin so, and no others may. */
#define EF_ONNX_KEY "evoflip."
#define EF_ONNX_VERSION_KEY "evoflip.version"
#define EF_ONNX_INPUT_KEY "evoflip.input" /* name of the input node */
/* + name of a node: format of its weights, of its output; the padding at the bottom
 * and right of a pool in ceil mode that ONNX counts otherwise */
#define EF_ONNX_WEIGHTS_KEY "evoflip.weights."
#define EF_ONNX_ACTIVATIONS_KEY "evoflip.activations."
#define EF_ONNX_CEIL_KEY "evoflip.ceil."

/* Notes of a model that was trained: the hash of its data, as 16 hexadecimal digits,
 * and the seed by which their parts were drawn. */
#define EF_ONNX_DATA_HASH_KEY "data_hash"
#define EF_ONNX_SEED_KEY "seed"

typedef struct ef_onnx_entry {
    char *key;
    char *value;
} ef_onnx_entry;

/* Further metadata_props in their order: seed, configuration, and what others wrote. */
typedef struct ef_onnx_metadata {
    ef_onnx_entry *entries;
    size_t n;
} ef_onnx_metadata;

void ef_onnx_metadata_init(ef_onnx_metadata *metadata);
void ef_onnx_metadata_clear(ef_onnx_metadata *metadata);
/* Appends copies, or replaces the value of a key that is there.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_onnx_metadata_set(ef_onnx_metadata *metadata, const char *key,
                                            const char *value, ef_error *err);
/* NULL where there is no such key. */
const char *ef_onnx_metadata_get(const ef_onnx_metadata *metadata, const char *key);

/* The model as bytes, *size of them; the caller owns them (ef_free).  metadata may be
 * NULL.  EF_ERR_USAGE: metadata has a key of ours.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_onnx_write(const ef_net *net,
                                     const ef_onnx_metadata *metadata,
                                     unsigned char **bytes, size_t *size,
                                     ef_error *err);

/* The same into a file.  EF_ERR_EXISTS where path exists and force is 0; EF_ERR_IO. */
EF_NODISCARD ef_status ef_onnx_save(const ef_net *net, const ef_onnx_metadata *metadata,
                                    const char *path, int force, ef_error *err);

/* A network from a file; what was written above comes back as it was: names, formats,
 * hash, every bit of every parameter.  metadata (may be NULL) gets the entries that
 * are not the reader's own, and is untouched on failure.  Tensors may have their data
 * in files of their own, below the model's folder and over no symbolic link.
 * EF_ERR_IO: missing or unreadable, or such a file is.  EF_ERR_INPUT: no ONNX model,
 * damaged, nested or split beyond reason.  EF_ERR_UNSUPPORTED: an operator, attribute
 * or version that is not known here, by name.  EF_ERR_TOPOLOGY: shapes that do not fit.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_onnx_load(ef_net **net, ef_onnx_metadata *metadata,
                                    const char *path, ef_error *err);

/* What reading did to a model. */
typedef struct ef_onnx_info {
    int64_t ir_version, opset;
    char producer[128];         /* name and version; "" where the file does not say */
    size_t n_nodes;             /* in the file */
    size_t n_folded;            /* of them, evaluated while reading */
    int is_nhwc;                /* images came with channels last */
    char softmax[EF_NAME_SIZE]; /* one at the end that was left out, or "" */
} ef_onnx_info;

/* ef_onnx_load that also describes what it read; info may be NULL, and is untouched on
 * failure. */
EF_NODISCARD ef_status ef_onnx_load_info(ef_net **net, ef_onnx_metadata *metadata,
                                         ef_onnx_info *info, const char *path,
                                         ef_error *err);

/* The same from memory; name stands in for the path in errors.  EF_ERR_UNSUPPORTED also
 * for data in files. */
EF_NODISCARD ef_status ef_onnx_read(ef_net **net, ef_onnx_metadata *metadata,
                                    const char *name, const void *bytes, size_t size,
                                    ef_error *err);

#endif
