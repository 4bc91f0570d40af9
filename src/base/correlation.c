#include "base/correlation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mathfn.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/sum.h"

const char *const ef_coefficient_names[EF_COEFFICIENT_COUNT] = {
#define X(coefficient, name) name,
    EF_COEFFICIENT_LIST(X)
#undef X
};

/* --- coefficients ------------------------------------------------------------ */

double ef_correlation_pearson(const double *x, const double *y, size_t n)
{
    double mean_x = ef_mean(x, n), mean_y = ef_mean(y, n);
    double xx = 0, yy = 0, xy = 0;
    int varies_x = 0, varies_y = 0;
    for (size_t i = 0; i < n; i++) {
        double dx = x[i] - mean_x, dy = y[i] - mean_y;
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
        varies_x |= x[i] != x[0];
        varies_y |= y[i] != y[0];
    }
    double scale = sqrt(xx) * sqrt(yy);
    if (!varies_x || !varies_y || !(scale > 0)) {
        return NAN;
    }
    double r = xy / scale;
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

typedef struct entry {
    double x, y;
    size_t index;
} entry;

static int by_x(const void *a, const void *b)
{
    const entry *p = a, *q = b;
    return (p->x > q->x) - (p->x < q->x);
}

static int by_x_then_y(const void *a, const void *b)
{
    const entry *p = a, *q = b;
    int order = (p->x > q->x) - (p->x < q->x);
    return order ? order : (p->y > q->y) - (p->y < q->y);
}

/* entries: (n) of room */
static void rank(const double *x, size_t n, entry *entries, double *ranks)
{
    for (size_t i = 0; i < n; i++) {
        entries[i] = (entry){x[i], 0, i};
    }
    qsort(entries, n, sizeof *entries, by_x);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && entries[end].x == entries[i].x;) {
            end++;
        }
        for (size_t k = i; k < end; k++) {
            ranks[entries[k].index] = ((double)i + (double)end + 1) / 2;
        }
    }
}

ef_status ef_correlation_ranks(const double *x, size_t n, double *ranks, ef_error *err)
{
    entry *entries = ef_calloc(n, sizeof *entries);
    if (!entries) {
        return ef_error_memory(err);
    }
    rank(x, n, entries, ranks);
    ef_free(entries);
    return EF_OK;
}

/* Pairs among runs of equal x, and with both_equal of equal x and y. */
static double tied_pairs(const entry *entries, size_t n, int both_equal)
{
    double sum = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && entries[end].x == entries[i].x &&
                          (!both_equal || entries[end].y == entries[i].y);) {
            end++;
        }
        double run = (double)(end - i);
        sum += run * (run - 1) / 2;
    }
    return sum;
}

/* Sorts y by merging and counts the exchanges, [2]; other: (n) of room. */
static double count_exchanges(double *y, double *other, size_t n)
{
    double exchanges = 0;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            size_t middle = start + width < n ? start + width : n;
            size_t end = start + 2 * width < n ? start + 2 * width : n;
            size_t a = start, b = middle;
            for (size_t k = start; k < end; k++) {
                int takes_b = b < end && (a == middle || y[b] < y[a]);
                exchanges += takes_b ? (double)(middle - a) : 0;
                other[k] = takes_b ? y[b++] : y[a++];
            }
        }
        memcpy(y, other, n * sizeof *y);
    }
    return exchanges;
}

/* entries: (n), values: (2 n) of room */
static double kendall(const double *x, const double *y, size_t n, entry *entries,
                      double *values)
{
    for (size_t i = 0; i < n; i++) {
        entries[i] = (entry){x[i], y[i], i};
    }
    qsort(entries, n, sizeof *entries, by_x_then_y);
    double tied_x = tied_pairs(entries, n, 0), tied_both = tied_pairs(entries, n, 1);
    for (size_t i = 0; i < n; i++) {
        values[i] = entries[i].y;
    }
    double exchanges = count_exchanges(values, values + n, n);
    for (size_t i = 0; i < n; i++) {
        entries[i].x = values[i];
    }
    double tied_y = tied_pairs(entries, n, 0);
    double pairs = (double)n * ((double)n - 1) / 2;
    double untied_x = pairs - tied_x, untied_y = pairs - tied_y;
    if (n < 2 || !(untied_x > 0) || !(untied_y > 0)) {
        return NAN;
    }
    double balance = pairs - tied_x - tied_y + tied_both - 2 * exchanges;
    return balance / (sqrt(untied_x) * sqrt(untied_y));
}

/* What coefficients need beside their arguments. */
typedef struct room {
    entry *entries; /* (n) */
    double *values; /* (2 n) */
} room;

static ef_status make_room(room *r, size_t n, ef_error *err)
{
    r->entries = ef_calloc(n, sizeof *r->entries);
    r->values = ef_calloc(n, 2 * sizeof *r->values);
    return r->entries && r->values ? EF_OK : ef_error_memory(err);
}

static void clear_room(room *r)
{
    ef_free(r->entries);
    ef_free(r->values);
}

ef_status ef_correlation_spearman(const double *x, const double *y, size_t n, double *r,
                                  ef_error *err)
{
    room own = {NULL, NULL};
    ef_status status = make_room(&own, n, err);
    if (!status) {
        rank(x, n, own.entries, own.values);
        rank(y, n, own.entries, own.values + n);
        *r = ef_correlation_pearson(own.values, own.values + n, n);
    }
    clear_room(&own);
    return status;
}

ef_status ef_correlation_kendall(const double *x, const double *y, size_t n, double *r,
                                 ef_error *err)
{
    room own = {NULL, NULL};
    ef_status status = make_room(&own, n, err);
    if (!status) {
        *r = kendall(x, y, n, own.entries, own.values);
    }
    clear_room(&own);
    return status;
}

/* --- resampling -------------------------------------------------------------- */

struct ef_correlations {
    size_t n, n_predictors, n_resamples;
    const double *predictors, *target; /* borrowed while it is made */
    ef_correlations_options options;
    /* (1 + n_resamples + n, n_predictors, coefficients): all observations, each
     * resample, all but one. */
    double *found;
};

static double *found_at(const ef_correlations *c, size_t row)
{
    return c->found + row * c->n_predictors * EF_COEFFICIENT_COUNT;
}

/* The coefficients of every predictor over m of the observations. */
static ef_status correlate(const ef_correlations *c, const size_t *chosen, size_t m,
                           double *found, ef_error *err)
{
    room own = {NULL, NULL};
    double *x = ef_calloc(m, 4 * sizeof *x);
    ef_status status = x ? make_room(&own, m, err) : ef_error_memory(err);
    if (!status) {
        double *y = x + m, *ranks_x = y + m, *ranks_y = ranks_x + m;
        for (size_t i = 0; i < m; i++) {
            y[i] = c->target[chosen[i]];
        }
        rank(y, m, own.entries, ranks_y);
        for (size_t p = 0; p < c->n_predictors; p++) {
            for (size_t i = 0; i < m; i++) {
                x[i] = c->predictors[p * c->n + chosen[i]];
            }
            rank(x, m, own.entries, ranks_x);
            double *to = found + p * EF_COEFFICIENT_COUNT;
            to[EF_COEFFICIENT_PEARSON] = ef_correlation_pearson(x, y, m);
            to[EF_COEFFICIENT_SPEARMAN] = ef_correlation_pearson(ranks_x, ranks_y, m);
            to[EF_COEFFICIENT_KENDALL] = kendall(x, y, m, own.entries, own.values);
        }
    }
    clear_room(&own);
    ef_free(x);
    return status;
}

/* Row 0: all; then resamples; then all but one. */
static size_t choose(const ef_correlations *c, size_t row, size_t *chosen)
{
    size_t n = c->n, m = 0;
    if (row > 0 && row <= c->n_resamples) {
        ef_rng rng = ef_rng_stream(c->options.seed, EF_PURPOSE_RESAMPLE, c->options.key,
                                   row - 1, 0);
        for (; m < n; m++) {
            chosen[m] = (size_t)ef_rng_below(&rng, n);
        }
        return m;
    }
    for (size_t i = 0; i < n; i++) {
        if (row == 0 || i != row - 1 - c->n_resamples) {
            chosen[m++] = i;
        }
    }
    return m;
}

static ef_status do_row(void *context, size_t row, ef_error *err)
{
    const ef_correlations *c = context;
    size_t *chosen = ef_calloc(c->n, sizeof *chosen);
    if (!chosen) {
        return ef_error_memory(err);
    }
    size_t m = choose(c, row, chosen);
    ef_status status = correlate(c, chosen, m, found_at(c, row), err);
    ef_free(chosen);
    return status;
}

ef_status ef_correlations_create(ef_correlations **correlations,
                                 const double *predictors, size_t n_predictors,
                                 const double *target, size_t n,
                                 const ef_correlations_options *options, ef_error *err)
{
    ef_correlations *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    size_t rows = 1 + options->n_resamples + n;
    *made = (ef_correlations){.n = n,
                              .n_predictors = n_predictors,
                              .n_resamples = options->n_resamples,
                              .predictors = predictors,
                              .target = target,
                              .options = *options};
    made->found =
        ef_calloc(rows, n_predictors * EF_COEFFICIENT_COUNT * sizeof *made->found);
    ef_status status =
        made->found ? ef_parallel_for(rows, options->n_threads, do_row, made, err)
                    : ef_error_memory(err);
    made->predictors = made->target = NULL;
    if (status) {
        ef_correlations_destroy(made);
        return status;
    }
    *correlations = made;
    return EF_OK;
}

void ef_correlations_destroy(ef_correlations *correlations)
{
    if (correlations) {
        ef_free(correlations->found);
        ef_free(correlations);
    }
}

/* --- intervals --------------------------------------------------------------- */

static double normal_share(double z)
{
    return 0.5 * (1 + ef_erf(z / sqrt(2.0)));
}

/* By halving: within 1e-12. */
static double normal_quantile(double share)
{
    double low = -9, high = 9;
    while (high - low > 1e-12) {
        double middle = (low + high) / 2;
        if (normal_share(middle) < share) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (low + high) / 2;
}

static int by_value(const void *a, const void *b)
{
    double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

/* Of ascending values, on straight lines between them. */
static double quantile(const double *values, size_t n, double share)
{
    double at = share * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? values[i] + (at - (double)i) * (values[i + 1] - values[i])
                     : values[n - 1];
}

/* From the statistic without each observation, [3] (6.6). */
static double acceleration(const double *without, size_t n)
{
    double mean = ef_mean(without, n), squares = 0, cubes = 0;
    for (size_t i = 0; i < n; i++) {
        double d = mean - without[i];
        squares += d * d;
        cubes += d * d * d;
    }
    double a = squares > 0 ? cubes / (6 * squares * sqrt(squares)) : 0;
    return isfinite(a) ? a : 0;
}

static double end_of(const double *values, size_t n, double bias, double a, double z)
{
    double moved = bias + z;
    return quantile(values, n, normal_share(bias + moved / (1 - a * moved)));
}

ef_estimated ef_estimated_bca(double value, double *replicates, size_t n_replicates,
                              const double *without, size_t n)
{
    ef_estimated estimate = {value, {NAN, NAN}};
    size_t m = 0;
    double below = 0;
    for (size_t i = 0; i < n_replicates; i++) {
        if (isfinite(replicates[i])) {
            below += replicates[i] < value ? 1 : replicates[i] == value ? 0.5 : 0;
            replicates[m++] = replicates[i];
        }
    }
    if (!isfinite(value) || n < 4 || m < 2) {
        return estimate;
    }
    qsort(replicates, m, sizeof *replicates, by_value);
    /* Where all lie on one side, as much as half a replicate on the other. */
    double share = below / (double)m, least = 0.5 / (double)m;
    share = share < least ? least : share > 1 - least ? 1 - least : share;
    double bias = normal_quantile(share), a = acceleration(without, n);
    estimate.interval.low = end_of(replicates, m, bias, a, -EF_INTERVAL_Z95);
    estimate.interval.high = end_of(replicates, m, bias, a, EF_INTERVAL_Z95);
    return estimate;
}

/* What is estimated: a coefficient, or a difference of two. */
typedef struct statistic {
    size_t a, b;
    double sign_a, sign_b; /* sign_b 0: of a alone */
    ef_coefficient coefficient;
} statistic;

static double value_in(const ef_correlations *c, const statistic *s, size_t row)
{
    const double *found = found_at(c, row) + s->coefficient;
    double value = s->sign_a * found[s->a * EF_COEFFICIENT_COUNT];
    return s->sign_b != 0 ? value - s->sign_b * found[s->b * EF_COEFFICIENT_COUNT]
                          : value;
}

static ef_estimated estimate(const ef_correlations *c, const statistic *s)
{
    size_t n_rows = c->n_resamples + c->n;
    double value = value_in(c, s, 0);
    double *rows = ef_calloc(n_rows, sizeof *rows);
    if (!rows) {
        return (ef_estimated){value, {NAN, NAN}};
    }
    for (size_t i = 0; i < n_rows; i++) {
        rows[i] = value_in(c, s, i + 1);
    }
    ef_estimated found =
        ef_estimated_bca(value, rows, c->n_resamples, rows + c->n_resamples, c->n);
    ef_free(rows);
    return found;
}

ef_estimated ef_correlations_get(const ef_correlations *correlations, size_t predictor,
                                 ef_coefficient coefficient)
{
    const statistic s = {predictor, predictor, 1, 0, coefficient};
    return estimate(correlations, &s);
}

ef_estimated ef_correlations_difference(const ef_correlations *correlations, size_t a,
                                        double sign_a, size_t b, double sign_b,
                                        ef_coefficient coefficient)
{
    const statistic s = {a, b, sign_a, sign_b, coefficient};
    return estimate(correlations, &s);
}
