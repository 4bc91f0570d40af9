/* Models that are refused: by the name of the node, its operator, and the reason. */
#include <criterion/criterion.h>
#include <string.h>

#include "onnx_help.h"

typedef struct refusal {
    ef_status status;
    const char *why; /* part of the message */
    const char *text;
} refusal;

static void expect_refusals(const refusal *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ef_error err;
        ef_status status = refuse_text(rows[i].text, &err);
        cr_expect_eq(status, rows[i].status, "%s: %s\nof\n%s", ef_status_name(status),
                     err.text, rows[i].text);
        cr_expect(strstr(err.text, rows[i].why), "%s\ninstead of\n%s", err.text,
                  rows[i].why);
        cr_expect_eq(strncmp(err.text, "m.onnx: ", 8), 0, "%s", err.text);
    }
}

#define EXPECT_REFUSALS(rows) expect_refusals(rows, sizeof rows / sizeof rows[0])

#define MIXES "it does not keep the images of a batch apart"
#define X4 "x = input N 4; "
#define XI "x = input N 2 3 3; "

TestSuite(onnx_refuse, .timeout = 60);

static const refusal models[] = {
    {EF_ERR_UNSUPPORTED, "operator set 6, supported are 7 to 22",
     "opset 6; " X4 "y = Relu x; output y"},
    {EF_ERR_UNSUPPORTED, "operator set 23", "opset 23; " X4 "y = Relu x; output y"},
    {EF_ERR_INPUT, "not an ONNX model with a graph", X4 "output x"},
    {EF_ERR_INPUT, "a Relu node has no output", X4 "_ = Relu x; output y"},
    {EF_ERR_INPUT, "two values are called 'w'",
     X4 "w = float 1; w = float 1; y = Relu x; output y"},
    {EF_ERR_UNSUPPORTED, "a model has one input",
     X4 "z = input N 2; y = Relu x; output y"},
    {EF_ERR_UNSUPPORTED, "a model has one input", "y = Relu x; output y"},
    {EF_ERR_UNSUPPORTED, "a model has one output",
     X4 "y = Relu x; z = Tanh x; output y; output z"},
    {EF_ERR_INPUT, "its output comes from no node", X4 "y = Relu x; output z"},
    {EF_ERR_INPUT, "its output comes from no node",
     X4 "y = Relu x; w = float 1; output w"},
    {EF_ERR_UNSUPPORTED, "its input is not a float tensor",
     "x = input N; y = Relu x; output y"},
    {EF_ERR_UNSUPPORTED, "its input is not a float tensor",
     "x = input N 1 1 1 1; y = Relu x; output y"},
    {EF_ERR_UNSUPPORTED, "a size of its input, other than the batch, is not given",
     "x = input N 3 H 32; y = Relu x; output y"},
    {EF_ERR_UNSUPPORTED, "a size of its input, other than the batch, is not given",
     "x = input N 3 0 32; y = Relu x; output y"},
    {EF_ERR_UNSUPPORTED, "a size of its input, other than the batch, is not given",
     "x = input N 3 -1 32; y = Relu x; output y"},
};

Test(onnx_refuse, models)
{
    EXPECT_REFUSALS(models);
}

static const refusal nodes[] = {
    {EF_ERR_UNSUPPORTED,
     "m.onnx: node rnn (LSTM): this operator is not supported: a model without "
     "recurrence",
     X4 "rnn: y = LSTM x; output y"},
    {EF_ERR_UNSUPPORTED,
     "node y (QuantizeLinear): this operator is not supported: "
     "export the float model",
     X4 "y = QuantizeLinear x; output y"},
    {EF_ERR_UNSUPPORTED,
     "node y (TopK): this operator is not supported: export the "
     "model up to the logits",
     X4 "y = TopK x; output y"},
    {EF_ERR_UNSUPPORTED, "(Elu): this operator is not supported: Relu",
     X4 "y = Elu x; output y"},
    {EF_ERR_UNSUPPORTED, "(LRN): this operator is not supported: BatchNorm",
     XI "y = LRN x; output y"},
    {EF_ERR_UNSUPPORTED, "(ConvTranspose): this operator is not supported: a Resize",
     XI "y = ConvTranspose x; output y"},
    {EF_ERR_UNSUPPORTED, "(Einsum): this operator is not supported: convolutions",
     XI "y = Einsum x; output y"},
    {EF_ERR_UNSUPPORTED, "(Sqrt): this operator is not supported: it is on constants",
     X4 "y = Sqrt x; output y"},
    {EF_ERR_UNSUPPORTED, "(Foo): this operator is not supported: evoflip-",
     X4 "y = Foo x; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Relu): attribute 'stripes' is not supported",
     X4 "y = Relu x stripes=1; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Relu): it has 2 inputs, supported are 1 to 1",
     X4 "y = Relu x x; output y"},
    {EF_ERR_UNSUPPORTED, "node d (Dropout): its output m is not supported",
     X4 "d m = Dropout x; c = Cast m to=1; y = Mul d c; output y"},
    {EF_ERR_INPUT, "node y (Relu): its input z comes from nowhere before it",
     X4 "y = Relu z; z = Relu x; output y"},
    {EF_ERR_INPUT, "node y (Add): input 2 is missing", X4 "y = Add x _; output y"},
    {EF_ERR_INPUT, "node y (Conv): input 2 is missing", XI "y = Conv x _; output y"},
    {EF_ERR_UNSUPPORTED, "node c (Conv): its input w is not computed from the images",
     XI "w = float 2 2 1 1; c = Conv w w; y = Add x c; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Conv): its input x is known only at run time",
     XI "y = Conv x x; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Reshape): its input s is not a list of at most 8",
     XI "s = float 2; y = Reshape x s; output y"},
    {EF_ERR_INPUT, "node y (Clip): its input s is not one number",
     X4 "s = float 2; y = Clip x s; output y"},
    {EF_ERR_INPUT, "its output y has a name that is taken",
     X4 "y = Relu x; y = Relu y; output y"},
    {EF_ERR_INPUT, "node y (Concat): it has no axis 4",
     XI "y = Concat x x axis=4; output y"},
    {EF_ERR_INPUT, "node y (Concat): it has no axis -5",
     XI "y = Concat x x axis=-5; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Concat): " MIXES,
     XI "y = Concat x x axis=0; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Sum): it joins constants before",
     X4 "c = float 4; y = Sum c c x; output y"},
};

Test(onnx_refuse, nodes)
{
    EXPECT_REFUSALS(nodes);
}

#define CONV XI "w = float 2 2 1 1; "
static const refusal layers[] = {
    {EF_ERR_UNSUPPORTED, "attribute group has a value that is not supported",
     CONV "y = Conv x w group=0; output y"},
    {EF_ERR_UNSUPPORTED, "attribute group has a value that is not supported",
     CONV "y = Conv x w group=1.5; output y"},
    {EF_ERR_UNSUPPORTED, "attribute strides has 1 values instead of 2",
     CONV "y = Conv x w strides=1,; output y"},
    {EF_ERR_UNSUPPORTED, "attribute pads has a value that is not supported",
     CONV "y = Conv x w pads=0,0,-1,0; output y"},
    {EF_ERR_UNSUPPORTED, "auto_pad 'WILD' is not supported",
     CONV "y = Conv x w auto_pad=WILD; output y"},
    {EF_ERR_INPUT, "its kernel, a stride or a dilation is 0",
     CONV "y = Conv x w strides=1,0; output y"},
    {EF_ERR_INPUT, "its kernel, a stride or a dilation is 0",
     XI "w = float 2 2 1 1; y = MaxPool x kernel_shape=0,1; output y"},
    {EF_ERR_INPUT, "its weight has 3 dimensions, its input asks for 4",
     XI "w = float 2 2 1; y = Conv x w; output y"},
    {EF_ERR_INPUT, "its weight is empty",
     XI "w = float 2 2 0 1; y = Conv x w; output y"},
    {EF_ERR_INPUT, "its kernel_shape is not that of its weight",
     CONV "y = Conv x w kernel_shape=3,3; output y"},
    {EF_ERR_INPUT, "its weight is for 4 channels, its input has 2",
     CONV "y = Conv x w group=2; output y"},
    {EF_ERR_INPUT,
     "constant b has 3 values and does not fit its input, which asks for 2",
     CONV "b = float 3; y = Conv x w b; output y"},
    {EF_ERR_UNSUPPORTED, "constant w does not hold floating-point numbers",
     XI "w = int 2 2 1 1; y = Conv x w; output y"},
    {EF_ERR_TOPOLOGY,
     "node y (Conv): ", XI "w = float 2 2 5 5; y = Conv x w; output y"},
    {EF_ERR_UNSUPPORTED, "its input has rank 2, supported are 3 to 4",
     X4 "w = float 2 2 1 1; y = Conv x w; output y"},
    {EF_ERR_INPUT, "its matrix is for 3 values, its input has 4",
     X4 "w = float 3 2; y = MatMul x w; output y"},
    {EF_ERR_UNSUPPORTED, "it multiplies no constant matrix",
     XI "y = MatMul x x; output y"},
    {EF_ERR_UNSUPPORTED, "it multiplies no constant matrix",
     X4 "w = float 4; y = MatMul x w; output y"},
    {EF_ERR_UNSUPPORTED, "it multiplies a constant by something else than one matrix",
     XI "w = float 3 3; y = MatMul w x; output y"},
    {EF_ERR_UNSUPPORTED, MIXES, XI "w = float 2 3 3; y = MatMul x w; output y"},
    {EF_ERR_INPUT, "it multiplies a tensor of rank 4 by one of rank 2",
     XI "w = float 3 3; y = Gemm x w; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Gemm): " MIXES,
     X4 "w = float 4 4; y = Gemm x w transA=1; output y"},
    {EF_ERR_UNSUPPORTED, "attribute training_mode has a value",
     XI "a = float 2; y = BatchNormalization x a a a a training_mode=1; output y"},
    {EF_ERR_INPUT, "constant b has 3 values and does not fit",
     XI "a = float 2; b = float 3; y = BatchNormalization x a b a a; output y"},
    {EF_ERR_INPUT, "it has no kernel_shape", XI "y = MaxPool x; output y"},
    {EF_ERR_UNSUPPORTED, "attribute ceil_mode has a value",
     XI "y = MaxPool x kernel_shape=1,1 ceil_mode=2; output y"},
    {EF_ERR_TOPOLOGY,
     "node y (MaxPool): ", XI "y = MaxPool x kernel_shape=4,4; output y"},
    {EF_ERR_UNSUPPORTED, "node y (ReduceMean): " MIXES,
     XI "y = ReduceMean x axes=0,; output y"},
    {EF_ERR_UNSUPPORTED, "node y (ReduceMean): " MIXES,
     XI "y = ReduceMean x; output y"},
    {EF_ERR_INPUT, "its inputs do not fit each other",
     XI "c = float 2; y = Add x c; output y"},
    {EF_ERR_INPUT, "its inputs do not fit each other",
     X4 "a = int 1 : 0; b = int 1 : 3; o = int 1 : 1; s = Slice x a b o;"
        "y = Add x s; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Add): " MIXES,
     XI "c = float 4 2 3 3; y = Add x c; output y"},
    {EF_ERR_INPUT, "its matrix is empty", X4 "w = float 4 0; y = Gemm x w; output y"},
    {EF_ERR_INPUT, "its inputs do not fit each other",
     "x = input N 1; c = float 0; y = Mul x c; output y"},
    {EF_ERR_UNSUPPORTED, "node s (LogSoftmax): it is supported only over the classes",
     X4 "s = LogSoftmax x; y = Relu s; output y"},
    {EF_ERR_INPUT, "its slopes do not fit its input",
     X4 "s = float 3; y = PRelu x s; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Softmax): " MIXES,
     XI "y = Softmax x axis=0; output y"},
};

Test(onnx_refuse, layers)
{
    EXPECT_REFUSALS(layers);
}

static const refusal moves[] = {
    {EF_ERR_UNSUPPORTED, "node d (Dropout): it is in training mode",
     X4 "t = int : 1; d = Dropout x _ t; y = Relu d; output y"},
    {EF_ERR_UNSUPPORTED, "node c (Cast): it casts what is computed from the images",
     X4 "c = Cast x to=7; y = Relu c; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Flatten): " MIXES,
     XI "y = Flatten x axis=2; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Reshape): " MIXES,
     XI "s = int 2 : -1 7; y = Reshape x s; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Reshape): " MIXES,
     XI "s = int 2 : 9 -1; y = Reshape x s; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Reshape): " MIXES,
     XI "s = int 2 : -1 -1; y = Reshape x s; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Reshape): " MIXES,
     XI "s = int 3 : 0 -1 -1; y = Reshape x s; output y"},
    {EF_ERR_INPUT, "it squeezes an axis of size 2",
     XI "a = int 1 : 1; y = Squeeze x a; output y"},
    {EF_ERR_INPUT, "it names an axis twice",
     XI "a = int 2 : 1 -5; y = Unsqueeze x a; z = Relu y; output z"},
    {EF_ERR_UNSUPPORTED, "its output has rank 9",
     XI "a = int 5 : 1 2 3 4 5; y = Unsqueeze x a; output y"},
    {EF_ERR_INPUT, "its perm has 3 axes instead of 4",
     XI "y = Transpose x perm=0,2,1; output y"},
    {EF_ERR_INPUT, "its perm names an axis twice",
     XI "y = Transpose x perm=0,2,2,1; output y"},
    {EF_ERR_UNSUPPORTED, "attribute perm has 9 values, supported are 8",
     XI "y = Transpose x perm=0,1,2,3,4,5,6,7,8; output y"},
    {EF_ERR_UNSUPPORTED, MIXES, XI "y = Transpose x; output y"},
    {EF_ERR_INPUT, "its inputs differ in more than the axis",
     XI "r = MaxPool x kernel_shape=2,2; y = Concat x r axis=1; output y"},
    {EF_ERR_UNSUPPORTED, "its parts are empty or do not make up the whole",
     X4 "s = int 2 : 1 2; a b = Split x s axis=1; y = Relu a; output y"},
    {EF_ERR_UNSUPPORTED, "its parts are empty or do not make up the whole",
     X4 "a b c d e = Split x axis=1; y = Relu a; output y"},
    {EF_ERR_INPUT, "it has 3 pads for 2 axes", X4 "p = int 3; y = Pad x p; output y"},
    {EF_ERR_UNSUPPORTED, "it pads by more than 268435456",
     X4 "p = int 4 : 0 268435457 0 0; y = Pad x p; output y"},
    {EF_ERR_TOPOLOGY,
     "node y (Pad): ", X4 "p = int 4 : 0 268435456 0 268435456; y = Pad x p; output y"},
    {EF_ERR_UNSUPPORTED, "nothing is left of its input",
     X4 "p = int 4 : 0 -2 0 -2; y = Pad x p; output y"},
    {EF_ERR_UNSUPPORTED, "its output has 268435460 elements along an axis",
     X4 "p = int 4 : 0 0 0 268435456; y = Pad x p mode=edge; output y"},
    {EF_ERR_UNSUPPORTED, "mode 'mirror' is not supported",
     X4 "p = int 4 : 0; y = Pad x p mode=mirror; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Pad): " MIXES,
     X4 "p = int 4 : 1 0 0 0; y = Pad x p; output y"},
    {EF_ERR_INPUT, "its starts, ends, axes and steps are not equally many",
     X4 "s = int 1 : 1; e = int 2 : 1 2; y = Slice x s e; output y"},
    {EF_ERR_INPUT, "a step of it is 0 or far too long",
     X4 "s = int 1 : 1; t = int 1 : 0; y = Slice x s s s t; output y"},
    {EF_ERR_UNSUPPORTED, "nothing is left of its input",
     X4 "s = int 1 : 2; a = int 1 : 1; y = Slice x s s a; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Slice): " MIXES,
     X4 "s = int 1 : 1; e = int 1 : 2; a = int 1 : 0; y = Slice x s e a; output y"},
    {EF_ERR_INPUT, "the shape it asks for does not fit its input",
     XI "s = int 4 : 1 5 1 1; y = Expand x s; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Expand): " MIXES,
     XI "s = int 4 : 5 1 1 1; y = Expand x s; output y"},
    {EF_ERR_UNSUPPORTED, "it takes elements in more than 1024 runs",
     X4 "i = int 3000 : 0 2 1 3; y = Gather x i axis=1; output y"},
    {EF_ERR_UNSUPPORTED, "its indices are no integers",
     X4 "i = float 1; y = Gather x i axis=1; output y"},
    {EF_ERR_INPUT, "index 4 of an axis of size 4",
     X4 "i = int 1 : 4; y = Gather x i axis=1; output y"},
    {EF_ERR_INPUT, "index -5 of an axis of size 4",
     X4 "i = int 1 : -5; y = Gather x i axis=1; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Gather): " MIXES,
     X4 "i = int 1 : 0; y = Gather x i; output y"},
};

Test(onnx_refuse, moves)
{
    EXPECT_REFUSALS(moves);
}

static const refusal resizes[] = {
    {EF_ERR_INPUT, "it has 4 scales and 4 sizes for 4 axes",
     XI "a = float 4 : 1; b = int 4 : 1; y = Resize x _ a b; output y"},
    {EF_ERR_INPUT, "it has 0 scales and 0 sizes for 4 axes",
     XI "a = float 0; y = Resize x _ a; output y"},
    {EF_ERR_INPUT, "it has 3 scales and 0 sizes for 4 axes",
     XI "a = float 3 : 1; y = Resize x _ a; output y"},
    {EF_ERR_INPUT, "it resizes by no number",
     XI "a = float 4 : 1 1 -1 1; y = Resize x _ a; output y"},
    {EF_ERR_INPUT, "it resizes by no number",
     XI "a = float 4 : 1 1 nan 1; y = Resize x _ a; output y"},
    {EF_ERR_INPUT, "it resizes by no number",
     XI "a = int 4 : 1 1 -7 1; y = Resize x _ _ a; output y"},
    {EF_ERR_UNSUPPORTED, "its output has 0 elements along an axis",
     XI "a = float 4 : 1 1 0.1 1; y = Resize x _ a; output y"},
    {EF_ERR_UNSUPPORTED, "its output has 100000000 elements along an axis",
     XI "a = int 4 : 1 2 3 100000000; y = Resize x _ _ a; output y"},
    {EF_ERR_UNSUPPORTED, "mode 'linear' is not supported",
     XI "a = float 4 : 1 1 2 2; y = Resize x _ a mode=linear; output y"},
    {EF_ERR_UNSUPPORTED, "coordinate_transformation_mode 'tf_crop_and_resize'",
     XI "a = float 4 : 1 1 2 2;"
        "y = Resize x _ a coordinate_transformation_mode=tf_crop_and_resize; output y"},
    {EF_ERR_UNSUPPORTED, "attribute antialias has a value",
     "opset 18; " XI "a = float 4 : 1 1 2 2; y = Resize x _ a antialias=1; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Resize): " MIXES,
     XI "a = float 4 : 2 1 1 1; y = Resize x _ a; output y"},
    {EF_ERR_UNSUPPORTED, "node y (Resize): " MIXES,
     XI "a = int 4 : 2 2 3 3; y = Resize x _ _ a; output y"},
    {EF_ERR_UNSUPPORTED, "keep_aspect_ratio_policy 'not_larger'",
     "opset 18; " XI "a = int 4 : 1 2 6 6;"
     "y = Resize x _ _ a keep_aspect_ratio_policy=not_larger; output y"},
};

Test(onnx_refuse, resizes)
{
    EXPECT_REFUSALS(resizes);
}

/* x is three images of three values, and by ONNX y has three of three by three. */
static const refusal shapes[] = {
    {EF_ERR_UNSUPPORTED, "node y (Mul): " MIXES,
     "x = input N 3; h = HardSigmoid x alpha=0.16666667; a = int 1 : 1;"
     "u = Unsqueeze h a; y = Mul x u; output y"},
};

Test(onnx_refuse, a_hard_swish_that_spreads)
{
    EXPECT_REFUSALS(shapes);
}
