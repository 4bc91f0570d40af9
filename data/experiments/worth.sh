#!/bin/sh
# Is the search worth it?  Topologies evolved for resilience against ResNet-8, ResNet-20,
# MobileNetV2 and NASNet-A (the last two at the width of at most 5 million MACs), all
# trained the same way on 12,000 images of Fashion-MNIST and struck by the same bit error
# rates: the ratio of class change rates (CCR) at equal rate, the ratio of rates at equal
# CCR, and a 95 % interval of each over training seeds.
#
#   data/experiments/worth.sh OUT [THREADS]       with evoflip in PATH or in EVOFLIP
#
# EVOFLIP, SEEDS (3), EPOCHS (5), IMAGES (12000), EVALUATIONS (144), STRUCK (100 images),
# TRIALS (30) and PROXY may be set in the environment.  What is there already in OUT is
# kept, so a run that was stopped goes on; searches and trainings that are to be repeated
# have to be removed.  An hour of one core; give it to nice(1) beside other work.
#
# 1. References: each topology of data/topologies, for images of 1x28x28.
# 2. Search: error and PROXY as objectives, within fewer parameters and MACs than the
#    smallest reference has, short trainings on 3000 images.  The test part is not looked
#    at, and no fault is injected.
# 3. Up to 10 members of the front, evenly by PROXY, are trained from scratch like the
#    references, with seed 1.
# 4. For each reference the evolved network is the one of least PROXY whose validation
#    error is within half a point of the reference's, or below; where none is, the one of
#    least error.  Its control is the network of most PROXY among all that the search
#    trained whose error in the search was not above the evolved one's: what a search that
#    does not know the proxy might have given.
# 5. All are trained with the other seeds, then struck: int8, weights and activations
#    apart, the same images of the test part and seeds of faults.
#
# Ratios are taken seed by seed; the mean and Student's interval are those of their
# logarithms.  A rate at a given CCR is interpolated between the two that were struck on
# either side, in the logarithms of both.
#
# In OUT: errors.csv, a row for each training; ccr.csv, a row for each model, target and
# rate; ratios.csv and ratios.txt, the result.
set -eu
[ $# -ge 1 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
out=$1
threads=${2:-1}
evoflip=${EVOFLIP:-evoflip}
seeds=${SEEDS:-3}
epochs=${EPOCHS:-5}
images=${IMAGES:-12000}
evaluations=${EVALUATIONS:-144}
struck=${STRUCK:-100}
trials=${TRIALS:-30}
proxy=${PROXY:-predicted_ccr:target=both:ber=1e-3}
rates=ber:1e-5:3e-5:1e-4:3e-4:1e-3:3e-3
references="resnet8 nasnet-a-5m mobilenetv2-5m resnet20"
topologies=$(dirname "$0")/../topologies
mkdir -p "$out/topologies" "$out/models" "$out/ccr"

# reference NAME: its topology for 28 x 28 pixels.  Two of them take every second row and
# column by slices of the size at hand; NASNet-A's odd ones need a frame at 7 x 7.
reference() {
    [ -e "$out/topologies/$1.yaml" ] && return
    case $1 in
    resnet20) resize='s/\[0, 32, 2\]/[0, 28, 2]/g; s/\[0, 16, 2\]/[0, 14, 2]/g' ;;
    nasnet*) resize='s/\[\([01]\), 16, 2\]/[\1, 14, 2]/g; s/\[0, 8, 2\]/[0, 7, 2]/g
        s/\(  - {\)\(slice.*\)from: n3.before.relu, \(name: n3.before\).odd}/\1pad: [0, 0, 1, 1], from: n3.before.relu, \3.frame}\n\1\2\3.odd}/' ;;
    *) resize= ;;
    esac
    sed -e 's/^input: .*/input: [1, 28, 28]/' -e '/^# [0-9,]* parameters/d' \
        -e "$resize" "$topologies/$1.yaml" >"$out/topologies/$1.yaml"
}

# train NAME SEED: the one way in which every network here is trained
train() {
    model=$out/models/$1.$2
    [ -e "$model.onnx" ] && return
    echo "train $1, seed $2" >&2
    "$evoflip" train -q "$out/topologies/$1.yaml" --data fashion --images "$images" \
        --epochs "$epochs" --rate 0.03 --seed "$2" --threads "$threads" \
        -f -o "$model.part.onnx" >"$model.log"
    mv "$model.part.onnx" "$model.onnx"
}

# error NAME SEED PART: the share that the trained model gets wrong
error() {
    awk -v part="$3" '$1 == part { print $3 / $2 }' "$out/models/$1.$2.log"
}

# strike NAME SEED
strike() {
    [ -e "$out/ccr/$1.$2.csv" ] && return
    echo "strike $1, seed $2" >&2
    "$evoflip" inject -q "$out/models/$1.$2.onnx" --data fashion --images "$struck" \
        --format int8 --target weights,activations --fault $rates --count "$trials" \
        --seed 1 --threads "$threads" --csv "$out/ccr/$1.$2.csv" -f \
        >"$out/ccr/$1.$2.txt"
}

# columns FILE NAME...: these columns of a CSV file with comments
columns() {
    file=$1
    shift
    awk -F, -v names="$*" '/^#/ { next }
        !n { n = split(names, name, " "); for (i = 1; i <= NF; i++) at[$i] = i; next }
        { for (i = 1; i <= n; i++) printf "%s%s", $at[name[i]], i < n ? " " : "\n" }' \
        "$file"
}

# take ID NAME: the topology of an individual of the search
take() {
    [ -e "$out/topologies/$2.yaml" ] || "$evoflip" export "$out/search/run.evo" \
        --model "$1" --topology "$out/topologies/$2.yaml"
}

for name in $references; do
    reference "$name"
    train "$name" 1
done

if ! [ -e "$out/search/front.csv" ]; then
    resume=
    [ -e "$out/search/run.evo" ] && resume=--resume
    if [ "$resume" ]; then
        "$evoflip" search --resume -q -o "$out/search" --threads "$threads" >"$out/search.log"
    else
        "$evoflip" search -q --data fashion --images 3000 --objectives "error,$proxy" \
            --limit 'params<=70k' --limit 'macs<=2.6M' --population 24 \
            --evaluations "$evaluations" --start-epochs 3 --epochs 2 --seed 1 \
            --threads "$threads" -o "$out/search" >"$out/search.log"
    fi
fi
"$evoflip" front --all "$out/search/run.evo" >"$out/all.csv"

# Candidates: id and proxy, by proxy, whose column has the name that the search gave it.
column=$(sqlite3 "$out/search/run.evo" "SELECT name FROM objective WHERE position = 1")
columns "$out/search/front.csv" id "$column" | sort -g -k 2 >"$out/front"
n=$(wc -l <"$out/front")
awk -v n="$n" -v most=10 'n <= most || int(NR * most / n) > int((NR - 1) * most / n)' \
    "$out/front" >"$out/candidates"
while read -r id value; do
    take "$id" "front$id"
    train "front$id" 1
done <"$out/candidates"

# pairs: reference, evolved, control
: >"$out/pairs"
for name in $references; do
    bound=$(error "$name" 1 val)
    id=$(while read -r id value; do echo "$id $(error "front$id" 1 val)"; done \
        <"$out/candidates" | awk -v bound="$bound" '
            $2 <= bound + 0.005 && !first { first = $1 }
            least == "" || $2 < least { least = $2; best = $1 }
            END { print first ? first : best }')
    control=$(columns "$out/all.csv" id status violation error "$column" |
        awk -v id="$id" '$2 == "trained" && $3 == 0 { error[$1] = $4; proxy[$1] = $5 }
            END { for (i in error)
                      if (error[i] <= error[id] && (!worst || proxy[i] > proxy[worst] ||
                          (proxy[i] == proxy[worst] && i + 0 < worst + 0))) worst = i
                  print worst }')
    take "$control" "control$control"
    echo "$name front$id control$control" >>"$out/pairs"
done

networks=$(tr ' ' '\n' <"$out/pairs" | sort -u)
seed=1
while [ "$seed" -le "$seeds" ]; do
    for name in $networks; do
        train "$name" "$seed"
        strike "$name" "$seed"
    done
    seed=$((seed + 1))
done

# What was trained: costs, the proxy, errors.
{
    echo "network,seed,params,macs,proxy,validation_error,test_error"
    for name in $networks; do
        costs=$("$evoflip" score --objectives "params,macs,$proxy" --csv - \
            "$out/topologies/$name.yaml" |
            awk -F, -v OFS=, '!/^#/ && n++ { print $2, $3, $4 }')
        seed=1
        while [ "$seed" -le "$seeds" ]; do
            echo "$name,$seed,$costs,$(error "$name" "$seed" val),$(
                error "$name" "$seed" test)"
            seed=$((seed + 1))
        done
    done
} >"$out/errors.csv"

{
    echo "network,seed,target,rate,ccr,ccr_low,ccr_high,accuracy"
    for name in $networks; do
        seed=1
        while [ "$seed" -le "$seeds" ]; do
            columns "$out/ccr/$name.$seed.csv" part target rate ccr ccr_low ccr_high \
                accuracy | awk -v name="$name" -v seed="$seed" -v OFS=, \
                '$1 == "network" { print name, seed, $2, $3, $4, $5, $6, $7 }'
            seed=$((seed + 1))
        done
    done
} >"$out/ccr.csv"

awk -f "$(dirname "$0")/ratios.awk" -v seeds="$seeds" "$out/pairs" "$out/ccr.csv" \
    >"$out/ratios.csv"
awk -F, '{
    printf "%-15s %-8s %-11s %-4s %6s %12s %6s %6s %6s\n", $1, $2, $4, $5, $6, $7, $8, $9, $10 }' \
    "$out/ratios.csv" >"$out/ratios.txt"
cat "$out/ratios.txt"
