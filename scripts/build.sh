# Read by scripts/demo and scripts/check, which set $top and $log: prepares configure
# and a build folder.
# shellcheck shell=sh disable=SC2154,SC2034

# configure_in FOLDER OPTION...: a configured build of the sources $top in FOLDER.
configure_in() {
    folder=$1
    shift
    if [ ! -x "$top/configure" ]; then
        (cd "$top" && autoreconf -i) >"$log" 2>&1 || fail "autoreconf failed"
    fi
    mkdir -p "$folder"
    # Later changes of configure.ac are seen by make.
    if [ ! -e "$folder/config.status" ] ||
        [ "$(cat "$folder/configured-with" 2>/dev/null)" != "$*" ]; then
        (cd "$folder" && "$top/configure" "$@") >"$log" 2>&1 || fail "configure failed"
        echo "$*" >"$folder/configured-with"
    fi
}

# fail SENTENCE: ends with what the log says last.
fail() {
    tail -n 15 "$log" >&2
    echo "$0: $1; the whole output is in $log" >&2
    exit 1
}

jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
