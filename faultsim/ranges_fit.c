/* Ranges that leave some of the values out. */
#include "faultsim/ranges.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "format/code.h"

/* --- rules ------------------------------------------------------------------- */

ef_status ef_range_rule_parse(ef_range_rule *rule, const char *text, ef_error *err)
{
    static const char percentile[] = "percentile:";
    static const size_t size = sizeof percentile - 1;
    ef_range_rule found = {.kind = EF_RANGE_MAX};
    if (strcmp(text, "mse") == 0) {
        found.kind = EF_RANGE_MSE;
    } else if (strncmp(text, percentile, size) == 0) {
        ef_error why = {EF_OK, ""};
        found.kind = EF_RANGE_PERCENTILE;
        if (ef_parse_f64(text + size, 0, 100, &found.percentile, &why) ||
            found.percentile <= 50) {
            return ef_error_set(err, EF_ERR_USAGE,
                                "ranges: expected a percentile above 50 and at most "
                                "100, found '%s'",
                                text + size);
        }
    } else if (strcmp(text, "max") != 0) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "ranges: expected max, percentile:P or mse, found '%s'",
                            text);
    }
    *rule = found;
    return EF_OK;
}

void ef_range_rule_name(const ef_range_rule *rule, char name[EF_RANGE_RULE_NAME])
{
    static const char *const names[] = {
        [EF_RANGE_MAX] = "max", [EF_RANGE_PERCENTILE] = NULL, [EF_RANGE_MSE] = "mse"};
    /* at most 11 + 24 characters and the NUL */
    char text[EF_RANGE_RULE_NAME] = "percentile:0";
    double read = 0;
    if (names[rule->kind]) {
        snprintf(name, EF_RANGE_RULE_NAME, "%s", names[rule->kind]);
        return;
    }
    for (int digits = 6; digits <= 17 && read != rule->percentile; digits++) {
        snprintf(text, sizeof text, "percentile:%.*g", digits, rule->percentile);
        read = strtod(strchr(text, ':') + 1, NULL);
    }
    memcpy(name, text, sizeof text);
}

/* --- clipping ---------------------------------------------------------------- */

/* The values of some tensors that share a scale. */
typedef struct sample {
    const ef_histogram *histogram;
    ef_range all;
    double most; /* magnitude */
} sample;

static ef_range clip(const sample *s, double most)
{
    float bound = (float)most;
    return (ef_range){s->all.low > -bound ? s->all.low : -bound,
                      s->all.high < bound ? s->all.high : bound};
}

/* A bin, without what lies beyond all values. */
static void bin_of(const sample *s, size_t i, double *low, double *high)
{
    ef_histogram_bin(s->histogram, i, low, high);
    *low = fmax(*low, (double)s->all.low);
    *high = fmin(*high, (double)s->all.high);
}

/* --- percentiles ------------------------------------------------------------- */

/* The magnitude of rank ceil(P / 100 n), those of a bin being spread evenly. */
static double percentile_of(const sample *s, double percentile)
{
    const atomic_ullong *counts = s->histogram->counts + EF_HISTOGRAM_SIDE;
    uint64_t n = 0, below = counts[0];
    for (ptrdiff_t i = -EF_HISTOGRAM_SIDE; i <= EF_HISTOGRAM_SIDE; i++) {
        n += counts[i];
    }
    double rank = ceil(percentile / 100 * (double)n);
    for (ptrdiff_t i = 1; i <= EF_HISTOGRAM_SIDE && rank > (double)below; i++) {
        uint64_t here = counts[i] + counts[-i];
        if ((double)(below + here) >= rank) {
            double low, high;
            ef_histogram_bin(s->histogram, (size_t)(EF_HISTOGRAM_SIDE + i), &low,
                             &high);
            high = fmin(high, s->most);
            return low + (high - low) * (rank - (double)below) / (double)here;
        }
        below += here;
    }
    return s->most;
}

/* --- least squares ----------------------------------------------------------- */

/* What a format stores values as, ascending. */
typedef struct levels {
    double *values; /* (n) */
    size_t n;
} levels;

#define MAX_BITS 16
#define MAX_TABLE_BITS 8

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Whether values beyond the range become its ends in this format. */
static int has_levels(const ef_format *format)
{
    int is_linear = format->kind == EF_FORMAT_INT || format->kind == EF_FORMAT_UINT ||
                    format->kind == EF_FORMAT_FIXED;
    return format->bits <= (is_linear ? MAX_BITS : MAX_TABLE_BITS);
}

static void fill_linear(const ef_code *code, levels *l)
{
    int32_t least, most;
    ef_code_limits(code, &least, &most);
    l->n = 0;
    for (int32_t i = least; i <= most; i++) {
        l->values[l->n++] = (double)(i - code->zero) * code->scale;
    }
}

static void fill_by_code(const ef_code *code, levels *l)
{
    l->n = 0;
    for (uint32_t bits = 0; bits < UINT32_C(1) << code->format.bits; bits++) {
        float value = ef_code_value(code, bits);
        if (isfinite(value)) {
            l->values[l->n++] = (double)value;
        }
    }
    qsort(l->values, l->n, sizeof *l->values, compare);
}

/* Those that arise without a fault; all are stored as what they are. */
static void fill_levels(const ef_code *code, levels *l)
{
    int is_linear = code->format.kind == EF_FORMAT_INT ||
                    code->format.kind == EF_FORMAT_UINT ||
                    code->format.kind == EF_FORMAT_FIXED;
    (is_linear ? fill_linear : fill_by_code)(code, l);
}

static double cube(double x)
{
    return x * x * x;
}

/* Sum of the squared errors of the values of a bin; *at is the level of its low end
 * or one before, and becomes that of its high end. */
static double bin_error(const levels *l, size_t *at, double low, double high,
                        double count)
{
    double sum = 0, x = low;
    for (;;) {
        double value = l->values[*at];
        double end = *at + 1 < l->n ? (value + l->values[*at + 1]) / 2 : INFINITY;
        if (high <= end) {
            return low < high ? sum + count / (high - low) *
                                          (cube(high - value) - cube(x - value)) / 3
                              : count * (low - value) * (low - value);
        }
        if (end > x) {
            sum += count / (high - low) * (cube(end - value) - cube(x - value)) / 3;
            x = end;
        }
        ++*at;
    }
}

/* Of all values when the range ends at this magnitude. */
static double error_of(const sample *s, const ef_format *format, double most, levels *l)
{
    ef_range range = clip(s, most);
    ef_code code;
    ef_error ignored = {0};
    double sum = 0;
    size_t at = 0;
    if (ef_code_bind(&code, format, (double)range.low, (double)range.high, &ignored)) {
        return INFINITY;
    }
    fill_levels(&code, l);
    for (size_t i = 0; i < EF_HISTOGRAM_BINS; i++) {
        double count = (double)s->histogram->counts[i], low, high;
        if (count > 0) {
            bin_of(s, i, &low, &high);
            sum += bin_error(l, &at, low, high, count);
        }
    }
    return sum;
}

#define PARTS 128 /* of the largest magnitude */
#define COARSE 8  /* parts */
#define N_HALVINGS 16

typedef struct best {
    double most, error;
} best;

/* Of equal errors the wider range, which comes first. */
static void try(best *b, const sample *s, const ef_format *format, double most,
                levels *l)
{
    double error = error_of(s, format, most, l);
    if (error < b->error) {
        *b = (best){most, error};
    }
}

static double least_squares(const sample *s, const ef_format *format, levels *l)
{
    best b = {s->most, INFINITY};
    double unit = s->most / PARTS;
    for (int i = 0; i < N_HALVINGS; i++, unit /= 2) {
        for (int k = PARTS; k > PARTS / 2; k -= COARSE) {
            try(&b, s, format, k * unit, l);
        }
    }
    double middle = b.most;
    for (unit = s->most / PARTS; middle <= unit * PARTS / 2;) {
        unit /= 2;
    }
    for (int k = COARSE - 1; k > -COARSE; k--) {
        double most = middle + k * unit;
        try(&b, s, format, most < s->most ? most : s->most, l);
    }
    return b.most;
}

/* --- what others call -------------------------------------------------------- */

/* All that these nodes' values are, into a histogram of most magnitude s->most. */
static void gather(const ef_ranges *ranges, const size_t *nodes, size_t n,
                   ef_histogram *histogram, const sample *s)
{
    ef_histogram_init(histogram, (float)s->most);
    for (size_t i = 0; i < n; i++) {
        ef_histogram_add(histogram, &ranges->histograms[nodes[i]]);
    }
}

static ef_status fit(const ef_range_rule *rule, const sample *s,
                     const ef_format *format, ef_range *range, ef_error *err)
{
    if (rule->kind == EF_RANGE_PERCENTILE) {
        double most = percentile_of(s, rule->percentile);
        *range = clip(s, most > 0 ? most : s->most);
        return EF_OK;
    }
    *range = s->all;
    if (!has_levels(format)) {
        return EF_OK;
    }
    ef_code code;
    ef_status status =
        ef_code_bind(&code, format, (double)s->all.low, (double)s->all.high, err);
    if (status) {
        return status;
    }
    levels l = {ef_calloc((size_t)1 << format->bits, sizeof *l.values), 0};
    if (!l.values) {
        return ef_error_memory(err);
    }
    *range = clip(s, least_squares(s, format, &l));
    ef_free(l.values);
    return EF_OK;
}

ef_status ef_ranges_fit(const ef_ranges *ranges, const size_t *nodes, size_t n,
                        const ef_format *format, ef_range *range, ef_error *err)
{
    sample s = {.all = {INFINITY, -INFINITY}};
    for (size_t i = 0; i < n; i++) {
        s.all.low = fminf(s.all.low, ranges->nodes[nodes[i]].low);
        s.all.high = fmaxf(s.all.high, ranges->nodes[nodes[i]].high);
    }
    s.most = (double)fmaxf(-s.all.low, s.all.high);
    if (ranges->rule.kind == EF_RANGE_MAX || s.all.low > s.all.high || s.most == 0) {
        *range = s.all;
        return EF_OK;
    }
    ef_histogram *histogram = ef_calloc(1, sizeof *histogram);
    if (!histogram) {
        return ef_error_memory(err);
    }
    gather(ranges, nodes, n, histogram, &s);
    s.histogram = histogram;
    ef_status status = fit(&ranges->rule, &s, format, range, err);
    ef_free(histogram);
    return status;
}
