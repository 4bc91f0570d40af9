/* One node of a network on one image, by the definition. */
#ifndef EF_FAULTSIM_FORWARD_NAIVE_H
#define EF_FAULTSIM_FORWARD_NAIVE_H

#include <stdint.h>

#include "net/net.h"

/* Inputs and output as (channels, height, width). */
typedef struct ef_node_job {
    const ef_net *net;
    size_t index;
    const ef_node *node;
    const float *in[EF_MAX_INPUTS]; /* in[0] of the input node is the image */
    ef_shape in_shape[EF_MAX_INPUTS];
    float *out;
    ef_shape out_shape;
    /* what the running sum of an element of conv or dense becomes after `moment`
     * products, padded positions counted; NULL: itself */
    float (*strike)(void *context, size_t element, uint64_t moment, float sum);
    void *context;
} ef_node_job;

void ef_node_run_naive(const ef_node_job *job);

/* tensors[i] is room for the output of node i; the job's shapes and inputs are set. */
ef_node_job ef_node_job_of(const ef_net *net, size_t index, float *const *tensors,
                           const float *image);

/* A tensor for each node, released by the second.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_node_tensors_create(float ***tensors,
                                              const ef_topology *topology);
void ef_node_tensors_destroy(float **tensors, const ef_topology *topology);

#endif
