#include "onnx/operators.h"

#include <string.h>

/* op_type, attributes, least and most inputs, reader */
static const ef_onnx_operator operators[] = {
    {"Add", "", 2, 2, ef_onnx_read_add},
    {"AveragePool", "auto_pad ceil_mode count_include_pad kernel_shape pads strides", 1,
     1, ef_onnx_read_avgpool},
    {"BatchNormalization", "epsilon momentum training_mode", 5, 5,
     ef_onnx_read_batchnorm},
    {"Clip", "", 1, 3, ef_onnx_read_clip},
    {"Concat", "axis", 1, EF_MAX_INPUTS, ef_onnx_read_concat},
    {"Conv", "auto_pad dilations group kernel_shape pads strides", 2, 3,
     ef_onnx_read_conv},
    {"Flatten", "axis", 1, 1, ef_onnx_read_flatten},
    {"Gemm", "alpha beta transA transB", 2, 3, ef_onnx_read_gemm},
    {"GlobalAveragePool", "", 1, 1, ef_onnx_read_globalavg},
    {"GlobalMaxPool", "", 1, 1, ef_onnx_read_globalmax},
    {"HardSigmoid", "alpha beta", 1, 1, ef_onnx_read_hardsigmoid},
    {"Identity", "", 1, 1, ef_onnx_read_identity},
    {"LeakyRelu", "alpha", 1, 1, ef_onnx_read_leakyrelu},
    {"MaxPool", "auto_pad ceil_mode dilations kernel_shape pads storage_order strides",
     1, 1, ef_onnx_read_maxpool},
    {"Mul", "", 2, 2, ef_onnx_read_mul},
    {"PRelu", "", 2, 2, ef_onnx_read_prelu},
    {"Pad", "mode", 2, 3, ef_onnx_read_pad},
    {"Relu", "", 1, 1, ef_onnx_read_relu},
    {"Resize", "coordinate_transformation_mode mode nearest_mode", 3, 3,
     ef_onnx_read_resize},
    {"Sigmoid", "", 1, 1, ef_onnx_read_sigmoid},
    {"Slice", "", 3, 5, ef_onnx_read_slice},
    {"Sum", "", 1, EF_MAX_INPUTS, ef_onnx_read_add},
    {"Tanh", "", 1, 1, ef_onnx_read_tanh},
    {"Transpose", "perm", 1, 1, ef_onnx_read_transpose},
};

const ef_onnx_operator *ef_onnx_operator_find(const char *op_type)
{
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (strcmp(operators[i].op_type, op_type) == 0) {
            return &operators[i];
        }
    }
    return NULL;
}

/* The input of the topology is the input of the graph, not a node of it. */
static ef_onnx_write_function *const writers[EF_OP_COUNT] = {
    [EF_OP_CONV] = ef_onnx_write_conv,
    [EF_OP_DENSE] = ef_onnx_write_dense,
    [EF_OP_MAXPOOL] = ef_onnx_write_pool,
    [EF_OP_AVGPOOL] = ef_onnx_write_pool,
    [EF_OP_GLOBALAVG] = ef_onnx_write_global,
    [EF_OP_GLOBALMAX] = ef_onnx_write_global,
    [EF_OP_BATCHNORM] = ef_onnx_write_batchnorm,
    [EF_OP_ACTIVATION] = ef_onnx_write_activation,
    [EF_OP_ADD] = ef_onnx_write_add,
    [EF_OP_MUL] = ef_onnx_write_mul,
    [EF_OP_SCALE] = ef_onnx_write_scale,
    [EF_OP_CONCAT] = ef_onnx_write_concat,
    [EF_OP_PAD] = ef_onnx_write_pad,
    [EF_OP_SLICE] = ef_onnx_write_slice,
    [EF_OP_TRANSPOSE] = ef_onnx_write_transpose,
    [EF_OP_FLATTEN] = ef_onnx_write_flatten,
    [EF_OP_UPSAMPLE] = ef_onnx_write_upsample,
    [EF_OP_RESHAPE] = ef_onnx_write_reshape,
    [EF_OP_SOFTMAX] = ef_onnx_write_softmax,
    [EF_OP_DIV] = ef_onnx_write_div,
};

ef_onnx_write_function *ef_onnx_operator_writer(ef_op op)
{
    return writers[op];
}
