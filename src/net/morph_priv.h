/* What the files of the network operators share: the edit of a parent into a child, and
 * the moments of activations. */
#ifndef EF_NET_MORPH_PRIV_H
#define EF_NET_MORPH_PRIV_H

#include "net/channels.h"
#include "net/morph.h"

#define EF_NO_NODE UINT32_MAX
#define EF_EDIT_NEW 16 /* nodes that one edit may add */

/* The channels of a tensor of the child in terms of the parent's: child channel i is
 * like the parent's source[i], which is worth share[i] of it to its readers (the shares
 * of all channels that are like one channel sum to 1).  source[i] = EF_NO_NODE: like
 * none.  source NULL: channel i is like channel i.  share NULL: all 1.
 *
 * With a matrix, (n_old, n / span), layers that read the tensor take the parent's
 * channel k to be the sum over i of matrix[k][i] times channel i instead; behind a
 * flatten a channel is `span` elements. */
typedef struct ef_map {
    uint32_t n; /* channels of the child's tensor; 0: no map */
    const uint32_t *source;
    const float *share;
    const float *matrix;
    uint32_t n_old;
    uint32_t span;
} ef_map;

typedef struct ef_edit_node {
    ef_map out;     /* of the output, given by the operator; n = 0: by rule */
    uint32_t by;    /* whoever read this node reads that one now; EF_NO_NODE: no */
    ef_map by_map;  /* that one in terms of this one; n = 0: they are alike */
    uint32_t where; /* position in the child; EF_NO_NODE: not there */
} ef_edit_node;

/* A child in the making.  The nodes of the parent keep their positions in graph; new
 * ones come behind them.  A failure while nodes are added is kept in status and
 * reported by ef_edit_finish, so that operators need not look. */
typedef struct ef_edit {
    const ef_net *parent;
    ef_graph graph;
    ef_edit_node *nodes; /* (n_old + EF_EDIT_NEW) */
    size_t n_old;
    int lossy; /* set by operators that drop something: means are adjusted */
    ef_status status;
    ef_net *child; /* after ef_edit_finish */
} ef_edit;

EF_NODISCARD ef_status ef_edit_init(ef_edit *edit, const ef_net *parent, ef_error *err);
/* Ends the edit; gives its child away when status is EF_OK.  Returns status. */
ef_status ef_edit_end(ef_edit *edit, ef_status status, ef_net **child);

/* Each appends a node that reads `input` and returns its position. */
uint32_t ef_edit_add(ef_edit *edit, ef_node node, uint32_t input);
/* Padded to keep height and width at stride 1; kernel odd. */
uint32_t ef_edit_conv(ef_edit *edit, uint32_t input, uint32_t channels, uint32_t kernel,
                      uint32_t stride);
uint32_t ef_edit_op(ef_edit *edit, uint32_t input, ef_op op);
uint32_t ef_edit_activation(ef_edit *edit, uint32_t input, const ef_space *space);
/* A node with two inputs. */
uint32_t ef_edit_join(ef_edit *edit, ef_op op, uint32_t first, uint32_t second);

/* Nodes of the parent that read `from` read `to`, a new node that stands for it. */
void ef_edit_splice(ef_edit *edit, uint32_t from, uint32_t to);
/* All nodes that read `from` read `to` instead; map says what the channels of `to` are
 * in terms of those of `from` (n = 0: the same), its arrays are borrowed until
 * ef_edit_finish. */
void ef_edit_bypass(ef_edit *edit, uint32_t from, uint32_t to, ef_map map);

/* Drops what is no longer read, builds the child when the space holds it, and copies
 * the parent's parameters by the maps.  EF_ERR_TOPOLOGY, EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_edit_finish(ef_edit *edit, const ef_space *space,
                                      ef_error *err);

/* The child's position of a node, and its values, after ef_edit_finish. */
size_t ef_edit_where(const ef_edit *edit, uint32_t node);
float *ef_edit_values(const ef_edit *edit, uint32_t node, ef_role role);

/* EF_ERR_TOPOLOGY: the operator has no place in this network. */
ef_status ef_morph_no_place(ef_error *err, const char *name);
/* True with the chance 1 / ++*n_seen: keeping what it is true for draws evenly among
 * the n_seen candidates. */
int ef_morph_keep(ef_rng *rng, uint32_t *n_seen);
/* Whether a node's only reader has this operation; the reader in *reader. */
int ef_morph_only_reader(const ef_topology *topology, size_t node, ef_op op,
                         size_t *reader);

/* Least and greatest value of each tensor, as far as activations say, (n_nodes) each.
 */
typedef struct ef_ranges {
    float *low;
    float *high;
} ef_ranges;

EF_NODISCARD ef_status ef_ranges_init(ef_ranges *ranges, const ef_topology *topology,
                                      ef_error *err);
void ef_ranges_clear(ef_ranges *ranges);
/* Whether the activation changes nothing in the range of a node. */
int ef_ranges_keep(const ef_ranges *ranges, size_t node,
                   const ef_activation *activation);

/* Mean and variance of the channels of tensors, as batch norms say: beta and gamma^2
 * behind one, closed forms of a normal variable behind relu and clip, sums behind add;
 * poolings and other activations pass on what comes in; the (normalised) input has 0
 * and 1.  Tensors are computed when asked for. */
typedef struct ef_moments {
    const ef_net *net;
    size_t *first;   /* (n_nodes + 1) */
    float *mean;     /* of node i from mean[first[i]] on, one per channel */
    float *variance; /* likewise */
    uint8_t *known;  /* (n_nodes) */
} ef_moments;

EF_NODISCARD ef_status ef_moments_init(ef_moments *moments, const ef_net *net,
                                       ef_error *err);
void ef_moments_clear(ef_moments *moments);
/* The means of a node's channels, *variance likewise. */
const float *ef_moments_of(ef_moments *moments, size_t node, const float **variance);
/* Mean and variance of each output of a convolution or dense layer, (channels) each,
 * inputs taken as independent. */
void ef_moments_layer(ef_moments *moments, size_t node, double *mean, double *variance);

/* Which part of a small change of its input comes through an activation, on average
 * over a normal input; 1 for kinds other than relu, clip and leaky. */
double ef_moments_slope(const ef_activation *activation, double mean, double variance);

/* Behind a layer whose outputs had the means `before` and have `after` now, (channels)
 * each: moves the running mean of the batch norm that alone reads it, or its bias.  (To
 * correct variances in the same way makes the error larger.) */
void ef_morph_adjust(ef_net *net, size_t layer, const double *before,
                     const double *after);

/* First values of a new layer of the child and of the batch norm behind it: weights by
 * ef_net_initialise_node, the statistics their closed form, gamma as given. */
EF_NODISCARD ef_status ef_morph_start(ef_rng *rng, const ef_edit *edit, uint32_t layer,
                                      uint32_t norm, float gamma, ef_error *err);

ef_operator_apply ef_morph_insert, ef_morph_residual, ef_morph_hidden, ef_morph_remove;
ef_operator_apply ef_morph_widen, ef_morph_prune;
ef_operator_apply ef_morph_add, ef_morph_concat, ef_morph_unskip;
ef_operator_apply ef_morph_grow, ef_morph_shrink, ef_morph_separate, ef_morph_stride;
ef_operator_apply ef_morph_pool, ef_morph_unpool, ef_morph_flatten, ef_morph_average;

#endif
