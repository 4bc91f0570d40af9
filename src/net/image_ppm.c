/* PPM, by the page ppm(5) of Netpbm. */
#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/image_priv.h"

#define FILE_MAX ((size_t)1 << 30)

/* The text part of a file in memory. */
typedef struct cursor {
    const unsigned char *bytes;
    size_t size, at;
} cursor;

static int is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* White space, and comments from # to the end of the line. */
static void skip_space(cursor *c)
{
    for (; c->at < c->size; c->at++) {
        if (c->bytes[c->at] == '#') {
            while (c->at < c->size && c->bytes[c->at] != '\n') {
                c->at++;
            }
        } else if (!is_space(c->bytes[c->at])) {
            return;
        }
    }
}

/* A number up to most; 0 where there is none or it is larger. */
static uint32_t read_number(cursor *c, uint32_t most)
{
    uint32_t number = 0;
    skip_space(c);
    for (; c->at < c->size; c->at++) {
        unsigned digit = (unsigned)c->bytes[c->at] - '0';
        if (digit > 9) {
            break;
        }
        number = 10 * number + digit;
        if (number > most) {
            return 0;
        }
    }
    return number;
}

static ef_status read_header(cursor *c, const char *path, ef_image *image,
                             ef_error *err)
{
    ef_place place = {.file = path};
    if (c->size < 3 || memcmp(c->bytes, "P6", 2) != 0 || !is_space(c->bytes[2])) {
        return ef_error_at(err, EF_ERR_INPUT, place,
                           "byte 0: expected a binary PPM, which begins with P6");
    }
    c->at = 2;
    image->width = read_number(c, EF_IMAGE_SIDE_MAX);
    image->height = read_number(c, EF_IMAGE_SIDE_MAX);
    if (image->width == 0 || image->height == 0) {
        return ef_error_at(err, EF_ERR_INPUT, place,
                           "byte %zu: expected width and height from 1 to %d", c->at,
                           EF_IMAGE_SIDE_MAX);
    }
    if (read_number(c, 255) != 255 || c->at == c->size || !is_space(c->bytes[c->at])) {
        return ef_error_at(err, EF_ERR_INPUT, place,
                           "byte %zu: expected 255 as the greatest value", c->at);
    }
    c->at++;
    size_t needed = 3 * image->width * image->height;
    if (c->size - c->at < needed) {
        return ef_error_at(err, EF_ERR_INPUT, place,
                           "ends at byte %zu, where %zux%zu pixels need %zu bytes from "
                           "byte %zu on",
                           c->size, image->width, image->height, needed, c->at);
    }
    return EF_OK;
}

ef_status ef_image_read_ppm(ef_image *image, const char *path, ef_error *err)
{
    cursor c = {0};
    ef_image made = {0};
    unsigned char *bytes = NULL;
    ef_status status = ef_file_read(path, FILE_MAX, &bytes, &c.size, err);
    if (status) {
        return status;
    }
    c.bytes = bytes;
    status = read_header(&c, path, &made, err);
    if (status) {
        ef_free(bytes);
        return status;
    }
    made.bytes = bytes; /* the pixels move to the front of what was read */
    memmove(bytes, bytes + c.at, 3 * made.width * made.height);
    *image = made;
    return EF_OK;
}

void ef_image_clear(ef_image *image)
{
    ef_free(image->bytes);
    memset(image, 0, sizeof *image);
}

void ef_image_crop(ef_image *image, size_t top, size_t left, size_t bottom,
                   size_t right)
{
    size_t width = right - left;
    for (size_t y = top; y < bottom; y++) {
        memmove(image->bytes + 3 * (y - top) * width,
                image->bytes + 3 * (y * image->width + left), 3 * width);
    }
    image->height = bottom - top;
    image->width = width;
}
