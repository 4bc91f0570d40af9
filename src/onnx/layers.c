/* Convolution, dense layers, batch norm. */
#include "onnx/operators.h"

static ef_status read_weight(ef_reader *reader, size_t n_dims,
                             const Onnx__TensorProto **weight)
{
    ef_status status = ef_reader_parameter(reader, 1, weight);
    if (status) {
        return status;
    }
    if ((*weight)->n_dims != n_dims || ef_reader_count(*weight) == 0) {
        return ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                "its weight is not a constant of %zu dimensions",
                                n_dims);
    }
    return EF_OK;
}

static ef_status read_window(ef_reader *reader, ef_conv *conv)
{
    ef_status status = ef_reader_demand_text(reader, "auto_pad", "NOTSET");
    status = status ? status : ef_reader_uint(reader, "group", &conv->groups);
    status = status ? status : ef_reader_uints(reader, "strides", conv->stride, 2);
    status = status ? status : ef_reader_uints(reader, "pads", conv->pad, 4);
    return status ? status : ef_reader_uints(reader, "dilations", conv->dilation, 2);
}

ef_status ef_onnx_read_conv(ef_reader *reader)
{
    ef_node node = ef_node_default(EF_OP_CONV);
    ef_conv *conv = &node.u.conv;
    const Onnx__TensorProto *weight = NULL, *bias = NULL;
    uint32_t kernel[2];
    ef_status status = ef_reader_source(reader, 0, &node.inputs[0]);
    status = status ? status : read_weight(reader, 4, &weight);
    status = status ? status : ef_reader_constant(reader, 2, &bias);
    status = status ? status : read_window(reader, conv);
    if (status) {
        return status;
    }
    node.n_inputs = 1;
    conv->channels = (uint32_t)weight->dims[0];
    conv->kernel[0] = kernel[0] = (uint32_t)weight->dims[2];
    conv->kernel[1] = kernel[1] = (uint32_t)weight->dims[3];
    conv->bias = bias != NULL;
    status = ef_reader_uints(reader, "kernel_shape", kernel, 2);
    if (!status && (kernel[0] != conv->kernel[0] || kernel[1] != conv->kernel[1])) {
        status = ef_reader_refuse(reader, EF_ERR_INPUT,
                                  "its kernel_shape is not that of its weight");
    }
    status = status ? status : ef_reader_make(reader, &node);
    status = status ? status : ef_reader_fill(reader, &node, EF_ROLE_WEIGHT, weight, 0);
    return status || !bias ? status
                           : ef_reader_fill(reader, &node, EF_ROLE_BIAS, bias, 0);
}

void ef_onnx_write_conv(ef_writer *writer)
{
    const ef_conv *conv = &writer->node->u.conv;
    Onnx__NodeProto *to = ef_writer_add(writer, "Conv", "");
    ef_writer_sources(writer, to);
    ef_writer_param(writer, to, EF_ROLE_WEIGHT, NULL, 0);
    ef_writer_param(writer, to, EF_ROLE_BIAS, NULL, 0);
    ef_writer_ints(writer, to, "dilations", conv->dilation, 2);
    ef_writer_int(writer, to, "group", conv->groups);
    ef_writer_ints(writer, to, "kernel_shape", conv->kernel, 2);
    ef_writer_ints(writer, to, "pads", conv->pad, 4);
    ef_writer_ints(writer, to, "strides", conv->stride, 2);
}

ef_status ef_onnx_read_gemm(ef_reader *reader)
{
    ef_node node = ef_node_default(EF_OP_DENSE);
    const Onnx__TensorProto *weight = NULL, *bias = NULL;
    float alpha = 1, beta = 1;
    uint32_t is_out_in = 0;
    ef_status status = ef_reader_source(reader, 0, &node.inputs[0]);
    status = status ? status : read_weight(reader, 2, &weight);
    status = status ? status : ef_reader_constant(reader, 2, &bias);
    status = status ? status : ef_reader_demand_int(reader, "transA", 0);
    status = status ? status : ef_reader_uint(reader, "transB", &is_out_in);
    status = status ? status : ef_reader_float(reader, "alpha", &alpha);
    status = status ? status : ef_reader_float(reader, "beta", &beta);
    if (!status && (alpha != 1 || (beta != 1 && bias))) {
        status = ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                                  "its alpha and beta are not 1");
    }
    if (status) {
        return status;
    }
    node.n_inputs = 1;
    node.u.dense.channels = (uint32_t)weight->dims[is_out_in ? 0 : 1];
    node.u.dense.bias = bias != NULL;
    status = ef_reader_make(reader, &node);
    status = status ? status
                    : ef_reader_fill(reader, &node, EF_ROLE_WEIGHT, weight, !is_out_in);
    return status || !bias ? status
                           : ef_reader_fill(reader, &node, EF_ROLE_BIAS, bias, 0);
}

void ef_onnx_write_dense(ef_writer *writer)
{
    Onnx__NodeProto *to = ef_writer_add(writer, "Gemm", "");
    ef_writer_sources(writer, to);
    ef_writer_param(writer, to, EF_ROLE_WEIGHT, NULL, 0);
    ef_writer_param(writer, to, EF_ROLE_BIAS, NULL, 0);
    ef_writer_int(writer, to, "transB", 1);
}

static const ef_role norm_roles[4] = {EF_ROLE_GAMMA, EF_ROLE_BETA, EF_ROLE_MEAN,
                                      EF_ROLE_VARIANCE};

ef_status ef_onnx_read_batchnorm(ef_reader *reader)
{
    ef_node node = ef_node_default(EF_OP_BATCHNORM);
    const Onnx__TensorProto *values[4];
    node.u.batchnorm.epsilon = 1e-5f;
    ef_status status = ef_reader_source(reader, 0, &node.inputs[0]);
    status = status ? status : ef_reader_demand_int(reader, "training_mode", 0);
    status =
        status ? status : ef_reader_float(reader, "epsilon", &node.u.batchnorm.epsilon);
    for (size_t i = 0; i < 4 && !status; i++) {
        status = ef_reader_parameter(reader, i + 1, &values[i]);
    }
    node.n_inputs = 1;
    status = status ? status : ef_reader_make(reader, &node);
    for (size_t i = 0; i < 4 && !status; i++) {
        status = ef_reader_fill(reader, &node, norm_roles[i], values[i], 0);
    }
    return status;
}

void ef_onnx_write_batchnorm(ef_writer *writer)
{
    Onnx__NodeProto *to = ef_writer_add(writer, "BatchNormalization", "");
    ef_writer_sources(writer, to);
    for (size_t i = 0; i < 4; i++) {
        ef_writer_param(writer, to, norm_roles[i], NULL, 0);
    }
    ef_writer_float(writer, to, "epsilon", writer->node->u.batchnorm.epsilon);
}
