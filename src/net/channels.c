/* Which channels of a topology belong together: one pass over the nodes with a
 * union-find over the groups, then the groups that remain are numbered. */
#include "net/channels.h"

#include <string.h>

#include "base/mem.h"

/* While the pass runs, groups are numbered by the node that made them. */
typedef struct builder {
    const ef_topology *topology;
    ef_channels *channels;
    size_t n_runs;
    size_t capacity;
    uint32_t *parent; /* (n_nodes) of the union-find */
    uint8_t *fixed;   /* (n_nodes), right at the roots */
} builder;

int ef_conv_is_depthwise(const ef_topology *topology, size_t node)
{
    const ef_node *n = ef_topology_node(topology, node);
    if (n->op != EF_OP_CONV || n->u.conv.groups == 1) {
        return 0;
    }
    uint32_t channels = ef_topology_shape(topology, n->inputs[0]).channels;
    return n->u.conv.groups == channels && n->u.conv.channels == channels;
}

int ef_channels_is_producer(const ef_topology *topology, size_t node)
{
    ef_op op = ef_topology_node(topology, node)->op;
    return op == EF_OP_DENSE ||
           (op == EF_OP_CONV && !ef_conv_is_depthwise(topology, node));
}

static uint32_t find(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

/* The smaller number becomes the root, so that the result does not depend on the order
 * of joins. */
static void join(builder *b, uint32_t i, uint32_t j)
{
    uint32_t x = find(b->parent, i), y = find(b->parent, j);
    uint32_t root = x < y ? x : y, other = x < y ? y : x;
    b->parent[other] = root;
    b->fixed[root] |= b->fixed[other];
}

static int add_run(builder *b, ef_channel_run run)
{
    if (b->n_runs == b->capacity) {
        size_t capacity = 2 * b->capacity;
        ef_channel_run *runs = ef_realloc(b->channels->runs, capacity, sizeof *runs);
        if (!runs) {
            return 0;
        }
        b->channels->runs = runs;
        b->capacity = capacity;
    }
    b->channels->runs[b->n_runs++] = run;
    return 1;
}

static void fix(builder *b, size_t node)
{
    const ef_channels *c = b->channels;
    for (size_t r = c->first[node]; r < c->first[node + 1]; r++) {
        b->fixed[find(b->parent, c->runs[r].group)] = 1;
    }
}

static void fix_inputs(builder *b, const ef_node *node)
{
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        fix(b, node->inputs[k]);
    }
}

/* A new group of the node's own. */
static int make(builder *b, size_t node, int fixed)
{
    uint32_t channels = ef_topology_shape(b->topology, node).channels;
    b->fixed[node] = (uint8_t)fixed;
    return add_run(b, (ef_channel_run){(uint32_t)node, channels, 1});
}

/* The runs of node `from`, each channel of which is now `factor` times as many
 * elements. */
static int pass(builder *b, size_t from, uint32_t factor)
{
    for (size_t r = b->channels->first[from]; r < b->channels->first[from + 1]; r++) {
        ef_channel_run run = b->channels->runs[r];
        run.span *= factor;
        if (!add_run(b, run)) {
            return 0;
        }
    }
    return 1;
}

static int runs_match(const builder *b, size_t i, size_t j)
{
    const ef_channels *c = b->channels;
    size_t n = c->first[i + 1] - c->first[i];
    int match = n == c->first[j + 1] - c->first[j];
    for (size_t r = 0; r < n && match; r++) {
        const ef_channel_run *x = &c->runs[c->first[i] + r];
        const ef_channel_run *y = &c->runs[c->first[j] + r];
        match = x->channels == y->channels && x->span == y->span;
    }
    return match;
}

static int meet(builder *b, size_t i, size_t j)
{
    const ef_channels *c = b->channels;
    if (!runs_match(b, i, j)) {
        return 0;
    }
    for (size_t r = 0; r < c->first[i + 1] - c->first[i]; r++) {
        join(b, c->runs[c->first[i] + r].group, c->runs[c->first[j] + r].group);
    }
    return 1;
}

static int visit_meeting(builder *b, size_t index)
{
    const ef_node *node = ef_topology_node(b->topology, index);
    int match = 1;
    for (uint32_t k = 1; k < node->n_inputs; k++) {
        match &= meet(b, node->inputs[0], node->inputs[k]);
    }
    if (!match) {
        fix_inputs(b, node);
    }
    return pass(b, node->inputs[0], 1);
}

static int visit_concat(builder *b, size_t index)
{
    const ef_node *node = ef_topology_node(b->topology, index);
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        if (!pass(b, node->inputs[k], 1)) {
            return 0;
        }
    }
    return 1;
}

static int visit_conv(builder *b, size_t index)
{
    const ef_node *node = ef_topology_node(b->topology, index);
    if (ef_conv_is_depthwise(b->topology, index)) {
        return pass(b, node->inputs[0], 1);
    }
    if (node->u.conv.groups > 1) {
        fix_inputs(b, node);
    }
    return make(b, index, node->u.conv.groups > 1);
}

static int visit_flatten(builder *b, size_t index)
{
    size_t input = ef_topology_node(b->topology, index)->inputs[0];
    ef_shape shape = ef_topology_shape(b->topology, input);
    return pass(b, input, shape.height * shape.width);
}

static int visit_other(builder *b, size_t index)
{
    return pass(b, ef_topology_node(b->topology, index)->inputs[0], 1);
}

/* pad, slice, transpose ...: channels stay where they are, or runs end here. */
static int visit_mover(builder *b, size_t index, int keeps)
{
    if (keeps) {
        return visit_other(b, index);
    }
    fix(b, ef_topology_node(b->topology, index)->inputs[0]);
    return make(b, index, 1);
}

static int visit_pad(builder *b, size_t index)
{
    const ef_pad *pad = &ef_topology_node(b->topology, index)->u.pad;
    return visit_mover(b, index, pad->before[0] == 0 && pad->after[0] == 0);
}

static int visit_slice(builder *b, size_t index)
{
    const ef_node *node = ef_topology_node(b->topology, index);
    const ef_slice *slice = &node->u.slice;
    uint32_t channels = ef_topology_shape(b->topology, node->inputs[0]).channels;
    return visit_mover(b, index,
                       slice->begin[0] == 0 && slice->end[0] == channels &&
                           slice->step[0] == 1);
}

static int visit_transpose(builder *b, size_t index)
{
    const ef_node *node = ef_topology_node(b->topology, index);
    return visit_mover(b, index, node->u.transpose.order[0] == 0);
}

/* A softmax over channels reads all of them for each. */
static int visit_softmax(builder *b, size_t index)
{
    const ef_node *node = ef_topology_node(b->topology, index);
    return visit_mover(b, index, node->u.softmax.axis != 0);
}

static int visit_reshape(builder *b, size_t index)
{
    return visit_mover(b, index, 0);
}

/* Who widens it could make a divisor 0. */
static int visit_div(builder *b, size_t index)
{
    fix_inputs(b, ef_topology_node(b->topology, index));
    return make(b, index, 1);
}

static int visit_input(builder *b, size_t index)
{
    return make(b, index, 1);
}

static int visit_dense(builder *b, size_t index)
{
    return make(b, index, 0);
}

typedef int visit_fn(builder *b, size_t index);

static visit_fn *const visits[EF_OP_COUNT] = {
    [EF_OP_INPUT] = visit_input,      [EF_OP_CONV] = visit_conv,
    [EF_OP_DENSE] = visit_dense,      [EF_OP_MAXPOOL] = visit_other,
    [EF_OP_AVGPOOL] = visit_other,    [EF_OP_GLOBALAVG] = visit_other,
    [EF_OP_GLOBALMAX] = visit_other,  [EF_OP_BATCHNORM] = visit_other,
    [EF_OP_ACTIVATION] = visit_other, [EF_OP_ADD] = visit_meeting,
    [EF_OP_MUL] = visit_meeting,      [EF_OP_SCALE] = visit_other,
    [EF_OP_CONCAT] = visit_concat,    [EF_OP_PAD] = visit_pad,
    [EF_OP_SLICE] = visit_slice,      [EF_OP_TRANSPOSE] = visit_transpose,
    [EF_OP_FLATTEN] = visit_flatten,  [EF_OP_UPSAMPLE] = visit_other,
    [EF_OP_RESHAPE] = visit_reshape,  [EF_OP_SOFTMAX] = visit_softmax,
    [EF_OP_DIV] = visit_div,
};

static int visit_all(builder *b)
{
    ef_channels *c = b->channels;
    for (size_t i = 0; i < c->n_nodes; i++) {
        b->parent[i] = (uint32_t)i;
        c->first[i] = b->n_runs;
        if (!visits[ef_topology_node(b->topology, i)->op](b, i)) {
            return 0;
        }
        c->first[i + 1] = b->n_runs;
    }
    fix(b, ef_topology_output(b->topology));
    return 1;
}

/* From numbers of nodes to numbers of groups, by first appearance. */
static void number_groups(builder *b, uint32_t *number)
{
    ef_channels *c = b->channels;
    memset(number, 0xff, c->n_nodes * sizeof *number);
    for (size_t r = 0; r < b->n_runs; r++) {
        ef_channel_run *run = &c->runs[r];
        uint32_t root = find(b->parent, run->group);
        if (number[root] == UINT32_MAX) {
            number[root] = (uint32_t)c->n_groups;
            c->groups[c->n_groups++] =
                (ef_channel_group){run->channels, b->fixed[root]};
        }
        run->group = number[root];
    }
}

ef_status ef_channels_init(ef_channels *channels, const ef_topology *topology,
                           ef_error *err)
{
    size_t n = ef_topology_n_nodes(topology);
    ef_channels made = {.n_nodes = n};
    builder b = {.topology = topology, .channels = &made, .capacity = n + 8};
    made.runs = ef_calloc(b.capacity, sizeof *made.runs);
    made.first = ef_calloc(n + 1, sizeof *made.first);
    made.groups = ef_calloc(n, sizeof *made.groups);
    b.parent = ef_calloc(2 * n, sizeof *b.parent);
    b.fixed = ef_calloc(n, 1);
    int done =
        made.runs && made.first && made.groups && b.parent && b.fixed && visit_all(&b);
    if (done) {
        number_groups(&b, b.parent + n);
        *channels = made;
    } else {
        ef_channels_clear(&made);
    }
    ef_free(b.parent);
    ef_free(b.fixed);
    return done ? EF_OK : ef_error_memory(err);
}

void ef_channels_clear(ef_channels *channels)
{
    ef_free(channels->runs);
    ef_free(channels->first);
    ef_free(channels->groups);
    memset(channels, 0, sizeof *channels);
}

const ef_channel_run *ef_channels_runs(const ef_channels *channels, size_t node,
                                       size_t *n_runs)
{
    *n_runs = channels->first[node + 1] - channels->first[node];
    return &channels->runs[channels->first[node]];
}

uint32_t ef_channels_group(const ef_channels *channels, size_t node)
{
    size_t n_runs;
    const ef_channel_run *runs = ef_channels_runs(channels, node, &n_runs);
    return n_runs == 1 ? runs->group : UINT32_MAX;
}
