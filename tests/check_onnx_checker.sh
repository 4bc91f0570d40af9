#!/bin/sh
# Models with every operation pass the checker of the ONNX project.
. "${EF_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}/tests/peers.sh"
need_python onnx.checker python3-onnx
make_scratch
write_models
"$python" "$srcdir/tests/onnx_checker.py" "$scratch"
