#!/bin/sh
# What a safety case takes from evoflip inject: FIT, weights of changed classes, worst
# faults and fragile images, bits to protect; computed again from the other outputs.
# TAP.
. "${EF_SRCDIR:-$(dirname "$0")/..}/tests/tap.sh"
inject() {
    "$evoflip" inject "$@"
}
"$evoflip" train "$srcdir/data/topologies/cnn-digits.yaml" --epochs 2 --quiet -o cnn.onnx \
    >train.out

# Weights: 5 from a two to a one, a quarter from a one to an eight, else 1.
printf 'from,to,weight\n2,1,5\n1,8,0.25\n' >weights.csv
# The same weight for all changes, as a matrix.
awk 'BEGIN { for (k = 0; k < 10; k++) { printf ",%d", k }
             for (i = 0; i < 10; i++) { printf "\n%d", i; for (k = 0; k < 10; k++) { printf ",3" } }
             print "" }' >threes.csv

# --- the same on any number of threads ---

for threads in 1 2 7; do
    mkdir $threads
    inject cnn.onnx --quiet --images 60 --count 1500 --threads $threads --safety \
        --fit-per-mbit 700 --severity weights.csv --protect $threads/protect.csv \
        --outcomes $threads/outcomes.csv --csv $threads/rates.csv >$threads/out 2>>err.all
    report $? "everything at once on $threads threads"
done
for file in out rates.csv outcomes.csv protect.csv protect.dat protect.gp; do
    report "$(cmp 1/$file 2/$file && cmp 1/$file 7/$file; echo $?)" \
        "1, 2 and 7 threads give the same $file"
done
report "$([ ! -s err.all ]; echo $?)" "nothing on stderr under --quiet" "$(cat err.all)"
if command -v gnuplot >/dev/null 2>&1; then
    report "$(grep -q '</svg>' 1/protect.svg; echo $?)" "the picture is drawn"
else
    skip "the picture is drawn" "gnuplot is not installed"
fi

# --- FIT ---

# column FILE NAME: its number
column() {
    awk -F, -v name="$2" '!/^#/ { for (i = 1; i <= NF; i++) { if ($i == name) { print i } } exit }' "$1"
}
fit=$(column 1/rates.csv fit)
bad=$(awk -F, -v fit="$fit" '
    function differ(x, y) { return x - y > 1e-9 * y || y - x > 1e-9 * y }
    /^#/ || $1 == "target" { next }
    { bit = 700 / 1048576 * $5; n++ }
    differ($(fit - 1), bit) || differ($fit, bit * $8) || differ($(fit + 1), bit * $9) ||
        differ($(fit + 2), bit * $10) || $(fit + 3) != 0 || $(fit + 5) != 0
    END { if (n != 25) { print n " rows" } }' 1/rates.csv)
report "$([ "$fit" -gt 0 ] && [ -z "$bad" ]; echo $?)" \
    "FIT is rate per bit times bits times CCR, in every row" "$bad"

# In floats, where logits can be infinite or no numbers.
run inject cnn.onnx --quiet --images 20 --count 600 --format fp32 --target activations \
    --bits 30 --fit-per-mbit 700 --csv -
bad=$(awk -F, -v at="$(column out nonfinite)" -v fit="$(column out fit_nonfinite)" '
    function differ(x, y) { return x - y > 1e-9 * y || y - x > 1e-9 * y }
    /^#/ || $1 == "target" { next }
    { n++; some += $at > 0 }
    { for (k = 0; k < 3; k++) { if (differ($(fit + k), 700 / 1048576 * $5 * $(at + k))) { print } } }
    END { if (n != 6 || !some) { print n " rows, " some + 0 } }' out)
report "$([ "$status" = 0 ] && [ -z "$bad" ]; echo $?)" \
    "so is that of logits that are not finite" "$bad$(cat err)"

# Distances to the bounds add in squares.
report "$(awk '/^FIT of the network/ { on = 1 }
    on && $1 ~ /^(weights|activations)$/ { fit += $4; low += ($4 - $5) ^ 2; high += ($6 - $4) ^ 2 }
    on && $1 == "sum" {
        x = fit / $4; l = (fit - sqrt(low)) / $5; h = (fit + sqrt(high)) / $6
        good = x > 0.999 && x < 1.001 && l > 0.999 && l < 1.001 && h > 0.999 && h < 1.001
    }
    END { exit !good }' 1/out; echo $?)" "FIT of targets add" "$(grep -A5 '^FIT of' 1/out)"

# --- weights ---

# What the table of changes says, summed with the weights, of 1500 faults on 60 images.
weighed=$(awk '/^weights: classes/ { on = 1; next }
    on && $1 ~ /^[0-9]$/ && NF == 13 {
        for (k = 0; k < 10; k++) {
            if ($(k + 2) != "-") {
                w = $1 == 2 && k == 1 ? 5 : $1 == 1 && k == 8 ? 0.25 : 1
                sum += w * $(k + 2)
            }
        }
    }
    on && /^weighted by/ { printf "%.12g", sum / 1500 / 60; exit }' 1/out)
weighted=$(column 1/rates.csv weighted)
found=$(awk -F, -v at="$weighted" '$1 == "weights" && $2 == "network" { printf "%.12g", $at }' 1/rates.csv)
report "$([ -n "$weighed" ] && [ "$weighed" = "$found" ]; echo $?)" \
    "the weighted rate is that of the table of changes" "$weighed $found"

for design in uniform stratified; do
    run inject cnn.onnx --quiet --images 40 --count 1500 --design $design --severity threes.csv --csv -
    bad=$(awk -F, -v at="$(column out weighted)" '
        function differ(x, y) { return x - y > 1e-9 * y || y - x > 1e-9 * y }
        /^#/ || $1 == "target" { next }
        { n++ }
        differ($at, 3 * $8) || differ($(at + 1), 3 * $9) || differ($(at + 2), 3 * $10)
        END { if (n != 25) { print n " rows" } }' out)
    report "$([ "$status" = 0 ] && [ -z "$bad" ]; echo $?)" \
        "where all changes weigh 3 the rate and its interval are three times as large, $design" \
        "$bad$(cat err)"
done
# Of 5 for a two that becomes a one 4 are beside the rate: what 1 for it alone says.
awk 'BEGIN { for (k = 0; k < 10; k++) { printf ",%d", k }
             for (i = 0; i < 10; i++) {
                 printf "\n%d", i
                 for (k = 0; k < 10; k++) { printf ",%d", i == 2 && k == 1 }
             }
             print "" }' >only.csv
printf 'from,to,weight\n2,1,5\n' >fives.csv
weight_of() { # FILE: the weighted rate of weights, and their CCR
    inject cnn.onnx --quiet --images 60 --count 1200 --design stratified --target weights \
        --severity "$1" --csv - >weighed
    awk -F, -v at="$(column weighed weighted)" '$2 == "network" { print $at, $8 }' weighed
}
report "$(echo "$(weight_of fives.csv) $(weight_of only.csv)" | awk '
    { d = $1 - ($2 + 4 * $3); exit !($3 > 0 && d < 1e-12 && d > -1e-12) }'; echo $?)" \
    "weights add, stratified" "$(weight_of fives.csv) $(weight_of only.csv)"
run inject cnn.onnx --quiet --images 40 --count 100 --per-image --target activations \
    --severity threes.csv --csv -
report "$(awk -F, -v at="$(column out weighted)" '
    $2 == "network" { good = $8 > 0 && $at / $8 > 2.999999 && $at / $8 < 3.000001 }
    END { exit !good }' out; echo $?)" "and with a site for each image" "$(cat out err)"

# --- worst faults and fragile images ---

run inject cnn.onnx --quiet --images 60 --target weights --count 1500 --worst 100000 --outcomes o.csv
report "$(awk -F, 'NR > 1 && $5 > 0 { print $5 }' o.csv | sort -rn >a
    awk '/^weights: faults that/ { on = 1; getline; next } on && NF == 0 { exit }
        on { print $4 }' out >b
    [ -s a ] && cmp a b; echo $?)" "the worst faults are those of the outcomes" "$(head out)"
report "$([ "$(awk '{ n += $1 } END { print n }' a)" = "$(awk '
    /^weights: images that/ { on = 1; getline; next } on && NF == 0 { exit }
    on { n += $5 } END { print n }' out)" ]; echo $?)" "and images fail as often in all" "$(cat out)"
run inject cnn.onnx --quiet --images 60 --target weights --count 1500 --worst 2
report "$(awk '/that (fail|most)/ { on = 1; getline; next } NF == 0 { on = 0 } on { n++ }
    END { exit n != 4 }' out; echo $?)" "--worst 2 lists two of each" "$(cat out)"

# --- protection ---

bad=$(awk -F, '/^#/ || $1 == "target" { next }
    $1 != target { target = $1; before = bits = 0 }
    { bits += $5; if ($6 != bits || $8 < before || $9 > $8 || $10 < $8) { print } before = $8 }
    { last[$1] = $6 " " $7 " " $8 }
    END {
        if (last["weights"] != "48256 1 1" || last["activations"] != "15360 1 1") {
            print last["weights"], last["activations"]
        }
    }' 1/protect.csv)
report "$([ -s 1/protect.csv ] && [ -z "$bad" ]; echo $?)" "the curve rises, within its interval, to all bits" "$bad"

run inject cnn.onnx --quiet --images 30 --target inputs --exhaustive --protect all.csv --outcomes all.outcomes
awk -F, 'NR > 1 { print $5 }' all.outcomes | sort -rn >single
bad=$(awk -F, 'NR == FNR { sum[NR] = sum[NR - 1] + $1; n = NR; next }
    /^inputs/ {
        d = $11 - sum[$6] / sum[n]
        if (d > 1e-9 || d < -1e-9 || $8 != $9 || $8 != $10 || $8 > $11 + 1e-9) { print }
        rows++
    }
    END { if (rows != 8) { print rows " rows" } }' single all.csv)
report "$([ "$status" = 0 ] && [ -s all.csv ] && [ -z "$bad" ]; echo $?)" \
    "where every fault was struck the curve is exact, and that of single bits above it" "$bad"

# --- run files, lists ---

inject cnn.onnx --quiet --images 40 --target weights --count 1200 --run run.evo --safety \
    --severity weights.csv --save-faults list.csv >first
inject cnn.onnx --quiet --images 40 --target weights --count 1200 --run run.evo --safety \
    --severity weights.csv --resume >second
report "$(cmp first second; echo $?)" "a campaign that was kept in a run file says the same"
inject cnn.onnx --quiet --images 40 --replay list.csv --severity weights.csv --safety >third
report "$(sed -n 's/^weighted by weights.csv: \([0-9.e-]*\) .*/\1/p' first >a
    sed -n 's/^weighted by weights.csv: \([0-9.e-]*\) .*/\1/p' third >b
    [ -s a ] && cmp a b; echo $?)" "so does its list, struck again" "$(cat third)"

# --- exposure ---

cp "$EF_SRCDIR/data/hardware/mcu-simd.yaml" chip.yaml
chmod u+w chip.yaml
run inject cnn.onnx --quiet --images 40 --count 1500 --hardware chip.yaml \
    --design stratified --fit-per-mbit 700 --csv exposed.csv
# Weights lie in external memory all the time: faults there are those of the network.
bad=$(awk -F, '/^weights,network/ { for (i = 4; i <= NF; i++) whole[i] = $i; n++ }
    /^weights,exposed,off chip/ {
        for (i = 4; i <= NF; i++) if ($i != whole[i]) print i ": " $i ", " whole[i]
        n++
    }
    END { if (n != 2) print n " rows" }' exposed.csv)
report "$([ "$status" = 0 ] && [ -z "$bad" ]; echo $?)" \
    "weights off chip are struck as if there were no schedule" "$bad"
bad=$(awk -F, '$2 == "node" { if (!($1 in low) || $8 < low[$1]) low[$1] = $8
        if ($8 > high[$1]) high[$1] = $8; bits[$1] += $5 }
    $3 == "on chip" { ccr[$1] = $8; held[$1] = $5 }
    END { for (t in ccr) { n++
            if (ccr[t] < low[t] || ccr[t] > high[t] || held[t] <= 0 || held[t] > bits[t])
                print t ": " ccr[t] " of " held[t] }
        if (n != 2) print n " targets" }' exposed.csv)
report "$([ -z "$bad" ]; echo $?)" \
    "the rate on chip lies among those of nodes, its bits among all" "$bad"

# --- what is refused ---

few='--quiet --images 20 --count 20'
chip='--hardware chip.yaml --design stratified'
expect 2 'needs --design stratified' "exposure of a uniform sample" \
    inject cnn.onnx $few --hardware chip.yaml
expect 2 'a schedule knows of' "exposure of accumulators" \
    inject cnn.onnx $few $chip --target accumulators
expect 2 '--hardware is of single faults' "exposure at a bit error rate" \
    inject cnn.onnx $few --hardware chip.yaml --fault ber:1e-4
expect 2 '--hardware and --severity' "exposure with severities" \
    inject cnn.onnx $few $chip --severity weights.csv
expect 4 'none.yaml' "an accelerator that is not there" \
    inject cnn.onnx $few --design stratified --hardware none.yaml
sed 's/clock: [0-9]*/clock: -1/' chip.yaml >wrong.yaml
expect 3 'wrong.yaml:' "an accelerator with a negative clock" \
    inject cnn.onnx $few --design stratified --hardware wrong.yaml
printf 'from,to,weight\n1,2,5\n1,zebra,2\n' >zebra.csv
expect 3 'zebra.csv:3: no class "zebra"' "a class that is not there" \
    inject cnn.onnx $few --severity zebra.csv
expect 4 'none.csv' "weights that are not there" inject cnn.onnx $few --severity none.csv
expect 2 'bits that are stuck' "FIT of stuck bits" \
    inject cnn.onnx $few --fit-per-mbit 700 --fault stuck1
expect 2 'accumulators are not in memory' "FIT of accumulators" \
    inject cnn.onnx $few --fit-per-mbit 700 --target accumulators
expect 2 'a list has no population' "FIT of a list" \
    inject cnn.onnx --replay list.csv --fit-per-mbit 700
expect 2 '--fit-per-mbit' "a rate of 0" inject cnn.onnx $few --fit-per-mbit 0
expect 2 '--fit-per-mbit' "a rate that is none" inject cnn.onnx $few --fit-per-mbit nan
for option in --safety '--fit-per-mbit 700' '--severity weights.csv' '--worst 3' \
    '--protect x.csv'; do
    expect 2 'are of single faults' "$option at a bit error rate" \
        inject cnn.onnx --quiet --images 20 --count 5 --fault ber:1e-4 $option
done
expect 2 '--protect and --per-image' "protection per image" \
    inject cnn.onnx $few --protect x.csv --per-image
expect 2 '--plan and --protect' "a plan with a file" inject cnn.onnx $few --plan --protect x.csv
expect 2 'its name ends in .csv' "protection on standard output" inject cnn.onnx $few --protect -
cp all.csv kept.csv
expect 2 'kept.csv: exists already' "a file that exists" inject cnn.onnx $few --protect kept.csv
: >drawn.svg
: >data.dat
expect 2 'drawn.svg: exists already' "a picture that exists" \
    inject cnn.onnx $few --protect drawn.csv
expect 2 'data.dat: exists already' "its data" inject cnn.onnx $few --protect data.csv
report "$([ ! -e drawn.csv ] && cmp all.csv kept.csv; echo $?)" "which stay as they were"
finish
