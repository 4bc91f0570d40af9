#include "cmd/model.h"

#include "net/topology_yaml.h"

ef_status ef_model_load_topology(ef_topology **topology, const char *path,
                                 ef_error *err)
{
    return ef_topology_load(topology, path, err);
}
