#!/bin/sh
# evoflip validate as users call it: the same bytes on one thread and two, from its run
# file, and after kill -9; every refusal is one line.  TAP.
. "$(dirname "$0")/tap.sh"

# A validation of a few seconds.
small="--quiet --topologies 6 --seeds 2 --epochs 2 --images 20 --count 40 --trials 8
    --ber-weights 3e-3 --ber-activations 2e-3 --resamples 100 --max-error 1"
validate() {
    # shellcheck disable=SC2086  # the words of $small
    run "$evoflip" validate $small "$@"
}

validate --threads 1 --run whole.evo --csv whole.csv --correlations whole.cor
cp out whole.txt
report "$([ $status = 0 ] && [ ! -s err ]; echo $?)" "a validation ends well" "$(cat err)"

rows=$(grep -vc '^#' whole.csv)
report "$([ "$rows" = 7 ]; echo $?)" "the CSV has a row for each topology" "$rows"
lines=$(grep -vc '^#' whole.cor)
report "$([ "$lines" = 89 ]; echo $?)" \
    "correlations have a row for each of 8 measures and 11 proxies" "$lines"

validate --threads 2 --csv two.csv
report "$(cmp out whole.txt >why && cmp two.csv whole.csv >>why; echo $?)" \
    "two threads and no run file give the same bytes" "$(cat why)"

run "$evoflip" validate --quiet --resume --run whole.evo --csv again.csv
report "$(cmp out whole.txt >why && cmp again.csv whole.csv >>why; echo $?)" \
    "a finished run file gives the same bytes without training" "$(cat why)"

# shellcheck disable=SC2086
"$evoflip" validate $small --threads 1 --run killed.evo >out 2>err &
pid=$!
tries=0
while [ $tries -lt 600 ] && kill -0 $pid 2>/dev/null; do
    [ -s killed.evo ] && [ "$(wc -c <killed.evo)" -gt 0 ] && sleep 1 && break
    sleep 0.1
    tries=$((tries + 1))
done
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
run "$evoflip" validate --quiet --resume --run killed.evo --csv killed.csv
report "$(cmp out whole.txt >why && cmp killed.csv whole.csv >>why; echo $?)" \
    "after kill -9 --resume comes to the same end" "$(cat why err)"

run "$evoflip" validate --quiet --resume --run whole.evo --max-error 0.2
good=$([ "$status" = 0 ] || { [ "$status" = 1 ] && grep -q 'learnt' err; }; echo $?)
report "$good" "another limit of the error needs no new training" "$(cat err)"

# --- constants ---

# More topologies of the same.
validate --topologies 14 --seeds 1 --epochs 1 --run fit.evo --fit fit.yaml
cp out fit.txt
report "$([ $status = 0 ] && [ ! -s err ] && [ "$(grep -c 'one flip' fit.yaml)" = 4 ] &&
    grep -q '^weights: mean Spearman' fit.txt; echo $?)" \
    "a fit tells each measure's ranking, in its file too" "$(cat err fit.yaml)"
for threads in 1 2; do
    run "$evoflip" validate -q --resume --run fit.evo --threads $threads \
        --fit fit$threads.yaml
    report "$(cmp fit$threads.yaml fit.yaml >why && cmp out fit.txt >>why; echo $?)" \
        "a finished run is fitted again to the same bytes on $threads threads" \
        "$(cat why err)"
done
run "$evoflip" score "$srcdir/data/topologies/lenet5.yaml" --constants fit.yaml \
    --objectives predicted_ccr:target=weights
report "$([ $status = 0 ] && [ ! -s err ]; echo $?)" "score takes what was fitted" \
    "$(cat err)"
run "$evoflip" validate -q --resume --run fit.evo --constants fit.yaml --csv fit.csv
report "$([ $status = 0 ] && grep -q 'weights.margin=' fit.csv; echo $?)" \
    "validate takes what was fitted, and notes the values" "$(cat err)"
expect 2 "at least 12 topologies, not 11" "too few topologies are refused at once" \
    "$evoflip" validate --topologies 11 --fit no.yaml
expect 2 "at least 12 topologies, not 6" "also those of a run file" \
    "$evoflip" validate -q --resume --run whole.evo --fit no.yaml
expect 2 "exists" "a file of constants that exists is kept" \
    "$evoflip" validate -q --resume --run fit.evo --fit fit.yaml
sed 's/margin: .*/margin: -1/' fit.yaml >bad-constants.yaml
expect 3 "bad-constants.yaml:" "constants out of their bounds are named" \
    "$evoflip" validate -q --resume --run fit.evo --constants bad-constants.yaml

expect 2 "leave out --seeds" "resuming refuses another configuration" \
    "$evoflip" validate --resume --run whole.evo --seeds 3
expect 2 "--resume needs --run" "resuming needs a run file" "$evoflip" validate --resume
expect 2 "exists" "a run file that exists is kept" \
    "$evoflip" validate --topologies 4 --run whole.evo
expect 2 "formats" "an unknown format is refused" \
    "$evoflip" validate --formats int8,float7
expect 2 "ends in .svg" "a picture is an SVG" "$evoflip" validate --svg picture.png
expect 4 "nowhere.yaml" "a topology that is not there is named" \
    "$evoflip" validate nowhere.yaml
echo 'nodes: 3' >bad.yaml
expect 3 "bad.yaml" "a topology that does not parse is named" \
    "$evoflip" validate bad.yaml
echo 'nothing' >text.evo
expect 3 "text.evo" "a file that is no run file is named" \
    "$evoflip" validate --resume --run text.evo

finish
