#include "objectives/workload.h"

#include "base/mem.h"
#include "net/stored.h"

enum { INT8_BITS = 8, LOGIT_BITS = 32, BIAS_BITS = 32 };

/* The stored tensors behind a node's output: itself, or what a view shows of others. */
typedef struct sources {
    uint32_t n;
    uint32_t tensors[EF_MAX_INPUTS];
    uint32_t elements[EF_MAX_INPUTS];
    int overflows;
} sources;

typedef struct lowering {
    const ef_topology *topology;
    const ef_format *format;
    uint8_t *stored;  /* (n_nodes) */
    sources *sources; /* (n_nodes) */
    ef_workload *made;
    ef_error *err;
} lowering;

/* --- formats --- */

static const ef_format *format_of(const lowering *l, const ef_format *own)
{
    return ef_format_is_stated(own) ? own : l->format;
}

static unsigned bits_of(const ef_format *format)
{
    return ef_format_is_stated(format) ? format->bits : INT8_BITS;
}

static int is_float(const ef_format *format)
{
    return ef_format_is_stated(format) && format->kind == EF_FORMAT_FLOAT;
}

/* --- views --- */

/* One more source, or more of one that is there: at most all of it. */
static void add_source(const lowering *l, sources *to, uint32_t tensor,
                       uint32_t elements)
{
    uint32_t i = 0;
    while (i < to->n && to->tensors[i] != tensor) {
        i++;
    }
    if (i == EF_MAX_INPUTS) {
        to->overflows = 1;
        return;
    }
    if (i == to->n) {
        to->tensors[to->n++] = tensor;
    }
    uint32_t all = l->made->tensors[tensor].elements;
    to->elements[i] =
        elements < all - to->elements[i] ? to->elements[i] + elements : all;
}

/* What the inputs of a node show, each at most `most` elements of a tensor. */
static void add_inputs(const lowering *l, const ef_node *node, size_t most, sources *to)
{
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        const sources *from = &l->sources[node->inputs[k]];
        to->overflows |= from->overflows;
        for (uint32_t i = 0; i < from->n; i++) {
            add_source(l, to, from->tensors[i], from->elements[i]);
        }
    }
    for (uint32_t i = 0; i < to->n; i++) {
        to->elements[i] = to->elements[i] < most ? to->elements[i] : (uint32_t)most;
    }
}

/* --- layers --- */

static const uint8_t classes[EF_OP_COUNT] = {
    [EF_OP_CONV] = EF_CLASS_CONV,
    [EF_OP_DENSE] = EF_CLASS_DENSE,
    [EF_OP_MAXPOOL] = EF_CLASS_POOL,
    [EF_OP_AVGPOOL] = EF_CLASS_POOL,
    [EF_OP_GLOBALAVG] = EF_CLASS_POOL,
    [EF_OP_GLOBALMAX] = EF_CLASS_POOL,
    [EF_OP_ADD] = EF_CLASS_ELEMENTWISE,
    [EF_OP_MUL] = EF_CLASS_ELEMENTWISE,
    [EF_OP_DIV] = EF_CLASS_ELEMENTWISE,
    [EF_OP_SOFTMAX] = EF_CLASS_ELEMENTWISE,
    [EF_OP_SCALE] = EF_CLASS_ELEMENTWISE,
    [EF_OP_BATCHNORM] = EF_CLASS_ELEMENTWISE,
    [EF_OP_ACTIVATION] = EF_CLASS_ELEMENTWISE,
};

/* Each shape (2): height, width; of pad the first two of four. */
static void set_window(ef_layer *layer, const uint32_t *kernel, const uint32_t *stride,
                       const uint32_t *dilation, const uint32_t *pad)
{
    layer->loops[EF_LOOP_KERNEL_ROW] = kernel[0];
    layer->loops[EF_LOOP_KERNEL_COLUMN] = kernel[1];
    for (size_t i = 0; i < 2; i++) {
        layer->stride[i] = stride[i];
        layer->pad[i] = pad[i];
        layer->kernel_extent[i] = (kernel[i] - 1) * dilation[i] + 1;
    }
}

static void lower_conv(ef_layer *layer, const ef_node *node, ef_shape in)
{
    const ef_conv *conv = &node->u.conv;
    uint32_t inputs = in.channels / conv->groups;
    layer->loops[EF_LOOP_OUTPUT_CHANNEL] = conv->channels / conv->groups;
    layer->loops[EF_LOOP_INPUT_CHANNEL] = inputs;
    layer->loops[EF_LOOP_GROUP] = conv->groups;
    layer->layer_class =
        conv->groups > 1 && inputs == 1 ? EF_CLASS_DEPTHWISE : EF_CLASS_CONV;
    set_window(layer, conv->kernel, conv->stride, conv->dilation, conv->pad);
}

static void lower_dense(ef_layer *layer, const ef_node *node, ef_shape in)
{
    layer->loops[EF_LOOP_OUTPUT_CHANNEL] = node->u.dense.channels;
    layer->loops[EF_LOOP_INPUT_CHANNEL] = in.channels;
    layer->loops[EF_LOOP_GROUP] = 1;
}

static void lower_pool(ef_layer *layer, const ef_node *node, ef_shape in)
{
    static const uint32_t ones[2] = {1, 1}, zeros[2] = {0, 0};
    const ef_pool *pool = &node->u.pool;
    if (node->op == EF_OP_GLOBALAVG || node->op == EF_OP_GLOBALMAX) {
        set_window(layer, (const uint32_t[]){in.height, in.width}, ones, ones, zeros);
    } else {
        set_window(layer, pool->kernel, pool->stride, pool->dilation, pool->pad);
    }
}

static void (*const lower[EF_CLASS_COUNT])(ef_layer *layer, const ef_node *node,
                                           ef_shape in) = {
    [EF_CLASS_CONV] = lower_conv,
    [EF_CLASS_DENSE] = lower_dense,
    [EF_CLASS_POOL] = lower_pool,
};

static void set_loops(const lowering *l, ef_layer *layer, size_t root)
{
    const ef_node *node = ef_topology_node(l->topology, root);
    ef_shape in = ef_topology_shape(l->topology, node->inputs[0]);
    ef_shape out = ef_topology_shape(l->topology, root);
    for (size_t i = 0; i < EF_LOOP_COUNT; i++) {
        layer->loops[i] = 1;
    }
    layer->loops[EF_LOOP_GROUP] = out.channels;
    layer->loops[EF_LOOP_OUTPUT_ROW] = out.height;
    layer->loops[EF_LOOP_OUTPUT_COLUMN] = out.width;
    layer->input_extent[0] = in.height;
    layer->input_extent[1] = in.width;
    for (size_t i = 0; i < 2; i++) {
        layer->stride[i] = 1;
        layer->kernel_extent[i] = 1;
    }
    layer->layer_class = (ef_layer_class)classes[node->op];
    if (lower[layer->layer_class]) {
        lower[layer->layer_class](layer, node, in);
    }
}

static void set_operations(const lowering *l, ef_layer *layer, size_t root)
{
    const ef_node *node = ef_topology_node(l->topology, root);
    uint64_t elements = ef_shape_elements(ef_topology_shape(l->topology, root));
    layer->macs = ef_topology_node_macs(l->topology, root);
    if (layer->layer_class == EF_CLASS_POOL) {
        layer->operations = elements * layer->loops[EF_LOOP_KERNEL_ROW] *
                            layer->loops[EF_LOOP_KERNEL_COLUMN];
    } else if (layer->layer_class == EF_CLASS_ELEMENTWISE) {
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            layer->operations +=
                ef_shape_elements(ef_topology_shape(l->topology, node->inputs[k]));
        }
    }
}

static void set_inputs(const lowering *l, ef_layer *layer, const ef_node *root,
                       const sources *from)
{
    size_t index = l->made->n_layers;
    layer->n_inputs = from->n;
    for (uint32_t i = 0; i < from->n; i++) {
        ef_stored_tensor *tensor = &l->made->tensors[from->tensors[i]];
        const ef_node *source = ef_topology_node(l->topology, tensor->node);
        layer->inputs[i] = from->tensors[i];
        layer->input_elements[i] = from->elements[i];
        layer->input_width =
            tensor->width > layer->input_width ? tensor->width : layer->input_width;
        layer->is_float |= is_float(format_of(l, &source->activation_format));
        tensor->last_use = index;
    }
    if (layer->macs > 0) {
        layer->is_float |= is_float(format_of(l, &root->weight_format));
    }
}

static int has_bias(const ef_node *node)
{
    return node->op == EF_OP_CONV ? node->u.conv.bias != 0 : node->u.dense.bias != 0;
}

/* Parameters of the group from root to end: a batch norm behind weights is folded and
 * leaves a bias in each channel, whether there was one or not. */
static void set_params(const lowering *l, ef_layer *layer, size_t root, size_t end)
{
    const ef_node *first = ef_topology_node(l->topology, root);
    uint64_t channels = ef_topology_shape(l->topology, root).channels;
    uint64_t params = ef_topology_node_params(l->topology, root);
    int has_weights = first->op == EF_OP_CONV || first->op == EF_OP_DENSE;
    int is_biased = has_weights && has_bias(first);
    if (has_weights) {
        layer->weights = params - (is_biased ? channels : 0);
        layer->weight_width = bits_of(format_of(l, &first->weight_format));
    } else {
        layer->biases = params;
    }
    for (size_t i = end; i != root; i = ef_topology_node(l->topology, i)->inputs[0]) {
        if (has_weights && ef_topology_node(l->topology, i)->op == EF_OP_BATCHNORM) {
            is_biased = 1;
        } else {
            layer->biases += ef_topology_node_params(l->topology, i);
        }
    }
    layer->biases += is_biased ? channels : 0;
    layer->weight_bits =
        layer->weights * layer->weight_width + layer->biases * BIAS_BITS;
}

/* --- the walk --- */

/* Appends node index as a stored tensor. */
static void add_tensor(const lowering *l, size_t index)
{
    const ef_node *node = ef_topology_node(l->topology, index);
    ef_workload *made = l->made;
    uint32_t number = (uint32_t)made->n_tensors++;
    ef_stored_tensor *tensor = &made->tensors[number];
    tensor->node = (uint32_t)index;
    tensor->elements =
        (uint32_t)ef_shape_elements(ef_topology_shape(l->topology, index));
    tensor->width = l->stored[index] == EF_STORED_OUTPUT
                        ? LOGIT_BITS
                        : bits_of(format_of(l, &node->activation_format));
    tensor->first_use = tensor->last_use = made->n_layers;
    add_source(l, &l->sources[index], number, tensor->elements);
}

static size_t find_root(const lowering *l, size_t end)
{
    for (;;) {
        const ef_node *node = ef_topology_node(l->topology, end);
        size_t from = node->inputs[0];
        if (node->n_inputs != 1 || l->stored[from] != EF_STORED_NOT ||
            ef_op_is_view(ef_topology_node(l->topology, from)->op)) {
            return end;
        }
        end = from;
    }
}

static ef_status add_layer(const lowering *l, size_t end)
{
    size_t root = find_root(l, end);
    const ef_node *node = ef_topology_node(l->topology, root);
    sources from = {.n = 0};
    add_inputs(l, node, EF_MAX_ELEMENTS, &from);
    if (from.overflows) {
        return ef_error_set(l->err, EF_ERR_UNSUPPORTED,
                            "node %s reads more than %d stored tensors at once",
                            node->name, EF_MAX_INPUTS);
    }
    ef_layer *layer = &l->made->layers[l->made->n_layers];
    layer->node = (uint32_t)root;
    layer->output = (uint32_t)l->made->n_tensors;
    set_loops(l, layer, root);
    set_operations(l, layer, root);
    set_inputs(l, layer, node, &from);
    set_params(l, layer, root, end);
    add_tensor(l, end);
    l->made->n_layers++;
    return EF_OK;
}

static ef_status add_node(const lowering *l, size_t index)
{
    const ef_node *node = ef_topology_node(l->topology, index);
    if (ef_op_is_view(node->op)) {
        size_t elements = ef_shape_elements(ef_topology_shape(l->topology, index));
        add_inputs(l, node, elements, &l->sources[index]);
        return EF_OK;
    }
    if (l->stored[index] == EF_STORED_INPUT) {
        add_tensor(l, index);
        return EF_OK;
    }
    return l->stored[index] == EF_STORED_NOT ? EF_OK : add_layer(l, index);
}

static ef_status walk(const lowering *l)
{
    size_t n = ef_topology_n_nodes(l->topology);
    for (size_t i = 0; i < n; i++) {
        ef_status status = add_node(l, i);
        if (status) {
            return status;
        }
    }
    const sources *logits = &l->sources[ef_topology_output(l->topology)];
    for (uint32_t i = 0; i < logits->n; i++) {
        l->made->tensors[logits->tensors[i]].last_use = l->made->n_layers;
    }
    return EF_OK;
}

ef_status ef_workload_create(ef_workload **workload, const ef_topology *topology,
                             const ef_format *format, ef_error *err)
{
    size_t n = ef_topology_n_nodes(topology);
    lowering l = {.topology = topology, .format = format, .err = err};
    l.stored = ef_calloc(n, sizeof *l.stored);
    l.sources = ef_calloc(n, sizeof *l.sources);
    l.made = ef_calloc(1, sizeof *l.made);
    ef_status status = l.stored && l.sources && l.made ? EF_OK : ef_error_memory(err);
    if (!status) {
        ef_topology_stored(topology, l.stored);
        size_t n_stored = 0;
        for (size_t i = 0; i < n; i++) {
            n_stored += l.stored[i] != EF_STORED_NOT;
        }
        l.made->layers = ef_calloc(n_stored, sizeof *l.made->layers);
        l.made->tensors = ef_calloc(n_stored, sizeof *l.made->tensors);
        status = l.made->layers && l.made->tensors ? walk(&l) : ef_error_memory(err);
    }
    if (status) {
        ef_workload_destroy(l.made);
    } else {
        *workload = l.made;
    }
    ef_free(l.stored);
    ef_free(l.sources);
    return status;
}

void ef_workload_destroy(ef_workload *workload)
{
    if (workload) {
        ef_free(workload->layers);
        ef_free(workload->tensors);
        ef_free(workload);
    }
}

/* --- sums --- */

double ef_workload_bytes(const ef_workload *workload, const ef_layer *layer)
{
    const ef_stored_tensor *output = &workload->tensors[layer->output];
    double bits = (double)layer->weight_bits + (double)output->elements * output->width;
    for (uint32_t i = 0; i < layer->n_inputs; i++) {
        unsigned width = workload->tensors[layer->inputs[i]].width;
        bits += (double)layer->input_elements[i] * width;
    }
    return bits / 8;
}

double ef_workload_cost(const ef_workload *workload, const ef_layer_cost *model)
{
    double cost = 0;
    for (size_t i = 0; i < workload->n_layers; i++) {
        const ef_layer *layer = &workload->layers[i];
        const ef_layer_cost *of = &model[layer->layer_class];
        cost += (double)(layer->macs + layer->operations) * of->per_mac +
                ef_workload_bytes(workload, layer) * of->per_byte + of->per_launch;
    }
    return cost;
}
