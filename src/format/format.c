/* Names of number formats, parsed and printed by one table of patterns. */
#include "format/format.h"

#include <stdio.h>
#include <string.h>

#define MAX_NUMBERS 2

/* A name: `%` in the pattern is a decimal number of the range given, and goes into the
 * field at the offset given.  What the pattern says without a number is in format. */
typedef struct name_row {
    const char *pattern;
    ef_format format;
    struct {
        size_t offset; /* of a byte in ef_format */
        unsigned min, max;
    } numbers[MAX_NUMBERS];
} name_row;

#define BITS(min, max)                                                                 \
    {                                                                                  \
        offsetof(ef_format, bits), min, max                                            \
    }
#define FRACTION(min, max)                                                             \
    {                                                                                  \
        offsetof(ef_format, fraction_bits), min, max                                   \
    }
#define EXPONENT(min, max)                                                             \
    {                                                                                  \
        offsetof(ef_format, exponent_bits), min, max                                   \
    }
#define MANTISSA(min, max)                                                             \
    {                                                                                  \
        offsetof(ef_format, mantissa_bits), min, max                                   \
    }
#define FLOAT(x, y)                                                                    \
    {                                                                                  \
        .bits = 1 + (x) + (y), .exponent_bits = (x), .mantissa_bits = (y)              \
    }

/* The first row that fits is the canonical name, so fp16 stands before e%m%.  Codes of
 * integers have 2 to 16 bits; a float32 holds every value of a float format. */
static const name_row name_rows[] = {
    {"fp32", FLOAT(8, 23), {{0}}},
    {"fp16", FLOAT(5, 10), {{0}}},
    {"bf16", FLOAT(8, 7), {{0}}},
    {"e%m%", {.kind = EF_FORMAT_FLOAT}, {EXPONENT(2, 8), MANTISSA(1, 23)}},
    {"e%m%s",
     {.kind = EF_FORMAT_FLOAT, .scaled = 1},
     {EXPONENT(2, 8), MANTISSA(1, 23)}},
    {"fixed%", {.kind = EF_FORMAT_FIXED}, {BITS(2, 16)}},
    {"fixed%.%",
     {.kind = EF_FORMAT_FIXED, .has_fraction = 1},
     {BITS(2, 16), FRACTION(0, 31)}},
    {"int%", {.kind = EF_FORMAT_INT}, {BITS(2, 16)}},
    {"int%c", {.kind = EF_FORMAT_INT, .per_channel = 1}, {BITS(2, 16)}},
    {"uint%", {.kind = EF_FORMAT_UINT}, {BITS(2, 16)}},
    {"pow2_%", {.kind = EF_FORMAT_POW2}, {BITS(2, 8)}},
    {"tern", {.kind = EF_FORMAT_TERN, .bits = 2}, {{0}}},
    {"bin", {.kind = EF_FORMAT_BIN, .bits = 1}, {{0}}},
};
#define N_NAMES (sizeof name_rows / sizeof name_rows[0])

static const char known_names[] = "fixed8, fixed8.5, int8, int8c, uint8, e4m3, e4m3s, "
                                  "fp16, bf16, fp32, pow2_4, tern, bin";

#define KIND(kind) (1U << EF_FORMAT_##kind)

/* Suffixes: the encoding of codes, for the kinds whose codes are numbers. */
static const struct {
    const char *name;
    unsigned kinds;
} encodings[] = {
    [EF_ENCODING_PLAIN] = {"", 0},
    [EF_ENCODING_SIGNMAG] = {"signmag", KIND(FIXED) | KIND(INT)},
    [EF_ENCODING_OFFSET] = {"offset", KIND(FIXED) | KIND(INT)},
    [EF_ENCODING_GRAY] = {"gray", KIND(FIXED) | KIND(INT) | KIND(UINT)},
};
#define N_ENCODINGS (sizeof encodings / sizeof encodings[0])

static const char stochastic_name[] = "stochastic";

static unsigned char *field(ef_format *format, size_t offset)
{
    return (unsigned char *)format + offset;
}

/* Up to three digits without a leading zero; 0 when there are none. */
static size_t read_number(const char *text, unsigned *number)
{
    size_t n = 0;
    *number = 0;
    while (n < 3 && text[n] >= '0' && text[n] <= '9') {
        *number = *number * 10 + (unsigned)(text[n] - '0');
        n++;
    }
    return n > 1 && text[0] == '0' ? 0 : n;
}

/* Whether the n characters of name fit the pattern of row; fills *format if so. */
static int match_row(const name_row *row, const char *name, size_t n, ef_format *format)
{
    ef_format found = row->format;
    size_t n_numbers = 0;
    const char *end = name + n;
    for (const char *p = row->pattern; *p; p++) {
        if (*p != '%') {
            if (name == end || *name++ != *p) {
                return 0;
            }
            continue;
        }
        unsigned number;
        size_t digits = read_number(name, &number);
        if (digits == 0 || number < row->numbers[n_numbers].min ||
            number > row->numbers[n_numbers].max) {
            return 0;
        }
        *field(&found, row->numbers[n_numbers++].offset) = (unsigned char)number;
        name += digits;
    }
    if (name != end) {
        return 0;
    }
    if (found.kind == EF_FORMAT_FLOAT) {
        found.bits = (uint8_t)(1 + found.exponent_bits + found.mantissa_bits);
    }
    *format = found;
    return 1;
}

/* One suffix without its plus sign. */
static ef_status read_suffix(const char *name, const char *suffix, size_t n,
                             ef_format *format, ef_error *err)
{
    if (n == strlen(stochastic_name) && strncmp(suffix, stochastic_name, n) == 0) {
        if (format->stochastic) {
            return ef_error_set(err, EF_ERR_INPUT,
                                "number format \"%s\" names +stochastic twice", name);
        }
        format->stochastic = 1;
        return EF_OK;
    }
    for (size_t i = 1; i < N_ENCODINGS; i++) {
        if (n != strlen(encodings[i].name) || strncmp(suffix, encodings[i].name, n)) {
            continue;
        }
        if (format->encoding != EF_ENCODING_PLAIN) {
            return ef_error_set(err, EF_ERR_INPUT,
                                "number format \"%s\" names two encodings", name);
        }
        if (!(encodings[i].kinds & 1U << format->kind)) {
            return ef_error_set(err, EF_ERR_INPUT,
                                "number format \"%s\" has no encoding +%s", name,
                                encodings[i].name);
        }
        format->encoding = (uint8_t)i;
        return EF_OK;
    }
    return ef_error_set(err, EF_ERR_INPUT,
                        "number format \"%s\" ends in an unknown \"+%.*s\": the "
                        "suffixes are +signmag, +offset, +gray, +stochastic",
                        name, (int)n, suffix);
}

ef_status ef_format_parse(const char *name, ef_format *format, ef_error *err)
{
    size_t n = strcspn(name, "+");
    ef_format found;
    size_t row = 0;
    while (row < N_NAMES && !match_row(&name_rows[row], name, n, &found)) {
        row++;
    }
    if (row == N_NAMES) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "no number format \"%s\": the formats are %s, with other "
                            "widths alike",
                            name, known_names);
    }
    for (const char *p = name + n; *p; p += n) {
        p++;
        n = strcspn(p, "+");
        ef_status status = read_suffix(name, p, n, &found, err);
        if (status) {
            return status;
        }
    }
    *format = found;
    return EF_OK;
}

/* Whether row is a name of the format, suffixes aside. */
static int row_names(const name_row *row, const ef_format *format)
{
    ef_format left = *format;
    left.encoding = EF_ENCODING_PLAIN;
    left.stochastic = 0;
    for (size_t i = 0; i < MAX_NUMBERS && row->numbers[i].max > 0; i++) {
        *field(&left, row->numbers[i].offset) = 0;
        if (left.kind == EF_FORMAT_FLOAT) {
            left.bits = 0;
        }
    }
    return ef_format_equal(&left, &row->format);
}

void ef_format_name(const ef_format *format, char name[EF_FORMAT_NAME])
{
    name[0] = '\0';
    size_t row = 0;
    while (row < N_NAMES && !row_names(&name_rows[row], format)) {
        row++;
    }
    if (row == N_NAMES || !ef_format_is_stated(format)) {
        return;
    }
    ef_format copy = *format;
    size_t n_numbers = 0;
    int n = 0;
    for (const char *p = name_rows[row].pattern; *p; p++) {
        if (*p == '%') {
            size_t offset = name_rows[row].numbers[n_numbers++].offset;
            n += snprintf(name + n, 4, "%u", *field(&copy, offset));
        } else {
            name[n++] = *p;
        }
    }
    name[n] = '\0';
    if (format->encoding > EF_ENCODING_PLAIN && format->encoding < N_ENCODINGS) {
        n += snprintf(name + n, EF_FORMAT_NAME - (size_t)n, "+%s",
                      encodings[format->encoding].name);
    }
    if (format->stochastic) {
        snprintf(name + n, EF_FORMAT_NAME - (size_t)n, "+%s", stochastic_name);
    }
}

int ef_format_equal(const ef_format *a, const ef_format *b)
{
    /* Ten bytes and no padding. */
    return memcmp(a, b, sizeof *a) == 0;
}

int ef_format_is_stated(const ef_format *format)
{
    return format->bits != 0;
}
