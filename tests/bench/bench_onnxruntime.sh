#!/bin/sh
# The peer of bench_forward and bench_import: onnxruntime on the same networks, in its
# better batch size.  It is looked for in NODE_PATH and in node_modules of the build
# folder; the models of bench_import in EF_TEST_MODELS.
srcdir=$(cd "$(dirname "$0")" && pwd)
NODE_PATH=${NODE_PATH:+$NODE_PATH:}$(pwd)/node_modules
export NODE_PATH
if ! node -e 'require("onnxruntime-node")' 2>/dev/null; then
    echo "# inference: no peer, since node has no onnxruntime-node (scripts/peer-onnxruntime.sh .)"
    exit 0
fi
model=$(mktemp "${TMPDIR:-/tmp}/evoflip-bench.XXXXXX") || exit 1
trap 'rm -f "$model"' EXIT
tests/bench/bench_forward "$model" || exit 1
node "$srcdir/bench_onnxruntime.js" "$model" "$(nproc)" \
    "${EF_TEST_MODELS-}"/models/resnet20-cifar10.onnx \
    "${EF_TEST_MODELS-}"/models/resnet20-cifar10-bn.onnx
