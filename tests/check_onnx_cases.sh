#!/bin/sh
# check_onnx_cases.sh [--list [NAME...]]: the ONNX project's own cases pass; see
# onnx_cases.py.  With --list a line for each case (only those with NAME in theirs)
# instead of a test's TAP.
srcdir=${EF_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
builddir=${EF_BUILDDIR:-$(pwd)}
data=/usr/share/libonnx-testdata/data

skip_all() {
    if [ "${1-}" = --list ]; then
        echo "skipped all: $2"
        echo "0 passed, 0 failed, 0 skipped"
    else
        echo "1..0 # SKIP $2"
    fi
    exit 0
}

python=
for candidate in python3 /usr/bin/python3; do
    if [ -z "$python" ] && "$candidate" -c 'import onnx.checker, numpy' 2>/dev/null; then
        python=$candidate
    fi
done
[ -n "$python" ] ||
    skip_all "${1-}" "no python3 here has the module onnx (Debian package python3-onnx)"
[ -d "$data" ] || skip_all "${1-}" "the Debian package libonnx-testdata is missing"

scratch=$(mktemp -d "$builddir/tests/scratch-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
PYTHONDONTWRITEBYTECODE=1 # the sources may be read-only
export PYTHONDONTWRITEBYTECODE
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
