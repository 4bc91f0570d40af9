/* Weights and biases as integers, factors of the roundings, tables of functions. */
#include "faultsim/quantized_priv.h"

#include <float.h>
#include <math.h>

#include "base/mem.h"
#include "faultsim/functions.h"

int32_t ef_qround(double value, int32_t zero, int32_t least, int32_t most)
{
    double rounded = nearbyint(value) + zero;
    if (!(rounded < most)) {
        return most;
    }
    return rounded > least ? (int32_t)rounded : least;
}

int32_t ef_qstore(const ef_code *code, float value)
{
    int32_t least, most;
    ef_code_limits(code, &least, &most);
    return ef_qround((double)value / code->scale, code->zero, least, most);
}

void ef_qcode_all(const ef_code *code, int32_t *least, int32_t *most)
{
    int32_t half = INT32_C(1) << (code->format.bits - 1);
    int is_unsigned = code->format.kind == EF_FORMAT_UINT;
    *least = is_unsigned ? 0 : -half;
    *most = is_unsigned ? 2 * half - 1 : half - 1;
}

size_t ef_qtable_size(const ef_code *code, int32_t *least)
{
    int32_t most;
    ef_qcode_all(code, least, &most);
    return (size_t)(most - *least) + 1;
}

size_t ef_qproducts(const ef_qnet *qnet, const ef_qstep *step)
{
    const ef_qwindow *w = &step->window;
    size_t n_in = qnet->steps[step->inputs[0]].shape.channels / w->groups;
    return n_in * w->kernel[0] * w->kernel[1];
}

const ef_code *ef_qweight_code(const ef_qstep *step, size_t channel)
{
    return &step->weight_codes[step->weight_codes[0].format.per_channel ? channel : 0];
}

/* --- conv and dense --------------------------------------------------------------- */

static ef_status refuse(const ef_qbuild *b, const ef_qstep *step, ef_status status,
                        const char *text)
{
    return ef_error_set(b->err, status, "node %s: %s",
                        ef_topology_node(b->topology, step->head)->name, text);
}

/* Least and largest of n weights; 0 where one is not finite. */
static int find_range(const float *values, size_t n, ef_range *range)
{
    int is_finite = 1;
    *range = (ef_range){INFINITY, -INFINITY};
    for (size_t i = 0; i < n; i++) {
        is_finite &= isfinite(values[i]) != 0;
        range->low = values[i] < range->low ? values[i] : range->low;
        range->high = values[i] > range->high ? values[i] : range->high;
    }
    return is_finite;
}

static ef_format weight_format_of(const ef_qbuild *b, const ef_qstep *step)
{
    const ef_node *node = ef_topology_node(b->topology, step->head);
    return ef_format_is_stated(&node->weight_format) ? node->weight_format
                                                     : b->options->weights;
}

/* Widens the range of weights of channels [c, c + n) until their biases, which are in
 * the scale of weights and inputs, take at most 30 bits: a channel of next to no
 * weights, as pruning leaves them, would lose its bias.  Wide operands have biases of
 * 64 bits. */
static void make_room_for_bias(const ef_qbuild *b, const ef_qstep *step,
                               const ef_format *format, size_t c, size_t n,
                               ef_range *range)
{
    const float *bias = ef_net_values(b->qnet->net, step->head, EF_ROLE_BIAS);
    const ef_code *in = &b->qnet->steps[step->inputs[0]].code;
    double most = 0, steps = 2 * (format->bits > 2 ? ldexp(1, format->bits - 1) : 1);
    for (size_t i = c; bias && i < c + n; i++) {
        most = isfinite(bias[i]) ? fmax(most, fabs((double)bias[i])) : most;
    }
    double needed = steps * (most / 0x1p30 / in->scale);
    if (format->bits <= 8 && in->format.bits <= 8 && needed > range->high &&
        needed > -(double)range->low) {
        range->high = (float)fmin(needed, FLT_MAX);
    }
}

static ef_status fill_weights(ef_qbuild *b, ef_qstep *step, size_t n_out, size_t n)
{
    const float *from = ef_net_values(b->qnet->net, step->head, EF_ROLE_WEIGHT);
    ef_format format = weight_format_of(b, step);
    size_t n_codes = format.per_channel ? n_out : 1, part = n / n_codes;
    int is_known = format.kind == EF_FORMAT_INT || format.kind == EF_FORMAT_FIXED ||
                   format.kind == EF_FORMAT_TERN || format.kind == EF_FORMAT_BIN;
    if (!is_known || format.bits > 16 || format.stochastic) {
        return refuse(b, step, EF_ERR_UNSUPPORTED,
                      "weights in integer execution are int or fixed of at most 16 "
                      "bits, tern or bin, rounded to nearest");
    }
    step->weight_codes = ef_calloc(n_codes, sizeof *step->weight_codes);
    step->weights = ef_calloc(n, sizeof *step->weights);
    if (!step->weight_codes || !step->weights) {
        return ef_error_memory(b->err);
    }
    for (size_t c = 0; c < n_codes; c++) {
        ef_range range;
        ef_code *code = &step->weight_codes[c];
        if (!find_range(from + c * part, part, &range)) {
            return refuse(b, step, EF_ERR_INPUT, "a weight is not finite");
        }
        make_room_for_bias(b, step, &format, c, n_out / n_codes, &range);
        ef_status status = ef_code_bind(code, &format, range.low, range.high, b->err);
        if (status) {
            return status;
        }
        for (size_t i = c * part; i < (c + 1) * part; i++) {
            step->weights[i] = ef_code_integer(code, ef_code_of(code, from[i]));
        }
    }
    return EF_OK;
}

/* Half to even, held at the ends of a width. */
static int64_t round_bias(double value, unsigned bits)
{
    int64_t most = (int64_t)((UINT64_C(1) << (bits - 1)) - 1);
    double end = ldexp(1, (int)bits - 1), rounded = nearbyint(value);
    if (rounded >= end) {
        return most;
    }
    return rounded > -end ? (int64_t)rounded : -most - 1;
}

static ef_status fill_bias(ef_qbuild *b, ef_qstep *step)
{
    const float *from = ef_net_values(b->qnet->net, step->head, EF_ROLE_BIAS);
    step->has_bias = from != NULL;
    for (size_t c = 0; from && c < step->shape.channels; c++) {
        if (!isfinite(from[c])) {
            return refuse(b, step, EF_ERR_INPUT, "a bias is not finite");
        }
        step->bias[c] =
            round_bias((double)from[c] / step->scales[c], b->qnet->bias_bits);
    }
    return EF_OK;
}

static void scale_conv(const ef_qnet *qnet, ef_qstep *step)
{
    const ef_code *in = &qnet->steps[step->inputs[0]].code;
    int is_output = step == &qnet->steps[qnet->output];
    for (size_t c = 0; c < step->shape.channels; c++) {
        step->scales[c] = in->scale * ef_qweight_code(step, c)->scale;
        step->factors[c] = is_output ? 1 : step->scales[c] / step->code.scale;
    }
}

static ef_status fill_conv(ef_qbuild *b, ef_qstep *step)
{
    size_t n_out = step->shape.channels;
    ef_status status =
        fill_weights(b, step, n_out, n_out * ef_qproducts(b->qnet, step));
    if (status) {
        return status;
    }
    step->bias = ef_calloc(n_out, sizeof *step->bias);
    step->scales = ef_calloc(n_out, sizeof *step->scales);
    step->factors = ef_calloc(n_out, sizeof *step->factors);
    if (!step->bias || !step->scales || !step->factors) {
        return ef_error_memory(b->err);
    }
    scale_conv(b->qnet, step);
    return EF_OK;
}

/* --- other factors ---------------------------------------------------------------- */

static void scale_inputs(const ef_qnet *qnet, ef_qstep *step)
{
    const ef_qstep *steps = qnet->steps;
    double out = step == &steps[qnet->output] ? 1 : step->code.scale;
    for (uint32_t k = 0; k < step->n_inputs; k++) {
        step->factors[k] = steps[step->inputs[k]].code.scale / out;
    }
    if (step->kind == EF_Q_MUL) {
        step->factors[0] =
            steps[step->inputs[0]].code.scale * steps[step->inputs[1]].code.scale / out;
    }
}

static ef_status fill_inputs(ef_qbuild *b, ef_qstep *step)
{
    step->factors = ef_calloc(step->n_inputs, sizeof *step->factors);
    if (!step->factors) {
        return ef_error_memory(b->err);
    }
    scale_inputs(b->qnet, step);
    return EF_OK;
}

/* Multiplier and term of a batch norm or scale by itself, in real values. */
static void norm_of(const ef_net *net, size_t node, size_t c, double *a, double *t)
{
    if (ef_topology_node(net->topology, node)->op == EF_OP_SCALE) {
        *a = ef_net_values(net, node, EF_ROLE_SCALE)[c];
        *t = ef_net_values(net, node, EF_ROLE_SHIFT)[c];
        return;
    }
    double epsilon = ef_topology_node(net->topology, node)->u.batchnorm.epsilon;
    *a = ef_net_values(net, node, EF_ROLE_GAMMA)[c] /
         sqrt(ef_net_values(net, node, EF_ROLE_VARIANCE)[c] + epsilon);
    *t = ef_net_values(net, node, EF_ROLE_BETA)[c] -
         ef_net_values(net, node, EF_ROLE_MEAN)[c] * *a;
}

static void scale_norm(const ef_qnet *qnet, ef_qstep *step)
{
    const ef_qstep *in = &qnet->steps[step->inputs[0]];
    double out = step == &qnet->steps[qnet->output] ? 1 : step->code.scale;
    for (size_t c = 0; c < step->shape.channels; c++) {
        double a, t;
        norm_of(qnet->net, step->head, c, &a, &t);
        step->factors[2 * c] = in->code.scale * a / out;
        step->factors[2 * c + 1] = t / out;
    }
}

static ef_status fill_norm(ef_qbuild *b, ef_qstep *step)
{
    size_t n = step->shape.channels;
    step->factors = ef_calloc(n, 2 * sizeof *step->factors);
    if (!step->factors) {
        return ef_error_memory(b->err);
    }
    for (size_t c = 0; c < n; c++) {
        double a, t;
        norm_of(b->qnet->net, step->head, c, &a, &t);
        if (!isfinite(a) || !isfinite(t)) {
            return refuse(b, step, EF_ERR_INPUT, "a value of it is not finite");
        }
    }
    scale_norm(b->qnet, step);
    return EF_OK;
}

/* --- functions -------------------------------------------------------------------- */

static float clip(float x, float low, float high)
{
    float above = low > x ? low : x;
    return high < above ? high : above;
}

float ef_qactivation(const ef_activation *activation, float slope, float x)
{
    switch ((ef_activation_kind)activation->kind) {
    case EF_ACTIVATION_RELU:
        return 0 > x ? 0 : x;
    case EF_ACTIVATION_CLIP:
        return clip(x, activation->low, activation->high);
    case EF_ACTIVATION_LEAKY:
        return x >= 0 ? x : activation->low * x;
    case EF_ACTIVATION_PRELU:
        return x >= 0 ? x : slope * x;
    case EF_ACTIVATION_SIGMOID:
        return exact_sigmoid(x);
    case EF_ACTIVATION_HARDSIGMOID:
        return clip(activation->low * x + activation->high, 0, 1);
    case EF_ACTIVATION_HARDSWISH:
        return x * clip(EF_HARDSWISH_SLOPE * x + EF_HARDSWISH_SHIFT, 0, 1);
    default:
        return exact_tanh(x);
    }
}

static void scale_table(const ef_qnet *qnet, ef_qstep *step)
{
    const ef_code *in = &qnet->steps[step->inputs[0]].code;
    const ef_activation *activation =
        &ef_topology_node(qnet->net->topology, step->node)->u.activation;
    const float *slopes = ef_net_values(qnet->net, step->node, EF_ROLE_SLOPE);
    int32_t least;
    size_t size = ef_qtable_size(in, &least);
    for (size_t t = 0; t < step->n_tables; t++) {
        for (size_t i = 0; i < size; i++) {
            float x = (float)((least + (int32_t)i - in->zero) * in->scale);
            float y = ef_qactivation(activation, slopes ? slopes[t] : 0, x);
            step->table[t * size + i] = ef_qstore(&step->code, y);
        }
    }
}

static ef_status fill_table(ef_qbuild *b, ef_qstep *step)
{
    int32_t least;
    size_t size = ef_qtable_size(&b->qnet->steps[step->inputs[0]].code, &least);
    step->n_tables = ef_net_values(b->qnet->net, step->node, EF_ROLE_SLOPE)
                         ? step->shape.channels
                         : 1;
    step->table = ef_calloc(step->n_tables * size, sizeof *step->table);
    if (!step->table) {
        return ef_error_memory(b->err);
    }
    scale_table(b->qnet, step);
    return EF_OK;
}

double ef_qtail_apply(const ef_qnet *qnet, const ef_qtail *tail, size_t channel,
                      double x)
{
    const ef_node *node = ef_topology_node(qnet->net->topology, tail->node);
    const float *slopes = ef_net_values(qnet->net, tail->node, EF_ROLE_SLOPE);
    const ef_activation *activation = &node->u.activation;
    double a, t;
    if (node->op != EF_OP_ACTIVATION) {
        norm_of(qnet->net, tail->node, channel, &a, &t);
        return x * a + t;
    }
    if (activation->kind == EF_ACTIVATION_RELU) {
        return 0 > x ? 0 : x;
    }
    return ef_qactivation(activation, slopes ? slopes[channel] : 0, (float)x);
}

/* --- all -------------------------------------------------------------------------- */

ef_status ef_qbuild_values(ef_qbuild *b)
{
    static ef_status (*const rows[])(ef_qbuild *, ef_qstep *) = {
        [EF_Q_CONV] = fill_conv,  [EF_Q_ADD] = fill_inputs,
        [EF_Q_MUL] = fill_inputs, [EF_Q_AVGPOOL] = fill_inputs,
        [EF_Q_NORM] = fill_norm,  [EF_Q_TABLE] = fill_table,
    };
    for (size_t i = 0; i <= b->qnet->output; i++) {
        ef_qstep *step = &b->qnet->steps[i];
        int is_logits = i == b->qnet->output && step->kind == EF_Q_TABLE;
        int has_row = step->kind < sizeof rows / sizeof rows[0] && rows[step->kind];
        ef_status status = has_row && !is_logits ? rows[step->kind](b, step) : EF_OK;
        if (status) {
            return status;
        }
    }
    return EF_OK;
}

ef_status ef_qbuild_biases(ef_qbuild *b)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i <= b->qnet->output && !status; i++) {
        ef_qstep *step = &b->qnet->steps[i];
        status = step->kind == EF_Q_CONV ? fill_bias(b, step) : EF_OK;
    }
    return status;
}

void ef_qstep_rescale(const ef_qnet *qnet, ef_qstep *step)
{
    static void (*const rows[])(const ef_qnet *, ef_qstep *) = {
        [EF_Q_CONV] = scale_conv,  [EF_Q_ADD] = scale_inputs,
        [EF_Q_MUL] = scale_inputs, [EF_Q_AVGPOOL] = scale_inputs,
        [EF_Q_NORM] = scale_norm,  [EF_Q_TABLE] = scale_table,
    };
    int is_output = step == &qnet->steps[qnet->output];
    int has_row = step->kind < sizeof rows / sizeof rows[0] && rows[step->kind];
    if (has_row && (step->factors || step->table)) {
        rows[step->kind](qnet, step);
    }
    if (!is_output || ef_qkind_moves(step->kind)) {
        ef_qstep_clamp(qnet, step);
    }
}
