/* A network: a topology and the values of its parameters, all in one arena.
 *
 * The parameters of a node stand in a table (node, role, shape, offset), in the order
 * of the topology's nodes; a value is an address in the arena. */
#ifndef EF_NET_NET_H
#define EF_NET_NET_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "net/topology.h"

/* name as the suffix of an initialiser (conv1.weight), trained by gradients */
#define EF_ROLE_LIST(X)                                                                \
    X(WEIGHT, "weight", 1) /* conv (out, in / groups, kh, kw); dense (out, in) */      \
    X(BIAS, "bias", 1)     /* (out) */                                                 \
    X(GAMMA, "gamma", 1)   /* batch norm, each (channels) */                           \
    X(BETA, "beta", 1)                                                                 \
    X(MEAN, "mean", 0)                                                                 \
    X(VARIANCE, "variance", 0)                                                         \
    X(SCALE, "scale", 0) /* of a scale node, (channels): x * scale + shift */          \
    X(SHIFT, "shift", 0)                                                               \
    X(SLOPE, "slope", 1) /* prelu, (channels) */

typedef enum ef_role {
#define X(role, name, trained) EF_ROLE_##role,
    EF_ROLE_LIST(X)
#undef X
        EF_ROLE_COUNT
} ef_role;

typedef struct ef_param {
    uint32_t node;
    uint32_t role; /* ef_role */
    uint32_t n_dims;
    uint32_t dims[4]; /* unused ones are 1 */
    size_t offset;    /* of its first value in the arena; a multiple of 16 */
    size_t count;
} ef_param;

/* Names and layouts in a file, see net/origin.h. */
typedef struct ef_origin ef_origin;

/* Open for reading; made and freed only by the functions below. */
typedef struct ef_net {
    ef_topology *topology; /* owned */
    ef_param *params;      /* (n_params) */
    size_t n_params;
    float *values; /* (n_values), 64-byte aligned */
    size_t n_values;
    char **names;      /* (n_params) given names, NULL for those without; or NULL */
    ef_origin *origin; /* owned; NULL: names of outputs and layouts are the default */
} ef_net;

/* A copy of topology with zeros for weights, gamma = variance = scale = 1, slope 0.25.
 * EF_ERR_MEMORY; EF_ERR_TOPOLOGY above 2^31 parameters. */
EF_NODISCARD ef_status ef_net_create(ef_net **net, const ef_topology *topology,
                                     ef_error *err);
/* The same without values: a plan of a network, which has its table of parameters only
 * (values is NULL). */
EF_NODISCARD ef_status ef_net_create_plan(ef_net **net, const ef_topology *topology,
                                          ef_error *err);
/* Copies names of parameters, and what is known of the file, too. */
EF_NODISCARD ef_status ef_net_dup(ef_net **copy, const ef_net *net);
void ef_net_destroy(ef_net *net);

/* NULL where the node has no such parameter. */
const ef_param *ef_net_param(const ef_net *net, size_t node, ef_role role);
float *ef_net_values(const ef_net *net, size_t node, ef_role role);

/* He et al. (doi:10.1109/ICCV.2015.123): weights N(0, 2 / fan_in), the output layer
 * N(0, 1 / fan_in); biases 0; the rest as ef_net_create leaves it.  Draws one stream
 * per node keyed by its position. */
void ef_net_initialise(ef_net *net, uint64_t seed, uint64_t a, uint64_t b);
/* The same for one node; of a plan, draws as much and sets nothing. */
void ef_net_initialise_node(ef_net *net, size_t node, ef_rng *rng);

#define EF_PARAM_NAME_SIZE (EF_NAME_SIZE + 16) /* with the NUL */

/* Gives parameter `param`, a position in net->params, a copy of name, cut to fit
 * EF_PARAM_NAME_SIZE between UTF-8 characters; "" or NULL takes the name away.  Names
 * need not differ.  EF_ERR_MEMORY: the name is as before. */
EF_NODISCARD ef_status ef_net_set_param_name(ef_net *net, size_t param,
                                             const char *name);
/* Writes the name given to an element of net->params, or else ef_net_default_name. */
void ef_net_param_name(const ef_net *net, const ef_param *param,
                       char name[EF_PARAM_NAME_SIZE]);
/* "conv1.weight": node name, dot, role. */
void ef_net_default_name(const ef_net *net, const ef_param *param,
                         char name[EF_PARAM_NAME_SIZE]);
/* Gives each parameter of node `to` the name of the same one of node `from` of another
 * net, where that was given one.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_net_copy_names(ef_net *net, size_t to, const ef_net *other,
                                         size_t from);
/* Gives each parameter the values, where there are as many, and the name of the one in
 * the same role that the node of the same name in other has.  Node `fresh` (SIZE_MAX:
 * none) gets the names only.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_net_copy_params(ef_net *net, const ef_net *other,
                                          size_t fresh);
const char *ef_role_name(ef_role role);
int ef_role_is_trained(ef_role role);

#endif
