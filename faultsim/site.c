#include "faultsim/site.h"

#include <stdio.h>

#include "net/origin.h"

void ef_site_name_parameter(ef_site *site, const ef_net *net, ef_role role,
                            char buffer[EF_PARAM_NAME_SIZE])
{
    const ef_param *param = ef_net_param(net, site->node, role);
    snprintf(buffer, EF_PARAM_NAME_SIZE, "%s.bias",
             ef_topology_node(net->topology, site->node)->name);
    if (param && ef_net_is_shared(net, param)) {
        ef_net_default_name(net, param, buffer);
    } else if (param) {
        ef_net_param_name(net, param, buffer);
    }
    site->layout = (ef_layout){.n_dims = 0};
    if (param && param->count == site->count) { /* else of its scales */
        site->layout = ef_net_param_layout(net, param);
    }
    site->name = buffer;
}

void ef_site_name_output(ef_site *site, const ef_net *net,
                         char buffer[EF_PARAM_NAME_SIZE])
{
    ef_shape shape = ef_topology_shape(net->topology, site->node);
    site->layout = (ef_layout){.n_dims = 0};
    if (ef_shape_elements(shape) == site->count) {
        site->layout = ef_net_output_layout(net, site->node);
    }
    site->name = ef_net_output_name(net, site->node, buffer);
}
