/* Relevance: how much of the output hangs on each tensor. */
#ifndef EF_OBJECTIVES_RELEVANCE_H
#define EF_OBJECTIVES_RELEVANCE_H

#include "net/topology.h"

/* Writes rho of every node's output, shape (ef_topology_n_nodes): 1 at the output; an
 * add, mul or div gives each input an equal share of its own, a concat gives by
 * channels, every other node hands its share on; a tensor with several readers sums
 * what they give back.  The shares of the tensors across any cut sum to 1.  The form
 * is ours. */
void ef_relevance(const ef_topology *topology, double *rho);

#endif
