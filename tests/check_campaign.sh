#!/bin/sh
# Campaigns as a user runs them: killed and gone on with, struck again from their lists,
# by design and per image; populations and shares that can be counted by hand.  TAP.
. "${EF_SRCDIR:-$(dirname "$0")/..}/tests/tap.sh"
inject() {
    "$evoflip" inject "$@"
}

"$evoflip" train "$srcdir/data/topologies/cnn-digits.yaml" --epochs 2 --quiet -o cnn.onnx \
    >train.out
"$evoflip" train "$srcdir/data/topologies/mlp.yaml" --epochs 1 --quiet -o mlp.onnx >train.out

# --- run files ---

# same NAME WHOLE OTHER: CSV, tables and outcomes are the same bytes
same() {
    report "$(cmp "$2.csv" "$3.csv" && cmp "$2.txt" "$3.txt" && cmp "$2.out" "$3.out"; echo $?)" "$1"
}

# call NAME OPTION...: a campaign into NAME.csv, NAME.txt, NAME.out
call() {
    name=$1
    shift
    inject cnn.onnx --quiet --force --csv "$name.csv" --outcomes "$name.out" "$@" \
        >"$name.txt" 2>"$name.err"
}

n_killed=0
killed_and_resumed() { # NAME OPTION...
    design=$1
    shift
    call whole "$@" --threads 2
    failed=0
    for hundredths in 05 15 35; do
        rm -f part.evo part.csv part.txt part.out
        "$evoflip" inject cnn.onnx --quiet "$@" --run part.evo >killed.txt 2>&1 &
        pid=$!
        sleep 0.$hundredths
        kill -9 $pid 2>/dev/null && n_killed=$((n_killed + 1))
        wait $pid 2>/dev/null
        resume=
        [ ! -e part.evo ] || resume=--resume
        call part "$@" --run part.evo $resume --threads 3 || failed=1
        [ ! -s part.err ] || failed=1
        cmp -s whole.csv part.csv && cmp -s whole.txt part.txt && cmp -s whole.out part.out ||
            failed=1
    done
    report $failed "$design: killed with kill -9 and resumed, it ends in the same bytes" "$(cat part.err)"
    call again "$@" --run part.evo --resume
    same "$design: a run that has ended is printed again" whole again
}

killed_and_resumed uniform --images 60 --count 9000
killed_and_resumed stratified --images 60 --count 6000 --design stratified
killed_and_resumed "per image" --images 40 --count 150 --per-image --target weights,inputs
report "$([ $n_killed -ge 4 ]; echo $?)" "some of them were killed on their way" "$n_killed"

rm -f part.evo
"$evoflip" inject cnn.onnx --images 60 --exhaustive --run part.evo >stopped.txt 2>stopped.err &
pid=$!
sleep 0.4
kill -TERM $pid
wait $pid
report "$([ $? = 75 ]; echo $?)" "SIGTERM ends it with status 75" "$(cat stopped.err)"
command=$(sed -n 's/^evoflip inject: stopped; evoflip \(.*\) goes on$/\1/p' stopped.err)
report "$([ -n "$command" ]; echo $?)" "and the command that resumes" "$(cat stopped.err)"
(eval "'$evoflip' $command --quiet --force --csv part.csv" >part.txt 2>part.err)
report "$([ $? = 0 ] && [ ! -s part.err ]; echo $?)" "which can be run as it stands" "$(cat part.err)"
inject cnn.onnx --quiet --images 60 --exhaustive --csv all.csv >all.txt
report "$(cmp all.csv part.csv && cmp all.txt part.txt; echo $?)" "and ends in the same bytes"

# 20.6 bytes an outcome where sqlite has its columns small
size=$(wc -c <part.evo)
report "$([ "$size" -lt $((63616 * 23)) ]; echo $?)" "63616 outcomes take less than 23 bytes each" "$size"

report "$(inject cnn.onnx -q --images 20 --count 40 --run kept.evo >out; echo $?)" "a run file is made"
cp kept.evo before.evo
expect 2 'kept.evo: exists already' "and not replaced" inject cnn.onnx --images 20 --count 40 --run kept.evo
refuse() { # TEXT SENTENCE OPTION...
    text=$1
    sentence=$2
    shift 2
    expect 3 "$text" "$sentence" inject "$@" --run kept.evo --resume
}
refuse 'made with another configuration' "another configuration" cnn.onnx --images 20 --count 41
refuse 'made with another configuration' "another format" cnn.onnx --images 20 --count 40 --format int4
run inject cnn.onnx --images 20 --count 40 --seed 2 --run kept.evo --resume
report "$([ "$status" = 3 ] && grep -q 'made with another seed' err; echo $?)" "another seed" "$(cat err)"
refuse 'made with another model_hash' "another model" mlp.onnx --images 20 --count 40
head -41 "$srcdir/data/digits.csv" >few.csv
run inject cnn.onnx --images 20 --count 40 --data few.csv --run kept.evo --resume
report "$([ "$status" = 3 ] && grep -q 'made with another data_hash' err; echo $?)" "other data" "$(cat err)"
report "$(cmp kept.evo before.evo; echo $?)" "they leave it as it was"
expect 4 'gone.evo' "a run file that is not there" inject cnn.onnx --run gone.evo --resume
cp cnn.onnx wrong.evo
expect 3 'not a run file' "a file of another kind" inject cnn.onnx --run wrong.evo --resume
expect 2 '--run names it' "nothing to go on with" inject cnn.onnx --resume
"$evoflip" search --quiet --evaluations 6 --population 6 --start-epochs 1 -o search >out 2>&1
expect 3 'a run file without campaigns' "the run file of a search" \
    inject cnn.onnx --run search/run.evo --resume

# --- lists ---

strike_again() { # NAME OPTION...
    design=$1
    shift
    inject cnn.onnx -q --force --images 30 --save-faults list.csv --outcomes drawn.out "$@" \
        >drawn.txt 2>drawn.err
    inject cnn.onnx -q --force --images 30 --replay list.csv --outcomes again.out >again.txt 2>again.err
    report "$([ -s drawn.out ] && cmp drawn.out again.out; echo $?)" \
        "$design: struck again from their list, faults do the same" "$(cat drawn.err again.err)"
}
strike_again "four targets" --count 300 --target weights,biases,activations,inputs
strike_again "two adjacent bits" --count 200 --fault flip:2
strike_again "stuck at 1" --count 200 --fault stuck1
strike_again "stratified" --count 400 --design stratified
strike_again "per image" --count 20 --per-image
report "$([ "$(wc -l <list.csv)" = 1201 ]; echo $?)" \
    "a list per image has a row for each fault and image" "$(wc -l list.csv)"
echo 'fault,target,tensor,index,bit,kind
0,weights,conv1.weight,3,7,flip
1,weights,conv9.weight,3,7,flip' >bad.csv
expect 3 'bad.csv:3' "a list with a tensor that is not there, by its line" inject cnn.onnx --replay bad.csv
for options in '--count 5' --exhaustive '--precision 5%' '--target weights' '--fault flip' \
    '--nodes conv1' '--bits 1' --per-image '--design uniform' '--save-faults x'; do
    # shellcheck disable=SC2086
    expect 2 'exclude each other' "a list and $options" inject cnn.onnx --replay list.csv $options
done
expect 4 'none.csv' "a list that is not there" inject cnn.onnx --replay none.csv

# --- what is drawn ---

# Shares of the layers among the faults drawn are those among the bits: with 8000 drawn
# of 48256 a share p varies by less than sqrt(p (1 - p) / 8000); within 4.5 of these it is
# once in 150,000 where nothing is wrong.
inject cnn.onnx -q --images 2 --count 8000 --target weights --csv shares.csv >out
bad=$(awk -F, '$2 == "node" { n++; p = $5 / 48256; d = $4 - 8000 * p
        if (d * d > 4.5 * 4.5 * 8000 * p * (1 - p)) { print } } END { if (n != 3) { print n } }' shares.csv)
report "$([ -z "$bad" ]; echo $?)" "layers are struck in proportion to their bits" "$bad"
bad=$(awk -F, '$2 == "bit" { n++; d = $4 - 1000; if (d * d > 4.5 * 4.5 * 1000 * 7 / 8) { print } }
    END { if (n != 8) { print n } }' shares.csv)
report "$([ -z "$bad" ]; echo $?)" "and so are bits" "$bad"

# Of 8 bits 7 pairs are adjacent.
inject cnn.onnx -q --images 5 --target inputs --fault flip:2 --exhaustive --csv pairs.csv >out
report "$(grep -q '^inputs,network,,448,448,5,' pairs.csv; echo $?)" "pairs of bits are counted" "$(cat pairs.csv)"

# A bit is either 0 or 1: stuck at the other one it flips, stuck at its own it stays.
changed() { # KIND
    inject cnn.onnx -q --images 20 --target weights --nodes conv1 --fault "$1" --exhaustive --csv - |
        awk -F, '$2 == "network" { print $7 }'
}
flips=$(changed flip)
report "$([ "$flips" -gt 0 ] && [ "$flips" = $(($(changed stuck0) + $(changed stuck1))) ]; echo $?)" \
    "what sticks at 0 and what sticks at 1 are the flips" "$flips"

# Every pair of site and image is one of those of all sites on all images.
inject cnn.onnx -q --images 10 --target inputs --exhaustive --csv once.csv >out
inject cnn.onnx -q --images 10 --target inputs --exhaustive --per-image --csv each.csv >out
pairs() {
    awk -F, '$2 == "network" || $2 == "bit" || $2 == "node" { print $2, $3, $4 * $6, $5 * $6, $7, $8 }' "$1"
}
pairs once.csv >once
pairs each.csv >each
report "$([ -s once ] && cmp once each; echo $?)" "all places in each image are all faults of all images"
expect 0 '' "per image the keys are the images: an image of a larger part" \
    inject cnn.onnx -q --images 10 --target weights --count 30 --per-image --save-faults ten.csv
expect 0 '' "is struck at the same places" \
    inject cnn.onnx -q --images 20 --target weights --count 30 --per-image --save-faults twenty.csv
awk -F, '$7 < 10' twenty.csv >first
awk -F, '$7 < 10' ten.csv >ten
report "$([ -s ten ] && cmp ten first; echo $?)" "whatever the other images are"

# A pair of site and image struck by itself does what it does among the others, in each
# of the batches that 150 images are kept in.
inject mlp.onnx -q --images 150 --per-image --target weights,inputs --count 4 \
    --save-faults among.csv --outcomes among.out >out
awk -F, -v OFS=, 'NR > 1 { $1 = 1000 * $1 + $7 } { print }' among.csv >alone.csv
inject mlp.onnx -q --images 150 --replay alone.csv --outcomes alone.out >out
awk -F, -v OFS=, 'NR > 1 { k = int($1 / 1000); b[k] += $4; s[k] += $5; c[k] += $7 }
    END { for (k = 0; k < 8; k++) { print k, 150, 150 - b[k] - s[k], b[k], s[k], 0, c[k] } }' \
    alone.out >sums.out
tail -n +2 among.out >pairs.out
report "$(cmp sums.out pairs.out; echo $?)" "an image is struck at its own place alone" "$(diff sums.out pairs.out)"

# --- designs ---

for threads in 1 2 7; do
    inject cnn.onnx -q --images 30 --count 4000 --design stratified --threads $threads \
        --csv strata$threads.csv >strata$threads.txt
done
report "$(cmp strata1.csv strata2.csv && cmp strata1.csv strata7.csv &&
    cmp strata1.txt strata7.txt; echo $?)" "stratified: the same bytes on 1, 2 and 7 threads"
# The rate of all faults lies in the interval of 95 %: so it is at seed 1.
inject cnn.onnx -q --images 30 --exhaustive --csv all.csv --force >out
bad=$(awk -F, '!/^#/ && $2 == "network" { if (NR == FNR) { ccr[$1] = $8 }
        else if ($9 > ccr[$1] || $10 < ccr[$1]) { print $1, ccr[$1], $0 } }' all.csv strata1.csv)
report "$([ -z "$bad" ]; echo $?)" "stratified: the interval holds the rate of all faults" "$bad"
inject cnn.onnx -q --images 2 --count 600 --design stratified --target weights --nodes classes \
    --bits 0 --csv none.csv >out
report "$(awk -F, '$2 == "network" { ok = $7 == 0 && $8 == 0 && $9 == 0 && $10 > 0.0001 && $10 < 1 }
    END { exit !ok }' none.csv; echo $?)" \
    "a pilot in which nothing failed does not end in certainty" "$(cat none.csv)"
run inject cnn.onnx -q --images 30 --precision 30% --design stratified --target weights
report "$([ "$status" = 0 ] && grep -q 'known to within 30 % of it' out; echo $?)" "a precision is kept" "$(cat out err)"

inject cnn.onnx -q --images 30 --count 60 --recompute all --csv recomputed.csv --outcomes - >recomputed.out
inject cnn.onnx -q --images 30 --count 60 --csv touched.csv --outcomes - >touched.out
report "$(cmp recomputed.csv touched.csv && cmp recomputed.out touched.out; echo $?)" \
    "everything computed again gives the same"

# --- what is refused ---

expect 2 'exclude each other' "per image by strata" inject cnn.onnx --per-image --design stratified
expect 2 'exclude each other' "all faults by strata" inject cnn.onnx --exhaustive --design stratified
expect 2 'exclude each other' "a precision of all faults" inject cnn.onnx --exhaustive --precision 5%
expect 2 'each needs a fault' "fewer faults than strata" inject cnn.onnx --design stratified --count 5
expect 2 '--precision 0%' "a precision of nothing" inject cnn.onnx --precision 0%
expect 2 '--precision much' "a precision that is no number" inject cnn.onnx --precision much
expect 2 '--fault: expected flip' "a kind that does not exist" inject cnn.onnx --fault flop
expect 2 'named twice' "two outputs in one file" inject cnn.onnx --csv x.csv --outcomes x.csv
expect 2 'standard output' "two outputs in one stream" inject cnn.onnx --csv - --outcomes -
expect 2 'no element has 9 adjacent bits' "nine bits of eight" inject cnn.onnx --fault flip:9
cp whole.csv here.out
expect 2 'here.out: exists already' "outcomes that exist" inject cnn.onnx --count 5 --outcomes here.out
expect 2 'here.out: exists already' "a list that exists" inject cnn.onnx --count 5 --save-faults here.out
report "$(cmp whole.csv here.out; echo $?)" "they stay as they were"
expect 4 'no/where' "outcomes where nothing can be written" inject cnn.onnx --count 5 --outcomes no/where
finish
