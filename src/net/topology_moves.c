/* Shapes of the operations that move elements. */
#include "net/topology_priv.h"

#define REFUSE(...) return ef_error_set(why, EF_ERR_TOPOLOGY, __VA_ARGS__)

static const char *const axis_names[3] = {"channels", "height", "width"};

static void axes_of(ef_shape shape, uint32_t axes[3])
{
    axes[0] = shape.channels;
    axes[1] = shape.height;
    axes[2] = shape.width;
}

ef_status ef_infer_pad(ef_node *node, const ef_shape *in, ef_shape *out, ef_error *why)
{
    const ef_pad *pad = &node->u.pad;
    uint32_t axes[3];
    axes_of(*in, axes);
    for (size_t i = 0; i < 3; i++) {
        if (pad->before[i] > EF_MAX_ELEMENTS || pad->after[i] > EF_MAX_ELEMENTS) {
            REFUSE("it pads %s by more than %u", axis_names[i], EF_MAX_ELEMENTS);
        }
        if (i > 0 && in->rank == 2 && pad->before[i] + pad->after[i] > 0) {
            REFUSE("its input is flat, so it cannot pad %s", axis_names[i]);
        }
        axes[i] += pad->before[i] + pad->after[i];
    }
    *out = (ef_shape){axes[0], axes[1], axes[2], in->rank};
    return ef_check_finite(pad->value, "value", why);
}

ef_status ef_infer_slice(ef_node *node, const ef_shape *in, ef_shape *out,
                         ef_error *why)
{
    ef_slice *slice = &node->u.slice;
    uint32_t axes[3];
    axes_of(*in, axes);
    for (size_t i = 0; i < 3; i++) {
        if (slice->end[i] == EF_TO_END) {
            slice->end[i] = axes[i];
        }
        if (slice->begin[i] >= slice->end[i] || slice->end[i] > axes[i]) {
            REFUSE("it takes %s %u to %u of an input that has %u", axis_names[i],
                   slice->begin[i], slice->end[i], axes[i]);
        }
        if (slice->step[i] == 0) {
            REFUSE("its step in %s is 0", axis_names[i]);
        }
        axes[i] = (slice->end[i] - slice->begin[i] - 1) / slice->step[i] + 1;
        if (axes[i] == 1) {
            slice->end[i] = slice->begin[i] + 1; /* nothing to step over */
            slice->step[i] = 1;
        }
    }
    *out = (ef_shape){axes[0], axes[1], axes[2], in->rank};
    return EF_OK;
}

ef_status ef_infer_transpose(ef_node *node, const ef_shape *in, ef_shape *out,
                             ef_error *why)
{
    const uint32_t *order = node->u.transpose.order;
    uint32_t axes[3], seen = 0;
    axes_of(*in, axes);
    for (size_t i = 0; i < 3; i++) {
        seen |= order[i] < 3 ? 1U << order[i] : 0;
    }
    if (seen != 7) {
        REFUSE("its order [%u, %u, %u] is not one of the axes 0, 1, 2", order[0],
               order[1], order[2]);
    }
    *out = (ef_shape){axes[order[0]], axes[order[1]], axes[order[2]], 4};
    return ef_check_image(in, why);
}

ef_status ef_infer_flatten(ef_node *node, const ef_shape *in, ef_shape *out,
                           ef_error *why)
{
    (void)node;
    (void)why;
    *out = (ef_shape){(uint32_t)ef_shape_elements(*in), 1, 1, 2};
    return EF_OK;
}

ef_status ef_infer_upsample(ef_node *node, const ef_shape *in, ef_shape *out,
                            ef_error *why)
{
    const uint32_t *factor = node->u.upsample.factor;
    ef_status status = ef_check_image(in, why);
    if (!status) {
        status = ef_check_positive(factor, 2, "factor", why);
    }
    if (!status && ((uint64_t)in->height * factor[0] > EF_MAX_ELEMENTS ||
                    (uint64_t)in->width * factor[1] > EF_MAX_ELEMENTS)) {
        REFUSE("its output is larger than %u elements", EF_MAX_ELEMENTS);
    }
    if (!status && (factor[0] > EF_MAX_FACTOR || factor[1] > EF_MAX_FACTOR)) {
        REFUSE("factor is more than %d", EF_MAX_FACTOR);
    }
    *out = (ef_shape){in->channels, in->height * factor[0], in->width * factor[1], 4};
    return status;
}

ef_status ef_infer_reshape(ef_node *node, const ef_shape *in, ef_shape *out,
                           ef_error *why)
{
    const ef_shape *shape = &node->u.reshape;
    ef_status status = ef_check_shape(shape, "output", why);
    if (status) {
        return status;
    }
    uint64_t plane = (uint64_t)shape->height * shape->width;
    if (plane > EF_MAX_ELEMENTS || plane * shape->channels != ef_shape_elements(*in)) {
        REFUSE("it makes %u x %u x %u out of %u x %u x %u, another number of elements",
               shape->channels, shape->height, shape->width, in->channels, in->height,
               in->width);
    }
    *out = *shape;
    return EF_OK;
}
