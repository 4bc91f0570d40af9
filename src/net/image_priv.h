/* Colour images of 8 bits per value, for data sets of image files. */
#ifndef EF_NET_IMAGE_PRIV_H
#define EF_NET_IMAGE_PRIV_H

#include <stddef.h>

#include "base/status.h"

#define EF_IMAGE_SIDE_MAX 65535

typedef struct ef_image {
    size_t height, width;
    unsigned char *bytes; /* (height, width, 3): red, green, blue */
} ef_image;

/* A binary PPM (P6) with 255 as its greatest value.
 * EF_ERR_IO; EF_ERR_INPUT: another format, sides that are 0 or too large, truncated. */
EF_NODISCARD ef_status ef_image_read_ppm(ef_image *image, const char *path,
                                         ef_error *err);
void ef_image_clear(ef_image *image);

/* Keeps the rectangle from (top, left) up to (bottom, right), not including them;
 * 0 <= top < bottom <= height, and the same for the width. */
void ef_image_crop(ef_image *image, size_t top, size_t left, size_t bottom,
                   size_t right);

/* image resized into planes, shape (3, height, width), by a triangle filter that
 * widens when the image shrinks: each output value is the mean of the input weighted
 * by max(0, 1 - |distance| / max(1, ratio)); weights in 22-bit fixed point, rows
 * first, then columns, rounded to 8 bits after each.  The bytes are those of Pillow's
 * `resize` with BILINEAR, so that networks trained behind Pillow see the inputs they
 * know.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_image_resize(const ef_image *image, size_t height,
                                       size_t width, unsigned char *planes,
                                       ef_error *err);

#endif
