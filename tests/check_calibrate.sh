#!/bin/sh
# Measurements as a user has them: a device with known costs is found back, score takes
# what is written, and one line says what is wrong with a file.  TAP.
. "${EF_SRCDIR:-$(dirname "$0")/..}/tests/tap.sh"
base=$srcdir/data/hardware/eyeriss-like.yaml

# perceptron N: N hidden units, 74 N MACs, 2 launches.
mkdir nets
perceptron() {
    printf 'input: [1, 8, 8]\nnodes:\n  - {flatten}\n  - {dense: %d}\n  - {relu}\n' "$1"
    printf '  - {dense: 10}\n'
}
for units in 8 16 24 32 40 48; do
    perceptron $units >nets/$units.yaml
done

# 2 ns for each MAC and 300 ns for each launch.
{
    echo "# a comment"
    echo topology,note,latency_us
    for units in 8 16 24 32 40 48; do
        echo "$units.yaml,seen,$(awk "BEGIN { print 0.002 * 74 * $units + 0.6 }")"
    done
} >nets/measured.csv

# about X Y: within a part of 1e-9
about() {
    awk -v x="$1" -v y="$2" 'BEGIN { d = x / y - 1; exit !(d < 1e-9 && d > -1e-9) }'
}

# --- results ---

expect 0 "" "a device is fitted" "$evoflip" calibrate nets/measured.csv \
    --terms mac,launch --base "$base" -o mine.yaml --csv out.csv
report "$(grep -q '^fitted, held out  *1  *100 ' out; echo $?)" \
    "and predicted, held out" "$(cat out)"
set -- $(sed -n 's,^  dense: {mac: \([0-9.e-]*\) \([a-z]*\)/MAC\, byte: 0 s/B\, launch: \([0-9.e-]*\) \([a-z]*\)}$,\1 \2 \3 \4,p' mine.yaml)
report "$([ "${2-}${4-}" = nsns ] && about "$1" 2 && about "$3" 300; echo $?)" \
    "its costs are found back" "$(cat mine.yaml)"
report "$(grep -q '^# Held out in 6 folds: Spearman 1.000, 100 % within 10 %' mine.yaml &&
    grep -q '^#   *.*dense.byte' mine.yaml && grep -q '^name: .Eyeriss-like' mine.yaml; echo $?)" \
    "the file says what it was fitted to" "$(cat mine.yaml)"
report "$(grep -q '^# seed: 1$' out.csv && [ "$(grep -c '^[0-9]*\.yaml,' out.csv)" = 6 ]; echo $?)" \
    "the table has a row for each topology" "$(cat out.csv)"

cp mine.yaml before.yaml
expect 2 "mine.yaml" "an output that exists is kept" "$evoflip" calibrate \
    nets/measured.csv --terms mac,launch --base "$base" -o mine.yaml
report "$(cmp mine.yaml before.yaml; echo $?)" "as it was"
expect 0 "" "--force replaces it" "$evoflip" calibrate nets/measured.csv \
    --terms mac,launch --base "$base" -o mine.yaml --force
report "$(cmp mine.yaml before.yaml; echo $?)" "by the same bytes"

# Energies of rows and their medians; a file by two names is one topology.
cp nets/8.yaml nets/again.yaml
cat >energy.csv <<'CSV'
topology,energy,format,latency
nets/8.yaml,592 nJ,int8,1 s
nets/again.yaml,9 J,int8,1 s
nets/8.yaml,1 pJ,int8,1 s
nets/16.yaml,1184 nJ,,1 s
nets/24.yaml,1.776 uJ,fixed8,1 s
CSV
expect 2 "--quantity" "two quantities in one file want a choice" \
    "$evoflip" calibrate energy.csv --terms mac
expect 0 "" "energies are fitted to medians" "$evoflip" calibrate energy.csv \
    --quantity energy --terms mac --base mine.yaml -o both.yaml
report "$(grep -q 'energy of 3 topologies, measured 5 times; 1 numbers fitted' out; echo $?)" \
    "of different topologies" "$(cat out)"
report "$(grep -q '^latency_model:' both.yaml && grep -q '^energy_model:' both.yaml; echo $?)" \
    "and the base keeps its other model" "$(cat both.yaml)"
run "$evoflip" score --hardware both.yaml --objectives energy nets/32.yaml --csv -
report "$([ "$status" = 0 ] && about "$(sed -n 's/^nets.32.yaml,//p' out)" 2.368e-6; echo $?)" \
    "score uses it" "$(cat out err)"
if "$evoflip" score --list | grep -q '^latency '; then
    run "$evoflip" score --hardware mine.yaml --objectives latency nets/32.yaml --csv -
    report "$([ "$status" = 0 ] && about "$(sed -n 's/^nets.32.yaml,//p' out)" 5.336e-6
        echo $?)" "for latency as well" "$(cat out err)"
    run "$evoflip" calibrate nets/measured.csv --terms mac --base mine.yaml
    report "$(grep -q '^base as it is  *1  *100 ' out; echo $?)" \
        "and the base stands beside the fit" "$(cat out err)"
fi
expect 0 "" "MACs may be read as JSON" "$evoflip" calibrate nets/measured.csv --terms mac --json
report "$(grep -q '"held_out"' out; echo $?)" "with predictions"

# --- what cannot be ---

# refuse STATUS TEXT SENTENCE CSV OPTION...: a file of these lines
refuse() {
    wanted_status=$1
    wanted_text=$2
    what=$3
    printf '%b' "$4" >bad.csv
    shift 4
    expect "$wanted_status" "$wanted_text" "$what" "$evoflip" calibrate bad.csv "$@"
}
head='topology,latency\n'
two="${head}nets/8.yaml,1 ms\nnets/16.yaml,2 ms\n"
refuse 3 "bad.csv:2: latency: expected a quantity in s, found '1'" "no unit" "${head}nets/8.yaml,1\n"
refuse 3 "bad.csv:3: latency: expected a quantity in s, found '2 mJ'" "another unit" \
    "${head}nets/8.yaml,1 ms\nnets/16.yaml,2 mJ\n"
refuse 3 "bad.csv:2: latency: expected more than 0, found '0 ms'" "zero" "${head}nets/8.yaml,0 ms\n"
refuse 3 "bad.csv:2: latency: expected more than 0, found '-1 ms'" "below zero" \
    "${head}nets/8.yaml,-1 ms\n"
refuse 3 "bad.csv:2: latency_ms: expected a number, found '1 ms'" "two units" \
    "topology,latency_ms\nnets/8.yaml,1 ms\n"
refuse 3 "bad.csv:1: column 'latency_mJ': expected a unit of time" "a header of another kind" \
    "topology,latency_mJ\nnets/8.yaml,1\n"
refuse 3 "bad.csv:1: columns 'latency' and 'latency_ms' both hold the latency" "two columns" \
    "topology,latency,latency_ms\nnets/8.yaml,1 ms,1\n"
refuse 3 "bad.csv:1: the first row names no column topology" "no topologies" "net,latency\n"
refuse 3 "bad.csv:1: the first row names no column latency or energy" "no values" "topology,time\n"
refuse 3 "bad.csv:1: the first row names no column energy" "not the quantity" "$two" \
    --quantity energy
refuse 3 "bad.csv:1: column 'topology' stands there twice" "a column twice" "topology,topology,latency\n"
refuse 3 "bad.csv:2: expected 2 fields, as the first row has, found 3" "a long row" \
    "${head}nets/8.yaml,1 ms,\n"
refuse 3 "bad.csv:2: a quote stands" "a stray quote" "${head}nets/8.yaml,1 \"ms\n"
refuse 3 "bad.csv:2: topology: expected the name of a file" "no name" "${head},1 ms\n"
refuse 4 "bad.csv:3: topology: nets/none.yaml: " "a file that is not there" \
    "${head}nets/8.yaml,1 ms\nnets/none.yaml,1 ms\n"
refuse 3 "bad.csv:2: topology: bad.csv:" "a file that is no topology" "${head}bad.csv,1 ms\n"
refuse 3 "bad.csv:2: format: " "no format" "topology,latency,format\nnets/8.yaml,1 ms,int99\n"
refuse 3 "at least 2 different topologies, found 0" "no rows" "$head"
refuse 3 "at least 2 different topologies, found 1" "one topology" "${head}nets/8.yaml,1 ms\n"
refuse 3 "2 different topologies are too few for 3 numbers (dense.mac, dense.byte, dense.launch): measure more topologies, or fit fewer terms (--terms)" \
    "too few" "$two"
refuse 2 "--terms: expected one of mac, byte, launch, found 'pool'" "another term" "$two" --terms mac,pool
refuse 2 "--terms: mac stands there twice" "a term twice" "$two" --terms mac,mac
refuse 2 "--folds" "one fold" "$two" --folds 1
refuse 2 "-o needs --base" "nothing to write into" "$two" --terms mac -o new.yaml
refuse 4 "none.yaml: " "a base that is not there" "$two" --terms mac --base none.yaml
refuse 3 "bad.csv:" "a base that is no accelerator" "$two" --terms mac --base bad.csv
expect 4 "none.csv: " "a file that is not there" "$evoflip" calibrate none.csv
expect 2 "MEASURED.csv" "no file" "$evoflip" calibrate
report "$([ ! -e new.yaml ]; echo $?)" "nothing is written where a call fails"
finish
