/* Operators that change a convolution: its kernel, its stride, its factors.
 *
 * [1] C. Eckart, G. Young, The approximation of one matrix by another of lower rank,
 *     Psychometrika 1(3), 1936, doi:10.1007/BF02288367.
 * [2] F. Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, CVPR
 *     2017, doi:10.1109/CVPR.2017.195. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "net/morph_priv.h"

/* The power iteration ends after so many steps, or when the unit vector's squared
 * change in one is so small: an error of 1e-3 costs 1e-6 of the energy. */
#define POWER_STEPS 30
#define POWER_CHANGE 1e-6

/* A square kernel, equally padded on all sides, without dilation. */
static int is_regular(const ef_node *node)
{
    const ef_conv *conv = &node->u.conv;
    return node->op == EF_OP_CONV && conv->kernel[0] == conv->kernel[1] &&
           conv->kernel[0] % 2 == 1 && conv->stride[0] == conv->stride[1] &&
           conv->dilation[0] == 1 && conv->dilation[1] == 1 &&
           conv->pad[0] == conv->pad[1] && conv->pad[0] == conv->pad[2] &&
           conv->pad[0] == conv->pad[3];
}

/* Whether a convolution can have this kernel with its output as large as it is, on an
 * image that has room for it. */
static int takes_kernel(const ef_topology *topology, const ef_node *node,
                        uint64_t kernel, int grow)
{
    ef_shape shape = ef_topology_shape(topology, node->inputs[0]);
    uint32_t side = shape.height < shape.width ? shape.height : shape.width;
    uint64_t was = node->u.conv.kernel[0];
    if (grow) {
        return kernel > was && kernel <= 2 * (uint64_t)side - 1;
    }
    return kernel < was && (was - kernel) / 2 <= node->u.conv.pad[0] &&
           kernel >= node->u.conv.stride[0];
}

static ef_status change_kernel(ef_rng *rng, const ef_space *space, const ef_net *parent,
                               int grow, ef_net **child, ef_error *err)
{
    const ef_topology *topology = parent->topology;
    uint32_t picked = EF_NO_NODE, kernel = 0, n_seen = 0;
    for (uint32_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        const ef_node *node = ef_topology_node(topology, i);
        for (size_t k = 0; k < space->n_kernels && is_regular(node); k++) {
            if (takes_kernel(topology, node, space->kernels[k], grow) &&
                ef_morph_keep(rng, &n_seen)) {
                picked = i;
                kernel = (uint32_t)space->kernels[k];
            }
        }
    }
    if (picked == EF_NO_NODE) {
        return ef_morph_no_place(err, grow ? "grow-kernel" : "shrink-kernel");
    }
    ef_edit edit;
    ef_status status = ef_edit_init(&edit, parent, err);
    if (status) {
        return status;
    }
    ef_conv *conv = &edit.graph.nodes[picked].u.conv;
    uint32_t pad = conv->pad[0] + kernel / 2 - conv->kernel[0] / 2;
    conv->kernel[0] = conv->kernel[1] = kernel;
    conv->pad[0] = conv->pad[1] = conv->pad[2] = conv->pad[3] = pad;
    edit.lossy = !grow;
    return ef_edit_end(&edit, ef_edit_finish(&edit, space, err), child);
}

ef_status ef_morph_grow(ef_rng *rng, const ef_space *space, const ef_net *parent,
                        ef_net **child, ef_error *err)
{
    return change_kernel(rng, space, parent, 1, child, err);
}

ef_status ef_morph_shrink(ef_rng *rng, const ef_space *space, const ef_net *parent,
                          ef_net **child, ef_error *err)
{
    return change_kernel(rng, space, parent, 0, child, err);
}

/* A convolution whose stride the space can change to `stride`. */
static int takes_stride(const ef_topology *topology, const ef_node *node,
                        uint64_t stride)
{
    if (!is_regular(node) || stride == node->u.conv.stride[0] ||
        stride > node->u.conv.kernel[0]) {
        return 0;
    }
    ef_shape shape = ef_topology_shape(topology, node->inputs[0]);
    return shape.height >= 2 * stride && shape.width >= 2 * stride;
}

ef_status ef_morph_stride(ef_rng *rng, const ef_space *space, const ef_net *parent,
                          ef_net **child, ef_error *err)
{
    const ef_topology *topology = parent->topology;
    uint32_t picked = EF_NO_NODE, stride = 0, n_seen = 0;
    for (uint32_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        const ef_node *node = ef_topology_node(topology, i);
        for (size_t k = 0; k < space->n_strides; k++) {
            if (takes_stride(topology, node, space->strides[k]) &&
                ef_morph_keep(rng, &n_seen)) {
                picked = i;
                stride = (uint32_t)space->strides[k];
            }
        }
    }
    if (picked == EF_NO_NODE) {
        return ef_morph_no_place(err, "stride");
    }
    ef_edit edit;
    ef_status status = ef_edit_init(&edit, parent, err);
    if (status) {
        return status;
    }
    edit.graph.nodes[picked].u.conv.stride[0] = stride;
    edit.graph.nodes[picked].u.conv.stride[1] = stride;
    return ef_edit_end(&edit, ef_edit_finish(&edit, space, err), child);
}

/* A convolution over all channels that is worth splitting. */
static int can_separate(const ef_space *space, const ef_topology *topology, size_t i)
{
    const ef_node *node = ef_topology_node(topology, i);
    return is_regular(node) && node->u.conv.groups == 1 && node->u.conv.kernel[0] > 1 &&
           ef_topology_shape(topology, node->inputs[0]).channels >= space->width_min;
}

/* Room for the factors of one input channel's filters. */
typedef struct factors {
    double *gram; /* (taps, taps) */
    double *v;    /* (taps) the depthwise filter, of norm 1 */
    double *next; /* (taps) */
} factors;

/* M^T M of the matrix M[o][t] = weight[o * row + t], shape (n_out, taps). */
static void fill_gram(const float *weight, size_t n_out, size_t row, size_t taps,
                      double *gram)
{
    memset(gram, 0, taps * taps * sizeof *gram);
    for (size_t o = 0; o < n_out; o++) {
        for (size_t s = 0; s < taps; s++) {
            double w = weight[o * row + s];
            for (size_t t = s; t < taps; t++) {
                gram[s * taps + t] += w * weight[o * row + t];
            }
        }
    }
    for (size_t s = 1; s < taps; s++) {
        for (size_t t = 0; t < s; t++) {
            gram[s * taps + t] = gram[t * taps + s];
        }
    }
}

/* The first right singular vector of M, by power iteration from the heaviest tap: with
 * it, (M v) v^T is the nearest matrix of rank 1 [1].  M = 0 gives v = 0. */
static void iterate(factors *f, size_t taps)
{
    size_t heaviest = 0;
    for (size_t t = 1; t < taps; t++) {
        if (f->gram[t * taps + t] > f->gram[heaviest * taps + heaviest]) {
            heaviest = t;
        }
    }
    memset(f->v, 0, taps * sizeof *f->v);
    f->v[heaviest] = 1;
    double change = 1;
    for (size_t step = 0; step < POWER_STEPS && change > POWER_CHANGE; step++) {
        double norm = 0;
        for (size_t t = 0; t < taps; t++) {
            f->next[t] = 0;
            for (size_t s = 0; s < taps; s++) {
                f->next[t] += f->gram[t * taps + s] * f->v[s];
            }
            norm += f->next[t] * f->next[t];
        }
        double scale = norm > 0 ? 1 / sqrt(norm) : 0;
        change = 0;
        for (size_t t = 0; t < taps; t++) {
            double moved = f->next[t] * scale - f->v[t];
            change += moved * moved;
            f->v[t] += moved;
        }
    }
}

/* Splits the filters of input channel i, and adds what its mean gives the
 * outputs before and after, (n_out) each. */
static void split_channel(const float *weight, const ef_param *was, size_t i,
                          factors *f, float *depth, float *point, double in_mean,
                          double *before, double *after)
{
    size_t n_out = was->dims[0], n_in = was->dims[1];
    size_t taps = (size_t)was->dims[2] * was->dims[3], row = n_in * taps;
    fill_gram(weight + i * taps, n_out, row, taps, f->gram);
    iterate(f, taps);
    double sum_v = 0;
    for (size_t t = 0; t < taps; t++) {
        depth[i * taps + t] = (float)f->v[t];
        sum_v += f->v[t];
    }
    for (size_t o = 0; o < n_out; o++) {
        double u = 0, sum = 0;
        for (size_t t = 0; t < taps; t++) {
            double w = weight[o * row + i * taps + t];
            u += w * f->v[t];
            sum += w;
        }
        point[o * n_in + i] = (float)u;
        before[o] += in_mean * sum;
        after[o] += in_mean * u * sum_v;
    }
}

/* Fills the two new convolutions' weights from the parent's one. */
static ef_status split(const ef_edit *edit, uint32_t conv, uint32_t depthwise,
                       ef_error *err)
{
    const ef_net *parent = edit->parent;
    const ef_param *was = ef_net_param(parent, conv, EF_ROLE_WEIGHT);
    const ef_node *node = ef_topology_node(parent->topology, conv);
    size_t taps = (size_t)was->dims[2] * was->dims[3], n_out = was->dims[0];
    ef_moments moments = {0};
    double *room = ef_calloc(taps * taps + 2 * taps + 2 * n_out, sizeof *room);
    ef_status status =
        room ? ef_moments_init(&moments, parent, err) : ef_error_memory(err);
    if (!status) {
        factors f = {room, room + taps * taps, room + taps * taps + taps};
        double *before = f.next + taps, *after = before + n_out;
        const float *variance;
        const float *mean = ef_moments_of(&moments, node->inputs[0], &variance);
        for (size_t i = 0; i < was->dims[1]; i++) {
            split_channel(parent->values + was->offset, was, i, &f,
                          ef_edit_values(edit, depthwise, EF_ROLE_WEIGHT),
                          ef_edit_values(edit, conv, EF_ROLE_WEIGHT), mean[i], before,
                          after);
        }
        ef_morph_adjust(edit->child, ef_edit_where(edit, conv), before, after);
    }
    ef_moments_clear(&moments);
    ef_free(room);
    return status;
}

/* The convolution keeps its name and becomes the pointwise one; in front of it comes a
 * depthwise one with its kernel and stride [2]. */
ef_status ef_morph_separate(ef_rng *rng, const ef_space *space, const ef_net *parent,
                            ef_net **child, ef_error *err)
{
    const ef_topology *topology = parent->topology;
    uint32_t picked = EF_NO_NODE, n_seen = 0;
    for (uint32_t i = 0; space->separable && i < ef_topology_n_nodes(topology); i++) {
        if (can_separate(space, topology, i) && ef_morph_keep(rng, &n_seen)) {
            picked = i;
        }
    }
    if (picked == EF_NO_NODE) {
        return ef_morph_no_place(err, "separate");
    }
    ef_edit edit;
    ef_status status = ef_edit_init(&edit, parent, err);
    if (status) {
        return status;
    }
    uint32_t input = edit.graph.nodes[picked].inputs[0];
    ef_node node = ef_node_default(EF_OP_CONV);
    node.u.conv = edit.graph.nodes[picked].u.conv;
    node.u.conv.bias = 0;
    node.u.conv.channels = node.u.conv.groups =
        ef_topology_shape(topology, input).channels;
    uint32_t depthwise = ef_edit_add(&edit, node, input);
    ef_node point = ef_node_default(EF_OP_CONV);
    point.u.conv.channels = edit.graph.nodes[picked].u.conv.channels;
    point.u.conv.bias = edit.graph.nodes[picked].u.conv.bias;
    edit.graph.nodes[picked].u = point.u;
    edit.graph.nodes[picked].inputs[0] = depthwise;
    status = ef_edit_finish(&edit, space, err);
    if (!status && edit.child->values) {
        status = split(&edit, picked, depthwise, err);
    }
    return ef_edit_end(&edit, status, child);
}
