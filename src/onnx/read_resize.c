/* Reading Resize and Upsample: nearest neighbours only. */
#include <math.h>

#include "onnx/operators.h"

#define MOST_PLACES (1 << 20) /* along one axis */

/* Where a place of the output lies in the input. */
enum {
    AT_HALF_PIXEL,
    AT_ASYMMETRIC,
    AT_ALIGN_CORNERS,
    AT_PYTORCH_HALF_PIXEL,
    AT_TF_HALF_PIXEL,
    AT_HALF_PIXEL_SYMMETRIC
};
static const char *const coordinate_words[] = {"half_pixel",
                                               "asymmetric",
                                               "align_corners",
                                               "pytorch_half_pixel",
                                               "tf_half_pixel_for_nn",
                                               "half_pixel_symmetric",
                                               NULL};

enum { ROUND_PREFER_FLOOR, ROUND_FLOOR, ROUND_CEIL, ROUND_PREFER_CEIL };
static const char *const nearest_words[] = {"round_prefer_floor", "floor", "ceil",
                                            "round_prefer_ceil", NULL};

/* One axis. */
typedef struct scaling {
    int64_t from, to; /* sizes */
    double scale;     /* of the output, as the file says; to / from otherwise */
    size_t coordinates, nearest;
} scaling;

static double coordinate(const scaling *s, int64_t i)
{
    double centre = ((double)i + 0.5) / s->scale;
    switch (s->coordinates) {
    case AT_ASYMMETRIC:
        return (double)i / s->scale;
    case AT_ALIGN_CORNERS:
        return s->to > 1 ? (double)(i * (s->from - 1)) / (double)(s->to - 1) : 0;
    case AT_PYTORCH_HALF_PIXEL:
        return s->to > 1 ? centre - 0.5 : 0;
    case AT_TF_HALF_PIXEL:
        return centre;
    case AT_HALF_PIXEL_SYMMETRIC: {
        double whole = s->scale * (double)s->from;
        double half = (double)s->from / 2;
        return half * (1 - (double)s->to / whole) + centre - 0.5;
    }
    default:
        return centre - 0.5;
    }
}

static uint32_t place_of(const scaling *s, int64_t i)
{
    double x = coordinate(s, i), low = floor(x), place = low;
    switch (s->nearest) {
    case ROUND_CEIL:
        place = ceil(x);
        break;
    case ROUND_PREFER_FLOOR:
        place = x - low <= 0.5 ? low : low + 1;
        break;
    case ROUND_PREFER_CEIL:
        place = x - low < 0.5 ? low : low + 1;
        break;
    default:
        break;
    }
    double most = (double)(s->from - 1);
    return (uint32_t)(place < 0 ? 0 : place > most ? most : place);
}

static ef_value resize_axis(ef_reader *reader, const ef_value *value, size_t axis,
                            const scaling *s)
{
    if (reader->status || (s->from == s->to && s->scale == 1)) {
        return *value;
    }
    if (s->to < 1 || s->to > MOST_PLACES || !ef_reader_spend(reader, (uint64_t)s->to)) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "its output has %lld elements along an axis",
                         (long long)s->to);
        return *value;
    }
    uint32_t *places = ef_arena_calloc(&reader->arena, (size_t)s->to, sizeof *places);
    if (!places) {
        ef_reader_refuse_memory(reader);
        return *value;
    }
    for (int64_t i = 0; i < s->to; i++) {
        places[i] = place_of(s, i);
    }
    return ef_reader_take(reader, value, axis, places, (size_t)s->to);
}

/* The factor by which every element of an axis comes again; 0 where none does. */
static uint32_t factor_of(ef_reader *reader, const scaling *s)
{
    int64_t factor = s->to / s->from;
    if (factor < 1 || s->to % s->from != 0 || factor > EF_MAX_FACTOR) {
        return 0;
    }
    if (s->coordinates == AT_ASYMMETRIC && s->nearest == ROUND_FLOOR &&
        s->scale == (double)factor) { /* as we write it: at any size */
        return (uint32_t)factor;
    }
    if (s->to > MOST_PLACES || !ef_reader_spend(reader, (uint64_t)s->to)) {
        return 0;
    }
    for (int64_t i = 0; i < s->to; i++) {
        if (place_of(s, i) != i / factor) {
            return 0;
        }
    }
    return (uint32_t)factor;
}

/* Rows and columns by whole factors are one node. */
static int upsample(ef_reader *reader, ef_value *value, const scaling *scalings)
{
    ef_node node = ef_node_default(EF_OP_UPSAMPLE);
    if (value->dims.rank != 3 || scalings[0].from != scalings[0].to) {
        return 0;
    }
    for (size_t i = 0; i < 2; i++) {
        node.u.upsample.factor[i] = factor_of(reader, &scalings[i + 1]);
        if (node.u.upsample.factor[i] == 0) {
            return 0;
        }
    }
    uint32_t source = ef_reader_image(reader, value);
    value->node = ef_reader_make_on(reader, &node, source, "");
    value->dims.size[1] = scalings[1].to;
    value->dims.size[2] = scalings[2].to;
    return 1;
}

/* Of all axes, the batch included; 0 where the file does not say. */
typedef struct target {
    float scales[EF_DIMS_MAX + 1];
    int64_t sizes[EF_DIMS_MAX + 1];
} target;

/* The axes that scales and sizes are for; returns their number. */
static size_t read_axes(ef_reader *reader, size_t all, size_t *axes)
{
    int64_t given[EF_DIMS_MAX + 1];
    size_t n = ef_reader_ints(reader, "axes", given, all);
    for (size_t i = 0; i < n && !reader->status; i++) {
        axes[i] = ef_reader_axis(reader, given[i], all - reader->lead) + reader->lead;
    }
    for (size_t i = 0; i < all && n == 0; i++) {
        axes[i] = i;
    }
    return n ? n : all;
}

/* Scales: an attribute of the first Upsample, an input since. */
static size_t read_scales(ef_reader *reader, size_t most, float *scales)
{
    if (ef_reader_has(reader, "scales")) {
        return ef_reader_float_list(reader, "scales", scales, most);
    }
    ef_constant *constant = ef_reader_constant(reader, reader->opset < 11 ? 1 : 2);
    const float *values =
        constant && constant->count > 0 ? ef_reader_floats(reader, constant) : NULL;
    size_t n = values ? constant->count : 0;
    for (size_t i = 0; i < n && i < most; i++) {
        scales[i] = values[i];
    }
    return n;
}

static void read_target(ef_reader *reader, size_t all, target *t)
{
    size_t axes[EF_DIMS_MAX + 1];
    float scales[EF_DIMS_MAX + 1];
    int64_t sizes[EF_DIMS_MAX + 1];
    size_t n = read_axes(reader, all, axes);
    size_t n_scales = read_scales(reader, all, scales);
    size_t n_sizes = reader->opset < 11 ? 0 : ef_reader_integers(reader, 3, sizes, all);
    if ((n_scales != 0 && n_scales != n) || (n_sizes != 0 && n_sizes != n) ||
        (n_scales == 0) == (n_sizes == 0)) {
        ef_reader_refuse(reader, EF_ERR_INPUT,
                         "it has %zu scales and %zu sizes for %zu axes", n_scales,
                         n_sizes, n);
    }
    for (size_t i = 0; i < n && !reader->status; i++) {
        t->scales[axes[i]] = n_scales ? scales[i] : 0;
        t->sizes[axes[i]] = n_sizes ? sizes[i] : 0;
    }
}

/* One axis of the target, of an input of this size. */
static scaling scaling_of(ef_reader *reader, const target *t, size_t axis, int64_t from)
{
    static const char *const policies[] = {"stretch", NULL};
    scaling s = {from, from, 1, AT_ASYMMETRIC, ROUND_FLOOR};
    ef_reader_word(reader, "keep_aspect_ratio_policy", policies);
    if (reader->opset >= 11) {
        s.coordinates =
            ef_reader_word(reader, "coordinate_transformation_mode", coordinate_words);
        s.nearest = ef_reader_word(reader, "nearest_mode", nearest_words);
    }
    if (t->sizes[axis] > 0) {
        s.to = t->sizes[axis];
        s.scale = (double)s.to / (double)from;
    } else if (t->scales[axis] > 0 && t->scales[axis] <= EF_MAX_FACTOR) {
        s.scale = t->scales[axis];
        s.to = (int64_t)floor((double)from * s.scale);
    } else if (t->sizes[axis] != 0 || t->scales[axis] != 0) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "it resizes by no number");
    }
    return s;
}

static int keeps_batch(const ef_reader *reader, const target *t)
{
    return (t->scales[0] == 0 || t->scales[0] == 1) &&
           (t->sizes[0] == 0 || t->sizes[0] == reader->batch ||
            (t->sizes[0] == 1 && reader->batch == EF_BATCH_SIZE));
}

void ef_onnx_read_resize(ef_reader *reader, int kind)
{
    (void)kind;
    static const char *const modes[] = {"nearest", NULL};
    target t = {{0}, {0}};
    scaling scalings[EF_DIMS_MAX + 1] = {{0}};
    ef_value value = ef_reader_source(reader, 0);
    size_t rank = value.dims.rank;
    ef_reader_word(reader, "mode", modes);
    ef_reader_uint(reader, "antialias", 0, 0, 0);
    read_target(reader, rank + reader->lead, &t);
    if (reader->lead && !keeps_batch(reader, &t)) {
        ef_reader_refuse_mixing(reader);
    }
    for (size_t axis = 0; axis < rank && !reader->status; axis++) {
        scalings[axis] =
            scaling_of(reader, &t, axis + reader->lead, value.dims.size[axis]);
    }
    if (reader->status) {
        return;
    }
    if (!upsample(reader, &value, scalings)) {
        for (size_t axis = 0; axis < rank && !reader->status; axis++) {
            value = resize_axis(reader, &value, axis, &scalings[axis]);
            value.dims.size[axis] = reader->status ? 1 : scalings[axis].to;
        }
    }
    ef_reader_give(reader, 0, value);
}
