/* Random networks of a search space: small ones to start from, and ones from all over
 * it. */
#include <string.h>

#include "net/morph.h"
#include "net/space_priv.h"

#define LEAST_SIDE 2     /* places a side that images are reduced to ... */
#define MOST_SIDE 8      /* ... where reductions allow it */
#define MOST_HALVINGS 32 /* of 2^32 places a side */
#define START_CONVS 3    /* of a network to start from */
#define START_FLAT                                                                     \
    1024                /* most values behind its flatten, unless there must be more   \
                         */
#define WHOLE_FLAT 4096 /* the same over the whole space */
#define MOST_MUTATIONS 6
#define MOST_TRIES 20

/* A topology in the making; a failure is kept in status. */
typedef struct builder {
    ef_rng *rng;
    const ef_space *space;
    ef_graph graph;
    ef_shape shape; /* of the node at `at` */
    size_t at;
    int whole;              /* over the whole space, not only small */
    uint32_t n_widths;      /* the narrowest of the space's, that it draws from */
    uint32_t n_convs, used; /* planned and built */
    uint32_t halve_at[MOST_HALVINGS]; /* the convolutions at which images are halved */
    uint32_t n_halvings;
    ef_status status;
} builder;

/* --- nodes ------------------------------------------------------------------ */

static size_t add(builder *b, ef_node node, size_t input)
{
    size_t index = 0;
    if (node.op != EF_OP_INPUT) {
        node.inputs[0] = (uint32_t)input;
        node.n_inputs = node.n_inputs ? node.n_inputs : 1;
    }
    if (!b->status) {
        b->status = ef_graph_add(&b->graph, &node, &index);
    }
    return index;
}

static size_t add_op(builder *b, ef_op op, size_t input)
{
    return add(b, ef_node_default(op), input);
}

static size_t add_join(builder *b, ef_op op, size_t first, size_t second)
{
    ef_node node = ef_node_default(op);
    node.n_inputs = 2;
    node.inputs[1] = (uint32_t)second;
    return add(b, node, first);
}

static size_t add_conv(builder *b, size_t input, uint32_t channels, uint32_t kernel,
                       uint32_t stride)
{
    size_t conv = add(b, ef_space_conv(channels, kernel, stride), input);
    b->used++;
    return add_op(b, EF_OP_BATCHNORM, conv);
}

static size_t activate(builder *b, size_t input)
{
    return add(b, ef_space_activation(b->space), input);
}

/* --- draws ------------------------------------------------------------------ */

static int toss(builder *b)
{
    return ef_rng_below(b->rng, 2) == 0;
}

/* Over the whole space each network has a greatest width of its own, so that small
 * networks are drawn as well as large ones; to start from, the lower half. */
static void plan_widths(builder *b)
{
    const ef_space *s = b->space;
    uint32_t n = (s->width_max - s->width_min) / s->width_step + 1;
    b->n_widths = b->whole ? 1 + (uint32_t)ef_rng_below(b->rng, n) : (n + 1) / 2;
}

/* Uniform over those planned, or more often small. */
static uint32_t draw_width(builder *b)
{
    const ef_space *s = b->space;
    uint32_t step = (uint32_t)ef_rng_below(b->rng, b->n_widths);
    if (!b->whole) {
        uint32_t other = (uint32_t)ef_rng_below(b->rng, b->n_widths);
        step = step < other ? step : other;
    }
    return s->width_min + step * s->width_step;
}

/* A kernel of at least `least` that the image has room for; without one, 1. */
static uint32_t draw_kernel(builder *b, uint32_t least)
{
    uint32_t side = b->shape.height < b->shape.width ? b->shape.height : b->shape.width;
    uint32_t kernel = 1, n_seen = 0;
    for (size_t i = 0; i < b->space->n_kernels; i++) {
        uint64_t k = b->space->kernels[i];
        if (k >= least && k <= 2 * (uint64_t)side - 1 &&
            ef_rng_below(b->rng, ++n_seen) == 0) {
            kernel = (uint32_t)k;
        }
    }
    return kernel;
}

/* --- blocks ----------------------------------------------------------------- */

static uint32_t half(uint32_t side)
{
    return (side + 1) / 2;
}

/* Halvings planned for the convolutions from the next on that a block of `cost` has. */
static uint32_t count_halvings(const builder *b, uint32_t cost)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n_halvings; i++) {
        n += b->halve_at[i] >= b->used && b->halve_at[i] < b->used + cost;
    }
    return n;
}

/* What a block is made of, drawn before it is built. */
typedef struct block {
    uint32_t width;
    uint32_t kernel;
    uint32_t stride;
    uint32_t halvings; /* that are left for a pooling */
} block;

static block draw_block(builder *b, uint32_t cost)
{
    block drawn = {.stride = 1, .halvings = count_halvings(b, cost)};
    drawn.width = draw_width(b);
    drawn.kernel = draw_kernel(b, b->whole ? 1 : 3);
    int pools = b->space->max_pool || b->space->avg_pool;
    if (drawn.halvings > 0 && ef_space_allows_stride(b->space, 2) &&
        (!pools || toss(b))) {
        drawn.kernel = draw_kernel(b, 2);
        drawn.stride = drawn.kernel > 1 ? 2 : 1;
        drawn.halvings -= drawn.stride - 1;
    }
    return drawn;
}

static void end_block(builder *b, block drawn, uint32_t channels, size_t at)
{
    b->at = at;
    b->shape.channels = channels;
    if (drawn.stride == 2) {
        b->shape.height = half(b->shape.height);
        b->shape.width = half(b->shape.width);
    }
    uint32_t size = 1;
    while (drawn.halvings-- > 0 && b->shape.height / size / 2 >= LEAST_SIDE &&
           b->shape.width / size / 2 >= LEAST_SIDE) {
        size *= 2;
    }
    if (size > 1 && (b->space->max_pool || b->space->avg_pool)) {
        b->at = add(b, ef_space_pool(b->rng, b->space, size), at);
        b->shape.height /= size;
        b->shape.width /= size;
    }
}

static void build_plain(builder *b)
{
    block drawn = draw_block(b, 1);
    size_t norm = add_conv(b, b->at, drawn.width, drawn.kernel, drawn.stride);
    end_block(b, drawn, drawn.width, activate(b, norm));
}

static void build_separable(builder *b)
{
    block drawn = draw_block(b, 2);
    ef_node depthwise = ef_space_conv(b->shape.channels, drawn.kernel, drawn.stride);
    depthwise.u.conv.groups = b->shape.channels;
    size_t at = add(b, depthwise, b->at);
    b->used++;
    size_t norm = add_conv(b, at, drawn.width, 1, 1);
    end_block(b, drawn, drawn.width, activate(b, norm));
}

/* Two convolutions and a shortcut, which is a third where shapes differ. */
static void build_residual(builder *b)
{
    uint32_t left = b->n_convs - b->used;
    block drawn = draw_block(b, left < 3 ? left : 3);
    size_t shortcut = b->at;
    if (left < 3 || toss(b)) {
        drawn.width = b->shape.channels;
    }
    if (left < 3 && drawn.stride > 1) {
        drawn.stride = 1;
        drawn.halvings++;
    }
    size_t norm = add_conv(b, b->at, drawn.width, drawn.kernel, drawn.stride);
    size_t at = activate(b, norm);
    norm = add_conv(b, at, drawn.width, drawn.kernel, 1);
    if (drawn.width != b->shape.channels || drawn.stride > 1) {
        shortcut = add_conv(b, shortcut, drawn.width, 1, drawn.stride);
    }
    at = activate(b, add_join(b, EF_OP_ADD, norm, shortcut));
    end_block(b, drawn, drawn.width, at);
}

/* A convolution beside its own input. */
static void build_concat(builder *b)
{
    block drawn = draw_block(b, 1);
    drawn.halvings += drawn.stride - 1;
    drawn.stride = 1;
    size_t norm = add_conv(b, b->at, drawn.width, drawn.kernel, 1);
    size_t at = add_join(b, EF_OP_CONCAT, b->at, activate(b, norm));
    end_block(b, drawn, b->shape.channels + drawn.width, at);
}

/* The block that comes next: a plain one first, later whatever the space has and the
 * depth left allows. */
static void build_block(builder *b)
{
    void (*kinds[4])(builder *) = {build_plain};
    size_t n = 1;
    uint32_t left = b->n_convs - b->used;
    int first = b->used == 0;
    int fits = !first && ef_space_allows_width(b->space, b->shape.channels);
    if (fits && left >= 2 && b->space->add_skip) {
        kinds[n++] = build_residual;
    }
    if (b->whole && !first && left >= 2 && b->space->separable) {
        kinds[n++] = build_separable;
    }
    if (b->whole && !first && b->space->concat_skip) {
        kinds[n++] = build_concat;
    }
    kinds[ef_rng_below(b->rng, n)](b);
}

/* --- whole networks --------------------------------------------------------- */

/* As many halvings as leave between LEAST_SIDE and MOST_SIDE places a side, at random
 * convolutions; where there are several, the first at the first. */
static void plan_halvings(builder *b)
{
    uint32_t least = 0, most = 0, side = b->shape.height, larger = b->shape.width;
    if (side > larger) {
        side = b->shape.width;
        larger = b->shape.height;
    }
    while (most < MOST_HALVINGS - 1 && side >> (most + 1) >= LEAST_SIDE) {
        most++;
    }
    while (least < most && larger >> least > MOST_SIDE) {
        least++;
    }
    b->n_halvings = least + (uint32_t)ef_rng_below(b->rng, most - least + 1);
    for (uint32_t i = 0; i < b->n_halvings && b->n_convs > 0; i++) {
        int early = i == 0 && least > 0;
        b->halve_at[i] = early ? 0 : (uint32_t)ef_rng_below(b->rng, b->n_convs);
    }
}

/* Number of convolutions, and whether there is a hidden dense layer. */
static uint32_t plan_depth(builder *b)
{
    const ef_space *s = b->space;
    if (b->whole) {
        uint64_t n = (uint64_t)s->depth_max - s->depth_min + 1;
        uint32_t depth = s->depth_min + (uint32_t)ef_rng_below(b->rng, n);
        uint32_t hidden =
            s->hidden && depth >= 3 && ef_rng_below(b->rng, 4) == 0 ? 1 : 0;
        b->n_convs = depth - 1 - hidden;
        return hidden;
    }
    uint32_t least = s->depth_min > 2 ? s->depth_min - 1 : 1;
    uint32_t most = s->depth_max - 1 < START_CONVS ? s->depth_max - 1 : START_CONVS;
    least = least < s->depth_max - 1 ? least : s->depth_max - 1;
    most = most > least ? most : least;
    b->n_convs = least + (uint32_t)ef_rng_below(b->rng, most - least + 1);
    return 0;
}

static void build_head(builder *b, const ef_task *task, uint32_t n_hidden)
{
    const ef_space *s = b->space;
    size_t most = b->whole ? WHOLE_FLAT : START_FLAT;
    int flat =
        !s->average || (s->flatten && ef_shape_elements(b->shape) <= most && toss(b));
    if (!flat && b->shape.height * b->shape.width > 1) {
        b->at = add_op(b, EF_OP_GLOBALAVG, b->at);
    }
    b->at = add_op(b, EF_OP_FLATTEN, b->at);
    ef_node dense = ef_node_default(EF_OP_DENSE);
    dense.u.dense.bias = 1;
    for (uint32_t i = 0; i < n_hidden; i++) {
        dense.u.dense.channels = draw_width(b);
        b->at = activate(b, add(b, dense, b->at));
    }
    dense.u.dense.channels = task->n_classes;
    b->at = add(b, dense, b->at);
}

static void build_graph(builder *b, const ef_task *task)
{
    ef_node input = ef_node_default(EF_OP_INPUT);
    input.u.input = b->shape = task->input;
    b->at = add(b, input, 0);
    if (task->scale) {
        b->at = add_op(b, EF_OP_SCALE, b->at);
    }
    plan_widths(b);
    uint32_t n_hidden = plan_depth(b);
    plan_halvings(b);
    while (b->used < b->n_convs && !b->status) {
        build_block(b);
    }
    build_head(b, task, n_hidden);
}

/* First values of all parameters, the normalisation's as the task says. */
static void initialise(ef_rng *rng, const ef_task *task, ef_net *net)
{
    for (size_t i = 0; i < ef_topology_n_nodes(net->topology); i++) {
        ef_net_initialise_node(net, i, rng);
        if (ef_topology_node(net->topology, i)->op == EF_OP_SCALE) {
            size_t size = task->input.channels * sizeof(float);
            memcpy(ef_net_values(net, i, EF_ROLE_SCALE), task->scale, size);
            memcpy(ef_net_values(net, i, EF_ROLE_SHIFT), task->shift, size);
        }
    }
}

static ef_status build(ef_rng *rng, const ef_space *space, const ef_task *task,
                       int whole, ef_net **net, ef_error *err)
{
    builder b = {.rng = rng, .space = space, .whole = whole};
    ef_topology *topology = NULL;
    build_graph(&b, task);
    ef_status status =
        b.status ? ef_error_memory(err) : ef_topology_create(&topology, &b.graph, err);
    if (!status) {
        status = ef_space_allows(space, topology, err);
    }
    if (!status) {
        status = ef_net_create(net, topology, err);
    }
    if (!status) {
        initialise(rng, task, *net);
    }
    ef_topology_destroy(topology);
    ef_graph_clear(&b.graph);
    return status;
}

/* Draws until the space holds what was drawn; the last reason is the error. */
static ef_status draw(ef_rng *rng, const ef_space *space, const ef_task *task,
                      int whole, ef_net **net, ef_error *err)
{
    ef_status status = EF_ERR_TOPOLOGY;
    for (size_t i = 0; i < MOST_TRIES && status == EF_ERR_TOPOLOGY; i++) {
        status = build(rng, space, task, whole, net, i + 1 < MOST_TRIES ? NULL : err);
    }
    return status == EF_ERR_MEMORY ? ef_error_memory(err) : status;
}

ef_status ef_space_sample(ef_rng *rng, const ef_space *space, const ef_task *task,
                          ef_net **net, ef_error *err)
{
    return draw(rng, space, task, 0, net, err);
}

ef_status ef_space_random(ef_rng *rng, const ef_space *space, const ef_task *task,
                          ef_net **net, ef_error *err)
{
    ef_net *made = NULL;
    ef_status status = draw(rng, space, task, 1, &made, err);
    size_t n = (size_t)ef_rng_below(rng, MOST_MUTATIONS + 1);
    for (size_t i = 0; i < n && !status; i++) {
        ef_net *child = NULL;
        status = ef_morph_mutate(rng, space, made, &child, NULL, NULL);
        if (!status) {
            ef_net_destroy(made);
            made = child;
        }
    }
    if (status == EF_ERR_TOPOLOGY && made) {
        status = EF_OK; /* there is no operator that changes it: take it as it is */
    }
    if (status) {
        ef_net_destroy(made);
        return status == EF_ERR_MEMORY ? ef_error_memory(err) : status;
    }
    initialise(rng, task, made);
    *net = made;
    return EF_OK;
}
