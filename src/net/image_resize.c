/* Resizing with a triangle filter in fixed point. */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/image_priv.h"

#define FRACTION_BITS 22 /* 8 bits of a value, a sign, one bit to spare, out of 32 */

/* What one output position takes from the input: n weights from `first` on. */
typedef struct span {
    size_t first, n;
    const int32_t *weights;
} span;

typedef struct filter {
    span *spans; /* (n_out) */
    int32_t *weights;
    double *exact; /* of one span */
} filter;

static void clear_filter(filter *f)
{
    ef_free(f->spans);
    ef_free(f->weights);
    ef_free(f->exact);
}

/* The weights of output position `out`; ratio is input over output size. */
static void make_span(span *s, int32_t *weights, double *exact, size_t out, size_t n_in,
                      double ratio)
{
    double support = ratio > 1 ? ratio : 1;
    double centre = ((double)out + 0.5) * ratio;
    double low = centre - support + 0.5, high = centre + support + 0.5;
    size_t first = low > 0 ? (size_t)low : 0;
    size_t end = high < (double)n_in ? (size_t)high : n_in;
    double sum = 0;
    for (size_t i = first; i < end; i++) {
        double distance = fabs(((double)i - centre + 0.5) * (1 / support));
        exact[i - first] = distance < 1 ? 1 - distance : 0;
        sum += exact[i - first];
    }
    for (size_t i = 0; i < end - first; i++) {
        weights[i] = (int32_t)(0.5 + exact[i] / sum * (1 << FRACTION_BITS));
    }
    *s = (span){first, end - first, weights};
}

static int make_filter(filter *f, size_t n_in, size_t n_out)
{
    double ratio = (double)n_in / (double)n_out;
    size_t most = 2 * (size_t)ceil(ratio > 1 ? ratio : 1) + 1;
    f->spans = ef_calloc(n_out, sizeof *f->spans);
    f->weights = ef_calloc(n_out, most * sizeof *f->weights);
    f->exact = ef_calloc(most, sizeof *f->exact);
    if (!f->spans || !f->weights || !f->exact) {
        return 0;
    }
    for (size_t i = 0; i < n_out; i++) {
        make_span(&f->spans[i], f->weights + i * most, f->exact, i, n_in, ratio);
    }
    return 1;
}

/* The weighted sum of values that stand step apart. */
static unsigned char apply(const span *s, const unsigned char *values, size_t step)
{
    int32_t sum = 1 << (FRACTION_BITS - 1);
    const unsigned char *from = values + s->first * step;
    for (size_t i = 0; i < s->n; i++) {
        sum += from[i * step] * s->weights[i];
    }
    int32_t value = sum >> FRACTION_BITS; /* weights are not negative */
    return (unsigned char)(value < 255 ? value : 255);
}

/* Rows become width long: narrow, shape (image->height, width, 3). */
static void resize_rows(const ef_image *image, const filter *f, size_t width,
                        unsigned char *narrow)
{
    for (size_t y = 0; y < image->height; y++) {
        const unsigned char *row = image->bytes + 3 * y * image->width;
        for (size_t x = 0; x < width; x++) {
            for (size_t c = 0; c < 3; c++) {
                *narrow++ = apply(&f->spans[x], row + c, 3);
            }
        }
    }
}

static void resize_columns(const unsigned char *narrow, const filter *f, size_t height,
                           size_t width, unsigned char *planes)
{
    for (size_t c = 0; c < 3; c++) {
        for (size_t y = 0; y < height; y++) {
            for (size_t x = 0; x < width; x++) {
                *planes++ = apply(&f->spans[y], narrow + 3 * x + c, 3 * width);
            }
        }
    }
}

ef_status ef_image_resize(const ef_image *image, size_t height, size_t width,
                          unsigned char *planes, ef_error *err)
{
    filter rows = {0}, columns = {0};
    unsigned char *narrow = ef_calloc(image->height, 3 * width);
    ef_status status = EF_OK;
    if (narrow && make_filter(&rows, image->width, width) &&
        make_filter(&columns, image->height, height)) {
        resize_rows(image, &rows, width, narrow);
        resize_columns(narrow, &columns, height, width, planes);
    } else {
        status = ef_error_memory(err);
    }
    ef_free(narrow);
    clear_filter(&rows);
    clear_filter(&columns);
    return status;
}
