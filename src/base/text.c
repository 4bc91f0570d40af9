#include "base/text.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"

void ef_text_init(ef_text *text)
{
    memset(text, 0, sizeof *text);
}

void ef_text_clear(ef_text *text)
{
    ef_free(text->bytes);
    ef_text_init(text);
}

static int reserve(ef_text *text, size_t more)
{
    if (text->failed) {
        return 0;
    }
    size_t needed = text->size + more + 1;
    if (needed <= text->capacity) {
        return 1;
    }
    size_t capacity = text->capacity ? text->capacity : 256;
    while (capacity < needed) {
        capacity *= 2;
    }
    char *bytes = ef_realloc(text->bytes, capacity, 1);
    if (!bytes) {
        text->failed = 1;
        return 0;
    }
    text->bytes = bytes;
    text->capacity = capacity;
    return 1;
}

void ef_text_add_bytes(ef_text *text, const void *bytes, size_t size)
{
    if (reserve(text, size)) {
        memcpy(text->bytes + text->size, bytes, size);
        text->size += size;
        text->bytes[text->size] = '\0';
    }
}

void ef_text_add(ef_text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size >= 0 && reserve(text, (size_t)size)) {
        vsnprintf(text->bytes + text->size, (size_t)size + 1, format, again);
        text->size += (size_t)size;
    }
    va_end(again);
}

void ef_text_add_double(ef_text *text, double value)
{
    char digits[32];
    if (isnan(value)) {
        ef_text_add(text, "nan");
        return;
    }
    if (value == floor(value) && fabs(value) < 1e15) {
        ef_text_add(text, "%.0f", value); /* 300, not 3e+02 */
        return;
    }
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value) {
            break;
        }
    }
    ef_text_add(text, "%s", digits);
}

enum { QUANTITY = 64 };

/* The fewest digits that read back as value; 0 where none do. */
static int write_scaled(char out[QUANTITY], double value, double scale,
                        const char *prefix, const char *unit)
{
    for (int precision = 1; precision <= 17; precision++) {
        double back = 0;
        int size = snprintf(out, QUANTITY, "%.*g %s%s", precision, value / scale,
                            prefix, unit);
        if (size < QUANTITY && out[strcspn(out, " e")] != 'e' &&
            ef_parse_quantity(out, unit, -DBL_MAX, DBL_MAX, &back, NULL) == EF_OK &&
            back == value) {
            return 1;
        }
    }
    return 0;
}

void ef_text_add_quantity(ef_text *text, double value, const char *unit)
{
    static const struct {
        const char *name;
        double scale;
    } prefixes[] = {{"", 1},      {"Ki", 0x1p10}, {"Mi", 0x1p20}, {"Gi", 0x1p30},
                    {"f", 1e-15}, {"p", 1e-12},   {"n", 1e-9},    {"u", 1e-6},
                    {"m", 1e-3},  {"k", 1e3},     {"M", 1e6},     {"G", 1e9},
                    {"T", 1e12}};
    char best[QUANTITY] = "", made[QUANTITY];
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        double number = fabs(value / prefixes[i].scale);
        /* There are no parts of a byte or bit. */
        int is_known = prefixes[i].scale >= 1 || (*unit != 'B' && *unit != 'b');
        if (is_known && number >= 1 && number < 1000 &&
            write_scaled(made, value, prefixes[i].scale, prefixes[i].name, unit) &&
            (!best[0] || strlen(made) < strlen(best))) {
            memcpy(best, made, sizeof best);
        }
    }
    if (best[0]) {
        ef_text_add(text, "%s", best);
    } else {
        ef_text_add_double(text, value);
        ef_text_add(text, " %s", unit);
    }
}
