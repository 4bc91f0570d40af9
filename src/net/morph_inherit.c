/* How a child inherits its parent's parameters: one pass that says for every tensor of
 * the child which of its channels are which of the parent's, and copies by it. */
#include "net/morph_inherit.h"

#include <string.h>

#include "base/mem.h"
#include "net/morph_priv.h"

/* Nodes are named by their positions in the edit: below n_old they are the parent's. */
typedef struct pass {
    const ef_edit *edit;
    const ef_topology *parent;
    const ef_topology *child;
    uint32_t *order;  /* (nodes of child) the edit's position of each */
    uint32_t *stands; /* (nodes of edit) the parent's node whose tensor it stands for */
    ef_map *maps;     /* (nodes of edit) its channels in terms of those */
    uint32_t *source; /* room for maps that are not plain, one slot per channel */
    float *share;
    size_t used;
} pass;

/* Without the matrix, for what goes channel by channel. */
static ef_map by_channel(ef_map map)
{
    map.matrix = NULL;
    return map;
}

static uint32_t child_channels(const pass *p, uint32_t node)
{
    return ef_topology_shape(p->child, p->edit->nodes[node].where).channels;
}

static uint32_t parent_channels(const pass *p, uint32_t node)
{
    return ef_topology_shape(p->parent, node).channels;
}

static ef_map plain(uint32_t n)
{
    return (ef_map){.n = n};
}

/* Takes n slots of the room for a new map. */
static ef_map make_map(pass *p, uint32_t n, uint32_t **source, float **share)
{
    *source = p->source + p->used;
    *share = p->share + p->used;
    p->used += n;
    return (ef_map){.n = n, .source = *source, .share = *share};
}

/* The channels of what `node` of the parent now reads in slot k in terms of what it
 * read there.  n = 0: a slot that the parent's node does not have. */
static ef_map input_map(const pass *p, uint32_t node, uint32_t k)
{
    const ef_node *was = ef_topology_node(p->parent, node);
    uint32_t now = p->edit->graph.nodes[node].inputs[k];
    if (k >= was->n_inputs) {
        return plain(0);
    }
    uint32_t from = was->inputs[k];
    while (from != p->stands[now] && p->edit->nodes[from].by != EF_NO_NODE) {
        if (p->edit->nodes[from].by_map.n > 0) {
            return p->edit->nodes[from].by_map;
        }
        from = p->edit->nodes[from].by;
    }
    return from == p->stands[now] ? p->maps[now] : plain(child_channels(p, now));
}

/* What is linear in channels passes matrices on. */
static ef_map pass_all(pass *p, uint32_t node)
{
    ef_map map = input_map(p, node, 0);
    uint32_t channels = child_channels(p, node);
    return map.n == channels ? map : plain(channels);
}

static ef_map pass_on(pass *p, uint32_t node)
{
    return by_channel(pass_all(p, node));
}

static ef_map make_new(pass *p, uint32_t node)
{
    return plain(child_channels(p, node));
}

static ef_map map_conv(pass *p, uint32_t node)
{
    int depthwise = ef_conv_is_depthwise(p->child, p->edit->nodes[node].where) &&
                    ef_conv_is_depthwise(p->parent, node);
    return depthwise ? pass_on(p, node) : make_new(p, node);
}

static int inputs_are_plain(const pass *p, uint32_t node)
{
    const ef_node *now = &p->edit->graph.nodes[node];
    const ef_node *was = ef_topology_node(p->parent, node);
    int all = now->n_inputs == was->n_inputs;
    for (uint32_t k = 0; k < now->n_inputs && all; k++) {
        ef_map in = input_map(p, node, k);
        all = ef_map_is_plain(&in) && in.n == parent_channels(p, was->inputs[k]);
    }
    return all;
}

/* The maps of the inputs beside each other; new inputs are like none. */
static ef_map map_concat(pass *p, uint32_t node)
{
    const ef_node *now = &p->edit->graph.nodes[node];
    const ef_node *was = ef_topology_node(p->parent, node);
    uint32_t *source, n = 0, offset = 0;
    float *share;
    if (inputs_are_plain(p, node)) {
        return make_new(p, node);
    }
    ef_map map = make_map(p, child_channels(p, node), &source, &share);
    for (uint32_t k = 0; k < now->n_inputs; k++) {
        ef_map in = input_map(p, node, k);
        uint32_t old = k < was->n_inputs ? parent_channels(p, was->inputs[k]) : 0;
        for (uint32_t i = 0; i < child_channels(p, now->inputs[k]); i++, n++) {
            uint32_t from = ef_map_source(&in, i, old);
            source[n] = from == EF_NO_NODE ? EF_NO_NODE : from + offset;
            share[n] = ef_map_share(&in, i);
        }
        offset += old;
    }
    return map;
}

/* Where the middle of cell i of n lies among n_old cells. */
static uint32_t nearest(uint32_t i, uint32_t n, uint32_t n_old)
{
    return (uint32_t)(((uint64_t)2 * i + 1) * n_old / ((uint64_t)2 * n));
}

/* Channel by channel, place by place; images of another size by the nearest place, each
 * place worth as much less as there are more of them. */
static ef_map map_flatten(pass *p, uint32_t node)
{
    uint32_t input = p->edit->graph.nodes[node].inputs[0];
    ef_shape now = ef_topology_shape(p->child, p->edit->nodes[input].where);
    ef_shape was =
        ef_topology_shape(p->parent, ef_topology_node(p->parent, node)->inputs[0]);
    ef_map in = input_map(p, node, 0);
    int same_size = now.height == was.height && now.width == was.width;
    if (ef_map_is_plain(&in) && same_size) {
        return make_new(p, node);
    }
    if (in.matrix && same_size) {
        in.span = now.height * now.width;
        in.n *= in.span;
        return in;
    }
    float worth = (float)(was.height * was.width) / (float)(now.height * now.width);
    uint32_t *source, n = 0;
    float *share;
    ef_map map = make_map(p, child_channels(p, node), &source, &share);
    for (uint32_t c = 0; c < now.channels; c++) {
        uint32_t from = ef_map_source(&in, c, was.channels);
        for (uint32_t y = 0; y < now.height; y++) {
            for (uint32_t x = 0; x < now.width; x++, n++) {
                uint32_t row = nearest(y, now.height, was.height);
                uint32_t column = nearest(x, now.width, was.width);
                source[n] = from == EF_NO_NODE
                                ? EF_NO_NODE
                                : (from * was.height + row) * was.width + column;
                share[n] = worth * ef_map_share(&in, c);
            }
        }
    }
    return map;
}

typedef ef_map map_rule(pass *p, uint32_t node);

/* What the channels of a node of the parent have become. */
static map_rule *const rules[EF_OP_COUNT] = {
    [EF_OP_INPUT] = make_new,      [EF_OP_CONV] = map_conv,
    [EF_OP_DENSE] = make_new,      [EF_OP_MAXPOOL] = pass_all,
    [EF_OP_AVGPOOL] = pass_all,    [EF_OP_GLOBALAVG] = pass_all,
    [EF_OP_GLOBALMAX] = pass_all,  [EF_OP_BATCHNORM] = pass_on,
    [EF_OP_ACTIVATION] = pass_on,  [EF_OP_ADD] = pass_on,
    [EF_OP_MUL] = pass_on,         [EF_OP_SCALE] = pass_on,
    [EF_OP_CONCAT] = map_concat,   [EF_OP_PAD] = pass_on,
    [EF_OP_SLICE] = pass_on,       [EF_OP_TRANSPOSE] = pass_on,
    [EF_OP_FLATTEN] = map_flatten, [EF_OP_UPSAMPLE] = pass_on,
    [EF_OP_RESHAPE] = make_new,    [EF_OP_SOFTMAX] = pass_on,
    [EF_OP_DIV] = pass_on,
};

/* A new node stands for what its first input stands for; what it has more channels is
 * like none of them. */
static ef_map map_added(pass *p, uint32_t node)
{
    uint32_t input = p->edit->graph.nodes[node].inputs[0];
    uint32_t channels = child_channels(p, node);
    ef_map in = by_channel(p->maps[input]);
    p->stands[node] = p->stands[input];
    if (in.n >= channels) {
        return in.n == channels ? in : plain(channels);
    }
    uint32_t *source;
    float *share;
    ef_map map = make_map(p, channels, &source, &share);
    for (uint32_t i = 0; i < channels; i++) {
        uint32_t from = i < in.n ? ef_map_source(&in, i, EF_NO_NODE) : EF_NO_NODE;
        source[i] = from;
        share[i] = i < in.n ? ef_map_share(&in, i) : 1.0F;
    }
    return map;
}

static void map_all(pass *p)
{
    for (size_t i = 0; i < ef_topology_n_nodes(p->child); i++) {
        uint32_t node = p->order[i];
        ef_map given = p->edit->nodes[node].out;
        if (node >= p->edit->n_old) {
            p->maps[node] = map_added(p, node);
            continue;
        }
        p->stands[node] = node;
        p->maps[node] =
            given.n > 0 ? given : rules[p->edit->graph.nodes[node].op](p, node);
    }
}

/* Grouped convolutions see channels by their place in the group. */
static ef_map weight_input(const pass *p, uint32_t node, const ef_param *now)
{
    const ef_node *n = &p->edit->graph.nodes[node];
    int grouped = n->op == EF_OP_CONV && n->u.conv.groups > 1;
    return grouped ? plain(now->dims[1]) : input_map(p, node, 0);
}

static void copy_param(const pass *p, uint32_t node, const ef_param *now)
{
    const ef_net *parent = p->edit->parent;
    const ef_param *was = ef_net_param(parent, node, (ef_role)now->role);
    if (was) {
        ef_param_copy c = {.to = p->edit->child->values + now->offset,
                           .from = parent->values + was->offset,
                           .now = now,
                           .was = was,
                           .now_node = &p->edit->graph.nodes[node],
                           .was_node = ef_topology_node(p->parent, node),
                           .out = p->maps[node],
                           .in = weight_input(p, node, now)};
        ef_param_copy_run(&c);
    }
}

static ef_status copy_all(const pass *p, ef_error *err)
{
    ef_net *child = p->edit->child;
    for (size_t i = 0; i < child->n_params; i++) {
        uint32_t at = child->params[i].node, node = p->order[at];
        if (node < p->edit->n_old) {
            copy_param(p, node, &child->params[i]);
        }
        if (node < p->edit->n_old &&
            ef_net_copy_names(child, at, p->edit->parent, node)) {
            return ef_error_memory(err);
        }
    }
    return EF_OK;
}

/* Whether the layer's mean sums can have changed: other inputs, other taps, or inputs
 * of other means. */
static int sums_changed(const pass *p, uint32_t node, ef_moments moments[2])
{
    size_t at = p->edit->nodes[node].where;
    const ef_node *now = ef_topology_node(p->child, at);
    const ef_node *was = ef_topology_node(p->parent, node);
    ef_map in = input_map(p, node, 0);
    uint32_t n = parent_channels(p, was->inputs[0]);
    if (!ef_map_is_plain(&in) || in.n != n ||
        (now->op == EF_OP_CONV && !ef_conv_same_geometry(&now->u.conv, &was->u.conv))) {
        return 1;
    }
    const float *variance;
    const float *before = ef_moments_of(&moments[0], was->inputs[0], &variance);
    const float *after = ef_moments_of(&moments[1], now->inputs[0], &variance);
    return memcmp(before, after, n * sizeof *before) != 0;
}

/* room: (3, widest) for the means before and after, and variances. */
static void adjust_layer(const pass *p, uint32_t node, ef_moments moments[2],
                         double *room, size_t widest)
{
    double *before = room, *after = room + widest, *variance = room + 2 * widest;
    const ef_map *out = &p->maps[node];
    size_t at = p->edit->nodes[node].where;
    uint32_t n_old = parent_channels(p, node);
    ef_moments_layer(&moments[0], node, after, variance);
    for (uint32_t i = 0; i < out->n; i++) {
        uint32_t from = ef_map_source(out, i, n_old);
        before[i] = from == EF_NO_NODE ? 0 : after[from];
    }
    ef_moments_layer(&moments[1], at, after, variance);
    ef_morph_adjust(p->edit->child, at, before, after);
}

static size_t widest_of(const ef_topology *topology)
{
    size_t widest = 0;
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        uint32_t channels = ef_topology_shape(topology, i).channels;
        widest = channels > widest ? channels : widest;
    }
    return widest;
}

static ef_status adjust_all(const pass *p, ef_error *err)
{
    ef_moments moments[2] = {{0}, {0}};
    size_t widest = widest_of(p->parent), now_widest = widest_of(p->child);
    widest = now_widest > widest ? now_widest : widest;
    double *room = ef_calloc(3 * widest, sizeof *room);
    ef_status status = room ? EF_OK : ef_error_memory(err);
    if (!status) {
        status = ef_moments_init(&moments[0], p->edit->parent, err);
    }
    if (!status) {
        status = ef_moments_init(&moments[1], p->edit->child, err);
    }
    for (size_t i = 0; !status && i < ef_topology_n_nodes(p->child); i++) {
        ef_op op = ef_topology_node(p->child, i)->op;
        if ((op == EF_OP_CONV || op == EF_OP_DENSE) && p->order[i] < p->edit->n_old &&
            sums_changed(p, p->order[i], moments)) {
            adjust_layer(p, p->order[i], moments, room, widest);
        }
    }
    ef_moments_clear(&moments[0]);
    ef_moments_clear(&moments[1]);
    ef_free(room);
    return status;
}

static ef_status make_room(pass *p, ef_error *err)
{
    size_t n_nodes = ef_topology_n_nodes(p->child), n_edit = p->edit->graph.n_nodes;
    size_t n_channels = 0;
    for (size_t i = 0; i < n_nodes; i++) {
        n_channels += ef_topology_shape(p->child, i).channels;
    }
    p->order = ef_calloc(n_nodes, sizeof *p->order);
    p->stands = ef_calloc(n_edit, sizeof *p->stands);
    p->maps = ef_calloc(n_edit, sizeof *p->maps);
    p->source = ef_calloc(n_channels, sizeof *p->source);
    p->share = ef_calloc(n_channels, sizeof *p->share);
    int done = p->order && p->stands && p->maps && p->source && p->share;
    return done ? EF_OK : ef_error_memory(err);
}

static void free_room(pass *p)
{
    ef_free(p->order);
    ef_free(p->stands);
    ef_free(p->maps);
    ef_free(p->source);
    ef_free(p->share);
}

ef_status ef_edit_inherit(ef_edit *edit, ef_error *err)
{
    pass p = {
        .edit = edit, .parent = edit->parent->topology, .child = edit->child->topology};
    ef_status status = make_room(&p, err);
    if (!status) {
        for (uint32_t i = 0; i < edit->graph.n_nodes; i++) {
            if (edit->nodes[i].where != EF_NO_NODE) {
                p.order[edit->nodes[i].where] = i;
            }
        }
        map_all(&p);
        status = copy_all(&p, err);
        if (edit->lossy && !status) {
            status = adjust_all(&p, err);
        }
    }
    free_room(&p);
    return status;
}
