/* A network as an ONNX model. */
#include "onnx/onnx.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "config.h"
#include "onnx/operators.h"

#define IR_VERSION 7 /* the one of operator set 13 */
#define OPSET 13

static void set_dimension(Onnx__TensorShapeProto__Dimension *dimension, uint32_t value)
{
    onnx__tensor_shape_proto__dimension__init(dimension);
    if (value > 0) {
        dimension->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        dimension->dim_value = value;
    } else {
        static char batch[] = "N";
        dimension->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        dimension->dim_param = batch;
    }
}

/* The input or output of the graph, float32, its batch symbolic. */
static Onnx__ValueInfoProto **make_value(ef_arena *arena, const char *name,
                                         ef_shape shape)
{
    const uint32_t sizes[4] = {0, shape.channels, shape.height, shape.width};
    struct {
        Onnx__ValueInfoProto *list[1];
        Onnx__ValueInfoProto value;
        Onnx__TypeProto type;
        Onnx__TypeProto__Tensor tensor;
        Onnx__TensorShapeProto shape;
        Onnx__TensorShapeProto__Dimension *dim[4], dims[4];
    } *all = ef_arena_calloc(arena, 1, sizeof *all);
    if (!all) {
        return NULL;
    }
    onnx__value_info_proto__init(&all->value);
    onnx__type_proto__init(&all->type);
    onnx__type_proto__tensor__init(&all->tensor);
    onnx__tensor_shape_proto__init(&all->shape);
    for (size_t i = 0; i < shape.rank; i++) {
        set_dimension(&all->dims[i], sizes[i]);
        all->dim[i] = &all->dims[i];
    }
    all->shape.dim = all->dim;
    all->shape.n_dim = shape.rank;
    all->tensor.has_elem_type = 1;
    all->tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    all->tensor.shape = &all->shape;
    all->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    all->type.tensor_type = &all->tensor;
    all->value.name = ef_arena_strdup(arena, name);
    all->value.type = &all->type;
    all->list[0] = &all->value;
    return all->list;
}

static void note_formats(ef_writer *writer)
{
    char name[EF_FORMAT_NAME];
    const ef_node *node = writer->node;
    if (ef_format_is_stated(&node->weight_format)) {
        ef_format_name(&node->weight_format, name);
        ef_writer_note(writer, EF_ONNX_WEIGHTS_KEY, name);
    }
    if (ef_format_is_stated(&node->activation_format)) {
        ef_format_name(&node->activation_format, name);
        ef_writer_note(writer, EF_ONNX_ACTIVATIONS_KEY, name);
    }
}

static void write_nodes(ef_writer *writer)
{
    const ef_topology *topology = writer->net->topology;
    size_t n = ef_topology_n_nodes(topology);
    for (size_t i = 0; i < n && !writer->arena->failed; i++) {
        writer->index = i;
        writer->node = ef_topology_node(topology, i);
        writer->out = ef_topology_shape(topology, i);
        note_formats(writer);
        if (writer->node->op == EF_OP_INPUT) {
            ef_writer_entry(writer, EF_ONNX_INPUT_KEY, writer->node->name);
            continue;
        }
        writer->in = ef_topology_shape(topology, writer->node->inputs[0]);
        ef_onnx_operator_writer(writer->node->op)(writer);
    }
}

static void write_graph(ef_writer *writer, Onnx__GraphProto *graph)
{
    const ef_topology *topology = writer->net->topology;
    onnx__graph_proto__init(graph);
    writer->graph = graph;
    graph->name = ef_arena_strdup(writer->arena, "evoflip");
    graph->input = make_value(writer->arena, "input",
                              ef_topology_shape(topology, ef_topology_input(topology)));
    graph->output =
        make_value(writer->arena, "logits",
                   ef_topology_shape(topology, ef_topology_output(topology)));
    graph->n_input = graph->n_output = 1;
    writer->params =
        ef_arena_calloc(writer->arena, writer->net->n_params, sizeof *writer->params);
    write_nodes(writer);
    ef_writer_name_params(writer);
}

/* Everything but the graph; model, opset and its list in the caller's storage. */
static void write_model(ef_writer *writer, const ef_onnx_metadata *metadata,
                        Onnx__ModelProto *model, Onnx__OperatorSetIdProto *opset,
                        Onnx__OperatorSetIdProto **opsets)
{
    onnx__model_proto__init(model);
    onnx__operator_set_id_proto__init(opset);
    opset->domain = ef_arena_strdup(writer->arena, "");
    opset->has_version = 1;
    opset->version = OPSET;
    opsets[0] = opset;
    model->has_ir_version = 1;
    model->ir_version = IR_VERSION;
    model->opset_import = opsets;
    model->n_opset_import = 1;
    model->producer_name = ef_arena_strdup(writer->arena, PACKAGE_NAME);
    model->producer_version = ef_arena_strdup(writer->arena, PACKAGE_VERSION);
    for (size_t i = 0; metadata && i < metadata->n; i++) {
        ef_writer_entry(writer, metadata->entries[i].key, metadata->entries[i].value);
    }
    model->metadata_props = writer->entries;
    model->n_metadata_props = writer->n_entries;
}

static ef_status check_keys(const ef_onnx_metadata *metadata, ef_error *err)
{
    for (size_t i = 0; metadata && i < metadata->n; i++) {
        const char *key = metadata->entries[i].key;
        if (strncmp(key, EF_ONNX_KEY, strlen(EF_ONNX_KEY)) == 0) {
            return ef_error_set(err, EF_ERR_USAGE,
                                "the key %s of the metadata is the model's own", key);
        }
    }
    return EF_OK;
}

static ef_status pack(const ef_writer *writer, const Onnx__ModelProto *model,
                      unsigned char **bytes, size_t *size, ef_error *err)
{
    if (writer->arena->failed) {
        return ef_error_memory(err);
    }
    size_t needed = onnx__model_proto__get_packed_size(model);
    unsigned char *packed = ef_calloc(needed, 1);
    if (!packed) {
        return ef_error_memory(err);
    }
    *size = onnx__model_proto__pack(model, packed);
    *bytes = packed;
    return EF_OK;
}

ef_status ef_onnx_write(const ef_net *net, const ef_onnx_metadata *metadata,
                        unsigned char **bytes, size_t *size, ef_error *err)
{
    ef_status status = check_keys(metadata, err);
    if (status) {
        return status;
    }
    ef_arena arena;
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset, *opsets[1];
    ef_writer writer = {.net = net, .arena = &arena};
    ef_arena_init(&arena);
    ef_writer_entry(&writer, EF_ONNX_VERSION_KEY, PACKAGE_VERSION);
    write_graph(&writer, &graph);
    write_model(&writer, metadata, &model, &opset, opsets);
    model.graph = &graph;
    status = pack(&writer, &model, bytes, size, err);
    ef_arena_clear(&arena);
    return status;
}

ef_status ef_onnx_save(const ef_net *net, const ef_onnx_metadata *metadata,
                       const char *path, int force, ef_error *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    ef_status status = ef_onnx_write(net, metadata, &bytes, &size, err);
    if (!status) {
        status = ef_file_write(path, force, bytes, size, err);
    }
    ef_free(bytes);
    return status;
}
