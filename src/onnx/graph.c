#include "onnx/graph.h"

#include <string.h>

#include "base/mem.h"
#include "onnx/fold.h"
#include "onnx/operators.h"

#define MOST_STEPS_TO_TURN 16

#define MOST_BUDGET ((size_t)1 << 30)

int ef_onnx_is_own_domain(const char *domain)
{
    return !domain || domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0;
}

static void refuse(ef_reader *reader, ef_status status, const char *text)
{
    if (!reader->status) {
        reader->status = ef_error_at(reader->err, status,
                                     (ef_place){reader->file, 0, 0}, "%s", text);
    }
}

/* --- names ------------------------------------------------------------------------ */

/* Names and lists that the reader goes by must be there. */
static void check_node(ef_reader *reader, const Onnx__NodeProto *node)
{
    if (!node->op_type || node->op_type[0] == '\0') {
        refuse(reader, EF_ERR_INPUT, "a node has no operator");
    } else if (node->n_output == 0 || node->output[0][0] == '\0') {
        reader->status =
            ef_error_at(reader->err, EF_ERR_INPUT, (ef_place){reader->file, 0, 0},
                        "a %.40s node has no output", node->op_type);
    }
}

static void count_uses(ef_reader *reader, const Onnx__NodeProto *node)
{
    for (size_t k = 0; k < node->n_input; k++) {
        reader->table[ef_reader_intern(reader, node->input[k])].uses++;
    }
}

/* Room for every name that the graph brings, the first one for no name. */
static void make_table(ef_reader *reader)
{
    const Onnx__GraphProto *graph = reader->graph;
    size_t n = graph->n_initializer + graph->n_input + graph->n_output + 2;
    for (size_t i = 0; i < graph->n_node; i++) {
        n += graph->node[i]->n_input + graph->node[i]->n_output;
    }
    reader->table = ef_calloc(n, sizeof *reader->table);
    if (!reader->table || ef_names_init(&reader->names, n)) {
        ef_reader_refuse_memory(reader);
        return;
    }
    ef_reader_intern(reader, "");
}

static void count_names(ef_reader *reader)
{
    const Onnx__GraphProto *graph = reader->graph;
    for (size_t i = 0; i < graph->n_node && !reader->status; i++) {
        check_node(reader, graph->node[i]);
    }
    for (size_t i = 0; i < graph->n_node && !reader->status; i++) {
        count_uses(reader, graph->node[i]);
    }
    for (size_t i = 0; i < graph->n_output && !reader->status; i++) {
        const char *name = graph->output[i]->name;
        if (name) {
            reader->table[ef_reader_intern(reader, name)].uses++;
        }
    }
}

/* --- constants -------------------------------------------------------------------- */

static void define_constant(ef_reader *reader, const Onnx__TensorProto *tensor)
{
    char why[EF_CONSTANT_REASON];
    const char *name = tensor->name ? tensor->name : "";
    ef_constant *constant = ef_arena_calloc(&reader->arena, 1, sizeof *constant);
    if (!constant) {
        ef_reader_refuse_memory(reader);
        return;
    }
    ef_status status = ef_constant_of_tensor(constant, tensor, why);
    ef_value *to = &reader->table[ef_reader_intern(reader, name)];
    if (status) {
        reader->status =
            ef_error_at(reader->err, status, (ef_place){reader->file, 0, 0},
                        "constant %.200s: %s", name, why);
    } else if (to->is_defined || name[0] == '\0') {
        reader->status =
            ef_error_at(reader->err, EF_ERR_INPUT, (ef_place){reader->file, 0, 0},
                        "two values are called '%.200s'", name);
    }
    /* Several may hold the same bytes of a file of their own. */
    reader->budget += 4 * constant->count;
    reader->budget = reader->budget < MOST_BUDGET ? reader->budget : MOST_BUDGET;
    to->is_defined = 1;
    to->constant = constant;
}

/* --- the input -------------------------------------------------------------------- */

/* The only graph input that no initialiser stands for. */
static const Onnx__ValueInfoProto *find_input(ef_reader *reader)
{
    const Onnx__ValueInfoProto *input = NULL;
    size_t n = 0;
    for (size_t i = 0; i < reader->graph->n_input; i++) {
        const Onnx__ValueInfoProto *value = reader->graph->input[i];
        const char *name = value->name ? value->name : "";
        if (!reader->table[ef_reader_intern(reader, name)].is_defined) {
            input = value;
            n++;
        }
    }
    if (n != 1 || !input->name || input->name[0] == '\0') {
        refuse(reader, EF_ERR_UNSUPPORTED,
               "a model has one input, this one has none or several");
    }
    return input;
}

/* All its axes, the batch first; that may be open. */
static ef_dims read_dims(ef_reader *reader, const Onnx__ValueInfoProto *input)
{
    const Onnx__TypeProto *type = input->type;
    int is_tensor =
        type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
        type->tensor_type->elem_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT &&
        type->tensor_type->shape;
    ef_dims dims = {is_tensor ? type->tensor_type->shape->n_dim : 0, {0}};
    if (dims.rank < 2 || dims.rank > 4) {
        refuse(reader, EF_ERR_UNSUPPORTED,
               "its input is not a float tensor (N, C), (N, C, L) or (N, C, H, W)");
        return dims;
    }
    for (size_t i = 0; i < dims.rank; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = type->tensor_type->shape->dim[i];
        int is_known =
            dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
            dim->dim_value >= 1 && dim->dim_value <= EF_MAX_ELEMENTS;
        dims.size[i] = is_known ? dim->dim_value : i == 0 ? EF_BATCH_SIZE : 0;
        if (dims.size[i] == 0) {
            refuse(reader, EF_ERR_UNSUPPORTED,
                   "a size of its input, other than the batch, is not given: export it "
                   "with a fixed height and width");
        }
    }
    return dims;
}

/* Whether only nodes with one of these operators read the name. */
static int is_read_by(const ef_reader *reader, const char *name, const char *op_types)
{
    int n = 0;
    for (size_t i = 0; i < reader->graph->n_node; i++) {
        const Onnx__NodeProto *node = reader->graph->node[i];
        for (size_t k = 0; k < node->n_input; k++) {
            if (strcmp(node->input[k], name) == 0) {
                if (!ef_onnx_lists(op_types, node->op_type)) {
                    return 0;
                }
                n++;
            }
        }
    }
    return n > 0;
}

/* Whether every Transpose of the name makes channels first of channels last. */
static int is_turned(const ef_reader *reader, const char *name)
{
    static const int64_t perm[4] = {0, 3, 1, 2};
    for (size_t i = 0; i < reader->graph->n_node; i++) {
        const Onnx__NodeProto *node = reader->graph->node[i];
        if (node->n_input != 1 || strcmp(node->input[0], name) != 0) {
            continue;
        }
        const Onnx__AttributeProto *given =
            node->n_attribute == 1 ? node->attribute[0] : NULL;
        if (!given || given->n_ints != 4 ||
            memcmp(given->ints, perm, sizeof perm) != 0) {
            return 0;
        }
    }
    return 1;
}

/* The only node that reads the name, once; NULL: none does, or it is read again. */
static const Onnx__NodeProto *only_reader(const ef_reader *reader, const char *name)
{
    const Onnx__NodeProto *found = NULL;
    for (size_t i = 0; i < reader->graph->n_node; i++) {
        const Onnx__NodeProto *node = reader->graph->node[i];
        for (size_t k = 0; k < node->n_input; k++) {
            if (strcmp(node->input[k], name) == 0) {
                if (found) {
                    return NULL;
                }
                found = node;
            }
        }
    }
    return found;
}

/* Whether the images are padded, scaled and so on as they come, with channels last,
 * before every reader makes them channels first. */
static int is_turned_later(const ef_reader *reader, const char *name)
{
    for (size_t step = 0; step < MOST_STEPS_TO_TURN; step++) {
        const Onnx__NodeProto *node = only_reader(reader, name);
        if (!node ||
            !ef_onnx_lists("Add Cast Div Identity Mul Pad Sub", node->op_type)) {
            return 0;
        }
        name = node->output[0];
        if (is_read_by(reader, name, "Transpose")) {
            return is_turned(reader, name);
        }
    }
    return 0;
}

/* The shape in which images come.  Files of Keras take them with channels last and
 * turn them at once, or flatten them without ever naming a channel: they are taken
 * with channels first, as data sets give them. */
static ef_shape image_shape(ef_reader *reader, const char *name, const ef_dims *image)
{
    const int64_t *size = image->size;
    int may_differ = reader->lead && !reader->is_own;
    if (may_differ && image->rank == 3 && is_read_by(reader, name, "Transpose") &&
        is_turned(reader, name)) {
        reader->turned_input = name;
        reader->info.is_nhwc = 1;
        return (ef_shape){(uint32_t)size[2], (uint32_t)size[0], (uint32_t)size[1], 4};
    }
    if (may_differ && image->rank == 3 && is_turned_later(reader, name)) {
        reader->info.is_nhwc = 1;
        reader->turns_input = 1;
        return (ef_shape){(uint32_t)size[2], (uint32_t)size[0], (uint32_t)size[1], 4};
    }
    int is_grey = image->rank == 2 || (image->rank == 3 && size[2] == 1 && size[1] > 1);
    if (may_differ && is_grey &&
        is_read_by(reader, name, "Reshape Flatten Unsqueeze")) {
        reader->info.is_nhwc = image->rank == 3;
        return (ef_shape){1, (uint32_t)size[0], (uint32_t)size[1], 4};
    }
    return ef_dims_shape(image);
}

static void define_input(ef_reader *reader)
{
    const Onnx__ValueInfoProto *input = find_input(reader);
    ef_node node = ef_node_default(EF_OP_INPUT);
    ef_dims dims = reader->status ? (ef_dims){0, {0}} : read_dims(reader, input);
    if (reader->status) {
        return;
    }
    reader->batch = dims.size[0];
    if (reader->lead) {
        ef_dims_remove(&dims, 0);
    }
    node.u.input = image_shape(reader, input->name, &dims);
    const char *name = ef_reader_metadata(reader, EF_ONNX_INPUT_KEY, "");
    /* What is made has the name of the node in hand. */
    Onnx__NodeProto *stand_in = ef_arena_calloc(&reader->arena, 1, sizeof *stand_in);
    char **outputs = ef_arena_calloc(&reader->arena, 1, sizeof *outputs);
    if (!stand_in || !outputs) {
        ef_reader_refuse_memory(reader);
        return;
    }
    onnx__node_proto__init(stand_in);
    outputs[0] = input->name;
    stand_in->name = ef_arena_strdup(&reader->arena, name ? name : input->name);
    stand_in->op_type = input->name;
    stand_in->output = outputs;
    stand_in->n_output = 1;
    reader->node = stand_in;
    ef_value value = {.node = ef_reader_make(reader, &node, ""), .dims = dims};
    if (reader->turned_input && !reader->status) {
        const ef_shape shape = node.u.input;
        reader->labels[value.node].layout =
            (ef_layout){3, {shape.channels, shape.height, shape.width}, {1, 2, 0}};
    }
    if (reader->turns_input && !reader->status) {
        const ef_shape shape = node.u.input;
        value.dims = (ef_dims){3, {shape.channels, shape.height, shape.width}};
        value = ef_reader_permute(reader, &value, (const size_t[]){1, 2, 0});
    }
    ef_reader_give(reader, 0, value);
}

/* --- nodes ------------------------------------------------------------------------ */

static void check_operator(ef_reader *reader, const ef_onnx_operator *row)
{
    const Onnx__NodeProto *node = reader->node;
    for (size_t i = 0; i < node->n_attribute; i++) {
        const char *name = node->attribute[i]->name ? node->attribute[i]->name : "";
        if (!ef_onnx_lists(row->attributes, name)) {
            ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                             "attribute '%.100s' is not supported", name);
        }
    }
    if (node->n_input < row->least_inputs || node->n_input > row->most_inputs) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "it has %zu inputs, supported are %zu to %zu", node->n_input,
                         row->least_inputs, row->most_inputs);
    }
    for (size_t i = 1; i < node->n_output && !row->has_outputs; i++) {
        uint32_t at;
        if (node->output[i][0] != '\0' &&
            ef_names_find(&reader->names, node->output[i], &at) &&
            reader->table[at].uses > 0) {
            ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                             "its output %.200s is not supported", node->output[i]);
        }
    }
}

/* Whether every input that is given is known before any image comes. */
static int is_constant(const ef_reader *reader)
{
    const Onnx__NodeProto *node = reader->node;
    uint32_t at;
    for (size_t k = 0; k < node->n_input; k++) {
        if (ef_reader_is_given(reader, k) &&
            (!ef_names_find(&reader->names, node->input[k], &at) ||
             !reader->table[at].constant)) {
            return 0;
        }
    }
    return node->n_input <= EF_FOLD_MAX_INPUTS &&
           node->n_output <= EF_FOLD_MAX_OUTPUTS && ef_fold_knows(node->op_type);
}

/* Evaluates the node in hand now. */
static void fold(ef_reader *reader)
{
    const Onnx__NodeProto *node = reader->node;
    ef_fold f = {.arena = &reader->arena, .node = node, .opset = reader->opset};
    ef_constant *made = ef_arena_calloc(&reader->arena, node->n_output, sizeof *made);
    if (!made) {
        ef_reader_refuse_memory(reader);
        return;
    }
    f.n_inputs = node->n_input;
    f.n_outputs = node->n_output;
    f.budget = reader->budget;
    for (size_t k = 0; k < node->n_input; k++) {
        f.inputs[k] =
            ef_reader_is_given(reader, k) ? ef_reader_constant(reader, k) : NULL;
    }
    ef_status status = ef_fold_run(&f);
    if (status == EF_ERR_MEMORY) {
        ef_reader_refuse_memory(reader);
    } else if (status) {
        ef_reader_refuse(reader, status, "%s", f.why);
    }
    reader->budget = f.budget;
    for (size_t k = 0; k < node->n_output && !reader->status; k++) {
        made[k] = f.outputs[k];
        ef_reader_give(reader, k, (ef_value){.constant = &made[k]});
    }
    reader->info.n_folded++;
}

/* What the node gives has its name, if no node made for it has. */
static void name_result(ef_reader *reader, size_t first)
{
    const ef_value *value =
        &reader->table[ef_reader_intern(reader, reader->node->output[0])];
    int has_name = reader->status || value->constant || value->node < first;
    for (size_t i = first; i < reader->made.n_nodes && !has_name; i++) {
        has_name = reader->labels[i].suffix[0] == '\0';
    }
    if (!has_name) {
        ef_reader_rename(reader, value->node);
    }
}

static void read_node(ef_reader *reader)
{
    const Onnx__NodeProto *node = reader->node;
    size_t first = reader->made.n_nodes;
    if (ef_onnx_is_own_domain(node->domain) && is_constant(reader)) {
        fold(reader);
        return;
    }
    const ef_onnx_operator *row = ef_onnx_is_own_domain(node->domain)
                                      ? ef_onnx_operator_find(node->op_type)
                                      : NULL;
    if (!row) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "this operator is not supported: %s",
                         ef_onnx_operator_advice(node->op_type));
        return;
    }
    check_operator(reader, row);
    if (!reader->status) {
        row->read(reader, row->kind);
        name_result(reader, first);
    }
}

/* Whether anybody reads what the node gives. */
static int is_used(ef_reader *reader, const Onnx__NodeProto *node)
{
    int uses = 0;
    for (size_t k = 0; k < node->n_output; k++) {
        uint32_t at;
        uses |= ef_names_find(&reader->names, node->output[k], &at) &&
                reader->table[at].uses > 0;
    }
    return uses;
}

/* --- the whole -------------------------------------------------------------------- */

static uint32_t find_output(ef_reader *reader)
{
    uint32_t at = 0;
    const Onnx__GraphProto *graph = reader->graph;
    if (graph->n_output != 1) {
        refuse(reader, EF_ERR_UNSUPPORTED,
               "a model has one output, this one has none or several");
        return 0;
    }
    const char *name = graph->output[0]->name;
    if (!name || !ef_names_find(&reader->names, name, &at) ||
        !reader->table[at].is_defined || reader->table[at].constant) {
        refuse(reader, EF_ERR_INPUT, "its output comes from no node");
        return 0;
    }
    const ef_value *value = &reader->table[at];
    int is_list = value->dims.rank == 1 && reader->lead && !reader->is_own;
    uint32_t node = is_list ? ef_reader_image(reader, value) : value->node;
    if (node == 0) { /* the images as they are: a topology has a node more */
        ef_node same = ef_node_default(EF_OP_RESHAPE);
        same.u.reshape = reader->shapes[0];
        node = ef_reader_make_on(reader, &same, node, "");
    }
    return node;
}

void ef_onnx_read_graph(ef_reader *reader, uint32_t *output)
{
    const Onnx__GraphProto *graph = reader->graph;
    make_table(reader);
    if (!reader->status) {
        count_names(reader);
    }
    for (size_t i = 0; i < graph->n_initializer && !reader->status; i++) {
        define_constant(reader, graph->initializer[i]);
    }
    if (!reader->status) {
        define_input(reader);
    }
    for (size_t i = 0; i < graph->n_node && !reader->status; i++) {
        if (is_used(reader, graph->node[i])) {
            reader->node = graph->node[i];
            read_node(reader);
        }
    }
    reader->info.n_nodes = graph->n_node;
    *output = reader->status ? 0 : find_output(reader);
}
