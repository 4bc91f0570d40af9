/* Sums of products over rows of a channel, and their rounding.  Sums that wrap, or that
 * cannot reach the ends of a saturating accumulator, are made modulo 2^32 or 2^64 in
 * any width; others are held at the ends after every product, in the order of the
 * definition. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "faultsim/wide_priv.h"

/* One product's share of some rows of sums. */
typedef struct tap_rows {
    const int32_t *x; /* of the input, what the first sum takes */
    size_t n_rows, n; /* of sums */
    size_t stride;    /* of x */
    size_t sums_pitch, x_pitch;
    int32_t weight, zero;
    int64_t least, most; /* of sums that are held */
} tap_rows;

/* The loops of one instruction set. */
typedef struct loops {
    void (*add32)(uint32_t *sums, const tap_rows *t);
    void (*add64)(uint64_t *sums, const tap_rows *t);
    void (*hold)(int64_t *sums, const tap_rows *t);
    uint64_t (*dot)(const int32_t *x, const int32_t *weights, size_t n, int32_t zero);
} loops;

/* Strides of 1 by themselves, which compilers vectorise. */
#define ROWS(type, t, sums, update)                                                    \
    for (size_t r = 0; r < (t)->n_rows; r++) {                                         \
        const int32_t *x = (t)->x + r * (t)->x_pitch;                                  \
        type *s = (sums) + r * (t)->sums_pitch;                                        \
        if ((t)->stride == 1) {                                                        \
            for (size_t i = 0; i < (t)->n; i++) {                                      \
                int32_t centred = x[i] - zero;                                         \
                update;                                                                \
            }                                                                          \
        } else {                                                                       \
            for (size_t i = 0; i < (t)->n; i++) {                                      \
                int32_t centred = x[i * (t)->stride] - zero;                           \
                update;                                                                \
            }                                                                          \
        }                                                                              \
    }

#define LOOPS(set, target)                                                             \
    target static void add32_##set(uint32_t *restrict sums, const tap_rows *t)         \
    {                                                                                  \
        const uint32_t weight = (uint32_t)t->weight;                                   \
        const int32_t zero = t->zero;                                                  \
        ROWS(uint32_t, t, sums, s[i] += weight * (uint32_t)centred)                    \
    }                                                                                  \
    target static void add64_##set(uint64_t *restrict sums, const tap_rows *t)         \
    {                                                                                  \
        const int64_t weight = t->weight;                                              \
        const int32_t zero = t->zero;                                                  \
        ROWS(uint64_t, t, sums, s[i] += (uint64_t)(weight * centred))                  \
    }                                                                                  \
    /* Within bounds first: a sum of 64 bits must not overflow. */                     \
    target static void hold_##set(int64_t *restrict sums, const tap_rows *t)           \
    {                                                                                  \
        const int64_t weight = t->weight, least = t->least, most = t->most;            \
        const int32_t zero = t->zero;                                                  \
        ROWS(int64_t, t, sums, {                                                       \
            int64_t product = weight * centred;                                        \
            int64_t high = most - (product > 0 ? product : 0);                         \
            int64_t low = least - (product < 0 ? product : 0);                         \
            int64_t sum = s[i] > high ? high : s[i];                                   \
            s[i] = (sum < low ? low : sum) + product;                                  \
        })                                                                             \
    }                                                                                  \
    target static uint64_t dot_##set(const int32_t *x, const int32_t *weights,         \
                                     size_t n, int32_t zero)                           \
    {                                                                                  \
        uint64_t sum = 0;                                                              \
        for (size_t i = 0; i < n; i++) {                                               \
            sum += (uint64_t)((int64_t)weights[i] * (x[i] - zero));                    \
        }                                                                              \
        return sum;                                                                    \
    }                                                                                  \
    static const loops loops_##set = {add32_##set, add64_##set, hold_##set, dot_##set};

LOOPS(portable, )
#if defined(__x86_64__)
LOOPS(avx2, __attribute__((target("avx2"))))
#endif

static const loops *loops_here(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        return &loops_avx2;
    }
#endif
    return &loops_portable;
}

/* --- what sums can reach ---------------------------------------------------------- */

static int64_t magnitude(int64_t x)
{
    return x < 0 ? -x : x;
}

/* Whether no order of the channel's products reaches the ends of the accumulator. */
static int is_safe(const ef_qnet *qnet, const ef_qstep *step, uint32_t channel)
{
    const ef_code *in = &qnet->steps[step->inputs[0]].code;
    int32_t least, most;
    size_t n = ef_qproducts(qnet, step);
    const int32_t *weights = step->weights + channel * n;
    ef_qcode_all(in, &least, &most);
    int64_t low = magnitude((int64_t)least - in->zero);
    int64_t high = magnitude((int64_t)most - in->zero), sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += magnitude(weights[i]);
    }
    int64_t bias = ef_qfit(qnet, step->bias[channel]);
    int64_t end = (int64_t)((UINT64_C(1) << (qnet->accumulator_bits - 1)) - 1);
    sum *= high > low ? high : low;
    return sum <= end && bias <= end - sum && bias >= sum - end;
}

typedef enum mode { MODE_32, MODE_64, MODE_HOLD } mode;

static mode mode_of(const ef_qnet *qnet, const ef_qstep *step, uint32_t channel)
{
    if (qnet->saturates && !is_safe(qnet, step, channel)) {
        return MODE_HOLD;
    }
    return qnet->accumulator_bits <= 32 ? MODE_32 : MODE_64;
}

/* --- kernels on the input --------------------------------------------------------- */

/* What sums of the step in hand take their products of. */
typedef struct source {
    const int32_t *x; /* (channels, height, width) */
    ef_shape shape;
    int32_t zero;
} source;

/* Some rows of a channel of sums. */
typedef struct job {
    const ef_wide_worker *w;
    const ef_qstep *step;
    const loops *loops;
    source from;
    size_t index;
    uint32_t channel, y, n_rows, x, n;
    mode mode;
    void *sums; /* (n_rows, n) */
    uint64_t n_products;
} job;

/* The outputs in [from, from + n) along an axis that tap k of the kernel takes from
 * inputs [begin, end). */
static ef_wspan span_of(const ef_qwindow *w, size_t axis, uint32_t k, uint32_t from,
                        uint32_t n, uint32_t begin, uint32_t end)
{
    int64_t stride = w->stride[axis];
    int64_t shift = (int64_t)k * w->dilation[axis] - w->pad[axis];
    int64_t low = begin - shift, high = end - shift; /* times the stride */
    int64_t last = (int64_t)from + n;
    if (stride > 1) {
        low = low > 0 ? (low + stride - 1) / stride : 0;
        high = high > 0 ? (high - 1) / stride + 1 : 0;
    }
    low = low > from ? low : from;
    high = high < last ? high : last;
    return (ef_wspan){(uint32_t)low, high > low ? (uint32_t)(high - low) : 0,
                      (size_t)(low * stride + shift)};
}

/* Of all rows and columns of the kernel on a box of inputs. */
static void find_spans(const job *j, const ef_wbox *box)
{
    const ef_qwindow *w = &j->step->window;
    ef_wspan *to = j->w->spans;
    for (uint32_t k = 0; k < w->kernel[0]; k++) {
        *to++ = span_of(w, 0, k, j->y, j->n_rows, box->from[1], box->to[1]);
    }
    for (uint32_t k = 0; k < w->kernel[1]; k++) {
        *to++ = span_of(w, 1, k, j->x, j->n, box->from[2], box->to[2]);
    }
}

static void add_tap(job *j, const int32_t *plane, const ef_wspan *rows,
                    const ef_wspan *columns, tap_rows *t)
{
    const ef_qwindow *w = &j->step->window;
    if (rows->n == 0 || columns->n == 0 || t->weight == 0) {
        return;
    }
    t->n_rows = rows->n;
    t->n = columns->n;
    t->x = plane + rows->position * j->from.shape.width + columns->position;
    t->stride = w->stride[1];
    t->sums_pitch = j->n;
    t->x_pitch = (size_t)w->stride[0] * j->from.shape.width;
    size_t at = (size_t)(rows->first - j->y) * j->n + (columns->first - j->x);
    j->n_products += (uint64_t)t->n_rows * t->n;
    if (t->stride == 1 && t->n == t->sums_pitch && t->n == t->x_pitch) {
        t->n *= t->n_rows;
        t->n_rows = 1;
    }
    if (j->mode == MODE_32) {
        j->loops->add32((uint32_t *)j->sums + at, t);
    } else if (j->mode == MODE_64) {
        j->loops->add64((uint64_t *)j->sums + at, t);
    } else {
        j->loops->hold((int64_t *)j->sums + at, t);
    }
}

/* The products of one input channel, number i of the group. */
static void add_channel(job *j, uint32_t i, uint32_t channel, tap_rows *t)
{
    const ef_qwindow *w = &j->step->window;
    size_t n_taps = (size_t)w->kernel[0] * w->kernel[1];
    const int32_t *weights =
        j->step->weights + i * n_taps + j->channel * ef_qproducts(&j->w->qnet, j->step);
    const int32_t *plane = j->from.x + ef_wide_at(j->from.shape, channel, 0, 0);
    const ef_wspan *rows = j->w->spans, *columns = rows + w->kernel[0];
    for (uint32_t ky = 0; ky < w->kernel[0]; ky++) {
        for (uint32_t kx = 0; kx < w->kernel[1]; kx++) {
            t->weight = *weights++;
            add_tap(j, plane, &rows[ky], &columns[kx], t);
        }
    }
}

/* --- sums ------------------------------------------------------------------------- */

static void start_at_bias(const job *j)
{
    size_t n = (size_t)j->n_rows * j->n;
    int64_t bias = ef_qfit(&j->w->qnet, j->step->bias[j->channel]);
    for (size_t i = 0; i < n; i++) {
        if (j->mode == MODE_32) {
            ((uint32_t *)j->sums)[i] = (uint32_t)bias;
        } else {
            ((int64_t *)j->sums)[i] = bias;
        }
    }
}

static void add_dot(job *j, const int32_t *x, uint32_t n_in)
{
    const int32_t *weights = j->step->weights + (size_t)j->channel * n_in;
    uint64_t sum = j->loops->dot(x, weights, n_in, j->from.zero);
    j->n_products += n_in;
    if (j->mode == MODE_32) {
        *(uint32_t *)j->sums += (uint32_t)sum;
    } else {
        *(uint64_t *)j->sums += sum;
    }
}

/* Tap by tap, each over all channels of the group. */
static void add_taps(job *j, uint32_t first, uint32_t n_in)
{
    const ef_qwindow *w = &j->step->window;
    size_t n_taps = (size_t)w->kernel[0] * w->kernel[1];
    ef_shape in = j->from.shape;
    const int32_t *plane = j->from.x + ef_wide_at(in, first, 0, 0);
    ef_wide_tap tap = {.n_channels = n_in,
                       .x_pitch = (size_t)in.height * in.width,
                       .weight_pitch = n_taps};
    for (size_t k = 0; k < n_taps; k++) {
        const ef_wspan *rows = &j->w->spans[k / w->kernel[1]];
        const ef_wspan *columns = &j->w->spans[w->kernel[0] + k % w->kernel[1]];
        uint64_t sum = 0;
        tap.weights = j->step->weights + j->channel * n_in * n_taps + k;
        for (uint32_t i = 0; i < n_in; i++) {
            sum += (uint64_t)(int64_t)tap.weights[i * n_taps];
        }
        tap.less = sum * (uint64_t)(int64_t)j->from.zero;
        for (uint32_t r = 0; r < rows->n && columns->n > 0; r++) {
            size_t y = rows->position + (size_t)r * w->stride[0];
            size_t at = (size_t)(rows->first - j->y + r) * j->n;
            tap.x = plane + y * in.width + columns->position;
            ef_wide_add_tap((uint64_t *)j->sums + at + (columns->first - j->x),
                            columns->n, &tap);
        }
        j->n_products += (uint64_t)rows->n * columns->n * n_in;
    }
}

static void accumulate(job *j)
{
    const ef_qwindow *w = &j->step->window;
    ef_shape in = j->from.shape;
    uint32_t n_in = in.channels / w->groups;
    uint32_t first = j->channel / (j->step->shape.channels / w->groups) * n_in;
    unsigned bits = j->w->qnet.accumulator_bits;
    int64_t most = (int64_t)((UINT64_C(1) << (bits - 1)) - 1);
    tap_rows t = {.zero = j->from.zero, .most = most, .least = -most - 1};
    const ef_wbox all = ef_wbox_all(in);
    int is_pixel = in.height * in.width == 1 && w->kernel[0] * w->kernel[1] == 1 &&
                   w->pad[0] + w->pad[1] == 0 && j->mode != MODE_HOLD;
    start_at_bias(j);
    if (is_pixel) {
        add_dot(j, j->from.x + first, n_in);
        return;
    }
    find_spans(j, &all);
    if (j->mode == MODE_64 && w->stride[1] == 1) {
        add_taps(j, first, n_in);
        return;
    }
    for (uint32_t i = 0; i < n_in; i++) {
        add_channel(j, i, first + i, &t);
    }
}

/* The sums that are kept, and the products of what differs. */
static void add_differences(job *j)
{
    const ef_wide_worker *w = j->w;
    size_t from = j->step->inputs[0], size = w->wide->sum_size;
    uint32_t width = j->step->shape.width;
    uint32_t n_in = j->from.shape.channels / j->step->window.groups;
    uint32_t n_out = j->step->shape.channels / j->step->window.groups;
    uint32_t first = j->channel / n_out * n_in;
    const unsigned char *kept =
        ef_wide_kept_sums(w->wide, j->index, w->image, j->channel);
    tap_rows t = {.zero = 0};
    for (uint32_t r = 0; r < j->n_rows; r++) {
        memcpy((unsigned char *)j->sums + (size_t)r * j->n * size,
               kept + ((size_t)(j->y + r) * width + j->x) * size, j->n * size);
    }
    for (uint32_t i = 0; i < n_in; i++) {
        const ef_wbox *box = &w->channels[w->wide->channel_at[from] + first + i];
        if (!ef_wbox_is_empty(box)) {
            find_spans(j, box);
            add_channel(j, i, first + i, &t);
        }
    }
}

/* The fault-free run: whole rows. */
static void keep(const job *j)
{
    size_t size = j->w->wide->sum_size, width = j->step->shape.width;
    unsigned char *to =
        ef_wide_kept_sums(j->w->wide, j->index, j->w->image, j->channel);
    memcpy(to + j->y * width * size, j->sums, j->n_rows * width * size);
}

/* A row as the accumulators hold it. */
static void fit_row(const job *j, size_t row, int64_t *to)
{
    const uint64_t sign = UINT64_C(1) << (j->w->qnet.accumulator_bits - 1);
    const uint64_t mask = sign | (sign - 1);
    for (size_t i = 0; i < j->n; i++) {
        uint64_t sum = j->mode == MODE_32 ? ((uint32_t *)j->sums)[row * j->n + i]
                                          : ((uint64_t *)j->sums)[row * j->n + i];
        to[i] = (int64_t)(((sum & mask) ^ sign) - sign);
    }
}

/* Elements of a box along one channel. */
static uint64_t area(const ef_wbox *box)
{
    return ef_wbox_is_empty(box)
               ? 0
               : (uint64_t)(box->to[1] - box->from[1]) * (box->to[2] - box->from[2]);
}

static void subtract(ef_wide_worker *w, size_t index, const ef_wbox *box)
{
    ef_shape shape = w->qnet.steps[index].shape;
    const int32_t *kept = w->wide->kept[index] + w->image * ef_shape_elements(shape);
    for (uint32_t y = box->from[1]; y < box->to[1]; y++) {
        for (uint32_t x = box->from[2]; x < box->to[2]; x++) {
            size_t at = ef_wide_at(shape, box->from[0], y, x);
            w->differences[at] = w->now[index][at] - kept[at];
        }
    }
}

void ef_wide_prepare(ef_wide_worker *w, size_t index, const ef_wbox *box)
{
    const ef_qstep *step = &w->qnet.steps[index];
    size_t from = step->inputs[0];
    const ef_wbox *in = &w->boxes[from];
    const ef_wbox *channels = w->channels + w->wide->channel_at[from];
    uint64_t n_taps = (uint64_t)step->window.kernel[0] * step->window.kernel[1];
    uint64_t whole = area(box) * ef_qproducts(&w->qnet, step), some = 0;
    w->by_differences = 0;
    if (w->is_whole || whole == 0) {
        return;
    }
    for (uint32_t c = in->from[0]; c < in->to[0]; c++) {
        some += area(&channels[c]) * n_taps;
    }
    /* measured: a product of differences takes as long as some three others */
    w->by_differences = some / step->window.groups * 3 < whole;
    for (uint32_t c = in->from[0]; c < in->to[0] && w->by_differences; c++) {
        if (!ef_wbox_is_empty(&channels[c])) {
            subtract(w, from, &channels[c]);
        }
    }
}

static void make_sums(job *j)
{
    const ef_wide_worker *w = j->w;
    int is_struck = w->is_struck[w->wide->channel_at[j->index] + j->channel];
    size_t from = j->step->inputs[0];
    if (w->by_differences && !is_struck && j->mode != MODE_HOLD) {
        j->from = (source){w->differences, w->qnet.steps[from].shape, 0};
        add_differences(j);
        return;
    }
    j->from = (source){w->now[from], w->qnet.steps[from].shape,
                       w->qnet.steps[from].code.zero};
    accumulate(j);
    if (w->is_first && j->mode != MODE_HOLD) {
        keep(j);
    }
}

void ef_wide_sums(ef_wide_worker *w, size_t index, uint32_t channel, const ef_wbox *box,
                  ef_wide_take *take, void *context)
{
    const ef_qstep *step = &w->qnet.steps[index];
    uint32_t n = box->to[2] - box->from[2];
    uint32_t together = n < EF_WIDE_SUMS ? EF_WIDE_SUMS / n : 1;
    job j = {.w = w,
             .step = step,
             .loops = loops_here(),
             .index = index,
             .channel = channel,
             .x = box->from[2],
             .n = n,
             .mode = mode_of(&w->qnet, step, channel),
             .sums = w->sums};
    for (j.y = box->from[1]; j.y < box->to[1]; j.y += together) {
        uint32_t left = box->to[1] - j.y;
        j.n_rows = left < together ? left : together;
        make_sums(&j);
        for (uint32_t r = 0; r < j.n_rows; r++) {
            fit_row(&j, r, w->fitted);
            take(context, j.y + r, w->fitted);
        }
    }
    w->base.macs += j.n_products;
}

/* --- rounding --------------------------------------------------------------------- */

/* Integers up to 2^51 are exact where a number of this size is added and taken off. */
#define TO_INTEGER 0x1.8p+52

static double half_even(double value)
{
#if FLT_EVAL_METHOD == 0
    return value + TO_INTEGER - TO_INTEGER;
#else
    return nearbyint(value);
#endif
}

void ef_wide_round(const ef_qstep *step, const double *values, size_t n, int32_t *to)
{
    const double bound = 0x1p+40, zero = step->code.zero;
    const double least = step->least, most = step->most;
    for (size_t i = 0; i < n; i++) {
        double value = values[i] < bound ? values[i] : bound; /* NaN too */
        value = half_even(value > -bound ? value : -bound) + zero;
        double above = value > least ? value : least;
        to[i] = (int32_t)(value < most ? above : most);
    }
}
