#!/bin/sh
# ResNet-20 classifies images in onnxruntime as test_resnet20.c holds it against us.
. "${EF_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}/tests/peers.sh"
models=${EF_TEST_MODELS-}/models
images=${EF_TEST_MODELS-}/data/cifar10-test-1000.bin
for file in "$models/resnet20-cifar10.onnx" "$models/resnet20-cifar10-bn.onnx" "$images"; do
    [ -r "$file" ] || skip_all "${file##*/} is not there (configure --with-test-models)"
done
need_onnxruntime
make_scratch
node "$srcdir/tests/onnx_classes.js" "$models" "$images" \
    "$srcdir/tests/known/resnet20.inc" "$builddir/tests/run_model" "$scratch"
