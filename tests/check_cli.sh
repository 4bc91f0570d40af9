#!/bin/sh
# The command line as a whole: what is printed where, which exit status, no half file.
. "${EF_SRCDIR:-$(dirname "$0")/..}/tests/tap.sh"

topologies=$srcdir/data/topologies
mlp=$topologies/mlp.yaml
eyeriss=$srcdir/data/hardware/eyeriss-like.yaml

# --- help and version ---

expect 0 '' "help lists the commands" "$evoflip" help
cp out help
run "$evoflip" --help
report "$(cmp -s help out; echo $?)" "--help says the same as help"
commands=$(awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' help)
for command in $commands; do
    expect 0 '' "$command --help ends with 0 and says nothing on stderr" \
        "$evoflip" "$command" --help
    report "$(awk 'length > 79 { bad = 1 } END { exit bad }' out; echo $?)" \
        "$command --help fits 79 columns"
done
expect 0 '' "version prints name and version" "$evoflip" version
report "$(grep -Eq '^evoflip [0-9]+\.[0-9]+\.[0-9]+$' out; echo $?)" "in one line"
expect 0 '' "--version does too" "$evoflip" --version
expect 0 '' "without a viewer, help COMMAND falls back on --help" \
    env PATH=/nowhere "$evoflip" help score
report "$(grep -q '^Usage: evoflip score' out; echo $?)" "and says so"

# --- wrong usage: 2 ---

expect 2 'no command given' "no command is wrong usage" "$evoflip"
expect 2 "did you mean 'score'?" "an unknown command names the nearest" "$evoflip" scroe
expect 2 "'xyzzy' is not a command" "or the list of all" "$evoflip" xyzzy
expect 2 "'xyzzy' is not a command" "help too" "$evoflip" help xyzzy
expect 2 'did you mean --objectives?' "an unknown option names the nearest" \
    "$evoflip" score --objective params "$mlp"
expect 2 "see evoflip score --help" "and where to look" "$evoflip" score --nonsense
expect 2 "--seed: expected a whole number, found '3x'" "numbers are read whole" \
    "$evoflip" score --seed 3x "$mlp"
expect 2 'its value (LIST) is missing' "a value must be there" "$evoflip" score --objectives
expect 2 'FILE is missing' "an operand must be there" "$evoflip" score
expect 2 'one operand too many' "and not one too many" "$evoflip" version x
expect 2 "no objective 'parms'; there are" "an objective must exist" \
    "$evoflip" score --objectives parms "$mlp"
expect 2 'error is not known from the topology alone' "and be known without training" \
    "$evoflip" score --objectives error "$mlp"
expect 2 '--limit: ccr is not known from the topology alone' "as that of a limit" \
    "$evoflip" score --limit 'ccr:target=weights:ber=1e-3<=5%' "$mlp"
expect 2 '--objectives: energy needs an accelerator, which --hardware FILE gives' \
    "an accelerator must be there for energy" "$evoflip" score --objectives params,energy "$mlp"
expect 2 '--limit: traffic needs an accelerator' "for a limit too" \
    "$evoflip" score --limit 'traffic<=64KiB' "$mlp"
expect 2 'expected a bound for energy in J' "a bound has the unit of its objective" \
    "$evoflip" score --hardware "$eyeriss" --limit 'energy<=2ms' "$mlp"
expect 2 "--hardware is for objectives and --schedule only" "no accelerator gets anything wrong" \
    "$evoflip" score --accuracy --hardware "$eyeriss" "$mlp"
expect 2 "--limit: expected a bound" "a limit must have a bound" \
    "$evoflip" score --limit 'params<=many' "$mlp"
expect 2 "--format: " "a format must exist" "$evoflip" score --format int99 "$mlp"

# --- malformed input: 3, with file, line and column ---

: >empty.yaml
expect 3 'empty.yaml' "an empty YAML" "$evoflip" score empty.yaml
sed 's/dense: 32/dense: 3x/' "$mlp" >number.yaml
line=$(grep -n 3x number.yaml | head -n 1 | cut -d: -f1)
expect 3 "number.yaml:$line:" "3x for a number names its line" "$evoflip" score number.yaml
report "$(grep -q "'3x'" err; echo $?)" "and what was found"
sed 's/bias: yes, name: dense2/bais: yes, name: dense2/' "$mlp" >key.yaml
line=$(grep -n bais key.yaml | head -n 1 | cut -d: -f1)
expect 3 "key.yaml:$line:" "an unknown key names its line" "$evoflip" score key.yaml
printf '\377\376\000binary' >binary.yaml
expect 3 'binary.yaml' "bytes that are no text" "$evoflip" score binary.yaml
sed 's/^clock:.*/clock: 200/' "$eyeriss" >hardware.yaml
line=$(grep -n '^clock' hardware.yaml | cut -d: -f1)
expect 3 "hardware.yaml:$line:" "a number without unit names its line" \
    "$evoflip" score --hardware hardware.yaml "$mlp"
sed '/^dram:/,$d' "$eyeriss" >hardware.yaml
expect 3 'hardware.yaml' "a missing number its file" \
    "$evoflip" score --hardware hardware.yaml "$mlp"
printf 'weights: {margin: -1}\n' >constants.yaml
expect 3 'constants.yaml:1:' "a constant out of bounds its line" \
    "$evoflip" score --constants constants.yaml "$mlp"
printf 'a: 1\n\000\n' >zero.yaml
expect 3 'zero.yaml: not a text' "bytes that end a text" \
    "$evoflip" score --hardware zero.yaml "$mlp"
printf 'a: [1\n' >open.yaml
expect 3 'open.yaml:' "YAML that does not end" "$evoflip" score open.yaml

printf '# shape: 1x1x2\n1,2,0\n3,4\n' >ragged.csv
expect 3 'ragged.csv:3' "a ragged CSV row names its line" \
    "$evoflip" score --summary --data ragged.csv --label last
: >empty.csv
expect 3 'empty.csv' "an empty CSV" "$evoflip" score --summary --data empty.csv
printf '1,2,-7\n1,2,0\n' >label.csv
expect 3 'label.csv:1' "a label out of range names its line" \
    "$evoflip" score --summary --data label.csv --label last --shape 1x1x2
head -c 1000 "$srcdir/data/digits.csv" >short.csv
expect 3 'short.csv:' "a truncated CSV" "$evoflip" score --summary --data short.csv
head -c 3000 /dev/zero >short.bin
expect 3 'short.bin' "a truncated CIFAR file" "$evoflip" score --summary --data short.bin

# --- input and output: 4 ---

expect 4 'absent.yaml' "a missing topology" "$evoflip" score absent.yaml
expect 4 'absent.yaml' "a missing accelerator" "$evoflip" score --hardware absent.yaml "$mlp"
expect 4 'absent.csv' "a missing data file" "$evoflip" score --summary --data absent.csv
expect 4 '.' "a folder in place of a topology" "$evoflip" score .
expect 4 'no/such/out.csv' "an output that cannot be written" \
    "$evoflip" score --csv no/such/out.csv "$mlp"
if [ "$(id -u)" = 0 ]; then
    skip "an unreadable topology" "root reads everything"
else
    cp "$mlp" closed.yaml && chmod 0 closed.yaml
    expect 4 'closed.yaml' "an unreadable topology" "$evoflip" score closed.yaml
fi
if [ -w /dev/full ]; then
    for words in 'help' 'version' "score $mlp" "score --json $mlp" "score --csv - $mlp" \
        'score --list' 'score --summary --data digits'; do
        status=0
        # shellcheck disable=SC2086  # words of a command line
        "$evoflip" $words >/dev/full 2>err || status=$?
        report "$([ $status = 4 ] && [ "$(wc -l <err)" = 1 ] && grep -q 'standard output' err
            echo $?)" "a full disk under ${words%% /*} is seen" "status $status: $(cat err)"
    done
    expect 4 '/dev/full' "a full disk under a file too" \
        "$evoflip" score --force --csv /dev/full "$mlp"
else
    skip "a full disk" "no /dev/full here"
fi
status=0
{ "$evoflip" score --list 2>err || echo $? >status; } | :
report "$([ ! -s err ]; echo $?)" "a reader that goes away is no news" "$(cat err)"

# --- outputs that exist ---

echo old >scores.csv
expect 2 'scores.csv: exists already' "an output that exists is refused" \
    "$evoflip" score --csv scores.csv "$mlp"
report "$([ "$(cat scores.csv)" = old ]; echo $?)" "and stays as it was"
expect 0 '' "--force overwrites it" "$evoflip" score --force --csv scores.csv "$mlp"
report "$(grep -q '^topology,size,params' scores.csv; echo $?)" "with the table"
expect 3 'empty.yaml' "a failure after it" "$evoflip" score -f --csv scores.csv empty.yaml
report "$(grep -q '^topology,size,params' scores.csv; echo $?)" "leaves the old file"
report "$(find . -name '*.csv*' | grep -vE '\.csv$' | grep -q . && echo 1 || echo 0)" \
    "no half-written file is left" "$(ls)"

# --- score ---

expect 0 '' "score prints a row for each topology" "$evoflip" score "$mlp" "$mlp"
report "$([ "$(wc -l <out)" = 3 ]; echo $?)" "below the names"
"$evoflip" score --csv - --objectives params,depth --limit 'params<=1k' "$mlp" >out 2>err
# 64*64+64 + 64*32+32 + 32*10+10 = 6570; (6570 - 1000) / 1000
report "$(grep -q 'mlp.yaml,6570,3,5.57$' out; echo $?)" \
    "a limit adds its violation as a share of the bound" "$(cat out)"
report "$(grep -q '^# evoflip: ' out && grep -q '^# format: int8$' out; echo $?)" \
    "CSV names version and configuration"
"$evoflip" score --json "$mlp" >out 2>err
report "$(grep -q '"params": 6570' out; echo $?)" "JSON holds the same number" "$(cat out)"
expect 0 '' "score --summary prints nodes" "$evoflip" score --summary "$mlp"
report "$(grep -q '^total .*6,570' out; echo $?)" "and totals"
expect 0 '' "score --summary --data prints images, shape, classes and parts" \
    "$evoflip" score --summary --data digits
report "$(grep -q '1797 images of 1x8x8, 10 classes' out; echo $?)" "of the digits"
expect 4 "$scratch/digits.csv" "EVOFLIP_DATA names the data folder" \
    env EVOFLIP_DATA="$scratch" "$evoflip" score --summary --data digits

# --- train and export ---

quick='--epochs 1 --quiet'
# shellcheck disable=SC2086  # words of a command line
train() { run "$evoflip" train "$@" $quick; }

expect 0 '' "train says nothing on stderr under --quiet" \
    "$evoflip" train "$mlp" --epochs 2 --quiet -o mlp.onnx
report "$(grep -Eq '^val +360 ' out && grep -q '^mlp.onnx: 6570 parameters' out; echo $?)" \
    "and prints errors and what it wrote" "$(cat out)"
train "$mlp" --threads 1 -o one.onnx
train "$mlp" --threads 2 -o two.onnx
report "$(cmp one.onnx two.onnx 2>&1; echo $?)" "1 and 2 threads give the same bytes"
train "$mlp" --seed 2 -o three.onnx
report "$(cmp -s one.onnx three.onnx && echo 1 || echo 0)" "another seed gives others"
report "$(grep -aq 'epochs=1 batch=32' one.onnx && grep -aq 'data_hash' one.onnx
    echo $?)" "the model names its configuration"
report "$(grep -aq -e one.onnx -e "$scratch" -e digits.csv one.onnx && echo 1 || echo 0)" \
    "and no path"
expect 2 'mlp.onnx: exists already' "an output that exists is refused before training" \
    "$evoflip" train "$mlp" --epochs 100000 -o mlp.onnx
expect 3 "the input is 1x28x28, the images of digits are 1x8x8" "images must fit" \
    "$evoflip" train "$topologies/lenet5.yaml" -o x.onnx
sed 's/dense: 10,/dense: 7,/' "$mlp" >seven.yaml
expect 3 "'classes' has 7 units, digits has 10 classes" "and classes" \
    "$evoflip" train seven.yaml -o x.onnx
expect 1 'diverged' "training that diverges says so" \
    "$evoflip" train "$mlp" --rate 100 --warmup 0 --momentum 0.99 --epochs 20 -q -o x.onnx
report "$([ ! -e x.onnx ]; echo $?)" "and writes nothing"
expect 4 'no/such/x.onnx' "a folder that is not there" \
    "$evoflip" train "$mlp" --epochs 1 -q -o no/such/x.onnx
expect 2 '--isa' "an instruction set must be known" "$evoflip" train "$mlp" --isa 8086
expect 0 '' "export writes the topology of a model" \
    "$evoflip" export one.onnx --topology net.yaml
train net.yaml -o again.onnx
report "$(cmp one.onnx again.onnx 2>&1; echo $?)" "which trains to the same bytes"
expect 0 '' "training goes on from a model" \
    "$evoflip" train one.onnx --quiet -o more.onnx
report "$(grep -aq 'epochs=10 batch=32 rate=0.001 .*warmup=0 .*smoothing=0 ' more.onnx; echo $?)" \
    "at a lower rate, without a warm-up" "$(grep -ao 'epochs=[ -~]*' more.onnx)"
train one.onnx --threads 1 -o tuned1.onnx
train one.onnx --threads 2 -o tuned2.onnx
report "$(cmp tuned1.onnx tuned2.onnx 2>&1; echo $?)" "to the same bytes on 1 and 2 threads"
LC_ALL=C sed 's/command/authors/; s/dense1/fcHigh/g' one.onnx >foreign.onnx
train foreign.onnx -o kept.onnx
report "$(grep -aq authors kept.onnx && grep -aq fcHigh kept.onnx; echo $?)" \
    "metadata and names of others stay" "$(cat err)"
train one.onnx --from-scratch --seed 2 -o scratch.onnx
sed '$d' out >scratch.out
train net.yaml --seed 2 -o yaml.onnx
sed '$d' out >yaml.out
report "$(cmp scratch.out yaml.out && grep -aq 'from-scratch=yes' scratch.onnx; echo $?)" \
    "--from-scratch trains a model as its topology" "$(cat scratch.out yaml.out)"
awk -F, '/^#/ || $NF < 7' "$srcdir/data/digits.csv" | sed '1s/classes: 10/classes: 7/' >seven.csv
expect 3 "has 10 units, seven.csv has 7 classes; --new-head exchanges the last layer" \
    "another number of classes is refused with what helps" \
    "$evoflip" train one.onnx --data seven.csv --shape 1x8x8 --label last -q -o x.onnx
expect 0 '' "--new-head takes it" "$evoflip" train one.onnx --new-head --epochs 1 -q \
    --data seven.csv --shape 1x8x8 --label last -o head.onnx
report "$(grep -q '^head.onnx: 6471 parameters' out; echo $?)" \
    "with a last layer of 32 x 7 weights and 7 biases" "$(cat out)"
expect 0 '' "score reads a model" "$evoflip" score --csv - --objectives params one.onnx
report "$(grep -q 'one.onnx,6570$' out; echo $?)" "as its topology" "$(cat out)"
head -c 1000 one.onnx >cut.onnx
expect 3 'cut.onnx' "a model cut short" "$evoflip" score cut.onnx
expect 2 'say what to write' "export must know what to write" "$evoflip" export one.onnx
expect 2 'net.yaml: exists already' "and keeps what exists" \
    "$evoflip" export one.onnx --topology net.yaml
expect 3 'one.onnx' "a model is no run file" \
    "$evoflip" export one.onnx --model 1 -o x.onnx

# --- score --accuracy ---

"$evoflip" train "$topologies/cnn-digits.yaml" --epochs 2 --seed 7 --quiet -o cnn.onnx >train.out
expect 0 '' "score --accuracy says nothing on stderr where all is said" \
    "$evoflip" score --accuracy cnn.onnx --threads 1
cp out one.out
# "test 359 76 21.17" of train against "...: 76 of 359 images wrong"
errors=$(awk '$1 == "test" { print $3 " of " $2 }' train.out)
report "$(grep -qF "cnn.onnx on digits, test part of seed 7: $errors images wrong" out
    echo $?)" "it finds the errors that train found, on the test part of its seed" "$(cat out)"
report "$(awk '/^true class/ { on = 1; next }
    on { images += $12; right += $($1 + 2); for (i = 2; i < 12; i++) sum += $i }
    END { print images - right " of " images, sum - images }' out | grep -qxF "$errors 0"
    echo $?)" "the rows of the confusion table are the classes" "$(cat out)"
run "$evoflip" score --accuracy cnn.onnx --threads 3
report "$(cmp one.out out 2>&1; echo $?)" "3 threads give the same bytes"
expect 0 'cnn.onnx was trained with the parts of seed 7' \
    "parts that mix in training images are told" \
    "$evoflip" score --accuracy cnn.onnx --seed 1
expect 0 'cnn.onnx holds its normalisation' "and a normalisation that is not needed" \
    "$evoflip" score --accuracy cnn.onnx --range raw
run "$evoflip" score --accuracy one.onnx cnn.onnx --split val --images 100 --csv -
report "$(grep -q '^model,part,seed,images,errors,error,low,high$' out &&
    grep -q '^one.onnx,val,1,100,' out && grep -q '^cnn.onnx,val,7,100,' out; echo $?)" \
    "several models are rows of a CSV" "$(cat out)"
run "$evoflip" score --accuracy one.onnx cnn.onnx
report "$([ "$(grep -c '^true class' out)" = 2 ] && grep -q '^model .*high (%)$' out
    echo $?)" "or blocks and a table" "$(cat out)"
run "$evoflip" score --accuracy cnn.onnx --json
report "$(grep -q '"errors": '"${errors%% *}"',' out; echo $?)" "or JSON" "$(cat out)"
expect 2 'needs a model (*.onnx)' "a topology has no weights to run" \
    "$evoflip" score --accuracy "$mlp"
head -c 3073 /dev/zero >black.bin
expect 3 'cnn.onnx: the input is 1x8x8, the images of black.bin are 3x32x32' \
    "images must fit" "$evoflip" score --accuracy cnn.onnx --data black.bin
{ echo '# shape: 1x8x8  label: last  classes: 11'
    grep -v '^#' "$srcdir/data/digits.csv" | cut -d, -f1-65 | head -n 20; } >eleven.csv
expect 3 "has 10 units, eleven.csv has 11 classes" "and classes" \
    "$evoflip" score --accuracy cnn.onnx --data eleven.csv
expect 2 "--split: expected one of train, val, test, all, found 'half'" \
    "a part must be known" "$evoflip" score --accuracy cnn.onnx --split half
expect 2 '--split is for --accuracy only' "options stand with what they are for" \
    "$evoflip" score --split test cnn.onnx
expect 2 '--accuracy and --summary exclude each other' "and what is printed is one thing" \
    "$evoflip" score --summary --accuracy cnn.onnx
expect 0 '' "score --summary reads a model" "$evoflip" score --summary cnn.onnx
report "$(grep -q '^note: seed: 7$' out && grep -q '^output: classes, 10$' out; echo $?)" \
    "and prints what it says of itself" "$(cat out)"
# The scale is a Mul and an Add, and the input is a node of the topology only.
report "$(grep -q "^ONNX IR version 7, operator set 13, written by evoflip [0-9.]*\$" out &&
    grep -q '^nodes: 12 in the file, 0 of them evaluated while reading; 12 below$' out
    echo $?)" "and of the file" "$(cat out)"
resnet=$EF_TEST_MODELS/models/resnet20-cifar10-bn.onnx
if [ -n "$EF_TEST_MODELS" ] && [ -e "$resnet" ]; then
    run "$evoflip" export "$resnet" --fold-batchnorm -o resnet.onnx --topology resnet.yaml
    expect 0 '' "score --accuracy runs the models of others" \
        "$evoflip" score --accuracy "$resnet" resnet.onnx \
        --data "$EF_TEST_MODELS/data/cifar10-test-1000.bin"
    # as onnxruntime 1.16.3 counts them
    report "$([ "$(grep -c 'all images: 85 of 1000 images wrong$' out)" = 2 ]; echo $?)" \
        "and takes the values of their images as they are, folded or not" "$(cat out)"
    "$evoflip" score --csv - resnet.onnx resnet.yaml | sed -n 's/^resnet.[a-z]*,//p' >rows
    report "$([ "$(sort -u rows | wc -l)" = 1 ] && [ "$(wc -l <rows)" = 2 ]; echo $?)" \
        "which export writes anew, and as YAML" "$(cat rows err)"
else
    skip "the models of others" "the test models are not there"
fi

# --- export of models ---

expect 0 '' "export writes a model anew" "$evoflip" export cnn.onnx -o anew.onnx
report "$(cmp cnn.onnx anew.onnx 2>&1; echo $?)" "one of its own with the same bytes"
expect 0 '' "export folds batch norms" \
    "$evoflip" export cnn.onnx --fold-batchnorm -o folded.onnx --topology folded.yaml
report "$(grep -q batchnorm folded.yaml && echo 1 || echo 0)" "so that none is left"
"$evoflip" score --accuracy cnn.onnx --csv - | sed 's/cnn/folded/' >cnn.csv
"$evoflip" score --accuracy folded.onnx --csv - >folded.csv
report "$(cmp cnn.csv folded.csv 2>&1; echo $?)" "with the same errors on the same part"
expect 0 'folded.onnx has no batch norms' "nothing to fold is told" \
    "$evoflip" export folded.onnx --fold-batchnorm -f -o folded.onnx
"$evoflip" export one.onnx --topology - |
    awk '/flatten/ { print "  - {batchnorm, name: first}" } { print }' >first.yaml
train first.yaml -f -o one.onnx
expect 0 'one.onnx: 1 of 1 batch norms stay' "and what stays" \
    "$evoflip" export one.onnx --fold-batchnorm -f -o one.onnx
expect 2 'mlp.yaml is taken for a topology, which has no weights' \
    "a topology is no model" "$evoflip" export "$mlp" -o x.onnx
expect 2 'cnn.onnx: exists already' "a model that exists stays" \
    "$evoflip" export anew.onnx -o cnn.onnx
expect 0 '' "a model goes to standard output" "$evoflip" export cnn.onnx -o -
report "$(cmp cnn.onnx out 2>&1; echo $?)" "whole"

# --- completion of bash ---

if command -v bash >/dev/null 2>&1; then
    cat >complete.bash <<'BASH'
. "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_evoflip "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
echo "${COMPREPLY[@]}"
BASH
    offers() { # WORD... EXPECTED: the last word is what must be offered
        for wanted in "$@"; do :; done
        sentence="completion offers '$wanted'"
        words=
        while [ $# -gt 1 ]; do
            words="$words '$1'"
            shift
        done
        offered=$(eval "bash complete.bash '$srcdir/scripts/evoflip.bash' '$evoflip' $words" 2>&1)
        report "$(echo " $offered " | grep -qF -- " $wanted "; echo $?)" \
            "$sentence after$words" "$offered"
    }
    offers sc score
    offers help sc score
    offers score --obj --objectives
    offers inject --exh --exhaustive
    offers score --data dig digits
    offers score --data '' fashion
else
    skip "completion of bash" "bash is not installed"
fi
finish
