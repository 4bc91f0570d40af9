/* A text that grows: for YAML, SVG and CSV that are built in memory first. */
#ifndef EF_BASE_TEXT_H
#define EF_BASE_TEXT_H

#include <stddef.h>

#include "base/status.h"

typedef struct ef_text {
    char *bytes; /* NUL-terminated once anything was added; NULL before */
    size_t size; /* without the NUL */
    size_t capacity;
    int failed; /* memory was short: checked once, at the end, by the caller */
} ef_text;

void ef_text_init(ef_text *text);
void ef_text_clear(ef_text *text);
void ef_text_add(ef_text *text, const char *format, ...) EF_PRINTF(2, 3);
/* The shortest decimal that reads back as value, a whole number below 1e15 in all its
 * digits; "nan", "inf", "-inf". */
void ef_text_add_double(ef_text *text, double value);
/* The value, which is in this unit, as people write it: "200 MHz" for 2e8 Hz, "108 KiB"
 * for 110592 B.  With a prefix where a number from 1 to 1000 before it is exact:
 * ef_parse_quantity gives the same bits back.  Finite. */
void ef_text_add_quantity(ef_text *text, double value, const char *unit);
void ef_text_add_bytes(ef_text *text, const void *bytes, size_t size);

#endif
