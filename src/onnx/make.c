/* Nodes of the topology, and the way of values into the network. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/origin.h"
#include "onnx/reader.h"

/* wanted with suffix, without what a name may not have; returns its length. */
static size_t clean(const char *wanted, const char *suffix, char *name)
{
    size_t n = 0;
    for (; wanted[n] && n < EF_NAME_SIZE - 24; n++) {
        const char one[2] = {wanted[n], '\0'};
        name[n] = ef_name_is_valid(one) ? wanted[n] : '_';
    }
    if (n == 0) {
        name[n++] = 'n';
    }
    snprintf(name + n, EF_NAME_SIZE - n, "%s", suffix);
    return strlen(name);
}

/* The wanted name if it can be had, else one made of it. */
static void choose_name(ef_reader *reader, uint32_t index)
{
    const ef_label *label = &reader->labels[index];
    char *name = reader->made.nodes[index].name;
    uint32_t owner, taken;
    size_t n = clean(label->wanted, label->suffix, name);
    if (label->suffix[0] == '\0' && ef_name_is_valid(label->wanted)) {
        snprintf(name, EF_NAME_SIZE, "%s", label->wanted);
    }
    int is_taken = ef_names_find(&reader->node_names, name, &owner);
    while (is_taken) { /* numbers that this name has had are not tried again */
        n = n < EF_NAME_SIZE - 12 ? n : EF_NAME_SIZE - 12;
        snprintf(name + n, EF_NAME_SIZE - n, "_%u",
                 ++reader->labels[owner].n_alike + 1);
        is_taken = ef_names_find(&reader->node_names, name, &taken);
    }
    char *own = ef_arena_strdup(&reader->arena, name);
    if (!own) {
        ef_reader_refuse_memory(reader);
        return;
    }
    ef_names_put(&reader->node_names, own, index);
    reader->labels[index].name = own;
}

/* Which nodes the output is computed from. */
static unsigned char *find_reached(ef_reader *reader, uint32_t output)
{
    unsigned char *reached = ef_arena_calloc(&reader->arena, output + 1, 1);
    if (!reached) {
        ef_reader_refuse_memory(reader);
        return NULL;
    }
    reached[output] = 1;
    for (uint32_t i = output + 1; i-- > 0;) { /* inputs come first */
        const ef_node *node = &reader->made.nodes[i];
        for (uint32_t k = 0; k < node->n_inputs && reached[i]; k++) {
            reached[node->inputs[k]] = 1;
        }
    }
    return reached;
}

/* What a node's output is in the file only where it is turned has the name from there.
 */
static void pass_back(ef_reader *reader, size_t transpose)
{
    const ef_node *nodes = reader->made.nodes;
    uint32_t source = nodes[transpose].inputs[0];
    ef_shape shape = reader->shapes[source];
    while (!reader->labels[source].output &&
           (nodes[source].op == EF_OP_FLATTEN || nodes[source].op == EF_OP_RESHAPE)) {
        source = nodes[source].inputs[0];
    }
    ef_label *label = &reader->labels[source];
    if (!label->output) {
        label->output = reader->labels[transpose].output;
        label->layout =
            (ef_layout){3, {shape.channels, shape.height, shape.width}, {0}};
        memcpy(label->layout.order, nodes[transpose].u.transpose.order,
               sizeof nodes[transpose].u.transpose.order);
    }
}

/* Nodes that stand for one of the file choose first, the steps between them then. */
void ef_reader_name_nodes(ef_reader *reader, uint32_t output)
{
    const unsigned char *reached = find_reached(reader, output);
    for (int is_step = 0; is_step < 2; is_step++) {
        for (uint32_t i = 0; i <= output && !reader->status; i++) {
            if (reached[i] && (reader->labels[i].suffix[0] != '\0') == is_step) {
                choose_name(reader, i);
            }
        }
    }
    reader->n_made = reader->made.n_nodes;
    for (size_t i = 0; i < reader->n_made && !reader->status; i++) {
        if (reader->labels[i].output && reader->made.nodes[i].op == EF_OP_TRANSPOSE) {
            pass_back(reader, i);
        }
    }
    for (size_t i = 0; i < reader->n_fills && !reader->status; i++) {
        ef_fill *fill = &reader->fills[i];
        fill->name =
            ef_arena_strdup(&reader->arena, reader->made.nodes[fill->node].name);
        if (!fill->name) {
            ef_reader_refuse_memory(reader);
        }
    }
}

/* The shape of the node, in shapes[index]. */
static void infer(ef_reader *reader, const ef_node *node, size_t index)
{
    ef_shape in[EF_MAX_INPUTS] = {{0}};
    ef_error why = {0};
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        in[k] = reader->shapes[node->inputs[k]];
    }
    if (ef_node_shape(node, in, &reader->shapes[index], &why)) {
        ef_reader_refuse(reader, EF_ERR_TOPOLOGY, "%s", why.text);
    }
}

uint32_t ef_reader_make(ef_reader *reader, ef_node *node, const char *suffix)
{
    size_t index = reader->made.n_nodes;
    if (index >= EF_MAX_NODES) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED, "the model has more than %d nodes",
                         EF_MAX_NODES);
    }
    if (!reader->status) {
        infer(reader, node, index);
    }
    snprintf(node->name, EF_NAME_SIZE, "n%zu", index); /* for the time being */
    if (!reader->status && ef_graph_add(&reader->made, node, &index)) {
        ef_reader_refuse_memory(reader);
    }
    if (reader->status) {
        return 0;
    }
    reader->open[index] = EF_ROLE_COUNT;
    reader->labels[index] =
        (ef_label){.wanted = ef_reader_label(reader), .suffix = suffix};
    return (uint32_t)index;
}

void ef_reader_rename(ef_reader *reader, uint32_t node)
{
    if (!reader->status) {
        reader->labels[node].wanted = ef_reader_label(reader);
        reader->labels[node].suffix = "";
    }
}

/* --- fills ------------------------------------------------------------------------ */

static void add_fill(ef_reader *reader, ef_fill fill)
{
    if (reader->n_fills == reader->fill_capacity) {
        size_t wanted = 2 * reader->fill_capacity + 64;
        ef_fill *fills = ef_realloc(reader->fills, wanted, sizeof *fills);
        if (!fills) {
            ef_reader_refuse_memory(reader);
            return;
        }
        reader->fills = fills;
        reader->fill_capacity = wanted;
    }
    reader->fills[reader->n_fills++] = fill;
}

/* Values that the parameter has; 0 where a node of this kind has none. */
static size_t wanted_count(const ef_reader *reader, const ef_node *node, ef_role role)
{
    ef_shape in = reader->shapes[node->inputs[0]];
    const ef_conv *conv = &node->u.conv;
    int is_conv = node->op == EF_OP_CONV;
    if (role == EF_ROLE_WEIGHT && is_conv) {
        return (size_t)conv->channels * (in.channels / conv->groups) * conv->kernel[0] *
               conv->kernel[1];
    }
    if (role == EF_ROLE_WEIGHT) {
        return (size_t)node->u.dense.channels * in.channels;
    }
    if (role == EF_ROLE_BIAS) {
        return is_conv ? conv->channels : node->u.dense.channels;
    }
    return in.channels;
}

void ef_reader_fill(ef_reader *reader, uint32_t node, ef_role role,
                    ef_constant *constant, int is_transposed)
{
    if (reader->status || !constant) {
        return;
    }
    size_t wanted = wanted_count(reader, &reader->made.nodes[node], role);
    if (!ef_constant_is_float(constant)) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "constant %.200s does not hold floating-point numbers",
                         constant->name);
    } else if (constant->count != wanted && constant->count != 1) {
        ef_reader_refuse(reader, EF_ERR_INPUT,
                         "constant %.200s has %zu values and does not fit its input, "
                         "which asks for %zu",
                         constant->name, constant->count, wanted);
    } else if (ef_reader_spend(reader, wanted)) { /* many layers may share one */
        add_fill(reader, (ef_fill){node, role, constant, is_transposed, NULL});
    }
}

/* values (out, in), from (in, out) */
static void transpose(float *values, const float *from, const ef_param *param)
{
    size_t n_out = param->dims[0], n_in = param->dims[1];
    for (size_t o = 0; o < n_out; o++) {
        for (size_t i = 0; i < n_in; i++) {
            values[o * n_in + i] = from[i * n_out + o];
        }
    }
}

static ef_status fill_values(const ef_fill *fill, const ef_param *param, float *values)
{
    size_t count = fill->constant->count;
    if (!fill->is_transposed) {
        ef_constant_copy_floats(fill->constant, values);
        for (size_t i = count; i < param->count; i++) {
            values[i] = values[0];
        }
        return EF_OK;
    }
    float *turned = ef_calloc(count, sizeof *turned);
    if (!turned) {
        return EF_ERR_MEMORY;
    }
    ef_constant_copy_floats(fill->constant, turned);
    transpose(values, turned, param);
    ef_free(turned);
    return EF_OK;
}

static ef_status fill_param(const ef_fill *fill, ef_net *net, size_t node)
{
    const ef_param *param = ef_net_param(net, node, fill->role);
    float *values = net->values + param->offset;
    ef_layout layout = fill->constant->layout;
    ef_status status = fill_values(fill, param, values);
    int is_named = fill->constant->name[0] && fill->constant->count == param->count;
    if (is_named && fill->is_transposed) {
        is_named = ef_layout_transpose(&layout, param->dims[1], param->dims[0]);
    }
    if (!status && is_named) {
        size_t at = (size_t)(param - net->params);
        status = ef_net_set_param_name(net, at, fill->constant->name);
        status = status ? status : ef_net_set_layout(net, at, &layout);
    }
    return status;
}

/* --- outputs ---------------------------------------------------------------------- */

static void name_outputs(ef_reader *reader, ef_net *net)
{
    for (size_t i = 0; i < reader->n_made && !reader->status; i++) {
        const ef_label *label = &reader->labels[i];
        size_t node =
            label->name ? ef_topology_find(net->topology, label->name) : SIZE_MAX;
        if (label->output && node != SIZE_MAX &&
            ef_net_set_output(net, node, label->output, &label->layout)) {
            ef_reader_refuse_memory(reader);
        }
    }
}

void ef_reader_fill_net(ef_reader *reader, ef_net *net)
{
    for (size_t i = 0; i < reader->n_fills && !reader->status; i++) {
        const ef_fill *fill = &reader->fills[i];
        size_t node = ef_topology_find(net->topology, fill->name);
        if (node != SIZE_MAX && fill_param(fill, net, node)) {
            ef_reader_refuse_memory(reader);
        }
    }
    name_outputs(reader, net);
}
