/* The search space: the built-in one, its text, and what it holds. */
#include "net/space.h"

#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "net/channels.h"
#include "net/space_priv.h"

/* --- made and freed --------------------------------------------------------- */

static const ef_space built_in = {
    .depth_min = 2,
    .depth_max = 12,
    .width_min = 8,
    .width_max = 64,
    .width_step = 8,
    .kernels = {1, 3, 5},
    .n_kernels = 3,
    .strides = {1, 2},
    .n_strides = 2,
    .max_nodes = 80,
    .max_pool = 1,
    .avg_pool = 1,
    .add_skip = 1,
    .concat_skip = 1,
    .average = 1,
    .flatten = 1,
    .separable = 1,
    .hidden = 1,
    .activation = {EF_ACTIVATION_RELU, 0, 0},
    .crossover = 0.2,
    .noise = 0,
    .weights =
        {
#define X(id, function, name, keeps, weight, meaning) [EF_OPERATOR_##id] = weight,
            EF_OPERATOR_LIST(X)
#undef X
        },
};

static const char *const built_in_limits[] = {"params <= 50k", "macs <= 2M"};
#define N_BUILT_IN_LIMITS (sizeof built_in_limits / sizeof built_in_limits[0])

static ef_status add_built_in_limits(ef_space *space)
{
    space->limits = ef_calloc(N_BUILT_IN_LIMITS, sizeof *space->limits);
    for (size_t i = 0; space->limits && i < N_BUILT_IN_LIMITS; i++) {
        space->limits[i].text = ef_strdup(built_in_limits[i]);
        space->n_limits = i + 1;
        if (!space->limits[i].text) {
            return EF_ERR_MEMORY;
        }
    }
    return space->limits ? EF_OK : EF_ERR_MEMORY;
}

ef_status ef_space_default(ef_space **space, ef_error *err)
{
    ef_space *made = ef_memdup(&built_in, sizeof built_in);
    if (made) {
        made->name = ef_strdup("built-in");
    }
    if (!made || !made->name || add_built_in_limits(made)) {
        ef_space_destroy(made);
        return ef_error_memory(err);
    }
    *space = made;
    return EF_OK;
}

void ef_space_clear_limits(ef_space *space)
{
    for (size_t i = 0; i < space->n_limits; i++) {
        ef_free(space->limits[i].text);
    }
    ef_free(space->limits);
    space->limits = NULL;
    space->n_limits = 0;
}

void ef_space_destroy(ef_space *space)
{
    if (space) {
        ef_space_clear_limits(space);
        ef_free(space->name);
        ef_free(space);
    }
}

/* --- written ---------------------------------------------------------------- */

/* The shortest decimal that reads back as x. */
static void add_number(ef_text *text, double x)
{
    char digits[32];
    for (int precision = 1; precision <= 17; precision++) {
        double back;
        snprintf(digits, sizeof digits, "%.*g", precision, x);
        if (!ef_parse_f64(digits, -DBL_MAX, DBL_MAX, &back, NULL) && back == x) {
            break;
        }
    }
    ef_text_add(text, "%s", digits);
}

static void add_list(ef_text *text, const char *key, const uint64_t *values, size_t n)
{
    ef_text_add(text, "%s: [", key);
    for (size_t i = 0; i < n; i++) {
        ef_text_add(text, "%s%llu", i ? ", " : "", (unsigned long long)values[i]);
    }
    ef_text_add(text, "]\n");
}

static void add_set(ef_text *text, const char *key, const char *const names[2],
                    int first, int second)
{
    ef_text_add(text, "%s: [%s%s%s]\n", key, first ? names[0] : "",
                first && second ? ", " : "", second ? names[1] : "");
}

static void add_quoted(ef_text *text, const char *value)
{
    ef_text_add(text, "\"");
    for (; *value; value++) {
        ef_text_add(text, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
    }
    ef_text_add(text, "\"");
}

static void add_operators(const ef_space *space, ef_text *text)
{
    ef_text_add(text, "operators:\n");
    for (size_t i = 0; i < EF_OPERATOR_COUNT; i++) {
        ef_text_add(text, "  %s: ", ef_operator_names[i]);
        add_number(text, space->weights[i]);
        ef_text_add(text, "\n");
    }
}

static void add_limits(const ef_space *space, ef_text *text)
{
    ef_text_add(text, "limits: [");
    for (size_t i = 0; i < space->n_limits; i++) {
        ef_text_add(text, "%s", i ? ", " : "");
        add_quoted(text, space->limits[i].text);
    }
    ef_text_add(text, "]\n");
}

void ef_space_write(const ef_space *space, ef_text *text)
{
    int relu = space->activation.kind == EF_ACTIVATION_RELU;
    ef_text_add(text, "depth: {min: %u, max: %u}\n", space->depth_min,
                space->depth_max);
    ef_text_add(text, "width: {min: %u, max: %u, step: %u}\n", space->width_min,
                space->width_max, space->width_step);
    add_list(text, "kernels", space->kernels, space->n_kernels);
    add_list(text, "strides", space->strides, space->n_strides);
    ef_text_add(text, "nodes: %u\n", space->max_nodes);
    add_set(text, "pools", ef_space_pools, space->max_pool, space->avg_pool);
    add_set(text, "skips", ef_space_skips, space->add_skip, space->concat_skip);
    add_set(text, "heads", ef_space_heads, space->average, space->flatten);
    ef_text_add(text, "separable: %s\n", space->separable ? "yes" : "no");
    ef_text_add(text, "hidden-dense: %s\n", space->hidden ? "yes" : "no");
    ef_text_add(text, "activation: %s\n", ef_space_activations[relu ? 0 : 1]);
    ef_text_add(text, "crossover: ");
    add_number(text, space->crossover);
    ef_text_add(text, "\nnoise: ");
    add_number(text, space->noise);
    ef_text_add(text, "\n");
    add_operators(space, text);
    add_limits(space, text);
}

/* --- its nodes -------------------------------------------------------------- */

ef_node ef_space_conv(uint32_t channels, uint32_t kernel, uint32_t stride)
{
    ef_node node = ef_node_default(EF_OP_CONV);
    node.u.conv.channels = channels;
    for (size_t i = 0; i < 2; i++) {
        node.u.conv.kernel[i] = kernel;
        node.u.conv.stride[i] = stride;
        node.u.conv.pad[i] = node.u.conv.pad[i + 2] = kernel / 2;
    }
    return node;
}

ef_node ef_space_pool(ef_rng *rng, const ef_space *space, uint32_t size)
{
    int max = space->max_pool && (!space->avg_pool || ef_rng_below(rng, 2) == 0);
    ef_node pool = ef_node_default(max ? EF_OP_MAXPOOL : EF_OP_AVGPOOL);
    for (size_t i = 0; i < 2; i++) {
        pool.u.pool.kernel[i] = pool.u.pool.stride[i] = size;
    }
    return pool;
}

ef_node ef_space_activation(const ef_space *space)
{
    ef_node node = ef_node_default(EF_OP_ACTIVATION);
    node.u.activation = space->activation;
    return node;
}

/* --- what it holds ---------------------------------------------------------- */

int ef_space_allows_width(const ef_space *space, uint32_t width)
{
    return width >= space->width_min && width <= space->width_max &&
           width % space->width_step == 0;
}

int ef_space_allows_kernel(const ef_space *space, uint32_t kernel)
{
    for (size_t i = 0; i < space->n_kernels; i++) {
        if (space->kernels[i] == kernel) {
            return 1;
        }
    }
    return 0;
}

int ef_space_allows_stride(const ef_space *space, uint32_t stride)
{
    for (size_t i = 0; i < space->n_strides; i++) {
        if (space->strides[i] == stride) {
            return 1;
        }
    }
    return 0;
}

size_t ef_topology_depth(const ef_topology *topology)
{
    size_t depth = 0;
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        ef_op op = ef_topology_node(topology, i)->op;
        depth += op == EF_OP_CONV || op == EF_OP_DENSE;
    }
    return depth;
}

void ef_space_keep(ef_space *space, const ef_topology *const *topologies, size_t n)
{
    space->kept = topologies;
    space->n_kept = n;
    for (size_t i = 0; i < n; i++) {
        size_t n_nodes = ef_topology_n_nodes(topologies[i]);
        uint32_t depth = (uint32_t)ef_topology_depth(topologies[i]);
        space->max_nodes =
            n_nodes > space->max_nodes ? (uint32_t)n_nodes : space->max_nodes;
        space->depth_max = depth > space->depth_max ? depth : space->depth_max;
        space->depth_min = depth < space->depth_min ? depth : space->depth_min;
    }
}

/* The node of name and operation of `node` in kept topology i, its width in *width;
 * NULL where there is none. */
static const ef_node *find_kept(const ef_space *space, size_t i, const ef_node *node,
                                uint32_t *width)
{
    size_t at = ef_topology_find(space->kept[i], node->name);
    const ef_node *kept = at < SIZE_MAX ? ef_topology_node(space->kept[i], at) : NULL;
    if (!kept || kept->op != node->op) {
        return NULL;
    }
    *width = ef_topology_shape(space->kept[i], at).channels;
    return kept;
}

/* Whether a node has in common with a kept one its size bytes from offset on; size 0:
 * whether there is a kept one. */
static int is_kept(const ef_space *space, const ef_node *node, size_t offset,
                   size_t size)
{
    uint32_t width;
    for (size_t i = 0; i < space->n_kept; i++) {
        const ef_node *kept = find_kept(space, i, node, &width);
        if (kept && memcmp((const char *)kept + offset, (const char *)node + offset,
                           size) == 0) {
            return 1;
        }
    }
    return 0;
}

#define IS_KEPT(field)                                                                 \
    is_kept(space, node, offsetof(ef_node, field), sizeof node->field)

static int is_kept_width(const ef_space *space, const ef_node *node, uint32_t width)
{
    uint32_t kept_width;
    for (size_t i = 0; i < space->n_kept; i++) {
        if (find_kept(space, i, node, &kept_width) && kept_width == width) {
            return 1;
        }
    }
    return 0;
}

#define REFUSE(format, ...)                                                            \
    return ef_error_set(err, EF_ERR_TOPOLOGY, "search space %s: node %s: " format,     \
                        space->name, node->name, __VA_ARGS__)

typedef ef_status check_node(const ef_space *space, const ef_topology *topology,
                             size_t index, ef_error *err);

static ef_status check_width(const ef_space *space, const ef_topology *topology,
                             size_t index, ef_error *err)
{
    const ef_node *node = ef_topology_node(topology, index);
    uint32_t width = ef_topology_shape(topology, index).channels;
    if (index != ef_topology_output(topology) && !ef_space_allows_width(space, width) &&
        !is_kept_width(space, node, width)) {
        REFUSE("%u channels are none of its widths, %u to %u in steps of %u", width,
               space->width_min, space->width_max, space->width_step);
    }
    return EF_OK;
}

static ef_status check_conv(const ef_space *space, const ef_topology *topology,
                            size_t index, ef_error *err)
{
    const ef_node *node = ef_topology_node(topology, index);
    const ef_conv *conv = &node->u.conv;
    int depthwise = ef_conv_is_depthwise(topology, index);
    int kernel =
        conv->kernel[0] == conv->kernel[1] &&
        (conv->kernel[0] == 1 || ef_space_allows_kernel(space, conv->kernel[0]));
    int stride = conv->stride[0] == conv->stride[1] &&
                 ef_space_allows_stride(space, conv->stride[0]);
    int groups = conv->groups == 1 || (depthwise && space->separable);
    if (!kernel && !IS_KEPT(u.conv.kernel)) {
        REFUSE("the kernel %u x %u is none of its kernels", conv->kernel[0],
               conv->kernel[1]);
    }
    if (!stride && !IS_KEPT(u.conv.stride)) {
        REFUSE("the stride %u x %u is none of its strides", conv->stride[0],
               conv->stride[1]);
    }
    if ((conv->dilation[0] != 1 || conv->dilation[1] != 1) &&
        !IS_KEPT(u.conv.dilation)) {
        REFUSE("dilation of %u x %u is not in it", conv->dilation[0],
               conv->dilation[1]);
    }
    if (!groups && !is_kept(space, node, 0, 0)) {
        REFUSE("a convolution of %u groups is not in it", conv->groups);
    }
    return depthwise ? EF_OK : check_width(space, topology, index, err);
}

static ef_status check_dense(const ef_space *space, const ef_topology *topology,
                             size_t index, ef_error *err)
{
    const ef_node *node = ef_topology_node(topology, index);
    if (!space->hidden && index != ef_topology_output(topology) &&
        !is_kept(space, node, 0, 0)) {
        REFUSE("it has no %s", "hidden dense layers");
    }
    return check_width(space, topology, index, err);
}

static ef_status check_activation(const ef_space *space, const ef_topology *topology,
                                  size_t index, ef_error *err)
{
    const ef_node *node = ef_topology_node(topology, index);
    if (memcmp(&node->u.activation, &space->activation, sizeof space->activation) &&
        !IS_KEPT(u.activation)) {
        int relu = space->activation.kind == EF_ACTIVATION_RELU;
        REFUSE("its activation is another than %s", ef_space_activations[relu ? 0 : 1]);
    }
    return EF_OK;
}

static ef_status check_flatten(const ef_space *space, const ef_topology *topology,
                               size_t index, ef_error *err)
{
    const ef_node *node = ef_topology_node(topology, index);
    ef_shape in = ef_topology_shape(topology, node->inputs[0]);
    if (!space->flatten && in.height * in.width > 1 && !is_kept(space, node, 0, 0)) {
        REFUSE("it has no head that flattens %u x %u places", in.height, in.width);
    }
    return EF_OK;
}

/* Whether an operation is in a space: by a flag of it, or always; and what else counts.
 * Operations without a row are in no space but as nodes that are kept. */
static const struct {
    int always;
    size_t flag; /* offset of an int in ef_space */
    check_node *check;
} rules[EF_OP_COUNT] = {
    [EF_OP_INPUT] = {1, 0, NULL},
    [EF_OP_SCALE] = {1, 0, NULL},
    [EF_OP_CONV] = {1, 0, check_conv},
    [EF_OP_DENSE] = {1, 0, check_dense},
    [EF_OP_BATCHNORM] = {1, 0, NULL},
    [EF_OP_ACTIVATION] = {1, 0, check_activation},
    [EF_OP_FLATTEN] = {1, 0, check_flatten},
    [EF_OP_MAXPOOL] = {0, offsetof(ef_space, max_pool), NULL},
    [EF_OP_AVGPOOL] = {0, offsetof(ef_space, avg_pool), NULL},
    [EF_OP_GLOBALAVG] = {0, offsetof(ef_space, average), NULL},
    [EF_OP_ADD] = {0, offsetof(ef_space, add_skip), NULL},
    [EF_OP_CONCAT] = {0, offsetof(ef_space, concat_skip), NULL},
};

static int has_operation(const ef_space *space, ef_op op)
{
    int flag = 0;
    if (rules[op].flag) {
        memcpy(&flag, (const char *)space + rules[op].flag, sizeof flag);
    }
    return rules[op].always || flag;
}

static ef_status check_totals(const ef_space *space, const ef_topology *topology,
                              ef_error *err)
{
    size_t n = ef_topology_n_nodes(topology), depth = ef_topology_depth(topology);
    if (n > space->max_nodes) {
        return ef_error_set(err, EF_ERR_TOPOLOGY,
                            "search space %s: %zu nodes are more than its %u",
                            space->name, n, space->max_nodes);
    }
    if (depth < space->depth_min || depth > space->depth_max) {
        return ef_error_set(err, EF_ERR_TOPOLOGY,
                            "search space %s: %zu convolutions and dense layers are "
                            "not from %u to %u",
                            space->name, depth, space->depth_min, space->depth_max);
    }
    return EF_OK;
}

ef_status ef_space_allows(const ef_space *space, const ef_topology *topology,
                          ef_error *err)
{
    ef_status status = check_totals(space, topology, err);
    for (size_t i = 0; i < ef_topology_n_nodes(topology) && !status; i++) {
        const ef_node *node = ef_topology_node(topology, i);
        if (!has_operation(space, node->op) && !is_kept(space, node, 0, 0)) {
            REFUSE("%s is not in it", ef_op_name(node->op));
        }
        if (rules[node->op].check) {
            status = rules[node->op].check(space, topology, i, err);
        }
    }
    return status;
}
