#include "base/text.h"

#include <stdarg.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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
