#include "net/normalisation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "net/dataset_priv.h"

/* Exact, in integers: 2^32 values of one channel keep the sum of squares below 2^48,
 * and images hold fewer than 2^28. */
static void moments_bytes(const ef_dataset *set, ef_part part, size_t channel,
                          double *mean, double *variance)
{
    size_t plane = set->height * set->width, image = ef_dataset_image_size(set);
    uint64_t sum = 0, squares = 0;
    for (size_t i = 0; i < part.n; i++) {
        const unsigned char *from =
            set->bytes + part.indices[i] * image + channel * plane;
        for (size_t k = 0; k < plane; k++) {
            sum += from[k];
            squares += (uint64_t)from[k] * from[k];
        }
    }
    double n = (double)part.n * (double)plane;
    *mean = (double)sum / n;
    *variance = (double)squares / n - *mean * *mean;
}

/* Two passes, image by image in the order of the part. */
static void moments_values(const ef_dataset *set, ef_part part, size_t channel,
                           double *mean, double *variance)
{
    size_t plane = set->height * set->width, image = ef_dataset_image_size(set);
    double n = (double)part.n * (double)plane;
    double centre = 0;
    for (int pass = 0; pass < 2; pass++) {
        double total = 0;
        for (size_t i = 0; i < part.n; i++) {
            const float *from = set->values + part.indices[i] * image + channel * plane;
            double sum = 0;
            for (size_t k = 0; k < plane; k++) {
                double value = (double)from[k] - centre;
                sum += pass ? value * value : value;
            }
            total += sum;
        }
        if (pass) {
            *variance = total / n;
        } else {
            centre = *mean = total / n;
        }
    }
}

void ef_normalisation_fit(ef_normalisation *norm, const ef_dataset *set, ef_part part)
{
    memset(norm, 0, sizeof *norm);
    norm->channels = set->channels;
    for (size_t c = 0; c < set->channels; c++) {
        double mean = 0, variance = 0;
        if (set->bytes) {
            moments_bytes(set, part, c, &mean, &variance);
        } else {
            moments_values(set, part, c, &mean, &variance);
        }
        /* Rounding alone leaves less than this of a constant channel. */
        int is_constant = !(variance > 1e-12 * mean * mean);
        double std = is_constant ? 1 : sqrt(variance);
        norm->scale[c] = (float)(1 / std);
        norm->shift[c] = (float)(-mean / std);
    }
}

/* One number for all channels, or one for each. */
static ef_status read_list(const char *option, const char *text, size_t channels,
                           double *values, ef_error *err)
{
    ef_setting setting = {.text = text, .option = option};
    size_t n = 0;
    const char *from = text;
    for (;; n++) {
        char number[64];
        ef_error cause = {0};
        size_t length = strcspn(from, ",");
        snprintf(number, sizeof number, "%.*s", (int)(length < 63 ? length : 63), from);
        if (n == channels) {
            return ef_setting_error(&setting, err, "more numbers than channels (%zu)",
                                    channels);
        }
        if (ef_parse_f64(number, -3.4e38, 3.4e38, &values[n], &cause)) {
            return ef_setting_error(&setting, err, "%s", cause.text);
        }
        if (!from[length]) {
            break;
        }
        from += length + 1;
    }
    if (n + 1 != channels && n > 0) {
        return ef_setting_error(&setting, err, "%zu numbers for %zu channels", n + 1,
                                channels);
    }
    for (size_t c = 1; n == 0 && c < channels; c++) {
        values[c] = values[0];
    }
    return EF_OK;
}

static ef_status read_range(const ef_dataset *set, const char *text, double *low,
                            double *high, ef_error *err)
{
    if (text && strcmp(text, "raw") == 0) {
        *low = set->low;
        *high = set->high;
        return EF_OK;
    }
    ef_setting range = {.text = text ? text : "0..1", .option = "--range"};
    ef_status status = ef_setting_range(&range, low, high, err);
    if (!status && !(set->low < set->high)) {
        status = ef_setting_error(&range, err,
                                  "all raw values of %s are %g: `--range "
                                  "raw` leaves them so",
                                  set->name, set->low);
    }
    return status;
}

ef_status ef_normalisation_parse(ef_normalisation *norm, const ef_dataset *set,
                                 const char *mean, const char *std, const char *range,
                                 ef_error *err)
{
    double means[EF_DATASET_CHANNELS_MAX], stds[EF_DATASET_CHANNELS_MAX];
    double low = 0, high = 1;
    ef_status status =
        read_list("--mean", mean ? mean : "0", set->channels, means, err);
    if (!status) {
        status = read_list("--std", std ? std : "1", set->channels, stds, err);
    }
    if (!status) {
        status = read_range(set, range, &low, &high, err);
    }
    if (status) {
        return status;
    }
    ef_normalisation made = {.channels = set->channels};
    int is_raw = low == set->low && high == set->high;
    double step = is_raw ? 1 : (high - low) / (set->high - set->low);
    double base = is_raw ? 0 : low - set->low * step;
    for (size_t c = 0; c < set->channels; c++) {
        made.scale[c] = (float)(step / stds[c]);
        made.shift[c] = (float)((base - means[c]) / stds[c]);
        if (!(stds[c] > 0) || !isfinite(made.scale[c]) || !isfinite(made.shift[c])) {
            return ef_error_set(err, EF_ERR_USAGE,
                                "--std %s: expected numbers above 0 that leave finite "
                                "inputs",
                                std ? std : "1");
        }
    }
    *norm = made;
    return EF_OK;
}
