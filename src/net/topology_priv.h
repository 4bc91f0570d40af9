/* What the files of the topology share. */
#ifndef EF_NET_TOPOLOGY_PRIV_H
#define EF_NET_TOPOLOGY_PRIV_H

#include "net/net.h"
#include "net/topology.h"

#define EF_MAX_PARAMS 4 /* parameter tensors of one node */

/* Multiply-accumulates of a topology on one image: exact in a double. */
#define EF_MAX_MACS (UINT64_C(1) << 53)

/* Shape and role of one parameter tensor of a node; unused dims are 1. */
typedef struct ef_param_shape {
    ef_role role;
    uint32_t n_dims;
    uint32_t dims[4];
} ef_param_shape;

/* Output shape from input shapes; EF_ERR_TOPOLOGY and the reason in why, without the
 * node's name.  Fills in what the node leaves open. */
typedef ef_status ef_infer_function(ef_node *node, const ef_shape *in, ef_shape *out,
                                    ef_error *why);

/* One operation. */
typedef struct ef_op_row {
    const char *name;
    uint32_t least_inputs;
    uint32_t most_inputs;
    uint32_t n_words;     /* 32-bit words of ef_node.u that it uses */
    uint32_t commutes;    /* the order of its inputs does not matter */
    uint32_t has_weights; /* takes a weight format */

    ef_infer_function *infer;

    /* Parameter tensors, their number; NULL: none. */
    size_t (*params)(const ef_node *node, ef_shape in,
                     ef_param_shape shapes[EF_MAX_PARAMS]);
} ef_op_row;

const ef_op_row *ef_op_row_of(ef_op op);

/* The infer of the operations that move elements. */
ef_infer_function ef_infer_pad, ef_infer_slice, ef_infer_transpose, ef_infer_flatten,
    ef_infer_upsample, ef_infer_reshape;

/* Checks the node against the shapes of its inputs, clears what the operation does not
 * use, and gives the output's shape.  EF_ERR_TOPOLOGY as infer. */
EF_NODISCARD ef_status ef_node_infer(ef_node *node, const ef_shape *in, ef_shape *out,
                                     ef_error *why);

/* Parameter tensors of a node whose (first) input has shape in; their number. */
size_t ef_node_params(const ef_node *node, ef_shape in,
                      ef_param_shape shapes[EF_MAX_PARAMS]);
size_t ef_param_count(const ef_param_shape *shape);

/* A window that slides over an image, as conv and the pools have it. */
typedef struct ef_window {
    const uint32_t *kernel, *stride, *dilation; /* height, width */
    const uint32_t *pad;                        /* top, left, bottom, right */
    int ceil_mode;
} ef_window;

/* Each of n values must be from 1 to EF_MAX_ELEMENTS. */
EF_NODISCARD ef_status ef_check_positive(const uint32_t *values, size_t n,
                                         const char *what, ef_error *why);

/* The value must be finite; the shape of an image, not of a flat tensor; a stated
 * shape one that a tensor can have (`what`, as in "an input", takes an). */
EF_NODISCARD ef_status ef_check_finite(float value, const char *what, ef_error *why);
EF_NODISCARD ef_status ef_check_image(const ef_shape *in, ef_error *why);
EF_NODISCARD ef_status ef_check_shape(const ef_shape *shape, const char *what,
                                      ef_error *why);

/* Height and width of out from those of in, after checking the window. */
EF_NODISCARD ef_status ef_window_slide(const ef_window *w, const ef_shape *in,
                                       ef_shape *out, ef_error *why);

/* Whether a window at one of n positions along an axis (0: height) sees padding only.
 */
int ef_window_sees_nothing(const ef_window *w, size_t axis, uint32_t size, uint32_t n);

/* One block of memory holds it and all its arrays. */
struct ef_topology {
    ef_graph graph;
    ef_shape *shapes;         /* (n_nodes) */
    uint32_t *reader_offsets; /* (n_nodes + 1) */
    uint32_t *readers;        /* (n_edges) */
    uint32_t *slots;          /* (n_slots) hash table of names: position + 1, 0 free */
    size_t n_edges;
    size_t n_slots; /* a power of two */
    size_t size;    /* of the block */
    uint64_t hash;
    uint64_t macs;
    uint64_t params;
};

/* Sets the pointers: arrays behind the struct, each aligned for what stands in it. */
void ef_topology_lay_out(ef_topology *topology, size_t n_nodes);

/* The slot that holds name, or the free one where it belongs. */
size_t ef_topology_slot(const ef_topology *topology, const char *name);

/* ef_topology_create that also says which node of graph is to blame: *blame is its
 * position, SIZE_MAX where it is none in particular. */
EF_NODISCARD ef_status ef_topology_create_blame(ef_topology **topology,
                                                const ef_graph *graph, size_t *blame,
                                                ef_error *err);

/* Writes the canonical order of an acyclic graph with the one output given: order[i]
 * is the position in graph of the node that comes i-th, inputs first; and in own the
 * hash of each node by itself.  sorted is any order in which inputs come first; all of
 * shape (n_nodes).  Inputs of operations that commute are sorted in place.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_topology_order(ef_graph *graph, const uint32_t *sorted,
                                         size_t output, uint32_t *order, uint64_t *own);

/* The hash of a graph that was brought into this order. */
uint64_t ef_topology_hash_graph(const ef_graph *graph, const uint32_t *order,
                                const uint64_t *own);

#endif
