#include "net/origin.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static ef_origin *own_origin(ef_net *net)
{
    if (net->origin) {
        return net->origin;
    }
    size_t n_nodes = ef_topology_n_nodes(net->topology);
    ef_origin *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return NULL;
    }
    made->outputs = ef_calloc(n_nodes, sizeof *made->outputs);
    made->output_layouts = ef_calloc(n_nodes, sizeof *made->output_layouts);
    made->param_layouts = ef_calloc(net->n_params, sizeof *made->param_layouts);
    if (!made->outputs || !made->output_layouts || !made->param_layouts) {
        ef_origin_destroy(made, n_nodes);
        return NULL;
    }
    net->origin = made;
    return made;
}

void ef_origin_destroy(ef_origin *origin, size_t n_nodes)
{
    for (size_t i = 0; origin->outputs && i < n_nodes; i++) {
        ef_free(origin->outputs[i]);
    }
    ef_free(origin->outputs);
    ef_free(origin->output_layouts);
    ef_free(origin->param_layouts);
    ef_free(origin);
}

static const char *default_name(const ef_net *net, size_t node,
                                char buffer[EF_PARAM_NAME_SIZE])
{
    const ef_topology *topology = net->topology;
    snprintf(buffer, EF_PARAM_NAME_SIZE, "%s_output",
             ef_topology_node(topology, node)->name);
    return node == ef_topology_input(topology)    ? "input"
           : node == ef_topology_output(topology) ? "logits"
                                                  : buffer;
}

ef_status ef_net_set_output(ef_net *net, size_t node, const char *name,
                            const ef_layout *layout)
{
    char buffer[EF_PARAM_NAME_SIZE], *kept = NULL;
    int is_given = name && name[0] && strcmp(name, default_name(net, node, buffer));
    if (!is_given && layout->n_dims == 0 && !net->origin) {
        return EF_OK;
    }
    ef_origin *origin = own_origin(net);
    if (!origin || (is_given && !(kept = ef_strdup(name)))) {
        return EF_ERR_MEMORY;
    }
    ef_free(origin->outputs[node]);
    origin->outputs[node] = kept;
    origin->output_layouts[node] = *layout;
    return EF_OK;
}

ef_status ef_net_set_layout(ef_net *net, size_t param, const ef_layout *layout)
{
    if (layout->n_dims == 0 && !net->origin) {
        return EF_OK;
    }
    ef_origin *origin = own_origin(net);
    if (!origin) {
        return EF_ERR_MEMORY;
    }
    origin->param_layouts[param] = *layout;
    return EF_OK;
}

const char *ef_net_output_name(const ef_net *net, size_t node,
                               char buffer[EF_PARAM_NAME_SIZE])
{
    const char *given = net->origin ? net->origin->outputs[node] : NULL;
    return given ? given : default_name(net, node, buffer);
}

ef_layout ef_net_output_layout(const ef_net *net, size_t node)
{
    return net->origin ? net->origin->output_layouts[node] : (ef_layout){.n_dims = 0};
}

ef_layout ef_net_param_layout(const ef_net *net, const ef_param *param)
{
    return net->origin ? net->origin->param_layouts[param - net->params]
                       : (ef_layout){.n_dims = 0};
}

int ef_net_is_shared(const ef_net *net, const ef_param *param)
{
    size_t at = (size_t)(param - net->params);
    const char *name = net->names ? net->names[at] : NULL;
    for (size_t i = 0; name && i < net->n_params; i++) {
        if (i != at && net->names[i] && strcmp(net->names[i], name) == 0) {
            return 1;
        }
    }
    return 0;
}

ef_status ef_net_copy_output(ef_net *net, size_t to, const ef_net *other, size_t from)
{
    char buffer[EF_PARAM_NAME_SIZE];
    ef_layout layout = ef_net_output_layout(other, from);
    return ef_net_set_output(net, to, ef_net_output_name(other, from, buffer), &layout);
}

/* The node of the same name; SIZE_MAX where there is none. */
static size_t find_twin(const ef_net *net, size_t node, const ef_net *other)
{
    return ef_topology_find(other->topology,
                            ef_topology_node(net->topology, node)->name);
}

ef_status ef_net_copy_origin(ef_net *net, const ef_net *other)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < ef_topology_n_nodes(net->topology) && !status; i++) {
        size_t from = find_twin(net, i, other);
        if (from != SIZE_MAX &&
            ef_shape_equal(ef_topology_shape(net->topology, i),
                           ef_topology_shape(other->topology, from))) {
            status = ef_net_copy_output(net, i, other, from);
        }
    }
    for (size_t i = 0; i < net->n_params && !status && other->origin; i++) {
        const ef_param *param = &net->params[i], *theirs = NULL;
        size_t from = find_twin(net, param->node, other);
        if (from != SIZE_MAX) {
            theirs = ef_net_param(other, from, (ef_role)param->role);
        }
        if (theirs && memcmp(theirs->dims, param->dims, sizeof param->dims) == 0) {
            ef_layout layout = ef_net_param_layout(other, theirs);
            status = ef_net_set_layout(net, i, &layout);
        }
    }
    return status;
}
