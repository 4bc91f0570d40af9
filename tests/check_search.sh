#!/bin/sh
# Searches as a user runs them: the same bytes on one thread and two, after kill -9,
# after SIGTERM; every refusal leaves what was there.  TAP.
evoflip=${EVOFLIP:?}
scratch=${EF_BUILDDIR:-.}/tests/search.$$
mkdir -p "$scratch" && cd "$scratch" || exit 1
trap 'cd / && rm -rf "$scratch"' EXIT
plan=34
n=0
echo "1..$plan"

# report NAME STATUS: one line of TAP; what failed is shown from the file `why`.
report() {
    n=$((n + 1))
    if [ "$2" = 0 ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        [ -s why ] && sed 's/^/# /' why
    fi
    : >why
}

# A search of a few seconds that has generations, parents and preselection.
small="--quiet --limit params<=6k --evaluations 36 --population 6 --start-epochs 4 --epochs 2"
search() { # FOLDER OPTION...
    folder=$1
    shift
    # shellcheck disable=SC2086  # the words of $small
    "$evoflip" search $small -o "$folder" "$@"
}

# start FOLDER: the same in the background, as process $pid itself.
start() {
    # shellcheck disable=SC2086
    "$evoflip" search $small -o "$1" --threads 1 >out 2>err &
    pid=$!
}

# expect STATUS WORDS COMMAND...: exit status, and one line on stderr with the words.
expect() {
    want=$1
    words=$2
    shift 2
    "$@" >out 2>err </dev/null
    got=$?
    if [ "$got" != "$want" ] || [ "$(wc -l <err)" != 1 ] || ! grep -q -- "$words" err; then
        { echo "exit status $got, expected $want; stderr:"; cat err; } >why
        return 1
    fi
}

search whole --threads 2 >out 2>why
report "a search runs and says nothing on stderr under --quiet" \
    "$([ $? = 0 ] && [ ! -s why ]; echo $?)"

ids=$(sed -n 's/^\([0-9][0-9]*\),.*/\1/p' whole/front.csv)
missing=$(for id in $ids; do [ -s "whole/models/$id.onnx" ] || echo "$id"; done)
echo "members: $ids; without a model: $missing" >why
report "every member of the front has a model, and no other" \
    "$([ -n "$ids" ] && [ -z "$missing" ] &&
        [ "$(echo "$ids" | wc -l)" = "$(ls whole/models | wc -l)" ]; echo $?)"

if command -v gnuplot >/dev/null; then
    ls -l whole >why
    report "the front is drawn" "$(grep -q '</svg>' whole/front.svg; echo $?)"
else
    n=$((n + 1))
    echo "ok $n - the front is drawn # SKIP gnuplot is missing"
fi

search serial --threads 1 >out 2>why
diff whole/front.csv serial/front.csv >why
report "one thread and two write the same front.csv" $?

"$evoflip" front --all serial/run.evo >serial.all 2>why
"$evoflip" front --all whole/run.evo >whole.all 2>>why
cmp serial.all whole.all >>why
report "and score the same topologies" $?

# Killed at moments within a generation and between two of them.
: >why
failed=0
n_killed=0
for hundredths in 05 15 25 40 60 80; do
    rm -rf killed
    start killed
    sleep 0.$hundredths
    kill -9 $pid 2>/dev/null && n_killed=$((n_killed + 1))
    wait $pid 2>/dev/null
    if [ -e killed/run.evo ]; then
        "$evoflip" search --quiet --resume -o killed >out 2>>why || failed=1
    else
        search killed >out 2>>why || failed=1
    fi
    cmp whole/front.csv killed/front.csv >>why 2>&1 || failed=1
done
[ $n_killed -ge 2 ] || { echo "killed only $n_killed times" >>why && failed=1; }
report "killed with kill -9 and resumed, it ends in the same front.csv" $failed

rm -rf stopped
start stopped
sleep 0.3
kill -TERM $pid
wait $pid
status=$?
cat err >why
report "SIGTERM ends it with status 75 and the command that resumes" \
    "$([ $status = 75 ] && grep -q 'search --resume --run' err; echo $?)"
"$evoflip" search --quiet --resume -o stopped >out 2>why
cmp whole/front.csv stopped/front.csv >>why
report "and resumed it ends in the same front.csv" $?

"$evoflip" search --quiet --resume --evaluations 45 -o stopped >out 2>why &&
    search longer --evaluations 45 >out 2>>why
grep -v '^#' stopped/front.csv >a
grep -v '^#' longer/front.csv >b
cmp a b >>why
report "a finished run goes on further, as if it had been asked for at once" $?

before=$(cksum <whole/run.evo)
expect 2 'whole/run.evo exists' search whole &&
    expect 2 "no objective.*'errorr'\|errorr" search none --objectives errorr,size &&
    expect 2 'population' "$evoflip" search --resume --population 9 -o whole &&
    [ "$before" = "$(cksum <whole/run.evo)" ] && [ ! -e none/run.evo ]
report "wrong usage: one line, status 2, nothing touched" $?

echo 'depth: 3x' >bad.yaml
: >empty.yaml
expect 3 'bad.yaml:1:' search none --space bad.yaml &&
    expect 3 'empty.yaml' search none --space empty.yaml &&
    expect 3 'whole/front.csv' "$evoflip" front whole/front.csv &&
    expect 4 'absent.evo' "$evoflip" front absent.evo &&
    expect 4 'absent.csv' search none --data absent.csv && [ ! -e none/run.evo ]
report "malformed and missing input: one line, status 3 or 4" $?

# A full disk: files may not grow beyond so many blocks of 512 bytes.
: >why
status=0
for blocks in 0 40 80; do
    { (
        trap '' XFSZ
        ulimit -f $blocks
        exec "$evoflip" search --quiet --force --evaluations 24 --population 6 \
            --start-epochs 1 --epochs 1 -o whole
    ) 2>&1 >/dev/null; echo $? >status; } | cat >err
    got=$(cat status)
    if [ $got != 4 ] || [ "$(wc -l <err)" != 1 ]; then
        { echo "$blocks blocks: status $got"; cat err; } >>why
        status=1
    fi
    "$evoflip" front whole/run.evo >out 2>>why || status=1
    [ -z "$(find whole -name '*.new*')" ] || status=1
done
report "a full disk: one line, status 4, and a run file that still reads" $status

"$evoflip" search --quiet --algorithm random --evaluations 12 --population 6 \
    --start-epochs 1 --epochs 1 -o random >out 2>why
"$evoflip" front --all random/run.evo >all 2>>why
report "the baseline draws every network afresh" \
    "$(awk -F, '/^[0-9]/ && ($3 != "" || $4 != "") { bad = 1 } END { exit bad }' all; echo $?)"

"$evoflip" search --quiet --limit 'params<=2' --evaluations 6 --population 3 \
    --start-epochs 1 --epochs 1 -o nothing >out 2>why
grep -q 'No network' out
report "a limit that nothing keeps ends in an empty front, said plainly" $?

"$evoflip" search --quiet --evaluations 12 --population 4 --start-epochs 1 --epochs 1 \
    --rate 100 -o diverged >out 2>why
"$evoflip" front --all diverged/run.evo >all 2>>why
message=$(sqlite3 diverged/run.evo \
    "SELECT message FROM individual WHERE status = 'failed' LIMIT 1" 2>/dev/null ||
    echo diverged)
echo "message: $message" >>why
report "networks whose training diverges are recorded, and the search goes on" \
    "$(grep -q ',failed,' all && [ -n "$message" ]; echo $?)"

# --- searches that start from a model ---

seeded="--quiet --seed-model mymodel.onnx --evaluations 24 --population 6 --epochs 1"
seeded() { # FOLDER OPTION...
    folder=$1
    shift
    # shellcheck disable=SC2086  # the words of $seeded
    "$evoflip" search $seeded -o "$folder" "$@"
}
topologies=${EF_SRCDIR:-.}/data/topologies
"$evoflip" train "$topologies/cnn-digits.yaml" -q --epochs 4 -o mymodel.onnx >out 2>why

seeded from2 --threads 2 >out 2>why
report "a search starts from a model" "$([ $? = 0 ] && [ ! -s why ]; echo $?)"
"$evoflip" front --all from2/run.evo >from2.all 2>why
awk -F, '/^1,/ { seed = $2 == 0 && $3 == "" && $5 == "seed" && $6 == "trained" }
    /^[0-9]+,0,/ && !/^1,/ { n++; mutants += $3 == 1 }
    END { exit !(seed && n == 5 && mutants == 5) }' from2.all
report "whose first population holds that model and mutants of it" $?
"$evoflip" export from2/run.evo --model 1 -o one.onnx >out 2>why
"$evoflip" score --csv - --objectives params,macs,depth mymodel.onnx 2>>why |
    grep -v '^#' | cut -d, -f2- >a
"$evoflip" score --csv - --objectives params,macs,depth one.onnx 2>>why |
    grep -v '^#' | cut -d, -f2- >b
cmp a b >>why
report "as it is" $?
seeded from1 --threads 1 >out 2>why
cmp from1/front.csv from2/front.csv >>why && "$evoflip" front --all from1/run.evo >from1.all &&
    cmp from1.all from2.all >>why
report "to the same bytes on one thread and two" $?
grep -m 1 -o 'seed_models mymodel.onnx [0-9a-f]*' from1/front.csv >why
report "the front names it and its hash" "$(grep -Eq '[0-9a-f]{16}$' why; echo $?)"

: >why
failed=0
for hundredths in 05 15 30; do
    rm -rf cut
    cp mymodel.onnx gone.onnx
    # shellcheck disable=SC2086
    "$evoflip" search $seeded --seed-model gone.onnx -o cut >out 2>>why && failed=1
    # shellcheck disable=SC2086
    "$evoflip" search $seeded -o cut --threads 1 >out 2>>why &
    pid=$!
    sleep 0.$hundredths
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    mv mymodel.onnx away.onnx
    if [ -e cut/run.evo ]; then
        "$evoflip" search --quiet --resume -o cut >out 2>>why || failed=1
        cmp from1/front.csv cut/front.csv >>why 2>&1 || failed=1
    fi
    mv away.onnx mymodel.onnx
done
grep -q 'gone.onnx have one topology' why || failed=1
report "killed, it goes on without the file, and two of one topology are refused" $failed

"$evoflip" search --quiet --seed-model mymodel.onnx --seed-model "$topologies/mlp.yaml" \
    --evaluations 6 --population 6 --start-epochs 1 --epochs 1 -o both >out 2>why
"$evoflip" front --all both/run.evo >all 2>>why
report "a topology is a start too, beside a model" \
    "$([ "$(grep -c '^[12],0,,,seed,trained' all)" = 2 ]; echo $?)"

"$evoflip" train "$topologies/resnet8-digits.yaml" -q --epochs 1 -o wide.onnx >out 2>why
# 77898 parameters as evoflip-score(1) counts them; the built-in space has 50k
expect 2 "wide.onnx: params is 77898, the limit params<=50000; --limit 'params<=78000'" \
    "$evoflip" search --seed-model wide.onnx -o none &&
    expect 2 "algorithm random draws" seeded none --algorithm random &&
    expect 2 'no room in a --population' seeded none --population 2 \
        --seed-model "$topologies/mlp.yaml" --seed-model wide.onnx &&
    expect 3 'lenet5.yaml: the input is 1x28x28' seeded none --seed-model "$topologies/lenet5.yaml" &&
    expect 4 'absent.onnx' seeded none --seed-model absent.onnx &&
    expect 2 'leave out --seed-model' "$evoflip" search --resume --seed-model wide.onnx -o from1 &&
    [ ! -e none/run.evo ]
report "what cannot be started from: one line" $?

sed '/flatten/i \  - {softmax, name: shares}' "$topologies/cnn-digits.yaml" >shares.yaml
expect 3 'shares.yaml: node shares: softmax has no backward pass' \
    "$evoflip" search --seed-model shares.yaml -o none
report "a node that cannot be trained is refused by name" $?

"$evoflip" search --quiet --seed-model wide.onnx --limit 'params<=80k' --limit 'macs<=3M' \
    --evaluations 6 --population 3 --epochs 1 -o room >out 2>why
report "a limit on the command line stands in for the space's" \
    "$([ $? = 0 ] && grep -q ' seed$' out; echo $?)"

# --- hardware and faults among objectives and limits ---

eyeriss=$(cd "${EF_SRCDIR:-.}" && pwd)/data/hardware/eyeriss-like.yaml
cp "$eyeriss" mine.yaml
cat >fitted.yaml <<'END'
weights: {margin: 2, size: 1, position: 0.3, fan_in: 0.8, places: 0, averaging: 0.1}
activations: {margin: 0.5, size: 1, position: 0.3, fan_in: 0.6, places: 0, averaging: 0.2}
END
proxies="error,energy,predicted_ccr:ber=1e-3,ccr:target=weights:ber=1e-2,fault_accuracy:target=activations:ber=1e-3"
measured="--quiet --evaluations 12 --population 4 --start-epochs 1 --epochs 1
    --fault-count 20 --fault-images 40"
measured() { # FOLDER OPTION...
    folder=$1
    shift
    # shellcheck disable=SC2086  # the words of $measured
    "$evoflip" search $measured --objectives "$proxies" --hardware mine.yaml \
        --constants fitted.yaml --limit 'energy<=40uJ' \
        --limit 'ccr:target=weights:ber=1e-2<=60%' -o "$folder" "$@"
}
measured under1 --threads 1 >out 2>why
report "a search takes energy and what faults do as objectives and limits" \
    "$([ $? = 0 ] && [ ! -s why ]; echo $?)"
grep -q '^# units error share, energy J, .*fault_accuracy:.* share (maximised)$' \
    under1/front.csv && grep -q 'energy (J)' out
report "and says their units" $?
awk -F, '/^[0-9]/ { n++; if ($8 > 40e-6 || $10 > 0.6) bad = 1 } END { exit bad || n == 0 }' \
    under1/front.csv
report "the front keeps the limits" $?
measured under2 --threads 2 >out 2>why
cmp under1/front.csv under2/front.csv >>why
report "one thread and two measure the same" $?

# What another program counts: faults of other draws in the same bits and images.
id=$(sed -n 's/^\([0-9][0-9]*\),.*/\1/p' under1/front.csv | head -n 1)
ours=$(awk -F, -v id="$id" '$1 == id { print $10 }' under1/front.csv)
"$evoflip" inject "under1/models/$id.onnx" -q --data digits --split val \
    --target weights --fault ber:1e-2 --count 200 --csv - 2>why |
    awk -F, -v ours="$ours" '!/^#/ && !head { head = 1
            for (i = 1; i <= NF; i++) column[$i] = i; next }
        !/^#/ && !done { done = 1; theirs = $column["ccr"] }
        END { print "search " ours ", inject " theirs
            exit !(done && ours > theirs / 2 && ours < theirs * 2 + 0.01) }' >>why
report "ccr is what inject counts" $?

: >why
failed=0
n_killed=0
for tenths in 02 05 09; do
    rm -rf under
    cp "$eyeriss" mine.yaml
    # shellcheck disable=SC2086
    "$evoflip" search $measured --objectives "$proxies" --hardware mine.yaml \
        --constants fitted.yaml --limit 'energy<=40uJ' \
        --limit 'ccr:target=weights:ber=1e-2<=60%' -o under --threads 1 >out 2>&1 &
    pid=$!
    sleep "${tenths%?}.${tenths#?}"
    kill -9 $pid 2>/dev/null && n_killed=$((n_killed + 1))
    wait $pid 2>/dev/null
    echo 'name: another' >mine.yaml
    if [ -e under/run.evo ]; then
        "$evoflip" search --quiet --resume -o under >out 2>>why || failed=1
        cmp under1/front.csv under/front.csv >>why 2>&1 || failed=1
    fi
done
cp "$eyeriss" mine.yaml
[ $n_killed -ge 1 ] || { echo "never killed" >>why && failed=1; }
report "killed and resumed, it needs no hardware file, and ends in the same front" $failed

printf 'limits:\n  - params <= 50k\n  - energy <= 5uJ\n' >power.yaml
sed 's/^clock:.*/clock: 200/' "$eyeriss" >unitless.yaml
line=$(grep -n '^clock' unitless.yaml | cut -d: -f1)
expect 2 '--objectives: energy needs an accelerator, which --hardware FILE gives' \
    "$evoflip" search -o none --objectives error,energy &&
    expect 2 "--limit 'energy<=5uJ': energy needs an accelerator" \
        "$evoflip" search -o none --limit 'energy<=5uJ' &&
    expect 2 'power.yaml:3:5: energy needs an accelerator' \
        "$evoflip" search -o none --space power.yaml &&
    expect 2 "--objectives: predicted_ccr of one flip needs the share" \
        "$evoflip" search -o none --objectives error,predicted_ccr
report "an objective that needs an accelerator is refused without one" $?
expect 2 '--objectives: ccr:format=uint8: format uint8: only activations' \
    "$evoflip" search -o none --objectives error,ccr:format=uint8 &&
    expect 2 "ccr:format=int8+stochastic.*rounding to the nearest" \
        "$evoflip" search -o none --limit 'ccr:format=int8+stochastic<=5%' &&
    expect 2 "expected a bound for energy in J" \
        "$evoflip" search -o none --hardware mine.yaml --limit 'energy<=2ms' &&
    expect 3 "unitless.yaml:$line:" "$evoflip" search -o none --hardware unitless.yaml &&
    expect 3 'bad.yaml:1:' "$evoflip" search -o none --constants bad.yaml &&
    expect 4 'absent.yaml' "$evoflip" search -o none --hardware absent.yaml &&
    expect 2 'leave out --hardware' \
        "$evoflip" search --resume --hardware mine.yaml -o under1 && [ ! -e none/run.evo ]
report "so are formats, bounds and files that make no sense" $?
"$evoflip" search --quiet --evaluations 6 --population 3 --start-epochs 1 --epochs 1 \
    --objectives fault_accuracy:ber=1e-3,params --fault-count 5 -o maximised >out 2>why
awk -F, '/^[0-9]/ { if (n++ && $7 > last) bad = 1; last = $7 } END { exit bad || n == 0 }' \
    maximised/front.csv
report "a maximised objective comes first from its greatest value on" $?
