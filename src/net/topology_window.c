/* Windows that slide over an image, as conv and the pools have them. */
#include "net/topology_priv.h"

#define REFUSE(...) return ef_error_set(why, EF_ERR_TOPOLOGY, __VA_ARGS__)

static const char *const axis_names[2] = {"height", "width"};

ef_status ef_check_positive(const uint32_t *values, size_t n, const char *what,
                            ef_error *why)
{
    for (size_t i = 0; i < n; i++) {
        if (values[i] == 0 || values[i] > EF_MAX_ELEMENTS) {
            REFUSE("%s must be from 1 to %u, not %u", what, EF_MAX_ELEMENTS, values[i]);
        }
    }
    return EF_OK;
}

static ef_status check_window(const ef_window *w, ef_error *why)
{
    ef_status status = ef_check_positive(w->kernel, 2, "kernel", why);
    if (!status) {
        status = ef_check_positive(w->stride, 2, "stride", why);
    }
    if (!status) {
        status = ef_check_positive(w->dilation, 2, "dilation", why);
    }
    for (size_t i = 0; i < 4 && !status; i++) {
        if (w->pad[i] > EF_MAX_ELEMENTS) {
            REFUSE("pad must be at most %u, not %u", EF_MAX_ELEMENTS, w->pad[i]);
        }
    }
    return status;
}

/* Height (axis 0) or width (axis 1) after the window has slid over it. */
static ef_status slide(const ef_window *w, size_t axis, uint32_t size, uint32_t *out,
                       ef_error *why)
{
    uint64_t padded = (uint64_t)size + w->pad[axis] + w->pad[axis + 2];
    uint64_t reach = (uint64_t)w->dilation[axis] * (w->kernel[axis] - 1) + 1;
    if (reach > padded) {
        REFUSE("its kernel reaches over %llu in %s, its padded input has only %llu",
               (unsigned long long)reach, axis_names[axis], (unsigned long long)padded);
    }
    uint64_t stride = w->stride[axis];
    uint64_t n = (padded - reach) / stride + 1;
    if (w->ceil_mode && (padded - reach) % stride != 0 &&
        n * stride < (uint64_t)size + w->pad[axis]) {
        n++; /* only where the added window starts inside the input */
    }
    *out = (uint32_t)(n > EF_MAX_ELEMENTS ? EF_MAX_ELEMENTS + 1 : n);
    return EF_OK;
}

ef_status ef_window_slide(const ef_window *w, const ef_shape *in, ef_shape *out,
                          ef_error *why)
{
    ef_status status = check_window(w, why);
    if (!status) {
        status = slide(w, 0, in->height, &out->height, why);
    }
    if (!status) {
        status = slide(w, 1, in->width, &out->width, why);
    }
    return status;
}

int ef_window_sees_nothing(const ef_window *w, size_t axis, uint32_t size, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int64_t at = (int64_t)i * w->stride[axis] - w->pad[axis];
        int64_t step = w->dilation[axis];
        int64_t last = at + step * (w->kernel[axis] - 1);
        int64_t first = at >= 0 ? at : at + (-at + step - 1) / step * step;
        if (first >= size || first > last) {
            return 1;
        }
    }
    return 0;
}
