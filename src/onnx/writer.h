/* A graph in the making, as the operators write themselves into it. */
#ifndef EF_ONNX_WRITER_H
#define EF_ONNX_WRITER_H

#include <stdint.h>

#include "net/net.h"
#include "onnx/arena.h"
#include "onnx/onnx.pb-c.h"

/* Where a parameter stands in the graph. */
typedef struct ef_written_param {
    Onnx__TensorProto *tensor;
    Onnx__NodeProto *reader;
    size_t input; /* of the reader */
} ef_written_param;

typedef struct ef_writer {
    const ef_net *net;
    ef_written_param *params; /* (n_params) as they are written */
    ef_arena *arena;
    Onnx__GraphProto *graph;
    size_t node_capacity, initializer_capacity;
    /* the node in hand */
    size_t index;
    const ef_node *node;
    ef_shape in, out; /* shapes of its first input and its output */
    /* metadata of the nodes */
    Onnx__StringStringEntryProto **entries;
    size_t n_entries, entry_capacity;
} ef_writer;

/* All of these fail through writer->arena alone and take what a failure left. */

/* An ONNX node.  name: of the topology's node in hand plus suffix ("" for the one
 * that carries its name); its output is called name_output, or logits. */
Onnx__NodeProto *ef_writer_add(ef_writer *writer, const char *op_type,
                               const char *suffix);
void ef_writer_input(ef_writer *writer, Onnx__NodeProto *to, const char *value);
/* The value that input k of the topology's node in hand reads. */
char *ef_writer_source(ef_writer *writer, uint32_t k);
/* Adds all of its inputs in order. */
void ef_writer_sources(ef_writer *writer, Onnx__NodeProto *to);
/* The output of an ONNX node. */
char *ef_writer_output(const Onnx__NodeProto *node);

void ef_writer_int(ef_writer *writer, Onnx__NodeProto *to, const char *name,
                   int64_t value);
void ef_writer_ints(ef_writer *writer, Onnx__NodeProto *to, const char *name,
                    const uint32_t *values, size_t n);
void ef_writer_float(ef_writer *writer, Onnx__NodeProto *to, const char *name,
                     float value);
void ef_writer_text(ef_writer *writer, Onnx__NodeProto *to, const char *name,
                    const char *value);

/* An initialiser `<node>.<role>`, until ef_writer_name_params, with the values of the
 * network, added as an input; its shape is the parameter's, or dims where n_dims > 0.
 */
void ef_writer_param(ef_writer *writer, Onnx__NodeProto *to, ef_role role,
                     const uint32_t *dims, size_t n_dims);
/* Once all nodes are written: gives the initialisers of parameters the names that the
 * network has for them.  Where a name is in use, for a value, a constant or another
 * parameter before it, it stays with that one and the default is taken. */
void ef_writer_name_params(ef_writer *writer);
/* Constants `<node>.<what>`, likewise; a scalar where n_dims is 0. */
void ef_writer_floats(ef_writer *writer, Onnx__NodeProto *to, const char *what,
                      const float *values, const uint32_t *dims, size_t n_dims);
void ef_writer_integers(ef_writer *writer, Onnx__NodeProto *to, const char *what,
                        const int64_t *values, size_t n);

/* An entry of metadata_props: key, the name of the node in hand behind it, value. */
void ef_writer_note(ef_writer *writer, const char *key, const char *value);
/* The same without a node; key and value are copied. */
void ef_writer_entry(ef_writer *writer, const char *key, const char *value);

#endif
