/* What the tensors of a network are called in its file, and how they lie there.
 *
 * A network that was read knows of each output which value of the file has its
 * elements, and of each parameter in which order its initialiser has them.  What is
 * not in the file as it is here has the name that the file evoflip writes would give
 * it. */
#ifndef EF_NET_ORIGIN_H
#define EF_NET_ORIGIN_H

#include "net/layout.h"
#include "net/net.h"

struct ef_origin {
    char **outputs;            /* (n_nodes) names, NULL for those without */
    ef_layout *output_layouts; /* (n_nodes) */
    ef_layout *param_layouts;  /* (n_params) */
};

/* Copies name ("" or NULL takes the name away) and layout.  EF_ERR_MEMORY: the output
 * is as before. */
EF_NODISCARD ef_status ef_net_set_output(ef_net *net, size_t node, const char *name,
                                         const ef_layout *layout);
/* The order in which the file has parameter `param`, a position in net->params. */
EF_NODISCARD ef_status ef_net_set_layout(ef_net *net, size_t param,
                                         const ef_layout *layout);

/* The name given to a node's output, or else what the writer calls it, which goes to
 * buffer: "input", "logits", "<node>_output". */
const char *ef_net_output_name(const ef_net *net, size_t node,
                               char buffer[EF_PARAM_NAME_SIZE]);
ef_layout ef_net_output_layout(const ef_net *net, size_t node);
/* Of an element of net->params. */
ef_layout ef_net_param_layout(const ef_net *net, const ef_param *param);
/* Whether another parameter has the same name: the file has one for both. */
int ef_net_is_shared(const ef_net *net, const ef_param *param);

/* Gives the output of node `to` the name and layout that node `from` of another network
 * has for its own.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_net_copy_output(ef_net *net, size_t to, const ef_net *other,
                                          size_t from);
/* The same for all nodes of the same names and shapes, and their parameters.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_net_copy_origin(ef_net *net, const ef_net *other);

void ef_origin_destroy(ef_origin *origin, size_t n_nodes);

#endif
