#!/bin/sh
# check_onnx_torch.sh: what PyTorch exports of many small networks, in one way each,
# gives its numbers; check_onnx_exports.sh takes all ways.
EF_EXPORTS=/opset13
export EF_EXPORTS
. "${EF_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}/tests/check_onnx_exports.sh"
