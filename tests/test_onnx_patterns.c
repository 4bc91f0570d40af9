/* What exporters write, and the networks that become of it.
 *
 * The logits are those of onnxruntime 1.16.3 for the same model, on one image with the
 * values 0, 1, 2, ... */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "onnx_help.h"

typedef struct pattern {
    const char *name;
    const char *ops; /* of all nodes but the input, in their order; NULL: any */
    const char *logits;
    const char *text;
} pattern;

static void expect_patterns(const pattern *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ef_net *net = read_text(rows[i].text);
        cr_expect(!rows[i].ops || strcmp(ops_of(net), rows[i].ops) == 0,
                  "%s: %s instead of %s", rows[i].name, ops_of(net), rows[i].ops);
        expect_logits(rows[i].name, net, rows[i].logits);
        ef_net_destroy(net);
    }
}

#define EXPECT_PATTERNS(rows) expect_patterns(rows, sizeof rows / sizeof rows[0])

TestSuite(onnx_patterns, .timeout = 120);

static const pattern flat[] = {
    {"symbolic batch", "activation", "0 1 2 3", "x = input N 4; y = Relu x; output y"},
    {"batch of 1", "activation", "0 1 2 3", "x = input 1 4; y = Relu x; output y"},
    {"batch of 4", "activation", "0 1 2 3", "x = input 4 4; y = Relu x; output y"},
    {"Reshape to [0, -1]", "flatten", "0 1 2 3 4 5 6 7",
     "x = input N 2 2 2; s = int 2 : 0 -1; y = Reshape x s; output y"},
    {"Reshape to [-1, K]", "flatten", "0 1 2 3 4 5 6 7",
     "x = input N 2 2 2; s = int 2 : -1 8; y = Reshape x s; output y"},
    {"Reshape to [1, -1]", "flatten", "0 1 2 3 4 5 6 7",
     "x = input 1 2 2 2; s = int 2 : 1 -1; y = Reshape x s; output y"},
    {"Reshape to [N, K]", "flatten", "0 1 2 3 4 5 6 7",
     "x = input 4 2 2 2; s = int 2 : 4 8; y = Reshape x s; output y"},
    {"Reshape to another batch", "reshape activation", "0 1 2 3 4 5 6 7",
     "x = input 4 2; s = int 2 : 2 -1; r = Reshape x s; y = Relu r; output y"},
    {"Reshape by the shape before", "flatten", "0 1 2 3 4 5 6 7",
     "x = input N 2 2 2; s = Shape x; i = int : 0; g = Gather s i; a = int 1 : 0;"
     "u = Unsqueeze g a; m = int 1 : -1; t = Concat u m axis=0; y = Reshape x t;"
     "output y"},
    {"Reshape by the shape before, opset 11", "flatten", "0 1 2 3 4 5 6 7",
     "opset 11; x = input N 2 2 2; s = Shape x; i = int : 0; g = Gather s i;"
     "u = Unsqueeze g axes=0,; m = int 1 : -1; t = Concat u m axis=0;"
     "y = Reshape x t; output y"},
    {"Flatten from the end", "flatten", "0 1 2 3 4 5 6 7",
     "x = input N 2 2 2; y = Flatten x axis=-3; output y"},
    {"flat with channels last", "transpose flatten dense", "902.5 967",
     "x = input N 2 2 3; t = Transpose x perm=0,2,3,1; s = int 2 : -1 12;"
     "f = Reshape t s; w = float 12 2; b = float 2 : 0.5 -1; m = MatMul f w;"
     "y = Add m b; output y"},
    {"rank 2 from rank 4 by Squeeze", "globalavg flatten", "1.5 5.5",
     "x = input N 2 2 2; g = GlobalAveragePool x; a = int 2 : 2 3;"
     "y = Squeeze g a; output y"},
    {"Squeeze of all ones", "globalavg flatten", "1.5 5.5",
     "x = input 1 2 2 2; g = GlobalAveragePool x; a = int 2 : -1 -2; s = Squeeze g a;"
     "u = Unsqueeze s a; r = Squeeze u a; y = Identity r; output y"},
    {"Squeeze and Unsqueeze, opset 11", "globalavg activation", "1.5 5.5",
     "opset 11; x = input N 2 2 2; g = GlobalAveragePool x; s = Squeeze g axes=2,3;"
     "u = Unsqueeze s axes=2,3; y = Relu u; output y"},
};

Test(onnx_patterns, become_flat)
{
    EXPECT_PATTERNS(flat);
}

static const pattern sums[] = {
    {"MatMul and Add", "dense", "11 12",
     "x = input N 3; w = float 3 2; b = float 2 : 1 -1; m = MatMul x w;"
     "y = Add m b; output y"},
    {"Add before MatMul's place", "dense", "11 12",
     "x = input N 3; w = float 3 2; b = float 1 2 : 1 -1; m = MatMul x w;"
     "y = Add b m; output y"},
    {"MatMul on the last axis", "transpose conv transpose", "10 13 28 40",
     "x = input N 2 3; w = float 3 2; y = MatMul x w; output y"},
    {"Conv and Add", "conv", "4.5 5.5 6.5 7.5 11 16 21 26",
     "x = input N 2 2 2; w = float 2 2 1 1; b = float 1 2 1 1 : 0.5 -1;"
     "c = Conv x w; y = Add c b; output y"},
    {"Conv and Sub", "conv", "3.5 4.5 5.5 6.5 13 18 23 28",
     "x = input N 2 2 2; w = float 2 2 1 1; b = float 2 1 1 : 0.5 -1;"
     "c = Conv x w; y = Sub c b; output y"},
    {"Conv and Add along the width", "conv flatten scale",
     "4.5 4 6.5 6 12.5 16 22.5 26",
     "x = input N 2 2 2; w = float 2 2 1 1; b = float 2 : 0.5 -1;"
     "c = Conv x w; y = Add c b; output y"},
    {"Conv with bias and Add", "conv scale", "4.5 5.5 6.5 7.5 12 17 22 27",
     "x = input N 2 2 2; w = float 2 2 1 1; a = float 2; b = float 2 1 1 : 0.5 -1;"
     "c = Conv x w a; y = Add c b; output y"},
    {"Mul and Add", "scale", "5 7 13 16",
     "x = input N 2 1 2; a = float 2 1 1 : 2 3; b = float 2 1 1 : 5 7; m = Mul x a;"
     "y = Add m b; output y"},
    {"Mul and Add with Identity between", "scale", "5 7 13 16",
     "x = input N 2 1 2; a = float 2 1 1 : 2 3; b = float 2 1 1 : 5 7; m = Mul x a;"
     "i = Identity m; j = Identity i; y = Add j b; output y"},
    {"Mul read twice", "scale scale add", "5 9 19 25",
     "x = input N 2 1 2; a = float 2 1 1 : 2 3; b = float 2 1 1 : 5 7; m = Mul x a;"
     "s = Add m b; y = Add m s; output y"},
    {"Mul read twice by another name", "scale scale add", "5 9 19 25",
     "x = input N 2 1 2; a = float 2 1 1 : 2 3; b = float 2 1 1 : 5 7; m = Mul x a;"
     "i = Identity m; s = Add i b; y = Add i s; output y"},
    {"Mul read as itself and by another name", "scale scale add", "5 9 19 25",
     "x = input N 2 1 2; a = float 2 1 1 : 2 3; b = float 2 1 1 : 5 7; m = Mul x a;"
     "i = Identity m; s = Add i b; y = Add m s; output y"},
    {"Sub from a constant", "scale", "2 1 1 0",
     "x = input N 2 1 2; c = float 2 1 1 : 2 3; y = Sub c x; output y"},
    {"Div by a constant", "scale", "0 0.5 0.5 0.75",
     "x = input N 2 1 2; c = float 2 1 1 : 2 4; y = Div x c; output y"},
    {"Div of a constant", NULL, "2 1 1.3333334 1",
     "x = input N 2 1 2; c = float 2 1 1 : 2 4; o = float : 1; p = Add x o;"
     "y = Div c p; output y"},
    {"a constant along the height", "reshape scale", "0 1 20 30 4 5 60 70",
     "x = input N 2 2 2; c = float 1 1 2 1 : 1 10; y = Mul x c; output y"},
    {"a constant along channels and width", "flatten scale",
     "0 10 2 30 400 5000 600 7000",
     "x = input N 2 2 2; c = float 1 2 1 2 : 1 10 100 1000; y = Mul x c; output y"},
    {"a constant that spreads the images", "upsample reshape scale",
     "0 1 0 10 0 100 2 3 20 30 200 300",
     "x = input N 2 1 2; c = float 1 1 3 1 : 1 10 100; y = Mul x c; output y"},
    {"a constant of more axes", "scale", "0 10 200",
     "x = input N 3; c = float 1 3 : 1 10 100; y = Mul x c; output y"},
    {"Sum of three", "scale activation add", "0 3 8",
     "x = input N 3; r = Relu x; c = float 3; s = Mul x c; y = Sum x r s; output y"},
    {"Sum with a constant", "activation scale add", "0 3 6",
     "x = input N 3; r = Relu x; c = float 3; y = Sum x c r; output y"},
    {"a gate", "globalavg mul", "0 1.5 3 4.5 22 27.5 33 38.5",
     "x = input N 2 2 2; g = GlobalAveragePool x; y = Mul g x; output y"},
    {"a sum that spreads", "globalavg upsample add",
     "1.5 2.5 3.5 4.5 9.5 10.5 11.5 12.5",
     "x = input N 2 2 2; g = GlobalAveragePool x; y = Add g x; output y"},
    {"Gemm with factors", "dense", "8.5 17",
     "x = input N 3; w = float 2 3; c = float 2 : 3 5;"
     "y = Gemm x w c alpha=0.5 beta=2.0 transB=1; output y"},
    {"Gemm with one term for all", "dense scale", "11 12.5",
     "x = input N 3; w = float 3 2; c = float : 3;"
     "y = Gemm x w c alpha=0.5 beta=2.0; output y"},
    {"Gemm with a computed term", "activation scale dense add",
     "16 19.462116 22.761595",
     "x = input N 3; w = float 3 3; c = Sigmoid x; y = Gemm x w c beta=2.0; output y"},
    {"Gemm of a transposed batch", NULL, "9 12 13 18 17 24",
     "x = input 2 3; w = float 2 2 : 1 2 3 4; y = Gemm x w transA=1; output y"},
    {"one constant for two layers", "dense dense", "15 22",
     "x = input N 2; w = float 2 2 : 1 2 3 4; a = MatMul x w; y = MatMul a w;"
     "output y"},
    {"BatchNormalization of taken features", "slice slice concat batchnorm",
     "1.4881432 -0.24263804",
     "x = input N 2; i = int 2 : 1 0; t = Gather x i axis=1; g = float 2 : 1 2;"
     "b = float 2 : 3 4; e = float 2 : 5 6; v = float 2 : 7 8;"
     "y = BatchNormalization t g b e v; output y"},
    {"BatchNormalization after a mean", "reshape avgpool flatten batchnorm",
     "2.811018 3.6464467 4.5000005",
     "x = input N 2 2 3; m = ReduceMean x axes=1,2 keepdims=0; g = float 3 : 1 2 3;"
     "b = float 3 : 3 4 5; e = float 3 : 5 6 7; v = float 3 : 7 8 9;"
     "y = BatchNormalization m g b e v; output y"},
    {"BatchNormalization after MatMul", "dense batchnorm", "4.8898211 8.9497452",
     "x = input N 3; w = float 3 2; m = MatMul x w; g = float 2 : 1 2;"
     "b = float 2 : 3 4; e = float 2 : 5 6; v = float 2 : 7 8;"
     "y = BatchNormalization m g b e v; output y"},
};

Test(onnx_patterns, become_sums_and_products)
{
    EXPECT_PATTERNS(sums);
}

/* A constant may go into the node before only where nobody else reads that, also by way
 * of a view or a transpose that a later node turns back.  Values by hand: the first
 * half is without the constant, the second with it. */
static const pattern shared[] = {
    {"a bias behind a transpose turned back",
     "conv transpose activation flatten scale flatten concat", "0 2 1 3 10 11 22 23",
     "x = input N 2 1 2; w = float 2 2 1 1 : 1 0 0 1; c = Conv x w;"
     "t = Transpose c perm=0,2,3,1; r = Relu t; f = Flatten r;"
     "u = Transpose t perm=0,3,1,2; b = float 2 1 1 : 10 20; a = Add u b;"
     "g = Flatten a; y = Concat f g axis=1; output y"},
    {"a bias behind a reshape turned back",
     "conv flatten activation scale flatten concat", "0 1 2 3 10 11 22 23",
     "x = input N 2 1 2; w = float 2 2 1 1 : 1 0 0 1; c = Conv x w;"
     "v = Flatten c; r = Relu v; s = int 4 : 0 2 1 2; u = Reshape v s;"
     "b = float 2 1 1 : 10 20; a = Add u b; g = Flatten a;"
     "y = Concat r g axis=1; output y"},
    {"a shift behind a reshape turned back",
     "scale flatten activation scale flatten concat", "0 2 6 9 10 12 26 29",
     "x = input N 2 1 2; k = float 2 1 1 : 2 3; c = Mul x k;"
     "v = Flatten c; r = Relu v; s = int 4 : 0 2 1 2; u = Reshape v s;"
     "b = float 2 1 1 : 10 20; a = Add u b; g = Flatten a;"
     "y = Concat r g axis=1; output y"},
    {"the gate of a hard swish behind a reshape turned back",
     "activation flatten mul flatten concat",
     "0.5 0.66666669 0.83333331 1 0 0.66666669 1.6666667 3",
     "x = input N 2 1 2; h = HardSigmoid x alpha=0.16666667 beta=0.5; v = Flatten h;"
     "s = int 4 : 0 2 1 2; u = Reshape v s; m = Mul x u; g = Flatten m;"
     "y = Concat v g axis=1; output y"},
};

Test(onnx_patterns, leave_alone_what_others_read)
{
    EXPECT_PATTERNS(shared);
}

static const pattern activations[] = {
    {"hard swish", "scale activation", "0 -0.33333331 -0.33333331 0 0.66666669",
     "x = input N 5; c = float : 3; s = Sub x c;"
     "h = HardSigmoid s alpha=0.16666667 beta=0.5; y = Mul s h; output y"},
    {"hard swish the other way round", "activation", "0 0.66666669 1.6666667 3 4",
     "x = input N 5; h = HardSigmoid x alpha=0.16666667 beta=0.5; y = Mul h x;"
     "output y"},
    {"hard swish of another slope", "activation mul", "0 0.69999999 1.8 3 4",
     "x = input N 5; h = HardSigmoid x; y = Mul x h; output y"},
    {"hard swish of another tensor", "activation scale mul", "0 2 5 9 12",
     "x = input N 5; c = float : 3; s = Mul x c;"
     "h = HardSigmoid x alpha=0.16666667 beta=0.5; y = Mul s h; output y"},
    {"hard swish whose gate is read twice", "activation mul add",
     "0.5 1.3333334 2.5 4 5",
     "x = input N 5; h = HardSigmoid x alpha=0.16666667 beta=0.5; m = Mul x h;"
     "y = Add m h; output y"},
    {"Softmax at the end, left out", "dense", "3 4",
     "x = input N 2; w = float 2 2 : 1 2 3 4; m = MatMul x w; y = Softmax m; output y"},
    {"Softmax between", "softmax dense", "2.4621172 3.4621172",
     "x = input N 2; s = Softmax x; w = float 2 2 : 1 2 3 4; y = MatMul s w; output y"},
    {"Softmax at the end of an image", "softmax",
     "0.11920291 0.11920291 0.88079703 0.88079703",
     "x = input N 2 1 2; y = Softmax x axis=1; output y"},
    {"Softmax of opset 11", "flatten softmax activation",
     "0.032058604 0.087144323 0.23688284 0.64391428",
     "opset 11; x = input N 2 1 2; s = Softmax x; y = Relu s; output y"},
    {"PRelu by channel", "scale activation", "0 -0.5 -4 -6",
     "x = input N 2 1 2; c = float : -1; n = Mul x c; s = float 2 1 1 : 0.5 2;"
     "y = PRelu n s; output y"},
    {"PRelu of one slope", "scale activation", "0 -0.5 -1 -1.5",
     "x = input N 2 1 2; c = float : -1; n = Mul x c; s = float 1 : 0.5;"
     "y = PRelu n s; output y"},
    {"PRelu along the width", "scale flatten activation", "0 -2 -1 -6",
     "x = input N 2 1 2; c = float : -1; n = Mul x c; s = float 1 1 2 : 0.5 2;"
     "y = PRelu n s; output y"},
    {"Clip of opset 7", "activation", "0.5 1 2 2.5",
     "opset 7; x = input N 4; y = Clip x min=0.5 max=2.5; output y"},
    {"Clip of opset 7 from above", "activation", "0 1 2 2.5",
     "opset 7; x = input N 4; y = Clip x max=2.5; output y"},
    {"Clip of opset 11", "activation", "0.5 1 2 2.5",
     "opset 11; x = input N 4; a = float : 0.5; b = float : 2.5; y = Clip x a b;"
     "output y"},
    {"Clip from below", "activation", "1.5 1.5 2 3",
     "x = input N 4; a = float : 1.5; y = Clip x a; output y"},
    {"Clip from above", "activation", "0 1 1.5 1.5",
     "x = input N 4; b = float : 1.5; y = Clip x _ b; output y"},
    {"Clip without bounds", "activation", "0 1 2 3",
     "x = input N 4; y = Clip x; z = Relu y; output z"},
    {"Dropout", "activation", "0 1 2 3",
     "x = input N 4; r = float : 0.5; d m = Dropout x r; y = Relu d; output y"},
    {"Dropout of opset 7", "activation", "0 1 2 3",
     "opset 7; x = input N 4; d = Dropout x ratio=0.5; y = Relu d; output y"},
};

Test(onnx_patterns, become_activations)
{
    EXPECT_PATTERNS(activations);
}

static const pattern means[] = {
    {"mean of rows and columns", "globalavg", "1.5 5.5",
     "x = input N 2 2 2; y = ReduceMean x axes=2,3 keepdims=1; output y"},
    {"mean of rows and columns, flat", "globalavg flatten", "1.5 5.5",
     "x = input N 2 2 2; y = ReduceMean x axes=-1,-2 keepdims=0; output y"},
    {"mean of rows and columns, opset 18", "globalavg flatten", "1.5 5.5",
     "opset 18; x = input N 2 2 2; a = int 2 : 2 3; y = ReduceMean x a keepdims=0;"
     "output y"},
    {"mean with channels last", "globalavg flatten", "2.5 8.5",
     "x = input N 2 2 3; t = Transpose x perm=0,2,3,1;"
     "y = ReduceMean t axes=1,2 keepdims=0; output y"},
    {"mean with channels last, kept", "globalavg", "2.5 8.5",
     "x = input N 2 2 3; t = Transpose x perm=0,2,3,1; y = ReduceMean t axes=1,2;"
     "output y"},
    {"mean of channels of transposed images", "transpose reshape avgpool", "1 4",
     "x = input N 2 1 3; t = Transpose x perm=0,3,2,1; y = ReduceMean t axes=1,;"
     "output y"},
    {"mean of all of a transposed image", "transpose reshape avgpool", "5.5",
     "x = input N 2 2 3; t = Transpose x perm=0,2,3,1; y = ReduceMean t axes=1,2,3;"
     "output y"},
    {"mean of rows and columns of an image turned backwards", NULL, "2.5",
     "x = input N 1 2 3; s = int 1 : -1; e = int 1 : -1000; a = int 1 : 3;"
     "t = Slice x s e a s; y = ReduceMean t axes=2,3; output y"},
    {"mean of channels", "reshape avgpool", "4 5 6 7",
     "x = input N 3 2 2; y = ReduceMean x axes=1,; output y"},
    {"mean of the width", "reshape avgpool", "1 4 7 10",
     "x = input N 2 2 3; y = ReduceMean x axes=3, keepdims=0; output y"},
    {"mean of channels and width", "reshape avgpool reshape avgpool", "4 7",
     "x = input N 2 2 3; y = ReduceMean x axes=1,3 keepdims=1; output y"},
    {"mean of nothing (onnxruntime 1.16.3 takes one all the same)", "activation",
     "0 1 2 3",
     "opset 18; x = input N 4; m = ReduceMean x noop_with_empty_axes=1; y = Relu m;"
     "output y"},
};

Test(onnx_patterns, become_means)
{
    EXPECT_PATTERNS(means);
}

static const pattern moves[] = {
    {"a padded shortcut", "slice pad", "0 0 0 0 0 2 8 10 16 18 24 26 0 0 0 0",
     "x = input N 2 4 4; a = int 2 : 0 0; e = int 2 : 2147483647; b = int 2 : 2 3;"
     "t = int 2 : 2 2; s = Slice x a e b t; d = Shape x; i = int : 1; c = Gather d i;"
     "h = int : 2; q = Div c h; u0 = int 1 : 0; q1 = Unsqueeze q u0; z4 = int 4 : 0;"
     "p = Concat z4 q1 q1 axis=0; n = int 1 : 2; z = ConstantOfShape n;"
     "zi = Cast z to=7; pz = Concat p zi axis=0; r = int 2 : -1 2; pr = Reshape pz r;"
     "o = int 1 : -1; l = int 1 : -9223372036854775807; ps = Slice pr o l u0 o;"
     "pt = Transpose ps perm=1,0; pf = Reshape pt o; pc = Cast pf to=7;"
     "y = Pad s pc; output y"},
    {"channel shuffle", "reshape transpose reshape", "0 1 4 5 2 3 6 7",
     "x = input N 4 1 2; a = int 5 : -1 2 2 1 2; b = int 4 : -1 4 1 2;"
     "r = Reshape x a; t = Transpose r perm=0,2,1,3,4; y = Reshape t b; output y"},
    {"transposes that cancel", "activation", "0 1 2 3 4 5 6 7 8 9 10 11",
     "x = input N 2 2 3; t = Transpose x perm=0,2,3,1; u = Transpose t perm=0,3,1,2;"
     "y = Relu u; output y"},
    {"transposes that join", "transpose", "0 3 6 9 1 4 7 10 2 5 8 11",
     "x = input N 2 2 3; t = Transpose x perm=0,2,3,1; y = Transpose t perm=0,2,3,1;"
     "output y"},
    {"BGR from RGB", "slice slice slice concat", "4 5 2 3 0 1",
     "x = input N 3 1 2; i = int 3 : 2 1 0; y = Gather x i axis=1; output y"},
    {"one channel gathered", "slice", "4 5",
     "x = input N 3 1 2; i = int : -1; y = Gather x i axis=1; output y"},
    {"columns gathered again", "transpose slice slice slice concat transpose",
     "2 0 2 0 5 3 5 3",
     "x = input N 1 2 3; i = int 2 2 : 2 0 2 0; y = Gather x i axis=3; output y"},
    {"Pad by reflection", NULL,
     "4 3 4 5 4 3 1 0 1 2 1 0 4 3 4 5 4 3 7 6 7 8 7 6 4 3 4 5 4 3",
     "x = input N 1 3 3; p = int 8 : 0 0 1 1 0 0 1 2; y = Pad x p mode=reflect;"
     "output y"},
    {"Pad by the edge", NULL, "0 0 1 1 1 0 0 1 1 1 2 2 3 3 3 2 2 3 3 3",
     "x = input N 1 2 2; p = int 8 : 0 0 1 1 0 0 1 2; y = Pad x p mode=edge; output y"},
    {"Pad by wrapping", "transpose slice slice concat transpose",
     "2 0 1 2 0 1 5 3 4 5 3 4",
     "opset 19; x = input N 1 2 3; p = int 8 : 0 0 0 1 0 0 0 2; y = Pad x p mode=wrap;"
     "output y"},
    {"Pad and crop", "slice pad", "9 3 4 9 6 7",
     "x = input N 1 3 3; p = int 8 : 0 0 -1 1 0 0 0 -1; v = float : 9; y = Pad x p v;"
     "output y"},
    {"Pad of opset 7", "pad", "1.5 1.5 1.5 0 1 1.5",
     "opset 7; x = input N 1 1 2; y = Pad x pads=0,1,0,0,0,0,0,1 value=1.5; output y"},
    {"Pad of named axes", "pad", "0 0 1 0 0 0 0 0 0",
     "opset 18; x = input N 1 1 2; p = int 4 : 1 0 0 2; a = int 2 : -1 1;"
     "y = Pad x p _ a; output y"},
    {"Slice backwards", "transpose slice slice slice concat transpose", "2 1 0 5 4 3",
     "x = input N 1 2 3; s = int 1 : -1; e = int 1 : -9223372036854775807;"
     "a = int 1 : 3; t = int 1 : -1; y = Slice x s e a t; output y"},
    {"Slice backwards in steps", "reshape slice reshape slice concat", "4 2",
     "x = input N 1 1 6; s = int 1 : 4; e = int 1 : 0; a = int 1 : -1; t = int 1 : -2;"
     "y = Slice x s e a t; output y"},
    {"Slice of opset 9", "slice", "4 5 7 8 13 14 16 17",
     "opset 9; x = input N 2 3 3; y = Slice x starts=1,-2 ends=3,2147483647 axes=2,3;"
     "output y"},
    {"Slice with the whole batch", "slice", "3 4",
     "x = input N 2 3; s = int 3 : 0 1 0; e = int 3 : 9223372036854775807 2 2;"
     "y = Slice x s e; output y"},
    {"Split in unequal parts", "slice slice concat", "1 2 3 0",
     "x = input N 4; s = int 2 : 1 3; a b = Split x s axis=1;"
     "y = Concat b a axis=1; output y"},
    {"Split of opset 11", "slice slice concat", "1 2 3 0",
     "opset 11; x = input N 4; a b = Split x split=1,3 axis=1;"
     "y = Concat b a axis=1; output y"},
    {"Split in parts of which the last is smaller", "slice slice concat", "3 4 0 1 2",
     "opset 18; x = input N 5; a b = Split x num_outputs=2 axis=-1;"
     "y = Concat b a axis=1; output y"},
    {"Split of which a part is left", "slice", "2 3",
     "x = input N 4; a b = Split x axis=1; y = Identity b; output y"},
    {"Concat with a constant", "pad scale", "0 1 7 8",
     "x = input N 2; c = float 1 2 : 7 8; y = Concat x c axis=1; output y"},
    {"Concat of constants around", "pad pad activation pad concat scale",
     "7 0 1 8 9 0 1 7",
     "x = input 1 2; c = float 1 1 : 7; d = float 1 2 : 8 9; r = Relu x;"
     "y = Concat c x d r c axis=1; output y"},
    {"Concat of rows", "activation concat", "0 1 2 3 0 1 2 3",
     "x = input N 1 2 2; r = Relu x; y = Concat x r axis=2; output y"},
    {"Upsample of opset 7", "upsample", "0 0 0 1 1 1 0 0 0 1 1 1",
     "opset 7; x = input N 1 1 2; y = Upsample x scales=1.0,1.0,2.0,3.0; output y"},
    {"Upsample of opset 9", "upsample", "0 0 0 1 1 1 0 0 0 1 1 1",
     "opset 9; x = input N 1 1 2; s = float 4 : 1 1 2 3; y = Upsample x s; output y"},
    {"Resize of opset 10", "upsample", "0 0 0 1 1 1 0 0 0 1 1 1",
     "opset 10; x = input N 1 1 2; s = float 4 : 1 1 2 3; y = Resize x s; output y"},
    {"Resize by sizes", "upsample", "0 0 0 1 1 1 0 0 0 1 1 1",
     "x = input N 1 1 2; s = int 4 : 1 1 2 6; y = Resize x _ _ s; output y"},
};

Test(onnx_patterns, become_moves)
{
    EXPECT_PATTERNS(moves);
}

static const pattern merged[] = {
    {"Slices along axes", "slice", "5 6 7 13 14 15",
     "x = input N 1 4 4; b = int 1 : 1; e = int 1 : 4; r = int 1 : 2; c = int 1 : 3; "
     "t = int 1 : 2; s = Slice x b e r t; y = Slice s b e c; output y"},
    {"Slices along one axis", "slice", "3 7",
     "x = input N 1 1 8; b = int 1 : 1; e = int 1 : 8; c = int 1 : 3; t = int 1 : 2; "
     "s = Slice x b e c t; y = Slice s b e c t; output y"},
    {"Zeros around an average", "avgpool", "0.888888896 1.33333337",
     "x = input N 1 3 3; p = int 8 : 0 0 1 1 0 0 0 1; q = Pad x p; y = AveragePool q "
     "kernel_shape=3,3 strides=2,2; output y"},
    {"Zeros around an average without padding", "pad avgpool",
     "0.166666672 0.5 2.33333325 3",
     "x = input N 1 3 3; p = int 8 : 0 0 1 1 0 0 0 1; q = Pad x p; y = AveragePool q "
     "kernel_shape=3,3 strides=2,2 pads=1,0,1,0; output y"},
    {"One minus", "scale", "1 0 -1",
     "x = input N 3; c = float : 1; y = Sub c x; output y"},
    {"Neg", "scale", "-0 -1 -2", "x = input N 3; y = Neg x; output y"},
    {"One over", NULL, "1 0.5 0.333333343",
     "x = input N 3; c = float : 1; a = Add x c; y = Reciprocal a; output y"},
    {"Maximum of places", "globalmax flatten", "3 7",
     "x = input N 2 2 2; y = ReduceMax x axes=2,3 keepdims=0; output y"},
    {"Maximum of channels", "reshape maxpool", "4 5 6 7",
     "x = input N 2 2 2; y = ReduceMax x axes=1, keepdims=1; output y"},
    {"LogSoftmax at the end", "dense", "2 3",
     "x = input N 2; w = float 2 2; m = MatMul x w; y = LogSoftmax m; output y"},
    {"Expanded gate", "globalavg mul", "0 1.5 3 4.5 22 27.5 33 38.5",
     "x = input N 2 2 2; g = GlobalAveragePool x; s = Shape x; e = Expand g s; y = "
     "Mul x e; output y"},
    {"Expand of rows", "upsample", "0 1 0 1 2 3 2 3",
     "x = input N 2 1 2; s = int 4 : 1 1 2 1; y = Expand x s; output y"},
    {"Stack", "scale concat", "0 1 2 3 4 5 6 7 -0 -1 -2 -3 -4 -5 -6 -7",
     "x = input N 2 2 2; r = Neg x; a = int 1 : 1; u = Unsqueeze x a; v = Unsqueeze "
     "r a; c = Concat u v axis=1; s = int 4 : 0 -1 2 2; y = Reshape c s; output y"},
    {"Depth of space", NULL, "0 2 8 10 1 3 9 11 4 6 12 14 5 7 13 15",
     "x = input N 1 4 4; s = int 6 : 0 1 2 2 2 2; r = Reshape x s; t = Transpose r "
     "perm=0,1,3,5,2,4; q = int 4 : 0 4 2 2; y = Reshape t q; output y"},
    {"Scaled before it is turned", "scale activation",
     "0 0 0 0.5 0 0.5 1 1.5 1 1.5 2 2.5",
     "x = input N 2 2 3; m = float : 0.5; s = Mul x m; b = float 3 : 1 2 3; a = "
     "Sub s b; t = Transpose a perm=0,3,1,2; y = Relu t; output y"},
    {"Padded before it is turned", "pad activation",
     "0 0 1 0 2 3 0 0 0 0 4 5 0 6 7 0 0 0 0 8 9 0 10 11 0 0 0",
     "x = input N 2 2 3; p = int 8 : 0 0 1 0 0 1 0 0; q = Pad x p; t = Transpose q "
     "perm=0,3,1,2; y = Relu t; output y"},
    {"Bias behind what is turned", "conv transpose flatten", "10 20 10 21 10 22 10 23",
     "x = input N 1 2 2; w = float 2 1 1 1; c = Conv x w; t = Transpose c "
     "perm=0,2,3,1; b = float 2 : 10 20; a = Add t b; y = Flatten a; output y"},
};

Test(onnx_patterns, take_as_few_nodes_as_they_mean)
{
    EXPECT_PATTERNS(merged);
}

/* One row of five columns. */
static const struct {
    const char *coordinates, *nearest, *scale, *logits;
} resizes[] = {
    {"half_pixel", "round_prefer_floor", "1.7", "0 0 1 2 2 3 3 4"},
    {"half_pixel", "round_prefer_ceil", "1.7", "0 0 1 2 2 3 3 4"},
    {"half_pixel", "floor", "1.7", "0 0 0 1 2 2 3 3"},
    {"half_pixel", "ceil", "0.6", "1 2 4"},
    {"asymmetric", "floor", "1.7", "0 0 1 1 2 2 3 4"},
    {"asymmetric", "ceil", "1.7", "0 1 2 2 3 3 4 4"},
    {"asymmetric", "round_prefer_floor", "2.0", "0 0 1 1 2 2 3 3 4 4"},
    {"asymmetric", "round_prefer_ceil", "2.0", "0 1 1 2 2 3 3 4 4 4"},
    {"align_corners", "floor", "1.7", "0 0 1 1 2 2 3 4"},
    {"align_corners", "round_prefer_ceil", "0.6", "0 2 4"},
    {"pytorch_half_pixel", "round_prefer_floor", "0.6", "0 2 4"},
    {"pytorch_half_pixel", "floor", "0.3", "0"},
    {"tf_half_pixel_for_nn", "floor", "1.7", "0 0 1 2 2 3 3 4"},
    {"tf_half_pixel_for_nn", "floor", "0.6", "0 2 4"},
};

Test(onnx_patterns, become_resizes)
{
    for (size_t i = 0; i < sizeof resizes / sizeof resizes[0]; i++) {
        char text[512];
        int is_late = strcmp(resizes[i].coordinates, "half_pixel_symmetric") == 0;
        snprintf(text, sizeof text,
                 "opset %d; x = input N 1 1 5; s = float 4 : 1 1 1 %s; r = float 0;"
                 "y = Resize x r s coordinate_transformation_mode=%s nearest_mode=%s;"
                 "output y",
                 is_late ? 19 : 11, resizes[i].scale, resizes[i].coordinates,
                 resizes[i].nearest);
        ef_net *net = read_text(text);
        expect_logits(text, net, resizes[i].logits);
        ef_net_destroy(net);
    }
}
