/* Topologies for tests, from YAML; each asserts that it succeeds. */
#ifndef EF_TESTS_TOPOLOGY_HELP_H
#define EF_TESTS_TOPOLOGY_HELP_H

#include "net/topology.h"

/* Released with ef_topology_destroy. */
ef_topology *parse_topology(const char *text);
/* data/topologies/NAME.yaml */
ef_topology *load_topology(const char *name);

#endif
