#!/bin/sh
# Models with every operation give the same logits in onnxruntime.  It is the npm
# package onnxruntime-node, looked for in NODE_PATH and in node_modules of the build
# folder, where scripts/peer-onnxruntime.sh puts it.
srcdir=${EF_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
builddir=${EF_BUILDDIR:-$(pwd)}
NODE_PATH=${NODE_PATH:+$NODE_PATH:}$builddir/node_modules
export NODE_PATH

skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

command -v node >/dev/null 2>&1 || skip_all "node is not installed (Debian package nodejs)"
reason=$(node -e 'require("onnxruntime-node")' 2>&1) ||
    skip_all "onnxruntime-node cannot be loaded (scripts/peer-onnxruntime.sh $builddir): $(
        printf '%s\n' "$reason" | grep -m 1 Error)"

scratch=$(mktemp -d "$builddir/tests/scratch-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
"$builddir/tests/write_models" "$scratch" "$srcdir"/data/topologies/*.yaml || {
    echo "Bail out! write_models failed"
    exit 1
}
node "$srcdir/tests/onnx_runtime.js" "$scratch"
