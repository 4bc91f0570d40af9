/* ONNX nodes evaluated on constants, so that what exporters compute in the graph about
 * shapes and weights is a number before the network is built.
 *
 * Operators as ONNX's operator sets 7 to 22 define them, with the broadcasting of
 * NumPy. Floats are computed in binary64 and rounded once to float (double: to float
 * too), to float16 or bfloat16 where that is the type; integers wrap at the width of
 * their type, computed as signed 64-bit numbers (so uint64 above INT64_MAX compares and
 * divides as negative); NaN goes through arithmetic, Min, Max and Clip.
 *
 * EF_BATCH_SIZE, also as a float, may be moved, cast and compared where any number of
 * images gives the same answer, and goes through x + 0, x - 0, x * 1, x / 1 and
 * what leaves a positive whole number as it is; all else is refused. */
#ifndef EF_ONNX_FOLD_H
#define EF_ONNX_FOLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "onnx/arena.h"
#include "onnx/constant.h"
#include "onnx/onnx.pb-c.h"

#define EF_FOLD_MAX_INPUTS 64
#define EF_FOLD_MAX_OUTPUTS 32

typedef struct ef_fold {
    ef_arena *arena; /* gets all values that are made */
    const Onnx__NodeProto *node;
    int64_t opset;
    ef_constant *inputs[EF_FOLD_MAX_INPUTS];  /* NULL where absent; their values may be
                                                 brought into the arena */
    size_t n_inputs;                          /* at most EF_FOLD_MAX_INPUTS */
    ef_constant outputs[EF_FOLD_MAX_OUTPUTS]; /* filled, with the first n_outputs */
    size_t n_outputs;
    size_t
        budget; /* elements that may still be made in all; what is used is taken off,
                   on failure too.  Work without output counts: an element read by a
                   reduction, an index or axis, 16 multiply-adds of a matrix product */
    char why[EF_CONSTANT_REASON]; /* on failure: a phrase without file or node */
} ef_fold;

/* NULL is no operator. */
int ef_fold_knows(const char *op_type);

/* Identity, Dropout, Reshape, Squeeze, Unsqueeze, Flatten, and Cast to a type that
 * holds all values of the input's, share the values of the input and keep its name;
 * Constant gives its output's name to its values. EF_ERR_UNSUPPORTED: an operator or
 * attribute that is not known here, more elements than the budget, an answer that
 * depends on the number of images.  EF_ERR_INPUT: inputs that the operator does not
 * take.  EF_ERR_MEMORY.  Outputs are untouched on failure. */
EF_NODISCARD ef_status ef_fold_run(ef_fold *fold);

#endif
