#!/bin/sh
# Bit flips in a small network for the digits: the same bytes on any number of threads,
# counts that agree with each other, one line for each input that cannot be used.  TAP.
. "${EF_SRCDIR:-$(dirname "$0")/..}/tests/tap.sh"
inject() {
    "$evoflip" inject "$@"
}
topologies=$srcdir/data/topologies
cifar=${EF_TEST_MODELS-}/data/cifar10-test-1000.bin

"$evoflip" train "$topologies/cnn-digits.yaml" --epochs 2 --quiet -o cnn.onnx >train.out
"$evoflip" train "$topologies/mlp.yaml" --epochs 1 --quiet -o mlp.onnx >train.out

# --- results ---

for threads in 1 2 7; do
    inject cnn.onnx --quiet --images 60 --count 1500 --threads $threads \
        --target weights,biases,activations,inputs --csv $threads.csv >$threads.txt 2>>err.all
    report $? "four targets on $threads threads"
done
report "$(cmp 1.csv 2.csv && cmp 1.csv 7.csv; echo $?)" "1, 2 and 7 threads write the same CSV"
report "$(cmp 1.txt 2.txt && cmp 1.txt 7.txt; echo $?)" "and print the same tables"
report "$([ ! -s err.all ]; echo $?)" "and nothing on stderr under --quiet" "$(cat err.all)"

# sums FILE: "target faults population changed" of the network and summed over its parts
sums() {
    awk -F, '!/^#/ && $1 != "target" {
            key = $1 " " $2; faults[key] += $4; population[key] += $5; changed[key] += $7
        }
        END { for (key in faults) { print key, faults[key], population[key], changed[key] } }' "$1" |
        sort
}
sums 1.csv >sums
bad=$(awk '{ line = $3 " " $4 " " $5; if ($1 in seen && seen[$1] != line) { print }
             seen[$1] = line }' sums)
report "$([ "$(wc -l <sums)" = 12 ] && [ -z "$bad" ]; echo $?)" \
    "nodes and bits sum to the network" "$(cat sums)"

# 16 * 9 + 32 * 16 * 9 + 10 * 128 weights of 8 bits; pooled and unpooled outputs of two
# convolutions; 64 inputs; 16 + 32 + 10 biases of 32 bits
for wanted in "weights network 1500 48256" "activations network 1500 $(((16 * 80 + 32 * 20) * 8))" \
    "inputs network 512 512" "biases network 1500 1856"; do
    report "$(grep -q "^$wanted " sums; echo $?)" "population and faults: $wanted" "$(cat sums)"
done

run inject cnn.onnx --quiet --images 20 --target inputs --exhaustive --csv -
report "$(grep -q '^inputs,network,,512,512,20,' out; echo $?)" "all faults of the inputs" "$(cat out)"
report "$(awk -F, '$1 == "inputs" && ($8 != $9 || $8 != $10) { exit 1 }' out; echo $?)" \
    "leave nothing to estimate" "$(cat out)"
run inject cnn.onnx --quiet --images 20 --count 100 --seed 1 --csv -
mv out first
run inject cnn.onnx --quiet --images 20 --count 100 --seed 2 --csv -
report "$(! cmp -s out first; echo $?)" "another seed draws other faults"
run inject cnn.onnx --quiet --images 20 --count 50 --target weights --nodes 'conv*' --bits 7,0 --csv -
report "$(awk -F, '$2 == "node" { print $3 } $2 == "bit" { print $3 }' out | tr '\n' ' ' |
    grep -qx 'conv1 conv2 7 0 '; echo $?)" "nodes and bits are chosen" "$(cat out)"
run inject cnn.onnx --quiet --images 20 --count 50 --nodes 'pool*' --csv -
report "$([ "$status" = 0 ] && ! grep -q ^weights out; echo $?)" \
    "a target of the default that has no such node is left out" "$(cat out err)"
run inject cnn.onnx --quiet --images 20 --plan
# Leveugle's n = N / (1 + e^2 (N - 1) / (t^2 p (1 - p))) at e 0.01, t 1.96, p 0.5 is 8010.
report "$([ "$status" = 0 ] && grep -q '^weights  *48256  *[0-9.]*  *8010 .* 48256  *[0-9.]*$' out; echo $?)" \
    "the plan counts faults" "$(cat out err)"
for format in int4 int6+signmag fixed8 fixed8.5 int8c+gray int16 fixed12 fp32 fp16 bf16 e4m3s e5m2 \
    pow2_4; do
    expect 0 '' "faults in $format" inject cnn.onnx --quiet --images 20 --count 50 --format $format
done
# 300 images are three batches
expect 0 '' "more images than one batch has, in int16" \
    inject mlp.onnx -q --count 20 --format int16 --images 300
expect 0 '' "ternary weights" inject cnn.onnx -q --images 20 --count 50 --weights tern
expect 0 '' "weights in int8 and activations in floats" \
    inject cnn.onnx -q --images 20 --count 50 --weights int8 --activations fp16
expect 0 '' "narrow sums that saturate" inject cnn.onnx -q --images 20 --count 50 --accumulator 20+sat
expect 0 '' "running sums and scales" \
    inject cnn.onnx -q --images 20 --count 50 --target accumulators,scales
for rule in percentile:99.9 mse; do
    expect 0 '' "ranges by $rule" inject cnn.onnx -q --images 20 --count 50 --format int4 --ranges $rule
done

# A whole data set in batches: 1797 images are 18 batches.
expect 0 '' "more images than one batch has" \
    inject mlp.onnx --quiet --split all --count 20 --target weights --csv all.csv
report "$(grep -q '^weights,network,,20,[0-9]*,1797,' all.csv; echo $?)" "all of them are struck" \
    "$(cat all.csv)"

# --- images that set the ranges ---

# The images at hand, once by themselves and once as a file: the same ranges.  Images with
# values of a tenth: others.
head -n 202 "$srcdir/data/digits.csv" >some.csv
{ head -n 2 some.csv; sed 1,2d some.csv | awk -F, -v OFS=, '{ for (i = 1; i < NF; i++) { $i = int($i / 10) } print }'; } >dark.csv
inject mlp.onnx --data some.csv -q --target weights,activations --count 300 --csv own.csv --calibrate 1000 >own.txt
inject mlp.onnx --data some.csv -q --target weights,activations --count 300 --csv file.csv --calibrate some.csv >file.txt
inject mlp.onnx --data some.csv -q --target weights,activations --count 300 --csv dark.out --calibrate dark.csv >dark.txt
for file in own.csv file.csv dark.out; do
    grep -v '^# configuration' $file >$file.rows
done
report "$(cmp own.csv.rows file.csv.rows; echo $?)" "a file of the same images sets the same ranges"
report "$(grep -q '^activations,network' dark.out && ! cmp -s own.csv.rows dark.out.rows; echo $?)" \
    "a file of darker images sets others"
expect 0 '' "a data set known by name" inject mlp.onnx -q --count 20 --calibrate digits
expect 0 '' "and one beside floats, which have no ranges" \
    inject mlp.onnx -q --count 20 --calibrate some.csv --format fp32 --data some.csv
inject mlp.onnx -q --count 20 --calibrate some.csv --run ranges.evo >ranges.txt
cp some.csv moved.csv
expect 0 '' "the same images under another name go on" \
    inject mlp.onnx -q --count 20 --calibrate moved.csv --run ranges.evo --resume
expect 3 'made with another configuration' "other images do not" \
    inject mlp.onnx -q --count 20 --calibrate dark.csv --run ranges.evo --resume
expect 4 'nowhere.csv' "images that are not there" inject mlp.onnx --calibrate nowhere.csv
expect 2 '--calibrate: expected' "no images" inject mlp.onnx --calibrate 0
if [ -r "$cifar" ]; then
    expect 3 'the input is 1x8x8, the images of' "ranges of images of another shape" \
        inject cnn.onnx --calibrate "$cifar"
else
    skip "ranges of images of another shape" "the test models are not there"
fi

# --- what is refused ---

expect 2 '--format: no number format "int99"' "a format that does not exist" \
    inject cnn.onnx --format int99
expect 2 '--weights fp16: with activations in integers' "floats that integers multiply" \
    inject cnn.onnx --weights fp16
expect 2 '--format bin: activations are' "binary activations" inject cnn.onnx --format bin
expect 2 '--weights uint8: only activations' "weights with a zero point" inject cnn.onnx --weights uint8
expect 2 'rounding to the nearest' "stochastic rounding" inject cnn.onnx --format int8+stochastic
expect 2 '--accumulator: expected 16 to 64 bits' "narrow sums" inject cnn.onnx --accumulator 8
expect 2 'sums of activations in floats' "wide sums of floats" \
    inject cnn.onnx --format fp16 --accumulator 48
expect 2 '--ranges: expected max' "a rule that does not exist" inject cnn.onnx --ranges most
expect 2 'stores no norm' "a target that is not there" inject cnn.onnx --target norm
expect 2 '--nodes: no node' "no such node" inject cnn.onnx --nodes nowhere
expect 2 '--bits: expected numbers from 0 to 7, found 8' "no such bit" inject cnn.onnx --bits 8
expect 2 '--channels: 3-1 holds no number' "an empty range" inject cnn.onnx --channels 3-1
expect 2 '--target: expected one of' "no such target" inject cnn.onnx --target outputs
expect 2 'exclude each other' "two numbers of faults" inject cnn.onnx --count 5 --exhaustive
expect 2 '--plan and --csv exclude each other' "a plan as CSV" inject cnn.onnx --plan --csv plan.csv
expect 2 'needs a model' "a topology" inject "$topologies/mlp.yaml"
expect 2 'MODEL.onnx is missing' "no model" inject
expect 4 'none.onnx' "a model that is not there" inject none.onnx
cp 1.csv kept.csv
expect 2 'kept.csv: exists already' "an output that exists" inject cnn.onnx --csv kept.csv
report "$(cmp 1.csv kept.csv; echo $?)" "which stays as it was"
if [ -r "$cifar" ]; then
    expect 3 'the input is 1x8x8, the images of' "images of another shape" \
        inject cnn.onnx --data "$cifar"
else
    skip "images of another shape" "the test models are not there"
fi

# Eight bytes of ones in the middle of the weights hold a NaN wherever floats begin.
cp mlp.onnx nan.onnx
printf '\377\377\377\377\377\377\377\377' |
    dd of=nan.onnx bs=1 seek=$(($(wc -c <mlp.onnx) / 2)) conv=notrunc 2>/dev/null
expect 3 'is not finite' "a NaN among the weights" inject nan.onnx

# Values up to 1e38 overflow in the first convolution.
cat >plain.yaml <<YAML
input: [1, 8, 8]
nodes:
  - {conv: 8, kernel: 3, name: conv1}
  - {flatten, name: flatten}
  - {dense: 10, bias: yes, name: classes}
YAML
"$builddir/tests/write_models" . plain.yaml
for format in int8 fp32 fp16; do
    expect 3 'is not finite' "a run without faults that is not finite, in $format" \
        inject plain.onnx --format $format --range 0..3e38
done

for op in softmax 'div: [conv1, share]'; do
    name=${op%%:*}
    cat >"$name.yaml" <<YAML
input: [1, 8, 8]
nodes:
  - {conv: 8, kernel: 3, name: conv1}
  - {sigmoid, name: share}
  - {$op, name: middle}
  - {flatten, name: flatten}
  - {dense: 10, bias: yes, name: classes}
YAML
done
if "$builddir/tests/write_models" . softmax.yaml div.yaml; then
    for name in softmax div; do
        expect 3 "$name has no execution in integer formats" "$name in the middle" \
            inject $name.onnx --range raw
    done
else
    report 1 "models with softmax and div are written"
fi
finish
