/* Activations that stand alone; relu and clip mostly end the step before. */
#include "train/plan_priv.h"

#include <math.h>
#include <string.h>

/* hardswish(x) = x * clip(x / 6 + 1/2, 0, 1), the constants in float32 as in ONNX */
#define HARDSWISH_SLOPE (1.0F / 6.0F)

/* e^x for |x| <= 87, clamped beyond; relative error below 3e-7.  Loops that call it
 * are free of branches, so compilers turn them into vectors. */
static inline float fast_exp(float x)
{
    const float log2e = 1.44269504F, magic = 12582912.0F; /* 1.5 * 2^23 */
    const float ln2_high = 0.693359375F, ln2_low = -2.12194440e-4F;
    x = x > 87.0F ? 87.0F : x;
    x = x < -87.0F ? -87.0F : x;
    float shifted = x * log2e + magic;
    float n = shifted - magic;
    float r = x - n * ln2_high - n * ln2_low;
    float p = 1.9875691500e-4F; /* Cephes expf */
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = p * r * r + r + 1.0F;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    int32_t power = (int32_t)((uint32_t)bits << 23) + 0x3f800000;
    float two_n;
    memcpy(&two_n, &power, sizeof two_n);
    return p * two_n;
}

static inline float bound(float x, float low, float high)
{
    x = low > x ? low : x;
    return high < x ? high : x;
}

/* Each function's value at x, and its derivative at x where the value is y; a holds
 * the node's parameters. */

static inline float leaky(const ef_activation *a, float x)
{
    return x >= 0 ? x : a->low * x;
}

static inline float leaky_slope(const ef_activation *a, float x, float y)
{
    (void)y;
    return x >= 0 ? 1.0F : a->low;
}

static inline float sigmoid(const ef_activation *a, float x)
{
    (void)a;
    return 1.0F / (1.0F + fast_exp(-x));
}

static inline float sigmoid_slope(const ef_activation *a, float x, float y)
{
    (void)a, (void)x;
    return y * (1.0F - y);
}

static inline float hardsigmoid(const ef_activation *a, float x)
{
    return bound(a->low * x + a->high, 0, 1);
}

static inline float hardsigmoid_slope(const ef_activation *a, float x, float y)
{
    (void)x;
    return ((y > 0) & (y < 1)) ? a->low : 0.0F;
}

static inline float hardswish(const ef_activation *a, float x)
{
    (void)a;
    return x * bound(x * HARDSWISH_SLOPE + 0.5F, 0, 1);
}

static inline float hardswish_slope(const ef_activation *a, float x, float y)
{
    (void)a, (void)y;
    float inside = x * (2 * HARDSWISH_SLOPE) + 0.5F;
    inside = x <= -3 ? 0.0F : inside;
    return x >= 3 ? 1.0F : inside;
}

static inline float tangent(const ef_activation *a, float x)
{
    (void)a;
    return 1.0F - 2.0F / (1.0F + fast_exp(2.0F * x));
}

static inline float tangent_slope(const ef_activation *a, float x, float y)
{
    (void)a, (void)x;
    return 1.0F - y * y;
}

/* The loops of one function. */
#define LOOPS(name)                                                                    \
    static void forward_##name(size_t n, const ef_activation *a, const float *x,       \
                               float *restrict y)                                      \
    {                                                                                  \
        const ef_activation own = *a;                                                  \
        for (size_t i = 0; i < n; i++) {                                               \
            y[i] = name(&own, x[i]);                                                   \
        }                                                                              \
    }                                                                                  \
    static void backward_##name(size_t n, const ef_activation *a, const float *x,      \
                                const float *y, const float *dy, float *restrict dx)   \
    {                                                                                  \
        const ef_activation own = *a;                                                  \
        for (size_t i = 0; i < n; i++) {                                               \
            dx[i] += dy[i] * name##_slope(&own, x[i], y[i]);                           \
        }                                                                              \
    }

LOOPS(leaky)
LOOPS(sigmoid)
LOOPS(hardsigmoid)
LOOPS(hardswish)
LOOPS(tangent)

/* Relu and clip are clamps; prelu has weights. */
static const struct {
    void (*forward)(size_t n, const ef_activation *a, const float *x, float *y);
    void (*backward)(size_t n, const ef_activation *a, const float *x, const float *y,
                     const float *dy, float *dx);
} functions[EF_ACTIVATION_COUNT] = {
    [EF_ACTIVATION_LEAKY] = {forward_leaky, backward_leaky},
    [EF_ACTIVATION_SIGMOID] = {forward_sigmoid, backward_sigmoid},
    [EF_ACTIVATION_HARDSIGMOID] = {forward_hardsigmoid, backward_hardsigmoid},
    [EF_ACTIVATION_HARDSWISH] = {forward_hardswish, backward_hardswish},
    [EF_ACTIVATION_TANH] = {forward_tangent, backward_tangent},
};

/* Bounds may both be infinite, and it is one still. */
static int is_clamp(const ef_train_step *step)
{
    uint32_t kind = step->op->u.activation.kind;
    return kind == EF_ACTIVATION_RELU || kind == EF_ACTIVATION_CLIP;
}

static ef_status prepare(ef_train_plan *plan, ef_train_step *step, ef_error *err)
{
    (void)err;
    ef_train_add_param(plan, step, EF_ROLE_SLOPE, EF_RULE_DESCEND);
    step->needs_input = !is_clamp(step);
    step->needs_value = 1;
    return EF_OK;
}

/* prelu: a slope per channel that is trained. */
static void forward_prelu(ef_train_worker *worker, const ef_train_step *step,
                          const float *x, float *y)
{
    const float *slope = ef_train_at(worker, step->params[EF_ROLE_SLOPE]);
    size_t channels = step->shape.channels;
    for (size_t i = 0; i < ef_train_count(worker->plan, step->shape); i += channels) {
        for (size_t c = 0; c < channels; c++) {
            y[i + c] = x[i + c] >= 0 ? x[i + c] : slope[c] * x[i + c];
        }
    }
}

static void backward_prelu(ef_train_worker *worker, const ef_train_step *step,
                           const float *x, const float *dy)
{
    const float *slope = ef_train_at(worker, step->params[EF_ROLE_SLOPE]);
    float *dslope = ef_train_param_grad(worker, step->params[EF_ROLE_SLOPE]);
    size_t channels = step->shape.channels;
    size_t n = ef_train_count(worker->plan, step->shape);
    memset(dslope, 0, channels * sizeof(float));
    for (size_t i = 0; i < n; i += channels) {
        for (size_t c = 0; c < channels; c++) {
            dslope[c] += x[i + c] >= 0 ? 0.0F : x[i + c] * dy[i + c];
        }
    }
    if (ef_train_wants(worker->plan, step, 0)) {
        float *dx = ef_train_input_grad(worker, step, 0);
        ef_train_open_grad(worker, step, 0);
        for (size_t i = 0; i < n; i += channels) {
            for (size_t c = 0; c < channels; c++) {
                dx[i + c] += dy[i + c] * (x[i + c] >= 0 ? 1.0F : slope[c]);
            }
        }
    }
}

static void forward(ef_train_worker *worker, const ef_train_step *step)
{
    const ef_activation *a = &step->op->u.activation;
    size_t n = ef_train_count(worker->plan, step->shape);
    const float *x = ef_train_input(worker, step, 0);
    float *y = ef_train_at(worker, step->value);
    if (is_clamp(step)) {
        worker->plan->kernels->clamp(n, x, step->clamp, y);
    } else if (a->kind == EF_ACTIVATION_PRELU) {
        forward_prelu(worker, step, x, y);
    } else {
        functions[a->kind].forward(n, a, x, y);
    }
}

static void backward(ef_train_worker *worker, const ef_train_step *step)
{
    const ef_activation *a = &step->op->u.activation;
    size_t n = ef_train_count(worker->plan, step->shape);
    const float *x = ef_train_input(worker, step, 0);
    const float *y = ef_train_at(worker, step->value);
    const float *dy = ef_train_at(worker, step->grad);
    if (is_clamp(step)) {
        worker->plan->kernels->pass(n, y, dy, step->clamp, step->adds[0],
                                    ef_train_input_grad(worker, step, 0));
    } else if (a->kind == EF_ACTIVATION_PRELU) {
        backward_prelu(worker, step, x, dy);
    } else {
        ef_train_open_grad(worker, step, 0);
        functions[a->kind].backward(n, a, x, y, dy,
                                    ef_train_input_grad(worker, step, 0));
    }
}

const ef_train_kind ef_train_activation = {prepare, NULL, forward, backward};
