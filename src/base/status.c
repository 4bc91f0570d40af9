#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int exit_status;
    const char *text;
} status_rows[EF_STATUS_COUNT] = {
#define X(code, exit_status, text) {#code, exit_status, text},
    EF_STATUS_LIST(X)
#undef X
};

const char *ef_status_text(ef_status status)
{
    return status_rows[status].text;
}

const char *ef_status_name(ef_status status)
{
    return status_rows[status].name;
}

int ef_status_exit(ef_status status)
{
    return status_rows[status].exit_status;
}

/* Names out of a file may hold anything; a terminal may obey it. */
static void keep_one_line(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 127) {
            *text = '?';
        }
    }
}

EF_PRINTF(4, 0)
static ef_status set_text(ef_error *err, ef_status status, size_t used,
                          const char *format, va_list args) EF_PRINTF(4, 0);

static ef_status set_text(ef_error *err, ef_status status, size_t used,
                          const char *format, va_list args)
{
    vsnprintf(err->text + used, sizeof err->text - used, format, args);
    keep_one_line(err->text);
    err->status = status;
    return status;
}

ef_status ef_error_set(ef_error *err, ef_status status, const char *format, ...)
{
    if (err && err->status == EF_OK) {
        va_list args;
        va_start(args, format);
        set_text(err, status, 0, format, args);
        va_end(args);
    }
    return status;
}

ef_status ef_error_at(ef_error *err, ef_status status, ef_place place,
                      const char *format, ...)
{
    if (!err || err->status != EF_OK) {
        return status;
    }
    int used =
        snprintf(err->text, sizeof err->text, "%s", place.file ? place.file : "");
    if (place.line && used >= 0 && (size_t)used < sizeof err->text) {
        used += snprintf(err->text + used, sizeof err->text - (size_t)used, ":%zu",
                         place.line);
    }
    if (place.column && used >= 0 && (size_t)used < sizeof err->text) {
        used += snprintf(err->text + used, sizeof err->text - (size_t)used, ":%zu",
                         place.column);
    }
    if (used > 0 && (size_t)used < sizeof err->text) {
        used += snprintf(err->text + used, sizeof err->text - (size_t)used, ": ");
    }
    size_t start =
        (size_t)used < sizeof err->text ? (size_t)used : sizeof err->text - 1;
    va_list args;
    va_start(args, format);
    set_text(err, status, start, format, args);
    va_end(args);
    return status;
}

ef_status ef_error_memory(ef_error *err)
{
    return ef_error_set(err, EF_ERR_MEMORY, "%s", ef_status_text(EF_ERR_MEMORY));
}

ef_status ef_error_io(ef_error *err, const char *path, const char *what)
{
    return ef_error_set(err, EF_ERR_IO, "%s: %s: %s", path, what, strerror(errno));
}

void ef_error_clear(ef_error *err)
{
    if (err) {
        err->status = EF_OK;
        err->text[0] = '\0';
    }
}
