/* Topologies: directed acyclic graphs of named operations, with shapes.
 *
 * An ef_graph is a list of nodes that anybody may edit.  An ef_topology is made of
 * one, and only when everything fits: it is sorted, its shapes are known, it never
 * changes.  An invalid topology cannot be built; the reason comes back instead. */
#ifndef EF_NET_TOPOLOGY_H
#define EF_NET_TOPOLOGY_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "format/format.h"

#define EF_NAME_SIZE 256                    /* of a node, with the NUL */
#define EF_MAX_INPUTS 32                    /* of one node */
#define EF_MAX_NODES 4096                   /* of one topology */
#define EF_MAX_ELEMENTS (UINT32_C(1) << 28) /* of one tensor or weight, an image */
#define EF_MAX_FACTOR 65535                 /* of an upsample */
#define EF_TO_END UINT32_MAX                /* of a slice: as far as the input goes */

/* name in YAML, least and most inputs */
#define EF_OP_LIST(X)                                                                  \
    X(INPUT, "input", 0, 0)                                                            \
    X(CONV, "conv", 1, 1)                                                              \
    X(DENSE, "dense", 1, 1)                                                            \
    X(MAXPOOL, "maxpool", 1, 1)                                                        \
    X(AVGPOOL, "avgpool", 1, 1)                                                        \
    X(GLOBALAVG, "globalavg", 1, 1)                                                    \
    X(GLOBALMAX, "globalmax", 1, 1)                                                    \
    X(BATCHNORM, "batchnorm", 1, 1)                                                    \
    X(ACTIVATION, "activation", 1, 1)                                                  \
    X(ADD, "add", 2, EF_MAX_INPUTS)                                                    \
    X(MUL, "mul", 2, 2) /* alike, or one is C x 1 x 1 and gates the other */           \
    X(SCALE, "scale", 1, 1)                                                            \
    X(CONCAT, "concat", 2, EF_MAX_INPUTS)                                              \
    X(PAD, "pad", 1, 1)                                                                \
    X(SLICE, "slice", 1, 1)                                                            \
    X(TRANSPOSE, "transpose", 1, 1)                                                    \
    X(FLATTEN, "flatten", 1, 1)                                                        \
    X(UPSAMPLE, "upsample", 1, 1)                                                      \
    X(RESHAPE, "reshape", 1, 1)                                                        \
    X(SOFTMAX, "softmax", 1, 1)                                                        \
    X(DIV, "div", 2, 2) /* first by second: alike, or the second is C x 1 x 1 */

typedef enum ef_op {
#define X(op, name, least, most) EF_OP_##op,
    EF_OP_LIST(X)
#undef X
        EF_OP_COUNT
} ef_op;

/* An image's share of a tensor: NCHW without the N.  After flatten or dense, rank is 2
 * (N, channels) and height = width = 1; else rank is 4. */
typedef struct ef_shape {
    uint32_t channels;
    uint32_t height;
    uint32_t width;
    uint32_t rank;
} ef_shape;

typedef struct ef_conv {
    uint32_t channels;  /* output channels */
    uint32_t kernel[2]; /* height, width */
    uint32_t stride[2];
    uint32_t dilation[2]; /* 1: dense kernel */
    uint32_t pad[4];      /* top, left, bottom, right; zeros */
    uint32_t groups;      /* divides input and output channels */
    uint32_t bias;        /* 0 or 1 */
} ef_conv;

typedef struct ef_dense {
    uint32_t channels; /* output features; the input may have rank 2 only */
    uint32_t bias;
} ef_dense;

typedef struct ef_pool {
    uint32_t kernel[2];
    uint32_t stride[2];
    uint32_t dilation[2]; /* max pooling only */
    uint32_t pad[4];
    uint32_t ceil_mode;
    uint32_t count_include_pad; /* average pooling only */
} ef_pool;

typedef struct ef_batchnorm {
    float epsilon;
} ef_batchnorm;

/* name in YAML */
#define EF_ACTIVATION_LIST(X)                                                          \
    X(RELU, "relu")                                                                    \
    X(CLIP, "clip")   /* to [low, high], infinite allowed; relu6 is [0, 6] */          \
    X(LEAKY, "leaky") /* slope low */                                                  \
    X(PRELU, "prelu") /* slope per channel, a weight */                                \
    X(SIGMOID, "sigmoid")                                                              \
    X(HARDSIGMOID, "hardsigmoid") /* clip(low x + high, 0, 1) */                       \
    X(HARDSWISH, "hardswish")     /* x clip(slope x + shift, 0, 1), see below */       \
    X(TANH, "tanh")

typedef enum ef_activation_kind {
#define X(kind, name) EF_ACTIVATION_##kind,
    EF_ACTIVATION_LIST(X)
#undef X
        EF_ACTIVATION_COUNT
} ef_activation_kind;

#define EF_HARDSWISH_SLOPE (1.0f / 6.0f)
#define EF_HARDSWISH_SHIFT 0.5f

typedef struct ef_activation {
    uint32_t kind;
    float low;
    float high;
} ef_activation;

typedef struct ef_pad {
    uint32_t before[3]; /* channels, height, width */
    uint32_t after[3];
    float value;
} ef_pad;

typedef struct ef_slice {
    uint32_t begin[3]; /* channels, height, width */
    uint32_t end[3];   /* one past the last; a topology has no EF_TO_END */
    uint32_t step[3];  /* >= 1 */
} ef_slice;

typedef struct ef_transpose {
    uint32_t order[3]; /* output axis i is input axis order[i], 0 = channels */
} ef_transpose;

typedef struct ef_upsample {
    uint32_t factor[2]; /* nearest neighbour */
} ef_upsample;

/* Along the axis, exp(x) over the sum of them: the outputs sum to 1. */
typedef struct ef_softmax {
    uint32_t axis; /* 0 channels, 1 height, 2 width; a flat input has channels only */
} ef_softmax;

typedef struct ef_node {
    char name[EF_NAME_SIZE]; /* unique; letters, digits and _ . / : - */
    ef_op op;
    union {
        ef_shape input;
        ef_conv conv;
        ef_dense dense;
        ef_pool pool;
        ef_batchnorm batchnorm;
        ef_activation activation;
        ef_pad pad;
        ef_slice slice;
        ef_transpose transpose;
        ef_upsample upsample;
        ef_shape reshape; /* of the output: as many elements, in row-major order */
        ef_softmax softmax;
    } u;
    ef_format weight_format;     /* not stated: the run's */
    ef_format activation_format; /* of the output */
    uint32_t n_inputs;
    uint32_t inputs[EF_MAX_INPUTS]; /* positions in the same list of nodes */
} ef_node;

/* An editable list of nodes in any order; no invariant. */
typedef struct ef_graph {
    ef_node *nodes;
    size_t n_nodes;
    size_t capacity;
} ef_graph;

typedef struct ef_topology ef_topology;

void ef_graph_init(ef_graph *graph);
void ef_graph_clear(ef_graph *graph);
EF_NODISCARD ef_status ef_graph_copy(ef_graph *to, const ef_graph *from);

/* A node of this operation with its usual parameters (stride 1, groups 1, no bias,
 * epsilon 1e-5, relu ...), no name and no inputs. */
ef_node ef_node_default(ef_op op);

/* The output shape of a node whose inputs have these shapes (n_inputs of node; none of
 * an input); the node stays as it is.  EF_ERR_TOPOLOGY with the reason in why, without
 * the node's name; *out is written on success alone. */
EF_NODISCARD ef_status ef_node_shape(const ef_node *node, const ef_shape *inputs,
                                     ef_shape *out, ef_error *why);

/* Appends a copy of node; a node without a name gets one that is free ("conv3", "act1"
 * for activations).  Its position goes to *index (may be NULL).  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_graph_add(ef_graph *graph, const ef_node *node,
                                    size_t *index);

/* Takes node `index` out: its readers read its first input instead.  Positions behind
 * it move down by one. */
void ef_graph_bypass(ef_graph *graph, size_t index);

/* Drops what does not reach node `output`; *output follows. */
void ef_graph_prune(ef_graph *graph, size_t *output);

/* Checks, sorts and takes a copy of graph.  Exactly one input and one node that nobody
 * reads (the output), no cycle, shapes that fit, sizes within the bounds above.  The
 * order is canonical for equal graphs up to names: inputs first, a branch whole before
 * the next, ties by structure; the inputs of add and mul ascend.  Fields that a node's
 * operation or kind does not use are zero.
 * EF_ERR_TOPOLOGY with the node's name and the reason; EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_topology_create(ef_topology **topology, const ef_graph *graph,
                                          ef_error *err);
EF_NODISCARD ef_status ef_topology_dup(ef_topology **copy, const ef_topology *topology);
void ef_topology_destroy(ef_topology *topology);

/* Nodes in an order in which inputs come first; the list is borrowed. */
const ef_graph *ef_topology_graph(const ef_topology *topology);
size_t ef_topology_n_nodes(const ef_topology *topology);
const ef_node *ef_topology_node(const ef_topology *topology, size_t index);
/* Output shape of a node. */
ef_shape ef_topology_shape(const ef_topology *topology, size_t index);
/* The nodes that read a node, ascending; a node that reads it twice is named twice. */
const uint32_t *ef_topology_readers(const ef_topology *topology, size_t index,
                                    size_t *n_readers);
size_t ef_topology_input(const ef_topology *topology);
size_t ef_topology_output(const ef_topology *topology);
/* SIZE_MAX where there is none. */
size_t ef_topology_find(const ef_topology *topology, const char *name);

/* Equal for graphs that are equal up to names, order of nodes, and order of the
 * inputs of add and mul; formats count. */
uint64_t ef_topology_hash(const ef_topology *topology);

/* Elements of one image. */
size_t ef_shape_elements(ef_shape shape);
int ef_shape_equal(ef_shape a, ef_shape b);

/* Costs of one node on one image.  MACs: of conv and dense, as published tables count
 * them.  Parameters: conv and dense weights and biases, gamma and beta, slopes; not
 * running statistics, not constants of scale. */
uint64_t ef_topology_node_macs(const ef_topology *topology, size_t index);
uint64_t ef_topology_node_params(const ef_topology *topology, size_t index);
uint64_t ef_topology_macs(const ef_topology *topology);
uint64_t ef_topology_params(const ef_topology *topology);

/* Letters, digits and _ . / : - ; not empty, with its NUL within EF_NAME_SIZE. */
int ef_name_is_valid(const char *name);

const char *ef_op_name(ef_op op);
const char *ef_activation_name(ef_activation_kind kind);

/* A table for people: node, operation, inputs, output shape, parameters, MACs. */
void ef_topology_print(const ef_topology *topology, ef_text *text);

#endif
