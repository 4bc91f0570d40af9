# Of proxy-front.sh: a table of validate's CSV in, hypervolumes out.

# The generator of POSIX's rand_r, in whole numbers that every awk holds exactly.
function random(n) {
    state = (state * 69069 + 1) % 4294967296
    return int(state / 4294967296 * n)
}

# Hypervolume of the points at[1..m], by their order on the first axis.
function volume(m,    i, j, swap, sum, low) {
    for (i = 2; i <= m; i++) {
        for (j = i; j > 1 && (x[at[j]] < x[at[j - 1]] ||
             (x[at[j]] == x[at[j - 1]] && y[at[j]] < y[at[j - 1]])); j--) {
            swap = at[j]; at[j] = at[j - 1]; at[j - 1] = swap
        }
    }
    sum = 0
    low = corner_y
    for (i = 1; i <= m; i++) {
        if (y[at[i]] < low) {
            sum += (corner_x - x[at[i]]) * (low - y[at[i]])
            low = y[at[i]]
        }
    }
    return sum
}

# Fills at with the topologies that none beats in x and in the column; returns how many.
function front(column,    i, j, is_beaten, m) {
    m = 0
    for (i = 1; i <= n; i++) {
        is_beaten = 0
        for (j = 1; j <= n && !is_beaten; j++) {
            is_beaten = x[j] <= x[i] && cell[j, column] <= cell[i, column] &&
                (x[j] < x[i] || cell[j, column] < cell[i, column])
        }
        if (!is_beaten) { at[++m] = i }
    }
    return m
}

# m different ones of all.
function draw(m,    i, j, swap) {
    for (i = 1; i <= n; i++) { deck[i] = i }
    for (i = 1; i <= m; i++) {
        j = i + random(n - i + 1)
        swap = deck[i]; deck[i] = deck[j]; deck[j] = swap
        at[i] = deck[i]
    }
}

function compare(proxy, column,    m, found, i, v, sum, squares, beaten, mean, sd) {
    m = front(column)
    found = volume(m) / whole
    sum = squares = beaten = 0
    for (i = 1; i <= draws; i++) {
        draw(m)
        v = volume(m) / whole
        sum += v; squares += v * v; beaten += found > v
    }
    mean = sum / draws
    sd = sqrt(squares / draws - mean * mean)
    printf "%-34s %-20s %4d %8.3f %8.3f %8.3f %8.1f %8.1f %%\n", measure, proxy, m, found,
        mean, sd, (found - mean) / sd, 100 * beaten / draws
}

BEGIN { FS = ","; state = 1 }
/^#/ { next }
!columns {
    for (columns = 1; columns <= NF; columns++) {
        place[$columns] = columns
        if ($columns ~ /_ccr$/ && $columns !~ /_predicted_ccr$/) { measures[++k] = $columns }
    }
    next
}
{ n++; for (i = 1; i <= NF; i++) { cell[n, i] = $i } }
END {
    printf "%-34s %-20s %4s %8s %8s %8s %8s %10s\n", "measured", "proxy", "size", "volume",
        "random", "spread", "lead", "beats"
    for (i = 1; i <= n; i++) { x[i] = log(-cell[i, place["-macs"]]) }
    for (q = 1; q <= k; q++) {
        measure = measures[q]
        corner_x = corner_y = -1e9
        for (i = 1; i <= n; i++) {
            # a rate of 0 counts as one below all that were counted
            y[i] = log(cell[i, place[measure]] + 1e-6)
            corner_x = x[i] > corner_x ? x[i] : corner_x
            corner_y = y[i] > corner_y ? y[i] : corner_y
            at[i] = i
        }
        whole = volume(n)
        predicted = measure
        sub(/_ccr$/, "_predicted_ccr", predicted)
        compare("predicted_ccr", place[predicted])
        compare("asi", place["asi"])
        compare("-params", place["-params"])
        compare("depth*params^(-1/3)", place["depth*params^(-1/3)"])
    }
}
