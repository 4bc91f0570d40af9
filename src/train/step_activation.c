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

static inline float sigmoid(float x)
{
    return 1.0F / (1.0F + fast_exp(-x));
}

static inline float hyperbolic_tangent(float x)
{
    return 1.0F - 2.0F / (1.0F + fast_exp(2.0F * x));
}

static inline float bound(float x, float low, float high)
{
    x = low > x ? low : x;
    return high < x ? high : x;
}

/* Kind, value of x, derivative at x with value y; a is the node's parameters. */
#define FUNCTIONS(X)                                                                   \
    X(RELU, bound(x, 0, INFINITY), y > 0 ? 1.0F : 0.0F)                                \
    X(CLIP, bound(x, a->low, a->high), ((y > a->low) & (y < a->high)) ? 1.0F : 0.0F)   \
    X(LEAKY, x >= 0 ? x : a->low * x, x >= 0 ? 1.0F : a->low)                          \
    X(SIGMOID, sigmoid(x), y *(1.0F - y))                                              \
    X(HARDSIGMOID, bound(a->low *x + a->high, 0, 1),                                   \
      ((y > 0) & (y < 1)) ? a->low : 0.0F)                                             \
    X(HARDSWISH, x *bound(x *HARDSWISH_SLOPE + 0.5F, 0, 1),                            \
      x <= -3 ? 0.0F : (x >= 3 ? 1.0F : x * (2 * HARDSWISH_SLOPE) + 0.5F))             \
    X(TANH, hyperbolic_tangent(x), 1.0F - y * y)

#define DEFINE(kind, value, derivative)                                                \
    static void forward_##kind(size_t n, const ef_activation *a, const float *in,      \
                               float *restrict out)                                    \
    {                                                                                  \
        (void)a;                                                                       \
        for (size_t i = 0; i < n; i++) {                                               \
            float x = in[i];                                                           \
            out[i] = value;                                                            \
        }                                                                              \
    }                                                                                  \
    static void backward_##kind(size_t n, const ef_activation *a, const float *in,     \
                                const float *out, const float *dy, float *restrict dx) \
    {                                                                                  \
        (void)a;                                                                       \
        for (size_t i = 0; i < n; i++) {                                               \
            float x = in[i], y = out[i];                                               \
            (void)x, (void)y;                                                          \
            dx[i] += dy[i] * (derivative);                                             \
        }                                                                              \
    }
FUNCTIONS(DEFINE)

static const struct {
    void (*forward)(size_t n, const ef_activation *a, const float *in, float *out);
    void (*backward)(size_t n, const ef_activation *a, const float *in,
                     const float *out, const float *dy, float *dx);
} functions[EF_ACTIVATION_COUNT] = {
#define ROW(kind, value, derivative)                                                   \
    [EF_ACTIVATION_##kind] = {forward_##kind, backward_##kind},
    FUNCTIONS(ROW)};

static ef_status prepare(ef_train_plan *plan, ef_train_step *step, ef_error *err)
{
    (void)err;
    ef_train_add_param(plan, step, EF_ROLE_SLOPE, EF_RULE_DESCEND);
    step->needs_input = step->needs_value = 1;
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
    const float *x = ef_train_input(worker, step, 0);
    float *y = ef_train_at(worker, step->value);
    if (a->kind == EF_ACTIVATION_PRELU) {
        forward_prelu(worker, step, x, y);
    } else {
        functions[a->kind].forward(ef_train_count(worker->plan, step->shape), a, x, y);
    }
}

static void backward(ef_train_worker *worker, const ef_train_step *step)
{
    const ef_activation *a = &step->op->u.activation;
    const float *x = ef_train_input(worker, step, 0);
    const float *dy = ef_train_at(worker, step->grad);
    if (a->kind == EF_ACTIVATION_PRELU) {
        backward_prelu(worker, step, x, dy);
        return;
    }
    ef_train_open_grad(worker, step, 0);
    functions[a->kind].backward(ef_train_count(worker->plan, step->shape), a, x,
                                ef_train_at(worker, step->value), dy,
                                ef_train_input_grad(worker, step, 0));
}

const ef_train_kind ef_train_activation = {prepare, NULL, forward, backward};
