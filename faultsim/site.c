#include "faultsim/site.h"

#include <stdio.h>

#include "net/origin.h"

/* name, with what says that the site is its scale. */
static void finish(ef_site *site, const char *name, char buffer[EF_SITE_NAME_SIZE])
{
    int is_scale = site->target == EF_TARGET_SCALES;
    snprintf(buffer, EF_SITE_NAME_SIZE, "%.*s%s", EF_SITE_NAME_SIZE - 8, name,
             is_scale ? ".scale" : "");
    site->name = buffer;
}

void ef_site_name_parameter(ef_site *site, const ef_net *net, ef_role role,
                            char buffer[EF_SITE_NAME_SIZE])
{
    const ef_param *param = ef_net_param(net, site->node, role);
    char name[EF_PARAM_NAME_SIZE];
    snprintf(name, sizeof name, "%s.bias",
             ef_topology_node(net->topology, site->node)->name);
    if (param && ef_net_is_shared(net, param)) {
        ef_net_default_name(net, param, name);
    } else if (param) {
        ef_net_param_name(net, param, name);
    }
    site->layout = (ef_layout){.n_dims = 0};
    if (param && site->target != EF_TARGET_SCALES) {
        site->layout = ef_net_param_layout(net, param);
    }
    finish(site, name, buffer);
}

void ef_site_name_output(ef_site *site, const ef_net *net,
                         char buffer[EF_SITE_NAME_SIZE])
{
    char by_default[EF_PARAM_NAME_SIZE];
    site->layout = (ef_layout){.n_dims = 0};
    if (site->target != EF_TARGET_SCALES) {
        site->layout = ef_net_output_layout(net, site->node);
    }
    finish(site, ef_net_output_name(net, site->node, by_default), buffer);
}
