/* Sums of products over rows of a channel, and their rounding.  Sums that wrap, or that
 * cannot reach the ends of a saturating accumulator, are made modulo 2^32 or 2^64 in
 * any width; others are held at the ends after every product, in the order of the
 * definition. */
#include <float.h>
#include <math.h>

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
    target static void hold_##set(int64_t *restrict sums, const tap_rows *t)           \
    {                                                                                  \
        const int64_t weight = t->weight, least = t->least, most = t->most;            \
        const int32_t zero = t->zero;                                                  \
        ROWS(int64_t, t, sums, {                                                       \
            int64_t sum = s[i] + weight * centred;                                     \
            sum = sum > most ? most : sum;                                             \
            s[i] = sum < least ? least : sum;                                          \
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
    sum =
        sum * (high > low ? high : low) + magnitude(ef_qfit(qnet, step->bias[channel]));
    return sum <= (int64_t)((UINT64_C(1) << (qnet->accumulator_bits - 1)) - 1);
}

typedef enum mode { MODE_32, MODE_64, MODE_HOLD } mode;

static mode mode_of(const ef_qnet *qnet, const ef_qstep *step, uint32_t channel)
{
    if (qnet->saturates && !is_safe(qnet, step, channel)) {
        return MODE_HOLD;
    }
    return qnet->accumulator_bits <= 32 ? MODE_32 : MODE_64;
}

/* --- sums ------------------------------------------------------------------------- */

/* Some rows of a channel of sums. */
typedef struct job {
    const ef_wide_worker *w;
    const ef_qstep *step;
    const loops *loops;
    uint32_t channel, y, n_rows, x, n;
    mode mode;
    void *sums; /* (n_rows, n) */
} job;

/* The outputs in [from, from + n) along an axis whose tap k lies on the input: the
 * first, and how many; where that is on the input. */
static uint32_t on_input(const ef_qwindow *w, size_t axis, uint32_t k, uint32_t from,
                         uint32_t n, uint32_t size, uint32_t *first, size_t *position)
{
    int64_t stride = w->stride[axis];
    int64_t shift = (int64_t)k * w->dilation[axis] - w->pad[axis];
    int64_t begin = shift < 0 ? (-shift + stride - 1) / stride : 0;
    int64_t end = shift < (int64_t)size ? (size - 1 - shift) / stride + 1 : 0;
    begin = begin > from ? begin : from;
    end = end < (int64_t)from + n ? end : (int64_t)from + n;
    *first = (uint32_t)begin;
    *position = (size_t)(begin * stride + shift);
    return end > begin ? (uint32_t)(end - begin) : 0;
}

static void add_tap(const job *j, const int32_t *plane, ef_shape in, uint32_t ky,
                    uint32_t kx, tap_rows *t)
{
    const ef_qwindow *w = &j->step->window;
    uint32_t y, x;
    size_t from_y, from_x;
    t->n_rows = on_input(w, 0, ky, j->y, j->n_rows, in.height, &y, &from_y);
    t->n = on_input(w, 1, kx, j->x, j->n, in.width, &x, &from_x);
    if (t->n_rows == 0 || t->n == 0 || t->weight == 0) {
        return;
    }
    t->x = plane + from_y * in.width + from_x;
    t->stride = w->stride[1];
    t->sums_pitch = j->n;
    t->x_pitch = (size_t)w->stride[0] * in.width;
    size_t at = (size_t)(y - j->y) * j->n + (x - j->x);
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

static void start(const job *j)
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

static void accumulate(const job *j)
{
    const ef_qnet *qnet = &j->w->qnet;
    const ef_qwindow *w = &j->step->window;
    const ef_qstep *from = &qnet->steps[j->step->inputs[0]];
    ef_shape in = from->shape;
    uint32_t n_in = in.channels / w->groups;
    uint32_t first = j->channel / (j->step->shape.channels / w->groups) * n_in;
    size_t plane = (size_t)in.height * in.width;
    const int32_t *x = j->w->now[j->step->inputs[0]] + first * plane;
    const int32_t *weights =
        j->step->weights + j->channel * ef_qproducts(qnet, j->step);
    int64_t most = (int64_t)((UINT64_C(1) << (qnet->accumulator_bits - 1)) - 1);
    tap_rows t = {.zero = from->code.zero, .most = most, .least = -most - 1};
    start(j);
    if (plane == 1 && w->kernel[0] * w->kernel[1] == 1 && w->pad[0] + w->pad[1] == 0 &&
        j->mode != MODE_HOLD) {
        uint64_t sum = j->loops->dot(x, weights, n_in, t.zero);
        if (j->mode == MODE_32) {
            *(uint32_t *)j->sums += (uint32_t)sum;
        } else {
            *(uint64_t *)j->sums += sum;
        }
        return;
    }
    for (uint32_t i = 0; i < n_in; i++) {
        for (uint32_t ky = 0; ky < w->kernel[0]; ky++) {
            for (uint32_t kx = 0; kx < w->kernel[1]; kx++) {
                t.weight = *weights++;
                add_tap(j, x + i * plane, in, ky, kx, &t);
            }
        }
    }
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

void ef_wide_sums(ef_wide_worker *w, size_t index, uint32_t channel, const ef_wbox *box,
                  ef_wide_take *take, void *context)
{
    const ef_qstep *step = &w->qnet.steps[index];
    uint32_t n = box->to[2] - box->from[2];
    uint32_t together = n < EF_WIDE_SUMS ? EF_WIDE_SUMS / n : 1;
    job j = {.w = w,
             .step = step,
             .loops = loops_here(),
             .channel = channel,
             .x = box->from[2],
             .n = n,
             .mode = mode_of(&w->qnet, step, channel),
             .sums = w->sums};
    for (j.y = box->from[1]; j.y < box->to[1]; j.y += together) {
        uint32_t left = box->to[1] - j.y;
        j.n_rows = left < together ? left : together;
        accumulate(&j);
        for (uint32_t r = 0; r < j.n_rows; r++) {
            fit_row(&j, r, w->fitted);
            take(context, j.y + r, w->fitted);
        }
    }
    w->base.macs +=
        (uint64_t)n * (box->to[1] - box->from[1]) * ef_qproducts(&w->qnet, step);
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
