/* Mean and variance of activations, in closed form from what batch norms say.
 *
 * The relu of a normal variable, [1] for its first two moments; clip is a difference of
 * two of them.
 *
 * [1] J. Tobin, Estimation of Relationships for Limited Dependent Variables,
 *     Econometrica 26(1), 1958, doi:10.2307/1907382. */
#include <math.h>
#include <string.h>

#include "base/mathfn.h"
#include "base/mem.h"
#include "net/morph_priv.h"

ef_status ef_moments_init(ef_moments *moments, const ef_net *net, ef_error *err)
{
    size_t n = ef_topology_n_nodes(net->topology);
    ef_moments made = {.net = net, .first = ef_calloc(n + 1, sizeof *made.first)};
    for (size_t i = 0; made.first && i < n; i++) {
        made.first[i + 1] =
            made.first[i] + ef_topology_shape(net->topology, i).channels;
    }
    made.known = ef_calloc(n, 1);
    made.mean = made.first ? ef_calloc(made.first[n], sizeof *made.mean) : NULL;
    made.variance = made.first ? ef_calloc(made.first[n], sizeof *made.mean) : NULL;
    if (!made.first || !made.known || !made.mean || !made.variance) {
        ef_moments_clear(&made);
        return ef_error_memory(err);
    }
    *moments = made;
    return EF_OK;
}

void ef_moments_clear(ef_moments *moments)
{
    ef_free(moments->first);
    ef_free(moments->mean);
    ef_free(moments->variance);
    ef_free(moments->known);
    memset(moments, 0, sizeof *moments);
}

/* First and second moment of max(X - at, 0), X normal [1]. */
static void rectify(double mean, double variance, double at, double moment[2])
{
    double m = mean - at, s = sqrt(variance);
    if (s == 0) {
        moment[0] = m > 0 ? m : 0;
        moment[1] = moment[0] * moment[0];
        return;
    }
    double a = m / s;
    double below = 0.5 * (1 + ef_erf(a * 0.7071067811865476));  /* a / sqrt(2) */
    double density = ef_exp(-0.5 * a * a) * 0.3989422804014327; /* 1 / sqrt(2 pi) */
    moment[0] = m * below + s * density;
    moment[1] = (m * m + variance) * below + m * s * density;
}

static void set(float *mean, float *variance, double first, double second)
{
    double v = second - first * first;
    *mean = (float)first;
    *variance = (float)(v > 0 ? v : 0);
}

/* An infinite bound is moved to where a normal variable does not come, 12 deviations
 * away (a chance of 2e-33), so that differences of moments stay numbers. */
static void bound(const ef_activation *clip, double mean, double variance,
                  double bounds[2])
{
    double far = 12 * sqrt(variance), low = clip->low, high = clip->high;
    low = isinf(low) ? fmin(mean, high) - far : low;
    high = isinf(high) ? fmax(mean, low) + far : high;
    bounds[0] = low;
    bounds[1] = high;
}

/* Moments of the activation of a normal variable, in place; kinds other than relu,
 * clip and leaky keep those of their input. */
static void activate(const ef_activation *activation, float *mean, float *variance)
{
    double low[2], high[2], bounds[2];
    if (activation->kind == EF_ACTIVATION_RELU) {
        rectify(*mean, *variance, 0, low);
        set(mean, variance, low[0], low[1]);
    } else if (activation->kind == EF_ACTIVATION_CLIP) {
        /* y = min(z, d) with z = max(x - low, 0), d = high - low, and
         * y^2 = z^2 - (w^2 + 2 d w) with w = max(x - high, 0) */
        bound(activation, *mean, *variance, bounds);
        double d = bounds[1] - bounds[0];
        rectify(*mean, *variance, bounds[0], low);
        rectify(*mean, *variance, bounds[1], high);
        set(mean, variance, low[0] - high[0], low[1] - high[1] - 2 * d * high[0]);
        *mean += (float)bounds[0];
    } else if (activation->kind == EF_ACTIVATION_LEAKY) {
        double slope = activation->low;
        rectify(*mean, *variance, 0, low);
        rectify(-(double)*mean, *variance, 0, high);
        set(mean, variance, low[0] - slope * high[0], low[1] + slope * slope * high[1]);
    }
}

/* The chance that a normal variable is above `at`. */
static double chance_above(double mean, double variance, double at)
{
    if (variance <= 0) {
        return mean > at;
    }
    return 0.5 * (1 + ef_erf((mean - at) / sqrt(2 * variance)));
}

double ef_moments_slope(const ef_activation *activation, double mean, double variance)
{
    switch (activation->kind) {
    case EF_ACTIVATION_RELU:
        return chance_above(mean, variance, 0);
    case EF_ACTIVATION_CLIP:
        return chance_above(mean, variance, activation->low) -
               chance_above(mean, variance, activation->high);
    case EF_ACTIVATION_LEAKY:
        return activation->low +
               (1 - activation->low) * chance_above(mean, variance, 0);
    default:
        return 1;
    }
}

/* The sums of one output of a layer whose input has the moments given. */
static void sum_output(const ef_net *net, size_t node, size_t output,
                       const float *in_mean, const float *in_variance, double *mean,
                       double *variance)
{
    const ef_param *param = ef_net_param(net, node, EF_ROLE_WEIGHT);
    const ef_node *layer = ef_topology_node(net->topology, node);
    const float *bias = ef_net_values(net, node, EF_ROLE_BIAS);
    size_t n_in = param->dims[1], taps = (size_t)param->dims[2] * param->dims[3];
    const float *weight = net->values + param->offset + output * n_in * taps;
    size_t first = 0;
    if (layer->op == EF_OP_CONV) {
        first = output / (param->dims[0] / layer->u.conv.groups) * n_in;
    }
    double centre = bias ? bias[output] : 0, spread = 0;
    for (size_t i = 0; i < n_in; i++) {
        double sum = 0, squares = 0;
        for (size_t t = 0; t < taps; t++) {
            double w = weight[i * taps + t];
            sum += w;
            squares += w * w;
        }
        centre += in_mean[first + i] * sum;
        spread += in_variance[first + i] * squares;
    }
    *mean = centre;
    *variance = spread;
}

/* Each rule fills mean and variance of a node, (n) each, from those of its inputs. */
typedef void moments_rule(ef_moments *m, size_t node, size_t n, float *mean,
                          float *variance);

static void rule_standard(ef_moments *m, size_t node, size_t n, float *mean,
                          float *variance)
{
    (void)m;
    (void)node;
    for (size_t i = 0; i < n; i++) {
        mean[i] = 0;
        variance[i] = 1;
    }
}

static void rule_layer(ef_moments *m, size_t node, size_t n, float *mean,
                       float *variance)
{
    const float *in_variance;
    const float *in_mean = ef_moments_of(
        m, ef_topology_node(m->net->topology, node)->inputs[0], &in_variance);
    for (size_t i = 0; i < n; i++) {
        double sums[2];
        sum_output(m->net, node, i, in_mean, in_variance, &sums[0], &sums[1]);
        mean[i] = (float)sums[0];
        variance[i] = (float)sums[1];
    }
}

static void rule_batchnorm(ef_moments *m, size_t node, size_t n, float *mean,
                           float *variance)
{
    const float *gamma = ef_net_values(m->net, node, EF_ROLE_GAMMA);
    const float *beta = ef_net_values(m->net, node, EF_ROLE_BETA);
    const float *was = ef_net_values(m->net, node, EF_ROLE_VARIANCE);
    double eps = ef_topology_node(m->net->topology, node)->u.batchnorm.epsilon;
    for (size_t i = 0; i < n; i++) {
        double share = was[i] > 0 ? was[i] / (was[i] + eps) : 0;
        mean[i] = beta[i];
        variance[i] = (float)((double)gamma[i] * gamma[i] * share);
    }
}

/* Channels are passed on, behind a flatten or reshape each several times. */
static void rule_pass(ef_moments *m, size_t node, size_t n, float *mean,
                      float *variance)
{
    size_t input = ef_topology_node(m->net->topology, node)->inputs[0];
    size_t n_in = m->first[input + 1] - m->first[input];
    const float *in_variance, *in_mean = ef_moments_of(m, input, &in_variance);
    if (n % n_in != 0) {
        rule_standard(m, node, n, mean, variance);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        mean[i] = in_mean[i / (n / n_in)];
        variance[i] = in_variance[i / (n / n_in)];
    }
}

static void rule_activation(ef_moments *m, size_t node, size_t n, float *mean,
                            float *variance)
{
    const ef_node *activation = ef_topology_node(m->net->topology, node);
    rule_pass(m, node, n, mean, variance);
    for (size_t i = 0; i < n; i++) {
        activate(&activation->u.activation, &mean[i], &variance[i]);
    }
}

static void rule_add(ef_moments *m, size_t node, size_t n, float *mean, float *variance)
{
    const ef_node *add = ef_topology_node(m->net->topology, node);
    for (uint32_t k = 0; k < add->n_inputs; k++) {
        const float *in_variance, *in_mean;
        in_mean = ef_moments_of(m, add->inputs[k], &in_variance);
        for (size_t i = 0; i < n; i++) {
            mean[i] += in_mean[i];
            variance[i] += in_variance[i];
        }
    }
}

static void rule_mul(ef_moments *m, size_t node, size_t n, float *mean, float *variance)
{
    const ef_node *mul = ef_topology_node(m->net->topology, node);
    const float *va, *vb;
    const float *a = ef_moments_of(m, mul->inputs[0], &va);
    const float *b = ef_moments_of(m, mul->inputs[1], &vb);
    for (size_t i = 0; i < n; i++) {
        mean[i] = a[i] * b[i];
        variance[i] = va[i] * vb[i] + va[i] * b[i] * b[i] + vb[i] * a[i] * a[i];
    }
}

/* To first order (the delta method); where the divisor may be 0, as a standard normal
 * variable. */
static void rule_div(ef_moments *m, size_t node, size_t n, float *mean, float *variance)
{
    const ef_node *div = ef_topology_node(m->net->topology, node);
    const float *va, *vb;
    const float *a = ef_moments_of(m, div->inputs[0], &va);
    const float *b = ef_moments_of(m, div->inputs[1], &vb);
    rule_standard(m, node, n, mean, variance);
    for (size_t i = 0; i < n; i++) {
        float square = b[i] * b[i];
        if (square > vb[i] && isfinite(1 / square)) {
            mean[i] = a[i] / b[i];
            variance[i] = (va[i] + mean[i] * mean[i] * vb[i]) / square;
        }
    }
}

/* Shares that sum to one, all divisions alike: the Dirichlet distribution of ones. */
static void rule_softmax(ef_moments *m, size_t node, size_t n, float *mean,
                         float *variance)
{
    ef_shape shape = ef_topology_shape(m->net->topology, node);
    const uint32_t sides[3] = {shape.channels, shape.height, shape.width};
    float k = (float)sides[ef_topology_node(m->net->topology, node)->u.softmax.axis];
    for (size_t i = 0; i < n; i++) {
        mean[i] = 1 / k;
        variance[i] = (k - 1) / (k * k * (k + 1));
    }
}

static void rule_concat(ef_moments *m, size_t node, size_t n, float *mean,
                        float *variance)
{
    const ef_node *concat = ef_topology_node(m->net->topology, node);
    size_t at = 0;
    for (uint32_t k = 0; k < concat->n_inputs && at < n; k++) {
        size_t input = concat->inputs[k];
        size_t n_in = m->first[input + 1] - m->first[input];
        const float *in_variance, *in_mean = ef_moments_of(m, input, &in_variance);
        memcpy(mean + at, in_mean, n_in * sizeof *mean);
        memcpy(variance + at, in_variance, n_in * sizeof *mean);
        at += n_in;
    }
}

static moments_rule *const rules[EF_OP_COUNT] = {
    [EF_OP_INPUT] = rule_standard,
    [EF_OP_CONV] = rule_layer,
    [EF_OP_DENSE] = rule_layer,
    [EF_OP_MAXPOOL] = rule_pass,
    [EF_OP_AVGPOOL] = rule_pass,
    [EF_OP_GLOBALAVG] = rule_pass,
    [EF_OP_GLOBALMAX] = rule_pass,
    [EF_OP_BATCHNORM] = rule_batchnorm,
    [EF_OP_ACTIVATION] = rule_activation,
    [EF_OP_ADD] = rule_add,
    [EF_OP_MUL] = rule_mul,
    [EF_OP_SCALE] = rule_standard, /* it normalises the input */
    [EF_OP_CONCAT] = rule_concat,
    [EF_OP_PAD] = rule_pass,
    [EF_OP_SLICE] = rule_pass,
    [EF_OP_TRANSPOSE] = rule_standard,
    [EF_OP_FLATTEN] = rule_pass,
    [EF_OP_UPSAMPLE] = rule_pass,
    [EF_OP_RESHAPE] = rule_pass,
    [EF_OP_SOFTMAX] = rule_softmax,
    [EF_OP_DIV] = rule_div,
};

const float *ef_moments_of(ef_moments *moments, size_t node, const float **variance)
{
    size_t first = moments->first[node], n = moments->first[node + 1] - first;
    if (!moments->known[node]) {
        moments->known[node] = 1;
        rules[ef_topology_node(moments->net->topology, node)->op](
            moments, node, n, moments->mean + first, moments->variance + first);
    }
    *variance = moments->variance + first;
    return moments->mean + first;
}

void ef_moments_layer(ef_moments *moments, size_t node, double *mean, double *variance)
{
    const ef_topology *topology = moments->net->topology;
    const float *in_variance, *in_mean;
    in_mean = ef_moments_of(moments, ef_topology_node(topology, node)->inputs[0],
                            &in_variance);
    for (size_t i = 0; i < ef_topology_shape(topology, node).channels; i++) {
        sum_output(moments->net, node, i, in_mean, in_variance, &mean[i], &variance[i]);
    }
}

void ef_morph_adjust(ef_net *net, size_t layer, const double *before,
                     const double *after)
{
    size_t n = ef_topology_shape(net->topology, layer).channels, reader;
    float *bias = ef_net_values(net, layer, EF_ROLE_BIAS);
    int normed = ef_morph_only_reader(net->topology, layer, EF_OP_BATCHNORM, &reader);
    float *mean = normed ? ef_net_values(net, reader, EF_ROLE_MEAN) : NULL;
    for (size_t i = 0; i < n; i++) {
        float shift = (float)(after[i] - before[i]);
        if (normed) {
            mean[i] += shift;
        } else if (bias) {
            bias[i] -= shift;
        }
    }
}
