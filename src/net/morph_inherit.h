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

#endif
