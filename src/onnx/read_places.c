/* Reading operators that take elements from places along axes: pad, slice, gather. */
#include <math.h>
#include <string.h>

#include "onnx/operators.h"

#define MOST_PLACES (1 << 20) /* along one axis */

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* Room for n places along an axis. */
static uint32_t *new_places(ef_reader *reader, int64_t n)
{
    if (reader->status || n < 1 || n > MOST_PLACES) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "its output has %lld elements along an axis", (long long)n);
        return NULL;
    }
    if (!ef_reader_spend(reader, (uint64_t)n)) {
        return NULL;
    }
    uint32_t *places = ef_arena_calloc(&reader->arena, (size_t)n, sizeof *places);
    if (!places) {
        ef_reader_refuse_memory(reader);
    }
    return places;
}

/* --- pad -------------------------------------------------------------------------- */

ef_value ef_reader_pad(ef_reader *reader, const ef_value *value, size_t axis,
                       int64_t before, int64_t after, float fill)
{
    ef_value made = *value;
    if (reader->status || (before == 0 && after == 0)) {
        return made;
    }
    if (before > EF_MAX_ELEMENTS || after > EF_MAX_ELEMENTS) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED, "it pads by more than %u",
                         EF_MAX_ELEMENTS);
        return made;
    }
    ef_axis_view view = ef_dims_axis(&value->dims, axis);
    ef_node node = ef_node_default(EF_OP_PAD);
    node.u.pad.before[view.axis] = (uint32_t)before;
    node.u.pad.after[view.axis] = (uint32_t)after;
    node.u.pad.value = fill;
    uint32_t source = ef_reader_view(reader, value->node, view.shape);
    made.node = ef_reader_make_on(reader, &node, source, ".pad");
    made.dims.size[axis] += before + after;
    return made;
}

/* What a Pad does along the axes of an image; negative: crops. */
typedef struct padding {
    int64_t before[EF_DIMS_MAX + 1], after[EF_DIMS_MAX + 1];
} padding;

enum { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };

static int64_t folded(int64_t at, int64_t size, size_t mode)
{
    if (mode == PAD_EDGE) {
        return clamp(at, 0, size - 1);
    }
    if (mode == PAD_WRAP) {
        return ((at % size) + size) % size;
    }
    int64_t period = size > 1 ? 2 * (size - 1) : 1;
    int64_t place = ((at % period) + period) % period;
    return place < size ? place : period - place;
}

static ef_value pad_by_places(ef_reader *reader, const ef_value *value, size_t axis,
                              const padding *p, size_t mode)
{
    int64_t size = value->dims.size[axis], n = 0;
    if (p->before[axis] == 0 && p->after[axis] == 0) {
        return *value;
    }
    n = size + p->before[axis] + p->after[axis];
    uint32_t *places = new_places(reader, n);
    for (int64_t i = 0; places && i < n; i++) {
        places[i] = (uint32_t)folded(i - p->before[axis], size, mode);
    }
    return places ? ef_reader_take(reader, value, axis, places, (size_t)n) : *value;
}

/* Negative padding, which then is 0. */
static ef_value crop(ef_reader *reader, const ef_value *value, size_t axis, padding *p)
{
    int64_t begin = p->before[axis] < 0 ? -p->before[axis] : 0;
    int64_t cut = p->after[axis] < 0 ? -p->after[axis] : 0;
    int64_t size = value->dims.size[axis];
    if (begin >= size || cut >= size - begin) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED, "nothing is left of its input");
        return *value;
    }
    p->before[axis] += begin;
    p->after[axis] += cut;
    return ef_reader_slice(reader, value, axis, begin, size - begin - cut, 1);
}

/* Constants around an image of up to three axes are one node. */
static ef_value pad_at_once(ef_reader *reader, const ef_value *value, const padding *p,
                            float fill)
{
    ef_node node = ef_node_default(EF_OP_PAD);
    ef_value made = *value;
    int any = 0;
    for (size_t axis = 0; axis < made.dims.rank; axis++) {
        size_t own = ef_dims_axis(&value->dims, axis).axis;
        node.u.pad.before[own] = (uint32_t)p->before[axis];
        node.u.pad.after[own] = (uint32_t)p->after[axis];
        made.dims.size[axis] += p->before[axis] + p->after[axis];
        any |= p->before[axis] > 0 || p->after[axis] > 0;
    }
    node.u.pad.value = fill;
    if (any || reader->is_own) {
        uint32_t source = ef_reader_image(reader, value);
        made.node = ef_reader_make_on(reader, &node, source, "");
    }
    return made;
}

/* Around transposed images that only this one reads: around those before. */
static ef_value pad_turned(ef_reader *reader, const ef_value *value, const padding *p,
                           float fill)
{
    ef_value before;
    size_t perm[3];
    padding own = {{0}, {0}};
    if (!ef_reader_unturn(reader, value, &before, perm) ||
        reader->readers[value->node] != 1) {
        return pad_at_once(reader, value, p, fill);
    }
    for (size_t i = 0; i < before.dims.rank; i++) {
        own.before[perm[i]] = p->before[i];
        own.after[perm[i]] = p->after[i];
    }
    ef_value made = pad_at_once(reader, &before, &own, fill);
    if (!reader->status && made.node != before.node) {
        reader->readers[made.node] = 1;
    }
    return ef_reader_permute(reader, &made, perm);
}

static void read_padding(ef_reader *reader, size_t rank, padding *p)
{
    int64_t pads[2 * EF_DIMS_MAX + 2], axes[EF_DIMS_MAX + 1];
    size_t all = rank + reader->lead;
    size_t n = ef_reader_list(reader, "pads", 1, 11, pads, 2 * all);
    size_t n_axes = ef_reader_integers(reader, 3, axes, all);
    for (size_t i = 0; i < all && n_axes == 0; i++) {
        axes[i] = (int64_t)i;
    }
    n_axes = n_axes ? n_axes : all;
    if (n != 2 * n_axes) {
        ef_reader_refuse(reader, EF_ERR_INPUT,
                         "it has %zu pads for %zu axes, instead of two for each", n,
                         n_axes);
    }
    for (size_t i = 0; i < n_axes && !reader->status; i++) {
        int64_t before = pads[i], after = pads[n_axes + i];
        if (before == 0 && after == 0) {
            continue;
        }
        size_t axis = ef_reader_axis(reader, axes[i], rank);
        const int64_t most = EF_MAX_ELEMENTS;
        if (before < -most || before > most || after < -most || after > most) {
            ef_reader_refuse(reader, EF_ERR_UNSUPPORTED, "it pads by more than %u",
                             EF_MAX_ELEMENTS);
        }
        p->before[axis] = before;
        p->after[axis] = after;
    }
}

void ef_onnx_read_pad(ef_reader *reader, int kind)
{
    (void)kind;
    static const char *const words[] = {"constant", "reflect", "edge", "wrap", NULL};
    padding p = {{0}, {0}};
    ef_value made = ef_reader_source(reader, 0);
    size_t mode = ef_reader_word(reader, "mode", words);
    float fill = reader->opset < 11 ? ef_reader_float(reader, "value", 0)
                                    : ef_reader_scalar(reader, 2, 0);
    read_padding(reader, made.dims.rank, &p);
    for (size_t axis = 0; axis < made.dims.rank && !reader->status; axis++) {
        if (p.before[axis] < 0 || p.after[axis] < 0) {
            made = crop(reader, &made, axis, &p);
        }
    }
    if (!reader->status && mode == PAD_CONSTANT && made.dims.rank <= 3) {
        made = pad_turned(reader, &made, &p, fill);
    } else {
        for (size_t axis = 0; axis < made.dims.rank && !reader->status; axis++) {
            made = mode == PAD_CONSTANT
                       ? ef_reader_pad(reader, &made, axis, p.before[axis],
                                       p.after[axis], fill)
                       : pad_by_places(reader, &made, axis, &p, mode);
        }
    }
    ef_reader_give(reader, 0, made);
}

/* --- slice ------------------------------------------------------------------------ */

/* Along one axis of an image: n elements from begin to before end, in steps that may be
 * negative. */
typedef struct range {
    int64_t begin, end, n, step;
} range;

static range range_of(int64_t size, int64_t start, int64_t end, int64_t step)
{
    range r = {0, 0, 0, step};
    start += start < 0 ? size : 0;
    end += end < 0 ? size : 0;
    if (step > 0) {
        r.begin = clamp(start, 0, size);
        r.end = clamp(end, 0, size);
        r.n = r.end > r.begin ? (r.end - r.begin - 1) / step + 1 : 0;
    } else {
        r.begin = clamp(start, 0, size - 1);
        r.end = clamp(end, -1, size - 1);
        r.n = r.begin > r.end ? (r.begin - r.end - 1) / -step + 1 : 0;
    }
    return r;
}

static ef_value slice_back(ef_reader *reader, const ef_value *value, size_t axis,
                           const range *r)
{
    uint32_t *places = new_places(reader, r->n);
    for (int64_t i = 0; places && i < r->n; i++) {
        places[i] = (uint32_t)(r->begin + i * r->step);
    }
    return places ? ef_reader_take(reader, value, axis, places, (size_t)r->n) : *value;
}

/* Forward steps along up to three axes are one node. */
static ef_value slice_at_once(ef_reader *reader, const ef_value *value,
                              const range *ranges)
{
    ef_node node = ef_node_default(EF_OP_SLICE);
    ef_value made = *value;
    int any = 0;
    for (size_t i = 0; i < 3; i++) {
        node.u.slice.begin[i] = 0;
        node.u.slice.end[i] = EF_TO_END;
        node.u.slice.step[i] = 1;
    }
    for (size_t axis = 0; axis < made.dims.rank; axis++) {
        const range *r = &ranges[axis];
        size_t own = ef_dims_axis(&value->dims, axis).axis;
        node.u.slice.begin[own] = (uint32_t)r->begin;
        node.u.slice.end[own] = (uint32_t)r->end;
        node.u.slice.step[own] = (uint32_t)r->step;
        any |= r->n != made.dims.size[axis];
        made.dims.size[axis] = r->n;
    }
    if (any || reader->is_own) {
        uint32_t source = ef_reader_image(reader, value);
        made.node = ef_reader_make_slice(reader, &node, source, "");
    }
    return made;
}

static ef_value apply_ranges(ef_reader *reader, const ef_value *value,
                             const range *ranges)
{
    ef_value made = *value;
    int is_forward = made.dims.rank <= 3;
    for (size_t axis = 0; axis < made.dims.rank; axis++) {
        is_forward = is_forward && ranges[axis].step > 0;
        if (ranges[axis].n == 0) {
            ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                             "nothing is left of its input");
            return made;
        }
    }
    if (is_forward) {
        return slice_at_once(reader, value, ranges);
    }
    for (size_t axis = 0; axis < made.dims.rank && !reader->status; axis++) {
        const range *r = &ranges[axis];
        made = r->step > 0
                   ? ef_reader_slice(reader, &made, axis, r->begin, r->n, r->step)
                   : slice_back(reader, &made, axis, r);
    }
    return made;
}

/* What a Slice says of n axes of ONNX. */
typedef struct slicing {
    int64_t starts[EF_DIMS_MAX], ends[EF_DIMS_MAX], axes[EF_DIMS_MAX],
        steps[EF_DIMS_MAX];
    size_t n;
} slicing;

static void read_slicing(ef_reader *reader, slicing *s)
{
    s->n = ef_reader_list(reader, "starts", 1, 10, s->starts, EF_DIMS_MAX);
    size_t n_ends = ef_reader_list(reader, "ends", 2, 10, s->ends, EF_DIMS_MAX);
    size_t n_axes = ef_reader_list(reader, "axes", 3, 10, s->axes, EF_DIMS_MAX);
    size_t n_steps =
        reader->opset < 10 ? 0 : ef_reader_integers(reader, 4, s->steps, EF_DIMS_MAX);
    if (s->n != n_ends || (n_axes && n_axes != s->n) || (n_steps && n_steps != s->n)) {
        ef_reader_refuse(reader, EF_ERR_INPUT,
                         "its starts, ends, axes and steps are not equally many");
    }
    for (size_t i = 0; i < s->n; i++) {
        s->axes[i] = n_axes ? s->axes[i] : (int64_t)i;
        s->steps[i] = n_steps ? s->steps[i] : 1;
    }
}

/* Of the batch all may be taken. */
static int takes_all_images(const ef_reader *reader, const slicing *s, size_t i)
{
    return reader->lead && s->axes[i] == 0 && s->starts[i] == 0 && s->steps[i] == 1 &&
           (s->ends[i] >= INT32_MAX || s->ends[i] == reader->batch);
}

static void read_range(ef_reader *reader, const slicing *s, size_t i,
                       const ef_dims *dims, range *ranges)
{
    const int64_t most = EF_MAX_ELEMENTS;
    size_t axis = ef_reader_axis(reader, s->axes[i], dims->rank);
    if (s->steps[i] == 0 || s->steps[i] < -most || s->steps[i] > INT64_MAX / 2) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "a step of it is 0 or far too long");
    }
    if (s->starts[i] == EF_BATCH_SIZE || s->ends[i] == EF_BATCH_SIZE) {
        ef_reader_refuse_mixing(reader);
    }
    if (!reader->status) {
        int64_t step = clamp(s->steps[i], -most, most);
        ranges[axis] = range_of(dims->size[axis], s->starts[i], s->ends[i], step);
    }
}

void ef_onnx_read_slice(ef_reader *reader, int kind)
{
    (void)kind;
    slicing s;
    range ranges[EF_DIMS_MAX + 1];
    ef_value value = ef_reader_source(reader, 0);
    read_slicing(reader, &s);
    for (size_t axis = 0; axis < value.dims.rank; axis++) {
        ranges[axis] = (range){0, value.dims.size[axis], value.dims.size[axis], 1};
    }
    for (size_t i = 0; i < s.n && !reader->status; i++) {
        if (!takes_all_images(reader, &s, i)) {
            read_range(reader, &s, i, &value.dims, ranges);
        }
    }
    if (!reader->status) {
        ef_reader_give(reader, 0, apply_ranges(reader, &value, ranges));
    }
}

/* --- gather ----------------------------------------------------------------------- */

/* The places that indices name along an axis of this size, negative ones from the
 * end; NULL on failure. */
static uint32_t *read_places(ef_reader *reader, ef_constant *indices, int64_t size)
{
    const int64_t *from = ef_constant_integers(indices, &reader->arena);
    uint32_t *places = new_places(reader, (int64_t)indices->count);
    if (!from || !places) {
        ef_reader_refuse_memory(reader);
        return NULL;
    }
    for (size_t i = 0; i < indices->count; i++) {
        if (from[i] < -size || from[i] >= size) {
            ef_reader_refuse(reader, EF_ERR_INPUT, "index %lld of an axis of size %lld",
                             (long long)from[i], (long long)size);
            return NULL;
        }
        places[i] = (uint32_t)(from[i] < 0 ? from[i] + size : from[i]);
    }
    return places;
}

void ef_onnx_read_gather(ef_reader *reader, int kind)
{
    (void)kind;
    ef_value value = ef_reader_source(reader, 0);
    ef_constant *indices = ef_reader_parameter(reader, 1);
    size_t axis =
        ef_reader_axis(reader, ef_reader_int(reader, "axis", 0), value.dims.rank);
    if (reader->status) {
        return;
    }
    if (!ef_constant_is_integer(indices) ||
        value.dims.rank + indices->rank > EF_DIMS_MAX - 1) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "its indices are no integers, or have too many axes");
        return;
    }
    const uint32_t *places = read_places(reader, indices, value.dims.size[axis]);
    if (!places) {
        return;
    }
    value = ef_reader_take(reader, &value, axis, places, indices->count);
    ef_dims_remove(&value.dims, axis);
    for (size_t i = indices->rank; i-- > 0;) {
        ef_dims_insert(&value.dims, axis, indices->dims[i]);
    }
    ef_reader_give(reader, 0, value);
}
