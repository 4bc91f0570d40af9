/* Windows that slide over an image: what Conv and the pools have in common. */
#ifndef EF_ONNX_READ_WINDOW_H
#define EF_ONNX_READ_WINDOW_H

#include "onnx/reader.h"

/* Height and width each; kernel is known. */
typedef struct ef_window_field {
    const uint32_t *kernel;
    uint32_t *stride;
    uint32_t *dilation;
    uint32_t *pad; /* top, left, bottom, right */
} ef_window_field;

/* Reads strides, dilations, pads and auto_pad for n = 1 (width alone) or 2 axes of an
 * input of this shape. */
void ef_read_window(ef_reader *reader, const ef_window_field *window, ef_shape in,
                    size_t n);

#endif
