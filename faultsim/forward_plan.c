/* Planning: which nodes run as one step, where taps fall, how weights are packed, and
 * which part of the arena each stored tensor takes while it is alive. */
#include "faultsim/forward_priv.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "net/stored.h"

size_t ef_forward_plane(ef_shape shape, size_t lanes)
{
    const size_t line = 16; /* floats of a cache line */
    size_t n = (size_t)shape.height * shape.width * lanes;
    size_t lines = (n + line - 1) / line;
    if (lines >= 32) {
        lines += (8 + 5 - lines % 8) % 8; /* 5 lines apart modulo 8: channels spread */
    }
    return lines * line;
}

/* --- elementwise ends -------------------------------------------------------- */

static int is_elementwise(ef_op op)
{
    return op == EF_OP_BATCHNORM || op == EF_OP_ACTIVATION || op == EF_OP_SCALE;
}

/* The only reader of a node, if that is elementwise and may join its step; else
 * SIZE_MAX. */
static size_t follower(const ef_forward_plan *plan, size_t node)
{
    const ef_topology *topology = plan->net->topology;
    size_t n_readers;
    const uint32_t *readers = ef_topology_readers(topology, node, &n_readers);
    const uint8_t *stored = plan->options.stored;
    int ends = plan->options.is_separate || (stored && stored[node] != EF_STORED_NOT);
    if (ends || n_readers != 1 ||
        !is_elementwise(ef_topology_node(topology, readers[0])->op)) {
        return SIZE_MAX;
    }
    return readers[0];
}

static const ef_span_kind span_of_activation[EF_ACTIVATION_COUNT] = {
    [EF_ACTIVATION_RELU] = EF_SPAN_RELU,
    [EF_ACTIVATION_CLIP] = EF_SPAN_CLIP,
    [EF_ACTIVATION_LEAKY] = EF_SPAN_SLOPE,
    [EF_ACTIVATION_PRELU] = EF_SPAN_SLOPE,
    [EF_ACTIVATION_SIGMOID] = EF_SPAN_SIGMOID,
    [EF_ACTIVATION_HARDSIGMOID] = EF_SPAN_HARDSIGMOID,
    [EF_ACTIVATION_HARDSWISH] = EF_SPAN_HARDSWISH,
    [EF_ACTIVATION_TANH] = EF_SPAN_TANH,
};

static void fill_norm(const ef_net *net, size_t node, size_t c, float *coef)
{
    float epsilon = ef_topology_node(net->topology, node)->u.batchnorm.epsilon;
    coef[0] = ef_net_values(net, node, EF_ROLE_MEAN)[c];
    coef[1] = ef_net_values(net, node, EF_ROLE_GAMMA)[c] /
              sqrtf(ef_net_values(net, node, EF_ROLE_VARIANCE)[c] + epsilon);
    coef[2] = ef_net_values(net, node, EF_ROLE_BETA)[c];
}

static void fill_scale(const ef_net *net, size_t node, size_t c, float *coef)
{
    coef[0] = ef_net_values(net, node, EF_ROLE_SCALE)[c];
    coef[1] = ef_net_values(net, node, EF_ROLE_SHIFT)[c];
}

static void fill_bias(const ef_net *net, size_t node, size_t c, float *coef)
{
    coef[0] = ef_net_values(net, node, EF_ROLE_BIAS)[c];
}

static void fill_activation(const ef_net *net, size_t node, size_t c, float *coef)
{
    const ef_activation *activation =
        &ef_topology_node(net->topology, node)->u.activation;
    const float *slopes = ef_net_values(net, node, EF_ROLE_SLOPE);
    int is_hardswish = activation->kind == EF_ACTIVATION_HARDSWISH;
    coef[0] = is_hardswish ? EF_HARDSWISH_SLOPE : activation->low;
    coef[1] = is_hardswish ? EF_HARDSWISH_SHIFT : activation->high;
    coef[0] = slopes ? slopes[c] : coef[0];
}

typedef void fill_function(const ef_net *net, size_t node, size_t c, float *coef);

static ef_status add_span(ef_step *step, ef_span_kind kind, const ef_net *net,
                          size_t node, fill_function *fill)
{
    size_t channels = step->out.shape.channels;
    float *coef = ef_calloc(channels, EF_SPAN_COEF * sizeof *coef);
    if (!coef) {
        return EF_ERR_MEMORY;
    }
    for (size_t c = 0; fill && c < channels; c++) {
        fill(net, node, c, coef + c * EF_SPAN_COEF);
    }
    step->spans[step->n_spans++] = (ef_span){kind, coef};
    return EF_OK;
}

static ef_status add_elementwise(ef_step *step, const ef_net *net, size_t index)
{
    const ef_node *node = ef_topology_node(net->topology, index);
    switch (node->op) {
    case EF_OP_BATCHNORM:
        return add_span(step, EF_SPAN_NORM, net, index, fill_norm);
    case EF_OP_SCALE:
        return add_span(step, EF_SPAN_SCALE, net, index, fill_scale);
    default:
        return add_span(step, span_of_activation[node->u.activation.kind], net, index,
                        fill_activation);
    }
}

/* Chains end in raw sums, so conv and dense have at least one span, which makes NaN
 * canonical; the spans that pass NaN on come behind it. */
static ef_status add_first_span(const ef_forward_plan *plan, ef_step *step, size_t head)
{
    const ef_net *net = plan->net;
    const ef_node *node = step->node;
    if (is_elementwise(node->op)) {
        return add_elementwise(step, net, head);
    }
    if (node->op != EF_OP_CONV && node->op != EF_OP_DENSE) {
        return EF_OK;
    }
    if (ef_net_param(net, head, EF_ROLE_BIAS)) {
        return add_span(step, EF_SPAN_BIAS, net, head, fill_bias);
    }
    size_t next = follower(plan, head);
    int is_raw = next == SIZE_MAX ||
                 ef_topology_node(net->topology, next)->op == EF_OP_ACTIVATION;
    return is_raw ? add_span(step, EF_SPAN_CANON, net, head, NULL) : EF_OK;
}

static ef_status add_spans(const ef_forward_plan *plan, ef_step *step, size_t head,
                           size_t *tail)
{
    const ef_net *net = plan->net;
    size_t n = 2;
    for (size_t i = head; i != SIZE_MAX; i = follower(plan, i)) {
        n++;
    }
    step->spans = ef_calloc(n, sizeof *step->spans);
    ef_status status = step->spans ? EF_OK : EF_ERR_MEMORY;
    if (!status) {
        status = add_first_span(plan, step, head);
    }
    *tail = head;
    for (size_t i = follower(plan, head); i != SIZE_MAX && !status;
         i = follower(plan, i)) {
        status = add_elementwise(step, net, i);
        *tail = i;
    }
    return status;
}

/* --- taps and weights -------------------------------------------------------- */

/* A window along one axis. */
typedef struct axis {
    uint32_t size, out, kernel, stride, dilation, before, after;
    int counts_padding;
} axis;

static ef_taps taps_of(const axis *a, uint32_t position)
{
    int64_t begin = (int64_t)position * a->stride - a->before;
    int64_t first = begin >= 0 ? 0 : (-begin + a->dilation - 1) / a->dilation;
    int64_t end = a->size > begin ? (a->size - begin - 1) / a->dilation + 1 : 0;
    end = end < a->kernel ? end : a->kernel;
    ef_taps taps = {0, 0, 0, 0};
    if (first < end) {
        taps.first = (uint32_t)first;
        taps.count = (uint32_t)(end - first);
        taps.at = (uint32_t)(begin + first * a->dilation);
    }
    taps.area = taps.count;
    if (a->counts_padding) {
        int64_t last = (int64_t)a->size + a->after;
        int64_t stop = begin + a->kernel < last ? begin + a->kernel : last;
        taps.area = (uint32_t)(stop - begin);
    }
    return taps;
}

static ef_taps *make_taps(const axis *a)
{
    ef_taps *taps = ef_calloc(a->out, sizeof *taps);
    for (uint32_t i = 0; taps && i < a->out; i++) {
        taps[i] = taps_of(a, i);
    }
    return taps;
}

/* One window for conv, dense (1 x 1), pools and global pools. */
typedef struct window {
    uint32_t kernel[2], stride[2], dilation[2], pad[4], groups;
    int counts_padding;
} window;

#define COPY_WINDOW(w, from)                                                           \
    (memcpy((w)->kernel, (from)->kernel, sizeof(w)->kernel),                           \
     memcpy((w)->stride, (from)->stride, sizeof(w)->stride),                           \
     memcpy((w)->dilation, (from)->dilation, sizeof(w)->dilation),                     \
     memcpy((w)->pad, (from)->pad, sizeof(w)->pad))

/* Returns 0 where the operation has no window. */
static int window_of(const ef_node *node, ef_shape in, window *w)
{
    *w = (window){.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1};
    switch (node->op) {
    case EF_OP_CONV:
        COPY_WINDOW(w, &node->u.conv);
        w->groups = node->u.conv.groups;
        return 1;
    case EF_OP_MAXPOOL:
    case EF_OP_AVGPOOL:
        COPY_WINDOW(w, &node->u.pool);
        w->counts_padding = node->u.pool.count_include_pad != 0;
        return 1;
    case EF_OP_GLOBALAVG:
    case EF_OP_GLOBALMAX:
        w->kernel[0] = in.height;
        w->kernel[1] = in.width;
        return 1;
    default:
        return node->op == EF_OP_DENSE;
    }
}

static ef_status add_window(ef_step *step, ef_shape in)
{
    window w;
    if (!window_of(step->node, in, &w)) {
        return EF_OK;
    }
    axis vertical = {in.height,   step->out.shape.height, w.kernel[0],
                     w.stride[0], w.dilation[0],          w.pad[0],
                     w.pad[2],    w.counts_padding};
    axis horizontal = {in.width,    step->out.shape.width, w.kernel[1],
                       w.stride[1], w.dilation[1],         w.pad[1],
                       w.pad[3],    w.counts_padding};
    memcpy(step->kernel, w.kernel, sizeof step->kernel);
    memcpy(step->dilation, w.dilation, sizeof step->dilation);
    step->groups = w.groups;
    step->in_end = in.channels / w.groups;
    step->rows = make_taps(&vertical);
    step->columns = make_taps(&horizontal);
    return step->rows && step->columns ? EF_OK : EF_ERR_MEMORY;
}

/* (out, in, kh, kw) becomes (group, out / block, in, kh, kw, block), padded with zeros
 * that nobody multiplies. */
static ef_status pack_weights(ef_step *step, const ef_net *net, size_t head,
                              ef_shape in, size_t block)
{
    const float *from = ef_net_values(net, head, EF_ROLE_WEIGHT);
    if (!from) {
        return EF_OK;
    }
    size_t n_taps =
        in.channels / step->groups * (size_t)step->kernel[0] * step->kernel[1];
    size_t n_out = step->out.shape.channels / step->groups;
    size_t n_blocks = (n_out + block - 1) / block;
    step->weights =
        ef_calloc_aligned(step->groups * n_blocks, block * n_taps * sizeof(float));
    if (!step->weights) {
        return EF_ERR_MEMORY;
    }
    for (size_t o = 0; o < step->out.shape.channels; o++) {
        size_t group = o / n_out, within = o % n_out;
        float *to = step->weights +
                    (group * n_blocks + within / block) * n_taps * block +
                    within % block;
        for (size_t t = 0; t < n_taps; t++) {
            to[t * block] = from[o * n_taps + t];
        }
    }
    return EF_OK;
}

/* Whether the output of a node is rounded: not the logits, and not to float32. */
static int is_rounded(const ef_forward_plan *plan, size_t node)
{
    const uint8_t *stored = plan->options.stored;
    if (!stored || stored[node] == EF_STORED_NOT || stored[node] == EF_STORED_OUTPUT) {
        return 0;
    }
    const ef_format *format = &plan->options.codes[node].format;
    return format->kind != EF_FORMAT_FLOAT || format->bits < 32 || format->scaled;
}

/* --- steps ------------------------------------------------------------------- */

static ef_status add_step(ef_forward_plan *plan, size_t head, uint32_t *step_of)
{
    const ef_topology *topology = plan->net->topology;
    uint32_t index = (uint32_t)plan->n_steps++;
    ef_step *step = &plan->steps[index];
    step->node = ef_topology_node(topology, head);
    step->run = ef_forward_runner(step->node->op);
    step->out.shape = ef_topology_shape(topology, head);
    step->out.first = plan->n_channels;
    plan->n_channels += step->out.shape.channels;
    step->n_inputs = step->node->n_inputs;
    step->last_reader = index;
    ef_shape in = step->out.shape;
    for (uint32_t k = 0; k < step->n_inputs; k++) {
        uint32_t from = step_of[step->node->inputs[k]];
        step->inputs[k] = from;
        plan->steps[from].last_reader = index;
        in = plan->steps[step->inputs[0]].out.shape;
    }
    size_t tail = head;
    ef_status status = add_spans(plan, step, head, &tail);
    for (size_t i = head; i != tail; i = follower(plan, i)) {
        step_of[i] = index;
    }
    step_of[tail] = index;
    step->head = (uint32_t)head;
    step->tail = (uint32_t)tail;
    step->code = is_rounded(plan, tail) ? &plan->options.codes[tail] : NULL;
    status = status ? status : add_window(step, in);
    return status ? status
                  : pack_weights(step, plan->net, head, in, plan->kernels->block);
}

static ef_status add_steps(ef_forward_plan *plan)
{
    const ef_topology *topology = plan->net->topology;
    size_t n = ef_topology_n_nodes(topology);
    uint32_t *step_of = ef_calloc(n, sizeof *step_of);
    plan->steps = ef_calloc(n, sizeof *plan->steps);
    ef_status status = step_of && plan->steps ? EF_OK : EF_ERR_MEMORY;
    for (size_t i = 0; i < n && !status; i++) {
        const ef_node *node = ef_topology_node(topology, i);
        if (!is_elementwise(node->op) || follower(plan, node->inputs[0]) != i) {
            status = add_step(plan, i, step_of);
        }
    }
    if (!status) {
        plan->output = step_of[ef_topology_output(topology)];
        plan->steps[plan->output].last_reader = UINT32_MAX;
    }
    ef_free(step_of);
    return status;
}

/* --- memory ------------------------------------------------------------------ */

static size_t tensor_size(const ef_forward_plan *plan, size_t step)
{
    ef_shape shape = plan->steps[step].out.shape;
    return shape.channels * ef_forward_plane(shape, plan->most_lanes);
}

/* The lowest place of this size that no living tensor holds; live is sorted by
 * offset, shape (n_live), and gets the step put in. */
static void place(ef_forward_plan *plan, uint32_t *live, size_t n_live, uint32_t step)
{
    size_t size = tensor_size(plan, step), at = 0, slot = 0;
    for (; slot < n_live; slot++) {
        size_t begin = plan->steps[live[slot]].out.offset;
        if (begin - at >= size) {
            break;
        }
        at = begin + tensor_size(plan, live[slot]);
    }
    memmove(live + slot + 1, live + slot, (n_live - slot) * sizeof *live);
    live[slot] = step;
    plan->steps[step].out.offset = at;
    plan->arena_size = at + size > plan->arena_size ? at + size : plan->arena_size;
}

static size_t drop_dead(const ef_forward_plan *plan, uint32_t *live, size_t n_live,
                        size_t now)
{
    size_t kept = 0;
    for (size_t i = 0; i < n_live; i++) {
        if (plan->steps[live[i]].last_reader > now) {
            live[kept++] = live[i];
        }
    }
    return kept;
}

static ef_status place_tensors(ef_forward_plan *plan)
{
    uint32_t *live = ef_calloc(plan->n_steps + 1, sizeof *live);
    size_t n_live = 0;
    for (size_t i = 0; live && i < plan->n_steps; i++) {
        place(plan, live, n_live++, (uint32_t)i);
        n_live = drop_dead(plan, live, n_live, i);
    }
    ef_status status = live ? EF_OK : EF_ERR_MEMORY;
    ef_free(live);
    return status;
}

static size_t choose_lanes(const ef_kernels *kernels, size_t max_batch)
{
    size_t vectors = (max_batch + kernels->width - 1) / kernels->width;
    if (max_batch == 0 || vectors > EF_LANE_VECTORS) {
        vectors = EF_LANE_VECTORS;
    }
    return vectors * kernels->width;
}

ef_status ef_forward_plan_create(ef_forward_plan **plan, const ef_net *net,
                                 const ef_forward_options *options, ef_error *err)
{
    ef_forward_plan *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->net = net;
    made->kernels = options->kernels;
    made->options = *options;
    made->most_lanes = choose_lanes(options->kernels, options->max_batch);
    ef_status status = add_steps(made);
    status = status ? status : place_tensors(made);
    if (status) {
        ef_forward_plan_destroy(made);
        return ef_error_memory(err);
    }
    *plan = made;
    return EF_OK;
}

void ef_forward_plan_destroy(ef_forward_plan *plan)
{
    if (!plan) {
        return;
    }
    for (size_t i = 0; i < plan->n_steps; i++) {
        ef_step *step = &plan->steps[i];
        for (size_t k = 0; k < step->n_spans; k++) {
            ef_free(step->spans[k].coef);
        }
        ef_free(step->spans);
        ef_free(step->rows);
        ef_free(step->columns);
        ef_free(step->weights);
    }
    ef_free(plan->steps);
    ef_free(plan);
}
