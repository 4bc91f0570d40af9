#include "onnx/operators.h"

#include <string.h>

#define WINDOW "auto_pad dilations kernel_shape pads strides"
#define REDUCE "axes keepdims noop_with_empty_axes"
#define RESIZE                                                                         \
    "antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside "     \
    "extrapolation_value keep_aspect_ratio_policy mode nearest_mode"
#define MANY (EF_MAX_INPUTS * EF_MAX_INPUTS)

/* op_type, attributes of all operator sets, least and most inputs, kind, reader,
 * whether it has several outputs.  Those that only constants reach (Gather of a shape)
 * are evaluated by fold.h instead. */
static const ef_onnx_operator operators[] = {
    {"Add", "", 2, 2, EF_JOIN_ADD, ef_onnx_read_join, 0},
    {"AveragePool", WINDOW " ceil_mode count_include_pad", 1, 1, EF_OP_AVGPOOL,
     ef_onnx_read_pool, 0},
    {"BatchNormalization", "epsilon momentum spatial training_mode", 5, 5, 0,
     ef_onnx_read_batchnorm, 0},
    {"Cast", "saturate to", 1, 1, 0, ef_onnx_read_cast, 0},
    {"Clip", "max min", 1, 3, EF_ACTIVATION_CLIP, ef_onnx_read_clip, 0},
    {"Concat", "axis", 1, MANY, 0, ef_onnx_read_concat, 0},
    {"Conv", WINDOW " group", 2, 3, 0, ef_onnx_read_conv, 0},
    {"Div", "", 2, 2, EF_JOIN_DIV, ef_onnx_read_join, 0},
    {"Dropout", "ratio seed", 1, 3, 0, ef_onnx_read_dropout, 0},
    {"Expand", "", 2, 2, 0, ef_onnx_read_expand, 0},
    {"Flatten", "axis", 1, 1, 0, ef_onnx_read_flatten, 0},
    {"Gather", "axis", 2, 2, 0, ef_onnx_read_gather, 0},
    {"Gemm", "alpha beta transA transB", 2, 3, 0, ef_onnx_read_gemm, 0},
    {"GlobalAveragePool", "", 1, 1, EF_OP_GLOBALAVG, ef_onnx_read_global, 0},
    {"GlobalMaxPool", "", 1, 1, EF_OP_GLOBALMAX, ef_onnx_read_global, 0},
    {"HardSigmoid", "alpha beta", 1, 1, EF_ACTIVATION_HARDSIGMOID,
     ef_onnx_read_hardsigmoid, 0},
    {"HardSwish", "", 1, 1, EF_ACTIVATION_HARDSWISH, ef_onnx_read_activation, 0},
    {"Identity", "", 1, 1, 0, ef_onnx_read_alias, 0},
    {"LeakyRelu", "alpha", 1, 1, EF_ACTIVATION_LEAKY, ef_onnx_read_leakyrelu, 0},
    {"LogSoftmax", "axis", 1, 1, 1, ef_onnx_read_softmax, 0},
    {"MatMul", "", 2, 2, 0, ef_onnx_read_matmul, 0},
    {"MaxPool", WINDOW " ceil_mode storage_order", 1, 1, EF_OP_MAXPOOL,
     ef_onnx_read_pool, 0},
    {"Mul", "", 2, 2, EF_JOIN_MUL, ef_onnx_read_join, 0},
    {"Neg", "", 1, 1, 0, ef_onnx_read_neg, 0},
    {"PRelu", "", 2, 2, EF_ACTIVATION_PRELU, ef_onnx_read_prelu, 0},
    {"Pad", "mode pads value", 1, 4, 0, ef_onnx_read_pad, 0},
    {"Reciprocal", "", 1, 1, 0, ef_onnx_read_reciprocal, 0},
    {"ReduceMax", REDUCE, 1, 2, EF_OP_MAXPOOL, ef_onnx_read_reduce, 0},
    {"ReduceMean", REDUCE, 1, 2, EF_OP_AVGPOOL, ef_onnx_read_reduce, 0},
    {"Relu", "", 1, 1, EF_ACTIVATION_RELU, ef_onnx_read_activation, 0},
    {"Reshape", "allowzero", 2, 2, 0, ef_onnx_read_reshape, 0},
    {"Resize", RESIZE, 2, 4, 0, ef_onnx_read_resize, 0},
    {"Shape", "end start", 1, 1, 0, ef_onnx_read_shape, 0},
    {"Sigmoid", "", 1, 1, EF_ACTIVATION_SIGMOID, ef_onnx_read_activation, 0},
    {"Slice", "axes ends starts", 1, 5, 0, ef_onnx_read_slice, 0},
    {"Softmax", "axis", 1, 1, 0, ef_onnx_read_softmax, 0},
    {"Split", "axis num_outputs split", 1, 2, 0, ef_onnx_read_split, 1},
    {"Squeeze", "axes", 1, 2, 0, ef_onnx_read_squeeze, 0},
    {"Sub", "", 2, 2, EF_JOIN_SUB, ef_onnx_read_join, 0},
    {"Sum", "", 1, EF_MAX_INPUTS, 0, ef_onnx_read_sum, 0},
    {"Tanh", "", 1, 1, EF_ACTIVATION_TANH, ef_onnx_read_activation, 0},
    {"Transpose", "perm", 1, 1, 0, ef_onnx_read_transpose, 0},
    {"Unsqueeze", "axes", 1, 2, 0, ef_onnx_read_unsqueeze, 0},
    {"Upsample", "mode scales", 1, 2, 0, ef_onnx_read_resize, 0},
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

int ef_onnx_lists(const char *list, const char *word)
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

const char *ef_onnx_operator_advice(const char *op_type)
{
    static const struct {
        const char *op_types, *advice;
    } rows[] = {
        {"ArgMax ArgMin TopK NonMaxSuppression",
         "export the model up to the logits before it"},
        {"QuantizeLinear DequantizeLinear QLinearConv QLinearMatMul ConvInteger "
         "MatMulInteger DynamicQuantizeLinear",
         "export the float model, evoflip quantizes by itself"},
        {"ConvTranspose DepthToSpace", "a Resize (nearest) and a Conv would be"},
        {"LSTM GRU RNN Loop If Scan",
         "a model without recurrence and control flow would be; unroll it"},
        {"Erf Gelu Elu Selu Celu Softplus Mish Swish",
         "Relu, LeakyRelu, HardSwish, Sigmoid and Tanh would be"},
        {"InstanceNormalization LayerNormalization GroupNormalization LRN",
         "BatchNormalization would be"},
        {"Einsum Attention MultiHeadAttention", "convolutions and MLPs would be"},
        {"Pow Sqrt Exp Log ReduceSum Min Max Where Tile Abs",
         "it is on constants only"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (ef_onnx_lists(rows[i].op_types, op_type)) {
            return rows[i].advice;
        }
    }
    return "evoflip-model(5) lists those that are";
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
