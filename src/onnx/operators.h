/* The operators that are known, in both directions. */
#ifndef EF_ONNX_OPERATORS_H
#define EF_ONNX_OPERATORS_H

#include "onnx/reader.h"
#include "onnx/writer.h"

/* Reads the node in hand; kind tells apart the operators that share a reader. */
typedef void ef_onnx_read_function(ef_reader *reader, int kind);

typedef struct ef_onnx_operator {
    const char *op_type;
    const char *attributes; /* those that are known, separated by spaces */
    size_t least_inputs, most_inputs;
    int kind;
    ef_onnx_read_function *read;
    int has_outputs; /* more than one */
} ef_onnx_operator;

/* NULL: not known. */
const ef_onnx_operator *ef_onnx_operator_find(const char *op_type);
/* What would be supported instead of an operator that is not known. */
const char *ef_onnx_operator_advice(const char *op_type);
/* Whether a word stands in a list of words separated by spaces. */
int ef_onnx_lists(const char *list, const char *word);

/* Kinds of joins. */
enum { EF_JOIN_ADD, EF_JOIN_SUB, EF_JOIN_MUL, EF_JOIN_DIV };

/* By file: read_layers.c */
ef_onnx_read_function ef_onnx_read_conv, ef_onnx_read_matmul, ef_onnx_read_gemm,
    ef_onnx_read_batchnorm;
/* read_pools.c; kind: an ef_op */
ef_onnx_read_function ef_onnx_read_pool, ef_onnx_read_global, ef_onnx_read_reduce;
/* read_activations.c; kind: an ef_activation_kind, or of softmax whether it is a log */
ef_onnx_read_function ef_onnx_read_activation, ef_onnx_read_leakyrelu,
    ef_onnx_read_hardsigmoid, ef_onnx_read_clip, ef_onnx_read_prelu,
    ef_onnx_read_softmax;
/* read_elementwise.c; kind: one of joins */
ef_onnx_read_function ef_onnx_read_join, ef_onnx_read_sum, ef_onnx_read_neg,
    ef_onnx_read_reciprocal;
/* read_moves.c */
ef_onnx_read_function ef_onnx_read_alias, ef_onnx_read_dropout, ef_onnx_read_cast,
    ef_onnx_read_flatten, ef_onnx_read_reshape, ef_onnx_read_squeeze,
    ef_onnx_read_unsqueeze, ef_onnx_read_transpose, ef_onnx_read_shape,
    ef_onnx_read_concat, ef_onnx_read_split, ef_onnx_read_expand;
/* read_places.c, read_resize.c */
ef_onnx_read_function ef_onnx_read_pad, ef_onnx_read_slice, ef_onnx_read_gather,
    ef_onnx_read_resize;

/* Writes the node in hand. */
typedef void ef_onnx_write_function(ef_writer *writer);
ef_onnx_write_function *ef_onnx_operator_writer(ef_op op);

/* By file: write_layers.c */
ef_onnx_write_function ef_onnx_write_conv, ef_onnx_write_dense, ef_onnx_write_batchnorm;
/* write_pools.c */
ef_onnx_write_function ef_onnx_write_pool, ef_onnx_write_global;
/* write_elementwise.c */
ef_onnx_write_function ef_onnx_write_activation, ef_onnx_write_add, ef_onnx_write_mul,
    ef_onnx_write_div, ef_onnx_write_scale, ef_onnx_write_softmax;
/* write_moves.c */
ef_onnx_write_function ef_onnx_write_concat, ef_onnx_write_pad, ef_onnx_write_slice,
    ef_onnx_write_transpose, ef_onnx_write_flatten, ef_onnx_write_reshape,
    ef_onnx_write_upsample;

#endif
