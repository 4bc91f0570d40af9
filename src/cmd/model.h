/* Topologies and models that the command line names. */
#ifndef EF_CMD_MODEL_H
#define EF_CMD_MODEL_H

#include "base/status.h"
#include "net/topology.h"

/* The topology in a YAML file; the caller owns it.  EF_ERR_IO, EF_ERR_INPUT,
 * EF_ERR_TOPOLOGY, EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_model_load_topology(ef_topology **topology, const char *path,
                                              ef_error *err);

#endif
