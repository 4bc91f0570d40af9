#include "onnx/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What names the node in hand to people: its name, or else its output's. */
static const char *label(const Onnx__NodeProto *node)
{
    if (node->name && node->name[0]) {
        return node->name;
    }
    return node->n_output > 0 ? node->output[0] : "without a name";
}

ef_status ef_reader_refuse(ef_reader *reader, ef_status status, const char *format, ...)
{
    char text[EF_ERROR_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return ef_error_at(reader->err, status, (ef_place){reader->file, 0, 0},
                       "node %.200s (%.40s): %s", label(reader->node),
                       reader->node->op_type, text);
}

const char *ef_reader_metadata(const ef_reader *reader, const char *key,
                               const char *name)
{
    char full[2 * EF_NAME_SIZE];
    uint32_t at;
    snprintf(full, sizeof full, "%s%s", key, name);
    if (!ef_names_find(&reader->keys, full, &at)) {
        return NULL;
    }
    const char *value = reader->model->metadata_props[at]->value;
    return value ? value : "";
}

/* --- attributes ------------------------------------------------------------------ */

const Onnx__AttributeProto *ef_reader_attribute(const Onnx__NodeProto *node,
                                                const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (node->attribute[i]->name && strcmp(node->attribute[i]->name, name) == 0) {
            return node->attribute[i];
        }
    }
    return NULL;
}

static ef_status refuse_attribute(ef_reader *reader, const char *name)
{
    return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                            "attribute %s has a value that is not supported", name);
}

ef_status ef_reader_uints(ef_reader *reader, const char *name, uint32_t *values,
                          size_t n)
{
    const Onnx__AttributeProto *attribute = ef_reader_attribute(reader->node, name);
    if (!attribute) {
        return EF_OK;
    }
    if (attribute->n_ints != n) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                "attribute %s has %zu values instead of %zu", name,
                                attribute->n_ints, n);
    }
    for (size_t i = 0; i < n; i++) {
        if (attribute->ints[i] < 0 || attribute->ints[i] > EF_MAX_ELEMENTS) {
            return refuse_attribute(reader, name);
        }
        values[i] = (uint32_t)attribute->ints[i];
    }
    return EF_OK;
}

ef_status ef_reader_uint(ef_reader *reader, const char *name, uint32_t *value)
{
    const Onnx__AttributeProto *attribute = ef_reader_attribute(reader->node, name);
    if (!attribute) {
        return EF_OK;
    }
    if (!attribute->has_i || attribute->i < 0 || attribute->i > EF_MAX_ELEMENTS) {
        return refuse_attribute(reader, name);
    }
    *value = (uint32_t)attribute->i;
    return EF_OK;
}

ef_status ef_reader_float(ef_reader *reader, const char *name, float *value)
{
    const Onnx__AttributeProto *attribute = ef_reader_attribute(reader->node, name);
    if (!attribute) {
        return EF_OK;
    }
    if (!attribute->has_f) {
        return refuse_attribute(reader, name);
    }
    *value = attribute->f;
    return EF_OK;
}

ef_status ef_reader_demand_int(ef_reader *reader, const char *name, int64_t value)
{
    const Onnx__AttributeProto *attribute = ef_reader_attribute(reader->node, name);
    if (attribute && (!attribute->has_i || attribute->i != value)) {
        return refuse_attribute(reader, name);
    }
    return EF_OK;
}

ef_status ef_reader_demand_text(ef_reader *reader, const char *name, const char *value)
{
    const Onnx__AttributeProto *attribute = ef_reader_attribute(reader->node, name);
    if (attribute && (!attribute->has_s || attribute->s.len != strlen(value) ||
                      memcmp(attribute->s.data, value, attribute->s.len) != 0)) {
        return refuse_attribute(reader, name);
    }
    return EF_OK;
}

/* --- inputs ------------------------------------------------------------------------
 */

static int is_absent(const Onnx__NodeProto *node, size_t k)
{
    return k >= node->n_input || node->input[k][0] == '\0';
}

ef_status ef_reader_value(ef_reader *reader, size_t k, const ef_value **value)
{
    uint32_t at;
    if (is_absent(reader->node, k)) {
        return ef_reader_refuse(reader, EF_ERR_INPUT, "input %zu is missing", k + 1);
    }
    if (!ef_names_find(&reader->values, reader->node->input[k], &at)) {
        return ef_reader_refuse(reader, EF_ERR_INPUT,
                                "its input %.200s comes from nowhere before it",
                                reader->node->input[k]);
    }
    *value = &reader->table[at];
    return EF_OK;
}

ef_status ef_reader_source(ef_reader *reader, size_t k, uint32_t *node)
{
    const ef_value *value = NULL;
    ef_status status = ef_reader_value(reader, k, &value);
    if (status) {
        return status;
    }
    if (value->kind != EF_VALUE_NODE) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                "its input %.200s is not computed from the images",
                                reader->node->input[k]);
    }
    *node = value->node;
    return EF_OK;
}

ef_status ef_reader_constant(ef_reader *reader, size_t k,
                             const Onnx__TensorProto **tensor)
{
    const ef_value *value = NULL;
    *tensor = NULL;
    if (is_absent(reader->node, k)) {
        return EF_OK;
    }
    ef_status status = ef_reader_value(reader, k, &value);
    if (!status && value->kind != EF_VALUE_CONSTANT) {
        status = ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                  "its input %.200s is not a constant",
                                  reader->node->input[k]);
    }
    if (!status) {
        *tensor = value->tensor;
    }
    return status;
}

ef_status ef_reader_parameter(ef_reader *reader, size_t k,
                              const Onnx__TensorProto **tensor)
{
    ef_status status = ef_reader_constant(reader, k, tensor);
    if (!status && !*tensor) {
        status = ef_reader_refuse(reader, EF_ERR_INPUT, "input %zu is missing", k + 1);
    }
    return status;
}

const Onnx__NodeProto *ef_reader_part(ef_reader *reader, size_t k)
{
    uint32_t at;
    if (is_absent(reader->node, k) ||
        !ef_names_find(&reader->values, reader->node->input[k], &at)) {
        return NULL;
    }
    return reader->table[at].part;
}

/* --- making nodes ------------------------------------------------------------------
 */

static ef_status define(ef_reader *reader, const char *name, ef_value value)
{
    reader->table[reader->n_values] = value;
    if (!ef_names_put(&reader->values, name, reader->n_values)) {
        return ef_reader_refuse(reader, EF_ERR_INPUT,
                                "its output %.200s has a name that is taken", name);
    }
    reader->n_values++;
    return EF_OK;
}

/* The wanted name if it can be had, else one made of it. */
static ef_status choose_name(ef_reader *reader, const char *wanted, char *name)
{
    uint32_t taken;
    size_t n = 0;
    for (; wanted[n] && n < EF_NAME_SIZE - 16; n++) {
        const char one[2] = {wanted[n], '\0'};
        name[n] = ef_name_is_valid(one) ? wanted[n] : '_';
    }
    if (n == 0) {
        name[n++] = 'n';
    }
    name[n] = '\0';
    if (ef_name_is_valid(wanted)) {
        snprintf(name, EF_NAME_SIZE, "%s", wanted);
    }
    for (unsigned k = 2; ef_names_find(&reader->node_names, name, &taken); k++) {
        snprintf(name + n, EF_NAME_SIZE - n, "_%u", k);
    }
    char *own = ef_arena_strdup(&reader->arena, name);
    if (!own) {
        return ef_error_memory(reader->err);
    }
    ef_names_put(&reader->node_names, own, (uint32_t)reader->made.n_nodes);
    return EF_OK;
}

ef_status ef_reader_make(ef_reader *reader, ef_node *node)
{
    size_t index = 0;
    if (reader->made.n_nodes >= EF_MAX_NODES) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                "the model has more than %d nodes", EF_MAX_NODES);
    }
    ef_status status = choose_name(reader, label(reader->node), node->name);
    if (!status && ef_graph_add(&reader->made, node, &index)) {
        status = ef_error_memory(reader->err);
    }
    return status ? status
                  : define(reader, reader->node->output[0],
                           (ef_value){.kind = EF_VALUE_NODE, .node = (uint32_t)index});
}

ef_status ef_reader_alias(ef_reader *reader, size_t k)
{
    const ef_value *value = NULL;
    ef_status status = ef_reader_value(reader, k, &value);
    return status ? status : define(reader, reader->node->output[0], *value);
}

/* --- pairs -------------------------------------------------------------------------
 */

int ef_reader_is_part(const ef_reader *reader, const char *suffix, const char *op_type)
{
    if (reader->index + 1 >= reader->graph->n_node || !reader->node->name) {
        return 0;
    }
    const Onnx__NodeProto *next = reader->graph->node[reader->index + 1];
    size_t length = next->name ? strlen(next->name) : 0;
    int reads = 0;
    for (size_t k = 0; k < next->n_input; k++) {
        reads |= strcmp(next->input[k], reader->node->output[0]) == 0;
    }
    return reads && length > 0 && next->op_type &&
           strcmp(next->op_type, op_type) == 0 &&
           strncmp(reader->node->name, next->name, length) == 0 &&
           strcmp(reader->node->name + length, suffix) == 0;
}

ef_status ef_reader_make_part(ef_reader *reader)
{
    return define(reader, reader->node->output[0],
                  (ef_value){.kind = EF_VALUE_PART, .part = reader->node});
}
