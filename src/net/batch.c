#include "net/batch.h"

#include <string.h>

/* How the pixels of an image move: input (y, x) takes raw (y + dy, x + dx), after x
 * was mirrored where flip is set. */
typedef struct motion {
    ptrdiff_t dy, dx;
    int flip;
} motion;

static void fill_bytes(const unsigned char *restrict raw, size_t n, float scale,
                       float shift, float *restrict inputs)
{
    for (size_t i = 0; i < n; i++) {
        inputs[i] = (float)raw[i] * scale + shift;
    }
}

static void fill_values(const float *restrict raw, size_t n, float scale, float shift,
                        float *restrict inputs)
{
    for (size_t i = 0; i < n; i++) {
        inputs[i] = raw[i] * scale + shift;
    }
}

static float scale_of(const ef_normalisation *norm, size_t channel)
{
    return norm ? norm->scale[channel] : 1.0f;
}

static float shift_of(const ef_normalisation *norm, size_t channel)
{
    return norm ? norm->shift[channel] : 0.0f;
}

static void fill_image(const ef_dataset *set, const ef_normalisation *norm,
                       size_t index, float *restrict inputs)
{
    size_t plane = set->height * set->width;
    for (size_t c = 0; c < set->channels; c++, inputs += plane) {
        size_t from = (index * set->channels + c) * plane;
        float scale = scale_of(norm, c), shift = shift_of(norm, c);
        if (set->bytes) {
            fill_bytes(set->bytes + from, plane, scale, shift, inputs);
        } else {
            fill_values(set->values + from, plane, scale, shift, inputs);
        }
    }
}

void ef_batch_fill(const ef_dataset *set, const ef_normalisation *norm,
                   const size_t *indices, size_t n, float *restrict inputs)
{
    size_t image = ef_dataset_image_size(set);
    for (size_t i = 0; i < n; i++) {
        fill_image(set, norm, indices[i], inputs + i * image);
    }
}

static ptrdiff_t draw_shift(ef_rng *rng, size_t most)
{
    return (ptrdiff_t)ef_rng_below(rng, 2 * (uint64_t)most + 1) - (ptrdiff_t)most;
}

static motion draw_motion(ef_rng *rng, const ef_augment *augment)
{
    motion move = {0, 0, 0};
    if (augment->shift > 0) {
        move.dy = draw_shift(rng, augment->shift);
        move.dx = draw_shift(rng, augment->shift);
    }
    if (augment->flip) {
        move.flip = (int)ef_rng_below(rng, 2);
    }
    return move;
}

/* A row that comes in from outside: raw value 0. */
static void fill_outside(size_t width, float scale, float shift, float *inputs)
{
    float raw = 0;
    for (size_t x = 0; x < width; x++) {
        inputs[x] = raw * scale + shift;
    }
}

/* from: where the raw row stands in the set. */
static void move_row(const ef_dataset *set, size_t from, motion move, float scale,
                     float shift, float *restrict inputs)
{
    size_t width = set->width;
    for (size_t x = 0; x < width; x++) {
        size_t mirrored = move.flip ? width - 1 - x : x;
        size_t at = mirrored + (size_t)move.dx; /* wraps below 0, and is then outside */
        float raw = 0;
        if (at < width) {
            raw = set->bytes ? (float)set->bytes[from + at] : set->values[from + at];
        }
        inputs[x] = raw * scale + shift;
    }
}

static void move_image(const ef_dataset *set, const ef_normalisation *norm,
                       size_t index, motion move, float *restrict inputs)
{
    size_t height = set->height, width = set->width;
    for (size_t c = 0; c < set->channels; c++) {
        size_t plane = (index * set->channels + c) * height * width;
        float scale = scale_of(norm, c), shift = shift_of(norm, c);
        for (size_t y = 0; y < height; y++, inputs += width) {
            size_t row = y + (size_t)move.dy;
            if (row < height) {
                move_row(set, plane + row * width, move, scale, shift, inputs);
            } else {
                fill_outside(width, scale, shift, inputs);
            }
        }
    }
}

void ef_batch_fill_augmented(ef_rng *rng, const ef_dataset *set,
                             const ef_normalisation *norm, const ef_augment *augment,
                             const size_t *indices, size_t n, float *restrict inputs)
{
    size_t image = ef_dataset_image_size(set);
    for (size_t i = 0; i < n; i++) {
        motion move = draw_motion(rng, augment);
        move_image(set, norm, indices[i], move, inputs + i * image);
    }
}

void ef_batch_labels(const ef_dataset *set, const size_t *indices, size_t n,
                     uint16_t *restrict labels)
{
    for (size_t i = 0; i < n; i++) {
        labels[i] = set->labels[indices[i]];
    }
}
