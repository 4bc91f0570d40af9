# Read by the tests that hold evoflip against onnxruntime; they skip where there is none.
# It is the npm package onnxruntime-node, looked for in NODE_PATH and in node_modules of
# the build folder, where scripts/peer-onnxruntime.sh puts it.
# shellcheck shell=sh
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

