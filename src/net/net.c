/* Networks: the arena of parameter values, and their first values.
 *
 * [1] K. He, X. Zhang, S. Ren, J. Sun, Delving Deep into Rectifiers, ICCV 2015,
 *     doi:10.1109/ICCV.2015.123. */
#include "net/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/origin.h"
#include "net/topology_priv.h"

#define ALIGNMENT 16 /* values; 64 bytes */
#define MAX_PARAMETERS (UINT64_C(1) << 31)

static const struct {
    const char *name;
    int is_trained;
    float first_value;
} roles[EF_ROLE_COUNT] = {
#define X(role, name, trained) [EF_ROLE_##role] = {name, trained, FIRST_##role},
#define FIRST_WEIGHT 0
#define FIRST_BIAS 0
#define FIRST_GAMMA 1
#define FIRST_BETA 0
#define FIRST_MEAN 0
#define FIRST_VARIANCE 1
#define FIRST_SCALE 1
#define FIRST_SHIFT 0
#define FIRST_SLOPE 0.25F
    EF_ROLE_LIST(X)
#undef X
};

const char *ef_role_name(ef_role role)
{
    return roles[role].name;
}

int ef_role_is_trained(ef_role role)
{
    return roles[role].is_trained;
}

/* Writes the table of parameters unless params is NULL; their number, and in *n_values
 * the size of the arena. */
static size_t list_params(const ef_topology *topology, ef_param *params,
                          uint64_t *n_values)
{
    size_t n = 0;
    *n_values = 0;
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        const ef_node *node = ef_topology_node(topology, i);
        size_t from = node->n_inputs ? node->inputs[0] : i;
        ef_param_shape shapes[EF_MAX_PARAMS];
        size_t n_shapes =
            ef_node_params(node, ef_topology_shape(topology, from), shapes);
        for (size_t k = 0; k < n_shapes; k++) {
            size_t count = ef_param_count(&shapes[k]);
            if (params) {
                ef_param *param = &params[n];
                *param = (ef_param){.node = (uint32_t)i,
                                    .role = shapes[k].role,
                                    .n_dims = shapes[k].n_dims,
                                    .offset = (size_t)*n_values,
                                    .count = count};
                memcpy(param->dims, shapes[k].dims, sizeof param->dims);
            }
            n++;
            *n_values += (count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        }
    }
    return n;
}

static void fill(ef_net *net, const ef_param *param)
{
    float *values = net->values + param->offset;
    for (size_t i = 0; i < param->count; i++) {
        values[i] = roles[param->role].first_value;
    }
}

ef_status ef_net_create_plan(ef_net **net, const ef_topology *topology, ef_error *err)
{
    uint64_t n_values;
    size_t n_params = list_params(topology, NULL, &n_values);
    if (n_values > MAX_PARAMETERS) {
        return ef_error_set(err, EF_ERR_TOPOLOGY,
                            "the network has %llu parameters, more than 2^31",
                            (unsigned long long)n_values);
    }
    ef_net *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->n_params = n_params;
    made->n_values = (size_t)n_values;
    made->params = ef_calloc(n_params, sizeof made->params[0]);
    if (!made->params || ef_topology_dup(&made->topology, topology)) {
        ef_net_destroy(made);
        return ef_error_memory(err);
    }
    list_params(topology, made->params, &n_values);
    *net = made;
    return EF_OK;
}

ef_status ef_net_create(ef_net **net, const ef_topology *topology, ef_error *err)
{
    ef_net *made = NULL;
    ef_status status = ef_net_create_plan(&made, topology, err);
    if (status) {
        return status;
    }
    made->values = ef_calloc_aligned(made->n_values, sizeof made->values[0]);
    if (!made->values) {
        ef_net_destroy(made);
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < made->n_params; i++) {
        fill(made, &made->params[i]);
    }
    *net = made;
    return EF_OK;
}

ef_status ef_net_dup(ef_net **copy, const ef_net *net)
{
    ef_net *made;
    ef_status status = ef_net_create(&made, net->topology, NULL);
    if (status) {
        return status;
    }
    memcpy(made->values, net->values, net->n_values * sizeof net->values[0]);
    for (size_t i = 0; i < ef_topology_n_nodes(net->topology) && !status; i++) {
        status = ef_net_copy_names(made, i, net, i);
    }
    if (!status && net->origin) {
        status = ef_net_copy_origin(made, net);
    }
    if (status) {
        ef_net_destroy(made);
        return status;
    }
    *copy = made;
    return EF_OK;
}

void ef_net_destroy(ef_net *net)
{
    if (net) {
        for (size_t i = 0; net->names && i < net->n_params; i++) {
            ef_free(net->names[i]);
        }
        ef_free(net->names);
        if (net->origin) {
            ef_origin_destroy(net->origin, ef_topology_n_nodes(net->topology));
        }
        ef_topology_destroy(net->topology);
        ef_free(net->params);
        ef_free(net->values);
        ef_free(net);
    }
}

/* The first parameter of the first node that is not before `node`. */
static size_t find_first(const ef_net *net, size_t node)
{
    size_t low = 0, high = net->n_params;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (net->params[middle].node < node) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const ef_param *ef_net_param(const ef_net *net, size_t node, ef_role role)
{
    for (size_t i = find_first(net, node);
         i < net->n_params && net->params[i].node == node; i++) {
        if (net->params[i].role == (uint32_t)role) {
            return &net->params[i];
        }
    }
    return NULL;
}

float *ef_net_values(const ef_net *net, size_t node, ef_role role)
{
    const ef_param *param = ef_net_param(net, node, role);
    return param ? net->values + param->offset : NULL;
}

/* The layer whose sums are the network's output: nothing bends what comes after. */
static int is_output_layer(const ef_topology *topology, size_t index)
{
    size_t at = ef_topology_output(topology);
    const ef_node *node = ef_topology_node(topology, at);
    while (at != index && node->n_inputs == 1 && !ef_op_row_of(node->op)->has_weights &&
           node->op != EF_OP_ACTIVATION) {
        at = node->inputs[0];
        node = ef_topology_node(topology, at);
    }
    return at == index;
}

void ef_net_initialise_node(ef_net *net, size_t node, ef_rng *rng)
{
    for (size_t i = find_first(net, node);
         i < net->n_params && net->params[i].node == node; i++) {
        const ef_param *param = &net->params[i];
        if (!net->values) {
            ef_rng_skip_normals(rng, param->role == EF_ROLE_WEIGHT ? param->count : 0);
            continue;
        }
        fill(net, param);
        if (param->role != EF_ROLE_WEIGHT) {
            continue;
        }
        double fan_in = (double)param->dims[1] * param->dims[2] * param->dims[3];
        double gain = is_output_layer(net->topology, node) ? 1 : 2;
        double deviation = sqrt(gain / fan_in);
        for (size_t k = 0; k < param->count; k++) {
            net->values[param->offset + k] = (float)(deviation * ef_rng_normal(rng));
        }
    }
}

void ef_net_initialise(ef_net *net, uint64_t seed, uint64_t a, uint64_t b)
{
    for (size_t i = 0; i < ef_topology_n_nodes(net->topology); i++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_INIT, a, b, i);
        ef_net_initialise_node(net, i, &rng);
    }
}

/* The bytes of name that fit a name of a parameter, whole UTF-8 characters only. */
static size_t fitting_length(const char *name)
{
    size_t n = strnlen(name, EF_PARAM_NAME_SIZE);
    if (n == EF_PARAM_NAME_SIZE) {
        n--;
        while (n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80) {
            n--;
        }
    }
    return n;
}

/* One that equals the default is not kept, so that a net that was written and read
 * again is the same net to whoever copies it node by node. */
ef_status ef_net_set_param_name(ef_net *net, size_t param, const char *name)
{
    char cut[EF_PARAM_NAME_SIZE] = "", by_default[EF_PARAM_NAME_SIZE];
    if (name) {
        memcpy(cut, name, fitting_length(name));
    }
    ef_net_default_name(net, &net->params[param], by_default);
    char *kept = NULL;
    if (cut[0] && strcmp(cut, by_default) != 0) {
        if (!net->names) {
            net->names = ef_calloc(net->n_params, sizeof net->names[0]);
        }
        kept = net->names ? ef_strdup(cut) : NULL;
        if (!kept) {
            return EF_ERR_MEMORY;
        }
    }
    if (net->names) {
        ef_free(net->names[param]);
        net->names[param] = kept;
    }
    return EF_OK;
}

void ef_net_default_name(const ef_net *net, const ef_param *param,
                         char name[EF_PARAM_NAME_SIZE])
{
    snprintf(name, EF_PARAM_NAME_SIZE, "%s.%s",
             ef_topology_node(net->topology, param->node)->name,
             ef_role_name((ef_role)param->role));
}

void ef_net_param_name(const ef_net *net, const ef_param *param,
                       char name[EF_PARAM_NAME_SIZE])
{
    const char *given = net->names ? net->names[param - net->params] : NULL;
    if (given) {
        snprintf(name, EF_PARAM_NAME_SIZE, "%s", given);
    } else {
        ef_net_default_name(net, param, name);
    }
}

ef_status ef_net_copy_names(ef_net *net, size_t to, const ef_net *other, size_t from)
{
    ef_status status = EF_OK;
    for (size_t i = find_first(net, to);
         i < net->n_params && net->params[i].node == to && !status && other->names;
         i++) {
        const ef_param *param = ef_net_param(other, from, (ef_role)net->params[i].role);
        if (param) {
            status = ef_net_set_param_name(net, i, other->names[param - other->params]);
        }
    }
    return status;
}

ef_status ef_net_copy_params(ef_net *net, const ef_net *other, size_t fresh)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < net->n_params && !status; i++) {
        const ef_param *to = &net->params[i];
        const char *name = ef_topology_node(net->topology, to->node)->name;
        size_t node = ef_topology_find(other->topology, name);
        const ef_param *from =
            node == SIZE_MAX ? NULL : ef_net_param(other, node, (ef_role)to->role);
        if (from && from->count == to->count && to->node != fresh) {
            memcpy(net->values + to->offset, other->values + from->offset,
                   to->count * sizeof net->values[0]);
        }
        if (from && other->names) {
            status = ef_net_set_param_name(net, i, other->names[from - other->params]);
        }
    }
    return status;
}
