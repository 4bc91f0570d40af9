/* Writing convolution, dense layers, batch norm. */
#include "onnx/operators.h"

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

void ef_onnx_write_batchnorm(ef_writer *writer)
{
    Onnx__NodeProto *to = ef_writer_add(writer, "BatchNormalization", "");
    ef_writer_sources(writer, to);
    for (size_t i = 0; i < 4; i++) {
        ef_writer_param(writer, to, norm_roles[i], NULL, 0);
    }
    ef_writer_float(writer, to, "epsilon", writer->node->u.batchnorm.epsilon);
}
