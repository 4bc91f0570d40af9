/* A topology as the work that an accelerator does: layers that run one after the other,
 * each a fused group that reads stored tensors and writes one. */
#ifndef EF_OBJECTIVES_WORKLOAD_H
#define EF_OBJECTIVES_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "format/format.h"
#include "net/topology.h"
#include "objectives/accelerator.h"

/* A tensor that reaches memory: the image, a fused group's output, the logits. */
typedef struct ef_stored_tensor {
    uint32_t node;     /* whose output it is */
    uint32_t elements; /* of one image */
    uint32_t width;   /* bits of an element; 32 of the logits, which are accumulators */
    size_t first_use; /* the layer that writes it; 0 for the image too */
    size_t last_use;  /* the last layer that reads it; n_layers for the logits */
} ef_stored_tensor;

typedef struct ef_layer {
    uint32_t node;   /* conv, dense, pooling, add ...: the first of the fused group */
    uint32_t output; /* index of the stored tensor that it writes */
    ef_layer_class layer_class;
    uint32_t loops[EF_LOOP_COUNT]; /* extents; 1 where it has none; the channels of
                                      poolings and elementwise layers are groups */
    uint64_t macs;                 /* of conv and dense; else 0 */
    uint64_t operations;   /* of the vector unit: one for each element that a pooling,
                              add ... reads; 0 for conv and dense */
    uint64_t weights;      /* elements; 0 where it has none */
    uint64_t biases;       /* elements, batch norms folded in, of 32 bits */
    unsigned weight_width; /* bits of an element; 0 where it has no weights */
    unsigned input_width;
    int is_float;         /* weights or inputs are */
    uint64_t weight_bits; /* weights and biases */
    uint32_t n_inputs;
    uint32_t inputs[EF_MAX_INPUTS]; /* indices of stored tensors, views looked through,
                                       each once; a concat of several lists them all */
    uint32_t input_elements[EF_MAX_INPUTS]; /* of each that it reads: all, or at most
                                               what a slice in between lets through */
    uint32_t input_extent[2]; /* height, width of its first input, views applied */
    uint32_t pad[2];          /* of conv and pool windows: rows above, columns left */
    uint32_t stride[2], kernel_extent[2]; /* of conv and pool windows, dilation counted;
                                             1 elsewhere */
} ef_layer;

typedef struct ef_workload {
    ef_layer *layers; /* (n_layers), inputs first: the topology's order */
    size_t n_layers;
    ef_stored_tensor *tensors; /* (n_tensors), the image first */
    size_t n_tensors;
} ef_workload;

/* A group of net/stored.h is a layer; its parameters are those of all its nodes.  A
 * tensor has the format that the last node of its group states, else `format`; weights
 * that of their node, else `format`; int8 where that is not stated either.  Inputs of
 * layers whose sources differ in width have the widest.  All weight_bits together are
 * what ef_score_size counts.  Takes about 100 ns for each node.  EF_ERR_MEMORY;
 * EF_ERR_UNSUPPORTED: more stored tensors are read by one layer than there is room for.
 */
EF_NODISCARD ef_status ef_workload_create(ef_workload **workload,
                                          const ef_topology *topology,
                                          const ef_format *format, ef_error *err);
void ef_workload_destroy(ef_workload *workload);

/* What a layer moves: bytes that it reads of its inputs, of its weights and biases, and
 * its whole output, each once and packed at its own width. */
double ef_workload_bytes(const ef_workload *workload, const ef_layer *layer);

/* The sum of a fitted model, shape (EF_CLASS_COUNT), over the layers: per_mac is for
 * macs and, where a layer has none, for operations; per_byte for ef_workload_bytes. */
double ef_workload_cost(const ef_workload *workload, const ef_layer_cost *model);

#endif
