/* A network out of an ONNX model. */
#include "onnx/onnx.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "onnx/operators.h"
#include "onnx/source.h"

#define LEAST_OPSET 11
#define MOST_OPSET 17
#define MOST_ENTRIES 16384 /* of the metadata: a few for each node */

static ef_status refuse(ef_reader *reader, ef_status status, const char *text)
{
    return ef_error_at(reader->err, status, (ef_place){reader->file, 0, 0}, "%s", text);
}

/* --- the model around the graph ------------------------------------------------------
 */

static int is_own_domain(const char *domain)
{
    return !domain || domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0;
}

static ef_status check_model(ef_reader *reader)
{
    const Onnx__ModelProto *model = reader->model;
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *opset = model->opset_import[i];
        if (is_own_domain(opset->domain) &&
            (opset->version < LEAST_OPSET || opset->version > MOST_OPSET)) {
            return ef_error_at(reader->err, EF_ERR_UNSUPPORTED,
                               (ef_place){reader->file, 0, 0},
                               "operator set %lld, supported are %d to %d",
                               (long long)opset->version, LEAST_OPSET, MOST_OPSET);
        }
    }
    if (model->n_metadata_props > MOST_ENTRIES) {
        return refuse(reader, EF_ERR_UNSUPPORTED, "there are too many metadata");
    }
    if (model->n_opset_import == 0 || !model->graph || model->graph->n_node == 0) {
        return refuse(reader, EF_ERR_INPUT, "not an ONNX model with a graph");
    }
    return EF_OK;
}

/* Names and lists that the reader goes by must be there. */
static ef_status check_node(ef_reader *reader, const Onnx__NodeProto *node)
{
    if (!node->op_type || node->op_type[0] == '\0') {
        return refuse(reader, EF_ERR_INPUT, "a node has no operator");
    }
    if (node->n_output == 0 || node->output[0][0] == '\0') {
        return ef_error_at(reader->err, EF_ERR_INPUT, (ef_place){reader->file, 0, 0},
                           "a %.40s node has no output", node->op_type);
    }
    return EF_OK;
}

static ef_status check_nodes(ef_reader *reader)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < reader->graph->n_node && !status; i++) {
        status = check_node(reader, reader->graph->node[i]);
    }
    return status;
}

/* Keys are distinct; what comes again is left aside. */
static void define_keys(ef_reader *reader)
{
    for (size_t i = 0; i < reader->model->n_metadata_props; i++) {
        const char *key = reader->model->metadata_props[i]->key;
        if (key) {
            ef_names_put(&reader->keys, key, (uint32_t)i);
        }
    }
}

/* --- values at the beginning ---------------------------------------------------------
 */

static ef_status define(ef_reader *reader, const char *name, ef_value value)
{
    if (!name || name[0] == '\0' ||
        !ef_names_put(&reader->values, name, reader->n_values)) {
        return ef_error_at(reader->err, EF_ERR_INPUT, (ef_place){reader->file, 0, 0},
                           "two values are called '%.200s'", name ? name : "");
    }
    reader->table[reader->n_values++] = value;
    return EF_OK;
}

static ef_status define_constants(ef_reader *reader)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < reader->graph->n_initializer && !status; i++) {
        const Onnx__TensorProto *tensor = reader->graph->initializer[i];
        status = define(reader, tensor->name,
                        (ef_value){.kind = EF_VALUE_CONSTANT, .tensor = tensor});
    }
    return status;
}

/* The only graph input that no initialiser stands for. */
static ef_status find_input(ef_reader *reader, const Onnx__ValueInfoProto **input)
{
    uint32_t at;
    size_t n = 0;
    for (size_t i = 0; i < reader->graph->n_input; i++) {
        const Onnx__ValueInfoProto *value = reader->graph->input[i];
        if (value->name && !ef_names_find(&reader->values, value->name, &at)) {
            *input = value;
            n++;
        }
    }
    return n == 1 ? EF_OK
                  : refuse(reader, EF_ERR_UNSUPPORTED,
                           "a model has one input, this one has none or several");
}

static ef_status read_shape(ef_reader *reader, const Onnx__ValueInfoProto *input,
                            ef_shape *shape)
{
    const Onnx__TypeProto *type = input->type;
    int is_tensor =
        type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
        type->tensor_type->elem_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT &&
        type->tensor_type->shape;
    size_t rank = is_tensor ? type->tensor_type->shape->n_dim : 0;
    uint32_t sizes[4] = {1, 1, 1, 1};
    if (rank != 2 && rank != 4) {
        return refuse(reader, EF_ERR_UNSUPPORTED,
                      "its input is not a float tensor (N, C, H, W) or (N, C)");
    }
    for (size_t i = 1; i < rank; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = type->tensor_type->shape->dim[i];
        int is_known =
            dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        if (!is_known || dim->dim_value < 1 || dim->dim_value > EF_MAX_ELEMENTS) {
            return refuse(reader, EF_ERR_UNSUPPORTED,
                          "a size of its input, other than the batch, is not given");
        }
        sizes[i] = (uint32_t)dim->dim_value;
    }
    *shape = (ef_shape){sizes[1], sizes[2], sizes[3], (uint32_t)rank};
    return EF_OK;
}

static ef_status define_input(ef_reader *reader)
{
    const Onnx__ValueInfoProto *input = NULL;
    ef_node node = ef_node_default(EF_OP_INPUT);
    ef_status status = find_input(reader, &input);
    status = status ? status : read_shape(reader, input, &node.u.input);
    if (status) {
        return status;
    }
    const char *name = ef_reader_metadata(reader, EF_ONNX_INPUT_KEY, "");
    /* ef_reader_make names it, and what it makes, after the node in hand. */
    char *texts[2] = {ef_arena_strdup(&reader->arena, name ? name : input->name),
                      ef_arena_strdup(&reader->arena, input->name)};
    Onnx__NodeProto *stand_in = ef_arena_calloc(&reader->arena, 1, sizeof *stand_in);
    char **outputs = ef_arena_calloc(&reader->arena, 1, sizeof *outputs);
    if (!texts[0] || !texts[1] || !stand_in || !outputs) {
        return ef_error_memory(reader->err);
    }
    onnx__node_proto__init(stand_in);
    outputs[0] = texts[1];
    stand_in->name = texts[0];
    stand_in->op_type = texts[1];
    stand_in->output = outputs;
    stand_in->n_output = 1;
    reader->node = stand_in;
    return ef_reader_make(reader, &node);
}

/* --- nodes -------------------------------------------------------------------------
 */

/* Whether word stands in a list of words separated by spaces. */
static int lists(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; length > 0 && (at = strstr(at, word)) != NULL; at++) {
        if ((at == list || at[-1] == ' ') &&
            (at[length] == ' ' || at[length] == '\0')) {
            return 1;
        }
    }
    return 0;
}

static ef_status check_operator(ef_reader *reader, const ef_onnx_operator *row)
{
    const Onnx__NodeProto *node = reader->node;
    for (size_t i = 0; i < node->n_attribute; i++) {
        const char *name = node->attribute[i]->name ? node->attribute[i]->name : "";
        if (!lists(row->attributes, name)) {
            return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                    "attribute '%.100s' is not supported", name);
        }
    }
    if (node->n_input < row->least_inputs || node->n_input > row->most_inputs) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                "it has %zu inputs, supported are %zu to %zu",
                                node->n_input, row->least_inputs, row->most_inputs);
    }
    for (size_t i = 1; i < node->n_output; i++) {
        if (node->output[i][0] != '\0') {
            return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                    "its output %.200s is not supported",
                                    node->output[i]);
        }
    }
    return EF_OK;
}

static ef_status read_node(ef_reader *reader)
{
    const Onnx__NodeProto *node = reader->node;
    const ef_onnx_operator *row =
        is_own_domain(node->domain) ? ef_onnx_operator_find(node->op_type) : NULL;
    if (!row) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                "this operator is not supported");
    }
    ef_status status = check_operator(reader, row);
    return status ? status : row->read(reader);
}

static ef_status read_nodes(ef_reader *reader)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < reader->graph->n_node && !status; i++) {
        reader->index = i;
        reader->node = reader->graph->node[i];
        status = read_node(reader);
    }
    return status;
}

/* --- formats ------------------------------------------------------------------------
 */

/* The format under key + node, if the entry is one. */
static ef_status take_format(ef_reader *reader, const char *key, size_t offset,
                             const Onnx__StringStringEntryProto *entry)
{
    uint32_t index;
    size_t length = strlen(key);
    ef_error why = {0};
    if (strncmp(entry->key, key, length) != 0) {
        return EF_OK;
    }
    if (!ef_names_find(&reader->node_names, entry->key + length, &index)) {
        return ef_error_at(reader->err, EF_ERR_INPUT, (ef_place){reader->file, 0, 0},
                           "%.300s gives a format to a node that is not there",
                           entry->key);
    }
    ef_format *format = (ef_format *)((char *)&reader->made.nodes[index] + offset);
    ef_status status = ef_format_parse(entry->value ? entry->value : "", format, &why);
    return status ? ef_error_at(reader->err, status, (ef_place){reader->file, 0, 0},
                                "%.300s: %s", entry->key, why.text)
                  : EF_OK;
}

static ef_status take_formats(ef_reader *reader)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < reader->model->n_metadata_props && !status; i++) {
        const Onnx__StringStringEntryProto *entry = reader->model->metadata_props[i];
        if (entry->key) {
            status = take_format(reader, EF_ONNX_WEIGHTS_KEY,
                                 offsetof(ef_node, weight_format), entry);
            status = status ? status
                            : take_format(reader, EF_ONNX_ACTIVATIONS_KEY,
                                          offsetof(ef_node, activation_format), entry);
        }
    }
    return status;
}

/* --- the whole ----------------------------------------------------------------------
 */

static ef_status find_output(ef_reader *reader, size_t *output)
{
    uint32_t at;
    if (reader->graph->n_output != 1) {
        return refuse(reader, EF_ERR_UNSUPPORTED,
                      "a model has one output, this one has none or several");
    }
    const char *name = reader->graph->output[0]->name;
    if (!name || !ef_names_find(&reader->values, name, &at) ||
        reader->table[at].kind != EF_VALUE_NODE) {
        return refuse(reader, EF_ERR_INPUT, "its output comes from no node");
    }
    *output = reader->table[at].node;
    return EF_OK;
}

static ef_status build(ef_reader *reader, ef_net **net)
{
    size_t output = 0;
    ef_topology *topology = NULL;
    ef_error why = {0};
    ef_status status = find_output(reader, &output);
    if (status) {
        return status;
    }
    ef_graph_prune(&reader->made, &output);
    status = ef_topology_create(&topology, &reader->made, &why);
    if (!status) {
        status = ef_reader_check_fills(reader, topology);
    }
    if (!status) {
        status = ef_net_create(net, topology, &why);
    }
    ef_topology_destroy(topology);
    return status ? ef_error_at(reader->err, status, (ef_place){reader->file, 0, 0},
                                "%s", why.text)
                  : EF_OK;
}

/* Room for every name that the graph brings. */
static ef_status make_room(ef_reader *reader)
{
    const Onnx__GraphProto *graph = reader->graph;
    size_t n = graph->n_initializer + graph->n_node + 1;
    ef_status status = ef_names_init(&reader->values, n);
    if (!status) {
        status = ef_names_init(&reader->node_names, graph->n_node + 1);
    }
    if (!status) {
        status = ef_names_init(&reader->keys, reader->model->n_metadata_props);
    }
    reader->table = ef_calloc(n, sizeof *reader->table);
    return status || !reader->table ? ef_error_memory(reader->err) : EF_OK;
}

static ef_status read_graph(ef_reader *reader, ef_net **net)
{
    ef_net *made = NULL;
    ef_status status = make_room(reader);
    status = status ? status : check_nodes(reader);
    if (!status) {
        define_keys(reader);
    }
    status = status ? status : define_constants(reader);
    status = status ? status : define_input(reader);
    status = status ? status : read_nodes(reader);
    status = status ? status : take_formats(reader);
    status = status ? status : build(reader, &made);
    status = status ? status : ef_reader_fill_net(reader, made);
    if (status) {
        ef_net_destroy(made);
        return status;
    }
    *net = made;
    return EF_OK;
}

static ef_status read_metadata(const ef_reader *reader, ef_onnx_metadata *metadata)
{
    const Onnx__ModelProto *model = reader->model;
    ef_status status = EF_OK;
    for (size_t i = 0; i < model->n_metadata_props && !status; i++) {
        const Onnx__StringStringEntryProto *entry = model->metadata_props[i];
        if (entry->key && entry->value &&
            strncmp(entry->key, EF_ONNX_KEY, strlen(EF_ONNX_KEY)) != 0) {
            status =
                ef_onnx_metadata_set(metadata, entry->key, entry->value, reader->err);
        }
    }
    return status;
}

static ef_status read_model(ef_reader *reader, ef_net **net, ef_onnx_metadata *metadata)
{
    ef_net *made = NULL;
    ef_onnx_metadata found;
    ef_onnx_metadata_init(&found);
    ef_status status = check_model(reader);
    reader->graph = reader->model->graph;
    status = status ? status : read_graph(reader, &made);
    if (!status && metadata) {
        status = read_metadata(reader, &found);
    }
    if (status) {
        ef_net_destroy(made);
        ef_onnx_metadata_clear(&found);
        return status;
    }
    *net = made;
    if (metadata) {
        ef_onnx_metadata_clear(metadata);
        *metadata = found;
    }
    return EF_OK;
}

/* Closes the source. */
static ef_status read_source(ef_net **net, ef_onnx_metadata *metadata, const char *name,
                             ef_onnx_source *source, ef_error *err)
{
    ef_reader reader = {
        .file = name, .err = err, .model = ef_onnx_source_model(source)};
    ef_arena_init(&reader.arena);
    ef_graph_init(&reader.made);
    ef_status status = read_model(&reader, net, metadata);
    ef_graph_clear(&reader.made);
    ef_arena_clear(&reader.arena);
    ef_names_clear(&reader.keys);
    ef_names_clear(&reader.values);
    ef_names_clear(&reader.node_names);
    ef_free(reader.table);
    ef_free(reader.fills);
    ef_onnx_source_close(source);
    return status;
}

ef_status ef_onnx_read(ef_net **net, ef_onnx_metadata *metadata, const char *name,
                       const void *bytes, size_t size, ef_error *err)
{
    ef_onnx_source *source;
    ef_status status = ef_onnx_source_memory(&source, name, bytes, size, err);
    return status ? status : read_source(net, metadata, name, source, err);
}

ef_status ef_onnx_load(ef_net **net, ef_onnx_metadata *metadata, const char *path,
                       ef_error *err)
{
    ef_onnx_source *source;
    ef_status status = ef_onnx_source_open(&source, path, err);
    return status ? status : read_source(net, metadata, path, source, err);
}
