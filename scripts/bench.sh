#!/bin/sh
# Runs benchmark programs and prints one table: our figures beside those of peers.
#
#   scripts/bench.sh [--rounds N] PROGRAM...
#
#   --rounds N     how often each program runs, in turn; the table shows medians [3]
#   --help         this text
#
# A program is an executable or a script ending in .sh or .py.  It writes lines of
# four fields, separated by tabs, to stdout:
#
#   FIGURE  WHO  UNIT  VALUE
#
# WHO is `ours`, a peer's name, or one of the bounds `least`, `most`, `goal`.  Values
# in s or ms are times, and smaller is better; in all other units more is better.
# The ratio is how many times better ours is than the peer.  A bound in the unit `x`
# is one of the ratio, in another unit one of our value.  A value of a peer that was
# not timed now has a name in parentheses.  Lines that begin with `#` become notes.
set -eu

rounds=3
while [ $# -gt 0 ]; do
    case $1 in
    --rounds)
        rounds=${2-}
        case $rounds in
        '' | *[!0-9]* | 0*)
            echo "scripts/bench.sh: --rounds takes a number of at least 1" >&2
            exit 2
            ;;
        esac
        shift 2
        ;;
    --help)
        sed -n '2,20s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    -*)
        echo "scripts/bench.sh: unknown option '$1'; see scripts/bench.sh --help" >&2
        exit 2
        ;;
    *) break ;;
    esac
done

records=$(mktemp "${TMPDIR:-/tmp}/evoflip-bench.XXXXXX")
trap 'rm -f "$records"' EXIT
trap 'exit 1' HUP INT TERM

run() { # PROGRAM
    case $1 in
    *.sh) ${SHELL:-/bin/sh} "$1" ;;
    *.py) python3 "$1" ;;
    */*) "$1" ;;
    *) "./$1" ;;
    esac
}

# Round after round, so that ours and the peer's share good and bad minutes.
failed=0
round=1
while [ "$round" -le "$rounds" ]; do
    for program in "$@"; do
        echo "round $round of $rounds: $program" >&2
        run "$program" >>"$records" </dev/null || {
            echo "scripts/bench.sh: $program failed" >&2
            failed=1
        }
    done
    round=$((round + 1))
done

sed -n 's/^# *//p' "$records" | awk '!seen[$0]++'
awk -F '\t' '
    function median(list,    n, v, i, j, t) {
        n = split(list, v, " ")
        for (i = 2; i <= n; i++) {
            t = v[i] + 0
            for (j = i - 1; j >= 1 && v[j] + 0 > t; j--) { v[j + 1] = v[j] }
            v[j + 1] = t
        }
        return n % 2 ? v[(n + 1) / 2] + 0 : (v[n / 2] + v[n / 2 + 1]) / 2
    }
    function count(list,    v) { return split(list, v, " ") }
    function show(value, unit) {
        return sprintf(unit == "" ? "%.5g" : "%.4g %s", value, unit)
    }
    function bound(figure, what,    unit) {
        if (!((figure, what) in limit)) { return "-" }
        unit = limit_unit[figure, what]
        return unit == "x" ? sprintf("%gx", limit[figure, what]) \
                           : show(limit[figure, what], unit)
    }
    function row(figure, ours, peer, ratio) {
        printf "%-44s %13s  %-32s %8s %9s %9s %9s %5d\n", figure, ours, peer, ratio,
            bound(figure, "least"), bound(figure, "most"), bound(figure, "goal"),
            count(values[figure, "ours"])
    }
    /^#/ || NF != 4 { next }
    $2 == "least" || $2 == "most" || $2 == "goal" {
        limit[$1, $2] = $4
        limit_unit[$1, $2] = $3
        next
    }
    !($1 in figures) { figures[$1] = 1; order[++n_figures] = $1 }
    !(($1, $2) in values) && $2 != "ours" {
        before = peers[$1]
        peers[$1] = before == "" ? $2 : before "\t" $2
    }
    {
        values[$1, $2] = values[$1, $2] " " $4
        if ($2 == "ours") { unit_of[$1] = $3 }
    }
    END {
        printf "%-44s %13s  %-32s %8s %9s %9s %9s %5s\n", "figure", "ours", "peer",
            "ratio", "at least", "at most", "goal", "runs"
        for (i = 1; i <= n_figures; i++) {
            f = order[i]
            if (!((f, "ours") in values)) {
                row(f, "-", peers[f], "-")
                continue
            }
            ours = median(values[f, "ours"])
            unit = unit_of[f]
            if (peers[f] == "") {
                row(f, show(ours, unit), "-", "-")
                continue
            }
            n = split(peers[f], peer, "\t")
            for (k = 1; k <= n; k++) {
                theirs = median(values[f, peer[k]])
                smaller = unit == "s" || unit == "ms"
                ratio = smaller ? theirs / ours : ours / theirs
                row(f, show(ours, unit), peer[k] " " show(theirs, unit),
                    sprintf("%.2fx", ratio))
            }
        }
    }' "$records"
exit $failed
