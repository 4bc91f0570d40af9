/* A graph in the reading: what a name stands for, and what the operators ask for. */
#ifndef EF_ONNX_READER_H
#define EF_ONNX_READER_H

#include <stdint.h>

#include "net/net.h"
#include "onnx/arena.h"
#include "onnx/names.h"
#include "onnx/onnx.h"
#include "onnx/onnx.pb-c.h"

/* What a name stands for. */
typedef enum ef_value_kind {
    EF_VALUE_NODE,     /* the output of a node of the topology */
    EF_VALUE_CONSTANT, /* an initialiser */
    EF_VALUE_PART      /* the output of an ONNX node that makes one node of the topology
                          together with the next one */
} ef_value_kind;

typedef struct ef_value {
    ef_value_kind kind;
    uint32_t node;                   /* EF_VALUE_NODE */
    const Onnx__TensorProto *tensor; /* EF_VALUE_CONSTANT */
    const Onnx__NodeProto *part;     /* EF_VALUE_PART */
} ef_value;

/* Values on their way into the network. */
typedef struct ef_fill {
    const char *node; /* name of the topology's */
    ef_role role;
    const Onnx__TensorProto *tensor;
    int is_transposed;            /* (in, out) in the file */
    const Onnx__NodeProto *where; /* for errors */
} ef_fill;

typedef struct ef_reader {
    const char *file;
    ef_error *err;
    ef_arena arena;
    const Onnx__GraphProto *graph;
    ef_names values; /* name -> position in table */
    ef_value *table;
    uint32_t n_values;
    ef_names node_names; /* given to nodes of the topology */
    ef_graph made;
    ef_fill *fills;
    size_t n_fills, fill_capacity;
    const Onnx__ModelProto *model;
    ef_names keys; /* of the metadata -> their position */
    /* the node in hand */
    size_t index;
    const Onnx__NodeProto *node;
} ef_reader;

/* The status, with the file and the node in hand in front of the text. */
ef_status ef_reader_refuse(ef_reader *reader, ef_status status, const char *format, ...)
    EF_PRINTF(3, 4);

/* Attributes of the node in hand; what is absent leaves *value as it is. */
EF_NODISCARD ef_status ef_reader_uint(ef_reader *reader, const char *name,
                                      uint32_t *value);
/* Exactly n of them. */
EF_NODISCARD ef_status ef_reader_uints(ef_reader *reader, const char *name,
                                       uint32_t *values, size_t n);
EF_NODISCARD ef_status ef_reader_float(ef_reader *reader, const char *name,
                                       float *value);
/* The attribute, where it is there, must be this. */
EF_NODISCARD ef_status ef_reader_demand_int(ef_reader *reader, const char *name,
                                            int64_t value);
EF_NODISCARD ef_status ef_reader_demand_text(ef_reader *reader, const char *name,
                                             const char *value);
/* NULL where it is absent. */
const Onnx__AttributeProto *ef_reader_attribute(const Onnx__NodeProto *node,
                                                const char *name);

/* Input k of the node in hand.  _source: the output of a node; _constant: an
 * initialiser, *tensor NULL where the input is absent; _parameter: one that must be
 * there. */
EF_NODISCARD ef_status ef_reader_value(ef_reader *reader, size_t k,
                                       const ef_value **value);
EF_NODISCARD ef_status ef_reader_source(ef_reader *reader, size_t k, uint32_t *node);
EF_NODISCARD ef_status ef_reader_constant(ef_reader *reader, size_t k,
                                          const Onnx__TensorProto **tensor);
EF_NODISCARD ef_status ef_reader_parameter(ef_reader *reader, size_t k,
                                           const Onnx__TensorProto **tensor);
/* An absent value in the file stays as it is in values; else exactly n of them. */
EF_NODISCARD ef_status ef_reader_integers(ef_reader *reader, size_t k, int64_t *values,
                                          size_t n);
EF_NODISCARD ef_status ef_reader_floats(ef_reader *reader, size_t k, float *values,
                                        size_t n);
EF_NODISCARD ef_status ef_reader_scalar(ef_reader *reader, size_t k, float *value);

/* Elements of a tensor; 0 where its dimensions make no sense or are too many. */
size_t ef_reader_count(const Onnx__TensorProto *tensor);

/* Makes the node in hand a node of the topology; gives it its name, or one that is
 * free, in *node. */
EF_NODISCARD ef_status ef_reader_make(ef_reader *reader, ef_node *node);
/* Takes the values of a parameter of node, made just before; tensor is not NULL and
 * holds what its dimensions say. */
EF_NODISCARD ef_status ef_reader_fill(ef_reader *reader, const ef_node *node,
                                      ef_role role, const Onnx__TensorProto *tensor,
                                      int is_transposed);
/* The output of the node in hand is another name for what input k is. */
EF_NODISCARD ef_status ef_reader_alias(ef_reader *reader, size_t k);

/* The value of key in the model's metadata, name (may be "") behind it; or NULL. */
const char *ef_reader_metadata(const ef_reader *reader, const char *key,
                               const char *name);

/* Whether the node in hand is the first half of a pair that the writer makes: it is
 * called `<next>suffix`, and the next one is an op_type that reads it. */
int ef_reader_is_part(const ef_reader *reader, const char *suffix, const char *op_type);
EF_NODISCARD ef_status ef_reader_make_part(ef_reader *reader);
/* The part that input k is, or NULL. */
const Onnx__NodeProto *ef_reader_part(ef_reader *reader, size_t k);

/* Whether all values that were taken fit the topology made of the graph, before memory
 * is taken for the network, and copying them into it. */
EF_NODISCARD ef_status ef_reader_check_fills(ef_reader *reader,
                                             const ef_topology *topology);
EF_NODISCARD ef_status ef_reader_fill_net(ef_reader *reader, ef_net *net);

#endif
