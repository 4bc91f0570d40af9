# Read by the tests that hold evoflip against other programs; they skip without these.
# shellcheck shell=sh
srcdir=${EF_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
builddir=${EF_BUILDDIR:-$(pwd)}

skip_all() { # REASON
    echo "1..0 # SKIP $1"
    exit 0
}

# onnxruntime is the npm package onnxruntime-node, looked for in NODE_PATH and in
# node_modules of the build folder, where scripts/peer-onnxruntime.sh puts it.
need_onnxruntime() {
    NODE_PATH=${NODE_PATH:+$NODE_PATH:}$builddir/node_modules
    export NODE_PATH
    command -v node >/dev/null 2>&1 ||
        skip_all "node is not installed (Debian package nodejs)"
    reason=$(node -e 'require("onnxruntime-node")' 2>&1) ||
        skip_all "onnxruntime-node cannot be loaded (scripts/peer-onnxruntime.sh $builddir): $(
            printf '%s\n' "$reason" | grep -m 1 Error)"
}

# need_python MODULE PACKAGE: $python is one that has the module; Debian's packages are
# seen by /usr/bin/python3 only.
need_python() {
    python=
    for candidate in python3 /usr/bin/python3; do
        if [ -z "$python" ] && "$candidate" -c "import $1" 2>/dev/null; then
            python=$candidate
        fi
    done
    [ -n "$python" ] ||
        skip_all "no python3 here has the module $1 (Debian package $2)"
    PYTHONDONTWRITEBYTECODE=1 # the sources may be read-only
    export PYTHONDONTWRITEBYTECODE
}

make_scratch() {
    scratch=$(mktemp -d "$builddir/tests/scratch-XXXXXX") || exit 99
    trap 'rm -rf "$scratch"' EXIT
}

# Models with every operation, as write_models has them.
write_models() {
    "$builddir/tests/write_models" "$scratch" "$srcdir"/data/topologies/*.yaml || {
        echo "Bail out! write_models failed"
        exit 1
    }
}
