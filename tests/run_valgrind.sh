#!/bin/sh
# usage: run_valgrind.sh FOLDER PROGRAM...
# Runs unit test programs under valgrind.  Criterion's children do not hand valgrind's
# exit status on, so every process writes a log, and any log with a line in it fails.
here=$(dirname "$0")
logs=$1
shift
if ! command -v valgrind >/dev/null; then
    echo "check-valgrind needs the Debian package valgrind" >&2
    exit 1
fi
EF_UNDER_VALGRIND=1 # where every instruction costs fifty: a part of the work will do
export EF_UNDER_VALGRIND
rm -rf "$logs"
mkdir -p "$logs" || exit 1
failed=0
for program in "$@"; do
    name=$(basename "$program")
    echo "valgrind $name"
    valgrind --quiet --trace-children=yes --leak-check=full \
        --show-leak-kinds=definite --suppressions="$here/valgrind.supp" \
        --log-file="$logs/$name.vg.%p.log" "./$program" >"$logs/$name.tap" ||
        { echo "valgrind $name: a test failed"; failed=1; }
done
for log in "$logs"/*.log; do
    if [ -s "$log" ]; then
        echo "--- $log"
        cat "$log"
        failed=1
    fi
done
exit $failed
