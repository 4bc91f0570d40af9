#!/bin/sh
# Networks that PyTorch exports give the outputs that they have there.
. "${EF_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}/tests/peers.sh"
need_python torch.onnx python3-torch
make_scratch
"$python" "$srcdir/tests/onnx_torch.py" "$builddir/tests/run_model" "$scratch"
