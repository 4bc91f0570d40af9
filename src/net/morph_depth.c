/* Operators that insert and remove layers. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "net/morph_priv.h"

/* Kernels that an image of this shape has room for: at most as far as its other side.
 */
static int kernel_fits(uint64_t kernel, ef_shape shape)
{
    uint32_t side = shape.height < shape.width ? shape.height : shape.width;
    return kernel <= 2 * (uint64_t)side - 1;
}

/* 0 where no kernel of the space fits. */
static uint32_t draw_kernel(ef_rng *rng, const ef_space *space, ef_shape shape)
{
    uint32_t kernel = 0, n_seen = 0;
    for (size_t i = 0; i < space->n_kernels; i++) {
        if (kernel_fits(space->kernels[i], shape) && ef_morph_keep(rng, &n_seen)) {
            kernel = (uint32_t)space->kernels[i];
        }
    }
    return kernel;
}

static int has_room(const ef_space *space, ef_shape shape)
{
    return shape.rank == 2 || (ef_shape_elements(shape) > shape.channels &&
                               kernel_fits(space->kernels[0], shape));
}

/* Draws a tensor of this rank that the space's activation does not change and behind
 * which there is room for a layer. */
static ef_status pick_tensor(ef_rng *rng, const ef_space *space, const ef_net *parent,
                             uint32_t rank, const char *name, uint32_t *at,
                             ef_error *err)
{
    const ef_topology *topology = parent->topology;
    ef_ranges ranges;
    ef_status status = ef_ranges_init(&ranges, topology, err);
    if (status) {
        return status;
    }
    uint32_t n_seen = 0;
    *at = EF_NO_NODE;
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        ef_shape shape = ef_topology_shape(topology, i);
        int fits = shape.rank == rank && has_room(space, shape) &&
                   ef_space_allows_width(space, shape.channels) &&
                   i != ef_topology_output(topology);
        if (fits && ef_ranges_keep(&ranges, i, &space->activation) &&
            ef_morph_keep(rng, &n_seen)) {
            *at = (uint32_t)i;
        }
    }
    ef_ranges_clear(&ranges);
    return *at == EF_NO_NODE ? ef_morph_no_place(err, name) : EF_OK;
}

/* Filters that pass each channel on as it is. */
static void set_identity(const ef_edit *edit, uint32_t node)
{
    const ef_param *weight =
        ef_net_param(edit->child, ef_edit_where(edit, node), EF_ROLE_WEIGHT);
    float *values = edit->child->values + weight->offset;
    size_t taps = (size_t)weight->dims[2] * weight->dims[3];
    for (size_t i = 0; i < weight->dims[0]; i++) {
        values[(i * weight->dims[1] + i) * taps + taps / 2] = 1;
    }
}

/* A batch norm that changes nothing: its statistics are the moments of the tensor, and
 * gamma and beta undo what they do. */
static ef_status set_neutral(const ef_edit *edit, uint32_t node, uint32_t tensor,
                             ef_error *err)
{
    ef_moments moments;
    ef_status status = ef_moments_init(&moments, edit->child, err);
    if (status) {
        return status;
    }
    size_t at = ef_edit_where(edit, tensor);
    const float *variance, *mean = ef_moments_of(&moments, at, &variance);
    float eps = edit->graph.nodes[node].u.batchnorm.epsilon;
    for (size_t i = 0; i < ef_topology_shape(edit->child->topology, at).channels; i++) {
        ef_edit_values(edit, node, EF_ROLE_MEAN)[i] = mean[i];
        ef_edit_values(edit, node, EF_ROLE_BETA)[i] = mean[i];
        ef_edit_values(edit, node, EF_ROLE_VARIANCE)[i] = variance[i];
        ef_edit_values(edit, node, EF_ROLE_GAMMA)[i] = sqrtf(variance[i] + eps);
    }
    ef_moments_clear(&moments);
    return EF_OK;
}

ef_status ef_morph_insert(ef_rng *rng, const ef_space *space, const ef_net *parent,
                          ef_net **child, ef_error *err)
{
    uint32_t at;
    ef_edit edit = {0};
    ef_status status = pick_tensor(rng, space, parent, 4, "insert", &at, err);
    if (!status) {
        status = ef_edit_init(&edit, parent, err);
    }
    if (status) {
        return status;
    }
    ef_shape shape = ef_topology_shape(parent->topology, at);
    uint32_t kernel = draw_kernel(rng, space, shape);
    uint32_t conv = ef_edit_conv(&edit, at, shape.channels, kernel, 1);
    uint32_t norm = ef_edit_op(&edit, conv, EF_OP_BATCHNORM);
    ef_edit_splice(&edit, at, ef_edit_activation(&edit, norm, space));
    status = ef_edit_finish(&edit, space, err);
    if (!status && edit.child->values) {
        set_identity(&edit, conv);
        status = set_neutral(&edit, norm, at, err);
    }
    return ef_edit_end(&edit, status, child);
}

ef_status ef_morph_residual(ef_rng *rng, const ef_space *space, const ef_net *parent,
                            ef_net **child, ef_error *err)
{
    uint32_t at;
    ef_edit edit = {0};
    if (!space->add_skip) {
        return ef_morph_no_place(err, "insert-residual");
    }
    ef_status status = pick_tensor(rng, space, parent, 4, "insert-residual", &at, err);
    if (!status) {
        status = ef_edit_init(&edit, parent, err);
    }
    if (status) {
        return status;
    }
    ef_shape shape = ef_topology_shape(parent->topology, at);
    uint32_t convs[2], norms[2], input = at;
    size_t n = 1 + (size_t)ef_rng_below(rng, 2);
    for (size_t i = 0; i < n; i++) {
        uint32_t kernel = draw_kernel(rng, space, shape);
        convs[i] = ef_edit_conv(&edit, input, shape.channels, kernel, 1);
        norms[i] = ef_edit_op(&edit, convs[i], EF_OP_BATCHNORM);
        input = i + 1 < n ? ef_edit_activation(&edit, norms[i], space) : norms[i];
    }
    uint32_t add = ef_edit_join(&edit, EF_OP_ADD, at, input);
    ef_edit_splice(&edit, at, ef_edit_activation(&edit, add, space));
    status = ef_edit_finish(&edit, space, err);
    for (size_t i = 0; i < n && !status; i++) {
        float gamma = i + 1 < n ? 1.0F : 0.0F;
        status = ef_morph_start(rng, &edit, convs[i], norms[i], gamma, err);
    }
    return ef_edit_end(&edit, status, child);
}

ef_status ef_morph_hidden(ef_rng *rng, const ef_space *space, const ef_net *parent,
                          ef_net **child, ef_error *err)
{
    uint32_t at;
    ef_edit edit = {0};
    if (!space->hidden) {
        return ef_morph_no_place(err, "insert-dense");
    }
    ef_status status = pick_tensor(rng, space, parent, 2, "insert-dense", &at, err);
    if (!status) {
        status = ef_edit_init(&edit, parent, err);
    }
    if (status) {
        return status;
    }
    ef_node dense = ef_node_default(EF_OP_DENSE);
    dense.u.dense.channels = ef_topology_shape(parent->topology, at).channels;
    dense.u.dense.bias = 1;
    uint32_t layer = ef_edit_add(&edit, dense, at);
    ef_edit_splice(&edit, at, ef_edit_activation(&edit, layer, space));
    status = ef_edit_finish(&edit, space, err);
    if (!status && edit.child->values) {
        set_identity(&edit, layer);
    }
    return ef_edit_end(&edit, status, child);
}

/* A layer with the batch norm and activation that only it feeds. */
typedef struct block {
    size_t layer;
    size_t norm; /* SIZE_MAX: none */
    size_t last; /* the activation, or what it would read */
} block;

static block find_block(const ef_topology *topology, size_t layer)
{
    block found = {layer, SIZE_MAX, layer};
    size_t reader;
    if (ef_morph_only_reader(topology, layer, EF_OP_BATCHNORM, &reader)) {
        found.norm = found.last = reader;
    }
    if (ef_morph_only_reader(topology, found.last, EF_OP_ACTIVATION, &reader)) {
        found.last = reader;
    }
    return found;
}

/* A layer whose input can stand for its output: same height and width, not the last. */
static int can_go(const ef_topology *topology, size_t layer)
{
    const ef_node *node = ef_topology_node(topology, layer);
    block b = find_block(topology, layer);
    if ((node->op != EF_OP_CONV && node->op != EF_OP_DENSE) ||
        b.last == ef_topology_output(topology)) {
        return 0;
    }
    ef_shape in = ef_topology_shape(topology, node->inputs[0]);
    ef_shape out = ef_topology_shape(topology, layer);
    return in.height == out.height && in.width == out.width && in.rank == out.rank &&
           (node->op == EF_OP_DENSE || node->u.conv.groups == 1 ||
            in.channels == out.channels);
}

/* What the block makes of its input when the input is the same at all places and the
 * activation is taken for its average slope: matrix, (channels, n), n input channels.
 */
static ef_status linearise(const ef_net *net, block b, uint32_t n, float *matrix,
                           ef_error *err)
{
    const ef_topology *topology = net->topology;
    const ef_node *layer = ef_topology_node(topology, b.layer);
    const ef_node *last = ef_topology_node(topology, b.last);
    const ef_param *weight = ef_net_param(net, b.layer, EF_ROLE_WEIGHT);
    const float *values = net->values + weight->offset;
    size_t taps = (size_t)weight->dims[2] * weight->dims[3], n_in = weight->dims[1];
    int normed = b.norm != SIZE_MAX, activated = last->op == EF_OP_ACTIVATION;
    ef_moments moments;
    ef_status status = ef_moments_init(&moments, net, err);
    if (status) {
        return status;
    }
    const float *spread, *centre;
    centre = ef_moments_of(&moments, normed ? b.norm : b.layer, &spread);
    for (size_t o = 0; o < weight->dims[0]; o++) {
        double slope = 1;
        if (normed) {
            double eps = ef_topology_node(topology, b.norm)->u.batchnorm.epsilon;
            slope = ef_net_values(net, b.norm, EF_ROLE_GAMMA)[o] /
                    sqrt(ef_net_values(net, b.norm, EF_ROLE_VARIANCE)[o] + eps);
        }
        if (activated) {
            slope *= ef_moments_slope(&last->u.activation, centre[o], spread[o]);
        }
        /* of a convolution in groups, output o has the inputs of its group */
        size_t groups = layer->op == EF_OP_CONV ? layer->u.conv.groups : 1;
        size_t first = o / (weight->dims[0] / groups) * n_in;
        for (size_t i = 0; i < n_in; i++) {
            double sum = 0;
            for (size_t t = 0; t < taps; t++) {
                sum += values[(o * n_in + i) * taps + t];
            }
            matrix[o * n + first + i] = (float)(slope * sum);
        }
    }
    ef_moments_clear(&moments);
    return EF_OK;
}

/* For readers that go channel by channel: which output each input has most to do
 * with. */
static void match_channels(const float *matrix, uint32_t n_old, uint32_t n,
                           uint32_t *source)
{
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t o = 1; o < n_old; o++) {
            if (matrix[o * n + i] > matrix[source[i] * n + i]) {
                source[i] = o;
            }
        }
    }
}

/* Takes the block out; readers make up for what is linear in it. */
static ef_status take_out(const ef_space *space, const ef_net *parent, block b,
                          ef_net **child, ef_error *err)
{
    const ef_topology *topology = parent->topology;
    size_t input = ef_topology_node(topology, b.layer)->inputs[0];
    uint32_t n = ef_topology_shape(topology, input).channels;
    uint32_t n_old = ef_topology_shape(topology, b.last).channels;
    uint32_t *source = ef_calloc(n, sizeof *source);
    float *matrix = ef_calloc((size_t)n_old * n, sizeof *matrix);
    ef_edit edit = {0};
    ef_status status = source && matrix ? EF_OK : ef_error_memory(err);
    if (!status && !space->plans) {
        status = linearise(parent, b, n, matrix, err);
    }
    if (!status) {
        status = ef_edit_init(&edit, parent, err);
    }
    if (!status) {
        match_channels(matrix, n_old, n, source);
        edit.lossy = 1;
        ef_edit_bypass(&edit, (uint32_t)b.last, (uint32_t)input,
                       (ef_map){.n = n,
                                .source = n == n_old ? NULL : source,
                                .matrix = matrix,
                                .n_old = n_old,
                                .span = 1});
        status = ef_edit_finish(&edit, space, err);
    }
    ef_free(source);
    ef_free(matrix);
    return ef_edit_end(&edit, status, child);
}

ef_status ef_morph_remove(ef_rng *rng, const ef_space *space, const ef_net *parent,
                          ef_net **child, ef_error *err)
{
    const ef_topology *topology = parent->topology;
    size_t picked = SIZE_MAX;
    uint32_t n_seen = 0;
    if (ef_topology_depth(topology) > space->depth_min) {
        for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
            if (can_go(topology, i) && ef_morph_keep(rng, &n_seen)) {
                picked = i;
            }
        }
    }
    if (picked == SIZE_MAX) {
        return ef_morph_no_place(err, "remove-layer");
    }
    return take_out(space, parent, find_block(topology, picked), child, err);
}
