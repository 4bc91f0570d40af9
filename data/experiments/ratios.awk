# Ratios between networks under bit errors; read by worth.sh.
#
#   awk -f ratios.awk -v seeds=N PAIRS CCR.csv
#
# PAIRS: reference, evolved network, control in a line.  CCR.csv: network, seed, target,
# rate, ccr in the first columns.  Above 1 the evolved network or the control bears more:
# `ccr` is the reference's CCR over its own at the bit error rate `at`, `rate` its bit
# error rate over the reference's at the CCR `at`.  Ratios are of one seed; mean and
# Student's interval of 95 % are those of their logarithms.  A ratio is left out where a
# seed has no CCR above 0 to take, or no struck rates on both sides.
BEGIN {
    FS = "[ ,]"
    split("12.706 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262", student, " ")
    n_levels = split("0.01 0.02 0.05 0.1 0.2", level, " ")
    print "reference,against,network,target,kind,at,of_reference,ratio,low,high,seeds"
}
FNR == NR { reference[++n_pairs] = $1; evolved[n_pairs] = $2; control[n_pairs] = $3; next }
FNR == 1 { next }
{
    ccr[$1, $2, $3, $4] = $5
    if (!known[$3]++) target[++n_targets] = $3
    if (!rated[$4]++) rate[++n_rates] = $4
}

# the rate at which a model reaches the CCR, 0 where none was struck on a side of it
function reach(name, seed, of, value,    i, a, b) {
    for (i = 1; i < n_rates; i++) {
        a = ccr[name, seed, of, rate[i]]
        b = ccr[name, seed, of, rate[i + 1]]
        if (a > 0 && a <= value && b > value)
            return rate[i] * exp(log(rate[i + 1] / rate[i]) * log(value / a) / log(b / a))
    }
    return 0
}

# a row of the table from the values x of the reference and y of the other, over seeds
function row(pair, role, name, of, kind, at,    i, r, sum, squares, own, half, sd) {
    sum = squares = own = 0
    for (i = 1; i <= seeds; i++) {
        if (!(x[i] > 0 && y[i] > 0)) return
        r = kind == "ccr" ? log(x[i] / y[i]) : log(y[i] / x[i])
        sum += r
        squares += r * r
        own += log(x[i])
    }
    sum /= seeds
    printf "%s,%s,%s,%s,%s,%s,%.3g,%.3g", reference[pair], role, name, of, kind, at,
        exp(own / seeds), exp(sum)
    if (seeds < 2) { print ",,,1"; return }
    sd = squares / seeds - sum * sum
    sd = sqrt((sd > 0 ? sd : 0) * seeds / (seeds - 1))
    half = student[seeds - 1] * sd / sqrt(seeds)
    printf ",%.3g,%.3g,%d\n", exp(sum - half), exp(sum + half), seeds
}

function compare(pair, role, name,    t, i, k) {
    for (t = 1; t <= n_targets; t++) {
        for (k = 1; k <= n_rates; k++) {
            for (i = 1; i <= seeds; i++) {
                x[i] = ccr[reference[pair], i, target[t], rate[k]]
                y[i] = ccr[name, i, target[t], rate[k]]
            }
            row(pair, role, name, target[t], "ccr", rate[k])
        }
        for (k = 1; k <= n_levels; k++) {
            for (i = 1; i <= seeds; i++) {
                x[i] = reach(reference[pair], i, target[t], level[k])
                y[i] = reach(name, i, target[t], level[k])
            }
            row(pair, role, name, target[t], "rate", level[k])
        }
    }
}

END {
    for (p = 1; p <= n_pairs; p++) {
        compare(p, "evolved", evolved[p])
        if (control[p] != evolved[p]) compare(p, "control", control[p])
    }
}
