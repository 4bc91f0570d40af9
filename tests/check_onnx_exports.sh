#!/bin/sh
# check_onnx_exports.sh: what PyTorch exports of many small networks gives its numbers;
# see onnx_exports.py.  EF_EXPORTS selects some of them.
. "${EF_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}/tests/peers.sh"
need_python torch.onnx python3-torch
make_scratch
failed=0
if lines=$("$python" "$srcdir/tests/onnx_exports.py" "$builddir/tests/run_model" \
    "$scratch" ${EF_EXPORTS:+"$EF_EXPORTS"} 2>&1); then
    echo "ok 1 - PyTorch's exports: $(printf '%s\n' "$lines" | tail -n 1)"
else
    failed=1
    echo "not ok 1 - PyTorch's exports"
    printf '%s\n' "$lines" | sed 's/^/# /'
fi
echo "1..1"
exit "$failed"
