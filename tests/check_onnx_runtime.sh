#!/bin/sh
# Models with every operation give the same logits in onnxruntime.
. "${EF_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}/tests/onnxruntime.sh"

scratch=$(mktemp -d "$builddir/tests/scratch-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
"$builddir/tests/write_models" "$scratch" "$srcdir"/data/topologies/*.yaml || {
    echo "Bail out! write_models failed"
    exit 1
}
node "$srcdir/tests/onnx_runtime.js" "$scratch"
