#!/bin/sh
# check_onnx_cases.sh [--list [NAME...]]: the ONNX project's own cases pass; see
# onnx_cases.py.  With --list a line for each case (only those with NAME in theirs)
# instead of a test's TAP.
. "${EF_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}/tests/peers.sh"
if [ "${1-}" = --list ]; then
    skip_all() {
        echo "skipped all: $1"
        echo "0 passed, 0 failed, 0 skipped"
        exit 0
    }
fi
data=/usr/share/libonnx-testdata/data
[ -d "$data" ] || skip_all "the Debian package libonnx-testdata is missing"
need_python onnx.checker python3-onnx
make_scratch

cases() {
    "$python" "$srcdir/tests/onnx_cases.py" "$builddir/tests/run_model" "$scratch" \
        --data "$data" "$@"
}

if [ "${1-}" = --list ]; then
    cases "$@"
    exit
fi
if lines=$(cases 2>&1); then
    echo "ok 1 - the ONNX project's cases: $(printf '%s\n' "$lines" | tail -n 1)"
else
    echo "not ok 1 - the ONNX project's cases"
    printf '%s\n' "$lines" | sed 's/^/# /'
fi
echo "1..1"
