/* Operators that add and remove skips. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "net/morph_priv.h"
#include "net/space_priv.h"

/* A shortcut without weights needs batch norms that scale by no less: the layer below
 * takes it back by weights of 1 / gamma. */
#define LEAST_GAMMA 0.2F

/* From where to where a skip leads. */
typedef struct skip {
    uint32_t from;
    uint32_t to;     /* add: a batch norm; concat: the node that reads both */
    uint32_t stride; /* heights and widths of `from` against those it meets */
} skip;

/* Tensors that a skip may start from. */
static int is_source(const ef_topology *topology, size_t node)
{
    static const uint8_t sources[EF_OP_COUNT] = {
        [EF_OP_ACTIVATION] = 1, [EF_OP_MAXPOOL] = 1, [EF_OP_AVGPOOL] = 1,
        [EF_OP_ADD] = 1,        [EF_OP_CONCAT] = 1,  [EF_OP_SCALE] = 1};
    return sources[ef_topology_node(topology, node)->op] &&
           ef_topology_shape(topology, node).rank == 4;
}

static int reads(const ef_node *node, size_t input)
{
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        if (node->inputs[k] == input) {
            return 1;
        }
    }
    return 0;
}

/* The stride of a 1x1 convolution that makes `to` of `from`; 0 where there is none. */
static uint32_t conv_stride(ef_shape from, ef_shape to)
{
    uint32_t stride = (from.height + to.height - 1) / to.height;
    int fits = (from.height - 1) / stride + 1 == to.height &&
               (from.width - 1) / stride + 1 == to.width;
    return fits ? stride : 0;
}

/* The kernel and stride of a pooling that makes `to` of `from`; 0: there is none. */
static uint32_t pool_stride(ef_shape from, ef_shape to)
{
    uint32_t stride = from.height / to.height;
    int fits = stride > 0 && from.height / stride == to.height &&
               from.width / stride == to.width;
    return fits ? stride : 0;
}

/* Whether a convolution is padded so that height and width stay, and dense. */
static int keeps_size(const ef_conv *conv)
{
    int keeps = conv->groups == 1;
    for (size_t i = 0; i < 2; i++) {
        keeps &= conv->stride[i] == 1 && conv->dilation[i] == 1 &&
                 conv->kernel[i] % 2 == 1 && conv->pad[i] == conv->kernel[i] / 2 &&
                 conv->pad[i + 2] == conv->pad[i];
    }
    return keeps;
}

/* A batch norm behind a convolution that an added skip can end at.  One that ends a
 * shortcut already is none. */
static int is_end_of_add(const ef_topology *topology, size_t norm)
{
    const ef_node *node = ef_topology_node(topology, norm);
    size_t add;
    if (node->op != EF_OP_BATCHNORM || ef_topology_shape(topology, norm).rank != 4 ||
        norm == ef_topology_output(topology)) {
        return 0;
    }
    const ef_node *layer = ef_topology_node(topology, node->inputs[0]);
    int is_shortcut = ef_morph_only_reader(topology, norm, EF_OP_ADD, &add) &&
                      layer->u.conv.kernel[0] == 1;
    return layer->op == EF_OP_CONV && !is_shortcut;
}

/* Whether the add that reads the batch norm, if there is one, can read one more. */
static int can_join(const ef_topology *topology, skip s)
{
    size_t add;
    if (!ef_morph_only_reader(topology, s.to, EF_OP_ADD, &add)) {
        return 1;
    }
    const ef_node *node = ef_topology_node(topology, add);
    return !reads(node, s.from) && node->n_inputs < EF_MAX_INPUTS;
}

/* Whether the skip leads around one convolution and its batch norm, so that these can
 * take back what it adds. */
static int can_take_back(const ef_net *net, skip s)
{
    const ef_topology *topology = net->topology;
    size_t layer = ef_topology_node(topology, s.to)->inputs[0], reader;
    const ef_node *conv = ef_topology_node(topology, layer);
    const float *gamma = ef_net_values(net, s.to, EF_ROLE_GAMMA);
    ef_shape shape = ef_topology_shape(topology, s.to);
    int can = conv->inputs[0] == s.from && keeps_size(&conv->u.conv) &&
              ef_shape_equal(ef_topology_shape(topology, s.from), shape) &&
              ef_morph_only_reader(topology, layer, EF_OP_BATCHNORM, &reader);
    for (uint32_t i = 0; i < shape.channels && can; i++) {
        can = fabsf(gamma[i]) >= LEAST_GAMMA;
    }
    return can;
}

/* Draws among all skips, or among those that can_take_back. */
static skip pick_add(ef_rng *rng, const ef_space *space, const ef_net *net, int plain)
{
    const ef_topology *topology = net->topology;
    skip picked = {EF_NO_NODE, EF_NO_NODE, 0};
    uint32_t n_seen = 0;
    for (uint32_t to = 0; to < ef_topology_n_nodes(topology); to++) {
        for (uint32_t from = 0; from < to && is_end_of_add(topology, to); from++) {
            skip s = {from, to,
                      conv_stride(ef_topology_shape(topology, from),
                                  ef_topology_shape(topology, to))};
            if (is_source(topology, from) && ef_space_allows_stride(space, s.stride) &&
                can_join(topology, s) && (!plain || can_take_back(net, s)) &&
                ef_morph_keep(rng, &n_seen)) {
                picked = s;
            }
        }
    }
    return picked;
}

/* The convolution in front of the batch norm `norm` takes its input off again: with
 * g = gamma / sqrt(var + eps), its middle taps change by -1 / g, and the statistics
 * follow (inputs and outputs taken as independent). */
static ef_status take_back(const ef_edit *edit, skip s, ef_error *err)
{
    ef_moments moments;
    ef_status status = ef_moments_init(&moments, edit->parent, err);
    if (status) {
        return status;
    }
    uint32_t conv = edit->graph.nodes[s.to].inputs[0];
    const ef_param *weight =
        ef_net_param(edit->child, ef_edit_where(edit, conv), EF_ROLE_WEIGHT);
    float *values = edit->child->values + weight->offset;
    size_t n = weight->dims[1], taps = (size_t)weight->dims[2] * weight->dims[3];
    const float *in_variance, *in_mean = ef_moments_of(&moments, s.from, &in_variance);
    float *mean = ef_edit_values(edit, s.to, EF_ROLE_MEAN);
    float *variance = ef_edit_values(edit, s.to, EF_ROLE_VARIANCE);
    float *gamma = ef_edit_values(edit, s.to, EF_ROLE_GAMMA);
    float *beta = ef_edit_values(edit, s.to, EF_ROLE_BETA);
    double eps = edit->graph.nodes[s.to].u.batchnorm.epsilon;
    for (size_t i = 0; i < n; i++) {
        double g = gamma[i] / sqrt(variance[i] + eps);
        values[(i * n + i) * taps + taps / 2] -= (float)(1 / g);
        mean[i] -= (float)(in_mean[i] / g);
        variance[i] += (float)(in_variance[i] / (g * g));
        gamma[i] = (float)(g * sqrt(variance[i] + eps));
        beta[i] -= in_mean[i];
    }
    ef_moments_clear(&moments);
    return EF_OK;
}

/* Adds `branch` to the batch norm's output: in the add that reads it, or a new one. */
static void join_add(ef_edit *edit, uint32_t norm, uint32_t branch)
{
    size_t add;
    if (ef_morph_only_reader(edit->parent->topology, norm, EF_OP_ADD, &add)) {
        ef_node *node = &edit->graph.nodes[add];
        node->inputs[node->n_inputs++] = branch;
    } else {
        ef_edit_splice(edit, norm, ef_edit_join(edit, EF_OP_ADD, norm, branch));
    }
}

/* A skip without weights around one convolution. */
static ef_status add_plain(const ef_space *space, const ef_net *parent, skip s,
                           ef_net **child, ef_error *err)
{
    ef_edit edit;
    ef_status status = ef_edit_init(&edit, parent, err);
    if (status) {
        return status;
    }
    join_add(&edit, s.to, s.from);
    status = ef_edit_finish(&edit, space, err);
    if (!status && edit.child->values) {
        status = take_back(&edit, s, err);
    }
    return ef_edit_end(&edit, status, child);
}

/* A skip through a convolution of 1 x 1 and a batch norm whose gammas are 0. */
static ef_status add_branch(ef_rng *rng, const ef_space *space, const ef_net *parent,
                            skip s, ef_net **child, ef_error *err)
{
    ef_edit edit;
    ef_status status = ef_edit_init(&edit, parent, err);
    if (status) {
        return status;
    }
    uint32_t channels = ef_topology_shape(parent->topology, s.to).channels;
    uint32_t conv = ef_edit_conv(&edit, s.from, channels, 1, s.stride);
    uint32_t norm = ef_edit_op(&edit, conv, EF_OP_BATCHNORM);
    join_add(&edit, s.to, norm);
    status = ef_edit_finish(&edit, space, err);
    if (!status) {
        status = ef_morph_start(rng, &edit, conv, norm, 0, err);
    }
    return ef_edit_end(&edit, status, child);
}

ef_status ef_morph_add(ef_rng *rng, const ef_space *space, const ef_net *parent,
                       ef_net **child, ef_error *err)
{
    skip s = {EF_NO_NODE, EF_NO_NODE, 0};
    if (space->add_skip && ef_rng_below(rng, 2) == 0) {
        s = pick_add(rng, space, parent, 1);
        if (s.to != EF_NO_NODE) {
            return add_plain(space, parent, s, child, err);
        }
    }
    if (space->add_skip) {
        s = pick_add(rng, space, parent, 0);
    }
    if (s.to == EF_NO_NODE) {
        return ef_morph_no_place(err, "add-skip");
    }
    return add_branch(rng, space, parent, s, child, err);
}

/* Nodes that can read more channels: the weights for those start at 0, its own or those
 * of the layer that alone reads it. */
static int is_end_of_concat(const ef_topology *topology, size_t node)
{
    const ef_node *n = ef_topology_node(topology, node);
    if (ef_topology_shape(topology, n->inputs[0]).rank != 4) {
        return 0;
    }
    size_t n_readers = 1;
    while ((n->op == EF_OP_FLATTEN || n->op == EF_OP_GLOBALAVG) && n_readers == 1) {
        const uint32_t *readers = ef_topology_readers(topology, node, &n_readers);
        node = n_readers == 1 ? readers[0] : node;
        n = ef_topology_node(topology, node);
    }
    return n->op == EF_OP_DENSE || (n->op == EF_OP_CONV && n->u.conv.groups == 1);
}

/* Whether a reader's input is a concat of its own, which can take one input more. */
static int own_concat(const ef_topology *topology, size_t reader)
{
    size_t input = ef_topology_node(topology, reader)->inputs[0], n_readers;
    const ef_node *node = ef_topology_node(topology, input);
    ef_topology_readers(topology, input, &n_readers);
    return node->op == EF_OP_CONCAT && n_readers == 1 && node->n_inputs < EF_MAX_INPUTS;
}

static skip pick_concat(ef_rng *rng, const ef_space *space, const ef_topology *topology)
{
    skip picked = {EF_NO_NODE, EF_NO_NODE, 0};
    uint32_t n_seen = 0;
    int pools = space->max_pool || space->avg_pool;
    for (uint32_t to = 0; to < ef_topology_n_nodes(topology); to++) {
        if (!is_end_of_concat(topology, to)) {
            continue;
        }
        uint32_t input = ef_topology_node(topology, to)->inputs[0];
        const ef_node *node = ef_topology_node(topology, input);
        for (uint32_t from = 0; from < to; from++) {
            uint32_t stride = pool_stride(ef_topology_shape(topology, from),
                                          ef_topology_shape(topology, input));
            int fits = stride == 1 || (stride > 1 && pools);
            if (is_source(topology, from) && from != input && fits &&
                !(node->op == EF_OP_CONCAT && reads(node, from)) &&
                ef_morph_keep(rng, &n_seen)) {
                picked = (skip){from, to, stride};
            }
        }
    }
    return picked;
}

ef_status ef_morph_concat(ef_rng *rng, const ef_space *space, const ef_net *parent,
                          ef_net **child, ef_error *err)
{
    skip s = {EF_NO_NODE, EF_NO_NODE, 0};
    ef_edit edit;
    if (space->concat_skip) {
        s = pick_concat(rng, space, parent->topology);
    }
    if (s.to == EF_NO_NODE) {
        return ef_morph_no_place(err, "concat-skip");
    }
    ef_status status = ef_edit_init(&edit, parent, err);
    if (status) {
        return status;
    }
    uint32_t from = s.from;
    if (s.stride > 1) {
        from = ef_edit_add(&edit, ef_space_pool(rng, space, s.stride), from);
    }
    uint32_t input = edit.graph.nodes[s.to].inputs[0];
    if (own_concat(parent->topology, s.to)) {
        ef_node *concat = &edit.graph.nodes[input];
        concat->inputs[concat->n_inputs++] = from;
    } else {
        uint32_t concat = ef_edit_join(&edit, EF_OP_CONCAT, input, from);
        edit.graph.nodes[s.to].inputs[0] = concat;
    }
    return ef_edit_end(&edit, ef_edit_finish(&edit, space, err), child);
}

/* The input of an add that carries least energy. */
static ef_status find_least(const ef_net *net, const ef_node *add, uint32_t *least,
                            ef_error *err)
{
    ef_moments moments;
    ef_status status = ef_moments_init(&moments, net, err);
    if (status) {
        return status;
    }
    double least_energy = HUGE_VAL;
    for (uint32_t k = 0; k < add->n_inputs; k++) {
        const float *variance,
            *mean = ef_moments_of(&moments, add->inputs[k], &variance);
        uint32_t n = ef_topology_shape(net->topology, add->inputs[k]).channels;
        double energy = 0;
        for (uint32_t i = 0; i < n; i++) {
            energy += (double)mean[i] * mean[i] + variance[i];
        }
        if (energy < least_energy) {
            least_energy = energy;
            *least = k;
        }
    }
    ef_moments_clear(&moments);
    return EF_OK;
}

/* The channels of a concat without its input `gone`; source has room for all. */
static ef_map without(const ef_topology *topology, const ef_node *concat, uint32_t gone,
                      uint32_t *source)
{
    uint32_t n = 0, channel = 0;
    for (uint32_t k = 0; k < concat->n_inputs; k++) {
        uint32_t channels = ef_topology_shape(topology, concat->inputs[k]).channels;
        for (uint32_t i = 0; i < channels; i++, channel++) {
            if (k != gone) {
                source[n++] = channel;
            }
        }
    }
    return (ef_map){.n = n, .source = source};
}

static void drop_input(ef_edit *edit, uint32_t index, uint32_t gone, ef_map map)
{
    ef_node *node = &edit->graph.nodes[index];
    if (node->n_inputs == 2) {
        ef_edit_bypass(edit, index, node->inputs[1 - gone], map);
        return;
    }
    node->n_inputs--;
    memmove(&node->inputs[gone], &node->inputs[gone + 1],
            (node->n_inputs - gone) * sizeof node->inputs[0]);
    edit->nodes[index].out = map;
}

static uint32_t pick_join(ef_rng *rng, const ef_topology *topology)
{
    uint32_t picked = EF_NO_NODE, n_seen = 0;
    for (uint32_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        ef_op op = ef_topology_node(topology, i)->op;
        if ((op == EF_OP_ADD || op == EF_OP_CONCAT) && ef_morph_keep(rng, &n_seen)) {
            picked = i;
        }
    }
    return picked;
}

ef_status ef_morph_unskip(ef_rng *rng, const ef_space *space, const ef_net *parent,
                          ef_net **child, ef_error *err)
{
    const ef_topology *topology = parent->topology;
    uint32_t index = pick_join(rng, topology), gone = 0;
    if (index == EF_NO_NODE) {
        return ef_morph_no_place(err, "remove-skip");
    }
    const ef_node *node = ef_topology_node(topology, index);
    ef_edit edit = {0};
    ef_map map = {0};
    ef_status status = EF_OK;
    uint32_t *source =
        ef_calloc(ef_topology_shape(topology, index).channels, sizeof *source);
    if (!source) {
        return ef_error_memory(err);
    }
    if (node->op == EF_OP_ADD) {
        status = find_least(parent, node, &gone, err);
    } else {
        gone = (uint32_t)ef_rng_below(rng, node->n_inputs);
        map = without(topology, node, gone, source);
    }
    if (!status) {
        status = ef_edit_init(&edit, parent, err);
    }
    if (!status) {
        edit.lossy = 1;
        drop_input(&edit, index, gone, map);
        status = ef_edit_finish(&edit, space, err);
    }
    ef_free(source);
    return ef_edit_end(&edit, status, child);
}
