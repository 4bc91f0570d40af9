#!/bin/sh
# The floors of the house: an include points down, or sideways inside one folder; a
# _priv.h stays inside its folder; every header stands alone, as C11, but for a _body.h,
# which is the inside of functions.
top=${EF_SRCDIR:-$(dirname "$0")/..}
build=${EF_BUILDDIR:-.}
cc=${CC:-cc}
cd "$top" || exit 1

# folder and floor
floors="base 0 format 1 evolve 1 net 2 train 3 onnx 3 faultsim 3 objectives 4
store 5 study 6 report 6 cmd 7 main 7"

files=$(find src faultsim objectives -name '*.[ch]' | sort)

# FILE FOLDER-OF-FILE INCLUDED, for every include of the project's own
includes=$(awk '
    /^ *# *include "/ {
        folder = FILENAME
        sub(/^src\//, "", folder)
        sub(/(\/[^\/]*)?\.[ch]$/, "", folder) # src/main.c counts as the folder main
        split($0, part, "\"")
        print FILENAME, folder, part[2]
    }' $files)

failed=0
report() { # NUMBER NAME PROBLEMS
    if [ -z "$3" ]; then
        echo "ok $1 - $2"
    else
        echo "not ok $1 - $2"
        printf '%s\n' "$3" | sed 's/^/# /'
        failed=1
    fi
}

echo 1..3
report 1 "includes point down, or sideways inside one folder" "$(
    printf '%s\n' "$includes" | awk -v floors="$floors" '
        BEGIN {
            n = split(floors, f, /[ \n]+/)
            for (i = 1; i < n; i += 2) { floor[f[i]] = f[i + 1] }
        }
        $3 == "config.h" || $2 == "main" && $3 ~ /^cmd\// { next }
        {
            to = $3
            if (!sub(/\/.*/, "", to)) {
                print $1 " includes " $3 " without its folder"
            } else if (!(to in floor) || !($2 in floor)) {
                print $1 " includes " $3 ", in a folder that has no floor"
            } else if (to != $2 && floor[to] >= floor[$2]) {
                print $1 " (floor " floor[$2] ") includes " $3 " (floor " floor[to] ")"
            }
        }')"

report 2 "private headers stay inside their folder" "$(
    printf '%s\n' "$includes" | awk '
        $3 ~ /_priv\.h$/ && index($3, $2 "/") != 1 { print $1 " includes " $3 }')"

report 3 "every header stands alone as C11" "$(
    for header in $(printf '%s\n' $files | grep '\.h$' | grep -v '_body\.h$'); do
        $cc -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Werror -x c -fsyntax-only \
            -I. -Isrc -I"$build" -I"$build/src" "$header" 2>&1 ||
            echo "$header does not compile by itself"
    done)"
exit $failed
