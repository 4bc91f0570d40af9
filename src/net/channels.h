/* Which channels of a topology belong together.
 *
 * The outputs of two convolutions that meet in an add must have the same width, and
 * their channel 3 is one channel: whoever removes it from one removes it from both, and
 * from every batch norm, depthwise convolution and reader in between.  Such channels
 * form a group.  A convolution, a dense layer, or the input makes the channels of one
 * group; add and mul join groups; everything that treats channels one by one (batch
 * norm, activation, pooling, scale, depthwise convolution) passes them on.
 *
 * A tensor is a row of runs, each the channels of one group: one run behind a
 * convolution, several behind a concat.  Behind a flatten a channel is `span`
 * consecutive elements, one for each place of the image it was.
 *
 * A group is fixed when its width is not free: the input's and the output's, and that
 * of whatever has channels moved in a way that runs do not describe (convolutions of
 * several groups that are not depthwise, pad, slice, transpose and softmax over
 * channels, reshape, div, adds of tensors made of different runs). */
#ifndef EF_NET_CHANNELS_H
#define EF_NET_CHANNELS_H

#include <stddef.h>
#include <stdint.h>

#include "net/topology.h"

typedef struct ef_channel_run {
    uint32_t group;
    uint32_t channels; /* of the group */
    uint32_t span;     /* elements per channel: 1 before a flatten */
} ef_channel_run;

typedef struct ef_channel_group {
    uint32_t channels;
    uint32_t fixed; /* 0 or 1 */
} ef_channel_group;

typedef struct ef_channels {
    ef_channel_run *runs;
    size_t *first; /* (n_nodes + 1): runs of node i are first[i] .. first[i + 1] - 1 */
    size_t n_nodes;
    ef_channel_group *groups; /* (n_groups), in the order of their first node */
    size_t n_groups;
} ef_channels;

/* O(nodes + runs).  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_channels_init(ef_channels *channels,
                                        const ef_topology *topology, ef_error *err);
void ef_channels_clear(ef_channels *channels);

/* The runs of a node's output, their number in *n_runs. */
const ef_channel_run *ef_channels_runs(const ef_channels *channels, size_t node,
                                       size_t *n_runs);

/* The group of a node whose output is one run; UINT32_MAX where it is several. */
uint32_t ef_channels_group(const ef_channels *channels, size_t node);

/* Whether a convolution treats channels one by one (as many groups as inputs and as
 * outputs, more than one). */
int ef_conv_is_depthwise(const ef_topology *topology, size_t node);

/* Whether a node makes the channels of its group: convolutions that are not depthwise
 * and dense layers. */
int ef_channels_is_producer(const ef_topology *topology, size_t node);

#endif
