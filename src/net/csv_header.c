#include "net/csv_header_priv.h"

#include <string.h>

#include "base/mem.h"

#define SPACE " \t"

static const char *const keys[EF_CSV_HEADER_COUNT] = {
#define X(key, name) name,
    EF_CSV_HEADER_LIST(X)
#undef X
};

/* The key that text begins with, colon included; EF_CSV_HEADER_COUNT: none. */
static size_t find_key(const char *text)
{
    size_t key = 0;
    for (; key < EF_CSV_HEADER_COUNT; key++) {
        size_t length = strlen(keys[key]);
        if (strncmp(text, keys[key], length) == 0 && text[length] == ':') {
            break;
        }
    }
    return key;
}

static ef_status set(ef_csv_header *header, size_t key, const char *value,
                     size_t length, ef_place place, ef_error *err)
{
    if (length == 0) {
        return ef_error_at(err, EF_ERR_INPUT, place, "%s: has no value", keys[key]);
    }
    if (header->texts[key]) {
        return ef_error_at(err, EF_ERR_INPUT, place, "%s: is given twice", keys[key]);
    }
    char *text = ef_calloc(length + 1, 1);
    if (!text) {
        return ef_error_memory(err);
    }
    memcpy(text, value, length);
    header->texts[key] = text;
    header->settings[key] = (ef_setting){.text = text, .place = place};
    return EF_OK;
}

ef_status ef_csv_header_add(ef_csv_header *header, const char *comment, ef_place place,
                            ef_error *err)
{
    const char *at = comment + strspn(comment, SPACE);
    if (find_key(at) == EF_CSV_HEADER_COUNT) {
        return EF_OK;
    }
    while (*at) {
        size_t key = find_key(at);
        if (key == EF_CSV_HEADER_COUNT) {
            ef_setting unknown = {.text = at, .place = place};
            return ef_setting_error(&unknown, err,
                                    "expected shape:, label:, group:, range:, "
                                    "classes: or names:, found '%.*s'",
                                    (int)strcspn(at, SPACE), at);
        }
        at += strlen(keys[key]) + 1;
        at += strspn(at, SPACE);
        size_t length = find_key(at) == EF_CSV_HEADER_COUNT ? strcspn(at, SPACE) : 0;
        ef_status status = set(header, key, at, length, place, err);
        if (status) {
            return status;
        }
        at += length;
        at += strspn(at, SPACE);
    }
    return EF_OK;
}

void ef_csv_header_clear(ef_csv_header *header)
{
    for (size_t i = 0; i < EF_CSV_HEADER_COUNT; i++) {
        ef_free(header->texts[i]);
    }
    memset(header, 0, sizeof *header);
}
