#include "onnx/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

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
    const Onnx__ModelProto *model = reader->model;
    size_t length = strlen(key);
    for (size_t i = 0; i < model->n_metadata_props; i++) {
        const Onnx__StringStringEntryProto *entry = model->metadata_props[i];
        if (entry->key && strncmp(entry->key, key, length) == 0 &&
            strcmp(entry->key + length, name) == 0) {
            return entry->value ? entry->value : "";
        }
    }
    return NULL;
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

const Onnx__NodeProto *ef_reader_part(ef_reader *reader, size_t k)
{
    uint32_t at;
    if (is_absent(reader->node, k) ||
        !ef_names_find(&reader->values, reader->node->input[k], &at)) {
        return NULL;
    }
    return reader->table[at].part;
}

size_t ef_reader_count(const Onnx__TensorProto *tensor)
{
    size_t count = 1;
    for (size_t i = 0; i < tensor->n_dims; i++) {
        if (tensor->dims[i] < 1 || tensor->dims[i] > EF_MAX_ELEMENTS ||
            count * (uint64_t)tensor->dims[i] > EF_MAX_ELEMENTS) {
            return 0;
        }
        count *= (size_t)tensor->dims[i];
    }
    return count;
}

/* Little-endian, as ONNX keeps it. */
static uint64_t raw_word(const Onnx__TensorProto *tensor, size_t index, size_t size)
{
    uint64_t bits = 0;
    for (size_t b = 0; b < size; b++) {
        bits |= (uint64_t)tensor->raw_data.data[index * size + b] << 8 * b;
    }
    return bits;
}

/* Checks that a constant holds n elements of this type, raw ones of this size. */
static ef_status check_data(ef_reader *reader, const Onnx__TensorProto *tensor,
                            int32_t data_type, size_t n_typed, size_t n, size_t size)
{
    const char *name = tensor->name ? tensor->name : "";
    if (tensor->has_data_location &&
        tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                "constant %.200s lies in a file of its own", name);
    }
    if (tensor->data_type != data_type) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                "constant %.200s has data type %d instead of %d", name,
                                (int)tensor->data_type, (int)data_type);
    }
    size_t held = tensor->has_raw_data ? tensor->raw_data.len / size : n_typed;
    if (held != n || (tensor->has_raw_data && tensor->raw_data.len % size != 0) ||
        ef_reader_count(tensor) != n) {
        return ef_reader_refuse(reader, EF_ERR_INPUT,
                                "constant %.200s does not hold %zu elements", name, n);
    }
    return EF_OK;
}

static ef_status copy_floats(ef_reader *reader, const Onnx__TensorProto *tensor,
                             float *values, size_t n)
{
    ef_status status = check_data(reader, tensor, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
                                  tensor->n_float_data, n, sizeof *values);
    for (size_t i = 0; i < n && !status; i++) {
        if (tensor->has_raw_data) {
            uint32_t bits = (uint32_t)raw_word(tensor, i, 4);
            memcpy(&values[i], &bits, sizeof bits);
        } else {
            values[i] = tensor->float_data[i];
        }
    }
    return status;
}

ef_status ef_reader_floats(ef_reader *reader, size_t k, float *values, size_t n)
{
    const Onnx__TensorProto *tensor = NULL;
    ef_status status = ef_reader_constant(reader, k, &tensor);
    return status || !tensor ? status : copy_floats(reader, tensor, values, n);
}

ef_status ef_reader_scalar(ef_reader *reader, size_t k, float *value)
{
    return ef_reader_floats(reader, k, value, 1);
}

ef_status ef_reader_integers(ef_reader *reader, size_t k, int64_t *values, size_t n)
{
    const Onnx__TensorProto *tensor = NULL;
    ef_status status = ef_reader_constant(reader, k, &tensor);
    if (status || !tensor) {
        return status;
    }
    status = check_data(reader, tensor, ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
                        tensor->n_int64_data, n, sizeof *values);
    for (size_t i = 0; i < n && !status; i++) {
        values[i] = tensor->has_raw_data ? (int64_t)raw_word(tensor, i, 8)
                                         : tensor->int64_data[i];
    }
    return status;
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

ef_status ef_reader_fill(ef_reader *reader, const ef_node *node, ef_role role,
                         const Onnx__TensorProto *tensor, int is_transposed)
{
    if (!tensor) {
        return EF_OK;
    }
    if (reader->n_fills == reader->fill_capacity) {
        size_t wanted = 2 * reader->fill_capacity + 64;
        ef_fill *fills = ef_realloc(reader->fills, wanted, sizeof *fills);
        if (!fills) {
            return ef_error_memory(reader->err);
        }
        reader->fills = fills;
        reader->fill_capacity = wanted;
    }
    char *name = ef_arena_strdup(&reader->arena, node->name);
    if (!name) {
        return ef_error_memory(reader->err);
    }
    reader->fills[reader->n_fills++] =
        (ef_fill){name, role, tensor, is_transposed, reader->node};
    return EF_OK;
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

/* --- values of the network ---------------------------------------------------------
 */

/* Whether a value per channel lies along the channel axis of an image's tensor; one
 * value for all channels lies anywhere. */
static int lies_along_channels(const ef_fill *fill, ef_shape shape)
{
    const Onnx__TensorProto *tensor = fill->tensor;
    size_t behind = shape.rank == 4 ? 2 : 0;
    if (ef_reader_count(tensor) == 1) {
        return 1;
    }
    for (size_t i = 0; i < tensor->n_dims; i++) {
        if (tensor->dims[i] != 1 && i + behind + 1 != tensor->n_dims) {
            return 0;
        }
    }
    return 1;
}

static int fits(const ef_fill *fill, const ef_param *param, ef_shape shape)
{
    const Onnx__TensorProto *tensor = fill->tensor;
    if (param->role == EF_ROLE_SCALE || param->role == EF_ROLE_SHIFT ||
        param->role == EF_ROLE_SLOPE) {
        size_t count = ef_reader_count(tensor);
        return (count == 1 || count == param->count) &&
               lies_along_channels(fill, shape);
    }
    if (tensor->n_dims != param->n_dims) {
        return 0;
    }
    for (size_t i = 0; i < tensor->n_dims; i++) {
        size_t k = fill->is_transposed ? tensor->n_dims - 1 - i : i;
        if (tensor->dims[i] != (int64_t)param->dims[k]) {
            return 0;
        }
    }
    return 1;
}

static void transpose(float *values, const float *from, const ef_param *param)
{
    size_t n_out = param->dims[0], n_in = param->dims[1];
    for (size_t o = 0; o < n_out; o++) {
        for (size_t i = 0; i < n_in; i++) {
            values[o * n_in + i] = from[i * n_out + o];
        }
    }
}

static ef_status fill_values(ef_reader *reader, const ef_fill *fill,
                             const ef_param *param, float *values)
{
    size_t count = ef_reader_count(fill->tensor);
    if (!fill->is_transposed) {
        ef_status status = copy_floats(reader, fill->tensor, values, count);
        for (size_t i = count; i < param->count && !status; i++) {
            values[i] = values[0];
        }
        return status;
    }
    float *turned = ef_calloc(count, sizeof *turned);
    if (!turned) {
        return ef_error_memory(reader->err);
    }
    ef_status status = copy_floats(reader, fill->tensor, turned, count);
    if (!status) {
        transpose(values, turned, param);
    }
    ef_free(turned);
    return status;
}

ef_status ef_reader_fill_net(ef_reader *reader, ef_net *net)
{
    for (size_t i = 0; i < reader->n_fills; i++) {
        const ef_fill *fill = &reader->fills[i];
        size_t node = ef_topology_find(net->topology, fill->node);
        if (node == SIZE_MAX) {
            continue; /* nothing reads it */
        }
        reader->node = fill->where;
        const ef_param *param = ef_net_param(net, node, fill->role);
        size_t source = ef_topology_node(net->topology, node)->inputs[0];
        if (!fits(fill, param, ef_topology_shape(net->topology, source))) {
            return ef_reader_refuse(reader, EF_ERR_INPUT,
                                    "constant %.200s does not fit its input",
                                    fill->tensor->name ? fill->tensor->name : "");
        }
        ef_status status =
            fill_values(reader, fill, param, ef_net_values(net, node, fill->role));
        if (status) {
            return status;
        }
    }
    return EF_OK;
}
