#include "base/parse.h"

#include <ctype.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what was found --------------------------------------------------------- */

/* The input between quotes, cut where it is long, its control bytes made visible:
 * an error must not move the cursor of a terminal. */
typedef struct quoted {
    char text[80];
} quoted;

static quoted quote(const char *text)
{
    quoted q;
    size_t n = strlen(text), room = sizeof q.text - 8, kept = n < room ? n : room;
    if (n == 0) {
        snprintf(q.text, sizeof q.text, "nothing");
        return q;
    }
    q.text[0] = '\'';
    for (size_t i = 0; i < kept; i++) {
        q.text[1 + i] = iscntrl((unsigned char)text[i]) ? '?' : text[i];
    }
    snprintf(q.text + 1 + kept, sizeof q.text - 1 - kept, kept < n ? "...'" : "'");
    return q;
}

static ef_status refuse(ef_error *err, const char *expected, const char *text)
{
    return ef_error_set(err, EF_ERR_INPUT, "expected %s, found %s", expected,
                        quote(text).text);
}

/* "a whole number from 1 to 9"; a bound that is the type's own goes without saying. */
static ef_status refuse_range(ef_error *err, const char *what, const char *min,
                              const char *max, const char *text)
{
    char expected[256];
    if (min && max) {
        snprintf(expected, sizeof expected, "%s from %s to %s", what, min, max);
    } else if (min || max) {
        snprintf(expected, sizeof expected, "%s of at %s %s", what,
                 min ? "least" : "most", min ? min : max);
    } else {
        snprintf(expected, sizeof expected, "%s", what);
    }
    return refuse(err, expected, text);
}

static ef_status refuse_u64(ef_error *err, const char *what, uint64_t min, uint64_t max,
                            const char *text)
{
    char low[32], high[32];
    snprintf(low, sizeof low, "%llu", (unsigned long long)min);
    snprintf(high, sizeof high, "%llu", (unsigned long long)max);
    return refuse_range(err, what, min > 0 || max < UINT64_MAX ? low : NULL,
                        max < UINT64_MAX ? high : NULL, text);
}

/* --- whole numbers ---------------------------------------------------------- */

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* value * 10 + digit; 0 where 64 bits are too few. */
static int append_digit(uint64_t *value, unsigned digit)
{
    if (*value > (UINT64_MAX - digit) / 10) {
        return 0;
    }
    *value = *value * 10 + digit;
    return 1;
}

static int scan_u64(const char *text, uint64_t *value)
{
    uint64_t v = 0;
    if (!*text) {
        return 0;
    }
    for (; *text; text++) {
        if (!is_digit(*text) || !append_digit(&v, (unsigned)(*text - '0'))) {
            return 0;
        }
    }
    *value = v;
    return 1;
}

ef_status ef_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *value,
                       ef_error *err)
{
    uint64_t v;
    if (!scan_u64(text, &v) || v < min || v > max) {
        return refuse_u64(err, "a whole number", min, max, text);
    }
    *value = v;
    return EF_OK;
}

static int scan_i64(const char *text, int64_t *value)
{
    int negative = *text == '-';
    uint64_t v;
    if (!scan_u64(text + negative, &v) || v > (uint64_t)INT64_MAX + negative) {
        return 0;
    }
    *value = !negative ? (int64_t)v : v > 0 ? -(int64_t)(v - 1) - 1 : 0;
    return 1;
}

ef_status ef_parse_i64(const char *text, int64_t min, int64_t max, int64_t *value,
                       ef_error *err)
{
    int64_t v;
    if (scan_i64(text, &v) && v >= min && v <= max) {
        *value = v;
        return EF_OK;
    }
    char low[32], high[32];
    snprintf(low, sizeof low, "%lld", (long long)min);
    snprintf(high, sizeof high, "%lld", (long long)max);
    return refuse_range(err, "a whole number", min > INT64_MIN ? low : NULL,
                        max < INT64_MAX ? high : NULL, text);
}

/* Digits with at most one point; *n_fraction of them stand behind it.  Returns what
 * follows, NULL where there are no digits or too many. */
static const char *scan_decimal(const char *text, uint64_t *digits, int *n_fraction)
{
    int n_digits = 0, point = 0;
    *digits = 0;
    *n_fraction = 0;
    for (; is_digit(*text) || (*text == '.' && !point); text++) {
        if (*text == '.') {
            point = 1;
            continue;
        }
        if (!append_digit(digits, (unsigned)(*text - '0'))) {
            return NULL;
        }
        n_digits++;
        *n_fraction += point;
    }
    return n_digits > 0 ? text : NULL;
}

static int scan_count(const char *text, uint64_t *value)
{
    static const char suffixes[] = "kMGT";
    uint64_t v;
    int n_fraction, exponent = 0;
    const char *rest = scan_decimal(text, &v, &n_fraction);
    if (!rest) {
        return 0;
    }
    const char *suffix = *rest ? strchr(suffixes, *rest) : NULL;
    if (suffix) {
        exponent = 3 * (int)(suffix - suffixes + 1);
        rest++;
    }
    for (exponent -= n_fraction; exponent < 0; exponent++) {
        if (v % 10 != 0) {
            return 0;
        }
        v /= 10;
    }
    for (; exponent > 0; exponent--) {
        if (!append_digit(&v, 0)) {
            return 0;
        }
    }
    *value = v;
    return *rest == '\0';
}

ef_status ef_parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *value,
                         ef_error *err)
{
    uint64_t v;
    if (!scan_count(text, &v) || v < min || v > max) {
        return refuse_u64(err, "a count (such as 500, 50k or 1.5M)", min, max, text);
    }
    *value = v;
    return EF_OK;
}

/* --- numbers ---------------------------------------------------------------- */

static const char *skip_digits(const char *text, int *n)
{
    for (; is_digit(*text); text++) {
        (*n)++;
    }
    return text;
}

/* The end of a decimal number at text, or text itself where there is none: strtod
 * alone would also take leading space, hexadecimal, inf and nan. */
static const char *number_end(const char *text)
{
    int n = 0, n_exponent = 0;
    const char *p = text + (*text == '-' || *text == '+');
    p = skip_digits(p, &n);
    if (*p == '.') {
        p = skip_digits(p + 1, &n);
    }
    if (n == 0) {
        return text;
    }
    if (*p == 'e' || *p == 'E') {
        const char *digits = p + 1 + (p[1] == '-' || p[1] == '+');
        const char *end = skip_digits(digits, &n_exponent);
        p = n_exponent > 0 ? end : p;
    }
    return p;
}

/* strtod in the C locale, whatever the program's. */
static ef_status convert(const char *text, double *value, ef_error *err)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) {
        return ef_error_memory(err);
    }
    locale_t before = uselocale(plain);
    *value = strtod(text, NULL);
    uselocale(before);
    freelocale(plain);
    return EF_OK;
}

static ef_status refuse_f64(ef_error *err, const char *what, double min, double max,
                            const char *text)
{
    char low[32], high[32];
    snprintf(low, sizeof low, "%g", min);
    snprintf(high, sizeof high, "%g", max);
    return refuse_range(err, what, min > -DBL_MAX ? low : NULL,
                        max < DBL_MAX ? high : NULL, text);
}

ef_status ef_parse_f64(const char *text, double min, double max, double *value,
                       ef_error *err)
{
    const char *end = number_end(text);
    double v = NAN;
    if (end != text && *end == '\0') {
        ef_status status = convert(text, &v, err);
        if (status) {
            return status;
        }
    }
    if (!isfinite(v) || v < min || v > max) {
        return refuse_f64(err, "a number", min, max, text);
    }
    *value = v;
    return EF_OK;
}

/* --- quantities ------------------------------------------------------------- */

enum {
    DIMENSION_BIT,
    DIMENSION_J,
    DIMENSION_S,
    DIMENSION_MAC,
    DIMENSION_OP,
    DIMENSION_PE,
    DIMENSION_CYCLE,
    N_DIMENSIONS
};

/* A unit: 10^ten 2^two, and the power of each dimension. */
typedef struct unit {
    int ten, two;
    int powers[N_DIMENSIONS];
} unit;

static const struct {
    const char *name;
    unit unit;
} bases[] = {
    {"bit", {0, 0, {[DIMENSION_BIT] = 1}}},
    {"B", {0, 3, {[DIMENSION_BIT] = 1}}},
    {"J", {0, 0, {[DIMENSION_J] = 1}}},
    {"s", {0, 0, {[DIMENSION_S] = 1}}},
    {"Hz", {0, 0, {[DIMENSION_S] = -1}}},
    {"W", {0, 0, {[DIMENSION_J] = 1, [DIMENSION_S] = -1}}},
    {"MAC", {0, 0, {[DIMENSION_MAC] = 1}}},
    {"op", {0, 0, {[DIMENSION_OP] = 1}}},
    {"PE", {0, 0, {[DIMENSION_PE] = 1}}},
    {"cycle", {0, 0, {[DIMENSION_CYCLE] = 1}}},
    {"%", {-2, 0, {0}}},
};

static const struct {
    const char *name;
    int ten, two;
} prefixes[] = {
    {"", 0, 0},    {"f", -15, 0}, {"p", -12, 0}, {"n", -9, 0}, {"u", -6, 0},
    {"m", -3, 0},  {"k", 3, 0},   {"M", 6, 0},   {"G", 9, 0},  {"T", 12, 0},
    {"Ki", 0, 10}, {"Mi", 0, 20}, {"Gi", 0, 30},
};

#define N_ROWS(table) (sizeof(table) / sizeof(table)[0])

/* Multiplies u by a prefix and base of n characters, to the power of sign. */
static int scan_factor(const char *text, size_t n, int sign, unit *u)
{
    for (size_t p = 0; p < N_ROWS(prefixes); p++) {
        size_t n_prefix = strlen(prefixes[p].name);
        if (n_prefix > n || memcmp(text, prefixes[p].name, n_prefix) != 0) {
            continue;
        }
        for (size_t b = 0; b < N_ROWS(bases); b++) {
            if (strlen(bases[b].name) != n - n_prefix ||
                memcmp(text + n_prefix, bases[b].name, n - n_prefix) != 0) {
                continue;
            }
            u->ten += sign * (prefixes[p].ten + bases[b].unit.ten);
            u->two += sign * (prefixes[p].two + bases[b].unit.two);
            for (size_t d = 0; d < N_DIMENSIONS; d++) {
                u->powers[d] += sign * bases[b].unit.powers[d];
            }
            return 1;
        }
    }
    return 0;
}

/* "pJ/MAC"; "" is the plain number. */
static int scan_unit(const char *text, unit *u)
{
    memset(u, 0, sizeof *u);
    for (int sign = 1; *text; sign = -1) {
        size_t n = strcspn(text, "/");
        if (!scan_factor(text, n, sign, u) || (text[n] == '/' && !text[n + 1])) {
            return 0;
        }
        text += n + (text[n] == '/');
    }
    return 1;
}

/* Powers of ten up to 22 are exact, so one rounding is all a conversion costs. */
static double convert_unit(double value, const unit *from, const unit *to)
{
    int ten = from->ten - to->ten;
    double power = 1;
    for (int i = abs(ten); i > 0; i--) {
        power *= 10;
    }
    return ldexp(ten < 0 ? value / power : value * power, from->two - to->two);
}

static ef_status refuse_quantity(ef_error *err, const char *wanted, double min,
                                 double max, const char *text)
{
    char what[64];
    if (*wanted) {
        snprintf(what, sizeof what, "a quantity in %s", wanted);
    } else {
        snprintf(what, sizeof what, "a number or a share in %%");
    }
    return refuse_f64(err, what, min, max, text);
}

ef_status ef_parse_quantity(const char *text, const char *wanted, double min,
                            double max, double *value, ef_error *err)
{
    const char *end = number_end(text);
    char number[64];
    size_t n = (size_t)(end - text);
    unit from, to;
    if (n == 0 || n >= sizeof number || !scan_unit(wanted, &to) ||
        !scan_unit(end + strspn(end, " "), &from) ||
        memcmp(from.powers, to.powers, sizeof from.powers) != 0 ||
        (*end == '\0' && *wanted)) {
        return refuse_quantity(err, wanted, min, max, text);
    }
    memcpy(number, text, n);
    number[n] = '\0';
    double v = NAN;
    ef_status status = convert(number, &v, err);
    if (status) {
        return status;
    }
    v = convert_unit(v, &from, &to);
    if (!isfinite(v) || v < min || v > max) {
        return refuse_quantity(err, wanted, min, max, text);
    }
    *value = v;
    return EF_OK;
}

/* --- names ------------------------------------------------------------------ */

ef_status ef_parse_bool(const char *text, int *value, ef_error *err)
{
    static const char *const names[] = {"no", "yes", "false", "true", "off", "on"};
    for (size_t i = 0; i < N_ROWS(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *value = (int)(i % 2);
            return EF_OK;
        }
    }
    return refuse(err, "yes or no", text);
}

ef_status ef_parse_choice(const char *text, const char *const *names, size_t n_names,
                          size_t *index, ef_error *err)
{
    for (size_t i = 0; i < n_names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *index = i;
            return EF_OK;
        }
    }
    char expected[EF_ERROR_TEXT / 2] = "one of";
    for (size_t i = 0; i < n_names; i++) {
        size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s %s", i ? "," : "",
                 names[i]);
    }
    return refuse(err, expected, text);
}
