/* A network adapted to a data set: its inputs normalised, its last layer exchanged, its
 * weights drawn anew. */
#ifndef EF_NET_ADAPT_H
#define EF_NET_ADAPT_H

#include <stdint.h>

#include "base/status.h"
#include "net/net.h"
#include "net/normalisation.h"

/* Whether a scale or batch norm alone reads the input: the network says itself how raw
 * values become inputs. */
int ef_adapt_is_normalised(const ef_topology *topology);

/* A network of this topology with initial weights, its inputs normalised by a scale
 * node behind the input: the one that alone reads it, where the topology has one, else
 * a new one.  Further scale nodes in a row behind it go.  norm has as many channels as
 * the input, or divides a flat one into equal parts.  EF_ERR_MEMORY, EF_ERR_TOPOLOGY.
 */
EF_NODISCARD ef_status ef_adapt_create(ef_net **net, const ef_topology *topology,
                                       const ef_normalisation *norm, uint64_t seed,
                                       ef_error *err);

/* The same for a network that has its weights: they stay, and so do names. */
EF_NODISCARD ef_status ef_adapt_normalise(ef_net **net, const ef_normalisation *norm,
                                          ef_error *err);

/* Draws the first values of all that is trained as ef_net_initialise does; constants
 * stay. */
void ef_adapt_restart(ef_net *net, uint64_t seed);

/* Gives the last layer, behind which only nodes without weights stand, n_units outputs,
 * its weights drawn anew; all else stays.  EF_ERR_UNSUPPORTED: what makes the output is
 * no dense layer or convolution, by name.  EF_ERR_TOPOLOGY: a node behind it does not
 * take so many.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_adapt_head(ef_net **net, uint32_t n_units, uint64_t seed,
                                     ef_error *err);

#endif
