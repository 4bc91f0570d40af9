/* Relevance: how much of the output hangs on each tensor, and what lies between. */
#ifndef EF_OBJECTIVES_RELEVANCE_H
#define EF_OBJECTIVES_RELEVANCE_H

#include <stdint.h>

#include "net/topology.h"

/* Writes rho of every node's output, shape (ef_topology_n_nodes): 1 at the output; an
 * add, mul or div gives each input an equal share of its own, a concat gives by
 * channels, every other node hands its share on; a tensor with several readers sums
 * what they give back.  The shares of the tensors across any cut sum to 1.  The form
 * is ours. */
void ef_relevance(const ef_topology *topology, double *rho);

/* The same with branches weighed by the energy that they bring, in two arrays of shape
 * (ef_topology_n_nodes).  energy: mean square of an element, 1 of the image and behind
 * a conv, dense layer, batch norm or scale; an activation halves it, an add sums it, a
 * mul multiplies it, a concat has the mean over its channels, others hand it on.  rho:
 * an add gives in proportion to energies, a concat to channels times energy. */
void ef_relevance_weighted(const ef_topology *topology, double *energy, double *rho);

/* Writes how many conv and dense layers lead to every node's output, itself included,
 * shape (ef_topology_n_nodes): on average over the branches of an add or concat, which
 * count as ef_relevance_weighted has them. */
void ef_layers_before(const ef_topology *topology, const double *energy,
                      double *layers);

/* Writes over how many places average pooling behind every node's output averages on
 * the way to the network's, at a fork along the branch where that is most; shape
 * (ef_topology_n_nodes). */
void ef_places_averaged(const ef_topology *topology, double *places);

#endif
