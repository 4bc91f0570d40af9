#!/bin/sh
# Is a front that is found on proxies alone better than chance?  Topologies of the whole
# search space are measured by `evoflip validate`; of these, each proxy takes the ones
# that nobody else beats in MACs and in the proxy, without a look at what was measured.
# Their hypervolume in MACs and measured class change rate (CCR), both in logarithms, is
# compared with that of random sets of the same size.
#
#   data/experiments/proxy-front.sh OUT [THREADS]      with evoflip in PATH or in EVOFLIP
#
# TOPOLOGIES (100), SEEDS (3), SEED (2026), COUNT (2000), DATA (digits) and DRAWS (2000
# random sets) may be set in the environment.  Half an hour of two cores, nearly all of it
# the measuring; OUT/run.evo is gone on with where it was stopped, and OUT/validate.csv is
# used where it is there.
#
# The hypervolume is a share of that of all topologies together; the corner is the
# greatest value of each axis.  Columns: hypervolume of the proxy's set; mean and standard
# deviation of the random sets'; how many of these deviations lie between; the share of
# random sets that it beats.
set -eu
[ $# -ge 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
out=$1
threads=${2:-1}
evoflip=${EVOFLIP:-evoflip}
mkdir -p "$out"

if ! [ -e "$out/validate.csv" ]; then
    resume=
    [ -e "$out/run.evo" ] && resume=--resume
    # shellcheck disable=SC2086  # one word or none
    "$evoflip" validate --data "${DATA:-digits}" --topologies "${TOPOLOGIES:-100}" \
        --seeds "${SEEDS:-3}" --seed "${SEED:-2026}" --count "${COUNT:-2000}" \
        --threads "$threads" --run "$out/run.evo" $resume --csv "$out/validate.csv" \
        >"$out/validate.txt"
fi
awk -v draws="${DRAWS:-2000}" -f "$(dirname "$0")/proxy-front.awk" "$out/validate.csv" |
    tee "$out/proxy-front.txt"
