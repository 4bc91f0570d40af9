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
    uint32_t width;    /* bits of an element */
    size_t first_use;  /* the layer that writes it; 0 for the image too */
    size_t last_use;   /* the last layer that reads it; n_layers for the logits */
} ef_stored_tensor;

typedef struct ef_layer {
    uint32_t node;   /* conv, dense, pooling, add ...: the first of the fused group */
    uint32_t output; /* index of the stored tensor that it writes */
    ef_layer_class layer_class;
    uint32_t loops[EF_LOOP_COUNT]; /* extents; 1 where it has none */
    uint64_t macs;                 /* of conv and dense; else 0 */
    uint64_t operations; /* of the vector unit: one for each element that a pooling,
                            add ... reads; 0 for conv and dense */
    uint64_t weights;    /* elements; 0 where it has none */
    uint64_t biases;     /* elements, batch norms folded in, of 32 bits */
    unsigned weight_width, input_width; /* bits of an element */
    int is_float;                       /* weights or inputs are */
    uint64_t weight_bits;               /* weights and biases */
    uint32_t n_inputs;
    uint32_t inputs[EF_MAX_INPUTS]; /* indices of stored tensors, views looked through;
                                       a concat of several lists them all */
    uint32_t stride[2], kernel_extent[2]; /* of conv and pool windows, dilation counted;
                                             1 elsewhere */
} ef_layer;

typedef struct ef_workload {
    ef_layer *layers; /* (n_layers), inputs first: the topology's order */
    size_t n_layers;
    ef_stored_tensor *tensors; /* (n_tensors), the image first */
    size_t n_tensors;
} ef_workload;

/* Formats of nodes that state none: `format` for weights and activations.  Inputs of
 * layers whose sources differ in width have the widest.  EF_ERR_MEMORY;
 * EF_ERR_UNSUPPORTED: more stored tensors are read by one layer than there is room for.
 */
EF_NODISCARD ef_status ef_workload_create(ef_workload **workload,
                                          const ef_topology *topology,
                                          const ef_format *format, ef_error *err);
void ef_workload_destroy(ef_workload *workload);

#endif
