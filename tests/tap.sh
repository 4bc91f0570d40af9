# Read by shell tests: TAP lines, and a scratch folder of their own.
# shellcheck shell=sh disable=SC2034

n=0

# report OK SENTENCE [DETAILS]: one line of TAP; OK is a status, 0 for passed.
report() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        [ -z "${3-}" ] || printf '%s\n' "$3" | sed 's/^/# /'
    fi
}

# skip SENTENCE REASON
skip() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

# finish: the plan.  The lines of TAP say what failed; a status would count it twice.
finish() {
    echo "1..$n"
    exit 0
}

srcdir=${EF_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
builddir=${EF_BUILDDIR:-$(pwd)}
evoflip=${EVOFLIP:-$builddir/evoflip}

mkdir -p "$builddir/tests"
scratch=$(mktemp -d "$builddir/tests/scratch-XXXXXX") || exit 99
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch" || exit 99

# run COMMAND...: runs it; its status is in $status, its output in files out and err.
run() {
    status=0
    "$@" >out 2>err </dev/null || status=$?
}

# expect STATUS TEXT SENTENCE COMMAND...: it ends with this status; one line stands on
# stderr and holds TEXT, or none where TEXT is empty.
expect() {
    wanted=$1
    text=$2
    sentence=$3
    shift 3
    run "$@"
    lines=$(wc -l <err)
    good=0
    [ "$status" = "$wanted" ] || good=1
    if [ -z "$text" ]; then
        [ "$lines" = 0 ] || good=1
    else
        [ "$lines" = 1 ] && grep -qF -- "$text" err || good=1
    fi
    report "$good" "$sentence" "$(echo "\$ $*"
        echo "status $status, expected $wanted; expected on stderr: $text"
        cat err)"
}
