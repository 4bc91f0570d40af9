/* Constants of a model: their elements, and their way into the network. */
#include "onnx/reader.h"

#include <string.h>

#include "base/mem.h"

#define MOST_CHANNELS_OF_ONE 65536

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

static void copy_floats(const Onnx__TensorProto *tensor, float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (tensor->has_raw_data) {
            uint32_t bits = (uint32_t)raw_word(tensor, i, 4);
            memcpy(&values[i], &bits, sizeof bits);
        } else {
            values[i] = tensor->float_data[i];
        }
    }
}

ef_status ef_reader_floats(ef_reader *reader, size_t k, float *values, size_t n)
{
    const Onnx__TensorProto *tensor = NULL;
    ef_status status = ef_reader_constant(reader, k, &tensor);
    if (status || !tensor) {
        return status;
    }
    status = check_data(reader, tensor, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
                        tensor->n_float_data, n, sizeof *values);
    if (!status) {
        copy_floats(tensor, values, n);
    }
    return status;
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

/* --- on the way into the network ------------------------------------------------- */

static ef_status add_fill(ef_reader *reader, ef_fill fill)
{
    if (reader->n_fills == reader->fill_capacity) {
        size_t wanted = 2 * reader->fill_capacity + 64;
        ef_fill *fills = ef_realloc(reader->fills, wanted, sizeof *fills);
        if (!fills) {
            return ef_error_memory(reader->err);
        }
        reader->fills = fills;
        reader->fill_capacity = wanted;
    }
    reader->fills[reader->n_fills++] = fill;
    return EF_OK;
}

ef_status ef_reader_fill(ef_reader *reader, const ef_node *node, ef_role role,
                         const Onnx__TensorProto *tensor, int is_transposed)
{
    size_t count = ef_reader_count(tensor);
    ef_status status = check_data(reader, tensor, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
                                  tensor->n_float_data, count, sizeof(float));
    if (status) {
        return status;
    }
    char *name = ef_arena_strdup(&reader->arena, node->name);
    if (!name) {
        return ef_error_memory(reader->err);
    }
    return add_fill(reader, (ef_fill){name, role, tensor, is_transposed, reader->node});
}

/* Whether a value per channel lies along the channel axis of an image's tensor; one
 * value for all channels lies anywhere, but few bytes may not ask for much memory. */
static int lies_along_channels(const Onnx__TensorProto *tensor, ef_shape shape)
{
    size_t behind = shape.rank == 4 ? 2 : 0;
    size_t count = ef_reader_count(tensor);
    if (count == 1) {
        return shape.channels <= MOST_CHANNELS_OF_ONE;
    }
    for (size_t i = 0; i < tensor->n_dims; i++) {
        if (tensor->dims[i] != 1 && i + behind + 1 != tensor->n_dims) {
            return 0;
        }
    }
    return count == shape.channels;
}

/* The shape of a parameter of node, whose input has this shape; returns its rank. */
static size_t expected_dims(const ef_node *node, ef_role role, ef_shape in,
                            uint32_t dims[4])
{
    const ef_conv *conv = &node->u.conv;
    int is_conv = node->op == EF_OP_CONV;
    if (role != EF_ROLE_WEIGHT) {
        dims[0] = role != EF_ROLE_BIAS ? in.channels
                  : is_conv            ? conv->channels
                                       : node->u.dense.channels;
        return 1;
    }
    dims[0] = is_conv ? conv->channels : node->u.dense.channels;
    dims[1] = is_conv ? in.channels / conv->groups : in.channels;
    dims[2] = conv->kernel[0];
    dims[3] = conv->kernel[1];
    return is_conv ? 4 : 2;
}

static int fits(const ef_fill *fill, const ef_node *node, ef_shape in)
{
    const Onnx__TensorProto *tensor = fill->tensor;
    uint32_t dims[4];
    if (fill->role == EF_ROLE_SCALE || fill->role == EF_ROLE_SHIFT ||
        fill->role == EF_ROLE_SLOPE) {
        return lies_along_channels(tensor, in);
    }
    size_t n = expected_dims(node, fill->role, in, dims);
    int is_equal = tensor->n_dims == n;
    for (size_t i = 0; i < n && is_equal; i++) {
        is_equal =
            tensor->dims[i] == (int64_t)dims[fill->is_transposed ? n - 1 - i : i];
    }
    return is_equal;
}

ef_status ef_reader_check_fills(ef_reader *reader, const ef_topology *topology)
{
    for (size_t i = 0; i < reader->n_fills; i++) {
        const ef_fill *fill = &reader->fills[i];
        size_t index = ef_topology_find(topology, fill->node);
        if (index == SIZE_MAX) {
            continue; /* nothing reads it */
        }
        const ef_node *node = ef_topology_node(topology, index);
        reader->node = fill->where;
        if (!fits(fill, node, ef_topology_shape(topology, node->inputs[0]))) {
            return ef_reader_refuse(reader, EF_ERR_INPUT,
                                    "constant %.200s does not fit its input",
                                    fill->tensor->name ? fill->tensor->name : "");
        }
    }
    return EF_OK;
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

static ef_status fill_values(ef_reader *reader, const ef_fill *fill,
                             const ef_param *param, float *values)
{
    size_t count = ef_reader_count(fill->tensor);
    if (!fill->is_transposed) {
        copy_floats(fill->tensor, values, count);
        for (size_t i = count; i < param->count; i++) {
            values[i] = values[0];
        }
        return EF_OK;
    }
    float *turned = ef_calloc(count, sizeof *turned);
    if (!turned) {
        return ef_error_memory(reader->err);
    }
    copy_floats(fill->tensor, turned, count);
    transpose(values, turned, param);
    ef_free(turned);
    return EF_OK;
}

ef_status ef_reader_fill_net(ef_reader *reader, ef_net *net)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < reader->n_fills && !status; i++) {
        const ef_fill *fill = &reader->fills[i];
        size_t node = ef_topology_find(net->topology, fill->node);
        if (node != SIZE_MAX) {
            status = fill_values(reader, fill, ef_net_param(net, node, fill->role),
                                 ef_net_values(net, node, fill->role));
        }
    }
    return status;
}
