#!/bin/sh
# Is the search worth it?  NSGA-II against random search at equal trainings, over ten
# seeds: hypervolume against the same reference point, and the test error of the
# front's network with the least validation error.
#
#   data/experiments/search-digits.sh [SEEDS [EVALUATIONS]]   in a build folder
#
# Writes search-digits.csv and prints the table; about 25 minutes on two cores.
set -eu
evoflip=${EVOFLIP:-./evoflip}
seeds=${1:-10}
evaluations=${2:-400}
out=${TMPDIR:-/tmp}/search-digits.$$
mkdir -p "$out"
trap 'rm -rf "$out"' EXIT

# field FILE NAME: the value of a column of the best row by validation error, then loss
best() {
    awk -F, '/^#/ { next }
        !names { for (i = 1; i <= NF; i++) at[$i] = i; names = 1; next }
        first == "" || $at["error"] + 0 < error || \
            ($at["error"] + 0 == error && $at["loss"] + 0 < loss) {
            error = $at["error"] + 0; loss = $at["loss"] + 0; first = 1
            test = $at["test_error"]; id = $at["id"] }
        END { printf "%s %s %s", id, error, test }' "$1"
}

echo "seed,algorithm,trained,seconds,hypervolume,front,best_id,validation_error,test_error" \
    >search-digits.csv
seed=1
while [ "$seed" -le "$seeds" ]; do
    for algorithm in nsga2 random; do
        dir=$out/$algorithm.$seed
        start=$(date +%s)
        "$evoflip" search --quiet --data digits --seed "$seed" --algorithm $algorithm \
            --evaluations "$evaluations" -o "$dir" >"$out/log"
        seconds=$(($(date +%s) - start))
        set -- $(best "$dir/front.csv")
        row=$(sqlite3 "$dir/run.evo" \
            "SELECT trained || ',$seconds,' || hypervolume FROM generation
             ORDER BY number DESC LIMIT 1")
        front=$(grep -c '^[0-9]' "$dir/front.csv")
        echo "$seed,$algorithm,$row,$front,$1,$2,$3" | tee -a search-digits.csv
    done
    seed=$((seed + 1))
done
awk -F, 'NR > 1 { volume[$1, $2] = $5; error[$2] += $9; time[$2] += $4; n[$2]++
                  seeds[$1] = 1 }
    END { for (s in seeds) wins += volume[s, "nsga2"] > volume[s, "random"]
          for (a in n) printf "%-6s mean test error %.3f %%, mean %.0f s\n", a,
              100 * error[a] / n[a], time[a] / n[a]
          printf "hypervolume above random search in %d of %d seeds\n", wins,
              n["nsga2"] }' search-digits.csv
