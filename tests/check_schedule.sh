#!/bin/sh
# evoflip score --schedule as a user calls it: the table, its sums, the picture, and one
# line for each call that cannot be.  TAP.
. "${EF_SRCDIR:-$(dirname "$0")/..}/tests/tap.sh"
hardware=$srcdir/data/hardware
nets=$srcdir/data/topologies
score() {
    "$evoflip" score "$@"
}

# column FILE NAME: its values, without the notes
column() {
    awk -F, -v name="$2" '/^#/ { next }
        !at { for (i = 1; i <= NF; i++) { if ($i == name) { at = i } } next }
        { print $at }' "$1"
}
# note FILE KEY
note() {
    sed -n "s/^# $2: //p" "$1"
}

# --- the table ---

for net in dilatedvgg resnet20 mobilenetv2-5m nasnet-a-5m; do
    for chip in eyeriss-like edge-systolic tpu-like mcu-simd; do
        score --schedule --hardware "$hardware/$chip.yaml" --csv $net.$chip.csv "$nets/$net.yaml" \
            >/dev/null 2>err
        report $? "$net on $chip" "$(cat err)"
        score --objectives latency,macs --hardware "$hardware/$chip.yaml" --csv - \
            "$nets/$net.yaml" >values 2>&1
        report "$([ "$(column values latency)" = "$(note $net.$chip.csv latency)" ]; echo $?)" \
            "latency is the end of the schedule" "$(cat values)"
        report "$(column $net.$chip.csv time | awk -v all="$(note $net.$chip.csv latency)" \
            '{ s += $1 } END { exit !(s > all * (1 - 1e-9) && s < all * (1 + 1e-9)) }'; echo $?)" \
            "the layers' times add up to it"
        report "$(column $net.$chip.csv macs | awk -v all="$(column values macs)" \
            '{ s += $1 } END { exit s != all }'; echo $?)" "and so do the MACs"
        report "$(awk -v l="$(note $net.$chip.csv latency)" -v r="$(note $net.$chip.csv roofline)" \
            'BEGIN { exit !(r > 0 && l >= r) }'; echo $?)" "it is above the roofline"
    done
done

# Where channels lie on both axes, depthwise layers use less of the array than any dense
# one of equal bounds; the best of them less than the mean of the others.
report "$(awk -F, '/^#/ || $1 == "node" { next }
    $2 == "depthwise" { d = d > $7 ? d : $7; n++ }
    $2 == "conv" { c += $3; t += $3 / $7 }
    END { exit !(n == 17 && d < c / t / 4) }' mobilenetv2-5m.edge-systolic.csv; echo $?)" \
    "depthwise layers look less efficient than others" "$(cat mobilenetv2-5m.edge-systolic.csv)"

run score --schedule --hardware "$hardware/eyeriss-like.yaml" "$nets/lenet5.yaml"
report "$([ "$status" = 0 ] && grep -q '^latency .* s, roofline .* s; .* % of the array' out &&
    grep -q '^weights hold .* % of the bit-seconds on chip' out; echo $?)" \
    "latency stands beside the roofline" "$(cat out err)"
run score --schedule --json --hardware "$hardware/eyeriss-like.yaml" "$nets/lenet5.yaml"
report "$([ "$status" = 0 ] && grep -q '"roofline"' out; echo $?)" "JSON" "$(cat out err)"

# --- a picture ---

if command -v gnuplot >/dev/null; then
    expect 0 '' "a picture" score --schedule --hardware "$hardware/eyeriss-like.yaml" \
        --svg gantt.svg "$nets/lenet5.yaml"
    report "$(grep -q '<svg' gantt.svg && [ -s gantt.dat ]; echo $?)" "it keeps its data beside it"
    cp gantt.svg first.svg
    rm gantt.svg
    gnuplot gantt.gp
    report "$(cmp first.svg gantt.svg; echo $?)" "its script draws it again"
    expect 2 'gantt.svg: exists already' "a picture that exists" score --schedule \
        --hardware "$hardware/eyeriss-like.yaml" --svg gantt.svg "$nets/lenet5.yaml"
else
    skip "a picture" "gnuplot is missing"
fi

# --- calls that cannot be ---

expect 2 '--schedule needs an accelerator, which --hardware FILE gives' "no accelerator" \
    score --schedule "$nets/lenet5.yaml"
expect 2 '--schedule is of one FILE, found 2 of them' "two topologies" score --schedule \
    --hardware "$hardware/eyeriss-like.yaml" "$nets/lenet5.yaml" "$nets/mlp.yaml"
expect 2 '--svg gantt.png: its name ends in .svg' "another kind of picture" score --schedule \
    --hardware "$hardware/eyeriss-like.yaml" --svg gantt.png "$nets/lenet5.yaml"
expect 2 '--svg is for --schedule only' "a picture of values" score --svg x.svg "$nets/lenet5.yaml"
sed 's/capacity: 108 KiB/capacity: 20 B/' "$hardware/eyeriss-like.yaml" >small.yaml
expect 3 'not even its smallest tiles, two of a kind, fit the buffer of Eyeriss-like (20 B)' \
    "a buffer that is too small" score --schedule --hardware small.yaml "$nets/lenet5.yaml"
finish
