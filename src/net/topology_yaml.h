/* The text form of topologies, evoflip-topology(5). */
#ifndef EF_NET_TOPOLOGY_YAML_H
#define EF_NET_TOPOLOGY_YAML_H

#include "net/topology.h"

/* EF_ERR_IO, EF_ERR_INPUT (file:line:column), EF_ERR_TOPOLOGY (with the line of the
 * node to blame), EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_topology_load(ef_topology **topology, const char *path,
                                        ef_error *err);
EF_NODISCARD ef_status ef_topology_parse(ef_topology **topology, const char *name,
                                         const char *text, size_t size, ef_error *err);

/* Reading it back gives a topology of the same hash and the same names. */
void ef_topology_write(const ef_topology *topology, ef_text *text);

#endif
