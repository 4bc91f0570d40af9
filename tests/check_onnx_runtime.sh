#!/bin/sh
# Models with every operation give the same logits in onnxruntime.
. "${EF_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}/tests/peers.sh"
need_onnxruntime
make_scratch
write_models
node "$srcdir/tests/onnx_runtime.js" "$scratch"
