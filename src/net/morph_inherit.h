/* How a child inherits its parent's parameters. */
#ifndef EF_NET_MORPH_INHERIT_H
#define EF_NET_MORPH_INHERIT_H

#include "net/morph_priv.h"

/* Finds for every tensor of the child which of its channels are which of the parent's,
 * starting from the maps that the operator gave, and copies parameters accordingly:
 * channels that are like none of the parent's get weight 0 from their readers, kernels
 * are aligned by where they look, and dense layers behind a flatten by place.  Where
 * the edit is lossy, batch norms and biases are moved by ef_morph_adjust.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_edit_inherit(ef_edit *edit, ef_error *err);

/* One parameter of a node, on its way from the parent to the child; out and in say what
 * the channels of the node's output and input have become. */
typedef struct ef_param_copy {
    float *to;
    const float *from;
    const ef_param *now;
    const ef_param *was;
    const ef_node *now_node;
    const ef_node *was_node;
    ef_map out;
    ef_map in;
} ef_param_copy;

/* What has no source stays as it is. */
void ef_param_copy_run(const ef_param_copy *c);

/* Whether two convolutions look at the same places. */
int ef_conv_same_geometry(const ef_conv *a, const ef_conv *b);

/* Whether every channel is what it was. */
int ef_map_is_plain(const ef_map *map);
/* The source of channel i of a map; EF_NO_NODE where it is none of the parent's n. */
uint32_t ef_map_source(const ef_map *map, uint32_t i, uint32_t n);
float ef_map_share(const ef_map *map, uint32_t i);

#endif
