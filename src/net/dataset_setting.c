/* Shapes and ranges as people write them, in an option or in a file. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "net/dataset_priv.h"

#define SIDE_MAX 65535
#define IMAGE_MAX (UINT64_C(1) << 28) /* raw values of an image, as in a topology */

ef_status ef_setting_error(const ef_setting *setting, ef_error *err, const char *format,
                           ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *at = text; *at; at++) { /* nothing from a file moves a cursor */
        *at = iscntrl((unsigned char)*at) ? '?' : *at;
    }
    if (setting->option) {
        return ef_error_set(err, EF_ERR_USAGE, "%s %s: %s", setting->option,
                            setting->text, text);
    }
    return ef_error_at(err, EF_ERR_INPUT, setting->place, "%s", text);
}

/* The numbers of "3x32x32" into sides, at most 3; 0 where text is something else. */
static size_t read_sides(const char *text, uint64_t sides[3])
{
    char number[32];
    for (size_t n = 0; n < 3; n++) {
        size_t length = strcspn(text, "x");
        snprintf(number, sizeof number, "%.*s", (int)(length < 31 ? length : 31), text);
        if (ef_parse_u64(number, 1, SIDE_MAX, &sides[n], NULL)) {
            return 0;
        }
        if (!text[length]) {
            return n + 1;
        }
        text += length + 1;
    }
    return 0;
}

ef_status ef_setting_shape(const ef_setting *setting, size_t *channels, size_t *height,
                           size_t *width, ef_error *err)
{
    uint64_t sides[3] = {0};
    size_t n = read_sides(setting->text, sides);
    if (n < 2) {
        return ef_setting_error(setting, err,
                                "expected a shape such as 3x32x32 (channels, height, "
                                "width) or 8x8, sides from 1 to %d, found '%s'",
                                SIDE_MAX, setting->text);
    }
    uint64_t n_channels = n == 3 ? sides[0] : 1;
    if (n_channels > EF_DATASET_CHANNELS_MAX) {
        return ef_setting_error(setting, err, "more than %d channels",
                                EF_DATASET_CHANNELS_MAX);
    }
    if (n_channels * sides[n - 2] * sides[n - 1] > IMAGE_MAX) {
        return ef_setting_error(setting, err, "an image of shape %s is too large",
                                setting->text);
    }
    *channels = (size_t)n_channels;
    *height = (size_t)sides[n - 2];
    *width = (size_t)sides[n - 1];
    return EF_OK;
}

ef_status ef_setting_range(const ef_setting *setting, double *low, double *high,
                           ef_error *err)
{
    char first[64] = "";
    const char *dots = strstr(setting->text, "..");
    if (dots && (size_t)(dots - setting->text) < sizeof first) {
        memcpy(first, setting->text, (size_t)(dots - setting->text));
    }
    double from = 0, to = 0;
    const double most = 3.4e38; /* what float32 holds */
    if (!dots || ef_parse_f64(first, -most, most, &from, NULL) ||
        ef_parse_f64(dots + 2, -most, most, &to, NULL) || !(from < to)) {
        return ef_setting_error(
            setting, err, "expected a range such as 0..255, found '%s'", setting->text);
    }
    *low = from;
    *high = to;
    return EF_OK;
}
