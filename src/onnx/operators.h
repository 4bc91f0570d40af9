/* The operators that are known, in both directions. */
#ifndef EF_ONNX_OPERATORS_H
#define EF_ONNX_OPERATORS_H

#include "onnx/reader.h"
#include "onnx/writer.h"

/* Reads one ONNX node. */
typedef struct ef_onnx_operator {
    const char *op_type;
    const char *attributes; /* those that are known, separated by spaces */
    size_t least_inputs, most_inputs;
    ef_status (*read)(ef_reader *reader);
} ef_onnx_operator;

/* NULL: not known. */
const ef_onnx_operator *ef_onnx_operator_find(const char *op_type);

/* Writes the node in hand. */
typedef void ef_onnx_write_function(ef_writer *writer);
ef_onnx_write_function *ef_onnx_operator_writer(ef_op op);

/* By file: layers.c */
ef_status ef_onnx_read_conv(ef_reader *reader);
void ef_onnx_write_conv(ef_writer *writer);
ef_status ef_onnx_read_gemm(ef_reader *reader);
void ef_onnx_write_dense(ef_writer *writer);
ef_status ef_onnx_read_batchnorm(ef_reader *reader);
void ef_onnx_write_batchnorm(ef_writer *writer);
/* pools.c */
ef_status ef_onnx_read_maxpool(ef_reader *reader);
ef_status ef_onnx_read_avgpool(ef_reader *reader);
void ef_onnx_write_pool(ef_writer *writer);
ef_status ef_onnx_read_globalavg(ef_reader *reader);
ef_status ef_onnx_read_globalmax(ef_reader *reader);
void ef_onnx_write_global(ef_writer *writer);
/* elementwise.c */
ef_status ef_onnx_read_relu(ef_reader *reader);
ef_status ef_onnx_read_clip(ef_reader *reader);
ef_status ef_onnx_read_leakyrelu(ef_reader *reader);
ef_status ef_onnx_read_prelu(ef_reader *reader);
ef_status ef_onnx_read_sigmoid(ef_reader *reader);
ef_status ef_onnx_read_hardsigmoid(ef_reader *reader);
ef_status ef_onnx_read_tanh(ef_reader *reader);
void ef_onnx_write_activation(ef_writer *writer);
ef_status ef_onnx_read_add(ef_reader *reader);
void ef_onnx_write_add(ef_writer *writer);
ef_status ef_onnx_read_mul(ef_reader *reader);
void ef_onnx_write_mul(ef_writer *writer);
void ef_onnx_write_scale(ef_writer *writer);
/* moves.c */
ef_status ef_onnx_read_concat(ef_reader *reader);
void ef_onnx_write_concat(ef_writer *writer);
ef_status ef_onnx_read_pad(ef_reader *reader);
void ef_onnx_write_pad(ef_writer *writer);
ef_status ef_onnx_read_slice(ef_reader *reader);
void ef_onnx_write_slice(ef_writer *writer);
ef_status ef_onnx_read_transpose(ef_reader *reader);
void ef_onnx_write_transpose(ef_writer *writer);
ef_status ef_onnx_read_flatten(ef_reader *reader);
void ef_onnx_write_flatten(ef_writer *writer);
ef_status ef_onnx_read_resize(ef_reader *reader);
void ef_onnx_write_upsample(ef_writer *writer);
ef_status ef_onnx_read_identity(ef_reader *reader);
/* write_ops.c */
void ef_onnx_write_reshape(ef_writer *writer);
void ef_onnx_write_softmax(ef_writer *writer);
void ef_onnx_write_div(ef_writer *writer);

#endif
