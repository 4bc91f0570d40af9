#!/bin/sh
# The peer of bench_forward: onnxruntime on the same network, in its better batch size.
# It is looked for in NODE_PATH and in node_modules of the build folder.
srcdir=$(cd "$(dirname "$0")" && pwd)
NODE_PATH=${NODE_PATH:+$NODE_PATH:}$(pwd)/node_modules
export NODE_PATH
if ! node -e 'require("onnxruntime-node")' 2>/dev/null; then
    echo "# inference: no peer, since node has no onnxruntime-node (scripts/peer-onnxruntime.sh .)"
    exit 0
fi
model=$(mktemp "${TMPDIR:-/tmp}/evoflip-bench.XXXXXX") || exit 1
trap 'rm -f "$model"' EXIT
tests/bench/bench_forward "$model" && node "$srcdir/bench_onnxruntime.js" "$model" "$(nproc)"
