#include "onnx/writer.h"

#include <string.h>

/* Grows an array of pointers in the arena by one; returns NULL on failure. */
static void **grow(ef_writer *writer, void **array, size_t n, size_t *capacity)
{
    if (n < *capacity) {
        return array;
    }
    size_t wanted = *capacity ? 2 * *capacity : 4;
    void **grown = ef_arena_calloc(writer->arena, wanted, sizeof *grown);
    if (grown && n > 0) {
        memcpy(grown, array, n * sizeof *grown);
    }
    *capacity = grown ? wanted : *capacity;
    return grown;
}

/* The same for arrays that are short: room is made whenever their length is a power
 * of two. */
static void **grow_short(ef_writer *writer, void **array, size_t n)
{
    size_t capacity = n == 0 ? 0 : (n & (n - 1)) == 0 ? n : SIZE_MAX;
    return grow(writer, array, n, &capacity);
}

static char *value_name(ef_writer *writer, size_t index)
{
    const ef_topology *topology = writer->net->topology;
    if (index == ef_topology_input(topology)) {
        return ef_arena_strdup(writer->arena, "input");
    }
    if (index == ef_topology_output(topology)) {
        return ef_arena_strdup(writer->arena, "logits");
    }
    return ef_arena_print(writer->arena, "%s_output",
                          ef_topology_node(topology, index)->name);
}

Onnx__NodeProto *ef_writer_add(ef_writer *writer, const char *op_type,
                               const char *suffix)
{
    Onnx__GraphProto *graph = writer->graph;
    Onnx__NodeProto *node = ef_arena_calloc(writer->arena, 1, sizeof *node);
    void **nodes =
        grow(writer, (void **)graph->node, graph->n_node, &writer->node_capacity);
    char **outputs = ef_arena_calloc(writer->arena, 1, sizeof *outputs);
    if (!node || !nodes || !outputs) {
        return NULL;
    }
    onnx__node_proto__init(node);
    node->op_type = ef_arena_strdup(writer->arena, op_type);
    node->name = ef_arena_print(writer->arena, "%s%s", writer->node->name, suffix);
    node->output = outputs;
    node->n_output = 1;
    outputs[0] = suffix[0] ? ef_arena_print(writer->arena, "%s%s_output",
                                            writer->node->name, suffix)
                           : value_name(writer, writer->index);
    graph->node = (Onnx__NodeProto **)nodes;
    graph->node[graph->n_node++] = node;
    return node;
}

void ef_writer_input(ef_writer *writer, Onnx__NodeProto *to, const char *value)
{
    if (!to || !value) {
        return;
    }
    void **inputs = grow_short(writer, (void **)to->input, to->n_input);
    char *copy = ef_arena_strdup(writer->arena, value);
    if (inputs && copy) {
        to->input = (char **)inputs;
        to->input[to->n_input++] = copy;
    }
}

char *ef_writer_source(ef_writer *writer, uint32_t k)
{
    return value_name(writer, writer->node->inputs[k]);
}

void ef_writer_sources(ef_writer *writer, Onnx__NodeProto *to)
{
    for (uint32_t k = 0; k < writer->node->n_inputs; k++) {
        ef_writer_input(writer, to, ef_writer_source(writer, k));
    }
}

char *ef_writer_output(const Onnx__NodeProto *node)
{
    return node ? node->output[0] : NULL;
}

static Onnx__AttributeProto *add_attribute(ef_writer *writer, Onnx__NodeProto *to,
                                           const char *name,
                                           Onnx__AttributeProto__AttributeType type)
{
    if (!to) {
        return NULL;
    }
    Onnx__AttributeProto *attribute =
        ef_arena_calloc(writer->arena, 1, sizeof *attribute);
    void **attributes = grow_short(writer, (void **)to->attribute, to->n_attribute);
    if (!attribute || !attributes) {
        return NULL;
    }
    onnx__attribute_proto__init(attribute);
    attribute->name = ef_arena_strdup(writer->arena, name);
    attribute->has_type = 1;
    attribute->type = type;
    to->attribute = (Onnx__AttributeProto **)attributes;
    to->attribute[to->n_attribute++] = attribute;
    return attribute;
}

void ef_writer_int(ef_writer *writer, Onnx__NodeProto *to, const char *name,
                   int64_t value)
{
    Onnx__AttributeProto *attribute =
        add_attribute(writer, to, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (attribute) {
        attribute->has_i = 1;
        attribute->i = value;
    }
}

void ef_writer_ints(ef_writer *writer, Onnx__NodeProto *to, const char *name,
                    const uint32_t *values, size_t n)
{
    Onnx__AttributeProto *attribute =
        add_attribute(writer, to, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    int64_t *ints = ef_arena_calloc(writer->arena, n, sizeof *ints);
    if (attribute && ints) {
        for (size_t i = 0; i < n; i++) {
            ints[i] = values[i];
        }
        attribute->ints = ints;
        attribute->n_ints = n;
    }
}

void ef_writer_float(ef_writer *writer, Onnx__NodeProto *to, const char *name,
                     float value)
{
    Onnx__AttributeProto *attribute =
        add_attribute(writer, to, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    if (attribute) {
        attribute->has_f = 1;
        attribute->f = value;
    }
}

void ef_writer_text(ef_writer *writer, Onnx__NodeProto *to, const char *name,
                    const char *value)
{
    Onnx__AttributeProto *attribute =
        add_attribute(writer, to, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    char *copy = ef_arena_strdup(writer->arena, value);
    if (attribute && copy) {
        attribute->has_s = 1;
        attribute->s.data = (uint8_t *)copy;
        attribute->s.len = strlen(copy);
    }
}

/* An initialiser of count elements of element_size bytes, without its bytes, added as
 * an input of to. */
static Onnx__TensorProto *add_initializer(ef_writer *writer, Onnx__NodeProto *to,
                                          const char *what, const uint32_t *dims,
                                          size_t n_dims)
{
    Onnx__GraphProto *graph = writer->graph;
    Onnx__TensorProto *tensor = ef_arena_calloc(writer->arena, 1, sizeof *tensor);
    int64_t *sizes = ef_arena_calloc(writer->arena, n_dims, sizeof *sizes);
    char *name = ef_arena_print(writer->arena, "%s.%s", writer->node->name, what);
    void **initializers = grow(writer, (void **)graph->initializer,
                               graph->n_initializer, &writer->initializer_capacity);
    if (!tensor || !sizes || !name || !initializers) {
        return NULL;
    }
    onnx__tensor_proto__init(tensor);
    tensor->name = name;
    tensor->dims = sizes;
    tensor->n_dims = n_dims;
    for (size_t i = 0; i < n_dims; i++) {
        sizes[i] = dims[i];
    }
    graph->initializer = (Onnx__TensorProto **)initializers;
    graph->initializer[graph->n_initializer++] = tensor;
    ef_writer_input(writer, to, name);
    return tensor;
}

/* ONNX keeps raw data little-endian. */
static void set_raw(ef_writer *writer, Onnx__TensorProto *tensor, int32_t data_type,
                    const void *values, size_t n, size_t element_size)
{
    if (!tensor) {
        return;
    }
    unsigned char *raw = ef_arena_calloc(writer->arena, n, element_size);
    for (size_t i = 0; raw && i < n; i++) {
        uint64_t bits = 0;
        if (element_size == 4) {
            uint32_t half;
            memcpy(&half, (const unsigned char *)values + 4 * i, 4);
            bits = half;
        } else {
            memcpy(&bits, (const unsigned char *)values + 8 * i, 8);
        }
        for (size_t b = 0; b < element_size; b++) {
            raw[i * element_size + b] = (unsigned char)(bits >> 8 * b);
        }
    }
    tensor->has_data_type = 1;
    tensor->data_type = data_type;
    tensor->has_raw_data = 1;
    tensor->raw_data.data = raw;
    tensor->raw_data.len = raw ? n * element_size : 0;
}

void ef_writer_floats(ef_writer *writer, Onnx__NodeProto *to, const char *what,
                      const float *values, const uint32_t *dims, size_t n_dims)
{
    size_t n = 1;
    for (size_t i = 0; i < n_dims; i++) {
        n *= dims[i];
    }
    set_raw(writer, add_initializer(writer, to, what, dims, n_dims),
            ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, values, n, 4);
}

void ef_writer_integers(ef_writer *writer, Onnx__NodeProto *to, const char *what,
                        const int64_t *values, size_t n)
{
    const uint32_t dims[1] = {(uint32_t)n};
    set_raw(writer, add_initializer(writer, to, what, dims, 1),
            ONNX__TENSOR_PROTO__DATA_TYPE__INT64, values, n, 8);
}

void ef_writer_param(ef_writer *writer, Onnx__NodeProto *to, ef_role role,
                     const uint32_t *dims, size_t n_dims)
{
    const ef_param *param = ef_net_param(writer->net, writer->index, role);
    if (!param) {
        return;
    }
    ef_writer_floats(writer, to, ef_role_name(role),
                     ef_net_values(writer->net, writer->index, role),
                     n_dims ? dims : param->dims, n_dims ? n_dims : param->n_dims);
    if (!writer->arena->failed) {
        writer->params[param - writer->net->params] = (ef_written_param){
            writer->graph->initializer[writer->graph->n_initializer - 1], to,
            to->n_input - 1};
    }
}

void ef_writer_entry(ef_writer *writer, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *entry =
        ef_arena_calloc(writer->arena, 1, sizeof *entry);
    void **entries = grow(writer, (void **)writer->entries, writer->n_entries,
                          &writer->entry_capacity);
    if (!entry || !entries) {
        return;
    }
    onnx__string_string_entry_proto__init(entry);
    entry->key = ef_arena_strdup(writer->arena, key);
    entry->value = ef_arena_strdup(writer->arena, value);
    writer->entries = (Onnx__StringStringEntryProto **)entries;
    writer->entries[writer->n_entries++] = entry;
}

void ef_writer_note(ef_writer *writer, const char *key, const char *value)
{
    char *full = ef_arena_print(writer->arena, "%s%s", key, writer->node->name);
    if (full) {
        ef_writer_entry(writer, full, value);
    }
}
