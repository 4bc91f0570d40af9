/* Nodes for tests of evaluation on constants, built one line at a time. */
#ifndef EF_TESTS_FOLD_HELP_H
#define EF_TESTS_FOLD_HELP_H

#include "onnx/fold.h"

#define FOLD_TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name
#define FOLD_MAX_ATTRIBUTES 4

/* A node, its inputs and what came of it; fold_begin zeroes it. */
typedef struct fold_case {
    ef_arena arena;
    ef_fold fold;
    Onnx__NodeProto node;
    Onnx__AttributeProto attributes[FOLD_MAX_ATTRIBUTES];
    Onnx__AttributeProto *pointers[FOLD_MAX_ATTRIBUTES];
    char *outputs[64];
} fold_case;

/* Dimensions or values, with their number in front. */
#define FOLD_LIST(...)                                                                 \
    (sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), ((int64_t[]){__VA_ARGS__})
#define FOLD_FLOATS(...) ((const float[]){__VA_ARGS__})
#define FOLD_WHOLES(...) ((const int64_t[]){__VA_ARGS__})
#define FOLD_SCALAR 0, NULL

void fold_begin(fold_case *c, const char *op_type, int64_t opset, size_t n_outputs);
void fold_end(fold_case *c);

void fold_absent(fold_case *c);
void fold_floats(fold_case *c, size_t rank, const int64_t *dims, const float *values);
void fold_integers(fold_case *c, size_t rank, const int64_t *dims,
                   const int64_t *values);
/* The last input, of another type. */
void fold_retype(fold_case *c, int32_t data_type);

void fold_int(fold_case *c, const char *name, int64_t value);
void fold_float(fold_case *c, const char *name, float value);
void fold_ints(fold_case *c, const char *name, size_t n, const int64_t *values);
void fold_text(fold_case *c, const char *name, const char *text);
void fold_tensor(fold_case *c, const char *name, Onnx__TensorProto *tensor);

/* Runs it, which must do well, and compares an output; NaN equals NaN. */
void fold_run(fold_case *c);
void fold_expect_floats(fold_case *c, size_t k, size_t rank, const int64_t *dims,
                        const float *values);
void fold_expect_integers(fold_case *c, size_t k, size_t rank, const int64_t *dims,
                          const int64_t *values);
/* Runs it, which must fail so and leave the outputs as they were. */
void fold_expect_refused(fold_case *c, ef_status status, const char *why);

#endif
