#!/bin/sh
# check_faults_torch.sh: flips of weights give the classes that PyTorch gives with the
# same bits flipped; see faults_torch.py.
. "${EF_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}/tests/peers.sh"
model=${EF_TEST_MODELS-}/models/resnet20-cifar10-bn.onnx
images=${EF_TEST_MODELS-}/data/cifar10-test-1000.bin
for file in "$model" "$images"; do
    [ -r "$file" ] || skip_all "$file is not there (configure --with-test-models)"
done
need_python torch.nn.functional python3-torch
need_python onnx.numpy_helper python3-onnx
make_scratch
"$python" "$srcdir/tests/faults_torch.py" "$model" "$images" "$builddir/tests/run_faults" \
    "$scratch"
