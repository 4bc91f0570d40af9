#!/bin/sh
# Bit error rates as a user strikes them: tables, lists, a picture, a run that goes on,
# and one line for each call that cannot be.  TAP.
. "${EF_SRCDIR:-$(dirname "$0")/..}/tests/tap.sh"
inject() {
    "$evoflip" inject "$@"
}

"$evoflip" train "$srcdir/data/topologies/cnn-digits.yaml" --epochs 2 --quiet -o cnn.onnx >train.out

# column FILE NAME: its values, without the notes
column() {
    awk -F, -v name="$2" '/^#/ { next }
        !at { for (i = 1; i <= NF; i++) { if ($i == name) { at = i } } next }
        { print $at }' "$1"
}

# --- results ---

for threads in 1 2 7; do
    inject cnn.onnx --quiet --images 60 --count 30 --threads $threads \
        --fault ber:0.1:0:1e-3 --by-node --csv $threads.csv \
        --outcomes $threads.outcomes --save-faults $threads.faults >$threads.txt 2>>err.all
    report $? "a sweep on $threads threads"
done
for kind in csv outcomes faults txt; do
    report "$(cmp 1.$kind 2.$kind && cmp 1.$kind 7.$kind; echo $?)" \
        "1, 2 and 7 threads write the same $kind"
done
report "$([ ! -s err.all ]; echo $?)" "and nothing on stderr under --quiet" "$(cat err.all)"
report "$([ "$(column 1.csv rate | head -3 | tr '\n' ' ')" = '0 0.001 0.1 ' ]; echo $?)" \
    "rates ascend" "$(cat 1.csv)"
report "$(column 1.csv part | sort | uniq -c | tr -s ' \n' ' ' | grep -q ' 6 network 2*1 node\| 21 node'
    echo $?)" "the network and each node have rows" "$(column 1.csv part | sort | uniq -c)"
report "$(awk -F, '!/^#/ && $4 == 0 && $9 != 0 { exit 1 }' 1.csv; echo $?)" \
    "no class changes at rate 0" "$(cat 1.csv)"

# Patterns nest: faults 3 t + 1 and 3 t + 2 are the same trial at two rates.
inject cnn.onnx --quiet --images 5 --count 4 --fault weights=ber:0.01:0.05,inputs=ber:0.2:0.1 \
    --save-faults nest.faults --outcomes nest.outcomes --csv nest.csv >/dev/null
report $? "two targets together"
report "$(awk -F, '
    $2 == "weights" { key = int($1 / 2) " " $3 " " $4 " " $5; n[$1 % 2]++; seen[$1 % 2, key] = 1 }
    $2 == "inputs" { inputs[$1 % 2]++ }
    END {
        for (k in seen) {
            split(k, at, SUBSEP)
            if (at[1] == 0 && !((1, at[2]) in seen)) { exit 1 }
        }
        exit !(n[0] > 0 && n[1] > 3 * n[0] && inputs[0] > 0 && inputs[1] > 0)
    }' nest.faults; echo $?)" "what is struck at a lower rate is struck at a higher one"
report "$([ "$(column nest.csv rate_inputs | tr '\n' ' ')" = '0.2 0.1 ' ] &&
    [ "$(column nest.csv target | sort -u)" = weights+inputs ]; echo $?)" \
    "each target at its own rate" "$(cat nest.csv)"

# Replayed, the list does what the sweep did.
run inject cnn.onnx --quiet --images 5 --replay nest.faults --outcomes replayed.outcomes
report "$([ "$status" = 0 ] && cmp nest.outcomes replayed.outcomes; echo $?)" \
    "the list of a sweep does the same when it is struck again" "$(cat err)"
inject cnn.onnx --quiet --images 5 --count 4 --fault ber:0.01 --target weights \
    --save-faults alone.faults >/dev/null
grep ,weights, nest.faults | awk -F, -v OFS=, '$1 % 2 == 0 { $1 = $1 / 2; print }' >weights.lines
report "$(grep ,weights, alone.faults | cmp - weights.lines; echo $?)" \
    "together strike what each strikes alone"

# All bits at rate 1, as a list would have them.
inject cnn.onnx --quiet --images 20 --count 1 --fault ber:1 --target biases \
    --save-faults all.faults --outcomes all.outcomes >/dev/null
report "$([ "$(grep -c ,biases, all.faults)" = 1856 ]; echo $?)" "at rate 1 every bit is struck"
run inject cnn.onnx --quiet --images 5 --count 3 --fault ber:0.02 --target inputs --per-image \
    --save-faults images.faults
report "$([ "$(tail -n +2 images.faults | cut -d, -f7 | sort -un | tr '\n' ' ')" = '0 1 2 3 4 ' ]
    echo $?)" "--per-image strikes each image in places of its own" "$(head -5 images.faults; cat err)"
run inject cnn.onnx --quiet --images 5 --count 3 --fault ber:0.5 --nodes conv2 --bits 7 \
    --target weights --save-faults some.faults
report "$([ "$(grep , some.faults | tail -n +2 | cut -d, -f3,5 | sort -u)" = conv2.weight,7 ]
    echo $?)" "nodes and bits are chosen" "$(head -3 some.faults; cat err)"
run inject cnn.onnx --quiet --images 20 --count 300 --fault weights=flip:2,activations=stuck1 --csv -
report "$([ "$(column out bits)" = 3 ] && [ "$(column out trials)" = 300 ]; echo $?)" \
    "one fault in each of two targets" "$(cat out err)"
run inject cnn.onnx --quiet --images 20 --fault ber:1e-3:1e-2 --plan
report "$(grep -q '^weights  *48256  *482.6  *2  *100' out; echo $?)" "the plan counts bits" \
    "$(cat out err)"
for format in int4 fixed8+gray; do
    expect 0 '' "rates in $format" inject cnn.onnx --quiet --images 20 --count 5 \
        --fault ber:1e-2 --format $format
done

# --- a picture ---

mkdir pictures
if command -v gnuplot >/dev/null; then
    expect 0 '' "a picture" inject cnn.onnx --quiet --images 20 --count 5 \
        --fault ber:0:1e-3:1e-2 --svg pictures/sweep.svg
    report "$(grep -q '<svg' pictures/sweep.svg && [ -s pictures/sweep.dat ]; echo $?)" \
        "it keeps its data beside it"
    cp pictures/sweep.svg first.svg
    (cd pictures && rm sweep.svg && gnuplot sweep.gp)
    report "$(cmp first.svg pictures/sweep.svg; echo $?)" "its script draws it again"
    expect 2 'sweep.svg: exists already' "a picture that exists" inject cnn.onnx \
        --fault ber:1e-3 --svg pictures/sweep.svg
    rm pictures/sweep.svg
    expect 2 'sweep.gp: exists already' "a script that exists" inject cnn.onnx \
        --fault ber:1e-3 --svg pictures/sweep.svg
else
    skip "a picture" "gnuplot is missing"
fi
mkdir path
ln -s "$(command -v sh)" path/sh
status=0
PATH=$PWD/path inject cnn.onnx --quiet --images 5 --count 2 --fault ber:1e-3 --svg no.svg \
    >out 2>err || status=$?
report "$([ "$status" = 0 ] && grep -q 'gnuplot is missing' err && grep -q '^weights' out &&
    [ -s no.gp ]; echo $?)" "without gnuplot the tables are there, and the script" "$(cat err)"

# --- a run that goes on ---

sweep='cnn.onnx --quiet --images 40 --count 4000 --fault ber:1e-3:1e-2'
# shellcheck disable=SC2086
inject $sweep --csv whole.csv >/dev/null
# shellcheck disable=SC2086
"$evoflip" inject $sweep --run sweep.evo >out 2>err &
job=$!
tries=0
while [ ! -s sweep.evo ] && [ $tries -lt 600 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
kill -TERM $job
status=0
wait $job || status=$?
if [ "$status" = 75 ]; then
    report "$(grep -q -- '--resume goes on' err; echo $?)" "a sweep that is stopped says how to go on" \
        "$(cat err)"
    cp sweep.evo other.evo
    # shellcheck disable=SC2086
    expect 0 '' "it goes on" inject $sweep --run sweep.evo --resume --csv resumed.csv
    report "$(cmp whole.csv resumed.csv; echo $?)" "to the same end"
    expect 3 'made with another configuration' "other rates do not go on" inject cnn.onnx \
        --quiet --images 40 --count 4000 --fault ber:1e-3 --run other.evo --resume
else
    skip "a sweep that is stopped" "it ended before (status $status)"
fi

# --- what is refused ---

expect 2 'bit error rate: expected a number from 0 to 1' "a rate above 1" \
    inject cnn.onnx --fault ber:1.5
expect 2 'bit error rate: expected a number from 0 to 1' "a rate below 0" \
    inject cnn.onnx --fault ber:1e-3:-1e-3
expect 2 'bit error rate: expected' "a rate that is no number" inject cnn.onnx --fault ber:nan
expect 2 'stands there twice' "a rate that is there twice" inject cnn.onnx --fault ber:0.1:1e-1
expect 2 'weights has 2 rates, another target 3' "sweeps of unlike lengths" inject cnn.onnx \
    --fault weights=ber:0.1:0.2,inputs=ber:0.1:0.2:0.3
expect 2 'expected TARGET=FAULT' "a fault without its target" inject cnn.onnx \
    --fault weights=flip,stuck0
expect 2 '--target and --fault TARGET=FAULT' "targets twice" inject cnn.onnx \
    --target weights --fault weights=ber:0.1
expect 2 'trials have no end' "every trial" inject cnn.onnx --fault ber:0.1 --exhaustive
expect 2 '--count fixes the number of trials' "a precision" inject cnn.onnx --fault ber:0.1 \
    --precision 10%
expect 2 '--by-node is for bit error rates' "nodes of single flips" inject cnn.onnx --by-node
expect 2 'has no node in common' "nodes of two targets" inject cnn.onnx --by-node \
    --fault weights=ber:0.1,inputs=ber:0.1
expect 2 'needs a bit error rate' "a picture of single flips" inject cnn.onnx --svg flips.svg
expect 2 'ends in .svg' "a picture of another kind" inject cnn.onnx --fault ber:0.1 --svg sweep.png
expect 2 'share their weights' "weights per image" inject cnn.onnx --fault ber:0.1 \
    --target weights --per-image
expect 2 'needs a bit error rate above 0' "a picture of rate 0" inject cnn.onnx --quiet \
    --images 5 --count 2 --fault ber:0 --svg zero.svg
expect 2 'accumulators are not stored' "rates in accumulators" inject cnn.onnx --quiet \
    --images 5 --fault ber:0.1 --target accumulators
expect 2 'nothing of weights is chosen' "a target without such a node" inject cnn.onnx --quiet \
    --images 5 --fault weights=ber:0.1,activations=ber:0.1 --nodes 'pool*'
expect 2 'at most 1M trials' "too many trials" inject cnn.onnx --fault ber:0.1 --count 2M
finish
